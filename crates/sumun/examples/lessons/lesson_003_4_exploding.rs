//! Lesson 3, exercise 4: gradients that explode, and clipping.
//!
//! Five RNN layers over 100 steps whose weights are all drawn from N(0, 2²): the norm of all gradients before and after
//! clipping to 1. Such a network learns nothing either way, so the 30 epochs with clipping and without are those of one that can:
//! a layer of rectified units over 40 steps, which is to add up the last ten numbers, by plain gradient descent (Adam divides
//! by the size of the gradients and would hide what clipping does).

use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{DenseLayer, Input, Model, RecurrentLayer};
use sumun::nn::{CellKind, FirstWeights, Initializer};
use sumun::report::Picture;
use sumun::train::{Clip, Optimizer};

use super::training::{Inputs, Predictions, Recipe, at_steps, step, train};

const STEPS: usize = 100;
const SAMPLES: usize = 32;

pub(crate) struct Outcome {
    /// The norm of all gradients in the first step, before and after clipping.
    pub(crate) norms: (f64, f64),
    /// What always answering the mean costs.
    pub(crate) variance: f64,
    /// The mean loss of every epoch.
    pub(crate) clipped: Vec<f64>,
    pub(crate) unclipped: Vec<f64>,
    pub(crate) picture: Picture,
}

fn model() -> Result<Model> {
    let two = Initializer::Normal { std: 2.0 };
    let first =
        FirstWeights { input: two, hidden: two, bias: two, unit_forget_bias: false, forget_bias: 0.0 };
    Model::builder(Input::numbers(8))
        .layer(RecurrentLayer::rnn(16).layers(5_usize).first_weights(first))
        .dense(DenseLayer::new(1).first_weights(two).first_bias(two))
        .build(42)
}

/// The steps of the sequences that are learnt, and how many there are.
const LENGTH: usize = 40;
const LEARNT: usize = 256;

/// One layer of rectified units, whose states grow as soon as the recurrent weights do.
fn learner() -> Result<Model> {
    let small = Initializer::Uniform { bound: 0.25 };
    let hidden = Initializer::Normal { std: 0.2 };
    let first = FirstWeights { input: small, hidden, bias: small, unit_forget_bias: false, forget_bias: 0.0 };
    Model::builder(Input::numbers(1))
        .layer(RecurrentLayer::new(CellKind::RnnRelu, 16).first_weights(first))
        .dense(1)
        .build(42)
}

/// Sequences of numbers in −1 … 1, and the sum of the last ten of each.
fn sums(rng: &mut ChaCha8Rng) -> Result<(Inputs, Predictions, f64)> {
    let values = Initializer::Uniform { bound: 1.0 }.values(&[LEARNT * LENGTH], rng)?;
    let sums: Vec<f32> = values.chunks(LENGTH).map(|x| x[LENGTH - 10..].iter().sum()).collect();
    let mean = sums.iter().sum::<f32>() / LEARNT as f32;
    let variance = sums.iter().map(|y| f64::from(y - mean).powi(2)).sum::<f64>() / LEARNT as f64;
    let x = Array3::from_shape_fn((LEARNT, LENGTH, 1), |(n, t, _)| values[n * LENGTH + t]);
    Ok((Inputs::Numbers(x), Predictions::Values(sums), variance))
}

fn recipe(clip: Clip) -> Recipe {
    Recipe { loss: "mse", optimizer: "sgd", rate: 0.05, epochs: 30, batch: 16, clip, print_every: 10 }
}

pub(crate) fn run() -> Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let normal = Initializer::Normal { std: 1.0 };
    let values = normal.values(&[SAMPLES * STEPS * 8], &mut rng)?;
    let x = Array3::from_shape_fn((SAMPLES, STEPS, 8), |(n, t, f)| values[(n * STEPS + t) * 8 + f]);
    let (x, y) = (Inputs::Numbers(x), Predictions::Values(normal.values(&[SAMPLES], &mut rng)?));

    let clip = Clip::GlobalNorm { max: 1.0 };
    let mut first = model()?;
    let mut optimizer = Optimizer::new("sgd".parse()?, first.parameters())?;
    let all: Vec<usize> = (0..SAMPLES).collect();
    let found = step(&mut first, &mut optimizer, &recipe(clip), (&x, &y), &all)?;
    println!(
        "loss {:.3}; gradient norm {:.3e} before clipping, {:.6} after",
        found.loss, found.norm, found.clipped_norm
    );

    let (x, y, variance) = sums(&mut rng)?;
    let train_with = |name: &str, clip| -> Result<Vec<f64>> {
        println!("{name}:");
        train(&mut learner()?, &recipe(clip), &x, &y)
    };
    let clipped = train_with("clipped to 1", clip)?;
    let unclipped = train_with("not clipped", Clip::None)?;
    let worst = unclipped.iter().copied().fold(0.0, f64::max);
    println!(
        "always the mean costs {variance:.3}; without clipping one step threw the weights off (a loss of {worst:.1}), and after it the \
         network answers the mean for ever"
    );
    let picture = Picture::new("Loss with clipping and without", "epoch", "mean squared error")
        .whole()
        .line("clipped", at_steps(1, &clipped))
        .dashed("not clipped", at_steps(1, &unclipped));
    Ok(Outcome { norms: (found.norm, found.clipped_norm), variance, clipped, unclipped, picture })
}
