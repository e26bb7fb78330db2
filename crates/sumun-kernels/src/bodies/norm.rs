//! Layer normalisation of one row: x̂ = (x − μ) s, s = 1/√(σ² + ε), and y = gain ⊙ x̂ + bias (Ba, Kiros & Hinton 2016).

use crate::bodies::cell::{load_units, store_units};
use crate::simd::{MOST_LANES, Simd};

/// One row, forwards.
#[derive(Debug)]
pub(crate) struct NormRow {
    pub(crate) len: usize,
    pub(crate) eps: f32,
    /// In: x. Out: x̂.
    pub(crate) values: *mut f32,
    pub(crate) gain: *const f32,
    pub(crate) bias: *const f32,
    /// y, written.
    pub(crate) to: *mut f32,
}

/// One row, backwards.
#[derive(Debug)]
pub(crate) struct NormBackward {
    pub(crate) len: usize,
    /// s of the row.
    pub(crate) scale: f32,
    /// In: x̂. Out: the gradient of x.
    pub(crate) values: *mut f32,
    pub(crate) gain: *const f32,
    /// The gradient of y.
    pub(crate) d: *const f32,
    /// d ⊙ x̂, written: what the gradient of the gain is the sum of.
    pub(crate) d_gain: *mut f32,
}

/// The sum of `of(k, units)` over the vectors of a row. What is beyond the row must be 0 in the vectors.
#[inline(always)]
unsafe fn sum<S: Simd>(len: usize, mut of: impl FnMut(usize, usize) -> S::V) -> f32 {
    // SAFETY: arithmetic on a vector's floats; the caller promises the instruction set.
    unsafe {
        let mut sum = S::splat(0.0);
        for at in (0..len).step_by(S::LANES) {
            sum = S::add(sum, of(at, (len - at).min(S::LANES)));
        }
        let mut lanes = [0.0; MOST_LANES];
        S::store(lanes.as_mut_ptr(), sum);
        lanes[..S::LANES].iter().sum()
    }
}

/// x to x̂ in place and y; returns s.
#[inline(always)]
pub(crate) unsafe fn normalise<S: Simd>(row: &NormRow) -> f32 {
    let (len, count) = (row.len, row.len as f32);
    // SAFETY: the caller promises `len` floats of each, and the instruction set.
    unsafe {
        let mean = sum::<S>(len, |at, units| load_units::<S>(row.values.add(at), units)) / count;
        for at in (0..len).step_by(S::LANES) {
            let units = (len - at).min(S::LANES);
            let value = S::sub(load_units::<S>(row.values.add(at), units), S::splat(mean));
            store_units::<S>(row.values.add(at), value, units);
        }
        let squares = sum::<S>(len, |at, units| {
            let value = load_units::<S>(row.values.add(at), units);
            S::mul(value, value)
        });
        let scale = 1.0 / (squares / count + row.eps).sqrt();
        for at in (0..len).step_by(S::LANES) {
            let units = (len - at).min(S::LANES);
            let value = S::mul(load_units::<S>(row.values.add(at), units), S::splat(scale));
            let value = S::flush(value);
            store_units::<S>(row.values.add(at), value, units);
            let (gain, bias) =
                (load_units::<S>(row.gain.add(at), units), load_units::<S>(row.bias.add(at), units));
            store_units::<S>(row.to.add(at), S::flush(S::fma(gain, value, bias)), units);
        }
        scale
    }
}

/// y of x̂ once more.
#[inline(always)]
pub(crate) unsafe fn scale_again<S: Simd>(row: &NormRow) {
    for at in (0..row.len).step_by(S::LANES) {
        let units = (row.len - at).min(S::LANES);
        // SAFETY: the caller promises `len` floats of each, and the instruction set.
        unsafe {
            let (gain, bias) =
                (load_units::<S>(row.gain.add(at), units), load_units::<S>(row.bias.add(at), units));
            let value = load_units::<S>(row.values.add(at), units);
            store_units::<S>(row.to.add(at), S::flush(S::fma(gain, value, bias)), units);
        }
    }
}

/// From d, the gradient of y, to that of x: s (g − mean(g) − x̂ mean(g ⊙ x̂)) with g = d ⊙ gain.
#[inline(always)]
pub(crate) unsafe fn normalise_back<S: Simd>(row: &NormBackward) {
    let (len, count) = (row.len, row.len as f32);
    // SAFETY: the caller promises `len` floats of each, and the instruction set.
    unsafe {
        let scaled = |at: usize, units: usize| {
            S::mul(load_units::<S>(row.d.add(at), units), load_units::<S>(row.gain.add(at), units))
        };
        let mean = sum::<S>(len, scaled) / count;
        let slope =
            sum::<S>(len, |at, units| S::mul(scaled(at, units), load_units::<S>(row.values.add(at), units)))
                / count;
        for at in (0..len).step_by(S::LANES) {
            let units = (len - at).min(S::LANES);
            let value = load_units::<S>(row.values.add(at), units);
            let d = load_units::<S>(row.d.add(at), units);
            store_units::<S>(row.d_gain.add(at), S::flush(S::mul(d, value)), units);
            let centred = S::sub(scaled(at, units), S::splat(mean));
            let d = S::mul(S::splat(row.scale), S::fnma(value, S::splat(slope), centred));
            store_units::<S>(row.values.add(at), S::flush(d), units);
        }
    }
}
