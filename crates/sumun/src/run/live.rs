//! A run folder while a long training writes it: there from the start, and never without a checkpoint that loads.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::staged::MadeFolders;
use super::{
    CHECKPOINT_FILE, CONFIG_FILE, Checkpoint, METRICS_FILE, MODEL_FILE, MetricsWriter, REPORT_FILE,
    RESULTS_FILE, RunFolder, RunResults, Staged,
};
use crate::durable;
use crate::message::{MessagePart, text};
use crate::model::ModelFile;
use crate::train::{EpochRecord, Keeper, Snapshot, Wish};
use crate::{Error, Result};

/// Held while a training writes the folder, so that no second one does.
pub(super) const LOCK_FILE: &str = ".lock";

/// A run folder in which a training is going on. As the training's [`Keeper`] it saves a checkpoint now and then, and
/// stops it where it is told to.
#[derive(Debug)]
pub struct LiveRun {
    path: PathBuf,
    about: Value,
    metrics: MetricsWriter,
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
        let (path, made) = staged.place()?;
        let lock = lock(&path)?;
        let live = Self::open(path, lock, first, every, stop)?;
        Ok(Self { _made: Some(made), ..live })
    }

    /// The folder of a training that was left, and where it stands. The metrics are cut back to the checkpoint. Errors:
    /// no run there, a run that is finished or that another process writes, a checkpoint that cannot be read.
    pub fn resume(path: impl AsRef<Path>, stop: Arc<AtomicBool>) -> Result<(Self, Checkpoint)> {
        let path = path.as_ref().to_path_buf();
        let wrong = |message: &str| Error::Model(format!("{}: {message}", path.display()));
        let file = path.join(CHECKPOINT_FILE);
        if path.join(MODEL_FILE).exists() {
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
        let checkpoint = Checkpoint::from_file(ModelFile::load(&file)?)
            .map_err(|error| Error::Model(format!("{}: {error}", file.display())))?;
        durable::sweep(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let live = Self::open(path, lock, &checkpoint, Duration::MAX, stop)?;
        Ok((live, checkpoint))
    }

    fn open(
        path: PathBuf,
        lock: File,
        at: &Checkpoint,
        every: Duration,
        stop: Arc<AtomicBool>,
    ) -> Result<Self> {
        let mut metrics = MetricsWriter::create(path.join(METRICS_FILE))?;
        for record in at.snapshot.position.records() {
            metrics.write(record)?;
        }
        Ok(Self {
            path,
            about: at.about.clone(),
            metrics,
            every,
            saved: Instant::now(),
            stop,
            _lock: lock,
            _made: None,
        })
    }

    /// How long it goes without a checkpoint; a run that was resumed makes none by itself before this is said.
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces a small file of the run, such as one that says more at its end. Errors: what the operating system
    /// refuses.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        durable::write(&path, bytes).map_err(|source| Error::Io { path, source })
    }

    /// Writes the report (HTML), the figures and then the model, and removes what only an unfinished run needs. Errors:
    /// what the operating system refuses; the last checkpoint is there as long as the model is not.
    pub fn finish(self, model: &ModelFile, report: &[u8], results: &RunResults) -> Result<RunFolder> {
        self.replace(REPORT_FILE, report)?;
        self.replace(RESULTS_FILE, &results.to_bytes()?)?;
        // The model makes the run a finished one, so it comes last.
        self.replace(MODEL_FILE, &model.to_bytes()?)?;
        for name in [CHECKPOINT_FILE, LOCK_FILE] {
            let path = self.path.join(name);
            fs::remove_file(&path).map_err(|source| Error::Io { path, source })?;
        }
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
        let file = self.path.join(CHECKPOINT_FILE);
        durable::write(&file, &bytes).map_err(|source| {
            Error::Model(format!("{}: {source}; the checkpoint before it is whole", file.display()))
                .advise(text("make room and ") + MessagePart::Resume(self.path.clone()))
        })?;
        self.saved = Instant::now();
        Ok(())
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        if record.epoch == 1 {
            // Another candidate may have been before it.
            self.metrics = MetricsWriter::create(self.path.join(METRICS_FILE))?;
        }
        self.metrics.write(record)
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = path.join(LOCK_FILE);
    let refused = |source| Error::Io { path: file.clone(), source };
    let opened = File::options().create(true).append(true).open(&file).map_err(refused)?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(TryLockError::WouldBlock) => {
            Err(Error::Model(format!("{}: another process is training it; wait for it", path.display())))
        }
        Err(TryLockError::Error(source)) => Err(refused(source)),
    }
}
