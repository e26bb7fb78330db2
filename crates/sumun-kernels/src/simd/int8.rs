//! Products of bytes: what an instruction set needs beside [`Simd`] to multiply whole numbers of 8 bits and sum them in 32.

use super::Simd;

/// Bytes that are multiplied and summed at once in each 32-bit lane.
pub(crate) const WORD: usize = 4;

/// What a row's bytes are raised by where the instruction set multiplies bytes without a sign by bytes with one.
pub(crate) const RAISE: i32 = 128;

/// Sums of products of bytes, exact on every instruction set.
///
/// # Safety
/// As for [`Simd`]: implementations need no more than the features that they name, callers promise those and valid pointers.
pub(crate) unsafe trait Int8: Simd {
    /// As many 32-bit integers as a vector has floats.
    type Sums: Copy;
    /// As many times four bytes.
    type Bytes: Copy;
    /// Four bytes of a row, in every lane, in the form in which they are multiplied.
    type Word: Copy;
    /// Whether a row's bytes are raised by [`RAISE`], so that sums begin with what that adds, taken off.
    const RAISES: bool;

    unsafe fn zeros() -> Self::Sums;
    unsafe fn load_sums(p: *const i32) -> Self::Sums;
    unsafe fn load_bytes(p: *const i8) -> Self::Bytes;
    unsafe fn word(p: *const i32) -> Self::Word;
    /// The sums, each with four products more. No byte of `bytes` is −128.
    unsafe fn add_products(sums: Self::Sums, word: Self::Word, bytes: Self::Bytes) -> Self::Sums;
    /// The nearest floats, ties to even.
    unsafe fn to_floats(sums: Self::Sums) -> Self::V;
    /// The greater of `most` and the bits of |v|, as integers: so compared, NaN is greater than all numbers.
    unsafe fn greater_size(most: Self::Sums, v: Self::V) -> Self::Sums;
    /// The greatest of all lanes.
    unsafe fn greatest(v: Self::Sums) -> i32;
    /// The nearest whole numbers, ties to even, as bytes, one a lane. What is beyond them or NaN becomes some byte.
    unsafe fn store_bytes(p: *mut i8, v: Self::V);
}
