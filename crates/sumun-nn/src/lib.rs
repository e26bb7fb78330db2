//! Recurrent layers, models of them, their training and their files, on a CPU.
//!
//! This is what a Rust program embeds: [`nn::Lstm`], [`nn::Gru`] and [`nn::Rnn`] with the names, numbers and options of
//! PyTorch, Keras and ONNX, [`model::Model`] for graphs of layers, [`loss`], optimizers and the training loop in
//! [`train`], and model files. It reads no tables and no texts: the crate `sumun` does, and builds on this one.
//!
//! An LSTM over two sequences of different lengths:
//!
//! ```
//! use ndarray::Array3;
//! use rand::SeedableRng;
//! use sumun_nn::nn::{Lstm, LstmConfig, Valid};
//!
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
//! let lstm = Lstm::new(LstmConfig::new(10, 20).layers(2).bidirectional(true), &mut rng)?;
//! let x = Array3::<f32>::zeros((2, 5, 10)); // [N, T, I]
//! let (output, last) = lstm.forward(x.view(), Valid::Lengths(&[5, 3]), None)?;
//! assert_eq!(output.shape(), [2, 5, 40]); // [N, T, D·H]
//! assert_eq!(last.hidden.shape(), [4, 2, 20]); // [L·D, N, H]
//! # Ok::<(), sumun_nn::Error>(())
//! ```
//!
//! | to … | look at |
//! |---|---|
//! | run a layer on arrays | [`nn::Lstm`], [`nn::Gru`], [`nn::Rnn`], and their cells |
//! | build a model and train it | [`model`], whose page shows a training step, and [`train::Session`] |
//! | write a cell or layer of one's own | [`nn::CustomCell`], [`nn::Layer`]; in models, [`nn::CellLayer`], [`layer`] and `examples/own_layer.rs` |
//! | step through a stream | [`nn::Stream`] |
//! | see gates, states and gradients | [`nn::ArrayTrace`], [`nn::StateGradients`] |
//! | save and load | [`model::ModelFile`] |
//!
//! What flows between layers is in [`rows`], what they learn in [`parameters`], the noise of dropout in [`noise`].

pub mod durable;
pub mod error;
pub mod layer;
pub mod loss;
pub mod message;
pub mod model;
#[doc(hidden)]
pub mod named;
pub mod nn;
pub mod noise;
pub mod parameters;
pub mod rows;
mod state;
pub mod train;

pub use error::{Error, Result};
pub use parameters::Parameters;
pub use rows::{Fill, Ids, IdsParts, Layout, Rows, RowsParts};
pub use sumun_kernels::keep_freed_memory;
