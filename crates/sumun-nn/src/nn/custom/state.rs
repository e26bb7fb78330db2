//! The states of one layer and direction, and which states of a stack are refused.

use sumun_kernels::State;

use crate::state::{RecurrentState, StateShape};
use crate::{Error, Layout, Result};

/// One layer's and direction's state of the sequences that have steps, longest first.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    pub(super) hidden: Vec<f32>,
    pub(super) cell: Vec<f32>,
}

impl Ranked {
    /// That of a stack's state, or zeros.
    pub(super) fn of(
        shape: StateShape,
        layout: &Layout,
        state: Option<&RecurrentState>,
        index: usize,
    ) -> Self {
        let [hidden, cell] = match state {
            Some(state) => shape.rank(layout, state, index),
            None => [shape.hidden, shape.cell].map(|width| vec![0.0; layout.steps().sequences() * width]),
        };
        Self { hidden, cell }
    }

    pub(super) fn view(&self) -> State<'_, f32> {
        State { hidden: &self.hidden, cell: &self.cell }
    }
}

/// Refuses a state of another shape.
pub(super) fn check(shape: StateShape, what: &str, layout: &Layout, state: &RecurrentState) -> Result<()> {
    let (n, found) = (layout.sequences(), (state.hidden.len(), state.cell.len()));
    if found == (shape.count * n * shape.hidden, shape.count * n * shape.cell) {
        return Ok(());
    }
    Err(Error::Shape {
        what: what.into(),
        expected: format!(
            "hidden [{0}, {n}, {1}] and cell [{0}, {n}, {2}]",
            shape.count, shape.hidden, shape.cell
        ),
        found: format!("{} and {} values", found.0, found.1),
    })
}
