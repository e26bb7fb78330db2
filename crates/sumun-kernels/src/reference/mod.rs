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
mod run;
#[cfg(test)]
mod tests;
mod zoneout;

pub use self::run::Cache;
pub(crate) use self::run::Room;
use self::run::{Backward, Forward};
use crate::words::error::{length, length_or_empty};
use crate::words::{Cell, Dims, Error, Gradients, Masks, Real, State, StateMut, Steps, Weights};

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
        cache.resize(dims, steps.rows())?;
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
    weights.check(dims)?;
    // No product of rows or sequences and sizes overflows after this.
    steps.fit(dims)?;
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
