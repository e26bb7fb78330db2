//! AVX-512 (F): sixteen floats, thirty-two registers.

// Each block is one instruction, and the promise about it stands once, at the `impl`.
#![allow(clippy::undocumented_unsafe_blocks)]

use std::arch::x86_64::*;

use super::Simd;
use super::bf16::{Bf16, PAIR};
use super::int8::Int8;
use crate::words::precision::LEAST_BF16;

#[derive(Clone, Copy)]
pub(crate) struct Avx512;

#[inline(always)]
fn first(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}

/// Where the numbers of both results of [`Simd::exchange`] come from: below 16 from a, above from b.
const fn exchanged(half: usize) -> [[i32; 16]; 2] {
    let mut indices = [[0; 16]; 2];
    let mut lane = 0;
    while lane < 16 {
        let even = lane & half == 0;
        indices[0][lane] = (if even { lane } else { 16 + lane - half }) as i32;
        indices[1][lane] = (if even { lane + half } else { 16 + lane }) as i32;
        lane += 1;
    }
    indices
}

// SAFETY: only AVX-512F intrinsics are used; the caller of each method promises that the processor has them.
unsafe impl Simd for Avx512 {
    type V = __m512;
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(v: f32) -> __m512 {
        unsafe { _mm512_set1_ps(v) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> __m512 {
        unsafe { _mm512_maskz_loadu_ps(first(n), p) }
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
    unsafe fn store(p: *mut f32, v: __m512) {
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: __m512, n: usize) {
        unsafe { _mm512_mask_storeu_ps(p, first(n), v) }
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(v: __m512) -> __m512 {
        unsafe { _mm512_sqrt_ps(v) }
    }
    #[inline(always)]
    unsafe fn or(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(a), _mm512_castps_si512(b))) }
    }
    #[inline(always)]
    unsafe fn is_all_zero_bits(v: __m512) -> bool {
        unsafe { _mm512_test_epi32_mask(_mm512_castps_si512(v), _mm512_castps_si512(v)) == 0 }
    }
    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn fnma(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn negative(v: __m512) -> __m512 {
        unsafe { Self::or(_mm512_set1_ps(-0.0), v) }
    }
    #[inline(always)]
    unsafe fn with_sign(magnitude: __m512, sign: __m512) -> __m512 {
        unsafe {
            let bit = _mm512_and_si512(_mm512_castps_si512(sign), _mm512_set1_epi32(i32::MIN));
            _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(magnitude), bit))
        }
    }
    #[inline(always)]
    unsafe fn exponent_from_low_bits(v: __m512) -> __m512 {
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(v))) }
    }
    #[inline(always)]
    unsafe fn if_negative(v: __m512, yes: __m512, no: __m512) -> __m512 {
        unsafe {
            let negative = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(v, _mm512_setzero_ps());
            _mm512_mask_blend_ps(negative, no, yes)
        }
    }
    #[inline(always)]
    unsafe fn exchange<const HALF: usize>(a: __m512, b: __m512) -> (__m512, __m512) {
        unsafe {
            let [first, second] =
                const { exchanged(HALF) }.map(|indices| _mm512_loadu_si512(indices.as_ptr().cast()));
            (_mm512_permutex2var_ps(a, first, b), _mm512_permutex2var_ps(a, second, b))
        }
    }
    #[inline(always)]
    unsafe fn relu(v: __m512) -> __m512 {
        unsafe { _mm512_max_ps(_mm512_setzero_ps(), v) }
    }
    #[inline(always)]
    unsafe fn flush(v: __m512) -> __m512 {
        unsafe {
            // An exponent of 32 and more has one of its upper three bits; those of NaN are all set.
            let keep = _mm512_test_epi32_mask(_mm512_castps_si512(v), _mm512_set1_epi32(0b111 << 28));
            _mm512_maskz_mov_ps(keep, v)
        }
    }
}

// SAFETY: only AVX-512F and AVX-512 VNNI intrinsics are used; the caller of each method promises that the processor has them.
unsafe impl Int8 for Avx512 {
    type Sums = __m512i;
    type Bytes = __m512i;
    /// The bytes, raised by 128.
    type Word = __m512i;
    const RAISES: bool = true;

    #[inline(always)]
    unsafe fn zeros() -> __m512i {
        unsafe { _mm512_setzero_si512() }
    }
    #[inline(always)]
    unsafe fn load_sums(p: *const i32) -> __m512i {
        unsafe { _mm512_loadu_si512(p.cast()) }
    }
    #[inline(always)]
    unsafe fn load_bytes(p: *const i8) -> __m512i {
        unsafe { _mm512_loadu_si512(p.cast()) }
    }
    /// A byte with its highest bit turned is the byte plus 128, without a sign.
    #[inline(always)]
    unsafe fn word(p: *const i32) -> __m512i {
        unsafe { _mm512_set1_epi32(*p ^ 0x8080_8080_u32 as i32) }
    }
    #[inline(always)]
    unsafe fn add_products(sums: __m512i, word: __m512i, bytes: __m512i) -> __m512i {
        unsafe { _mm512_dpbusd_epi32(sums, word, bytes) }
    }
    #[inline(always)]
    unsafe fn to_floats(sums: __m512i) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(sums) }
    }
    #[inline(always)]
    unsafe fn greater_size(most: __m512i, v: __m512) -> __m512i {
        unsafe {
            let size = _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32(i32::MAX));
            _mm512_max_epi32(most, size)
        }
    }
    #[inline(always)]
    unsafe fn greatest(v: __m512i) -> i32 {
        unsafe { _mm512_reduce_max_epi32(v) }
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut i8, v: __m512) {
        unsafe { _mm_storeu_si128(p.cast(), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v))) }
    }
}

// SAFETY: only AVX-512F intrinsics are used; the caller of each method promises that the processor has them.
unsafe impl Bf16 for Avx512 {
    #[inline(always)]
    unsafe fn halves(p: *const u32) -> [__m512; PAIR] {
        unsafe {
            let words = _mm512_loadu_si512(p.cast());
            let upper = _mm512_and_si512(words, _mm512_set1_epi32(!0xffff));
            [_mm512_castsi512_ps(_mm512_slli_epi32::<16>(words)), _mm512_castsi512_ps(upper)]
        }
    }
    #[inline(always)]
    unsafe fn round(v: __m512) -> __m512 {
        unsafe {
            let bits = _mm512_castps_si512(v);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let nearest = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(v, v);
            let half = _mm512_mask_or_epi32(nearest, nan, bits, _mm512_set1_epi32(1 << 22));
            let size = _mm512_and_si512(bits, _mm512_set1_epi32(i32::MAX));
            let keep = _mm512_cmpge_epi32_mask(size, _mm512_set1_epi32(LEAST_BF16.to_bits() as i32));
            _mm512_castsi512_ps(_mm512_maskz_and_epi32(keep, half, _mm512_set1_epi32(!0xffff)))
        }
    }
    #[inline(always)]
    unsafe fn join(lower: __m512, upper: __m512) -> __m512 {
        unsafe { Self::or(_mm512_castsi512_ps(_mm512_srli_epi32::<16>(_mm512_castps_si512(lower))), upper) }
    }
    #[inline(always)]
    unsafe fn store_upper(p: *mut u16, v: __m512) {
        unsafe {
            let upper = _mm512_srli_epi32::<16>(_mm512_castps_si512(v));
            _mm256_storeu_si256(p.cast(), _mm512_cvtepi32_epi16(upper));
        }
    }
}
