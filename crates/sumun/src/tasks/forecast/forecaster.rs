//! A trained forecaster: what it is made of.

use super::kept::ForecasterConfig;
use super::net::{LayerSummary, Net};
use crate::Parameters;

/// A trained model with everything that it needs to forecast: weights, preprocessing, and the end of the data it was
/// trained on.
#[derive(Debug)]
pub struct Forecaster {
    pub(crate) config: ForecasterConfig,
    pub(crate) net: Net,
    pub(crate) parameters: Parameters,
}

/// A named tensor, as a model file holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tensor<'a> {
    /// The full name, such as `recurrent.weight_ih_l0`.
    pub name: &'a str,
    /// The shape, row-major.
    pub shape: &'a [usize],
    /// The values.
    pub values: &'a [f32],
}

impl Forecaster {
    /// Everything except the weights.
    pub fn config(&self) -> &ForecasterConfig {
        &self.config
    }

    /// The weights.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The instruction set that its recurrent layers run on.
    pub fn path(&self) -> sumun_kernels::Path {
        self.net.path()
    }

    /// The layers from the input to the output.
    pub fn summary(&self) -> Vec<LayerSummary> {
        self.net.summary(&self.parameters, self.config.preprocessing.window)
    }

    /// What a model file has to keep: everything except the weights, and the weights by name.
    pub fn to_parts(&self) -> (&ForecasterConfig, Vec<Tensor<'_>>) {
        let values = self.parameters.values();
        let tensors = self.parameters.entries().iter().map(|entry| Tensor {
            name: &entry.name,
            shape: &entry.shape,
            values: &values[entry.range.clone()],
        });
        (&self.config, tensors.collect())
    }
}
