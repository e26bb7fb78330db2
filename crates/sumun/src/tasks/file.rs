//! The model file of a task: its network, with the pipeline beside it.

use serde::Serialize;
use serde_json::json;

use crate::model::{Model, ModelFile};
use crate::{Error, Result};

/// The key of a model file's configuration under which the pipeline stands.
pub(super) const PIPELINE: &str = "pipeline";

/// The key of the pipeline that says of which kind it is.
pub(super) const PIPELINE_KIND: &str = "kind";

/// A model as a file, with a network or without one. `kind` is the name that tells the `pipeline` from others.
pub(super) fn to_file(
    task: &str,
    kind: &'static str,
    pipeline: &impl Serialize,
    model: Option<&Model>,
) -> Result<ModelFile> {
    let mut file = match model {
        Some(model) => model.to_file()?,
        None => ModelFile { task: String::new(), config: json!({}), tensors: Vec::new() },
    };
    file.task = task.into();
    let mut pipeline = serde_json::to_value(pipeline)
        .map_err(|error| Error::Invalid(format!("the model cannot be written as JSON: {error}")))?;
    pipeline[PIPELINE_KIND] = kind.into();
    file.config[PIPELINE] = pipeline;
    Ok(file)
}
