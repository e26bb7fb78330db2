//! Recurrent stacks, whatever their cells compute: layers and directions over packed rows.
//!
//! What all stacks have is stated here once: the order of weights and states (layer by layer, the forward direction first),
//! the merge of two directions, dropout between layers and of a layer's input, which rows a stack returns, states in and
//! out, and the gradients of all of that. `Cells` computes one direction of one layer: the library's own cells
//! ([`recurrent`](super::recurrent)) and those of users ([`custom`](super::custom)) are its two implementations.

mod arrangement;
mod by_step;
mod cache;
mod calls;
mod cells;
mod masks;
pub(in crate::nn) mod merge;
mod pass;
mod ranked;
mod stage;

pub(in crate::nn) use arrangement::{Arrangement, in_callers_order};
pub use arrangement::{Merge, Output};
pub use by_step::StateGradients;
pub use cache::StackCache;
pub use calls::Stack;
pub(in crate::nn) use cells::{At, Cells, Columns, DirectionCall, Keep};
pub(in crate::nn) use masks::{Purpose, noise_of, per_sequence_mask};
pub(in crate::nn) use ranked::Ranked;
pub(in crate::nn) use stage::{StackStage, expect_stack, plan_stack, title};
