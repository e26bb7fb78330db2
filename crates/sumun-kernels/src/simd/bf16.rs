//! Products of bf16: what an instruction set needs beside [`Simd`] to multiply them as AMX does.

use super::Simd;

/// Numbers of K in a word of 32 bits of packed weights.
pub(crate) const PAIR: usize = 2;

/// Rows of floats that are bf16 numbers, and weights of two such numbers a word.
///
/// # Safety
/// As for [`Simd`]: implementations need no more than the features that they name, callers promise those and valid pointers.
pub(crate) unsafe trait Bf16: Simd {
    /// The lower and the upper halves of as many words as a vector has floats, as floats.
    unsafe fn halves(p: *const u32) -> [Self::V; PAIR];
    /// The nearest bf16 numbers, as [`bf16`](crate::words::precision::bf16).
    unsafe fn round(v: Self::V) -> Self::V;
    /// The words whose halves are the upper ones of these: what [`halves`](Self::halves) takes apart.
    unsafe fn join(lower: Self::V, upper: Self::V) -> Self::V;
    /// Stores the upper halves.
    unsafe fn store_upper(p: *mut u16, v: Self::V);
}
