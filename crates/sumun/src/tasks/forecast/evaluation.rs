//! How well something forecasts.

use std::ops::Range;

use ndarray::Array3;
use serde::{Deserialize, Serialize};

/// Forecasts from every origin of a part of a series, compared with what came, beside the baselines'.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The rows of the last known values, counted from 0.
    pub origins: Range<usize>,
    /// How many target values of the rows that are forecast were filled in; they count in no score.
    pub imputed: usize,
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
    /// The mean absolute error of each step ahead in the target's unit, `[targets][horizon]`; `None` where every value of a
    /// step was filled in.
    pub mae_by_step: Vec<Vec<Option<f64>>>,
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
