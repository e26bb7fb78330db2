//! A forecaster as a model file, and a model file as a forecaster.

use super::super::file::{PIPELINE, to_file};
use super::check::check;
use super::config::TASK;
use super::earlier;
use super::forecaster::Forecaster;
use super::kept::ForecasterConfig;
use super::network::{self, Sizes};
use crate::data::quoted;
use crate::model::{Model, ModelFile, NETWORK};
use crate::{Error, Result};

impl Forecaster {
    /// Everything about the forecaster as a model file. Error: a configuration that JSON cannot hold.
    pub fn to_model_file(&self) -> Result<ModelFile> {
        to_file(TASK, TASK, &self.config, self.model.as_ref())
    }

    /// The forecaster that a model file holds; `name` stands for the file in messages. Nothing in it is trusted: sizes,
    /// shapes, names and numbers that do not fit together are errors, and no more memory is taken than the tensors
    /// themselves have. Errors, too: a model of another task, and a configuration that this version does not understand.
    pub fn from_model_file(name: &str, file: ModelFile) -> Result<Self> {
        let refused = |why: String| Error::Model(format!("{name}: {}", why.replace('\n', " ")));
        if file.task != TASK {
            return Err(refused(format!(
                "is a model for {:?}, not a forecaster; give another run",
                file.task
            )));
        }
        opened(file).map_err(|error| refused(error.to_string()))
    }
}

fn opened(file: ModelFile) -> Result<Forecaster> {
    let mut file = earlier::converted(file)?;
    let pipeline = file.config.get_mut(PIPELINE).map(serde_json::Value::take);
    let config: ForecasterConfig = serde_json::from_value(pipeline.unwrap_or_default()).map_err(|e| {
        Error::Model(format!(
            "the configuration is not one of a forecaster of sumun {} ({e}); train again or use the version that made it",
            env!("CARGO_PKG_VERSION")
        ))
    })?;
    check(&config)?;
    if !config.fallback.is_empty() {
        return match file.tensors.first() {
            None => Ok(Forecaster { config, model: None }),
            Some(tensor) => Err(Error::Model(format!(
                "the model is damaged: it forecasts without a network, but has weights named {}",
                quoted(&tensor.name)
            ))),
        };
    }
    file.task = NETWORK.into();
    let model = Model::from_file(&file)?;
    let sizes: Vec<Sizes> = config.networks().map(Sizes::of).collect();
    network::check(&model, &sizes)?;
    Ok(Forecaster { config, model: Some(model) })
}
