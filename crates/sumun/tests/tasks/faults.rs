//! A disk that fails under a training: whatever it does, what is left on it goes on to the same bits, or there is nothing
//! left at all.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sumun::durable::faults::{Operation, observe};
use sumun::run::{LiveRun, MODEL_FILE, RunFolder};
use sumun::tasks::{AnyTraining, resume};
use sumun::{Error, Result};

use crate::lessons::{LESSONS, Lesson};

/// Few epochs: every operation of a training is a case.
const SHORT: [(&str, &str); 1] = [("train.epochs", "2")];

/// Trains in a run folder to the end, with a checkpoint after every step.
fn train(mut training: Box<dyn AnyTraining>, mut live: LiveRun) -> Result<()> {
    training.run(&mut (), &mut live)?;
    let outcome = training.finish()?;
    live.finish(&outcome.model_file()?, b"<html>", &outcome.results())?;
    Ok(())
}

fn begin(lesson: &Lesson, data: &Path, out: &Path) -> Result<()> {
    let training = lesson.begin(data, &SHORT);
    let (options, first) = (training.config_toml()?, training.checkpoint()?);
    let live = LiveRun::begin(RunFolder::stage(out)?, &options, &first, Duration::ZERO, Arc::default())?;
    train(training, live)
}

fn go_on(out: &Path) -> Result<()> {
    observed(|_, operation| Ok(good(operation)), || resumed(out))
}

fn resumed(out: &Path) -> Result<()> {
    let (live, checkpoint) = LiveRun::resume(out, Arc::default())?;
    let (training, notes) = resume(checkpoint)?;
    assert_eq!(notes, Vec::<String>::new());
    train(training, live.every(Duration::ZERO))
}

/// Runs `body` while every operation is shown to `observer`, with its number.
fn observed<T>(
    mut observer: impl FnMut(usize, Operation<'_>) -> io::Result<usize> + 'static,
    body: impl FnOnce() -> T,
) -> T {
    let mut number = 0;
    observe(Some(Box::new(move |operation| {
        number += 1;
        observer(number - 1, operation)
    })));
    let found = body();
    observe(None);
    found
}

/// A disk on which all goes well, and for which nobody waits.
fn good(operation: Operation<'_>) -> usize {
    match operation {
        Operation::Sync(_) | Operation::SyncFolder(_) => 0,
        _ => usize::MAX,
    }
}

/// What the disk says: it is full, or it is broken.
fn failures() -> [fn(usize) -> io::Result<usize>; 3] {
    [
        |_| Err(io::ErrorKind::StorageFull.into()),
        |_| Err(io::Error::other("input/output error")),
        // It takes half of the bytes.
        |bytes| Ok(bytes / 2),
    ]
}

/// Goes on with what is left at `out` until it is finished, and compares the model. `began` where a run must be there.
fn ends_alike(out: &Path, whole: &[u8], what: &str) {
    if !out.join(MODEL_FILE).exists() {
        go_on(out).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    assert!(std::fs::read(out.join(MODEL_FILE)).unwrap() == whole, "{what}");
    // What was left in a finished run goes.
    let again = go_on(out).unwrap_err().to_string();
    assert!(again.contains("this training is finished"), "{what}: {again}");
    let names =
        std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let allowed = ["config.toml", "metrics.jsonl", "model.safetensors", "report.html", "results.json"];
    let left: Vec<String> = names.filter(|name| !allowed.contains(&name.as_str())).collect();
    assert!(left.is_empty(), "{what}: {left:?} stays in a finished run");
}

#[test]
fn any_operation_of_the_disk_may_fail_once() {
    for lesson in LESSONS {
        let data = tempfile::tempdir().unwrap();
        let place = tempfile::tempdir().unwrap();
        let writes = Rc::new(RefCell::new(Vec::new()));
        let seen = writes.clone();
        let whole = place.path().join("whole");
        observed(
            move |_, operation| {
                seen.borrow_mut().push(matches!(operation, Operation::Append(..)));
                Ok(good(operation))
            },
            || begin(lesson, data.path(), &whole),
        )
        .unwrap();
        let whole = std::fs::read(whole.join(MODEL_FILE)).unwrap();
        let (writes, count) = (writes.borrow(), writes.borrow().len());
        assert!(count > 60, "{}: {count} operations", lesson.name);
        let (mut refused, mut nothing) = (0, 0);
        for failing in 0..count {
            for (kind, failure) in failures().into_iter().enumerate() {
                // Only what writes can write a half; and those in the middle are alike, a checkpoint after every step.
                let middle = failing > 30 && failing + 30 < count;
                if (kind == 2 && !writes[failing]) || (middle && (failing + kind) % 7 > 0) {
                    continue;
                }
                let what = format!("{}, operation {failing} of {count}, failure {kind}", lesson.name);
                let out = place.path().join(format!("{failing}-{kind}"));
                let ran = observed(
                    move |number, operation| match operation {
                        Operation::Append(_, bytes) if number == failing => failure(bytes.len()),
                        _ if number == failing => failure(0),
                        _ => Ok(good(operation)),
                    },
                    || begin(lesson, data.path(), &out),
                );
                if let Err(error) = ran {
                    refused += 1;
                    let message = error.to_string();
                    assert!(!message.contains('\n') && !message.contains(".partial"), "{what}: {message}");
                    if !out.exists() {
                        nothing += 1;
                        continue;
                    }
                    let says = message.contains("resume the training of");
                    assert!(says || matches!(error, Error::Io { .. }), "{what}: {message}");
                }
                ends_alike(&out, &whole, &what);
            }
        }
        assert!(refused > 60 && nothing > 10, "{}: {refused} refused, {nothing} left nothing", lesson.name);
        let hidden = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let hidden = hidden.filter(|name| name.to_string_lossy().starts_with('.')).count();
        assert_eq!(hidden, 0, "{}: folders in progress stay", lesson.name);
    }
}

/// A file of a disk: what was written, and how much of it survives for certain.
#[derive(Debug, Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
}

/// A change of names that no synchronised folder has made certain yet.
#[derive(Debug, Clone)]
enum Change {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// A disk as ext4 may leave it when the power fails: names change in any order until their folder is synchronised, and the
/// content of a file is any part of what was written since it was.
#[derive(Debug, Clone, Default)]
struct Disk {
    contents: Vec<Content>,
    /// What names mean while the power is on, and for certain.
    names: BTreeMap<PathBuf, usize>,
    certain: BTreeMap<PathBuf, usize>,
    pending: Vec<Change>,
}

fn change(names: &mut BTreeMap<PathBuf, usize>, change: &Change) {
    match change {
        Change::Create(path, content) => drop(names.insert(path.clone(), *content)),
        Change::Remove(path) => drop(names.remove(path)),
        Change::Rename(from, to) => {
            let moved: Vec<PathBuf> = names.keys().filter(|name| name.starts_with(from)).cloned().collect();
            for name in moved {
                let content = names.remove(&name).unwrap();
                let end = name.strip_prefix(from).unwrap();
                let to = if end.as_os_str().is_empty() { to.clone() } else { to.join(end) };
                names.insert(to, content);
            }
        }
    }
}

impl Disk {
    fn make(&mut self, operation: Operation<'_>) {
        let new = match operation {
            Operation::Create(path) => {
                self.contents.push(Content::default());
                Some(Change::Create(path.into(), self.contents.len() - 1))
            }
            Operation::Rename(from, to) => Some(Change::Rename(from.into(), to.into())),
            Operation::Remove(path) => Some(Change::Remove(path.into())),
            Operation::Append(path, bytes) => {
                let content = self.names[path];
                self.contents[content].bytes.extend_from_slice(bytes);
                None
            }
            Operation::Sync(path) => {
                let content = &mut self.contents[self.names[path]];
                content.synced = content.bytes.len();
                None
            }
            Operation::SyncFolder(folder) => {
                let (done, left): (Vec<Change>, Vec<Change>) =
                    self.pending.drain(..).partition(|change| match change {
                        Change::Create(path, _) | Change::Remove(path) | Change::Rename(_, path) => {
                            path.parent() == Some(folder)
                        }
                    });
                done.iter().for_each(|done| change(&mut self.certain, done));
                self.pending = left;
                None
            }
        };
        if let Some(new) = new {
            change(&mut self.names, &new);
            self.pending.push(new);
        }
    }

    /// Every state in which the power may fail now: any of the pending changes made, and files with all, none or half of what
    /// is not certain of them.
    fn states(&self) -> BTreeSet<BTreeMap<PathBuf, Vec<u8>>> {
        let mut all = BTreeSet::new();
        // More are pending only while a folder is made that has no name yet.
        let pending = self.pending.len().min(4);
        for made in 0..1_usize << pending {
            let mut names = self.certain.clone();
            let some =
                self.pending.iter().enumerate().filter(|(place, _)| *place >= 4 || made >> place & 1 == 1);
            some.for_each(|(_, one)| change(&mut names, one));
            for part in [0.0, 0.5, 1.0] {
                let content = |content: &usize| {
                    let Content { bytes, synced } = &self.contents[*content];
                    let kept = synced + ((bytes.len() - synced) as f64 * part) as usize;
                    bytes[..kept].to_vec()
                };
                all.insert(names.iter().map(|(name, id)| (name.clone(), content(id))).collect());
            }
        }
        all
    }
}

#[test]
fn the_power_may_fail_after_any_operation() {
    for lesson in LESSONS {
        let data = tempfile::tempdir().unwrap();
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("run");
        let (disk, states) = (Rc::new(RefCell::new(Disk::default())), Rc::new(RefCell::new(BTreeSet::new())));
        let (at_work, kept) = (disk, states.clone());
        observed(
            move |number, operation| {
                let mut disk = at_work.borrow_mut();
                disk.make(operation);
                // Those in the middle are alike: a checkpoint after every step.
                if number < 40 || number % 9 < 2 {
                    kept.borrow_mut().extend(disk.states());
                }
                Ok(good(operation))
            },
            || begin(lesson, data.path(), &out),
        )
        .unwrap();
        let whole = std::fs::read(out.join(MODEL_FILE)).unwrap();
        let (mut resumed, mut nothing) = (0, 0);
        for state in states.borrow().iter() {
            if !state.keys().any(|name| name.starts_with(&out)) {
                nothing += 1;
                continue;
            }
            let after = tempfile::tempdir().unwrap();
            for (name, bytes) in state {
                let path = after.path().join(name.strip_prefix(place.path()).unwrap());
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            let run = after.path().join("run");
            resumed += 1;
            let names: Vec<_> = state.iter().map(|(name, bytes)| (name.file_name(), bytes.len())).collect();
            ends_alike(&run, &whole, &format!("{}: {names:?}", lesson.name));
        }
        assert!(resumed > 20 && nothing > 0, "{}: {resumed} resumed, {nothing} nothing", lesson.name);
    }
}
