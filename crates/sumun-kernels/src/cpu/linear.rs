//! The plain product over rows: `C[row] = start + a[row]·B`, B packed in column panels.

use crate::cpu::RowsAt;
use crate::cpu::pack::Columns;
use crate::cpu::tile::{Depth, Tile, tiles};
use crate::simd::Kernels;

/// What a product starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    Zero,
    /// One row of numbers for all rows, `[columns]`.
    Row(*const f32),
    /// What C holds.
    Output,
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
    /// Computes `rows` rows: the i-th reads row `a_row(i)` of A and writes row `c_row(i)` of C.
    ///
    /// # Safety
    /// The pointers must be valid for these rows; no other task may write the same rows of C.
    #[inline]
    pub(crate) unsafe fn run(
        &self,
        kernels: &Kernels,
        rows: usize,
        a_row: impl Fn(usize) -> usize,
        c_row: impl Fn(usize) -> usize,
    ) {
        for panel in 0..self.columns.panels() {
            let (column, columns) = (panel * 4 * kernels.lanes, self.columns.in_panel(panel));
            // SAFETY: the caller's promises; panels lie one after another in B.
            unsafe {
                let b = self.b.add(self.columns.start(panel, self.depth.total()));
                let mut tile = Tile::new(b, self.depth, columns);
                let next = if panel + 1 < self.columns.panels() { panel + 1 } else { 0 };
                tile.after = self.b.add(self.columns.start(next, self.depth.total()));
                for (turn, (start, count)) in tiles(rows, kernels.tile_rows(columns)).enumerate() {
                    tile.turn = turn;
                    for m in 0..count {
                        tile.a[m] = self.a.row(a_row(start + m));
                        tile.c[m] = self.c.row(c_row(start + m)).add(column);
                        tile.start[m] = match self.start {
                            Start::Zero => std::ptr::null(),
                            Start::Row(row) => row.add(column),
                            Start::Output => tile.c[m],
                        };
                    }
                    tile.run(kernels, count);
                }
            }
        }
    }
}
