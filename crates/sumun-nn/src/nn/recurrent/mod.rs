//! Recurrent stacks of the library's own cells, which the fused kernels compute.

mod cells;
mod config;
mod direction;
mod inverted;
mod masks;
mod pieces;
mod representable;
mod spec;
pub(super) mod stream;
#[cfg(test)]
mod tests;
mod trace;

pub use cells::{Recurrent, RecurrentCache, RecurrentCells};
pub use config::{CellKind, Checkpoints, FirstWeights, RecurrentConfig};
pub use representable::Peer;
#[cfg(feature = "interchange")]
pub(crate) use representable::keras_name;
pub use spec::{Biases, RecurrentLayer};
pub use stream::{Stream, StreamState};
pub use trace::LayerTrace;
