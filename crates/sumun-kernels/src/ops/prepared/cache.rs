//! What passes keep and need: the cache between forward and backward, and scratch buffers.

use crate::drivers::geometry::Geometry;
use crate::drivers::norm::{Norm, sums_len};
use crate::drivers::rounded::RoundedMemory;
use crate::memory::aligned::Aligned;
use crate::reference;
use crate::words::sizes::numbers;
use crate::words::{Dims, Error, Path, Steps};

/// What a forward pass keeps for its backward pass, which consumes it. The memory may be used again.
#[derive(Debug, Default)]
pub struct Cache {
    pub(super) gates: Aligned,
    pub(super) cells: Aligned,
    /// What the second product of a step of two phases is over, `[R, H]`.
    pub(super) inner: Aligned,
    /// Backward's own: the gradient of a projected h', `[R, P]`, and that of a step's inner rows, `[N, H]`.
    pub(super) d_projected: Aligned,
    pub(super) d_inner: Aligned,
    /// With the masks of recurrent dropout: what the gates saw of h before every row, `[masks][R][P]`, and backward's memory for
    /// the gradient of that, `[N, P]`.
    pub(super) seen: Aligned,
    pub(super) d_seen: Aligned,
    /// With peepholes: what their gradients are the sums of, `[R, 3H]`.
    pub(super) peeped: Aligned,
    pub(super) norm: NormMemory,
    /// Backward's own: the gradients of gates, rounded, of a step and of a chunk of steps, and a row of them before that.
    pub(super) rounded: [RoundedMemory; 2],
    pub(super) gathered: Aligned,
    /// What rounded gradients of weights are products with.
    pub(super) paired: Aligned,
    pub(super) reference: reference::Cache<f32>,
    /// The path and sizes of the pass that filled it; None once consumed.
    filled: Option<(Path, Dims)>,
    /// The batch sizes of its steps.
    batch_sizes: Vec<usize>,
    rows: usize,
    /// Which masks the pass had: those of recurrent dropout, through which it saw h, and both of zoneout.
    masked: [bool; 3],
}

impl Cache {
    /// Nothing is kept until a pass has run.
    pub(super) fn clear(&mut self) {
        self.filled = None;
    }

    /// It keeps what a pass over these steps computed.
    pub(super) fn fill(&mut self, path: Path, dims: Dims, steps: &Steps, masked: [bool; 3]) {
        self.batch_sizes.clear();
        self.batch_sizes.extend_from_slice(steps.batch_sizes());
        (self.filled, self.rows, self.masked) = (Some((path, dims)), steps.rows(), masked);
    }

    /// Consumes what it keeps, which must be of a pass over these steps, with such masks or without.
    pub(super) fn consume(
        &mut self,
        path: Path,
        dims: Dims,
        steps: &Steps,
        masked: [bool; 3],
    ) -> Result<(), Error> {
        let same = self.batch_sizes == steps.batch_sizes() && self.masked == masked;
        match self.filled.take() {
            Some(filled) if filled == (path, dims) && same => Ok(()),
            _ => Err(Error::Cache),
        }
    }

    /// The rows of the pass, if it was one of this path and sizes.
    pub(super) fn rows(&self, path: Path, dims: Dims) -> Result<usize, Error> {
        if self.filled == Some((path, dims)) { Ok(self.rows) } else { Err(Error::Cache) }
    }
}

/// The arrays of layer normalisation, as [`Norm`] names them.
#[derive(Debug, Default)]
pub(super) struct NormMemory {
    values: Aligned,
    scales: Aligned,
    shown: Aligned,
    d_bias: Aligned,
    d_gain: Aligned,
    pub(super) sums: Aligned,
}

impl NormMemory {
    /// Has a forward pass use it, for so many rows that are kept, or ranks of one step.
    pub(super) fn forward(
        &mut self,
        norm: &mut Norm,
        dims: Dims,
        rows: usize,
        ranks: usize,
    ) -> Result<(), Error> {
        self.values.resize(numbers("normalised values", [rows, dims.norm_len()])?)?;
        self.scales.resize(rows * dims.cell.spec().norm.len())?;
        self.shown.resize(numbers("normalised values", [ranks, dims.norm_len()])?)?;
        (norm.values, norm.scales) = (self.values.as_mut_ptr(), self.scales.as_mut_ptr());
        norm.shown = self.shown.as_mut_ptr();
        Ok(())
    }

    /// Has a backward pass use what a forward pass over so many rows left.
    pub(super) fn backward(
        &mut self,
        norm: &mut Norm,
        dims: Dims,
        rows: usize,
        ranks: usize,
    ) -> Result<(), Error> {
        self.forward(norm, dims, rows, ranks)?;
        self.d_bias.resize(self.shown.len())?;
        self.d_gain.resize(self.shown.len())?;
        self.sums.resize(numbers("what gradients are sums of", [3, sums_len(dims, rows)])?)?;
        (norm.sums, norm.rows) = (self.sums.as_mut_ptr(), rows);
        (norm.d_bias, norm.d_gain) = (self.d_bias.as_mut_ptr(), self.d_gain.as_mut_ptr());
        Ok(())
    }
}

/// What a forward pass kept, as its path keeps it.
pub(crate) enum Kept<'a> {
    Reference(&'a reference::Cache<f32>),
    /// Gates `[panel][row][width]`, and the cell states of an LSTM, `[R, H]`.
    Fused {
        geometry: &'a Geometry,
        gates: &'a [f32],
        cells: &'a [f32],
    },
}

/// Memory that calls need for a while. It grows to what the largest call needs and is used again.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) gates: Aligned,
    pub(super) inner: Aligned,
    /// With the masks of recurrent dropout: what the gates see of h in a step, `[masks][N][P]`, where no cache keeps it, and the
    /// sums of a gate's own product, `[N, H]`.
    pub(super) seen: Aligned,
    pub(super) sums: Aligned,
    pub(super) norm: NormMemory,
    /// Rows of x and of h, rounded.
    pub(super) rounded: [RoundedMemory; 2],
    pub(super) hidden: Vec<f32>,
    pub(super) one_step: Option<Steps>,
    /// Whether the next step takes the panels from the last to the first.
    pub(super) backwards: bool,
    /// The reference path's own, and the state before its step.
    pub(super) reference: reference::Scratch<f32>,
    pub(super) before: Vec<f32>,
}
