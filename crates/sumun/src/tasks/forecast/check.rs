//! Whether what a model file keeps of a forecaster beside its network fits together. Nobody vouches for a file: everything is
//! checked, and sizes before anything is allocated by them.

use super::baseline::Baseline;
use super::kept::{ForecasterConfig, History, timestamp};
use super::predict::MOST_STEPS;
use super::time_axis::TimeAxis;
use super::together::Together;
use crate::data::{Frequency, Resample};
use crate::loss::Loss;
use crate::{Error, Result};

/// Rows that no file has; below it, row numbers can be added up.
const MOST_ROWS: usize = 1 << 48;

pub(super) fn damaged<T>(what: String) -> Result<T> {
    Err(Error::Model(format!("the model is damaged: {what}; use the file that training wrote")))
}

/// Error unless all parts of the configuration fit together.
pub(super) fn check(config: &ForecasterConfig) -> Result<()> {
    let p = &config.preprocessing;
    for network in config.networks() {
        network.check()?;
    }
    if !config.averaged.iter().all(|other| other.forecasts_as(p)) {
        return damaged("its networks do not forecast the same".into());
    }
    if config.season == 0 {
        return damaged("the season is 0".into());
    }
    let count = config.baselines.len();
    if count > 0 && count != p.targets.len() {
        return damaged(format!("it has baselines for {count} of {} targets", p.targets.len()));
    }
    if !config.baselines.iter().flatten().all(Baseline::is_sound) {
        return damaged("a number of a baseline is out of range".into());
    }
    let together = &config.together;
    if !together.is_empty() && (together.len() != p.targets.len() || !config.fallback.is_empty()) {
        return damaged(format!(
            "it has models beside its networks for {} of {} targets",
            together.len(),
            p.targets.len()
        ));
    }
    if !together.iter().flatten().all(Together::is_sound) {
        return damaged("a number of a model beside its networks is out of range".into());
    }
    let fallback = &config.fallback;
    let inputs = p.features.len() + p.known.len() + config.averaged.len();
    if !fallback.is_empty() && (fallback.len() != p.targets.len() || inputs > 0 || p.calendar.is_some()) {
        return damaged("a baseline forecasts other columns than its targets".into());
    }
    if !fallback.is_empty() && p.horizon > MOST_STEPS {
        return damaged(format!("a baseline forecasts {} steps", p.horizon));
    }
    if !fallback.iter().all(|baseline| baseline.is_sound() && baseline.period() <= p.window) {
        return damaged("a number of the baseline that forecasts is out of range".into());
    }
    if !matches!(config.loss, Loss::Mae(_) | Loss::Mse(_) | Loss::Huber(_)) {
        return damaged(format!("{} is no loss of a forecaster", config.loss.name()));
    }
    check_axis(config.time.as_ref(), p.calendar.is_some())?;
    check_resample(config.resample.as_ref())?;
    // Sums of numbers from a file may leave what a computer counts to.
    let needed = config.networks().map(|p| p.window.checked_add(p.reach())).collect::<Option<Vec<usize>>>();
    let Some(needed) = needed.and_then(|all| all.into_iter().max()) else {
        return damaged("its window and season are longer than any file".into());
    };
    let columns = [p.targets.len(), p.features.len(), p.known.len()];
    check_history(&config.history, columns, needed.max(config.season), p.calendar.is_some())
}

/// Error unless a time column's numbers make sense.
pub(super) fn check_axis(time: Option<&TimeAxis>, has_calendar: bool) -> Result<()> {
    time.map_or(Ok(()), |axis| axis.format.check())?;
    let frequency = time.and_then(|axis| axis.frequency);
    match frequency {
        Some(Frequency::Fixed { nanoseconds }) if nanoseconds <= 0 => {
            return damaged(format!("the step between rows is {nanoseconds} nanoseconds"));
        }
        Some(Frequency::Months { months: 0, .. }) => {
            return damaged("the step between rows is 0 months".into());
        }
        Some(Frequency::Opening(rule)) if !rule.is_sound() => {
            return damaged("the hours of its rows lie outside the day".into());
        }
        Some(Frequency::Working(rule)) if !rule.is_sound() => {
            return damaged("the step between rows is 0 months".into());
        }
        _ => {}
    }
    if time.is_some_and(|axis| !axis.closed.is_sound()) {
        return damaged("the days that are closed are not in order".into());
    }
    if has_calendar && frequency.is_none() {
        return damaged("it has a calendar, but no step between rows".into());
    }
    Ok(())
}

/// Error if rows are gathered into steps of no length.
pub(super) fn check_resample(resample: Option<&Resample>) -> Result<()> {
    let steps = |resample: &Resample| {
        matches!(resample.step, Frequency::Fixed { nanoseconds: 1.. } | Frequency::Months { months: 1.., .. })
    };
    if resample.is_some_and(|resample| !steps(resample)) {
        return damaged("rows are gathered into steps of no length".into());
    }
    Ok(())
}

/// Error unless a history has `needed` rows of so many targets, features and known columns, all of them numbers.
pub(super) fn check_history(
    history: &History,
    [targets, features, known_columns]: [usize; 3],
    needed: usize,
    has_calendar: bool,
) -> Result<()> {
    let columns = targets + features + known_columns;
    if history.columns.len() != columns || history.ahead.len() != known_columns {
        return damaged(format!("its history has {} columns for {columns}", history.columns.len()));
    }
    let rows = history.columns.first().map_or(0, Vec::len);
    if rows < needed
        || rows > history.rows
        || history.rows > MOST_ROWS
        || history.columns.iter().any(|column| column.len() != rows)
    {
        return damaged(format!("its history of {rows} rows does not fit its window and season"));
    }
    let known = history.ahead.first().map_or(0, Vec::len);
    if history.ahead.iter().any(|column| column.len() != known) {
        return damaged("its known columns end at different rows".into());
    }
    let finite = |columns: &[Vec<f64>]| columns.iter().flatten().all(|v| v.is_finite());
    if !finite(&history.columns) || !finite(&history.ahead) {
        return damaged("its history holds a number that is not finite".into());
    }
    if !history.imputed.is_empty() && history.imputed.len() != columns
        || history.imputed.iter().flatten().any(|imputed| {
            imputed.since.len() != rows
                || imputed.carried.len() != rows
                || imputed.carried.iter().any(|v| !v.is_finite())
        })
    {
        return damaged("it does not say which values of its history were filled in".into());
    }
    match &history.times {
        Some(times) if times.len() != rows => {
            return damaged(format!("its history has {} times for {rows} rows", times.len()));
        }
        Some(times) => times.iter().try_for_each(|time| timestamp(time).map(|_| ()))?,
        None if has_calendar => return damaged("it has a calendar, but no times".into()),
        None => {}
    }
    Ok(())
}
