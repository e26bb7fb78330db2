//! The sizes of a recurrence.

use crate::words::cell::Cell;
use crate::words::options::Options;

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
