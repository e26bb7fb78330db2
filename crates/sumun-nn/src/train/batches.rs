//! Mini-batches: a new order of all examples every epoch, a pure function of seed and epoch.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::{Error, Result};

/// Deals examples 0 … `count` − 1 into batches. Which batch an example is in depends on the seed and the epoch alone, so
/// that a training may stop after any epoch and go on to the same bits.
///
/// ```
/// use sumun_nn::train::Batches;
/// let batches = Batches::new(10, 4, 7)?;
/// let order = batches.order(0);
/// assert_eq!(order.chunks(batches.size()).map(<[_]>::len).collect::<Vec<_>>(), [4, 4, 2]);
/// assert_eq!((order.len(), batches.per_epoch()), (10, 3));
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batches {
    count: usize,
    size: usize,
    seed: u64,
}

impl Batches {
    /// Batches of `size` examples, the last of an epoch of what is left. No examples or a size of 0 are errors.
    pub fn new(count: usize, size: usize, seed: u64) -> Result<Self> {
        if count == 0 || size == 0 {
            return Err(Error::Invalid(format!(
                "{count} examples in batches of {size}; both must be at least 1"
            )));
        }
        Ok(Self { count, size, seed })
    }

    /// Examples in a batch.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Batches in an epoch.
    pub fn per_epoch(&self) -> usize {
        self.count.div_ceil(self.size)
    }

    /// All examples in the order of epoch `epoch`, counted from 0 (Fisher & Yates as Durstenfeld 1964 wrote it; the
    /// multiplication instead of a remainder has a bias below `count` / 2⁶⁴).
    pub fn order(&self, epoch: usize) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        // Stream 0 is left to the weights.
        rng.set_stream((epoch as u64).wrapping_add(1));
        let mut order: Vec<usize> = (0..self.count).collect();
        for last in (1..self.count).rev() {
            let chosen = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
            order.swap(last, chosen as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_once_and_every_order_alike() {
        let batches = Batches::new(4, 3, 1).unwrap();
        assert_eq!(batches.per_epoch(), 2);
        let mut seen = std::collections::BTreeMap::new();
        for epoch in 0..2400 {
            let order = batches.order(epoch);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
            *seen.entry(order).or_insert(0) += 1;
        }
        // 24 orders, 100 each on average, a standard deviation of 9.8.
        assert_eq!(seen.len(), 24);
        assert!(seen.values().all(|&n| (55..145).contains(&n)), "{seen:?}");
    }

    #[test]
    fn seed_and_epoch_alone_decide() {
        let of = |seed, epoch| Batches::new(100, 8, seed).unwrap().order(epoch);
        assert_eq!(of(1, 5), of(1, 5));
        assert_ne!(of(1, 5), of(1, 6));
        assert_ne!(of(1, 5), of(2, 5));
        assert!(Batches::new(0, 8, 1).is_err() && Batches::new(8, 0, 1).is_err());
    }
}
