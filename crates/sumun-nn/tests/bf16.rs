//! Models whose products are of bf16: what they compute beside those of floats, that they are trained with the same bits on any number
//! of threads, and their files.

use ndarray::{Array2, Array3};
use sumun_kernels::Path;
use sumun_nn::Precision;
use sumun_nn::loss::CrossEntropy;
use sumun_nn::model::{
    Batch, DenseLayer, EmbeddingLayer, Input, Model, ModelConfig, ModelFile, RecurrentLayer, Streams,
};
use sumun_nn::noise::Noise;

fn tagger() -> Model {
    Model::builder(Input::ids(300))
        .layer(EmbeddingLayer::new(24))
        .layer(RecurrentLayer::lstm(40).layers(2usize).bidirectional(true).return_sequences(true))
        .layer(RecurrentLayer::gru(20).recurrent_dropout(0.2).return_sequences(true))
        .layer(DenseLayer::new(9))
        .build(7)
        .unwrap()
}

fn ids() -> Array2<u32> {
    Array2::from_shape_fn((21, 12), |(n, t)| ((n * 37 + t * 11) % 300) as u32)
}

const LENGTHS: [usize; 21] = [12, 3, 7, 1, 9, 12, 12, 5, 6, 2, 12, 12, 12, 12, 12, 11, 10, 9, 8, 7, 6];

fn output(model: &Model) -> Vec<f32> {
    let ids = ids();
    model.forward(Batch::ids(ids.view()).lengths(&LENGTHS).unwrap()).unwrap().data.to_vec()
}

/// The loss and the gradients of a training step.
fn step(model: &mut Model) -> (f64, Vec<f32>) {
    let ids = ids();
    let batch = Batch::ids(ids.view()).lengths(&LENGTHS).unwrap();
    let noise = Noise { seed: 3, step: 1, layer: 0 };
    let targets = |layout: &sumun_nn::Layout| (0..layout.rows()).map(|row| (row % 9) as u32).collect();
    let loss = model.cross_entropy(&batch, None, noise, &CrossEntropy::default(), targets).unwrap();
    (loss.loss, model.parameters().gradients().to_vec())
}

fn away(found: &[f32], wanted: &[f32]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let size = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = size(&mut found.iter().zip(wanted).map(|(f, w)| f64::from(*f) - f64::from(*w)));
    difference / size(&mut wanted.iter().map(|w| f64::from(*w)))
}

#[test]
fn outputs_and_gradients_are_near_those_of_floats_and_not_equal() {
    let mut floats = tagger();
    let mut bf16 = tagger().with_precision(Precision::Bf16).unwrap();
    assert_eq!((floats.precision(), bf16.precision()), (Precision::F32, Precision::Bf16));
    assert!(bf16.parameters().values() == floats.parameters().values());
    let of_outputs = away(&output(&bf16), &output(&floats));
    assert!(of_outputs > 0.0 && of_outputs < 0.02, "{of_outputs}");
    let ((loss, gradients), (wanted, exact)) = (step(&mut bf16), step(&mut floats));
    assert!((loss - wanted).abs() < 0.01 * wanted, "{loss} for {wanted}");
    let of_gradients = away(&gradients, &exact);
    assert!(of_gradients > 0.0 && of_gradients < 0.02, "{of_gradients}");
    // And back again.
    assert_eq!(output(&bf16.with_precision(Precision::F32).unwrap()), output(&floats));
}

#[test]
fn threads_never_change_a_bit() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut model = tagger().with_precision(Precision::Bf16).unwrap();
            (output(&model), step(&mut model))
        })
    };
    assert!(on(1) == on(3));
}

#[test]
fn files_say_so_and_keep_the_weights_as_they_are() {
    let model = tagger().with_precision(Precision::Bf16).unwrap();
    let bytes = model.to_file().unwrap().to_bytes().unwrap();
    let again = Model::from_file(&ModelFile::from_bytes("m", &bytes).unwrap()).unwrap();
    assert_eq!(again.precision(), Precision::Bf16);
    assert!(again.parameters().values() == tagger().parameters().values());
    assert_eq!(output(&again), output(&model));
    let toml = model.config().to_toml().unwrap();
    assert!(toml.contains("precision = \"bf16\""), "{toml}");
    assert_eq!(ModelConfig::from_toml(&toml).unwrap().build(7).unwrap().precision(), Precision::Bf16);
}

#[test]
fn streams_have_the_bits_of_sequences() {
    let layer = RecurrentLayer::lstm(33).layers(2usize).return_sequences(true);
    let model = Model::builder(Input::numbers(3)).layer(layer).dense(4).build(3).unwrap();
    let model = model.with_precision(Precision::Bf16).unwrap();
    let x = Array3::from_shape_fn((1, 20, 3), |(_, t, f)| ((t * 7 + f * 5) % 11) as f32 / 5.0 - 1.0);
    let found = model.forward(Batch::numbers(x.view())).unwrap().data.to_vec();
    let streams = Streams::new(model).unwrap();
    let mut stream = streams.stream();
    for (t, row) in found.chunks_exact(4).enumerate() {
        let frame: Vec<f32> = (0..3).map(|f| x[[0, t, f]]).collect();
        assert_eq!(stream.step(frame.as_slice()).unwrap().row(), Some(row), "step {t}");
    }
}

#[test]
fn the_reference_path_is_refused() {
    let refused = tagger().with_precision(Precision::Bf16).unwrap().on_path(Path::Reference);
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("the reference path has no bf16 products on this processor"), "{error}");
}
