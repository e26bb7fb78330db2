//! What a training reports while it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Listens to a training, to draw a bar or write a log. Every method does nothing unless it is written; `()` is the
/// listener that stays silent.
pub trait Progress {
    /// A network begins to be trained.
    fn stage(&mut self, stage: &TrainingStage) {
        let _ = stage;
    }

    /// An optimizer step has been taken.
    fn step(&mut self, step: &StepEnd) {
        let _ = step;
    }

    /// An epoch has ended.
    fn epoch(&mut self, epoch: &EpochEnd) {
        let _ = epoch;
    }

    /// Something was noticed or decided; one sentence.
    fn note(&mut self, note: &str) {
        let _ = note;
    }
}

impl Progress for () {}

/// A network that begins to be trained: one of the candidates among which the validation part decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingStage {
    /// What is being done, for people: `trying difference = season (2 of 3)`.
    pub name: String,
    /// Which candidate, counted from 1.
    pub candidate: usize,
    /// How many there are.
    pub candidates: usize,
    /// The most epochs that it will take.
    pub epochs: usize,
    /// Windows or sequences of the training part, all of which an epoch sees.
    pub examples: usize,
    /// What a row that is read is, for people: `tokens`, `steps`, `rows`.
    pub unit: &'static str,
}

/// The step of a training within an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepEnd {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The step within the epoch, counted from 1.
    pub step: usize,
    /// How many steps an epoch has.
    pub steps: usize,
    /// The batch's loss.
    pub loss: f64,
}

/// The results of an epoch, and the progress of the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochEnd {
    /// Which candidate, counted from 1.
    pub candidate: usize,
    /// How many there are.
    pub candidates: usize,
    /// The most epochs that this candidate will take.
    pub epochs: usize,
    /// Whether this epoch is the best of this candidate so far.
    pub best: bool,
    /// The epoch.
    pub record: EpochRecord,
}

/// The steps of an epoch at which the gradients of each layer are measured.
pub const MEASURED: usize = 16;

/// What one epoch came to: one line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Its number, from 1.
    pub epoch: usize,
    /// The mean loss of the training batches, each measured before its step, with dropout.
    pub train_loss: f64,
    /// The loss on the validation part after the epoch; `None` if there is no such part.
    pub valid_loss: Option<f64>,
    /// Further figures on the validation part by name, such as `accuracy`.
    #[serde(flatten)]
    pub figures: BTreeMap<String, f64>,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// The mean global norm of the gradients before clipping.
    pub gradient_norm: f64,
    /// The same for each layer, in their order, of which a recurrent stack is one: means over up to [`MEASURED`] steps of the
    /// epoch, evenly spread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layer_norms: Vec<(String, f64)>,
    /// The share of steps whose gradients were clipped.
    pub clipped: f64,
    /// Rows read a second: sequences times their length.
    pub rows_per_second: f64,
    /// How long it took, in seconds, validation included.
    pub seconds: f64,
}
