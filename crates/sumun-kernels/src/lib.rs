//! Recurrences over packed rows and their gradients: slices in, slices out.
//!
//! This crate knows the equations of the RNN, LSTM and GRU and nothing else: no files, no layers, no
//! random state. [`mod@reference`] holds them as they are written in the papers, generic over `f32` and
//! `f64`; it is the judge. The fused versions give the same numbers faster.
//!
//! Shapes, everywhere in this crate: `T` steps, `N` sequences, `R` packed rows in all, `I` input features,
//! `H` hidden units, `G` gates. All arrays are row-major and contiguous.

mod aligned;
mod cpu;
pub mod linear;
mod memory;
mod options;
mod peak;
pub mod philox;
mod prepared;
pub mod reference;
mod rounds;
mod rows;
mod simd;
pub mod softmax;
pub mod table;
mod threads;
mod trace;
mod types;
pub mod update;

pub use memory::keep_freed_memory;
pub use options::{ActivationFunction, Options, RecurrentDropout};
pub use peak::peak_gflops;
pub use prepared::{Cache, Prepared, Purpose, Scratch};
pub use rows::{RowMap, RowsMut, RowsRef};
pub use simd::{Activation, Path};
pub use trace::Trace;

pub use types::{
    Cell, Dims, Error, Gradients, InputGradient, Masks, Nonlinearity, Real, Reset, State, StateMut, Steps,
    Weights,
};

/// Replaces every value by its activation, on one of the vector paths. Errors are stated in ulps beside the
/// functions: exp ≤ 2, sigmoid and tanh ≤ 2.5.
pub fn activate(path: Path, what: Activation, values: &mut [f32]) -> Result<(), Error> {
    let kernels = path.kernels()?;
    // SAFETY: the processor has the path's instruction set, or `kernels` would have refused.
    unsafe { (kernels.activate)(what, values) };
    Ok(())
}
