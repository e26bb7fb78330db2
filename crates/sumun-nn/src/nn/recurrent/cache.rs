//! What a pass in training keeps for backward.

use std::sync::Arc;

use super::direction::Tape;
use crate::Rows;
use crate::nn::dropout::DropoutCache;
use crate::noise::Noise;
use crate::state::RecurrentState;

/// What [`Recurrent::backward`](crate::nn::Layer::backward) needs.
#[derive(Debug)]
pub struct RecurrentCache {
    pub(super) version: u64,
    pub(super) noise: Noise,
    /// The final hidden states, which a product of two directions needs.
    pub(super) last: RecurrentState,
    pub(super) layers: Vec<LayerCache>,
}

/// What one layer keeps of a pass.
#[derive(Debug)]
pub(super) struct LayerCache {
    pub(super) x: Arc<Rows>,
    /// Both directions side by side, before they are merged; None where backward computes them again. What nothing is done
    /// to on its way up is the next layer's `x` too.
    pub(super) both: Option<Arc<Rows>>,
    /// For each direction.
    pub(super) tapes: Vec<Tape>,
    /// The mask on what this layer passed up.
    pub(super) dropout: Option<DropoutCache>,
}
