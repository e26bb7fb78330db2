//! The weights that a recurrence may have, one by one: their names and shapes.

use crate::words::cell::Recurrence;
use crate::words::dims::Dims;

/// A weight of a recurrence. [`ALL`](Self::ALL) has them in the order of the fields of [`Weights`](crate::Weights).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightKind {
    /// Over x, `[G·H, I]`.
    WeightIh,
    /// Over h: `[G·H, H]`, `[G·H]` where each unit reads its own h only, or not there.
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

impl WeightKind {
    /// All of them, in order.
    pub const ALL: [WeightKind; 8] = [
        WeightKind::WeightIh,
        WeightKind::WeightHh,
        WeightKind::BiasIh,
        WeightKind::BiasHh,
        WeightKind::WeightHr,
        WeightKind::Peepholes,
        WeightKind::NormGain,
        WeightKind::NormBias,
    ];

    /// PyTorch's name, or one in its manner where PyTorch has no such weight.
    pub fn name(self) -> &'static str {
        match self {
            WeightKind::WeightIh => "weight_ih",
            WeightKind::WeightHh => "weight_hh",
            WeightKind::BiasIh => "bias_ih",
            WeightKind::BiasHh => "bias_hh",
            WeightKind::WeightHr => "weight_hr",
            WeightKind::Peepholes => "weight_peephole",
            WeightKind::NormGain => "norm_weight",
            WeightKind::NormBias => "norm_bias",
        }
    }

    /// Whether it may be left out, which counts as zeros.
    pub fn is_bias(self) -> bool {
        matches!(self, WeightKind::BiasIh | WeightKind::BiasHh)
    }

    /// Its shape; `None` where a recurrence of these sizes has none.
    pub fn shape(self, dims: Dims) -> Option<Vec<usize>> {
        let (rows, columns) = self.sizes(dims)?;
        Some(std::iter::once(rows).chain(columns).collect())
    }

    /// How many numbers it has; 0 where a recurrence has none, and the largest number there is for sizes that
    /// [`check`](Dims::check) refuses because of it.
    pub fn numbers(self, dims: Dims) -> usize {
        self.sizes(dims).map_or(0, |(rows, columns)| rows.saturating_mul(columns.unwrap_or(1)))
    }

    /// Rows, and columns of a matrix.
    fn sizes(self, dims: Dims) -> Option<(usize, Option<usize>)> {
        let (spec, rows) = (dims.cell.spec(), dims.gate_rows());
        match self {
            WeightKind::WeightIh => Some((rows, Some(dims.input))),
            WeightKind::WeightHh => match spec.recurrence {
                Recurrence::Matrix => Some((rows, Some(dims.output()))),
                Recurrence::Vector => Some((rows, None)),
                Recurrence::None => None,
            },
            WeightKind::BiasIh => Some((rows, None)),
            WeightKind::BiasHh => spec.second_bias.then_some((rows, None)),
            WeightKind::WeightHr => dims.options.projection.map(|width| (width, Some(dims.hidden))),
            WeightKind::Peepholes => dims.options.peepholes.then_some((dims.hidden.saturating_mul(3), None)),
            WeightKind::NormGain | WeightKind::NormBias => {
                (dims.norm_len() > 0).then_some((dims.norm_len(), None))
            }
        }
    }
}
