//! Weight gradients: `C[m][n] += Σ_rows a[row][m]·b[row][n]`, the last row first.
//!
//! Tasks are output rows, never input rows, so the sum over rows is one chain whoever computes it. It goes the way
//! backward goes through time, so that a sequence taken in pieces, the last piece first, adds to the same chain.

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

/// Rows that are summed before the tile of C is put back: what of A and B fits the first-level cache.
const ROWS_AT_ONCE: usize = 128;

/// Output rows that one pass over a block of input rows serves: with `ROWS_AT_ONCE` rows their columns of A stay
/// in the first-level cache.
const OUTPUTS_AT_ONCE: usize = 64;

/// Computes the output rows `range`.
///
/// # Safety
/// The task's pointers must be valid for its sizes; no other task may write the same output rows.
pub(crate) unsafe fn outer(kernels: &Kernels, task: &Outer, range: std::ops::Range<usize>) {
    let panel = 4 * kernels.lanes;
    for group in range.clone().step_by(OUTPUTS_AT_ONCE) {
        let outputs = OUTPUTS_AT_ONCE.min(range.end - group);
        let mut start = task.rows;
        while start > 0 {
            let rows = ROWS_AT_ONCE.min(start);
            start -= rows;
            for column in (0..task.columns).step_by(panel) {
                let columns = (task.columns - column).min(panel);
                let blocks = kernels.outer_blocks[columns.div_ceil(kernels.lanes) - 1];
                for (first, count) in tiles(outputs, blocks.len()) {
                    let block = Block { output: group + first, start, rows, column, columns };
                    // SAFETY: the caller's promises.
                    unsafe { blocks[count - 1](task, &block) }
                }
            }
        }
    }
}

/// A piece of an outer product: M output rows from `output` on, some input rows, some columns.
#[derive(Debug)]
pub(crate) struct Block {
    output: usize,
    start: usize,
    rows: usize,
    column: usize,
    columns: usize,
}

#[inline(always)]
pub(crate) unsafe fn block<S: Simd, const M: usize, const N: usize>(task: &Outer, block: &Block) {
    let &Block { output, start, rows, column, columns } = block;
    // SAFETY: the caller promises valid pointers for these rows and columns.
    unsafe {
        let mut acc = [[S::splat(0.0); N]; M];
        let mut a = [std::ptr::null::<f32>(); M];
        for m in 0..M {
            a[m] = *task.a.add(output + m);
            acc[m] = load_columns::<S, N>((*task.c.add(output + m)).add(column), columns);
        }
        let b = task.b.add(column);
        let full = columns == N * S::LANES;
        for r in (start..start + rows).rev() {
            let at = if task.index.is_null() { r } else { *task.index.add(r) as usize };
            let b = b.add(at * task.b_stride);
            let mut w = [S::splat(0.0); N];
            if full {
                for n in 0..N {
                    w[n] = S::load(b.add(n * S::LANES));
                }
            } else {
                w = load_columns::<S, N>(b, columns);
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
