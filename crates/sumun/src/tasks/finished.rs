//! A finished training of a task of sequences.

use super::config::TaskConfig;
use super::figures::Measured;
use super::shown::{Sample, Shown};
use crate::model::ModelFile;
use crate::train::EpochRecord;

/// A finished training.
#[derive(Debug)]
pub struct SequenceOutcome {
    /// All settings, as used.
    pub config: TaskConfig,
    /// The model with its best weights.
    pub file: ModelFile,
    /// Model and baseline on the validation and the test part.
    pub measured: Vec<Measured>,
    /// What was asked in the last part of `measured`, and the truth, in the order of its predictions; none of a language
    /// model.
    pub shown: Vec<Shown>,
    /// Texts that the model wrote; none but of a language model.
    pub samples: Vec<Sample>,
    /// Sequences of the training part.
    pub examples: usize,
    /// What each epoch came to.
    pub epochs: Vec<EpochRecord>,
    /// The epoch whose weights were kept, counted from 1.
    pub best_epoch: usize,
    /// Whether the validation part ended the training before its epochs were through.
    pub stopped_early: bool,
    /// Seconds of training, over all sittings.
    pub seconds: f64,
}
