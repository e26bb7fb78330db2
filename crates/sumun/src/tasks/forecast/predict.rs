//! Forecasts and evaluations with a trained model.

use ndarray::Axis;
use serde::Serialize;

use super::super::example::{Answers, Example, Given};
use super::super::inputs::Sequences;
use super::evaluation::Evaluation;
use super::fallback;
use super::forecaster::Forecaster;
use super::kept::{END_OF_TRAINING, ForecasterConfig, extend_times};
use super::network::{KNOWN_AHEAD, first_shown};
use super::preprocessing::{Frame, Input, Preprocessing};
use super::score;
use super::source::{AsLearnt, Source, unreadable};
use super::time_axis::TimeAxis;
use crate::data::{Filled, Missing, Table, Timestamp, origins, quoted};
use crate::message::{key, text};
use crate::model::Model;
use crate::{Error, Result};

/// More steps than anybody can mean; a guard against a slip of the finger.
pub(super) const MOST_STEPS: usize = 1_000_000;

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

impl Forecaster {
    /// The values of the `steps` rows (the horizon if `None`) after the end of `table`, or after the end of the data it
    /// was trained on if there is no table.
    ///
    /// More steps than the horizon are forecast in turns, each taking the forecasts before it for true values; errors
    /// add up then. Columns known in advance must be given for all steps (in rows that leave the other columns empty).
    /// Errors: a table without a needed column or with too few rows, known columns that end too early, and more steps
    /// than the horizon from a model with features that nobody knows ahead.
    pub fn predict(&self, table: Option<&Table>, steps: Option<usize>) -> Result<Forecast> {
        predict(self, table, steps, self.config.missing, None)
    }

    /// Forecasts from every origin of `table` with true history, beside the baselines. The MASE's scale is that of the
    /// training part. Errors: a table without a needed column, or too short for one window and one horizon.
    pub fn evaluate(&self, table: &Table) -> Result<Evaluation> {
        evaluate(self, table, self.config.missing, None).map(|(evaluation, _)| evaluation)
    }
}

/// As [`Forecaster::predict`], with what is done about missing values; rows that the forecast does not need may lack any.
/// `history` has the rows before those of the table.
pub(super) fn predict(
    model: &Forecaster,
    table: Option<&Table>,
    steps: Option<usize>,
    missing: Missing,
    history: Option<&Table>,
) -> Result<Forecast> {
    let config = &model.config;
    let p = &config.preprocessing;
    let Ready { steps, turns, mut source, labels, times } = ready(model, table, steps, missing, history)?;
    let all = match &model.model {
        Some(network) => in_turns(config, network, &mut source, turns)?,
        None => {
            let settled = 0..source.rows;
            let origin = source.rows - 1..source.rows;
            let values =
                fallback::forecasts(&config.fallback, &p.targets, &source.targets, &settled, &origin, steps)?;
            values.axis_iter(Axis(2)).map(|of_target| of_target.iter().copied().collect()).collect()
        }
    };
    finite(&source.name, all.iter().flatten().copied())?;
    let targets = p
        .targets
        .iter()
        .zip(all)
        .map(|(target, mut values)| {
            values.truncate(steps);
            ForecastColumn { name: target.name.clone(), values }
        })
        .collect();
    let time_column = source.axis.map(|axis| axis.column);
    Ok(Forecast { time_column, labels, targets, timestamps: times, notes: source.notes })
}

/// The rows that a forecast goes on from, and its steps.
struct Ready {
    steps: usize,
    /// Horizons that are forecast, one after the other.
    turns: usize,
    source: Source,
    /// What the steps are called.
    labels: Vec<String>,
    times: Option<Vec<Timestamp>>,
}

/// As [`predict`], before anything is forecast.
fn ready(
    model: &Forecaster,
    table: Option<&Table>,
    steps: Option<usize>,
    missing: Missing,
    history: Option<&Table>,
) -> Result<Ready> {
    let config = &model.config;
    let p = &config.preprocessing;
    let steps = steps.unwrap_or(p.horizon);
    if steps == 0 || steps > MOST_STEPS {
        return Err(Error::setting(key("steps"), steps, format!("a number from 1 to {MOST_STEPS}")));
    }
    expect_known(steps, p.horizon, &p.features)?;
    let mut source = match table {
        Some(table) => {
            let needed = config.rows_needed();
            // A baseline begins with the first row that there is.
            let last = model.model.is_some().then_some(config.rows_looked_at());
            let mut source = match read(model, table, missing, last) {
                // What an ARIMA model remembers is worth having, but not needed.
                Err(error) if last.is_some_and(|last| last > needed) => {
                    let mut source = read(model, table, missing, Some(needed))?;
                    source.notes.push(format!("only the newest {needed} rows are read: {error}"));
                    source
                }
                found => found?,
            };
            let wanted = config.rows_looked_at();
            if let Some(history) = history.filter(|_| source.rows < wanted) {
                // Rows may be in both.
                let before = read(model, history, missing, Some(wanted + source.rows))?;
                source = after(before, source, missing)?;
            }
            continued(model, source, missing)?
        }
        None => from_history(model)?,
    };
    enough(model, &source, config.rows_needed(), "a forecast")?;
    let known_ahead = source.known.first().map(|known| known.len() - source.rows);
    if let Some(known) = known_ahead.filter(|&known| known < steps) {
        let names: Vec<String> = p.known.iter().map(|k| format!("'{}'", k.name)).collect();
        return Err(Error::Data(format!(
            "{}: {} must be known for all {steps} steps ahead, but there are {known} such rows; add rows after the end that \
             leave the other columns empty, or ask for fewer steps",
            source.name,
            names.join(", "),
        )));
    }
    let turns = steps.div_ceil(p.horizon);
    let (labels, times) = name_steps(&mut source, steps, turns * p.horizon)?;
    // What is beyond the steps that are asked for is forecast too and thrown away.
    cover_known(&mut source, turns * p.horizon);
    for known in &mut source.known {
        *known = known.slice(0..source.rows + turns * p.horizon);
    }
    say_unreadable(p, &mut source);
    Ok(Ready { steps, turns, source, labels, times })
}

/// The window at the end of a table, as the network reads it, and the forecast from there; of several networks, the first. Error: a
/// model of no network.
pub(super) fn example(model: &Forecaster, table: &Table, what: String) -> Result<Example> {
    let networks = model.config.networks().count();
    let alone = model.first_alone()?;
    let model = alone.as_ref().unwrap_or(model);
    let config = &model.config;
    let p = &config.preprocessing;
    let Ready { mut source, labels, .. } = ready(model, Some(table), None, config.missing, None)?;
    source.notes.extend(first_shown(networks));
    if !config.together.is_empty() {
        source.notes.push(
            "the network is shown alone: the model's forecast is its forecast and that of an ARIMA model"
                .into(),
        );
    }
    let Some(network) = &model.model else {
        return Err(Error::Model("has no network, only a simple forecast, and nothing to look into".into()));
    };
    cut(&mut source, config.rows_needed());
    let (frames, origin) = (config.frames(source.columns())?, source.rows - 1);
    let Some(frame) = frames.first() else { return Err(Error::Model("its network reads nothing".into())) };
    let values = score::of_networks(config, network, &frames, origin..origin + 1)?;
    let columns = p.targets.len();
    let forecast = (0..columns).map(|c| values.iter().skip(c).step_by(columns).copied().collect()).collect();
    let first = source.rows - p.window;
    let steps = (0..p.window).map(|t| source.label(first + t)).collect();
    Ok(Example { what, steps, notes: source.notes, ..window(p, frame, origin, labels, forecast) })
}

/// The window that ends at `origin` as a network reads it, and what its outputs are; `labels` are what the steps ahead are called.
pub(super) fn window(
    p: &Preprocessing,
    frame: &Frame,
    origin: usize,
    labels: Vec<String>,
    forecast: Vec<Vec<f64>>,
) -> Example {
    let mut given = Vec::new();
    if p.ahead_width() > 0 {
        let values = p.ahead(frame, &[origin]);
        given.push(Given { name: KNOWN_AHEAD.into(), steps: p.horizon, features: p.ahead_width(), values });
    }
    let scales = p.targets.iter().map(|target| (target.name.clone(), target.change.scale));
    let window = p.windows(frame, &[origin]);
    let steps = (1..=p.window).map(|step| step.to_string()).collect();
    let columns = scales.collect();
    let answers = Answers::Ahead { steps: labels, columns, forecast, intervals: Vec::new(), usual: 0 };
    let sequences = Sequences::Numbers { features: p.input_width(), values: vec![window] };
    Example { features: p.row_names(), given, ..Example::new(steps, sequences, answers) }
}

/// Error where so many steps go beyond the horizon, and the model reads columns that nobody knows there.
pub(super) fn expect_known(steps: usize, horizon: usize, features: &[Input]) -> Result<()> {
    if steps <= horizon || features.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = features.iter().map(|input| quoted(&input.name)).collect();
    Err(Error::Settings(
        key("steps").to(steps)
            + format!(
                " is more than the {horizon} steps that the model forecasts at once, and nobody knows {} beyond the end of the \
                 file; ask for at most {horizon}, or train with a longer ",
                names.join(", "),
            )
            + key("horizon"),
    ))
}

/// Lengthens the known columns to cover so many steps ahead. What is put there touches none of the steps that are asked for.
pub(super) fn cover_known(source: &mut Source, steps: usize) {
    let rows = source.rows + steps;
    for known in &mut source.known {
        let last = known.last().copied().unwrap_or(0.0);
        while known.len() < rows {
            known.push(last);
        }
    }
}

/// The networks' forecasts of so many horizons after the end, `[C][turns · horizon]`, each from those before it.
fn in_turns(
    config: &ForecasterConfig,
    model: &Model,
    source: &mut Source,
    turns: usize,
) -> Result<Vec<Vec<f64>>> {
    let p = &config.preprocessing;
    cut(source, config.rows_looked_at());
    let mut all: Vec<Vec<f64>> = vec![Vec::with_capacity(turns * p.horizon); p.targets.len()];
    for _ in 0..turns {
        let frames = config.frames(source.columns())?;
        let origin = source.rows - 1;
        let values = score::forecasts(config, model, &frames, origin..origin + 1)?;
        for (k, &value) in values.iter().enumerate() {
            let c = k % p.targets.len();
            all[c].push(value);
            source.targets[c].push(value);
        }
        source.rows += p.horizon;
        cut(source, config.rows_looked_at());
    }
    Ok(all)
}

/// As [`Forecaster::evaluate`], with what was noticed in the file; `history` has the rows before it.
pub(super) fn evaluate(
    model: &Forecaster,
    table: &Table,
    missing: Missing,
    history: Option<&Table>,
) -> Result<(Evaluation, Vec<String>)> {
    let config = &model.config;
    let p = &config.preprocessing;
    let mut source = read(model, table, missing, None)?;
    let of_file = source.rows;
    if let Some(history) = history {
        source = after(read(model, history, missing, None)?, source, missing)?;
    }
    let before = source.rows - of_file;
    enough(model, &source, config.rows_to_evaluate() + p.horizon, "an evaluation")?;
    say_unreadable(p, &mut source);
    let frames = config.frames(source.columns())?;
    // Of rows before the file, none is forecast.
    let origins = origins(source.rows, config.rows_to_evaluate().max(before), p.horizon);
    let name = source.name.clone();
    let settled = 0..origins.start + 1;
    let evaluation = score::evaluate(config, model.model.as_ref(), &frames, origins, settled)?
        .ok_or_else(|| {
            Error::Data(format!(
                "{name}: no forecast of the file can be compared: a target has no value that was read where one is forecast"
            ))
        })?;
    finite(&name, evaluation.forecasts.iter().copied())?;
    Ok((evaluation, source.notes))
}

/// The forecast from the last row of a table that has a horizon after it, which is row `origin`, beside the baselines. `None`
/// where no value after it can be compared, or where the table's last values are missing so that another row is the last.
pub(super) fn evaluate_last(
    model: &Forecaster,
    table: &Table,
    missing: Missing,
    origin: usize,
) -> Result<Option<Evaluation>> {
    let config = &model.config;
    let p = &config.preprocessing;
    let mut source = read(model, table, missing, None)?;
    if source.rows != origin + 1 + p.horizon {
        return Ok(None);
    }
    enough(model, &source, config.rows_to_evaluate() + p.horizon, "an evaluation")?;
    say_unreadable(p, &mut source);
    let frames = config.frames(source.columns())?;
    let evaluation =
        score::evaluate(config, model.model.as_ref(), &frames, origin..origin + 1, 0..origin + 1)?;
    if let Some(evaluation) = &evaluation {
        finite(&source.name, evaluation.forecasts.iter().copied())?;
    }
    Ok(evaluation)
}

/// Refuses forecasts that are no numbers.
pub(super) fn finite(name: &str, mut values: impl Iterator<Item = f64>) -> Result<()> {
    match values.find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => Err(Error::Model(format!(
            "{name}: a forecast is {value}; the values of the file, or the weights, are too large"
        ))
        .advise(text("look for a mistake in the file, or train again with a smaller ") + key("lr"))),
    }
}

/// Says which values have no logarithm.
fn say_unreadable(p: &Preprocessing, source: &mut Source) {
    let logs = p.targets.iter().zip(&source.targets).filter(|(target, _)| target.log);
    let notes: Vec<String> = logs.filter_map(|(target, values)| unreadable(&target.name, values)).collect();
    source.notes.extend(notes);
}

/// The columns that the model needs, from a file; of interest are the `last` rows, or all.
pub(super) fn read(
    model: &Forecaster,
    table: &Table,
    missing: Missing,
    last: Option<usize>,
) -> Result<Source> {
    let config = &model.config;
    let p = &config.preprocessing;
    let learnt = AsLearnt {
        time: config.time.as_ref(),
        calendar: p.calendar.is_some(),
        resample: config.resample,
        forms: &config.forms,
        series: config.series.as_deref(),
    };
    let columns = [
        p.targets.iter().map(|t| t.name.as_str()).collect(),
        p.features.iter().map(|i| i.name.as_str()).collect(),
        p.known.iter().map(|i| i.name.as_str()).collect(),
    ];
    let wanted = learnt.wanted(table, columns, missing, last);
    match config.categories.as_slice() {
        [] => Source::read(table, &wanted),
        categories => Source::read(&table.with_categories(categories)?, &wanted),
    }
}

/// The end of the data that the model was trained on.
pub(super) fn from_history(model: &Forecaster) -> Result<Source> {
    let config = &model.config;
    let p = &config.preprocessing;
    let names = [
        p.targets.iter().map(|target| target.name.clone()).collect(),
        p.features.iter().map(|input| input.name.clone()).collect(),
        p.known.iter().map(|input| input.name.clone()).collect(),
    ];
    config.history.source(config.time.clone(), names)
}

/// Puts the end of the training data before a file that is shorter than a forecast needs and begins where that ends, or
/// within it; rows that are in both are taken from the file. Any other file stays as it is. Error: steps are missing between
/// the two, and nothing is to be done about missing steps.
fn continued(model: &Forecaster, source: Source, missing: Missing) -> Result<Source> {
    let needed = model.config.rows_needed();
    let is_enough = source.rows >= needed;
    if source.rows >= model.config.rows_looked_at() && model.model.is_some() {
        return Ok(source);
    }
    let before = from_history(model)?;
    // What a baseline says rests on all rows, and what an ARIMA model says on many: those of the training are put before any that
    // follow at once.
    let most_missing = if is_enough { 1 } else { needed };
    match Place::of(&before, &source) {
        Some(place) if before.times.is_some() && place.gap < most_missing => {
            joined(before, source, place, missing)
        }
        _ => Ok(source),
    }
}

/// Puts the rows of another file before those of `source`. Error: they do not lie before it, or steps are missing between the
/// two and nothing is to be done about missing steps.
pub(super) fn after(before: Source, source: Source, missing: Missing) -> Result<Source> {
    let Some(place) = Place::of(&before, &source) else {
        return Err(Error::Data(format!(
            "{} ({} … {}) does not lie before {}, which begins with {}; give the rows before it",
            before.name,
            before.label(0),
            before.label(before.rows.saturating_sub(1)),
            source.name,
            source.label(0)
        )));
    };
    joined(before, source, place, missing)
}

/// Where rows stand before those of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// How many of them do; the file has the others too.
    pub(super) keep: usize,
    /// How many steps between the two have no row.
    pub(super) gap: usize,
}

impl Place {
    /// `None` if they do not begin before the file, or there is no telling. Without times all of them stand before it.
    pub(super) fn of(before: &Source, source: &Source) -> Option<Self> {
        let axis = before.axis.as_ref().and_then(|axis| Some((&axis.format.clock, axis.steps()?)));
        let (Some((learnt, steps)), Some(axis)) = (axis, &source.axis) else {
            let neither = before.times.is_none() && source.times.is_none();
            return neither.then_some(Self { keep: before.rows, gap: 0 });
        };
        // Clocks that differ may be an hour apart.
        if *learnt != axis.format.clock {
            return None;
        }
        let last = before.times.as_ref()?.get(before.rows.checked_sub(1)?)?;
        let ahead = steps.steps_between(last, source.times.as_ref()?.first()?)?;
        match usize::try_from(ahead - 1) {
            Ok(gap) => Some(Self { keep: before.rows, gap }),
            Err(_) => {
                let keep = i64::try_from(before.rows).ok()? + ahead - 1;
                Some(Self { keep: usize::try_from(keep).ok().filter(|&keep| keep > 0)?, gap: 0 })
            }
        }
    }
}

pub(super) fn joined(before: Source, mut source: Source, place: Place, missing: Missing) -> Result<Source> {
    let Place { keep, gap } = place;
    if gap > 0 && missing == Missing::Error {
        return Err(Error::Data(format!(
            "{} step{} missing between {} ({}) and {} ({})",
            gap,
            if gap == 1 { " is" } else { "s are" },
            before.name,
            before.label(before.rows - 1),
            source.name,
            source.label(0)
        ))
        .advise(
            text("give these rows, or choose ") + key("missing").to("ffill") + " (repeat the last value)",
        ));
    }
    // Rows that are dropped leave no gap.
    let gap = if missing == Missing::Drop { 0 } else { gap };
    let join = |columns: &mut [Filled], past: &[Filled]| {
        for (column, past) in columns.iter_mut().zip(past) {
            let file = std::mem::replace(column, past.slice(0..keep));
            column.carry(gap);
            column.append(file);
        }
    };
    join(&mut source.targets, &before.targets);
    join(&mut source.features, &before.features);
    join(&mut source.known, &before.known);
    if let (Some(times), Some(past)) = (&mut source.times, &before.times) {
        let mut past = past[..keep].to_vec();
        if let Some(steps) = before.axis.as_ref().and_then(TimeAxis::steps) {
            extend_times(&mut past, &steps, gap)?;
        }
        times.splice(0..0, past);
    }
    source.rows += keep + gap;
    source.notes.push(match (before.name.as_str(), keep) {
        (END_OF_TRAINING, 1) => "the row before the file is the end of the training data".into(),
        (END_OF_TRAINING, _) => format!("the {keep} rows before the file are the end of the training data"),
        (name, 1) => format!("the row before the file is from {name}"),
        (name, _) => format!("the {keep} rows before the file are from {name}"),
    });
    match gap {
        0 => {}
        1 => source.notes.push("1 step between them and the file repeats the last value".into()),
        _ => source.notes.push(format!("{gap} steps between them and the file repeat the last value")),
    }
    Ok(source)
}

/// Error unless the file has as many rows as `what` needs.
fn enough(model: &Forecaster, source: &Source, needed: usize, what: &str) -> Result<()> {
    if source.rows >= needed {
        return Ok(());
    }
    let config = &model.config;
    let (window, all) = (config.preprocessing.window, config.rows_needed());
    let mut parts = vec![format!("window {window}")];
    if all > window {
        parts.push(format!("season {}", all - window));
    }
    if needed > all {
        parts.push("what is to be compared".into());
    }
    Err(Error::Data(format!(
        "{} has {} row{}, but {what} needs {needed} ({})",
        source.name,
        source.rows,
        if source.rows == 1 { "" } else { "s" },
        parts.join(" + ")
    ))
    .advise(text("give a longer file, or the rows before it with ") + key("history")))
}

/// What the next `steps` rows are called; times are extended to cover `cover` steps ahead.
pub(super) fn name_steps(
    source: &mut Source,
    steps: usize,
    cover: usize,
) -> Result<(Vec<String>, Option<Vec<Timestamp>>)> {
    let rows = source.rows;
    if let (Some(times), Some(steps)) = (&mut source.times, source.axis.as_ref().and_then(TimeAxis::steps)) {
        // Known rows ahead of the file have their times already.
        let missing = (rows + cover).saturating_sub(times.len());
        extend_times(times, &steps, missing)?;
    }
    let labels = (rows..rows + steps).map(|row| source.label(row)).collect();
    let times = match &source.times {
        Some(times) if times.len() >= rows + steps => Some(times[rows..rows + steps].to_vec()),
        _ => None,
    };
    Ok((labels, times))
}

/// Forgets all but the last `keep` rows of the past.
pub(super) fn cut(source: &mut Source, keep: usize) {
    let first = source.rows.saturating_sub(keep);
    let columns = source.targets.iter_mut().chain(&mut source.features).chain(&mut source.known);
    for column in columns {
        // Features end with the past that was read; they are not needed beyond one turn.
        *column = column.slice(first.min(column.len())..column.len());
    }
    if let Some(times) = &mut source.times {
        times.drain(..first.min(times.len()));
    }
    source.rows -= first;
    source.first_row += first;
}
