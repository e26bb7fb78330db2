//! The equations, forward and backward, as they are written: slow, plain, generic over `f32` and `f64`.
//!
//! This is the judge: every faster path is held against it, and it is itself held against central differences
//! and PyTorch. Use it for `f64` and for cells that no fused path computes; train on a fused path.
//!
//! ```
//! use sumun_kernels::reference::{Cache, backward, forward};
//! use sumun_kernels::{Cell, Dims, Gradients, Nonlinearity, StateMut, Steps, Weights};
//!
//! // Two sequences of one feature, of two steps and of one, through one tanh unit.
//! let dims = Dims { cell: Cell::Rnn(Nonlinearity::Tanh), input: 1, hidden: 1 };
//! let weights = Weights { input: &[0.5], hidden: &[1.0], bias_input: &[], bias_hidden: &[] };
//! let steps = Steps::new(vec![2, 1])?;
//! let x = [1.0, -1.0, 2.0];
//! let (mut out, mut last, mut cache) = ([0.0; 3], [0.0; 2], Cache::default());
//! let state = StateMut { hidden: &mut last, cell: &mut [] };
//! forward(dims, &weights, &steps, &x, None, &mut out, state, Some(&mut cache))?;
//! assert_eq!(out[2], f64::tanh(0.5 * 2.0 + out[0]));
//! assert_eq!(last, [out[2], out[1]]); // Each sequence ends at its own last step.
//!
//! let (mut d_x, mut d_h, mut d_w, mut d_u) = ([0.0; 3], [0.0; 2], [0.0], [0.0]);
//! let d_initial = StateMut { hidden: &mut d_h, cell: &mut [] };
//! let into = Gradients { input: &mut d_w, hidden: &mut d_u, bias_input: &mut [], bias_hidden: &mut [] };
//! let d_out = [0.0, 0.0, 1.0]; // The gradient of out[2] alone.
//! backward(dims, &weights, &steps, &x, None, &out, &cache, &d_out, None, Some(&mut d_x), d_initial, into)?;
//! assert_eq!(d_x[2], (1.0 - out[2] * out[2]) * 0.5);
//! # Ok::<(), sumun_kernels::Error>(())
//! ```

mod gru;
mod linear;
mod lstm;
mod rnn;
#[cfg(test)]
mod tests;

use crate::types::{length, length_or_empty};
use crate::{Cell, Dims, Error, Gradients, Real, State, StateMut, Steps, Weights};

/// What [`forward`] keeps for [`backward`]: row-major, one row per packed row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cache<F> {
    /// LSTM: the activated gates i, f, g, o, `[R, 4H]`. GRU: r, z, n and a fourth block, `[R, 4H]`, which is
    /// W_hn h + b_hn with the reset after the product and r ⊙ h with the reset before it. RNN: empty.
    pub gates: Vec<F>,
    /// LSTM: the cell state c of every row, `[R, H]`. Otherwise empty.
    pub cell: Vec<F>,
}

impl<F: Real> Cache<F> {
    /// The lengths of `gates` and `cell` for `rows` packed rows.
    fn lengths(dims: Dims, rows: usize) -> (usize, usize) {
        match dims.cell {
            Cell::Rnn(_) => (0, 0),
            Cell::Lstm => (rows * 4 * dims.hidden, rows * dims.hidden),
            Cell::Gru(_) => (rows * 4 * dims.hidden, 0),
        }
    }

    /// Makes room for `rows` packed rows; values that are there stay until they are overwritten.
    fn resize(&mut self, dims: Dims, rows: usize) {
        let (gates, cell) = Self::lengths(dims, rows);
        self.gates.resize(gates, F::ZERO);
        self.cell.resize(cell, F::ZERO);
    }
}

/// Runs a recurrence over packed rows.
///
/// `x` is `[R, I]`; `initial` is the state before the first step, `[N, H]` in rank order, zeros where it is
/// `None`. Writes the hidden state of every row to `out`, `[R, H]`, and to `last`, `[N, H]`, the state of each
/// rank at its own last step. `cache` is resized and filled where it is given; [`backward`] needs it.
///
/// # Errors
/// [`Error::Zero`] for no input feature or no hidden unit, [`Error::Length`] for a slice that does not fit.
pub fn forward<F: Real>(
    dims: Dims,
    weights: &Weights<F>,
    steps: &Steps,
    x: &[F],
    initial: Option<State<F>>,
    out: &mut [F],
    mut last: StateMut<F>,
    mut cache: Option<&mut Cache<F>>,
) -> Result<(), Error> {
    check_shapes(dims, weights, steps, x, initial)?;
    length("out", steps.rows() * dims.hidden, out.len())?;
    check_state(dims, steps, ["last.hidden", "last.cell"], last.hidden, last.cell)?;
    start(&mut last, initial);
    if let Some(cache) = cache.as_deref_mut() {
        cache.resize(dims, steps.rows());
    }
    let run = Forward { dims, weights, steps, x, out, state: last, cache };
    match dims.cell {
        Cell::Rnn(nonlinearity) => rnn::forward(nonlinearity, run),
        Cell::Lstm => lstm::forward(run),
        Cell::Gru(reset) => gru::forward(reset, run),
    }
    Ok(())
}

/// Runs the gradients of a recurrence back through every step.
///
/// `dims` to `initial` are [`forward`]'s arguments, `out` its hidden rows and `cache` what it kept. `d_out`,
/// `[R, H]`, is the gradient of the loss with respect to `out`, and `d_last`, `[N, H]`, with respect to the
/// final state (zeros where it is `None`).
///
/// Overwrites `d_x`, `[R, I]`, where it is given, and `d_initial`, `[N, H]`, the gradient of the initial state
/// also where that was `None`. Adds the weights' gradients to `into`; an empty bias slice there is left out.
///
/// # Errors
/// [`Error::Zero`] for no input feature or no hidden unit, [`Error::Length`] for a slice that does not fit.
pub fn backward<F: Real>(
    dims: Dims,
    weights: &Weights<F>,
    steps: &Steps,
    x: &[F],
    initial: Option<State<F>>,
    out: &[F],
    cache: &Cache<F>,
    d_out: &[F],
    d_last: Option<State<F>>,
    mut d_x: Option<&mut [F]>,
    d_initial: StateMut<F>,
    into: Gradients<F>,
) -> Result<(), Error> {
    check_shapes(dims, weights, steps, x, initial)?;
    length("out", steps.rows() * dims.hidden, out.len())?;
    let (gates, cell) = Cache::<F>::lengths(dims, steps.rows());
    length("cache.gates", gates, cache.gates.len())?;
    length("cache.cell", cell, cache.cell.len())?;
    length("d_out", steps.rows() * dims.hidden, d_out.len())?;
    if let Some(state) = d_last {
        check_state(dims, steps, ["d_last.hidden", "d_last.cell"], state.hidden, state.cell)?;
    }
    if let Some(d_x) = d_x.as_deref() {
        length("d_x", steps.rows() * dims.input, d_x.len())?;
    }
    check_state(dims, steps, ["d_initial.hidden", "d_initial.cell"], d_initial.hidden, d_initial.cell)?;
    length("d_weight_ih", weights.input.len(), into.input.len())?;
    length("d_weight_hh", weights.hidden.len(), into.hidden.len())?;
    length_or_empty("d_bias_ih", dims.gate_rows(), into.bias_input.len())?;
    length_or_empty("d_bias_hh", dims.gate_rows(), into.bias_hidden.len())?;

    let zeros = vec![F::ZERO; d_initial.hidden.len()];
    let initial = initial.unwrap_or(State { hidden: &zeros, cell: &zeros[..d_initial.cell.len()] });
    let mut d_state = d_initial;
    start(&mut d_state, d_last);
    if let Some(d_x) = d_x.as_deref_mut() {
        d_x.fill(F::ZERO);
    }
    let run = Backward { dims, weights, steps, x, initial, out, cache, d_out, d_x, d_state, into };
    match dims.cell {
        Cell::Rnn(nonlinearity) => rnn::backward(nonlinearity, run),
        Cell::Lstm => lstm::backward(run),
        Cell::Gru(reset) => gru::backward(reset, run),
    }
    Ok(())
}

/// The checked arguments of a cell's forward run.
struct Forward<'a, F> {
    dims: Dims,
    weights: &'a Weights<'a, F>,
    steps: &'a Steps,
    x: &'a [F],
    out: &'a mut [F],
    /// The initial state at first; a rank's state after its own last step in the end.
    state: StateMut<'a, F>,
    cache: Option<&'a mut Cache<F>>,
}

/// The checked arguments of a cell's backward run.
struct Backward<'a, F> {
    dims: Dims,
    weights: &'a Weights<'a, F>,
    steps: &'a Steps,
    x: &'a [F],
    initial: State<'a, F>,
    out: &'a [F],
    cache: &'a Cache<F>,
    d_out: &'a [F],
    /// Zeros at first; gradients are added.
    d_x: Option<&'a mut [F]>,
    /// The gradient of the final state at first. A rank's values are untouched until its own last step, so that
    /// a shorter sequence starts from its final state's gradient; in the end it is that of the initial state.
    d_state: StateMut<'a, F>,
    into: Gradients<'a, F>,
}

/// Row `index` of a row-major array that is `width` wide.
fn row<F>(values: &[F], index: usize, width: usize) -> &[F] {
    &values[index * width..][..width]
}

/// The state that rank `n` had before step `t`: its row at the step before, or its initial state.
fn before<'a, F>(
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

/// Sets `state` to `from`, or to zeros.
fn start<F: Real>(state: &mut StateMut<F>, from: Option<State<F>>) {
    match from {
        Some(from) => {
            state.hidden.copy_from_slice(from.hidden);
            state.cell.copy_from_slice(from.cell);
        }
        None => {
            state.hidden.fill(F::ZERO);
            state.cell.fill(F::ZERO);
        }
    }
}

/// Checks what [`forward`] and [`backward`] have in common.
fn check_shapes<F: Real>(
    dims: Dims,
    weights: &Weights<F>,
    steps: &Steps,
    x: &[F],
    initial: Option<State<F>>,
) -> Result<(), Error> {
    for (what, size) in [("input size", dims.input), ("hidden size", dims.hidden)] {
        if size == 0 {
            return Err(Error::Zero { what });
        }
    }
    weights.check(dims)?;
    length("x", steps.rows() * dims.input, x.len())?;
    if let Some(state) = initial {
        check_state(dims, steps, ["initial.hidden", "initial.cell"], state.hidden, state.cell)?;
    }
    Ok(())
}

/// Checks a state's two lengths: `[N, H]` each, and no cell state but the LSTM's.
fn check_state<F>(
    dims: Dims,
    steps: &Steps,
    names: [&'static str; 2],
    hidden: &[F],
    cell: &[F],
) -> Result<(), Error> {
    let size = steps.sequences() * dims.hidden;
    length(names[0], size, hidden.len())?;
    length(names[1], if dims.cell.has_cell_state() { size } else { 0 }, cell.len())
}
