//! From a training to the page that a person opens.

use std::ops::Range;

use super::page::forecast_report;
use super::shown::{
    DataFacts, Errors, Example, ForecastReport, Interval, ScoredForecaster, SplitFacts, Stretch, TargetReport,
};
use crate::report::EpochRow;
use crate::tasks::forecast::baseline::Observed;
use crate::tasks::forecast::evaluation::{Evaluation, Scores};
use crate::tasks::forecast::network::stack;
use crate::tasks::forecast::outcome::ForecastOutcome;
use crate::tasks::layers::layer_rows;
use crate::tasks::protocol::About;

/// The page of a training.
pub(in crate::tasks::forecast) fn report(trained: &ForecastOutcome, about: &About) -> String {
    forecast_report(&trained.report(about))
}

/// The most rows of a series that the page draws; a longer series shows its end.
const MOST_ROWS: usize = 20_000;
/// The most rows before the forecast that an example shows.
const MOST_HISTORY: usize = 168;
/// The share of validation errors that the range around the forecast holds.
const WITHIN: f64 = 0.8;
/// The fewest validation errors of a step ahead from which a range is estimated.
const FEWEST_ERRORS: usize = 20;
/// The most residuals that the histogram counts; of more, evenly spaced origins are taken.
const MOST_RESIDUALS: usize = 200_000;

impl ForecastOutcome {
    /// The report of this training, for [`forecast_report`].
    pub fn report(&self, about: &About) -> ForecastReport {
        let decisions = &self.decisions;
        let future = self.forecaster.predict(None, None);
        // The page says elsewhere which column holds the time.
        let remarkable = |note: &&String| !note.starts_with("time column ");
        let told = |note: &&String| !self.notes.contains(note);
        let all = about.notes.iter().filter(told).chain(&self.notes);
        let mut remarks: Vec<String> = all.filter(remarkable).cloned().collect();
        if let Err(error) = &future {
            remarks.push(format!("No forecast after the end of the file: {error}"));
        }
        let future = future.ok();
        let names = self.config.data.target.join(", ");
        ForecastReport {
            title: format!("Forecast of {names}"),
            subtitle: format!("From {}", self.data.source),
            created: about.created.clone(),
            command: about.command.clone(),
            predict_command: about.predict_command.clone(),
            version: self.forecaster.config().version.clone(),
            seed: self.config.train.seed,
            seconds: self.seconds,
            threads: about.threads,
            path: self
                .forecaster
                .model()
                .and_then(|model| stack(model).ok())
                .map_or_else(String::new, |stack| stack.path().name().into()),
            parameters: self.forecaster.parameter_count(),
            horizon: decisions.horizon,
            data: self.data_facts(),
            choices: decisions.choices.clone(),
            layers: self.forecaster.model().map_or_else(Vec::new, |model| layer_rows(&model.summary())),
            loss_name: match self.config.train.loss.as_str() {
                "mae" => "mean absolute error of scaled values".into(),
                "mse" => "mean squared error of scaled values".into(),
                other => format!("{other} loss of scaled values"),
            },
            epochs: self.epochs.iter().map(EpochRow::from).collect(),
            best_epoch: Some(self.best_epoch).filter(|_| !self.epochs.is_empty()),
            stopped_early: self.stopped_early,
            targets: (0..self.config.data.target.len())
                .map(|c| {
                    let after =
                        future.as_ref().map(|f| (f.labels.as_slice(), f.targets[c].values.as_slice()));
                    self.target_report(c, after)
                })
                .collect(),
            notes: remarks,
        }
    }

    fn data_facts(&self) -> DataFacts {
        let (asked, decisions) = (&self.config.data, &self.decisions);
        let mut columns: Vec<(String, String)> = Vec::new();
        for (names, part) in
            [(&asked.target, "target"), (&asked.features, "feature"), (&asked.known, "known ahead")]
        {
            columns.extend(names.iter().map(|name| (name.clone(), part.to_owned())));
        }
        let label = |row: usize| self.data.labels.get(row).cloned().unwrap_or_default();
        let split = |name: &str, rows: &Range<usize>| SplitFacts {
            name: name.into(),
            rows: rows.len(),
            from: if rows.is_empty() { String::new() } else { label(rows.start) },
            to: if rows.is_empty() { String::new() } else { label(rows.end - 1) },
        };
        let season = decisions.choices.iter().find(|choice| choice.name == "season");
        DataFacts {
            file: self.data.source.clone(),
            rows: self.data.labels.len(),
            columns,
            frequency: self.data.frequency.clone(),
            season: (decisions.season > 1).then_some(decisions.season),
            season_origin: season.map_or_else(|| "given".into(), |choice| choice.reason.clone()),
            splits: vec![
                split("train", &decisions.split.train),
                split("valid", &decisions.split.valid),
                split("test", &decisions.split.test),
            ],
        }
    }

    /// Everything about target `c`; `after` is what follows the end of the file, labels and values.
    fn target_report(&self, c: usize, after: Option<(&[String], &[f64])>) -> TargetReport {
        let decisions = &self.decisions;
        let values = &self.data.targets[c];
        let split = &decisions.split;
        let measured = values.len() - split.train.end;
        let history = (measured / 2).max(3 * (decisions.window + decisions.horizon)).min(split.train.end);
        let first = (split.train.end - history).max(values.len().saturating_sub(MOST_ROWS));
        let timed = decisions.time.is_some();
        let mut timestamps = Vec::new();
        if timed {
            timestamps.extend_from_slice(&self.data.labels[first..]);
            timestamps.extend(after.iter().flat_map(|(labels, _)| labels.iter().cloned()));
        }
        let (model, baselines) = self.forecasters(c);
        TargetReport {
            name: self.config.data.target[c].clone(),
            unit: String::new(),
            model,
            baselines,
            test_origins: self.test.as_ref().map_or(0, |test| test.origins.len()),
            timestamps,
            first_row: first + 1,
            actual: values[first..].to_vec(),
            valid_start: split.valid.start.saturating_sub(first),
            test_start: split.test.start.saturating_sub(first),
            test_forecast: self.test.as_ref().map_or_else(Vec::new, |test| stretches(test, c, first)),
            future: after.map_or_else(Vec::new, |(_, values)| values.to_vec()),
            future_interval: match (after, &self.valid) {
                (Some((_, future)), Some(valid)) => interval(valid, values, c, future).map(|mut interval| {
                    let target = &self.forecaster.config().preprocessing.targets[c];
                    interval.low.iter_mut().for_each(|low| *low = target.bounded(*low));
                    interval
                }),
                _ => None,
            },
            examples: self.test.as_ref().map_or_else(Vec::new, |test| self.examples(test, c)),
            residuals: self.test.as_ref().map_or_else(Vec::new, |test| residuals(test, values, c)),
        }
    }

    /// The model and the baselines; those of the validation part where there is no test part.
    fn forecasters(&self, c: usize) -> (ScoredForecaster, Vec<ScoredForecaster>) {
        let errors = |scores: Option<&Scores>| {
            scores.map_or_else(Errors::default, |s| Errors {
                mae: s.mae,
                rmse: s.rmse,
                smape: s.smape,
                mase: s.mase.unwrap_or(f64::NAN),
            })
        };
        let Some(named) = self.test.as_ref().or(self.valid.as_ref()) else {
            return (ScoredForecaster::default(), Vec::new());
        };
        // 0 is the model, then the baselines in their order, which is the same for both parts.
        let of = |part: &Option<Evaluation>, i: usize| {
            let part = part.as_ref()?;
            let scores = if i == 0 { Some(&part.model) } else { part.baselines.get(i - 1) }?;
            scores.targets.get(c).copied()
        };
        let forecaster = |i: usize| {
            let scores = if i == 0 { &named.model } else { &named.baselines[i - 1] };
            ScoredForecaster {
                name: scores.name.clone(),
                valid: errors(of(&self.valid, i).as_ref()),
                test: errors(of(&self.test, i).as_ref()),
                mae_by_step: scores.mae_by_step.get(c).map_or_else(Vec::new, |by_step| {
                    by_step.iter().map(|mae| mae.unwrap_or(f64::NAN)).collect()
                }),
            }
        };
        (forecaster(0), (1..=named.baselines.len()).map(forecaster).collect())
    }

    /// The best, a median and the worst forecast of the test part by mean absolute error.
    fn examples(&self, test: &Evaluation, c: usize) -> Vec<Example> {
        let values = &self.data.targets[c];
        let horizon = self.decisions.horizon;
        let mut errors: Vec<(usize, f64)> = (0..test.origins.len())
            .filter_map(|i| {
                let first = test.origins.start + i + 1;
                let errors = (0..horizon).map(|h| (values[first + h] - test.forecasts[[i, h, c]]).abs());
                // Of a value that was filled in, nothing is known.
                let known: Vec<f64> = errors.filter(|error| !error.is_nan()).collect();
                (!known.is_empty()).then(|| (i, known.iter().sum::<f64>() / known.len() as f64))
            })
            .collect();
        if errors.is_empty() {
            return Vec::new();
        }
        errors.sort_by(|a, b| a.1.total_cmp(&b.1));
        let last = errors.len() - 1;
        let mut chosen = vec![("Median error", last / 2), ("Worst forecast", last), ("Best forecast", 0)];
        chosen.truncate(errors.len().min(3));
        let season = self.decisions.season;
        let best = test.best_baseline();
        let fitted = self.forecaster.config().baselines.get(c);
        let baseline = best.and_then(|best| Some((best, fitted?.iter().find(|one| one.key() == best.key)?)));
        let of_baseline = |origin: usize| {
            let (best, baseline) = baseline?;
            let (filled, settled) = (&self.data.filled[c], self.decisions.split.train.clone());
            let mask = filled.mask();
            let series = Observed { values: filled, mask: mask.as_deref() };
            let forecasts = baseline.forecasts(series, settled, origin..origin + 1, horizon).ok()?;
            let target = &self.forecaster.config().preprocessing.targets[c];
            Some((best.name.clone(), forecasts.row(0).iter().map(|&value| target.bounded(value)).collect()))
        };
        chosen
            .into_iter()
            .map(|(title, rank)| {
                let (i, mae) = errors[rank];
                let origin = test.origins.start + i;
                let from = (origin + 1).saturating_sub(MOST_HISTORY.min(3 * horizon.max(season)).max(2));
                let steps = origin + 1..origin + 1 + horizon;
                Example {
                    title: title.into(),
                    origin: self.data.labels[origin].clone(),
                    timestamps: if self.decisions.time.is_some() {
                        self.data.labels[from..steps.end].to_vec()
                    } else {
                        Vec::new()
                    },
                    history: values[from..=origin].to_vec(),
                    actual: values[steps].to_vec(),
                    forecast: (0..horizon).map(|h| test.forecasts[[i, h, c]]).collect(),
                    baseline: of_baseline(origin),
                    mae,
                }
            })
            .collect()
    }
}

/// Forecasts that follow each other and cover the part once; `first` is the row that is drawn first.
fn stretches(part: &Evaluation, c: usize, first: usize) -> Vec<Stretch> {
    let (count, horizon, _) = part.forecasts.dim();
    let mut stretches = Vec::new();
    let mut covered = 0;
    for i in (0..count).step_by(horizon.max(1)).chain(count.checked_sub(1)) {
        let row = part.origins.start + i + 1;
        // The last forecast may overlap the one before; only what is new of it is drawn.
        let skip = covered.max(first).saturating_sub(row).min(horizon);
        if skip < horizon {
            let values = (skip..horizon).map(|h| part.forecasts[[i, h, c]]).collect();
            stretches.push(Stretch { start: row + skip - first, values });
            covered = row + horizon;
        }
    }
    stretches
}

fn residuals(part: &Evaluation, values: &[f64], c: usize) -> Vec<f64> {
    let (count, horizon, _) = part.forecasts.dim();
    let stride = (count * horizon).div_ceil(MOST_RESIDUALS).max(1);
    (0..count)
        .step_by(stride)
        .flat_map(|i| (0..horizon).map(move |h| (i, h)))
        .map(|(i, h)| values[part.origins.start + i + 1 + h] - part.forecasts[[i, h, c]])
        .filter(|residual| !residual.is_nan())
        .collect()
}

/// The range that held a share of the errors of the validation part at each step ahead.
fn interval(valid: &Evaluation, values: &[f64], c: usize, future: &[f64]) -> Option<Interval> {
    let (count, horizon, _) = valid.forecasts.dim();
    if future.len() > horizon {
        return None;
    }
    let half_width = |h: usize| {
        let mut errors: Vec<f64> = (0..count)
            .map(|i| (values[valid.origins.start + i + 1 + h] - valid.forecasts[[i, h, c]]).abs())
            .filter(|error| !error.is_nan())
            .collect();
        errors.sort_by(f64::total_cmp);
        let within = ((WITHIN * errors.len() as f64).ceil() as usize).clamp(1, errors.len().max(1)) - 1;
        (errors.len() >= FEWEST_ERRORS).then(|| errors[within])
    };
    let half: Vec<f64> = (0..future.len()).map(half_width).collect::<Option<_>>()?;
    Some(Interval {
        name: format!(
            "The shade holds {:.0} % of the errors that the validation part had at the same step.",
            100.0 * WITHIN
        ),
        low: future.iter().zip(&half).map(|(value, half)| value - half).collect(),
        high: future.iter().zip(&half).map(|(value, half)| value + half).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::forecast::evaluation::ForecastScores;
    use ndarray::Array3;

    /// Forecasts that are the row number plus a tenth of the step, from the origins given.
    fn evaluation(origins: Range<usize>, horizon: usize) -> Evaluation {
        let of = |i: usize, h: usize| (origins.start + i + 1 + h) as f64 + (h + 1) as f64 / 10.0;
        let scores = ForecastScores {
            key: "model".into(),
            name: "LSTM".into(),
            overall: Scores { mae: 0.0, rmse: 0.0, smape: 0.0, mase: None, loss: 0.0 },
            targets: Vec::new(),
            mae_by_step: Vec::new(),
        };
        Evaluation {
            forecasts: Array3::from_shape_fn((origins.len(), horizon, 1), |(i, h, _)| of(i, h)),
            origins,
            imputed: 0,
            model: scores,
            baselines: Vec::new(),
        }
    }

    #[test]
    fn stretches_cover_the_part_once() {
        for (origins, horizon, first) in
            [(9..20, 3, 0), (9..21, 3, 5), (9..10, 4, 2), (9..19, 1, 9), (9..20, 3, 14)]
        {
            let part = evaluation(origins.clone(), horizon);
            let mut rows = Vec::new();
            for stretch in stretches(&part, 0, first) {
                for (k, value) in stretch.values.iter().enumerate() {
                    rows.push(first + stretch.start + k);
                    assert_eq!(value.floor() as usize, first + stretch.start + k);
                }
            }
            let expected: Vec<usize> = ((origins.start + 1).max(first)..origins.end + horizon).collect();
            assert_eq!(rows, expected, "{origins:?} {horizon} {first}");
        }
        assert!(stretches(&evaluation(5..5, 3), 0, 0).is_empty());
    }

    #[test]
    fn ranges_hold_their_share_of_errors() {
        let values: Vec<f64> = (0..100).map(|row| row as f64).collect();
        let part = evaluation(40..65, 2);
        let range = interval(&part, &values, 0, &[7.0, 8.0]).unwrap();
        // It stands alone below a heading, so it is a whole sentence.
        assert_eq!(
            range.name,
            "The shade holds 80 % of the errors that the validation part had at the same step."
        );
        let near = |a: &[f64], b: [f64; 2]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(near(&range.low, [6.9, 7.8]) && near(&range.high, [7.1, 8.2]), "{range:?}");
        assert!(interval(&evaluation(40..45, 2), &values, 0, &[7.0]).is_none());
        let residuals = residuals(&part, &values, 0);
        assert_eq!(residuals.len(), 50);
        assert!((residuals[1] + 0.2).abs() < 1e-9);
    }
}
