//! Products of 8-bit weights: how they are packed, and the steps of a forward pass over them.
//!
//! Weights keep the panels of their `f32` form, with four numbers of K side by side for each column. A row of activations is
//! rounded to bytes once, by its own largest value, and is then an operand of all panels. So a step is: h as bytes, all panels
//! added to what the input left in the gates, then all cells.

use std::ops::Range;

use crate::bodies::int8::Int8Tile;
use crate::bodies::tile::MOST_ROWS;
use crate::dispatch::Int8Kernels;
use crate::drivers::geometry::{Columns, Geometry, Side};
use crate::drivers::threads::{PARALLEL_FLOPS, for_each_task};
use crate::drivers::tiles::tiles;
use crate::memory::aligned::Aligned;
use crate::simd::int8::{RAISE, WORD};
use crate::words::Error;
use crate::words::precision::{MOST_DEPTH, row_scale, whole};
use crate::words::rows::RowsAt;
use crate::words::sizes::numbers;

/// Bytes of a row of so many numbers: whole cache lines, so whole vectors of any instruction set.
fn row_bytes(len: usize) -> usize {
    len.next_multiple_of(64)
}

/// Refuses a product of 8-bit weights that is over more numbers than its sums have bits for.
pub(crate) fn depth(found: usize) -> Result<(), Error> {
    let what = "the inputs of a product of 8-bit weights";
    match found <= MOST_DEPTH {
        true => Ok(()),
        false => Err(Error::TooLarge { what, found: found as u128, most: MOST_DEPTH }),
    }
}

/// Rows as bytes, with a scale each: memory for them.
#[derive(Debug, Default)]
pub(crate) struct Int8Memory {
    bytes: Aligned,
    scales: Aligned,
}

impl Int8Memory {
    /// Memory for so many rows of so many numbers.
    pub(crate) fn rows(&mut self, rows: usize, len: usize) -> Result<Int8Rows, Error> {
        let stride = row_bytes(len);
        self.bytes.resize(numbers("rows of 8-bit numbers", [rows, stride])? / size_of::<f32>())?;
        self.scales.resize(rows)?;
        Ok(Int8Rows { bytes: self.bytes.as_mut_ptr().cast(), scales: self.scales.as_mut_ptr(), stride, len })
    }
}

/// Rows as bytes, with a scale each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Int8Rows {
    bytes: *mut i8,
    scales: *mut f32,
    stride: usize,
    len: usize,
}

// SAFETY: pointers to memory of which tasks write their own rows.
unsafe impl Sync for Int8Rows {}

impl Int8Rows {
    /// Rounds a row of floats.
    ///
    /// # Safety
    /// There must be this row, and its numbers at `from`; nobody else may use the row meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn put(&self, kernels: &Int8Kernels, row: usize, from: *const f32) {
        // SAFETY: the caller's promises.
        unsafe {
            *self.scales.add(row) = (kernels.to_bytes)(from, self.len, self.bytes.add(row * self.stride))
        }
    }

    /// Has a tile read a row as its m-th.
    #[inline(always)]
    unsafe fn show(&self, tile: &mut Int8Tile, m: usize, row: usize) {
        // SAFETY: the caller promises this row.
        unsafe {
            tile.a[m] = self.bytes.add(row * self.stride).cast_const().cast();
            tile.scales[m] = *self.scales.add(row);
        }
    }
}

/// A matrix of 8-bit weights, packed in panels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Int8Panels {
    /// `[panel][words][columns of the panel][4]`.
    bytes: Aligned,
    /// By column of all panels: its scale, and what a sum of raised bytes begins with.
    scales: Aligned,
    raised: Vec<i32>,
    words: usize,
}

impl Int8Panels {
    /// Packs the side of a recurrence's weights `[G·H, K]`.
    pub(crate) fn pack_side(
        &mut self,
        g: &Geometry,
        weight: &[f32],
        k: usize,
        side: Side,
    ) -> Result<(), Error> {
        let first = g.first_column(side);
        let widths = (0..g.panels).map(|panel| g.vectors(panel, side) * g.lanes);
        self.pack(weight, k, widths, |panel, column| g.weight_row(panel, first + column, side))
    }

    /// Packs the weights `[O, K]` of a plain product.
    pub(crate) fn pack_columns(&mut self, columns: Columns, weight: &[f32], k: usize) -> Result<(), Error> {
        let widths = (0..columns.panels()).map(|panel| columns.width(panel));
        self.pack(weight, k, widths, |panel, column| {
            Some(columns.first_column(panel) + column).filter(|&row| row < columns.columns)
        })
    }

    /// `row_of(panel, column)` is the row of `weight` that a column is; None for padding.
    fn pack(
        &mut self,
        weight: &[f32],
        k: usize,
        widths: impl Iterator<Item = usize> + Clone,
        row_of: impl Fn(usize, usize) -> Option<usize>,
    ) -> Result<(), Error> {
        self.bytes.resize(0)?;
        self.words = k.div_ceil(WORD);
        let columns: usize = widths.clone().sum();
        self.bytes.resize(numbers("8-bit weights", [columns, self.words])?)?;
        self.scales.resize(columns)?;
        self.raised.clear();
        self.raised.resize(columns, 0);
        let mut before = 0;
        for (panel, width) in widths.enumerate() {
            // SAFETY: any bits are four bytes; the slice is of this panel alone.
            let bytes = unsafe {
                let panel = &mut self.bytes[before * self.words..][..width * self.words];
                std::slice::from_raw_parts_mut(panel.as_mut_ptr().cast::<i8>(), width * self.words * WORD)
            };
            bytes.fill(0);
            for column in 0..width {
                let row = row_of(panel, column).map(|row| &weight[row * k..][..k]);
                let scale = row.map_or(0.0, row_scale);
                let mut sum = 0;
                for (at, &value) in row.unwrap_or(&[]).iter().enumerate() {
                    let q = whole(value, scale);
                    sum += i32::from(q);
                    bytes[(at / WORD * width + column) * WORD + at % WORD] = q;
                }
                self.scales[before + column] = scale;
                self.raised[before + column] = -RAISE * sum;
            }
            before += width;
        }
        Ok(())
    }

    /// Whether nothing is packed.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A tile of a panel that comes after so many columns of others.
    #[inline(always)]
    fn tile(&self, before: usize, columns: usize) -> Int8Tile {
        let (none, nowhere) = (std::ptr::null(), std::ptr::null_mut());
        Int8Tile {
            a: [std::ptr::null(); MOST_ROWS],
            scales: [0.0; MOST_ROWS],
            words: self.words,
            b: self.bytes[before * self.words..].as_ptr().cast(),
            raised: self.raised[before..].as_ptr(),
            column_scales: self.scales[before..].as_ptr(),
            start: [none; MOST_ROWS],
            c: [nowhere; MOST_ROWS],
            columns,
        }
    }
}

/// What a forward pass with 8-bit weights has beside others.
#[derive(Debug)]
pub(crate) struct Int8Pass<'a> {
    pub(crate) kernels: Int8Kernels,
    pub(crate) input: &'a Int8Panels,
    /// None where h has no product.
    pub(crate) hidden: Option<&'a Int8Panels>,
    /// Memory for the rows of x of a chunk, those of a shard after those of the shard before it, and for those of h, by rank.
    pub(crate) x: Int8Rows,
    pub(crate) h: Int8Rows,
    /// Rows of a shard in `x`.
    pub(crate) chunk: usize,
}

impl Int8Pass<'_> {
    /// Pre-activations of the panels of a side, `rows` rows of each. `place(panel, i)` is asked for each panel and row in order: it
    /// says which row of bytes the i-th is, what its sums start from, and where they go.
    ///
    /// # Safety
    /// The weights must be packed for the geometry, and rows and places be valid; no other task may write the same places.
    #[inline(always)]
    pub(crate) unsafe fn panels(
        &self,
        geometry: &Geometry,
        side: Side,
        panels: Range<usize>,
        rows: usize,
        mut place: impl FnMut(usize, usize) -> (usize, *const f32, *mut f32),
    ) {
        let (weights, operand) = match side {
            Side::Input => (Some(self.input), &self.x),
            _ => (self.hidden, &self.h),
        };
        let Some(weights) = weights else { return };
        for panel in panels {
            let vectors = geometry.vectors(panel, side);
            let mut tile = weights.tile(geometry.panel_start(panel, 1, side), vectors * geometry.lanes);
            for (start, count) in tiles(rows, self.kernels.tile_rows(vectors)) {
                for m in 0..count {
                    let (row, from, to) = place(panel, start + m);
                    (tile.start[m], tile.c[m]) = (from, to);
                    // SAFETY: the caller's promises.
                    unsafe { operand.show(&mut tile, m, row) };
                }
                // SAFETY: the caller's promises.
                unsafe { self.kernels.run_tile(&tile, vectors, count) };
            }
        }
    }
}

/// A plain product of 8-bit weights: `C[r] = bias + a[r]·B`.
#[derive(Debug)]
pub(crate) struct Int8Product<'a> {
    pub(crate) kernels: Int8Kernels,
    pub(crate) a: RowsAt<*const f32>,
    pub(crate) b: &'a Int8Panels,
    pub(crate) columns: Columns,
    /// `[columns]`, or null for zeros.
    pub(crate) bias: *const f32,
    pub(crate) c: RowsAt<*mut f32>,
}

// SAFETY: A and B are only read; each task writes its own columns of C.
unsafe impl Sync for Int8Product<'_> {}

/// Rows that are rounded at a time.
pub(crate) const ROWS_AT_ONCE: usize = 256;

impl Int8Product<'_> {
    /// Computes `rows` rows, in parallel by panels of B where it is worth it. `memory` is for [`ROWS_AT_ONCE`] rows of A.
    ///
    /// # Safety
    /// The pointers must be valid for these rows and the sizes for which B was packed.
    pub(crate) unsafe fn run(&self, memory: Int8Rows, rows: usize, flops: usize) {
        let panels = self.columns.panels();
        let threads = if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads() };
        let each = panels.div_ceil(2 * threads).max(1);
        let each = if threads == 1 { panels } else { each };
        let memory = &memory;
        for first in (0..rows).step_by(ROWS_AT_ONCE) {
            let count = ROWS_AT_ONCE.min(rows - first);
            for row in 0..count {
                // SAFETY: the caller's promises.
                unsafe { memory.put(&self.kernels, row, self.a.row(first + row)) };
            }
            for_each_task(panels.div_ceil(each), |task| {
                for panel in task * each..((task + 1) * each).min(panels) {
                    // SAFETY: the caller's promises; panels are disjoint columns of C.
                    unsafe { self.panel(panel, memory, first..first + count) };
                }
            });
        }
    }

    /// One panel of rows that are there as bytes.
    unsafe fn panel(&self, panel: usize, memory: &Int8Rows, rows: Range<usize>) {
        let (column, vectors) = (self.columns.first_column(panel), self.columns.vectors(panel));
        let mut tile = self.b.tile(column, self.columns.in_panel(panel));
        for (start, count) in tiles(rows.len(), self.kernels.tile_rows(vectors)) {
            for m in 0..count {
                // SAFETY: the caller's promises.
                unsafe {
                    memory.show(&mut tile, m, start + m);
                    tile.c[m] = self.c.row(rows.start + start + m).add(column);
                }
                tile.start[m] = if self.bias.is_null() { self.bias } else { self.bias.wrapping_add(column) };
            }
            // SAFETY: the caller's promises.
            unsafe { self.kernels.run_tile(&tile, vectors, count) };
        }
    }
}
