//! Recurrences over packed rows and their gradients: slices in, slices out.
//!
//! This crate knows the equations of the RNN, LSTM and GRU and nothing else: no files, no layers, no
//! random numbers. [`reference`] holds them as they are written in the papers, generic over `f32` and
//! `f64`; it is the judge. The fused versions give the same numbers faster.
//!
//! Shapes, everywhere in this crate: `T` steps, `N` sequences, `R` packed rows in all, `I` input features,
//! `H` hidden units, `G` gates. All arrays are row-major and contiguous.

pub mod linear;
pub mod reference;
mod types;

pub use types::{
    Cell, Dims, Error, Gradients, InputGradient, Nonlinearity, Real, Reset, State, StateMut, Steps, Weights,
};
