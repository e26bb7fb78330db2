//! The search for the best forecaster of one series, from its candidates to the model and its figures.

use std::ops::Range;

use super::average::{Mean, mean};
use super::baseline::fitted_note;
use super::decisions::Choice;
use super::fallback;
use super::fit::Fitting;
use super::forecaster::Forecaster;
use super::kept::{ForecasterConfig, History};
use super::network::{Sizes, joined};
use super::outcome::{DataSummary, ForecastOutcome};
use super::plan::ForecastPlan;
use super::predict::window;
use super::preprocessing::{Frame, Preprocessing};
use super::score;
use super::source::Source;
use super::together::{self, Compared};
use super::trials::{Contest, Trained, Trials};
use crate::data::{Difference, Filled, NumberForm, origins_within};
use crate::model::Model;
use crate::noise::Noise;
use crate::settings::{DifferenceChoice, Switch};
use crate::tasks::example::some_of;
use crate::tasks::standing::Standing;
use crate::tasks::training::still_improving;
use crate::train::{
    BatchLoss, Ending, FitOptions, Keeper, Objective, Progress, Session, Snapshot, Validated,
};
use crate::{Error, Parameters, Result};

/// A search for the best forecaster among candidates.
#[derive(Debug)]
pub struct Search {
    plan: ForecastPlan,
    /// None where no network is trained.
    trials: Option<Trials<Fitting>>,
}

impl Search {
    /// A search before its first step. Errors: data that cannot be learnt from, and a network that is too large.
    pub(super) fn begin(plan: ForecastPlan) -> Result<Self> {
        // What is wrong with a later candidate is known before the first is trained.
        for index in 1..plan.decisions.candidates.len() {
            plan.material(index)?;
        }
        let trials = if plan.decisions.too_short { None } else { Some(Trials::begin(&plan)?) };
        Ok(Self { plan, trials })
    }

    /// Goes on from a snapshot of a search with the same plan. Errors: a snapshot that does not fit it.
    pub(super) fn resume(plan: ForecastPlan, snapshot: Snapshot) -> Result<Self> {
        if plan.decisions.too_short {
            return Self::begin(plan);
        }
        let trials = Some(Trials::resume(&plan, snapshot)?);
        Ok(Self { plan, trials })
    }

    pub(super) fn plan(&self) -> &ForecastPlan {
        &self.plan
    }

    /// Where it stands.
    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        match &self.trials {
            Some(trials) => trials.snapshot(),
            None => {
                let nothing = NoNetwork::default();
                Ok(Session::new(self.plan.fit(self.plan.config.train.seed)?, &nothing)?.snapshot(&nothing))
            }
        }
    }

    /// What it trains now. Error: no network.
    pub(super) fn objective(&mut self) -> Result<(&mut dyn Objective, FitOptions)> {
        match &mut self.trials {
            Some(trials) => trials.objective(&self.plan),
            None => Err(Error::Data(format!(
                "{}: the training part has too few rows for a network; give a longer series",
                self.plan.source.name
            ))),
        }
    }

    /// How far it is; at its end from the beginning where no network is trained.
    pub(super) fn standing(&self) -> Result<Standing> {
        match &self.trials {
            Some(trials) => trials.standing(&self.plan),
            None => Ok(Standing { epochs: 0, of: 0, best: None }),
        }
    }

    /// Trains all candidates, or until the keeper stops it.
    pub(super) fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        match &mut self.trials {
            Some(trials) => trials.run(&self.plan, progress, keeper),
            None => Ok(Ending::Complete),
        }
    }

    /// The best forecaster and its figures. Error: a search that is not through.
    pub(super) fn finish(self) -> Result<ForecastOutcome> {
        let Self { mut plan, trials: Some(trials) } = self else { return self.finish_without_network() };
        let Trained { candidates, weights, best } = trials.finish(&plan)?;
        let count = candidates.len();
        let Mean { mut members, scores, score } = mean(&plan, &candidates, best.index, &weights)?;
        // Without a validation part nothing ranks them.
        if plan.continued.is_some() && members.len() < count {
            members = (0..count).collect();
        }
        let kinds: Vec<usize> = members.iter().map(|&member| plan.kind(member, &candidates)).collect();
        let materials = kinds.iter().map(|&kind| plan.material(kind)).collect::<Result<Vec<_>>>()?;
        let networks: Vec<(Sizes, &[f32])> = members
            .iter()
            .zip(&materials)
            .map(|(&member, material)| (Sizes::of(&material.preprocessing), weights[member].as_slice()))
            .collect();
        let model = joined(&plan.config.network, &networks)?;
        let (mut preprocessing, mut frames) = (Vec::new(), Vec::new());
        for material in materials {
            preprocessing.push(material.preprocessing);
            frames.push(material.frame);
        }
        let decisions = &mut plan.decisions;
        decisions.difference = decisions.candidates[kinds[0]].difference;
        decisions.averaged = kinds.iter().map(|&kind| decisions.candidates[kind]).collect();
        if decisions.candidates.len() > 1 {
            let mut names: Vec<String> = kinds.iter().map(|&kind| decisions.name(kind)).collect();
            names.dedup();
            let named = scores.iter().enumerate();
            let named = named.map(|(kind, &score)| (decisions.name(kind), score.unwrap_or(f64::NAN)));
            let reason = comparison(named.collect(), score, &preprocessing[0]);
            decisions.choices.push(Choice { name: "difference".into(), value: names.join(" + "), reason });
        }
        let best_epoch = candidates[best.index].best_epoch;
        let mut notes: Vec<String> =
            still_improving(&best.epochs, best_epoch, decisions.epochs).into_iter().collect();
        if !plan.source.has_values(&plan.decisions.split.valid) {
            notes.push(match plan.decisions.split.valid.is_empty() {
                true => "there is no validation part: the last epoch was kept".into(),
                false => {
                    "every target value of the validation part is missing: the last epoch was kept".into()
                }
            });
        }
        let rows = plan.decisions.rows_needed().max(plan.decisions.season);
        let found = Found { preprocessing, frames, model: Some(model), rows, notes };
        let outcome = found.outcome(plan)?;
        Ok(ForecastOutcome {
            best_epoch,
            seconds: candidates.iter().map(|candidate| candidate.seconds).sum(),
            candidates,
            epochs: best.epochs,
            stopped_early: best.stopped_early,
            ..outcome
        })
    }

    /// The forecaster whose baselines forecast: it keeps all rows, and reads the targets alone.
    fn finish_without_network(self) -> Result<ForecastOutcome> {
        let Self { mut plan, .. } = self;
        plan.source.keep_targets();
        let p = fallback::preprocessing(&plan.source, &plan.decisions, &plan.fallback);
        let frames = vec![p.frame(plan.source.columns())?];
        let rows = plan.source.rows;
        Found { preprocessing: vec![p], frames, model: None, rows, notes: Vec::new() }.outcome(plan)
    }
}

/// What came of a search: one network, several that are averaged, or none.
struct Found {
    /// One a network; without one, how the baselines see the targets.
    preprocessing: Vec<Preprocessing>,
    frames: Vec<Frame>,
    model: Option<Model>,
    /// How many rows the forecaster keeps of the data.
    rows: usize,
    /// What is known at the end.
    notes: Vec<String>,
}

impl Found {
    /// The forecaster with its figures, and nothing of its training.
    fn outcome(self, plan: ForecastPlan) -> Result<ForecastOutcome> {
        let Self { mut preprocessing, frames, model, rows, notes: known_now } = self;
        let baselines = plan.baselines();
        let ForecastPlan { config: asked, source, mut decisions, fallback, continued, .. } = plan;
        let averaged = preprocessing.split_off(1);
        let preprocessing = preprocessing.remove(0);
        let mut config = ForecasterConfig {
            version: env!("CARGO_PKG_VERSION").into(),
            seed: asked.train.seed,
            season: decisions.season,
            fallback,
            baselines,
            together: Vec::new(),
            loss: asked.loss()?,
            missing: asked.data.missing,
            resample: asked.resample()?,
            series: asked.data.series.clone(),
            reading: asked.read_options(),
            categories: source.categories.clone(),
            forms: source.forms.iter().filter(|(_, form)| *form != NumberForm::default()).cloned().collect(),
            time: source.axis.clone(),
            history: History::of(&source, rows),
            preprocessing,
            averaged,
        };
        if let (Some(model), Some(frame)) =
            (model.as_ref().filter(|_| asked.prepare.arima != Switch::Off), frames.first())
        {
            let (valid, horizon) = (decisions.split.valid.clone(), decisions.horizon);
            let origins = Compared::origins(&valid, source.rows, decisions.rows_needed(), horizon);
            let forecasts = score::of_networks(&config, model, &frames, origins.clone())?;
            let compared = Compared { valid, origins, forecasts };
            // A training that goes on keeps the models: newer rows may be too few to fit others to.
            let kept = continued.map(|from| from.together);
            let models = match &kept {
                Some(kept) if !kept.is_empty() => {
                    kept.iter().map(|one| one.map(|together| together.arima)).collect()
                }
                Some(_) if asked.prepare.arima == Switch::Auto => Vec::new(),
                _ => together::models(&config.baselines),
            };
            let targets = &config.preprocessing.targets;
            let (found, choice) = together::fit(targets, &models, frame, &compared, asked.prepare.arima);
            match kept {
                // Without a validation part, nothing says that the shares should change.
                Some(kept) if compared.valid.is_empty() => config.together = kept,
                _ => {
                    config.together = found;
                    decisions.choices.extend(choice);
                }
            }
            config.history = History::of(&source, rows.max(config.rows_looked_at()));
        }
        let evaluate = |part: &Range<usize>| {
            let rows = config.rows_to_evaluate();
            let origins = if part.is_empty() { 0..0 } else { origins_within(part, rows, decisions.horizon) };
            score::evaluate(&config, model.as_ref(), &frames, origins, decisions.split.train.clone())
        };
        let valid = evaluate(&decisions.split.valid)?;
        let test = evaluate(&decisions.split.test)?;
        let heard = config.networks().zip(&frames).map(|(p, frame)| {
            let origins = origins_within(&decisions.split.valid, config.rows_to_evaluate(), p.horizon);
            let ahead = || (1..=p.horizon).map(|step| step.to_string()).collect();
            let some = some_of(origins.len()).map(|place| origins.start + place);
            some.map(|origin| window(p, frame, origin, ahead(), Vec::new())).collect()
        });
        let heard = heard.collect();
        let left_out = source.left_out(&decisions.split, &decisions.log);
        let (data, mut notes) = summarise(source);
        notes.extend(left_out);
        notes.extend(fitted_note(decisions.split.train.len()));
        notes.extend(known_now);
        Ok(ForecastOutcome {
            forecaster: Forecaster { config, model },
            config: asked,
            decisions,
            notes,
            candidates: Vec::new(),
            epochs: Vec::new(),
            best_epoch: 0,
            stopped_early: false,
            seconds: 0.0,
            valid,
            test,
            data,
            heard,
        })
    }
}

/// What a search without a network trains: nothing.
#[derive(Debug, Default)]
struct NoNetwork(Parameters);

impl Objective for NoNetwork {
    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.0
    }

    fn steps_per_epoch(&self) -> usize {
        1
    }

    fn batch(&mut self, _epoch: usize, _step: usize, _noise: Noise) -> Result<BatchLoss> {
        Ok(BatchLoss { loss: 0.0, weight: 1.0, rows: 0 })
    }

    fn validate(&mut self) -> Result<Option<Validated>> {
        Ok(None)
    }
}

/// What the candidates came to, best first.
fn comparison(mut scores: Vec<(String, f64)>, mean: Option<f64>, preprocessing: &Preprocessing) -> String {
    let had_none = scores.iter().any(|(name, _)| *name == DifferenceChoice::None.to_string());
    scores.sort_by(|a, b| a.1.total_cmp(&b.1));
    let scores: Vec<String> = mean
        .map(|score| format!("their mean {score:.3}"))
        .into_iter()
        .chain(scores.iter().map(|(name, score)| format!("{name} {score:.3}")))
        .collect();
    let unit = match preprocessing.targets.iter().all(|t| t.mase_scale.is_some()) {
        true => "MASE",
        false => "MAE",
    };
    let drifted = preprocessing.difference != Difference::None && !had_none;
    let left_out = if drifted { "; none was left out because the level drifts" } else { "" };
    format!("validation {unit}: {}{left_out}", scores.join(", "))
}

/// What the report shows of the data, and the notes.
fn summarise(source: Source) -> (DataSummary, Vec<String>) {
    let labels = (0..source.rows).map(|row| source.label(row)).collect();
    let frequency = source.frequency().map_or_else(String::new, ToString::to_string);
    let read = |target: &Filled| -> Vec<f64> {
        let value = |row| if target.is_observed(row) { target[row] } else { f64::NAN };
        (0..source.rows).map(value).collect()
    };
    let targets = source.targets.iter().map(read).collect();
    let data = DataSummary { source: source.name, labels, frequency, targets, filled: source.targets };
    (data, source.notes)
}
