//! What a training on many series came to.

use super::super::config::ForecastConfig;
use super::super::outcome::Candidate;
use super::decisions::PanelDecisions;
use super::fit::{Data, Place};
use super::forecaster::{PanelForecaster, PanelForecasterConfig};
use super::plan::PanelPlan;
use super::score::PanelEvaluation;
use crate::Result;
use crate::model::Model;
use crate::settings::{Or, OutputChoice};
use crate::train::EpochRecord;

/// A trained model of many series and all that is worth telling about its training.
#[derive(Debug)]
pub struct PanelOutcome {
    /// The model.
    pub forecaster: PanelForecaster,
    /// All settings, as they were asked for.
    pub config: ForecastConfig,
    /// What the data decided, and why.
    pub decisions: PanelDecisions,
    /// What was noticed in the data, one sentence each.
    pub notes: Vec<String>,
    /// The networks that were trained, in their order.
    pub candidates: Vec<Candidate>,
    /// How many of them forecast together.
    pub members: usize,
    /// The epochs of the best of them, in order.
    pub epochs: Vec<EpochRecord>,
    /// The epoch whose weights were kept, counted from 1.
    pub best_epoch: usize,
    /// Whether training ended before the last epoch because the validation loss stood still.
    pub stopped_early: bool,
    /// Seconds of training, over all sittings and all networks.
    pub seconds: f64,
    /// Scores on the validation parts; `None` if there are none.
    pub valid: Option<PanelEvaluation>,
    /// Scores on the test parts; `None` if there are none.
    pub test: Option<PanelEvaluation>,
    /// What the report shows of the data.
    pub(super) shown: Shown,
    /// Windows of the validation parts as each of the networks reads them, which say how far back it listens.
    pub(super) heard: Vec<Vec<crate::tasks::Example>>,
}

/// The data as the report shows them.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    /// The training file, as messages name it.
    pub(super) source: String,
    /// How many series there are, and how many rows they have together.
    pub(super) series: usize,
    pub(super) rows: usize,
    /// The step between rows for people; empty without timestamps.
    pub(super) frequency: String,
    /// The fewest, middle and most rows of a series.
    pub(super) lengths: [usize; 3],
    /// The names of the series, `[series]`.
    pub(super) names: Vec<String>,
    /// A few series with what was forecast of their last part: the best, the middle and the worst of those measured.
    pub(super) examples: Vec<Example>,
}

/// A series with a forecast.
#[derive(Debug, Clone)]
pub(super) struct Example {
    pub(super) name: String,
    /// What stands beside the name: `the worst`.
    pub(super) place: &'static str,
    pub(super) mase: f64,
    /// What each row is called, those that are forecast last.
    pub(super) labels: Vec<String>,
    /// The values of these rows; NaN where one was filled in.
    pub(super) values: Vec<f64>,
    /// The forecast of the last of them.
    pub(super) medians: Vec<f64>,
    /// `[levels][steps]`.
    pub(super) intervals: Vec<Vec<[f64; 2]>>,
}

/// How many rows before a forecast an example shows, in horizons.
const ROWS_SHOWN: usize = 4;

impl Shown {
    pub(super) fn of(
        plan: &PanelPlan,
        config: &PanelForecasterConfig,
        model: &Model,
        data: &Data,
    ) -> Result<Self> {
        let members = &plan.members.members;
        let mut rows: Vec<usize> = members.iter().map(|member| member.source.rows).collect();
        rows.sort_unstable();
        let names: Vec<String> = members.iter().map(super::source::Member::name).collect();
        Ok(Self {
            source: plan.members.name.clone(),
            series: members.len(),
            rows: plan.members.rows(),
            frequency: plan.members.first().frequency().map_or_else(String::new, ToString::to_string),
            lengths: [rows[0], rows[rows.len() / 2], rows[rows.len() - 1]],
            examples: examples(plan, config, model, data, &names)?,
            names,
        })
    }
}

/// The last forecast of a few series: of those that are measured, the best, the middle and the worst.
fn examples(
    plan: &PanelPlan,
    config: &PanelForecasterConfig,
    model: &Model,
    data: &Data,
    names: &[String],
) -> Result<Vec<Example>> {
    let part = if data.test.is_empty() { &data.valid } else { &data.test };
    let mut last: Vec<Place> = Vec::new();
    for place in part {
        match last.last_mut().filter(|last| last.series == place.series) {
            Some(last) => *last = *place,
            None => last.push(*place),
        }
    }
    last.retain(|place| data.scales[place.series].is_some());
    let frames: Vec<_> = last.iter().map(|place| &data.frames[place.series]).collect();
    let origins: Vec<usize> = last.iter().map(|place| place.origin).collect();
    let forecasts = config.forecasts(model, &frames, &origins)?;
    let medians = config.medians(&forecasts);
    let horizon = plan.decisions.horizon;
    let intervals: Vec<_> =
        (0..config.levels.len()).map(|level| config.intervals(&forecasts, level)).collect();
    let mut errors: Vec<(f64, usize)> = Vec::new();
    for (n, place) in last.iter().enumerate() {
        let values = &data.frames[place.series].values;
        let steps = (0..horizon).filter(|step| values.is_observed(place.origin + 1 + step));
        let (sum, many) = steps.fold((0.0, 0usize), |(sum, many), step| {
            (sum + (values[place.origin + 1 + step] - medians[n * horizon + step]).abs(), many + 1)
        });
        if let Some(scale) = data.scales[place.series].filter(|_| many > 0) {
            errors.push((sum / many as f64 / scale, n));
        }
    }
    errors.sort_by(|a, b| a.0.total_cmp(&b.0));
    let chosen: Vec<(&'static str, (f64, usize))> = match errors.as_slice() {
        [] => Vec::new(),
        [one] => vec![("", *one)],
        [best, .., worst] if errors.len() < 4 => vec![("the best", *best), ("the worst", *worst)],
        all => vec![
            ("the best", all[0]),
            ("better than three of four", all[all.len() / 4]),
            ("the middle", all[all.len() / 2]),
            ("the worst", all[all.len() - 1]),
        ],
    };
    Ok(chosen
        .into_iter()
        .map(|(place, (mase, n))| {
            let Place { series, origin } = last[n];
            let source = &plan.members.members[series].source;
            let values = &source.targets[0];
            let rows = (origin + 1).saturating_sub(ROWS_SHOWN * horizon.max(4))..origin + 1 + horizon;
            let steps = n * horizon..(n + 1) * horizon;
            Example {
                name: names[series].clone(),
                place,
                mase,
                labels: rows.clone().map(|row| source.label(row)).collect(),
                values: rows
                    .map(|row| if values.is_observed(row) { values[row] } else { f64::NAN })
                    .collect(),
                medians: medians[steps.clone()].to_vec(),
                intervals: intervals.iter().map(|level| level[steps.clone()].to_vec()).collect(),
            }
        })
        .collect())
}

impl PanelOutcome {
    /// All settings with what the data decided filled in: training with them gives the same model.
    pub fn as_used(&self) -> ForecastConfig {
        used(&self.config, &self.decisions)
    }
}

/// The settings with what the data decided before the first step.
pub(super) fn used(config: &ForecastConfig, decisions: &PanelDecisions) -> ForecastConfig {
    let mut used = config.clone();
    used.data.horizon = Some(decisions.horizon);
    used.data.window = Some(decisions.window);
    used.data.season =
        Some(if decisions.season > 1 { Or::Number(decisions.season) } else { Or::Word("none".into()) });
    if let Some(distribution) = decisions.distribution {
        used.train.output = OutputChoice::of(distribution);
    }
    used.train.epochs = Some(decisions.epochs);
    used.train.batch = Some(decisions.batch);
    used.train.patience = Some(decisions.patience);
    used
}
