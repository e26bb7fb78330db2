//! The candidates among which the validation part decides, trained one after the other. The search may stop after any step
//! and go on to the same bits.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decisions::Choice;
use super::fit::{Fitting, Material};
use super::forecaster::Forecaster;
use super::kept::{ForecasterConfig, History, TimeAxis};
use super::outcome::{Candidate, DataSummary, ForecastOutcome};
use super::plan::ForecastPlan;
use super::preprocessing::Preprocessing;
use super::score;
use super::source::Source;
use crate::data::{Difference, NumberForm, origins_within};
use crate::settings::DifferenceChoice;
use crate::train::{Ending, EpochRecord, Keeper, Progress, Session, Snapshot, TrainingStage, Wish};
use crate::{Error, Result};

/// A search for the best forecaster: candidates that are through, one at work, others to come.
#[derive(Debug)]
pub struct Search {
    plan: ForecastPlan,
    through: Through,
    /// The weights of the best candidate that is through.
    best_weights: Vec<f32>,
    fitting: Fitting,
    session: Session,
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

/// The buffer of a checkpoint that holds the weights of the best candidate that is through.
const BEST_CANDIDATE: &str = "best candidate";

impl Search {
    /// A search before its first step. Errors: data that cannot be learnt from, and a network that is too large.
    pub(super) fn begin(plan: ForecastPlan) -> Result<Self> {
        // What is wrong with a later candidate is known before the first is trained.
        for index in 1..plan.decisions.candidates.len() {
            plan.material(index)?;
        }
        let fitting = plan.fitting(0)?;
        let session = Session::new(plan.fit()?, &fitting)?;
        let (through, best_weights) = (Through::default(), Vec::new());
        Ok(Self { plan, through, best_weights, fitting, session })
    }

    /// Goes on from a snapshot of a search with the same plan. Errors: a snapshot that does not fit it.
    pub(super) fn resume(plan: ForecastPlan, mut snapshot: Snapshot) -> Result<Self> {
        let through: Through = serde_json::from_value(snapshot.beside.take())
            .map_err(|error| Error::Model(format!("its candidates cannot be read: {error}")))?;
        let best_weights = match snapshot.buffers.iter().position(|(name, _)| name == BEST_CANDIDATE) {
            Some(place) => snapshot.buffers.remove(place).1,
            None => Vec::new(),
        };
        through.check(&plan.decisions.candidates)?;
        if let Some(best) = &through.best {
            let wanted = plan.fitting(best.index)?.model.parameters().len();
            if best_weights.len() != wanted {
                return Err(Error::Model(format!(
                    "its best candidate has {} weights, not {wanted}",
                    best_weights.len()
                )));
            }
        }
        let mut fitting = plan.fitting(through.candidates.len())?;
        let session = Session::resume(plan.fit()?, &mut fitting, snapshot)?;
        Ok(Self { plan, through, best_weights, fitting, session })
    }

    pub(super) fn plan(&self) -> &ForecastPlan {
        &self.plan
    }

    /// Where it stands.
    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        let mut snapshot = self.session.snapshot(&self.fitting);
        self.beside()?.add(&mut snapshot);
        Ok(snapshot)
    }

    fn beside(&self) -> Result<Beside> {
        let through = serde_json::to_value(&self.through)
            .map_err(|error| Error::Invalid(format!("the candidates cannot be written as JSON: {error}")))?;
        let best = self.through.best.is_some();
        Ok(Beside { through, best_weights: best.then(|| self.best_weights.clone()) })
    }

    /// Trains all candidates, or until the keeper stops it.
    pub(super) fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        let count = self.plan.decisions.candidates.len();
        while self.through.candidates.len() < count {
            let index = self.through.candidates.len();
            let stage = self.stage(index);
            let mut keeper = BesideKeeper { keeper: &mut *keeper, beside: self.beside()? };
            let ending = self.session.run(&mut self.fitting, &stage, progress, &mut keeper)?;
            if ending == Ending::Interrupted {
                return Ok(ending);
            }
            self.settle(index, ending)?;
            if index + 1 < count {
                self.fitting = self.plan.fitting(index + 1)?;
                self.session = Session::new(self.plan.fit()?, &self.fitting)?;
            }
        }
        let stopped = self.through.best.as_ref().is_some_and(|best| best.stopped_early);
        Ok(if stopped { Ending::StoppedEarly } else { Ending::Complete })
    }

    fn stage(&self, index: usize) -> TrainingStage {
        let difference = self.plan.decisions.candidates[index];
        let count = self.plan.decisions.candidates.len();
        let name = match count {
            1 => format!("difference = {difference}"),
            _ => format!("trying difference = {difference} ({} of {count})", index + 1),
        };
        let examples = self.fitting.material.train.len();
        let epochs = self.plan.decisions.epochs;
        TrainingStage { name, candidate: index + 1, candidates: count, epochs, examples }
    }

    /// Keeps what came of the candidate at work.
    fn settle(&mut self, index: usize, ending: Ending) -> Result<()> {
        let valid_score = self.fitting.valid_score()?;
        let epochs = self.session.records().to_vec();
        let best = self.through.best.as_ref().map(|best| self.through.candidates[best.index].valid_score);
        // Of two alike, the first.
        if best.is_none_or(|best| valid_score < best) {
            self.best_weights = self.fitting.model.parameters().values().to_vec();
            let stopped_early = ending == Ending::StoppedEarly;
            self.through.best = Some(Best { index, epochs: epochs.clone(), stopped_early });
        }
        self.through.candidates.push(Candidate {
            difference: self.plan.decisions.candidates[index].to_string(),
            valid_score,
            best_epoch: self.session.best_epoch(),
            epochs: epochs.len(),
            seconds: self.session.seconds(),
        });
        Ok(())
    }

    /// The best forecaster and its figures. Error: a search that is not through.
    pub(super) fn finish(self) -> Result<ForecastOutcome> {
        let Self { plan, through, best_weights, .. } = self;
        let Through { candidates, best } = through;
        let count = plan.decisions.candidates.len();
        let Some(best) = best.filter(|_| candidates.len() == count) else {
            return Err(Error::Invalid(format!(
                "{} of {count} candidates are trained; run the training to its end first",
                candidates.len()
            )));
        };
        let Fitting { material, mut model, .. } = plan.fitting(best.index)?;
        model.parameters_mut().values_mut().copy_from_slice(&best_weights);
        let ForecastPlan { config: asked, source, mut decisions, .. } = plan;
        let Material { preprocessing, frame, .. } = material;
        decisions.difference = decisions.candidates[best.index];
        if count > 1 {
            decisions.choices.push(Choice {
                name: "difference".into(),
                value: decisions.difference.to_string(),
                reason: comparison(&candidates, &preprocessing),
            });
        }
        let config = ForecasterConfig {
            version: env!("CARGO_PKG_VERSION").into(),
            seed: asked.train.seed,
            season: decisions.season,
            loss: asked.loss()?,
            missing: asked.data.missing,
            series: asked.data.series.clone(),
            reading: asked.read_options(),
            categories: source.categories.clone(),
            forms: source.forms.iter().filter(|(_, form)| *form != NumberForm::default()).cloned().collect(),
            time: source.axis.clone().map(|(column, format, frequency)| TimeAxis {
                column,
                format,
                frequency,
            }),
            history: history(&source, &preprocessing, decisions.season),
            preprocessing,
        };
        let evaluate = |part: &Range<usize>| {
            let rows = config.rows_to_evaluate();
            let origins = if part.is_empty() { 0..0 } else { origins_within(part, rows, decisions.horizon) };
            score::evaluate(&config, &model, &frame, origins)
        };
        let valid = evaluate(&decisions.split.valid)?;
        let test = evaluate(&decisions.split.test)?;
        let (data, mut notes) = summarise(source);
        if decisions.split.valid.is_empty() {
            notes.push("there is no validation part: the last epoch was kept".into());
        }
        Ok(ForecastOutcome {
            forecaster: Forecaster { config, model },
            config: asked,
            decisions,
            notes,
            best_epoch: candidates[best.index].best_epoch,
            seconds: candidates.iter().map(|candidate| candidate.seconds).sum(),
            candidates,
            epochs: best.epochs,
            stopped_early: best.stopped_early,
            valid,
            test,
            data,
        })
    }
}

impl Through {
    /// Error unless these may be the first of all `candidates`, with one still to train.
    fn check(&self, candidates: &[DifferenceChoice]) -> Result<()> {
        let wrong = |what: String| Err(Error::Model(what));
        let count = self.candidates.len();
        let alike =
            self.candidates.iter().zip(candidates).all(|(c, choice)| c.difference == choice.to_string());
        if count >= candidates.len() || !alike {
            return wrong(format!(
                "its {count} trained candidates are not the first of {}",
                candidates.len()
            ));
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
    best_weights: Option<Vec<f32>>,
}

impl Beside {
    fn add(&self, snapshot: &mut Snapshot) {
        snapshot.beside = self.through.clone();
        snapshot.buffers.extend(self.best_weights.iter().map(|w| (BEST_CANDIDATE.to_owned(), w.clone())));
    }
}

/// Adds to every snapshot what is kept beside the candidate at work.
struct BesideKeeper<'a> {
    keeper: &'a mut dyn Keeper,
    beside: Beside,
}

impl Keeper for BesideKeeper<'_> {
    fn wish(&mut self) -> Wish {
        self.keeper.wish()
    }

    fn save(&mut self, mut snapshot: Snapshot) -> Result<()> {
        self.beside.add(&mut snapshot);
        self.keeper.save(snapshot)
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.keeper.epoch(record)
    }
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
