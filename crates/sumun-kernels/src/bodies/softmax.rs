//! One row of logits: the logarithm of its sum of exponentials, and its softmax.

use crate::bodies::activation::exp;
use crate::simd::{MOST_LANES, Simd};

/// Vectors whose sums are taken in single precision before they are added in double precision.
const BLOCK: usize = 32;

/// A row of logits and what is wanted of it.
#[derive(Debug)]
pub(crate) struct SoftmaxRow {
    pub(crate) logits: *const f32,
    pub(crate) len: usize,
    /// Receives weight · softmax, where it is wanted; it may be the logits' place. Null for nowhere.
    pub(crate) to: *mut f32,
    pub(crate) weight: f64,
    /// ln Σ exp.
    pub(crate) log_sum: f64,
}

/// Vectors are summed lane by lane, blocks of them in order, so that a row's sum is always the same.
#[inline(always)]
pub(crate) unsafe fn softmax<S: Simd>(row: &mut SoftmaxRow) {
    let SoftmaxRow { logits, len, to, weight, .. } = *row;
    // SAFETY: the caller promises `len` floats at `logits`, and at `to` where it is not null.
    unsafe {
        let largest = largest::<S>(logits, len);
        let shift = S::splat(largest);
        let mut lanes = [0.0f32; MOST_LANES];
        let (mut sum, mut k) = (0.0f64, 0);
        while k < len {
            let mut acc = S::splat(0.0);
            let end = len.min(k + BLOCK * S::LANES);
            while k + S::LANES <= end {
                // What is too small to matter is 0, as it is for exp itself a little further down.
                let e = S::flush(exp::<S>(S::sub(S::load(logits.add(k)), shift)));
                if !to.is_null() {
                    S::store(to.add(k), e);
                }
                acc = S::add(acc, e);
                k += S::LANES;
            }
            if k < end {
                let left = end - k;
                let e = S::flush(exp::<S>(S::sub(S::load_first(logits.add(k), left), shift)));
                lanes.fill(0.0);
                S::store_first(lanes.as_mut_ptr(), e, left);
                if !to.is_null() {
                    S::store_first(to.add(k), e, left);
                }
                acc = S::add(acc, S::load(lanes.as_ptr()));
                k = end;
            }
            S::store(lanes.as_mut_ptr(), acc);
            sum += lanes[..S::LANES].iter().map(|&e| f64::from(e)).sum::<f64>();
        }
        row.log_sum = sum.ln() + f64::from(largest);
        if !to.is_null() {
            scale::<S>(to, len, (weight / sum) as f32);
        }
    }
}

/// The largest logit that is a number; −∞ if none is.
#[inline(always)]
unsafe fn largest<S: Simd>(logits: *const f32, len: usize) -> f32 {
    // SAFETY: the caller promises `len` floats.
    unsafe {
        if len < S::LANES {
            return (0..len).fold(f32::NEG_INFINITY, |most, k| most.max(*logits.add(k)));
        }
        let mut most = [S::splat(f32::NEG_INFINITY); 2];
        let mut k = 0;
        while k + 2 * S::LANES <= len {
            for (n, most) in most.iter_mut().enumerate() {
                *most = S::max(S::load(logits.add(k + n * S::LANES)), *most);
            }
            k += 2 * S::LANES;
        }
        if k + S::LANES <= len {
            most[0] = S::max(S::load(logits.add(k)), most[0]);
        }
        // The last vector may overlap those before it.
        let last = S::max(S::load(logits.add(len - S::LANES)), S::max(most[0], most[1]));
        let mut lanes = [f32::NEG_INFINITY; MOST_LANES];
        S::store(lanes.as_mut_ptr(), last);
        lanes.iter().copied().fold(f32::NEG_INFINITY, f32::max)
    }
}

#[inline(always)]
unsafe fn scale<S: Simd>(values: *mut f32, len: usize, by: f32) {
    // SAFETY: the caller promises `len` floats.
    unsafe {
        let (factor, mut k) = (S::splat(by), 0);
        while k + S::LANES <= len {
            S::store(values.add(k), S::mul(S::load(values.add(k)), factor));
            k += S::LANES;
        }
        if k < len {
            let v = S::load_first(values.add(k), len - k);
            S::store_first(values.add(k), S::mul(v, factor), len - k);
        }
    }
}
