//! Every case of the layers that are not recurrent, as PyTorch computed it, on every path: outputs and all gradients.
//!
//! The tolerances are those of `golden/torch_layers/make_torch_layers.py` in the testing crate.

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::de::DeserializeOwned;
use sumun_kernels::Path;
use sumun_nn::nn::{
    Activate, ActivationFunction, BatchNorm, BatchNormConfig, Conv1d, Conv1dConfig, CrossAttention,
    CrossAttentionConfig, InputGradient, Layer, LayerNorm, LayerNormConfig, Softmax,
};
use sumun_nn::noise::Noise;
use sumun_nn::{Layout, Parameters, Rows};
use sumun_testing::{Golden, assert_close, golden_files};

const NOISE: Noise = Noise { seed: 0, step: 0, layer: 0 };

#[test]
fn every_case_on_every_path() {
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        let files = golden_files("torch_layers");
        assert_eq!(files.len(), 15);
        for golden in files.iter().map(|file| Golden::load(file)) {
            match golden.word("kind") {
                Some("conv1d") => conv1d(&golden, path),
                Some("layer_norm") => layer_norm(&golden),
                Some("batch_norm") => batch_norm(&golden),
                Some("activation") => activation(&golden, path),
                Some("cross_attention") => cross_attention(&golden, path),
                other => panic!("{}: no layer for {other:?}", golden.name),
            }
        }
    }
}

/// The configuration of a case, but for `kind` and `torch`.
fn config<T: DeserializeOwned>(golden: &Golden) -> T {
    let mut case = golden.case.clone();
    let map = case.as_object_mut().unwrap();
    map.remove("kind").unwrap();
    map.remove("torch").unwrap();
    serde_json::from_value(case).unwrap()
}

/// Fills in all weights of the case.
fn load(golden: &Golden, parameters: &mut Parameters) {
    let names: Vec<String> = parameters.entries().iter().map(|entry| entry.name.clone()).collect();
    for name in names.iter().filter(|name| !name.contains("running_")) {
        let id = parameters.find(name).unwrap();
        let tensor = golden.tensor(&format!("param.{}", &name["layer.".len()..]));
        assert_eq!(parameters.entry(id).shape, tensor.shape, "{}: {name}", golden.name);
        parameters.value_mut(id).copy_from_slice(&tensor.reals::<f32>());
    }
}

fn lengths(golden: &Golden, name: &str) -> Vec<usize> {
    golden.tensor(name).integers().iter().map(|&length| length as usize).collect()
}

/// An array `[N, T, F]` of the case as rows of sequences of these lengths.
fn rows(golden: &Golden, name: &str, lengths: &[usize]) -> Rows {
    let tensor = golden.tensor(name);
    let [_, time, features] = tensor.shape[..] else { panic!("{}: {name} has not three axes", golden.name) };
    Rows::pack(&tensor.reals::<f32>(), features, Layout::ragged(lengths, time).unwrap()).unwrap()
}

/// An array of the case in the layout of the output.
fn like(golden: &Golden, name: &str, layout: &Arc<Layout>) -> Rows {
    let tensor = golden.tensor(name);
    assert_eq!(tensor.shape[..2], [layout.sequences(), layout.time()], "{}: {name}", golden.name);
    Rows::pack(&tensor.reals::<f32>(), tensor.shape[2], layout.clone()).unwrap()
}

fn close(golden: &Golden, name: &str, found: &[f32]) {
    let (atol, rtol) = if name.starts_with("d_") { (1e-5, 1e-4) } else { (1e-6, 1e-5) };
    let want: Vec<f64> = golden.tensor(name).reals();
    assert_close(&format!("{}: {name}", golden.name), found, &want, atol, rtol);
}

/// The gradients of all weights.
fn close_weights(golden: &Golden, parameters: &Parameters) {
    for entry in parameters.entries().iter().filter(|entry| !entry.statistic) {
        let found = parameters.gradient(parameters.find(&entry.name).unwrap());
        close(golden, &format!("d_param.{}", &entry.name["layer.".len()..]), found);
    }
}

/// Output and gradients of a layer of one input, whose tensors end in `suffix`.
fn run<L: Layer>(golden: &Golden, layer: &L, parameters: &mut Parameters, x: Rows, suffix: &str) {
    let (out, cache) = layer.forward_train(parameters, x, NOISE).unwrap();
    close(golden, &format!("output{suffix}"), &out.unpack());
    let d_out = match golden.get(&format!("d_output{suffix}")) {
        Some(_) => like(golden, &format!("d_output{suffix}"), &out.layout),
        None => like(golden, "d_output", &out.layout),
    };
    let d = layer.backward(parameters, cache, d_out, InputGradient::Needed).unwrap().unwrap();
    close(golden, &format!("d_input{suffix}"), &d.unpack());
}

fn conv1d(golden: &Golden, path: Path) {
    let mut parameters = Parameters::new();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let config: Conv1dConfig = config(golden);
    let layer = Conv1d::new(config, &mut parameters, "layer", &mut rng).unwrap().on_path(path);
    load(golden, &mut parameters);
    run(golden, &layer, &mut parameters, rows(golden, "input", &lengths(golden, "lengths")), "");
    close_weights(golden, &parameters);
}

fn layer_norm(golden: &Golden) {
    let mut parameters = Parameters::new();
    let layer = LayerNorm::new(config::<LayerNormConfig>(golden), &mut parameters, "layer").unwrap();
    load(golden, &mut parameters);
    run(golden, &layer, &mut parameters, rows(golden, "input", &lengths(golden, "lengths")), "");
    close_weights(golden, &parameters);
}

fn batch_norm(golden: &Golden) {
    let mut parameters = Parameters::new();
    let layer = BatchNorm::new(config::<BatchNormConfig>(golden), &mut parameters, "layer").unwrap();
    load(golden, &mut parameters);
    let lengths = lengths(golden, "lengths");
    for batch in [".0", ".1"] {
        let x = rows(golden, &format!("input{batch}"), &lengths);
        run(golden, &layer, &mut parameters, x, batch);
        for (name, id) in ["running_mean", "running_var"].into_iter().zip(layer.running()) {
            close(golden, &format!("{name}{batch}"), parameters.value(id));
        }
    }
    close_weights(golden, &parameters);
    let out = layer.forward(&parameters, rows(golden, "input.0", &lengths)).unwrap();
    close(golden, "evaluated", &out.unpack());
}

fn activation(golden: &Golden, path: Path) {
    let mut parameters = Parameters::new();
    let x = || rows(golden, "input", &[golden.tensor("input").shape[1]]);
    use ActivationFunction::*;
    let functions = [
        ("sigmoid", Sigmoid),
        ("tanh", Tanh),
        ("relu", Relu),
        ("hard_sigmoid", ActivationFunction::HARD_SIGMOID_KERAS),
        ("softsign", Softsign),
        ("softplus", Softplus),
        ("elu", Elu { alpha: 1.3 }),
        ("leaky_relu", LeakyRelu { alpha: 0.1 }),
        ("thresholded_relu", ThresholdedRelu { alpha: 0.7 }),
        ("scaled_tanh", ScaledTanh { alpha: 1.7159, beta: 2.0 / 3.0 }),
        ("affine", Affine { alpha: -0.3, beta: 0.2 }),
        ("linear", Linear),
    ];
    for (name, function) in functions {
        let layer = Activate::new(function).unwrap().on_path(path);
        run(golden, &layer, &mut parameters, x(), &format!(".{name}"));
    }
    run(golden, &Softmax::new().on_path(path), &mut parameters, x(), ".softmax");
    assert_eq!(golden.case["functions"].as_array().unwrap().len(), functions.len() + 1);
}

fn cross_attention(golden: &Golden, path: Path) {
    let mut parameters = Parameters::new();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let config: CrossAttentionConfig = config(golden);
    let layer = CrossAttention::new(config, &mut parameters, "layer", &mut rng).unwrap().on_path(path);
    load(golden, &mut parameters);
    let queries = rows(golden, "input", &lengths(golden, "lengths"));
    let memory = rows(golden, "memory", &lengths(golden, "memory_lengths"));
    let alignment = layer.weights(&parameters, &queries, &memory).unwrap();
    close(golden, "weights", alignment.as_slice().unwrap());
    let (out, cache) = layer.forward_train(&parameters, queries, memory).unwrap();
    close(golden, "output", &out.unpack());
    let d_out = like(golden, "d_output", &out.layout);
    let [d_input, d_memory] =
        layer.backward(&mut parameters, cache, d_out, [InputGradient::Needed; 2]).unwrap();
    close(golden, "d_input", &d_input.unwrap().unpack());
    close(golden, "d_memory", &d_memory.unwrap().unpack());
    close_weights(golden, &parameters);
}
