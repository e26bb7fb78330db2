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
    /// The baselines' at the same origins: naive, drift, seasonal naive for each plausible season, Theta and ETS.
    pub baselines: Vec<ForecastScores>,
    /// The model's forecasts, `[origins, horizon, targets]`, in the units of the targets.
    pub forecasts: Array3<f64>,
}

impl Evaluation {
    /// The baseline with the least error on this part: by the MAE of a single target, by the mean MASE of several, whose
    /// units differ (by their mean MAE where a MASE is undefined). `None` where no error is finite.
    pub fn best_baseline(&self) -> Option<&ForecastScores> {
        let error = |scores: &ForecastScores| scores.error();
        let finite = self.baselines.iter().filter(|baseline| error(baseline).is_finite());
        finite.min_by(|a, b| error(a).total_cmp(&error(b)))
    }

    /// The MAE of `scores` divided by that of the naive forecast at the same origins, the mean over the targets: what
    /// forecasts of different series can be compared by. `None` where the naive forecast makes no error, or is not known.
    pub fn ratio_to_naive(&self, scores: &ForecastScores) -> Option<f64> {
        let naive = self.baselines.iter().find(|baseline| baseline.key == "naive")?;
        let ratios = scores.targets.iter().zip(&naive.targets).map(|(of, naive)| of.mae / naive.mae);
        Some(ratios.sum::<f64>() / scores.targets.len() as f64).filter(|ratio| ratio.is_finite())
    }
}

impl ForecastScores {
    /// What forecasts of one part are compared by, see [`Evaluation::best_baseline`].
    pub fn error(&self) -> f64 {
        match self.targets.len() {
            1 => self.overall.mae,
            _ => self.overall.mase.unwrap_or(self.overall.mae),
        }
    }
}

/// How well something forecasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastScores {
    /// The key under which machines find it: `model`, or that of a baseline such as `seasonal_naive_24`.
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
