//! Lessons 0 and 1: RNN, LSTM and GRU compared by parameters, speed and quality.
//!
//! The lessons' table says: one, four and three times the parameters; long-term memory weak, strong and strong; fast,
//! slow and in between. Here the three learn a task that needs memory, the adding problem (Hochreiter & Schmidhuber
//! 1997): of 30 numbers two are marked, one in each half, and the answer is their sum. Equal hidden sizes, equal recipe.
//! Whoever remembers nothing answers 0 and is off by 1/6 in the mean of squares, as the plain RNN is.

use std::time::Instant;

use ndarray::Axis;
use sumun::Result;
use sumun::model::{Input, Model, RecurrentLayer};
use sumun::report::Picture;
use sumun::train::Clip;

use super::adding::sums;
use super::training::{Inputs, Predictions, Recipe, at_steps, mean_squared_error, predict, train};

const STEPS: usize = 30;
const UNITS: usize = 32;
const SAMPLES: usize = 2000;
const TRAIN: usize = 1600;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Of the recurrent layer, with two biases each.
    pub(crate) parameters: usize,
    /// Of all epochs.
    pub(crate) seconds: f64,
    /// On sequences that were not trained on.
    pub(crate) test_mse: f64,
}

pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    /// The MSE of always answering 0.
    pub(crate) zero_mse: f64,
    /// The loss of every epoch, a line for each layer.
    pub(crate) picture: Picture,
}

pub(crate) fn run() -> Result<Outcome> {
    let (x, sums) = sums(SAMPLES, STEPS)?;
    let (train_x, test_x) = x.view().split_at(Axis(0), TRAIN);
    let (inputs, answers) =
        (Inputs::Numbers(train_x.to_owned()), Predictions::Values(sums[..TRAIN].to_vec()));
    let test = Inputs::Numbers(test_x.to_owned());
    let recipe = Recipe {
        loss: "mse",
        optimizer: "adam",
        rate: 0.01,
        epochs: 30,
        batch: 32,
        clip: Clip::GlobalNorm { max: 1.0 },
        print_every: 10,
    };

    let title = format!("Learning to add two of {STEPS} numbers");
    let mut picture = Picture::new(&title, "epoch", "mean squared error in training").logarithmic().whole();
    let mut rows = Vec::new();
    for (name, layer) in [
        ("SimpleRNN", RecurrentLayer::rnn(UNITS)),
        ("LSTM", RecurrentLayer::lstm(UNITS)),
        ("GRU", RecurrentLayer::gru(UNITS)),
    ] {
        println!("{name}");
        let mut model =
            Model::builder(Input::numbers(2)).layer(layer.name("recurrent")).dense(1).build(42)?;
        let parameters = model.summary().layer("recurrent").map_or(0, |row| row.parameters);
        let begin = Instant::now();
        let losses = train(&mut model, &recipe, &inputs, &answers)?;
        let seconds = begin.elapsed().as_secs_f64();
        let test_mse = mean_squared_error(&predict(&model, &test)?, &sums[TRAIN..]);
        rows.push(Row { name, parameters, seconds, test_mse });
        picture = picture.line(name, at_steps(1, &losses));
    }
    let zero_mse = mean_squared_error(&[0.0; SAMPLES - TRAIN], &sums[TRAIN..]);
    let plain = rows[0].parameters as f64;
    println!("{:<10} {:>10} {:>6} {:>8} {:>9}", "", "parameters", "times", "seconds", "test MSE");
    for Row { name, parameters, seconds, test_mse } in &rows {
        let times = *parameters as f64 / plain;
        println!("{name:<10} {parameters:>10} {times:>6.0} {seconds:>8.2} {test_mse:>9.6}");
    }
    println!("always 0 {:>37.6}", zero_mse);
    Ok(Outcome { rows, zero_mse, picture })
}
