//! One trait of vectors, and one thin file an instruction set.

use crate::words::sizes::WIDEST_PANEL;

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod bf16;
pub(crate) mod int8;
pub(crate) mod portable;

/// The most floats of a vector, on any instruction set.
pub(crate) const MOST_LANES: usize = 16;

// Sizes are checked with what is rounded up to whole panels.
const _: () = assert!(4 * MOST_LANES <= WIDEST_PANEL);

/// 2⁻⁹⁵, 2.5e-29. What is nearer to 0 is taken for 0, so that denormal numbers never slow a loop down. Numbers from here on
/// are those with one of the upper three bits of the exponent.
pub(crate) const LEAST: f32 = f32::from_bits(32 << 23);

/// 0 where |v| < [`LEAST`].
#[inline(always)]
pub(crate) fn flush(v: f32) -> f32 {
    if v.abs() < LEAST { 0.0 } else { v }
}

/// A vector of floats and what can be done with it.
///
/// # Safety
/// Implementations promise that their methods need no more than the instruction set they are named after;
/// callers promise that the processor has it, and that pointers are valid for the floats they load or store.
pub(crate) unsafe trait Simd: Copy + 'static {
    type V: Copy;
    /// Floats in a vector.
    const LANES: usize;

    unsafe fn splat(v: f32) -> Self::V;
    unsafe fn load(p: *const f32) -> Self::V;
    /// The first `n` floats at `p`, zeros above.
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V;
    /// Prefetches the cache line of `p`, which need not be valid.
    unsafe fn prefetch(p: *const f32);
    /// Prefetches it into L2, not L1.
    unsafe fn prefetch_far(p: *const f32);
    unsafe fn store(p: *mut f32, v: Self::V);
    /// Stores the first `n` floats only.
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sqrt(v: Self::V) -> Self::V;
    /// The bits that are set in either.
    unsafe fn or(a: Self::V, b: Self::V) -> Self::V;
    /// Whether every float is 0 without a sign.
    unsafe fn is_all_zero_bits(v: Self::V) -> bool;
    /// a·b + c.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// c − a·b.
    unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The lesser; `b` where either is not a number.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The greater; `b` where either is not a number.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// −|v|.
    unsafe fn negative(v: Self::V) -> Self::V;
    /// `magnitude` (not negative) with the sign of `sign`.
    unsafe fn with_sign(magnitude: Self::V, sign: Self::V) -> Self::V;
    /// The float whose exponent's bits are the lowest bits of v, and all other bits 0.
    unsafe fn exponent_from_low_bits(v: Self::V) -> Self::V;
    /// `yes` where v < 0, `no` elsewhere.
    unsafe fn if_negative(v: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// a and b with a's odd runs of HALF numbers and b's even ones exchanged, the first run
    /// being even.
    unsafe fn exchange<const HALF: usize>(a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// `v` where v > 0, 0 elsewhere (and for NaN, NaN).
    unsafe fn relu(v: Self::V) -> Self::V;
    /// 0 where |v| < [`LEAST`], as [`flush()`].
    unsafe fn flush(v: Self::V) -> Self::V;
}
