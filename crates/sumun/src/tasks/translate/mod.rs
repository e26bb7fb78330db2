//! The task that writes a text for a text: `translate`, sequence to sequence with attention.
//!
//! [`Pairs`](crate::records::Pairs) are split by their sources; both sides become ids (`side`); an encoder and a decoder,
//! a [`Model`](crate::model::Model) (`network`), learn to predict each token of the target from the source and the true
//! tokens before it (`learner`); beam search writes what was learnt (`search`).

mod example;
mod learner;
mod lesson;
mod network;
mod page;
mod pipeline;
mod portable;
mod search;
mod side;
#[cfg(test)]
mod tests;

use super::options::{SmoothingOptions, Usual, check_counts, check_smoothing};
use super::protocol::Next;
use super::task::{Task, TaskConfig, Words};
use crate::Result;
use crate::nn::Score;
use crate::settings::{Cell, Level, Setting, settings};
pub use lesson::Translator;
pub(super) use page::{alignments, examples};
pub use pipeline::TranslationPipeline;
pub use search::BEAM;

settings! {
    /// The settings of a translator's own.
    pub struct Translate {
        data.source: Option<String> = None, "The column or key with the source; by default source";
        data.target: Option<String> = None, "The column or key with the target; by default target";
        text.target_level: Option<Level> = None, "What a token of the target is; by default as of the source";
        text.max_tokens: usize = 500, "The most tokens of a source or target; a longer one is an error";
        network.score: Score = Score::General, "How a step of the decoder is compared with those of the source";
        train.label_smoothing: f64 = 0.0, as SmoothingOptions;
    }
}

impl Task for Translate {
    type Lesson = Translator;

    const NAME: &'static str = "translate";
    const PURPOSE: &'static str = "Learn to write a text for a text, from pairs of them";
    const WORDS: Words =
        Words { verb: "Translate", example: "pair", loss: "cross-entropy (nats)", next: Next::PredictFile };

    const USUAL: Usual = Usual { epochs: 15, patience: 8 };

    // What is read is written too, or is written as it is read.
    const WITHOUT: &'static [&'static str] = &["subwords", "word_dropout"];

    fn rows() -> Vec<Setting> {
        Self::rows()
    }

    fn adjust(config: &mut TaskConfig<Self>) {
        // Those that learn the bundled dates best (docs/results.md).
        config.text.level = Level::Char;
        let network = &mut config.network;
        (network.cell, network.hidden, network.embedding) = (Cell::Gru, 128, 64);
        network.dropout = 0.0;
        config.train.lr = 0.003;
        config.train.ema = Some(0.0);
    }

    fn check(config: &TaskConfig<Self>) -> Result<()> {
        let level = config.text.level;
        config.text.check_pieces(&[level, config.own.target_level.unwrap_or(level)])?;
        check_smoothing(config.own.label_smoothing)?;
        check_counts(&[("max_tokens", config.own.max_tokens)])
    }

    fn begin(config: &TaskConfig<Self>) -> Result<Translator> {
        Translator::new(config)
    }
}
