//! A run folder while a long training writes it: there from the start, and never without a checkpoint that loads.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::events::EventsWriter;
use super::lock::{LOCK_FILE, lock};
use super::staged::MadeFolders;
use super::{
    CHECKPOINT_FILE, CONFIG_FILE, Checkpoint, METRICS_FILE, MODEL_FILE, MetricsWriter, REPORT_FILE,
    RESULTS_FILE, RunFolder, RunResults, Staged,
};
use crate::durable;
use crate::message::{MessagePart, text};
use crate::model::ModelFile;
use crate::outside::Links;
use crate::train::{EpochRecord, Keeper, Snapshot, Wish};
use crate::{Error, Result};

/// Where records of epochs are added.
#[derive(Debug)]
struct Written {
    metrics: MetricsWriter,
    events: Option<EventsWriter>,
}

/// A run folder in which a training is going on. As the training's [`Keeper`] it saves a checkpoint now and then, and
/// stops it where it is told to.
#[derive(Debug)]
pub struct LiveRun {
    path: PathBuf,
    about: Value,
    /// The records of epochs on disk; None as long as nothing there was changed.
    written: Option<Written>,
    /// Whether they are also written for TensorBoard.
    tensorboard: bool,
    /// What they begin with.
    records: Vec<EpochRecord>,
    every: Duration,
    saved: Instant,
    stop: Arc<AtomicBool>,
    /// Locked as long as it is open.
    _lock: File,
    /// Dropped after all else: those still empty go.
    _made: Option<MadeFolders>,
}

impl LiveRun {
    /// Puts a folder in its place with its options (as TOML) and a first checkpoint, whole. `every` is how long it
    /// goes without a checkpoint; once `stop` is true, the training saves and stops after its step. Errors: what the
    /// operating system refuses.
    pub fn begin(
        staged: Staged,
        options: &str,
        first: &Checkpoint,
        every: Duration,
        stop: Arc<AtomicBool>,
    ) -> Result<Self> {
        staged.write(CONFIG_FILE, options.as_bytes())?;
        staged.write(CHECKPOINT_FILE, &first.to_file()?.to_bytes()?)?;
        staged.write(METRICS_FILE, b"")?;
        let (path, lock, made) = staged.place_locked()?;
        let mut live = Self::open(path, lock, first, every, stop);
        live.written()?;
        Ok(Self { _made: Some(made), ..live })
    }

    /// The folder of a training that was left, and where it stands. Nothing in the folder changes before the training goes
    /// on; then the metrics are cut back to the checkpoint. Errors: no run there, a run that is finished (what a process that
    /// was killed left in it goes) or that another process writes, a checkpoint that cannot be read.
    pub fn resume(path: impl AsRef<Path>, stop: Arc<AtomicBool>) -> Result<(Self, Checkpoint)> {
        let path = path.as_ref().to_path_buf();
        let wrong = |message: &str| Error::Model(format!("{}: {message}", path.display()));
        let file = path.join(CHECKPOINT_FILE);
        if path.join(MODEL_FILE).exists() {
            tidy(&path);
            return Err(wrong("this training is finished; there is nothing to go on with"));
        }
        if !file.exists() {
            return Err(match RunFolder::open(&path) {
                Err(error) => error,
                Ok(_) => {
                    wrong("there is no training to go on with; give the folder of one that was interrupted")
                }
            });
        }
        // Before the checkpoint is read: another process may be writing a newer one.
        let lock = lock(&path)?;
        let checkpoint = Checkpoint::from_file(ModelFile::load_from(&file, Links::Refuse)?)
            .map_err(|error| Error::Model(format!("{}: {error}", file.display())))?;
        let live = Self::open(path, lock, &checkpoint, Duration::MAX, stop);
        Ok((live, checkpoint))
    }

    fn open(path: PathBuf, lock: File, at: &Checkpoint, every: Duration, stop: Arc<AtomicBool>) -> Self {
        Self {
            path,
            about: at.about.clone(),
            written: None,
            tensorboard: false,
            records: at.snapshot.position.records().to_vec(),
            every,
            saved: Instant::now(),
            stop,
            _lock: lock,
            _made: None,
        }
    }

    /// The records on disk, which are those of the checkpoint from the first time on. What a process that was killed was
    /// writing goes then, too.
    fn written(&mut self) -> Result<&mut Written> {
        let written = match self.written.take() {
            Some(written) => written,
            None => {
                durable::sweep(&self.path).map_err(|source| self.unwritten(&self.path, &source))?;
                let metrics = MetricsWriter::with(self.path.join(METRICS_FILE), &self.records);
                Written {
                    metrics: metrics.map_err(|error| self.resumable(error))?,
                    events: self.events(&self.records)?,
                }
            }
        };
        Ok(self.written.insert(written))
    }

    /// The event file, begun anew with some records; None where none is asked for.
    fn events(&self, records: &[EpochRecord]) -> Result<Option<EventsWriter>> {
        let events = self.tensorboard.then(|| EventsWriter::with(&self.path, records)).transpose();
        events.map_err(|error| self.resumable(error))
    }

    /// The error for a file that cannot be written: nothing of the training is lost.
    fn unwritten(&self, file: &Path, source: &io::Error) -> Error {
        Error::Model(format!("{}: {source}; the last checkpoint is whole", file.display()))
            .advise(text("make room and ") + MessagePart::Resume(self.path.clone()))
    }

    /// An error of the operating system as [`unwritten`](Self::unwritten).
    fn resumable(&self, error: Error) -> Error {
        match error {
            Error::Io { path, source } => self.unwritten(&path, &source),
            other => other,
        }
    }

    /// How long it goes without a checkpoint; a run that was resumed makes none by itself before this is said.
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// Whether the figures of epochs are also written as an event file for TensorBoard, in [`EVENTS_FOLDER`](super::EVENTS_FOLDER).
    /// One that is there is cut back to the checkpoint, as the metrics are.
    pub fn tensorboard(self, wanted: bool) -> Self {
        Self { tensorboard: wanted, written: None, ..self }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces a small file of the run, such as one that says more at its end. Errors: what the operating system
    /// refuses.
    pub fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.written()?;
        self.put(name, bytes)
    }

    /// Replaces the records of epochs by lines of JSON that say more at the end of a training, of which some are of epochs. Errors: what
    /// the operating system refuses.
    pub fn replace_metrics(&mut self, lines: &[u8]) -> Result<()> {
        self.replace(METRICS_FILE, lines)?;
        // Figures of the whole training are no record of an epoch.
        let records: Vec<EpochRecord> =
            lines.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let events = self.events(&records)?;
        self.written()?.events = events;
        Ok(())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        durable::write(&path, bytes).map_err(|source| self.unwritten(&path, &source))
    }

    /// Writes the report (HTML), the figures and then the model, and removes what only an unfinished run needs. Errors:
    /// what the operating system refuses; the last checkpoint is there as long as the model is not.
    pub fn finish(mut self, model: &ModelFile, report: &[u8], results: &RunResults) -> Result<RunFolder> {
        self.replace(REPORT_FILE, report)?;
        self.replace(RESULTS_FILE, &results.to_bytes()?)?;
        // The model makes the run a finished one, so it comes last.
        self.replace(MODEL_FILE, &model.to_bytes()?)?;
        remove_unfinished(&self.path);
        RunFolder::open(&self.path)
    }
}

impl Keeper for LiveRun {
    fn wish(&mut self) -> Wish {
        match () {
            () if self.stop.load(Ordering::Relaxed) => Wish::Stop,
            () if self.saved.elapsed() >= self.every => Wish::Save,
            () => Wish::Continue,
        }
    }

    fn save(&mut self, snapshot: Snapshot) -> Result<()> {
        let bytes = Checkpoint { about: self.about.clone(), snapshot }.to_file()?.to_bytes()?;
        self.written()?;
        self.put(CHECKPOINT_FILE, &bytes)?;
        self.saved = Instant::now();
        Ok(())
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        if record.epoch == 1 {
            // Another candidate may have been before it.
            (self.written, self.records) = (None, Vec::new());
        }
        let Written { metrics, events } = self.written()?;
        let written = metrics
            .write(record)
            .and_then(|()| events.as_mut().map_or(Ok(()), |events| events.write(record)));
        written.map_err(|error| self.resumable(error))
    }
}

/// Removes what a finished run does not need. What cannot be removed does no harm: the model makes it a finished one.
fn remove_unfinished(path: &Path) {
    for name in [CHECKPOINT_FILE, LOCK_FILE] {
        let _ = durable::remove(&path.join(name));
    }
}

/// Removes from a finished run what a process left that was killed after it had written the model. One that is still at it
/// holds the lock, and does so itself.
fn tidy(path: &Path) {
    let left = [CHECKPOINT_FILE, LOCK_FILE].iter().any(|name| path.join(name).exists());
    if left && let Ok(_lock) = lock(path) {
        let _ = durable::sweep(path);
        remove_unfinished(path);
    }
}
