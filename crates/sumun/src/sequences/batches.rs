//! Batches of sequences of like lengths, so that little of a batch is padding.

use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How large a batch may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchSize {
    /// At most so many sequences.
    Sequences(usize),
    /// At most so many steps with the padding: sequences times the longest length among them.
    Tokens(usize),
}

/// Batches made of sequences of like lengths.
///
/// Sequences are sorted by length and cut into batches. A layer here never computes padding, but a batch of like
/// lengths still runs wide to its end, and what leaves as a padded array is smaller.
///
/// Shuffled, equal lengths change places and so do whole batches; a `pool` shuffles more. Use neither where the
/// length gives the label away, since every batch would then be of one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LengthBuckets {
    /// How large a batch may be.
    pub size: BatchSize,
    /// Shuffled batches sort only so many sequences together, chosen at random: smaller is more random and pads more.
    /// All by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<usize>,
}

impl LengthBuckets {
    /// Batches of at most `count` sequences.
    pub fn sequences(count: usize) -> Self {
        Self { size: BatchSize::Sequences(count), pool: None }
    }

    /// Batches of at most `count` steps, padding included.
    pub fn tokens(count: usize) -> Self {
        Self { size: BatchSize::Tokens(count), pool: None }
    }

    /// Sorts only so many sequences together, chosen at random.
    pub fn pool(self, sequences: usize) -> Self {
        Self { pool: Some(sequences), ..self }
    }

    /// The batches, longest sequences first, equal lengths in the caller's order: for evaluation.
    ///
    /// Every index of `lengths` is in exactly one batch, and no batch is empty. Errors: a size of 0, and a sequence
    /// longer than the tokens of a batch.
    pub fn ordered(&self, lengths: &[usize]) -> Result<Vec<Vec<usize>>> {
        self.check(lengths)?;
        Ok(self.cut((0..lengths.len()).collect(), lengths))
    }

    /// The batches in random order: for training, in a new order each epoch. The same generator state gives the
    /// same batches. Errors as [`ordered`](Self::ordered), and a pool of 0.
    pub fn shuffled<R: Rng + ?Sized>(&self, lengths: &[usize], rng: &mut R) -> Result<Vec<Vec<usize>>> {
        self.check(lengths)?;
        let mut indices: Vec<usize> = (0..lengths.len()).collect();
        indices.shuffle(rng);
        let pool = self.pool.unwrap_or(lengths.len()).max(1);
        let mut batches: Vec<Vec<usize>> =
            indices.chunks(pool).flat_map(|pool| self.cut(pool.to_vec(), lengths)).collect();
        batches.shuffle(rng);
        Ok(batches)
    }

    /// Sorts by length, longest first, ties as they come, and cuts greedily.
    fn cut(&self, mut indices: Vec<usize>, lengths: &[usize]) -> Vec<Vec<usize>> {
        indices.sort_by_key(|&n| std::cmp::Reverse(lengths[n]));
        let mut batches = Vec::new();
        let mut rest = indices.as_slice();
        while let Some(&longest) = rest.first() {
            let count = match self.size {
                BatchSize::Sequences(count) => count,
                // A sequence of no steps counts as one, or a batch of them could be endless.
                BatchSize::Tokens(tokens) => tokens / lengths[longest].max(1),
            };
            // `check` has seen to it that at least one fits.
            let (batch, after) = rest.split_at(count.clamp(1, rest.len()));
            batches.push(batch.to_vec());
            rest = after;
        }
        batches
    }

    fn check(&self, lengths: &[usize]) -> Result<()> {
        let invalid = |message: String| Err(Error::Invalid(message));
        match self.size {
            BatchSize::Sequences(0) => return invalid("a batch of 0 sequences; use at least 1".into()),
            BatchSize::Tokens(0) => return invalid("a batch of 0 tokens; use at least 1".into()),
            BatchSize::Tokens(tokens) => {
                if let Some((n, length)) = lengths.iter().enumerate().find(|&(_, &length)| length > tokens) {
                    return invalid(format!(
                        "sequence {n} has {length} steps, over the {tokens} tokens of a batch; cut it or use more tokens"
                    ));
                }
            }
            BatchSize::Sequences(_) => {}
        }
        match self.pool {
            Some(0) => invalid("a pool of 0 sequences; use at least 1, or no pool".into()),
            _ => Ok(()),
        }
    }
}

/// Steps of all batches with their padding: what padded arrays of them hold. The lengths' sum is the least possible.
///
/// Panics on an index outside `lengths`; those of [`LengthBuckets`] never are.
pub fn padded_steps(batches: &[Vec<usize>], lengths: &[usize]) -> usize {
    let steps = |batch: &Vec<usize>| batch.len() * batch.iter().map(|&n| lengths[n]).max().unwrap_or(0);
    batches.iter().map(steps).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    #[test]
    fn cuts_the_sorted_lengths() {
        let lengths = [3, 9, 1, 4, 9, 0, 2];
        for (buckets, expected) in [
            (LengthBuckets::sequences(3), vec![vec![1, 4, 3], vec![0, 6, 2], vec![5]]),
            (LengthBuckets::sequences(99), vec![vec![1, 4, 3, 0, 6, 2, 5]]),
            (LengthBuckets::tokens(9), vec![vec![1], vec![4], vec![3, 0], vec![6, 2, 5]]),
            (LengthBuckets::tokens(18), vec![vec![1, 4], vec![3, 0, 6, 2], vec![5]]),
        ] {
            assert_eq!(buckets.ordered(&lengths).unwrap(), expected, "{buckets:?}");
        }
        assert!(LengthBuckets::tokens(1).ordered(&[]).unwrap().is_empty());
        assert!(LengthBuckets::sequences(1).shuffled(&[], &mut rng(0)).unwrap().is_empty());
    }

    #[test]
    fn bucketing_pads_less_than_shuffling() {
        // Lengths from 1 to 400, most of them short, as sentences are.
        let lengths: Vec<usize> = (0..4000_usize).map(|n| 1 + (n * 7919 % 4000).pow(2) / 40_000).collect();
        let truth: usize = lengths.iter().sum();
        let mut random: Vec<usize> = (0..lengths.len()).collect();
        random.shuffle(&mut rng(1));
        let random: Vec<Vec<usize>> = random.chunks(32).map(<[usize]>::to_vec).collect();
        let waste = |batches: &[Vec<usize>]| padded_steps(batches, &lengths) as f64 / truth as f64 - 1.0;
        let pooled = LengthBuckets::sequences(32).pool(640).shuffled(&lengths, &mut rng(1)).unwrap();
        let sorted = LengthBuckets::sequences(32).shuffled(&lengths, &mut rng(1)).unwrap();
        let (random, pooled, sorted) = (waste(&random), waste(&pooled), waste(&sorted));
        assert!(random > 1.5, "{random}");
        assert!(pooled < 0.12, "{pooled}");
        assert!(sorted < 0.02 && sorted < pooled, "{sorted}");
    }

    #[test]
    fn epochs_differ_and_seeds_repeat() {
        let lengths: Vec<usize> = (0..100).map(|n| n % 10).collect();
        let buckets = LengthBuckets::tokens(50);
        let mut one = rng(7);
        let first = buckets.shuffled(&lengths, &mut one).unwrap();
        assert_ne!(first, buckets.shuffled(&lengths, &mut one).unwrap());
        assert_eq!(first, buckets.shuffled(&lengths, &mut rng(7)).unwrap());
    }

    #[test]
    fn what_cannot_be_batched_is_explained() {
        for (buckets, expected) in [
            (LengthBuckets::sequences(0), "a batch of 0 sequences; use at least 1"),
            (LengthBuckets::tokens(0), "a batch of 0 tokens; use at least 1"),
            (
                LengthBuckets::tokens(4),
                "sequence 1 has 5 steps, over the 4 tokens of a batch; cut it or use more tokens",
            ),
            (LengthBuckets::tokens(5).pool(0), "a pool of 0 sequences; use at least 1, or no pool"),
        ] {
            assert_eq!(buckets.ordered(&[3, 5]).unwrap_err().to_string(), expected);
            assert_eq!(buckets.shuffled(&[3, 5], &mut rng(0)).unwrap_err().to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn batches_are_a_partition_within_their_size(
            lengths in prop::collection::vec(0_usize..40, 0..60),
            size in 40_usize..90,
            tokens in any::<bool>(),
            pool in prop::option::of(1_usize..30),
            seed in any::<u64>(),
        ) {
            let size = if tokens { BatchSize::Tokens(size) } else { BatchSize::Sequences(size / 20) };
            let buckets = LengthBuckets { size, pool };
            for batches in [buckets.ordered(&lengths).unwrap(), buckets.shuffled(&lengths, &mut rng(seed)).unwrap()] {
                let mut all = batches.concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
                for batch in &batches {
                    prop_assert!(!batch.is_empty());
                    match size {
                        BatchSize::Sequences(count) => prop_assert!(batch.len() <= count),
                        BatchSize::Tokens(count) => prop_assert!(padded_steps(std::slice::from_ref(batch), &lengths) <= count),
                    }
                }
            }
        }
    }
}
