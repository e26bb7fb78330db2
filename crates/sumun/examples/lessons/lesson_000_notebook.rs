//! Lesson 0: the notebook's cells. Three models and their parameters, `return_sequences` and its pictures, two directions.
//!
//! The lesson's formula for the GRU, 3·(h + x + 1)·h, counts one bias for each gate. Keras' GRU has two by default,
//! because its reset gate stands after the product, where the two do not add up; the table of the same notebook
//! counts both. With the reset gate before the product the formula is right.

use ndarray::{Array2, Array3, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{DenseLayer, Input, Model, RecurrentLayer};
use sumun::nn::{Activation, CellKind, Initializer, Lstm, LstmConfig, Valid};

use super::picture::{bars, heat_map};

pub(crate) struct Outcome {
    /// Name, parameters of the model, and of its recurrent layer.
    pub(crate) counts: Vec<(&'static str, usize, usize)>,
    /// The last output, `[N, H]`, and all, `[N, T, H]`.
    pub(crate) last: Array2<f32>,
    pub(crate) all: Array3<f32>,
    /// LSTM(32) on (2, 10, 16), in one direction and in two.
    pub(crate) directions: [Vec<usize>; 2],
    /// The last output as bars, all as a heat map.
    pub(crate) pictures: [String; 2],
}

pub(crate) fn run() -> Result<Outcome> {
    let mut counts = Vec::new();
    for (name, layer) in [
        ("SimpleRNN", RecurrentLayer::rnn(64)),
        ("LSTM", RecurrentLayer::lstm(64)),
        ("GRU", RecurrentLayer::gru(64)),
        ("GRU, reset before, one bias", RecurrentLayer::new(CellKind::GruResetBefore, 64)),
    ] {
        let model = Model::builder(Input::ids(10_000))
            .embedding(64)
            .layer(layer.keras().name("recurrent"))
            .dense(DenseLayer::new(1).activation(Activation::Sigmoid).keras());
        let summary = model.config().summary()?;
        let of_layer = summary.layer("recurrent").map_or(0, |row| row.parameters);
        println!("{name:<28} {:>8} {of_layer:>8}", summary.parameters());
        counts.push((name, summary.parameters(), of_layer));
    }
    println!("The lesson's formula 3(h + x + 1)h is the last line; Keras' default is the line before.");

    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let normal = Initializer::Normal { std: 1.0 }.values(&[2 * 5 * 8], &mut rng)?;
    let x = Array3::from_shape_fn((2, 5, 8), |(n, t, f)| normal[(n * 5 + t) * 8 + f]);
    let lstm = Lstm::new(LstmConfig::new(8, 4), &mut rng)?;
    let (last, _) = lstm.forward_last(x.view(), Valid::All, None)?;
    let (all, _) = lstm.forward(x.view(), Valid::All, None)?;
    println!("return_sequences=False {:?}, True {:?}", last.dim(), all.dim());
    let pictures = [
        bars("The last output", &last.index_axis(Axis(0), 0).to_vec()),
        heat_map("All outputs", all.index_axis(Axis(0), 0)),
    ];

    let x = Array3::from_shape_fn((2, 10, 16), |(n, t, f)| ((n + 3 * t + 7 * f) as f32).sin());
    let mut directions = [Vec::new(), Vec::new()];
    for (both, shape) in [false, true].into_iter().zip(&mut directions) {
        let lstm = Lstm::new(LstmConfig::new(16, 32).bidirectional(both), &mut rng)?;
        *shape = lstm.forward(x.view(), Valid::All, None)?.0.shape().to_vec();
    }
    println!("one direction {:?}, both {:?}", directions[0], directions[1]);
    Ok(Outcome { counts, last, all, directions, pictures })
}
