//! Recurrent neural networks in Rust.
//!
//! From a person's file to a trained model, its figures and its report: this crate reads tables, records and texts, trains
//! models for tasks, and keeps runs that go on after any interruption. What it trains is `sumun-nn`'s, which it re-exports:
//! a program that brings its own arrays needs that crate only.
//!
//! A network that learns to continue a sine, in one batch for every step:
//!
//! ```
//! use ndarray::Axis;
//! use sumun::Rows;
//! use sumun::data::sliding_windows;
//! use sumun::loss::{Loss, Targets};
//! use sumun::model::{Batch, Input, Model};
//! use sumun::noise::Noise;
//! use sumun::train::Optimizer;
//!
//! let wave: Vec<f64> = (0..120).map(|t| (f64::from(t) / 8.0).sin()).collect();
//! let (x, y) = sliding_windows(&wave, 16)?;
//! let x = x.mapv(|value| value as f32).insert_axis(Axis(2)); // [N, T, F]
//! let y: Vec<f32> = y.iter().map(|&value| value as f32).collect();
//!
//! let mut model = Model::builder(Input::numbers(1)).lstm(8).dense(1).build(7)?;
//! let mut adam = Optimizer::new("adam".parse()?, model.parameters())?;
//! let loss: Loss = "mse".parse()?;
//! let mut losses = Vec::new();
//! for step in 0..60 {
//!     let noise = Noise { seed: 7, step, layer: 0 };
//!     let (output, cache) = model.forward_train(Batch::numbers(x.view()), noise)?;
//!     let mut d = vec![0.0; output.data.len()];
//!     losses.push(loss.value_and_gradient(&output.data, Targets::Values(&y), Some(&mut d))?);
//!     model.parameters_mut().zero_gradients();
//!     model.backward(cache, Rows::new(d, output.features, output.layout.clone())?)?;
//!     adam.step(model.parameters_mut(), 0.02, 1.0)?;
//! }
//! assert!(losses[59] < losses[0] / 20.0);
//! # Ok::<(), sumun::Error>(())
//! ```
//!
//! | to … | look at |
//! |---|---|
//! | forecast the columns of a CSV file | [`forecast`] |
//! | learn labels, numbers, tags or text from a file | [`tasks`], and [`settings`] for what can be chosen |
//! | read series, records and sentences | [`data`], [`records`] |
//! | turn text into ids, and fill an embedding with word vectors | [`text`] |
//! | pad, pack, bucket and split sequences | [`sequences`] |
//! | open models of PyTorch and others, run them on arrays, write them | [`models`] |
//! | measure predictions beside the simplest guesses | [`scores`] |
//! | keep a training on disk, resume it, list runs | [`run`] |
//! | write a report as one HTML page | [`report`] |
//! | time recurrent layers on this machine | [`mod@bench`] |
//! | build and train models and layers | [`nn`], [`model`], [`loss`], [`train`], of `sumun-nn` |
//!
//! The repository has every PyTorch, Keras and ONNX name beside the one here in `docs/names.md`, the equations in
//! `docs/derivations`, and which options run on the fused kernels in `docs/paths.md`.

pub mod bench;
pub mod data;
pub mod inspect;
pub mod models;
pub mod records;
pub mod report;
pub mod run;
pub mod scores;
pub mod sequences;
pub mod settings;
pub mod tasks;
pub mod text;

pub(crate) use sumun_nn::json;
pub use sumun_nn::{Bags, Error, Fill, Ids, Layout, Parameters, Precision, Result, Rows, keep_freed_memory};
pub use sumun_nn::{durable, outside};
pub use sumun_nn::{error, loss, message, model, nn, noise, parameters, rows, train};
pub use tasks::forecast;
