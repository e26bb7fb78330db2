//! A run and the one that went on from it, measured on the test part of each.

use std::path::Path;

use super::super::config::ForecastConfig;
use super::super::evaluation::Scores;
use super::super::plan::ForecastPlan;
use super::super::score;
use super::super::task::{open_run, plan};
use super::super::wishes::read_table;
use crate::Result;
use crate::data::{Timestamp, origins_within};
use crate::run::CONFIG_FILE;
use crate::settings::read_config;

/// The run that a training went on from and the one that came of it, on one part.
#[derive(Debug, Clone, PartialEq)]
pub struct ContinuedPart {
    /// Which part: `old test` or `new test`; `valid` in place of `test` where there is no test part.
    pub part: String,
    /// The file that it is of.
    pub file: String,
    /// From how many rows there were forecasts.
    pub origins: usize,
    /// The old model's scores, the mean over the targets.
    pub old: Scores,
    /// The new model's.
    pub new: Scores,
    /// Whether rows of the part were among those that the new model learnt from.
    pub seen: bool,
}

/// Measures a run and the one that went on from it, on the test part of each; and what could not be measured, a sentence each.
/// The MASE of both divides by the scale that its model keeps. Error: runs that cannot be read.
pub fn compare_continued(old: &Path, new: &Path) -> Result<(Vec<ContinuedPart>, Vec<String>)> {
    let models = [old, new].map(open_run);
    let [old_model, new_model] = models;
    let (old_model, new_model) = (old_model?, new_model?);
    let (mut parts, mut notes) = (Vec::new(), Vec::new());
    let mut learnt: Option<(Timestamp, Timestamp)> = None;
    let mut planned = Vec::new();
    for (name, run) in [("old", old), ("new", new)] {
        let read = || -> Result<ForecastPlan> {
            let config = ForecastConfig::from_tables(&[read_config(&run.join(CONFIG_FILE))?])?;
            let table = read_table(&config.data.train, &config.read_options())?;
            plan(&config, &table, Vec::new())
        };
        match read() {
            Ok(plan) => planned.push((name, plan)),
            Err(error) => notes.push(format!("the {name} test part cannot be measured: {error}")),
        }
    }
    if let Some((_, plan)) = planned.iter().find(|(name, _)| *name == "new") {
        let first = plan.continued.as_ref().map_or(0, |continued| continued.before);
        let train = first..plan.decisions.split.train.end.max(first);
        let times = plan.source.times.as_ref().and_then(|times| times.get(train));
        learnt = times.and_then(|times| Some((*times.first()?, *times.last()?)));
    }
    for (name, plan) in planned {
        let split = &plan.decisions.split;
        let (what, part) =
            if split.test.is_empty() { ("valid", &split.valid) } else { ("test", &split.test) };
        let rows = old_model.config().rows_to_evaluate().max(new_model.config().rows_to_evaluate());
        let horizon = plan.decisions.horizon;
        let mut scores = Vec::new();
        for model in [&old_model, &new_model] {
            let frames = model.config().frames(plan.source.columns())?;
            let origins = if part.is_empty() { 0..0 } else { origins_within(part, rows, horizon) };
            scores.extend(score::evaluate(
                model.config(),
                model.model(),
                &frames,
                origins,
                split.train.clone(),
            )?);
        }
        let [old, new] = scores.as_slice() else {
            notes.push(format!("the {name} {what} part has no forecast to measure"));
            continue;
        };
        let seen = name == "old"
            && plan.source.times.as_ref().and_then(|times| times.get(part.clone())).is_some_and(|times| {
                learnt.is_some_and(|(first, last)| times.iter().any(|time| (first..=last).contains(time)))
            });
        if seen {
            notes.push(
                "rows of the old test part are among those that the new model learnt from, which makes it look better there"
                    .into(),
            );
        }
        parts.push(ContinuedPart {
            part: format!("{name} {what}"),
            file: plan.source.name.clone(),
            origins: old.origins.len(),
            old: old.model.overall,
            new: new.model.overall,
            seen,
        });
    }
    Ok((parts, notes))
}
