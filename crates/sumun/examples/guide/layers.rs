//! What layers are made of and return: counts, shapes, states, directions, padding.

use ndarray::{Array2, Array3, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::model::{Batch, EmbeddingLayer, Input, Model, RecurrentLayer};
use sumun::nn::{CellKind, Gru, GruConfig, Lstm, LstmConfig, Merge, Rnn, RnnConfig, Valid};
use sumun::report::{Picture, states_picture};
use sumun::{Layout, Result};

use super::Told;
use super::by_hand::row;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(42)
}

/// Some numbers `[N, T, F]`.
fn wave(shape: (usize, usize, usize)) -> Array3<f32> {
    Array3::from_shape_fn(shape, |(n, t, f)| ((n + 3 * t + 7 * f) as f32).sin())
}

pub(crate) fn counts() -> Result<Told> {
    let mut told = Told::default();
    told.say(format!("{:<30}{:>12}{:>12}{:>12}", "", "64 → 64", "100 → 128", "300 → 512"));
    let sizes = [(64, 64), (100, 128), (300, 512)];
    for (name, gates, biases) in [
        ("RNN, one bias (Keras)", 1, 1),
        ("LSTM, one bias (Keras)", 4, 1),
        ("GRU, one bias (reset before)", 3, 1),
        ("GRU, two biases (Keras)", 3, 2),
    ] {
        let count = |(x, h): (usize, usize)| gates * (h * (x + h) + biases * h);
        told.say(format!("{name:<30}{}", sizes.map(|size| format!("{:>12}", count(size))).join("")));
    }
    let mut layers = Vec::new();
    for (x, h) in sizes {
        layers.push([
            Rnn::new(RnnConfig::new(x, h), &mut rng())?.parameters().len(),
            Lstm::new(LstmConfig::new(x, h), &mut rng())?.parameters().len(),
            Gru::new(GruConfig::new(x, h), &mut rng())?.parameters().len(),
            Lstm::new(LstmConfig::new(x, h).bidirectional(true), &mut rng())?.parameters().len(),
            Gru::new(GruConfig::new(x, h).bidirectional(true), &mut rng())?.parameters().len(),
        ]);
    }
    let names = ["nn.RNN", "nn.LSTM", "nn.GRU", "nn.LSTM, both directions", "nn.GRU, both directions"];
    for (k, name) in names.into_iter().enumerate() {
        let counts: Vec<String> = layers.iter().map(|counts| format!("{:>12}", counts[k])).collect();
        told.say(format!("{name:<30}{}", counts.concat()));
    }
    let [_, lstm, gru, ..] = layers[1];
    told.say(format!("GRU / LSTM {:.2} %", 100.0 * gru as f64 / lstm as f64));
    told.say("\na share f of the cell kept at every step is halved after");
    for f in [0.5_f64, 0.9, 0.99, 0.999] {
        told.say(format!("f = {f:<6} {:>6.1} steps", 0.5_f64.ln() / f.ln()));
    }
    Ok(told)
}

pub(crate) fn shapes() -> Result<Told> {
    let mut told = Told::default();
    let lstm = Lstm::new(LstmConfig::new(8, 4), &mut rng())?;
    let x = wave((2, 5, 8));
    let (last, _) = lstm.forward_last(x.view(), Valid::All, None)?;
    let (all, state) = lstm.forward(x.view(), Valid::All, None)?;
    told.say(format!("x {:?} → LSTM(4)", x.dim()));
    told.say(format!("the last output {:?}, all outputs {:?}", last.dim(), all.dim()));
    told.say(format!("states h {:?}, c {:?}", state.hidden.dim(), state.cell.dim()));
    let same = all.index_axis(Axis(1), 4) == state.hidden.index_axis(Axis(0), 0);
    told.say(format!("the output at the last step is h: {same}"));
    let steps: Vec<String> = (0..5).map(|step| format!("t={step}")).collect();
    let units: Vec<String> = (0..4).map(|unit| format!("unit {unit}")).collect();
    let of_first: Vec<f32> = all.index_axis(Axis(0), 0).iter().copied().collect();
    let title = "All outputs of one sequence; the last output is the lowest row";
    told.pictures.push(("sequences", states_picture(title, &steps, &units, &of_first)));

    let (before, after) = x.view().split_at(Axis(1), 3);
    let (all_before, all_after) = all.view().split_at(Axis(1), 3);
    let (first, carried) = lstm.forward(before, Valid::All, None)?;
    let (rest, _) = lstm.forward(after, Valid::All, Some(&carried))?;
    let same = all_before == first && all_after == rest;
    told.say(format!("read in two pieces, the state carried on: the same bits: {same}"));
    let (rest, _) = lstm.forward(after, Valid::All, None)?;
    let same = all_after == rest;
    told.say(format!("read in two pieces, the state forgotten: the same bits: {same}"));
    Ok(told)
}

pub(crate) fn directions() -> Result<Told> {
    let mut told = Told::default();
    let x = wave((2, 10, 16));
    for both in [false, true] {
        let lstm = Lstm::new(LstmConfig::new(16, 32).bidirectional(both), &mut rng())?;
        let (all, state) = lstm.forward(x.view(), Valid::All, None)?;
        told.say(format!("both {both:<5}  outputs {:?}, h {:?}", all.dim(), state.hidden.dim()));
    }
    for (name, merge) in
        [("concat", Merge::Concat), ("sum", Merge::Sum), ("mul", Merge::Mul), ("ave", Merge::Average)]
    {
        let config = LstmConfig::new(16, 32).bidirectional(true).merge(merge);
        let lstm = Lstm::new(config, &mut rng())?;
        let all = lstm.forward(x.view(), Valid::All, None)?.0;
        told.say(format!("merge {name:<6}  outputs {:?}, the first {:>7.4}", all.dim(), all[[0, 0, 0]]));
    }
    let rnn = Rnn::new(RnnConfig::new(16, 32).layers(3).bidirectional(true), &mut rng())?;
    let (all, state) = rnn.forward(x.view(), Valid::All, None)?;
    told.say(format!("three layers, both  outputs {:?}, h {:?}", all.dim(), state.hidden.dim()));
    let (forwards, backwards) = all.view().split_at(Axis(2), 32);
    let of = |index: usize| state.hidden.index_axis(Axis(0), index);
    let forward = forwards.index_axis(Axis(1), 9) == of(4);
    let backward = backwards.index_axis(Axis(1), 0) == of(5);
    told.say(format!("h[2·2 + 0] is the output of the last step, forward: {forward}"));
    told.say(format!("h[2·2 + 1] is the output of the first step, backward: {backward}"));
    Ok(told)
}

/// Three sentences of ids, padded with 0 to five steps.
const SENTENCES: [[u32; 5]; 3] = [[3, 1, 4, 1, 5], [2, 6, 0, 0, 0], [5, 3, 5, 0, 0]];
const LENGTHS: [usize; 3] = [5, 2, 3];

pub(crate) fn padding() -> Result<Told> {
    let mut told = Told::default();
    let ids = Array2::from_shape_fn((3, 5), |(n, t)| SENTENCES[n][t]);
    let model = |mask_zero: bool| {
        Model::builder(Input::ids(7))
            .layer(EmbeddingLayer::new(4).mask_zero(mask_zero))
            .layer(RecurrentLayer::new(CellKind::Gru, 3))
            .build(42)
    };
    let plain = model(false)?;
    let alone = |n: usize| -> Result<Vec<f32>> {
        let ids = Array2::from_shape_fn((1, LENGTHS[n]), |(_, t)| SENTENCES[n][t]);
        Ok(plain.forward(Batch::ids(ids.view()))?.unpack())
    };
    let packed = plain.forward(Batch::ids(ids.view()).lengths(&LENGTHS)?)?.unpack();
    let read = plain.forward(Batch::ids(ids.view()))?.unpack();
    let masked = model(true)?.forward(Batch::ids(ids.view()))?.unpack();
    told.say(format!("{:<10}{:>20}{:>28}", "sentence", "alone", "padding read"));
    for n in 0..3 {
        let (alone, read) = (alone(n)?, &read[3 * n..3 * n + 3]);
        told.say(format!(
            "{:<10}{:>20}{:>28}",
            format!("{} words", LENGTHS[n]),
            row(&alone, 3),
            row(read, 3)
        ));
    }
    let mut same = [true; 2];
    for n in 0..3 {
        let alone = alone(n)?;
        same[0] &= alone == packed[3 * n..3 * n + 3];
        same[1] &= alone == masked[3 * n..3 * n + 3];
    }
    told.say(format!("with lengths, the same bits as alone: {}", same[0]));
    told.say(format!("with mask_zero, the same bits as alone: {}", same[1]));
    let hole = Array2::from_shape_fn((1, 5), |(_, t)| t != 2);
    let sentence = Array2::from_shape_fn((1, 5), |(_, t)| SENTENCES[0][t]);
    let without = Array2::from_shape_fn((1, 4), |(_, t)| SENTENCES[0][if t < 2 { t } else { t + 1 }]);
    let same = plain.forward(Batch::ids(sentence.view()).mask(hole.view())?)?.unpack()
        == plain.forward(Batch::ids(without.view()))?.unpack();
    told.say(format!("a word that is masked, the same bits as without it: {same}"));

    let layout = Layout::ragged(&LENGTHS, 5)?;
    told.say("\nstep  words that are read");
    let mut rows = 0;
    for step in 0..5 {
        let there = layout.order().iter().filter(|&&n| step < LENGTHS[n]);
        let words: Vec<String> =
            there.map(|&n| format!("{} of sentence {}", SENTENCES[n][step], n + 1)).collect();
        rows += words.len();
        told.say(format!("{:>4}  {}", step + 1, words.join(", ")));
    }
    told.say(format!("steps computed: {rows} of {}", 3 * 5));

    // The second sentence with its padding, step by step.
    let model = Model::builder(Input::ids(7))
        .layer(EmbeddingLayer::new(4))
        .layer(RecurrentLayer::new(CellKind::Gru, 3).return_sequences(true))
        .build(42)?;
    let second = Array2::from_shape_fn((1, 5), |(_, t)| SENTENCES[1][t]);
    let states = model.forward(Batch::ids(second.view()))?.unpack();
    let mut picture = Picture::new("Two words, and three steps of padding that is read", "step", "h").whole();
    for unit in 0..3 {
        let of_unit = (0..5).map(|t| ((t + 1) as f64, f64::from(states[3 * t + unit])));
        picture = picture.line(&format!("unit {unit}"), of_unit);
    }
    told.pictures.push(("padding", picture.mark(2.0, "the sentence ends").svg()));
    Ok(told)
}
