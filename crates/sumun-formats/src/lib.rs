//! Model files of other programs, as named tensors and graphs.
//!
//! Each format has a folder or a file of its own, which turns bytes into [`Tensors`] and into what else the file says (a
//! configuration, a graph of nodes), and back. Nothing here knows a layer: what a tensor means is decided by who asks.
//!
//! **Files from outside are hostile.** Reading one executes nothing, follows no path and opens no other file. Every length,
//! offset and shape is checked before memory is reserved for it, nesting is bounded, and the work is linear in the size of
//! the file. What is wrong is an [`Error`] of one line, never a panic.

pub mod audio;
mod bytes;
pub mod error;
mod hdf5;
mod json;
pub mod keras;
pub mod npy;
pub mod onnx;
mod protobuf;
pub mod safetensors;
mod strided;
pub mod tensor;
pub mod tfevents;
pub mod torch;
pub mod wav;
pub mod zip;

pub use error::{Error, Result};
pub use tensor::{Data, ElementType, Tensor, Tensors};
