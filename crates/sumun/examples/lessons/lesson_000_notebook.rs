//! Lesson 0: the notebook's cells. Three models and their parameters, `return_sequences` and its pictures, two directions
//! and how they are merged, and the summaries of a bidirectional and a stacked classifier.
//!
//! The lesson's formula for the GRU, 3·(h + x + 1)·h, counts one bias for each gate. Keras' GRU has two by default,
//! because its reset gate stands after the product, where the two do not add up; the table of the same notebook
//! counts both. With the reset gate before the product the formula is right.

use ndarray::{Array2, Array3, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{DenseLayer, EmbeddingLayer, Input, Model, RecurrentLayer, Summary};
use sumun::nn::{Activation, CellKind, Initializer, Lstm, LstmConfig, Merge, Valid};
use sumun::report::{Picture, states_picture};

pub(crate) struct Outcome {
    /// Name, parameters of the model, and of its recurrent layer.
    pub(crate) counts: Vec<(&'static str, usize, usize)>,
    /// The last output, `[N, H]`, and all, `[N, T, H]`.
    pub(crate) last: Array2<f32>,
    pub(crate) all: Array3<f32>,
    /// LSTM(32) on (2, 10, 16), in one direction and in two.
    pub(crate) directions: [Vec<usize>; 2],
    /// Each way to merge two directions and its answer, from the same weights; the first is concat, `[N, T, 2·H]`.
    pub(crate) merged: Vec<(&'static str, Array3<f32>)>,
    /// Of the bidirectional and of the stacked classifier.
    pub(crate) summaries: [Summary; 2],
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
    let units: Vec<String> = (0..4).map(|unit| format!("unit {unit}")).collect();
    let steps: Vec<String> = (0..5).map(|step| format!("t={step}")).collect();
    let of_last: Vec<f64> = last.index_axis(Axis(0), 0).iter().map(|&h| f64::from(h)).collect();
    let of_all: Vec<f32> = all.index_axis(Axis(0), 0).iter().copied().collect();
    let bars = Picture::new("return_sequences=False: the last output", "", "h at the last step")
        .range(-1.0, 1.0)
        .labels(units.clone())
        .figures()
        .bars("", (0, 1), &of_last);
    let title = "return_sequences=True: the outputs at all steps";
    let pictures = [bars.svg(), states_picture(title, &steps, &units, &of_all)];

    let x = Array3::from_shape_fn((2, 10, 16), |(n, t, f)| ((n + 3 * t + 7 * f) as f32).sin());
    let mut directions = [Vec::new(), Vec::new()];
    for (both, shape) in [false, true].into_iter().zip(&mut directions) {
        let lstm = Lstm::new(LstmConfig::new(16, 32).bidirectional(both), &mut rng)?;
        *shape = lstm.forward(x.view(), Valid::All, None)?.0.shape().to_vec();
    }
    println!("one direction {:?}, both {:?}", directions[0], directions[1]);

    let mut merged = Vec::new();
    for (name, merge) in
        [("concat", Merge::Concat), ("sum", Merge::Sum), ("mul", Merge::Mul), ("ave", Merge::Average)]
    {
        let config = LstmConfig::new(16, 32).bidirectional(true).merge(merge);
        // The same seed, so that only the merge differs.
        let lstm = Lstm::new(config, &mut ChaCha8Rng::seed_from_u64(42))?;
        let answer = lstm.forward(x.view(), Valid::All, None)?.0;
        println!("merge_mode={name}: {:?}", answer.dim());
        merged.push((name, answer));
    }

    let summaries = [bidirectional_classifier()?, stacked_classifier()?];
    summaries.iter().for_each(|summary| println!("\n{summary}"));
    Ok(Outcome { counts, last, all, directions, merged, summaries, pictures })
}

fn sigmoid() -> DenseLayer {
    DenseLayer::new(1).activation(Activation::Sigmoid).keras()
}

/// Padding, id 0, is masked; both directions' last states feed the head.
fn bidirectional_classifier() -> Result<Summary> {
    Model::builder(Input::ids(10_000))
        .embedding(EmbeddingLayer::new(64).mask_zero(true).keras())
        .bidirectional(RecurrentLayer::lstm(64).keras())
        .dense(DenseLayer::new(64).activation(Activation::Relu).keras())
        .dropout(0.5)
        .dense(sigmoid())
        .config()
        .summary()
}

/// Every recurrent layer but the last answers at every step, for the next one to read.
fn stacked_classifier() -> Result<Summary> {
    Model::builder(Input::ids(10_000))
        .embedding(EmbeddingLayer::new(64).mask_zero(true).keras())
        .layer(RecurrentLayer::lstm(128).keras().return_sequences(true).name("lstm_1"))
        .dropout(0.3)
        .layer(RecurrentLayer::lstm(64).keras().name("lstm_2"))
        .dropout(0.3)
        .dense(DenseLayer::new(32).activation(Activation::Relu).keras())
        .dense(sigmoid())
        .config()
        .summary()
}
