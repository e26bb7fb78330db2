//! The equations, forward and backward, as they are written: slow, plain, generic over `f32` and `f64`.
//!
//! This is the judge: every faster path is held against it, and it is itself held against central differences
//! and PyTorch. Use it for `f64` and for cells that no fused path computes; train on a fused path.
//!
//! ```
//! use sumun_kernels::reference::{Cache, backward, forward};
//! use sumun_kernels::{Cell, Dims, Gradients, Masks, Nonlinearity, StateMut, Steps, Weights};
//!
//! // Two sequences of one feature, of two steps and of one, through one tanh unit.
//! let dims = Dims::new(Cell::Rnn(Nonlinearity::Tanh), 1, 1);
//! let (weights, masks) = (Weights { input: &[0.5], hidden: &[1.0], ..Weights::default() }, Masks::default());
//! let steps = Steps::new(vec![2, 1])?;
//! let x = [1.0, -1.0, 2.0];
//! let (mut out, mut last, mut cache) = ([0.0; 3], [0.0; 2], Cache::default());
//! let state = StateMut { hidden: &mut last, cell: &mut [] };
//! forward(dims, &weights, &masks, &steps, &x, None, &mut out, state, Some(&mut cache))?;
//! assert_eq!(out[2], f64::tanh(0.5 * 2.0 + out[0]));
//! assert_eq!(last, [out[2], out[1]]); // Each sequence ends at its own last step.
//!
//! let (mut d_x, mut d_h, mut d_w, mut d_u) = ([0.0; 3], [0.0; 2], [0.0], [0.0]);
//! let d_initial = StateMut { hidden: &mut d_h, cell: &mut [] };
//! let into = Gradients { input: &mut d_w, hidden: &mut d_u, ..Gradients::default() };
//! let d_out = [0.0, 0.0, 1.0]; // The gradient of out[2] alone.
//! let d_x_here = Some(d_x.as_mut_slice());
//! backward(
//!     dims, &weights, &masks, &steps, &x, None, &out, &cache, &d_out, None, d_x_here, d_initial, into,
//! )?;
//! assert_eq!(d_x[2], (1.0 - out[2] * out[2]) * 0.5);
//! # Ok::<(), sumun_kernels::Error>(())
//! ```

mod activation;
mod gru;
mod linear;
mod lstm;
mod norm;
mod recurrent;
mod rnn;
#[cfg(test)]
mod tests;
mod zoneout;

use crate::types::{length, length_or_empty};
use crate::{Cell, Dims, Error, Gradients, Masks, Real, State, StateMut, Steps, Weights};

/// What [`forward`] keeps for [`backward`]: row-major, one row per packed row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cache<F> {
    /// LSTM: the activated gates i, f, g, o, `[R, 4H]`. GRU: r, z, n and a fourth block, `[R, 4H]`, which is
    /// W_hn h + b_hn with the reset after the product and r ⊙ h with the reset before it. RNN: empty.
    pub gates: Vec<F>,
    /// LSTM: the cell state c of every row after zoneout, `[R, H]`. Otherwise empty.
    pub cell: Vec<F>,
    /// What the activation functions were applied to, before the clip, `[R, G·H]`.
    pub pre_activations: Vec<F>,
    /// With layer normalisation: the normalised values x̂ of every group and then 1/√(σ² + ε) of each group, a
    /// row each. Otherwise empty.
    pub norm: Vec<F>,
}

impl<F: Real> Cache<F> {
    /// The lengths of `gates`, `cell`, `pre_activations` and `norm` for `rows` packed rows.
    fn lengths(dims: Dims, rows: usize) -> [usize; 4] {
        let gates = if matches!(dims.cell, Cell::Rnn(_)) { 0 } else { 4 * dims.hidden };
        [gates, dims.cell_width(), dims.gate_rows(), norm::record_width(dims)].map(|width| rows * width)
    }

    /// Makes room for `rows` packed rows; values that are there stay until they are overwritten.
    fn resize(&mut self, dims: Dims, rows: usize) {
        let parts = [&mut self.gates, &mut self.cell, &mut self.pre_activations, &mut self.norm];
        for (part, length) in parts.into_iter().zip(Self::lengths(dims, rows)) {
            part.resize(length, F::ZERO);
        }
    }

    fn check(&self, dims: Dims, rows: usize) -> Result<(), Error> {
        let [gates, cell, pre_activations, norm] = Self::lengths(dims, rows);
        length("cache.gates", gates, self.gates.len())?;
        length("cache.cell", cell, self.cell.len())?;
        length("cache.pre_activations", pre_activations, self.pre_activations.len())?;
        length("cache.norm", norm, self.norm.len())
    }
}

/// Runs a recurrence over packed rows.
///
/// `masks` are the noise of a training pass, none in inference. `x` is `[R, I]`; `initial` is the state before the
/// first step, `[N, H]` in rank order, zeros where it is `None`. Where there is a projection, P stands for H in
/// every shape of h. Writes the hidden state of every row to `out`, `[R, H]`, and to `last`, `[N, H]`, the state of each
/// rank at its own last step. `cache` is resized and filled where it is given; [`backward`] needs it.
///
/// # Errors
/// [`Error::Zero`] for no input feature or no hidden unit, [`Error::Option`] for an option that the cell does not
/// have, [`Error::Length`] for a slice that does not fit.
pub fn forward<F: Real>(
    dims: Dims,
    weights: &Weights<F>,
    masks: &Masks<F>,
    steps: &Steps,
    x: &[F],
    initial: Option<State<F>>,
    out: &mut [F],
    last: StateMut<F>,
    cache: Option<&mut Cache<F>>,
) -> Result<(), Error> {
    forward_in(dims, weights, masks, steps, x, initial, out, last, cache, &mut Room::default())
}

/// [`forward`] in memory that is there: it allocates nothing once `room` and `cache` have served a call of this size.
pub(crate) fn forward_in<F: Real>(
    dims: Dims,
    weights: &Weights<F>,
    masks: &Masks<F>,
    steps: &Steps,
    x: &[F],
    initial: Option<State<F>>,
    out: &mut [F],
    mut last: StateMut<F>,
    mut cache: Option<&mut Cache<F>>,
    room: &mut Room<F>,
) -> Result<(), Error> {
    check_shapes(dims, weights, masks, steps, x, initial)?;
    length("out", steps.rows() * dims.output(), out.len())?;
    check_state(dims, steps, ["last.hidden", "last.cell"], last.hidden, last.cell)?;
    start(&mut last, initial);
    if let Some(cache) = cache.as_deref_mut() {
        cache.resize(dims, steps.rows());
    }
    if steps.is_empty() {
        return Ok(());
    }
    let run = Forward { dims, weights, masks, steps, x, out, state: last, cache, room };
    match dims.cell {
        Cell::Rnn(_) => rnn::forward(run),
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
/// [`Error::Zero`] for no input feature or no hidden unit, [`Error::Option`] for an option that the cell does not
/// have, [`Error::Length`] for a slice that does not fit.
pub fn backward<F: Real>(
    dims: Dims,
    weights: &Weights<F>,
    masks: &Masks<F>,
    steps: &Steps,
    x: &[F],
    initial: Option<State<F>>,
    out: &[F],
    cache: &Cache<F>,
    d_out: &[F],
    d_last: Option<State<F>>,
    d_x: Option<&mut [F]>,
    d_initial: StateMut<F>,
    into: Gradients<F>,
) -> Result<(), Error> {
    backward_by_step(
        dims, weights, masks, steps, x, initial, out, cache, d_out, d_last, d_x, d_initial, into, None,
    )
}

/// [`backward`], and on request the gradient of the state after every step: `by_step` receives that of h, `[R, H]`, and
/// of c, `[R, H]`. That of h is what the output and the step after it say, that of c what the step after it says: the
/// gradient that an initial state of the rest of the sequence would have.
///
/// # Errors
/// As [`backward`].
pub fn backward_by_step<F: Real>(
    dims: Dims,
    weights: &Weights<F>,
    masks: &Masks<F>,
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
    by_step: Option<StateMut<F>>,
) -> Result<(), Error> {
    check_shapes(dims, weights, masks, steps, x, initial)?;
    length("out", steps.rows() * dims.output(), out.len())?;
    cache.check(dims, steps.rows())?;
    length("d_out", steps.rows() * dims.output(), d_out.len())?;
    if let Some(state) = d_last {
        check_state(dims, steps, ["d_last.hidden", "d_last.cell"], state.hidden, state.cell)?;
    }
    if let Some(d_x) = d_x.as_deref() {
        length("d_x", steps.rows() * dims.input, d_x.len())?;
    }
    check_state(dims, steps, ["d_initial.hidden", "d_initial.cell"], d_initial.hidden, d_initial.cell)?;
    if let Some(by_step) = &by_step {
        length("by_step.hidden", steps.rows() * dims.output(), by_step.hidden.len())?;
        length("by_step.cell", steps.rows() * dims.cell_width(), by_step.cell.len())?;
    }
    length("d_weight_ih", weights.input.len(), into.input.len())?;
    length("d_weight_hh", weights.hidden.len(), into.hidden.len())?;
    length_or_empty("d_bias_ih", dims.gate_rows(), into.bias_input.len())?;
    length_or_empty("d_bias_hh", dims.gate_rows(), into.bias_hidden.len())?;
    length("d_weight_hr", weights.projection.len(), into.projection.len())?;
    length("d_peepholes", weights.peepholes.len(), into.peepholes.len())?;
    length("d_norm_gain", weights.norm_gain.len(), into.norm_gain.len())?;
    length("d_norm_bias", weights.norm_bias.len(), into.norm_bias.len())?;

    let zeros = vec![F::ZERO; d_initial.hidden.len().max(d_initial.cell.len())];
    let (hidden, cell) = (&zeros[..d_initial.hidden.len()], &zeros[..d_initial.cell.len()]);
    let initial = initial.unwrap_or(State { hidden, cell });
    let mut d_state = d_initial;
    start(&mut d_state, d_last);
    if let Some(d_x) = d_x.as_deref_mut() {
        d_x.fill(F::ZERO);
    }
    if steps.is_empty() {
        return Ok(());
    }
    let run =
        Backward { dims, weights, masks, steps, x, initial, out, cache, d_out, d_x, d_state, into, by_step };
    match dims.cell {
        Cell::Rnn(_) => rnn::backward(run),
        Cell::Lstm => lstm::backward(run),
        Cell::Gru(reset) => gru::backward(reset, run),
    }
    Ok(())
}

/// The checked arguments of a cell's forward run.
struct Forward<'a, F> {
    dims: Dims,
    weights: &'a Weights<'a, F>,
    masks: &'a Masks<'a, F>,
    steps: &'a Steps,
    x: &'a [F],
    out: &'a mut [F],
    /// The initial state at first; a rank's state after its own last step in the end.
    state: StateMut<'a, F>,
    cache: Option<&'a mut Cache<F>>,
    room: &'a mut Room<F>,
}

/// Memory that a forward run needs for a while.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room<F>(Vec<F>);

impl<F: Real> Room<F> {
    /// Arrays of these sizes, of zeros.
    fn arrays<const K: usize>(&mut self, sizes: [usize; K]) -> [&mut [F]; K] {
        self.0.clear();
        self.0.resize(sizes.iter().sum(), F::ZERO);
        let mut rest = self.0.as_mut_slice();
        sizes.map(|size| rest.split_off_mut(..size).expect("there is room for all sizes"))
    }
}

/// The checked arguments of a cell's backward run.
struct Backward<'a, F> {
    dims: Dims,
    weights: &'a Weights<'a, F>,
    masks: &'a Masks<'a, F>,
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
    /// Where the gradients of the states after every step go, where they are wanted.
    by_step: Option<StateMut<'a, F>>,
}

/// Writes down the gradients of the states after row `r`: what came back from the step after it, and for h the gradient
/// of the output.
fn write_down<F: Real>(by_step: &mut Option<StateMut<F>>, r: usize, d_h: &[F], d_out: &[F], d_c: &[F]) {
    let Some(by_step) = by_step else { return };
    let width = d_h.len();
    for (k, to) in by_step.hidden[r * width..][..width].iter_mut().enumerate() {
        *to = d_h[k] + d_out[r * width + k];
    }
    by_step.cell[r * d_c.len()..][..d_c.len()].copy_from_slice(d_c);
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
    masks: &Masks<F>,
    steps: &Steps,
    x: &[F],
    initial: Option<State<F>>,
) -> Result<(), Error> {
    for (what, size) in [("input size", dims.input), ("hidden size", dims.hidden)] {
        if size == 0 {
            return Err(Error::Zero { what });
        }
    }
    dims.options.check(dims.cell)?;
    weights.check(dims)?;
    masks.check(dims, steps)?;
    length("x", steps.rows() * dims.input, x.len())?;
    if let Some(state) = initial {
        check_state(dims, steps, ["initial.hidden", "initial.cell"], state.hidden, state.cell)?;
    }
    Ok(())
}

/// Checks a state's two lengths: `[N, H]` each, `[N, P]` for a projected h, and no cell state but the LSTM's.
fn check_state<F>(
    dims: Dims,
    steps: &Steps,
    names: [&'static str; 2],
    hidden: &[F],
    cell: &[F],
) -> Result<(), Error> {
    length(names[0], steps.sequences() * dims.output(), hidden.len())?;
    length(names[1], steps.sequences() * dims.cell_width(), cell.len())
}
