//! Lessons 0 and 1: RNN, LSTM and GRU compared by parameters, speed and quality.
//!
//! The lessons' table says: one, four and three times the parameters; long-term memory weak, strong and strong; fast,
//! slow and in between. Here the three learn the same task, which needs memory: to say after 40 steps of noise what the first
//! step was. Equal hidden sizes, equal recipe.

use std::time::Instant;

use ndarray::{Array2, Array3, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{Input, Model, RecurrentLayer};
use sumun::nn::Initializer;
use sumun::train::Clip;

use super::picture::{Line, Picture};
use super::training::{Answers, Inputs, Recipe, accuracy, most_likely, predict, train};

const STEPS: usize = 40;
const UNITS: usize = 32;
const SAMPLES: usize = 640;
const TRAIN: usize = 512;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Of the recurrent layer, with two biases each.
    pub(crate) parameters: usize,
    /// Of all epochs.
    pub(crate) seconds: f64,
    /// On sequences that were not trained on; a guess is right half the time.
    pub(crate) accuracy: f64,
}

pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    /// The loss of every epoch, a line for each layer.
    pub(crate) picture: Picture,
}

pub(crate) fn run() -> Result<Outcome> {
    let noise =
        Initializer::Normal { std: 0.3 }.values(&[SAMPLES * STEPS], &mut ChaCha8Rng::seed_from_u64(42))?;
    let first = Array2::from_shape_fn((SAMPLES, 1), |(n, _)| u32::from(noise[n * STEPS] > 0.0));
    let x = Array3::from_shape_fn((SAMPLES, STEPS, 1), |(n, t, _)| match (t, first[[n, 0]]) {
        (0, 0) => -1.0,
        (0, _) => 1.0,
        _ => noise[n * STEPS + t],
    });
    let (train_x, test_x) = x.view().split_at(Axis(0), TRAIN);
    let (train_first, test_first) = first.view().split_at(Axis(0), TRAIN);
    let recipe = Recipe {
        loss: "cross_entropy",
        optimizer: "adam",
        rate: 0.005,
        epochs: 30,
        batch: 32,
        clip: Clip::GlobalNorm { max: 1.0 },
        print_every: 30,
    };

    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for (name, layer) in [
        ("SimpleRNN", RecurrentLayer::rnn(UNITS)),
        ("LSTM", RecurrentLayer::lstm(UNITS)),
        ("GRU", RecurrentLayer::gru(UNITS)),
    ] {
        let mut model =
            Model::builder(Input::numbers(1)).layer(layer.name("recurrent")).dense(2).build(42)?;
        let parameters = model.summary().layer("recurrent").map_or(0, |row| row.parameters);
        let begin = Instant::now();
        let (inputs, answers) =
            (Inputs::Numbers(train_x.to_owned()), Answers::Classes(train_first.to_owned()));
        let losses = train(&mut model, &recipe, &inputs, &answers)?;
        let seconds = begin.elapsed().as_secs_f64();
        let predicted = most_likely(&predict(&model, &Inputs::Numbers(test_x.to_owned()))?, 2);
        rows.push(Row { name, parameters, seconds, accuracy: accuracy(&predicted, test_first) });
        lines.push(Line::from(name, 1, losses));
    }
    let plain = rows[0].parameters as f64;
    println!("{:<10} {:>10} {:>6} {:>8} {:>9}", "", "parameters", "times", "seconds", "accuracy");
    for Row { name, parameters, seconds, accuracy } in &rows {
        let times = *parameters as f64 / plain;
        println!("{name:<10} {parameters:>10} {times:>6.0} {seconds:>8.2} {accuracy:>9.4}");
    }
    let picture = Picture {
        y_range: Some((0.0, 1.0)),
        ..Picture::new(
            &format!("Recalling the first of {STEPS} steps"),
            "epoch",
            "cross-entropy (nats); a guess costs 0.69",
            lines,
        )
    };
    Ok(Outcome { rows, picture })
}
