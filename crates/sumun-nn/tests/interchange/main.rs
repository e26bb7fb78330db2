//! Models of other programs in and out.

mod apply;
mod audio;
mod keras;
mod onnx;
mod pairs;
mod source;
mod torch_files;
mod weights;

use sumun_formats::{Data, ElementType, Tensor, Tensors};

/// A tensor of small numbers that differ from each other.
fn tensor(shape: &[usize], seed: usize) -> Tensor {
    let count: usize = shape.iter().product();
    let value = |index: usize| ((index * 7 + seed * 5) % 23) as f32 / 23.0 - 0.5;
    Tensor::f32(shape.to_vec(), (0..count).map(value).collect()).unwrap()
}

fn integers(shape: &[usize], values: &[i64]) -> Tensor {
    Tensor::new(ElementType::I64, shape.to_vec(), Data::I64(values.to_vec()), "test").unwrap()
}

fn tensors(list: &[(&str, Tensor)]) -> Tensors {
    let mut tensors = Tensors::new();
    for (name, tensor) in list {
        tensors.insert((*name).to_owned(), tensor.clone(), "test").unwrap();
    }
    tensors
}

/// Weights of those names and shapes.
fn weights(list: &[(&str, &[usize])]) -> Tensors {
    let list: Vec<(&str, Tensor)> =
        list.iter().enumerate().map(|(seed, (name, shape))| (*name, tensor(shape, seed))).collect();
    tensors(&list)
}
