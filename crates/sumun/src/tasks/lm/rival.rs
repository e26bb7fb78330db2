//! The model of n-grams that a language model is measured against.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::super::baselines::KneserNey;

/// So many tokens are kept in a model file, whose weights are some megabytes; of more, the n-grams are there in the training
/// alone.
pub(super) const KEPT: usize = 1 << 17;

/// The longest n-grams where words are tokens, and where letters are.
const WORDS: usize = 5;
const LETTERS: usize = 8;

/// A model of n-grams, as the text that it is learnt from.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Rival {
    ids: Vec<u32>,
    #[serde(skip)]
    fitted: OnceLock<KneserNey>,
}

impl Rival {
    /// The one of a text.
    pub(super) fn of(ids: &[u32]) -> Self {
        Self { ids: ids.to_vec(), fitted: OnceLock::new() }
    }

    /// Whether there is none.
    pub(super) fn is_none(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whether a file keeps none of it.
    pub(super) fn is_not_kept(&self) -> bool {
        self.ids.is_empty() || self.ids.len() > KEPT
    }

    /// The name of the model, and the sum of −ln p over a text that follows `start`, of a vocabulary that has all ids. None
    /// where there is none.
    pub(super) fn nats(
        &self,
        ids: &[u32],
        start: u32,
        vocabulary: usize,
        words: bool,
    ) -> Option<(String, f64)> {
        if self.is_none() {
            return None;
        }
        let order = if words { WORDS } else { LETTERS };
        let fitted = self.fitted.get_or_init(|| KneserNey::of(&self.ids, start, vocabulary, order));
        let nats = -fitted.log_probabilities(ids, start).iter().sum::<f64>();
        Some((format!("modified Kneser–Ney, order {order}"), nats))
    }

    /// Whether it is of a vocabulary with so many tokens, and no larger than a file keeps. The error says what does not fit.
    pub(super) fn check(&self, vocabulary: usize) -> Result<(), String> {
        let tokens = self.ids.len();
        if tokens > KEPT {
            return Err(format!("its n-grams are those of {tokens} tokens, of {KEPT} at most"));
        }
        match self.ids.iter().find(|&&id| id as usize >= vocabulary) {
            Some(id) => Err(format!("its n-grams have the token {id} of {vocabulary}")),
            None => Ok(()),
        }
    }
}

/// The fitted model follows from the text.
impl PartialEq for Rival {
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
    }
}

impl Clone for Rival {
    fn clone(&self) -> Self {
        Self::of(&self.ids)
    }
}
