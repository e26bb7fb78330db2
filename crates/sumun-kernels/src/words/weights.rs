//! The weights of a recurrence and where their gradients go.

use crate::words::dims::Dims;
use crate::words::error::{Error, length, length_or_empty};
use crate::words::weight_kind::WeightKind;

/// The weights of one recurrence, in PyTorch's layout and gate order. H stands for P in `weight_hh` where there
/// is a projection.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a, F> {
    /// `weight_ih`, `[G·H, I]`.
    pub input: &'a [F],
    /// `weight_hh`, `[G·H, H]`; `[G·H]` or empty for a cell with [another recurrence](crate::Recurrence).
    pub hidden: &'a [F],
    /// `bias_ih`, `[G·H]`, or empty for no bias.
    pub bias_input: &'a [F],
    /// `bias_hh`, `[G·H]`, or empty for no bias, as for a cell that has only one.
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
    /// Checks `dims`, and every length against them.
    pub fn check(&self, dims: Dims) -> Result<(), Error> {
        self.check_lengths(
            dims,
            [
                "weight_ih",
                "weight_hh",
                "bias_ih",
                "bias_hh",
                "weight_hr",
                "peepholes",
                "norm_gain",
                "norm_bias",
            ],
        )
    }

    fn check_lengths(&self, dims: Dims, names: [&'static str; 8]) -> Result<(), Error> {
        // No product below overflows for sizes that can be.
        dims.check()?;
        WeightKind::ALL.into_iter().zip(names).try_for_each(|(part, name)| {
            let (expected, found) = (part.numbers(dims), self.part(part).len());
            if part.is_bias() {
                length_or_empty(name, expected, found)
            } else {
                length(name, expected, found)
            }
        })
    }

    /// The values of one of them.
    pub fn part(&self, part: WeightKind) -> &[F] {
        match part {
            WeightKind::WeightIh => self.input,
            WeightKind::WeightHh => self.hidden,
            WeightKind::BiasIh => self.bias_input,
            WeightKind::BiasHh => self.bias_hidden,
            WeightKind::WeightHr => self.projection,
            WeightKind::Peepholes => self.peepholes,
            WeightKind::NormGain => self.norm_gain,
            WeightKind::NormBias => self.norm_bias,
        }
    }
}

/// Where the gradients of [`Weights`] are added. The slice of a bias may be empty to leave it out.
#[derive(Debug)]
pub struct Gradients<'a, F> {
    /// Of `weight_ih`, `[G·H, I]`.
    pub input: &'a mut [F],
    /// Of `weight_hh`.
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
    /// Checks `dims`, and every length against them.
    pub(crate) fn check(&self, dims: Dims) -> Result<(), Error> {
        let shapes = Weights {
            input: self.input,
            hidden: self.hidden,
            bias_input: self.bias_input,
            bias_hidden: self.bias_hidden,
            projection: self.projection,
            peepholes: self.peepholes,
            norm_gain: self.norm_gain,
            norm_bias: self.norm_bias,
        };
        shapes.check_lengths(
            dims,
            [
                "d_weight_ih",
                "d_weight_hh",
                "d_bias_ih",
                "d_bias_hh",
                "d_weight_hr",
                "d_peepholes",
                "d_norm_gain",
                "d_norm_bias",
            ],
        )
    }
}
