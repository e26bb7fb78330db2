//! The states of a layer, by name.

use ndarray::{Array, Ix3};

use super::axes::Axes;

/// The state of an [`Rnn`](super::Rnn) or [`Gru`](super::Gru), or the gradient of one.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenState<D: Axes = Ix3> {
    /// h, `[L·D, N, H]`, or `[L·D, H]` unbatched; index layer·D + direction. Its N is in the caller's batch order
    /// and never comes first, however the input lies.
    pub hidden: Array<f32, D>,
}

/// The state of an [`Lstm`](super::Lstm), or the gradient of one.
#[derive(Debug, Clone, PartialEq)]
pub struct LstmState<D: Axes = Ix3> {
    /// h, `[L·D, N, H]`, or `[L·D, H]` unbatched; P wide with a projection. Index layer·D + direction. Its N is in
    /// the caller's batch order and never comes first, however the input lies.
    pub hidden: Array<f32, D>,
    /// c, as `hidden`; always H wide.
    pub cell: Array<f32, D>,
}

/// A state as its arrays.
pub(super) trait Parts<D: Axes>: Sized {
    /// Each array with its name.
    fn parts(&self) -> impl Iterator<Item = (&'static str, &Array<f32, D>)>;

    /// The state of these arrays; `cell` is empty where the cell has none.
    fn of(hidden: Array<f32, D>, cell: Array<f32, D>) -> Self;
}

impl<D: Axes> Parts<D> for HiddenState<D> {
    fn parts(&self) -> impl Iterator<Item = (&'static str, &Array<f32, D>)> {
        [("hidden", &self.hidden)].into_iter()
    }

    fn of(hidden: Array<f32, D>, _: Array<f32, D>) -> Self {
        Self { hidden }
    }
}

impl<D: Axes> Parts<D> for LstmState<D> {
    fn parts(&self) -> impl Iterator<Item = (&'static str, &Array<f32, D>)> {
        [("hidden", &self.hidden), ("cell", &self.cell)].into_iter()
    }

    fn of(hidden: Array<f32, D>, cell: Array<f32, D>) -> Self {
        Self { hidden, cell }
    }
}
