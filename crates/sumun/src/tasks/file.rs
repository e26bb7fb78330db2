//! The model file of a task of sequences: its network, with the pipeline beside it.

use serde::Serialize;

use super::config::Task;
use crate::model::{Model, ModelFile};
use crate::{Error, Result};

/// The key of a model file's configuration under which the pipeline stands.
pub(super) const PIPELINE: &str = "pipeline";

/// A model as a file. `kind` is the name by which [`Pipeline`](super::Pipeline) tells the `pipeline` from others.
pub(super) fn to_file(
    task: Task,
    kind: &'static str,
    pipeline: &impl Serialize,
    model: &Model,
) -> Result<ModelFile> {
    let mut file = model.to_file()?;
    file.task = task.to_string();
    let mut pipeline = serde_json::to_value(pipeline)
        .map_err(|error| Error::Invalid(format!("the model cannot be written as JSON: {error}")))?;
    pipeline["kind"] = kind.into();
    file.config[PIPELINE] = pipeline;
    Ok(file)
}
