//! AVX2 and FMA: eight floats, sixteen registers.

// Each block is one instruction, and the promise about it stands once, at the `impl`.
#![allow(clippy::undocumented_unsafe_blocks)]

use std::arch::x86_64::*;

use super::Simd;
use super::bf16::{Bf16, PAIR};
use super::int8::Int8;
use crate::words::precision::LEAST_BF16;

#[derive(Clone, Copy)]
pub(crate) struct Avx2;

/// Sixteen words of which the last eight are zero: a window into it is the mask of the first n lanes.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

#[inline(always)]
unsafe fn first(n: usize) -> __m256i {
    debug_assert!(n <= 8);
    // SAFETY: for n ≤ 8 the eight words from 8 − n on are inside the table.
    unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - n).cast()) }
}

// SAFETY: only AVX2 and FMA intrinsics are used; the caller of each method promises that the processor has them.
unsafe impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(v: f32) -> __m256 {
        unsafe { _mm256_set1_ps(v) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> __m256 {
        unsafe { _mm256_maskload_ps(p, first(n)) }
    }
    #[inline(always)]
    unsafe fn prefetch(p: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn prefetch_far(p: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m256) {
        unsafe { _mm256_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: __m256, n: usize) {
        unsafe { _mm256_maskstore_ps(p, first(n), v) }
    }
    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(v: __m256) -> __m256 {
        unsafe { _mm256_sqrt_ps(v) }
    }
    #[inline(always)]
    unsafe fn or(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_or_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn is_all_zero_bits(v: __m256) -> bool {
        unsafe { _mm256_testz_si256(_mm256_castps_si256(v), _mm256_castps_si256(v)) == 1 }
    }
    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn fnma(a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn negative(v: __m256) -> __m256 {
        unsafe { _mm256_or_ps(_mm256_set1_ps(-0.0), v) }
    }
    #[inline(always)]
    unsafe fn with_sign(magnitude: __m256, sign: __m256) -> __m256 {
        unsafe { _mm256_or_ps(magnitude, _mm256_and_ps(sign, _mm256_set1_ps(-0.0))) }
    }
    #[inline(always)]
    unsafe fn exponent_from_low_bits(v: __m256) -> __m256 {
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(v))) }
    }
    #[inline(always)]
    unsafe fn if_negative(v: __m256, yes: __m256, no: __m256) -> __m256 {
        unsafe {
            let negative = _mm256_cmp_ps::<_CMP_LT_OQ>(v, _mm256_setzero_ps());
            _mm256_blendv_ps(no, yes, negative)
        }
    }
    #[inline(always)]
    unsafe fn exchange<const HALF: usize>(a: __m256, b: __m256) -> (__m256, __m256) {
        unsafe {
            match HALF {
                1 => {
                    let (from_a, from_b) = (_mm256_movehdup_ps(a), _mm256_moveldup_ps(b));
                    (_mm256_blend_ps::<0xaa>(a, from_b), _mm256_blend_ps::<0xaa>(from_a, b))
                }
                2 => (_mm256_shuffle_ps::<0x44>(a, b), _mm256_shuffle_ps::<0xee>(a, b)),
                _ => (_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b)),
            }
        }
    }
    #[inline(always)]
    unsafe fn relu(v: __m256) -> __m256 {
        unsafe { _mm256_max_ps(_mm256_setzero_ps(), v) }
    }
    #[inline(always)]
    unsafe fn flush(v: __m256) -> __m256 {
        unsafe {
            let size = _mm256_andnot_ps(_mm256_set1_ps(-0.0), v);
            let keep = _mm256_cmp_ps::<_CMP_NLT_UQ>(size, _mm256_set1_ps(super::LEAST));
            _mm256_and_ps(v, keep)
        }
    }
}

// SAFETY: only AVX2 intrinsics are used; the caller of each method promises that the processor has them.
unsafe impl Int8 for Avx2 {
    type Sums = __m256i;
    type Bytes = __m256i;
    /// The sizes of the bytes, and the bytes for their signs.
    type Word = [__m256i; 2];
    const RAISES: bool = false;

    #[inline(always)]
    unsafe fn zeros() -> __m256i {
        unsafe { _mm256_setzero_si256() }
    }
    #[inline(always)]
    unsafe fn load_sums(p: *const i32) -> __m256i {
        unsafe { _mm256_loadu_si256(p.cast()) }
    }
    #[inline(always)]
    unsafe fn load_bytes(p: *const i8) -> __m256i {
        unsafe { _mm256_loadu_si256(p.cast()) }
    }
    #[inline(always)]
    unsafe fn word(p: *const i32) -> [__m256i; 2] {
        unsafe {
            let bytes = _mm256_set1_epi32(*p);
            [_mm256_abs_epi8(bytes), bytes]
        }
    }
    /// Two products of at most 128·127 fit 16 bits, so that nothing saturates.
    #[inline(always)]
    unsafe fn add_products(sums: __m256i, [sizes, signs]: [__m256i; 2], bytes: __m256i) -> __m256i {
        unsafe {
            let pairs = _mm256_maddubs_epi16(sizes, _mm256_sign_epi8(bytes, signs));
            _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        }
    }
    #[inline(always)]
    unsafe fn to_floats(sums: __m256i) -> __m256 {
        unsafe { _mm256_cvtepi32_ps(sums) }
    }
    #[inline(always)]
    unsafe fn greater_size(most: __m256i, v: __m256) -> __m256i {
        unsafe {
            let size = _mm256_and_si256(_mm256_castps_si256(v), _mm256_set1_epi32(i32::MAX));
            _mm256_max_epi32(most, size)
        }
    }
    #[inline(always)]
    unsafe fn greatest(v: __m256i) -> i32 {
        unsafe {
            let mut v = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v));
            v = _mm_max_epi32(v, _mm_shuffle_epi32::<0x4e>(v));
            v = _mm_max_epi32(v, _mm_shuffle_epi32::<0xb1>(v));
            _mm_cvtsi128_si32(v)
        }
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut i8, v: __m256) {
        unsafe {
            let wholes = _mm256_cvtps_epi32(v);
            let (low, high) = (_mm256_castsi256_si128(wholes), _mm256_extracti128_si256::<1>(wholes));
            let halves = _mm_packs_epi32(low, high);
            _mm_storel_epi64(p.cast(), _mm_packs_epi16(halves, halves));
        }
    }
}

// SAFETY: only AVX2 intrinsics are used; the caller of each method promises that the processor has them.
unsafe impl Bf16 for Avx2 {
    #[inline(always)]
    unsafe fn halves(p: *const u32) -> [__m256; PAIR] {
        unsafe {
            let words = _mm256_loadu_si256(p.cast());
            let upper = _mm256_and_si256(words, _mm256_set1_epi32(!0xffff));
            [_mm256_castsi256_ps(_mm256_slli_epi32::<16>(words)), _mm256_castsi256_ps(upper)]
        }
    }
    #[inline(always)]
    unsafe fn round(v: __m256) -> __m256 {
        unsafe {
            let bits = _mm256_castps_si256(v);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let nearest = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
            let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(1 << 22));
            let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(v, v);
            let half = _mm256_blendv_ps(_mm256_castsi256_ps(nearest), _mm256_castsi256_ps(quiet), nan);
            let size = _mm256_and_si256(bits, _mm256_set1_epi32(i32::MAX));
            // Bits of sizes are compared as integers: those of NaN are greater than all others.
            let small = _mm256_cmpgt_epi32(_mm256_set1_epi32(LEAST_BF16.to_bits() as i32), size);
            let half = _mm256_and_si256(_mm256_castps_si256(half), _mm256_set1_epi32(!0xffff));
            _mm256_castsi256_ps(_mm256_andnot_si256(small, half))
        }
    }
    #[inline(always)]
    unsafe fn join(lower: __m256, upper: __m256) -> __m256 {
        unsafe { Self::or(_mm256_castsi256_ps(_mm256_srli_epi32::<16>(_mm256_castps_si256(lower))), upper) }
    }
    #[inline(always)]
    unsafe fn store_upper(p: *mut u16, v: __m256) {
        unsafe {
            let upper = _mm256_srli_epi32::<16>(_mm256_castps_si256(v));
            let (low, high) = (_mm256_castsi256_si128(upper), _mm256_extracti128_si256::<1>(upper));
            _mm_storeu_si128(p.cast(), _mm_packus_epi32(low, high));
        }
    }
}
