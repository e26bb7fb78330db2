//! Plain Rust for any processor: four floats, which compilers make vectors of.

// Each block is one instruction, and the promise about it stands once, at the `impl`.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::Simd;
use super::bf16::{Bf16, PAIR};
use super::int8::{Int8, WORD};
use crate::words::precision::{bf16, upper_half};

#[derive(Clone, Copy)]
pub(crate) struct Portable;

type V = [f32; 4];

#[inline(always)]
fn map(a: V, f: impl Fn(f32) -> f32) -> V {
    [f(a[0]), f(a[1]), f(a[2]), f(a[3])]
}

#[inline(always)]
fn zip(a: V, b: V, f: impl Fn(f32, f32) -> f32) -> V {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

/// a·b + c, fused only where the processor does that in one instruction: the C library's is slow.
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) { a.mul_add(b, c) } else { a * b + c }
}

// SAFETY: nothing but ordinary arithmetic; loads and stores touch only the floats they name.
unsafe impl Simd for Portable {
    type V = V;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(v: f32) -> V {
        [v; 4]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> V {
        unsafe { p.cast::<V>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> V {
        let mut v = [0.0; 4];
        for (i, v) in v.iter_mut().enumerate().take(n) {
            *v = unsafe { *p.add(i) };
        }
        v
    }
    #[inline(always)]
    unsafe fn prefetch(_: *const f32) {}
    #[inline(always)]
    unsafe fn prefetch_far(_: *const f32) {}
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: V) {
        unsafe { p.cast::<V>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: V, n: usize) {
        for (i, v) in v.iter().enumerate().take(n) {
            unsafe { *p.add(i) = *v };
        }
    }
    #[inline(always)]
    unsafe fn add(a: V, b: V) -> V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: V, b: V) -> V {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn sqrt(v: V) -> V {
        map(v, f32::sqrt)
    }
    #[inline(always)]
    unsafe fn or(a: V, b: V) -> V {
        zip(a, b, |a, b| f32::from_bits(a.to_bits() | b.to_bits()))
    }
    #[inline(always)]
    unsafe fn is_all_zero_bits(v: V) -> bool {
        v.iter().fold(0, |bits, v| bits | v.to_bits()) == 0
    }
    #[inline(always)]
    unsafe fn fma(a: V, b: V, c: V) -> V {
        [fused(a[0], b[0], c[0]), fused(a[1], b[1], c[1]), fused(a[2], b[2], c[2]), fused(a[3], b[3], c[3])]
    }
    #[inline(always)]
    unsafe fn fnma(a: V, b: V, c: V) -> V {
        unsafe { Self::fma(map(a, |a| -a), b, c) }
    }
    #[inline(always)]
    unsafe fn min(a: V, b: V) -> V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn max(a: V, b: V) -> V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn negative(v: V) -> V {
        map(v, |v| -v.abs())
    }
    #[inline(always)]
    unsafe fn with_sign(magnitude: V, sign: V) -> V {
        zip(magnitude, sign, f32::copysign)
    }
    #[inline(always)]
    unsafe fn exponent_from_low_bits(v: V) -> V {
        map(v, |v| f32::from_bits(v.to_bits() << 23))
    }
    #[inline(always)]
    unsafe fn if_negative(v: V, yes: V, no: V) -> V {
        let mut out = no;
        for i in 0..4 {
            if v[i] < 0.0 {
                out[i] = yes[i];
            }
        }
        out
    }
    #[inline(always)]
    unsafe fn exchange<const HALF: usize>(a: V, b: V) -> (V, V) {
        let (mut x, mut y) = (a, b);
        for i in 0..4 {
            if i & HALF == 0 {
                (x[i + HALF], y[i]) = (b[i], a[i + HALF]);
            }
        }
        (x, y)
    }
    #[inline(always)]
    unsafe fn relu(v: V) -> V {
        map(v, |v| if 0.0 > v { 0.0 } else { v })
    }
    #[inline(always)]
    unsafe fn flush(v: V) -> V {
        map(v, super::flush)
    }
}

// SAFETY: as above.
unsafe impl Int8 for Portable {
    type Sums = [i32; 4];
    type Bytes = [[i8; WORD]; 4];
    type Word = [i8; WORD];
    const RAISES: bool = false;

    #[inline(always)]
    unsafe fn zeros() -> [i32; 4] {
        [0; 4]
    }
    #[inline(always)]
    unsafe fn load_sums(p: *const i32) -> [i32; 4] {
        unsafe { p.cast::<[i32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_bytes(p: *const i8) -> Self::Bytes {
        unsafe { p.cast::<Self::Bytes>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn word(p: *const i32) -> [i8; WORD] {
        unsafe { p.cast::<[i8; WORD]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn add_products(mut sums: [i32; 4], word: [i8; WORD], bytes: Self::Bytes) -> [i32; 4] {
        for (sum, bytes) in sums.iter_mut().zip(bytes) {
            for (x, w) in word.into_iter().zip(bytes) {
                *sum += i32::from(x) * i32::from(w);
            }
        }
        sums
    }
    #[inline(always)]
    unsafe fn to_floats(sums: [i32; 4]) -> V {
        sums.map(|sum| sum as f32)
    }
    #[inline(always)]
    unsafe fn greater_size(most: [i32; 4], v: V) -> [i32; 4] {
        let size = |k: usize| most[k].max((v[k].to_bits() & i32::MAX as u32) as i32);
        [size(0), size(1), size(2), size(3)]
    }
    #[inline(always)]
    unsafe fn greatest(v: [i32; 4]) -> i32 {
        v[0].max(v[1]).max(v[2]).max(v[3])
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut i8, v: V) {
        unsafe { p.cast::<[i8; 4]>().write_unaligned(v.map(|v| v.round_ties_even() as i8)) }
    }
}

// SAFETY: as above.
unsafe impl Bf16 for Portable {
    #[inline(always)]
    unsafe fn halves(p: *const u32) -> [V; PAIR] {
        let words = unsafe { p.cast::<[u32; 4]>().read_unaligned() };
        [words.map(|word| f32::from_bits(word << 16)), words.map(|word| f32::from_bits(word & !0xffff))]
    }
    #[inline(always)]
    unsafe fn round(v: V) -> V {
        map(v, bf16)
    }
    #[inline(always)]
    unsafe fn join(lower: V, upper: V) -> V {
        zip(lower, upper, |lower, upper| f32::from_bits(lower.to_bits() >> 16 | upper.to_bits()))
    }
    #[inline(always)]
    unsafe fn store_upper(p: *mut u16, v: V) {
        unsafe { p.cast::<[u16; 4]>().write_unaligned(v.map(upper_half)) }
    }
}
