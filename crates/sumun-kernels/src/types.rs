//! The words every kernel shares: cells, shapes, packed steps, weights, states.

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use crate::options::{Options, RecurrentDropout};
use crate::prepared::Purpose;

/// A floating-point number the reference kernels compute in: `f32` or `f64`.
pub trait Real:
    Copy
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + 'static
{
    /// The number 0.
    const ZERO: Self;
    /// The number 1.
    const ONE: Self;
    /// The nearest value to `v`.
    fn from_f64(v: f64) -> Self;
    /// This value as `f64`, exactly.
    fn to_f64(self) -> f64;
    /// e to the power of this value.
    fn exp(self) -> Self;
    /// e to the power of this value, less 1, exact near 0.
    fn exp_m1(self) -> Self;
    /// ln(1 + this value), exact near 0.
    fn ln_1p(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Logistic sigmoid, 1 / (1 + e⁻ˣ).
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }
}

macro_rules! real {
    ($t:ty) => {
        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            fn from_f64(v: f64) -> Self {
                v as $t
            }
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            fn exp(self) -> Self {
                <$t>::exp(self)
            }
            fn exp_m1(self) -> Self {
                <$t>::exp_m1(self)
            }
            fn ln_1p(self) -> Self {
                <$t>::ln_1p(self)
            }
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            fn tanh(self) -> Self {
                <$t>::tanh(self)
            }
        }
    };
}
real!(f32);
real!(f64);

/// What a kernel refuses, with the numbers that made it refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slice has another length than its shape asks for.
    #[error("{what}: expected {expected} values, found {found}")]
    Length {
        /// Which argument.
        what: &'static str,
        /// The number of values that the shape asks for.
        expected: usize,
        /// The number of values found.
        found: usize,
    },
    /// Batch sizes of packed steps must never grow and never be zero.
    #[error(
        "batch size at step {step}: {found} after {previous}; batch sizes must be at least 1 and never grow"
    )]
    BatchSizes {
        /// The step at fault.
        step: usize,
        /// The batch size of the step before it.
        previous: usize,
        /// The batch size found.
        found: usize,
    },
    /// A size that must be at least 1 is 0.
    #[error("{what} must be at least 1")]
    Zero {
        /// Which size.
        what: &'static str,
    },
    /// An order of rows must name each row exactly once.
    #[error("row {row} of the order is row {target} of {rows}, which is taken or does not exist")]
    RowMap {
        /// The row at fault.
        row: usize,
        /// The row it names.
        target: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// Backward was given a cache that no forward pass of these weights and rows has filled, or weights that
    /// were not prepared for the gradients asked for.
    #[error("backward needs a cache filled by forward of the same recurrence")]
    Cache,
    /// The weights are prepared for something else.
    #[error("this needs weights prepared for {wanted}; they are prepared for {prepared}")]
    Purpose {
        /// What they are prepared for.
        prepared: Purpose,
        /// What was asked of them.
        wanted: Purpose,
    },
    /// The instruction set asked for is not available on this processor or in this build.
    #[error("the {path} path is not available on this processor")]
    PathUnavailable {
        /// The path's name.
        path: &'static str,
    },
    /// The fused kernels lack this cell or option; ask for the reference path.
    #[error("the {path} path does not compute {cell}; use the reference path")]
    Unsupported {
        /// The path's name.
        path: &'static str,
        /// The name of the cell, or of the option.
        cell: &'static str,
    },
    /// An option that the cell does not have, or a constant out of range.
    #[error("{cell}: {option} {reason}")]
    Option {
        /// The cell's name.
        cell: &'static str,
        /// Which option.
        option: &'static str,
        /// What is wrong with it and what to do.
        reason: &'static str,
    },
}

/// The nonlinearity of a plain recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nonlinearity {
    /// tanh.
    Tanh,
    /// max(0, ·).
    Relu,
}

/// Whether backward computes the gradient of its input: the first layer on raw numbers skips a fifth of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputGradient {
    /// Compute it.
    Needed,
    /// Leave it out.
    Skip,
}

/// Where a GRU applies its reset gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reset {
    /// n = tanh(W_n x + b_in + r ⊙ (W_hn h + b_hn)): PyTorch, and Keras' default.
    After,
    /// n = tanh(W_n x + b_in + W_hn (r ⊙ h) + b_hn): Cho et al. 2014, and ONNX' default.
    Before,
}

/// A recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cell {
    /// h' = φ(W x + b_ih + U h + b_hh) (Elman 1990).
    Rnn(Nonlinearity),
    /// Blocks i, f, g, o; c' = f ⊙ c + i ⊙ g; h' = o ⊙ tanh(c') (Hochreiter & Schmidhuber 1997, Gers et al. 2000).
    Lstm,
    /// Blocks r, z, n; h' = (1 − z) ⊙ n + z ⊙ h (Cho et al. 2014).
    Gru(Reset),
}

impl Cell {
    /// G: how many blocks of H rows the weights have.
    pub fn gates(self) -> usize {
        match self {
            Cell::Rnn(_) => 1,
            Cell::Lstm => 4,
            Cell::Gru(_) => 3,
        }
    }

    /// Whether the state has a cell state `c` beside the hidden state `h`.
    pub fn has_cell_state(self) -> bool {
        matches!(self, Cell::Lstm)
    }

    /// A short name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Cell::Rnn(Nonlinearity::Tanh) => "RNN (tanh)",
            Cell::Rnn(Nonlinearity::Relu) => "RNN (relu)",
            Cell::Lstm => "LSTM",
            Cell::Gru(Reset::After) => "GRU (reset after)",
            Cell::Gru(Reset::Before) => "GRU (reset before)",
        }
    }
}

/// One recurrence: its cell, sizes and options.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dims {
    /// Which equations.
    pub cell: Cell,
    /// I: features of an input row.
    pub input: usize,
    /// H: hidden units.
    pub hidden: usize,
    /// What it has beyond the plain cell.
    pub options: Options,
}

impl Dims {
    /// A plain cell.
    pub fn new(cell: Cell, input: usize, hidden: usize) -> Self {
        Self { cell, input, hidden, options: Options::default() }
    }

    /// The same sizes with these options.
    pub fn with(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// G·H: rows of the weight matrices.
    pub fn gate_rows(self) -> usize {
        self.cell.gates() * self.hidden
    }

    /// The width of h: H, or P of a projection.
    pub fn output(self) -> usize {
        self.options.projection.unwrap_or(self.hidden)
    }

    /// The width of c: H for an LSTM, else 0.
    pub fn cell_width(self) -> usize {
        if self.cell.has_cell_state() { self.hidden } else { 0 }
    }

    /// Values of `norm_gain`, and of `norm_bias`: 9H for an LSTM (the products of the input 4H and of the hidden
    /// state 4H, the cell state H), 6H for a GRU (the products of the input 3H and of the hidden state 3H), H for
    /// an RNN (the sum of both products); 0 without layer normalisation.
    pub fn norm_len(self) -> usize {
        let blocks = match self.cell {
            Cell::Rnn(_) => 1,
            Cell::Lstm => 9,
            Cell::Gru(_) => 6,
        };
        if self.options.layer_norm.is_some() { blocks * self.hidden } else { 0 }
    }
}

/// The weights of one recurrence, in PyTorch's layout and gate order. H stands for P in `weight_hh` where there
/// is a projection.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a, F> {
    /// `weight_ih`, `[G·H, I]`.
    pub input: &'a [F],
    /// `weight_hh`, `[G·H, H]`.
    pub hidden: &'a [F],
    /// `bias_ih`, `[G·H]`, or empty for no bias.
    pub bias_input: &'a [F],
    /// `bias_hh`, `[G·H]`, or empty for no bias.
    pub bias_hidden: &'a [F],
    /// `weight_hr`, `[P, H]`; empty without a projection.
    pub projection: &'a [F],
    /// p of i, f and o, `[3H]`; empty without peepholes. With coupled gates that of f is not used.
    pub peepholes: &'a [F],
    /// The gains of the layer normalisation, [`norm_len`](Dims::norm_len) values.
    pub norm_gain: &'a [F],
    /// The biases of the layer normalisation, [`norm_len`](Dims::norm_len) values.
    pub norm_bias: &'a [F],
}

impl<F> Default for Weights<'_, F> {
    /// Every weight empty, to be filled by `..Weights::default()`.
    fn default() -> Self {
        Self {
            input: &[],
            hidden: &[],
            bias_input: &[],
            bias_hidden: &[],
            projection: &[],
            peepholes: &[],
            norm_gain: &[],
            norm_bias: &[],
        }
    }
}

impl<F> Weights<'_, F> {
    /// Checks every length against `dims`.
    pub fn check(&self, dims: Dims) -> Result<(), Error> {
        let rows = dims.gate_rows();
        length("weight_ih", rows * dims.input, self.input.len())?;
        length("weight_hh", rows * dims.output(), self.hidden.len())?;
        length_or_empty("bias_ih", rows, self.bias_input.len())?;
        length_or_empty("bias_hh", rows, self.bias_hidden.len())?;
        length("weight_hr", dims.options.projection.unwrap_or(0) * dims.hidden, self.projection.len())?;
        let peepholes = if dims.options.peepholes { 3 * dims.hidden } else { 0 };
        length("peepholes", peepholes, self.peepholes.len())?;
        length("norm_gain", dims.norm_len(), self.norm_gain.len())?;
        length("norm_bias", dims.norm_len(), self.norm_bias.len())
    }
}

/// Where the gradients of [`Weights`] are added. The slice of a bias may be empty to leave it out.
#[derive(Debug)]
pub struct Gradients<'a, F> {
    /// Of `weight_ih`, `[G·H, I]`.
    pub input: &'a mut [F],
    /// Of `weight_hh`, `[G·H, H]`.
    pub hidden: &'a mut [F],
    /// Of `bias_ih`, `[G·H]` or empty.
    pub bias_input: &'a mut [F],
    /// Of `bias_hh`, `[G·H]` or empty.
    pub bias_hidden: &'a mut [F],
    /// Of `weight_hr`, `[P, H]`; empty without a projection.
    pub projection: &'a mut [F],
    /// Of the peepholes, `[3H]`; empty without them.
    pub peepholes: &'a mut [F],
    /// Of the gains of the layer normalisation.
    pub norm_gain: &'a mut [F],
    /// Of the biases of the layer normalisation.
    pub norm_bias: &'a mut [F],
}

impl<F> Default for Gradients<'_, F> {
    /// Every gradient empty, to be filled by `..Gradients::default()`.
    fn default() -> Self {
        Self {
            input: &mut [],
            hidden: &mut [],
            bias_input: &mut [],
            bias_hidden: &mut [],
            projection: &mut [],
            peepholes: &mut [],
            norm_gain: &mut [],
            norm_bias: &mut [],
        }
    }
}

impl<F> Gradients<'_, F> {
    /// The slices as weights, to check their lengths.
    pub(crate) fn shapes(&self) -> Weights<'_, F> {
        Weights {
            input: self.input,
            hidden: self.hidden,
            bias_input: self.bias_input,
            bias_hidden: self.bias_hidden,
            projection: self.projection,
            peepholes: self.peepholes,
            norm_gain: self.norm_gain,
            norm_bias: self.norm_bias,
        }
    }
}

/// The noise of one training pass, drawn by the caller: backward is given forward's. All empty by default, as in
/// inference.
#[derive(Debug, Clone, Copy)]
pub struct Masks<'a, F> {
    /// What h before a step is multiplied with on its way into the recurrent product, for all steps of a
    /// sequence, the scale 1 / (1 − rate) included; by rank, `[N, H]` or `[N, G, H]` as
    /// [`RecurrentDropout`] says, with H the width of h. Empty for none.
    pub recurrent: &'a [F],
    /// 1 where a unit of h keeps its former value, 0 where it takes the new one, `[R, H]`, with H the width of
    /// h. Empty for the expectation.
    pub zoneout_hidden: &'a [F],
    /// As `zoneout_hidden`, for c, `[R, H]`.
    pub zoneout_cell: &'a [F],
}

impl<F> Default for Masks<'_, F> {
    fn default() -> Self {
        Self { recurrent: &[], zoneout_hidden: &[], zoneout_cell: &[] }
    }
}

impl<F> Masks<'_, F> {
    /// Whether there is no mask at all.
    pub fn is_empty(&self) -> bool {
        self.recurrent.is_empty() && self.zoneout_hidden.is_empty() && self.zoneout_cell.is_empty()
    }

    /// Checks every length; a mask whose option is off is refused.
    pub(crate) fn check(&self, dims: Dims, steps: &Steps) -> Result<(), Error> {
        let Dims { cell, options, .. } = dims;
        let per_sequence = match options.recurrent_dropout {
            RecurrentDropout::None => 0,
            RecurrentDropout::Shared => dims.output(),
            RecurrentDropout::PerGate => cell.gates() * dims.output(),
        };
        let if_on = |rate: f64, size: usize| if rate > 0.0 { steps.rows() * size } else { 0 };
        let parts = [
            ("masks.recurrent", steps.sequences() * per_sequence, self.recurrent),
            ("masks.zoneout_hidden", if_on(options.zoneout_hidden, dims.output()), self.zoneout_hidden),
            ("masks.zoneout_cell", if_on(options.zoneout_cell, dims.hidden), self.zoneout_cell),
        ];
        parts.into_iter().try_for_each(|(what, size, mask)| length_or_empty(what, size, mask.len()))
    }
}

/// The state of N sequences in rank order (longest first), or the gradient of one.
#[derive(Debug, Clone, Copy)]
pub struct State<'a, F> {
    /// h, `[N, H]`, or `[N, P]` with a projection.
    pub hidden: &'a [F],
    /// c, `[N, H]` for an LSTM; empty otherwise.
    pub cell: &'a [F],
}

/// Where a state, or the gradient of one, is written.
#[derive(Debug)]
pub struct StateMut<'a, F> {
    /// h, `[N, H]`, or `[N, P]` with a projection.
    pub hidden: &'a mut [F],
    /// c, `[N, H]` for an LSTM; empty otherwise.
    pub cell: &'a mut [F],
}

/// Which rows are alive at which step: step `t` owns rows `offset(t) .. offset(t) + batch_size(t)`.
///
/// Sequences are ranked longest first, so that the row of rank `n` at step `t` is `offset(t) + n`
/// and the sequences alive at a step are always a prefix of those alive the step before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    batch_sizes: Vec<usize>,
    offsets: Vec<usize>,
}

impl Steps {
    /// Packed steps from their batch sizes, which must be at least 1 and never grow.
    pub fn new(batch_sizes: Vec<usize>) -> Result<Self, Error> {
        let mut offsets = Vec::with_capacity(batch_sizes.len() + 1);
        let (mut offset, mut previous) = (0, usize::MAX);
        for (step, &found) in batch_sizes.iter().enumerate() {
            if found == 0 || found > previous {
                return Err(Error::BatchSizes { step, previous, found });
            }
            offsets.push(offset);
            offset += found;
            previous = found;
        }
        offsets.push(offset);
        Ok(Self { batch_sizes, offsets })
    }

    /// `steps` steps of `batch` rows each.
    pub fn uniform(steps: usize, batch: usize) -> Self {
        Self::new(vec![batch; if batch == 0 { 0 } else { steps }]).expect("a uniform batch never grows")
    }

    /// The steps of a range, as a pass of their own; empty for an empty range.
    ///
    /// # Panics
    /// For a range that reaches beyond the last step.
    pub fn part(&self, steps: std::ops::Range<usize>) -> Self {
        let offsets = match steps.is_empty() {
            true => vec![0],
            false => {
                self.offsets[steps.start..=steps.end].iter().map(|o| o - self.offsets[steps.start]).collect()
            }
        };
        Self { batch_sizes: self.batch_sizes[steps].to_vec(), offsets }
    }

    /// T: the number of steps.
    pub fn len(&self) -> usize {
        self.batch_sizes.len()
    }

    /// Whether there is no step at all.
    pub fn is_empty(&self) -> bool {
        self.batch_sizes.is_empty()
    }

    /// N: sequences alive at the first step.
    pub fn sequences(&self) -> usize {
        self.batch_sizes.first().copied().unwrap_or(0)
    }

    /// R: rows in all.
    pub fn rows(&self) -> usize {
        self.offsets[self.batch_sizes.len()]
    }

    /// Rows of step `t`.
    pub fn batch_size(&self, t: usize) -> usize {
        self.batch_sizes[t]
    }

    /// Rows of every step.
    pub fn batch_sizes(&self) -> &[usize] {
        &self.batch_sizes
    }

    /// The first row of step `t`; `offset(len())` is [`rows`](Self::rows).
    pub fn offset(&self, t: usize) -> usize {
        self.offsets[t]
    }

    /// Whether every step has the same number of rows.
    pub fn is_uniform(&self) -> bool {
        self.batch_sizes.first() == self.batch_sizes.last()
    }
}

pub(crate) fn length(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::Length { what, expected, found }) }
}

pub(crate) fn length_or_empty(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if found == 0 { Ok(()) } else { length(what, expected, found) }
}
