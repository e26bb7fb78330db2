//! Recurrent neural networks in Rust.
//!
//! Layers alone are in [`nn`], models of layers in [`model`], training in [`train`], forecasts of series in [`forecast`].
//! Whoever comes from PyTorch, Keras or ONNX finds each of their names beside the one here in `docs/names.md` of the
//! repository, the equations in `docs/derivations`, and which options run on the fused kernels in `docs/paths.md`.

pub mod bench;
pub mod data;
pub mod forecast;
pub mod records;
pub mod report;
pub mod run;
pub mod scores;
pub mod sequences;
pub mod settings;
pub mod tasks;
pub mod text;

pub(crate) use sumun_nn::durable;
pub use sumun_nn::{Error, Fill, Ids, Layout, Parameters, Result, Rows, keep_freed_memory};
pub use sumun_nn::{error, loss, message, model, nn, noise, parameters, rows, train};
