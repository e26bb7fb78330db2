//! Packed steps: which rows are alive at which step.

use crate::words::error::Error;

/// Which rows are alive at which step: step `t` owns rows `offset(t) .. offset(t) + batch_size(t)`.
///
/// Sequences are ranked longest first, so that the row of rank `n` at step `t` is `offset(t) + n`
/// and the sequences alive at a step are always a prefix of those alive the step before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    batch_sizes: Vec<usize>,
    offsets: Vec<usize>,
}

impl Steps {
    /// Packed steps from their batch sizes, which must be at least 1 and never grow.
    pub fn new(batch_sizes: Vec<usize>) -> Result<Self, Error> {
        let mut offsets = Vec::with_capacity(batch_sizes.len() + 1);
        let (mut offset, mut previous) = (0, usize::MAX);
        for (step, &found) in batch_sizes.iter().enumerate() {
            if found == 0 || found > previous {
                return Err(Error::BatchSizes { step, previous, found });
            }
            offsets.push(offset);
            offset += found;
            previous = found;
        }
        offsets.push(offset);
        Ok(Self { batch_sizes, offsets })
    }

    /// `steps` steps of `batch` rows each.
    pub fn uniform(steps: usize, batch: usize) -> Self {
        Self::new(vec![batch; if batch == 0 { 0 } else { steps }]).expect("a uniform batch never grows")
    }

    /// The steps of a range, as a pass of their own; empty for an empty range.
    ///
    /// # Panics
    /// For a range that reaches beyond the last step.
    pub fn part(&self, steps: std::ops::Range<usize>) -> Self {
        let offsets = match steps.is_empty() {
            true => vec![0],
            false => {
                self.offsets[steps.start..=steps.end].iter().map(|o| o - self.offsets[steps.start]).collect()
            }
        };
        Self { batch_sizes: self.batch_sizes[steps].to_vec(), offsets }
    }

    /// T: the number of steps.
    pub fn len(&self) -> usize {
        self.batch_sizes.len()
    }

    /// Whether there is no step at all.
    pub fn is_empty(&self) -> bool {
        self.batch_sizes.is_empty()
    }

    /// N: sequences alive at the first step.
    pub fn sequences(&self) -> usize {
        self.batch_sizes.first().copied().unwrap_or(0)
    }

    /// R: rows in all.
    pub fn rows(&self) -> usize {
        self.offsets[self.batch_sizes.len()]
    }

    /// Rows of step `t`.
    pub fn batch_size(&self, t: usize) -> usize {
        self.batch_sizes[t]
    }

    /// Rows of every step.
    pub fn batch_sizes(&self) -> &[usize] {
        &self.batch_sizes
    }

    /// The first row of step `t`; `offset(len())` is [`rows`](Self::rows).
    pub fn offset(&self, t: usize) -> usize {
        self.offsets[t]
    }

    /// Whether every step has the same number of rows.
    pub fn is_uniform(&self) -> bool {
        self.batch_sizes.first() == self.batch_sizes.last()
    }
}
