//! Models as source code: C is compiled and run beside the model, NumPy is looked at, and of graphs run.

mod c;
mod graphs;
mod numpy;

use std::process::Command;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sumun_nn::model::{Input, LayerConfig, Model, ModelConfig, RecurrentLayer};

fn model(input: Input, layers: Vec<LayerConfig>) -> Model {
    let mut config = ModelConfig::new(input);
    config.layers = layers;
    varied(config.build(5).unwrap())
}

/// Other weights than the zeros and ones that biases and statistics begin with.
fn varied(mut model: Model) -> Model {
    // None of them symmetric around 0.
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    model.parameters_mut().values_mut().iter_mut().for_each(|v| *v = *v * 1.3 + rng.random_range(-0.2..0.3));
    model
}

fn numbers(features: usize, layers: Vec<LayerConfig>) -> Model {
    model(Input::numbers(features), layers)
}

fn steps(layer: RecurrentLayer) -> LayerConfig {
    layer.return_sequences(true).into()
}

/// A header compiled with a program that includes it as `net.h`, ready to run; it is there as long as its folder. None where there is
/// no compiler.
fn compile(source: &str, program: &str) -> Option<(tempfile::TempDir, Command)> {
    if Command::new("cc").arg("--version").output().is_err() {
        eprintln!("there is no cc: the C source was not compiled");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("net.h"), source).unwrap();
    std::fs::write(folder.path().join("main.c"), program).unwrap();
    // Where the portable path fuses its multiply-adds, so does C.
    let fused = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
    let compiled = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2", "-ffp-contract=off"])
        .args(if fused { vec!["-DNET_FUSED", "-march=native"] } else { Vec::new() })
        .args(["main.c", "-o", "main", "-lm"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}\n{source}", String::from_utf8_lossy(&compiled.stderr));
    let command = Command::new(folder.path().join("main"));
    Some((folder, command))
}
