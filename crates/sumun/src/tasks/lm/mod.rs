//! The task `lm`: a model that reads a text token by token, says after each what may come next, and writes on.
//!
//! A text is one long sequence. In training it is cut into as many stretches as a batch has sequences; they are read side
//! by side in chunks, gradients stay within a chunk, and the state goes on to the next one (truncated backpropagation
//! through time, Williams & Peng 1990). Held out is its end, since the rest would tell too much about a part within it.

mod compose;
mod decide;
mod generate;
mod learner;
mod lesson;
mod ngrams;
mod pipeline;
mod plain_text;
mod sample;
mod score;
mod spelling;
mod streams;
#[cfg(test)]
mod tests;
mod together;
mod tokens;
mod until;
mod weight_drop;

use super::options::{HeldOut, SmoothingOptions, Usual, bad, check_counts, check_smoothing};
use super::protocol::Next;
use super::task::{Lesson, Task, TaskConfig, Words};
use crate::message::key;
use crate::settings::{Level, Setting, Switch, settings};
use crate::{Error, Result};
pub(super) use compose::Writer;
use decide::{decide_network, decide_vocabulary, usual};
pub use generate::Generator;
pub use lesson::Writing;
pub use pipeline::LanguagePipeline;
pub use plain_text::PlainText;

settings! {
    /// The settings of a language model's own.
    pub struct Lm {
        network.ngrams: Switch = Switch::Auto,
            "Whether the n-grams of the training text answer together with the network, as much as the validation part says; by \
             default where there is such a part and the text has at most 1,048,576 tokens. The model file has that text; off leaves it out";
        train.chunk: usize = 128, "Tokens that gradients go back through at most; the state is carried on";
        train.chunk_jitter: f64 = 0.0,
            "The share of a chunk by which its ends move at random, others in every epoch, so that gradients do not always end at the \
             same tokens; below 0.5";
        train.weight_drop: f64 = 0.0,
            "The share of the recurrent weights, those between steps, that is dropped in training, others for each chunk (DropConnect)";
        train.label_smoothing: f64 = 0.0, as SmoothingOptions;
    }
}

impl Task for Lm {
    type Lesson = Writing;

    const NAME: &'static str = "lm";
    const PURPOSE: &'static str = "Learn to write text like that of a file";
    const WORDS: Words =
        Words { verb: "Write like", example: "token", loss: "cross-entropy (nats)", next: Next::Generate };
    const LAYERS: bool = true;
    // A text is read forwards, chunk by chunk.
    const USUAL: Usual = Usual { epochs: 12, patience: 3 };
    const WITHOUT: &'static [&'static str] = &["bidirectional", "batch_tokens", "subwords", "word_dropout"];
    const OPEN: &'static [&'static str] =
        &["min_count", "hidden", "layers", "embedding", "dropout", "batch", "chunk", "lr"];

    fn rows() -> Vec<Setting> {
        Self::rows()
    }

    fn adjust(config: &mut TaskConfig<Self>) {
        config.data.test = HeldOut::Share(0.0);
        config.text.level = Level::Char;
        // What is left open is decided by the text.
        let network = &mut config.network;
        (network.hidden, network.layers, network.embedding) = (256, 2, 64);
        (network.bidirectional, network.dropout) = (false, 0.2);
        (config.train.lr, config.train.ema) = (0.004, Some(0.0));
    }

    fn check(config: &TaskConfig<Self>) -> Result<()> {
        config.text.check_pieces(&[config.text.level])?;
        if config.network.bidirectional {
            return Err(Error::Settings(
                key("bidirectional")
                    + " is true, but a language model that reads ahead has nothing to predict; leave it out",
            ));
        }
        check_smoothing(config.own.label_smoothing)?;
        let Self { chunk, chunk_jitter, weight_drop, .. } = config.own;
        if !(0.0..0.5).contains(&chunk_jitter) {
            return bad("chunk_jitter", chunk_jitter, "at least 0 and below 0.5");
        }
        if !(0.0..1.0).contains(&weight_drop) {
            return bad("weight_drop", weight_drop, "at least 0 and below 1");
        }
        check_counts(&[("chunk", chunk)])
    }

    fn decide(config: &mut TaskConfig<Self>, lesson: &Writing) -> Vec<[String; 3]> {
        let tokens = lesson.examples();
        let mut choices: Vec<[String; 3]> = decide_vocabulary(config).into_iter().collect();
        choices.extend(lesson.pipeline().tokens.tokenizer.choice(&config.text));
        choices.extend(decide_network(config, tokens));
        let steps = lesson.objective().steps_per_epoch();
        let usual = usual(config.text.level, tokens);
        choices.extend(config.train.decide(tokens, steps, usual, Self::WORDS.example));
        choices
    }

    fn begin(config: &TaskConfig<Self>) -> Result<Writing> {
        Writing::new(config)
    }
}
