//! The LSTM cell: c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c') (Hochreiter & Schmidhuber 1997; forget gate of Gers
//! et al. 2000). Derivation: `docs/derivations/lstm.md`.

use super::linear::{add_input_gradient, add_weight_gradient, affine};
use super::{Backward, Forward, before, row};
use crate::Real;

/// The states of every row. `run.state` holds the initial state and is moved on in place. The cache keeps the
/// activated gates i, f, g, o and the cell state c'.
pub(super) fn forward<F: Real>(run: Forward<F>) {
    let Forward { dims, weights, steps, x, out, state, mut cache } = run;
    let (inputs, units) = (dims.input, dims.hidden);
    let mut from_input = vec![F::ZERO; 4 * units];
    let mut from_hidden = vec![F::ZERO; 4 * units];
    for t in 0..steps.len() {
        for n in 0..steps.batch_size(t) {
            let r = steps.offset(t) + n;
            let h = &mut state.hidden[n * units..][..units];
            let c = &mut state.cell[n * units..][..units];
            affine(weights.input, weights.bias_input, row(x, r, inputs), &mut from_input);
            affine(weights.hidden, weights.bias_hidden, h, &mut from_hidden);
            for k in 0..units {
                let a = |gate: usize| from_input[gate * units + k] + from_hidden[gate * units + k];
                let i = a(0).sigmoid();
                let f = a(1).sigmoid();
                let g = a(2).tanh();
                let o = a(3).sigmoid();
                c[k] = f * c[k] + i * g;
                h[k] = o * c[k].tanh();
                if let Some(cache) = cache.as_deref_mut() {
                    for (gate, value) in [i, f, g, o].into_iter().enumerate() {
                        cache.gates[(4 * r + gate) * units + k] = value;
                    }
                    cache.cell[r * units + k] = c[k];
                }
            }
            out[r * units..][..units].copy_from_slice(h);
        }
    }
}

/// The gradients, from the last step to the first. `run.d_state` holds the gradient of the final state and is
/// moved back in place until it is that of the initial state.
pub(super) fn backward<F: Real>(run: Backward<F>) {
    let Backward { dims, weights, steps, x, initial, out, cache, d_out, mut d_x, d_state, into } = run;
    let (inputs, units) = (dims.input, dims.hidden);
    let mut d_a = vec![F::ZERO; 4 * units];
    for t in (0..steps.len()).rev() {
        for n in 0..steps.batch_size(t) {
            let r = steps.offset(t) + n;
            let c_before = before(&cache.cell, initial.cell, steps, t, n, units);
            let d_h = &mut d_state.hidden[n * units..][..units];
            let d_c = &mut d_state.cell[n * units..][..units];
            for k in 0..units {
                let [i, f, g, o] = [0, 1, 2, 3].map(|gate| cache.gates[(4 * r + gate) * units + k]);
                let tanh_c = cache.cell[r * units + k].tanh();
                let dh = d_h[k] + d_out[r * units + k];
                let dc = d_c[k] + dh * o * (F::ONE - tanh_c * tanh_c);
                d_a[k] = dc * g * i * (F::ONE - i);
                d_a[units + k] = dc * c_before[k] * f * (F::ONE - f);
                d_a[2 * units + k] = dc * i * (F::ONE - g * g);
                d_a[3 * units + k] = dh * tanh_c * o * (F::ONE - o);
                d_c[k] = dc * f;
            }
            let h_before = before(out, initial.hidden, steps, t, n, units);
            d_h.fill(F::ZERO);
            add_input_gradient(weights.hidden, &d_a, d_h);
            add_weight_gradient(&d_a, h_before, into.hidden, into.bias_hidden);
            add_weight_gradient(&d_a, row(x, r, inputs), into.input, into.bias_input);
            if let Some(d_x) = d_x.as_deref_mut() {
                add_input_gradient(weights.input, &d_a, &mut d_x[r * inputs..][..inputs]);
            }
        }
    }
}
