//! Text: nats, perplexity and bits per character.

use serde::Serialize;

use super::check_ids;
use crate::{Error, Result};

/// The figures of a model that predicts each next token.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Language {
    /// How many tokens were predicted.
    pub tokens: u64,
    /// Among how many each was: nats and perplexities compare where the vocabulary is the same, `<UNK>` included.
    pub vocabulary: u64,
    /// The mean −ln p of the true tokens, in nats per token.
    pub nats: f64,
    /// e to the power of the nats: among so many equally likely tokens the model chooses on average.
    pub perplexity: f64,
    /// −log₂ p of the text per character of it, the same unit for words and characters and for any vocabulary: unknown tokens
    /// count with what it takes to spell them.
    pub bits_per_character: f64,
}

/// A text whose every token was predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictedText {
    /// How many tokens it has.
    pub tokens: u64,
    /// How many tokens there are to choose from.
    pub vocabulary: u64,
    /// How many characters the tokens stand for.
    pub characters: u64,
    /// −ln p of the spellings of those tokens that the vocabulary lacks, beside that of `<UNK>`; 0 where it lacks none.
    pub spelling: f64,
}

impl Language {
    /// From the sum of −ln p over the tokens of a text. No tokens, no characters, and a sum that is negative or not finite are
    /// errors.
    pub fn of(nats: f64, text: PredictedText) -> Result<Self> {
        let PredictedText { tokens, vocabulary, characters, spelling } = text;
        let all = nats + spelling;
        if tokens == 0 || characters == 0 || !all.is_finite() || nats < 0.0 || spelling < 0.0 {
            return Err(Error::Invalid(format!(
                "{nats} nats of {tokens} tokens, {characters} characters, cannot be scored; there must be some of each, \
                 and −ln p is never negative"
            )));
        }
        let mean = nats / tokens as f64;
        Ok(Self {
            tokens,
            vocabulary,
            nats: mean,
            perplexity: mean.exp(),
            bits_per_character: all / std::f64::consts::LN_2 / characters as f64,
        })
    }
}

/// The simplest guess: each token with its frequency in the training part, whatever comes before it. Every token of the
/// vocabulary is counted once more than it occurs, so that unseen ones are not impossible (Laplace's rule).
#[derive(Debug, Clone, PartialEq)]
pub struct Unigram {
    /// −ln p of each token.
    nats: Vec<f64>,
}

impl Unigram {
    /// Counts ids below `vocabulary`; others are errors, and so is an empty vocabulary.
    pub fn of(train: &[u32], vocabulary: usize) -> Result<Self> {
        check_ids("token", train, vocabulary)?;
        let mut counts = vec![0; vocabulary];
        train.iter().for_each(|&id| counts[id as usize] += 1);
        Self::of_counts(&counts)
    }

    /// From how often each token of the vocabulary occurs, by id. An empty vocabulary is an error.
    pub fn of_counts(counts: &[u64]) -> Result<Self> {
        if counts.is_empty() {
            return Err(Error::Invalid("a vocabulary without tokens cannot be counted".into()));
        }
        let more = || counts.iter().map(|&count| count as f64 + 1.0);
        let all = more().sum::<f64>().ln();
        Ok(Self { nats: more().map(|count| all - count.ln()).collect() })
    }

    /// The sum of −ln p over `ids`, for [`Language::of`]. An id outside the vocabulary is an error.
    pub fn nats(&self, ids: &[u32]) -> Result<f64> {
        check_ids("token", ids, self.nats.len())?;
        Ok(ids.iter().map(|&id| self.nats[id as usize]).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    fn text(tokens: u64, characters: u64, spelling: f64) -> PredictedText {
        PredictedText { tokens, vocabulary: 8, characters, spelling }
    }

    /// A fair choice among 8 tokens of 3 characters each is 3 bits, 1 a character.
    #[test]
    fn a_fair_choice_among_eight_is_three_bits() {
        let scores = Language::of(10.0 * 8_f64.ln(), text(10, 30, 0.0)).unwrap();
        assert_eq!((scores.tokens, scores.vocabulary), (10, 8));
        close(scores.nats, 8_f64.ln());
        close(scores.perplexity, 8.0);
        close(scores.bits_per_character, 1.0);
        // An unknown token whose spelling takes 15 bits makes half a bit a character more, and its perplexity no other.
        let spelled = Language::of(10.0 * 8_f64.ln(), text(10, 30, 15.0 * 2_f64.ln())).unwrap();
        close(spelled.bits_per_character, 1.5);
        close(spelled.perplexity, 8.0);
    }

    /// Of 0 0 0 1 with three tokens: p = 4/7, 2/7, 1/7.
    #[test]
    fn unseen_tokens_are_counted_once() {
        let unigram = Unigram::of(&[0, 0, 0, 1], 3).unwrap();
        close(unigram.nats(&[0, 1, 2]).unwrap(), -(4.0 / 7.0 * 2.0 / 7.0 / 7.0_f64).ln());
        close(Unigram::of(&[], 4).unwrap().nats(&[3]).unwrap(), 4_f64.ln());
    }

    #[test]
    fn what_cannot_be_scored_is_refused() {
        for (nats, tokens, characters) in [(1.0, 0, 1), (1.0, 1, 0), (f64::NAN, 1, 1), (-1.0, 1, 1)] {
            assert!(Language::of(nats, text(tokens, characters, 0.0)).is_err());
        }
        for spelling in [f64::INFINITY, -1.0] {
            assert!(Language::of(1.0, text(1, 1, spelling)).is_err());
        }
        assert!(Unigram::of(&[], 0).is_err());
        assert!(Unigram::of(&[3], 3).is_err());
        assert!(Unigram::of(&[2], 3).unwrap().nats(&[3]).is_err());
    }
}
