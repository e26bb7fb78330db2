//! The LSTM cell: c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c') (Hochreiter & Schmidhuber 1997; forget gate of Gers
//! et al. 2000), with all its options. Derivation: `docs/derivations/lstm.md`.

use super::activation::Clipped;
use super::linear::{add, add_input_gradient, add_weight_gradient, affine};
use super::norm::{self, Norm};
use super::recurrent::Seen;
use super::run::{Backward, Equations, Forward, before, row, write_down};
use super::zoneout::Zoneout;
use crate::cells::Lstm;
use crate::words::{Dims, Masks, Real};

/// The groups of the layer normalisation.
const INPUT: usize = 0;
const HIDDEN: usize = 1;
const CELL: usize = 2;

/// What forward and backward share.
struct Parts<'a, F> {
    gate: Clipped<F>,
    candidate: Clipped<F>,
    output: Clipped<F>,
    zoneout_hidden: Zoneout<'a, F>,
    zoneout_cell: Zoneout<'a, F>,
}

impl<'a, F: Real> Parts<'a, F> {
    fn new(dims: Dims, masks: &Masks<'a, F>) -> Self {
        let options = dims.options;
        let functions = options.functions(dims.cell);
        Self {
            gate: Clipped::new(functions.gate, options.clip),
            candidate: Clipped::new(functions.candidate, options.clip),
            output: Clipped::new(functions.output, None),
            zoneout_hidden: Zoneout::new(options.zoneout_hidden, masks.zoneout_hidden),
            zoneout_cell: Zoneout::new(options.zoneout_cell, masks.zoneout_cell),
        }
    }
}

impl Equations for Lstm {
    const KEPT: usize = 4;

    fn forward<F: Real>(run: Forward<F>) {
        forward(run)
    }

    fn backward<F: Real>(run: Backward<F>) {
        backward(run)
    }
}

/// The states of every row. `run.state` holds the initial state and is moved on in place. The cache keeps the
/// pre-activations, the activated gates i, f, g, o and the cell state after the step.
fn forward<F: Real>(run: Forward<F>) {
    let Forward { dims, weights, masks, steps, x, out, state, mut cache, scratch } = run;
    let (inputs, units, width) = (dims.input, dims.hidden, dims.output());
    let parts = Parts::new(dims, masks);
    let norm = Norm::new(dims, weights);
    let [record, from_input, from_hidden, a, gates, c_new, c_out, shown, h_new] = {
        let all = 4 * units;
        scratch.arrays([norm::record_width(dims), all, all, all, all, units, units, units, width])
    };
    // p of i, f and o; zeros without peepholes would turn an infinite cell state into NaN.
    let peephole = |gate: usize, k: usize, c: F| match dims.options.peepholes {
        true => weights.peepholes[gate * units + k] * c,
        false => F::ZERO,
    };
    for t in 0..steps.len() {
        for n in 0..steps.batch_size(t) {
            let r = steps.offset(t) + n;
            let h = &mut state.hidden[n * width..][..width];
            let c = &mut state.cell[n * units..][..units];
            let seen = Seen::new(h, masks.recurrent, n, steps.sequences());
            match &norm {
                None => {
                    affine(weights.input, weights.bias_input, row(x, r, inputs), from_input);
                    seen.product(weights.hidden, weights.bias_hidden, units, from_hidden);
                }
                Some(norm) => {
                    affine(weights.input, &[], row(x, r, inputs), from_input);
                    norm.forward(INPUT, from_input, record);
                    add(from_input, weights.bias_input);
                    seen.product(weights.hidden, &[], units, from_hidden);
                    norm.forward(HIDDEN, from_hidden, record);
                    add(from_hidden, weights.bias_hidden);
                }
            }
            for k in 0..units {
                let sum = |gate: usize| from_input[gate * units + k] + from_hidden[gate * units + k];
                let pre = [sum(0) + peephole(0, k, c[k]), sum(1) + peephole(1, k, c[k]), sum(2)];
                let i = parts.gate.value(pre[0]);
                let f = if dims.options.coupled { F::ONE - i } else { parts.gate.value(pre[1]) };
                let g = parts.candidate.value(pre[2]);
                c_new[k] = f * c[k] + i * g;
                let pre_o = sum(3) + peephole(2, k, c_new[k]);
                let o = parts.gate.value(pre_o);
                for (gate, value) in [pre[0], pre[1], pre[2], pre_o].into_iter().enumerate() {
                    a[gate * units + k] = value;
                }
                for (gate, value) in [i, f, g, o].into_iter().enumerate() {
                    gates[gate * units + k] = value;
                }
            }
            c_out.copy_from_slice(c_new);
            if let Some(norm) = &norm {
                norm.forward(CELL, c_out, record);
            }
            for k in 0..units {
                shown[k] = gates[3 * units + k] * parts.output.value(c_out[k]);
                c[k] = parts.zoneout_cell.mix(r * units + k, c[k], c_new[k]);
            }
            match dims.options.projection {
                None => h_new.copy_from_slice(shown),
                Some(_) => affine(weights.projection, &[], shown, h_new),
            }
            for k in 0..width {
                h[k] = parts.zoneout_hidden.mix(r * width + k, h[k], h_new[k]);
            }
            out[r * width..][..width].copy_from_slice(h);
            if let Some(cache) = cache.as_deref_mut() {
                cache.pre_activations[4 * r * units..][..4 * units].copy_from_slice(a);
                cache.gates[4 * r * units..][..4 * units].copy_from_slice(gates);
                cache.cell[r * units..][..units].copy_from_slice(c);
                cache.norm[r * record.len()..][..record.len()].copy_from_slice(record);
            }
        }
    }
}

/// The gradients, from the last step to the first. `run.d_state` holds the gradient of the final state and is
/// moved back in place until it is that of the initial state.
fn backward<F: Real>(run: Backward<F>) {
    let Backward {
        dims,
        weights,
        masks,
        steps,
        x,
        initial,
        out,
        cache,
        d_out,
        mut d_x,
        d_state,
        into,
        mut by_step,
    } = run;
    let (inputs, units, width) = (dims.input, dims.hidden, dims.output());
    let parts = Parts::new(dims, masks);
    let norm = Norm::new(dims, weights);
    let mut d_a = vec![F::ZERO; 4 * units];
    let [mut c_new, mut c_out] = [vec![F::ZERO; units], vec![F::ZERO; units]];
    let [mut shown, mut d_shown] = [vec![F::ZERO; units], vec![F::ZERO; units]];
    let [mut d_h_new, mut d_c_new] = [vec![F::ZERO; width], vec![F::ZERO; units]];
    for t in (0..steps.len()).rev() {
        for n in 0..steps.batch_size(t) {
            let r = steps.offset(t) + n;
            let c_before = before(&cache.cell, initial.cell, steps, t, n, units);
            let gate = |gate: usize| row(&cache.gates, 4 * r + gate, units);
            let pre = |gate: usize| row(&cache.pre_activations, 4 * r + gate, units);
            let ([i, f, g, o], a) = ([0, 1, 2, 3].map(gate), [0, 1, 2, 3].map(pre));
            let record = row(&cache.norm, r, norm::record_width(dims));
            let d_h = &mut d_state.hidden[n * width..][..width];
            let d_c = &mut d_state.cell[n * units..][..units];
            write_down(&mut by_step, r, d_h, d_out, d_c);
            for k in 0..units {
                c_new[k] = f[k] * c_before[k] + i[k] * g[k];
                c_out[k] = norm.as_ref().map_or(c_new[k], |norm| norm.value(CELL, record, k));
            }

            // h' to o and c'.
            for k in 0..width {
                let d = d_h[k] + d_out[r * width + k];
                (d_h[k], d_h_new[k]) = parts.zoneout_hidden.split(r * width + k, d);
            }
            match dims.options.projection {
                None => d_shown.copy_from_slice(&d_h_new),
                Some(_) => {
                    for k in 0..units {
                        shown[k] = o[k] * parts.output.value(c_out[k]);
                    }
                    add_weight_gradient(&d_h_new, &shown, into.projection);
                    d_shown.fill(F::ZERO);
                    add_input_gradient(weights.projection, &d_h_new, &mut d_shown);
                }
            }
            for k in 0..units {
                let y = parts.output.value(c_out[k]);
                d_a[3 * units + k] = d_shown[k] * y * parts.gate.slope(a[3][k], o[k]);
                d_c_new[k] = d_shown[k] * o[k] * parts.output.slope(c_out[k], y);
            }
            if let Some(norm) = &norm {
                norm.backward(CELL, &mut d_c_new, record, into.norm_gain, into.norm_bias);
            }

            // c' to i, f, g and c.
            for k in 0..units {
                let (d_before, d_carried) = parts.zoneout_cell.split(r * units + k, d_c[k]);
                let mut dc = d_c_new[k] + d_carried;
                if dims.options.peepholes {
                    let d_o = d_a[3 * units + k];
                    dc += weights.peepholes[2 * units + k] * d_o;
                    into.peepholes[2 * units + k] += d_o * c_new[k];
                }
                let (d_i, d_f) = (dc * g[k], dc * c_before[k]);
                let (d_i, d_f) = if dims.options.coupled { (d_i - d_f, F::ZERO) } else { (d_i, d_f) };
                d_a[k] = d_i * parts.gate.slope(a[0][k], i[k]);
                // A coupled gate's own pre-activation reaches nothing.
                d_a[units + k] = match dims.options.coupled {
                    true => F::ZERO,
                    false => d_f * parts.gate.slope(a[1][k], f[k]),
                };
                d_a[2 * units + k] = dc * i[k] * parts.candidate.slope(a[2][k], g[k]);
                d_c[k] = d_before + dc * f[k];
                if dims.options.peepholes {
                    for gate in 0..2 {
                        let d = d_a[gate * units + k];
                        d_c[k] += weights.peepholes[gate * units + k] * d;
                        into.peepholes[gate * units + k] += d * c_before[k];
                    }
                }
            }

            // The pre-activations to both products.
            add(into.bias_input, &d_a);
            add(into.bias_hidden, &d_a);
            let h_before = before(out, initial.hidden, steps, t, n, width);
            let seen = Seen::new(h_before, masks.recurrent, n, steps.sequences());
            let mut d_from_input = d_a.clone();
            let mut d_from_hidden = d_a.clone();
            if let Some(norm) = &norm {
                norm.backward(INPUT, &mut d_from_input, record, into.norm_gain, into.norm_bias);
                norm.backward(HIDDEN, &mut d_from_hidden, record, into.norm_gain, into.norm_bias);
            }
            seen.product_gradients(weights.hidden, units, &d_from_hidden, d_h, into.hidden);
            add_weight_gradient(&d_from_input, row(x, r, inputs), into.input);
            if let Some(d_x) = d_x.as_deref_mut() {
                add_input_gradient(weights.input, &d_from_input, &mut d_x[r * inputs..][..inputs]);
            }
        }
    }
}
