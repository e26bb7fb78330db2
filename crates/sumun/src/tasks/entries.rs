//! All tasks.

use std::path::Path;

use super::classify::Classify;
use super::forecast;
use super::lm::Lm;
use super::protocol::{AnyTraining, TaskEntry, TrainedModel};
use super::regress::Regress;
use super::sequences::Sequences;
use super::simulate::Simulate;
use super::tag::Tag;
use super::training::task_of;
use super::translate::Translate;
use crate::model::ModelFile;
use crate::run::{Checkpoint, RunFolder};
use crate::{Error, Result};

/// All tasks, in the order in which they are shown: a line each.
pub static TASKS: [&dyn TaskEntry; 7] = [
    &forecast::Entry,
    &Sequences::<Classify>::TASK,
    &Sequences::<Regress>::TASK,
    &Sequences::<Tag>::TASK,
    &Sequences::<Lm>::TASK,
    &Sequences::<Translate>::TASK,
    &Sequences::<Simulate>::TASK,
];

/// The task of a name. Error: there is none.
pub fn named(name: &str) -> Result<&'static dyn TaskEntry> {
    let found = TASKS.into_iter().find(|task| task.name() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = TASKS.iter().map(|task| task.name()).collect();
        Error::Invalid(format!("there is no task {name:?}; there are {}", names.join(", ")))
    })
}

/// Goes on from the checkpoint of any task, and says what may be different now. Errors as
/// [`Training::resume`](super::Training::resume).
pub fn resume(checkpoint: Checkpoint) -> Result<(Box<dyn AnyTraining>, Vec<String>)> {
    let Some(name) = task_of(&checkpoint) else {
        return Err(Error::Model("the checkpoint's training cannot be read: it names no task".into()));
    };
    named(name)?.resume(checkpoint)
}

/// The model of a run folder, or of a model file alone. Errors: no such run (the message names the nearest), and a model
/// that is damaged, or of no task.
pub fn open(run: &Path) -> Result<Box<dyn TrainedModel>> {
    let folder = RunFolder::open(run)?;
    let name = folder.model_path().display().to_string();
    open_file(&name, folder.load_model()?)
}

/// The model that a file holds; `name` stands for the file in messages. Errors: a model that is damaged, or of no task.
pub fn open_file(name: &str, file: ModelFile) -> Result<Box<dyn TrainedModel>> {
    let Some(task) = TASKS.into_iter().find(|task| task.name() == file.task) else {
        return Err(Error::Model(format!(
            "{name}: is a model for {:?}, which has no preprocessing to read a file with; use it from Rust, or give a run",
            file.task
        )));
    };
    task.open(name, file)
}
