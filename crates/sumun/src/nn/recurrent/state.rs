//! The states of a stack: in the caller's order at the ends, by rank within.

use sumun_kernels::{Dims, State, StateMut};

use super::Recurrent;
use crate::{Error, Layout, Result};

/// The states of a stack, in the caller's batch order: sorting by length never shows.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentState {
    /// h, `[L·D, N, H]`, or `[L·D, N, P]` with a projection; index layer·D + direction.
    pub hidden: Vec<f32>,
    /// c, `[L·D, N, H]`; empty where the cell has none.
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
    /// The last layer's final hidden states, both directions side by side, one row a sequence.
    pub(super) fn last_rows(&self, layout: &Layout, state: &RecurrentState) -> Vec<f32> {
        let (width, directions, n) =
            (self.config.state_features(), self.config.directions(), layout.sequences());
        let mut data = Vec::with_capacity(n * directions * width);
        for sequence in 0..n {
            for direction in 0..directions {
                let index = (self.config.layers - 1) * directions + direction;
                let from = (index * n + sequence) * width;
                data.extend_from_slice(&state.hidden[from..from + width]);
            }
        }
        data
    }

    /// Adds a gradient of [`last_rows`](Self::last_rows) to that of the final states.
    pub(super) fn add_to_last_state(&self, layout: &Layout, d_last: &[f32], d_state: &mut RecurrentState) {
        let (width, directions, n) =
            (self.config.state_features(), self.config.directions(), layout.sequences());
        for (place, d) in d_last.chunks_exact(width).enumerate() {
            let (sequence, direction) = (place / directions, place % directions);
            let index = (self.config.layers - 1) * directions + direction;
            let to = (index * n + sequence) * width;
            d_state.hidden[to..to + width].iter_mut().zip(d).for_each(|(to, d)| *to += d);
        }
    }

    /// The widths of h and of c; 0 where the cell has no c.
    pub(super) fn widths(&self) -> [usize; 2] {
        let has_cell = self.config.cell.cell().has_cell_state();
        [self.config.state_features(), if has_cell { self.config.hidden } else { 0 }]
    }

    pub(super) fn state_of_zeros(&self, layout: &Layout) -> RecurrentState {
        let [hidden, cell] = self.widths().map(|w| vec![0.0; self.ids.len() * layout.sequences() * w]);
        RecurrentState { hidden, cell }
    }

    /// One layer's and direction's state of the sequences that have steps, by rank.
    pub(super) fn rank(
        &self,
        layout: &Layout,
        state: Option<&RecurrentState>,
        index: usize,
    ) -> Option<Ranked> {
        let state = state?;
        let mut ranked = Ranked::zeros(self.config.dims(0), layout.steps().sequences());
        let parts = [(&state.hidden, &mut ranked.hidden), (&state.cell, &mut ranked.cell)];
        for ((from, to), width) in parts.into_iter().zip(self.widths()) {
            for (rank, to) in to.chunks_exact_mut(width.max(1)).enumerate() {
                let at = (index * layout.sequences() + layout.order()[rank]) * width;
                to.copy_from_slice(&from[at..at + width]);
            }
        }
        Some(ranked)
    }

    /// Puts one layer's and direction's state back into the caller's order.
    pub(super) fn unrank(&self, layout: &Layout, ranked: &Ranked, index: usize, state: &mut RecurrentState) {
        let parts = [(&ranked.hidden, &mut state.hidden), (&ranked.cell, &mut state.cell)];
        for ((from, to), width) in parts.into_iter().zip(self.widths()) {
            for (rank, from) in from.chunks_exact(width.max(1)).enumerate() {
                let at = (index * layout.sequences() + layout.order()[rank]) * width;
                to[at..at + width].copy_from_slice(from);
            }
        }
    }

    /// Copies the states of the sequences without steps, which no kernel sees.
    pub(super) fn pass_by(&self, layout: &Layout, from: &RecurrentState, to: &mut RecurrentState) {
        let parts = [(&from.hidden, &mut to.hidden), (&from.cell, &mut to.cell)];
        for ((from, to), width) in parts.into_iter().zip(self.widths()) {
            for &sequence in &layout.order()[layout.steps().sequences()..] {
                for index in 0..self.ids.len() {
                    let at = (index * layout.sequences() + sequence) * width;
                    to[at..at + width].copy_from_slice(&from[at..at + width]);
                }
            }
        }
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
