//! Tasks: from a person's file to a trained model, its figures and its answers.
//!
//! A [`TaskConfig`] says everything: the data, the text, the network and the training. [`Training`] reads the data,
//! builds the network and trains it; it may stop after any step and go on from a [`Checkpoint`](crate::run::Checkpoint)
//! to the same bits. [`TrainedTask`] is the model at work again.
//!
//! Forecasting has a room of its own, [`forecast`](crate::forecast).

mod config;
mod figures;
mod inputs;
mod labelled;
mod learner;
mod lm;
mod network;
mod parts;
mod report;
mod results;
mod shown;
mod tag;
mod trained;
mod training;
mod vectors;

pub use config::{
    ClassWeights, DataOptions, HeldOut, Level, NetworkOptions, Pooling, Task, TaskConfig, TextOptions,
    TrainOptions,
};
pub use figures::{Answers, AttentionWeights, Figures, Measured, Prediction, Unknown};
pub use labelled::LabelledPipeline;
pub use lm::{Generator, LanguagePipeline, PlainText, Sampling};
pub use report::{About, task_report};
pub use results::{Headline, task_results};
pub use shown::{Asked, Sample, Shown, Truth};
pub use tag::TaggingPipeline;
pub use trained::{Pipeline, TrainedTask};
pub(crate) use training::AGAIN;
pub use training::{Trained, Training};
