//! Putting a model together, a layer a line.

use super::config::{Input, ModelConfig};
use super::layer_config::LayerConfig;
use crate::layer::Names;
use crate::nn::{AttentionLayer, DenseLayer, DropoutLayer, EmbeddingLayer, Pool, PoolLayer, RecurrentLayer};

/// A [`ModelConfig`] in the making: a layer a line, from the input to the output.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelBuilder(ModelConfig);

impl ModelBuilder {
    pub(super) fn new(input: Input) -> Self {
        Self(ModelConfig::new(input))
    }

    pub(super) fn graph() -> Self {
        Self(ModelConfig::empty())
    }

    /// An input by its name, for layers to read.
    pub fn input(mut self, name: impl Into<String>, input: Input) -> Self {
        self.0.inputs.insert(name.into(), input);
        self
    }

    /// A layer by its name, and the inputs and earlier layers that it reads, one or several.
    pub fn add(mut self, name: &str, layer: impl Into<LayerConfig>, from: impl Names) -> Self {
        let mut layer = layer.into();
        let common = layer.common_mut();
        (common.name, common.from) = (Some(name.to_owned()), from.names());
        self.0.layers.push(layer);
        self
    }

    /// Any layer, with its options.
    pub fn layer(mut self, layer: impl Into<LayerConfig>) -> Self {
        self.0.layers.push(layer.into());
        self
    }

    /// Vectors of so many features for the ids, or an [`EmbeddingLayer`] with its options.
    pub fn embedding(self, layer: impl Into<EmbeddingLayer>) -> Self {
        self.layer(layer.into())
    }

    /// A plain recurrent layer of so many units that returns its last hidden state.
    pub fn rnn(self, units: usize) -> Self {
        self.layer(RecurrentLayer::rnn(units))
    }

    /// An LSTM of so many units that returns its last hidden state.
    pub fn lstm(self, units: usize) -> Self {
        self.layer(RecurrentLayer::lstm(units))
    }

    /// A GRU of so many units that returns its last hidden state.
    pub fn gru(self, units: usize) -> Self {
        self.layer(RecurrentLayer::gru(units))
    }

    /// A recurrent layer in both directions (Keras' `Bidirectional`).
    pub fn bidirectional(self, layer: RecurrentLayer) -> Self {
        self.layer(layer.bidirectional(true))
    }

    /// So many outputs, of every step where there are steps; or a [`DenseLayer`] with its options.
    pub fn dense(self, layer: impl Into<DenseLayer>) -> Self {
        self.layer(layer.into())
    }

    /// Loses each element with probability `p`, in training.
    pub fn dropout(self, p: f32) -> Self {
        self.layer(DropoutLayer::new(p))
    }

    /// One row a sequence from all of its steps.
    pub fn pool(self, over: Pool) -> Self {
        self.layer(PoolLayer::new(over))
    }

    /// One row a sequence, a mean of its steps with learnt weights, scored by so many units; or an [`AttentionLayer`]
    /// with its options.
    pub fn attention(self, layer: impl Into<AttentionLayer>) -> Self {
        self.layer(layer.into())
    }

    /// The layers whose rows are the model's outputs, by name; the last one where none are named.
    pub fn outputs(mut self, layers: impl Names) -> Self {
        self.0.outputs = layers.names();
        self
    }

    /// The model as data.
    pub fn config(self) -> ModelConfig {
        self.0
    }
}
