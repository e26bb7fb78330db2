//! The equations, forward and backward, as they are written: slow, plain, generic over `f32` and `f64`.
//!
//! This is the judge: every faster path is held against it, and it is itself held against central differences
//! and PyTorch. Use it for `f64` and for cells that no fused path computes; train on a fused path.
//!
//! ```
//! use sumun_kernels::reference::{Cache, backward, forward};
//! use sumun_kernels::{
//!     Adjoint, Cell, Dims, Gradients, Pass, RowsMut, RowsRef, StateMut, Steps, Weights, Write,
//! };
//!
//! // Two sequences of one feature, of two steps and of one, through one tanh unit.
//! let dims = Dims::new(Cell::RnnTanh, 1, 1);
//! let weights = Weights { input: &[0.5], hidden: &[1.0], ..Weights::default() };
//! let steps = Steps::new(vec![2, 1])?;
//! let x = [1.0, -1.0, 2.0];
//! let (mut out, mut last, mut cache) = ([0.0; 3], [0.0; 2], Cache::default());
//! let state = StateMut { hidden: &mut last, cell: &mut [] };
//! let rows = RowsRef::dense(&x, 1);
//! let pass = Pass::new(dims, &steps, rows, None, RowsMut::dense(&mut out, 1), state)?;
//! forward(&weights, pass, Some(&mut cache))?;
//! assert_eq!(out[2], f64::tanh(0.5 * 2.0 + out[0]));
//! assert_eq!(last, [out[2], out[1]]); // Each sequence ends at its own last step.
//!
//! let (mut d_x, mut d_h, mut d_w, mut d_u) = ([0.0; 3], [0.0; 2], [0.0], [0.0]);
//! let d_initial = StateMut { hidden: &mut d_h, cell: &mut [] };
//! let into = Gradients { input: &mut d_w, hidden: &mut d_u, ..Gradients::default() };
//! let d_out = [0.0, 0.0, 1.0]; // Only out[2] has a gradient.
//! let adjoint = Adjoint::new(dims, &steps, rows, None, RowsRef::dense(&out, 1), d_initial, into)?
//!     .d_out(RowsRef::dense(&d_out, 1))?
//!     .d_x(RowsMut::dense(&mut d_x, 1), Write::Overwrite)?;
//! backward(&weights, adjoint, &cache)?;
//! assert_eq!(d_x[2], (1.0 - out[2] * out[2]) * 0.5);
//! # Ok::<(), sumun_kernels::Error>(())
//! ```

pub(crate) mod activation;
mod gru;
mod ind_rnn;
mod linear;
mod lstm;
mod min_gru;
mod min_lstm;
mod minimal;
mod norm;
mod recurrent;
mod rnn;
mod run;
mod slstm;
#[cfg(test)]
mod tests;
mod zoneout;

use std::borrow::Cow;

pub use self::run::Cache;
pub(crate) use self::run::Scratch;
use self::run::{Backward, Equations, Forward};
use crate::cells::{self, for_each_cell};
use crate::words::sizes::{resize, zeros};
use crate::words::{Adjoint, Cell, Error, Pass, Real, RowsMut, State, Weights, Write};

/// The equations of one cell.
struct Table<F> {
    kept: usize,
    forward: fn(Forward<F>),
    backward: fn(Backward<F>),
}

impl<F: Real> Table<F> {
    const fn of<C: Equations>() -> Self {
        Self { kept: C::KEPT, forward: C::forward, backward: C::backward }
    }
}

/// Those of a cell.
fn table<F: Real>(cell: Cell) -> &'static Table<F> {
    macro_rules! tables {
        ($($(#[$doc:meta])* $name:ident)*) => { const { &[$(Table::of::<cells::$name>()),*] } };
    }
    let tables: &[Table<F>] = for_each_cell!(tables);
    &tables[cell.index()]
}

/// Runs all steps of a pass. `cache` is resized and filled where it is given; [`backward`] needs it.
///
/// # Errors
/// [`Error::Length`] for weights of other sizes than the pass, [`Error::Memory`] for a cache that there is no memory for.
pub fn forward<F: Real>(
    weights: &Weights<F>,
    pass: Pass<F>,
    cache: Option<&mut Cache<F>>,
) -> Result<(), Error> {
    forward_in(weights, pass, cache, &mut Scratch::default())
}

/// [`forward`] in memory that is there: of rows in order it allocates nothing once `scratch` and `cache` have served a call
/// of this size.
pub(crate) fn forward_in<F: Real>(
    weights: &Weights<F>,
    pass: Pass<F>,
    mut cache: Option<&mut Cache<F>>,
    scratch: &mut Scratch<F>,
) -> Result<(), Error> {
    let Pass { dims, steps, x, initial, masks, mut out, last: mut state } = pass;
    weights.check(dims)?;
    state.start(initial);
    let (rows, width) = (steps.rows(), dims.output());
    if let Some(cache) = cache.as_deref_mut() {
        cache.resize(dims, table::<F>(dims.cell).kept, rows)?;
    }
    if steps.is_empty() {
        return Ok(());
    }
    let x = x.in_order(rows, dims.input)?;
    let mut apart = Vec::new();
    let rows_out = match out.in_order(rows, width) {
        Some(rows) => rows,
        None => {
            resize(&mut apart, rows * width)?;
            &mut apart[..]
        }
    };
    let run = Forward { dims, weights, masks: &masks, steps, x: &x, out: rows_out, state, cache, scratch };
    (table(dims.cell).forward)(run);
    scatter(&apart, &mut out, width, Write::Overwrite);
    Ok(())
}

/// Runs all steps of a pass backwards, with what [`forward`] kept in `cache`.
///
/// # Errors
/// [`Error::Length`] for weights or a cache of other sizes than the call.
pub fn backward<F: Real>(weights: &Weights<F>, adjoint: Adjoint<F>, cache: &Cache<F>) -> Result<(), Error> {
    let Adjoint { dims, steps, x, initial, masks, out, d_out, d_last, d_x, d_initial, into, by_step } =
        adjoint;
    weights.check(dims)?;
    let (rows, output) = (steps.rows(), dims.output());
    cache.check(dims, table::<F>(dims.cell).kept, rows)?;

    let zeros = zeros::<F>(d_initial.hidden.len().max(d_initial.cell.len()))?;
    let (hidden, cell) = (&zeros[..d_initial.hidden.len()], &zeros[..d_initial.cell.len()]);
    let initial = initial.unwrap_or(State { hidden, cell });
    let mut d_state = d_initial;
    d_state.start(d_last);
    if steps.is_empty() {
        return Ok(());
    }
    let (x, out) = (x.in_order(rows, dims.input)?, out.in_order(rows, output)?);
    let d_out = match d_out {
        Some(d_out) => d_out.in_order(rows, output)?,
        None => Cow::Owned(self::zeros(rows * output)?),
    };
    let (mut place, write) = d_x.unzip();
    let mut apart = Vec::new();
    let own = match (&mut place, write) {
        (Some(place), Some(Write::Overwrite)) => place.in_order(rows, dims.input),
        _ => None,
    };
    let mut d_x = match (own, write) {
        (None, Some(_)) => {
            resize(&mut apart, rows * dims.input)?;
            Some(&mut apart[..])
        }
        (own, _) => own,
    };
    if let Some(d_x) = &mut d_x {
        d_x.fill(F::ZERO);
    }
    let (x, out, d_out, masks) = (&x[..], &out[..], &d_out[..], &masks);
    let run =
        Backward { dims, weights, masks, steps, x, initial, out, cache, d_out, d_x, d_state, into, by_step };
    (table(dims.cell).backward)(run);
    if let (Some(mut d_x), Some(write)) = (place, write) {
        scatter(&apart, &mut d_x, dims.input, write);
    }
    Ok(())
}

/// Writes rows that were computed apart, if there are any, to where they belong.
fn scatter<F: Real>(apart: &[F], to: &mut RowsMut<F>, width: usize, write: Write) {
    for (row, values) in apart.chunks_exact(width).enumerate() {
        let to = to.row_mut(row, width);
        match write {
            Write::Overwrite => to.copy_from_slice(values),
            Write::Add => to.iter_mut().zip(values).for_each(|(to, &v)| *to += v),
        }
    }
}
