//! Recurrent neural networks in Rust.
//!
//! Layers alone are in [`nn`], models of layers in [`model`], training in [`train`], forecasts of series in [`forecast`].
//! Whoever comes from PyTorch, Keras or ONNX finds each of their names beside the one here in `docs/names.md` of the
//! repository, the equations in `docs/derivations`, and which options run on the fused kernels in `docs/paths.md`.

pub mod bench;
pub mod data;
mod durable;
pub mod error;
pub mod forecast;
pub mod loss;
pub mod model;
mod named;
pub mod nn;
pub mod noise;
pub mod parameters;
pub mod records;
pub mod report;
pub mod rows;
pub mod run;
pub mod scores;
pub mod sequences;
pub mod settings;
pub mod tasks;
pub mod text;
pub mod train;

pub use error::{Error, Result};
pub use parameters::Parameters;
pub use rows::{Fill, Ids, Layout, Rows};
pub use sumun_kernels::keep_freed_memory;
