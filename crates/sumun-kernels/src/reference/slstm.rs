//! sLSTM (Beck et al. 2024, eqs. 8–17): exponential input gate, the sigmoid as forget gate (the paper allows an exponential
//! one too), normaliser n and stabiliser m, h' = o ⊙ c' / n', all states 0 at first. It is the cell of the authors'
//! library (NX-AI/xlstm, `slstm`) with one head: U is a full matrix, where they take one block a head. See
//! [`crate::cells::SLstm`]'s file for the equations. Derivation: `docs/derivations/slstm.md`.

use super::linear::{add, add_input_gradient, add_weight_gradient, affine};
use super::run::{Backward, Equations, Forward, before, row, write_down};
use crate::cells::SLstm;
use crate::words::Real;

/// What a step makes of the pre-activations of i and f and of the states n and m before it.
struct Stabilised<F> {
    m: F,
    i: F,
    f: F,
    /// Whether m' comes from the forget gate.
    from_forget: bool,
}

impl<F: Real> Stabilised<F> {
    fn new(a_i: F, a_f: F, n: F, m: F) -> Self {
        if n > F::ZERO {
            let kept = log_sigmoid(a_f) + m;
            let from_forget = a_i < kept;
            let m = if from_forget { kept } else { a_i };
            return Self { m, i: (a_i - m).exp(), f: (kept - m).exp(), from_forget };
        }
        // Nothing is remembered yet.
        Self { m: a_i, i: F::ONE, f: F::ZERO, from_forget: false }
    }
}

fn log_sigmoid<F: Real>(x: F) -> F {
    if x < F::ZERO { x - x.exp().ln_1p() } else { -(-x).exp().ln_1p() }
}

impl Equations for SLstm {
    /// The pre-activations of i and f, z, o.
    const KEPT: usize = 4;

    fn forward<F: Real>(run: Forward<F>) {
        let Forward { dims, weights, steps, x, out, state, mut cache, scratch, .. } = run;
        let (inputs, units) = (dims.input, dims.hidden);
        let [a, from_hidden, gates] = scratch.arrays([4 * units; 3]);
        for t in 0..steps.len() {
            for rank in 0..steps.batch_size(t) {
                let r = steps.offset(t) + rank;
                let h = &mut state.hidden[rank * units..][..units];
                let states = &mut state.cell[3 * rank * units..][..3 * units];
                affine(weights.input, weights.bias_input, row(x, r, inputs), a);
                affine(weights.hidden, &[], h, from_hidden);
                add(a, from_hidden);
                gates.copy_from_slice(a);
                for k in 0..units {
                    let (z, o) = (a[2 * units + k].tanh(), a[3 * units + k].sigmoid());
                    (gates[2 * units + k], gates[3 * units + k]) = (z, o);
                    let [c, n, m] = [0, 1, 2].map(|state| states[state * units + k]);
                    let now = Stabilised::new(a[k], a[units + k], n, m);
                    let (c, n) = (now.f * c + now.i * z, now.f * n + now.i);
                    for (state, value) in [c, n, now.m].into_iter().enumerate() {
                        states[state * units + k] = value;
                    }
                    h[k] = o * (c / n);
                }
                out[r * units..][..units].copy_from_slice(h);
                if let Some(cache) = cache.as_deref_mut() {
                    cache.pre_activations[4 * r * units..][..4 * units].copy_from_slice(a);
                    cache.gates[4 * r * units..][..4 * units].copy_from_slice(gates);
                    cache.cell[3 * r * units..][..3 * units].copy_from_slice(states);
                }
            }
        }
    }

    fn backward<F: Real>(run: Backward<F>) {
        let Backward { dims, weights, steps, x, initial, out, cache, d_out, .. } = run;
        let Backward { mut d_x, d_state, into, mut by_step, .. } = run;
        let (inputs, units) = (dims.input, dims.hidden);
        let mut d_a = vec![F::ZERO; 4 * units];
        for t in (0..steps.len()).rev() {
            for rank in 0..steps.batch_size(t) {
                let r = steps.offset(t) + rank;
                let states_before = before(&cache.cell, initial.cell, steps, t, rank, 3 * units);
                let states = row(&cache.cell, r, 3 * units);
                let [a_i, a_f, z, o] = [0, 1, 2, 3].map(|gate| row(&cache.gates, 4 * r + gate, units));
                let d_h = &mut d_state.hidden[rank * units..][..units];
                let d_states = &mut d_state.cell[3 * rank * units..][..3 * units];
                write_down(&mut by_step, r, d_h, d_out, d_states);
                for k in 0..units {
                    let [c_before, n_before, m_before] = [0, 1, 2].map(|s| states_before[s * units + k]);
                    let (c, n) = (states[k], states[units + k]);
                    let now = Stabilised::new(a_i[k], a_f[k], n_before, m_before);
                    let dh = d_h[k] + d_out[r * units + k];
                    let dc = d_states[k] + dh * o[k] / n;
                    let dn = d_states[units + k] - dh * o[k] * c / (n * n);
                    let d_i = (dc * z[k] + dn) * now.i;
                    let d_f = (dc * c_before + dn * n_before) * now.f;
                    let dm = d_states[2 * units + k] - d_i - d_f;
                    let (d_i, d_f) = if now.from_forget { (d_i, d_f + dm) } else { (d_i + dm, d_f) };
                    d_a[k] = d_i;
                    d_a[units + k] = d_f * (-a_f[k]).sigmoid();
                    d_a[2 * units + k] = dc * now.i * (F::ONE - z[k] * z[k]);
                    d_a[3 * units + k] = dh * (c / n) * o[k] * (F::ONE - o[k]);
                    d_states[k] = dc * now.f;
                    d_states[units + k] = dn * now.f;
                    d_states[2 * units + k] = d_f;
                }
                add(into.bias_input, &d_a);
                let h_before = before(out, initial.hidden, steps, t, rank, units);
                d_h.fill(F::ZERO);
                add_input_gradient(weights.hidden, &d_a, d_h);
                add_weight_gradient(&d_a, h_before, into.hidden);
                add_weight_gradient(&d_a, row(x, r, inputs), into.input);
                if let Some(d_x) = d_x.as_deref_mut() {
                    add_input_gradient(weights.input, &d_a, &mut d_x[r * inputs..][..inputs]);
                }
            }
        }
    }
}
