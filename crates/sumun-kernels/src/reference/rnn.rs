//! The plain recurrent cell: h' = φ(W x + b_ih + U h + b_hh) (Elman 1990). Derivation: `docs/derivations/rnn.md`.

use super::activation::Clipped;
use super::linear::{add, add_input_gradient, add_weight_gradient, affine};
use super::norm::{self, Norm};
use super::recurrent::Seen;
use super::run::{Backward, Equations, Forward, before, row, write_down};
use super::zoneout::Zoneout;
use crate::cells::{RnnRelu, RnnTanh};
use crate::words::Real;

// The function is in the options, as every cell's is.
impl Equations for RnnTanh {
    const KEPT: usize = 0;

    fn forward<F: Real>(run: Forward<F>) {
        forward(run)
    }

    fn backward<F: Real>(run: Backward<F>) {
        backward(run)
    }
}

impl Equations for RnnRelu {
    const KEPT: usize = 0;

    fn forward<F: Real>(run: Forward<F>) {
        forward(run)
    }

    fn backward<F: Real>(run: Backward<F>) {
        backward(run)
    }
}

/// The states of every row. `run.state` holds the initial state and is moved on in place. The cache keeps the
/// pre-activations.
fn forward<F: Real>(run: Forward<F>) {
    let Forward { dims, weights, masks, steps, x, out, state, mut cache, scratch } = run;
    let (inputs, units) = (dims.input, dims.hidden);
    let phi = Clipped::new(dims.options.functions(dims.cell).candidate, dims.options.clip);
    let zoneout = Zoneout::new(dims.options.zoneout_hidden, masks.zoneout_hidden);
    let norm = Norm::new(dims, weights);
    let [record, from_input, from_hidden, a] =
        scratch.arrays([norm::record_width(dims), units, units, units]);
    for t in 0..steps.len() {
        for n in 0..steps.batch_size(t) {
            let r = steps.offset(t) + n;
            let h = &mut state.hidden[n * units..][..units];
            let seen = Seen::new(h, masks.recurrent, n, steps.sequences());
            match &norm {
                None => {
                    affine(weights.input, weights.bias_input, row(x, r, inputs), from_input);
                    seen.product(weights.hidden, weights.bias_hidden, units, from_hidden);
                    a.copy_from_slice(from_input);
                    add(a, from_hidden);
                }
                Some(norm) => {
                    affine(weights.input, &[], row(x, r, inputs), a);
                    seen.product(weights.hidden, &[], units, from_hidden);
                    add(a, from_hidden);
                    norm.forward(0, a, record);
                    add(a, weights.bias_input);
                    add(a, weights.bias_hidden);
                }
            }
            for k in 0..units {
                h[k] = zoneout.mix(r * units + k, h[k], phi.value(a[k]));
            }
            out[r * units..][..units].copy_from_slice(h);
            if let Some(cache) = cache.as_deref_mut() {
                cache.pre_activations[r * units..][..units].copy_from_slice(a);
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
    let (inputs, units) = (dims.input, dims.hidden);
    let phi = Clipped::new(dims.options.functions(dims.cell).candidate, dims.options.clip);
    let zoneout = Zoneout::new(dims.options.zoneout_hidden, masks.zoneout_hidden);
    let norm = Norm::new(dims, weights);
    let mut d_a = vec![F::ZERO; units];
    for t in (0..steps.len()).rev() {
        for n in 0..steps.batch_size(t) {
            let r = steps.offset(t) + n;
            let a = row(&cache.pre_activations, r, units);
            let d_h = &mut d_state.hidden[n * units..][..units];
            write_down(&mut by_step, r, d_h, d_out, &[]);
            for k in 0..units {
                let (d_before, d_new) = zoneout.split(r * units + k, d_h[k] + d_out[r * units + k]);
                d_a[k] = d_new * phi.slope(a[k], phi.value(a[k]));
                d_h[k] = d_before;
            }
            add(into.bias_input, &d_a);
            add(into.bias_hidden, &d_a);
            if let Some(norm) = &norm {
                let record = row(&cache.norm, r, norm::record_width(dims));
                norm.backward(0, &mut d_a, record, into.norm_gain, into.norm_bias);
            }
            let h_before = before(out, initial.hidden, steps, t, n, units);
            let seen = Seen::new(h_before, masks.recurrent, n, steps.sequences());
            seen.product_gradients(weights.hidden, units, &d_a, d_h, into.hidden);
            add_weight_gradient(&d_a, row(x, r, inputs), into.input);
            if let Some(d_x) = d_x.as_deref_mut() {
                add_input_gradient(weights.input, &d_a, &mut d_x[r * inputs..][..inputs]);
            }
        }
    }
}
