//! How well forecasts of many series do, and their intervals.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::baseline::{Baseline, Observed};
use super::super::evaluation::Scores;
use super::super::metrics::Metrics;
use super::fit::Place;
use crate::Result;
use crate::data::Filled;

/// A model of many series and the baselines, measured at the same places.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelEvaluation {
    /// How many series were forecast.
    pub series: usize,
    /// From how many places in them.
    pub forecasts: usize,
    /// How many target values of the steps that are forecast were filled in; they count in no score.
    pub imputed: usize,
    /// The model's scores.
    pub model: PanelScores,
    /// The baselines': naive, seasonal naive, Naive2, Theta and ETS.
    pub baselines: Vec<PanelScores>,
    /// One entry a level, rising; none where a forecast is one number.
    pub intervals: Vec<IntervalScores>,
    /// The mean pinball loss of the quantiles, each series divided by the scale of its MASE; `None` where a forecast is one number.
    pub pinball: Option<f64>,
    /// The continuous ranked probability score, twice the mean pinball loss of evenly spread quantiles, each series divided by the
    /// scale of its MASE: the MASE of a distribution (Gneiting and Raftery 2007). `None` where a forecast is one number.
    pub crps: Option<f64>,
}

/// How well something forecasts many series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PanelScores {
    /// The key under which machines find it: `model`, or that of a baseline.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// The mean over the series of each score; of the MASE, over those that have one. The loss is not a number.
    pub overall: Scores,
    /// The mean over the series of the root mean squared error, each divided by that of the naive forecast one season ahead on its
    /// training part (the M5 competition's RMSSE has the naive forecast one step ahead).
    pub rmsse: Option<f64>,
    /// The overall weighted average of the M4 competition: the mean of sMAPE and MASE, each over that of Naive2 (Makridakis,
    /// Spiliotis and Assimakopoulos 2020).
    pub owa: Option<f64>,
    /// The MASE of each step ahead, `[horizon]`.
    pub by_step: Vec<Option<f64>>,
    /// The scores of each series, in their order; `None` where it has no value to compare with.
    #[serde(skip)]
    pub series: Vec<Option<SeriesScores>>,
}

/// How well one series is forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesScores {
    /// Its scores.
    pub scores: Scores,
    /// Its scaled root mean squared error.
    pub rmsse: Option<f64>,
}

/// How often an interval holds what comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntervalScores {
    /// The share that it should hold.
    pub level: f64,
    /// The share of values that lay inside.
    pub coverage: f64,
    /// Its mean width, each series divided by the scale of its MASE.
    pub width: Option<f64>,
    /// The share of each step ahead, `[horizon]`.
    pub by_step: Vec<Option<f64>>,
}

impl PanelEvaluation {
    /// The baseline with the least MASE, or MAE where that is undefined.
    pub fn best_baseline(&self) -> Option<&PanelScores> {
        let finite = self.baselines.iter().filter(|baseline| baseline.error().is_finite());
        finite.min_by(|a, b| a.error().total_cmp(&b.error()))
    }

    /// The series that the model forecasts worst, by their MASE, the worst first: at most `most` of those that have one.
    pub fn worst(&self, most: usize) -> Vec<(usize, f64)> {
        let all = self.model.series.iter().enumerate();
        let mut worst: Vec<(usize, f64)> =
            all.filter_map(|(k, scores)| Some((k, scores.as_ref()?.scores.mase?))).collect();
        worst.sort_by(|a, b| b.1.total_cmp(&a.1));
        worst.truncate(most);
        worst
    }
}

impl PanelScores {
    /// What forecasts of one part are compared by.
    pub fn error(&self) -> f64 {
        self.overall.mase.unwrap_or(self.overall.mae)
    }
}

/// What forecasts are compared with.
pub(super) struct Truth<'a> {
    /// The values of each series.
    pub(super) values: Vec<&'a Filled>,
    /// What the MASE of each series divides by.
    pub(super) scales: &'a [Option<f64>],
    /// What the scaled squared error of each series divides by, as a root.
    pub(super) roots: Vec<Option<f64>>,
    /// Where the forecasts begin, the places of a series behind one another.
    pub(super) places: &'a [Place],
    pub(super) horizon: usize,
}

/// The root of the mean squared change by one season over the rows `train`: what [`PanelScores::rmsse`] divides by.
pub(super) fn root_scale(values: &Filled, train: &Range<usize>, season: usize) -> Option<f64> {
    let rows = train.start + season..train.end;
    let pairs = rows.filter(|&row| values.is_observed(row) && values.is_observed(row - season));
    let (sum, count) = pairs.fold((0.0, 0usize), |(sum, count), row| {
        (sum + (values[row] - values[row - season]).powi(2), count + 1)
    });
    let root = (sum / count as f64).sqrt();
    (root > 0.0).then_some(root)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

impl Truth<'_> {
    /// The places of each series, as runs in the list of all.
    fn runs(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (n, place) in self.places.iter().enumerate() {
            match runs.last_mut().filter(|run| self.places[run.start].series == place.series) {
                Some(run) => run.end = n + 1,
                None => runs.push(n..n + 1),
            }
        }
        runs
    }

    fn observed(&self, n: usize, step: usize) -> Option<f64> {
        let place = self.places[n];
        let (values, row) = (self.values[place.series], place.origin + 1 + step);
        values.is_observed(row).then(|| values[row])
    }

    /// How many series have a place.
    pub(super) fn series(&self) -> usize {
        self.runs().len()
    }

    /// How many values of the steps ahead were filled in.
    pub(super) fn imputed(&self) -> usize {
        let all = (0..self.places.len()).flat_map(|n| (0..self.horizon).map(move |step| (n, step)));
        all.filter(|&(n, step)| self.observed(n, step).is_none()).count()
    }

    /// Scores forecasts `[places, horizon]`.
    pub(super) fn score(&self, key: &str, name: String, forecasts: &[f64]) -> PanelScores {
        let mut series = vec![None; self.values.len()];
        let mut by_step: Vec<Vec<f64>> = vec![Vec::new(); self.horizon];
        for run in self.runs() {
            let of = self.places[run.start].series;
            let scale = self.scales[of];
            let (mut came, mut said) = (Vec::new(), Vec::new());
            for step in 0..self.horizon {
                let mut errors = Vec::new();
                for n in run.clone() {
                    let Some(value) = self.observed(n, step) else { continue };
                    let forecast = forecasts[n * self.horizon + step];
                    came.push(value);
                    said.push(forecast);
                    errors.extend(scale.map(|scale| (value - forecast).abs() / scale));
                }
                by_step[step].extend(mean(errors.into_iter()));
            }
            series[of] = Metrics::of(&came, &said, scale).map(|Metrics { mae, rmse, smape, mase }| {
                let scores = Scores { mae, rmse, smape, mase, loss: f64::NAN };
                SeriesScores { scores, rmsse: self.roots[of].map(|root| rmse / root) }
            });
        }
        let all = || series.iter().flatten();
        let mean_of = |of: &dyn Fn(&Scores) -> f64| {
            mean(all().map(|one: &SeriesScores| of(&one.scores))).unwrap_or(f64::NAN)
        };
        PanelScores {
            key: key.to_owned(),
            name,
            overall: Scores {
                mae: mean_of(&|scores| scores.mae),
                rmse: mean_of(&|scores| scores.rmse),
                smape: mean_of(&|scores| scores.smape),
                mase: mean(all().filter_map(|one| one.scores.mase)),
                loss: f64::NAN,
            },
            rmsse: mean(all().filter_map(|one| one.rmsse)),
            owa: None,
            by_step: by_step.into_iter().map(|errors| mean(errors.into_iter())).collect(),
            series,
        }
    }

    /// The baselines of each series, of which those are measured that all series have. `settled` are the rows of each series that a
    /// baseline begins in.
    pub(super) fn baselines(
        &self,
        baselines: &[Vec<Baseline>],
        settled: &(dyn Fn(usize) -> Range<usize> + Sync),
    ) -> Result<Vec<PanelScores>> {
        let runs = self.runs();
        let Some(first) = runs.first() else { return Ok(Vec::new()) };
        let of_run = |run: &Range<usize>| &baselines[self.places[run.start].series];
        let mut scores = Vec::new();
        for baseline in of_run(first) {
            let key = baseline.key();
            let one = |run: &Range<usize>| of_run(run).iter().find(|other| other.key() == key).copied();
            let Some(each) = runs.iter().map(one).collect::<Option<Vec<Baseline>>>() else { continue };
            let reaches =
                |(run, one): (&Range<usize>, &Baseline)| self.places[run.start].origin + 1 >= one.period();
            if !runs.iter().zip(&each).all(reaches) {
                continue;
            }
            let forecasts = runs
                .par_iter()
                .zip(&each)
                .map(|(run, one)| self.of_baseline(one, run, settled))
                .collect::<Result<Vec<Vec<f64>>>>()?
                .concat();
            let alike = each.iter().all(|one| one.to_string() == baseline.to_string());
            let name = if alike { baseline.to_string() } else { baseline.method().to_owned() };
            scores.push(self.score(&key, name, &forecasts));
        }
        Ok(scores)
    }

    /// A baseline's forecasts at the places of one series, `[places, horizon]`.
    fn of_baseline(
        &self,
        baseline: &Baseline,
        run: &Range<usize>,
        settled: &(dyn Fn(usize) -> Range<usize> + Sync),
    ) -> Result<Vec<f64>> {
        let places = &self.places[run.clone()];
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return Ok(Vec::new()) };
        let values = self.values[first.series];
        let mask = values.mask();
        let series = Observed { values, mask: mask.as_deref() };
        let settled = settled(first.series);
        let settled = settled.start..settled.end.min(first.origin + 1);
        let all = baseline.forecasts(series, settled, first.origin..last.origin + 1, self.horizon)?;
        Ok(places.iter().flat_map(|place| all.row(place.origin - first.origin).to_vec()).collect())
    }

    /// How often the intervals `[places, horizon]` hold what came.
    pub(super) fn intervals(&self, level: f64, intervals: &[[f64; 2]]) -> IntervalScores {
        let (mut inside, mut count) = (vec![0usize; self.horizon], vec![0usize; self.horizon]);
        let mut widths = Vec::new();
        for n in 0..self.places.len() {
            for step in 0..self.horizon {
                let Some(value) = self.observed(n, step) else { continue };
                let [lower, upper] = intervals[n * self.horizon + step];
                count[step] += 1;
                inside[step] += usize::from(lower <= value && value <= upper);
                widths.extend(self.scales[self.places[n].series].map(|scale| (upper - lower) / scale));
            }
        }
        let share = |inside: usize, count: usize| (count > 0).then(|| inside as f64 / count as f64);
        IntervalScores {
            level,
            coverage: share(inside.iter().sum(), count.iter().sum()).unwrap_or(f64::NAN),
            width: mean(widths.into_iter()),
            by_step: inside.iter().zip(&count).map(|(&inside, &count)| share(inside, count)).collect(),
        }
    }

    /// Twice the mean pinball loss of values at evenly spread `levels`, `[places, horizon, levels]`, of the places `some`, each
    /// series divided by its scale.
    pub(super) fn crps(&self, some: &[usize], levels: &[f64], values: &[f64]) -> Option<f64> {
        let steps = some.iter().flat_map(|&n| (0..self.horizon).map(move |step| (n, step)));
        mean(steps.zip(values.chunks_exact(levels.len())).filter_map(|((n, step), values)| {
            let came = self.observed(n, step)?;
            let scale = self.scales[self.places[n].series]?;
            let losses = levels.iter().zip(values).map(|(level, value)| {
                let left = came - value;
                (level * left).max((level - 1.0) * left)
            });
            Some(2.0 * losses.sum::<f64>() / levels.len() as f64 / scale)
        }))
    }

    /// The mean pinball loss of a quantile `[places, horizon]`, each series divided by its scale.
    pub(super) fn pinball(&self, level: f64, quantiles: &[f64]) -> Option<f64> {
        let all = (0..self.places.len()).flat_map(|n| (0..self.horizon).map(move |step| (n, step)));
        mean(all.filter_map(|(n, step)| {
            let value = self.observed(n, step)?;
            let scale = self.scales[self.places[n].series]?;
            let left = value - quantiles[n * self.horizon + step];
            Some((level * left).max((level - 1.0) * left) / scale)
        }))
    }
}

/// Adds the overall weighted averages where Naive2 has been measured.
pub(super) fn weigh(model: &mut PanelScores, baselines: &mut [PanelScores]) {
    let naive2 = baselines.iter().find(|baseline| baseline.key == "naive2");
    let Some((smape, mase)) = naive2.and_then(|one| Some((one.overall.smape, one.overall.mase?))) else {
        return;
    };
    let owa = |scores: &PanelScores| {
        let owa = (scores.overall.smape / smape + scores.overall.mase? / mase) / 2.0;
        Some(owa).filter(|owa| owa.is_finite())
    };
    model.owa = owa(model);
    for baseline in baselines {
        baseline.owa = owa(baseline);
    }
}
