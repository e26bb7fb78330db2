//! Tasks: from a person's file to a trained model, its figures and its answers.
//!
//! A [`Config`] says everything: the data, the network and the training. [`Training`] reads the data, builds the network
//! and trains it; it may stop after any step and go on from a [`Checkpoint`](crate::run::Checkpoint) to the same bits.
//! What it comes to is an [`Outcome`]; a [`TrainedModel`] is at work again.
//!
//! [`TASKS`] lists all tasks. Five read sequences and share a [`TaskConfig`] and a [`TrainedTask`]; [`forecast`] has its
//! own. A further task is a folder with an implementation of [`TaskEntry`], and a line in the list.

mod config;
mod entries;
mod figures;
mod file;
mod finished;
pub mod forecast;
mod inputs;
mod labelled;
mod layers;
mod learner;
mod lesson;
mod lm;
mod network;
mod parts;
mod protocol;
mod report;
mod results;
mod sequences;
mod shown;
mod source;
mod tag;
mod trained;
mod training;
mod translate;
mod vectors;

pub use crate::settings::{ClassWeights, Level, Pooling};
pub use config::{DataOptions, HeldOut, NetworkOptions, Task, TaskConfig, TextOptions, TrainOptions};
pub use entries::{TASKS, named, open, resume};
pub use figures::{Alignment, Answers, AttentionWeights, Baseline, Figures, Measured, Prediction, Unknown};
pub use finished::SequenceOutcome;
pub use labelled::LabelledPipeline;
pub use lm::{Generator, LanguagePipeline, PlainText, Sampling};
pub use protocol::{
    About, AnyConfig, AnyTraining, Config, Evaluated, Facts, LayerFacts, Learning, ModelFacts, Next, Outcome,
    Plan, Predicted, Request, TaskEntry, TrainedModel,
};
pub use report::task_report;
pub use results::{Headline, task_results};
pub use shown::{Asked, Sample, Shown, Truth};
pub use source::Source;
pub use tag::TaggingPipeline;
pub use trained::{Pipeline, TrainedTask};
pub use training::Training;
pub use translate::{BEAM, TranslationPipeline};
