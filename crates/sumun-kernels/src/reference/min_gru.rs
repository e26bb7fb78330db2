//! minGRU: z = σ(W_z x + b_z), n = W_n x + b_n, h' = (1 − z) ⊙ h + z ⊙ n (Feng et al. 2024, §3.1). Derivation:
//! `docs/derivations/minimal.md`.

use super::linear::{add, add_input_gradient, add_weight_gradient, affine};
use super::run::{Backward, Equations, Forward, before, row, write_down};
use crate::cells::MinGru;
use crate::words::Real;

impl Equations for MinGru {
    /// z, n.
    const KEPT: usize = 2;

    fn forward<F: Real>(run: Forward<F>) {
        let Forward { dims, weights, steps, x, out, state, mut cache, scratch, .. } = run;
        let (inputs, units) = (dims.input, dims.hidden);
        let [a, gates] = scratch.arrays([2 * units; 2]);
        for t in 0..steps.len() {
            for rank in 0..steps.batch_size(t) {
                let r = steps.offset(t) + rank;
                let h = &mut state.hidden[rank * units..][..units];
                affine(weights.input, weights.bias_input, row(x, r, inputs), a);
                gates.copy_from_slice(a);
                for k in 0..units {
                    gates[k] = a[k].sigmoid();
                    let (z, n) = (gates[k], gates[units + k]);
                    h[k] = (F::ONE - z) * h[k] + z * n;
                }
                out[r * units..][..units].copy_from_slice(h);
                if let Some(cache) = cache.as_deref_mut() {
                    cache.pre_activations[2 * r * units..][..2 * units].copy_from_slice(a);
                    cache.gates[2 * r * units..][..2 * units].copy_from_slice(gates);
                }
            }
        }
    }

    fn backward<F: Real>(run: Backward<F>) {
        let Backward { dims, weights, steps, x, initial, out, cache, d_out, .. } = run;
        let Backward { mut d_x, d_state, into, mut by_step, .. } = run;
        let (inputs, units) = (dims.input, dims.hidden);
        let mut d_a = vec![F::ZERO; 2 * units];
        for t in (0..steps.len()).rev() {
            for rank in 0..steps.batch_size(t) {
                let r = steps.offset(t) + rank;
                let [z, n] = [0, 1].map(|gate| row(&cache.gates, 2 * r + gate, units));
                let h_before = before(out, initial.hidden, steps, t, rank, units);
                let d_h = &mut d_state.hidden[rank * units..][..units];
                write_down(&mut by_step, r, d_h, d_out, &[]);
                for k in 0..units {
                    let d = d_h[k] + d_out[r * units + k];
                    d_a[k] = d * (n[k] - h_before[k]) * z[k] * (F::ONE - z[k]);
                    d_a[units + k] = d * z[k];
                    d_h[k] = d * (F::ONE - z[k]);
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
