//! Recurrent layers with parameters of their own, on ordinary arrays: [`Rnn`], [`Lstm`] and [`Gru`], and their cells.
//!
//! Arrays are batch-first, `[N, T, F]`, time-major where the configuration says so, or one sequence without a batch, `[T, F]`.
//! Each layer owns its [`Parameters`](crate::Parameters), with PyTorch's names. In a model the same stacks run on
//! packed rows ([`Recurrent`](super::Recurrent)); here arrays are packed at the entrance and unpacked at the exit.
//!
//! ```
//! use ndarray::Array3;
//! use rand::SeedableRng;
//! use sumun_nn::nn::{Lstm, LstmConfig, Valid};
//!
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
//! let config = LstmConfig::new(10, 20).layers(2).bidirectional(true);
//! let lstm = Lstm::new(config, &mut rng)?;
//! let x = Array3::zeros((5, 7, 10));
//! let (output, last) = lstm.forward(x.view(), Valid::Lengths(&[7, 3, 5, 0, 1]), None)?;
//! assert_eq!(output.dim(), (5, 7, 40));
//! assert_eq!(last.hidden.dim(), (4, 5, 20)); // layer · directions + direction
//! # Ok::<(), sumun_nn::Error>(())
//! ```
//!
//! A layer keeps no state between calls: what Keras calls `stateful` is the caller carrying the state, and the
//! chunks of a sequence then give the bits of the whole.
//!
//! ```
//! # use ndarray::{Array3, s};
//! # use rand::SeedableRng;
//! # use sumun_nn::nn::{Gru, GruConfig, Valid};
//! # let gru = Gru::new(GruConfig::new(2, 3), &mut rand_chacha::ChaCha8Rng::seed_from_u64(0))?;
//! let x = Array3::from_shape_fn((1, 9, 2), |(_, t, f)| (t * 2 + f) as f32 / 10.0);
//! let (whole, _) = gru.forward(x.view(), Valid::All, None)?;
//! let mut state = None;
//! for start in [0, 3, 6] {
//!     let chunk = x.slice(s![.., start..start + 3, ..]);
//!     let (output, last) = gru.forward(chunk, Valid::All, state.as_ref())?;
//!     assert_eq!(output, whole.slice(s![.., start..start + 3, ..]));
//!     state = Some(last); // None starts from zeros: Keras' `reset_state`
//! }
//! # Ok::<(), sumun_nn::Error>(())
//! ```
//!
//! What each option and call is called in PyTorch, Keras and ONNX is in `docs/names.md` of the repository; which
//! options run on the fused kernels in `docs/paths.md`.

mod axes;
mod cells;
mod layers;
mod owned;
mod states;
#[cfg(test)]
mod tests;
mod trace;
mod valid;

pub use axes::Axes;
pub use cells::{CellAxes, CellCache, GruCell, LstmCell, RnnCell};
pub use layers::{Gru, GruConfig, Lstm, LstmConfig, Rnn, RnnConfig};
pub use owned::ArrayCache;
pub use states::{HiddenState, LstmState};
pub use trace::{ArrayStateGradients, ArrayTrace};
pub use valid::{Empty, Valid};
