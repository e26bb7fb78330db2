//! The weights that a recurrence may have, one by one: their names and shapes.

use crate::words::cell::Recurrence;
use crate::words::dims::Dims;

/// A weight of a recurrence. [`ALL`](Self::ALL) has them in the order of the fields of [`Weights`](crate::Weights).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Over x, `[G·H, I]`.
    WeightIh,
    /// Over h: `[G·H, H]`, `[G·H]` where each unit sees its own h alone, or not there.
    WeightHh,
    /// `[G·H]`.
    BiasIh,
    /// `[G·H]`, of a cell that may have two biases.
    BiasHh,
    /// Of a projection, `[P, H]`.
    WeightHr,
    /// Of peepholes, `[3H]`.
    Peepholes,
    /// The gains of layer normalisation.
    NormGain,
    /// The biases of layer normalisation.
    NormBias,
}

impl Part {
    /// All of them, in order.
    pub const ALL: [Part; 8] = [
        Part::WeightIh,
        Part::WeightHh,
        Part::BiasIh,
        Part::BiasHh,
        Part::WeightHr,
        Part::Peepholes,
        Part::NormGain,
        Part::NormBias,
    ];

    /// PyTorch's name, or one in its manner where PyTorch has no such weight.
    pub fn name(self) -> &'static str {
        match self {
            Part::WeightIh => "weight_ih",
            Part::WeightHh => "weight_hh",
            Part::BiasIh => "bias_ih",
            Part::BiasHh => "bias_hh",
            Part::WeightHr => "weight_hr",
            Part::Peepholes => "weight_peephole",
            Part::NormGain => "norm_weight",
            Part::NormBias => "norm_bias",
        }
    }

    /// Whether it may be left out, which counts as zeros.
    pub fn is_bias(self) -> bool {
        matches!(self, Part::BiasIh | Part::BiasHh)
    }

    /// Its shape; `None` where a recurrence of these sizes has none.
    pub fn shape(self, dims: Dims) -> Option<Vec<usize>> {
        let (rows, columns) = self.sizes(dims)?;
        Some(std::iter::once(rows).chain(columns).collect())
    }

    /// How many numbers it has, for sizes that [can be](Dims::check); 0 where a recurrence has none.
    pub fn numbers(self, dims: Dims) -> usize {
        self.sizes(dims).map_or(0, |(rows, columns)| rows * columns.unwrap_or(1))
    }

    /// Rows, and columns of a matrix.
    fn sizes(self, dims: Dims) -> Option<(usize, Option<usize>)> {
        let (spec, rows) = (dims.cell.spec(), dims.gate_rows());
        match self {
            Part::WeightIh => Some((rows, Some(dims.input))),
            Part::WeightHh => match spec.recurrence {
                Recurrence::Matrix => Some((rows, Some(dims.output()))),
                Recurrence::Vector => Some((rows, None)),
                Recurrence::None => None,
            },
            Part::BiasIh => Some((rows, None)),
            Part::BiasHh => spec.second_bias.then_some((rows, None)),
            Part::WeightHr => dims.options.projection.map(|width| (width, Some(dims.hidden))),
            Part::Peepholes => dims.options.peepholes.then_some((3 * dims.hidden, None)),
            Part::NormGain | Part::NormBias => (dims.norm_len() > 0).then_some((dims.norm_len(), None)),
        }
    }
}
