//! What the page of a forecaster's training says, as plain data.

use crate::report::{EpochRow, LayerRow};
use crate::tasks::forecast::decisions::Choice;

/// Everything the report of a forecaster's training says. Fields that are left empty leave their part of the page out.
#[derive(Debug, Clone, Default)]
pub struct ForecastReport {
    /// The page's title, such as the data set's name and what is forecast.
    pub title: String,
    /// One sentence below the title: the source of the data, for example.
    pub subtitle: String,
    /// When the run ended, as text; the report never reads the clock.
    pub created: String,
    /// The command that repeats the run.
    pub command: String,
    /// The command that forecasts with the trained model.
    pub predict_command: String,
    /// The version of Sumun that trained the model.
    pub version: String,
    /// The seed of all randomness.
    pub seed: u64,
    /// How long training took, in seconds.
    pub seconds: f64,
    /// How many threads were used.
    pub threads: usize,
    /// The instruction set of the kernels, such as `AVX-512`.
    pub path: String,
    /// How many numbers were learnt.
    pub parameters: usize,
    /// How many values one forecast covers.
    pub horizon: usize,
    /// What is known about the data.
    pub data: DataFacts,
    /// What was decided automatically, and why.
    pub choices: Vec<Choice>,
    /// The layers from the input to the output.
    pub layers: Vec<LayerRow>,
    /// What the loss is, with its scale: `mean squared error of scaled values`.
    pub loss_name: String,
    /// One entry an epoch, in order.
    pub epochs: Vec<EpochRow>,
    /// The epoch whose weights were kept, as in [`EpochRow::epoch`]; `None` if no epoch was singled out.
    pub best_epoch: Option<usize>,
    /// Whether training ended early because the validation loss no longer fell.
    pub stopped_early: bool,
    /// One entry a forecast column.
    pub targets: Vec<TargetReport>,
    /// What the reader should know before trusting the figures: warnings, repairs of the data, oddities.
    pub notes: Vec<String>,
}

/// What is known about the data file.
#[derive(Debug, Clone, Default)]
pub struct DataFacts {
    /// The file's name.
    pub file: String,
    /// Rows used, missing ones filled.
    pub rows: usize,
    /// The columns used, in order, with their part: `("demand", "target")`.
    pub columns: Vec<(String, String)>,
    /// The distance between rows, such as `1 hour`; empty if there is no time column.
    pub frequency: String,
    /// The season's length in rows, where one was given or found.
    pub season: Option<usize>,
    /// Where the season comes from: `found in the training part`.
    pub season_origin: String,
    /// Training, validation and test part, in order of time.
    pub splits: Vec<SplitFacts>,
}

/// A part of the data.
#[derive(Debug, Clone, Default)]
pub struct SplitFacts {
    /// `train`, `valid` or `test`.
    pub name: String,
    /// How many rows it has.
    pub rows: usize,
    /// The first row's timestamp, or number.
    pub from: String,
    /// The last row's timestamp, or number.
    pub to: String,
}

/// Errors on one part of the data; `NaN` where one is undefined.
#[derive(Debug, Clone, Copy)]
pub struct Errors {
    /// Mean absolute error, in the target's unit.
    pub mae: f64,
    /// Root of the mean squared error, in the target's unit.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, in per cent (0 to 200).
    pub smape: f64,
    /// Mean absolute error divided by the training MAE of seasonal naive (Hyndman and Koehler 2006).
    pub mase: f64,
}

impl Default for Errors {
    fn default() -> Self {
        Self { mae: f64::NAN, rmse: f64::NAN, smape: f64::NAN, mase: f64::NAN }
    }
}

/// How well the model or a baseline forecasts.
#[derive(Debug, Clone, Default)]
pub struct ScoredForecaster {
    /// Its name: `LSTM`, `seasonal naive`.
    pub name: String,
    /// Its errors on the validation part.
    pub valid: Errors,
    /// Its errors on the test part.
    pub test: Errors,
    /// The test MAE of each step ahead, from the first, in the target's unit.
    pub mae_by_step: Vec<f64>,
}

/// Consecutive values that begin at a position of [`TargetReport::actual`].
#[derive(Debug, Clone, Default)]
pub struct Stretch {
    /// The position of the first value.
    pub start: usize,
    /// The values.
    pub values: Vec<f64>,
}

/// A range around a forecast.
#[derive(Debug, Clone, Default)]
pub struct Interval {
    /// What it means: a sentence, such as `The shade holds 80 % of the errors that the validation part had.`.
    pub name: String,
    /// Its lower end at each step.
    pub low: Vec<f64>,
    /// Its upper end at each step.
    pub high: Vec<f64>,
}

/// All about one forecast column.
#[derive(Debug, Clone, Default)]
pub struct TargetReport {
    /// The column's name.
    pub name: String,
    /// The unit of its values; empty if unknown.
    pub unit: String,
    /// How well the model forecasts.
    pub model: ScoredForecaster,
    /// How well the baselines forecast at the same origins.
    pub baselines: Vec<ScoredForecaster>,
    /// How many forecasts of the test part were scored.
    pub test_origins: usize,
    /// Timestamps of `actual`, then of `future`; empty if there is no time column. ISO 8601 text gets calendar ticks,
    /// other text is shown as it is.
    pub timestamps: Vec<String>,
    /// The row number of `actual[0]` in the file, for the axis where there are no timestamps.
    pub first_row: usize,
    /// Measured values: the last of the training part, validation, test. `NaN` where missing.
    pub actual: Vec<f64>,
    /// Where validation begins in `actual`.
    pub valid_start: usize,
    /// Where the test part begins in `actual`.
    pub test_start: usize,
    /// Forecasts of the test part that do not overlap, in order of time; together they cover it once.
    pub test_forecast: Vec<Stretch>,
    /// The forecast after the end of the file.
    pub future: Vec<f64>,
    /// A range around `future`, if one was estimated.
    pub future_interval: Option<Interval>,
    /// Single forecasts worth a look: the best, a median and the worst of the test part.
    pub examples: Vec<Example>,
    /// Actual minus forecast for every test origin and step, in the target's unit.
    pub residuals: Vec<f64>,
}

/// One forecast beside what came.
#[derive(Debug, Clone, Default)]
pub struct Example {
    /// Why it is shown: `Median error`.
    pub title: String,
    /// When the forecast was made: the last known timestamp or row.
    pub origin: String,
    /// Timestamps of `history`, then of the forecast; empty if there are none.
    pub timestamps: Vec<String>,
    /// The last values before the forecast.
    pub history: Vec<f64>,
    /// What came.
    pub actual: Vec<f64>,
    /// What the model said.
    pub forecast: Vec<f64>,
    /// What a baseline said: its name, as in [`TargetReport::baselines`], and its values.
    pub baseline: Option<(String, Vec<f64>)>,
    /// The forecast's mean absolute error, in the target's unit.
    pub mae: f64,
}
