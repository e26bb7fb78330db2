//! Small models of the audio world, in and out.

use sumun_formats::audio::{Document, guitarml, nam, read, rtneural};
use sumun_formats::{Data, Tensor, Tensors};
use sumun_nn::interchange::{apply, largest_difference, of_audio, to_rtneural};
use sumun_nn::model::{Input, Model, ModelConfig, RecurrentLayer};

use crate::{tensor, tensors, weights};

fn output(tensors: &Tensors) -> Vec<f32> {
    match tensors.get("output").unwrap().data() {
        Data::F32(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_model_written_for_rtneural_reads_back_to_the_same_numbers() {
    let config = ModelConfig::from_toml(
        r#"
        [input]
        features = 2
        [[layers]]
        kind = "dense"
        units = 4
        activation = "tanh"
        [[layers]]
        kind = "conv1d"
        units = 6
        kernel = 3
        dilation = 2
        groups = 2
        padding = "causal"
        [[layers]]
        kind = "batch_norm"
        [[layers]]
        kind = "activation"
        function = { leaky_relu = { alpha = 0.25 } }
        [[layers]]
        kind = "gru"
        units = 5
        return_sequences = true
        [[layers]]
        kind = "lstm"
        units = 3
        biases = "one"
        return_sequences = true
        [[layers]]
        kind = "dense"
        units = 2
        [[layers]]
        kind = "softmax"
        "#,
    );
    let model = config.unwrap().build(3).unwrap();
    let bytes = rtneural::write(&to_rtneural(&model).unwrap()).unwrap();
    let again = of_audio(&read(&bytes).unwrap()).unwrap().model;
    // The format has ε in single precision.
    let difference = largest_difference(&model, &again, 5).unwrap();
    assert!(difference < 1e-6, "{difference}");
}

#[test]
fn what_rtneural_lacks_is_refused_by_the_layers_name() {
    let model = |layer: RecurrentLayer| Model::builder(Input::numbers(1)).layer(layer).build(1).unwrap();
    for (layer, expected) in [
        (RecurrentLayer::lstm(2), "'lstm' (lstm) for RTNeural: it returns a row at every step"),
        (RecurrentLayer::gru(2).return_sequences(true).bidirectional(true), "it reads forward alone"),
        (RecurrentLayer::rnn(2).return_sequences(true), "it has LSTM and GRU alone"),
        (RecurrentLayer::gru(2).return_sequences(true).layers(2_usize), "one layer at a time"),
    ] {
        let error = to_rtneural(&model(layer)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn skips_and_gains_are_layers() {
    let dense = rtneural::Layer {
        kind: rtneural::Kind::Dense,
        activation: String::new(),
        units: 1,
        weights: vec![Tensor::f32(vec![2, 1], vec![0.5, 0.25]).unwrap()],
    };
    let model = rtneural::Model {
        inputs: 2,
        layers: vec![dense],
        skip: true,
        input_gain: Some(20.0),
        output_gain: Some(-20.0),
        ..rtneural::Model::default()
    };
    let import = of_audio(&Document::RtNeural(model)).unwrap();
    let x = tensors(&[("input", Tensor::f32(vec![1, 1, 2], vec![0.5, 1.0]).unwrap())]);
    // (0.5 · 5 + 0.25 · 10 + 5) / 10: the first number, gained, is added.
    let y = output(&apply(&import.model, &x, &Tensors::new()).unwrap());
    assert!((y[0] - 1.0).abs() < 1e-6, "{y:?}");
}

#[test]
fn a_slope_for_each_unit_is_kept() {
    let prelu = rtneural::Layer {
        kind: rtneural::Kind::Prelu,
        activation: String::new(),
        units: 2,
        weights: vec![Tensor::f32(vec![1, 2], vec![0.5, -2.0]).unwrap()],
    };
    let model = rtneural::Model { inputs: 2, layers: vec![prelu], ..rtneural::Model::default() };
    let import = of_audio(&Document::RtNeural(model)).unwrap();
    let x = tensors(&[("input", Tensor::f32(vec![2, 2], vec![-3.0, -0.5, 4.0, 0.25]).unwrap())]);
    assert_eq!(output(&apply(&import.model, &x, &Tensors::new()).unwrap()), [-1.5, 1.0, 4.0, 0.25]);
}

#[test]
fn an_amp_of_guitarml_adds_its_input() {
    let model = |skip| guitarml::Model {
        cell: "LSTM".into(),
        inputs: 1,
        outputs: 1,
        units: 3,
        layers: 1,
        bias: true,
        skip,
        tensors: weights(&[
            ("rec.weight_ih_l0", &[12, 1]),
            ("rec.weight_hh_l0", &[12, 3]),
            ("rec.bias_ih_l0", &[12]),
            ("rec.bias_hh_l0", &[12]),
            ("lin.weight", &[1, 3]),
            ("lin.bias", &[1]),
        ]),
    };
    let x = tensors(&[("input", tensor(&[1, 4, 1], 2))]);
    let run = |skip| {
        let import = of_audio(&Document::GuitarMl(model(skip))).unwrap();
        output(&apply(&import.model, &x, &Tensors::new()).unwrap())
    };
    let input = x.get("input").unwrap().to_f32().unwrap();
    let sum: Vec<f32> = run(false).iter().zip(input).map(|(y, x)| y + x).collect();
    assert_eq!(run(true), sum);
}

#[test]
fn a_capture_of_neural_amp_modeler_begins_with_its_state() {
    let layer = |inputs: usize, seed| nam::Layer {
        weight: tensor(&[8, inputs + 2], seed),
        bias: tensor(&[8], seed + 1),
        hidden: tensor(&[2], seed + 2),
        cell: tensor(&[2], seed + 3),
    };
    let model = nam::Model {
        inputs: 1,
        units: 2,
        layers: vec![layer(1, 1), layer(2, 5)],
        head_weight: tensor(&[1, 2], 9),
        head_bias: tensor(&[1], 10),
        sample_rate: Some(48_000.0),
    };
    let import = of_audio(&Document::Nam(model)).unwrap();
    assert!(import.notes.iter().any(|note| note.contains("48000 steps a second")), "{:?}", import.notes);
    let x = tensors(&[("input", tensor(&[3, 4, 1], 2))]);
    let own = import.apply(&x, &Tensors::new()).unwrap();
    let zeros = tensors(&[("h_n", Tensor::f32(vec![2, 3, 2], vec![0.0; 12]).unwrap())]);
    assert_ne!(output(&own), output(&import.apply(&x, &zeros).unwrap()));
    // The same states, written out for each of the three sequences.
    let each = |name: &str| {
        let state = import.initial.get(name).unwrap().to_f32().unwrap();
        let rows = state.chunks(2).flat_map(|row| row.repeat(3)).collect();
        Tensor::f32(vec![2, 3, 2], rows).unwrap()
    };
    let given = tensors(&[("h_n", each("h_n")), ("c_n", each("c_n"))]);
    assert_eq!(output(&own), output(&apply(&import.model, &x, &given).unwrap()));
}
