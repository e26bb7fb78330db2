//! Every layer case that PyTorch computed, called as a user calls the layers, on every path: outputs, final states
//! and all gradients, batch-first and time-major.
//!
//! The tolerances are those of `golden/torch/make_torch.py` in the testing crate.

use ndarray::Array3;
use rand::SeedableRng;
use sumun_kernels::Path;
use sumun_nn::nn::{Gru, GruConfig, HiddenState, Lstm, LstmConfig, LstmState, Rnn, RnnConfig, Valid};
use sumun_nn::noise::Noise;
use sumun_testing::{Golden, assert_close, golden_files};

#[test]
fn every_case_on_every_path() {
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        assert_eq!(check_all(path, false), 36, "{path}");
    }
}

#[test]
fn every_case_time_major() {
    assert_eq!(check_all(Path::best(), true), 36);
}

/// All layer cases of the golden folder; how many they are.
fn check_all(path: Path, time_major: bool) -> usize {
    let goldens = golden_files("torch").into_iter().map(|file| Golden::load(&file));
    let layers = goldens.filter(|golden| !golden.name.starts_with("train_"));
    layers.inspect(|golden| check(golden, path, time_major)).count()
}

/// One case: exactly the results that the file holds are compared, no fewer.
fn check(golden: &Golden, path: Path, time_major: bool) {
    let results = run(golden, path, time_major);
    let mut names: Vec<&str> = results.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let fed = ["d_output", "d_h_n", "d_c_n"];
    let is_result = |name: &&str| {
        ["output", "h_n", "c_n"].contains(name) || (name.starts_with("d_") && !fed.contains(name))
    };
    let expected: Vec<&str> = golden.names().into_iter().filter(is_result).collect();
    assert_eq!(names, expected, "{}: results", golden.name);
    for (name, found) in &results {
        let want: Vec<f64> = golden.tensor(name).reals();
        let (atol, rtol) = if name.starts_with("d_") { (1e-5, 1e-4) } else { (1e-6, 1e-5) };
        assert_close(&format!("{} on {path}: {name}", golden.name), found, &want, atol, rtol);
    }
}

type Results = Vec<(String, Vec<f32>)>;

/// Runs the case in a layer whose state has these parts, each with PyTorch's letter.
macro_rules! run {
    ($golden:expr, $path:expr, $time_major:expr, $layer:ident, $config:expr, $state:ident { $($part:ident: $letter:literal),+ }) => {{
        let golden: &Golden = $golden;
        let config = $config
            .layers(golden.size("num_layers"))
            .bias(golden.flag("bias"))
            .bidirectional(golden.flag("bidirectional"))
            .time_major($time_major);
        let mut layer = $layer::new(config, &mut rand_chacha::ChaCha8Rng::seed_from_u64(0)).unwrap();
        layer = layer.on_path($path).unwrap();
        assert_eq!(layer.path(), $path);
        let names: Vec<String> = layer.parameters().entries().iter().map(|e| e.name.clone()).collect();
        for name in &names {
            let values: Vec<f32> = golden.tensor(&format!("param.{name}")).reals();
            let id = layer.parameters().find(name).unwrap();
            layer.parameters_mut().value_mut(id).copy_from_slice(&values);
        }
        let turned = |array: Array3<f32>| if $time_major { array.permuted_axes([1, 0, 2]) } else { array };
        let lengths: Option<Vec<usize>> =
            golden.get("lengths").map(|t| t.integers().iter().map(|&v| v as usize).collect());
        let valid = lengths.as_ref().map_or(Valid::All, |lengths| Valid::Lengths(lengths));
        let initial = golden.get("h0").map(|_| $state { $($part: cube(golden, concat!($letter, "0"))),+ });
        let d_last = $state { $($part: cube(golden, concat!("d_", $letter, "_n"))),+ };
        let x = turned(cube(golden, "input"));
        let noise = Noise { seed: 0, step: 0, layer: 0 };
        let (output, last, cache) = layer.forward_train(x.view(), valid, initial.as_ref(), noise).unwrap();
        let d_output = turned(cube(golden, "d_output"));
        let (d_x, d_initial) = layer.backward(cache, d_output.view(), Some(&d_last)).unwrap();
        let mut results = vec![
            ("output".to_string(), flat(&turned(output))),
            ("d_input".to_string(), flat(&turned(d_x))),
        ];
        $(results.push((concat!($letter, "_n").into(), flat(&last.$part)));)+
        if initial.is_some() {
            $(results.push((concat!("d_", $letter, "0").into(), flat(&d_initial.$part)));)+
        }
        for name in names {
            let id = layer.parameters().find(&name).unwrap();
            results.push((format!("d_param.{name}"), layer.parameters().gradient(id).to_vec()));
        }
        results
    }};
}

fn run(golden: &Golden, path: Path, time_major: bool) -> Results {
    let (input, hidden) = (golden.size("input_size"), golden.size("hidden_size"));
    match (golden.word("kind"), golden.word("nonlinearity")) {
        (Some("RNN"), nonlinearity) => {
            let config = RnnConfig::new(input, hidden).relu(nonlinearity == Some("relu"));
            run!(golden, path, time_major, Rnn, config, HiddenState { hidden: "h" })
        }
        (Some("LSTM"), None) => {
            let mut config = LstmConfig::new(input, hidden);
            if golden.case.get("proj_size").is_some() {
                config = config.projection(golden.size("proj_size"));
            }
            run!(golden, path, time_major, Lstm, config, LstmState { hidden: "h", cell: "c" })
        }
        (Some("GRU"), None) => {
            run!(golden, path, time_major, Gru, GruConfig::new(input, hidden), HiddenState { hidden: "h" })
        }
        other => panic!("{}: no layer for {other:?}", golden.name),
    }
}

fn cube(golden: &Golden, name: &str) -> Array3<f32> {
    let tensor = golden.tensor(name);
    let [a, b, c] = tensor.shape[..] else { panic!("{}: {name} has not three axes", golden.name) };
    Array3::from_shape_vec((a, b, c), tensor.reals()).unwrap()
}

fn flat(array: &Array3<f32>) -> Vec<f32> {
    array.iter().copied().collect()
}
