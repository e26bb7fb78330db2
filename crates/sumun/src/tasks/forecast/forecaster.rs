//! A trained forecaster: what it is made of.

use super::kept::ForecasterConfig;
use crate::Parameters;
use crate::model::Model;

/// A trained model with everything that it needs to forecast: its network, preprocessing, and the end of the data it was
/// trained on.
#[derive(Debug)]
pub struct Forecaster {
    pub(super) config: ForecasterConfig,
    pub(super) model: Model,
}

impl Forecaster {
    /// Everything except the network.
    pub fn config(&self) -> &ForecasterConfig {
        &self.config
    }

    /// The network.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Its weights.
    pub fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }
}
