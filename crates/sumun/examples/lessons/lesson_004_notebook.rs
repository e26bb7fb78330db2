//! Lesson 4: the notebook's cells on one sequence of four steps. SimpleRNN(3), LSTM(3) with its states, and a bidirectional
//! LSTM(3) with constant weights whose numbers the lesson prints.
//!
//! Those numbers hide a surprise: the lesson sets all biases to 0, yet Keras' `unit_forget_bias` wins and the forget bias
//! is 1. With forget biases of 0 the last states are others, and both are shown.

use ndarray::{Array3, Ix3, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::nn::{FirstWeights, Initializer, Lstm, LstmConfig, Rnn, RnnConfig, Valid};

pub(crate) struct Outcome {
    /// SimpleRNN(3): the last output and all.
    pub(crate) rnn: [Vec<usize>; 2],
    /// LSTM(3): output, h and c.
    pub(crate) lstm: [Vec<usize>; 3],
    /// Bidirectional LSTM(3): the last output and all.
    pub(crate) both: [Vec<usize>; 2],
    /// Last states, forward and backward, as the lesson prints them, and with forget biases of 0.
    pub(crate) printed: [f32; 2],
    pub(crate) forget_bias_0: [f32; 2],
}

pub(crate) fn run() -> Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let x: Array3<f32> = array![[
        [0.1, 4.2, 1.5, 1.1, 2.8],
        [1.0, 3.1, 2.5, 0.7, 1.1],
        [0.3, 2.1, 1.5, 2.1, 0.1],
        [2.2, 1.4, 0.5, 0.9, 1.1],
    ]];
    let simple = Rnn::new(RnnConfig::new(5, 3), &mut rng)?;
    let last = simple.forward_last(x.view(), Valid::All, None)?.0;
    let all = simple.forward(x.view(), Valid::All, None)?.0;
    println!("SimpleRNN(3): {last}, all {:?}", all.dim());
    let rnn = [last.shape().to_vec(), all.shape().to_vec()];

    let plain = Lstm::new(LstmConfig::new(5, 3), &mut rng)?;
    let (last, state) = plain.forward_last(x.view(), Valid::All, None)?;
    println!("LSTM(3): {last}, h {}, c {}", state.hidden, state.cell);
    let lstm = [last.shape(), &state.hidden.shape()[1..], &state.cell.shape()[1..]].map(<[usize]>::to_vec);

    let constant = Initializer::Constant { value: 0.1 };
    let mut bidirectional = |unit_forget_bias| {
        let first =
            FirstWeights { input: constant, hidden: constant, bias: Initializer::Zeros, unit_forget_bias };
        Lstm::new(LstmConfig::new(5, 3).bidirectional(true).first_weights(first), &mut rng)
    };
    let with = bidirectional(true)?;
    let last = with.forward_last(x.view(), Valid::All, None)?.0;
    let (all, state) = with.forward::<Ix3>(x.view(), Valid::All, None)?;
    println!("Bidirectional LSTM(3): {last}\n{all}\nc {}", state.cell);
    let without = bidirectional(false)?.forward_last(x.view(), Valid::All, None)?.0;
    println!("with forget biases of 0, as asked for: {without}");
    Ok(Outcome {
        rnn,
        lstm,
        both: [last.shape().to_vec(), all.shape().to_vec()],
        printed: [last[[0, 0]], last[[0, 3]]],
        forget_bias_0: [without[[0, 0]], without[[0, 3]]],
    })
}
