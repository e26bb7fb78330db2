//! Weight gradients: `C[m][n] += Σ_rows a[row][m]·b[row][n]`, the last row first.
//!
//! Tasks are output rows, never input rows, so the sum over rows is one chain on any number of threads. Its order is that of
//! the backward pass through time, so that a sequence taken in pieces, the last piece first, adds to the same chain.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::bodies::outer::{Block, Outer, Piece, RowSum};
use crate::dispatch::Tuned;
use crate::drivers::threads::{PARALLEL_FLOPS, for_each_task};
use crate::drivers::tiles::tiles;
use crate::memory::aligned::LINE_FLOATS;
use crate::words::machine::{MOST_COLUMNS, MOST_ROWS_AT_ONCE};

/// What is summed over the rows of a matrix A, whose columns become output rows.
#[derive(Debug)]
pub(crate) struct RowSums<'a> {
    /// Rows of A.
    pub(crate) rows: usize,
    /// Products with other matrices, where they add to the same C in this order.
    pub(crate) products: &'a [Outer],
    pub(crate) columns: &'a [ColumnSum],
}

/// `to[m] += Σ_rows a[row][m]`.
#[derive(Debug)]
pub(crate) struct ColumnSum {
    /// For each output row: where its column of A begins.
    pub(crate) a: *const *const f32,
    /// Floats between two rows of A.
    pub(crate) a_stride: usize,
    /// How many output rows there are.
    pub(crate) outputs: usize,
    pub(crate) to: *mut f32,
}

// SAFETY: the pointers are only read, but for C and the sums, of which each task writes its own output rows.
unsafe impl Sync for RowSums<'_> {}

/// A panel of B, row by row, on whole cache lines. Rows that are far apart in memory would evict one another from L1, as
/// their addresses differ by a power of two.
#[repr(C, align(64))]
struct Panel([MaybeUninit<f32>; MOST_ROWS_AT_ONCE * MOST_COLUMNS]);

/// Computes all output rows, in parallel where it is worth it.
///
/// # Safety
/// The task's pointers must be valid for its sizes and for `outputs` output rows, which must not overlap.
pub(crate) unsafe fn run_sums(kernels: &Tuned, task: &RowSums, outputs: usize, flops: usize) {
    let each = outputs_of_task(outputs, flops);
    for_each_task(outputs.div_ceil(each.max(1)), |i| {
        // SAFETY: the caller's promises; ranges are disjoint.
        unsafe { sum_outputs(kernels, task, i * each..((i + 1) * each).min(outputs)) }
    });
}

/// Output rows of a task: whole groups of them, and a few tasks a thread so that a busy core does not hold up the rest.
pub(crate) fn outputs_of_task(outputs: usize, flops: usize) -> usize {
    let threads = if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads() };
    if threads == 1 { outputs } else { outputs.div_ceil(2 * threads).next_multiple_of(16) }
}

/// Computes the output rows `range`: in one pass over A, if L2 holds every C, else in one for each.
///
/// # Safety
/// The task's pointers must be valid for its sizes; no other task may write the same output rows.
pub(crate) unsafe fn sum_outputs(kernels: &Tuned, task: &RowSums, range: Range<usize>) {
    // SAFETY: the caller's promises.
    unsafe {
        if task.output_floats(range.len()) <= kernels.blocks.output_floats {
            pass(kernels, task, range);
            return;
        }
        for (i, product) in task.products.chunks(1).enumerate() {
            let columns = if i == 0 { task.columns } else { &[] };
            pass(kernels, &RowSums { rows: task.rows, products: product, columns }, range.clone());
        }
    }
}

/// One pass over A for each group of output rows whose C stays in L2.
unsafe fn pass(kernels: &Tuned, task: &RowSums, range: Range<usize>) {
    let mut panel = Panel([MaybeUninit::uninit(); MOST_ROWS_AT_ONCE * MOST_COLUMNS]);
    let mut ahead = Ahead::default();
    let mut groups = tiles(range.len(), task.group_of_outputs(kernels, range.len()))
        .map(|(first, outputs)| range.start + first..range.start + first + outputs)
        .peekable();
    let before = |end: usize| end.saturating_sub(kernels.blocks.rows_at_once)..end;
    while let Some(outputs) = groups.next() {
        let mut end = task.rows;
        while end > 0 {
            let piece = before(end);
            end = piece.start;
            ahead.clear(piece.len());
            // SAFETY: the caller's promises.
            unsafe {
                if end > 0 {
                    task.next_rows(before(end), outputs.clone(), &mut ahead);
                } else if let Some(next) = groups.peek() {
                    task.next_outputs(next.clone(), &mut ahead);
                    task.next_rows(before(task.rows), next.clone(), &mut ahead);
                }
                let mut stretches = ahead.stretches.iter().copied();
                for product in task.products {
                    let rows = product.rows_in(&piece);
                    if !rows.is_empty() {
                        product.add(kernels, rows, outputs.clone(), &mut panel, &mut stretches);
                    }
                }
                for sum in task.columns {
                    for_each_run(sum.a, outputs.clone(), 1, |at, from, columns| {
                        let from = from.add(piece.start * sum.a_stride);
                        let (stride, rows, to) = (sum.a_stride, piece.len(), sum.to.add(at));
                        (kernels.add_rows)(&RowSum { from, stride, rows, to, columns });
                    });
                }
            }
        }
    }
}

impl Outer {
    /// Adds some rows of A to some output rows.
    unsafe fn add(
        &self,
        kernels: &Tuned,
        rows: Range<usize>,
        outputs: Range<usize>,
        panel: &mut Panel,
        stretches: &mut impl Iterator<Item = *const f32>,
    ) {
        for (vector, vectors) in tiles(self.columns.div_ceil(kernels.lanes), 4) {
            let column = vector * kernels.lanes;
            let columns = (self.columns - column).min(vectors * kernels.lanes);
            let piece = Piece { start: rows.start, rows: rows.len(), column, columns };
            // SAFETY: the caller's promises; the panel holds as many rows of four vectors.
            unsafe { blocks(kernels, self, outputs.clone(), &piece, panel, stretches) };
        }
    }
}

/// What is needed after the present blocks, in stretches of as many lines as a block has rows. Each block prefetches one, line
/// after line: columns of A by themselves would come at a third of the speed.
#[derive(Debug, Default)]
struct Ahead {
    stretches: Vec<*const f32>,
    lines: usize,
}

impl Ahead {
    fn clear(&mut self, lines: usize) {
        self.stretches.clear();
        self.lines = lines;
    }

    fn add(&mut self, from: *const f32, floats: usize) {
        let starts = (0..floats).step_by(self.lines * LINE_FLOATS);
        self.stretches.extend(starts.map(|at| from.wrapping_add(at)));
    }

    /// Rows that follow each other almost without a gap are one long row.
    fn add_rows(&mut self, from: *const f32, stride: usize, width: usize, rows: Range<usize>) {
        match stride < 2 * width {
            true => self.add(from.wrapping_add(rows.start * stride), rows.len() * stride),
            false => rows.for_each(|row| self.add(from.wrapping_add(row * stride), width)),
        }
    }
}

impl RowSums<'_> {
    /// One of the products.
    pub(crate) fn product(&self, index: usize) -> &Outer {
        &self.products[index]
    }

    /// Floats of so many rows of every C.
    fn output_floats(&self, outputs: usize) -> usize {
        outputs * self.products.iter().map(|product| product.columns).sum::<usize>()
    }

    /// Of so many output rows, how many have a C that stays in L2.
    pub(crate) fn group_of_outputs(&self, kernels: &Tuned, outputs: usize) -> usize {
        let groups = self.output_floats(outputs).div_ceil(kernels.blocks.output_floats).max(1);
        outputs.div_ceil(groups).max(1)
    }

    /// These rows of A, for some output rows, and what goes with them.
    unsafe fn next_rows(&self, rows: Range<usize>, outputs: Range<usize>, ahead: &mut Ahead) {
        let of_product = self.products.first().map(|product| (product.a, product.a_stride));
        let of_sum = || self.columns.first().map(|sum| (sum.a, sum.a_stride));
        // SAFETY: the caller promises valid pointers for these rows and outputs.
        unsafe {
            if let Some((a, stride)) = of_product.or_else(of_sum) {
                for_each_run(a, outputs, 1, |_, a, width| ahead.add_rows(a, stride, width, rows.clone()));
            }
            for product in self.products {
                let rows = product.rows_in(&rows);
                if rows.is_empty() {
                    continue;
                }
                let of_b = product.b_row(rows.start)..product.b_row(rows.end - 1) + 1;
                // Rows in another order are prefetched only where most of the range is needed.
                if of_b.len() < 2 * rows.len() {
                    ahead.add_rows(product.b, product.b_stride, product.columns, of_b);
                }
            }
        }
    }

    /// These rows of each C.
    unsafe fn next_outputs(&self, outputs: Range<usize>, ahead: &mut Ahead) {
        for product in self.products {
            let (c, columns) = (product.c.cast(), product.columns);
            // SAFETY: the caller promises valid pointers for these outputs.
            unsafe { for_each_run(c, outputs.clone(), columns, |_, c, rows| ahead.add(c, rows * columns)) }
        }
    }
}

impl Outer {
    /// Those of some rows of A that it is over.
    fn rows_in(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start.max(self.rows.start)..rows.end.min(self.rows.end)
    }
}

/// Calls `with(at, first, count)` for each run of pointers that are `apart` floats apart, the `at`-th being its first.
///
/// # Safety
/// There must be as many pointers.
pub(crate) unsafe fn for_each_run(
    pointers: *const *const f32,
    range: Range<usize>,
    apart: usize,
    mut with: impl FnMut(usize, *const f32, usize),
) {
    let mut at = range.start;
    while at < range.end {
        // SAFETY: the caller promises as many pointers.
        unsafe {
            let first = *pointers.add(at);
            let follows = |n: usize| *pointers.add(at + n) == first.wrapping_add(n * apart);
            let count = (1..range.end - at).take_while(|&n| follows(n)).count() + 1;
            with(at, first, count);
            at += count;
        }
    }
}

/// Adds the products of some rows to some columns of the output rows.
unsafe fn blocks(
    kernels: &Tuned,
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
            task.b.add((piece.start - task.rows.start) * task.b_stride)
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
