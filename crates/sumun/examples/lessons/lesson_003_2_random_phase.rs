//! Lesson 3, exercise 2: a plain RNN forecasts sines whose phase is random.
//!
//! 1000 sines of length 30 that begin anywhere in 0 … 2π and span 4π; RNN(1 → 32) and a linear layer, MSE, Adam, 50
//! epochs. Five predictions are shown. 800 sines train, 200 test.

use ndarray::{Array3, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{Input, Model};
use sumun::nn::Initializer;
use sumun::report::Picture;
use sumun::train::Clip;

use super::training::{Inputs, Predictions, Recipe, at_steps, mean_squared_error, predict, train};

const LENGTH: usize = 30;
const SAMPLES: usize = 1000;
const TRAIN: usize = 800;

pub(crate) struct Outcome {
    pub(crate) parameters: usize,
    pub(crate) test_mse: f64,
    /// Five test sines: what comes next, and what was predicted.
    pub(crate) five: Vec<(f32, f32)>,
    pub(crate) picture: Picture,
}

/// Sines `[N, T, 1]`, and the value after each.
pub(crate) fn sines(length: usize, samples: usize) -> Result<(Array3<f32>, Vec<f32>)> {
    use std::f64::consts::PI;
    let starts = Initializer::Uniform { bound: PI }.values(&[samples], &mut ChaCha8Rng::seed_from_u64(42))?;
    let value = |n: usize, t: usize| {
        let start = f64::from(starts[n]) + PI;
        (start + 4.0 * PI * t as f64 / length as f64).sin() as f32
    };
    let x = Array3::from_shape_fn((samples, length, 1), |(n, t, _)| value(n, t));
    Ok((x, (0..samples).map(|n| value(n, length)).collect()))
}

pub(crate) fn run() -> Result<Outcome> {
    let (x, next) = sines(LENGTH, SAMPLES)?;
    let (train_x, test_x) = x.view().split_at(Axis(0), TRAIN);
    let (train_x, test_x) = (Inputs::Numbers(train_x.to_owned()), Inputs::Numbers(test_x.to_owned()));
    let mut model = Model::builder(Input::numbers(1)).rnn(32).dense(1).build(42)?;
    println!("{model}");
    let recipe = Recipe {
        loss: "mse",
        optimizer: "adam",
        rate: 0.001,
        epochs: 50,
        batch: 32,
        clip: Clip::None,
        print_every: 10,
    };
    train(&mut model, &recipe, &train_x, &Predictions::Values(next[..TRAIN].to_vec()))?;

    let predicted = predict(&model, &test_x)?;
    let test_mse = mean_squared_error(&predicted, &next[TRAIN..]);
    let five: Vec<(f32, f32)> = next[TRAIN..].iter().copied().zip(predicted).take(5).collect();
    five.iter().for_each(|(actual, predicted)| println!("actual {actual:>8.4}, predicted {predicted:>8.4}"));
    println!("test MSE {test_mse:.1e}");
    println!(
        "A sine's next value follows from its last few, so that 30 steps are no burden; where the answer lies far back a \
         plain RNN fails (000-comparison)."
    );

    let mut picture = Picture::new("Five sines and the value predicted after each", "step", "value").whole();
    for (n, &(actual, predicted)) in five.iter().enumerate() {
        let sine = x.index_axis(Axis(0), TRAIN + n);
        let values: Vec<f64> = sine.iter().copied().chain([actual]).map(f64::from).collect();
        let name = if n == 0 { "predicted" } else { "" };
        picture = picture
            .line(&format!("sine {}", n + 1), at_steps(0, &values))
            .rings(name, [(LENGTH as f64, f64::from(predicted))]);
    }
    Ok(Outcome { parameters: model.parameters().len(), test_mse, five, picture })
}
