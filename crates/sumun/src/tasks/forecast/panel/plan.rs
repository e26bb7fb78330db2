//! What is decided before the first step of a training on many series: which rows are held out of each, what the candidates are,
//! and what they learn from.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::average::near;
use super::super::choose::Log;
use super::super::config::ForecastConfig;
use super::super::metrics::mase_scale_of;
use super::super::network::{Sizes, network};
use super::super::outcome::Candidate;
use super::super::preprocessing::Input;
use super::super::trials::{Contest, entry};
use super::choices::{
    choose_calendar, choose_horizon, choose_log, choose_min, choose_output, choose_references, choose_season,
    reference_name, zeros,
};
use super::decisions::PanelDecisions;
use super::fit::{Data, Fitting};
use super::source::Members;
use super::view::{Frame, View};
use crate::data::{Categories, Difference, Filled, Role, ScaleKind, Scaler, Split, quoted};
use crate::message::key;
use crate::report::text::count;
use crate::settings::Switch;
use crate::tasks::options::Budget;
use crate::tasks::source::Source as ReadFile;
use crate::train::FitOptions;
use crate::{Error, Result};
use sumun_nn::Distribution;

/// As many series as this and more hold one horizon out each by default; fewer a share of their rows.
const MANY: usize = 20;
/// The shares of rows that few series hold out.
const SHARES: (f64, f64) = (0.1, 0.2);
/// The fewest rows before a forecast.
const LEAST_ROWS: usize = 4;
/// How many horizons a window has: on the weekly series of the M4 competition five forecast better than two (OWA .92 and .95 with
/// 32 hidden units).
const HORIZONS: usize = 5;
/// The longest window that is chosen: a week of hours.
const LONGEST_WINDOW: usize = 168;
/// The most examples of an epoch; of more windows, each epoch takes a sample.
const MOST_EXAMPLES: usize = 16_384;
/// The most forecasts that a part is measured by.
const MOST_FORECASTS: usize = 20_000;
const BUDGET: Budget = Budget { steps: 5_000, epochs: (20, 200), most_steps: 6_000, fewest_epochs: 1 };

/// Settings, data, and what was decided from both.
#[derive(Debug)]
pub struct PanelPlan {
    pub(super) config: ForecastConfig,
    pub(super) members: Members,
    /// The columns of words, each of which is several columns of numbers.
    pub(super) categories: Vec<Categories>,
    pub(super) splits: Arc<Vec<Split>>,
    pub(super) decisions: PanelDecisions,
    pub(super) files: Vec<ReadFile>,
    data: Arc<Data>,
    /// How each candidate sees the data.
    pub(super) views: Vec<View>,
}

impl PanelPlan {
    /// Decides what the settings leave open. Error: data that cannot be learnt from.
    pub(super) fn new(
        config: ForecastConfig,
        mut members: Members,
        statics: &[String],
        categories: Vec<Categories>,
        files: Vec<ReadFile>,
    ) -> Result<Self> {
        let mut log = Log::default();
        let horizon = choose_horizon(&config, &members, &mut log);
        let longest = members.members.iter().map(|member| member.source.rows).max().unwrap_or(0);
        if horizon >= longest {
            return Err(Error::Settings(
                key("horizon").to(horizon)
                    + format!(" is as long as the longest of the series, {longest} rows; give a shorter one"),
            ));
        }
        let splits: Vec<Split> = members
            .members
            .iter()
            .map(|member| split(&config, member.source.rows, horizon, members.members.len()))
            .collect();
        let learnt = splits.iter().filter(|split| split.train.len() > LEAST_ROWS).count();
        if learnt == 0 {
            return Err(too_short(&members, &splits, horizon));
        }
        notes_on_parts(&mut members, &splits, horizon);
        let (zeros, whole) = zeros(&members, &splits);
        let distribution = choose_output(&config, &mut members, zeros, whole, &mut log)?;
        let counts = distribution.is_some_and(Distribution::is_of_counts);
        let season = choose_season(&config, &members, &splits, &mut log)?;
        let window = config.data.window.unwrap_or_else(|| {
            let window = season.max(HORIZONS.saturating_mul(horizon)).clamp(8, LONGEST_WINDOW);
            log.add(
                "window",
                window,
                format!("the longest of season, {HORIZONS} horizons and 8, at most {LONGEST_WINDOW}"),
            );
            window
        });
        let logs = !counts && choose_log(&config, &members, &splits, season, &mut log);
        let min = choose_min(&config, &members, &mut log);
        let calendar = choose_calendar(&config, &members, &splits, &mut log)?;
        let references = match counts {
            true => vec![Difference::None],
            false => choose_references(&config, &members, &splits, season, horizon, logs, &mut log)?,
        };
        let windows: usize = splits.iter().map(|split| split.train.len().saturating_sub(LEAST_ROWS)).sum();
        let examples = windows.min(MOST_EXAMPLES);
        let batch = config.train.batch.unwrap_or(match examples {
            0..2_000 => 32,
            2_000..8_000 => 64,
            _ => 128,
        });
        let epochs = config.train.epochs.unwrap_or_else(|| BUDGET.epochs(examples.div_ceil(batch)));
        let patience = config.train.patience.unwrap_or((epochs / 5).max(5));
        if config.train.epochs.is_none() {
            let sample = if examples < windows {
                format!("a sample of {} of ", count(examples))
            } else {
                String::new()
            };
            log.add(
                "epochs",
                epochs,
                format!(
                    "{sample}{} windows in batches of {batch}; stops after {patience} without improvement",
                    count(windows)
                ),
            );
        }
        let decisions = PanelDecisions {
            season,
            horizon,
            window,
            log: logs,
            min,
            calendar,
            references,
            batch,
            examples,
            epochs,
            patience,
            levels: config.levels()?,
            distribution,
            mostly_0: zeros > 0.5,
            choices: log.into_choices(),
        };
        let splits = Arc::new(splits);
        let views = views(&config, &members, statics, &splits, &decisions)?;
        let frames: Vec<Frame> = members.members.iter().map(|member| views[0].frame(member)).collect();
        let views =
            views.into_iter().map(|view| with_spread(view, &frames, &splits)).collect::<Result<Vec<_>>>()?;
        let scales: Vec<Option<f64>> = members
            .members
            .iter()
            .zip(splits.iter())
            .map(|(member, split)| mase_scale_of(&member.source.targets[0], &split.train, season))
            .collect();
        let data = Arc::new(Data::new(frames, splits.clone(), scales, horizon, MOST_FORECASTS));
        if data.train.is_empty() {
            return Err(too_short(&members, &splits, horizon));
        }
        Ok(Self { config, members, categories, splits, decisions, files, data, views })
    }

    pub(super) fn data(&self) -> &Arc<Data> {
        &self.data
    }

    /// Which candidate trial `index` is, and the seed that it starts from: again the best of them.
    fn entry(&self, index: usize, through: &[Candidate]) -> (usize, u64) {
        let kinds = self.views.len();
        entry(index, kinds, self.config.train.seed, || near(&through[..kinds], Switch::Off))
    }

    pub(super) fn view(&self, index: usize, through: &[Candidate]) -> &View {
        &self.views[self.entry(index, through).0]
    }

    pub(super) fn sizes(&self, view: &View) -> Sizes {
        view.sizes(&self.decisions.head())
    }

    /// What must not have changed when a training goes on.
    pub(super) fn prepared(&self) -> Result<Value> {
        let unwritable = |error| Error::Invalid(format!("the checkpoint cannot be written as JSON: {error}"));
        let of = |view: &View| {
            let model = serde_json::to_value(network(&self.config.network, &[self.sizes(view)]))
                .map_err(unwritable)?;
            Ok(json!({ "view": serde_json::to_value(view).map_err(unwritable)?, "model": model }))
        };
        let views = self.views.iter().map(of).collect::<Result<Vec<_>>>()?;
        Ok(json!({ "views": views, "series": self.members.members.len(), "rows": self.members.rows() }))
    }
}

impl Contest for PanelPlan {
    type Fitting = Fitting;

    fn count(&self, _through: &[Candidate]) -> usize {
        self.most()
    }

    fn most(&self) -> usize {
        self.views.len() + self.config.panel_ensemble() - 1
    }

    fn name(&self, index: usize, through: &[Candidate]) -> String {
        let name = reference_name(self.view(index, through).reference);
        match index.checked_sub(self.views.len()) {
            None => name.to_owned(),
            Some(_) => format!("{name}, seed {}", self.entry(index, through).1),
        }
    }

    fn stage(&self, index: usize, count: usize, name: &str) -> String {
        match count {
            1 => format!("difference = {name}"),
            count if index < self.views.len() => {
                format!("trying difference = {name} ({} of {count})", index + 1)
            }
            count => format!("difference = {name} ({} of {count})", index + 1),
        }
    }

    fn fitting(&self, index: usize, through: &[Candidate]) -> Result<Fitting> {
        let (kind, seed) = self.entry(index, through);
        let view = self.views[kind].clone();
        let sizes = self.sizes(&view);
        Fitting::new(view, sizes, self.data.clone(), &self.config, &self.decisions, seed)
    }

    fn weights(&self, index: usize, through: &[Candidate]) -> Result<usize> {
        let sizes = self.sizes(self.view(index, through));
        Ok(network(&self.config.network, &[sizes]).summary()?.parameters())
    }

    fn fit(&self, index: usize, through: &[Candidate]) -> Result<FitOptions> {
        let train = &self.config.train;
        Ok(FitOptions {
            epochs: self.decisions.epochs,
            lr: train.lr,
            schedule: train.schedule,
            patience: self.decisions.patience,
            seed: self.entry(index, through).1,
            optimizer: train.optimizer.parse()?,
            clip: train.clip.clip()?,
            ema: 0.0,
        })
    }

    fn may_be_lost(&self, index: usize) -> bool {
        index < self.views.len() && self.config.prepare.average != Switch::On
    }

    fn kind(&self, index: usize, through: &[Candidate]) -> usize {
        self.entry(index, through).0
    }

    fn average(&self) -> Switch {
        self.config.prepare.average
    }
}

/// The parts of a series of so many rows: the last of them are the test part, those before the validation part. A series without
/// enough rows before a part has no such part.
fn split(config: &ForecastConfig, rows: usize, horizon: usize, series: usize) -> Split {
    let part = |given: Option<f64>, usual: f64| match given {
        Some(share) if share > 0.0 => horizon.max((share * rows as f64).round() as usize),
        Some(_) => 0,
        None if series >= MANY => horizon,
        None => horizon.max((usual * rows as f64).round() as usize),
    };
    let (valid, test) = (part(config.data.valid, SHARES.0), part(config.data.test, SHARES.1));
    let test = if rows >= test.saturating_add(LEAST_ROWS) { test } else { 0 };
    // Of its training part, a series wants at least a horizon.
    let valid =
        if rows >= test.saturating_add(valid).saturating_add(LEAST_ROWS + horizon / 2) { valid } else { 0 };
    let (train, valid) = (rows - test - valid, rows - test);
    Split { train: 0..train, valid: train..valid, test: valid..rows }
}

fn too_short(members: &Members, splits: &[Split], horizon: usize) -> Error {
    let longest = splits.iter().map(|split| split.train.len()).max().unwrap_or(0);
    Error::Data(format!(
        "{}: the longest training part of {} series has {longest} rows, and a forecast of {horizon} steps is learnt from {} or more",
        members.name,
        members.members.len(),
        LEAST_ROWS + 1
    ))
    .advise(crate::message::text("use a shorter ") + key("horizon") + " or longer series")
}

/// Says how many series have no part that others have.
fn notes_on_parts(members: &mut Members, splits: &[Split], horizon: usize) {
    let all = splits.len();
    for (name, lacks) in [
        ("test", splits.iter().filter(|split| split.test.is_empty()).count()),
        ("validation", splits.iter().filter(|split| split.valid.is_empty()).count()),
    ] {
        if lacks > 0 && lacks < all {
            members.notes.push(format!(
                "{} of {} series are too short for a {name} part of horizon {horizon}; all their rows are learnt from",
                count(lacks),
                count(all)
            ));
        }
    }
}

/// A column of all series, scaled by their training parts.
fn input(name: &str, scale: ScaleKind, splits: &[Split], column: &dyn Fn(usize) -> Filled) -> Result<Input> {
    let (mut values, mut marked) = (Vec::new(), false);
    for (k, split) in splits.iter().enumerate() {
        let filled = column(k);
        values.extend_from_slice(&filled.observed(split.train.clone()));
        marked |= filled.holes(split.train.clone()) > 0;
    }
    Ok(Input { name: name.to_owned(), scaler: Scaler::fit(scale, name, &values, Role::Feature)?, marked })
}

fn views(
    config: &ForecastConfig,
    members: &Members,
    statics: &[String],
    splits: &[Split],
    decisions: &PanelDecisions,
) -> Result<Vec<View>> {
    let scale = config.prepare.scale;
    let all = &members.members;
    let first = members.first();
    let names = first.feature_names.iter().enumerate();
    let features = names
        .map(|(c, name)| input(name, scale, splits, &|k| all[k].source.features[c].clone()))
        .collect::<Result<Vec<_>>>()?;
    let names = first.known_names.iter().enumerate();
    let known = names
        .map(|(c, name)| input(name, scale, splits, &|k| all[k].source.known[c].clone()))
        .collect::<Result<Vec<_>>>()?;
    let of_static = |(c, name): (usize, &String)| {
        let values: Vec<f64> = all.iter().filter_map(|member| member.statics[c]).collect();
        if values.is_empty() {
            return Err(Error::Data(format!("{}: column {} has no value", members.name, quoted(name))));
        }
        let scaler = Scaler::fit(scale, name, &values, Role::Feature)?;
        Ok(Input { name: name.clone(), scaler, marked: false })
    };
    let statics = statics.iter().enumerate().map(of_static).collect::<Result<Vec<_>>>()?;
    let marked =
        all.iter().zip(splits).any(|(member, split)| member.source.targets[0].holes(split.train.clone()) > 0);
    let view = |&reference: &Difference| View {
        target: config.data.target[0].clone(),
        features: features.clone(),
        known: known.clone(),
        statics: statics.clone(),
        calendar: decisions.calendar.clone(),
        log: decisions.log,
        season: decisions.season,
        reference,
        marked,
        window: decisions.window,
        horizon: decisions.horizon,
        spread: Scaler { kind: ScaleKind::None, offset: 0.0, scale: 1.0 },
        min: decisions.min,
    };
    Ok(decisions.references.iter().map(view).collect())
}

/// The view with its scale of the spread, from a few windows of every training part.
fn with_spread(view: View, frames: &[Frame], splits: &[Split]) -> Result<View> {
    let mut values = Vec::new();
    for (frame, split) in frames.iter().zip(splits) {
        let stride = (split.train.len() / 16).max(1);
        let origins =
            split.train.clone().skip(LEAST_ROWS.min(split.train.len().saturating_sub(1))).step_by(stride);
        values.extend(origins.map(|origin| view.log_spread(view.scale(frame, origin))));
    }
    let spread = Scaler::fit(ScaleKind::Standard, "spread", &values, Role::Feature)?;
    Ok(View { spread, ..view })
}
