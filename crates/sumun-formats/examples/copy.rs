//! Reads the tensors of a file and writes them as another: `copy FROM TO`, each named by its ending.

use std::collections::BTreeMap;
use std::error::Error;

use sumun_formats::{Tensors, npy, safetensors, torch};

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
        _ => torch::read(&bytes)?.root().tensors()?,
    })
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
