//! The shapes that the lessons state.

use ndarray::Axis;
use sumun::nn::{Lstm, LstmConfig, Rnn, RnnConfig, Valid};

use super::{numbers, rng};

type Shape = (usize, usize, usize);

fn rnn_shapes(config: RnnConfig, x: Shape) -> (Shape, Shape) {
    let rnn = Rnn::new(config, &mut rng()).unwrap();
    let (output, last) = rnn.forward(numbers(x).view(), Valid::All, None).unwrap();
    (output.dim(), last.hidden.dim())
}

#[test]
fn rnn_50_100_2() {
    let found = rnn_shapes(RnnConfig::new(50, 100).layers(2), (16, 20, 50));
    assert_eq!(found, ((16, 20, 100), (2, 16, 100)));
}

#[test]
fn rnn_10_20_2_and_bidirectional() {
    let found = rnn_shapes(RnnConfig::new(10, 20).layers(2), (32, 15, 10));
    assert_eq!(found, ((32, 15, 20), (2, 32, 20)));
    let found = rnn_shapes(RnnConfig::new(10, 20).bidirectional(true), (32, 15, 10));
    assert_eq!(found, ((32, 15, 40), (2, 32, 20)));
}

#[test]
fn rnn_5_16_2_one_and_two_directions() {
    let config = RnnConfig::new(5, 16).layers(2);
    assert_eq!(rnn_shapes(config.clone(), (8, 20, 5)), ((8, 20, 16), (2, 8, 16)));
    assert_eq!(rnn_shapes(config.bidirectional(true), (8, 20, 5)), ((8, 20, 32), (4, 8, 16)));
}

#[test]
fn lstm_30_64_bidirectional() {
    let lstm = Lstm::new(LstmConfig::new(30, 64).bidirectional(true), &mut rng()).unwrap();
    let (output, last) = lstm.forward(numbers((8, 15, 30)).view(), Valid::All, None).unwrap();
    assert_eq!((output.dim(), last.hidden.dim(), last.cell.dim()), ((8, 15, 128), (2, 8, 64), (2, 8, 64)));
}

#[test]
fn output_at_the_last_step_is_the_last_layers_state() {
    for layers in [1, 2] {
        let rnn = Rnn::new(RnnConfig::new(10, 20).layers(layers), &mut rng()).unwrap();
        let (output, last) = rnn.forward(numbers((4, 5, 10)).view(), Valid::All, None).unwrap();
        let end = output.index_axis(Axis(1), 4);
        assert_eq!(end, last.hidden.index_axis(Axis(0), layers - 1));
        assert_eq!(end, rnn.forward_last(numbers((4, 5, 10)).view(), Valid::All, None).unwrap().0);
    }
}
