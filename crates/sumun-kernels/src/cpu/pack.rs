//! Weights in the order the tiles read them.
//!
//! A *gate panel* is what one register tile computes: for an LSTM or GRU one vector of hidden units with all
//! gates of those units side by side, for an RNN four vectors of units. Rows of activations are kept panel by
//! panel, `[panel][row][4·lanes]`:
//!
//! | cell | the four vectors of a row of a panel | input side | hidden side |
//! |---|---|---|---|
//! | RNN | h of units 0.., lanes.., 2·lanes.., 3·lanes.. | all | all |
//! | LSTM | i, f, g, o | all | all |
//! | GRU | n (its input half), r, z, n's hidden half | the first three | the last three |

use crate::cpu::tile::Depth;
use crate::types::{Cell, Dims, Weights};

/// How the units of a recurrence lie in panels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) dims: Dims,
    pub(crate) lanes: usize,
    /// Gate panels in all.
    pub(crate) panels: usize,
    /// Hidden units of a full panel.
    pub(crate) units: usize,
}

/// Which weights a product is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Hidden,
}

impl Geometry {
    pub(crate) fn new(dims: Dims, lanes: usize) -> Self {
        let units = match dims.cell {
            Cell::Rnn(_) => 4 * lanes,
            Cell::Lstm | Cell::Gru(_) => lanes,
        };
        Self { dims, lanes, panels: dims.hidden.div_ceil(units), units }
    }

    /// Floats of one row of one panel.
    pub(crate) fn width(&self) -> usize {
        4 * self.lanes
    }

    /// Hidden units of this panel that exist.
    pub(crate) fn units_in(&self, panel: usize) -> usize {
        self.units.min(self.dims.hidden - panel * self.units)
    }

    /// Vectors of a panel that a side's weights feed.
    pub(crate) fn vectors(&self, panel: usize) -> usize {
        match self.dims.cell {
            Cell::Rnn(_) => self.units_in(panel).div_ceil(self.lanes),
            Cell::Lstm => 4,
            Cell::Gru(_) => 3,
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
        let (vector, lane) = (column / self.lanes, column % self.lanes);
        let (block, unit) = match self.dims.cell {
            Cell::Rnn(_) => (0, column),
            Cell::Lstm => (vector, lane),
            // PyTorch's blocks are r, z, n.
            Cell::Gru(_) => match (vector, side) {
                (0, Side::Input) | (3, Side::Hidden) => (2, lane),
                (1, _) => (0, lane),
                (2, _) => (1, lane),
                _ => return None,
            },
        };
        let unit = panel * self.units + unit;
        let inside = unit < self.dims.hidden && column < self.units.max(4 * self.lanes);
        inside.then_some(block * self.dims.hidden + unit)
    }

    /// How a product over the gates of a row (dG·U or dG·W) runs over K.
    pub(crate) fn gate_depth(&self, rows: usize) -> Depth {
        let stride = rows * self.width();
        match self.dims.cell {
            Cell::Rnn(_) => {
                let last = self.panels - 1;
                let tail = self.vectors(last) * self.lanes;
                Depth { segments: last, length: self.width(), stride, tail }
            }
            Cell::Lstm => Depth { segments: self.panels, length: self.width(), stride, tail: 0 },
            Cell::Gru(_) => Depth { segments: self.panels, length: 3 * self.lanes, stride, tail: 0 },
        }
    }

    /// Floats of the packed weights of a side with `k` columns.
    pub(crate) fn packed_len(&self, k: usize) -> usize {
        (0..self.panels).map(|p| self.vectors(p) * self.lanes * k).sum()
    }

    /// Where a panel begins in packed weights with `k` columns. Only the last panel is narrower.
    pub(crate) fn panel_start(&self, panel: usize, k: usize) -> usize {
        panel * self.vectors(0) * self.lanes * k
    }

    /// `weight` `[G·H, K]` as panels `[panel][k][vectors·lanes]`, zeros where there is no unit.
    pub(crate) fn pack_forward(&self, weight: &[f32], k: usize, side: Side, out: &mut [f32]) {
        let first = self.first_column(side);
        for panel in 0..self.panels {
            let width = self.vectors(panel) * self.lanes;
            let start = self.panel_start(panel, k);
            let out = &mut out[start..start + width * k];
            for column in 0..width {
                match self.weight_row(panel, first + column, side) {
                    Some(row) => {
                        let weight = &weight[row * k..(row + 1) * k];
                        for (out, &w) in out[column..].iter_mut().step_by(width).zip(weight) {
                            *out = w;
                        }
                    }
                    None => out[column..].iter_mut().step_by(width).for_each(|out| *out = 0.0),
                }
            }
        }
    }

    /// `weight` `[G·H, K]` as the right-hand side of dG·weight: column panels `[panel of K][gate column][…]`,
    /// gate columns in the order of [`gate_depth`](Self::gate_depth).
    pub(crate) fn pack_backward(&self, weight: &[f32], k: usize, side: Side, out: &mut [f32]) {
        let depth = self.gate_depth(0).total();
        let first = self.first_column(side);
        let columns = Columns { columns: k, lanes: self.lanes };
        for panel in 0..columns.panels() {
            let (start, width) = (columns.start(panel, depth), columns.vectors(panel) * self.lanes);
            let valid = columns.in_panel(panel);
            let out = &mut out[start..start + width * depth];
            let mut row_of_out = 0;
            for gate_panel in 0..self.panels {
                for column in 0..self.vectors(gate_panel) * self.lanes {
                    let out = &mut out[row_of_out * width..(row_of_out + 1) * width];
                    match self.weight_row(gate_panel, first + column, side) {
                        Some(row) => {
                            let from = row * k + panel * 4 * self.lanes;
                            out[..valid].copy_from_slice(&weight[from..from + valid]);
                            out[valid..].fill(0.0);
                        }
                        None => out.fill(0.0),
                    }
                    row_of_out += 1;
                }
            }
        }
    }

    /// Floats of [`pack_backward`](Self::pack_backward)'s output.
    pub(crate) fn packed_backward_len(&self, k: usize) -> usize {
        Columns { columns: k, lanes: self.lanes }.packed_len(self.gate_depth(0).total())
    }

    /// What a row of a panel starts from before anything is multiplied: the biases that simply add up, and
    /// for a GRU the hidden half's own bias. `[panel][4·lanes]`.
    pub(crate) fn pack_bias(&self, weights: &Weights<f32>, out: &mut [f32]) {
        for panel in 0..self.panels {
            for column in 0..self.width() {
                let mut sum = 0.0;
                for (side, bias) in [(Side::Input, weights.bias_input), (Side::Hidden, weights.bias_hidden)] {
                    if let Some(row) = self.weight_row(panel, column, side) {
                        sum += bias.get(row).copied().unwrap_or(0.0);
                    }
                }
                out[panel * self.width() + column] = sum;
            }
        }
    }
}

/// Plain columns in panels of up to four vectors: the right-hand side of an ordinary product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) columns: usize,
    pub(crate) lanes: usize,
}

impl Columns {
    pub(crate) fn panels(self) -> usize {
        self.columns.div_ceil(4 * self.lanes)
    }

    pub(crate) fn in_panel(self, panel: usize) -> usize {
        (4 * self.lanes).min(self.columns - panel * 4 * self.lanes)
    }

    pub(crate) fn vectors(self, panel: usize) -> usize {
        self.in_panel(panel).div_ceil(self.lanes)
    }

    pub(crate) fn start(self, panel: usize, depth: usize) -> usize {
        panel * 4 * self.lanes * depth
    }

    pub(crate) fn packed_len(self, depth: usize) -> usize {
        self.columns.div_ceil(self.lanes) * self.lanes * depth
    }

    /// `weight` `[columns, K]` packed as the right-hand side of x·weightᵀ.
    pub(crate) fn pack_transposed(self, weight: &[f32], k: usize, out: &mut [f32]) {
        for panel in 0..self.panels() {
            let (start, width) = (self.start(panel, k), self.vectors(panel) * self.lanes);
            let valid = self.in_panel(panel);
            let out = &mut out[start..start + width * k];
            for column in 0..width {
                let to = out[column..].iter_mut().step_by(width);
                if column < valid {
                    let row = panel * 4 * self.lanes + column;
                    to.zip(&weight[row * k..(row + 1) * k]).for_each(|(out, &w)| *out = w);
                } else {
                    to.for_each(|out| *out = 0.0);
                }
            }
        }
    }

    /// `weight` `[K, columns]` packed as the right-hand side of x·weight.
    pub(crate) fn pack(self, weight: &[f32], k: usize, out: &mut [f32]) {
        for panel in 0..self.panels() {
            let (start, width) = (self.start(panel, k), self.vectors(panel) * self.lanes);
            let valid = self.in_panel(panel);
            for (row, out) in out[start..start + width * k].chunks_exact_mut(width).enumerate() {
                let from = row * self.columns + panel * 4 * self.lanes;
                out[..valid].copy_from_slice(&weight[from..from + valid]);
                out[valid..].fill(0.0);
            }
        }
    }
}
