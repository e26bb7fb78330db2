//! Training: from a table to a forecaster.

use std::ops::Range;
use std::time::Instant;

use super::choose::{self, Decisions};
use super::fit::{Fitted, Material, fit};
use super::forecaster::{Forecaster, ForecasterConfig, History, TimeAxis};
use super::metrics::mase_scale;
use super::options::{DifferenceChoice, Options, Resolved, Time};
use super::preprocessing::{Frame, Input, Preprocessing, Target};
use super::score;
use super::source::{Source, Wanted};
use super::trained::{Candidate, Choice, DataSummary, Trained};
use crate::Result;
use crate::data::{Difference, Table, TimeColumn, origins_within};
use crate::train::{Progress, Stage};

/// Trains a forecaster on `table`; see the [module](super) for the recipe. The same options and table give the same
/// model bit for bit, whatever the number of threads.
///
/// Errors: options that make no sense, a table that lacks columns or values, a constant target, a series that is too
/// short for the window and the horizon, and a loss that is no longer finite.
pub fn train(table: &Table, options: &Options, progress: &mut dyn Progress) -> Result<Trained> {
    let begun = Instant::now();
    options.check()?;
    let source = Source::read(table, &wanted(options))?;
    for note in &source.notes {
        progress.note(note);
    }
    let mut decisions = choose::decide(options, &source)?;
    let mut run = resolve(options, &source, &decisions);
    let mut best: Option<(Fitted, Preprocessing, Frame, DifferenceChoice)> = None;
    let mut candidates = Vec::new();
    let count = decisions.candidates.len();
    for (index, &difference) in decisions.candidates.iter().enumerate() {
        run.difference = difference;
        let preprocessing = fit_preprocessing(&run, &source, &decisions)?;
        let frame = preprocessing.frame(source.columns())?;
        let train = origins_within(&run.split.train, preprocessing.rows_needed(), run.horizon);
        let name = match count {
            1 => format!("difference = {difference}"),
            _ => format!("trying difference = {difference} ({} of {count})", index + 1),
        };
        let stage = Stage {
            name,
            candidate: index + 1,
            candidates: count,
            epochs: run.epochs,
            examples: train.len(),
        };
        let material =
            Material { preprocessing: &preprocessing, frame: &frame, train, valid: run.split.valid.clone() };
        let fitted = fit(&material, &run, &stage, progress)?;
        candidates.push(Candidate {
            difference: difference.to_string(),
            valid_score: fitted.valid_score,
            best_epoch: fitted.best_epoch,
            epochs: fitted.epochs.len(),
            seconds: fitted.seconds,
        });
        // Of two alike, the first.
        let better = best.as_ref().is_none_or(|(other, ..)| fitted.valid_score < other.valid_score);
        if better {
            best = Some((fitted, preprocessing, frame, difference));
        }
    }
    let (fitted, preprocessing, frame, difference) = best.expect("there is at least one candidate");
    run.difference = difference;
    if count > 1 {
        let choice = Choice {
            name: "difference".into(),
            value: difference.to_string(),
            reason: comparison(&candidates, &preprocessing),
        };
        progress.note(&format!("difference = {difference}: {}", choice.reason));
        decisions.choices.push(choice);
    }
    let Fitted { net, parameters, epochs, best_epoch, stopped_early, .. } = fitted;
    let config = ForecasterConfig {
        version: env!("CARGO_PKG_VERSION").into(),
        seed: run.seed,
        net: net.config().clone(),
        season: run.season,
        loss: run.loss.clone(),
        missing: run.missing,
        time: source.axis.clone().map(|(column, format, frequency)| TimeAxis { column, format, frequency }),
        history: history(&source, &preprocessing, run.season),
        preprocessing,
    };
    let evaluate = |part: &Range<usize>| {
        let rows = config.rows_to_evaluate();
        let origins = if part.is_empty() { 0..0 } else { origins_within(part, rows, run.horizon) };
        score::evaluate(&config, &net, &parameters, &frame, origins)
    };
    let valid = evaluate(&run.split.valid)?;
    let test = evaluate(&run.split.test)?;
    let data = summarise(source);
    let mut notes = data.1;
    if run.split.valid.is_empty() {
        notes.push("there is no validation part: the last epoch was kept".into());
    }
    Ok(Trained {
        forecaster: Forecaster { config, net, parameters },
        resolved: run,
        choices: decisions.choices,
        notes,
        candidates,
        epochs,
        best_epoch,
        stopped_early,
        seconds: begun.elapsed().as_secs_f64(),
        valid,
        test,
        data: data.0,
    })
}

fn wanted(options: &Options) -> Wanted<'_> {
    fn names(columns: &[String]) -> Vec<&str> {
        columns.iter().map(String::as_str).collect()
    }
    Wanted {
        targets: names(&options.targets),
        features: names(&options.features),
        known: names(&options.known),
        time: match &options.time {
            Time::Auto => TimeColumn::Auto,
            Time::None => TimeColumn::None,
            Time::Column(name) => TimeColumn::Named(name),
        },
        missing: options.missing,
        expected_frequency: None,
    }
}

fn resolve(options: &Options, source: &Source, decisions: &Decisions) -> Resolved {
    Resolved {
        targets: options.targets.clone(),
        time: source.axis.as_ref().map(|(column, ..)| column.clone()),
        features: options.features.clone(),
        known: options.known.clone(),
        window: decisions.window,
        horizon: decisions.horizon,
        season: decisions.season,
        cell: options.cell,
        hidden: options.hidden,
        layers: options.layers,
        bidirectional: options.bidirectional,
        dropout: options.dropout,
        epochs: decisions.epochs,
        batch: decisions.batch,
        lr: options.lr,
        schedule: options.schedule,
        patience: decisions.patience,
        scale: options.scale,
        seed: options.seed,
        valid: options.valid,
        test: options.test,
        missing: options.missing,
        difference: options.difference,
        log: decisions.log.clone(),
        calendar: decisions.calendar.is_some(),
        optimizer: options.optimizer,
        clip: options.clip,
        loss: options.loss.clone(),
        split: decisions.split.clone(),
    }
}

/// Fits every scaler on the training part.
fn fit_preprocessing(run: &Resolved, source: &Source, decisions: &Decisions) -> Result<Preprocessing> {
    let train = &run.split.train;
    let difference = run.difference();
    let mut targets = Vec::new();
    for ((name, values), &log) in run.targets.iter().zip(&source.targets).zip(&run.log) {
        let scale = mase_scale(&values[train.clone()], run.season);
        targets.push(Target::fit(name, values, train, log, difference, run.horizon, run.scale, scale)?);
    }
    let inputs = |names: &[String], columns: &[Vec<f64>]| -> Result<Vec<Input>> {
        names.iter().zip(columns).map(|(name, values)| Input::fit(name, values, train, run.scale)).collect()
    };
    Ok(Preprocessing {
        targets,
        features: inputs(&run.features, &source.features)?,
        known: inputs(&run.known, &source.known)?,
        calendar: decisions.calendar.clone(),
        difference,
        window: run.window,
        horizon: run.horizon,
    })
}

/// What the candidates came to, best first.
fn comparison(candidates: &[Candidate], preprocessing: &Preprocessing) -> String {
    let mut sorted: Vec<_> = candidates.iter().collect();
    sorted.sort_by(|a, b| a.valid_score.unwrap_or(f64::NAN).total_cmp(&b.valid_score.unwrap_or(f64::NAN)));
    let scores: Vec<String> =
        sorted.iter().map(|c| format!("{} {:.3}", c.difference, c.valid_score.unwrap_or(f64::NAN))).collect();
    let unit = match preprocessing.targets.iter().all(|t| t.mase_scale.is_some()) {
        true => "MASE",
        false => "MAE",
    };
    let drifted = preprocessing.difference != Difference::None
        && !candidates.iter().any(|c| c.difference == DifferenceChoice::None.to_string());
    let left_out = if drifted { "; none was left out because the level drifts" } else { "" };
    format!("validation {unit}: {}{left_out}", scores.join(", "))
}

/// The end of the series: what a forecast from it needs.
fn history(source: &Source, preprocessing: &Preprocessing, season: usize) -> History {
    let keep = preprocessing.rows_needed().max(season).min(source.rows);
    let first = source.rows - keep;
    let past = |columns: &[Vec<f64>]| -> Vec<Vec<f64>> {
        columns.iter().map(|c| c[first..source.rows].to_vec()).collect()
    };
    let mut columns = past(&source.targets);
    columns.extend(past(&source.features));
    columns.extend(past(&source.known));
    History {
        rows: source.rows,
        times: source
            .times
            .as_ref()
            .map(|times| times[first..source.rows].iter().map(ToString::to_string).collect()),
        columns,
        ahead: source.known.iter().map(|c| c[source.rows..].to_vec()).collect(),
    }
}

/// What the report shows of the data, and the notes.
fn summarise(source: Source) -> (DataSummary, Vec<String>) {
    let labels = (0..source.rows).map(|row| source.label(row)).collect();
    let frequency = match &source.axis {
        Some((_, _, Some(frequency))) => frequency.to_string(),
        _ => String::new(),
    };
    let data = DataSummary { source: source.name, labels, frequency, targets: source.targets };
    (data, source.notes)
}
