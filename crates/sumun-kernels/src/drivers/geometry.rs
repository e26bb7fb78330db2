//! How the units of a recurrence lie in panels.
//!
//! A *gate panel* is what one register tile computes: for an LSTM or GRU one vector of hidden units with all
//! gates of those units side by side, for an RNN four vectors of units. Rows of activations are kept panel by
//! panel, `[panel][row][width]`:
//!
//! | cell | the vectors of a row of a panel | input side | hidden side | reset side |
//! |---|---|---|---|---|
//! | RNN | h of units 0.., lanes.., 2·lanes.., 3·lanes.. | all | all | |
//! | LSTM | i, f, g, o; side by side without gaps in the last panel | all | all | |
//! | GRU, reset after | n (its input half), r, z, n's hidden half | the first three | the last three | |
//! | GRU, reset before | n, r, z | all | the last two | the first |

use crate::bodies::tile::Depth;
use crate::words::{Cell, Dims, Reset};

/// How the units of a recurrence lie in panels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) dims: Dims,
    pub(crate) lanes: usize,
    /// Gate panels in all.
    pub(crate) panels: usize,
    /// Hidden units of a full panel.
    pub(crate) units: usize,
    /// [`gate_stride`](Self::gate_stride) of the last panel, and the vectors of an LSTM or RNN there.
    last: (usize, usize),
}

/// Which weights a product is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// `weight_ih`, over x.
    Input,
    /// `weight_hh`, over h.
    Hidden,
    /// The block n of `weight_hh` where it is over r ⊙ h.
    Reset,
}

impl Geometry {
    pub(crate) fn new(dims: Dims, lanes: usize) -> Self {
        let units = match dims.cell {
            Cell::Rnn(_) => 4 * lanes,
            Cell::Lstm | Cell::Gru(_) => lanes,
        };
        let panels = dims.hidden.div_ceil(units);
        let units_of_last = dims.hidden - panels.saturating_sub(1) * units;
        let last = match dims.cell {
            Cell::Lstm => {
                let stride = units_of_last.next_multiple_of(lanes / 4);
                (stride, 4 * stride / lanes)
            }
            Cell::Gru(_) | Cell::Rnn(_) => (lanes, units_of_last.div_ceil(lanes)),
        };
        Self { dims, lanes, panels, units, last }
    }

    /// Floats of one row of one panel.
    pub(crate) fn width(&self) -> usize {
        match self.dims.cell {
            Cell::Gru(Reset::Before) => 3 * self.lanes,
            _ => 4 * self.lanes,
        }
    }

    /// Whether a step ends in a second product, over rows `[H]` that its panels leave: o ⊙ tanh(c') with a
    /// projection, r ⊙ h with the reset before the product.
    pub(crate) fn two_phases(&self) -> bool {
        self.dims.options.projection.is_some() || self.dims.cell == Cell::Gru(Reset::Before)
    }

    /// Hidden units of this panel that exist.
    pub(crate) fn units_in(&self, panel: usize) -> usize {
        self.units.min(self.dims.hidden - panel * self.units)
    }

    /// Floats from one gate of a row of this panel to the next: a vector, and in an LSTM's last panel only as many as its
    /// units need for all four to be whole vectors. Four units of 100 take one vector instead of four.
    #[inline(always)]
    pub(crate) fn gate_stride(&self, panel: usize) -> usize {
        if panel + 1 == self.panels { self.last.0 } else { self.lanes }
    }

    /// Vectors of a panel that a side's weights feed.
    #[inline(always)]
    pub(crate) fn vectors(&self, panel: usize, side: Side) -> usize {
        match self.dims.cell {
            Cell::Rnn(_) | Cell::Lstm if panel + 1 == self.panels && side != Side::Reset => self.last.1,
            _ => self.whole_vectors(side),
        }
    }

    /// [`vectors`](Self::vectors) of a panel that is not the last.
    #[inline(always)]
    fn whole_vectors(&self, side: Side) -> usize {
        match (self.dims.cell, side) {
            (Cell::Gru(Reset::Before), Side::Reset) => 1,
            (Cell::Gru(Reset::Before), Side::Hidden) => 2,
            (_, Side::Reset) => 0,
            (Cell::Rnn(_) | Cell::Lstm, _) => 4,
            (Cell::Gru(_), _) => 3,
        }
    }

    /// The first column of a side's vectors in a row of a panel.
    pub(crate) fn first_column(&self, side: Side) -> usize {
        match (self.dims.cell, side) {
            (Cell::Gru(_), Side::Hidden) => self.lanes,
            _ => 0,
        }
    }

    /// The weight row (PyTorch's order) behind a column of a row of a panel; None for padding, or where the
    /// side has no such column.
    pub(crate) fn weight_row(&self, panel: usize, column: usize, side: Side) -> Option<usize> {
        let (vector, lane) = (column / self.gate_stride(panel), column % self.gate_stride(panel));
        let (block, unit) = match (self.dims.cell, side) {
            (Cell::Gru(reset), _) => match (vector, side, reset) {
                // PyTorch's blocks are r, z, n.
                (0, Side::Input, _) | (3, Side::Hidden, Reset::After) | (0, Side::Reset, Reset::Before) => {
                    (2, lane)
                }
                (1 | 2, Side::Input | Side::Hidden, _) => (vector - 1, lane),
                _ => return None,
            },
            (_, Side::Reset) => return None,
            (Cell::Rnn(_), _) => (0, column),
            (Cell::Lstm, _) if vector >= 4 => return None,
            (Cell::Lstm, _) => (vector, lane),
        };
        let unit = panel * self.units + unit;
        (unit < self.dims.hidden).then_some(block * self.dims.hidden + unit)
    }

    /// The columns of a panel that a side has, gate by gate: the first one, the weight row behind it, and how many follow
    /// one another.
    pub(crate) fn gates(&self, panel: usize, side: Side) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.width() / self.lanes).filter_map(move |gate| {
            let column = gate * self.gate_stride(panel);
            let row = self.weight_row(panel, column, side)?;
            Some((column, row, self.lanes.min(self.dims.hidden - row % self.dims.hidden)))
        })
    }

    /// How a product over a side's gates of a row (dG·U or dG·W) runs over K. Only the last panel may have fewer units, of
    /// which it takes no more than there are.
    pub(crate) fn gate_depth(&self, rows: usize, side: Side) -> Depth {
        let (last, gates) = (self.panels - 1, self.whole_vectors(side));
        let (units, tail_stride) = (self.units_in(last), self.gate_stride(last));
        let (tails, tail) = match self.dims.cell {
            Cell::Rnn(_) => (1, units),
            _ if units == tail_stride => (1, gates * units),
            _ => (gates, units),
        };
        let (length, stride) = (gates * self.lanes, rows * self.width());
        Depth { segments: last, length, stride, tails, tail, tail_stride }
    }

    /// Floats of the packed weights of a side with `k` columns.
    pub(crate) fn packed_len(&self, k: usize, side: Side) -> usize {
        (0..self.panels).map(|p| self.vectors(p, side) * self.lanes * k).sum()
    }

    /// Where a panel begins in packed weights of a side with `k` columns.
    #[inline(always)]
    pub(crate) fn panel_start(&self, panel: usize, k: usize, side: Side) -> usize {
        panel * self.whole_vectors(side) * self.lanes * k
    }

    /// Floats of [`pack_backward`](Self::pack_backward)'s output.
    pub(crate) fn packed_backward_len(&self, k: usize, side: Side) -> usize {
        Columns { columns: k, lanes: self.lanes }.packed_len(self.gate_depth(0, side).total())
    }
}

/// Plain columns in panels of up to four vectors: the right-hand side of an ordinary product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) columns: usize,
    pub(crate) lanes: usize,
}

impl Columns {
    fn all_vectors(self) -> usize {
        self.columns.div_ceil(self.lanes)
    }

    pub(crate) fn panels(self) -> usize {
        self.all_vectors().div_ceil(4)
    }

    /// The vectors before a panel. Panels are as alike as can be, since a tile of one vector takes as many loads as
    /// multiply-adds: thirteen vectors are 4, 3, 3, 3.
    fn vectors_before(self, panel: usize) -> usize {
        let (all, panels) = (self.all_vectors(), self.panels());
        panel * (all / panels) + panel.min(all % panels)
    }

    pub(crate) fn vectors(self, panel: usize) -> usize {
        self.vectors_before(panel + 1) - self.vectors_before(panel)
    }

    pub(crate) fn width(self, panel: usize) -> usize {
        self.vectors(panel) * self.lanes
    }

    pub(crate) fn first_column(self, panel: usize) -> usize {
        self.vectors_before(panel) * self.lanes
    }

    /// Columns of a panel that exist.
    pub(crate) fn in_panel(self, panel: usize) -> usize {
        self.columns.min(self.first_column(panel + 1)) - self.first_column(panel)
    }

    pub(crate) fn start(self, panel: usize, depth: usize) -> usize {
        self.first_column(panel) * depth
    }

    pub(crate) fn packed_len(self, depth: usize) -> usize {
        self.all_vectors() * self.lanes * depth
    }
}
