//! Lesson 3, exercise 5: a label for every step, here the element mod 3.
//!
//! A many-to-many RNN: embedding, RNN with an answer at every step, a linear layer on each; cross-entropy over all
//! steps, 30 epochs. Token accuracy on sequences that were not trained on; three are shown.

use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{Input, Model, RecurrentLayer};
use sumun::nn::Initializer;
use sumun::train::Clip;

use super::training::{Inputs, Predictions, Recipe, accuracy, most_likely, predict, train};

const ELEMENTS: usize = 20;
const LENGTH: usize = 12;
const TRAIN: usize = 240;

pub(crate) struct Outcome {
    pub(crate) token_accuracy: f64,
    /// The share of the commonest label: what saying it always would reach.
    pub(crate) commonest: f64,
    /// Three test sequences: elements, true tags, predicted tags.
    pub(crate) three: Vec<[Vec<u32>; 3]>,
}

pub(crate) fn run() -> Result<Outcome> {
    let drawn =
        Initializer::Uniform { bound: 0.5 }.values(&[300 * LENGTH], &mut ChaCha8Rng::seed_from_u64(42))?;
    let elements = Array2::from_shape_fn((300, LENGTH), |(n, t)| {
        (((drawn[n * LENGTH + t] + 0.5) * ELEMENTS as f32) as u32).min(ELEMENTS as u32 - 1)
    });
    let tags = elements.mapv(|element| element % 3);
    let part = |array: &Array2<u32>, test: bool| {
        let (train, held_out) = array.view().split_at(Axis(0), TRAIN);
        if test { held_out.to_owned() } else { train.to_owned() }
    };

    let mut model = Model::builder(Input::ids(ELEMENTS))
        .embedding(16)
        .layer(RecurrentLayer::rnn(32).return_sequences(true))
        .dense(3)
        .build(42)?;
    println!("{model}");
    let recipe = Recipe {
        loss: "cross_entropy",
        optimizer: "adam",
        rate: 0.01,
        epochs: 30,
        batch: 32,
        clip: Clip::None,
        print_every: 10,
    };
    train(
        &mut model,
        &recipe,
        &Inputs::Ids(part(&elements, false)),
        &Predictions::Classes(part(&tags, false)),
    )?;

    let (test, right) = (part(&elements, true), part(&tags, true));
    let predicted = most_likely(&predict(&model, &Inputs::Ids(test.clone()))?, 3);
    let token_accuracy = accuracy(&predicted, &right);
    let count = |tag| right.iter().filter(|&&t| t == tag).count();
    let commonest = (0..3).map(count).max().unwrap_or(0) as f64 / right.len() as f64;
    let three: Vec<[Vec<u32>; 3]> = (0..3)
        .map(|n| {
            let given = predicted[n * LENGTH..(n + 1) * LENGTH].to_vec();
            [test.row(n).to_vec(), right.row(n).to_vec(), given]
        })
        .collect();
    for [elements, right, given] in &three {
        println!("elements  {elements:?}\ntrue      {right:?}\npredicted {given:?}");
    }
    println!("token accuracy {token_accuracy:.4}; the commonest tag always {commonest:.4}");
    Ok(Outcome { token_accuracy, commonest, three })
}
