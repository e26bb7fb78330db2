//! The states of a stack: in the caller's order at the ends, by rank within.

use sumun_kernels::{Dims, State, StateMut};

use super::Recurrent;
use crate::nn::state_shape::StateShape;
use crate::{Error, Layout, Result};

/// The states of a stack, in the caller's batch order: sorting by length never shows.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentState {
    /// h, `[L·D, N, H]`, or `[L·D, N, P]` with a projection; index layer·D + direction.
    pub hidden: Vec<f32>,
    /// The states beside h, `[L·D, N, H]` for a cell that has one, as the c of an LSTM; empty where it has none. Those of a
    /// cell that has several lie one after another in a row.
    pub cell: Vec<f32>,
}

/// States of one layer and direction by rank, or rows of states: so many of h and of c.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    pub(super) hidden: Vec<f32>,
    pub(super) cell: Vec<f32>,
    /// The widths of h and of c; that of c is 0 where the cell has none.
    widths: [usize; 2],
}

impl Ranked {
    pub(super) fn zeros(dims: Dims, count: usize) -> Self {
        let widths = [dims.output(), dims.cell_width()];
        let [hidden, cell] = widths.map(|width| vec![0.0; count * width]);
        Self { hidden, cell, widths }
    }

    /// The widths of h and of c.
    pub(super) fn widths(&self) -> [usize; 2] {
        self.widths
    }

    /// All of them.
    pub(super) fn all(&self) -> State<'_, f32> {
        State { hidden: &self.hidden, cell: &self.cell }
    }

    /// The first `n` of them.
    pub(super) fn view(&self, n: usize) -> State<'_, f32> {
        let [hidden, cell] = self.widths.map(|width| n * width);
        State { hidden: &self.hidden[..hidden], cell: &self.cell[..cell] }
    }

    /// As [`view`](Self::view), to write.
    pub(super) fn view_mut(&mut self, n: usize) -> StateMut<'_, f32> {
        self.rows_mut(0..n)
    }

    /// A range of them, to write.
    pub(super) fn rows_mut(&mut self, rows: std::ops::Range<usize>) -> StateMut<'_, f32> {
        let [hidden, cell] = self.widths.map(|width| rows.start * width..rows.end * width);
        StateMut { hidden: &mut self.hidden[hidden], cell: &mut self.cell[cell] }
    }

    /// The first `n` of them as states of their own.
    pub(super) fn first(&self, n: usize) -> Self {
        let State { hidden, cell } = self.view(n);
        Self { hidden: hidden.to_vec(), cell: cell.to_vec(), widths: self.widths }
    }

    /// Sets the first `n` of them to zeros.
    pub(super) fn clear(&mut self, n: usize) {
        let StateMut { hidden, cell } = self.view_mut(n);
        hidden.fill(0.0);
        cell.fill(0.0);
    }
}

impl Recurrent {
    /// How many states there are and how wide each is.
    pub(super) fn shape(&self) -> StateShape {
        let [hidden, cell] = self.widths();
        StateShape { count: self.ids.len(), hidden, cell }
    }

    /// The widths of h and of c; 0 where the cell has no c.
    pub(super) fn widths(&self) -> [usize; 2] {
        [self.config.state_features(), self.config.cell_features()]
    }

    /// One layer's and direction's state of the sequences that have steps, by rank.
    pub(super) fn rank(
        &self,
        layout: &Layout,
        state: Option<&RecurrentState>,
        index: usize,
    ) -> Option<Ranked> {
        let [hidden, cell] = self.shape().rank(layout, state?, index);
        Some(Ranked { hidden, cell, widths: self.widths() })
    }

    pub(super) fn check_state(&self, what: &str, layout: &Layout, state: &RecurrentState) -> Result<()> {
        let [hidden, cell] = self.widths().map(|w| self.ids.len() * layout.sequences() * w);
        if state.hidden.len() == hidden && state.cell.len() == cell {
            return Ok(());
        }
        Err(Error::Shape {
            what: what.into(),
            expected: format!("[{}, {}, {}]", self.ids.len(), layout.sequences(), self.widths()[0]),
            found: format!("{} hidden and {} cell values", state.hidden.len(), state.cell.len()),
        })
    }
}
