//! Lesson 1, exercise 2: LSTM and GRU on sines of lengths 10, 30, 50 and 100, with equal hidden sizes.
//!
//! 40 epochs each; a table of the test MSE and a picture of it against the length. 200 sines rather than 1000, 160 for
//! training, and 16 units keep it short.

use ndarray::Axis;
use sumun::Result;
use sumun::model::{Input, Model, RecurrentLayer};
use sumun::report::Picture;
use sumun::train::Clip;

use super::lesson_003_2_random_phase::sines;
use super::training::{Inputs, Predictions, Recipe, mean_squared_error, predict, train};

const SAMPLES: usize = 200;
const TRAIN: usize = 160;
pub(crate) const LENGTHS: [usize; 4] = [10, 30, 50, 100];

pub(crate) struct Outcome {
    /// Length, test MSE of the LSTM and of the GRU.
    pub(crate) table: Vec<(usize, f64, f64)>,
    /// Parameters of the LSTM's and of the GRU's model.
    pub(crate) parameters: (usize, usize),
    /// The mean square of what comes next: the MSE of always answering 0.
    pub(crate) zero_mse: f64,
    pub(crate) picture: Picture,
}

/// Trains a model with `layer` on sines of a length; `name` says which, for the losses that are printed.
fn test_mse(name: &str, layer: RecurrentLayer, length: usize) -> Result<(f64, usize)> {
    let (x, next) = sines(length, SAMPLES)?;
    let (train_x, test_x) = x.view().split_at(Axis(0), TRAIN);
    let mut model = Model::builder(Input::numbers(1)).layer(layer).dense(1).build(42)?;
    let recipe = Recipe {
        loss: "mse",
        optimizer: "adam",
        rate: 0.01,
        epochs: 40,
        batch: 32,
        clip: Clip::GlobalNorm { max: 1.0 },
        print_every: 40,
    };
    println!("{name}, length {length}:");
    let answers = Predictions::Values(next[..TRAIN].to_vec());
    train(&mut model, &recipe, &Inputs::Numbers(train_x.to_owned()), &answers)?;
    let predicted = predict(&model, &Inputs::Numbers(test_x.to_owned()))?;
    Ok((mean_squared_error(&predicted, &next[TRAIN..]), model.parameters().len()))
}

pub(crate) fn run() -> Result<Outcome> {
    let (mut table, mut parameters) = (Vec::new(), (0, 0));
    for length in LENGTHS {
        let (lstm, of_lstm) = test_mse("LSTM", RecurrentLayer::lstm(16), length)?;
        let (gru, of_gru) = test_mse("GRU", RecurrentLayer::gru(16), length)?;
        table.push((length, lstm, gru));
        parameters = (of_lstm, of_gru);
    }
    println!("{} parameters with an LSTM, {} with a GRU", parameters.0, parameters.1);
    println!("length      LSTM       GRU");
    table.iter().for_each(|(length, lstm, gru)| println!("{length:>6}  {lstm:.6}  {gru:.6}"));
    let next = sines(LENGTHS[0], SAMPLES)?.1;
    let zero_mse = mean_squared_error(&[0.0; SAMPLES - TRAIN], &next[TRAIN..]);
    let picture = Picture::new("Test error against length", "length (steps)", "mean squared error")
        .logarithmic()
        .line("LSTM", table.iter().map(|row| (row.0 as f64, row.1)))
        .line("GRU", table.iter().map(|row| (row.0 as f64, row.2)));
    Ok(Outcome { table, parameters, zero_mse, picture })
}
