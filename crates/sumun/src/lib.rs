//! Recurrent neural networks in Rust.
pub mod error;
pub use error::{Error, Result};
