//! Recurrent layers, models of them, their training and their files, on a CPU.
//!
//! This is what a Rust program embeds: [`nn::Lstm`], [`nn::Gru`] and [`nn::Rnn`] with the names, numbers and options of
//! PyTorch, Keras and ONNX, [`model::Model`] for graphs of layers, [`loss`], optimizers and the training loop in
//! [`train`], and model files. It reads no tables and no texts: the crate `sumun` does, and builds on this one.
//!
//! A network that learns the sum of a sequence, from 32 sequences of different lengths:
//!
//! ```
//! use ndarray::Array3;
//! use sumun_nn::Rows;
//! use sumun_nn::loss::{Loss, Targets};
//! use sumun_nn::model::{Batch, Input, Model, RecurrentLayer};
//! use sumun_nn::noise::Noise;
//! use sumun_nn::train::{Clip, Optimizer};
//!
//! let x = Array3::from_shape_fn((32, 6, 1), |(n, t, _)| ((n * 7 + t * 5) % 13) as f32 / 13.0 - 0.5);
//! let lengths: Vec<usize> = (0..32).map(|n| 1 + n % 6).collect();
//! let sums: Vec<f32> = (0..32).map(|n| (0..lengths[n]).map(|t| x[[n, t, 0]]).sum()).collect();
//! let batch = Batch::numbers(x.view()).lengths(&lengths)?;
//!
//! let mut model = Model::builder(Input::numbers(1)).layer(RecurrentLayer::gru(8)).dense(1).build(7)?;
//! let mut optimizer = Optimizer::new("adam".parse()?, model.parameters())?;
//! let loss: Loss = "mse".parse()?;
//! let mut losses = Vec::new();
//! for step in 0..200 {
//!     let (y, cache) = model.forward_train(&batch, Noise { seed: 7, step, layer: 0 })?;
//!     let mut d = vec![0.0; y.data.len()];
//!     losses.push(loss.value_and_gradient(&y.data, Targets::Values(&sums), Some(&mut d))?);
//!     model.parameters_mut().zero_gradients();
//!     model.backward(cache, Rows::new(d, y.features, y.layout.clone())?)?;
//!     let clipped = Clip::GlobalNorm { max: 1.0 }.apply(model.parameters_mut())?;
//!     optimizer.step(model.parameters_mut(), 0.02, clipped.gradient_scale)?;
//! }
//! assert!(losses[199] < 0.1 * losses[0], "{} of {}", losses[199], losses[0]);
//! println!("{}", model.summary());
//! # Ok::<(), sumun_nn::Error>(())
//! ```
//!
//! An LSTM by itself, over two sequences of different lengths:
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
//! | build a model and train it | [`model`], and [`train::Session`], the loop that can be interrupted and goes on to the same bits |
//! | write your own cell or layer | [`nn::CustomCell`], [`nn::Layer`]; in models, [`nn::CellLayer`], [`layer`] and `examples/own_layer.rs` |
//! | step through a stream | [`nn::Stream`] |
//! | see gates, states and gradients | [`nn::ArrayTrace`], [`nn::StateGradients`] |
//! | save and load | [`model::ModelFile`] |
//!
//! The feature `files`, on by default, has model files, models from TOML and [`durable`]. A program that keeps its models in
//! memory builds without it, and with 38 crates instead of 64: `sumun-nn = { version = "0.1", default-features = false }`.
//!
//! The feature `interchange` has [`interchange`], models of other programs.
//!
//! What flows between layers is in [`rows`], what they learn in [`parameters`], the noise of dropout in [`noise`].

mod bags;
pub mod distribution;
#[cfg(feature = "files")]
pub mod durable;
pub mod error;
#[cfg(feature = "interchange")]
pub mod interchange;
#[cfg(feature = "files")]
pub mod json;
pub mod layer;
mod layout;
pub mod loss;
pub mod message;
pub mod model;
#[doc(hidden)]
pub mod named;
pub mod nn;
pub mod noise;
mod origin;
#[cfg(feature = "files")]
pub mod outside;
pub mod parameters;
pub mod rows;
mod state;
pub mod train;

pub use bags::Bags;
pub use distribution::Distribution;
pub use error::{Error, Result};
pub use parameters::Parameters;
pub use rows::{Fill, Ids, IdsParts, Layout, Rows, RowsParts};
pub use sumun_kernels::{Precision, keep_freed_memory};
