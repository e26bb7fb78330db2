//! Runs an ONNX graph as a model, and writes the model as a graph again.
//!
//! ```sh
//! cargo run --release -p sumun-nn --features interchange --example onnx -- apply model.onnx in.safetensors out.safetensors
//! cargo run --release -p sumun-nn --features interchange --example onnx -- write model.onnx again.onnx
//! ```
//!
//! `benches/interchange_onnx.py` holds both against PyTorch and ONNX Runtime.

use std::collections::BTreeMap;
use std::error::Error;

use sumun_formats::{Tensors, onnx, safetensors};
use sumun_nn::interchange::onnx::{OnnxOptions, read, write};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let import = |file: &str| -> Result<_, Box<dyn Error>> { Ok(read(&onnx::read(&std::fs::read(file)?)?)?) };
    match arguments[..] {
        ["apply", model, input, output] => {
            let import = import(model)?;
            import.notes.iter().for_each(|note| eprintln!("note: {note}"));
            eprintln!("{}", import.model.summary());
            let inputs = safetensors::read(&std::fs::read(input)?)?.tensors;
            let outputs = import.apply(&inputs, &Tensors::new())?;
            std::fs::write(output, safetensors::write(&outputs, &BTreeMap::new())?)?;
        }
        ["write", model, output, ref options @ ..] => {
            let options = OnnxOptions {
                lengths: options.contains(&"lengths"),
                states: options.contains(&"states"),
                scores: false,
            };
            std::fs::write(output, onnx::write(&write(&import(model)?.model, options)?))?;
        }
        _ => return Err("usage: apply MODEL INPUT OUTPUT | write MODEL OUTPUT [lengths] [states]".into()),
    }
    Ok(())
}
