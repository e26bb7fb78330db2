//! What a pass in training keeps for backward.

use std::sync::Arc;

use crate::Rows;
use crate::nn::dropout::DropoutCache;
use crate::noise::Noise;
use crate::state::RecurrentState;

/// What the backward pass of a [`Stack`](super::Stack) needs.
#[derive(Debug)]
pub struct StackCache<T> {
    pub(in crate::nn) version: u64,
    pub(in crate::nn) noise: Noise,
    /// The final hidden states, which a product of two directions needs.
    pub(super) last: RecurrentState,
    pub(in crate::nn) layers: Vec<LayerCache<T>>,
}

/// What one layer keeps of a pass.
#[derive(Debug)]
pub(in crate::nn) struct LayerCache<T> {
    pub(in crate::nn) x: Arc<Rows>,
    /// Both directions side by side, before they are merged; None where backward does not read them. Where nothing is
    /// done to them before the next layer, they are its `x` too.
    pub(in crate::nn) both: Option<Arc<Rows>>,
    /// For each direction.
    pub(in crate::nn) tapes: Vec<T>,
    /// The mask on what this layer passed on.
    pub(super) dropout: Option<DropoutCache>,
}
