//! A run, whatever it was trained for.

use std::path::Path;

use sumun::forecast::{Forecaster, TASK};
use sumun::run::RunFolder;
use sumun::tasks::TrainedTask;

use crate::failure::Failure;

/// A model at work again.
pub(crate) enum Opened {
    Forecast(Box<Forecaster>),
    Task(Box<TrainedTask>),
}

/// Opens a run folder or a model file.
pub(crate) fn open(run: &Path) -> Result<Opened, Failure> {
    let folder = RunFolder::open(run)?;
    let name = folder.model_path().display().to_string();
    let file = folder.load_model()?;
    if file.task == TASK {
        return Ok(Opened::Forecast(Box::new(Forecaster::from_model_file(&name, &file)?)));
    }
    if !TrainedTask::is_one(&file) {
        return Err(Failure::Usage(format!(
            "{name}: is a model for {:?}, which has no preprocessing to read a file with; use it from Rust, or give a run",
            file.task
        )));
    }
    let trained = TrainedTask::from_file(file)
        .map_err(|error| Failure::Usage(format!("{name}: {error}; give another run or train again")))?;
    Ok(Opened::Task(Box::new(trained)))
}
