//! What a model's layers are made of, without the sizes that follow from the layer before.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::nn::{
    Activation, CellKind, CellOptions, Checkpoints, FirstWeights, Initializer, Merge, Output, Pool,
    RecurrentConfig,
};
use crate::train::Regularizer;

/// A layer of a model. In TOML, `kind` says which: `embedding`, `rnn`, `rnn_relu`, `lstm`, `gru`,
/// `gru_reset_before`, `dense`, `dropout`, `pool` or `attention`; the options stand beside it. An option that the kind does not
/// have is an error.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a model has few layers, and a box would show wherever one is matched"
)]
pub enum LayerConfig {
    /// A learnt vector for each id.
    Embedding(EmbeddingLayer),
    /// An affine map of every row.
    Dense(DenseLayer),
    /// Loses elements in training.
    Dropout(DropoutLayer),
    /// One row a sequence from all of its steps.
    Pool(PoolLayer),
    /// One row a sequence, a mean of its steps with learnt weights.
    Attention(AttentionLayer),
    /// An RNN, LSTM or GRU.
    #[serde(untagged)]
    Recurrent(RecurrentLayer),
}

/// The kinds of layers by the name that a file gives them.
const KINDS: &str =
    "embedding, rnn, rnn_relu, lstm, gru, gru_reset_before, dense, dropout, pool and attention";

impl<'de> Deserialize<'de> for LayerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = serde_json::Map::deserialize(deserializer)?;
        let Some(serde_json::Value::String(kind)) = map.remove("kind") else {
            return Err(de::Error::custom(format!("a layer needs a kind; there are {KINDS}")));
        };
        let cell = serde_json::from_value::<CellKind>(kind.clone().into()).ok();
        if cell.is_some() {
            map.insert("kind".into(), kind.clone().into());
        }
        let values = serde_json::Value::Object(map);
        match kind.as_str() {
            "embedding" => serde_json::from_value(values).map(Self::Embedding),
            "dense" => serde_json::from_value(values).map(Self::Dense),
            "dropout" => serde_json::from_value(values).map(Self::Dropout),
            "pool" => serde_json::from_value(values).map(Self::Pool),
            "attention" => serde_json::from_value(values).map(Self::Attention),
            _ if cell.is_some() => serde_json::from_value(values).map(Self::Recurrent),
            _ => return Err(de::Error::custom(format!("no layer is of kind {kind:?}; there are {KINDS}"))),
        }
        .map_err(|error| de::Error::custom(format!("a layer of kind {kind:?}: {error}")))
    }
}

impl LayerConfig {
    /// The name it was given.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Embedding(layer) => layer.name.as_deref(),
            Self::Recurrent(layer) => layer.name.as_deref(),
            Self::Dense(layer) => layer.name.as_deref(),
            Self::Dropout(layer) => layer.name.as_deref(),
            Self::Pool(layer) => layer.name.as_deref(),
            Self::Attention(layer) => layer.name.as_deref(),
        }
    }

    /// What a layer without a name is called, before numbers are added.
    pub(super) fn default_name(&self) -> &'static str {
        match self {
            Self::Embedding(_) => "embedding",
            Self::Dense(_) => "dense",
            Self::Dropout(_) => "dropout",
            Self::Pool(_) => "pool",
            Self::Attention(_) => "attention",
            Self::Recurrent(layer) => match layer.cell {
                CellKind::RnnTanh | CellKind::RnnRelu => "rnn",
                CellKind::Lstm => "lstm",
                CellKind::Gru | CellKind::GruResetBefore => "gru",
            },
        }
    }

    /// Whether training changes it, and how many times the learning rate it takes; None for a layer without weights.
    pub(super) fn training(&self) -> Option<(bool, f64)> {
        match self {
            Self::Embedding(layer) => Some((layer.trainable, layer.learning_rate)),
            Self::Recurrent(layer) => Some((layer.trainable, layer.learning_rate)),
            Self::Dense(layer) => Some((layer.trainable, layer.learning_rate)),
            Self::Attention(layer) => Some((layer.trainable, layer.learning_rate)),
            Self::Dropout(_) | Self::Pool(_) => None,
        }
    }

    /// Where it keeps whether training changes it, and its learning rate factor.
    pub(super) fn training_mut(&mut self) -> Option<(&mut bool, &mut f64)> {
        match self {
            Self::Embedding(layer) => Some((&mut layer.trainable, &mut layer.learning_rate)),
            Self::Recurrent(layer) => Some((&mut layer.trainable, &mut layer.learning_rate)),
            Self::Dense(layer) => Some((&mut layer.trainable, &mut layer.learning_rate)),
            Self::Attention(layer) => Some((&mut layer.trainable, &mut layer.learning_rate)),
            Self::Dropout(_) | Self::Pool(_) => None,
        }
    }
}

/// What stands in for a setting that a file leaves out, and is left out of a file in turn.
mod standard {
    pub(super) fn yes() -> bool {
        true
    }
    pub(super) fn is_true(value: &bool) -> bool {
        *value
    }
    pub(super) fn one() -> f64 {
        1.0
    }
    pub(super) fn is_one(value: &f64) -> bool {
        *value == 1.0
    }
    pub(super) fn layers() -> usize {
        1
    }
    pub(super) fn is_one_layer(value: &usize) -> bool {
        *value == 1
    }
    pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
        *value == T::default()
    }
}

/// A layer's struct with a name, and a setter for each of its options.
macro_rules! layer {
    (
        $(#[$about:meta])*
        $layer:ident: $kind:ident
        { $($(#[$doc:meta])* [$($setter:ident)?] $field:ident: $type:ty,)* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $layer {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $layer {
            /// Its name in the parameters and in tables; one from its kind, such as `lstm_1`, where none is given.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.name = Some(name.into());
                self
            }

            $($(
                #[doc = concat!("Sets [`", stringify!($setter), "`](Self#structfield.", stringify!($field), ").")]
                pub fn $setter(mut self, value: impl Into<$type>) -> Self {
                    self.$field = value.into();
                    self
                }
            )?)*
        }

        impl From<$layer> for LayerConfig {
            fn from(layer: $layer) -> Self {
                Self::$kind(layer)
            }
        }
    };
}

layer! {
    /// A learnt vector for each id (Keras' and PyTorch's `Embedding`). It stands first, on [`Input::ids`](super::Input).
    EmbeddingLayer: Embedding {
        /// Its name; one from its kind where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [] name: Option<String>,
        /// F: how long each vector is.
        [] features: usize,
        /// The id whose vector is zero and stays zero (PyTorch's `padding_idx`). Alone, it is an ordinary step of zeros.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [padding_id] padding_id: Option<u32>,
        /// Whether the steps of the padding id, of id 0 where there is none, are no steps at all, for this layer and all
        /// above (Keras' `mask_zero`).
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [mask_zero] mask_zero: bool,
        /// Whether training changes it.
        #[serde(default = "standard::yes", skip_serializing_if = "standard::is_true")]
        [trainable] trainable: bool,
        /// How many times the learning rate it takes.
        #[serde(default = "standard::one", skip_serializing_if = "standard::is_one")]
        [learning_rate] learning_rate: f64,
        /// How the first vectors are drawn; from N(0, 1), as PyTorch does, where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [first_weights] first_weights: Option<Initializer>,
        /// The penalty on the vectors (Keras' `embeddings_regularizer`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [regularizer] regularizer: Option<Regularizer>,
    }
}

/// How many biases the gates of a recurrent layer have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Biases {
    /// `bias_ih` and `bias_hh`: PyTorch's layers, ONNX, and Keras' GRU.
    #[default]
    Two,
    /// `bias_ih` alone: Keras' SimpleRNN and LSTM, and its GRU with the reset before the product.
    One,
    /// None.
    None,
}

layer! {
    /// An RNN, LSTM or GRU, one or several layers deep, in one direction or two.
    RecurrentLayer: Recurrent {
        /// Which cell. In a file it is the layer's `kind`.
        #[serde(rename = "kind")]
        [] cell: CellKind,
        /// Its name; one from its kind where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [] name: Option<String>,
        /// I: features of an input row, for those who want it checked; what the layer before gives where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [input] input: Option<usize>,
        /// H: hidden units of each direction.
        [] units: usize,
        /// L: so many layers on top of each other (PyTorch's `num_layers`).
        #[serde(default = "standard::layers", skip_serializing_if = "standard::is_one_layer")]
        [layers] layers: usize,
        /// Whether it answers at every step; else once, with its final hidden state (Keras' `return_sequences`).
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [return_sequences] return_sequences: bool,
        /// Whether a second direction reads each sequence from its own last step.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [bidirectional] bidirectional: bool,
        /// How the answers of two directions become one.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [merge] merge: Merge,
        /// How many biases there are.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [biases] biases: Biases,
        /// The probability of losing an element between its layers, in training.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [dropout] dropout: f32,
        /// The same for every layer's input, one mask a sequence (Keras' `dropout`).
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [input_dropout] input_dropout: f32,
        /// The same for h on its way into the recurrent product, one mask a sequence.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [recurrent_dropout] recurrent_dropout: f32,
        /// One direction only: whether it reads the time axis from its end (Keras' `go_backwards`). Answers at every
        /// step come in processing order, the first of the last step, and the layers above read them so.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [go_backwards] go_backwards: bool,
        /// GRU only: whether z says how much of the candidate is taken, h' = z ⊙ n + (1 − z) ⊙ h, as many texts write
        /// it, rather than how much of h is kept.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [inverted_update] inverted_update: bool,
        /// What training keeps for backward: all (`"off"`), or states here and there (`"sqrt"`, `{ every = 100 }`) to save
        /// memory in long sequences. The numbers are the same.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [checkpoints] checkpoints: Checkpoints,
        /// Truncated backpropagation through time: backward cuts the gradient of the state before every k-th step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [truncate] truncate: Option<usize>,
        /// Whether training changes it.
        #[serde(default = "standard::yes", skip_serializing_if = "standard::is_true")]
        [trainable] trainable: bool,
        /// How many times the learning rate it takes.
        #[serde(default = "standard::one", skip_serializing_if = "standard::is_one")]
        [learning_rate] learning_rate: f64,
        /// What the cell has beyond the plain one: projection, peepholes, other activations and so on.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [options] options: CellOptions,
        /// How the first weights are drawn; as PyTorch draws them where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [first_weights] first_weights: Option<FirstWeights>,
        /// The penalty on `weight_ih` and `weight_hr` (Keras' `kernel_regularizer`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [kernel_regularizer] kernel_regularizer: Option<Regularizer>,
        /// The penalty on `weight_hh`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [recurrent_regularizer] recurrent_regularizer: Option<Regularizer>,
        /// The penalty on the biases, each by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [bias_regularizer] bias_regularizer: Option<Regularizer>,
    }
}

layer! {
    /// An affine map with an optional activation: of every step where there are steps (Keras' `TimeDistributed`), else
    /// of the one row.
    DenseLayer: Dense {
        /// Its name; one from its kind where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [] name: Option<String>,
        /// I: features of an input row, for those who want it checked; what the layer before gives where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [input] input: Option<usize>,
        /// O: features of an output row.
        [] units: usize,
        /// What follows the affine map.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [activation] activation: Activation,
        /// Whether a bias is added.
        #[serde(default = "standard::yes", skip_serializing_if = "standard::is_true")]
        [bias] bias: bool,
        /// Whether training changes it.
        #[serde(default = "standard::yes", skip_serializing_if = "standard::is_true")]
        [trainable] trainable: bool,
        /// How many times the learning rate it takes.
        #[serde(default = "standard::one", skip_serializing_if = "standard::is_one")]
        [learning_rate] learning_rate: f64,
        /// How the first weight is drawn; from U(±1/√I), as PyTorch does, where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [first_weights] first_weights: Option<Initializer>,
        /// How the first bias is drawn; as PyTorch draws it where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [first_bias] first_bias: Option<Initializer>,
        /// The penalty on the weight (Keras' `kernel_regularizer`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [kernel_regularizer] kernel_regularizer: Option<Regularizer>,
        /// The penalty on the bias.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [bias_regularizer] bias_regularizer: Option<Regularizer>,
    }
}

layer! {
    /// Loses each element with probability `p` in training.
    DropoutLayer: Dropout {
        /// Its name; one from its kind where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [] name: Option<String>,
        /// The probability, at least 0 and below 1.
        [] p: f32,
    }
}

layer! {
    /// One row a sequence from all of its steps.
    PoolLayer: Pool {
        /// Its name; one from its kind where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [] name: Option<String>,
        /// How.
        [] over: Pool,
    }
}

layer! {
    /// One row a sequence, a mean of its steps with learnt weights: additive attention
    /// ([`nn::Attention`](crate::nn::Attention)).
    AttentionLayer: Attention {
        /// Its name; one from its kind where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [] name: Option<String>,
        /// U: units of the hidden layer that scores a step.
        [] units: usize,
        /// Whether training changes it.
        #[serde(default = "standard::yes", skip_serializing_if = "standard::is_true")]
        [trainable] trainable: bool,
        /// How many times the learning rate it takes.
        #[serde(default = "standard::one", skip_serializing_if = "standard::is_one")]
        [learning_rate] learning_rate: f64,
        /// The penalty on the weight and the context.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [kernel_regularizer] kernel_regularizer: Option<Regularizer>,
    }
}

impl EmbeddingLayer {
    /// Vectors of so many features, drawn from N(0, 1).
    pub fn new(features: usize) -> Self {
        Self {
            name: None,
            features,
            padding_id: None,
            mask_zero: false,
            trainable: true,
            learning_rate: 1.0,
            first_weights: None,
            regularizer: None,
        }
    }

    /// First vectors from U(±0.05), as Keras draws them.
    pub fn keras(self) -> Self {
        self.first_weights(Initializer::Uniform { bound: 0.05 })
    }
}

impl From<usize> for EmbeddingLayer {
    fn from(features: usize) -> Self {
        Self::new(features)
    }
}

impl RecurrentLayer {
    /// One layer of so many units in one direction that answers once, weighted and biased as PyTorch's.
    pub fn new(cell: CellKind, units: usize) -> Self {
        Self {
            cell,
            name: None,
            input: None,
            units,
            layers: 1,
            return_sequences: false,
            bidirectional: false,
            merge: Merge::Concat,
            biases: Biases::Two,
            dropout: 0.0,
            input_dropout: 0.0,
            recurrent_dropout: 0.0,
            go_backwards: false,
            inverted_update: false,
            checkpoints: Checkpoints::Off,
            truncate: None,
            trainable: true,
            learning_rate: 1.0,
            options: CellOptions::default(),
            first_weights: None,
            kernel_regularizer: None,
            recurrent_regularizer: None,
            bias_regularizer: None,
        }
    }

    /// A plain recurrent layer with tanh.
    pub fn rnn(units: usize) -> Self {
        Self::new(CellKind::RnnTanh, units)
    }

    /// Long short-term memory.
    pub fn lstm(units: usize) -> Self {
        Self::new(CellKind::Lstm, units)
    }

    /// Gated recurrent unit, the reset gate after the product.
    pub fn gru(units: usize) -> Self {
        Self::new(CellKind::Gru, units)
    }

    /// As many biases as Keras' layers have, and first weights as Keras draws them.
    pub fn keras(mut self) -> Self {
        self.biases = if self.cell == CellKind::Gru { Biases::Two } else { Biases::One };
        self.first_weights = Some(FirstWeights::keras());
        self
    }

    /// The stack that it is on an input of so many features.
    pub(super) fn stack(&self, input: usize) -> RecurrentConfig {
        RecurrentConfig {
            layers: self.layers,
            bias: self.biases != Biases::None,
            second_bias: self.biases == Biases::Two,
            bidirectional: self.bidirectional,
            merge: self.merge,
            dropout: self.dropout,
            input_dropout: self.input_dropout,
            recurrent_dropout: self.recurrent_dropout,
            inverted_update: self.inverted_update,
            checkpoints: self.checkpoints,
            truncate: self.truncate,
            options: self.options,
            first_weights: self.first_weights,
            output: if self.return_sequences { Output::Sequence } else { Output::Last },
            ..RecurrentConfig::new(self.cell, input, self.units)
        }
    }
}

impl DenseLayer {
    /// So many outputs, with a bias and without an activation.
    pub fn new(units: usize) -> Self {
        Self {
            name: None,
            input: None,
            units,
            activation: Activation::Linear,
            bias: true,
            trainable: true,
            learning_rate: 1.0,
            first_weights: None,
            first_bias: None,
            kernel_regularizer: None,
            bias_regularizer: None,
        }
    }

    /// First weights as Keras draws them: Glorot uniform, with biases of 0.
    pub fn keras(self) -> Self {
        self.first_weights(Initializer::XavierUniform).first_bias(Initializer::Zeros)
    }
}

impl From<usize> for DenseLayer {
    fn from(units: usize) -> Self {
        Self::new(units)
    }
}

impl DropoutLayer {
    /// The probability of losing an element.
    pub fn new(p: f32) -> Self {
        Self { name: None, p }
    }
}

impl AttentionLayer {
    /// So many units, drawn as PyTorch draws those of two `Linear`s.
    pub fn new(units: usize) -> Self {
        Self { name: None, units, trainable: true, learning_rate: 1.0, kernel_regularizer: None }
    }
}

impl From<usize> for AttentionLayer {
    fn from(units: usize) -> Self {
        Self::new(units)
    }
}

impl PoolLayer {
    /// Pooling of that kind.
    pub fn new(over: Pool) -> Self {
        Self { name: None, over }
    }
}
