//! Tags: the figures of tokens and spans, and the tag that a token mostly has.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::spans::{Spans, is_bio};
use super::{Classification, check_ids};
use crate::{Error, Result};

/// The figures of predicted tags.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tagging {
    /// The figures of single tokens; `accuracy` is the token accuracy, and each tag is a class.
    pub tokens: Classification,
    /// The share of sentences of which every tag is right.
    pub sentence_accuracy: f64,
    /// The figures of spans, where the tags mark some ([`is_bio`]).
    pub spans: Option<Spans>,
}

impl Tagging {
    /// Scores the tags of each sentence, ids of `names`. Errors: another number of sentences or tokens, no tokens at
    /// all, an id without a name.
    pub fn of<S: AsRef<str>>(truth: &[Vec<u32>], predicted: &[Vec<u32>], names: &[S]) -> Result<Self> {
        let unequal =
            truth.iter().zip(predicted).position(|(truth, predicted)| truth.len() != predicted.len());
        if unequal.is_some() || truth.len() != predicted.len() {
            return Err(Error::Invalid(match unequal {
                Some(at) => format!(
                    "sentence {at} has {} predicted tags for {} true ones; there must be as many",
                    predicted[at].len(),
                    truth[at].len()
                ),
                None => format!("{} predicted sentences for {} true ones", predicted.len(), truth.len()),
            }));
        }
        let tokens = Classification::of(&truth.concat(), &predicted.concat(), names.len())?;
        let right = truth.iter().zip(predicted).filter(|(truth, predicted)| truth == predicted).count();
        let named = |tags: &[Vec<u32>]| -> Vec<Vec<&str>> {
            let name = |tags: &Vec<u32>| tags.iter().map(|&tag| names[tag as usize].as_ref()).collect();
            tags.iter().map(name).collect()
        };
        let spans = if is_bio(names) { Some(Spans::of(&named(truth), &named(predicted))?) } else { None };
        Ok(Self { tokens, sentence_accuracy: super::share(right as u64, truth.len() as u64), spans })
    }
}

/// The simplest guess: the tag that a token has most often in the training part, and for a token that is not there the
/// most frequent tag of all. Among equals the lowest id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MostFrequentTag {
    /// In order, so that equal guesses are equal files.
    tags: BTreeMap<String, u32>,
    overall: u32,
}

impl MostFrequentTag {
    /// Counts the tags, below `classes`, of each sentence's tokens. Errors: sentences or tokens without a tag each, an
    /// id that is not below `classes`, no tokens at all.
    pub fn of<S: AsRef<str>>(tokens: &[Vec<S>], tags: &[Vec<u32>], classes: usize) -> Result<Self> {
        let lengths = |tokens: &Vec<S>, tags: &Vec<u32>| tokens.len() == tags.len();
        if tokens.len() != tags.len() || !tokens.iter().zip(tags).all(|(tokens, tags)| lengths(tokens, tags))
        {
            return Err(Error::Invalid("every token needs one tag to be counted".into()));
        }
        let all = tags.concat();
        let overall = super::majority(&all, classes)?;
        check_ids("tag", &all, classes)?;
        let mut counts = HashMap::<(&str, u32), u64>::new();
        for (token, &tag) in tokens.iter().flatten().zip(&all) {
            *counts.entry((token.as_ref(), tag)).or_default() += 1;
        }
        let mut best = HashMap::<&str, (u64, u32)>::new();
        for (&(token, tag), &count) in &counts {
            let best = best.entry(token).or_insert((count, tag));
            if count > best.0 || (count == best.0 && tag < best.1) {
                *best = (count, tag);
            }
        }
        let tags = best.into_iter().map(|(token, (_, tag))| (token.to_owned(), tag)).collect();
        Ok(Self { tags, overall })
    }

    /// The largest id that it ever guesses.
    pub(crate) fn largest(&self) -> u32 {
        self.tags.values().copied().fold(self.overall, u32::max)
    }

    /// Whether a token is in the training part.
    pub fn knows(&self, token: &str) -> bool {
        self.tags.contains_key(token)
    }

    /// The guess for a token.
    pub fn tag(&self, token: &str) -> u32 {
        self.tags.get(token).copied().unwrap_or(self.overall)
    }

    /// The guesses for a sentence.
    pub fn tags<S: AsRef<str>>(&self, tokens: &[S]) -> Vec<u32> {
        tokens.iter().map(|token| self.tag(token.as_ref())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_sentences_and_spans_are_scored() {
        let truth = [vec![1, 2, 0], vec![0]];
        let predicted = [vec![1, 0, 0], vec![0]];
        let scores = Tagging::of(&truth, &predicted, &["O", "B-PER", "I-PER"]).unwrap();
        assert_eq!((scores.tokens.accuracy, scores.sentence_accuracy), (0.75, 0.5));
        assert_eq!(scores.spans.unwrap().all.f1, 0.0);
        let scores = Tagging::of(&truth, &predicted, &["X", "NOUN", "VERB"]).unwrap();
        assert_eq!(scores.spans, None);
        for (truth, predicted, expected) in [
            (&truth[..], &predicted[..1], "1 predicted sentences for 2"),
            (&truth[..1], &[vec![0]][..], "sentence 0 has 1 predicted tags for 3 true ones"),
            (&[], &[], "0 predictions for 0"),
            (&[vec![3]], &[vec![0]], "true value 0 is 3"),
        ] {
            let message = Tagging::of(truth, predicted, &["O", "B-PER", "I-PER"]).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn the_most_frequent_tag_is_guessed() {
        let tokens = [vec!["a", "a", "a"], vec!["b", "b"], vec!["c", "d", "d"]];
        let tags = [vec![2, 1, 2], vec![2, 1], vec![0, 1, 1]];
        let guess = MostFrequentTag::of(&tokens, &tags, 3).unwrap();
        assert_eq!(guess.tags(&["a", "b", "c", "unknown"]), [2, 1, 0, 1]);
        assert!(MostFrequentTag::of(&tokens[..1], &tags, 3).is_err());
        assert!(MostFrequentTag::of(&tokens, &tags, 2).is_err());
        assert!(MostFrequentTag::of::<&str>(&[], &[], 2).is_err());
    }
}
