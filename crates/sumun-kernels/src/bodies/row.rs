//! The tile of a single row: it has but one sum for each vector of a panel, and each multiply-add waits for the last, so
//! those of a second panel are done meanwhile.

use crate::bodies::tile::{load_columns, store_columns};
use crate::simd::Simd;

/// `c[p] = start[p] + x·W[p] + a·B[p]` for one or two panels p; of one, the others' pointers are not looked at.
#[derive(Debug)]
pub(crate) struct RowTile {
    pub(crate) a: *const f32,
    /// Numbers of `a`.
    pub(crate) depth: usize,
    /// The packed panels.
    pub(crate) b: [*const f32; 2],
    pub(crate) x: *const f32,
    /// Numbers of `x`; 0 where its share is in `start` already.
    pub(crate) inputs: usize,
    /// The packed panels of the input's weights.
    pub(crate) w: [*const f32; 2],
    pub(crate) start: [*const f32; 2],
    pub(crate) c: [*mut f32; 2],
    pub(crate) columns: usize,
}

/// P panels of N vectors: x·W goes to the first W of a panel, a·B to as many from the O-th on.
#[inline(always)]
pub(crate) unsafe fn row_tile<S: Simd, const P: usize, const N: usize, const W: usize, const O: usize>(
    task: &RowTile,
) {
    // SAFETY: the caller promises valid pointers.
    unsafe {
        let mut acc = [[S::splat(0.0); N]; P];
        for p in 0..P {
            acc[p] = load_columns::<S, N>(task.start[p], task.columns);
        }
        acc = multiply::<S, P, N, W, 0>(acc, task.x, task.inputs, task.w);
        acc = multiply::<S, P, N, W, O>(acc, task.a, task.depth, task.b);
        for p in 0..P {
            store_columns::<S, N>(task.c[p], &acc[p], task.columns);
        }
    }
}

/// `acc[p][O + n] += Σ_k a[k]·b[p][k][n]`, k in order, as the tiles do.
#[inline(always)]
unsafe fn multiply<S: Simd, const P: usize, const N: usize, const W: usize, const O: usize>(
    mut acc: [[S::V; N]; P],
    a: *const f32,
    depth: usize,
    mut b: [*const f32; 2],
) -> [[S::V; N]; P] {
    // SAFETY: the caller promises `depth` numbers, and as many rows of each panel.
    unsafe {
        for k in 0..depth {
            let v = S::splat(*a.add(k));
            for p in 0..P {
                for n in 0..W {
                    acc[p][O + n] = S::fma(v, S::load(b[p].add(n * S::LANES)), acc[p][O + n]);
                }
                b[p] = b[p].add(W * S::LANES);
            }
        }
    }
    acc
}
