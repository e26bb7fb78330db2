//! The products with a weight matrix that every cell is made of, one row at a time.

use crate::words::Real;

/// `out` = W `x` + `bias`, where W is `[out, x]` and an empty `bias` is none.
pub(super) fn affine<F: Real>(weight: &[F], bias: &[F], x: &[F], out: &mut [F]) {
    for k in 0..out.len() {
        let mut sum = bias.get(k).copied().unwrap_or(F::ZERO);
        for j in 0..x.len() {
            sum += weight[k * x.len() + j] * x[j];
        }
        out[k] = sum;
    }
}

/// `d_x` += Wᵀ `d_out`: the gradient of the input of [`affine`].
pub(super) fn add_input_gradient<F: Real>(weight: &[F], d_out: &[F], d_x: &mut [F]) {
    for k in 0..d_out.len() {
        for j in 0..d_x.len() {
            d_x[j] += weight[k * d_x.len() + j] * d_out[k];
        }
    }
}

/// `d_weight` += `d_out` `x`ᵀ: the gradient of [`affine`]'s weight.
pub(super) fn add_weight_gradient<F: Real>(d_out: &[F], x: &[F], d_weight: &mut [F]) {
    for k in 0..d_out.len() {
        for j in 0..x.len() {
            d_weight[k * x.len() + j] += d_out[k] * x[j];
        }
    }
}

/// `sum` += `values`; an empty `sum` or empty `values` are left out.
pub(super) fn add<F: Real>(sum: &mut [F], values: &[F]) {
    for (sum, &v) in sum.iter_mut().zip(values) {
        *sum += v;
    }
}
