//! A training on many series, from its candidates to the model and its figures.

use rayon::prelude::*;

use super::super::average::{Mean, mean};
use super::super::baseline::{Baseline, Observed};
use super::super::decisions::Choice;
use super::super::kept::History;
use super::super::network::joined;
use super::super::trials::{Trained, Trials};
use super::calibrate::Calibration;
use super::choices::reference_name;
use super::fit::{Fitting, Place};
use super::forecaster::{KnownSeries, PanelForecaster, PanelForecasterConfig};
use super::outcome::{PanelOutcome, Shown};
use super::plan::PanelPlan;
use super::predict::{came, measure};
use super::score::{PanelEvaluation, Truth, root_scale};
use super::templates::Templates;
use super::view::View;
use crate::Result;
use crate::data::{Filled, NumberForm};
use crate::model::Model;
use crate::report::text::count;
use crate::tasks::standing::Standing;
use crate::tasks::training::still_improving;
use crate::train::{Ending, FitOptions, Keeper, Objective, Progress, Snapshot};

/// A search for the best model of many series.
#[derive(Debug)]
pub struct PanelSearch {
    plan: PanelPlan,
    trials: Trials<Fitting>,
}

impl PanelSearch {
    /// Before its first step. Errors: a network that is too large.
    pub(super) fn begin(plan: PanelPlan) -> Result<Self> {
        let trials = Trials::begin(&plan)?;
        Ok(Self { plan, trials })
    }

    /// Goes on from a snapshot of a search with the same plan. Errors: a snapshot that does not fit it.
    pub(super) fn resume(plan: PanelPlan, snapshot: Snapshot) -> Result<Self> {
        let trials = Trials::resume(&plan, snapshot)?;
        Ok(Self { plan, trials })
    }

    pub(super) fn plan(&self) -> &PanelPlan {
        &self.plan
    }

    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        self.trials.snapshot()
    }

    /// What it trains now.
    pub(super) fn objective(&mut self) -> Result<(&mut dyn Objective, FitOptions)> {
        self.trials.objective(&self.plan)
    }

    /// How far it is.
    pub(super) fn standing(&self) -> Result<Standing> {
        self.trials.standing(&self.plan)
    }

    /// Trains all candidates, or until the keeper stops it.
    pub(super) fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        self.trials.run(&self.plan, progress, keeper)
    }

    /// The model and its figures. Error: a search that is not through.
    pub(super) fn finish(self) -> Result<PanelOutcome> {
        let Self { mut plan, trials } = self;
        let Trained { candidates, weights, best } = trials.finish(&plan)?;
        let several = plan.config.panel_ensemble();
        let references = plan.views.len();
        let Mean { members, score, .. } = if several > 1 {
            // The best candidate, and the same from other seeds.
            let first = (0..references)
                .min_by(|&a, &b| {
                    let score = |k: usize| candidates[k].valid_score.unwrap_or(f64::INFINITY);
                    score(a).total_cmp(&score(b))
                })
                .unwrap_or(0);
            Mean {
                members: std::iter::once(first).chain(references..candidates.len()).collect(),
                scores: Vec::new(),
                score: None,
            }
        } else {
            mean(&plan, &candidates, best.index, &weights)?
        };
        let views = members.iter().map(|&member| plan.view(member, &candidates).clone()).collect();
        let networks: Vec<_> = members
            .iter()
            .map(|&member| (plan.sizes(plan.view(member, &candidates)), weights[member].as_slice()))
            .collect();
        let model = joined(&plan.config.network, &networks)?;
        let mut notes = Vec::new();
        if references > 1 {
            let mut sorted: Vec<_> = candidates[..references].iter().collect();
            sorted.sort_by(|a, b| {
                a.valid_score.unwrap_or(f64::INFINITY).total_cmp(&b.valid_score.unwrap_or(f64::INFINITY))
            });
            let scores = sorted
                .iter()
                .map(|one| format!("{} {:.3}", one.difference, one.valid_score.unwrap_or(f64::NAN)));
            let scores: Vec<String> =
                score.map(|score| format!("their mean {score:.3}")).into_iter().chain(scores).collect();
            let mut names: Vec<&str> = members
                .iter()
                .map(|&member| reference_name(plan.view(member, &candidates).reference))
                .collect();
            names.dedup();
            plan.decisions.choices.push(Choice {
                name: "difference".into(),
                value: names.join(" + "),
                reason: format!("validation MASE, the mean over the series: {}", scores.join(", ")),
            });
        }
        let best_epoch = candidates[best.index].best_epoch;
        notes.extend(still_improving(&best.epochs, best_epoch, plan.decisions.epochs));
        let mut config = kept(&plan, views)?;
        let data = plan.data().clone();
        let values: Vec<&Filled> =
            plan.members.members.iter().map(|member| &member.source.targets[0]).collect();
        notes.extend(calibrated(&mut config, &model, &plan, &values)?);
        let train = |series: usize| plan.splits[series].train.clone();
        let baselines: Vec<Vec<Baseline>> = values
            .par_iter()
            .enumerate()
            .map(|(series, values)| {
                let mask = values.mask();
                let observed = Observed { values, mask: mask.as_deref() };
                Baseline::of_panel(observed, train(series), plan.decisions.season, plan.decisions.mostly_0)
            })
            .collect();
        let roots: Vec<Option<f64>> = values
            .iter()
            .enumerate()
            .map(|(series, values)| root_scale(values, &train(series), plan.decisions.season))
            .collect();
        let evaluate = |places: &[Place]| -> Result<Option<PanelEvaluation>> {
            if places.is_empty() {
                return Ok(None);
            }
            let truth = Truth {
                values: values.clone(),
                scales: &data.scales,
                roots: roots.clone(),
                places,
                horizon: plan.decisions.horizon,
            };
            measure(&config, &model, &data.frames, &truth, &baselines, &train).map(Some)
        };
        let valid = evaluate(&data.valid)?;
        let test = evaluate(&data.test)?;
        for (known, baselines) in config.known_series.iter_mut().zip(baselines) {
            known.baselines = baselines;
        }
        let shown = Shown::of(&plan, &config, &model, &data)?;
        let heard = config.heard(&data.frames, &data.valid);
        let mut all_notes = plan.members.notes.clone();
        all_notes.extend(notes);
        Ok(PanelOutcome {
            forecaster: PanelForecaster { config, model },
            seconds: candidates.iter().map(|candidate| candidate.seconds).sum(),
            candidates,
            best_epoch,
            epochs: best.epochs,
            stopped_early: best.stopped_early,
            notes: all_notes,
            valid,
            test,
            shown,
            heard,
            config: plan.config,
            decisions: plan.decisions,
            members: members.len(),
        })
    }
}

/// What the model file keeps beside the network, before the intervals are calibrated.
fn kept(plan: &PanelPlan, views: Vec<View>) -> Result<PanelForecasterConfig> {
    let (asked, data) = (&plan.config, plan.data());
    let first = plan.members.first();
    let series = plan.members.members.iter().zip(&data.scales);
    let rows = views[0].rows_seen();
    let known_series = series.map(|(member, &mase_scale)| KnownSeries {
        id: member.id.clone(),
        statics: member.statics.clone(),
        history: History::of(&member.source, rows),
        mase_scale,
        baselines: Vec::new(),
    });
    Ok(PanelForecasterConfig {
        version: env!("CARGO_PKG_VERSION").into(),
        seed: asked.train.seed,
        columns: plan.members.columns.clone(),
        series: asked.data.series.clone().filter(|series| series.contains('=')),
        views,
        levels: plan.decisions.levels.clone(),
        distribution: plan.decisions.distribution,
        calibration: Calibration::default(),
        templates: Templates::default(),
        loss: asked.loss()?,
        missing: asked.data.missing,
        resample: asked.resample()?,
        reading: asked.read_options(),
        categories: plan.categories.clone(),
        forms: first.forms.iter().filter(|(_, form)| *form != NumberForm::default()).cloned().collect(),
        time: first.axis.clone(),
        known_series: known_series.collect(),
    })
}

/// Calibrates the intervals by the validation parts; what is to be said of it.
fn calibrated(
    config: &mut PanelForecasterConfig,
    model: &Model,
    plan: &PanelPlan,
    values: &[&Filled],
) -> Result<Vec<String>> {
    if config.levels.is_empty() {
        return Ok(Vec::new());
    }
    let data = plan.data();
    if data.valid.is_empty() {
        return Ok(vec![
            "there is no validation part: the intervals are the network's own and were not calibrated".into(),
        ]);
    }
    let frames: Vec<_> = data.valid.iter().map(|place| &data.frames[place.series]).collect();
    let origins: Vec<usize> = data.valid.iter().map(|place| place.origin).collect();
    let forecasts = config.forecasts(model, &frames, &origins)?;
    let came = came(config, values, &plan.splits, &data.valid);
    let left = config.calibrate(&forecasts, &came);
    let values: Vec<Option<f64>> = came.iter().map(|z| z.map(|z| config.view().bounded(z))).collect();
    config.templates = Templates::of(config, model, &frames, &origins, &values)?;
    let observed = came.iter().flatten().count();
    Ok(left
        .into_iter()
        .map(|level| {
            format!(
                "the interval of {} % is the network's own: {} validation values are too few to calibrate it",
                level * 100.0,
                count(observed)
            )
        })
        .collect())
}
