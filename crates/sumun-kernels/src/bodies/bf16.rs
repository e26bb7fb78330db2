//! Products of bf16 numbers, with the sums that AMX makes of them (see [`precision`](crate::words::precision)).

use crate::bodies::rounded::{RoundedTile, numbers_from};
use crate::bodies::tile::{load_columns, store_columns};
use crate::simd::bf16::{Bf16, PAIR};
use crate::words::precision::BF16_BLOCK;

/// Words of a block of K.
const BLOCK_WORDS: usize = BF16_BLOCK / PAIR;

/// One tile of M rows by N vectors: `c[m] = start[m] + a[m]·B`. Its rows are floats.
#[inline(always)]
pub(crate) unsafe fn bf16_tile<S: Bf16, const M: usize, const N: usize>(task: &RoundedTile) {
    // SAFETY: the caller promises valid pointers, and rows and weights of whole blocks.
    unsafe {
        let mut a = [std::ptr::null::<f32>(); M];
        for m in 0..M {
            a[m] = task.a.add(m * task.stride).cast();
        }
        let mut b = task.b.cast::<u32>();
        let mut sums = [[S::splat(0.0); N]; M];
        for _ in 0..task.words / BLOCK_WORDS {
            let mut parts = [[[S::splat(0.0); PAIR]; N]; M];
            for k in 0..BLOCK_WORDS {
                for n in 0..N {
                    let w = S::halves(b.add(n * S::LANES));
                    for m in 0..M {
                        for half in 0..PAIR {
                            let x = S::splat(*a[m].add(PAIR * k + half));
                            parts[m][n][half] = S::fma(x, w[half], parts[m][n][half]);
                        }
                    }
                }
                b = b.add(N * S::LANES);
            }
            for m in 0..M {
                a[m] = a[m].add(BF16_BLOCK);
                for n in 0..N {
                    sums[m][n] = S::add(sums[m][n], S::add(parts[m][n][0], parts[m][n][1]));
                }
            }
        }
        for m in 0..M {
            let (start, c) = task.place(m);
            if !start.is_null() {
                let start = load_columns::<S, N>(start, task.columns);
                for n in 0..N {
                    sums[m][n] = S::add(start[n], sums[m][n]);
                }
            }
            store_columns::<S, N>(c, &sums[m], task.columns);
        }
    }
}

/// Rounds a row of `len` numbers to floats that are bf16 numbers, with zeros after them up to a whole block. Its scale is 1.
#[inline(always)]
pub(crate) unsafe fn to_floats<S: Bf16>(from: *const f32, len: usize, to: *mut u8) -> f32 {
    let to = to.cast::<f32>();
    // SAFETY: the caller promises `len` numbers, and memory for whole blocks, which are whole vectors.
    unsafe {
        for k in (0..len.next_multiple_of(BF16_BLOCK)).step_by(S::LANES) {
            S::store(to.add(k), S::round(numbers_from::<S>(from, k, len)));
        }
    }
    1.0
}

/// The same as upper halves, as AMX and packed weights have them.
#[inline(always)]
pub(crate) unsafe fn to_halves<S: Bf16>(from: *const f32, len: usize, to: *mut u8) -> f32 {
    let to = to.cast::<u16>();
    // SAFETY: the caller promises `len` numbers, and memory for whole blocks, which are whole vectors.
    unsafe {
        for k in (0..len.next_multiple_of(BF16_BLOCK)).step_by(S::LANES) {
            S::store_upper(to.add(k), S::round(numbers_from::<S>(from, k, len)));
        }
    }
    1.0
}

/// Two rows of `len` numbers as words, the even row's in their lower halves, zeros after them up to whole vectors; null for a row of zeros.
#[inline(always)]
pub(crate) unsafe fn pair<S: Bf16>(even: *const f32, odd: *const f32, len: usize, to: *mut f32) {
    let some = |row: *const f32, k: usize| {
        // SAFETY: the caller promises `len` numbers of each row that is there.
        unsafe { if row.is_null() { S::splat(0.0) } else { S::round(numbers_from::<S>(row, k, len)) } }
    };
    for k in (0..len).step_by(S::LANES) {
        // SAFETY: the caller promises memory for whole vectors.
        unsafe { S::store(to.add(k), S::join(some(even, k), some(odd, k))) };
    }
}
