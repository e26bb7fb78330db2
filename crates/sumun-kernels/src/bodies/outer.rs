//! A block of an outer product, and sums of rows: what weight gradients are made of. The last row comes first.

use std::ops::Range;

use crate::bodies::tile::{load_columns, multiply_add, store_columns};
use crate::simd::Simd;

/// One weight gradient. `a` columns become output rows; `b` columns become output columns.
#[derive(Debug)]
pub(crate) struct Outer {
    /// Which rows of A it is over.
    pub(crate) rows: Range<usize>,
    /// For each output row: where its column of A begins, in A's first row.
    pub(crate) a: *const *const f32,
    /// Floats between two rows of A.
    pub(crate) a_stride: usize,
    /// B; what goes with the r-th row that it is over is at `b + index[r]·b_stride`.
    pub(crate) b: *const f32,
    pub(crate) b_stride: usize,
    /// Which row of B that is; null for the r-th.
    pub(crate) index: *const u32,
    /// Columns of B and of C.
    pub(crate) columns: usize,
    /// For each output row: where it begins in C.
    pub(crate) c: *const *mut f32,
}

impl Outer {
    /// The row of B that goes with a row of A.
    #[inline(always)]
    pub(crate) unsafe fn b_row(&self, row: usize) -> usize {
        let at = row - self.rows.start;
        // SAFETY: the caller promises a row that this is over.
        if self.index.is_null() { at } else { unsafe { *self.index.add(at) as usize } }
    }
}

/// Some rows and columns of B.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) rows: usize,
    pub(crate) column: usize,
    pub(crate) columns: usize,
}

/// Copies a piece of B to `to`, row by row, zeros up to whole vectors.
#[inline(always)]
pub(crate) unsafe fn gather<S: Simd>(task: &Outer, piece: &Piece, to: *mut f32) {
    let &Piece { start, rows, column, columns } = piece;
    let width = columns.next_multiple_of(S::LANES);
    for row in 0..rows {
        // SAFETY: the caller promises valid rows of B, and memory for as many rows of whole vectors.
        unsafe {
            let at = task.b_row(start + row);
            let (b, to) = (task.b.add(at * task.b_stride + column), to.add(row * width));
            for at in (0..columns).step_by(S::LANES) {
                let left = columns - at;
                let v = if left >= S::LANES { S::load(b.add(at)) } else { S::load_first(b.add(at), left) };
                S::store(to.add(at), v);
            }
        }
    }
}

/// A piece of an outer product: M output rows from `output` on, some input rows, some columns.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    pub(crate) output: usize,
    /// The output rows after these, to be prefetched.
    pub(crate) next: usize,
    pub(crate) piece: &'a Piece,
    /// These rows and columns of B, row by row, in whole vectors.
    pub(crate) b: *const f32,
    /// What the next piece of rows needs, and how far apart the lines of it are that each row prefetches.
    pub(crate) far: *const f32,
    pub(crate) far_step: usize,
}

#[inline(always)]
pub(crate) unsafe fn block<S: Simd, const M: usize, const N: usize>(task: &Outer, block: &Block) {
    let &Block { output, next, piece: &Piece { start, rows, column, columns }, b, mut far, far_step } = block;
    // SAFETY: the caller promises valid pointers for these rows and columns.
    unsafe {
        let mut acc = [[S::splat(0.0); N]; M];
        let mut a = [std::ptr::null::<f32>(); M];
        for m in 0..M {
            a[m] = (*task.a.add(output + m)).add(start * task.a_stride);
            acc[m] = load_columns::<S, N>((*task.c.add(output + m)).add(column), columns);
            for n in 0..N {
                S::prefetch((*task.c.add(next + m)).wrapping_add(column + n * S::LANES));
            }
        }
        let ahead = (*task.a.add(next + M - 1)).add(start * task.a_stride);
        for r in (0..rows).rev() {
            let b = b.add(r * N * S::LANES);
            S::prefetch(ahead.add(r * task.a_stride));
            S::prefetch_far(far);
            far = far.wrapping_add(far_step);
            let mut numbers = a;
            for m in 0..M {
                numbers[m] = a[m].add(r * task.a_stride);
            }
            multiply_add::<S, M, N, N, 0>(&mut acc, &numbers, b);
        }
        for m in 0..M {
            store_columns::<S, N>((*task.c.add(output + m)).add(column), &acc[m], columns);
        }
    }
}

/// `to[c] += Σ_rows from[r][c]`, the last row first; rows are `stride` floats apart.
#[derive(Debug)]
pub(crate) struct RowSum {
    pub(crate) from: *const f32,
    pub(crate) stride: usize,
    pub(crate) rows: usize,
    pub(crate) to: *mut f32,
    pub(crate) columns: usize,
}

/// Four vectors of sums at a time.
#[inline(always)]
pub(crate) unsafe fn add_rows<S: Simd>(task: &RowSum) {
    let &RowSum { from, stride, rows, to, columns } = task;
    for column in (0..columns).step_by(4 * S::LANES) {
        let width = (columns - column).min(4 * S::LANES);
        // SAFETY: the caller promises as many rows, and as many sums.
        unsafe {
            let mut sums = load_columns::<S, 4>(to.add(column), width);
            for row in (0..rows).rev() {
                let row = load_columns::<S, 4>(from.add(row * stride + column), width);
                for n in 0..4 {
                    sums[n] = S::add(sums[n], row[n]);
                }
            }
            store_columns::<S, 4>(to.add(column), &sums, width);
        }
    }
}
