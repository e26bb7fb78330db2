//! Models on named arrays.

use sumun_formats::{Data, Tensor, Tensors};
use sumun_nn::interchange::{apply, of_weights};
use sumun_nn::model::{Input, Model, RecurrentLayer};

use crate::{integers, tensor, tensors, weights};

fn lstm() -> Model {
    let file = weights(&[
        ("weight_ih_l0", &[16, 3]),
        ("weight_hh_l0", &[16, 4]),
        ("bias_ih_l0", &[16]),
        ("bias_hh_l0", &[16]),
    ]);
    of_weights(&file).unwrap().model
}

fn values(tensors: &Tensors, name: &str) -> Vec<f32> {
    match tensors.get(name).unwrap().data() {
        Data::F32(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sequence_in_pieces_has_the_same_bits() {
    let (model, none) = (lstm(), Tensors::new());
    let x = tensor(&[2, 6, 3], 3);
    let whole = apply(&model, &tensors(&[("input", x.clone())]), &none).unwrap();
    let all = x.to_f32().unwrap();
    let piece = |range: std::ops::Range<usize>| {
        let rows: Vec<f32> =
            (0..2).flat_map(|n| all[(n * 6 + range.start) * 3..(n * 6 + range.end) * 3].to_vec()).collect();
        tensors(&[("input", Tensor::f32(vec![2, range.len(), 3], rows).unwrap())])
    };
    let first = apply(&model, &piece(0..4), &none).unwrap();
    let states =
        tensors(&[("h_n", first.get("h_n").unwrap().clone()), ("c_n", first.get("c_n").unwrap().clone())]);
    let second = apply(&model, &piece(4..6), &states).unwrap();
    for name in ["h_n", "c_n"] {
        assert_eq!(values(&second, name), values(&whole, name));
    }
    let expected: Vec<f32> =
        (0..2).flat_map(|n| values(&whole, "output")[(n * 6 + 4) * 4..(n * 6 + 6) * 4].to_vec()).collect();
    assert_eq!(values(&second, "output"), expected);
}

#[test]
fn lengths_end_sequences_and_one_sequence_needs_no_axis() {
    let (model, none) = (lstm(), Tensors::new());
    let x = tensor(&[1, 5, 3], 1);
    let whole = apply(&model, &tensors(&[("input", x.clone())]), &none).unwrap();
    let flat = Tensor::f32(vec![5, 3], x.to_f32().unwrap()).unwrap();
    let alone = apply(&model, &tensors(&[("input", flat)]), &none).unwrap();
    assert_eq!(alone.get("output").unwrap().shape(), [5, 4]);
    assert_eq!(alone.get("h_n").unwrap().shape(), [1, 4]);
    assert_eq!(values(&alone, "output"), values(&whole, "output"));
    let short = apply(&model, &tensors(&[("input", x), ("lengths", integers(&[1], &[3]))]), &none).unwrap();
    assert_eq!(values(&short, "output")[..12], values(&whole, "output")[..12]);
    assert_eq!(values(&short, "output")[12..], [0.0; 8]);
    assert_eq!(values(&short, "h_n"), values(&whole, "output")[8..12]);
}

#[test]
fn states_of_several_layers_bear_their_names() {
    let model = Model::builder(Input::numbers(2))
        .layer(RecurrentLayer::gru(3).return_sequences(true))
        .layer(RecurrentLayer::lstm(4))
        .build(1)
        .unwrap();
    let y = apply(&model, &weights(&[("input", &[1, 2, 2])]), &Tensors::new()).unwrap();
    let names: Vec<&str> = y.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["output", "h_n.gru", "h_n.lstm", "c_n.lstm"]);
}

#[test]
fn what_cannot_be_run_is_said() {
    let (model, none) = (lstm(), Tensors::new());
    let good = tensor(&[1, 2, 3], 1);
    let nan = Tensor::f32(vec![1, 1, 3], vec![0.0, f32::NAN, 0.0]).unwrap();
    let state = tensors(&[("h_n", tensor(&[1, 2, 4], 1))]);
    for (inputs, initial, expected) in [
        (tensors(&[]), &none, "the model reads an array 'input'; there are none"),
        (tensors(&[("x", good.clone())]), &none, "there are 'x'"),
        (tensors(&[("input", good.clone()), ("y", good.clone())]), &none, "the model reads no array 'y'"),
        (tensors(&[("input", tensor(&[1, 2, 4], 1))]), &none, "[N, T, 3] or [T, 3]"),
        (tensors(&[("input", integers(&[1, 1, 3], &[1, 2, 3]))]), &none, "it has i64, not floats"),
        (tensors(&[("input", nan)]), &none, "NaN"),
        (tensors(&[("input", good.clone()), ("lengths", integers(&[1], &[-1]))]), &none, "found -1"),
        (tensors(&[("input", good.clone()), ("lengths", integers(&[2], &[1, 1]))]), &none, "[1] integers"),
        (tensors(&[("input", good.clone())]), &state, "the state 'h_n': expected [1, 1, 4]"),
        (tensors(&[("input", good)]), &tensors(&[("h_0", tensor(&[1, 1, 4], 1))]), "it has h_n, c_n"),
    ] {
        let error = apply(&model, &inputs, initial).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
