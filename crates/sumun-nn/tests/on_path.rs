//! A model on a path of the kernels: all of a training step is computed there, and nothing chooses a path in passing.

use std::fs;
use std::path::PathBuf;

use ndarray::{Array3, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun_kernels::Path;
use sumun_nn::loss::{CrossEntropy, Loss, Targets};
use sumun_nn::model::{AttentionLayer, Batch, DenseLayer, Input, Model, RecurrentLayer};
use sumun_nn::nn::{
    CellKind, CellWeight, Custom, CustomCell, CustomConfig, Dropout, Initializer, InputGradient, Layer, Step,
    StepAfter, StepGradients,
};
use sumun_nn::noise::Noise;
use sumun_nn::train::Optimizer;
use sumun_nn::{Layout, Parameters, Result, Rows};

const NOISE: Noise = Noise { seed: 3, step: 0, layer: 0 };

fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available())
}

/// Layers that the kernels compute, dropout between and around them.
fn model(path: Path) -> Model {
    Model::builder(Input::ids(11))
        .embedding(6)
        .bidirectional(RecurrentLayer::gru(7).layers(2_usize).dropout(0.2).return_sequences(true))
        .dropout(0.3)
        .attention(AttentionLayer::new(5))
        .dense(DenseLayer::new(4))
        .build(5)
        .unwrap()
        .on_path(path)
        .unwrap()
}

/// Three steps of Adam: the losses, and the weights after them.
fn train(path: Path) -> (Vec<f64>, Vec<f32>) {
    let mut model = model(path);
    let mut optimizer = Optimizer::new("adam".parse().unwrap(), model.parameters()).unwrap();
    let (ids, targets) = (array![[1, 4, 2], [5, 10, 3], [7, 1, 9]], [0, 3, 1]);
    let loss = CrossEntropy::default();
    let mut losses = Vec::new();
    for step in 0..3 {
        let noise = Noise { step, ..NOISE };
        let batch = Batch::ids(ids.view());
        let (logits, _) = model.forward_train(&batch, noise).unwrap();
        model.parameters_mut().zero_gradients();
        let of = |path| loss.value_and_gradient_on(path, &logits.data, &targets, None).unwrap();
        let found = model.cross_entropy(&batch, None, noise, &loss, |_| targets.to_vec()).unwrap().loss;
        // The chunks of a head may be summed in another order than a whole batch.
        assert!((found - of(path)).abs() <= 1e-12, "{path}: {found} and {}", of(path));
        losses.push(of(path));
        optimizer.step(model.parameters_mut(), 0.05, 1.0).unwrap();
    }
    (losses, model.parameters().values().to_vec())
}

#[test]
fn every_layer_of_a_model_is_on_its_path() {
    for path in paths() {
        let model = model(path);
        assert_eq!(model.parameters().path(), path);
        let chosen: Vec<Path> = model.layer_names().filter_map(|layer| model.path(layer)).collect();
        assert_eq!(chosen, [path; 3], "the recurrent layer, the attention and the dense layer");
    }
    let lacking: Vec<Path> = Path::ALL.into_iter().filter(|path| !path.is_available()).collect();
    for path in lacking {
        assert!(Parameters::new().set_path(path).is_err());
        let none = Loss::CrossEntropy(CrossEntropy::default());
        assert!(none.value_and_gradient_on(path, &[1.0, 2.0], Targets::Classes(&[0]), None).is_err());
    }
}

/// Gates of a minLSTM that are both shut as far as a number can say, or farther: no path divides by 0, and all give the same.
#[test]
fn shut_gates_of_a_min_lstm_are_no_division_by_zero() {
    let far = [-30.0, -86.0, -87.3, -88.0, -104.0, -750.0, 100.0, 0.0];
    let cases: Vec<[f32; 2]> = far.iter().flat_map(|&f| far.map(|i| [f, i])).collect();
    let x = Array3::from_shape_fn((cases.len(), 3, 3), |(n, t, k)| match k {
        2 => 0.5 + t as f32,
        gate => cases[n][gate],
    });
    let run = |path: Path| {
        let layer = RecurrentLayer::new(CellKind::MinLstm, 1).return_sequences(true);
        let mut model =
            Model::builder(Input::numbers(3)).layer(layer).build(1).unwrap().on_path(path).unwrap();
        // The pre-activations are the features.
        let id = model.parameters().find("min_lstm.weight_ih_l0").unwrap();
        model.parameters_mut().value_mut(id).copy_from_slice(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let id = model.parameters().find("min_lstm.bias_ih_l0").unwrap();
        model.parameters_mut().value_mut(id).fill(0.0);
        let (y, cache) = model.forward_train(Batch::numbers(x.view()), NOISE).unwrap();
        let found = y.unpack();
        let d = Rows::new(vec![1.0; y.data.len()], 1, y.layout.clone()).unwrap();
        model.backward(cache, d).unwrap();
        (found, model.parameters().gradients().to_vec())
    };
    let (expected, gradients) = run(Path::Reference);
    assert!(expected.iter().chain(&gradients).all(|value| value.is_finite()), "{expected:?} {gradients:?}");
    for path in paths() {
        let (found, of) = run(path);
        for (k, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!(
                (found - expected).abs() <= 1e-5,
                "{path}, gates {:?}: {found}, not {expected}",
                cases[k / 3]
            );
        }
        let largest = gradients.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        for (found, expected) in of.iter().zip(&gradients) {
            assert!((found - expected).abs() <= 1e-5 * largest, "{path}: {found}, not {expected}");
        }
    }
}

/// All paths learn the same to single precision, and none of them to the bits of another: what is compared is computed
/// apart.
#[test]
fn training_steps_agree_between_paths() {
    let all: Vec<_> = paths().map(|path| (path, train(path))).collect();
    let (_, (first_losses, first)) = &all[0];
    for (path, (losses, weights)) in &all[1..] {
        for (found, expected) in losses.iter().zip(first_losses) {
            assert!((found - expected).abs() < 1e-4, "{path}: {losses:?} and {first_losses:?}");
        }
        for (found, expected) in weights.iter().zip(first) {
            assert!((found - expected).abs() < 1e-2, "{path}: {found} and {expected}");
        }
        assert!(weights != first, "{path} computes the bits of the reference path");
    }
    for (path, result) in &all {
        assert!(train(*path) == *result, "{path}: a second run differs");
    }
}

#[test]
fn masks_are_the_same_bits_on_every_path() {
    let mask = |path| {
        let mut parameters = Parameters::new();
        parameters.set_path(path).unwrap();
        let x = Rows::new(vec![1.0; 12 * 37], 37, Layout::ragged(&[3, 5, 4], 5).unwrap()).unwrap();
        let dropout = Dropout::new(0.4).unwrap();
        let (y, cache) = dropout.forward_train(&parameters, x.clone(), NOISE).unwrap();
        let d = dropout.backward(&mut parameters, cache, x, InputGradient::Needed).unwrap().unwrap();
        assert_eq!(y.data, d.data);
        y.data.to_vec()
    };
    let expected = mask(Path::Reference);
    assert!(expected.contains(&0.0));
    for path in paths() {
        assert_eq!(mask(path), expected, "{path}");
    }
}

/// h' = W x + h, on the path that it expects.
#[derive(Debug)]
struct Expecting(Path);

impl CustomCell for Expecting {
    fn hidden(&self) -> usize {
        3
    }

    fn weights(&self, input: usize) -> Vec<CellWeight> {
        vec![CellWeight::new("weight", &[3, input], Initializer::pytorch(3))]
    }

    fn step(&self, weights: &[&[f32]], at: Step<'_>, after: StepAfter<'_>) -> Result<()> {
        assert_eq!(at.path, self.0);
        at.affine(weights[0], &[], at.x, after.hidden)?;
        after.hidden.iter_mut().zip(at.hidden).for_each(|(sum, h)| *sum += h);
        Ok(())
    }

    fn step_backward(
        &self,
        weights: &[&[f32]],
        at: Step<'_>,
        _saved: &[f32],
        d_hidden: &[f32],
        _d_cell: &[f32],
        into: StepGradients<'_>,
    ) -> Result<()> {
        assert_eq!(at.path, self.0);
        at.affine_backward(weights[0], at.x, d_hidden, into.x, &mut into.weights[0], &mut [])?;
        into.hidden.iter_mut().zip(d_hidden).for_each(|(sum, d)| *sum += d);
        Ok(())
    }
}

#[test]
fn a_cell_of_a_user_computes_on_the_path_of_the_parameters() {
    for path in paths() {
        let (mut parameters, mut rng) = (Parameters::new(), ChaCha8Rng::seed_from_u64(2));
        parameters.set_path(path).unwrap();
        let cell =
            Custom::new(Expecting(path), CustomConfig::new(2), &mut parameters, "own", &mut rng).unwrap();
        let x = Rows::new(vec![0.5; 12], 2, Layout::full(2, 3).unwrap()).unwrap();
        let (y, cache) = cell.forward_train(&parameters, x, NOISE).unwrap();
        cell.backward(&mut parameters, cache, y, InputGradient::Needed).unwrap();
        assert!(parameters.gradients().iter().any(|&d| d != 0.0));
    }
}

/// Where the crate names a path: the fastest one for what is made or called outside a model, as its documentation says; and
/// the reference path, for options that only it has and in an attention whose activation differs there.
const NAMED: [&str; 15] = [
    "loss/cross_entropy.rs",
    "loss/mod.rs",
    "nn/activation/mod.rs",
    "nn/attention/mod.rs",
    "nn/conv1d/mod.rs",
    "nn/crf/mod.rs",
    "nn/cross_attention/mod.rs",
    "nn/cross_attention/sequence.rs",
    "nn/custom/check.rs",
    "nn/dense/mod.rs",
    "nn/recurrent/cells.rs",
    "nn/recurrent/cells.rs",
    "nn/softmax/mod.rs",
    "noise.rs",
    "parameters.rs",
];

/// A call of the kernels that names a path itself would leave the path of its model.
#[test]
fn paths_are_named_in_few_places() {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut found) = (vec![source.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") && path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let name = path.strip_prefix(&source).unwrap().to_string_lossy().replace('\\', "/");
                let named = Path::ALL.map(|path| format!("Path::{path:?}"));
                let count = code.matches("Path::best()").count();
                let count = count + named.iter().map(|path| code.matches(&**path).count()).sum::<usize>();
                found.extend(std::iter::repeat_n(name, count));
            }
        }
    }
    found.sort();
    assert_eq!(found, NAMED);
}
