//! The model of n-grams of the training text: a language model is measured against it, and answers together with it.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::super::baselines::KneserNey;
use super::tokens::Tokens;

/// So many tokens are kept in a model file, some three megabytes of them; of more, the n-grams are there in the training
/// alone, and do not answer.
pub(super) const KEPT: usize = 1 << 20;

/// The longest n-grams where words or pieces of them are tokens, and where letters are.
const WORDS: usize = 5;
const LETTERS: usize = 8;

/// A model of n-grams, as the text that it is learnt from.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct NGrams {
    ids: Vec<u32>,
    #[serde(skip)]
    fitted: OnceLock<KneserNey>,
    /// Whether a file is to have none of it.
    #[serde(skip)]
    withheld: bool,
}

impl NGrams {
    /// The one of a text.
    pub(super) fn of(ids: &[u32]) -> Self {
        Self { ids: ids.to_vec(), fitted: OnceLock::new(), withheld: false }
    }

    /// The same, of which a file is to have nothing: the training text could be read from it.
    pub(super) fn withheld(self) -> Self {
        Self { withheld: true, ..self }
    }

    /// Whether there is none.
    pub(super) fn is_none(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whether a file keeps none of it.
    pub(super) fn is_not_kept(&self) -> bool {
        self.withheld || self.ids.is_empty() || self.ids.len() > KEPT
    }

    /// The tokens that it is learnt from.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The most tokens of an n-gram.
    pub(super) fn order(tokens: &Tokens) -> usize {
        if tokens.tokenizer.is_spaced() || tokens.tokenizer.pieces().is_some() { WORDS } else { LETTERS }
    }

    /// What it is called.
    pub(super) fn name(tokens: &Tokens) -> String {
        format!("modified Kneser–Ney, order {}", Self::order(tokens))
    }

    /// ln p of each token of a text, read as one that follows the start of a text. None where there is no model.
    pub(super) fn log_probabilities(&self, tokens: &Tokens, ids: &[u32]) -> Option<Vec<f64>> {
        Some(self.fitted(tokens)?.log_probabilities(ids, tokens.start()))
    }

    /// How probable each token of the vocabulary is after the start of a text and some tokens. None where there is no model.
    pub(super) fn distribution(&self, tokens: &Tokens, before: &[u32]) -> Option<Vec<f64>> {
        let order = Self::order(tokens);
        let history: Vec<u32> = match before.len() {
            few if few < order => [&[tokens.start()], before].concat(),
            many => before[many - order..].to_vec(),
        };
        Some(self.fitted(tokens)?.distribution(&history))
    }

    fn fitted(&self, tokens: &Tokens) -> Option<&KneserNey> {
        if self.is_none() {
            return None;
        }
        let fit = || KneserNey::of(&self.ids, tokens.start(), tokens.vocabulary.len(), Self::order(tokens));
        Some(self.fitted.get_or_init(fit))
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
impl PartialEq for NGrams {
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
    }
}

impl Clone for NGrams {
    fn clone(&self) -> Self {
        Self { withheld: self.withheld, ..Self::of(&self.ids) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_the_ngrams_of_so_many_tokens() {
        for (tokens, none, not_kept) in [(0, true, true), (1, false, false), (KEPT, false, false)] {
            let of = NGrams::of(&vec![2; tokens]);
            assert_eq!((of.is_none(), of.is_not_kept(), of.check(3).is_ok()), (none, not_kept, true));
        }
        let more = NGrams::of(&vec![2; KEPT + 1]);
        assert!(!more.is_none() && more.is_not_kept() && more.check(3).is_err());
        let withheld = NGrams::of(&[2; 9]).withheld();
        assert!(!withheld.is_none() && withheld.clone().is_not_kept());
    }
}
