//! The plain product over rows: `C[row] = start + a[row]·B`, B packed in column panels.

use std::ops::Range;

use crate::bodies::tile::{Depth, Tile};
use crate::dispatch::Tuned;
use crate::drivers::geometry::Columns;
use crate::drivers::threads::{PARALLEL_FLOPS, for_each_task};
use crate::drivers::tiles::tiles;
use crate::words::machine::Blocks;
use crate::words::rows::RowsAt;

/// What a product starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    Zero,
    /// One row of numbers for all rows, `[columns]`.
    Row(*const f32),
    /// What C holds.
    Output,
}

impl Start {
    /// What a row at `c` starts from, null for zeros, and that row.
    #[inline(always)]
    pub(crate) fn of(self, c: *mut f32) -> (*const f32, *mut f32) {
        match self {
            Self::Zero => (std::ptr::null(), c),
            Self::Row(row) => (row, c),
            Self::Output => (c.cast_const(), c),
        }
    }
}

/// `C[r] = start + a[r]·B`.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) a: RowsAt<*const f32>,
    pub(crate) depth: Depth,
    /// Packed by [`Columns`].
    pub(crate) b: *const f32,
    pub(crate) columns: Columns,
    pub(crate) start: Start,
    pub(crate) c: RowsAt<*mut f32>,
}

// SAFETY: A and B are only read; each task writes its own rows of C.
unsafe impl Sync for Product {}

impl Product {
    /// How much of K is multiplied at once: all of it, unless a panel of B would not stay in L2 from one tile of rows to the
    /// next. The sums so far are stored in C meanwhile, so the chain is the same.
    fn depth_at_once(&self, blocks: &Blocks) -> usize {
        let most = blocks.depth;
        let whole = self.depth.total();
        let plain = self.depth.segments == 1 && self.depth.tails == 0;
        if plain && whole > 2 * most { whole.div_ceil(whole.div_ceil(most)) } else { whole }
    }

    /// Computes `rows` rows: the i-th reads row `a_row(i)` of A and writes row `c_row(i)` of C.
    ///
    /// # Safety
    /// The pointers must be valid for these rows; no other task may write the same rows of C.
    #[inline]
    pub(crate) unsafe fn run(
        &self,
        kernels: &Tuned,
        rows: usize,
        a_row: impl Fn(usize) -> usize,
        c_row: impl Fn(usize) -> usize,
    ) {
        // SAFETY: the caller's promises.
        unsafe { self.run_panels(kernels, 0..self.columns.panels(), rows, false, a_row, c_row) }
    }

    /// [`run`](Self::run) of some panels of B, from the last to the first if `backwards`.
    ///
    /// # Safety
    /// As for `run`.
    #[inline]
    pub(crate) unsafe fn run_panels(
        &self,
        kernels: &Tuned,
        range: Range<usize>,
        rows: usize,
        backwards: bool,
        a_row: impl Fn(usize) -> usize,
        c_row: impl Fn(usize) -> usize,
    ) {
        let (whole, at_once) = (self.depth.total(), self.depth_at_once(&kernels.blocks).max(1));
        let pieces = whole.div_ceil(at_once).max(1);
        let panels = range.len();
        let panel_at = |place: usize| if backwards { range.end - 1 - place } else { range.start + place };
        for (piece, place) in (0..pieces).flat_map(|p| (0..panels).map(move |place| (p, place))) {
            let panel = panel_at(place);
            let from = piece * at_once;
            let depth = if pieces == 1 { self.depth } else { Depth::plain(at_once.min(whole - from)) };
            let (column, columns) = (self.columns.first_column(panel), self.columns.in_panel(panel));
            // Where a piece of a panel begins, after the panels before it.
            let at = |panel: usize, from: usize| {
                self.columns.start(panel, whole) + from * self.columns.vectors(panel) * kernels.lanes
            };
            // SAFETY: the caller's promises; panels follow one another in B.
            unsafe {
                let mut tile = Tile::new(self.b.add(at(panel, from)), depth, columns);
                if place + 1 < panels {
                    tile.after = self.b.add(at(panel_at(place + 1), from));
                } else if piece + 1 < pieces {
                    tile.after = self.b.add(at(panel_at(0), from + at_once));
                }
                for (turn, (start, count)) in tiles(rows, kernels.tile_rows(columns)).enumerate() {
                    tile.turn = turn;
                    for m in 0..count {
                        tile.a[m] = self.a.row(a_row(start + m)).add(from);
                        tile.c[m] = self.c.row(c_row(start + m)).add(column);
                        tile.start[m] = match self.start {
                            _ if piece > 0 => tile.c[m],
                            Start::Zero => std::ptr::null(),
                            Start::Row(row) => row.add(column),
                            Start::Output => tile.c[m],
                        };
                    }
                    kernels.run_tile(&tile, count);
                }
            }
        }
    }
}

/// The fewest rows for which a task reads all of B.
const FEW_ROWS: usize = 48;

/// Computes all rows of a plain product, in parallel where it is worth it: by rows, or, of few rows, by panels of B.
///
/// # Safety
/// The task's pointers must be valid for its sizes and for `rows` rows of A and C.
pub(crate) unsafe fn run_product(kernels: &Tuned, task: &Product, rows: usize, flops: usize) {
    let threads = if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads() };
    let (tasks, panels) = (2 * threads, task.columns.panels());
    if threads > 1 && rows < tasks * FEW_ROWS && panels >= tasks {
        let each = panels.div_ceil(tasks);
        for_each_task(panels.div_ceil(each), |i| {
            let range = i * each..((i + 1) * each).min(panels);
            // SAFETY: the caller's promises; panels are disjoint columns of C.
            unsafe { task.run_panels(kernels, range, rows, false, |row| row, |row| row) }
        });
        return;
    }
    let each = if threads == 1 { rows } else { rows.div_ceil(tasks).next_multiple_of(24) };
    for_each_task(rows.div_ceil(each.max(1)), |i| {
        // SAFETY: the caller's promises; ranges are disjoint.
        unsafe {
            let first = i * each;
            task.run(kernels, each.min(rows - first), |i| first + i, |i| first + i)
        }
    });
}
