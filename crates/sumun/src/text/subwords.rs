//! Parts of words, so that a word that was never seen is not unknown.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::jamo::{decompose, decompose_syllable};
use crate::{Error, Result};

/// The parts of words that a model has vectors for: the n-grams of letters that several words of the training text have in
/// common, and how words are capitalised. A word's vector is made of its own and those of its parts, so that one that was never
/// seen still has one (Bojanowski, Grave, Joulin & Mikolov, *Enriching Word Vectors with Subword Information*, TACL 2017).
///
/// Unlike there, n-grams have no hash buckets but numbers of their own: those that training has seen too rarely to learn from are
/// left out, no two share a vector by accident, and a small text makes a small table.
///
/// A word stands between `<` and `>`, so that its beginning and end differ from its middle. N-grams are those of 3 to 5
/// characters of its lower-case form. Of words with Hangul syllables they are 1 to 3 syllables, and 3 to 5 of the letters that the syllables
/// consist of. (Park, Byun, Baek, Cho & Oh, *Subword-level Word Vector Representations for Korean*, ACL 2018.) A word that is not in lower
/// case, or has digits or punctuation, has its shape as well: `X` for capitals, `d` for digits, marks as they are and `x` for anything
/// else, each run of them once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Subwords {
    /// In the order of their numbers.
    parts: Vec<String>,
    numbers: HashMap<String, u32>,
}

/// The lengths of n-grams: of characters, of Hangul syllables, and of their letters.
const CHARACTERS: [usize; 2] = [3, 5];
const SYLLABLES: [usize; 2] = [1, 3];
const JAMO: [usize; 2] = [3, 5];

/// A part is learnt that so many different words have.
const FEWEST_WORDS: usize = 2;

/// The most parts: beyond them, the table is mostly for what was seen in two words.
pub const MOST_SUBWORDS: usize = 100_000;

/// Marks what is a shape and no n-gram: a character that no word holds.
const SHAPE: char = '\u{1}';

/// The longest word that has parts, in characters: longer ones are no words, and have as many parts as a text.
const LONGEST: usize = 64;

impl Subwords {
    /// The parts that several of these words have, each word given once; the most frequent ones, of equals those that appeared
    /// first.
    pub fn learn<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut seen: Vec<(String, usize)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for word in words {
            for_each_part(word, &mut |part| match places.get(part) {
                Some(&place) => seen[place].1 += 1,
                None => {
                    places.insert(part.to_owned(), seen.len());
                    seen.push((part.to_owned(), 1));
                }
            });
        }
        seen.retain(|(_, words)| *words >= FEWEST_WORDS);
        seen.sort_by_key(|(_, words)| std::cmp::Reverse(*words));
        seen.truncate(MOST_SUBWORDS);
        let parts: Vec<String> = seen.into_iter().map(|(part, _)| part).collect();
        let numbers = parts.iter().cloned().zip(0..).collect();
        Self { parts, numbers }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// All parts, in the order of their numbers.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// The numbers of a word's parts, in the order in which they are in it.
    pub fn of(&self, word: &str) -> Vec<u32> {
        let mut numbers = Vec::new();
        for_each_part(word, &mut |part| numbers.extend(self.numbers.get(part)));
        numbers
    }
}

impl From<Subwords> for Vec<String> {
    fn from(subwords: Subwords) -> Self {
        subwords.parts
    }
}

impl TryFrom<Vec<String>> for Subwords {
    type Error = Error;

    fn try_from(parts: Vec<String>) -> Result<Self> {
        if parts.len() > MOST_SUBWORDS {
            return Err(Error::Invalid(format!(
                "{} parts of words; there are at most {MOST_SUBWORDS}",
                parts.len()
            )));
        }
        let mut numbers = HashMap::with_capacity(parts.len());
        for (number, part) in (0..).zip(&parts) {
            if let Some(first) = numbers.insert(part.clone(), number) {
                return Err(Error::Invalid(format!(
                    "the part {part:?} of words is there twice, as {first} and as {number}"
                )));
            }
        }
        Ok(Self { parts, numbers })
    }
}

/// Calls `f` with every part of a word, each once, in their order.
fn for_each_part(word: &str, f: &mut impl FnMut(&str)) {
    if word.chars().nth(LONGEST).is_some() {
        return;
    }
    let mut seen: Vec<&str> = Vec::new();
    let lower = format!("<{}>", word.to_lowercase());
    let hangul = word.chars().any(|c| decompose_syllable(c).is_some());
    let letters = if hangul { decompose(&lower) } else { String::new() };
    match hangul {
        true => {
            n_grams(&lower, SYLLABLES, &mut seen);
            n_grams(&letters, JAMO, &mut seen);
        }
        false => n_grams(&lower, CHARACTERS, &mut seen),
    }
    let shape = shape(word);
    seen.extend(shape.as_deref());
    let mut distinct = std::collections::HashSet::with_capacity(seen.len());
    seen.into_iter().filter(|part| distinct.insert(*part)).for_each(f);
}

/// Adds the n-grams of a word between its bounds; neither a bound alone nor the whole word, which has a vector of its own.
fn n_grams<'a>(word: &'a str, [shortest, longest]: [usize; 2], to: &mut Vec<&'a str>) {
    let mut starts: Vec<usize> = word.char_indices().map(|(at, _)| at).collect();
    starts.push(word.len());
    let characters = starts.len() - 1;
    for first in 0..characters {
        for n in shortest..=longest.min(characters - first) {
            let bound = n == 1 && (first == 0 || first + 1 == characters);
            if !bound && n < characters {
                to.push(&word[starts[first]..starts[first + n]]);
            }
        }
    }
}

/// How a word is written, where that is not in small letters alone.
fn shape(word: &str) -> Option<String> {
    let mut shape = String::from(SHAPE);
    let mut plain = true;
    for c in word.chars() {
        let kind = match c {
            _ if c.is_uppercase() => 'X',
            _ if c.is_numeric() => 'd',
            _ if c.is_ascii_punctuation() => c,
            _ => 'x',
        };
        plain &= kind == 'x';
        if !shape.ends_with(kind) || kind == SHAPE {
            shape.push(kind);
        }
    }
    (!plain).then_some(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(word: &str) -> Vec<String> {
        let mut all = Vec::new();
        for_each_part(word, &mut |part| all.push(part.to_owned()));
        all
    }

    #[test]
    fn the_parts_of_a_word() {
        assert_eq!(parts("cat"), ["<ca", "<cat", "cat", "cat>", "at>"]);
        assert_eq!(parts("At"), ["<at", "at>", "\u{1}Xx"]);
        assert_eq!(
            parts("B-52s"),
            [
                "<b-",
                "<b-5",
                "<b-52",
                "b-5",
                "b-52",
                "b-52s",
                "-52",
                "-52s",
                "-52s>",
                "52s",
                "52s>",
                "2s>",
                "\u{1}X-dx"
            ]
        );
        assert_eq!(parts("a"), Vec::<String>::new());
        assert!(parts(&"a".repeat(65)).is_empty());
        // Each once.
        assert_eq!(parts("aaaa"), ["<aa", "<aaa", "<aaaa", "aaa", "aaaa", "aaaa>", "aaa>", "aa>"]);
    }

    #[test]
    fn hangul_has_syllables_and_letters() {
        let found = parts("먹다");
        for part in ["<먹", "먹", "먹다", "다>", &decompose("먹")[..], &decompose("<먹")[..]] {
            assert!(found.iter().any(|found| found == part), "{part} in {found:?}");
        }
        // 먹는 and 먹다 share their stem, 갔다 and 왔다 the letters of the past.
        let shared = |a: &str, b: &str| parts(a).iter().filter(|part| parts(b).contains(part)).count();
        assert!(shared("먹는", "먹다") >= 3 && shared("갔다", "왔다") >= 3);
        assert_eq!(shared("먹는", "왔다"), 0);
    }

    #[test]
    fn what_several_words_share_is_learnt() {
        let subwords = Subwords::learn(["walking", "talking", "walked"]);
        assert!(subwords.parts().iter().any(|part| part == "king>"));
        assert!(!subwords.parts().iter().any(|part| part == "ked>"));
        // The most frequent first: all three have "alk".
        assert_eq!(subwords.parts()[0], "alk");
        let unseen: Vec<&str> = subwords
            .of("stalking")
            .iter()
            .map(|&number| subwords.parts()[number as usize].as_str())
            .collect();
        assert_eq!(
            unseen,
            [
                "talk", "talki", "alk", "alki", "alkin", "lki", "lkin", "lking", "kin", "king", "king>",
                "ing", "ing>", "ng>"
            ][..]
                .iter()
                .copied()
                .filter(|part| subwords.parts().iter().any(|known| known == part))
                .collect::<Vec<_>>()
        );
        assert!(unseen.len() > 8);
        let stored = serde_json::to_string(&subwords).unwrap();
        assert_eq!(serde_json::from_str::<Subwords>(&stored).unwrap(), subwords);
        assert!(serde_json::from_str::<Subwords>(r#"["ab", "ab"]"#).is_err());
    }
}
