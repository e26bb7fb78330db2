//! A model of many series as a model file, and a model file as one.

use super::super::super::file::{PIPELINE, PIPELINE_KIND, to_file};
use super::super::config::TASK;
use super::super::network;
use super::check::check;
use super::forecaster::{PanelForecaster, PanelForecasterConfig};
use crate::model::{Model, ModelFile, NETWORK};
use crate::{Error, Result};

/// What tells the model of many series from that of one.
const KIND: &str = "panel";

/// Whether a file of a forecaster holds a model of many series.
pub(in super::super) fn is_panel(file: &ModelFile) -> bool {
    file.config.get(PIPELINE).and_then(|pipeline| pipeline.get(PIPELINE_KIND)) == Some(&KIND.into())
}

impl PanelForecaster {
    /// Everything about the forecaster as a model file. Error: a configuration that JSON cannot hold.
    pub fn to_model_file(&self) -> Result<ModelFile> {
        to_file(TASK, KIND, &self.config, Some(&self.model))
    }

    /// The forecaster that a model file holds; `name` stands for the file in messages. Nothing in it is trusted: sizes,
    /// shapes, names and numbers that do not fit together are errors, and no more memory is taken than the tensors
    /// themselves have. Errors, too: a model of another task, and a configuration that this version does not understand.
    pub fn from_model_file(name: &str, file: ModelFile) -> Result<Self> {
        opened(file)
            .map_err(|error| Error::Model(format!("{name}: {}", error.to_string().replace('\n', " "))))
    }
}

fn opened(mut file: ModelFile) -> Result<PanelForecaster> {
    let mut pipeline = file.config.get_mut(PIPELINE).map(serde_json::Value::take).unwrap_or_default();
    if let Some(pipeline) = pipeline.as_object_mut() {
        pipeline.remove(PIPELINE_KIND);
    }
    let config: PanelForecasterConfig = serde_json::from_value(pipeline).map_err(|e| {
        Error::Model(format!(
            "the configuration is not one of a forecaster of sumun {} ({e}); train again or use the version that made it",
            env!("CARGO_PKG_VERSION")
        ))
    })?;
    check(&config)?;
    file.task = NETWORK.into();
    let model = Model::from_file(&file)?;
    network::check(&model, &config.sizes())?;
    Ok(PanelForecaster { config, model })
}
