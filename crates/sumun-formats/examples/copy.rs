//! Reads the tensors of a file and writes them as another: `copy FROM TO`, each named by its ending.

use std::collections::BTreeMap;
use std::error::Error;

use sumun_formats::audio::{self, Document};
use sumun_formats::{Tensors, npy, onnx, safetensors, torch};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = &arguments[..] else { return Err("copy FROM TO".into()) };
    let tensors = read(from)?;
    for (name, tensor) in tensors.iter() {
        println!("{name}: {} {:?}", tensor.element().name(), tensor.shape());
    }
    std::fs::write(to, write(to, &tensors)?)?;
    Ok(())
}

fn read(path: &str) -> Result<Tensors, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    Ok(match ending(path) {
        "safetensors" => safetensors::read(&bytes)?.tensors,
        "npz" => npy::read_archive(&bytes)?,
        "onnx" => {
            let mut tensors = Tensors::new();
            for (name, tensor) in onnx::read(&bytes)?.graph.constants {
                tensors.insert(name, tensor, "copy")?;
            }
            tensors
        }
        "json" | "nam" => of_audio(audio::read(&bytes)?)?,
        _ => torch::read(&bytes)?.root().tensors()?,
    })
}

/// The weights of a model in JSON, by layer.
fn of_audio(document: Document) -> Result<Tensors, Box<dyn Error>> {
    let mut tensors = Tensors::new();
    match document {
        Document::RtNeural(model) => {
            for (position, layer) in model.layers.into_iter().enumerate() {
                for (place, tensor) in layer.weights.into_iter().enumerate() {
                    tensors.insert(format!("{position}.{}.{place}", layer.kind.name()), tensor, "copy")?;
                }
            }
        }
        Document::Nam(model) => {
            for (position, layer) in model.layers.into_iter().enumerate() {
                let parts = [
                    ("weight", layer.weight),
                    ("bias", layer.bias),
                    ("hidden", layer.hidden),
                    ("cell", layer.cell),
                ];
                for (name, tensor) in parts {
                    tensors.insert(format!("{position}.{name}"), tensor, "copy")?;
                }
            }
            tensors.insert("head.weight".into(), model.head_weight, "copy")?;
            tensors.insert("head.bias".into(), model.head_bias, "copy")?;
        }
        Document::GuitarMl(model) => tensors = model.tensors,
        Document::StateDict(weights) => tensors = weights,
        _ => return Err("this kind of model is not copied".into()),
    }
    Ok(tensors)
}

fn write(path: &str, tensors: &Tensors) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(match ending(path) {
        "safetensors" => safetensors::write(tensors, &BTreeMap::new())?,
        "npz" => npy::write_archive(tensors)?,
        "pt" | "pth" => torch::write(tensors)?,
        other => return Err(format!("no tensors can be written as .{other}").into()),
    })
}

fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, ending)| ending)
}
