//! A model as a file, and back.

use std::collections::HashMap;
use std::path::Path;

use sumun_kernels::Precision;

use super::config::ModelConfig;
use super::content::{ModelFile, NamedTensor};
use super::network::Model;
use super::plan::Plan;
use super::registry::Registry;
use crate::layer::PlannedWeight;
use crate::{Error, Result};

/// What [`ModelFile::task`] says of a [`Model`].
pub const NETWORK: &str = "network";

/// The key of a file's configuration under which its layers stand.
const MODEL: &str = "model";

/// So many weights more than tensors are still compared one by one, so that the message names what is missing. A
/// short configuration may ask for very many.
const SPARE: usize = 100;

impl ModelFile {
    /// This file with another network in the place of its own. Its task, and what its configuration has beside the layers, stay.
    pub fn with_model(mut self, model: &Model) -> Result<Self> {
        let ModelFile { mut config, tensors, .. } = model.to_file()?;
        self.config[MODEL] = config[MODEL].take();
        Ok(Self { tensors, ..self })
    }
}

impl Model {
    /// The model as a file's content: its layers as configuration `{"model": …}`, its weights as tensors.
    pub fn to_file(&self) -> Result<ModelFile> {
        let model = serde_json::to_value(&self.graph.config)
            .map_err(|error| Error::Invalid(format!("the model cannot be written as JSON: {error}")))?;
        let rounded = self.int8_weights();
        let tensor = |entry: &crate::parameters::Entry| {
            let values = self.parameters.values()[entry.range.clone()].to_vec();
            let rounded = rounded.contains(entry.name.as_str());
            let precision = if rounded { Precision::Int8 } else { Precision::F32 };
            NamedTensor::new(&entry.name, &entry.shape, values).precision(precision)
        };
        Ok(ModelFile {
            task: NETWORK.into(),
            config: serde_json::json!({ MODEL: model }),
            tensors: self.parameters.entries().iter().map(tensor).collect(),
        })
    }

    /// The model that a file holds: the same bits. The configuration is checked against the tensors before anything is
    /// allocated for it. Errors, which do not know the file's name: another task, a configuration that is none, layers
    /// that do not fit each other or the tensors, a weight that is not finite.
    pub fn from_file(file: &ModelFile) -> Result<Self> {
        Self::from_file_with(file, &Registry::standard())
    }

    /// As [`from_file`](Self::from_file), of layers that the registry has beside those of the crate.
    pub fn from_file_with(file: &ModelFile, registry: &Registry) -> Result<Self> {
        let ModelFile { task, config, tensors } = file;
        if task != NETWORK {
            return Err(Error::Model(format!("holds a model for {task:?}, not a {NETWORK}")));
        }
        let config: ModelConfig = match config.get(MODEL) {
            Some(model) => ModelConfig::from_json_with(model.clone(), registry)
                .map_err(|error| Error::Model(format!("its layers cannot be read: {error}")))?,
            None => return Err(Error::Model("its configuration has no model".into())),
        };
        Self::from_tensors(config, tensors)
    }

    /// The model of these layers with these weights; errors as [`from_file`](Self::from_file).
    pub(crate) fn from_tensors(config: ModelConfig, tensors: &[NamedTensor]) -> Result<Self> {
        let plan = Plan::within(&config, tensors.len() + SPARE)
            .map_err(|error| Error::Model(format!("its layers do not fit: {error}")))?;
        // By name at once: a file of a few megabytes may have very many.
        let mut unread: HashMap<&str, &NamedTensor> =
            tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        if unread.len() < tensors.len() {
            return Err(Error::Model("two of its tensors have one name".into()));
        }
        for PlannedWeight { name, shape, .. } in plan.layers.iter().flat_map(|layer| &layer.weights) {
            let found = unread.remove(name.as_str()).map(|tensor| &tensor.shape);
            if found != Some(shape) {
                let found = found.map_or("none".into(), |found| format!("{found:?}"));
                return Err(Error::Model(format!(
                    "the tensor {name} should be {shape:?}, but found {found}"
                )));
            }
        }
        if let Some(name) = unread.into_keys().min() {
            return Err(Error::Model(format!("the tensor {name} belongs to none of its layers")));
        }
        for NamedTensor { name, values, .. } in tensors {
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(Error::Model(format!(
                    "the tensor {name} holds {value}, with which nothing can be computed"
                )));
            }
        }
        let mut model = Self::planned(config, plan, 0, false)?;
        for NamedTensor { name, values, .. } in tensors {
            if let Some(id) = model.parameters.find(name) {
                model.parameters.value_mut(id).copy_from_slice(values);
            }
        }
        if model.precision() == Precision::Int8 {
            model.round_weights()?;
        }
        Ok(model)
    }

    /// Writes a `.safetensors` file that other tools can open, never half of one. Errors as [`ModelFile::save`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.to_file()?.save(path)
    }

    /// Reads what [`save`](Self::save) wrote. Errors as [`ModelFile::load`] and [`from_file`](Self::from_file), each one
    /// line with the file's name.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_with(path, &Registry::standard())
    }

    /// As [`load`](Self::load), of layers that the registry has beside those of the crate.
    pub fn load_with(path: impl AsRef<Path>, registry: &Registry) -> Result<Self> {
        let path = path.as_ref();
        Self::from_file_with(&ModelFile::load(path)?, registry).map_err(|error| {
            Error::Model(format!("{}: {error}; give another file or train again", path.display()))
        })
    }
}
