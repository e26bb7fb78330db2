//! Turning rows into columns, a square of vectors at a time.

use crate::simd::{MOST_LANES, Simd};

/// `to[k][lane] = rows[lane][k]`: as many rows as a vector has lanes become a vector for each k.
#[derive(Debug)]
pub(crate) struct Transpose {
    /// Null for a row of zeros.
    pub(crate) rows: [*const f32; MOST_LANES],
    /// Numbers of a row.
    pub(crate) depth: usize,
    pub(crate) to: *mut f32,
    /// Floats between two vectors at `to`.
    pub(crate) stride: usize,
}

#[inline(always)]
pub(crate) unsafe fn transpose<S: Simd>(task: &Transpose) {
    let &Transpose { rows, depth, to, stride } = task;
    let mut k = 0;
    while k < depth {
        let length = S::LANES.min(depth - k);
        // SAFETY: the caller promises `depth` numbers of each row, and memory for as many vectors.
        unsafe {
            let mut square = [S::splat(0.0); MOST_LANES];
            for lane in 0..S::LANES {
                if rows[lane].is_null() {
                    continue;
                }
                let row = rows[lane].add(k);
                square[lane] = if length == S::LANES { S::load(row) } else { S::load_first(row, length) };
            }
            exchange_blocks::<S, 1>(&mut square);
            exchange_blocks::<S, 2>(&mut square);
            exchange_blocks::<S, 4>(&mut square);
            exchange_blocks::<S, 8>(&mut square);
            for at in 0..S::LANES {
                if at < length {
                    S::store(to.add((k + at) * stride), square[at]);
                }
            }
        }
        k += S::LANES;
    }
}

/// Of each square of 2·HALF numbers each way, exchanges the two quarters beside the diagonal. After all sizes, rows are
/// columns.
#[inline(always)]
unsafe fn exchange_blocks<S: Simd, const HALF: usize>(square: &mut [S::V; MOST_LANES]) {
    for row in 0..S::LANES {
        if HALF < S::LANES && row & HALF == 0 {
            // SAFETY: arithmetic only; the caller promises the instruction set.
            unsafe {
                (square[row], square[row + HALF]) = S::exchange::<HALF>(square[row], square[row + HALF])
            };
        }
    }
}
