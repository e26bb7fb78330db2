//! Lesson 1, exercise 1: the gates of an LSTM.
//!
//! LSTM(1 → 4) reads 20 values of a sine. Its steps are written out by hand from `weight_ih_l0` and `weight_hh_l0`,
//! whose rows are i, f, g, o, and agree with the layer; the gates f, i and o, which the layer's `trace` shows, are drawn over
//! the 20 steps.
//!
//! When is the forget gate near 0 or 1? Where its sum is far from 0, which first weights are too small for. A forget bias of
//! 6 opens it and one of −6 shuts it: near 1 the cell adds up all that was written, near 0 it holds the last step alone.

use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::nn::{Lstm, LstmConfig, Valid};
use sumun::report::Picture;

use super::training::at_steps;

const HIDDEN: usize = 4;
const STEPS: usize = 20;

pub(crate) struct Outcome {
    /// f, i and o, each `[T, H]`.
    pub(crate) gates: [Array2<f32>; 3],
    /// The largest difference of h, c and the gates from the layer's.
    pub(crate) difference: f32,
    /// With a forget bias of 6: the smallest f, and how far c at the end is from the sum of all i ⊙ g.
    pub(crate) open: (f32, f32),
    /// With one of −6: the largest f, and how far c at the end is from the last step's i ⊙ g.
    pub(crate) shut: (f32, f32),
    /// A picture of each gate, a line for each unit.
    pub(crate) pictures: Vec<Picture>,
}

fn sigmoid(a: f32) -> f32 {
    1.0 / (1.0 + (-a).exp())
}

/// f's extremes with a forget bias, c at the end, the sum of i ⊙ g over all steps, and the last i ⊙ g; each by unit.
fn with_forget_bias(bias: f32, x: ArrayView2<f32>) -> Result<([f32; 2], [Vec<f32>; 3])> {
    let mut lstm = Lstm::new(LstmConfig::new(1, HIDDEN), &mut ChaCha8Rng::seed_from_u64(42))?;
    let parameters = lstm.parameters_mut();
    if let Some(id) = parameters.find("bias_ih_l0") {
        parameters.value_mut(id)[HIDDEN..2 * HIDDEN].fill(bias);
    }
    let trace = lstm.trace(x, Valid::All, None)?.remove(0);
    let gate = |name| trace.gate(name).cloned().unwrap_or_default();
    let (f, written) = (gate("f"), gate("i") * gate("g"));
    let extremes = f.iter().fold([1.0_f32, 0.0_f32], |[low, high], &v| [low.min(v), high.max(v)]);
    let end = |a: &Array2<f32>| a.row(STEPS - 1).to_vec();
    let cell = trace.cell.as_ref().map(end).unwrap_or_default();
    Ok((extremes, [cell, written.sum_axis(Axis(0)).to_vec(), end(&written)]))
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |largest, (a, b)| largest.max((a - b).abs()))
}

pub(crate) fn run() -> Result<Outcome> {
    let x = Array2::from_shape_fn((STEPS, 1), |(t, _)| {
        (std::f32::consts::TAU * t as f32 / (STEPS - 1) as f32).sin()
    });
    let lstm = Lstm::new(LstmConfig::new(1, HIDDEN), &mut ChaCha8Rng::seed_from_u64(42))?;
    let (output, last) = lstm.forward(x.view(), Valid::All, None)?;

    let weight = |name: &str| {
        let parameters = lstm.parameters();
        parameters.find(name).map(|id| parameters.value(id).to_vec()).unwrap_or_default()
    };
    let (w_x, w_h) = (weight("weight_ih_l0"), weight("weight_hh_l0"));
    let (b_x, b_h) = (weight("bias_ih_l0"), weight("bias_hh_l0"));
    let (mut h, mut c) = ([0.0_f32; HIDDEN], [0.0_f32; HIDDEN]);
    let mut gates = [0; 3].map(|_| Array2::zeros((STEPS, HIDDEN)));
    let mut difference = 0.0_f32;
    for (t, x) in x.index_axis(Axis(1), 0).iter().enumerate() {
        let before = h;
        for unit in 0..HIDDEN {
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| {
                let row = gate * HIDDEN + unit;
                let of_h: f32 = (0..HIDDEN).map(|k| w_h[row * HIDDEN + k] * before[k]).sum();
                w_x[row] * x + b_x[row] + of_h + b_h[row]
            });
            let (i, f, o) = (sigmoid(i), sigmoid(f), sigmoid(o));
            c[unit] = f * c[unit] + i * g.tanh();
            h[unit] = o * c[unit].tanh();
            gates.iter_mut().zip([f, i, o]).for_each(|(gate, value)| gate[[t, unit]] = value);
            difference = difference.max((h[unit] - output[[t, unit]]).abs());
        }
    }
    for (unit, c) in c.iter().enumerate() {
        difference = difference.max((c - last.cell[[0, unit]]).abs());
    }
    let trace = lstm.trace(x.view(), Valid::All, None)?.remove(0);
    for (name, by_hand) in ["f", "i", "o"].into_iter().zip(&gates) {
        let traced = trace.gate(name).cloned().unwrap_or_default();
        let apart = furthest(traced.as_slice().unwrap_or_default(), by_hand.as_slice().unwrap_or_default());
        difference = difference.max(if traced.dim() == by_hand.dim() { apart } else { f32::INFINITY });
    }
    println!("by hand and by the layer: at most {difference:.1e} apart");
    let pictures: Vec<Picture> = ["forget gate f", "input gate i", "output gate o"]
        .iter()
        .zip(&gates)
        .map(|(name, gate)| {
            let (low, high) = gate.iter().fold((1.0_f32, 0.0_f32), |(l, h), &v| (l.min(v), h.max(v)));
            println!("{name}: {low:.3} to {high:.3}");
            let title = format!("The {name} over a sine of {STEPS} steps");
            let picture = Picture::new(&title, "step", "gate: 0 shut, 1 open").range(0.0, 1.0).whole();
            (0..HIDDEN).fold(picture, |picture, unit| {
                let values: Vec<f64> = gate.index_axis(Axis(1), unit).iter().map(|&v| f64::from(v)).collect();
                picture.line(&format!("unit {unit}"), at_steps(0, &values))
            })
        })
        .collect();
    println!("before training all gates stay near one half; biases move them:");
    let ([smallest, _], [cell, sum, _]) = with_forget_bias(6.0, x.view())?;
    let open = (smallest, furthest(&cell, &sum));
    println!(
        "forget bias 6: f at least {:.4}; the cell keeps all, {:.3} from the sum of i ⊙ g",
        open.0, open.1
    );
    let ([_, largest], [cell, _, last]) = with_forget_bias(-6.0, x.view())?;
    let shut = (largest, furthest(&cell, &last));
    println!(
        "forget bias −6: f at most {:.4}; the cell holds one step, {:.3} from its i ⊙ g",
        shut.0, shut.1
    );
    Ok(Outcome { gates, difference, open, shut, pictures })
}
