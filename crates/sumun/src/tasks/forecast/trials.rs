//! Networks trained one after the other, among which the validation part decides. The trainings may stop after any step and
//! go on to the same bits.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::outcome::Candidate;
use super::race::{Race, SCORE, running_lowest};
use crate::settings::Switch;
use crate::tasks::standing::{Judged, Standing};
use crate::train::{
    Ending, EpochRecord, FitOptions, Keeper, Objective, Progress, Session, Snapshot, TrainingStage, Wish,
};
use crate::{Error, Result};

/// What is trained: the candidates, one after the other.
pub(super) trait Contest {
    /// A candidate at work.
    type Fitting: Contestant;

    /// How many candidates there are as far as those in `through` tell; at least 1.
    fn count(&self, through: &[Candidate]) -> usize;

    /// The most that there may be.
    fn most(&self) -> usize;

    /// What messages call candidate `index`, where those in `through` have been trained: which one comes late may follow from
    /// them.
    fn name(&self, index: usize, through: &[Candidate]) -> String;

    /// What the progress of its training, the one of `index` among `count`, says that it is.
    fn stage(&self, index: usize, count: usize, name: &str) -> String;

    /// Candidate `index` before its first step.
    fn fitting(&self, index: usize, through: &[Candidate]) -> Result<Self::Fitting>;

    /// How many weights its network has. Errors as [`fitting`](Self::fitting), before it is built.
    fn weights(&self, index: usize, through: &[Candidate]) -> Result<usize>;

    /// How it is trained.
    fn fit(&self, index: usize, through: &[Candidate]) -> Result<FitOptions>;

    /// Whether it is given up where it is clearly behind.
    fn may_be_lost(&self, index: usize) -> bool;

    /// The candidate that it repeats from another seed; itself where it repeats none.
    fn kind(&self, index: usize, through: &[Candidate]) -> usize;

    /// Whether the forecasts of several kinds are averaged.
    fn average(&self) -> Switch;
}

/// Which of `kinds` candidates network `index` is, and the seed that it starts from: each of them once from `seed`, and then, again
/// and again from the seeds that follow, those that `worth` names.
pub(super) fn entry(
    index: usize,
    kinds: usize,
    seed: u64,
    worth: impl FnOnce() -> Vec<usize>,
) -> (usize, u64) {
    match index.checked_sub(kinds) {
        None => (index, seed),
        Some(later) => {
            let worth = worth();
            (worth[later % worth.len()], seed.wrapping_add(1 + (later / worth.len()) as u64))
        }
    }
}

/// A candidate at work.
pub(super) trait Contestant: Objective + fmt::Debug {
    /// Examples in an epoch.
    fn examples(&self) -> usize;

    /// The forecasts of every value that lies in the validation part: of all candidates in the same order and unit. `None` without
    /// a validation part.
    fn valid_forecasts(&self) -> Result<Option<Vec<f64>>>;

    /// What candidates are compared by, the lower the better, from such forecasts; `None` without a validation part.
    fn valid_score(&self, forecasts: &[f64]) -> Option<f64>;
}

/// Candidates that are through, one at work, others to come.
#[derive(Debug)]
pub(super) struct Trials<F> {
    through: Through,
    /// The weights of each candidate that is through.
    weights: Vec<Vec<f32>>,
    /// The candidate at work; of all that are through, the last.
    work: Work<F>,
}

#[derive(Debug)]
struct Work<F> {
    fitting: F,
    session: Session,
}

impl<F: Contestant> Work<F> {
    fn begin(contest: &impl Contest<Fitting = F>, index: usize, through: &[Candidate]) -> Result<Self> {
        let fitting = contest.fitting(index, through)?;
        let session = Session::new(contest.fit(index, through)?, &fitting)?;
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
pub(super) struct Best {
    /// Which, counted from 0.
    pub(super) index: usize,
    pub(super) epochs: Vec<EpochRecord>,
    pub(super) stopped_early: bool,
}

/// All candidates with their weights, and the best of them.
pub(super) struct Trained {
    pub(super) candidates: Vec<Candidate>,
    pub(super) weights: Vec<Vec<f32>>,
    pub(super) best: Best,
}

/// The buffers of a checkpoint that hold the weights of each candidate that is through are called this and a number.
const CANDIDATE: &str = "candidate ";
/// The buffer in which earlier versions kept the weights of the best candidate, and no others.
const BEST_CANDIDATE: &str = "best candidate";

impl<F: Contestant> Trials<F> {
    /// Before the first step of the first candidate.
    pub(super) fn begin(contest: &impl Contest<Fitting = F>) -> Result<Self> {
        let work = Work::begin(contest, 0, &[])?;
        Ok(Self { through: Through::default(), weights: Vec::new(), work })
    }

    /// Goes on from a snapshot of trials of the same contest. Errors: a snapshot that does not fit it.
    pub(super) fn resume(contest: &impl Contest<Fitting = F>, mut snapshot: Snapshot) -> Result<Self> {
        let through: Through = serde_json::from_value(snapshot.beside.take())
            .map_err(|error| Error::Model(format!("its candidates cannot be read: {error}")))?;
        through.check(contest)?;
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
            let wanted = contest.weights(index, &through.candidates)?;
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
        let index = through.candidates.len();
        let (found, wanted) = (snapshot.weights(), contest.weights(index, &through.candidates)?);
        if found != wanted {
            return Err(Error::Model(format!(
                "the checkpoint has {found} weights, but the network of its settings {wanted}"
            )));
        }
        let mut fitting = contest.fitting(index, &through.candidates)?;
        let session = Session::resume(contest.fit(index, &through.candidates)?, &mut fitting, snapshot)?;
        Ok(Self { through, weights, work: Work { fitting, session } })
    }

    /// Where they stand.
    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        let mut snapshot = self.work.session.snapshot(&self.work.fitting);
        self.beside()?.add(&mut snapshot);
        Ok(snapshot)
    }

    fn beside(&self) -> Result<Beside> {
        let through = serde_json::to_value(&self.through)
            .map_err(|error| Error::Invalid(format!("the candidates cannot be written as JSON: {error}")))?;
        Ok(Beside { through, weights: self.weights.clone() })
    }

    /// The candidate at work, and how it is trained.
    pub(super) fn objective(
        &mut self,
        contest: &impl Contest<Fitting = F>,
    ) -> Result<(&mut dyn Objective, FitOptions)> {
        let through = &self.through.candidates;
        let options = contest.fit(through.len().min(contest.count(through) - 1), through)?;
        Ok((&mut self.work.fitting, options))
    }

    /// How far they are. The candidate at work is judged by its lowest score so far.
    pub(super) fn standing(&self, contest: &impl Contest<Fitting = F>) -> Result<Standing> {
        let (through, records) = (&self.through.candidates, self.work.session.records());
        let mut scores: Vec<f64> = through.iter().filter_map(|candidate| candidate.valid_score).collect();
        let mut epochs = through.iter().map(|candidate| candidate.epochs).sum();
        // Once all are through, the last is still at hand.
        if through.len() < contest.count(through) {
            epochs += records.len();
            scores.extend(running_lowest(records).last());
        }
        let score = scores.into_iter().filter(|score| score.is_finite()).min_by(f64::total_cmp);
        let best = score.map(|score| Judged { score, figure: SCORE.into(), value: score });
        Ok(Standing { epochs, of: contest.fit(0, &[])?.epochs.saturating_mul(contest.most()), best })
    }

    /// Trains all candidates, or until the keeper stops it.
    pub(super) fn run(
        &mut self,
        contest: &impl Contest<Fitting = F>,
        progress: &mut dyn Progress,
        keeper: &mut dyn Keeper,
    ) -> Result<Ending> {
        loop {
            let through = &self.through.candidates;
            let (index, count) = (through.len(), contest.count(through));
            if index >= count {
                break;
            }
            let options = contest.fit(index, through)?;
            let stage = TrainingStage {
                name: contest.stage(index, count, &contest.name(index, through)),
                candidate: index + 1,
                candidates: count,
                epochs: options.epochs,
                examples: self.work.fitting.examples(),
                unit: "rows",
            };
            let leader = self.through.best.as_ref().filter(|_| contest.may_be_lost(index));
            let leader = leader.map_or(&[][..], |best| &best.epochs);
            let race = Race::new(leader, options.epochs, self.work.session.records());
            let mut keeper = BesideKeeper { keeper: &mut *keeper, beside: self.beside()?, race };
            let mut ending = Ending::StoppedEarly;
            if !keeper.race.is_lost() {
                let Work { fitting, session } = &mut self.work;
                ending = session.run(fitting, &stage, progress, &mut keeper)?;
            }
            let lost = keeper.race.is_lost();
            if ending == Ending::Interrupted && !lost {
                return Ok(ending);
            }
            self.settle(contest, ending, lost)?;
            if index + 1 < contest.count(&self.through.candidates) {
                self.work = Work::begin(contest, index + 1, &self.through.candidates)?;
            }
        }
        let stopped = self.through.best.as_ref().is_some_and(|best| best.stopped_early);
        Ok(if stopped { Ending::StoppedEarly } else { Ending::Complete })
    }

    /// Keeps what came of the candidate at work.
    fn settle(&mut self, contest: &impl Contest<Fitting = F>, ending: Ending, lost: bool) -> Result<()> {
        let Work { fitting, session } = &self.work;
        let index = self.through.candidates.len();
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
        self.weights.push(fitting.parameters().values().to_vec());
        self.through.candidates.push(Candidate {
            difference: contest.name(index, &self.through.candidates),
            valid_score,
            best_epoch: session.best_epoch(),
            epochs: epochs.len(),
            given_up: lost,
            seconds: session.seconds(),
        });
        Ok(())
    }

    /// What came of all of them. Error: some are not through.
    pub(super) fn finish(self, contest: &impl Contest<Fitting = F>) -> Result<Trained> {
        let Self { through, weights, .. } = self;
        let count = contest.count(&through.candidates);
        match through {
            Through { candidates, best: Some(best) } if candidates.len() == count => {
                Ok(Trained { candidates, weights, best })
            }
            Through { candidates, .. } => Err(Error::Invalid(format!(
                "{} of {count} candidates are trained; run the training to its end first",
                candidates.len()
            ))),
        }
    }
}

impl Through {
    /// Error unless these may be the first of all candidates, with one still to train.
    fn check(&self, contest: &impl Contest) -> Result<()> {
        let wrong = |what: String| Err(Error::Model(what));
        let (count, all) = (self.candidates.len(), contest.count(&self.candidates));
        let is_named = |k: usize| self.candidates[k].difference == contest.name(k, &self.candidates[..k]);
        if count >= all || !(0..count).all(is_named) {
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
