//! What a forward pass went through: gates and cell states of every row, in the order of the units.
//!
//! A pass that keeps a [`Cache`] has computed them anyway; here they are copied out of the order in which the path
//! keeps them.

use crate::cpu::pack::{Geometry, Side};
use crate::prepared::{Cache, Kept, Prepared};
use crate::types::{Cell, Error};

/// The insides of a forward pass, row by row as `x` and `out` are seen through their maps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// The activated gates by name, `[R, H]` each: i, f, g, o of an LSTM, r, z, n of a GRU, in PyTorch's order. An
    /// RNN has none: its h is what its activation answers.
    pub gates: Vec<(&'static str, Vec<f32>)>,
    /// An LSTM's cell state after each step, `[R, H]`; empty where the cell has none.
    pub cell: Vec<f32>,
}

impl Cell {
    /// The names of the gates in the order of the weights' blocks: i, f, g, o of an LSTM (g is the candidate), r, z,
    /// n of a GRU (n is the candidate), none of an RNN.
    pub fn gate_names(self) -> &'static [&'static str] {
        match self {
            Self::Rnn(_) => &[],
            Self::Lstm => &["i", "f", "g", "o"],
            Self::Gru(_) => &["r", "z", "n"],
        }
    }
}

impl Prepared {
    /// The gates and cell states of the forward pass that filled `cache`: exactly the numbers from which it computed
    /// its output. The cache stays as it is.
    ///
    /// # Errors
    /// [`Error::Cache`] for a cache that no forward pass of these sizes on this path has filled, or that a backward
    /// pass has consumed.
    pub fn trace(&self, cache: &Cache) -> Result<Trace, Error> {
        let (rows, kept) = self.kept(cache)?;
        let (names, hidden) = (self.dims().cell.gate_names(), self.dims().hidden);
        let mut trace = Trace {
            gates: names.iter().map(|&name| (name, vec![0.0; rows * hidden])).collect(),
            cell: Vec::new(),
        };
        if rows == 0 {
            return Ok(trace);
        }
        match kept {
            Kept::Reference(cache) => {
                for (block, (_, to)) in trace.gates.iter_mut().enumerate() {
                    // A fourth block lies behind a GRU's three, for backward.
                    let rows = cache.gates.chunks_exact(4 * hidden);
                    for (to, row) in to.chunks_exact_mut(hidden).zip(rows) {
                        to.copy_from_slice(&row[block * hidden..][..hidden]);
                    }
                }
                trace.cell.extend_from_slice(&cache.cell);
            }
            Kept::Fused { geometry, gates, cells } => {
                copy_panels(geometry, rows, gates, &mut trace.gates);
                trace.cell.extend_from_slice(cells);
            }
        }
        Ok(trace)
    }
}

/// Copies panels `[panel][row][width]` to one array `[R, H]` for each gate.
fn copy_panels(geometry: &Geometry, rows: usize, panels: &[f32], to: &mut [(&'static str, Vec<f32>)]) {
    if to.is_empty() {
        return;
    }
    let (hidden, lanes, width) = (geometry.dims.hidden, geometry.lanes, geometry.width());
    for (panel, of_panel) in panels.chunks_exact(rows * width).enumerate() {
        let units = geometry.units_in(panel);
        for vector in 0..width / lanes {
            // The input side has a weight for each gate, and none for the hidden half of a GRU's n.
            let Some(weight_row) = geometry.weight_row(panel, vector * lanes, Side::Input) else { continue };
            let (block, first) = (weight_row / hidden, weight_row % hidden);
            let to = to[block].1.chunks_exact_mut(hidden);
            for (to, from) in to.zip(of_panel.chunks_exact(width)) {
                to[first..first + units].copy_from_slice(&from[vector * lanes..][..units]);
            }
        }
    }
}
