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

/// Rows in somebody's array: row `i` starts at `base + at(i)·stride`, with `at` a map or the identity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowsAt<P> {
    pub(crate) base: P,
    pub(crate) stride: usize,
    /// Null for the identity.
    pub(crate) map: *const u32,
}

impl<P> RowsAt<P> {
    #[inline(always)]
    unsafe fn offset(&self, row: usize) -> usize {
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
}

/// Sequences dealt round-robin to shards, so that ragged batches balance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shard {
    pub(crate) index: usize,
    pub(crate) count: usize,
}

impl Shard {
    /// How many of the first `alive` ranks are this shard's.
    #[inline(always)]
    pub(crate) fn rows(self, alive: usize) -> usize {
        (alive + self.count - 1 - self.index) / self.count
    }

    /// The rank of the shard's i-th sequence.
    #[inline(always)]
    pub(crate) fn rank(self, i: usize) -> usize {
        self.index + i * self.count
    }
}
