//! Every golden file with a byte changed or its end cut off: an error of one line or a file, never a panic.

use std::path::PathBuf;

use sumun_formats::{Result, audio, npy, onnx, safetensors, torch};
use sumun_testing::{Random, golden_files_of};

fn read(path: &std::path::Path, bytes: &[u8]) -> Result<()> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => safetensors::read(bytes).map(drop),
        Some("pt") => torch::read(bytes).and_then(|checkpoint| checkpoint.root().tensors().map(drop)),
        Some("npy") => npy::read(bytes).map(drop),
        Some("npz") => npy::read_archive(bytes).map(drop),
        Some("onnx") => onnx::read(bytes).map(drop),
        Some("json" | "nam") => audio::read(bytes).map(drop),
        other => panic!("{other:?}"),
    }
}

/// Changes bytes among the first `dense` (headers, pickles) and as many anywhere.
fn damage(path: &std::path::Path, bytes: &[u8], dense: usize, times: usize) {
    read(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let check = |bytes: &[u8], place: usize| {
        if let Err(error) = read(path, bytes) {
            let text = error.to_string();
            let is_line = !text.contains(char::is_control) && text.chars().count() < 600;
            assert!(is_line, "{}, byte {place}: {text:?}", path.display());
        }
    };
    let mut random = Random::new(bytes.len() as u64);
    let mut changed = bytes.to_vec();
    for time in 0..times {
        let end = if time % 2 == 0 { dense.min(bytes.len()) } else { bytes.len() };
        let place = random.below(end);
        let change = [1, 2, 0x10, 0x80, 0xff][random.below(5)];
        changed[place] ^= change;
        check(&changed, place);
        changed[place] ^= change;
        check(&bytes[..place], place);
    }
}

fn each(source: &str, extension: &str, dense: usize, times: usize) {
    let files: Vec<PathBuf> = golden_files_of(source, extension);
    for path in files {
        damage(&path, &std::fs::read(&path).unwrap(), dense, times);
    }
}

#[test]
fn files_of_pytorch() {
    each("torch_files", "pt", 3000, 300);
    // These have no checksums, so that a changed pickle is read as one.
    for path in golden_files_of("torch_files", "pt") {
        if path.to_str().unwrap().contains("legacy") {
            damage(&path, &std::fs::read(&path).unwrap(), 4000, 2000);
        }
    }
}

#[test]
fn files_of_others() {
    each("torch_files", "safetensors", 1000, 200);
    each("numpy", "npz", 1000, 200);
    each("numpy", "npy", 128, 200);
    each("onnx_models", "onnx", 200, 200);
}

#[test]
fn models_in_json() {
    let rtneural = r#"{"in_shape":[null,1],"in_skip":1,"layers":[{"type":"conv1d","activation":"","shape":[null,2],
        "kernel_size":[1],"dilation":[1],"weights":[[[[1,2]]],[0,-1e-3]]},{"type":"gru","activation":"tanh",
        "shape":[null,1],"weights":[[[1,2,3],[4,5,6]],[[1,2,3]],[[1,2,3],[4,5,6]]]}]}"#;
    let guitarml = r#"{"model_data":{"model":"SimpleRNN","input_size":1,"skip":1,"output_size":1,"unit_type":"LSTM",
        "num_layers":1,"hidden_size":1,"bias_fl":true},"state_dict":{"lin.weight":[[0.5]],"lin.bias":[1]}}"#;
    let nam = r#"{"version":"0.5.1","architecture":"LSTM","config":{"input_size":1,"hidden_size":1,"num_layers":1},
        "weights":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}"#;
    for text in [rtneural, guitarml, nam, r#"{"weight":[[1,2],[3,4]],"bias":[0]}"#] {
        damage(std::path::Path::new("model.json"), text.as_bytes(), text.len(), 3000);
    }
}
