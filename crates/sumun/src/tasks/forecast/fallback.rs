//! What forecasts a series that is too short for a network: the best of the baselines.

use std::ops::Range;

use ndarray::{Array3, Axis};

use super::baseline::{Baseline, Observed};
use super::decisions::{Choice, Decisions};
use super::metrics::mase_scale_of;
use super::preprocessing::{Preprocessing, Target};
use super::season::plausible_periods;
use super::source::Source;
use crate::data::{Difference, Filled, ScaleKind, Scaler, quoted};
use crate::{Error, Result};

/// The fewest values of a target that a baseline is chosen by and fitted to.
const FEWEST: usize = 3;

/// The baseline of each target with the least error on the later half of the training part, fitted to all of it. Error: a
/// target with too few values for any.
pub(super) fn best(source: &Source, decisions: &Decisions) -> Result<Vec<Baseline>> {
    let (train, horizon) = (&decisions.split.train, decisions.horizon);
    let periods = plausible_periods(source.frequency(), decisions.season, train.len());
    let of = |(name, values): (&String, &Filled)| {
        let mask = values.mask();
        let series = Observed { values, mask: mask.as_deref() };
        let observed = train.len() - values.holes(train.clone());
        if observed < FEWEST {
            return Err(Error::Data(format!(
                "{}: column {} has {observed} value{} in {} training rows, but a forecast needs {FEWEST} or more; give more \
                 rows",
                source.name,
                quoted(name),
                if observed == 1 { "" } else { "s" },
                train.len()
            )));
        }
        best_of(series, train, &periods, horizon)
    };
    source.target_names.iter().zip(&source.targets).map(of).collect()
}

/// Where the later half of `train` begins: behind a whole period of each that is compared.
fn later_half(train: &Range<usize>, periods: &[usize]) -> usize {
    let longest = periods.iter().max().map_or(0, |period| period + 1);
    train.start + (train.len() / 2).max(longest).clamp(1, train.len() - 1)
}

fn best_of(
    series: Observed<'_>,
    train: &Range<usize>,
    periods: &[usize],
    horizon: usize,
) -> Result<Baseline> {
    let (early, origins) = {
        let begin = later_half(train, periods);
        (train.start..begin, begin - 1..train.end - 1)
    };
    let fitted = Baseline::all(series, train.clone(), periods, horizon);
    let mut best = (f64::INFINITY, Baseline::Naive);
    for baseline in Baseline::all(series, early.clone(), periods, horizon) {
        let Some(again) = fitted.iter().find(|other| other.key() == baseline.key()) else { continue };
        let steps = horizon.min(origins.len());
        let forecasts = baseline.forecasts(series, early.clone(), origins.clone(), steps)?;
        let places = origins.clone().zip(forecasts.outer_iter());
        let errors: Vec<f64> = places
            .flat_map(|(origin, ahead)| {
                let rows = (origin + 1..train.end).zip(ahead.to_vec());
                rows.filter_map(|(row, forecast)| Some((series.at(row)? - forecast).abs()))
            })
            .collect();
        let error = errors.iter().sum::<f64>() / errors.len() as f64;
        // Of two alike, the first.
        if error < best.0 {
            best = (error, *again);
        }
    }
    Ok(best.1)
}

/// What `baselines` are called together.
pub(super) fn name(baselines: &[Baseline]) -> String {
    let mut names: Vec<String> = baselines.iter().map(ToString::to_string).collect();
    names.dedup();
    names.join(", ")
}

/// What is said of it.
pub(super) fn note(decisions: &Decisions, baselines: &[Baseline]) -> String {
    format!("too short for a network: {}; forecast by {}", reason(decisions), name(baselines))
}

/// The choice of it among those that the data decided.
pub(super) fn choice(decisions: &Decisions, baselines: &[Baseline]) -> Choice {
    let reason = format!("too short for one: {}; forecast by {}", reason(decisions), name(baselines));
    Choice { name: "network".into(), value: "none".into(), reason }
}

fn reason(decisions: &Decisions) -> String {
    let (train, horizon, window) = (decisions.split.train.len(), decisions.horizon, decisions.window);
    format!("{train} training rows, but horizon {horizon} and a window of {window} need {}", horizon + window)
}

/// The columns as they are, for forecasts without a network.
pub(super) fn preprocessing(source: &Source, decisions: &Decisions, baselines: &[Baseline]) -> Preprocessing {
    let train = &decisions.split.train;
    let plain = || Scaler { kind: ScaleKind::None, offset: 0.0, scale: 1.0 };
    let target = |((name, values), &min): ((&String, &Filled), &Option<f64>)| Target {
        name: name.clone(),
        log: false,
        steady: false,
        level: plain(),
        change: plain(),
        mase_scale: mase_scale_of(values, train, decisions.season),
        marked: false,
        min,
    };
    let columns = source.target_names.iter().zip(&source.targets).zip(&decisions.min);
    Preprocessing {
        targets: columns.map(target).collect(),
        features: Vec::new(),
        known: Vec::new(),
        calendar: None,
        difference: Difference::None,
        window: baselines.iter().map(Baseline::period).max().unwrap_or(1).max(FEWEST),
        horizon: decisions.horizon,
    }
}

/// The baselines' forecasts at `origins`, `[origins, horizon, C]`, within the least value of each target; they begin in the
/// rows `settled`.
pub(super) fn forecasts(
    baselines: &[Baseline],
    targets: &[Target],
    values: &[Filled],
    settled: &Range<usize>,
    origins: &Range<usize>,
    horizon: usize,
) -> Result<Array3<f64>> {
    let mut all = Array3::zeros((origins.len(), horizon, baselines.len()));
    for (c, ((baseline, target), values)) in baselines.iter().zip(targets).zip(values).enumerate() {
        let mask = values.mask();
        let series = Observed { values, mask: mask.as_deref() };
        let of_target = baseline.forecasts(series, settled.clone(), origins.clone(), horizon)?;
        all.index_axis_mut(Axis(2), c).assign(&of_target.mapv(|value| target.bounded(value)));
    }
    Ok(all)
}
