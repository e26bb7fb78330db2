//! What a recurrent stack is made of.

use rand::Rng;
use serde::{Deserialize, Serialize};
pub(super) use sumun_kernels::WeightKind;
use sumun_kernels::{ActivationFunction, Dims, Options, RecurrentDropout};

use crate::nn::stack::{Arrangement, Merge, Output};
use crate::nn::{Dropout, Initializer};
use crate::{Error, Result};

/// Which recurrent cell.
pub use sumun_kernels::Cell as CellKind;

/// What training keeps of a pass's insides for backward (gradient checkpointing: Chen et al. 2016, "Training deep nets
/// with sublinear memory cost"). Outputs and gradients have the same bits whatever is chosen.
///
/// Without checkpoints backward finds the gates of every step where forward left them. With checkpoints forward keeps
/// each layer's input and, for each direction, the state at the beginning of every piece; backward computes the gates
/// of one piece at a time again, for about a third more time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checkpoints {
    /// All is kept: no checkpoints.
    #[default]
    Off,
    /// Pieces of ⌈√T⌉ steps: about √T states and the gates of about √T steps rather than those of T.
    Sqrt,
    /// Pieces of so many steps.
    Every(usize),
}

/// How the weights are initialised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FirstWeights {
    /// `weight_ih` and `weight_hr`.
    pub input: Initializer,
    /// `weight_hh`. Where a unit reads its own hidden state alone, as in an IndRNN, it is a matrix `[1, 1]` for each unit:
    /// orthogonal ones are 1 or −1.
    pub hidden: Initializer,
    /// Both biases.
    pub bias: Initializer,
    /// Whether the forget block of `bias_ih` of a cell that has one is then set to 1, whatever was asked for the biases, and that
    /// of its `bias_hh` to 0 (Keras' `unit_forget_bias`; Jozefowicz et al., ICML 2015).
    pub unit_forget_bias: bool,
    /// What is then added to the forget block of `bias_ih` of a cell that has one. With 1, a cell whose biases are drawn
    /// around 0 remembers until it has learnt to forget (Jozefowicz, Zaremba & Sutskever, ICML 2015).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forget_bias: f32,
}

fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

impl FirstWeights {
    /// PyTorch's: all from U(±1/√H), biases too.
    pub fn pytorch(hidden: usize) -> Self {
        let all = Initializer::pytorch(hidden);
        Self { input: all, hidden: all, bias: all, unit_forget_bias: false, forget_bias: 0.0 }
    }

    /// Keras': Glorot uniform input weights, orthogonal recurrent weights, biases of 0 with forget biases of 1.
    pub fn keras() -> Self {
        Self {
            input: Initializer::XavierUniform,
            hidden: Initializer::Orthogonal,
            bias: Initializer::Zeros,
            unit_forget_bias: true,
            forget_bias: 0.0,
        }
    }

    /// The values of a weight with this many rows and columns. Every block of an LSTM's or GRU's weights is part of
    /// one matrix, as Keras and PyTorch draw them.
    pub(super) fn values<R: Rng + ?Sized>(
        &self,
        what: WeightKind,
        shape: &[usize],
        cell: CellKind,
        rng: &mut R,
    ) -> Result<Vec<f32>> {
        let initializer = match what {
            WeightKind::WeightIh | WeightKind::WeightHr => self.input,
            WeightKind::WeightHh => self.hidden,
            WeightKind::BiasIh | WeightKind::BiasHh => self.bias,
            WeightKind::Peepholes | WeightKind::NormBias => Initializer::Zeros,
            WeightKind::NormGain => Initializer::Constant { value: 1.0 },
        };
        let mut values = match *shape {
            // A unit of an IndRNN reads its own hidden state alone: a matrix [1, 1] each.
            [units] if what == WeightKind::WeightHh => {
                let of_unit = (0..units).map(|_| initializer.values(&[1, 1], rng));
                of_unit.collect::<Result<Vec<_>>>()?.concat()
            }
            _ => initializer.values(shape, rng)?,
        };
        if let (Some(gate), WeightKind::BiasIh | WeightKind::BiasHh) = (cell.spec().forget_gate, what) {
            let hidden = shape[0] / cell.gates();
            let forget = &mut values[gate * hidden..][..hidden];
            if self.unit_forget_bias {
                forget.fill(if what == WeightKind::BiasIh { 1.0 } else { 0.0 });
            }
            if what == WeightKind::BiasIh && self.forget_bias != 0.0 {
                forget.iter_mut().for_each(|bias| *bias += self.forget_bias);
            }
        }
        Ok(values)
    }
}

/// The name of a layer's and direction's weight: `weight_ih_l0_reverse`.
pub(super) fn full_name(part: WeightKind, layer: usize, direction: usize) -> String {
    let reverse = if direction == 1 { "_reverse" } else { "" };
    format!("{}_l{layer}{reverse}", part.name())
}

fn yes() -> bool {
    true
}

/// What a recurrent stack is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecurrentConfig {
    /// Which cell.
    pub cell: CellKind,
    /// I: features of an input row.
    pub input: usize,
    /// H: hidden units of each direction.
    pub hidden: usize,
    /// L: layers on top of each other.
    pub layers: usize,
    /// Whether there are biases.
    pub bias: bool,
    /// Whether the second of them, `bias_hh`, is there too, as PyTorch has it. Keras' cells have one bias, all but its
    /// GRU with the reset after the product, where the two do not add up.
    #[serde(default = "yes")]
    pub second_bias: bool,
    /// Whether a second direction reads each sequence from its own last step to its first.
    pub bidirectional: bool,
    /// How the outputs of two directions become one, in every layer.
    #[serde(default)]
    pub merge: Merge,
    /// Between layers: the probability of losing an element of what a layer passes up; none after the last.
    pub dropout: f32,
    /// Variational dropout of every layer's input: one mask a sequence, the same at all steps (Gal & Ghahramani 2016;
    /// Keras' `dropout`). Two directions share the mask.
    #[serde(default)]
    pub input_dropout: f32,
    /// The probability of losing an element of h on its way into the recurrent product, one mask a sequence (Gal &
    /// Ghahramani 2016); `options.recurrent_dropout` says whether gates share it, and they do where it says nothing.
    #[serde(default)]
    pub recurrent_dropout: f32,
    /// GRU only: whether z says how much of the candidate is taken, h' = z ⊙ n + (1 − z) ⊙ h, as many texts write it,
    /// rather than how much of h is kept. See [`set_inverted_update`](super::Recurrent::set_inverted_update).
    #[serde(default)]
    pub inverted_update: bool,
    /// What the cell has beyond the plain one: projection, peepholes, other activations and so on.
    #[serde(default)]
    pub options: Options,
    /// How the first weights are initialised; as in PyTorch where it is None.
    #[serde(default)]
    pub first_weights: Option<FirstWeights>,
    /// Which rows the stack returns.
    pub output: Output,
    /// What training keeps for backward: all, or states here and there to save memory in long sequences.
    #[serde(default)]
    pub checkpoints: Checkpoints,
    /// Truncated backpropagation through time: backward cuts the gradient of the state before every k-th step, counted
    /// in the order in which a direction reads (Williams & Peng 1990, with k₁ = k₂ = k). The outputs stay those of the
    /// whole sequence; the gradients are those of chunks of k steps, each of which takes the state before it as given.
    #[serde(default)]
    pub truncate: Option<usize>,
}

impl RecurrentConfig {
    /// One layer in one direction, with biases, that returns a row at every step.
    pub fn new(cell: CellKind, input: usize, hidden: usize) -> Self {
        Self {
            cell,
            input,
            hidden,
            layers: 1,
            bias: true,
            second_bias: true,
            bidirectional: false,
            merge: Merge::Concat,
            dropout: 0.0,
            input_dropout: 0.0,
            recurrent_dropout: 0.0,
            inverted_update: false,
            options: Options::default(),
            first_weights: None,
            output: Output::Sequence,
            checkpoints: Checkpoints::Off,
            truncate: None,
        }
    }

    /// The stack's sizes, and what happens between its layers and directions.
    pub(super) fn arrangement(&self) -> Arrangement {
        Arrangement {
            input: self.input,
            layers: self.layers,
            bidirectional: self.bidirectional,
            merge: self.merge,
            dropout: self.dropout,
            input_dropout: self.input_dropout,
            output: self.output,
            widths: [self.state_features(), self.cell_features()],
            widest: self.hidden.max(self.input),
        }
    }

    /// D: 2 where bidirectional, else 1.
    pub fn directions(&self) -> usize {
        self.arrangement().directions()
    }

    /// The width of h: H, or P with a projection.
    pub fn state_features(&self) -> usize {
        self.options.projection.unwrap_or(self.hidden)
    }

    /// The width of the states beside h: H for the c of an LSTM, 0 for a cell that has none.
    pub fn cell_features(&self) -> usize {
        self.cell.spec().states.len().saturating_mul(self.hidden)
    }

    /// Features of the output: D·H where two directions are side by side, else H (P with a projection).
    pub fn output_features(&self) -> usize {
        self.arrangement().output_features()
    }

    /// What the kernels run for one direction of a layer.
    pub(super) fn dims(&self, layer: usize) -> Dims {
        let mut options = self.options;
        if self.recurrent_dropout > 0.0 && options.recurrent_dropout == RecurrentDropout::None {
            options.recurrent_dropout = RecurrentDropout::Shared;
        }
        // The fused paths know an RNN with either of its two functions, whichever way it was asked for.
        let relative = options.candidate_activation.and_then(|function| self.cell.with_candidate(function));
        let cell = relative.unwrap_or(self.cell);
        Dims::new(cell, self.arrangement().layer_input(layer), self.hidden).with(options)
    }

    /// The shape of a weight of a layer whose sizes are `dims`; None where the stack has none.
    pub(super) fn shape_of(&self, part: WeightKind, dims: Dims) -> Option<Vec<usize>> {
        let left_out = part.is_bias() && !(self.bias && (self.second_bias || part != WeightKind::BiasHh));
        if left_out { None } else { part.shape(dims) }
    }

    /// Calls `visit` with the name and shape of every weight, in the order of the parameters, until it refuses.
    /// Nothing is allocated for the weights themselves. Sizes are to be checked first.
    pub fn for_each_weight(&self, mut visit: impl FnMut(String, Vec<usize>) -> Result<()>) -> Result<()> {
        for layer in 0..self.layers {
            let dims = self.dims(layer);
            for direction in 0..self.directions() {
                for part in WeightKind::ALL {
                    if let Some(shape) = self.shape_of(part, dims) {
                        visit(full_name(part, layer, direction), shape)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Refuses what makes no sense, with the reason.
    pub(crate) fn check(&self) -> Result<()> {
        let stack = format!("a recurrent stack of {} layers", self.layers);
        self.arrangement().check(&stack, self.hidden)?;
        Dropout::new(self.recurrent_dropout)?;
        if self.options.recurrent_dropout != RecurrentDropout::None && self.recurrent_dropout == 0.0 {
            return Err(Error::Invalid(
                "options.recurrent_dropout says how gates share a mask, but recurrent_dropout is 0; set its rate".into(),
            ));
        }
        if self.checkpoints == Checkpoints::Every(0) || self.truncate == Some(0) {
            return Err(Error::Invalid(
                "checkpoints and truncated backpropagation need pieces of at least 1 step, not 0; leave them out or set a number"
                    .into(),
            ));
        }
        self.options.check(self.cell)?;
        check_inverted_update(self)
    }
}

/// Whether 1 − f(a) = f(−a) for every a.
fn is_symmetric(gate: ActivationFunction) -> bool {
    use ActivationFunction::{Affine, HardSigmoid, Sigmoid};
    match gate {
        Sigmoid => true,
        HardSigmoid { beta, .. } | Affine { beta, .. } => beta == 0.5,
        _ => false,
    }
}

/// Refuses the other reading of the update gate where it is not the cell's, or where it is not a matter of signs.
pub(super) fn check_inverted_update(config: &RecurrentConfig) -> Result<()> {
    if !config.inverted_update {
        return Ok(());
    }
    if config.cell.spec().update_gate.is_none() {
        return Err(Error::Invalid(format!(
            "{}: inverted_update is about the update gate of a GRU; leave it out",
            config.cell.name()
        )));
    }
    let gate = config.options.gate_activation.unwrap_or(ActivationFunction::Sigmoid);
    if !is_symmetric(gate) {
        return Err(Error::Invalid(format!(
            "inverted_update needs a gate activation f with 1 − f(a) = f(−a), which {gate:?} is not; use the sigmoid, \
             or a hard sigmoid with beta = 0.5"
        )));
    }
    Ok(())
}
