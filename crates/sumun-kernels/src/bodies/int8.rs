//! Products of rows and weights of 8 bits: a row is rounded to bytes with a scale of its own, a tile sums products of bytes in
//! integers, and what leaves it is a float again.

use crate::bodies::tile::{MOST_ROWS, load_columns, store_columns};
use crate::simd::int8::Int8;
use crate::words::precision::{LEAST_SIZE, MOST};

/// What one tile computes: `c[m] = start[m] + (scales[m]·scale of the column)·Σ_k a[m][k]·b[k]` for its rows m, the first
/// `columns` of its columns.
#[derive(Debug)]
pub(crate) struct Int8Tile {
    /// The bytes of each row, four by four.
    pub(crate) a: [*const i32; MOST_ROWS],
    pub(crate) scales: [f32; MOST_ROWS],
    /// Fours of bytes of a row.
    pub(crate) words: usize,
    /// The packed panel, `[words][columns of whole vectors][4]`.
    pub(crate) b: *const i8,
    /// For each column, what is added to a sum of bytes that were [raised](crate::simd::int8::RAISE).
    pub(crate) raised: *const i32,
    /// The scale of each column.
    pub(crate) column_scales: *const f32,
    /// What each row starts from; null for zeros.
    pub(crate) start: [*const f32; MOST_ROWS],
    pub(crate) c: [*mut f32; MOST_ROWS],
    pub(crate) columns: usize,
}

/// One tile of M rows by N vectors.
#[inline(always)]
pub(crate) unsafe fn int8_tile<S: Int8, const M: usize, const N: usize>(task: &Int8Tile) {
    // SAFETY: the caller promises valid pointers.
    unsafe {
        let mut first = [S::zeros(); N];
        if S::RAISES {
            for n in 0..N {
                first[n] = S::load_sums(task.raised.add(n * S::LANES));
            }
        }
        let mut sums = [first; M];
        let mut b = task.b;
        for k in 0..task.words {
            let mut words = [S::word(task.a[0].add(k)); M];
            for m in 1..M {
                words[m] = S::word(task.a[m].add(k));
            }
            for n in 0..N {
                let bytes = S::load_bytes(b.add(n * 4 * S::LANES));
                for m in 0..M {
                    sums[m][n] = S::add_products(sums[m][n], words[m], bytes);
                }
            }
            b = b.add(N * 4 * S::LANES);
        }
        for m in 0..M {
            let mut to = match task.start[m].is_null() {
                true => [S::splat(0.0); N],
                false => load_columns::<S, N>(task.start[m], task.columns),
            };
            for n in 0..N {
                let scale = S::mul(S::splat(task.scales[m]), S::load(task.column_scales.add(n * S::LANES)));
                // Not fused, so that every instruction set has the same bits.
                to[n] = S::add(to[n], S::mul(S::to_floats(sums[m][n]), scale));
            }
            store_columns::<S, N>(task.c[m], &to, task.columns);
        }
    }
}

/// Rounds a row of `len` floats to bytes, zeros up to whole vectors after them, and returns its scale: max|v| / 127, 0 of a row
/// of zeros, NaN of one that is not finite, so that its products are NaN.
#[inline(always)]
pub(crate) unsafe fn to_bytes<S: Int8>(from: *const f32, len: usize, to: *mut i8) -> f32 {
    // SAFETY: the caller promises `len` floats and as many bytes in whole vectors.
    unsafe {
        let mut most = S::zeros();
        for k in (0..len).step_by(S::LANES) {
            most = S::greater_size(most, some::<S>(from, k, len));
        }
        let most = f32::from_bits(S::greatest(most) as u32);
        let (scale, inverse) = match most {
            most if !most.is_finite() => (f32::NAN, 0.0),
            most if most < LEAST_SIZE => (0.0, 0.0),
            most => (most / MOST, MOST / most),
        };
        for k in (0..len).step_by(S::LANES) {
            S::store_bytes(to.add(k), S::mul(some::<S>(from, k, len), S::splat(inverse)));
        }
        scale
    }
}

/// A vector of the floats from the k-th on, zeros after the last.
#[inline(always)]
unsafe fn some<S: Int8>(from: *const f32, k: usize, len: usize) -> S::V {
    // SAFETY: the caller promises `len` floats.
    unsafe {
        match len - k {
            left if left >= S::LANES => S::load(from.add(k)),
            left => S::load_first(from.add(k), left),
        }
    }
}
