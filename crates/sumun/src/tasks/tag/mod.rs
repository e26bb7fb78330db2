//! The task `tag`: a tag for every token of a sentence.

mod decoding;
mod lesson;
mod pipeline;

use super::protocol::Next;
use super::task::{Lesson, Task, TaskConfig, Words};
use crate::Result;
use crate::settings::{Setting, Switch, settings};
pub use lesson::Tagger;
pub use pipeline::TaggingPipeline;

settings! {
    /// The settings of a tagger's own.
    pub struct Tag {
        data.tokens: Option<String> = None, "The key, or the number of the column, with the tokens";
        data.tags: Option<String> = None, "The key, or the number of the column, with the tags";
        network.crf: Switch = Switch::Auto,
            "Whether the tags of a sentence are chosen together (conditional random field); by default where they mark spans";
    }
}

impl Task for Tag {
    type Lesson = Tagger;

    const NAME: &'static str = "tag";
    const PURPOSE: &'static str = "Learn to tag every token of a sentence";
    const WORDS: Words =
        Words { verb: "Tag", example: "sentence", loss: "cross-entropy (nats)", next: Next::PredictFile };
    const LAYERS: bool = true;
    const ONCE: &'static [(&'static str, &'static str, &'static str)] = &[("network", "crf", "off")];
    // Sentences are tokens already.
    const WITHOUT: &'static [&'static str] = &["level", "pieces", "tokenizer"];

    fn rows() -> Vec<Setting> {
        Self::rows()
    }

    fn adjust(config: &mut TaskConfig<Self>) {
        // A tagger learns what to make of unknown words from those that occur once.
        config.text.min_count = 2;
    }

    fn decide(config: &mut TaskConfig<Self>, lesson: &Tagger) -> Vec<[String; 3]> {
        let steps = lesson.objective().steps_per_epoch();
        let mut choices = config.train.decide(lesson.examples(), steps, Self::USUAL, Self::WORDS.example);
        choices.extend(lesson.choice());
        choices
    }

    fn begin(config: &TaskConfig<Self>) -> Result<Tagger> {
        Tagger::new(config)
    }
}
