//! Weight gradients: `C[m][n] += Σ_rows a[row][m]·b[row][n]`, the last row first.
//!
//! Tasks are output rows, never input rows, so the sum over rows is one chain whoever computes it. It goes the way
//! backward goes through time, so that a sequence taken in pieces, the last piece first, adds to the same chain.

use std::mem::MaybeUninit;

use crate::cpu::tile::{load_columns, store_columns, tiles};
use crate::simd::{Kernels, Simd};

/// One weight gradient. `a` columns become output rows; `b` columns become output columns.
#[derive(Debug)]
pub(crate) struct Outer {
    /// How many rows are summed over.
    pub(crate) rows: usize,
    /// For each output row: where its column of A begins.
    pub(crate) a: *const *const f32,
    /// Floats between two rows of A.
    pub(crate) a_stride: usize,
    /// B; row r is at `b + index[r]·b_stride`.
    pub(crate) b: *const f32,
    pub(crate) b_stride: usize,
    /// Which row of B goes with row r of A; null for the same.
    pub(crate) index: *const u32,
    /// Columns of B and of C.
    pub(crate) columns: usize,
    /// For each output row: where it begins in C.
    pub(crate) c: *const *mut f32,
}

// SAFETY: the pointers are only read, but for C, of which each task writes its own output rows.
unsafe impl Sync for Outer {}

/// Rows that are summed before the tile of C is put back: so many rows of a panel of B are two thirds of a first-level
/// cache of 48 KiB, which leaves room for the columns of A.
const ROWS_AT_ONCE: usize = 128;

/// A panel of B, row by row, on whole cache lines. Rows that lie far apart in memory would push one another out of the
/// first-level cache, as their addresses differ by a power of two.
#[repr(C, align(64))]
struct Panel([MaybeUninit<f32>; ROWS_AT_ONCE * MOST_COLUMNS]);

/// Columns of a panel on the widest instruction set: four vectors.
const MOST_COLUMNS: usize = 64;

/// Floats of C that all rows are summed into before the next: half of a 2 MiB second-level cache, so that C is not
/// read from and written to the cache after it for every piece of rows.
const OUTPUT_FLOATS: usize = 256 * 1024;

/// Computes the output rows `range`.
///
/// # Safety
/// The task's pointers must be valid for its sizes; no other task may write the same output rows.
pub(crate) unsafe fn outer(kernels: &Kernels, task: &Outer, range: std::ops::Range<usize>) {
    let mut panel = Panel([MaybeUninit::uninit(); ROWS_AT_ONCE * MOST_COLUMNS]);
    let groups = (range.len() * task.columns).div_ceil(OUTPUT_FLOATS);
    for (first, outputs) in tiles(range.len(), range.len().div_ceil(groups.max(1))) {
        let mut start = task.rows;
        while start > 0 {
            let rows = ROWS_AT_ONCE.min(start);
            start -= rows;
            for column in (0..task.columns).step_by(4 * kernels.lanes) {
                let columns = (task.columns - column).min(4 * kernels.lanes);
                let piece = Piece { start, rows, column, columns };
                // SAFETY: the caller's promises; the panel holds as many rows of four vectors.
                unsafe { blocks(kernels, task, range.start + first, outputs, &piece, &mut panel) };
            }
        }
    }
}

/// Adds what some rows say to some columns of the output rows from `first` on.
unsafe fn blocks(
    kernels: &Kernels,
    task: &Outer,
    first: usize,
    outputs: usize,
    piece: &Piece,
    panel: &mut Panel,
) {
    let vectors = piece.columns.div_ceil(kernels.lanes);
    let blocks = kernels.outer_blocks[vectors - 1];
    // Rows that follow each other without a gap are a panel already.
    let dense = task.index.is_null() && task.b_stride == vectors * kernels.lanes;
    // SAFETY: the caller's promises.
    unsafe {
        let b = if dense {
            task.b.add(piece.start * task.b_stride)
        } else {
            let to = panel.0.as_mut_ptr().cast();
            (kernels.gather)(task, piece, to);
            to.cast_const()
        };
        for (at, count) in tiles(outputs, blocks.len()) {
            let output = first + at;
            let next = if at + 2 * count <= outputs { output + count } else { output };
            blocks[count - 1](task, &Block { output, next, piece, b });
        }
    }
}

/// Some rows and columns of B.
#[derive(Debug)]
pub(crate) struct Piece {
    start: usize,
    rows: usize,
    column: usize,
    columns: usize,
}

/// Copies a piece of B to `to`, row by row, zeros up to whole vectors.
#[inline(always)]
pub(crate) unsafe fn gather<S: Simd>(task: &Outer, piece: &Piece, to: *mut f32) {
    let &Piece { start, rows, column, columns } = piece;
    let width = columns.next_multiple_of(S::LANES);
    for row in 0..rows {
        // SAFETY: the caller promises valid rows of B, and room for as many rows of whole vectors.
        unsafe {
            let at = if task.index.is_null() { start + row } else { *task.index.add(start + row) as usize };
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
    output: usize,
    /// The output rows after these, to have them at hand by then.
    next: usize,
    piece: &'a Piece,
    /// These rows and columns of B, row by row, in whole vectors.
    b: *const f32,
}

#[inline(always)]
pub(crate) unsafe fn block<S: Simd, const M: usize, const N: usize>(task: &Outer, block: &Block) {
    let &Block { output, next, piece: &Piece { start, rows, column, columns }, b } = block;
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
            let mut w = [S::splat(0.0); N];
            for n in 0..N {
                w[n] = S::load(b.add(n * S::LANES));
            }
            for m in 0..M {
                let v = S::splat(*a[m].add(r * task.a_stride));
                for n in 0..N {
                    acc[m][n] = S::fma(v, w[n], acc[m][n]);
                }
            }
        }
        for m in 0..M {
            store_columns::<S, N>((*task.c.add(output + m)).add(column), &acc[m], columns);
        }
    }
}

/// Adds rows of up to four vectors each to two sums of a row, the last row first.
#[inline(always)]
pub(crate) unsafe fn sum_rows<S: Simd>(rows: &[f32], sums: [&mut [f32]; 2]) {
    let width = sums[0].len();
    debug_assert!(width <= 4 * S::LANES && sums[1].len() == width);
    // SAFETY: every chunk is as long as each of the sums.
    unsafe {
        let mut acc = [[S::splat(0.0); 4]; 2];
        for (acc, sums) in acc.iter_mut().zip(&sums) {
            *acc = load_columns::<S, 4>(sums.as_ptr(), width);
        }
        for row in rows.chunks_exact(width).rev() {
            let row = load_columns::<S, 4>(row.as_ptr(), width);
            for acc in &mut acc {
                for n in 0..4 {
                    acc[n] = S::add(acc[n], row[n]);
                }
            }
        }
        for (acc, sums) in acc.iter().zip(sums) {
            store_columns::<S, 4>(sums.as_mut_ptr(), acc, width);
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

/// Four rows at a time, so that the sums are read and written a quarter as often.
#[inline(always)]
pub(crate) unsafe fn add_rows<S: Simd>(task: &RowSum) {
    let &RowSum { from, stride, rows, to, columns } = task;
    let mut left = rows;
    while left > 0 {
        let count = left.min(4);
        left -= count;
        // SAFETY: the caller promises as many rows, and as many sums.
        unsafe {
            let from = from.add(left * stride);
            let mut k = 0;
            while k + S::LANES <= columns {
                let mut sum = S::load(to.add(k));
                for row in (0..count).rev() {
                    sum = S::add(sum, S::load(from.add(row * stride + k)));
                }
                S::store(to.add(k), sum);
                k += S::LANES;
            }
            if k < columns {
                let mut sum = S::load_first(to.add(k), columns - k);
                for row in (0..count).rev() {
                    sum = S::add(sum, S::load_first(from.add(row * stride + k), columns - k));
                }
                S::store_first(to.add(k), sum, columns - k);
            }
        }
    }
}
