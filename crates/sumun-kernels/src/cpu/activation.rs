//! Vector exp, sigmoid and tanh with a stated error.
//!
//! `exp` reduces x = n·ln 2 + r with |r| ≤ ln 2 / 2 (Cody & Waite 1980) and takes Cephes' polynomial
//! (Moshier, `expf.c`) in r. Errors against f64, over all f32: exp ≤ 2 ulp on −87..88, sigmoid ≤ 2.5 ulp for
//! x ≥ −87 (below, it stays at its value there, under 2e-38), tanh ≤ 2.5 ulp. NaN stays NaN.

use crate::simd::{Activation, Simd};

/// ln 2 in two parts: the first has trailing zero bits, so n·LN2_HIGH is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// (n, r) with x = n·ln 2 + r.
#[inline(always)]
unsafe fn reduce<S: Simd>(x: S::V) -> (S::V, S::V) {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let n = S::round(S::mul(x, S::splat(std::f32::consts::LOG2_E)));
        let r = S::fnma(n, S::splat(LN2_HIGH), x);
        (n, S::fnma(n, S::splat(LN2_LOW), r))
    }
}

/// eʳ − 1 for |r| ≤ ln 2 / 2: r + r²·p(r), with Cephes' p.
#[inline(always)]
unsafe fn exp_minus_one_reduced<S: Simd>(r: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let mut p = S::splat(1.987_569_1e-4);
        p = S::fma(p, r, S::splat(1.398_199_9e-3));
        p = S::fma(p, r, S::splat(8.333_452e-3));
        p = S::fma(p, r, S::splat(4.166_579_6e-2));
        p = S::fma(p, r, S::splat(1.666_666_5e-1));
        p = S::fma(p, r, S::splat(0.5));
        S::fma(p, S::mul(r, r), r)
    }
}

/// eˣ, x taken into −87.3..88.
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let x = S::max(S::splat(-87.3), S::min(S::splat(88.0), x));
        let (n, r) = reduce::<S>(x);
        let scale = S::exp2_whole(n);
        S::fma(exp_minus_one_reduced::<S>(r), scale, scale)
    }
}

/// 1 / (1 + e⁻ˣ), through e^−|x| so that nothing overflows and small values keep their digits.
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let one = S::splat(1.0);
        let e = exp::<S>(S::sub(S::splat(0.0), S::abs(x)));
        S::div(S::if_negative(x, e, one), S::add(one, e))
    }
}

/// tanh x = e / (e + 2) with e = e^2|x| − 1, which keeps its digits near 0. Beyond |x| = 10 it is ±1.
#[inline(always)]
pub(crate) unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let a = S::abs(x);
        let (n, r) = reduce::<S>(S::min(S::splat(20.0), S::add(a, a)));
        let scale = S::exp2_whole(n);
        let e = S::fma(exp_minus_one_reduced::<S>(r), scale, S::sub(scale, S::splat(1.0)));
        S::with_sign(S::div(e, S::add(e, S::splat(2.0))), x)
    }
}

#[inline(always)]
unsafe fn apply<S: Simd>(what: Activation, v: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        match what {
            Activation::Sigmoid => sigmoid::<S>(v),
            Activation::Tanh => tanh::<S>(v),
            Activation::Exp => exp::<S>(v),
        }
    }
}

/// Replaces every value by its activation.
#[inline(always)]
pub(crate) unsafe fn activate<S: Simd>(what: Activation, values: &mut [f32]) {
    let mut chunks = values.chunks_exact_mut(S::LANES);
    // SAFETY: each chunk holds LANES floats, the remainder as many as it says.
    unsafe {
        for chunk in &mut chunks {
            S::store(chunk.as_mut_ptr(), apply::<S>(what, S::load(chunk.as_ptr())));
        }
        let rest = chunks.into_remainder();
        let v = apply::<S>(what, S::load_first(rest.as_ptr(), rest.len()));
        S::store_first(rest.as_mut_ptr(), v, rest.len());
    }
}
