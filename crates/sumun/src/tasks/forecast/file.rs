//! A forecaster as a model file, and a model file as a forecaster.

use super::config::TASK;
use super::forecaster::{Forecaster, Tensor};
use super::kept::ForecasterConfig;
use crate::model::{ModelFile, NamedTensor};
use crate::{Error, Result};

impl Forecaster {
    /// Everything about the forecaster as a model file. Error: a configuration that JSON cannot hold.
    pub fn to_model_file(&self) -> Result<ModelFile> {
        let (config, tensors) = self.to_parts();
        let config = serde_json::to_value(config)
            .map_err(|e| Error::Model(format!("the model's configuration cannot be written as JSON: {e}")))?;
        let tensors = tensors.iter().map(|t| NamedTensor::new(t.name, t.shape, t.values.to_vec())).collect();
        Ok(ModelFile { task: TASK.into(), config, tensors })
    }

    /// The forecaster that a model file holds; `name` stands for the file in messages. Errors: a model of another
    /// task, a configuration that this version does not understand, and weights that do not fit it.
    pub fn from_model_file(name: &str, file: &ModelFile) -> Result<Self> {
        let refused = |why: String| Error::Model(format!("{name}: {}", why.replace('\n', " ")));
        if file.task != TASK {
            return Err(refused(format!(
                "is a model for {:?}, not a forecaster; give another run",
                file.task
            )));
        }
        let config: ForecasterConfig = serde_json::from_value(file.config.clone()).map_err(|e| {
            refused(format!(
                "the configuration is not one of a forecaster of sumun {} ({e}); train again or use the version that \
                 made it",
                env!("CARGO_PKG_VERSION")
            ))
        })?;
        let tensors: Vec<Tensor<'_>> = file
            .tensors
            .iter()
            .map(|t| Tensor { name: &t.name, shape: &t.shape, values: &t.values })
            .collect();
        Self::from_parts(config, &tensors).map_err(|e| refused(e.to_string()))
    }
}
