//! Lesson 1, exercise 5: a GRU written out by hand, and the layer with the same weights.
//!
//! W_z, W_r and W_h are each (hidden + input, hidden) and multiply [h, x], for 10 steps.
//!
//! As the lesson writes it, h̃ = tanh(W_h [r ⊙ h, x] + b) and h' = (1 − z) ⊙ h + z ⊙ h̃. That is a good GRU, but not
//! PyTorch's, so "equal to the layer within 1e-5" cannot come out as written, for two reasons:
//!
//! - z means the opposite there, h' = (1 − z) ⊙ h̃ + z ⊙ h. Since 1 − σ(a) = σ(−a), the sign of W_z and its bias turned
//!   round is the other reading exactly.
//! - The reset gate stands before the product in the lesson (as in Cho et al. 2014) and after it in PyTorch,
//!   h̃ = tanh(W_x x + r ⊙ (W_h h)). No change of weights makes one of the other.
//!
//! The layer for the lesson's equation as it stands is [`CellKind::GruResetBefore`] with `inverted_update(true)`.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{Batch, Input, Model, RecurrentLayer};
use sumun::nn::{CellKind, Initializer};

const INPUT: usize = 3;
const HIDDEN: usize = 4;
const STEPS: usize = 10;

/// The largest difference between the hand-written GRU and the layer, over all steps and units.
pub(crate) struct Outcome {
    /// PyTorch's equation against the layer: what passes.
    pub(crate) pytorch: f64,
    /// The lesson's equation against the same layer.
    pub(crate) lesson: f64,
    /// The lesson's with the sign of z turned round: nearer, the reset gate is still elsewhere.
    pub(crate) z_turned: f64,
    /// The lesson's as it stands, against the layer that resets before the product and reads z as the lesson does.
    pub(crate) reset_before: f64,
}

/// A weight (hidden + input, hidden) and a bias.
type Gate = (Array2<f64>, Array1<f64>);

struct Gru {
    z: Gate,
    r: Gate,
    h: Gate,
}

fn sigmoid(a: Array1<f64>) -> Array1<f64> {
    a.mapv(|a| 1.0 / (1.0 + (-a).exp()))
}

fn affine(h: &Array1<f64>, x: ArrayView1<f64>, (w, b): &Gate) -> Array1<f64> {
    // [h, x] is as long as the weight has rows.
    let (w_h, w_x) = w.view().split_at(Axis(0), HIDDEN);
    h.dot(&w_h) + x.dot(&w_x) + b
}

impl Gru {
    /// The lesson's equation: the reset gate before the product, z lets the new in.
    fn lesson(&self, h: &Array1<f64>, x: ArrayView1<f64>) -> Array1<f64> {
        let (z, r) = (sigmoid(affine(h, x, &self.z)), sigmoid(affine(h, x, &self.r)));
        let new = affine(&(r * h), x, &self.h).mapv(f64::tanh);
        (1.0 - &z) * h + z * new
    }

    /// PyTorch's: the reset gate after the product, z keeps the old.
    fn pytorch(&self, h: &Array1<f64>, x: ArrayView1<f64>) -> Array1<f64> {
        let (z, r) = (sigmoid(affine(h, x, &self.z)), sigmoid(affine(h, x, &self.r)));
        let (w_h, w_x) = self.h.0.view().split_at(Axis(0), HIDDEN);
        let new = (x.dot(&w_x) + &self.h.1 + r * h.dot(&w_h)).mapv(f64::tanh);
        (1.0 - &z) * new + z * h
    }

    /// The same gate read the other way: 1 − σ(a) = σ(−a).
    fn z_turned(&self) -> Self {
        let (w, b) = &self.z;
        Self { z: (-w, -b), r: self.r.clone(), h: self.h.clone() }
    }

    /// The layer with these weights, and its answers to `x`, `[T, H]`. The second bias stays 0.
    fn layer(&self, cell: CellKind, inverted: bool, x: &Array2<f64>) -> Result<Array2<f64>> {
        let layer = RecurrentLayer::new(cell, HIDDEN).inverted_update(inverted);
        let layer = layer.name("gru").return_sequences(true);
        let mut model = Model::builder(Input::numbers(INPUT)).layer(layer).build(0)?;
        let mut load = |name: &str, values: Vec<f32>| {
            let parameters = model.parameters_mut();
            if let Some(id) = parameters.find(name) {
                parameters.value_mut(id).copy_from_slice(&values);
            }
        };
        // PyTorch stacks r, z, n, each (hidden, input) and (hidden, hidden).
        let gates = [&self.r, &self.z, &self.h];
        let rows = |hidden: bool| -> Vec<f32> {
            let part = gates.iter().flat_map(|(w, _)| {
                let (w_h, w_x) = w.view().split_at(Axis(0), HIDDEN);
                (if hidden { w_h } else { w_x }).t().iter().copied().collect::<Vec<f64>>()
            });
            part.map(|v| v as f32).collect()
        };
        load("gru.weight_ih_l0", rows(false));
        load("gru.weight_hh_l0", rows(true));
        load("gru.bias_ih_l0", gates.iter().flat_map(|(_, b)| b.iter().map(|&v| v as f32)).collect());
        load("gru.bias_hh_l0", vec![0.0; 3 * HIDDEN]);
        let x = x.mapv(|v| v as f32).insert_axis(Axis(0));
        let out = model.forward(Batch::numbers(x.view()))?.unpack();
        Ok(Array2::from_shape_fn((STEPS, HIDDEN), |(t, unit)| f64::from(out[t * HIDDEN + unit])))
    }
}

/// The answers at every step, `[T, H]`, from a state of zeros.
fn by_hand(x: &Array2<f64>, step: impl Fn(&Array1<f64>, ArrayView1<f64>) -> Array1<f64>) -> Array2<f64> {
    let mut out = Array2::zeros((STEPS, HIDDEN));
    let mut h = Array1::zeros(HIDDEN);
    for (x, mut row) in x.outer_iter().zip(out.outer_iter_mut()) {
        h = step(&h, x);
        row.assign(&h);
    }
    out
}

pub(crate) fn run() -> Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let mut draw = |rows: usize, columns: usize| -> Result<Array2<f64>> {
        let values = Initializer::Normal { std: 1.0 }.values(&[rows * columns], &mut rng)?;
        Ok(Array2::from_shape_fn((rows, columns), |(r, c)| f64::from(values[r * columns + c])))
    };
    let mut gate =
        || -> Result<Gate> { Ok((draw(HIDDEN + INPUT, HIDDEN)?, draw(1, HIDDEN)?.remove_axis(Axis(0)))) };
    let gru = Gru { z: gate()?, r: gate()?, h: gate()? };
    let x = draw(STEPS, INPUT)?;

    let layer = gru.layer(CellKind::Gru, false, &x)?;
    let before = gru.layer(CellKind::GruResetBefore, true, &x)?;
    let turned = gru.z_turned();
    let difference = |by_hand: Array2<f64>, layer: &Array2<f64>| {
        (by_hand - layer).iter().fold(0.0, |largest: f64, d| largest.max(d.abs()))
    };
    let outcome = Outcome {
        pytorch: difference(by_hand(&x, |h, x| gru.pytorch(h, x)), &layer),
        lesson: difference(by_hand(&x, |h, x| gru.lesson(h, x)), &layer),
        z_turned: difference(by_hand(&x, |h, x| turned.lesson(h, x)), &layer),
        reset_before: difference(by_hand(&x, |h, x| gru.lesson(h, x)), &before),
    };
    println!("largest difference over {STEPS} steps:");
    println!("  PyTorch's equation and the layer                       {:.1e}", outcome.pytorch);
    println!("  the lesson's equation and the layer                    {:.3}", outcome.lesson);
    println!("  the same with z's sign turned round                    {:.3}", outcome.z_turned);
    println!("  the lesson's equation and the layer made that way      {:.1e}", outcome.reset_before);
    println!(
        "The lesson's GRU is a GRU too: its z lets the new in where PyTorch's keeps the old, which a sign"
    );
    println!("mends, and its reset gate stands before the product, which no change of weights mends.");
    Ok(outcome)
}
