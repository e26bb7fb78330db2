//! The plain recurrent cell: h' = φ(W x + b_ih + U h + b_hh) (Elman 1990). Derivation: `docs/derivations/rnn.md`.

use super::linear::{add_input_gradient, add_weight_gradient, affine};
use super::{Backward, Forward, before, row};
use crate::{Nonlinearity, Real};

/// The states of every row. `run.state` holds the initial state and is moved on in place.
pub(super) fn forward<F: Real>(nonlinearity: Nonlinearity, run: Forward<F>) {
    let Forward { dims, weights, steps, x, out, state, .. } = run;
    let (inputs, units) = (dims.input, dims.hidden);
    let mut from_input = vec![F::ZERO; units];
    let mut from_hidden = vec![F::ZERO; units];
    for t in 0..steps.len() {
        for n in 0..steps.batch_size(t) {
            let r = steps.offset(t) + n;
            let h = &mut state.hidden[n * units..][..units];
            affine(weights.input, weights.bias_input, row(x, r, inputs), &mut from_input);
            affine(weights.hidden, weights.bias_hidden, h, &mut from_hidden);
            for k in 0..units {
                let a = from_input[k] + from_hidden[k];
                h[k] = match nonlinearity {
                    Nonlinearity::Tanh => a.tanh(),
                    // Written so that NaN stays NaN.
                    Nonlinearity::Relu => {
                        if a < F::ZERO {
                            F::ZERO
                        } else {
                            a
                        }
                    }
                };
            }
            out[r * units..][..units].copy_from_slice(h);
        }
    }
}

/// The gradients, from the last step to the first. `run.d_state` holds the gradient of the final state and is
/// moved back in place until it is that of the initial state.
pub(super) fn backward<F: Real>(nonlinearity: Nonlinearity, run: Backward<F>) {
    let Backward { dims, weights, steps, x, initial, out, d_out, mut d_x, d_state, into, .. } = run;
    let (inputs, units) = (dims.input, dims.hidden);
    let mut d_a = vec![F::ZERO; units];
    for t in (0..steps.len()).rev() {
        for n in 0..steps.batch_size(t) {
            let r = steps.offset(t) + n;
            let h = row(out, r, units);
            let d_h = &mut d_state.hidden[n * units..][..units];
            for k in 0..units {
                let d = d_h[k] + d_out[r * units + k];
                d_a[k] = match nonlinearity {
                    Nonlinearity::Tanh => d * (F::ONE - h[k] * h[k]),
                    Nonlinearity::Relu => {
                        if h[k] <= F::ZERO {
                            F::ZERO
                        } else {
                            d
                        }
                    }
                };
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
