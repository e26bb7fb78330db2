//! minLSTM: f = σ(W_f x + b_f), i = σ(W_i x + b_i), n = W_n x + b_n; h' = f / (f + i) ⊙ h + i / (f + i) ⊙ n (Feng et al.
//! 2024, §3.2). Derivation: `docs/derivations/minimal.md`.

use super::linear::{add, add_input_gradient, add_weight_gradient, affine};
use super::run::{Backward, Equations, Forward, before, row, write_down};
use crate::cells::MinLstm;
use crate::words::Real;

impl Equations for MinLstm {
    /// f, i, n.
    const KEPT: usize = 3;

    fn forward<F: Real>(run: Forward<F>) {
        let Forward { dims, weights, steps, x, out, state, mut cache, scratch, .. } = run;
        let (inputs, units) = (dims.input, dims.hidden);
        let [a, gates] = scratch.arrays([3 * units; 2]);
        for t in 0..steps.len() {
            for rank in 0..steps.batch_size(t) {
                let r = steps.offset(t) + rank;
                let h = &mut state.hidden[rank * units..][..units];
                affine(weights.input, weights.bias_input, row(x, r, inputs), a);
                gates.copy_from_slice(a);
                for k in 0..units {
                    let (f, i, n) = (a[k].sigmoid(), a[units + k].sigmoid(), a[2 * units + k]);
                    (gates[k], gates[units + k]) = (f, i);
                    h[k] = f / (f + i) * h[k] + i / (f + i) * n;
                }
                out[r * units..][..units].copy_from_slice(h);
                if let Some(cache) = cache.as_deref_mut() {
                    cache.pre_activations[3 * r * units..][..3 * units].copy_from_slice(a);
                    cache.gates[3 * r * units..][..3 * units].copy_from_slice(gates);
                }
            }
        }
    }

    fn backward<F: Real>(run: Backward<F>) {
        let Backward { dims, weights, steps, x, initial, out, cache, d_out, .. } = run;
        let Backward { mut d_x, d_state, into, mut by_step, .. } = run;
        let (inputs, units) = (dims.input, dims.hidden);
        let mut d_a = vec![F::ZERO; 3 * units];
        for t in (0..steps.len()).rev() {
            for rank in 0..steps.batch_size(t) {
                let r = steps.offset(t) + rank;
                let [f, i, n] = [0, 1, 2].map(|gate| row(&cache.gates, 3 * r + gate, units));
                let h_before = before(out, initial.hidden, steps, t, rank, units);
                let d_h = &mut d_state.hidden[rank * units..][..units];
                write_down(&mut by_step, r, d_h, d_out, &[]);
                for k in 0..units {
                    let d = d_h[k] + d_out[r * units + k];
                    let (keep, take) = (f[k] / (f[k] + i[k]), i[k] / (f[k] + i[k]));
                    let q = d * (h_before[k] - n[k]) * keep * take;
                    d_a[k] = q * (F::ONE - f[k]);
                    d_a[units + k] = -q * (F::ONE - i[k]);
                    d_a[2 * units + k] = d * take;
                    d_h[k] = d * keep;
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
