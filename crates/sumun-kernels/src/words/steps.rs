//! Packed steps: which sequences run at which step.

use std::ops::Range;

use crate::words::dims::Dims;
use crate::words::error::Error;
use crate::words::sizes::{MOST_ROWS, array, numbers, range};

/// Which sequences run at which step: step `t` owns rows `offset(t) .. offset(t) + batch_size(t)`.
///
/// Sequences are ranked longest first, so that the row of rank `n` at step `t` is `offset(t) + n`
/// and the sequences that run at a step are always a prefix of those of the step before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    batch_sizes: Vec<usize>,
    offsets: Vec<usize>,
}

impl Steps {
    /// Packed steps from their batch sizes, which must be at least 1, never grow, and add up to at most [`MOST_ROWS`].
    pub fn new(batch_sizes: Vec<usize>) -> Result<Self, Error> {
        let mut offsets = array(batch_sizes.len() + 1)?;
        let (mut offset, mut previous) = (0, None);
        for (step, &found) in batch_sizes.iter().enumerate() {
            if found == 0 || previous.is_some_and(|previous| found > previous) {
                return Err(Error::BatchSizes { step, previous, found });
            }
            offsets.push(offset);
            if found > MOST_ROWS - offset {
                let found = offset as u128 + found as u128;
                return Err(Error::TooLarge { what: "the rows of all steps", found, most: MOST_ROWS });
            }
            offset += found;
            previous = Some(found);
        }
        offsets.push(offset);
        Ok(Self { batch_sizes, offsets })
    }

    /// `steps` steps of `batch` rows each; no step at all of no rows.
    pub fn uniform(steps: usize, batch: usize) -> Result<Self, Error> {
        let rows = steps as u128 * batch as u128;
        if rows > MOST_ROWS as u128 {
            return Err(Error::TooLarge { what: "the rows of all steps", found: rows, most: MOST_ROWS });
        }
        let steps = if batch == 0 { 0 } else { steps };
        let mut batch_sizes = array(steps)?;
        batch_sizes.resize(steps, batch);
        Self::new(batch_sizes)
    }

    /// The steps of a range, as a pass of their own; empty for an empty range.
    ///
    /// # Errors
    /// [`Error::Range`] for one that ends before it begins or beyond the last step.
    pub fn part(&self, steps: Range<usize>) -> Result<Self, Error> {
        range("a part of steps", &steps, 0..self.len())?;
        let offsets = match steps.is_empty() {
            true => vec![0],
            false => {
                self.offsets[steps.start..=steps.end].iter().map(|o| o - self.offsets[steps.start]).collect()
            }
        };
        Ok(Self { batch_sizes: self.batch_sizes[steps].to_vec(), offsets })
    }

    /// Checks that all arrays of a pass of these sizes can be addressed, and gives the number of rows: what comes after
    /// may multiply rows and sequences by the sizes without another look.
    pub(crate) fn fit(&self, dims: Dims) -> Result<usize, Error> {
        numbers("the numbers of a pass", [self.rows(), dims.widest()])?;
        Ok(self.rows())
    }

    /// T: the number of steps.
    pub fn len(&self) -> usize {
        self.batch_sizes.len()
    }

    /// Whether there is no step at all.
    pub fn is_empty(&self) -> bool {
        self.batch_sizes.is_empty()
    }

    /// N: sequences that run at the first step.
    pub fn sequences(&self) -> usize {
        self.batch_sizes.first().copied().unwrap_or(0)
    }

    /// R: rows in all.
    pub fn rows(&self) -> usize {
        self.offsets[self.batch_sizes.len()]
    }

    /// Rows of step `t`.
    ///
    /// # Panics
    /// As an index, from [`len`](Self::len) on.
    pub fn batch_size(&self, t: usize) -> usize {
        self.batch_sizes[t]
    }

    /// Rows of every step.
    pub fn batch_sizes(&self) -> &[usize] {
        &self.batch_sizes
    }

    /// The first row of step `t`; `offset(len())` is [`rows`](Self::rows).
    ///
    /// # Panics
    /// As an index, beyond [`len`](Self::len).
    pub fn offset(&self, t: usize) -> usize {
        self.offsets[t]
    }

    /// Whether every step has the same number of rows.
    pub fn is_uniform(&self) -> bool {
        self.batch_sizes.first() == self.batch_sizes.last()
    }
}
