//! A trained model of many series.

use serde::{Deserialize, Serialize};

use super::super::baseline::Baseline;
use super::super::fit::INFERENCE_BATCH;
use super::super::kept::History;
use super::super::network::{Sizes, WINDOW, numbered, outputs, stack};
use super::super::time_axis::TimeAxis;
use super::calibrate::{Calibration, Misses};
use super::fit::{known_ahead, windows};
use super::head::Head;
use super::templates::Templates;
use super::view::{Frame, View};
use crate::data::{Categories, Missing, NumberForm, ReadOptions, Resample};
use crate::loss::Loss;
use crate::model::{Feed, Model};
use crate::{Error, Result};
use sumun_nn::Distribution;

/// Everything about a model of many series except its network, as a model file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PanelForecasterConfig {
    /// The version of Sumun that trained it.
    pub version: String,
    /// The seed it was trained with.
    pub seed: u64,
    /// The columns that tell the series apart; none where it learnt one series.
    pub columns: Vec<String>,
    /// Which of several series of its table it was trained on, as `column=value`, where it learnt one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// How each network sees a series; the forecasts of several are averaged.
    pub views: Vec<View>,
    /// The shares that the intervals hold, rising; none where a forecast is one number.
    pub levels: Vec<f64>,
    /// The distribution whose parameters the networks return; `None` where they return quantiles, or one number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// What makes the intervals hold.
    pub calibration: Calibration,
    /// How the steps of a forecast hang together.
    #[serde(default, skip_serializing_if = "Templates::is_empty")]
    pub templates: Templates,
    /// The loss that training made small, where a forecast is one number.
    pub loss: Loss,
    /// What is done about missing values and rows.
    pub missing: Missing,
    /// The even steps that the rows of a file are gathered into, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resample: Option<Resample>,
    /// What was said about how the training file is written: other files are read in the same way.
    #[serde(default, skip_serializing_if = "ReadOptions::is_default")]
    pub reading: ReadOptions,
    /// The columns of words, each of which is several columns of numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Categories>,
    /// How the columns of the training file are written, by name.
    #[serde(default)]
    pub forms: Vec<(String, NumberForm)>,
    /// The time column, if there is one.
    pub time: Option<TimeAxis>,
    /// The series that it was trained on.
    pub known_series: Vec<KnownSeries>,
}

/// A series that a model was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownSeries {
    /// What stands in the columns that tell the series apart.
    pub id: Vec<String>,
    /// One value a static column; `None` where it is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statics: Vec<Option<f64>>,
    /// The end of its rows, from which it is forecast where no file is given.
    pub history: History,
    /// What its MASE divides by.
    pub mase_scale: Option<f64>,
    /// The baselines fitted to its training part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<Baseline>,
}

/// A trained model of many series with everything that it needs to forecast.
#[derive(Debug)]
pub struct PanelForecaster {
    pub(super) config: PanelForecasterConfig,
    pub(super) model: Model,
}

/// Forecasts from several places in series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Forecasts {
    /// z, `[places, horizon, levels]`; the levels of a step rise.
    pub(super) z: Vec<f64>,
    /// The spread of each place's window.
    pub(super) spreads: Vec<f64>,
    /// Of distributions of counts, their means, `[places, horizon]`.
    pub(super) means: Option<Vec<f64>>,
}

impl PanelForecasterConfig {
    /// How the first network sees a series: what all have alike stands there.
    pub fn view(&self) -> &View {
        &self.views[0]
    }

    /// What people call the model.
    pub(super) fn model_name(&self, model: &Model) -> Result<String> {
        let family = stack(model)?.config().cell.spec().family;
        Ok(match self.views.len() {
            1 => family.to_owned(),
            several => format!("mean of {several} {family}s"),
        })
    }

    pub(super) fn head(&self) -> Head {
        Head::new(self.distribution, &self.levels)
    }

    /// Whether the values are whole numbers from 0 on.
    pub(super) fn of_counts(&self) -> bool {
        self.distribution.is_some_and(Distribution::is_of_counts)
    }

    pub(super) fn sizes(&self) -> Vec<Sizes> {
        let head = self.head();
        self.views.iter().map(|view| view.sizes(&head)).collect()
    }

    /// The forecasts from `origins`, the first of them in the first of the frames and so on, at the levels of the intervals.
    pub(super) fn forecasts(&self, model: &Model, frames: &[&Frame], origins: &[usize]) -> Result<Forecasts> {
        self.forecasts_at(model, frames, origins, self.head().levels())
    }

    /// The same at other levels: of several networks their mean, level by level. Errors: outputs of another shape, as those of a
    /// file that was tampered with may be.
    fn forecasts_at(
        &self,
        model: &Model,
        frames: &[&Frame],
        origins: &[usize],
        levels: &[f64],
    ) -> Result<Forecasts> {
        let (sizes, view, head) = (self.sizes(), self.view(), self.head());
        let names: Vec<(String, String)> = sizes
            .iter()
            .enumerate()
            .map(|(index, sizes)| (numbered(WINDOW, index), sizes.ahead_name(index)))
            .collect();
        let (per_place, members) = (view.horizon * levels.len(), self.views.len() as f64);
        let mut z = Vec::with_capacity(origins.len() * per_place);
        let mut means = Vec::new();
        for (frames, origins) in frames.chunks(INFERENCE_BATCH).zip(origins.chunks(INFERENCE_BATCH)) {
            let mut feed = Feed::new();
            for ((window, ahead), view) in names.iter().zip(&self.views) {
                feed = feed.rows(window, windows(view, frames, origins)?);
                if let Some(rows) = known_ahead(view, frames, origins)? {
                    feed = feed.rows(ahead, rows);
                }
            }
            let rows = model.outputs(feed, None)?.rows;
            if rows.len() != self.views.len() {
                return Err(Error::Model(format!(
                    "its model has {} outputs for {}",
                    rows.len(),
                    self.views.len()
                )));
            }
            let mut sum = vec![0.0; origins.len() * per_place];
            let mut sum_of_means = vec![0.0; origins.len() * view.horizon];
            for ((rows, view), &sizes) in rows.iter().zip(&self.views).zip(&sizes) {
                let y = outputs(rows, sizes, origins.len())?;
                let of_place = view.horizon * head.width();
                let mut one = Vec::with_capacity(sum.len());
                for (n, (frame, &origin)) in frames.iter().zip(origins).enumerate() {
                    let y = &y[n * of_place..][..of_place];
                    view.forecast(frame, origin, (&head, y), levels, &mut one);
                    if let Some(distribution) = head.of_counts() {
                        let scale = view.count_scale(frame, origin);
                        let of_steps = y.chunks_exact(head.width()).map(|y| distribution.mean(y, scale));
                        let sums = &mut sum_of_means[n * view.horizon..];
                        sums.iter_mut().zip(of_steps).for_each(|(sum, mean)| *sum += mean);
                    }
                }
                sum.iter_mut().zip(one).for_each(|(sum, value)| *sum += value);
            }
            z.extend(sum.into_iter().map(|sum| sum / members));
            means.extend(sum_of_means.into_iter().map(|sum| sum / members));
        }
        let spreads = frames.iter().zip(origins).map(|(frame, &origin)| view.scale(frame, origin).spread);
        Ok(Forecasts { z, spreads: spreads.collect(), means: self.of_counts().then_some(means) })
    }

    /// What comes with each of the probabilities `levels` or less, calibrated and in the unit of the series,
    /// `[places, horizon, levels]`; rising where the levels do.
    pub(super) fn values_at(
        &self,
        model: &Model,
        frames: &[&Frame],
        origins: &[usize],
        levels: &[f64],
    ) -> Result<Vec<f64>> {
        let Forecasts { mut z, spreads, .. } = self.forecasts_at(model, frames, origins, levels)?;
        let horizon = self.view().horizon;
        let offsets: Vec<Vec<f64>> =
            (0..horizon).map(|step| self.calibration.at(step, &self.levels, levels)).collect();
        for (k, z) in z.chunks_exact_mut(levels.len()).enumerate() {
            let (place, step) = (k / horizon, k % horizon);
            for (z, offset) in z.iter_mut().zip(&offsets[step]) {
                *z = self.value(*z + offset * spreads[place]);
            }
            z.sort_by(f64::total_cmp);
        }
        Ok(z)
    }

    /// The value of a z: one that can come.
    fn value(&self, z: f64) -> f64 {
        let value = self.view().bounded(z);
        if self.of_counts() { value.round() } else { value }
    }

    /// The nearest of a value that can come.
    pub(super) fn possible(&self, value: f64) -> f64 {
        let value = self.view().at_least(value);
        if self.of_counts() { value.round() } else { value }
    }

    /// The medians of forecasts, in the unit of the series, `[places, horizon]`.
    pub(super) fn medians(&self, forecasts: &Forecasts) -> Vec<f64> {
        let count = 2 * self.levels.len() + 1;
        forecasts.z.chunks_exact(count).map(|z| self.value(z[self.levels.len()])).collect()
    }

    /// A quantile of forecasts, calibrated, in the unit of the series, `[places, horizon]`; `at` is its place among the
    /// quantiles.
    pub(super) fn quantile(&self, forecasts: &Forecasts, at: usize) -> Vec<f64> {
        let middle = self.levels.len();
        match at.cmp(&middle) {
            std::cmp::Ordering::Equal => self.medians(forecasts),
            std::cmp::Ordering::Less => {
                self.intervals(forecasts, middle - 1 - at).iter().map(|ends| ends[0]).collect()
            }
            std::cmp::Ordering::Greater => {
                self.intervals(forecasts, at - middle - 1).iter().map(|ends| ends[1]).collect()
            }
        }
    }

    /// The intervals of the `level`-th share, in the unit of the series, `[places, horizon]`. Each holds those of smaller shares, which
    /// may have been made wider than it was.
    pub(super) fn intervals(&self, forecasts: &Forecasts, level: usize) -> Vec<[f64; 2]> {
        let (view, count, middle) = (self.view(), 2 * self.levels.len() + 1, self.levels.len());
        let per_place = forecasts.z.chunks_exact(count * view.horizon).zip(&forecasts.spreads);
        per_place
            .flat_map(|(z, &spread)| {
                z.chunks_exact(count).enumerate().map(move |(step, z)| {
                    let of = |level: usize| {
                        let ends = [z[middle - 1 - level], z[middle], z[middle + 1 + level]];
                        self.calibration.interval(level, step, spread, ends)
                    };
                    let [lower, upper] = (0..level)
                        .map(of)
                        .fold(of(level), |all, one| [all[0].min(one[0]), all[1].max(one[1])]);
                    [lower, upper].map(|z| self.value(z))
                })
            })
            .collect()
    }

    /// Calibrates the intervals by forecasts and what came, in z `[places, horizon]`; `None` where nothing came. The shares that
    /// could not be calibrated, since there are too few values.
    pub(super) fn calibrate(&mut self, forecasts: &Forecasts, came: &[Option<f64>]) -> Vec<f64> {
        let (count, middle, horizon) = (2 * self.levels.len() + 1, self.levels.len(), self.view().horizon);
        let mut left = Vec::new();
        let mut offsets = Vec::new();
        for (level, &share) in self.levels.iter().enumerate() {
            let mut misses = Misses::new(horizon);
            for (k, (z, came)) in forecasts.z.chunks_exact(count).zip(came).enumerate() {
                let (place, step) = (k / horizon, k % horizon);
                let spread = forecasts.spreads[place];
                if let Some(came) = came {
                    let ends = [z[middle - 1 - level], z[middle + 1 + level]];
                    misses.add(step, ends.map(|end| end / spread), came / spread);
                }
            }
            match misses.offsets(share) {
                Some(of_level) => offsets.push(of_level),
                None => {
                    left.push(share);
                    offsets.push(vec![0.0; horizon]);
                }
            }
        }
        self.calibration = Calibration { offsets };
        left
    }
}

impl PanelForecaster {
    /// Everything except the network.
    pub fn config(&self) -> &PanelForecasterConfig {
        &self.config
    }

    /// The network.
    pub fn model(&self) -> &Model {
        &self.model
    }
}
