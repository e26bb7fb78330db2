//! Lesson 1, exercise 1: the gates of an LSTM.
//!
//! LSTM(1 → 4) reads 20 values of a sine. Its steps are written out by hand from `weight_ih_l0` and `weight_hh_l0`,
//! whose rows are i, f, g, o, and agree with the layer; the gates f, i and o are drawn over the 20 steps.

use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::nn::{Lstm, LstmConfig, Valid};

use super::picture::{Line, Picture};

const HIDDEN: usize = 4;
const STEPS: usize = 20;

pub(crate) struct Outcome {
    /// f, i and o, each `[T, H]`.
    pub(crate) gates: [Array2<f32>; 3],
    /// The largest difference of h and c from the layer's.
    pub(crate) difference: f32,
    /// A picture of each gate, a line for each unit.
    pub(crate) pictures: Vec<Picture>,
}

fn sigmoid(a: f32) -> f32 {
    1.0 / (1.0 + (-a).exp())
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
    println!("by hand and by the layer: at most {difference:.1e} apart");
    let pictures: Vec<Picture> = ["forget gate f", "input gate i", "output gate o"]
        .iter()
        .zip(&gates)
        .map(|(name, gate)| {
            let (low, high) = gate.iter().fold((1.0_f32, 0.0_f32), |(l, h), &v| (l.min(v), h.max(v)));
            println!("{name}: {low:.3} to {high:.3}");
            let line = |unit| {
                let values = gate.index_axis(Axis(1), unit).iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
                Line::from(format!("unit {unit}"), 0, values)
            };
            Picture::new(name, "step", "gate", (0..HIDDEN).map(line).collect())
        })
        .collect();
    println!(
        "f near 1 keeps the cell's memory, near 0 wipes it; before training all gates stay near one half"
    );
    Ok(Outcome { gates, difference, pictures })
}
