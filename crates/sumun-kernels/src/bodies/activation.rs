//! Vector exp, sigmoid and tanh with a stated error.
//!
//! `exp` reduces x = n·ln 2 + r with |r| ≤ ln 2 / 2 (Cody & Waite 1980) and takes a polynomial in r.
//! Errors against f64, over all f32: exp ≤ 1.1 ulp on −87..88, sigmoid ≤ 2.5 ulp for x ≥ −87 (below, it stays at its
//! value there, under 2e-38), tanh ≤ 2.5 ulp. NaN stays NaN.

use crate::simd::Simd;
use crate::words::VectorFunction;

/// ln 2 in two parts: the first has trailing zero bits, so n·LN2_HIGH is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// 1.5·2²³ + 127: added to |v| < 2²², it rounds v to the nearest whole number n, and leaves n + 127 in the lowest bits,
/// which is the exponent of 2ⁿ.
const ROUND: f32 = 12_583_039.0;

/// (2ⁿ, r) with x = n·ln 2 + r, for −126 ≤ n ≤ 127.
#[inline(always)]
unsafe fn reduce<S: Simd>(x: S::V) -> (S::V, S::V) {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let rounded = S::fma(x, S::splat(std::f32::consts::LOG2_E), S::splat(ROUND));
        let n = S::sub(rounded, S::splat(ROUND));
        let r = S::fnma(n, S::splat(LN2_HIGH), x);
        (S::exponent_from_low_bits(rounded), S::fnma(n, S::splat(LN2_LOW), r))
    }
}

/// eʳ − 1 for |r| ≤ ln 2 / 2: r + r²·p(r), its terms in pairs so that few wait for others. Of all p of this degree it is the
/// one whose largest error relative to eʳ − 1 is the least, .29 ulp.
#[inline(always)]
unsafe fn exp_minus_one_reduced<S: Simd>(r: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let square = S::mul(r, r);
        let low = S::fma(S::splat(1.666_654_3e-1), r, S::splat(4.999_999_7e-1));
        let middle = S::fma(S::splat(8.366_547_5e-3), r, S::splat(4.166_72e-2));
        let high = S::fma(S::splat(1.388_251_7e-3), square, middle);
        S::fma(S::fma(high, square, low), square, r)
    }
}

/// eˣ, x taken into −87.3..88.
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let (scale, r) = reduce::<S>(S::max(S::splat(-87.3), S::min(S::splat(88.0), x)));
        S::fma(exp_minus_one_reduced::<S>(r), scale, scale)
    }
}

/// eˣ − 1 for x ≤ 0, which keeps its digits near 0. Below −87.3 it is −1.
#[inline(always)]
pub(crate) unsafe fn exp_minus_one<S: Simd>(x: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let (scale, r) = reduce::<S>(S::max(S::splat(-87.3), S::min(S::splat(0.0), x)));
        S::fma(exp_minus_one_reduced::<S>(r), scale, S::sub(scale, S::splat(1.0)))
    }
}

/// σ(x) = 1 / (1 + e⁻ˣ), through e^−|x| so that nothing overflows and small values keep their digits.
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let one = S::splat(1.0);
        let (scale, r) = reduce::<S>(S::max(S::splat(-87.3), S::negative(x)));
        let e = S::fma(exp_minus_one_reduced::<S>(r), scale, scale);
        S::div(S::if_negative(x, e, one), S::add(one, e))
    }
}

/// ln σ(x) = min(x, 0) − ln(1 + e^−|x|). With s = e / (2 + e), the logarithm is 2 artanh s, whose series in s² is taken to
/// s¹⁵: s is at most a third, so what is left out is below 1e-8 of it. The error is below 1e-6 of the result.
#[inline(always)]
pub(crate) unsafe fn log_sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let (scale, r) = reduce::<S>(S::max(S::splat(-87.3), S::negative(x)));
        let e = S::fma(exp_minus_one_reduced::<S>(r), scale, scale);
        let s = S::div(e, S::add(S::splat(2.0), e));
        let square = S::mul(s, s);
        let mut series = S::splat(2.0 / 15.0);
        for term in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
            series = S::fma(series, square, S::splat(2.0 / term));
        }
        S::fnma(series, s, S::if_negative(x, x, S::splat(0.0)))
    }
}

/// tanh x = m / (2 − m) with m = 1 − e^−2|x|, which keeps its digits near 0. Beyond |x| = 10 it is ±1.
#[inline(always)]
pub(crate) unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let negative = S::negative(x);
        let (scale, r) = reduce::<S>(S::max(S::splat(-20.0), S::add(negative, negative)));
        let m = S::fnma(exp_minus_one_reduced::<S>(r), scale, S::sub(S::splat(1.0), scale));
        S::div(S::with_sign(m, x), S::sub(S::splat(2.0), m))
    }
}

#[inline(always)]
unsafe fn apply<S: Simd>(what: VectorFunction, v: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        match what {
            VectorFunction::Sigmoid => sigmoid::<S>(v),
            VectorFunction::Tanh => tanh::<S>(v),
            VectorFunction::Exp => exp::<S>(v),
        }
    }
}

/// Replaces every value by its activation.
#[inline(always)]
pub(crate) unsafe fn activate<S: Simd>(what: VectorFunction, values: &mut [f32]) {
    let mut chunks = values.chunks_exact_mut(S::LANES);
    // SAFETY: each chunk holds LANES floats, the remainder as many as its length.
    unsafe {
        for chunk in &mut chunks {
            S::store(chunk.as_mut_ptr(), apply::<S>(what, S::load(chunk.as_ptr())));
        }
        let rest = chunks.into_remainder();
        let v = apply::<S>(what, S::load_first(rest.as_ptr(), rest.len()));
        S::store_first(rest.as_mut_ptr(), v, rest.len());
    }
}
