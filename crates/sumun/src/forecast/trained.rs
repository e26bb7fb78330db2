//! What a training came to.

use std::ops::Range;

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::forecaster::Forecaster;
use super::options::Resolved;
use crate::train::EpochRecord;

/// A trained forecaster and all that is worth telling about its training.
#[derive(Debug)]
pub struct Trained {
    /// The model.
    pub forecaster: Forecaster,
    /// All options as used.
    pub resolved: Resolved,
    /// What was decided from the data, and why.
    pub choices: Vec<Choice>,
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
}

/// Something that was decided from the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The option: `difference`.
    pub name: String,
    /// What was chosen: `season`.
    pub value: String,
    /// Why, with the figures that decided it.
    pub reason: String,
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
    /// The values of each target, `[targets][rows]`.
    pub targets: Vec<Vec<f64>>,
}

/// Forecasts from every origin of a part of a series, compared with what came, beside the baselines'.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The rows of the last known values, counted from 0.
    pub origins: Range<usize>,
    /// The model's scores.
    pub model: ForecastScores,
    /// The baselines' at the same origins: naive, and seasonal naive if there is a season.
    pub baselines: Vec<ForecastScores>,
    /// The model's forecasts, `[origins, horizon, targets]`, in the units of the targets.
    pub forecasts: Array3<f64>,
}

/// How well something forecasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastScores {
    /// The key under which machines find it: `model`, `naive` or `seasonal_naive`.
    pub key: String,
    /// What people call it: `LSTM`, `seasonal naive (24)`.
    pub name: String,
    /// The mean over the targets.
    pub overall: Scores,
    /// One entry a target.
    pub targets: Vec<Scores>,
    /// The mean absolute error of each step ahead in the target's unit, `[targets][horizon]`.
    pub mae_by_step: Vec<Vec<f64>>,
}

/// The errors of forecasts, each a mean over all origins and steps ahead.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Mean absolute error, in the unit of the series.
    pub mae: f64,
    /// Root of the mean squared error, in the unit of the series.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, 0 to 200 %.
    pub smape: f64,
    /// The MAE divided by the training MAE of the seasonal naive forecast one season ahead (naive without a season);
    /// `None` if that is 0.
    pub mase: Option<f64>,
    /// The loss that training made small, on the scale of the network.
    pub loss: f64,
}
