//! The sizes of a recurrence.

use crate::words::cell::Cell;
use crate::words::error::{Error, Sizes};
use crate::words::options::{Options, RecurrentDropout};
use crate::words::path::Path;
use crate::words::sizes::{WIDEST_PANEL, numbers};

/// The most gates of a cell, and vectors of a panel.
const MOST_GATES: usize = 4;

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

    /// Checks options and sizes: each at least 1, and no array of weights or of one row beyond what can be addressed.
    /// Everything that computes with these sizes checks them first.
    ///
    /// # Errors
    /// [`Error::Zero`], [`Error::Option`], [`Error::TooLarge`].
    pub fn check(self) -> Result<(), Error> {
        for (what, size) in [("the input size", self.input), ("the hidden size", self.hidden)] {
            if size == 0 {
                return Err(Error::Zero { what });
            }
        }
        self.options.check(self.cell)?;
        // Packed weights have whole vectors on either side, and an RNN's panels four of them.
        let padded = |size: usize| size.saturating_add(WIDEST_PANEL);
        let widest = padded(self.input.max(self.output()).max(self.hidden));
        numbers("the weights of a recurrence", [MOST_GATES, padded(self.hidden), widest])?;
        numbers("the masks of a sequence", [MOST_GATES, self.output()])?;
        Ok(())
    }

    /// Checks that a call is for this recurrence.
    pub(crate) fn expect(self, call: Self) -> Result<(), Error> {
        match self == call {
            true => Ok(()),
            false => Err(Error::Dims { call: Box::new(call.sizes()), weights: Box::new(self.sizes()) }),
        }
    }

    fn sizes(self) -> Sizes {
        Sizes { cell: self.cell.name(), input: self.input, hidden: self.hidden, output: self.output() }
    }

    /// The most numbers that any array of a pass has for one row or sequence: features, gates in whole panels, masks, or
    /// what layer normalisation keeps. Of checked sizes.
    pub(crate) fn widest(self) -> usize {
        let gates = MOST_GATES * (self.hidden + WIDEST_PANEL).max(self.output());
        // A reciprocal deviation for each of up to four groups is kept beside the normalised values.
        gates.max(self.input).max(self.norm_len() + 4)
    }

    /// The first option that a path lacks; `None` where it computes the recurrence. The reference path lacks none.
    pub fn beyond(self, path: Path) -> Option<&'static str> {
        match path {
            Path::Reference => None,
            _ => self.options.beyond(self.cell, self.cell.spec().fused),
        }
    }

    /// G·H: rows of the weight matrices; `usize::MAX` for sizes that [`check`](Self::check) refuses.
    pub fn gate_rows(self) -> usize {
        self.cell.gates().saturating_mul(self.hidden)
    }

    /// How many masks of recurrent dropout a sequence has: one for all gates or one for each, 0 without.
    pub(crate) fn recurrent_masks(self) -> usize {
        match self.options.recurrent_dropout {
            RecurrentDropout::None => 0,
            RecurrentDropout::Shared => 1,
            RecurrentDropout::PerGate => self.cell.gates(),
        }
    }

    /// The width of h: H, or P of a projection.
    pub fn output(self) -> usize {
        self.options.projection.unwrap_or(self.hidden)
    }

    /// The width of the states beside h: H for the c of an LSTM, 0 for a cell that has none.
    pub fn cell_width(self) -> usize {
        self.hidden.saturating_mul(self.cell.spec().states.len())
    }

    /// Values of `norm_gain`, and of `norm_bias`: 9H for an LSTM (the products of the input 4H and of the hidden
    /// state 4H, the cell state H), 6H for a GRU (the products of the input 3H and of the hidden state 3H), H for
    /// an RNN (the sum of both products); 0 without layer normalisation.
    pub fn norm_len(self) -> usize {
        let blocks: usize = self.cell.spec().norm.iter().sum();
        if self.options.layer_norm.is_some() { self.hidden.saturating_mul(blocks) } else { 0 }
    }
}

impl Path {
    /// Whether the path computes this cell with its options. The reference path computes all, the fused paths every
    /// plain cell and the options that [its bodies take](crate::CellSpec::fused).
    pub fn computes(self, dims: Dims) -> bool {
        dims.beyond(self).is_none()
    }
}
