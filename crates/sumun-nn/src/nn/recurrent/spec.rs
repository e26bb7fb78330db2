//! A recurrent layer in a model.

use serde::{Deserialize, Serialize};

use super::{CellKind, Checkpoints, FirstWeights, Recurrent, RecurrentConfig};
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, layer, standard};
use crate::nn::stack::{Merge, Output, StackStage, expect_stack, plan_stack, title};
use crate::nn::{CellOptions, RecurrentDropout};
use crate::train::Regularizer;
use crate::{Error, Result};

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
    RecurrentLayer {
        /// Which cell. In a file it is the layer's `kind`.
        #[serde(skip, default = "any_cell")]
        [] cell: CellKind,
        /// I: features of an input row, for those who want it checked; what the layer before gives where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [input] input: Option<usize>,
        /// H: hidden units of each direction.
        [] units: usize,
        /// L: so many layers on top of each other (PyTorch's `num_layers`).
        #[serde(default = "standard::one_layer", skip_serializing_if = "standard::is_one_layer")]
        [layers] layers: usize,
        /// Whether it returns a row at every step; else one a sequence, its final hidden state (Keras' `return_sequences`).
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [return_sequences] return_sequences: bool,
        /// Whether a second direction reads each sequence from its own last step.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [bidirectional] bidirectional: bool,
        /// How the outputs of two directions become one.
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
        /// One direction only: whether it reads the time axis from its end (Keras' `go_backwards`). Rows at every
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
        /// What the cell has beyond the plain one: projection, peepholes, other activations and so on.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [options] options: CellOptions,
        /// The layer whose last states are the first of this one, by name, such as the encoder of a decoder. Both have the
        /// same sizes; states that a call gives for this layer take their place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [] initial: Option<String>,
        /// How the first weights are initialised; as in PyTorch where it is None.
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

impl RecurrentLayer {
    /// One layer of so many units in one direction that returns its final hidden state, with PyTorch's first weights and biases.
    pub fn new(cell: CellKind, units: usize) -> Self {
        Self {
            cell,
            common: Common::default(),
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
            options: CellOptions::default(),
            initial: None,
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

    /// Begins with the last states of another layer, by name.
    pub fn initial(mut self, layer: impl Into<String>) -> Self {
        self.initial = Some(layer.into());
        self
    }

    /// As many biases as Keras' layers have, and first weights as in Keras.
    pub fn keras(mut self) -> Self {
        self.biases = if self.cell.spec().biases_differ() { Biases::Two } else { Biases::One };
        self.first_weights = Some(FirstWeights::keras());
        self
    }

    /// The stack that it is on an input of so many features.
    pub(crate) fn stack(&self, input: usize) -> RecurrentConfig {
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

impl LayerSpec for RecurrentLayer {
    const KINDS: &'static [&'static str] = CellKind::KINDS;
    const ALIASES: &'static [&'static str] = CellKind::ALIASES;

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn kind(&self) -> &'static str {
        self.cell.spec().kind
    }

    fn set_kind(&mut self, kind: &str) -> Result<()> {
        self.cell = CellKind::named(kind)
            .ok_or_else(|| Error::Invalid(format!("no recurrent layer is of kind {kind:?}")))?;
        Ok(())
    }

    fn default_name(&self) -> &'static str {
        self.cell.spec().layer
    }

    fn title(&self) -> String {
        title(self.cell.spec().family, self.layers, self.bidirectional)
    }

    fn print(&self, input: Signal) -> (String, Vec<String>) {
        let features = input.features().unwrap_or(0);
        let mut options = vec![features.to_string(), self.units.to_string()];
        options.extend(unusual(self));
        (self.cell.spec().family.into(), options)
    }

    fn initial(&self) -> Option<&str> {
        self.initial.as_deref()
    }

    fn to_keep_steps(&self, name: &str) -> String {
        format!("give {name} return_sequences = true")
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let features = at.steps()?;
        at.expect(self.input, features)?;
        at.size("units", self.units)?;
        let stack = self.stack(features);
        expect_stack(at, &stack.arrangement(), self.go_backwards)?;
        if self.biases == Biases::None && self.bias_regularizer.is_some() {
            return Err(Error::Invalid(format!("{} has no bias; leave out bias_regularizer", at.name())));
        }
        at.size("projection", self.options.projection.unwrap_or(1))?;
        at.check_penalty("the kernel_regularizer", self.kernel_regularizer)?;
        at.check_penalty("the recurrent_regularizer", self.recurrent_regularizer)?;
        at.check_penalty("the bias_regularizer", self.bias_regularizer)?;
        stack.check().map_err(|error| at.error(error))?;
        stack.for_each_weight(|weight, shape| {
            let penalty = match weight.split("_l").next() {
                Some("weight_ih" | "weight_hr") => self.kernel_regularizer,
                Some("weight_hh") => self.recurrent_regularizer,
                Some("bias_ih" | "bias_hh") => self.bias_regularizer,
                _ => None,
            };
            match weight.split("_l").next() {
                Some("weight_ih" | "weight_hh") if shape.len() == 2 => at.product(&weight, &shape, penalty),
                _ => at.weight(&weight, &shape, penalty),
            }
        })?;
        plan_stack(at, &stack.arrangement())
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let mut stack = self.stack(at.input());
        stack.first_weights = at.if_drawn(stack.first_weights);
        let stack = Recurrent::new(stack, at.parameters, at.name, at.rng);
        Ok(Box::new(StackStage::new(at, stack, self.go_backwards)?))
    }
}

/// The cell until [`LayerSpec::set_kind`] says which it is.
fn any_cell() -> CellKind {
    CellKind::Lstm
}

/// As PyTorch prints them: every option that is not the usual one.
fn unusual(layer: &RecurrentLayer) -> Vec<String> {
    let mut options: Vec<String> = Vec::new();
    let mut say = |said: bool, text: String| {
        if said {
            options.push(text);
        }
    };
    let RecurrentLayer { cell, layers, biases, dropout, input_dropout, recurrent_dropout, merge, .. } =
        *layer;
    say(layers > 1, format!("num_layers={layers}"));
    say(cell.spec().remark.is_some(), cell.spec().remark.unwrap_or_default().into());
    say(layer.inverted_update, "inverted_update=True".into());
    say(layer.go_backwards, "go_backwards=True".into());
    say(biases == Biases::None, "bias=False".into());
    say(biases == Biases::One, "biases=one".into());
    say(dropout != 0.0, format!("dropout={dropout}"));
    say(input_dropout != 0.0, format!("input_dropout={input_dropout}"));
    say(recurrent_dropout != 0.0, format!("recurrent_dropout={recurrent_dropout}"));
    let per_gate = layer.options.recurrent_dropout == RecurrentDropout::PerGate;
    say(per_gate, "recurrent_dropout_masks=per_gate".into());
    match layer.checkpoints {
        Checkpoints::Off => {}
        Checkpoints::Sqrt => say(true, "checkpoints=sqrt".into()),
        Checkpoints::Every(steps) => say(true, format!("checkpoints={steps}")),
    }
    say(layer.truncate.is_some(), format!("truncate={}", layer.truncate.unwrap_or(0)));
    say(layer.bidirectional, "bidirectional=True".into());
    say(merge != Merge::Concat, format!("merge={}", format!("{merge:?}").to_lowercase()));
    say(layer.return_sequences, "return_sequences=True".into());
    let CellOptions { projection, peepholes, coupled, clip, layer_norm, .. } = layer.options;
    say(projection.is_some(), format!("proj_size={}", projection.unwrap_or(0)));
    say(peepholes, "peepholes=True".into());
    say(coupled, "coupled=True".into());
    say(clip.is_some(), format!("clip={}", clip.unwrap_or(0.0)));
    say(layer_norm.is_some(), format!("layer_norm={}", layer_norm.unwrap_or(0.0)));
    for (name, function) in [
        ("gate_activation", layer.options.gate_activation),
        ("candidate_activation", layer.options.candidate_activation),
        ("output_activation", layer.options.output_activation),
    ] {
        say(function.is_some(), format!("{name}={}", function.map_or(String::new(), |f| format!("{f:?}"))));
    }
    for (name, rate) in
        [("zoneout_hidden", layer.options.zoneout_hidden), ("zoneout_cell", layer.options.zoneout_cell)]
    {
        say(rate != 0.0, format!("{name}={rate}"));
    }
    options
}
