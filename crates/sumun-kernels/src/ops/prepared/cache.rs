//! What passes keep and need: the cache between forward and backward, and scratch buffers.

use crate::drivers::geometry::Geometry;
use crate::memory::aligned::Aligned;
use crate::reference;
use crate::words::{Dims, Path, Steps};

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
    pub(super) reference: reference::Cache<f32>,
    /// The path and rows that filled it; None once consumed.
    pub(super) filled: Option<(Path, Dims, usize)>,
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
    pub(super) hidden: Vec<f32>,
    pub(super) one_step: Option<Steps>,
    /// Whether the next step takes the panels from the last to the first.
    pub(super) backwards: bool,
    /// The reference path's own, and the state before its step.
    pub(super) room: reference::Room<f32>,
    pub(super) before: Vec<f32>,
}
