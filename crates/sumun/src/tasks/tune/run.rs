//! The search at work: its folder, its rounds, and the trials of a round on all cores.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use toml::{Table, Value};

use super::super::cross_validation::expect_no_folds;
use super::super::entries::named;
use super::super::protocol::{About, AnyTraining, Next, TaskEntry};
use super::super::table::configure;
use super::super::training::keep;
use super::outcome::TuneOutcome;
use super::plan::{TunePlan, draw, table};
use super::report::tune_report;
use super::trial::{TrialState, TuneTrial};
use super::{BEST, PLAN_FILE, TRIALS, TRIALS_FILE, going_on, grid};
use crate::message::{key, text};
use crate::outside::{self, Links};
use crate::run::{
    CHECKPOINT_FILE, CONFIG_FILE, LiveRun, METRICS_FILE, MODEL_FILE, MadeFolders, REPORT_FILE, RESULTS_FILE,
    RunFolder, RunResults, lock,
};
use crate::settings::{Range, Setting};
use crate::train::{Ending, EpochRecord, Keeper, Snapshot, Wish};
use crate::{Error, Result, durable, json};

/// The most draws of a trial for which the data leave no room.
const MOST_DRAWS: u32 = 20;
/// The most bytes of a file of the best run, which is copied: more than any model has.
const MOST_COPIED: u64 = 1 << 40;
/// The most bytes of a plan, and of the records of trials.
const MOST: u64 = 64 << 20;

/// Listens to a search, from many threads at once.
pub trait TuneWatch: Sync {
    /// A trial is through a round, counted from 1, of so many; or it failed.
    fn trial(&self, trial: &TuneTrial, round: usize, rounds: usize) {
        let _ = (trial, round, rounds);
    }

    /// A round begins with so many trials, each of which is trained to one part of so many of its epochs.
    fn round(&self, round: usize, rounds: usize, trials: usize, parts: usize) {
        let _ = (round, rounds, trials, parts);
    }

    /// What the report of a trial's run says, whose folder and use are given.
    fn about(&self, folder: &Path, next: Next) -> About;
}

/// A search over settings in its folder.
#[derive(Debug)]
pub struct Tuning {
    folder: PathBuf,
    plan: TunePlan,
    task: &'static dyn TaskEntry,
    searched: Vec<(Setting, Range)>,
    seed: u64,
    trials: Mutex<Vec<TuneTrial>>,
    /// Locked as long as it is open.
    _lock: File,
    /// Dropped after all else: those still empty go.
    _made: Option<MadeFolders>,
}

/// A trial at work, in its folder.
type Begun = (TuneTrial, Box<dyn AnyTraining>, LiveRun);

/// How a round of a trial ended.
enum Advance {
    /// It was through before.
    Known,
    Through,
    Interrupted,
}

impl Tuning {
    /// Begins a search in a folder that does not exist yet. Errors: something is there, data from standard input, which is
    /// read once, and what the operating system refuses.
    pub fn begin(folder: &Path, plan: TunePlan) -> Result<Self> {
        let task = named(&plan.task)?;
        let config = configure(task, std::slice::from_ref(&plan.fixed))?;
        if config.reads_standard_input() {
            return Err(Error::Invalid(
                "a search reads the data once a trial, but standard input is read once; give a file".into(),
            ));
        }
        let staged = RunFolder::stage(folder)?;
        staged.write(PLAN_FILE, &pretty(&plan)?)?;
        staged.write(TRIALS_FILE, b"")?;
        // The data and the first trial's settings are looked at before the folder is there.
        let first = config.begin()?;
        expect_no_folds(&*first)?;
        if first.standing()?.of == 0 {
            return Err(Error::Data(
                "the data are too few for a network, so that there is nothing to search over; give more"
                    .into(),
            ));
        }
        let (folder, lock, made) = staged.place_locked()?;
        Self::open((folder, lock), plan, Vec::new(), Some(made))
    }

    /// Goes on with a search that was stopped. Errors: no search there, another process that is at it, and files that say
    /// something else.
    pub fn resume(folder: &Path) -> Result<Self> {
        let wrong =
            |name: &str, problem: &str| Error::Model(format!("{}: {problem}", folder.join(name).display()));
        let Some(bytes) = outside::read(&folder.join(PLAN_FILE), Links::Refuse, MOST)? else {
            return Err(Error::Model(format!(
                "{}: there is no search to go on with; give the folder of one that was stopped",
                folder.display()
            )));
        };
        let plan: TunePlan = json::read(&bytes)
            .and_then(serde_json::from_value)
            .map_err(|error| wrong(PLAN_FILE, &format!("holds no plan of a search: {error}")))?;
        // Before the trials are read: another process may be adding to them.
        let lock = lock(folder)?;
        let text = outside::read_text(&folder.join(TRIALS_FILE), Links::Refuse, MOST)?.unwrap_or_default();
        let read = |line: &str| {
            json::read(line.as_bytes())
                .and_then(serde_json::from_value::<TuneTrial>)
                .map_err(|error| wrong(TRIALS_FILE, &format!("holds no trials of a search: {error}")))
        };
        let trials: Vec<TuneTrial> = text.lines().map(read).collect::<Result<_>>()?;
        if trials.iter().any(|one| !(1..=plan.trials).contains(&one.trial)) {
            return Err(wrong(TRIALS_FILE, &format!("has a trial that is none of {}", plan.trials)));
        }
        Self::open((folder.to_path_buf(), lock), plan, trials, None)
    }

    fn open(
        (folder, _lock): (PathBuf, File),
        plan: TunePlan,
        trials: Vec<TuneTrial>,
        _made: Option<MadeFolders>,
    ) -> Result<Self> {
        let task = named(&plan.task)?;
        let settings = task.settings()?;
        let (searched, seed) = (plan.searched(&settings)?, plan.seed(&settings)?);
        Ok(Self { folder, plan, task, searched, seed, trials: Mutex::new(trials), _lock, _made })
    }

    /// What is tried.
    pub fn plan(&self) -> &TunePlan {
        &self.plan
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Trains all trials on as many threads as the present pool has, and keeps the best; None where `stop` became true before
    /// the end: then what is done is on disk. Errors: data that cannot be learnt from, no validation part, and what the
    /// operating system refuses. A trial that diverges is no error unless all do.
    pub fn run(&self, watch: &dyn TuneWatch, stop: &Arc<AtomicBool>) -> Result<Option<TuneOutcome>> {
        let rounds = self.plan.rounds();
        let mut alive: Vec<usize> = (1..=self.plan.trials).collect();
        for (round, &parts) in rounds.iter().enumerate() {
            watch.round(round + 1, rounds.len(), alive.len(), parts);
            if let Err(error) = self.round(&alive, (round, rounds.len()), parts, watch, stop) {
                // A search that its data allow no trial of leaves nothing behind.
                if matches!(error.problem(), Error::Invalid(_))
                    && self.records().iter().all(|one| one.rounds.is_empty())
                {
                    remove_folder(&self.folder)?;
                }
                return Err(error);
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let ranked = self.ranked(&alive, round);
            if ranked.is_empty() {
                let problem = self.records().iter().find_map(|one| one.problem.clone()).unwrap_or_default();
                return Err(Error::Invalid(format!("no trial could be trained: {problem}")));
            }
            if round + 1 == rounds.len() {
                return self.finish(ranked[0], watch).map(Some);
            }
            let (go_on, dropped) = ranked.split_at(going_on(ranked.len()));
            dropped.iter().try_for_each(|&trial| self.drop_trial(trial))?;
            alive = go_on.to_vec();
            alive.sort_unstable();
        }
        unreachable!("there is always a last round")
    }

    fn records(&self) -> MutexGuard<'_, Vec<TuneTrial>> {
        // A thread that panicked left whole records.
        self.trials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, trial: usize) -> Option<TuneTrial> {
        self.records().iter().find(|one| one.trial == trial).cloned()
    }

    /// Puts a record in its place, on disk too.
    fn write(&self, record: TuneTrial) -> Result<()> {
        let mut all = self.records();
        match all.binary_search_by_key(&record.trial, |one| one.trial) {
            Ok(place) => all[place] = record,
            Err(place) => all.insert(place, record),
        }
        let mut bytes = Vec::new();
        for one in all.iter() {
            serde_json::to_writer(&mut bytes, one).map_err(|error| unwritable(&error))?;
            bytes.push(b'\n');
        }
        let path = self.folder.join(TRIALS_FILE);
        durable::write(&path, &bytes).map_err(|source| Error::Io { path, source })
    }

    /// The trials that are through a round, the best first; of equal ones the first.
    fn ranked(&self, alive: &[usize], round: usize) -> Vec<usize> {
        let all = self.records();
        let through = all.iter().filter(|one| alive.contains(&one.trial) && one.problem.is_none());
        let mut scores: Vec<(f64, usize)> =
            through.filter_map(|one| Some((one.rounds.get(round)?.score, one.trial))).collect();
        scores.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        scores.into_iter().map(|(_, trial)| trial).collect()
    }

    fn place(&self, trial: usize) -> PathBuf {
        self.folder.join(TRIALS).join(format!("{trial:03}"))
    }

    fn drop_trial(&self, trial: usize) -> Result<()> {
        let Some(mut record) = self.record(trial) else { return Ok(()) };
        if record.state != TrialState::Dropped {
            record.state = TrialState::Dropped;
            self.write(record)?;
        }
        remove_folder(&self.place(trial))
    }

    /// Brings all trials through a round, as many at once as there are threads.
    fn round(
        &self,
        alive: &[usize],
        (round, rounds): (usize, usize),
        parts: usize,
        watch: &dyn TuneWatch,
        stop: &Arc<AtomicBool>,
    ) -> Result<()> {
        let threads = rayon::current_num_threads();
        let workers = threads.min(alive.len());
        let next = AtomicUsize::new(0);
        let problem: Mutex<Option<(usize, Error)>> = Mutex::new(None);
        let work = || {
            while let Some(&trial) = alive.get(next.fetch_add(1, Ordering::Relaxed)) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                match self.advance(trial, round, parts, watch, stop) {
                    Ok(Advance::Interrupted) => return,
                    Ok(Advance::Known) => {}
                    Ok(Advance::Through) => {
                        if let Some(record) = self.record(trial) {
                            watch.trial(&record, round + 1, rounds);
                        }
                    }
                    Err(error) => {
                        // The others save and stop.
                        stop.store(true, Ordering::Relaxed);
                        let mut first = problem.lock().unwrap_or_else(PoisonError::into_inner);
                        if first.as_ref().is_none_or(|(other, _)| trial < *other) {
                            *first = Some((trial, error));
                        }
                    }
                }
            }
        };
        let pools = (0..workers).map(|worker| {
            // What does not divide evenly goes to the first.
            let of_worker = threads / workers + usize::from(worker < threads % workers);
            rayon::ThreadPoolBuilder::new().num_threads(of_worker).build()
        });
        let pools = pools.collect::<std::result::Result<Vec<_>, _>>().map_err(|error| {
            Error::Invalid(format!("{threads} threads cannot be started: {error}; use fewer"))
        })?;
        std::thread::scope(|scope| {
            for pool in &pools {
                scope.spawn(|| pool.install(work));
            }
        });
        match problem.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// Brings a trial through a round, from wherever it is.
    fn advance(
        &self,
        trial: usize,
        round: usize,
        parts: usize,
        watch: &dyn TuneWatch,
        stop: &Arc<AtomicBool>,
    ) -> Result<Advance> {
        let begun = Instant::now();
        let folder = self.place(trial);
        let known = self.record(trial);
        let is_finished = folder.join(MODEL_FILE).exists();
        if let Some(record) = &known {
            let is_through = record.rounds.len() > round;
            if record.problem.is_some() || is_through && !record.ended {
                return Ok(Advance::Known);
            }
            if record.ended && is_finished {
                // It came to its end, maybe in an earlier round, and has nothing left to train. Its process may have ended
                // between its model and its record.
                let mut whole = record.clone();
                whole.state = TrialState::Finished;
                if !is_through {
                    whole.rounds.extend(record.rounds.last().cloned());
                }
                if whole != *record {
                    self.write(whole)?;
                }
                return Ok(if is_through { Advance::Known } else { Advance::Through });
            }
        }
        let begin = match known {
            Some(record) if folder.join(CHECKPOINT_FILE).exists() => {
                let (live, checkpoint) = LiveRun::resume(&folder, Arc::clone(stop))?;
                let (training, _) = self.task.resume(checkpoint)?;
                let live = live.every(save_every(training.save_every())).tensorboard(training.tensorboard());
                Some((record, training, live))
            }
            known => self.begin_trial(trial, known, stop)?,
        };
        // Its record says why.
        let Some((mut record, mut training, live)) = begin else { return Ok(Advance::Through) };
        let standing = training.standing()?;
        let budget = if parts == 1 { usize::MAX } else { standing.of.div_ceil(parts) };
        let mut keeper = Pause { live, left: budget.saturating_sub(standing.epochs), failed: false };
        let mut ended = false;
        if keeper.left > 0 {
            match training.run(&mut (), &mut keeper) {
                Ok(Ending::Interrupted) if keeper.left > 0 => return Ok(Advance::Interrupted),
                Ok(Ending::Interrupted) => {}
                Ok(Ending::Complete | Ending::StoppedEarly) => ended = true,
                Err(error) if keeper.failed => return Err(error),
                Err(error) => return self.fail(record, &error, begun),
            }
        }
        if record.rounds.len() <= round && !record.through(training.standing()?, ended) {
            let problem = Error::Invalid("there is no validation part to compare trials on".into())
                .advise(text("hold one out with ") + key("valid"));
            // Another trial may have settings that leave nothing of it, such as a window as long as the series.
            return if trial == 1 { Err(problem) } else { self.fail(record, &problem, begun) };
        }
        record.seconds += begun.elapsed().as_secs_f64();
        if !ended {
            self.write(record)?;
            return Ok(Advance::Through);
        }
        // What it is compared by is on disk before its checkpoint goes.
        self.write(record.clone())?;
        let finishing = Instant::now();
        let outcome = match training.finish() {
            Ok(outcome) => outcome,
            Err(error) => return self.fail(record, &error, finishing),
        };
        record.seconds += finishing.elapsed().as_secs_f64();
        record.parameters = Some(outcome.results().parameters);
        if self.plan.seeds.is_some() {
            // What cannot be looked into has none.
            record.memory = outcome.memory().unwrap_or_default();
        }
        // What the run does not say of itself is on disk before the model makes it a finished one.
        self.write(record.clone())?;
        let finishing = Instant::now();
        keep(&*outcome, keeper.live, &watch.about(&folder, outcome.next()))?;
        record.seconds += finishing.elapsed().as_secs_f64();
        record.state = TrialState::Finished;
        self.write(record)?;
        Ok(Advance::Through)
    }

    /// A trial before its first step, in its folder. None where it cannot begin, which its record then says.
    fn begin_trial(
        &self,
        trial: usize,
        known: Option<TuneTrial>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Option<Begun>> {
        let configured = |record: &TuneTrial| {
            configure(self.task, &[self.plan.fixed.clone(), table(&record.settings)])?.begin()
        };
        let (record, training) = match known {
            Some(record) => {
                let training = configured(&record)?;
                (record, training)
            }
            None => {
                let mut attempt = 0;
                loop {
                    let drawn = match self.plan.seeds {
                        Some(seeds) => grid::settings(&self.searched, trial, seeds, self.seed),
                        None => draw(self.seed, &self.searched, trial, attempt),
                    };
                    let mut record = TuneTrial::new(trial, drawn, attempt);
                    match configured(&record) {
                        Ok(training) => {
                            record.used = self.used(&training.config_toml()?, &record);
                            self.write(record.clone())?;
                            break (record, training);
                        }
                        // What is wrong with the first is wrong with the data or the settings that were given.
                        Err(error)
                            if trial == 1 && self.plan.seeds.is_none()
                                || matches!(error.problem(), Error::Io { .. }) =>
                        {
                            return Err(error);
                        }
                        Err(_) if self.plan.seeds.is_none() && attempt + 1 < MOST_DRAWS => attempt += 1,
                        Err(error) => {
                            record.failed(error.to_string());
                            self.write(record)?;
                            return Ok(None);
                        }
                    }
                }
            }
        };
        let staged = RunFolder::stage(self.place(trial))?;
        let every = save_every(training.save_every());
        let checkpoint = training.checkpoint()?;
        let live = LiveRun::begin(staged, &training.config_toml()?, &checkpoint, every, Arc::clone(stop))?
            .tensorboard(training.tensorboard());
        Ok(Some((record, training, live)))
    }

    /// The settings that are searched over as a configuration has them, or else as they were drawn.
    fn used(&self, config: &str, record: &TuneTrial) -> BTreeMap<String, Value> {
        let config: Table = config.parse().unwrap_or_default();
        let of = |row: &Setting| {
            let used = config.get(row.section).and_then(|section| section.get(row.name));
            used.or(record.settings.get(&row.key())).cloned()
        };
        self.searched.iter().filter_map(|(row, _)| Some((row.key(), of(row)?))).collect()
    }

    /// Keeps why a trial could not be trained to its end.
    fn fail(&self, mut record: TuneTrial, error: &Error, begun: Instant) -> Result<Advance> {
        record.failed(error.to_string());
        record.seconds += begun.elapsed().as_secs_f64();
        self.write(record.clone())?;
        remove_folder(&self.place(record.trial))?;
        Ok(Advance::Through)
    }

    /// Puts the best trial's run where it is found, and writes the report.
    fn finish(&self, best: usize, watch: &dyn TuneWatch) -> Result<TuneOutcome> {
        let (from, to) = (self.place(best), self.folder.join(BEST));
        if !to.exists() {
            let staged = RunFolder::stage(&to)?;
            for name in [CONFIG_FILE, METRICS_FILE, RESULTS_FILE, REPORT_FILE, MODEL_FILE] {
                let path = from.join(name);
                let bytes = outside::read_given(&path, Links::Refuse, MOST_COPIED)?;
                staged.write(name, &bytes)?;
            }
            drop(staged.place()?);
        }
        let results = RunResults::read(&to.join(RESULTS_FILE))?
            .ok_or_else(|| Error::Model(format!("{}: has no {RESULTS_FILE}", to.display())))?;
        let outcome = TuneOutcome {
            plan: self.plan.clone(),
            searched: self.searched.clone(),
            trials: self.records().clone(),
            best,
            run: RunFolder::open(&to)?,
            results,
        };
        let about = watch.about(&to, Next::Predict);
        let page = tune_report(&outcome, &about);
        let path = self.folder.join(REPORT_FILE);
        durable::write(&path, page.as_bytes()).map_err(|source| Error::Io { path, source })?;
        Ok(outcome)
    }
}

/// Stops a training after some epochs, and saves it there.
struct Pause {
    live: LiveRun,
    /// Epochs that are left.
    left: usize,
    /// Whether an error is one of the folder, not of the training.
    failed: bool,
}

impl Keeper for Pause {
    fn wish(&mut self) -> Wish {
        if self.left == 0 { Wish::Stop } else { self.live.wish() }
    }

    fn save(&mut self, snapshot: Snapshot) -> Result<()> {
        let saved = self.live.save(snapshot);
        self.failed |= saved.is_err();
        saved
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.left = self.left.saturating_sub(1);
        let written = self.live.epoch(record);
        self.failed |= written.is_err();
        written
    }
}

/// So many seconds between checkpoints, as far as they can be counted.
fn save_every(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.min(1e9))
}

fn remove_folder(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Io { path: path.to_path_buf(), source })
        }
        _ => Ok(()),
    }
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::Invalid(format!("the search cannot be written as JSON: {error}"))
}

fn pretty(plan: &TunePlan) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(plan).map_err(|error| unwritable(&error))?;
    bytes.push(b'\n');
    Ok(bytes)
}
