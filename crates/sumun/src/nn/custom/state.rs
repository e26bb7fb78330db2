//! The states of a stack between the caller's order and that of the packed rows.

use crate::nn::RecurrentState;
use crate::{Error, Layout, Result};

/// How many states a stack has, L·D, and how wide each is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StateShape {
    pub(super) count: usize,
    pub(super) hidden: usize,
    pub(super) cell: usize,
}

/// One layer's and direction's state of the sequences that have steps, longest first.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    pub(super) hidden: Vec<f32>,
    pub(super) cell: Vec<f32>,
}

impl StateShape {
    /// The state of all sequences, zeros.
    pub(super) fn zeros(self, layout: &Layout) -> RecurrentState {
        let of = |width| vec![0.0; self.count * layout.sequences() * width];
        RecurrentState { hidden: of(self.hidden), cell: of(self.cell) }
    }

    /// Refuses a state of another shape.
    pub(super) fn check(self, what: &str, layout: &Layout, state: &RecurrentState) -> Result<()> {
        let (n, found) = (layout.sequences(), (state.hidden.len(), state.cell.len()));
        if found == (self.count * n * self.hidden, self.count * n * self.cell) {
            return Ok(());
        }
        Err(Error::Shape {
            what: what.into(),
            expected: format!(
                "hidden [{0}, {n}, {1}] and cell [{0}, {n}, {2}]",
                self.count, self.hidden, self.cell
            ),
            found: format!("{} and {} values", found.0, found.1),
        })
    }

    /// The state of one layer and direction by rank; zeros where there is none.
    pub(super) fn rank(self, layout: &Layout, state: Option<&RecurrentState>, index: usize) -> Ranked {
        let running = layout.steps().sequences();
        let of = |from: Option<&Vec<f32>>, width: usize| {
            let Some(from) = from else { return vec![0.0; running * width] };
            let mut ranked = Vec::with_capacity(running * width);
            for &sequence in &layout.order()[..running] {
                ranked.extend_from_slice(&from[(index * layout.sequences() + sequence) * width..][..width]);
            }
            ranked
        };
        Ranked {
            hidden: of(state.map(|s| &s.hidden), self.hidden),
            cell: of(state.map(|s| &s.cell), self.cell),
        }
    }

    /// Puts one layer's and direction's state back into the caller's order.
    pub(super) fn unrank(self, layout: &Layout, from: &Ranked, index: usize, to: &mut RecurrentState) {
        let running = &layout.order()[..layout.steps().sequences()];
        let parts = [(&from.hidden, &mut to.hidden, self.hidden), (&from.cell, &mut to.cell, self.cell)];
        for (from, to, width) in parts {
            for (rank, &sequence) in running.iter().enumerate() {
                let at = (index * layout.sequences() + sequence) * width;
                to[at..at + width].copy_from_slice(&from[rank * width..][..width]);
            }
        }
    }

    /// Copies the states of the sequences without steps.
    pub(super) fn pass_by(self, layout: &Layout, from: &RecurrentState, to: &mut RecurrentState) {
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
    pub(super) fn top(self, layout: &Layout, directions: usize, state: &RecurrentState) -> Vec<f32> {
        let mut rows = vec![0.0; layout.sequences() * directions * self.hidden];
        self.for_each_top(layout, directions, |row, at| {
            rows[row..row + self.hidden].copy_from_slice(&state.hidden[at..at + self.hidden]);
        });
        rows
    }

    /// Adds a gradient of [`top`](Self::top) to that of the state.
    pub(super) fn add_to_top(
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
