//! IndRNN: h' = φ(W x + b + u ⊙ h) (Li et al. 2018, eq. 2), φ the rectifier unless the options name another. Derivation:
//! `docs/derivations/ind_rnn.md`.

use super::activation::Clipped;
use super::linear::{add, add_input_gradient, add_weight_gradient, affine};
use super::run::{Backward, Equations, Forward, before, row, write_down};
use crate::cells::IndRnn;
use crate::words::Real;

impl Equations for IndRnn {
    const KEPT: usize = 0;

    fn forward<F: Real>(run: Forward<F>) {
        let Forward { dims, weights, steps, x, out, state, mut cache, scratch, .. } = run;
        let (inputs, units) = (dims.input, dims.hidden);
        let phi = Clipped::new(dims.options.functions(dims.cell).candidate, None);
        let [a] = scratch.arrays([units]);
        for t in 0..steps.len() {
            for n in 0..steps.batch_size(t) {
                let r = steps.offset(t) + n;
                let h = &mut state.hidden[n * units..][..units];
                affine(weights.input, weights.bias_input, row(x, r, inputs), a);
                for k in 0..units {
                    a[k] += weights.hidden[k] * h[k];
                    h[k] = phi.value(a[k]);
                }
                out[r * units..][..units].copy_from_slice(h);
                if let Some(cache) = cache.as_deref_mut() {
                    cache.pre_activations[r * units..][..units].copy_from_slice(a);
                }
            }
        }
    }

    fn backward<F: Real>(run: Backward<F>) {
        let Backward { dims, weights, steps, x, initial, out, cache, d_out, .. } = run;
        let Backward { mut d_x, d_state, into, mut by_step, .. } = run;
        let (inputs, units) = (dims.input, dims.hidden);
        let phi = Clipped::new(dims.options.functions(dims.cell).candidate, None);
        let mut d_a = vec![F::ZERO; units];
        for t in (0..steps.len()).rev() {
            for n in 0..steps.batch_size(t) {
                let r = steps.offset(t) + n;
                let a = row(&cache.pre_activations, r, units);
                let h_before = before(out, initial.hidden, steps, t, n, units);
                let d_h = &mut d_state.hidden[n * units..][..units];
                write_down(&mut by_step, r, d_h, d_out, &[]);
                for k in 0..units {
                    let d = d_h[k] + d_out[r * units + k];
                    d_a[k] = d * phi.slope(a[k], phi.value(a[k]));
                    into.hidden[k] += d_a[k] * h_before[k];
                    d_h[k] = d_a[k] * weights.hidden[k];
                }
                add(into.bias_input, &d_a);
                add_weight_gradient(&d_a, row(x, r, inputs), into.input);
                if let Some(d_x) = d_x.as_deref_mut() {
                    add_input_gradient(weights.input, &d_a, &mut d_x[r * inputs..][..inputs]);
                }
            }
        }
    }
}
