//! The fused kernels: plain loops over tiles, with one generic body for each tile and
//! cell that is compiled once for each instruction set.
//!
//! * Weights are packed in *panels* of one vector of hidden units with all their gates side by side, so one
//!   register tile finishes all gates of those units and the cell update happens in registers.
//! * Every output number is one chain of multiply-adds over K in the same order, whatever the tile's height,
//!   the chunk, the shard or the number of threads: blocking never changes a bit.
//! * Rows are addressed by pointers, so a reversed direction, a strided shard of sequences or a concatenated
//!   output is no copy.

pub(crate) mod activation;
pub(crate) mod backward;
pub(crate) mod cells;
pub(crate) mod forward;
pub(crate) mod linear;
pub(crate) mod outer;
pub(crate) mod pack;
pub(crate) mod peak;
pub(crate) mod row;
pub(crate) mod softmax;
pub(crate) mod step;
pub(crate) mod tile;
pub(crate) mod transpose;
pub(crate) mod update;

use crate::types::Steps;

/// Rows in somebody's array: row `i` starts at `base + at(first + i)·stride`, with `at` a map or the identity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowsAt<P> {
    pub(crate) base: P,
    pub(crate) stride: usize,
    /// Null for the identity.
    pub(crate) map: *const u32,
    first: usize,
}

impl<P> RowsAt<P> {
    /// All rows; a null map is the identity.
    pub(crate) fn mapped(base: P, stride: usize, map: *const u32) -> Self {
        Self { base, stride, map, first: 0 }
    }

    /// All rows, one after another.
    pub(crate) fn dense(base: P, stride: usize) -> Self {
        Self::mapped(base, stride, std::ptr::null())
    }

    /// The rows from the `first` on.
    #[inline(always)]
    pub(crate) fn from(self, first: usize) -> Self {
        Self { first: self.first + first, ..self }
    }

    #[inline(always)]
    unsafe fn offset(&self, row: usize) -> usize {
        let row = self.first + row;
        let row = if self.map.is_null() {
            row
        } else {
            // SAFETY: the caller promises a row that the map holds.
            unsafe { *self.map.add(row) as usize }
        };
        row * self.stride
    }
}

impl RowsAt<*const f32> {
    #[inline(always)]
    pub(crate) unsafe fn row(&self, row: usize) -> *const f32 {
        // SAFETY: the caller promises a row that the array holds.
        unsafe { self.base.add(self.offset(row)) }
    }
}

impl RowsAt<*mut f32> {
    #[inline(always)]
    pub(crate) unsafe fn row(&self, row: usize) -> *mut f32 {
        // SAFETY: the caller promises a row that the array holds.
        unsafe { self.base.add(self.offset(row)) }
    }

    /// The same rows, to be read.
    #[inline(always)]
    pub(crate) fn read(self) -> RowsAt<*const f32> {
        RowsAt { base: self.base.cast_const(), stride: self.stride, map: self.map, first: self.first }
    }
}

/// The sequences of a batch that one thread computes.
///
/// They are dealt in runs of neighbours: rows of one thread between those of another would be asked for by the other's
/// prefetcher while they are written. Ranks go from the longest sequence to the shortest, and shards take their runs in
/// turn, each second turn the other way round, so that ragged batches balance.
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

    /// Which run of a turn is this shard's.
    #[inline(always)]
    fn place(self, turn: usize) -> usize {
        if turn.is_multiple_of(2) { self.index } else { self.count - 1 - self.index }
    }

    /// How many of the first `alive` ranks are this shard's.
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
    fn every_sequence_is_dealt_to_one_shard_and_work_balances() {
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
