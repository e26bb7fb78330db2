//! Recurrent stacks over packed rows: any cell, layers, directions, dropout between layers.

mod by_step;
mod cache;
mod calls;
mod config;
mod direction;
mod inverted;
mod masks;
pub(super) mod merge;
mod pass;
mod pieces;
mod representable;
mod spec;
mod stack;
mod state;
pub(super) mod stream;
#[cfg(test)]
mod tests;
mod trace;

pub use crate::state::RecurrentState;
pub use by_step::StateGradients;
pub use cache::RecurrentCache;
pub(in crate::nn) use config::MOST_LAYERS;
pub use config::{CellKind, Checkpoints, FirstWeights, Merge, Output, RecurrentConfig};
pub use representable::Peer;
pub use spec::{Biases, RecurrentLayer};
pub use stack::Recurrent;
pub use stream::{Stream, StreamState};
pub use trace::LayerTrace;
