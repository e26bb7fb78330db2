//! The loops around the bodies: panels, shards, chunks, rounds and threads. They call bodies through the table of
//! [`dispatch`](crate::dispatch) and know no instruction set.
//!
//! * Weights are packed in *panels* of one vector of hidden units with all their gates side by side, so one
//!   register tile finishes all gates of those units and the cell update happens in registers.
//! * Rows are addressed by pointers, so a reversed direction, a strided shard of sequences or a concatenated
//!   output is no copy.

pub(crate) mod backward;
pub(crate) mod forward;
pub(crate) mod geometry;
pub(crate) mod linear;
pub(crate) mod norm;
pub(crate) mod options;
pub(crate) mod outer;
pub(crate) mod pack;
pub(crate) mod pass;
pub(crate) mod rounded;
pub(crate) mod rounded_sums;
pub(crate) mod rounds;
pub(crate) mod shard;
pub(crate) mod step;
pub(crate) mod threads;
pub(crate) mod tiles;
pub(crate) mod whole;
