//! How freely a text is written.

use crate::message::key;
use crate::{Error, Result};

/// How a text is written.
///
/// Tokens that were just there are made less probable first, where that is asked for; then logits are divided by the temperature,
/// then only the `top_k` most probable tokens stay, and of these the fewest that together have a probability of at least `top_p` (nucleus sampling, Holtzman et al., "The curious case of neural
/// text degeneration", ICLR 2020). `<PAD>` and `<UNK>` are never written.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// How many tokens are written: characters, letters of Hangul or words, as the model was trained.
    pub length: usize,
    /// Below 1, probable tokens become more so; above 1, less; at 0 the most probable token is always taken, of equally
    /// probable ones the more frequent.
    pub temperature: f64,
    /// As many tokens may be drawn; all, if None.
    pub top_k: Option<usize>,
    /// The probability, above 0 and at most 1, that the tokens which may be drawn have together; all, if None.
    pub top_p: Option<f64>,
    /// The power, at least 1, to which the probability is raised of tokens that are among the last 64, so that they come
    /// again less easily: the penalty of Keskar et al. ("CTRL", 2019) on logarithms of probabilities. Such tokens are words,
    /// better than letters, of which any 64 have most.
    pub repetition_penalty: f64,
    /// Texts that end what is written; it is left out, and what follows.
    pub stop: Vec<String>,
    /// Where the randomness comes from: the same seed writes the same text.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            length: 500,
            temperature: 0.8,
            top_k: None,
            top_p: None,
            repetition_penalty: 1.0,
            stop: Vec::new(),
            seed: 0,
        }
    }
}

impl Sampling {
    /// Settings that make no sense.
    pub(super) fn check(&self) -> Result<()> {
        let bad = |name, found: String, wanted| Err(Error::setting(key(name), found, wanted));
        let Self { length, temperature, top_k, top_p, repetition_penalty, ref stop, .. } = *self;
        match () {
            () if length == 0 => bad("length", "0".into(), "at least 1"),
            () if !(temperature.is_finite() && temperature >= 0.0) => {
                bad("temperature", temperature.to_string(), "a number of at least 0")
            }
            () if top_k == Some(0) => bad("top_k", "0".into(), "at least 1"),
            () if !(repetition_penalty.is_finite() && repetition_penalty >= 1.0) => {
                bad("repetition_penalty", repetition_penalty.to_string(), "a number of at least 1")
            }
            () if stop.iter().any(String::is_empty) => bad("stop", "empty".into(), "a text"),
            () => match top_p {
                Some(p) if !(p > 0.0 && p <= 1.0) => {
                    bad("top_p", p.to_string(), "a number above 0 and at most 1")
                }
                _ => Ok(()),
            },
        }
    }
}
