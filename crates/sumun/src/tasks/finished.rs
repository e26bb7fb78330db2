//! A finished training of a task on sequences.

use std::path::PathBuf;

use toml::Table;

use super::example::Example;
use super::figures::Measured;
use super::shown::{Sample, Shown};
use super::task::Words;
use crate::model::{ModelFile, Summary};
use crate::settings::Settings;
use crate::train::EpochRecord;

/// A finished training.
#[derive(Debug)]
pub struct SequenceOutcome {
    /// The name of the task.
    pub task: &'static str,
    /// How people speak of it.
    pub words: Words,
    /// The settings that the task reads, with their defaults.
    pub settings: Settings,
    /// All of them as used, a table of sections.
    pub config: Table,
    /// The training file.
    pub train_file: PathBuf,
    /// The network in a few words.
    pub network: String,
    /// What the data decided of the settings: name, value and reason.
    pub choices: Vec<[String; 3]>,
    /// The model with its best weights.
    pub file: ModelFile,
    /// Its layers.
    pub summary: Summary,
    /// The names of classes or tags in the order of their ids, where there are any.
    pub classes: Vec<String>,
    /// How probable each class must be to be predicted, where a record may have several; else nothing.
    pub thresholds: Vec<f64>,
    /// The tokens that the network has a vector for, in their order; None where it reads numbers.
    pub tokens: Option<Vec<String>>,
    /// Model and baseline on the validation and the test part.
    pub measured: Vec<Measured>,
    /// What the model read in the last part of `measured`, and the truth, in the order of its predictions; none of a
    /// language model.
    pub shown: Vec<Shown>,
    /// Texts that the model wrote; none but of a language model.
    pub samples: Vec<Sample>,
    /// Records of the validation part as the network reads them, to see how far back it listens; none where that is not shown.
    pub heard: Vec<Example>,
    /// Sequences of the training part.
    pub examples: usize,
    /// What each epoch came to.
    pub epochs: Vec<EpochRecord>,
    /// The epoch whose weights were kept, counted from 1.
    pub best_epoch: usize,
    /// Whether the validation part ended the training before its epochs had all run.
    pub stopped_early: bool,
    /// Seconds of training, over all sittings.
    pub seconds: f64,
    /// The seed of all randomness.
    pub seed: u64,
    /// What was noticed about the data, a sentence each.
    pub notes: Vec<String>,
}
