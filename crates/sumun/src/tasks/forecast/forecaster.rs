//! A trained forecaster: what it is made of.

use super::kept::ForecasterConfig;
use super::network::first_alone;
use crate::model::Model;
use crate::{Parameters, Result};

/// A trained model with everything that it needs to forecast: its network, preprocessing, and the end of the data it was
/// trained on.
#[derive(Debug)]
pub struct Forecaster {
    pub(super) config: ForecasterConfig,
    /// None where a baseline forecasts.
    pub(super) model: Option<Model>,
}

impl Forecaster {
    /// With its first network alone; None where it has no other. Error: a model that does not have it.
    pub(super) fn first_alone(&self) -> Result<Option<Self>> {
        let networks = self.config.networks().count();
        match &self.model {
            Some(model) if networks > 1 => {
                let config = ForecasterConfig { averaged: Vec::new(), ..self.config.clone() };
                Ok(Some(Self { config, model: Some(first_alone(model, networks)?) }))
            }
            _ => Ok(None),
        }
    }

    /// Everything except the network.
    pub fn config(&self) -> &ForecasterConfig {
        &self.config
    }

    /// The network; None where the series was too short for one, so that a baseline forecasts.
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// Its weights, if it has a network.
    pub fn parameters(&self) -> Option<&Parameters> {
        self.model.as_ref().map(Model::parameters)
    }

    /// How many numbers it learns.
    pub(crate) fn parameter_count(&self) -> usize {
        self.parameters().map_or(0, Parameters::len)
    }
}
