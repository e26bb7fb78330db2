//! The plain product over rows: C[row] = init + a[row] · B, B packed in column panels.

use crate::cpu::RowsAt;
use crate::cpu::pack::Columns;
use crate::cpu::tile::{Depth, load_columns, multiply, store_columns, tiles, with_rows, with_vectors};
use crate::simd::Simd;

/// What a product starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    Zero,
    /// One row of numbers for all rows, `[columns]`.
    Row(*const f32),
    /// What C holds.
    Output,
}

/// C[r] = start + a[r]·B.
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

/// Computes the rows `range`.
#[inline(always)]
pub(crate) unsafe fn product<S: Simd>(task: &Product, range: std::ops::Range<usize>) {
    // SAFETY: the caller's promises.
    unsafe { product_of::<S>(task, range.len(), |i| range.start + i, |i| range.start + i) }
}

/// Computes `rows` rows: the i-th reads row `a_row(i)` of A and writes row `c_row(i)` of C.
#[inline(always)]
pub(crate) unsafe fn product_of<S: Simd>(
    task: &Product,
    rows: usize,
    a_row: impl Fn(usize) -> usize + Copy,
    c_row: impl Fn(usize) -> usize + Copy,
) {
    for panel in 0..task.columns.panels() {
        // SAFETY: the caller's promises; panels lie one after another in B.
        let b = unsafe { task.b.add(task.columns.start(panel, task.depth.total())) };
        with_vectors!(task.columns.vectors(panel), N => {
            for (start, count) in tiles(rows, S::tile_rows(N)) {
                with_rows!(S, N, count, M => unsafe {
                    tile::<S, M, N>(task, panel, b, |m| a_row(start + m), |m| c_row(start + m))
                })
            }
        });
    }
}

#[inline(always)]
unsafe fn tile<S: Simd, const M: usize, const N: usize>(
    task: &Product,
    panel: usize,
    b: *const f32,
    a_row: impl Fn(usize) -> usize,
    c_row: impl Fn(usize) -> usize,
) {
    let (column, columns) = (panel * 4 * S::LANES, task.columns.in_panel(panel));
    // SAFETY: the caller promises valid pointers for these rows and columns.
    unsafe {
        let mut acc = [[S::splat(0.0); N]; M];
        let mut a = [std::ptr::null::<f32>(); M];
        let mut c = [std::ptr::null_mut::<f32>(); M];
        for m in 0..M {
            a[m] = task.a.row(a_row(m));
            c[m] = task.c.row(c_row(m)).add(column);
            match task.start {
                Start::Zero => {}
                Start::Row(row) => acc[m] = load_columns::<S, N>(row.add(column), columns),
                Start::Output => acc[m] = load_columns::<S, N>(c[m], columns),
            }
        }
        acc = multiply::<S, M, N>(acc, &a, task.depth, b);
        for m in 0..M {
            store_columns::<S, N>(c[m], &acc[m], columns);
        }
    }
}
