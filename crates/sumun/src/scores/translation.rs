//! Texts that a text becomes: token accuracy, exact match and chrF.

use serde::Serialize;

use super::{check_lengths, chrf, share};
use crate::Result;

/// The figures of predicted texts beside the true ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Translation {
    /// The share of texts that are right to the last token.
    pub exact_match: f64,
    /// How much of the true texts' n-grams of characters the predicted ones have, from 0 to 1; see [`chrf()`](super::chrf()).
    pub chrf: f64,
    /// Of a model, how it predicts single tokens; None of a guess, which predicts none.
    #[serde(flatten)]
    pub tokens: Option<TokenScores>,
}

/// How well each token of the true texts, their ends too, is predicted from the source and the true tokens before it
/// (teacher forcing).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TokenScores {
    /// The share that is found most probable.
    pub token_accuracy: f64,
    /// The mean −ln p, in nats a token.
    pub nats: f64,
}

impl Translation {
    /// Scores texts; `right[i]` says whether the tokens of `predicted[i]` are those of `truth[i]`. Unequal numbers of
    /// them, and none at all, are errors.
    pub fn of<P: AsRef<str>, T: AsRef<str>>(
        truth: &[T],
        predicted: &[P],
        right: &[bool],
        tokens: Option<TokenScores>,
    ) -> Result<Self> {
        check_lengths(truth.len(), right.len())?;
        let exact = right.iter().filter(|right| **right).count();
        Ok(Self {
            exact_match: share(exact as u64, right.len() as u64),
            chrf: chrf(predicted, truth)?,
            tokens,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_scored() {
        let scores = Translation::of(&["ab", "cd"], &["ab", "xy"], &[true, false], None).unwrap();
        // Of two n-grams of an order, one is found.
        assert_eq!((scores.exact_match, scores.chrf), (0.5, 0.5));
        assert_eq!(
            serde_json::to_value(scores).unwrap(),
            serde_json::json!({"exact_match": 0.5, "chrf": 0.5})
        );
        let tokens = Some(TokenScores { token_accuracy: 0.75, nats: 1.5 });
        let json = serde_json::to_value(Translation { tokens, ..scores }).unwrap();
        assert_eq!((&json["token_accuracy"], &json["nats"]), (&0.75.into(), &1.5.into()));
        assert!(Translation::of(&["a"], &["a"], &[], None).is_err());
        assert!(Translation::of(&["a"], &["a", "b"], &[true], None).is_err());
    }
}
