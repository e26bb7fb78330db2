//! The states of recurrent layers between calls, in the caller's order, and how they get into the order of the packed rows.

use sumun_kernels::State;

use crate::{Error, Layout, Result};

/// The states of a recurrent stack, in the caller's batch order: sorting by length never shows.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentState {
    /// h, `[L·D, N, H]`, or `[L·D, N, P]` with a projection; index layer·D + direction.
    pub hidden: Vec<f32>,
    /// The states beside h, `[L·D, N, H]` for a cell that has one, as the c of an LSTM; empty where it has none. Those of a
    /// cell that has several follow one another in a row.
    pub cell: Vec<f32>,
}

/// The sizes of a recurrent layer's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateShape {
    /// L·D: layers times directions.
    pub count: usize,
    /// The width of h.
    pub hidden: usize,
    /// The width of c; 0 where the cell has none.
    pub cell: usize,
}

impl StateShape {
    /// Refuses a state of another shape; `what` is what the message calls it.
    pub(crate) fn check(self, what: &str, layout: &Layout, state: &RecurrentState) -> Result<()> {
        let (n, found) = (layout.sequences(), [state.hidden.len(), state.cell.len()]);
        if found == [self.hidden, self.cell].map(|width| self.count * n * width) {
            return Ok(());
        }
        let Self { count, hidden, cell } = self;
        let of_cell = if cell > 0 { format!(" and cell [{count}, {n}, {cell}]") } else { String::new() };
        Err(Error::Shape {
            what: what.into(),
            expected: format!("hidden [{count}, {n}, {hidden}]{of_cell}"),
            found: format!("{} hidden and {} cell values", found[0], found[1]),
        })
    }

    /// The state of all sequences, zeros.
    pub(crate) fn zeros(self, layout: &Layout) -> RecurrentState {
        let of = |width| vec![0.0; self.count * layout.sequences() * width];
        RecurrentState { hidden: of(self.hidden), cell: of(self.cell) }
    }

    /// One layer's and direction's h and c of the sequences that have steps, longest first.
    pub(crate) fn rank(self, layout: &Layout, state: &RecurrentState, index: usize) -> [Vec<f32>; 2] {
        let running = &layout.order()[..layout.steps().sequences()];
        let of = |from: &[f32], width: usize| {
            let mut ranked = Vec::with_capacity(running.len() * width);
            for &sequence in running {
                ranked.extend_from_slice(&from[(index * layout.sequences() + sequence) * width..][..width]);
            }
            ranked
        };
        [of(&state.hidden, self.hidden), of(&state.cell, self.cell)]
    }

    /// Puts one layer's and direction's state back into the caller's order.
    pub(crate) fn unrank(self, layout: &Layout, from: State<'_, f32>, index: usize, to: &mut RecurrentState) {
        let running = &layout.order()[..layout.steps().sequences()];
        let parts = [(from.hidden, &mut to.hidden, self.hidden), (from.cell, &mut to.cell, self.cell)];
        for (from, to, width) in parts {
            for (rank, &sequence) in running.iter().enumerate() {
                let at = (index * layout.sequences() + sequence) * width;
                to[at..at + width].copy_from_slice(&from[rank * width..][..width]);
            }
        }
    }

    /// Copies the states of the sequences without steps.
    pub(crate) fn pass_by(self, layout: &Layout, from: &RecurrentState, to: &mut RecurrentState) {
        let idle = &layout.order()[layout.steps().sequences()..];
        let parts = [(&from.hidden, &mut to.hidden, self.hidden), (&from.cell, &mut to.cell, self.cell)];
        for (from, to, width) in parts {
            for &sequence in idle {
                for index in 0..self.count {
                    let at = (index * layout.sequences() + sequence) * width;
                    to[at..at + width].copy_from_slice(&from[at..at + width]);
                }
            }
        }
    }

    /// The hidden states of the top layer, all directions side by side, one row a sequence: `[N, D·H]`.
    pub(crate) fn top(self, layout: &Layout, directions: usize, state: &RecurrentState) -> Vec<f32> {
        let mut rows = vec![0.0; layout.sequences() * directions * self.hidden];
        self.for_each_top(layout, directions, |row, at| {
            rows[row..row + self.hidden].copy_from_slice(&state.hidden[at..at + self.hidden]);
        });
        rows
    }

    /// Adds a gradient of [`top`](Self::top) to that of the state.
    pub(crate) fn add_to_top(
        self,
        layout: &Layout,
        directions: usize,
        d: &[f32],
        state: &mut RecurrentState,
    ) {
        self.for_each_top(layout, directions, |row, at| {
            let to = &mut state.hidden[at..at + self.hidden];
            to.iter_mut().zip(&d[row..row + self.hidden]).for_each(|(to, d)| *to += d);
        });
    }

    fn for_each_top(self, layout: &Layout, directions: usize, mut visit: impl FnMut(usize, usize)) {
        let n = layout.sequences();
        for sequence in 0..n {
            for direction in 0..directions {
                let index = self.count - directions + direction;
                visit(
                    (sequence * directions + direction) * self.hidden,
                    (index * n + sequence) * self.hidden,
                );
            }
        }
    }
}
