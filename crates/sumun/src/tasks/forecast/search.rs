//! The candidates among which the validation part decides, trained one after the other. The search may stop after any step
//! and go on to the same bits.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::average::{Mean, mean};
use super::baseline::fitted_note;
use super::decisions::{Choice, Decisions};
use super::fallback;
use super::fit::Fitting;
use super::forecaster::Forecaster;
use super::kept::{ForecasterConfig, History};
use super::network::{Sizes, joined};
use super::outcome::{Candidate, DataSummary, ForecastOutcome};
use super::plan::ForecastPlan;
use super::preprocessing::{Frame, Preprocessing};
use super::race::{Race, running_lowest};
use super::score;
use super::source::Source;
use crate::data::{Difference, Filled, Imputed, NumberForm, origins_within};
use crate::model::Model;
use crate::noise::Noise;
use crate::settings::{DifferenceChoice, Switch};
use crate::tasks::training::still_improving;
use crate::train::{
    BatchLoss, Ending, EpochRecord, Keeper, Objective, Progress, Session, Snapshot, TrainingStage, Validated,
    Wish,
};
use crate::{Error, Parameters, Result};

/// A search for the best forecaster: candidates that are through, one at work, others to come.
#[derive(Debug)]
pub struct Search {
    plan: ForecastPlan,
    through: Through,
    /// The weights of each candidate that is through.
    weights: Vec<Vec<f32>>,
    /// The candidate at work; None where no network is trained.
    work: Option<Work>,
}

/// A candidate at work.
#[derive(Debug)]
struct Work {
    fitting: Fitting,
    session: Session,
}

impl Work {
    /// Candidate `index` before its first step.
    fn begin(plan: &ForecastPlan, index: usize) -> Result<Self> {
        let fitting = plan.fitting(index)?;
        let session = Session::new(plan.fit()?, &fitting)?;
        Ok(Self { fitting, session })
    }
}

/// What came of the candidates that are through, as a checkpoint keeps it beside the snapshot of the one at work.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Through {
    candidates: Vec<Candidate>,
    /// `None` before the first is through.
    best: Option<Best>,
}

/// The best candidate that is through.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Best {
    /// Which, counted from 0.
    index: usize,
    epochs: Vec<EpochRecord>,
    stopped_early: bool,
}

/// The buffers of a checkpoint that hold the weights of each candidate that is through are called this and a number.
const CANDIDATE: &str = "candidate ";
/// The buffer in which earlier versions kept the weights of the best candidate, and no others.
const BEST_CANDIDATE: &str = "best candidate";

impl Search {
    /// A search before its first step. Errors: data that cannot be learnt from, and a network that is too large.
    pub(super) fn begin(plan: ForecastPlan) -> Result<Self> {
        // What is wrong with a later candidate is known before the first is trained.
        for index in 1..plan.decisions.candidates.len() {
            plan.material(index)?;
        }
        let work = if plan.decisions.too_short { None } else { Some(Work::begin(&plan, 0)?) };
        let (through, weights) = (Through::default(), Vec::new());
        Ok(Self { plan, through, weights, work })
    }

    /// Goes on from a snapshot of a search with the same plan. Errors: a snapshot that does not fit it.
    pub(super) fn resume(plan: ForecastPlan, mut snapshot: Snapshot) -> Result<Self> {
        if plan.decisions.too_short {
            return Self::begin(plan);
        }
        let through: Through = serde_json::from_value(snapshot.beside.take())
            .map_err(|error| Error::Model(format!("its candidates cannot be read: {error}")))?;
        through.check(&plan.decisions)?;
        if snapshot.buffers.iter().any(|(name, _)| name == BEST_CANDIDATE) {
            return Err(Error::Model(
                "the training was begun by an earlier version of sumun, which kept the best candidate alone; train anew".into(),
            ));
        }
        let mut weights = Vec::new();
        for index in 0..through.candidates.len() {
            let name = format!("{CANDIDATE}{index}");
            let found = snapshot.buffers.iter().position(|(buffer, _)| *buffer == name);
            let values = found.map(|place| snapshot.buffers.remove(place).1).unwrap_or_default();
            let wanted = plan.weights(index)?;
            if values.len() != wanted {
                return Err(Error::Model(format!("its {name} has {} weights, not {wanted}", values.len())));
            }
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(Error::Model(format!(
                    "its {name} holds {value}, with which nothing can be computed"
                )));
            }
            weights.push(values);
        }
        // Before a network is built that its checkpoint has no weights for.
        let (found, wanted) = (snapshot.weights(), plan.weights(through.candidates.len())?);
        if found != wanted {
            return Err(Error::Model(format!(
                "the checkpoint has {found} weights, but the network of its settings {wanted}"
            )));
        }
        let mut fitting = plan.fitting(through.candidates.len())?;
        let session = Session::resume(plan.fit()?, &mut fitting, snapshot)?;
        Ok(Self { plan, through, weights, work: Some(Work { fitting, session }) })
    }

    pub(super) fn plan(&self) -> &ForecastPlan {
        &self.plan
    }

    /// Where it stands.
    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        let Some(Work { fitting, session }) = &self.work else {
            let nothing = NoNetwork::default();
            return Ok(Session::new(self.plan.fit()?, &nothing)?.snapshot(&nothing));
        };
        let mut snapshot = session.snapshot(fitting);
        self.beside()?.add(&mut snapshot);
        Ok(snapshot)
    }

    fn beside(&self) -> Result<Beside> {
        let through = serde_json::to_value(&self.through)
            .map_err(|error| Error::Invalid(format!("the candidates cannot be written as JSON: {error}")))?;
        Ok(Beside { through, weights: self.weights.clone() })
    }

    /// Trains all candidates, or until the keeper stops it.
    pub(super) fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        let count = self.plan.decisions.candidates.len();
        while self.through.candidates.len() < count
            && let Some(mut work) = self.work.take()
        {
            let index = self.through.candidates.len();
            let stage = self.stage(index, &work);
            let race = self.race(&work);
            let mut keeper = BesideKeeper { keeper: &mut *keeper, beside: self.beside()?, race };
            let mut ending = Ending::StoppedEarly;
            if !keeper.race.is_lost() {
                ending = work.session.run(&mut work.fitting, &stage, progress, &mut keeper)?;
            }
            let lost = keeper.race.is_lost();
            if ending == Ending::Interrupted && !lost {
                self.work = Some(work);
                return Ok(ending);
            }
            self.settle(index, &work, ending, lost)?;
            self.work = Some(if index + 1 < count { Work::begin(&self.plan, index + 1)? } else { work });
        }
        let stopped = self.through.best.as_ref().is_some_and(|best| best.stopped_early);
        Ok(if stopped { Ending::StoppedEarly } else { Ending::Complete })
    }

    /// The candidate at work against the best that is through. Where all are averaged, none is given up.
    fn race(&self, work: &Work) -> Race {
        let leader = self.through.best.as_ref().filter(|_| self.plan.config.prepare.average != Switch::On);
        Race::new(leader.map_or(&[], |best| &best.epochs), self.plan.decisions.epochs, work.session.records())
    }

    fn stage(&self, index: usize, work: &Work) -> TrainingStage {
        let name = self.plan.decisions.name(index);
        let count = self.plan.decisions.candidates.len();
        let name = match count {
            1 => format!("difference = {name}"),
            _ => format!("trying difference = {name} ({} of {count})", index + 1),
        };
        let examples = work.fitting.material.train.len();
        let epochs = self.plan.decisions.epochs;
        TrainingStage { name, candidate: index + 1, candidates: count, epochs, examples, unit: "rows" }
    }

    /// Keeps what came of the candidate at work.
    fn settle(&mut self, index: usize, work: &Work, ending: Ending, lost: bool) -> Result<()> {
        let Work { fitting, session } = work;
        let epochs = session.records().to_vec();
        let valid_score = match lost {
            // Its weights are those of its last step, not of its best epoch; nothing reads them.
            true => running_lowest(&epochs).last().copied(),
            false => fitting.valid_forecasts()?.and_then(|all| fitting.valid_score(&all)),
        };
        let best = self.through.best.as_ref().map(|best| self.through.candidates[best.index].valid_score);
        // Of two alike, the first.
        if !lost && best.is_none_or(|best| valid_score < best) {
            let stopped_early = ending == Ending::StoppedEarly;
            self.through.best = Some(Best { index, epochs: epochs.clone(), stopped_early });
        }
        self.weights.push(fitting.model.parameters().values().to_vec());
        self.through.candidates.push(Candidate {
            difference: self.plan.decisions.name(index),
            valid_score,
            best_epoch: session.best_epoch(),
            epochs: epochs.len(),
            given_up: lost,
            seconds: session.seconds(),
        });
        Ok(())
    }

    /// The best forecaster and its figures. Error: a search that is not through.
    pub(super) fn finish(self) -> Result<ForecastOutcome> {
        if self.plan.decisions.too_short {
            return self.finish_without_network();
        }
        let Self { mut plan, through, weights, .. } = self;
        let count = plan.decisions.candidates.len();
        let (candidates, best) = match through {
            Through { candidates, best: Some(best) } if candidates.len() == count => (candidates, best),
            Through { candidates, .. } => {
                return Err(Error::Invalid(format!(
                    "{} of {count} candidates are trained; run the training to its end first",
                    candidates.len()
                )));
            }
        };
        let Mean { members, score } = mean(&plan, &candidates, best.index, &weights)?;
        let materials = members.iter().map(|&member| plan.material(member)).collect::<Result<Vec<_>>>()?;
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
        decisions.difference = decisions.candidates[best.index].difference;
        decisions.averaged = members.iter().map(|&member| decisions.candidates[member]).collect();
        if count > 1 {
            decisions.choices.push(Choice {
                name: "difference".into(),
                value: members.iter().map(|&member| decisions.name(member)).collect::<Vec<_>>().join(" + "),
                reason: comparison(&candidates, score, &preprocessing[0]),
            });
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
        let trained = Trained { preprocessing, frames, model: Some(model), rows, notes };
        let outcome = trained.outcome(plan)?;
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
        Trained { preprocessing: vec![p], frames, model: None, rows, notes: Vec::new() }.outcome(plan)
    }
}

/// What came of a search: one network, several that are averaged, or none.
struct Trained {
    /// One a network; without one, how the baselines see the targets.
    preprocessing: Vec<Preprocessing>,
    frames: Vec<Frame>,
    model: Option<Model>,
    /// How many rows the forecaster keeps of the data.
    rows: usize,
    /// What is known at the end.
    notes: Vec<String>,
}

impl Trained {
    /// The forecaster with its figures, and nothing of its training.
    fn outcome(self, plan: ForecastPlan) -> Result<ForecastOutcome> {
        let Self { mut preprocessing, frames, model, rows, notes: known_now } = self;
        let baselines = plan.baselines();
        let ForecastPlan { config: asked, source, decisions, fallback, .. } = plan;
        let averaged = preprocessing.split_off(1);
        let preprocessing = preprocessing.remove(0);
        let config = ForecasterConfig {
            version: env!("CARGO_PKG_VERSION").into(),
            seed: asked.train.seed,
            season: decisions.season,
            fallback,
            baselines,
            loss: asked.loss()?,
            missing: asked.data.missing,
            resample: asked.resample()?,
            series: asked.data.series.clone(),
            reading: asked.read_options(),
            categories: source.categories.clone(),
            forms: source.forms.iter().filter(|(_, form)| *form != NumberForm::default()).cloned().collect(),
            time: source.axis.clone(),
            history: history(&source, rows),
            preprocessing,
            averaged,
        };
        let evaluate = |part: &Range<usize>| {
            let rows = config.rows_to_evaluate();
            let origins = if part.is_empty() { 0..0 } else { origins_within(part, rows, decisions.horizon) };
            score::evaluate(&config, model.as_ref(), &frames, origins, decisions.split.train.clone())
        };
        let valid = evaluate(&decisions.split.valid)?;
        let test = evaluate(&decisions.split.test)?;
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

impl Through {
    /// Error unless these may be the first of all `candidates`, with one still to train.
    fn check(&self, decisions: &Decisions) -> Result<()> {
        let wrong = |what: String| Err(Error::Model(what));
        let (count, all) = (self.candidates.len(), decisions.candidates.len());
        let alike = (0..count.min(all)).all(|k| self.candidates[k].difference == decisions.name(k));
        if count >= all || !alike {
            return wrong(format!("its {count} trained candidates are not the first of {all}"));
        }
        let fits = match &self.best {
            None => count == 0,
            Some(best) => self.candidates.get(best.index).is_some_and(|candidate| {
                candidate.epochs == best.epochs.len()
                    && (1..=candidate.epochs).contains(&candidate.best_epoch)
            }),
        };
        if fits { Ok(()) } else { wrong(format!("its best of {count} trained candidates is none of them")) }
    }
}

/// What a checkpoint keeps beside the candidate at work.
struct Beside {
    through: Value,
    weights: Vec<Vec<f32>>,
}

impl Beside {
    fn add(&self, snapshot: &mut Snapshot) {
        snapshot.beside = self.through.clone();
        let all = self.weights.iter().enumerate();
        snapshot.buffers.extend(all.map(|(index, weights)| (format!("{CANDIDATE}{index}"), weights.clone())));
    }
}

/// Adds to every snapshot what is kept beside the candidate at work, and stops it where it is lost.
struct BesideKeeper<'a> {
    keeper: &'a mut dyn Keeper,
    beside: Beside,
    race: Race,
}

impl Keeper for BesideKeeper<'_> {
    fn wish(&mut self) -> Wish {
        if self.race.is_lost() { Wish::Stop } else { self.keeper.wish() }
    }

    fn save(&mut self, mut snapshot: Snapshot) -> Result<()> {
        // The candidate ends here; the next one's first snapshot keeps what came of it.
        if self.race.is_lost() {
            return Ok(());
        }
        self.beside.add(&mut snapshot);
        self.keeper.save(snapshot)
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.race.epoch(record);
        self.keeper.epoch(record)
    }
}

/// What the candidates came to, best first.
fn comparison(candidates: &[Candidate], mean: Option<f64>, preprocessing: &Preprocessing) -> String {
    let mut sorted: Vec<_> = candidates.iter().collect();
    sorted.sort_by(|a, b| a.valid_score.unwrap_or(f64::NAN).total_cmp(&b.valid_score.unwrap_or(f64::NAN)));
    let scores: Vec<String> = mean
        .map(|score| format!("their mean {score:.3}"))
        .into_iter()
        .chain(sorted.iter().map(|c| format!("{} {:.3}", c.difference, c.valid_score.unwrap_or(f64::NAN))))
        .collect();
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
fn history(source: &Source, rows: usize) -> History {
    let keep = rows.min(source.rows);
    let first = source.rows - keep;
    let all = source.targets.iter().chain(&source.features).chain(&source.known);
    let past: Vec<Filled> = all.map(|column| column.slice(first..source.rows)).collect();
    let imputed: Vec<Option<Imputed>> = past.iter().map(|column| column.imputed().cloned()).collect();
    History {
        rows: source.first_row + source.rows,
        times: source
            .times
            .as_ref()
            .map(|times| times[first..source.rows].iter().map(ToString::to_string).collect()),
        columns: past.into_iter().map(|column| column.into_parts().0).collect(),
        imputed: if imputed.iter().any(Option::is_some) { imputed } else { Vec::new() },
        ahead: source.known.iter().map(|c| c[source.rows..].to_vec()).collect(),
    }
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
