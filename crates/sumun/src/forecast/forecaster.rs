//! A trained forecaster: predictions, evaluations and a summary.

use serde::{Deserialize, Serialize};

use super::net::{Net, NetConfig};
use super::preprocessing::Preprocessing;
use super::trained::Evaluation;
use crate::data::{Frequency, Missing, Table, TimeFormat, Timestamp};
use crate::loss::Loss;
use crate::{Parameters, Result};

/// A trained model with everything that it needs to forecast: weights, preprocessing, and the end of the data it was
/// trained on.
#[derive(Debug)]
pub struct Forecaster {
    pub(crate) config: ForecasterConfig,
    pub(crate) net: Net,
    pub(crate) parameters: Parameters,
}

/// Everything about a forecaster except its weights, as a model file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecasterConfig {
    /// The version of Sumun that trained it.
    pub version: String,
    /// The seed it was trained with.
    pub seed: u64,
    /// The network.
    pub net: NetConfig,
    /// From the columns of a file to the network's numbers and back.
    pub preprocessing: Preprocessing,
    /// The period of the season in rows, 1 for none: for the baselines and the scale of the MASE.
    pub season: usize,
    /// The loss that training made small.
    pub loss: Loss,
    /// What is done about missing values and rows.
    pub missing: Missing,
    /// The time column, if there is one.
    pub time: Option<TimeAxis>,
    /// The end of the data it was trained on, from which it forecasts where no file is given.
    pub history: History,
}

/// The time column of the training file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeAxis {
    /// Its name.
    pub column: String,
    /// How it is written.
    pub format: TimeFormat,
    /// The step between rows.
    pub frequency: Option<Frequency>,
}

/// The last rows of the data a forecaster was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Rows of the whole series; the last of them is the last of this history.
    pub rows: usize,
    /// The timestamp of each row of this history, as `2012-05-29T23:00:00`; `None` without a time column.
    pub times: Option<Vec<String>>,
    /// One entry a column: targets, features, known columns; each has the same number of values.
    pub columns: Vec<Vec<f64>>,
    /// The known columns after the end, if the file had such rows; one entry a known column.
    pub ahead: Vec<Vec<f64>>,
}

/// Values after the end of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// The name of the time column, if there is one.
    pub time_column: Option<String>,
    /// What each forecast row is called: its timestamp as the file writes it, or its number counted from 1; `[steps]`.
    pub labels: Vec<String>,
    /// One entry a target, in order.
    pub targets: Vec<ForecastColumn>,
    /// The timestamps, if there is a time column.
    #[serde(skip)]
    pub timestamps: Option<Vec<Timestamp>>,
    /// What was noticed in the file, one sentence each.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// The forecast of one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForecastColumn {
    /// The target's name.
    pub name: String,
    /// Its values, in its own unit, `[steps]`.
    pub values: Vec<f64>,
}

/// One row of the layer table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// The layer's name, which its tensors' names begin with.
    pub name: String,
    /// What it is: `LSTM, 32 units`.
    pub kind: String,
    /// The shape of its output; `None` is the number of windows, which is free.
    pub output: Vec<Option<usize>>,
    /// How many numbers it learns.
    pub parameters: usize,
}

/// A named tensor, as a model file holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tensor<'a> {
    /// The full name, such as `recurrent.weight_ih_l0`.
    pub name: &'a str,
    /// The shape, row-major.
    pub shape: &'a [usize],
    /// The values.
    pub values: &'a [f32],
}

impl ForecasterConfig {
    /// The rows that an origin needs behind it to be scored: the model's window and the baselines' season.
    pub(crate) fn rows_to_evaluate(&self) -> usize {
        self.preprocessing.rows_needed().max(self.season)
    }
}

impl Forecaster {
    /// Everything except the weights.
    pub fn config(&self) -> &ForecasterConfig {
        &self.config
    }

    /// The weights.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The instruction set that its recurrent layers run on.
    pub fn path(&self) -> sumun_kernels::Path {
        self.net.path()
    }

    /// The values of the `steps` rows (the horizon if `None`) after the end of `table`, or after the end of the data it
    /// was trained on if there is no table.
    ///
    /// More steps than the horizon are forecast in turns, each taking the forecasts before it for true values; errors
    /// add up then. Columns known in advance must be given for all steps (in rows that leave the other columns empty).
    /// Errors: a table without a needed column or with too few rows, known columns that end too early, and more steps
    /// than the horizon from a model with features that nobody knows ahead.
    pub fn predict(&self, table: Option<&Table>, steps: Option<usize>) -> Result<Forecast> {
        super::predict::predict(self, table, steps)
    }

    /// Forecasts from every origin of `table` with true history, beside the baselines. The MASE's scale is that of the
    /// training part. Errors: a table without a needed column, or too short for one window and one horizon.
    pub fn evaluate(&self, table: &Table) -> Result<Evaluation> {
        super::predict::evaluate(self, table)
    }

    /// The layers from the input to the output.
    pub fn summary(&self) -> Vec<LayerSummary> {
        self.net.summary(&self.parameters, self.config.preprocessing.window)
    }

    /// What a model file has to keep: everything except the weights, and the weights by name.
    pub fn to_parts(&self) -> (&ForecasterConfig, Vec<Tensor<'_>>) {
        let values = self.parameters.values();
        let tensors = self.parameters.entries().iter().map(|entry| Tensor {
            name: &entry.name,
            shape: &entry.shape,
            values: &values[entry.range.clone()],
        });
        (&self.config, tensors.collect())
    }

    /// A forecaster from what a model file kept. Nothing in it is trusted: sizes, shapes, names and numbers that do not
    /// fit together are errors, and no more memory is taken than the tensors themselves have.
    pub fn from_parts(config: ForecasterConfig, tensors: &[Tensor<'_>]) -> Result<Self> {
        super::parts::from_parts(config, tensors)
    }
}
