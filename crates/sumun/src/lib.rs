//! Recurrent neural networks in Rust.

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
pub mod tasks;
pub mod text;
pub mod train;

pub use error::{Error, Result};
pub use parameters::Parameters;
pub use rows::{Fill, Ids, Layout, Rows};
