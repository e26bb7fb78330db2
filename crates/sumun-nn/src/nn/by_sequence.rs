//! Rows of packed steps put one sequence after the other, and back: for layers that look at a whole sequence at once.

use std::ops::Range;

use crate::Layout;

/// Which packed rows each sequence has, in the order of its steps.
#[derive(Debug)]
pub(crate) struct BySequence {
    /// The packed row of each row of the first sequence, then of the second, and so on; the caller's order.
    rows: Vec<usize>,
    /// Where each sequence begins in `rows`; one more for the end.
    starts: Vec<usize>,
}

impl BySequence {
    pub(crate) fn of(layout: &Layout) -> Self {
        let sequences = layout.sequences();
        let mut ranks = vec![0; sequences];
        for (rank, &n) in layout.order().iter().enumerate() {
            ranks[n] = rank;
        }
        let (mut rows, mut starts) = (Vec::with_capacity(layout.rows()), vec![0]);
        for rank in ranks {
            let steps = 0..layout.lengths()[rank];
            rows.extend(steps.map(|step| layout.steps().offset(step) + rank));
            starts.push(rows.len());
        }
        Self { rows, starts }
    }

    /// The packed rows of all sequences, one sequence after the other.
    pub(crate) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Which of these rows are the sequence's.
    pub(crate) fn range(&self, sequence: usize) -> Range<usize> {
        self.starts[sequence]..self.starts[sequence + 1]
    }

    /// How many steps the sequence has.
    pub(crate) fn steps(&self, sequence: usize) -> usize {
        self.range(sequence).len()
    }

    /// Packed rows `[R, features]`, one sequence after the other.
    pub(crate) fn gather(&self, packed: &[f32], features: usize) -> Vec<f32> {
        let mut gathered = Vec::with_capacity(packed.len());
        for &row in &self.rows {
            gathered.extend_from_slice(&packed[row * features..(row + 1) * features]);
        }
        gathered
    }

    /// What [`gather`](Self::gather) undoes: rows `[R, features]` of one sequence after the other, packed.
    pub(crate) fn scatter(&self, gathered: &[f32], features: usize) -> Vec<f32> {
        let mut packed = vec![0.0; gathered.len()];
        for (&row, from) in self.rows.iter().zip(gathered.chunks_exact(features.max(1))) {
            packed[row * features..(row + 1) * features].copy_from_slice(from);
        }
        packed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fill, Rows};

    #[test]
    fn sequences_lie_one_after_the_other_in_the_callers_order() {
        let values: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let mask = [true, false, true, false, false, false, false, false, true, true, true, false];
        for (layout, steps) in [
            (Layout::ragged(&[1, 0, 4], 4).unwrap(), vec![0, 8, 9, 10, 11]),
            (Layout::masked(&mask, 3, 4, Fill::Zero).unwrap(), vec![0, 2, 8, 9, 10]),
        ] {
            let rows = Rows::pack(&values, 2, layout.clone()).unwrap();
            let by = BySequence::of(&layout);
            let gathered = by.gather(&rows.data, 2);
            let expected: Vec<f32> =
                steps.iter().flat_map(|&k| [2.0 * k as f32, 2.0 * k as f32 + 1.0]).collect();
            assert_eq!(gathered, expected);
            assert_eq!(by.scatter(&gathered, 2), *rows.data);
            assert_eq!((by.steps(1), by.range(2)), (0, steps.len() - by.steps(2)..steps.len()));
        }
    }
}
