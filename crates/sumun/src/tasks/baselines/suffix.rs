//! The tag of an unknown word by its end.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::super::learner::argmax;

/// Suffixes of at most so many characters, of words that occur at most so often, as in TnT.
const LONGEST: usize = 10;
const RARE: usize = 10;

/// What the end of a word that was not learnt says of its tag: P(tag | suffix), smoothed with that of each shorter suffix, with
/// suffixes of capitalised words apart from others (Brants, TnT, ANLP 2000, section 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Suffixes {
    /// The most probable tag of words with each suffix that says another one than the shorter suffix does. In order, so that
    /// equal guesses are equal files.
    capitalised: BTreeMap<String, u32>,
    other: BTreeMap<String, u32>,
}

impl Suffixes {
    /// Counts the suffixes of words with their tags, below `tags`.
    pub(in super::super) fn of<'a>(words: impl Iterator<Item = (&'a str, u32)>, tags: usize) -> Self {
        let mut counts = HashMap::<&str, HashMap<u32, usize>>::new();
        for (word, tag) in words {
            *counts.entry(word).or_default().entry(tag).or_default() += 1;
        }
        let mut overall = vec![0.0; tags];
        for (&tag, &count) in counts.values().flatten() {
            overall[tag as usize] += count as f64;
        }
        let all: f64 = overall.iter().sum::<f64>().max(1.0);
        overall.iter_mut().for_each(|count| *count /= all);
        let mean = 1.0 / tags.max(1) as f64;
        let spread: f64 = overall.iter().map(|p| (p - mean).powi(2)).sum();
        let theta = spread / tags.saturating_sub(1).max(1) as f64;
        let learnt = |capital: bool| {
            let rare = counts.iter().filter(|(word, by_tag)| {
                is_capitalised(word) == capital && by_tag.values().sum::<usize>() <= RARE
            });
            best(&rare.map(|(word, by_tag)| (*word, by_tag)).collect::<Vec<_>>(), &overall, theta)
        };
        Self { capitalised: learnt(true), other: learnt(false) }
    }

    /// The tag of a word by its longest known suffix; None where not even its last character is known.
    pub(in super::super) fn tag(&self, word: &str) -> Option<u32> {
        let known = if is_capitalised(word) { &self.capitalised } else { &self.other };
        let ends = word.char_indices().rev().take(LONGEST).map(|(at, _)| &word[at..]);
        // The longest that is kept stands for all between it and the longest that was learnt.
        ends.filter_map(|suffix| known.get(suffix)).last().copied()
    }

    /// The largest id that it ever guesses.
    pub(in super::super) fn largest(&self) -> u32 {
        self.capitalised.values().chain(self.other.values()).copied().max().unwrap_or(0)
    }
}

fn is_capitalised(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
}

/// The most probable tag of each suffix, where it is another one than that of the shorter suffix.
fn best(words: &[(&str, &HashMap<u32, usize>)], overall: &[f64], theta: f64) -> BTreeMap<String, u32> {
    let mut kept = BTreeMap::new();
    // The probabilities of all suffixes that are one character shorter.
    let mut shorter = HashMap::<&str, Vec<f64>>::new();
    for length in 1..=LONGEST {
        let mut counts = BTreeMap::<&str, BTreeMap<u32, usize>>::new();
        for (word, by_tag) in words {
            let Some((at, _)) = word.char_indices().rev().nth(length - 1) else { continue };
            let counted = counts.entry(&word[at..]).or_default();
            by_tag.iter().for_each(|(&tag, &count)| *counted.entry(tag).or_default() += count);
        }
        let mut probabilities = HashMap::new();
        for (suffix, counted) in counts {
            let below = suffix.char_indices().nth(1).and_then(|(at, _)| shorter.get(&suffix[at..]));
            let below = below.map_or(overall, Vec::as_slice);
            // P(tag | suffix) = (P̂(tag | suffix) + θ P(tag | shorter suffix)) / (1 + θ)
            let all = counted.values().sum::<usize>() as f64;
            let mut mixed: Vec<f64> = below.iter().map(|p| theta * p / (1.0 + theta)).collect();
            for (&tag, &count) in &counted {
                mixed[tag as usize] += count as f64 / all / (1.0 + theta);
            }
            if length == 1 || argmax(&mixed) != argmax(below) {
                kept.insert(suffix.to_owned(), argmax(&mixed));
            }
            probabilities.insert(suffix, mixed);
        }
        shorter = probabilities;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_are_tagged_by_their_longest_known_suffix() {
        let (noun, verb, name) = (0, 1, 2);
        let words = [
            ("running", verb),
            ("jumping", verb),
            ("eating", verb),
            ("thing", noun),
            ("nation", noun),
            ("station", noun),
            ("ring", noun),
            ("London", name),
            ("Boston", name),
            ("가을", noun),
        ];
        let learnt = Suffixes::of(words.into_iter(), 3);
        for (word, expected) in [
            ("walking", Some(verb)),
            ("something", Some(noun)),
            ("string", Some(noun)),
            ("motion", Some(noun)),
            ("Weston", Some(name)),
            // No capitalised word ends so.
            ("Motioz", None),
            ("겨을", Some(noun)),
            ("", None),
        ] {
            assert_eq!(learnt.tag(word), expected, "{word}");
        }
        assert_eq!(learnt.largest(), 2);
    }

    #[test]
    fn frequent_words_say_nothing_of_unknown_ones() {
        let often = std::iter::repeat_n(("of", 1), RARE + 1);
        let learnt = Suffixes::of(often.chain([("elf", 0)]), 2);
        assert_eq!((learnt.tag("wolf"), learnt.tag("sof")), (Some(0), Some(0)));
    }
}
