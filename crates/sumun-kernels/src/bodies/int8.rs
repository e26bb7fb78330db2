//! Products of rows and weights of 8 bits: a row is rounded to bytes with a scale of its own, a tile sums products of bytes in
//! integers, and what leaves it is a float again.

use crate::bodies::rounded::{RoundedTile, numbers_from};
use crate::bodies::tile::{load_columns, store_columns};
use crate::simd::int8::{Int8, WORD};
use crate::words::precision::{LEAST_SIZE, MOST};

/// One tile of M rows by N vectors: `c[m] = start[m] + (scales[m]·scale of the column)·Σ_k a[m][k]·b[k]`.
#[inline(always)]
pub(crate) unsafe fn int8_tile<S: Int8, const M: usize, const N: usize>(task: &RoundedTile) {
    // SAFETY: the caller promises valid pointers.
    unsafe {
        let mut a = [std::ptr::null::<i32>(); M];
        for m in 0..M {
            a[m] = task.a.add(m * task.stride).cast();
        }
        let mut first = [S::zeros(); N];
        if S::RAISES {
            for n in 0..N {
                first[n] = S::load_sums(task.raised.add(n * S::LANES));
            }
        }
        let mut sums = [first; M];
        let mut b = task.b.cast::<i8>();
        for k in 0..task.words {
            let mut words = [S::word(a[0].add(k)); M];
            for m in 1..M {
                words[m] = S::word(a[m].add(k));
            }
            for n in 0..N {
                let bytes = S::load_bytes(b.add(n * WORD * S::LANES));
                for m in 0..M {
                    sums[m][n] = S::add_products(sums[m][n], words[m], bytes);
                }
            }
            b = b.add(N * WORD * S::LANES);
        }
        for m in 0..M {
            let (start, c) = task.place(m);
            let mut to = match start.is_null() {
                true => [S::splat(0.0); N],
                false => load_columns::<S, N>(start, task.columns),
            };
            for n in 0..N {
                let scale =
                    S::mul(S::splat(*task.scales.add(m)), S::load(task.column_scales.add(n * S::LANES)));
                // Not fused, so that every instruction set has the same bits.
                to[n] = S::add(to[n], S::mul(S::to_floats(sums[m][n]), scale));
            }
            store_columns::<S, N>(c, &to, task.columns);
        }
    }
}

/// Rounds a row of `len` floats to bytes, zeros up to whole vectors after them, and returns its scale: max|v| / 127, 0 of a row
/// of zeros, NaN of one that is not finite, so that its products are NaN.
#[inline(always)]
pub(crate) unsafe fn to_bytes<S: Int8>(from: *const f32, len: usize, to: *mut u8) -> f32 {
    let to = to.cast::<i8>();
    // SAFETY: the caller promises `len` floats and as many bytes in whole vectors.
    unsafe {
        let mut most = S::zeros();
        for k in (0..len).step_by(S::LANES) {
            most = S::greater_size(most, numbers_from::<S>(from, k, len));
        }
        let most = f32::from_bits(S::greatest(most) as u32);
        let (scale, inverse) = match most {
            most if !most.is_finite() => (f32::NAN, 0.0),
            most if most < LEAST_SIZE => (0.0, 0.0),
            most => (most / MOST, MOST / most),
        };
        for k in (0..len).step_by(S::LANES) {
            S::store_bytes(to.add(k), S::mul(numbers_from::<S>(from, k, len), S::splat(inverse)));
        }
        scale
    }
}
