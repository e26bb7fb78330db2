//! What the minimal cells have in common (Feng et al. 2024): gates that depend on x only, and a state that each unit carries
//! by itself. Derivation: `docs/derivations/minimal.md`.

use std::array::from_fn;

use super::linear::{add, add_input_gradient, add_weight_gradient, affine};
use super::run::{Backward, Forward, before, row, write_down};
use crate::words::Real;

/// The equations of one unit of a cell of so many gates.
pub(super) trait Unit<const GATES: usize> {
    /// The activated gates and h', from the pre-activations and h.
    fn step<F: Real>(a: [F; GATES], h: F) -> ([F; GATES], F);

    /// The gradients of the pre-activations and of h, from the activated gates, h and the gradient of h'.
    fn back<F: Real>(gates: [F; GATES], h: F, d: F) -> ([F; GATES], F);
}

/// All steps of a cell.
pub(super) fn forward<U: Unit<GATES>, const GATES: usize, F: Real>(run: Forward<F>) {
    let Forward { dims, weights, steps, x, out, state, mut cache, scratch, .. } = run;
    let (inputs, units) = (dims.input, dims.hidden);
    let width = GATES * units;
    let [a, gates] = scratch.arrays([width; 2]);
    for t in 0..steps.len() {
        for rank in 0..steps.batch_size(t) {
            let r = steps.offset(t) + rank;
            let h = &mut state.hidden[rank * units..][..units];
            affine(weights.input, weights.bias_input, row(x, r, inputs), a);
            for k in 0..units {
                let (activated, after) = U::step(from_fn(|gate| a[gate * units + k]), h[k]);
                h[k] = after;
                for (gate, value) in activated.into_iter().enumerate() {
                    gates[gate * units + k] = value;
                }
            }
            out[r * units..][..units].copy_from_slice(h);
            if let Some(cache) = cache.as_deref_mut() {
                cache.pre_activations[r * width..][..width].copy_from_slice(a);
                cache.gates[r * width..][..width].copy_from_slice(gates);
            }
        }
    }
}

/// All steps of a cell, from the last to the first.
pub(super) fn backward<U: Unit<GATES>, const GATES: usize, F: Real>(run: Backward<F>) {
    let Backward { dims, weights, steps, x, initial, out, cache, d_out, .. } = run;
    let Backward { mut d_x, d_state, into, mut by_step, .. } = run;
    let (inputs, units) = (dims.input, dims.hidden);
    let mut d_a = vec![F::ZERO; GATES * units];
    for t in (0..steps.len()).rev() {
        for rank in 0..steps.batch_size(t) {
            let r = steps.offset(t) + rank;
            let gates = row(&cache.gates, r, GATES * units);
            let h_before = before(out, initial.hidden, steps, t, rank, units);
            let d_h = &mut d_state.hidden[rank * units..][..units];
            write_down(&mut by_step, r, d_h, d_out, &[]);
            for k in 0..units {
                let d = d_h[k] + d_out[r * units + k];
                let (d_gates, d_before) = U::back(from_fn(|gate| gates[gate * units + k]), h_before[k], d);
                d_h[k] = d_before;
                for (gate, value) in d_gates.into_iter().enumerate() {
                    d_a[gate * units + k] = value;
                }
            }
            add(into.bias_input, &d_a);
            add_weight_gradient(&d_a, row(x, r, inputs), into.input);
            if let Some(d_x) = d_x.as_deref_mut() {
                add_input_gradient(weights.input, &d_a, &mut d_x[r * inputs..][..inputs]);
            }
        }
    }
}
