//! Weight gradients over rounded numbers: `C[m][n] += Σ_rows a[row][m]·b[row][n]`, in pieces of rows, the last piece first. The sum of a
//! piece is a product over its rows like any other, and is added to C as a float.
//!
//! A's columns become rows of such a product, so they are turned round, some output rows at a time; B's rows become the words of panels,
//! two rows a word, once for all output rows. Tasks are output rows, so that no bit depends on the number of threads.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::bodies::outer::Outer;
use crate::bodies::rounded::RoundedTile;
use crate::bodies::transpose::Transpose;
use crate::dispatch::{RoundedKernels, Tuned};
use crate::drivers::geometry::Columns;
use crate::drivers::outer::{RowSums, for_each_run, outputs_of_task, sum_outputs};
use crate::drivers::rounded::{ROWS_AT_ONCE, RoundedMemory, RoundedRows, filled_up, tiles_of};
use crate::drivers::threads::{PARALLEL_FLOATS, for_each_of, for_each_task};
use crate::drivers::tiles::tiles;
use crate::memory::aligned::Aligned;
use crate::simd::MOST_LANES;
use crate::words::Error;
use crate::words::sizes::numbers;

/// Output rows that are turned round at a time.
const OUTPUTS_AT_ONCE: usize = 64;

/// Rows of A in pieces of [`ROWS_AT_ONCE`], the last piece first.
fn pieces(rows: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
    let Range { start, end } = *rows;
    (0..(end - start).div_ceil(ROWS_AT_ONCE)).map(move |piece| {
        let end = end - piece * ROWS_AT_ONCE;
        end.saturating_sub(ROWS_AT_ONCE).max(start)..end
    })
}

/// B of a product: the panels of each piece, one piece after another.
struct Panels<'a> {
    words: &'a [f32],
    columns: Columns,
}

impl Panels<'_> {
    /// Words of a column of a piece of so many rows.
    fn depth(kernels: &RoundedKernels, rows: usize) -> usize {
        filled_up(rows, kernels.block) / kernels.word
    }

    /// Words of the panels of a piece.
    fn len(kernels: &RoundedKernels, columns: Columns, rows: usize) -> usize {
        columns.packed_len(Self::depth(kernels, rows))
    }
}

/// Packs a piece of B: panels of words of two rows each.
///
/// # Safety
/// The product's pointers must be valid for these rows.
unsafe fn pack(
    kernels: &RoundedKernels,
    product: &Outer,
    columns: Columns,
    piece: Range<usize>,
    out: &mut [f32],
) {
    let depth = Panels::depth(kernels, piece.len());
    let mut rest = out;
    for panel in 0..columns.panels() {
        let (of_panel, others) = rest.split_at_mut(columns.width(panel) * depth);
        rest = others;
        for (pair, to) in of_panel.chunks_exact_mut(columns.width(panel)).enumerate() {
            let row = |at: usize| match at < piece.len() {
                // SAFETY: the caller promises this row.
                true => unsafe {
                    let row = product.b_row(piece.start + at);
                    product.b.add(row * product.b_stride + columns.first_column(panel))
                },
                false => std::ptr::null(),
            };
            let (even, odd) = (row(kernels.word * pair), row(kernels.word * pair + 1));
            // SAFETY: the rows have the panel's columns, and `to` whole vectors of words.
            unsafe { (kernels.pair)(even, odd, columns.in_panel(panel), to.as_mut_ptr()) };
        }
    }
}

/// Computes all output rows, in parallel where it is worth it. The sums of columns are those of floats. `memory` is for B.
///
/// # Safety
/// The task's pointers must be valid for its sizes and for `outputs` output rows, which must not overlap.
pub(crate) unsafe fn run_rounded_sums(
    kernels: &Tuned,
    rounded: &RoundedKernels,
    task: &RowSums<'_>,
    outputs: usize,
    flops: usize,
    memory: &mut Aligned,
) -> Result<(), Error> {
    let columns = |product: &Outer| Columns { columns: product.columns, lanes: kernels.lanes };
    // Every piece of every product, and how much is before the products.
    let (mut all, mut starts, mut packed) = (0, Vec::with_capacity(task.products.len()), Vec::new());
    for (index, product) in task.products.iter().enumerate() {
        starts.push(all);
        for piece in pieces(&product.rows) {
            let len = Panels::len(rounded, columns(product), piece.len());
            packed.push((index, piece, len));
            all += len;
        }
    }
    memory.resize(numbers("rounded rows", [all, 1])?)?;
    let mut rest = &mut memory[..];
    let mut parts = Vec::with_capacity(packed.len());
    for (index, piece, len) in packed {
        let (part, others) = rest.split_at_mut(len);
        parts.push((index, piece, part));
        rest = others;
    }
    for_each_of(parts, all >= PARALLEL_FLOATS, |(index, piece, part)| {
        let product = task.product(index);
        // SAFETY: the caller's promises.
        unsafe { pack(rounded, product, columns(product), piece, part) };
    });
    let of_product =
        |(product, &start): (&Outer, &usize)| Panels { words: &memory[start..], columns: columns(product) };
    let panels: Vec<Panels<'_>> = task.products.iter().zip(&starts).map(of_product).collect();
    let each = outputs_of_task(outputs, flops).max(1);
    let group = task.group_of_outputs(kernels, each);
    let lost = Mutex::new(None);
    for_each_task(outputs.div_ceil(each), |i| {
        let range = i * each..((i + 1) * each).min(outputs);
        // SAFETY: the caller's promises; ranges are disjoint.
        let done = unsafe { outputs_of(kernels, rounded, task, &panels, range, group) };
        if let Err(error) = done {
            *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    });
    let lost = lost.into_inner().unwrap_or_else(PoisonError::into_inner);
    lost.map_or(Ok(()), Err)
}

/// Computes some output rows.
unsafe fn outputs_of(
    kernels: &Tuned,
    rounded: &RoundedKernels,
    task: &RowSums<'_>,
    panels: &[Panels<'_>],
    range: Range<usize>,
    group: usize,
) -> Result<(), Error> {
    // SAFETY: the caller's promises, for the sums of columns alone.
    unsafe {
        sum_outputs(
            kernels,
            &RowSums { rows: task.rows, products: &[], columns: task.columns },
            range.clone(),
        );
    }
    let (mut memory, mut turned) = (RoundedMemory::default(), Aligned::default());
    let rows = memory.rows(rounded, 1, group.min(range.len()), ROWS_AT_ONCE)?;
    turned.resize(OUTPUTS_AT_ONCE * ROWS_AT_ONCE)?;
    // SAFETY: the kernels are those of an instruction set that this processor has.
    unsafe { (rounded.begin)() };
    for (first, count) in tiles(range.len(), group) {
        let outputs = range.start + first..range.start + first + count;
        for (product, panels) in task.products.iter().zip(panels) {
            let mut before = 0;
            for piece in pieces(&product.rows) {
                let words = &panels.words[before..];
                before += Panels::len(rounded, panels.columns, piece.len());
                // SAFETY: the caller's promises.
                unsafe {
                    turn(kernels, rounded, product, outputs.clone(), &piece, &mut turned, &rows);
                    add(rounded, product, panels.columns, words, outputs.clone(), piece.len(), &rows);
                }
            }
        }
    }
    // SAFETY: as above.
    unsafe { (rounded.end)() };
    Ok(())
}

/// Rounds the columns of A of some output rows, as rows.
unsafe fn turn(
    kernels: &Tuned,
    rounded: &RoundedKernels,
    product: &Outer,
    outputs: Range<usize>,
    piece: &Range<usize>,
    turned: &mut Aligned,
    rows: &RoundedRows,
) {
    let stride = piece.len().next_multiple_of(kernels.lanes);
    let first = outputs.start;
    // SAFETY: the caller promises columns of A for these output rows; `turned` has as many rows of so many numbers.
    unsafe {
        for_each_run(product.a, outputs, 1, |at, from, count| {
            for (start, count) in tiles(count, OUTPUTS_AT_ONCE) {
                let from = from.add(piece.start * product.a_stride + start);
                for row in (0..piece.len()).step_by(kernels.lanes) {
                    let mut lanes = [std::ptr::null(); MOST_LANES];
                    for (lane, to) in lanes.iter_mut().enumerate().take(kernels.lanes.min(piece.len() - row))
                    {
                        *to = from.add((row + lane) * product.a_stride);
                    }
                    let to = turned.as_mut_ptr().add(row);
                    (kernels.transpose)(&Transpose { rows: lanes, depth: count, to, stride });
                }
                for output in 0..count {
                    let row = turned.as_ptr().add(output * stride);
                    rows.put_len(rounded, at + start + output - first, row, piece.len());
                }
            }
        });
    }
}

/// Adds a piece of a product to some output rows.
unsafe fn add(
    rounded: &RoundedKernels,
    product: &Outer,
    columns: Columns,
    words: &[f32],
    outputs: Range<usize>,
    rows_of_piece: usize,
    rows: &RoundedRows,
) {
    let depth = Panels::depth(rounded, rows_of_piece);
    let mut tile = RoundedTile::default();
    tile.words = depth;
    for panel in 0..columns.panels() {
        let (column, vectors) = (columns.first_column(panel), columns.vectors(panel));
        tile.b = words[columns.start(panel, depth)..].as_ptr().cast();
        tile.columns = columns.in_panel(panel);
        for (first, count) in tiles_of(rounded, outputs.len(), vectors) {
            rows.show(&mut tile, first, count);
            for m in 0..count {
                // SAFETY: the caller promises a row of C for each output row.
                let c = unsafe { (*product.c.add(outputs.start + first + m)).add(column) };
                tile.put(m, (c.cast_const(), c));
            }
            // SAFETY: the caller's promises; the rows were rounded, and the panel packed, for this piece.
            unsafe { rounded.run_tile(&tile, vectors) };
        }
    }
}
