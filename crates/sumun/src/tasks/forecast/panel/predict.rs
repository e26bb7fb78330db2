//! Forecasts and evaluations with a trained model of many series.

use std::collections::HashMap;

use serde::Serialize;

use super::super::baseline::{Baseline, Observed};
use super::super::metrics::mase_scale_of;
use super::super::predict::{Place as Join, after, cover_known, expect_known, finite, joined, name_steps};
use super::super::source::{AsLearnt, Source};
use super::fit::Place;
use super::forecaster::{Forecasts, PanelForecaster, PanelForecasterConfig};
use super::paths::{middles, quantile_of, without_intervals};
use super::score::{PanelEvaluation, Truth, root_scale, weigh};
use super::source::{Member, Members};
use super::templates::FEWEST_TEMPLATES;
use super::view::Frame;
use crate::data::{Filled, Missing, Split, Table, quoted};
use crate::message::key;
use crate::model::Model;
use crate::report::text::count;
use crate::{Error, Result};

/// The fewest rows of a series that a forecast is made from.
pub(super) const FEWEST_ROWS: usize = 4;
/// How many sample paths tell what comes beyond the horizon.
const PATHS: usize = 100;
/// The most horizons that are forecast.
const MOST_TURNS: usize = 100;
/// The most sample paths of a series.
const MOST_PATHS: usize = 10_000;
/// How many places, and at how many probabilities, the continuous ranked probability score looks at.
const CRPS: (usize, usize) = (1_000, 50);
/// The most places that an evaluation of a file forecasts from.
const MOST_PLACES: usize = 50_000;

/// What comes after the ends of many series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PanelForecast {
    /// The columns that tell the series apart.
    pub columns: Vec<String>,
    /// The name of the time column, if there is one.
    pub time_column: Option<String>,
    /// The column that is forecast.
    pub target: String,
    /// The shares that the intervals hold, rising; none where a forecast is one number.
    pub levels: Vec<f64>,
    /// One entry a series.
    pub series: Vec<SeriesForecast>,
    /// What was noticed in the file, one sentence each.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// What comes after the end of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesForecast {
    /// What stands in the columns that tell the series apart.
    pub id: Vec<String>,
    /// What each step is called: its timestamp as the file writes it, or its number counted from 1; `[steps]`.
    pub labels: Vec<String>,
    /// The forecast, the median where there are intervals, `[steps]`.
    pub values: Vec<f64>,
    /// Of counts, the mean of their distribution, `[steps]`; empty for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub means: Vec<f64>,
    /// The lower and the upper end of each interval, `[levels][steps]`.
    pub intervals: Vec<Vec<[f64; 2]>>,
    /// Sample paths, `[paths][steps]`; none where none were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Vec<f64>>,
}

/// What a model of many series is asked for; by default, the horizon without sample paths, read as in training.
#[derive(Debug, Clone, Copy, Default)]
pub struct PanelRequest<'a> {
    /// How many steps ahead.
    pub steps: Option<usize>,
    /// What is done about missing values and steps.
    pub missing: Option<Missing>,
    /// The rows before those of the table.
    pub history: Option<&'a Table>,
    /// How many sample paths of each series.
    pub paths: usize,
}

impl PanelForecaster {
    /// What comes after the ends of the series of `table`, or of those that it was trained on. A series that training has not seen
    /// is forecast from its own rows. Beyond the horizon, sample paths are taken for what came and go on: the forecast and its intervals
    /// are what these hold. Errors: a table without a needed column, steps beyond the horizon of a model with columns that nobody knows
    /// there, known columns that end too early, no series with rows enough, and sample paths of a model that has none.
    pub fn predict(&self, table: Option<&Table>, request: PanelRequest<'_>) -> Result<PanelForecast> {
        let PanelRequest { steps, missing, history, paths } = request;
        let config = &self.config;
        let view = config.view();
        if paths > 0 {
            self.expect_paths(paths)?;
        }
        let steps = steps.unwrap_or(view.horizon);
        let turns = self.turns(steps)?;
        let covered = turns * view.horizon;
        let Members { name, mut members, mut notes, .. } = match table {
            Some(table) => {
                self.members(table, missing.unwrap_or(config.missing), history, Some(view.rows_seen()))?
            }
            None => self.known()?,
        };
        let too_short = set_aside(&mut members, FEWEST_ROWS);
        notes.extend(left_out(&too_short, "no forecast is made", FEWEST_ROWS));
        if members.is_empty() {
            return Err(Error::Data(format!(
                "{name}: no series has the {FEWEST_ROWS} rows that a forecast needs"
            )));
        }
        let mut labels = Vec::with_capacity(members.len());
        for member in &mut members {
            labels.push(self.ahead(&name, member, steps, covered)?);
        }
        let frames: Vec<Frame> = members.iter().map(|member| view.frame(member)).collect();
        let origins: Vec<usize> = members.iter().map(|member| member.source.rows - 1).collect();
        let frames: Vec<&Frame> = frames.iter().collect();
        let forecasts = config.forecasts(&self.model, &frames, &origins)?;
        let medians = config.medians(&forecasts);
        finite(&name, medians.iter().copied())?;
        let intervals: Vec<Vec<[f64; 2]>> =
            (0..config.levels.len()).map(|level| config.intervals(&forecasts, level)).collect();
        let drawn = if turns > 1 && !config.levels.is_empty() { paths.max(PATHS) } else { paths };
        let mut sampled = Vec::new();
        if drawn > 0 {
            let places: Vec<Place> =
                origins.iter().enumerate().map(|(series, &origin)| Place { series, origin }).collect();
            sampled = config.paths(&self.model, &frames, &places, drawn)?;
        } else if turns > 1 {
            sampled = medians.chunks_exact(view.horizon).map(|one| vec![one.to_vec()]).collect();
        }
        if turns > 1 {
            notes.push(format!(
                "beyond the {} steps that the model forecasts at once, {} and go on",
                view.horizon,
                if drawn == 0 {
                    "its forecasts are taken for what came".into()
                } else {
                    format!("{drawn} sample paths are taken for what came")
                }
            ));
            for (k, (member, paths)) in members.iter().zip(&mut sampled).enumerate() {
                *paths = config.continued(&self.model, member, k, std::mem::take(paths), turns)?;
            }
            finite(&name, sampled.iter().flatten().flatten().copied())?;
        }
        let time_column = members[0].source.axis.as_ref().map(|axis| axis.column.clone());
        let series = members.into_iter().zip(labels).enumerate().map(|(k, (member, labels))| {
            let at = k * view.horizon..k * view.horizon + steps.min(view.horizon);
            let mut one = SeriesForecast {
                id: member.id,
                labels,
                values: medians[at.clone()].to_vec(),
                means: forecasts.means.as_ref().map_or_else(Vec::new, |means| means[at.clone()].to_vec()),
                intervals: intervals.iter().map(|level| level[at.clone()].to_vec()).collect(),
                paths: Vec::new(),
            };
            let Some(of_series) = sampled.get(k) else { return one };
            for step in view.horizon..steps {
                let mut values: Vec<f64> = of_series.iter().map(|path| path[step]).collect();
                if !one.means.is_empty() {
                    one.means.push(values.iter().sum::<f64>() / values.len() as f64);
                }
                values.sort_by(f64::total_cmp);
                one.values.push(config.possible(quantile_of(&values, 0.5)));
                for (ends, level) in one.intervals.iter_mut().zip(&config.levels) {
                    let ends_at = [(1.0 - level) / 2.0, (1.0 + level) / 2.0];
                    ends.push(ends_at.map(|share| config.possible(quantile_of(&values, share))));
                }
            }
            one.paths = of_series.iter().take(paths).map(|path| path[..steps].to_vec()).collect();
            one
        });
        Ok(PanelForecast {
            columns: config.columns.clone(),
            time_column,
            target: view.target.clone(),
            levels: config.levels.clone(),
            series: series.collect(),
            notes,
        })
    }

    /// What the next `steps` rows of a series are called; times and known columns are made to cover `covered` of them. Error: columns
    /// that are not known that far.
    pub(super) fn ahead(
        &self,
        name: &str,
        member: &mut Member,
        steps: usize,
        covered: usize,
    ) -> Result<Vec<String>> {
        let view = self.config.view();
        let known = member.source.known.first().map_or(usize::MAX, |known| known.len() - member.source.rows);
        if known < steps.max(view.horizon) {
            let names: Vec<String> = view.known.iter().map(|input| quoted(&input.name)).collect();
            return Err(Error::Data(format!(
                "{name}{}: {} must be known for all {} steps ahead, but there are {known} such rows; add rows after the end \
                 that leave the other columns empty",
                of_series(member),
                names.join(", "),
                steps.max(view.horizon),
            )));
        }
        let labels = name_steps(&mut member.source, steps, covered)?.0;
        cover_known(&mut member.source, covered);
        Ok(labels)
    }

    /// How many horizons so many steps take. Error: what the model cannot forecast.
    fn turns(&self, steps: usize) -> Result<usize> {
        let (config, view) = (&self.config, self.config.view());
        let most = view.horizon.saturating_mul(MOST_TURNS);
        if steps == 0 || steps > most {
            return Err(Error::setting(
                key("steps"),
                steps,
                format!(
                    "a number from 1 to {most}, {MOST_TURNS} times the steps that the model forecasts at once"
                ),
            ));
        }
        let turns = steps.div_ceil(view.horizon);
        expect_known(steps, view.horizon, &view.features)?;
        if turns > 1 && !config.levels.is_empty() && config.templates.is_empty() {
            return Err(Error::Settings(
                key("steps").to(steps)
                    + format!(
                        " is more than the {} steps that the model forecasts at once, and it saw fewer than the {FEWEST_TEMPLATES} validation \
                         windows by which sample paths would go on; ask for at most {}, or train with a longer ",
                        view.horizon, view.horizon
                    )
                    + key("horizon"),
            ));
        }
        Ok(turns)
    }

    /// Error unless there are sample paths, and so many are not too many.
    fn expect_paths(&self, paths: usize) -> Result<()> {
        let config = &self.config;
        if config.levels.is_empty() {
            return Err(without_intervals(paths));
        }
        if config.templates.is_empty() {
            return Err(Error::Settings(
                key("samples").to(paths)
                    + format!(
                        " needs a model that saw {FEWEST_TEMPLATES} validation windows or more, by which it tells how steps hang together; train with a larger "
                    )
                    + key("valid"),
            ));
        }
        if paths > MOST_PATHS {
            return Err(Error::setting(key("samples"), paths, format!("at most {}", count(MOST_PATHS))));
        }
        Ok(())
    }

    /// Forecasts from places in the series of `table`, a horizon apart and the last a horizon before the end, beside the baselines.
    /// Of a series that training has not seen, the MASE's scale is that of the rows before the first such place. With the scores, the
    /// names of the series, and what was noticed in the file. Errors: a table
    /// without a needed column, and no series that is long enough.
    pub fn evaluate(
        &self,
        table: &Table,
        missing: Option<Missing>,
        history: Option<&Table>,
    ) -> Result<(PanelEvaluation, Vec<String>, Vec<String>)> {
        self.evaluate_places(table, missing, history, usize::MAX)
    }

    /// As [`evaluate`](Self::evaluate), from the last row alone of each series that has a horizon after it.
    pub(in super::super) fn evaluate_last(
        &self,
        table: &Table,
        missing: Option<Missing>,
    ) -> Result<PanelEvaluation> {
        self.evaluate_places(table, missing, None, 1).map(|(evaluation, ..)| evaluation)
    }

    /// As [`evaluate`](Self::evaluate), from so many rows of each series at most.
    fn evaluate_places(
        &self,
        table: &Table,
        missing: Option<Missing>,
        history: Option<&Table>,
        most: usize,
    ) -> Result<(PanelEvaluation, Vec<String>, Vec<String>)> {
        let config = &self.config;
        let view = config.view();
        let Members { name, mut members, mut notes, .. } =
            self.members(table, missing.unwrap_or(config.missing), history, None)?;
        let least = view.horizon + FEWEST_ROWS.max(view.season + 1);
        let too_short = set_aside(&mut members, least);
        notes.extend(left_out(&too_short, "none of its forecasts is measured", least));
        let mut places = Vec::new();
        for (series, member) in members.iter().enumerate() {
            let last = member.source.rows - 1 - view.horizon;
            let count = ((last + 1 - (least - view.horizon)) / view.horizon + 1).min(most);
            places.extend((0..count).rev().map(|k| Place { series, origin: last - k * view.horizon }));
        }
        if places.is_empty() {
            return Err(Error::Data(format!(
                "{name}: no series has the {least} rows that an evaluation needs"
            )));
        }
        let stride = places.len().div_ceil(MOST_PLACES);
        let places: Vec<Place> = places.into_iter().step_by(stride).collect();
        let first = |series: usize| {
            places.iter().find(|place| place.series == series).map_or(0, |place| place.origin)
        };
        let known = config.by_id();
        let croston = |kept: &super::forecaster::KnownSeries| {
            kept.baselines.iter().any(|baseline| matches!(baseline, Baseline::Croston(_)))
        };
        let mostly_0 = config.known_series.iter().any(croston);
        let (mut scales, mut roots, mut baselines) = (Vec::new(), Vec::new(), Vec::new());
        for (series, member) in members.iter().enumerate() {
            let values = &member.source.targets[0];
            let before = 0..first(series) + 1;
            let kept = known.get(member.id.as_slice());
            scales.push(match kept {
                Some(kept) => kept.mase_scale,
                None => mase_scale_of(values, &before, view.season),
            });
            roots.push(root_scale(values, &before, view.season));
            baselines.push(match kept {
                Some(kept) if !kept.baselines.is_empty() => kept.baselines.clone(),
                _ => {
                    let mask = values.mask();
                    let observed = Observed { values, mask: mask.as_deref() };
                    Baseline::of_panel(observed, before, view.season, mostly_0)
                }
            });
        }
        let frames: Vec<Frame> = members.iter().map(|member| view.frame(member)).collect();
        let truth = Truth {
            values: members.iter().map(|member| &member.source.targets[0]).collect(),
            scales: &scales,
            roots,
            places: &places,
            horizon: view.horizon,
        };
        let evaluation =
            measure(config, &self.model, &frames, &truth, &baselines, &|series| 0..first(series) + 1)?;
        finite(&name, [evaluation.model.overall.mae].into_iter())?;
        Ok((evaluation, members.iter().map(Member::name).collect(), notes))
    }

    /// The series of a table, with the rows before those: of another table, or of the end of the training data where a series is
    /// shorter than a window. Of interest are the `last` rows of each, or all.
    pub(super) fn members(
        &self,
        table: &Table,
        missing: Missing,
        history: Option<&Table>,
        last: Option<usize>,
    ) -> Result<Members> {
        let config = &self.config;
        let mut members = read(config, table, missing, last)?;
        let mut before: HashMap<Vec<String>, Source> = HashMap::new();
        if let Some(history) = history {
            before.extend(
                read(config, history, missing, None)?
                    .members
                    .into_iter()
                    .map(|member| (member.id, member.source)),
            );
        }
        let known = config.by_id();
        let (mut continued, mut unknown) = (0, Vec::new());
        for member in &mut members.members {
            let kept = known.get(member.id.as_slice());
            if kept.is_none() {
                unknown.push(member.name());
            }
            if member.source.rows >= config.view().rows_seen() {
                continue;
            }
            let source = member.source.clone();
            if let Some(before) = before.remove(&member.id) {
                member.source = after(before, source, missing)?;
            } else if let Some(kept) = kept {
                let before = kept.history.source(config.time.clone(), config.names())?;
                if let Some(place) =
                    Join::of(&before, &source).filter(|place| place.gap <= config.view().window)
                    && before.times.is_some()
                {
                    member.source = joined(before, source, place, missing)?;
                    continued += 1;
                }
            }
            member.source.notes.clear();
        }
        if continued > 0 {
            members.notes.push(format!(
                "the rows before those of {} are the end of the training data",
                of(continued, "series")
            ));
        }
        if !unknown.is_empty() && !config.columns.is_empty() {
            let first: Vec<String> = unknown.iter().take(3).map(|name| quoted(name)).collect();
            let more = if unknown.len() > 3 { ", …" } else { "" };
            members.notes.push(format!(
                "{} not in training and forecast from {} own rows: {}{more}",
                if unknown.len() == 1 {
                    "1 series was".to_owned()
                } else {
                    format!("{} series were", count(unknown.len()))
                },
                if unknown.len() == 1 { "its" } else { "their" },
                first.join(", ")
            ));
        }
        Ok(members)
    }

    /// The ends of the series that the model was trained on.
    fn known(&self) -> Result<Members> {
        let config = &self.config;
        let member = |known: &super::forecaster::KnownSeries| {
            Ok(Member {
                id: known.id.clone(),
                source: known.history.source(config.time.clone(), config.names())?,
                statics: known.statics.clone(),
            })
        };
        Ok(Members {
            name: super::super::kept::END_OF_TRAINING.into(),
            columns: config.columns.clone(),
            members: config.known_series.iter().map(member).collect::<Result<_>>()?,
            notes: Vec::new(),
        })
    }
}

impl PanelForecasterConfig {
    fn by_id(&self) -> HashMap<&[String], &super::forecaster::KnownSeries> {
        self.known_series.iter().map(|known| (known.id.as_slice(), known)).collect()
    }

    /// The names of the target, the features and the known columns.
    pub(super) fn names(&self) -> [Vec<String>; 3] {
        let view = self.view();
        [
            vec![view.target.clone()],
            view.features.iter().map(|input| input.name.clone()).collect(),
            view.known.iter().map(|input| input.name.clone()).collect(),
        ]
    }
}

/// The model beside the baselines at the places of `truth`.
pub(super) fn measure(
    config: &PanelForecasterConfig,
    model: &Model,
    frames: &[Frame],
    truth: &Truth<'_>,
    baselines: &[Vec<Baseline>],
    settled: &(dyn Fn(usize) -> std::ops::Range<usize> + Sync),
) -> Result<PanelEvaluation> {
    let of_places: Vec<&Frame> = truth.places.iter().map(|place| &frames[place.series]).collect();
    let origins: Vec<usize> = truth.places.iter().map(|place| place.origin).collect();
    let forecasts = config.forecasts(model, &of_places, &origins)?;
    let mut of_model = truth.score("model", config.model_name(model)?, &config.medians(&forecasts));
    let mut scores = truth.baselines(baselines, settled)?;
    weigh(&mut of_model, &mut scores);
    let levels = config.levels.iter().enumerate();
    Ok(PanelEvaluation {
        series: truth.series(),
        forecasts: truth.places.len(),
        imputed: truth.imputed(),
        model: of_model,
        baselines: scores,
        intervals: levels
            .map(|(k, &level)| truth.intervals(level, &config.intervals(&forecasts, k)))
            .collect(),
        pinball: mean_pinball(config, truth, &forecasts),
        crps: crps(config, model, &of_places, truth)?,
    })
}

/// The continuous ranked probability score of some of the places.
fn crps(
    config: &PanelForecasterConfig,
    model: &Model,
    frames: &[&Frame],
    truth: &Truth<'_>,
) -> Result<Option<f64>> {
    if config.levels.is_empty() {
        return Ok(None);
    }
    let (places, levels) = (truth.places.len(), middles(CRPS.1));
    let some: Vec<usize> = (0..places).step_by(places.div_ceil(CRPS.0).max(1)).collect();
    let frames: Vec<&Frame> = some.iter().map(|&n| frames[n]).collect();
    let origins: Vec<usize> = some.iter().map(|&n| truth.places[n].origin).collect();
    Ok(truth.crps(&some, &levels, &config.values_at(model, &frames, &origins, &levels)?))
}

fn mean_pinball(config: &PanelForecasterConfig, truth: &Truth<'_>, forecasts: &Forecasts) -> Option<f64> {
    if config.levels.is_empty() {
        return None;
    }
    let head = config.head();
    let of = |(at, &level): (usize, &f64)| truth.pinball(level, &config.quantile(forecasts, at));
    let losses = head.levels().iter().enumerate().map(of).collect::<Option<Vec<f64>>>()?;
    Some(losses.iter().sum::<f64>() / losses.len() as f64)
}

/// Takes out the series that have fewer rows.
pub(super) fn set_aside(members: &mut Vec<Member>, rows: usize) -> Vec<Member> {
    let (keep, short) = std::mem::take(members).into_iter().partition(|member| member.source.rows >= rows);
    *members = keep;
    short
}

pub(super) fn left_out(short: &[Member], what: &str, rows: usize) -> Option<String> {
    let first = short.first()?;
    Some(match short.len() {
        1 => format!(
            "series {} has {} of the {rows} rows that are needed: {what}",
            quoted(&first.name()),
            first.source.rows
        ),
        many => format!(
            "{} series, {} among them, have fewer than the {rows} rows that are needed: {what}",
            count(many),
            quoted(&first.name())
        ),
    })
}

/// Which series a message is about; nothing where there is one.
fn of_series(member: &Member) -> String {
    if member.id.is_empty() { String::new() } else { format!(", series {}", quoted(&member.name())) }
}

fn of(many: usize, what: &str) -> String {
    format!("{} {what}", count(many))
}

/// The columns that the model needs, from a file; of interest are the `last` rows of each series, or all.
fn read(
    config: &PanelForecasterConfig,
    table: &Table,
    missing: Missing,
    last: Option<usize>,
) -> Result<Members> {
    let view = config.view();
    let learnt = AsLearnt {
        time: config.time.as_ref(),
        calendar: view.calendar.is_some(),
        resample: config.resample,
        forms: &config.forms,
        series: config.series.as_deref(),
    };
    let names = config.names();
    let named = [0, 1, 2].map(|k: usize| names[k].iter().map(String::as_str).collect::<Vec<_>>());
    let wanted = learnt.wanted(table, named, missing, last);
    let columns: Vec<&str> = config.columns.iter().map(String::as_str).collect();
    let statics: Vec<String> = view.statics.iter().map(|input| input.name.clone()).collect();
    match config.categories.as_slice() {
        [] => Members::read(table, &wanted, &columns, &statics),
        categories => Members::read(&table.with_categories(categories)?, &wanted, &columns, &statics),
    }
}

/// The values of the steps ahead in z, `[places, horizon]`, where they came before row `end` of their series.
pub(super) fn came(
    config: &PanelForecasterConfig,
    values: &[&Filled],
    splits: &[Split],
    places: &[Place],
) -> Vec<Option<f64>> {
    let view = config.view();
    let of = |place: &Place, step: usize| {
        let (values, row) = (values[place.series], place.origin + step);
        let inside = row < splits[place.series].valid.end && values.is_observed(row);
        inside.then(|| view.z_of(values[row])).flatten()
    };
    places.iter().flat_map(|place| (1..=view.horizon).map(move |step| of(place, step))).collect()
}
