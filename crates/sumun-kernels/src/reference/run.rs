//! What the cells' equations are run with: checked arguments, the cache, scratch buffers.

use super::norm;
use crate::words::error::length;
use crate::words::sizes::resize;
use crate::words::{Dims, Error, Gradients, Masks, Real, State, StateMut, Steps, Weights};

/// What [`forward`](super::forward) keeps for [`backward`](super::backward): row-major, one row per packed row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cache<F> {
    /// LSTM: the activated gates i, f, g, o, `[R, 4H]`. GRU: r, z, n and a fourth block, `[R, 4H]`, which is
    /// W_hn h + b_hn with the reset after the product and r ⊙ h with the reset before it. RNN: empty.
    pub gates: Vec<F>,
    /// The states beside h of every row, `[R, states·H]`: the c of an LSTM, after zoneout. Otherwise empty.
    pub cell: Vec<F>,
    /// What the activation functions were applied to, before the clip, `[R, G·H]`.
    pub pre_activations: Vec<F>,
    /// With layer normalisation: the normalised values x̂ of every group and then 1/√(σ² + ε) of each group, a
    /// row each. Otherwise empty.
    pub norm: Vec<F>,
}

/// A cell's equations.
pub(super) trait Equations {
    /// Values of [`Cache::gates`] for a row and unit.
    const KEPT: usize;

    /// The states of every row. `run.state` holds the initial state and is moved on in place.
    fn forward<F: Real>(run: Forward<F>);

    /// The gradients, from the last step to the first. `run.d_state` holds the gradient of the final state and is moved back
    /// in place until it is that of the initial state.
    fn backward<F: Real>(run: Backward<F>);
}

impl<F: Real> Cache<F> {
    /// The lengths of `gates`, `cell`, `pre_activations` and `norm` for `rows` packed rows, of a cell that keeps so
    /// many gates.
    fn lengths(dims: Dims, kept: usize, rows: usize) -> [usize; 4] {
        [kept * dims.hidden, dims.cell_width(), dims.gate_rows(), norm::record_width(dims)]
            .map(|width| rows * width)
    }

    /// Makes the cache large enough for `rows` packed rows; values that are there stay until they are overwritten.
    pub(super) fn resize(&mut self, dims: Dims, kept: usize, rows: usize) -> Result<(), Error> {
        let parts = [&mut self.gates, &mut self.cell, &mut self.pre_activations, &mut self.norm];
        parts
            .into_iter()
            .zip(Self::lengths(dims, kept, rows))
            .try_for_each(|(part, length)| resize(part, length))
    }

    pub(super) fn check(&self, dims: Dims, kept: usize, rows: usize) -> Result<(), Error> {
        let [gates, cell, pre_activations, norm] = Self::lengths(dims, kept, rows);
        length("cache.gates", gates, self.gates.len())?;
        length("cache.cell", cell, self.cell.len())?;
        length("cache.pre_activations", pre_activations, self.pre_activations.len())?;
        length("cache.norm", norm, self.norm.len())
    }
}

/// The checked arguments of a cell's forward run.
pub(super) struct Forward<'a, F> {
    pub(super) dims: Dims,
    pub(super) weights: &'a Weights<'a, F>,
    pub(super) masks: &'a Masks<'a, F>,
    pub(super) steps: &'a Steps,
    pub(super) x: &'a [F],
    pub(super) out: &'a mut [F],
    /// The initial state at first; a rank's state after its own last step in the end.
    pub(super) state: StateMut<'a, F>,
    pub(super) cache: Option<&'a mut Cache<F>>,
    pub(super) scratch: &'a mut Scratch<F>,
}

/// Scratch buffers of a forward run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch<F>(Vec<F>);

impl<F: Real> Scratch<F> {
    /// Arrays of these sizes, of zeros.
    pub(super) fn arrays<const K: usize>(&mut self, sizes: [usize; K]) -> [&mut [F]; K] {
        self.0.clear();
        self.0.resize(sizes.iter().sum(), F::ZERO);
        let mut rest = self.0.as_mut_slice();
        sizes.map(|size| rest.split_off_mut(..size).expect("the buffer is as long as all sizes"))
    }
}

/// The checked arguments of a cell's backward run.
pub(super) struct Backward<'a, F> {
    pub(super) dims: Dims,
    pub(super) weights: &'a Weights<'a, F>,
    pub(super) masks: &'a Masks<'a, F>,
    pub(super) steps: &'a Steps,
    pub(super) x: &'a [F],
    pub(super) initial: State<'a, F>,
    pub(super) out: &'a [F],
    pub(super) cache: &'a Cache<F>,
    pub(super) d_out: &'a [F],
    /// Zeros at first; gradients are added.
    pub(super) d_x: Option<&'a mut [F]>,
    /// The gradient of the final state at first. A rank's values are untouched until its own last step, so that
    /// a shorter sequence starts from its final state's gradient; in the end it is that of the initial state.
    pub(super) d_state: StateMut<'a, F>,
    pub(super) into: Gradients<'a, F>,
    /// Where the gradients of the states after every step go, where they are wanted.
    pub(super) by_step: Option<StateMut<'a, F>>,
}

/// Writes down the gradients of the states after row `r`: what came back from the step after it, and for h the gradient
/// of the output.
pub(super) fn write_down<F: Real>(
    by_step: &mut Option<StateMut<F>>,
    r: usize,
    d_h: &[F],
    d_out: &[F],
    d_c: &[F],
) {
    let Some(by_step) = by_step else { return };
    let width = d_h.len();
    for (k, to) in by_step.hidden[r * width..][..width].iter_mut().enumerate() {
        *to = d_h[k] + d_out[r * width + k];
    }
    by_step.cell[r * d_c.len()..][..d_c.len()].copy_from_slice(d_c);
}

/// Row `index` of a row-major array that is `width` wide.
pub(super) fn row<F>(values: &[F], index: usize, width: usize) -> &[F] {
    &values[index * width..][..width]
}

/// The state that rank `n` had before step `t`: its row at the step before, or its initial state.
pub(super) fn before<'a, F>(
    rows: &'a [F],
    initial: &'a [F],
    steps: &Steps,
    t: usize,
    n: usize,
    width: usize,
) -> &'a [F] {
    match t.checked_sub(1) {
        Some(previous) => row(rows, steps.offset(previous) + n, width),
        None => row(initial, n, width),
    }
}
