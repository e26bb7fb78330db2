//! Products of rounded numbers, 8-bit integers or bf16: how their operands are kept, and the products that passes are made of.
//!
//! Weights keep the panels of their `f32` form, with as many numbers of K side by side for each column as a word of 32 bits holds. A
//! row is rounded once and is then an operand of all panels. So a step is: h as such rows, all panels added to what the input left in
//! the gates, then all cells.

use std::ops::Range;

use crate::bodies::rounded::{Place, RoundedTile};
use crate::bodies::transpose::Transpose;
use crate::dispatch::{Kernels, RoundedKernels};
use crate::drivers::geometry::{Columns, Geometry, Side};
use crate::drivers::pack::for_each_panel;
use crate::drivers::threads::{PARALLEL_FLOPS, for_each_task};
use crate::drivers::tiles::tiles;
use crate::memory::aligned::Aligned;
use crate::simd::MOST_LANES;
use crate::simd::int8::{RAISE, WORD};
use crate::words::precision::{MOST_DEPTH, row_scale, whole};
use crate::words::rows::RowsAt;
use crate::words::sizes::numbers;
use crate::words::{Error, Precision};

/// Refuses a product that is over more numbers than its sums have bits for.
pub(crate) fn depth(precision: Precision, found: usize) -> Result<(), Error> {
    let what = "the inputs of a product of 8-bit weights";
    match precision == Precision::Int8 && found > MOST_DEPTH {
        false => Ok(()),
        true => Err(Error::TooLarge { what, found: found as u128, most: MOST_DEPTH }),
    }
}

/// Memory for rounded rows, with a scale each.
#[derive(Debug, Default)]
pub(crate) struct RoundedMemory {
    bytes: Aligned,
    scales: Aligned,
}

impl RoundedMemory {
    /// Memory for areas of so many rows of so many numbers. Each area is filled up to what tiles read at a time.
    pub(crate) fn rows(
        &mut self,
        kernels: &RoundedKernels,
        areas: usize,
        rows: usize,
        len: usize,
    ) -> Result<RoundedRows, Error> {
        // Whole cache lines, so whole vectors of any instruction set.
        let stride = filled_up(filled_up(len, kernels.block) * kernels.row_bytes, 64);
        let area = filled_up(rows, kernels.row_block);
        let all = numbers("rounded rows", [areas, area])?;
        self.bytes.resize(numbers("rounded rows", [all, stride])? / size_of::<f32>())?;
        self.scales.resize(all)?;
        Ok(RoundedRows {
            bytes: self.bytes.as_mut_ptr().cast(),
            scales: self.scales.as_mut_ptr(),
            area,
            stride,
            len,
        })
    }
}

/// The next multiple of a power of two. A step of one row has no time for divisions.
#[inline(always)]
pub(crate) fn filled_up(count: usize, power: usize) -> usize {
    (count + (power - 1)) & !(power - 1)
}

/// Rounded rows, with a scale each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoundedRows {
    bytes: *mut u8,
    scales: *mut f32,
    /// Rows of an area.
    area: usize,
    stride: usize,
    len: usize,
}

// SAFETY: pointers to memory of which tasks write their own rows.
unsafe impl Sync for RoundedRows {}

impl RoundedRows {
    /// The rows from the first of an area on.
    #[inline(always)]
    pub(crate) fn of_area(&self, area: usize) -> Self {
        let first = area * self.area;
        let (bytes, scales) = (self.bytes.wrapping_add(first * self.stride), self.scales.wrapping_add(first));
        Self { bytes, scales, ..*self }
    }

    /// Rounds a row of floats.
    ///
    /// # Safety
    /// There must be this row, and its numbers at `from`; nobody else may use the row meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn put(&self, kernels: &RoundedKernels, row: usize, from: *const f32) {
        // SAFETY: the caller's promises.
        unsafe {
            *self.scales.add(row) = (kernels.put)(from, self.len, self.bytes.add(row * self.stride));
        }
    }

    /// Rounds the first numbers of a row, which is then one of so many.
    ///
    /// # Safety
    /// As for [`put`](Self::put); they are at most as many as the rows have memory for.
    #[inline(always)]
    pub(crate) unsafe fn put_len(&self, kernels: &RoundedKernels, row: usize, from: *const f32, len: usize) {
        // SAFETY: the caller's promises.
        unsafe { Self { len, ..*self }.put(kernels, row, from) }
    }

    /// Has a tile read so many rows from one on.
    #[inline(always)]
    pub(crate) fn show(&self, tile: &mut RoundedTile, first: usize, count: usize) {
        tile.a = self.bytes.wrapping_add(first * self.stride).cast_const();
        tile.scales = self.scales.wrapping_add(first).cast_const();
        (tile.stride, tile.rows) = (self.stride, count);
    }
}

/// Rows in tiles, as many at a time as the kernels take, in whole blocks of those that they read.
#[inline(always)]
pub(crate) fn tiles_of(
    kernels: &RoundedKernels,
    rows: usize,
    vectors: usize,
) -> impl Iterator<Item = (usize, usize)> + use<> {
    let shift = kernels.row_block.trailing_zeros();
    tiles(filled_up(rows, kernels.row_block) >> shift, kernels.tile_rows(vectors) >> shift)
        .map(move |(start, count)| (start << shift, (count << shift).min(rows - (start << shift))))
}

/// A matrix of rounded weights, packed in panels.
#[derive(Debug, Clone, Default)]
pub(crate) struct RoundedPanels {
    /// `[panel][words][columns of the panel]`, words of 32 bits.
    words: Aligned,
    /// Of bytes, by column of all panels: its scale, and what a sum of raised bytes begins with.
    scales: Aligned,
    raised: Vec<i32>,
    /// Words of a column.
    depth: usize,
}

impl RoundedPanels {
    /// Packs the side of a recurrence's weights `[G·H, K]`, over K.
    pub(crate) fn pack_side(
        &mut self,
        by: (&Kernels, &RoundedKernels),
        g: &Geometry,
        weight: &[f32],
        k: usize,
        side: Side,
    ) -> Result<(), Error> {
        let first = g.first_column(side);
        let widths = (0..g.panels).map(|panel| g.vectors(panel, side) * g.lanes).collect();
        self.pack(by, weight, k, widths, |panel, column| g.weight_row(panel, first + column, side))
    }

    /// Packs the weights `[O, K]` of a plain product, over K.
    pub(crate) fn pack_columns(
        &mut self,
        by: (&Kernels, &RoundedKernels),
        columns: Columns,
        weight: &[f32],
        k: usize,
    ) -> Result<(), Error> {
        let widths = (0..columns.panels()).map(|panel| columns.width(panel)).collect();
        self.pack(by, weight, k, widths, |panel, column| {
            Some(columns.first_column(panel) + column).filter(|&row| row < columns.columns)
        })
    }

    /// Makes it so many words of so many panels, without a weight.
    fn clear(&mut self, precision: Precision, depth: usize, columns: usize) -> Result<(), Error> {
        self.words.resize(0)?;
        self.depth = depth;
        self.words.resize(numbers("rounded weights", [columns, depth])?)?;
        let scaled = if precision == Precision::Int8 { columns } else { 0 };
        self.scales.resize(scaled)?;
        self.raised.clear();
        self.raised.resize(scaled, 0);
        Ok(())
    }

    /// `row_of(panel, column)` is the row of `weight` that a column is; None for padding.
    fn pack(
        &mut self,
        (kernels, rounded): (&Kernels, &RoundedKernels),
        weight: &[f32],
        k: usize,
        widths: Vec<usize>,
        row_of: impl Fn(usize, usize) -> Option<usize> + Sync + Send,
    ) -> Result<(), Error> {
        let depth = filled_up(k, rounded.block) / rounded.word;
        self.clear(rounded.precision, depth, widths.iter().sum())?;
        if rounded.precision == Precision::Int8 {
            self.pack_bytes(weight, k, &widths, row_of);
            return Ok(());
        }
        for_each_panel(
            widths.len(),
            |panel| widths[panel] * depth,
            &mut self.words,
            |panel, out| {
                let width = widths[panel];
                let mut halves = vec![0.0_f32; kernels.lanes * depth];
                for column in (0..width).step_by(kernels.lanes) {
                    let mut rows = [std::ptr::null(); MOST_LANES];
                    for (lane, (to, halves)) in
                        rows.iter_mut().zip(halves.chunks_exact_mut(depth)).enumerate()
                    {
                        if let Some(row) = row_of(panel, column + lane) {
                            let from = &weight[row * k..][..k];
                            // SAFETY: `halves` has a word for each pair of a whole number of blocks; the kernels are those of an
                            // instruction set that this processor has.
                            unsafe { (rounded.pack)(from.as_ptr(), k, halves.as_mut_ptr().cast()) };
                            *to = halves.as_ptr();
                        }
                    }
                    let to = out.as_mut_ptr().wrapping_add(column);
                    // SAFETY: every row has `depth` words, and `out` as many rows of `width`. Words are moved, whatever they say.
                    unsafe { (kernels.transpose)(&Transpose { rows, depth, to, stride: width }) };
                }
            },
        );
        Ok(())
    }

    fn pack_bytes(
        &mut self,
        weight: &[f32],
        k: usize,
        widths: &[usize],
        row_of: impl Fn(usize, usize) -> Option<usize>,
    ) {
        let mut before = 0;
        for (panel, &width) in widths.iter().enumerate() {
            // SAFETY: any bits are four bytes; the slice is of this panel alone.
            let bytes = unsafe {
                let panel = &mut self.words[before * self.depth..][..width * self.depth];
                std::slice::from_raw_parts_mut(panel.as_mut_ptr().cast::<i8>(), width * self.depth * WORD)
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
    }

    /// Packs `weight`, `[K, columns]`, of bf16 as the right-hand side of a product over K: of dY·W, where W is `[K, columns]`.
    pub(crate) fn pack_rows(
        &mut self,
        rounded: &RoundedKernels,
        columns: Columns,
        weight: &[f32],
        k: usize,
    ) -> Result<(), Error> {
        let depth = filled_up(k, rounded.block) / rounded.word;
        let widths: Vec<usize> = (0..columns.panels()).map(|panel| columns.width(panel)).collect();
        self.clear(rounded.precision, depth, widths.iter().sum())?;
        for_each_panel(
            widths.len(),
            |panel| widths[panel] * depth,
            &mut self.words,
            |panel, out| {
                let (first, valid) = (columns.first_column(panel), columns.in_panel(panel));
                let row = |at: usize| match at < k {
                    true => weight[at * columns.columns + first..][..valid].as_ptr(),
                    false => std::ptr::null(),
                };
                for (pair, to) in out.chunks_exact_mut(widths[panel]).enumerate() {
                    let (even, odd) = (row(rounded.word * pair), row(rounded.word * pair + 1));
                    // SAFETY: the rows have `valid` numbers, and `to` whole vectors of words.
                    unsafe { (rounded.pair)(even, odd, valid, to.as_mut_ptr()) };
                }
            },
        );
        Ok(())
    }

    /// Leaves nothing packed.
    pub(crate) fn empty(&mut self) -> Result<(), Error> {
        self.words.resize(0)
    }

    /// Whether nothing is packed.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Has a tile read a panel that comes after so many columns of others.
    #[inline(always)]
    fn show(&self, tile: &mut RoundedTile, before: usize, columns: usize) {
        if !self.scales.is_empty() {
            tile.raised = self.raised[before..].as_ptr();
            tile.column_scales = self.scales[before..].as_ptr();
        }
        tile.words = self.depth;
        tile.b = self.words[before * self.depth..].as_ptr().cast();
        tile.columns = columns;
    }
}

/// What a forward pass over rounded numbers has beside others.
#[derive(Debug)]
pub(crate) struct RoundedPass<'a> {
    pub(crate) kernels: &'a RoundedKernels,
    pub(crate) input: &'a RoundedPanels,
    /// None where h has no product.
    pub(crate) hidden: Option<&'a RoundedPanels>,
    /// Memory for the rows of x of a chunk and for those of h of a step, an area for each shard.
    pub(crate) x: RoundedRows,
    pub(crate) h: RoundedRows,
}

impl RoundedPass<'_> {
    /// Pre-activations of the panels of a side, over the first `rows` rows of a shard. `place(panel, i)` is asked for each panel and
    /// row in order: it says what the sums start from, and where they go.
    ///
    /// # Safety
    /// The weights must be packed for the geometry, and rows and places be valid; no other task may write the same places.
    #[inline(always)]
    pub(crate) unsafe fn panels(
        &self,
        geometry: &Geometry,
        side: Side,
        panels: Range<usize>,
        operand: RoundedRows,
        rows: usize,
        mut place: impl FnMut(usize, usize) -> Place,
    ) {
        let weights = if side == Side::Input { Some(self.input) } else { self.hidden };
        let Some(weights) = weights else { return };
        let mut tile = RoundedTile::default();
        for panel in panels {
            let vectors = geometry.vectors(panel, side);
            weights.show(&mut tile, geometry.panel_start(panel, 1, side), vectors * geometry.lanes);
            for (start, count) in tiles_of(self.kernels, rows, vectors) {
                operand.show(&mut tile, start, count);
                for m in 0..count {
                    tile.put(m, place(panel, start + m));
                }
                // SAFETY: the caller's promises.
                unsafe { self.kernels.run_tile(&tile, vectors) };
            }
        }
    }
}

/// A plain product of rounded numbers: `C[r] = start + a[r]·B`.
#[derive(Debug)]
pub(crate) struct RoundedProduct<'a> {
    pub(crate) kernels: &'a RoundedKernels,
    pub(crate) b: &'a RoundedPanels,
    pub(crate) columns: Columns,
}

impl RoundedProduct<'_> {
    /// The columns of some panels, of rows that are rounded. `place(i)` says what the i-th row starts from, null for zeros, and where
    /// it goes.
    ///
    /// # Safety
    /// The weights must be packed for these columns, and rows and places be valid; no other task may write the same places.
    #[inline(always)]
    pub(crate) unsafe fn panels(
        &self,
        panels: Range<usize>,
        operand: RoundedRows,
        rows: usize,
        place: impl Fn(usize) -> Place,
    ) {
        let mut tile = RoundedTile::default();
        for panel in panels {
            let (column, vectors) = (self.columns.first_column(panel), self.columns.vectors(panel));
            self.b.show(&mut tile, column, self.columns.in_panel(panel));
            for (first, count) in tiles_of(self.kernels, rows, vectors) {
                operand.show(&mut tile, first, count);
                for m in 0..count {
                    let (start, to) = place(first + m);
                    let start = if start.is_null() { start } else { start.wrapping_add(column) };
                    tile.put(m, (start, to.wrapping_add(column)));
                }
                // SAFETY: the caller's promises.
                unsafe { self.kernels.run_tile(&tile, vectors) };
            }
        }
    }
}

/// Rows of a plain product of floats, which are rounded some at a time.
#[derive(Debug)]
pub(crate) struct RoundedRun<'a> {
    pub(crate) product: RoundedProduct<'a>,
    pub(crate) a: RowsAt<*const f32>,
    /// `[columns]`, or null for zeros.
    pub(crate) bias: *const f32,
    pub(crate) c: RowsAt<*mut f32>,
}

// SAFETY: A and B are only read; each task writes its own columns of C.
unsafe impl Sync for RoundedRun<'_> {}

/// Rows that are rounded at a time.
pub(crate) const ROWS_AT_ONCE: usize = 256;

impl RoundedRun<'_> {
    /// Computes `rows` rows, in parallel by panels of B where it is worth it. `memory` is for [`ROWS_AT_ONCE`] rows of A.
    ///
    /// # Safety
    /// The pointers must be valid for these rows and the sizes for which B was packed.
    pub(crate) unsafe fn run(&self, memory: RoundedRows, rows: usize, flops: usize) {
        let (kernels, panels) = (self.product.kernels, self.product.columns.panels());
        let threads = if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads() };
        let each = panels.div_ceil(2 * threads).max(1);
        let each = if threads == 1 { panels } else { each };
        for first in (0..rows).step_by(ROWS_AT_ONCE) {
            let count = ROWS_AT_ONCE.min(rows - first);
            for row in 0..count {
                // SAFETY: the caller's promises.
                unsafe { memory.put(kernels, row, self.a.row(first + row)) };
            }
            let memory = &memory;
            for_each_task(panels.div_ceil(each), |task| {
                let of_task = task * each..((task + 1) * each).min(panels);
                // SAFETY: the caller's promises; panels are disjoint columns of C.
                unsafe {
                    (kernels.begin)();
                    self.product.panels(of_task, *memory, count, |row| (self.bias, self.c.row(first + row)));
                    (kernels.end)();
                }
            });
        }
    }
}
