//! The GRU cell: h' = (1 − z) ⊙ n + z ⊙ h (Cho et al. 2014), with the reset gate after or before the recurrent
//! product of n. Derivation: `docs/derivations/gru.md`.

use super::linear::{add_input_gradient, add_weight_gradient, affine};
use super::{Backward, Forward, before, row};
use crate::{Real, Reset};

/// The states of every row. `run.state` holds the initial state and is moved on in place. The cache keeps r, z,
/// n and, fourth, what the derivative of the recurrent product needs: W_hn h + b_hn with the reset after it,
/// r ⊙ h with the reset before it.
pub(super) fn forward<F: Real>(reset: Reset, run: Forward<F>) {
    let Forward { dims, weights, steps, x, out, state, mut cache } = run;
    let (inputs, units) = (dims.input, dims.hidden);
    let (u_rz, u_n) = weights.hidden.split_at(2 * units * units);
    let (b_rz, b_n) = split_bias(weights.bias_hidden, units);
    let mut from_input = vec![F::ZERO; 3 * units];
    let mut from_hidden = vec![F::ZERO; 2 * units];
    let [mut r, mut z] = [vec![F::ZERO; units], vec![F::ZERO; units]];
    let [mut reset_h, mut new_from_hidden] = [vec![F::ZERO; units], vec![F::ZERO; units]];
    for t in 0..steps.len() {
        for rank in 0..steps.batch_size(t) {
            let at = steps.offset(t) + rank;
            let h = &mut state.hidden[rank * units..][..units];
            affine(weights.input, weights.bias_input, row(x, at, inputs), &mut from_input);
            affine(u_rz, b_rz, h, &mut from_hidden);
            for k in 0..units {
                r[k] = (from_input[k] + from_hidden[k]).sigmoid();
                z[k] = (from_input[units + k] + from_hidden[units + k]).sigmoid();
                reset_h[k] = r[k] * h[k];
            }
            match reset {
                Reset::After => affine(u_n, b_n, h, &mut new_from_hidden),
                Reset::Before => affine(u_n, b_n, &reset_h, &mut new_from_hidden),
            }
            for k in 0..units {
                let (recurrent, kept) = match reset {
                    Reset::After => (r[k] * new_from_hidden[k], new_from_hidden[k]),
                    Reset::Before => (new_from_hidden[k], reset_h[k]),
                };
                let n = (from_input[2 * units + k] + recurrent).tanh();
                h[k] = (F::ONE - z[k]) * n + z[k] * h[k];
                if let Some(cache) = cache.as_deref_mut() {
                    for (gate, value) in [r[k], z[k], n, kept].into_iter().enumerate() {
                        cache.gates[(4 * at + gate) * units + k] = value;
                    }
                }
            }
            out[at * units..][..units].copy_from_slice(h);
        }
    }
}

/// The gradients, from the last step to the first. `run.d_state` holds the gradient of the final state and is
/// moved back in place until it is that of the initial state.
pub(super) fn backward<F: Real>(reset: Reset, run: Backward<F>) {
    let Backward { dims, weights, steps, x, initial, out, cache, d_out, mut d_x, d_state, into } = run;
    let (inputs, units) = (dims.input, dims.hidden);
    let (u_rz, u_n) = weights.hidden.split_at(2 * units * units);
    let (d_u_rz, d_u_n) = into.hidden.split_at_mut(2 * units * units);
    let (d_b_rz, d_b_n) = split_bias_mut(into.bias_hidden, units);
    // Gradients of the pre-activations of r, z, n, and of W_hn h + b_hn (after) or W_hn (r ⊙ h) + b_hn (before).
    let mut d_a = vec![F::ZERO; 3 * units];
    let mut d_product = vec![F::ZERO; units];
    let mut d_reset_h = vec![F::ZERO; units];
    for t in (0..steps.len()).rev() {
        for rank in 0..steps.batch_size(t) {
            let at = steps.offset(t) + rank;
            let h_before = before(out, initial.hidden, steps, t, rank, units);
            let [r, z, n, kept] = [0, 1, 2, 3].map(|gate| row(&cache.gates, 4 * at + gate, units));
            let d_h = &mut d_state.hidden[rank * units..][..units];
            for k in 0..units {
                let dh = d_h[k] + d_out[at * units + k];
                d_a[units + k] = dh * (h_before[k] - n[k]) * z[k] * (F::ONE - z[k]);
                d_a[2 * units + k] = dh * (F::ONE - z[k]) * (F::ONE - n[k] * n[k]);
                d_h[k] = dh * z[k];
            }
            match reset {
                Reset::After => {
                    for k in 0..units {
                        let dn = d_a[2 * units + k];
                        d_a[k] = dn * kept[k] * r[k] * (F::ONE - r[k]);
                        d_product[k] = dn * r[k];
                    }
                    add_input_gradient(u_n, &d_product, d_h);
                    add_weight_gradient(&d_product, h_before, d_u_n, d_b_n);
                }
                Reset::Before => {
                    d_product.copy_from_slice(&d_a[2 * units..]);
                    d_reset_h.fill(F::ZERO);
                    add_input_gradient(u_n, &d_product, &mut d_reset_h);
                    for k in 0..units {
                        d_a[k] = d_reset_h[k] * h_before[k] * r[k] * (F::ONE - r[k]);
                        d_h[k] += d_reset_h[k] * r[k];
                    }
                    add_weight_gradient(&d_product, kept, d_u_n, d_b_n);
                }
            }
            let d_rz = &d_a[..2 * units];
            add_input_gradient(u_rz, d_rz, d_h);
            add_weight_gradient(d_rz, h_before, d_u_rz, d_b_rz);
            add_weight_gradient(&d_a, row(x, at, inputs), into.input, into.bias_input);
            if let Some(d_x) = d_x.as_deref_mut() {
                add_input_gradient(weights.input, &d_a, &mut d_x[at * inputs..][..inputs]);
            }
        }
    }
}

/// `bias_hh` `[3H]` as its blocks r, z and its block n; an empty bias as two empty ones.
fn split_bias<F>(bias: &[F], units: usize) -> (&[F], &[F]) {
    bias.split_at(if bias.is_empty() { 0 } else { 2 * units })
}

/// As [`split_bias`], for the gradient.
fn split_bias_mut<F>(bias: &mut [F], units: usize) -> (&mut [F], &mut [F]) {
    bias.split_at_mut(if bias.is_empty() { 0 } else { 2 * units })
}
