//! The shapes and golden numbers that lessons state about recurrent layers.

use ndarray::{Array3, ArrayView3, Ix3, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun_testing::assert_close;

use super::{Gru, GruConfig, Lstm, LstmConfig, Rnn, RnnConfig, Valid};
use crate::nn::{FirstWeights, Initializer, Merge};

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

fn numbers(shape: (usize, usize, usize)) -> Array3<f32> {
    let mut k = 0;
    Array3::from_shape_simple_fn(shape, || {
        k += 1;
        ((k * 31) % 97) as f32 / 48.0 - 1.0
    })
}

type Shape = (usize, usize, usize);

fn rnn_shapes(config: RnnConfig, x: Shape) -> (Shape, Shape) {
    let rnn = Rnn::new(config, &mut rng()).unwrap();
    let (output, last) = rnn.forward(numbers(x).view(), Valid::All, None).unwrap();
    (output.dim(), last.hidden.dim())
}

#[test]
fn shapes_stated_rnn_50_100_2() {
    let found = rnn_shapes(RnnConfig::new(50, 100).layers(2), (16, 20, 50));
    assert_eq!(found, ((16, 20, 100), (2, 16, 100)));
}

#[test]
fn shapes_stated_rnn_10_20_2_and_bidirectional() {
    let found = rnn_shapes(RnnConfig::new(10, 20).layers(2), (32, 15, 10));
    assert_eq!(found, ((32, 15, 20), (2, 32, 20)));
    let found = rnn_shapes(RnnConfig::new(10, 20).bidirectional(true), (32, 15, 10));
    assert_eq!(found, ((32, 15, 40), (2, 32, 20)));
}

#[test]
fn shapes_stated_rnn_5_16_2_one_and_two_directions() {
    let config = RnnConfig::new(5, 16).layers(2);
    assert_eq!(rnn_shapes(config.clone(), (8, 20, 5)), ((8, 20, 16), (2, 8, 16)));
    assert_eq!(rnn_shapes(config.bidirectional(true), (8, 20, 5)), ((8, 20, 32), (4, 8, 16)));
}

#[test]
fn shapes_stated_lstm_30_64_bidirectional() {
    let lstm = Lstm::new(LstmConfig::new(30, 64).bidirectional(true), &mut rng()).unwrap();
    let (output, last) = lstm.forward(numbers((8, 15, 30)).view(), Valid::All, None).unwrap();
    assert_eq!((output.dim(), last.hidden.dim(), last.cell.dim()), ((8, 15, 128), (2, 8, 64), (2, 8, 64)));
}

#[test]
fn shapes_stated_output_at_the_last_step_is_the_last_layers_state() {
    for layers in [1, 2] {
        let rnn = Rnn::new(RnnConfig::new(10, 20).layers(layers), &mut rng()).unwrap();
        let (output, last) = rnn.forward(numbers((4, 5, 10)).view(), Valid::All, None).unwrap();
        let end = output.index_axis(ndarray::Axis(1), 4);
        assert_eq!(end, last.hidden.index_axis(ndarray::Axis(0), layers - 1));
        assert_eq!(end, rnn.forward_last(numbers((4, 5, 10)).view(), Valid::All, None).unwrap().0);
    }
}

#[test]
fn shapes_stated_return_sequences_and_merges() {
    let lstm = Lstm::new(LstmConfig::new(8, 4), &mut rng()).unwrap();
    let x = numbers((2, 5, 8));
    assert_eq!(lstm.forward_last(x.view(), Valid::All, None).unwrap().0.dim(), (2, 4));
    assert_eq!(lstm.forward(x.view(), Valid::All, None).unwrap().0.dim(), (2, 5, 4));
    let x = numbers((2, 10, 16));
    for (config, features) in [
        (GruConfig::new(16, 32), 32),
        (GruConfig::new(16, 32).bidirectional(true), 64),
        (GruConfig::new(16, 32).bidirectional(true).merge(Merge::Average), 32),
    ] {
        let gru = Gru::new(config, &mut rng()).unwrap();
        assert_eq!(gru.forward(x.view(), Valid::All, None).unwrap().0.dim(), (2, 10, features));
    }
    let x = numbers((1, 4, 5));
    let rnn = Rnn::new(RnnConfig::new(5, 3), &mut rng()).unwrap();
    assert_eq!(rnn.forward_last(x.view(), Valid::All, None).unwrap().0.dim(), (1, 3));
    assert_eq!(rnn.forward(x.view(), Valid::All, None).unwrap().0.dim(), (1, 4, 3));
}

#[test]
fn parameter_counts_lstm_and_gru_100_128() {
    let lstm = Lstm::new(LstmConfig::new(100, 128), &mut rng()).unwrap();
    let names: Vec<&str> = lstm.parameters().entries().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]);
    assert_eq!(lstm.parameters().len(), 117_760);
    assert_eq!(Gru::new(GruConfig::new(100, 128), &mut rng()).unwrap().parameters().len(), 88_320);
}

#[test]
fn golden_numbers_bidirectional_lstm_3_all_tenths() {
    let x: Array3<f32> = array![[
        [0.1, 4.2, 1.5, 1.1, 2.8],
        [1.0, 3.1, 2.5, 0.7, 1.1],
        [0.3, 2.1, 1.5, 2.1, 0.1],
        [2.2, 1.4, 0.5, 0.9, 1.1],
    ]];
    let constant = Initializer::Constant { value: 0.1 };
    let lstm = |unit_forget_bias| {
        let first =
            FirstWeights { input: constant, hidden: constant, bias: Initializer::Zeros, unit_forget_bias };
        let config = LstmConfig::new(5, 3).bidirectional(true).first_weights(first);
        Lstm::new(config, &mut rng()).unwrap()
    };
    let three = |values: &[f64]| -> Vec<f64> { values.iter().flat_map(|&v| [v; 3]).collect() };
    let close = |what: &str, found: ArrayView3<f32>, want: &[f64]| {
        let found: Vec<f32> = found.iter().copied().collect();
        assert_close(what, &found, &three(want), 1e-6, 0.0);
    };

    let with = lstm(true);
    let (last, _) = with.forward_last(x.view(), Valid::All, None).unwrap();
    assert_eq!(last.dim(), (1, 6));
    assert_close("last", &last.into_raw_vec_and_offset().0, &three(&[0.6303138, 0.7038734]), 1e-6, 0.0);
    let (sequence, state) = with.forward::<Ix3>(x.view(), Valid::All, None).unwrap();
    assert_eq!(sequence.dim(), (1, 4, 6));
    let [forward, backward] = with.apart(sequence.view()).unwrap();
    close("forward", forward, &[0.35906473, 0.55111325, 0.59115744, 0.6303138]);
    close("backward", backward, &[0.7038734, 0.58863586, 0.3951699, 0.21942244]);
    close("c", state.cell.view(), &[1.5707086, 1.6402447]);

    let (last, _) = lstm(false).forward_last(x.view(), Valid::All, None).unwrap();
    assert_close("without", &last.into_raw_vec_and_offset().0, &three(&[0.56505494, 0.66263157]), 1e-6, 0.0);
}
