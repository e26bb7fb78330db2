//! Lesson 3, exercise 4: gradients that explode, and clipping.
//!
//! Five RNN layers over 100 steps whose weights are all drawn from N(0, 2²). The norm of all gradients is printed before
//! and after clipping to 1; then 30 epochs with clipping and without, by plain gradient descent: Adam divides by the size of the
//! gradients and would hide what clipping does.

use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{DenseLayer, Input, Model, RecurrentLayer};
use sumun::nn::{FirstWeights, Initializer};
use sumun::train::{Clip, Optimizer};

use super::picture::{Line, Picture, Stroke};
use super::training::{Answers, Inputs, Recipe, step, train};

const STEPS: usize = 100;
const SAMPLES: usize = 32;

pub(crate) struct Outcome {
    /// The norm of all gradients in the first step, before and after clipping.
    pub(crate) norms: (f64, f64),
    /// How far the weight that moved furthest moved in 30 epochs, with clipping and without.
    pub(crate) moved: (f32, f32),
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

fn recipe(clip: Clip) -> Recipe {
    Recipe { loss: "mse", optimizer: "sgd", rate: 0.01, epochs: 30, batch: SAMPLES, clip, print_every: 10 }
}

pub(crate) fn run() -> Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let normal = Initializer::Normal { std: 1.0 };
    let values = normal.values(&[SAMPLES * STEPS * 8], &mut rng)?;
    let x = Array3::from_shape_fn((SAMPLES, STEPS, 8), |(n, t, f)| values[(n * STEPS + t) * 8 + f]);
    let (x, y) = (Inputs::Numbers(x), Answers::Values(normal.values(&[SAMPLES], &mut rng)?));

    let clip = Clip::GlobalNorm { max: 1.0 };
    let mut first = model()?;
    let mut optimizer = Optimizer::new("sgd".parse()?, first.parameters())?;
    let all: Vec<usize> = (0..SAMPLES).collect();
    let found = step(&mut first, &mut optimizer, &recipe(clip), (&x, &y), &all)?;
    println!(
        "loss {:.3}; gradient norm {:.3e} before clipping, {:.6} after",
        found.loss, found.norm, found.clipped_norm
    );

    let train_with = |clip| -> Result<(Vec<f64>, f32)> {
        let mut model = model()?;
        let before = model.parameters().values().to_vec();
        let losses = train(&mut model, &recipe(clip), &x, &y)?;
        let moved = model.parameters().values().iter().zip(&before).map(|(now, then)| (now - then).abs());
        Ok((losses, moved.fold(0.0, f32::max)))
    };
    let (clipped, near) = train_with(clip)?;
    let (unclipped, far) = train_with(Clip::None)?;
    println!("a weight moved at most {near:.3} with clipping, {far:.3e} without");
    println!(
        "tanh holds the loss down even so: thrown that far, units answer 1 or -1 for ever and learn no more"
    );
    let lines = vec![
        Line::from("clipped", 1, clipped.clone()),
        Line::from("not clipped", 1, unclipped.clone()).stroke(Stroke::Dashed),
    ];
    let picture = Picture::new("Loss with clipping and without", "epoch", "mean squared error", lines);
    Ok(Outcome { norms: (found.norm, found.clipped_norm), moved: (near, far), clipped, unclipped, picture })
}
