//! Where an unfinished training stands, in one file.

use serde_json::Value;

use crate::model::{ModelFile, NamedTensor};
use crate::train::Snapshot;
use crate::{Error, Result};

/// What [`ModelFile::task`] says of a checkpoint.
const TASK: &str = "checkpoint";

/// A training's snapshot, and what its maker needs to know to go on: configuration, data and so on.
///
/// The file is a [`ModelFile`]: weights, optimizer state and whatever is carried along are tensors, the rest is in the
/// metadata, all under one checksum.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What the maker says of the training.
    pub about: Value,
    /// Where it stands.
    pub snapshot: Snapshot,
}

impl Checkpoint {
    /// As a file's content.
    pub fn to_file(&self) -> Result<ModelFile> {
        let Snapshot { position, buffers, beside } = &self.snapshot;
        let position = serde_json::to_value(position)
            .map_err(|error| Error::Invalid(format!("the checkpoint cannot be written as JSON: {error}")))?;
        let tensor =
            |(name, values): &(String, Vec<f32>)| NamedTensor::new(name, &[values.len()], values.clone());
        Ok(ModelFile {
            task: TASK.into(),
            config: serde_json::json!({ "about": self.about, "position": position, "beside": beside }),
            tensors: buffers.iter().map(tensor).collect(),
        })
    }

    /// What a file holds. Errors, which do not know the file's name: it holds something else.
    pub fn from_file(mut file: ModelFile) -> Result<Self> {
        if file.task != TASK {
            return Err(Error::Model(format!("holds a model for {:?}, not a {TASK}", file.task)));
        }
        let mut part = |name: &str| file.config.get_mut(name).map(Value::take).unwrap_or_default();
        let (about, position, beside) = (part("about"), part("position"), part("beside"));
        let position = serde_json::from_value(position)
            .map_err(|error| Error::Model(format!("its position cannot be read: {error}")))?;
        let buffers = file.tensors.into_iter().map(|tensor| (tensor.name, tensor.values)).collect();
        Ok(Self { about, snapshot: Snapshot { position, buffers, beside } })
    }
}
