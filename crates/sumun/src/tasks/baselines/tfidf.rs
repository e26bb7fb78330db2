//! Texts as weighted counts of words and pairs of words.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::text::{TokenUnit, Tokenizer};

/// n-grams are told apart by so many bits of a hash: of a million, one in eight shares its place with another.
const BITS: u32 = 22;
const PLACES: usize = 1 << BITS;

/// A text as columns, in rising order, and their weights, a vector of length 1; of a text without a known n-gram nothing.
pub(super) type Sparse = Vec<(u32, f32)>;

/// Counts of words and of pairs of neighbouring words, in lower case, weighted as scikit-learn's
/// `TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)` does: (1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), scaled to length 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tfidf {
    /// The hash of the n-gram of each column, rising.
    places: Vec<u32>,
    /// How many texts of the training part have it.
    documents: Vec<u32>,
    /// How many texts that part has.
    of: u32,
}

impl Tfidf {
    /// Learns which n-grams there are from the training part, at most `most` of them, those of the most texts, and gives its
    /// texts.
    pub(super) fn fit(texts: &[&str], most: usize) -> (Self, Vec<Sparse>) {
        let grams: Vec<Vec<u32>> = texts.par_iter().map(|text| grams(text)).collect();
        let mut documents = vec![0_u32; PLACES];
        for text in &grams {
            let mut before = None;
            for &place in text {
                documents[place as usize] += u32::from(before != Some(place));
                before = Some(place);
            }
        }
        let mut places: Vec<u32> = (0..PLACES as u32).filter(|&p| documents[p as usize] > 0).collect();
        if places.len() > most {
            places.sort_by_key(|&place| (std::cmp::Reverse(documents[place as usize]), place));
            places.truncate(most);
            places.sort_unstable();
        }
        let documents = places.iter().map(|&place| documents[place as usize]).collect();
        let learnt = Self { places, documents, of: texts.len() as u32 };
        let columns = learnt.columns();
        let vectors = grams.par_iter().map(|grams| learnt.vector(grams, &columns)).collect();
        (learnt, vectors)
    }

    /// How many columns there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The hash of each column's n-gram, how many texts have it, and of how many.
    pub(super) fn parts(&self) -> (&[u32], &[u32], u32) {
        (&self.places, &self.documents, self.of)
    }

    /// Texts as vectors.
    pub(super) fn vectors(&self, texts: &[&str]) -> Vec<Sparse> {
        let columns = self.columns();
        texts.par_iter().map(|text| self.vector(&grams(text), &columns)).collect()
    }

    fn columns(&self) -> HashMap<u32, u32> {
        self.places.iter().zip(0..).map(|(&place, column)| (place, column)).collect()
    }

    /// `grams` are sorted, so that equal ones stand together, and columns rise.
    fn vector(&self, grams: &[u32], columns: &HashMap<u32, u32>) -> Sparse {
        let weight = |run: &[u32]| {
            let column = *columns.get(run.first()?)?;
            let documents = f64::from(self.documents[column as usize]);
            let rarity = ((1.0 + f64::from(self.of)) / (1.0 + documents)).ln() + 1.0;
            Some((column, (1.0 + (run.len() as f64).ln()) * rarity))
        };
        let all: Vec<(u32, f64)> = grams.chunk_by(|a, b| a == b).filter_map(weight).collect();
        let length = all.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
        all.into_iter().map(|(column, weight)| (column, (weight / length) as f32)).collect()
    }

    /// What does not fit, of a file.
    pub(super) fn check(&self) -> Result<(), String> {
        let rising = self.places.windows(2).all(|pair| pair[0] < pair[1]);
        let within = self.documents.iter().all(|&documents| (1..=self.of).contains(&documents));
        match rising && within && self.places.len() == self.documents.len() {
            true => Ok(()),
            false => Err(format!(
                "its baseline counts {} n-grams in {} texts, which do not fit",
                self.places.len(),
                self.of
            )),
        }
    }
}

/// The hashes of the words and pairs of words of a text, sorted.
fn grams(text: &str) -> Vec<u32> {
    let words = Tokenizer::new(TokenUnit::Words).lowercase(true).nfc(true).tokens(text);
    let singles = words.iter().map(|word| place(&[word]));
    let pairs = words.windows(2).map(|pair| place(&[&pair[0], &pair[1]]));
    let mut all: Vec<u32> = singles.chain(pairs).collect();
    all.sort_unstable();
    all
}

/// FNV-1a of 64 bits, folded: a hash that stays the same, for files.
fn place(words: &[&str]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for word in words {
        // No word has this byte, so that ("a", "bc") is another pair than ("ab", "c").
        for byte in word.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    (hash >> 32 ^ hash) as u32 & (PLACES as u32 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of "a b", "b b": a is in one text of two, b in both, "a b" and "b b" in one each. By hand: ln(3/2) + 1 = 1.405465,
    /// ln(3/3) + 1 = 1, and b twice counts 1 + ln 2.
    #[test]
    fn weights_are_those_of_the_formula() {
        let (learnt, vectors) = Tfidf::fit(&["a b", "B  b!"], 100);
        assert_eq!(learnt.len(), 4);
        let rare = 1.5_f64.ln() + 1.0;
        let of = |vector: &Sparse, words: &[&str]| {
            let column = learnt.places.iter().position(|&p| p == place(words)).unwrap() as u32;
            vector.iter().find(|(c, _)| *c == column).map_or(0.0, |(_, x)| f64::from(*x))
        };
        for (text, words, weights) in [
            (0, &["a"][..], [rare, 1.0, rare]),
            (0, &["b"], [1.0, rare, rare]),
            (0, &["a", "b"], [rare, 1.0, rare]),
            (1, &["b"], [1.0 + 2_f64.ln(), rare, 0.0]),
            (1, &["b", "b"], [rare, 1.0 + 2_f64.ln(), 0.0]),
            (1, &["a"], [0.0, 1.0, 0.0]),
        ] {
            let expected = weights[0] / weights.iter().map(|w| w * w).sum::<f64>().sqrt();
            let found = of(&vectors[text], words);
            assert!((found - expected).abs() < 1e-6, "{text} {words:?}: {found}, not {expected}");
        }
        assert_eq!(learnt.vectors(&["a b", "", "c"]), [vectors[0].clone(), vec![], vec![]]);
        // Of as many texts, those with the lower hashes.
        assert_eq!(Tfidf::fit(&["a b", "b b"], 1).0.places, [place(&["b"])]);
    }
}
