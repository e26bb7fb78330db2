//! Weight gradients: `C[m][n] += Σ_rows a[row][m]·b[row][n]`, the last row first.
//!
//! Tasks are output rows, never input rows, so the sum over rows is one chain whoever computes it. It goes the way
//! backward goes through time, so that a sequence taken in pieces, the last piece first, adds to the same chain.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::aligned::LINE_FLOATS;
use crate::cpu::tile::{load_columns, multiply_add, store_columns, tiles};
use crate::simd::{Kernels, Simd};
use crate::threads::{PARALLEL_FLOPS, for_each_task};

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

/// Floats of C that all rows are summed into before the next: a quarter of a 2 MiB second-level cache, so that C is not
/// read from and written to the cache after it for every piece of rows, and the next rows have room beside it.
const OUTPUT_FLOATS: usize = 128 * 1024;

/// Computes all output rows of an outer product, in parallel where it is worth it.
///
/// # Safety
/// The task's pointers must be valid for its sizes and for `outputs` output rows, which must not overlap.
pub(crate) unsafe fn run_outer(kernels: &Kernels, task: &Outer, outputs: usize, flops: usize) {
    let threads = if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads() };
    // Whole groups of output rows, and a few tasks a thread so that a busy core does not hold up the rest.
    let each = if threads == 1 { outputs } else { outputs.div_ceil(2 * threads).next_multiple_of(16) };
    for_each_task(outputs.div_ceil(each.max(1)), |i| {
        // SAFETY: the caller's promises; ranges are disjoint.
        unsafe { outer(kernels, task, i * each..((i + 1) * each).min(outputs)) }
    });
}

/// Computes the output rows `range`.
///
/// # Safety
/// The task's pointers must be valid for its sizes; no other task may write the same output rows.
pub(crate) unsafe fn outer(kernels: &Kernels, task: &Outer, range: Range<usize>) {
    let mut panel = Panel([MaybeUninit::uninit(); ROWS_AT_ONCE * MOST_COLUMNS]);
    let mut stretches = Vec::new();
    let groups = (range.len() * task.columns).div_ceil(OUTPUT_FLOATS);
    for (first, outputs) in tiles(range.len(), range.len().div_ceil(groups.max(1))) {
        let outputs = range.start + first..range.start + first + outputs;
        let mut start = task.rows;
        while start > 0 {
            let rows = ROWS_AT_ONCE.min(start);
            start -= rows;
            stretches.clear();
            // SAFETY: the caller's promises.
            unsafe {
                task.stretches(outputs.clone(), start.saturating_sub(ROWS_AT_ONCE)..start, &mut stretches)
            };
            let mut stretches = stretches.iter().copied();
            for (vector, vectors) in tiles(task.columns.div_ceil(kernels.lanes), 4) {
                let column = vector * kernels.lanes;
                let columns = (task.columns - column).min(vectors * kernels.lanes);
                let piece = Piece { start, rows, column, columns };
                // SAFETY: the caller's promises; the panel holds as many rows of four vectors.
                unsafe { blocks(kernels, task, outputs.clone(), &piece, &mut panel, &mut stretches) };
            }
        }
    }
}

impl Outer {
    /// Where these rows of A (for some output rows) and B lie, in stretches of [`ROWS_AT_ONCE`] lines. Blocks ask for one
    /// each ahead of time, line after line: columns of A by themselves would come at a third of the speed.
    unsafe fn stretches(&self, outputs: Range<usize>, rows: Range<usize>, to: &mut Vec<*const f32>) {
        let mut add = |from: *const f32, floats: usize| {
            to.extend((0..floats).step_by(ROWS_AT_ONCE * LINE_FLOATS).map(|at| from.wrapping_add(at)));
        };
        // Rows that follow each other almost without a gap are one long row.
        let mut add_rows =
            |from: *const f32, stride: usize, width: usize, rows: Range<usize>| match stride < 2 * width {
                true => add(from.wrapping_add(rows.start * stride), rows.len() * stride),
                false => rows.for_each(|row| add(from.wrapping_add(row * stride), width)),
            };
        // SAFETY: the caller promises valid pointers for these outputs.
        unsafe {
            let of_b = match (self.index.is_null(), rows.is_empty()) {
                (false, false) => {
                    *self.index.add(rows.start) as usize..*self.index.add(rows.end - 1) as usize + 1
                }
                _ => rows.clone(),
            };
            // Rows in whatever order are only asked for where they come when they are needed.
            if of_b.len() < 2 * rows.len() {
                add_rows(self.b, self.b_stride, self.columns, of_b);
            }
            let mut output = outputs.start;
            while output < outputs.end {
                let a = *self.a.add(output);
                let side_by_side = |at: usize| *self.a.add(output + at) == a.wrapping_add(at);
                let width = (1..outputs.end - output).take_while(|&at| side_by_side(at)).count() + 1;
                add_rows(a, self.a_stride, width, rows.clone());
                output += width;
            }
        }
    }
}

/// Adds what some rows say to some columns of the output rows.
unsafe fn blocks(
    kernels: &Kernels,
    task: &Outer,
    outputs: Range<usize>,
    piece: &Piece,
    panel: &mut Panel,
    stretches: &mut impl Iterator<Item = *const f32>,
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
        for (at, count) in tiles(outputs.len(), blocks.len()) {
            let output = outputs.start + at;
            let next = if output + 2 * count <= outputs.end { output + count } else { output };
            let (far, far_step) = stretches.next().map_or((b, 0), |stretch| (stretch, LINE_FLOATS));
            blocks[count - 1](task, &Block { output, next, piece, b, far, far_step });
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
    /// What the next piece of rows needs, and how far apart the lines of it are that each row asks for.
    far: *const f32,
    far_step: usize,
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
