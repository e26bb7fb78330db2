//! A model as data: its input and its layers in order, from Rust or TOML and back.

use serde::{Deserialize, Serialize};

use super::layers::{
    AttentionLayer, DenseLayer, DropoutLayer, EmbeddingLayer, LayerConfig, PoolLayer, RecurrentLayer,
};
use super::network::Model;
use super::plan::Plan;
use super::summary::Summary;
use crate::nn::Pool;
use crate::{Error, Result};

/// What a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Input {
    /// Ids such as words or characters, `[N, T]`, for an embedding.
    Ids {
        /// V: how many there are, `0 .. vocabulary`.
        vocabulary: usize,
    },
    /// Numbers, `[N, T, F]`.
    Numbers {
        /// F: how many at each step.
        features: usize,
    },
}

impl Input {
    /// Ids below `vocabulary`.
    pub fn ids(vocabulary: usize) -> Self {
        Self::Ids { vocabulary }
    }

    /// So many numbers at each step.
    pub fn numbers(features: usize) -> Self {
        Self::Numbers { features }
    }
}

/// An input and layers in order: all that a [`Model`] is but its weights.
///
/// ```
/// use sumun_nn::model::ModelConfig;
/// let config = ModelConfig::from_toml(r#"
///     [input]
///     kind = "ids"
///     vocabulary = 10_000
///
///     [[layers]]
///     kind = "embedding"
///     features = 64
///     mask_zero = true
///
///     [[layers]]
///     kind = "lstm"
///     units = 64
///     bidirectional = true
///
///     [[layers]]
///     kind = "dense"
///     units = 1
///     activation = "sigmoid"
/// "#)?;
/// assert_eq!(ModelConfig::from_toml(&config.to_toml()?)?, config);
/// let model = config.build(7)?;
/// assert_eq!(model.parameters().entries()[0].name, "embedding.weight");
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// What the first layer reads.
    pub input: Input,
    /// The layers, from the input to the answer.
    pub layers: Vec<LayerConfig>,
}

impl ModelConfig {
    /// No layers yet.
    pub fn new(input: Input) -> Self {
        Self { input, layers: Vec::new() }
    }

    /// Reads a model from TOML. Unknown kinds and options are errors; whether the layers fit each other is seen when
    /// the model is built.
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let place = before
                .map_or_else(String::new, |text| format!("line {} of ", 1 + text.matches('\n').count()));
            let message: Vec<&str> = error.message().split_whitespace().collect();
            Error::Invalid(format!("{place}the model: {}", message.join(" ")))
        })
    }

    /// The model as TOML, which [`from_toml`](Self::from_toml) reads back to the same model. Settings that say what is
    /// so anyway are left out.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|error| Error::Invalid(format!("the model cannot be written as TOML: {error}")))
    }

    /// Checks that the layers fit each other and draws their first weights from `seed`. Errors name the layer and
    /// both shapes; nothing is allocated before all is checked.
    pub fn build(self, seed: u64) -> Result<Model> {
        Model::new(self, seed)
    }

    /// The table of layers, shapes and parameters, without building anything. Errors as [`build`](Self::build).
    pub fn summary(&self) -> Result<Summary> {
        Ok(Summary::of(self, &Plan::of(self)?))
    }
}

/// A [`ModelConfig`] in the making: a layer a line, from the input to the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelBuilder(ModelConfig);

impl ModelBuilder {
    pub(super) fn new(input: Input) -> Self {
        Self(ModelConfig::new(input))
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

    /// A plain recurrent layer of so many units that answers once.
    pub fn rnn(self, units: usize) -> Self {
        self.layer(RecurrentLayer::rnn(units))
    }

    /// An LSTM of so many units that answers once.
    pub fn lstm(self, units: usize) -> Self {
        self.layer(RecurrentLayer::lstm(units))
    }

    /// A GRU of so many units that answers once.
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

    /// The model as data.
    pub fn config(self) -> ModelConfig {
        self.0
    }

    /// As [`ModelConfig::build`].
    pub fn build(self, seed: u64) -> Result<Model> {
        self.0.build(seed)
    }
}
