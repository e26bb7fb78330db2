//! What a training came to.

use serde::{Deserialize, Serialize};

use super::config::ForecastConfig;
use super::decisions::Decisions;
use super::evaluation::Evaluation;
use super::forecaster::Forecaster;
use crate::data::Filled;
use crate::tasks::example::Example;
use crate::train::EpochRecord;

/// A trained forecaster and all that is worth telling about its training.
#[derive(Debug)]
pub struct ForecastOutcome {
    /// The model.
    pub forecaster: Forecaster,
    /// All settings, as they were asked for.
    pub config: ForecastConfig,
    /// What the data decided, and why.
    pub decisions: Decisions,
    /// What was noticed in the data, one sentence each.
    pub notes: Vec<String>,
    /// The candidates among which the validation part decided, in the order they were trained; one if there was
    /// nothing to decide.
    pub candidates: Vec<Candidate>,
    /// The epochs of the chosen candidate, in order.
    pub epochs: Vec<EpochRecord>,
    /// The epoch whose weights were kept, counted from 1.
    pub best_epoch: usize,
    /// Whether training ended before the last epoch because the validation loss stood still.
    pub stopped_early: bool,
    /// Seconds of training, over all sittings and all candidates.
    pub seconds: f64,
    /// Scores on the validation part; `None` if there is none.
    pub valid: Option<Evaluation>,
    /// Scores on the test part; `None` if there is none.
    pub test: Option<Evaluation>,
    /// What the report shows of the data.
    pub data: DataSummary,
    /// Of each network, some windows of the validation part as it reads them.
    pub(super) heard: Vec<Vec<Example>>,
}

/// A network that was trained to see whether it is the best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// What it subtracts from the targets: `none`, `last` or `season`.
    pub difference: String,
    /// The mean absolute error over every forecast value that lies in the validation part, in the unit of the series
    /// and divided by the MASE's scale where there is one; the mean over the targets. `None` without validation part.
    pub valid_score: Option<f64>,
    /// Its best epoch, counted from 1.
    pub best_epoch: usize,
    /// How many epochs it was trained for.
    pub epochs: usize,
    /// Whether it was clearly behind the best candidate before it and not trained to its end.
    #[serde(default)]
    pub given_up: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// The rows that were used, for the report.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSummary {
    /// The file's name.
    pub source: String,
    /// What each row is called: its timestamp as the file writes it, or its number counted from 1; `[rows]`.
    pub labels: Vec<String>,
    /// The step between rows for people, such as `hourly`; empty without timestamps.
    pub frequency: String,
    /// The values of each target, `[targets][rows]`; NaN where one was filled in.
    pub targets: Vec<Vec<f64>>,
    /// The same with what was filled in.
    pub(super) filled: Vec<Filled>,
}
