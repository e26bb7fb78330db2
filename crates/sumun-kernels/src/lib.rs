//! Recurrences over packed rows and their gradients: slices in, slices out.
//!
//! This crate knows the equations of recurrent cells and nothing else: no files, no layers, no
//! random state. [`mod@reference`] holds them as they are written in the papers, generic over `f32` and
//! `f64`; it is the judge. The fused versions give the same numbers faster.
//!
//! Shapes, everywhere in this crate: `T` steps, `N` sequences, `R` packed rows in all, `I` input features,
//! `H` hidden units, `G` gates. All arrays are row-major and contiguous.
//!
//! An LSTM over two sequences, of three steps and of two. Packed rows are those of the first step, then those of the second,
//! and so on; the longest sequence comes first.
//!
//! ```
//! use sumun_kernels::{
//!     Cell, Dims, Pass, Path, Prepared, Purpose, RowsMut, RowsRef, Scratch, StateMut, Steps, Weights,
//! };
//!
//! let dims = Dims::new(Cell::Lstm, 2, 3); // I = 2, H = 3
//! let (weight_ih, weight_hh) = ([0.1; 4 * 3 * 2], [0.2; 4 * 3 * 3]); // [G·H, I] and [G·H, H], as PyTorch has them
//! let weights = Weights { input: &weight_ih, hidden: &weight_hh, ..Weights::default() }; // no biases
//! let prepared = Prepared::new(dims, &weights, Path::best(), Purpose::Inference)?;
//!
//! let steps = Steps::new(vec![2, 2, 1])?;
//! let x = [0.5; 5 * 2]; // [R, I]
//! let mut out = [0.0; 5 * 3]; // [R, H]
//! let (mut h, mut c) = ([0.0; 2 * 3], [0.0; 2 * 3]); // [N, H], after each sequence's last step
//! let last = StateMut { hidden: &mut h, cell: &mut c };
//! let pass = Pass::new(dims, &steps, RowsRef::dense(&x, 2), None, RowsMut::dense(&mut out, 3), last)?;
//! prepared.forward(pass, None, &mut Scratch::default())?;
//! assert_eq!((&h[..3], &h[3..]), (&out[4 * 3..], &out[3 * 3..4 * 3]));
//! # Ok::<(), sumun_kernels::Error>(())
//! ```
//!
//! | to … | look at |
//! |---|---|
//! | run a recurrence, train it, step through a stream | [`Prepared`] with [`Weights`], [`Pass`] and [`Adjoint`] |
//! | choose what computes, and for which caches | [`Path`], [`Purpose`], [`Machine`] |
//! | see gates and cell states | [`Trace`] |
//! | compute the other parts of a network | [`linear`], [`table`], [`softmax`], [`update`], [`philox`], [`activate`] |
//! | read the equations | [`mod@reference`], with [`Options`] |
//!
//! The crate is built in floors, each of which uses only those before it: `words` (cells, sizes, options, steps, rows, weights,
//! errors), `memory` (buffers), `simd` (one trait of vectors, a file an instruction set), `bodies` (loops that are compiled
//! once an instruction set), `cells` (each cell's specification and bodies), `dispatch` (the one table of compiled bodies),
//! `drivers` (loops over panels, shards and threads), `reference` (the equations), `ops` (what layers call).

mod bodies;
mod cells;
mod dispatch;
mod drivers;
mod memory;
mod ops;
pub mod reference;
mod simd;
mod words;

pub use memory::keep_freed_memory;
pub use ops::peak::peak_gflops;
pub use ops::prepared::Prepared;
pub use ops::prepared::cache::{Cache, Scratch};
pub use ops::trace::Trace;
pub use ops::{linear, philox, softmax, table, update};
/// Weights of 8 bits: the rule that rounds them.
pub mod precision {
    pub use crate::words::precision::{bf16, round_rows, row_scale, whole};
}
pub use words::{
    ActivationFunction, Adjoint, Cell, CellSpec, Dims, Error, Gate, GateRole, Gradients, InputGradient,
    MOST_ROWS, Machine, Masks, OptionSet, Options, Pass, Path, Precision, Purpose, Real, Recurrence,
    RecurrentDropout, RowMap, RowsMut, RowsRef, Sizes, State, StateMut, Steps, Vector, VectorFunction,
    WeightKind, Weights, Write,
};

/// Replaces every value by its activation, on one of the vector paths. Errors are stated in ulps beside the
/// functions: exp ≤ 2, sigmoid and tanh ≤ 2.5.
pub fn activate(path: Path, what: VectorFunction, values: &mut [f32]) -> Result<(), Error> {
    let kernels = path.kernels()?;
    // SAFETY: the processor has the path's instruction set, or `kernels` would have refused.
    unsafe { (kernels.activate)(what, values) };
    Ok(())
}
