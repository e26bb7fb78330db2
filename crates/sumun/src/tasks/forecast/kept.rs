//! What a model file keeps of a forecaster beside its network.

use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::preprocessing::{Columns, Frame, Preprocessing};
use super::source::Source;
use super::time_axis::TimeAxis;
use super::together::{self, Together};
use crate::data::{
    Categories, Filled, Imputed, Missing, NumberForm, ReadOptions, Resample, Steps, Timestamp,
};
use crate::loss::Loss;
use crate::{Error, Result};

/// Everything about a forecaster except its network, as a model file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecasterConfig {
    /// The version of Sumun that trained it.
    pub version: String,
    /// The seed it was trained with.
    pub seed: u64,
    /// From the columns of a file to the network's numbers and back.
    pub preprocessing: Preprocessing,
    /// The same for further networks, whose forecasts are averaged with that of the first; they forecast the same columns
    /// equally far from the same ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub averaged: Vec<Preprocessing>,
    /// The period of the season in rows, 1 for none: for the baselines and the scale of the MASE.
    pub season: usize,
    /// What forecasts each target, where the series was too short for a network; else none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<Baseline>,
    /// The baselines fitted to the training part, one list a target; empty in the files of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<Vec<Baseline>>,
    /// What forecasts each target together with the networks; empty where they forecast alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<Option<Together>>,
    /// The loss that training made small.
    pub loss: Loss,
    /// What is done about missing values and rows.
    pub missing: Missing,
    /// The even steps that the rows of a file are gathered into, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resample: Option<Resample>,
    /// What was said about how the training file is written: other files are read in the same way.
    #[serde(default, skip_serializing_if = "ReadOptions::is_default")]
    pub reading: ReadOptions,
    /// The columns of words, each of which is several features or known columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Categories>,
    /// How the columns of the training file are written, by name.
    #[serde(default)]
    pub forms: Vec<(String, NumberForm)>,
    /// The time column, if there is one.
    pub time: Option<TimeAxis>,
    /// Which of several series of its table it was trained on, as `column=value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// The end of the data it was trained on, from which it forecasts where no file is given.
    pub history: History,
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
    /// Which values of the columns were filled in, an entry a column; empty where none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imputed: Vec<Option<Imputed>>,
    /// The known columns after the end, if the file had such rows; one entry a known column.
    pub ahead: Vec<Vec<f64>>,
}

impl History {
    /// The last `rows` of a source.
    pub(super) fn of(source: &Source, rows: usize) -> Self {
        let keep = rows.min(source.rows);
        let first = source.rows - keep;
        let all = source.targets.iter().chain(&source.features).chain(&source.known);
        let past: Vec<Filled> = all.map(|column| column.slice(first..source.rows)).collect();
        let imputed: Vec<Option<Imputed>> = past.iter().map(|column| column.imputed().cloned()).collect();
        Self {
            rows: source.first_row + source.rows,
            times: source
                .times
                .as_ref()
                .map(|times| times[first..source.rows].iter().map(ToString::to_string).collect()),
            columns: past.into_iter().map(|column| column.into_parts().0).collect(),
            imputed: if imputed.iter().any(Option::is_some) { imputed } else { Vec::new() },
            ahead: source.known.iter().map(|c| c[source.rows..].to_vec()).collect(),
        }
    }

    /// The columns again, with the names of the targets, the features and the known columns. Error: times that are none.
    pub(super) fn source(&self, axis: Option<TimeAxis>, names: [Vec<String>; 3]) -> Result<Source> {
        let rows = self.columns.first().map_or(0, Vec::len);
        let imputed = self.imputed.iter().cloned().chain(std::iter::repeat(None));
        let mut columns = self.columns.iter().cloned().zip(imputed).map(|(v, i)| Filled::new(v, i));
        let mut take = |count: usize| columns.by_ref().take(count).collect::<Vec<_>>();
        let [target_names, feature_names, known_names] = names;
        let (targets, features) = (take(target_names.len()), take(feature_names.len()));
        let mut known = take(known_names.len());
        for (known, ahead) in known.iter_mut().zip(&self.ahead) {
            known.append(ahead.clone().into());
        }
        let mut times = match &self.times {
            Some(times) => Some(times.iter().map(|text| timestamp(text)).collect::<Result<Vec<_>>>()?),
            None => None,
        };
        // Times of the known rows ahead follow from the step.
        if let (Some(times), Some(steps)) = (&mut times, axis.as_ref().and_then(TimeAxis::steps)) {
            let ahead = known.first().map_or(0, |known| known.len() - rows);
            extend_times(times, &steps, ahead)?;
        }
        Ok(Source {
            name: END_OF_TRAINING.into(),
            rows,
            first_row: self.rows - rows,
            targets,
            features,
            known,
            times,
            axis,
            target_names,
            feature_names,
            known_names,
            categories: Vec::new(),
            forms: Vec::new(),
            notes: Vec::new(),
        })
    }
}

/// The name of what a model keeps of its training data.
pub(super) const END_OF_TRAINING: &str = "the end of the training data";

/// A timestamp as a model file keeps it.
pub(super) fn timestamp(text: &str) -> Result<Timestamp> {
    text.parse()
        .map_err(|_| Error::Model(format!("the model's history has the time {text:?}, which is none")))
}

/// Adds the times of so many steps more.
pub(super) fn extend_times(times: &mut Vec<Timestamp>, steps: &Steps<'_>, count: usize) -> Result<()> {
    let Some(mut last) = times.last().copied() else { return Ok(()) };
    for _ in 0..count {
        last = steps.advance(&last, 1)?;
        times.push(last);
    }
    Ok(())
}

impl ForecasterConfig {
    /// What each network sees, the first one's before the others'.
    pub(crate) fn networks(&self) -> impl Iterator<Item = &Preprocessing> {
        std::iter::once(&self.preprocessing).chain(&self.averaged)
    }

    /// The rows that a forecast needs behind it: those of the network that needs most.
    pub fn rows_needed(&self) -> usize {
        self.networks().map(Preprocessing::rows_needed).max().unwrap_or(0)
    }

    /// The newest rows that a forecast looks at where there are so many: those that it needs, and those that an ARIMA model
    /// beside the networks remembers.
    pub(super) fn rows_looked_at(&self) -> usize {
        self.rows_needed().max(together::rows(&self.together))
    }

    /// The series as each network sees it. Error: a target that needs a logarithm and is not above 0.
    pub(crate) fn frames(&self, columns: Columns<'_>) -> Result<Vec<Frame>> {
        self.networks().map(|preprocessing| preprocessing.frame(columns)).collect()
    }

    /// The rows that an origin needs behind it to be scored: the model's window and the baselines' season.
    pub(crate) fn rows_to_evaluate(&self) -> usize {
        self.rows_needed().max(self.season)
    }
}
