//! Lesson 3 (and 0): why plain RNNs forget.
//!
//! The gradient that the last output sends back to a step is a product with one factor for every step between, tanh' and
//! the recurrent weights, or the forget gate. Where the factors are below 1 the product vanishes. Here it is measured:
//! the norm of the gradient of the input at each step, against its distance from the last step, all layers with the same kind of
//! first weights.
//!
//! An LSTM forgets too while its forget gates stand at one half. What it has and the plain RNN has not is a way to learn
//! otherwise: with forget biases of 4 the gates stand near 1 and the gradient arrives.

use ndarray::{Array3, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::nn::{Gru, GruConfig, Initializer, Lstm, LstmConfig, Rnn, RnnConfig, Valid};
use sumun::noise::Noise;
use sumun::report::Picture;

use super::training::at_steps;

const STEPS: usize = 100;
const HIDDEN: usize = 32;
const SAMPLES: usize = 16;

pub(crate) struct Outcome {
    /// For each layer its name and the gradient's norm at distances 0, 1, …, as a share of that at distance 0.
    pub(crate) shares: Vec<(String, Vec<f64>)>,
    pub(crate) picture: Picture,
}

/// The norms of a gradient `[N, T, I]` by distance from the last step, the first of them 1.
fn by_distance(gradient: &Array3<f32>) -> Vec<f64> {
    let norm = |t: usize| {
        let at = gradient.index_axis(Axis(1), t);
        at.iter().map(|&d| f64::from(d).powi(2)).sum::<f64>().sqrt()
    };
    (0..STEPS).map(|distance| norm(STEPS - 1 - distance) / norm(STEPS - 1)).collect()
}

pub(crate) fn run() -> Result<Outcome> {
    let rng = || ChaCha8Rng::seed_from_u64(42);
    let values = Initializer::Normal { std: 1.0 }.values(&[SAMPLES * STEPS], &mut rng())?;
    let x = Array3::from_shape_fn((SAMPLES, STEPS, 1), |(n, t, _)| values[n * STEPS + t]);
    // The loss is the sum of the last outputs.
    let mut d_output = Array3::zeros((SAMPLES, STEPS, HIDDEN));
    d_output.index_axis_mut(Axis(1), STEPS - 1).fill(1.0);
    let noise = Noise { seed: 42, step: 0, layer: 0 };

    let mut shares = Vec::new();
    let mut rnn = Rnn::new(RnnConfig::new(1, HIDDEN), &mut rng())?;
    let (_, _, cache) = rnn.forward_train(x.view(), Valid::All, None, noise)?;
    shares.push(("plain RNN".into(), by_distance(&rnn.backward(cache, d_output.view(), None)?.0)));
    let mut gru = Gru::new(GruConfig::new(1, HIDDEN), &mut rng())?;
    let (_, _, cache) = gru.forward_train(x.view(), Valid::All, None, noise)?;
    shares.push(("GRU".into(), by_distance(&gru.backward(cache, d_output.view(), None)?.0)));
    for forget_bias in [0.0, 1.0, 4.0] {
        let mut lstm = Lstm::new(LstmConfig::new(1, HIDDEN), &mut rng())?;
        for (name, bias) in [("bias_ih_l0", forget_bias), ("bias_hh_l0", 0.0)] {
            let parameters = lstm.parameters_mut();
            if let Some(id) = parameters.find(name) {
                // Blocks i, f, g, o.
                parameters.value_mut(id)[HIDDEN..2 * HIDDEN].fill(bias);
            }
        }
        let (_, _, cache) = lstm.forward_train(x.view(), Valid::All, None, noise)?;
        let d_x = lstm.backward(cache, d_output.view(), None)?.0;
        shares.push((format!("LSTM, forget bias {forget_bias}"), by_distance(&d_x)));
    }

    println!("gradient of the input, as a share of that at the last step");
    println!("{:<22} {:>10} {:>10} {:>10}", "distance", 10, 30, 90);
    for (name, shares) in &shares {
        println!("{name:<22} {:>10.1e} {:>10.1e} {:>10.1e}", shares[10], shares[30], shares[90]);
    }
    println!("A share of a millionth teaches nothing: what happened that long ago is lost on the layer.");
    let picture = Picture::new(
        "What arrives of the last step's gradient",
        "distance in time (steps)",
        "gradient norm, share of that at distance 0",
    );
    let picture = shares.iter().fold(picture.logarithmic().whole(), |picture, (name, shares)| {
        picture.line(name, at_steps(0, shares))
    });
    Ok(Outcome { shares, picture })
}
