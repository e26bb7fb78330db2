//! The GRU cell: h' = (1 − z) ⊙ n + z ⊙ h (Cho et al. 2014), with the reset gate after or before the recurrent
//! product of n, and all its options. Derivation: `docs/derivations/gru.md`.

use super::activation::Clipped;
use super::linear::{add, add_input_gradient, add_weight_gradient, affine};
use super::norm::{self, Norm};
use super::recurrent::Seen;
use super::run::{Backward, Equations, Forward, before, row, write_down};
use super::zoneout::Zoneout;
use crate::cells::{Gru, GruResetBefore};
use crate::words::{Dims, Real};

/// The groups of the layer normalisation: r and z of the input's product, n of it; then the hidden state's.
const INPUT_RZ: usize = 0;
const INPUT_N: usize = 1;
const HIDDEN_RZ: usize = 2;
const HIDDEN_N: usize = 3;
/// The block of n in the weights, and the gate whose masks its product takes.
const N: usize = 2;

/// Where the reset gate is applied.
#[derive(Clone, Copy, PartialEq)]
enum Reset {
    /// To the recurrent product.
    After,
    /// To h, before the product.
    Before,
}

impl Equations for Gru {
    const KEPT: usize = 4;

    fn forward<F: Real>(run: Forward<F>) {
        forward(Reset::After, run)
    }

    fn backward<F: Real>(run: Backward<F>) {
        backward(Reset::After, run)
    }
}

impl Equations for GruResetBefore {
    const KEPT: usize = 4;

    fn forward<F: Real>(run: Forward<F>) {
        forward(Reset::Before, run)
    }

    fn backward<F: Real>(run: Backward<F>) {
        backward(Reset::Before, run)
    }
}

fn functions<F: Real>(dims: Dims) -> [Clipped<F>; 2] {
    let functions = dims.options.functions(dims.cell);
    [functions.gate, functions.candidate].map(|function| Clipped::new(function, dims.options.clip))
}

/// The states of every row. `run.state` holds the initial state and is moved on in place. The cache keeps the
/// pre-activations, and r, z, n and, fourth, what the derivative of the recurrent product needs: W_hn h + b_hn
/// with the reset after it, r ⊙ h with the reset before it.
fn forward<F: Real>(reset: Reset, run: Forward<F>) {
    let Forward { dims, weights, masks, steps, x, out, state, mut cache, scratch } = run;
    let (inputs, units) = (dims.input, dims.hidden);
    let [gate, candidate] = functions::<F>(dims);
    let zoneout = Zoneout::new(dims.options.zoneout_hidden, masks.zoneout_hidden);
    let norm = Norm::new(dims, weights);
    let [record, a, from_hidden, r, z, reset_h, new_from_hidden] =
        scratch.arrays([norm::record_width(dims), 3 * units, 2 * units, units, units, units, units]);
    let (u_rz, u_n) = weights.hidden.split_at(2 * units * units);
    let (b_rz, b_n) = split_bias(weights.bias_hidden, units);
    // With layer normalisation the biases come after it.
    let or_none = |bias| if norm.is_some() { &[][..] } else { bias };
    let mut masked = Vec::new();
    for t in 0..steps.len() {
        for rank in 0..steps.batch_size(t) {
            let at = steps.offset(t) + rank;
            let h = &mut state.hidden[rank * units..][..units];
            let seen = Seen::new(h, masks.recurrent, rank, steps.sequences());
            affine(weights.input, or_none(weights.bias_input), row(x, at, inputs), a);
            seen.product(u_rz, or_none(b_rz), units, from_hidden);
            if let Some(norm) = &norm {
                norm.forward(INPUT_RZ, &mut a[..2 * units], record);
                norm.forward(INPUT_N, &mut a[2 * units..], record);
                norm.forward(HIDDEN_RZ, from_hidden, record);
                add(a, weights.bias_input);
                add(from_hidden, b_rz);
            }
            add(&mut a[..2 * units], from_hidden);
            let h_n = seen.by(N, &mut masked);
            for k in 0..units {
                r[k] = gate.value(a[k]);
                z[k] = gate.value(a[units + k]);
                reset_h[k] = r[k] * h_n[k];
            }
            match reset {
                Reset::After => affine(u_n, or_none(b_n), h_n, new_from_hidden),
                Reset::Before => affine(u_n, or_none(b_n), reset_h, new_from_hidden),
            }
            if let Some(norm) = &norm {
                norm.forward(HIDDEN_N, new_from_hidden, record);
                add(new_from_hidden, b_n);
            }
            for k in 0..units {
                let (recurrent, kept) = match reset {
                    Reset::After => (r[k] * new_from_hidden[k], new_from_hidden[k]),
                    Reset::Before => (new_from_hidden[k], reset_h[k]),
                };
                a[2 * units + k] += recurrent;
                let n = candidate.value(a[2 * units + k]);
                h[k] = zoneout.mix(at * units + k, h[k], (F::ONE - z[k]) * n + z[k] * h[k]);
                if let Some(cache) = cache.as_deref_mut() {
                    for (gate, value) in [r[k], z[k], n, kept].into_iter().enumerate() {
                        cache.gates[(4 * at + gate) * units + k] = value;
                    }
                }
            }
            out[at * units..][..units].copy_from_slice(h);
            if let Some(cache) = cache.as_deref_mut() {
                cache.pre_activations[3 * at * units..][..3 * units].copy_from_slice(a);
                cache.norm[at * record.len()..][..record.len()].copy_from_slice(record);
            }
        }
    }
}

/// The gradients, from the last step to the first. `run.d_state` holds the gradient of the final state and is
/// moved back in place until it is that of the initial state.
fn backward<F: Real>(reset: Reset, run: Backward<F>) {
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
    let (inputs, units) = (dims.input, dims.hidden);
    let [gate, candidate] = functions::<F>(dims);
    let zoneout = Zoneout::new(dims.options.zoneout_hidden, masks.zoneout_hidden);
    let norm = Norm::new(dims, weights);
    let (u_rz, u_n) = weights.hidden.split_at(2 * units * units);
    let (d_u_rz, d_u_n) = into.hidden.split_at_mut(2 * units * units);
    let (d_b_rz, d_b_n) = split_bias_mut(into.bias_hidden, units);
    // Gradients of the pre-activations of r, z, n, and of W_hn h + b_hn (after) or W_hn (r ⊙ h) + b_hn (before).
    let mut d_a = vec![F::ZERO; 3 * units];
    let mut d_product = vec![F::ZERO; units];
    let mut d_operand = vec![F::ZERO; units];
    let mut room = Vec::new();
    for t in (0..steps.len()).rev() {
        for rank in 0..steps.batch_size(t) {
            let at = steps.offset(t) + rank;
            let h_before = before(out, initial.hidden, steps, t, rank, units);
            let seen = Seen::new(h_before, masks.recurrent, rank, steps.sequences());
            let [r, z, n, kept] = [0, 1, 2, 3].map(|gate| row(&cache.gates, 4 * at + gate, units));
            let a = [0, 1, 2].map(|gate| row(&cache.pre_activations, 3 * at + gate, units));
            let record = row(&cache.norm, at, norm::record_width(dims));
            let d_h = &mut d_state.hidden[rank * units..][..units];
            write_down(&mut by_step, at, d_h, d_out, &[]);
            for k in 0..units {
                let d = d_h[k] + d_out[at * units + k];
                let (d_before, d_new) = zoneout.split(at * units + k, d);
                d_a[units + k] = d_new * (h_before[k] - n[k]) * gate.slope(a[1][k], z[k]);
                d_a[2 * units + k] = d_new * (F::ONE - z[k]) * candidate.slope(a[2][k], n[k]);
                d_h[k] = d_before + d_new * z[k];
            }

            // n's recurrent product, to r and h.
            let h_n = seen.by(N, &mut room);
            for k in 0..units {
                let dn = d_a[2 * units + k];
                d_product[k] = if reset == Reset::After { dn * r[k] } else { dn };
            }
            add(d_b_n, &d_product);
            if let Some(norm) = &norm {
                norm.backward(HIDDEN_N, &mut d_product, record, into.norm_gain, into.norm_bias);
            }
            add_weight_gradient(&d_product, if reset == Reset::After { h_n } else { kept }, d_u_n);
            d_operand.fill(F::ZERO);
            add_input_gradient(u_n, &d_product, &mut d_operand);
            for k in 0..units {
                let d_r = match reset {
                    Reset::After => d_a[2 * units + k] * kept[k],
                    Reset::Before => {
                        let d_reset_h = d_operand[k];
                        d_operand[k] = d_reset_h * r[k];
                        d_reset_h * h_n[k]
                    }
                };
                d_a[k] = d_r * gate.slope(a[0][k], r[k]);
            }
            seen.add_gradient(N, &d_operand, d_h);

            // r's and z's recurrent product, and the input's.
            let mut d_rz = d_a[..2 * units].to_vec();
            add(d_b_rz, &d_rz);
            add(into.bias_input, &d_a);
            if let Some(norm) = &norm {
                norm.backward(HIDDEN_RZ, &mut d_rz, record, into.norm_gain, into.norm_bias);
                norm.backward(INPUT_RZ, &mut d_a[..2 * units], record, into.norm_gain, into.norm_bias);
                norm.backward(INPUT_N, &mut d_a[2 * units..], record, into.norm_gain, into.norm_bias);
            }
            seen.product_gradients(u_rz, units, &d_rz, d_h, d_u_rz);
            add_weight_gradient(&d_a, row(x, at, inputs), into.input);
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
