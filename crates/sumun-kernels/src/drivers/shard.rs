//! How the sequences of a batch are shared among threads.

use crate::words::Steps;

/// The sequences of a batch that one thread computes.
///
/// Each thread has runs of neighbouring sequences: if rows of one thread were between those of another, the other's prefetcher
/// would fetch them while they are written. Ranks go from the longest sequence to the shortest, and shards take their runs in
/// turn, each second turn in the opposite order, so that ragged batches balance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shard {
    pub(crate) index: usize,
    pub(crate) count: usize,
    /// Sequences of a run.
    run: usize,
}

/// The longest run where sequences are not all as long.
const MOST_OF_RUN: usize = 8;

impl Shard {
    pub(crate) fn new(index: usize, count: usize, steps: &Steps) -> Self {
        let sequences = steps.sequences();
        if count == 1 {
            // A stream has no time for the divisions.
            return Self { index, count, run: sequences };
        }
        let alike = steps.rows() == sequences * steps.len();
        let turns = if alike { 1 } else { sequences.div_ceil(MOST_OF_RUN * count).max(1) };
        Self { index, count, run: sequences.div_ceil(turns * count).max(1) }
    }

    /// The most sequences of a shard, of so many.
    pub(crate) fn most_rows(count: usize, steps: &Steps) -> usize {
        let of = |index| Self::new(index, count, steps).rows(steps.sequences());
        (0..count).map(of).max().unwrap_or(0)
    }

    /// Which run of a turn belongs to this shard.
    #[inline(always)]
    fn place(self, turn: usize) -> usize {
        if turn.is_multiple_of(2) { self.index } else { self.count - 1 - self.index }
    }

    /// How many of the first `alive` ranks belong to this shard.
    #[inline(always)]
    pub(crate) fn rows(self, alive: usize) -> usize {
        if self.count == 1 {
            return alive;
        }
        let turn = alive / (self.run * self.count);
        let rest = alive - turn * self.run * self.count;
        turn * self.run + rest.saturating_sub(self.place(turn) * self.run).min(self.run)
    }

    /// The rank of the shard's i-th sequence.
    #[inline(always)]
    pub(crate) fn rank(self, i: usize) -> usize {
        if self.count == 1 {
            return i;
        }
        let turn = i / self.run;
        (turn * self.count + self.place(turn)) * self.run + i % self.run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sequence_belongs_to_one_shard_and_work_balances() {
        for count in 1..=5 {
            for sequences in 1..70 {
                for ragged in [false, true] {
                    let length = |rank: usize| if ragged { 2 * (sequences - rank) } else { 9 };
                    let alive = |t: usize| (0..sequences).filter(|&rank| length(rank) > t).count();
                    let steps = Steps::new((0..length(0)).map(alive).collect()).unwrap();
                    let shards: Vec<_> = (0..count).map(|index| Shard::new(index, count, &steps)).collect();
                    for &alive in steps.batch_sizes() {
                        let mut dealt: Vec<_> =
                            shards.iter().flat_map(|s| (0..s.rows(alive)).map(|i| s.rank(i))).collect();
                        dealt.sort_unstable();
                        assert!(dealt.into_iter().eq(0..alive), "{alive} of {sequences} to {count}");
                    }
                    let work = |s: &Shard| (0..s.rows(sequences)).map(|i| length(s.rank(i))).sum::<usize>();
                    let most = shards.iter().map(work).max().unwrap();
                    let even = match ragged {
                        true => {
                            steps.rows().div_ceil(count) + MOST_OF_RUN * length(0).min(MOST_OF_RUN * count)
                        }
                        false => 9 * sequences.div_ceil(count),
                    };
                    assert!(most <= even, "{most} for {even}, {sequences} to {count}");
                }
            }
        }
    }
}
