//! Lesson 4: the notebook's cells. The summary of a SimpleRNN(128) classifier; then one sequence of four steps: SimpleRNN(3) and
//! its state, LSTM(3) with its states, and a bidirectional LSTM(3) with constant weights whose numbers the lesson prints.
//!
//! Those numbers hide a surprise: the lesson sets all biases to 0, yet Keras' `unit_forget_bias` wins and the forget bias
//! is 1. With forget biases of 0 the last states are others, and both are shown.

use ndarray::{Array3, Axis, Ix3, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{DenseLayer, Input, Model, RecurrentLayer, Summary};
use sumun::nn::{Activation, FirstWeights, Initializer, Lstm, LstmConfig, Rnn, RnnConfig, Valid};

pub(crate) struct Outcome {
    pub(crate) summary: Summary,
    /// SimpleRNN(3): the last output and all.
    pub(crate) rnn: [Vec<usize>; 2],
    /// With `return_state`, whether its output and its state are the same numbers.
    pub(crate) output_is_state: bool,
    /// LSTM(3): output, h and c.
    pub(crate) lstm: [Vec<usize>; 3],
    /// Bidirectional LSTM(3): the last output and all.
    pub(crate) both: [Vec<usize>; 2],
    /// h and c of the forward, then of the backward direction: four of the five arrays that the lesson prints.
    pub(crate) states: [Vec<f32>; 4],
    /// At every step the forward and the backward direction's first unit.
    pub(crate) sequence: [Vec<f32>; 2],
    /// Last states, forward and backward, as the lesson prints them, and with forget biases of 0.
    pub(crate) printed: [f32; 2],
    pub(crate) forget_bias_0: [f32; 2],
}

pub(crate) fn run() -> Result<Outcome> {
    let summary = Model::builder(Input::ids(5_000))
        .embedding(100)
        .layer(RecurrentLayer::rnn(128).keras())
        .dense(DenseLayer::new(1).activation(Activation::Sigmoid).keras())
        .config()
        .summary()?;
    println!("{summary}\n");

    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let x: Array3<f32> = array![[
        [0.1, 4.2, 1.5, 1.1, 2.8],
        [1.0, 3.1, 2.5, 0.7, 1.1],
        [0.3, 2.1, 1.5, 2.1, 0.1],
        [2.2, 1.4, 0.5, 0.9, 1.1],
    ]];
    let simple = Rnn::new(RnnConfig::new(5, 3), &mut rng)?;
    let (last, state) = simple.forward_last(x.view(), Valid::All, None)?;
    let output_is_state = last == state.hidden.index_axis(Axis(0), 0);
    let all = simple.forward(x.view(), Valid::All, None)?.0;
    println!("SimpleRNN(3): {last}, all {:?}", all.dim());
    let rnn = [last.shape().to_vec(), all.shape().to_vec()];

    let plain = Lstm::new(LstmConfig::new(5, 3), &mut rng)?;
    let (last, state) = plain.forward_last(x.view(), Valid::All, None)?;
    println!("LSTM(3): {last}, h {}, c {}", state.hidden, state.cell);
    let lstm = [last.shape(), &state.hidden.shape()[1..], &state.cell.shape()[1..]].map(<[usize]>::to_vec);

    let constant = Initializer::Constant { value: 0.1 };
    let mut bidirectional = |unit_forget_bias| {
        let first = FirstWeights {
            input: constant,
            hidden: constant,
            bias: Initializer::Zeros,
            unit_forget_bias,
            forget_bias: 0.0,
        };
        Lstm::new(LstmConfig::new(5, 3).bidirectional(true).first_weights(first), &mut rng)
    };
    let with = bidirectional(true)?;
    let last = with.forward_last(x.view(), Valid::All, None)?.0;
    let (all, state) = with.forward::<Ix3>(x.view(), Valid::All, None)?;
    println!("Bidirectional LSTM(3): {last}\n{all}");
    let (h, c) = (&state.hidden, &state.cell);
    let states =
        [(h, 0), (c, 0), (h, 1), (c, 1)].map(|(state, direction)| state.index_axis(Axis(0), direction));
    for (name, values) in ["forward h", "forward c", "backward h", "backward c"].iter().zip(&states) {
        println!("{name:<10} {values}");
    }
    let without = bidirectional(false)?.forward_last(x.view(), Valid::All, None)?.0;
    println!("with forget biases of 0, as asked for: {without}");
    let unit = |k: usize| all.index_axis(Axis(0), 0).column(k).to_vec();
    Ok(Outcome {
        summary,
        rnn,
        output_is_state,
        lstm,
        both: [last.shape().to_vec(), all.shape().to_vec()],
        states: states.map(|values| values.iter().copied().collect()),
        sequence: [unit(0), unit(3)],
        printed: [last[[0, 0]], last[[0, 3]]],
        forget_bias_0: [without[[0, 0]], without[[0, 3]]],
    })
}
