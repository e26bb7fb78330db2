//! What a forward pass computed on the way to its output: gates and cell states of every row, in the order of the units.
//!
//! A pass that keeps a [`Cache`] has computed them anyway; here they are copied out of the order in which the path
//! keeps them.

use crate::drivers::geometry::{Geometry, Side};
use crate::ops::prepared::Prepared;
use crate::ops::prepared::cache::{Cache, Kept};
use crate::words::error::length;
use crate::words::sizes::{array, numbers};
use crate::words::{Dims, Error};

/// The gates and states of a forward pass, row by row in the order in which the maps of `x` and `out` name the rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// The activated gates by name, `[R, H]` each: i, f, g, o of an LSTM, r, z, n of a GRU, in PyTorch's order. An
    /// RNN has none: its h is what its activation returns.
    pub gates: Vec<(&'static str, Vec<f32>)>,
    /// The states beside h after each step, `[R, states·H]`: the c of an LSTM; empty where the cell has none.
    pub cell: Vec<f32>,
}

impl Trace {
    /// The trace of no rows yet, with memory for so many.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and [`Error::Memory`] for more than there can be.
    pub fn with_capacity(dims: Dims, rows: usize) -> Result<Self, Error> {
        let len = numbers("a trace", [rows, dims.hidden])?;
        let states = numbers("a trace", [rows, dims.cell_width()])?;
        Ok(Self {
            gates: dims
                .cell
                .gate_names()
                .map(|name| Ok((name, array(len)?)))
                .collect::<Result<_, Error>>()?,
            cell: array(states)?,
        })
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
        let mut trace = Trace::with_capacity(self.dims(), self.kept(cache)?.0)?;
        self.trace_on(cache, &mut trace)?;
        Ok(trace)
    }

    /// As [`trace`](Self::trace), after the rows that are there: a sequence in pieces. The trace must be one
    /// [`with_capacity`](Trace::with_capacity) of these sizes.
    pub fn trace_on(&self, cache: &Cache, trace: &mut Trace) -> Result<(), Error> {
        let (rows, kept) = self.kept(cache)?;
        let hidden = self.dims().hidden;
        length("trace.gates", self.dims().cell.gate_names().len(), trace.gates.len())?;
        if rows == 0 {
            return Ok(());
        }
        match kept {
            Kept::Reference(cache) => {
                for (block, (_, to)) in trace.gates.iter_mut().enumerate() {
                    // What else backward needs follows the gates.
                    for row in cache.gates.chunks_exact(cache.gates.len() / rows) {
                        to.extend_from_slice(&row[block * hidden..][..hidden]);
                    }
                }
                trace.cell.extend_from_slice(&cache.cell);
            }
            Kept::Fused { geometry, gates, cells } => {
                append_panels(geometry, rows, gates, &mut trace.gates);
                trace.cell.extend_from_slice(cells);
            }
        }
        Ok(())
    }
}

/// Appends panels `[panel][row][width]` to one array `[R, H]` for each gate.
fn append_panels(geometry: &Geometry, rows: usize, panels: &[f32], to: &mut [(&'static str, Vec<f32>)]) {
    // Copies of a fixed length are a few instructions, not a call each.
    match geometry.lanes {
        16 => append_vectors::<16>(geometry, rows, panels, to),
        8 => append_vectors::<8>(geometry, rows, panels, to),
        _ => append_vectors::<0>(geometry, rows, panels, to),
    }
}

/// [`append_panels`] where a vector is `LANES` floats, or any number of them for 0.
fn append_vectors<const LANES: usize>(
    geometry: &Geometry,
    rows: usize,
    panels: &[f32],
    to: &mut [(&'static str, Vec<f32>)],
) {
    let (hidden, width) = (geometry.dims.hidden, geometry.width());
    for (vector, _) in geometry.dims.cell.spec().panel.iter().enumerate() {
        // The input side has a weight for each gate, and none for the hidden half of a GRU's n. An RNN shows no gates.
        let column = |panel| vector * geometry.gate_stride(panel);
        let weight_row = geometry.weight_row(0, column(0), Side::Input);
        let Some((_, to)) = weight_row.and_then(|row| to.get_mut(row / hidden)) else { continue };
        for row in 0..rows {
            for panel in 0..geometry.panels {
                let from =
                    &panels[(panel * rows + row) * width + column(panel)..][..geometry.units_in(panel)];
                match from.first_chunk::<LANES>() {
                    Some(whole) if LANES > 0 && from.len() == LANES => to.extend_from_slice(whole),
                    _ => to.extend_from_slice(from),
                }
            }
        }
    }
}
