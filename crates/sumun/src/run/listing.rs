//! What a folder of runs holds, finished or not, read from the small files of each run alone.

use std::collections::BTreeMap;
use std::fs::{self, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use super::lock::LOCK_FILE;
use super::{CHECKPOINT_FILE, CONFIG_FILE, METRICS_FILE, MODEL_FILE, RESULTS_FILE, RunResults};
use crate::outside::{self, Links};
use crate::settings::MOST_CONFIG;
use crate::train::EpochRecord;
use crate::{Error, Result, json};

/// The most bytes of records of epochs: some 200,000 of them.
const MOST_METRICS: u64 = 64 << 20;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Its model is there.
    Finished,
    /// A process is training it.
    Running,
    /// It can be resumed.
    Interrupted,
}

/// A run as its small files describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEntry {
    /// Its folder.
    pub path: PathBuf,
    /// How far it is.
    pub state: RunState,
    /// What it learns: `classify`; empty if unknown.
    pub task: String,
    /// The training file, as it was named; empty if unknown.
    pub data: String,
    /// Its figures, once it is finished. Runs of before this file was written have none.
    pub results: Option<RunResults>,
    /// What each epoch came to.
    pub epochs: Vec<EpochRecord>,
    /// All settings by `section.name` (or `name`), as text.
    pub settings: BTreeMap<String, String>,
    /// When its newest file was written.
    pub changed: SystemTime,
}

impl RunEntry {
    /// Reads the run in a folder; None where the folder holds no run. Errors: files that cannot be read or that say
    /// something else.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let there = |name: &str| path.join(name).exists();
        let state = match (there(MODEL_FILE), there(CHECKPOINT_FILE)) {
            (true, _) => RunState::Finished,
            (false, true) if is_locked(&path.join(LOCK_FILE)) => RunState::Running,
            (false, true) => RunState::Interrupted,
            (false, false) => return Ok(None),
        };
        let results = match state {
            RunState::Finished => RunResults::read(&path.join(RESULTS_FILE))?,
            _ => None,
        };
        let settings = settings(&path.join(CONFIG_FILE))?;
        let setting = |key: &str| settings.get(key).cloned().unwrap_or_default();
        // Settings of forecasters once named no task, but how far it looks.
        let forecast = settings.contains_key("horizon");
        let task = match &results {
            Some(results) => results.task.clone(),
            None if forecast => "forecast".into(),
            None => setting("task"),
        };
        let data = results.as_ref().map_or_else(|| setting("data.train"), |results| results.data.clone());
        let epochs = epochs(&path.join(METRICS_FILE))?;
        let newest = [MODEL_FILE, CHECKPOINT_FILE, METRICS_FILE].map(|name| changed(&path.join(name)));
        let changed = newest.into_iter().flatten().max().unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Some(Self { path: path.to_path_buf(), state, task, data, results, epochs, settings, changed }))
    }

    /// All runs directly inside a folder, by name, and what is wrong with those that cannot be read. Errors: a folder
    /// that is not there or cannot be read.
    pub fn list(folder: &Path) -> Result<(Vec<Self>, Vec<Error>)> {
        let refused = |source| Error::Io { path: folder.to_path_buf(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(refused)? {
            let path = entry.map_err(refused)?.path();
            // Hidden folders are runs that are still being made.
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if !hidden && path.is_dir() {
                paths.push(path);
            }
        }
        paths.sort();
        let (mut runs, mut problems) = (Vec::new(), Vec::new());
        for path in paths {
            match Self::read(&path) {
                Ok(run) => runs.extend(run),
                Err(error) => problems.push(error),
            }
        }
        Ok((runs, problems))
    }

    /// The epoch with the least validation loss, or training loss where there is no validation part.
    pub fn best(&self) -> Option<&EpochRecord> {
        let loss = |e: &EpochRecord| e.valid_loss.unwrap_or(e.train_loss);
        let best = self.results.as_ref().map(|results| results.best_epoch);
        let kept = best.and_then(|best| self.epochs.iter().find(|e| e.epoch == best));
        kept.or_else(|| self.epochs.iter().min_by(|a, b| loss(a).total_cmp(&loss(b))))
    }
}

/// Whether a training holds the lock; the moment in which this looks is too short to disturb one.
fn is_locked(path: &Path) -> bool {
    let Ok(Some(file)) = outside::open(path, Links::Refuse) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// A file's text; empty where there is none.
fn text(path: &Path, most: u64) -> Result<String> {
    Ok(outside::read_text(path, Links::Refuse, most)?.unwrap_or_default())
}

fn settings(path: &Path) -> Result<BTreeMap<String, String>> {
    let table: toml::Table = text(path, MOST_CONFIG)?.parse().map_err(|error: toml::de::Error| {
        let first = error.message().lines().next().unwrap_or_default().to_owned();
        Error::Data(format!("{}: is no configuration of a run: {first}", path.display()))
    })?;
    let mut all = BTreeMap::new();
    flatten("", &table, &mut all);
    Ok(all)
}

fn flatten(prefix: &str, table: &toml::Table, all: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, all),
            toml::Value::String(text) => drop(all.insert(name, text.clone())),
            value => drop(all.insert(name, value.to_string())),
        }
    }
}

/// The lines that are epochs; a forecaster's last line holds its scores instead.
fn epochs(path: &Path) -> Result<Vec<EpochRecord>> {
    let text = text(path, MOST_METRICS)?;
    // A line without its end is being written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut epochs = Vec::new();
    for (i, line) in whole.lines().enumerate() {
        let wrong = |error: serde_json::Error| {
            Error::Data(format!("{}: line {}: is no record of an epoch: {error}", path.display(), i + 1))
        };
        let mut value = json::read(line.as_bytes()).map_err(wrong)?;
        let Some(object) = value.as_object_mut().filter(|object| object.contains_key("epoch")) else {
            continue;
        };
        // A number that was not finite was written as null.
        object.retain(|_, value| !value.is_null());
        object.entry("train_loss").or_insert(Value::from(f64::MAX));
        let mut epoch: EpochRecord = serde_json::from_value(value).map_err(wrong)?;
        if epoch.train_loss == f64::MAX {
            epoch.train_loss = f64::NAN;
        }
        epochs.push(epoch);
    }
    Ok(epochs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: &str = "{\"epoch\":1,\"train_loss\":2.5,\"valid_loss\":null,\"accuracy\":0.5,\"learning_rate\":0.1,\
                         \"gradient_norm\":1.0,\"clipped\":0.0,\"rows_per_second\":10.0,\"seconds\":0.5}\n";

    #[test]
    fn runs_are_read_from_their_small_files() {
        let folder = tempfile::tempdir().unwrap();
        let run = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let going = run("b-going");
        fs::write(going.join(CHECKPOINT_FILE), "").unwrap();
        fs::write(
            going.join(CONFIG_FILE),
            "task = \"tag\"\n[data]\ntrain = \"가.jsonl\"\n[train]\nlr = 0.1\n",
        )
        .unwrap();
        fs::write(going.join(METRICS_FILE), format!("{EPOCH}{{\"epoch\":2,\"tra")).unwrap();
        let old = run("a-old");
        fs::write(old.join(MODEL_FILE), "").unwrap();
        fs::write(old.join(CONFIG_FILE), "horizon = 24\n").unwrap();
        fs::write(old.join(METRICS_FILE), format!("{EPOCH}{{\"best_epoch\":1}}\n")).unwrap();
        run("c-empty");
        run(".hidden");
        let (runs, problems) = RunEntry::list(folder.path()).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        let seen: Vec<_> =
            runs.iter().map(|r| (r.state, r.task.as_str(), r.data.as_str(), r.epochs.len())).collect();
        assert_eq!(
            seen,
            [(RunState::Finished, "forecast", "", 1), (RunState::Interrupted, "tag", "가.jsonl", 1)]
        );
        assert_eq!(runs[1].settings["train.lr"], "0.1");
        assert_eq!(runs[1].epochs[0].figures["accuracy"], 0.5);
        assert_eq!(runs[1].best().unwrap().valid_loss, None);

        let lock = fs::File::create(going.join(LOCK_FILE)).unwrap();
        lock.lock().unwrap();
        assert_eq!(RunEntry::read(&going).unwrap().unwrap().state, RunState::Running);
        fs::write(old.join(METRICS_FILE), "{\"epoch\":true}\n").unwrap();
        let (runs, problems) = RunEntry::list(folder.path()).unwrap();
        assert_eq!((runs.len(), problems.len()), (1, 1));
        assert!(problems[0].to_string().contains("line 1: is no record of an epoch"), "{problems:?}");
    }
}
