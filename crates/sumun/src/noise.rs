//! Counter-based random numbers: a mask depends on what it is for, never on when or where it is drawn.

/// Noise for one layer in one training step. The same `Noise` always gives the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noise {
    /// The seed of the training run.
    pub seed: u64,
    /// The optimizer step, counted from 0.
    pub step: u64,
    /// Which layer or purpose.
    pub layer: u32,
}
