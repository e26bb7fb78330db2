//! Lesson 2, quizzes 1 to 8: what a sequence is, the three gates, shapes, counts and windows.

use ndarray::{Array1, Array2, Array3, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::data::sliding_windows;
use sumun::model::{Batch, Input, Model};
use sumun::nn::{Gru, GruConfig, Lstm, LstmConfig, Rnn, RnnConfig, Valid};

type Shape = Vec<usize>;

pub(crate) struct Outcome {
    /// 1: outputs and h_n of RNN(50, 100, 2).
    pub(crate) rnn: [Shape; 2],
    /// 2: whether the output at the last step is h_n of the last layer, with one layer and with two.
    pub(crate) last_is_state: [bool; 2],
    /// 3: what is a sequence and what is none. Swapping days, words or samples changes what they say; swapping students
    /// changes nothing, so that a recurrent network has nothing to find there.
    pub(crate) sequences: [(&'static str, bool); 4],
    /// 4: each gate of the LSTM and what it does.
    pub(crate) gates: [(&'static str, &'static str); 3],
    /// 5: parameters of LSTM(100, 128) and GRU(100, 128), and the second as a share of the first.
    pub(crate) parameters: [usize; 2],
    pub(crate) share: String,
    /// 6: outputs, h_n and c_n of a bidirectional LSTM(30, 64), and both last states joined.
    pub(crate) lstm: [Shape; 4],
    /// 7: windows of five of ten prices, and the price after each.
    pub(crate) windows: (Array2<f64>, Array1<f64>),
    /// 8: the answer of Embedding(1000, 64) to ids (4, 10), and its parameters.
    pub(crate) embedding: (Shape, usize),
}

pub(crate) fn run() -> Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let wave = |shape| Array3::from_shape_fn(shape, |(n, t, f)| ((n + 3 * t + 7 * f) as f32).sin());

    let rnn = Rnn::new(RnnConfig::new(50, 100).layers(2), &mut rng)?;
    let (outputs, last) = rnn.forward(wave((16, 20, 50)).view(), Valid::All, None)?;
    let rnn = [outputs.shape().to_vec(), last.hidden.shape().to_vec()];
    println!("1. outputs {:?}, h_n {:?}", rnn[0], rnn[1]);

    let mut last_is_state = [false; 2];
    for (layers, same) in [1, 2].into_iter().zip(&mut last_is_state) {
        let rnn = Rnn::new(RnnConfig::new(10, 20).layers(layers), &mut rng)?;
        let (outputs, last) = rnn.forward(wave((4, 5, 10)).view(), Valid::All, None)?;
        *same = outputs.index_axis(Axis(1), 4) == last.hidden.index_axis(Axis(0), layers - 1);
        println!("2. {layers} layers: the output at the last step is h_n of the last layer: {same}");
    }

    let sequences = [
        ("daily prices of a share", true),
        ("the words of a review", true),
        ("students' heights and weights", false),
        ("the waveform of speech", true),
    ];
    for (what, is) in sequences {
        println!(
            "3. {what}: {}",
            if is { "a sequence" } else { "no sequence; a table, for a dense net or trees" }
        );
    }

    let gates = [
        ("forget gate f", "how much of the cell state stays"),
        ("input gate i", "how much of the new candidate is written"),
        ("output gate o", "how much of the cell state is shown as h"),
    ];
    gates.iter().for_each(|(gate, what)| println!("4. {gate}: {what}"));

    let lstm = Lstm::new(LstmConfig::new(100, 128), &mut rng)?.parameters().len();
    let gru = Gru::new(GruConfig::new(100, 128), &mut rng)?.parameters().len();
    let share = format!("{:.2}%", 100.0 * gru as f64 / lstm as f64);
    println!("5. LSTM {lstm}, GRU {gru}: {share}, three gates' weights instead of four");
    let parameters = [lstm, gru];

    let lstm = Lstm::new(LstmConfig::new(30, 64).bidirectional(true), &mut rng)?;
    let (outputs, last) = lstm.forward(wave((8, 15, 30)).view(), Valid::All, None)?;
    let (forward, backward) = last.hidden.view().split_at(Axis(0), 1);
    let joined = ndarray::concatenate(Axis(2), &[forward, backward])
        .map_err(|error| sumun::Error::Invalid(format!("the two directions' states: {error}")))?;
    let lstm = [outputs.shape(), last.hidden.shape(), last.cell.shape(), &joined.shape()[1..]];
    let lstm = lstm.map(<[usize]>::to_vec);
    println!("6. outputs {:?}, h_n {:?}, c_n {:?}; joined {:?}", lstm[0], lstm[1], lstm[2], lstm[3]);

    let prices = [100.0, 102.0, 105.0, 103.0, 108.0, 110.0, 107.0, 112.0, 115.0, 113.0];
    let windows = sliding_windows(&prices, 5)?;
    println!("7. X {:?}, y {}", windows.0.dim(), windows.1);

    let model = Model::builder(Input::ids(1000)).embedding(64).build(42)?;
    let ids = Array2::from_shape_fn((4, 10), |(n, t)| (97 * n + 13 * t) as u32);
    let vectors = model.forward(Batch::ids(ids.view()))?;
    let layout = &vectors.layout;
    let shape = vec![layout.sequences(), layout.time(), vectors.features];
    println!("8. {shape:?}, {} parameters", model.parameters().len());
    let embedding = (shape, model.parameters().len());
    Ok(Outcome { rnn, last_is_state, sequences, gates, parameters, share, lstm, windows, embedding })
}
