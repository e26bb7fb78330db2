//! An encoder and a decoder by the short names that programs without modules give their weights: `enc_emb`, `enc_w_ih`,
//! `enc_w_hh`, `enc_b_ih`, `enc_b_hh`, the same of `dec`, and a head `fc_w`, `fc_b` (g2p-en's `checkpoint20.npz`).

use std::collections::HashSet;

use sumun_formats::{Tensor, Tensors};

use super::Import;
use crate::error::quoted;
use crate::model::{
    Biases, DenseLayer, EmbeddingLayer, Input, LayerConfig, ModelConfig, NamedTensor, RecurrentLayer,
};
use crate::nn::CellKind;
use crate::{Error, Result};

/// What both halves are called.
const NAMES: [[&str; 2]; 2] = [["enc", "dec"], ["encoder", "decoder"]];

/// The inputs of the model.
const INPUTS: [&str; 2] = ["source", "target"];

/// One half: a recurrent layer, and the table that it reads ids of.
struct Half<'t> {
    name: &'static str,
    cell: CellKind,
    input: usize,
    hidden: usize,
    table: Option<&'t Tensor>,
    weights: Vec<(&'static str, &'t Tensor)>,
}

/// An affine map: its name, weight and bias.
type Head<'t> = (&'t str, &'t Tensor, Option<&'t Tensor>);

/// The pair that the names tell of; None of other names. Errors: shapes that do not fit, and tensors that are of neither half.
pub(super) fn pair(tensors: &Tensors) -> Result<Option<Import>> {
    let is_pair = |[first, second]: &[&str; 2]| {
        [first, second].iter().all(|name| tensors.get(&format!("{name}_w_ih")).is_some())
    };
    let Some(names) = NAMES.iter().find(|names| is_pair(names)) else { return Ok(None) };
    let mut used = HashSet::new();
    let [encoder, decoder] = names.map(|name| half(tensors, name, &mut used));
    let (encoder, decoder) = (encoder?, decoder?);
    if encoder.hidden != decoder.hidden || encoder.cell != decoder.cell {
        return Err(Error::Model(format!(
            "its decoder cannot begin with the last state of its encoder: {} units and {}",
            decoder.hidden, encoder.hidden
        )));
    }
    let head = head(tensors, decoder.hidden, &mut used)?;
    if let Some((name, tensor)) = tensors.iter().find(|(name, _)| !used.contains(*name)) {
        return Err(Error::Model(format!(
            "has {} {:?} beside an encoder and a decoder; no layer can be told from its name: give the architecture",
            quoted(name),
            tensor.shape()
        )));
    }
    let mut config = ModelConfig::empty();
    let mut weights = Vec::new();
    for (half, input) in [&encoder, &decoder].into_iter().zip(INPUTS) {
        let is_decoder = half.name == decoder.name;
        let read = match half.table {
            None => {
                config.inputs.insert(input.into(), Input::numbers(half.input));
                input.to_owned()
            }
            Some(table) => {
                config.inputs.insert(input.into(), Input::ids(table.shape()[0]));
                let name = format!("{}_emb", half.name);
                config.layers.push(EmbeddingLayer::new(half.input).name(name.clone()).from(input).into());
                weights.push(named(format!("{name}.weight"), table)?);
                name
            }
        };
        let is_biased = half.weights.iter().any(|(name, _)| name.starts_with("bias"));
        let mut layer = RecurrentLayer::new(half.cell, half.hidden)
            .biases(if is_biased { Biases::Two } else { Biases::None })
            .return_sequences(is_decoder)
            .name(half.name)
            .from(read.as_str());
        if is_decoder {
            layer = layer.initial(encoder.name);
        }
        config.layers.push(LayerConfig::from(layer));
        for (name, tensor) in &half.weights {
            weights.push(named(format!("{}.{name}", half.name), tensor)?);
        }
    }
    if let Some((name, weight, bias)) = head {
        let dense = DenseLayer::new(weight.shape()[0]).bias(bias.is_some()).name(name);
        config.layers.push(dense.from(decoder.name).into());
        weights.push(named(format!("{name}.weight"), weight)?);
        if let Some(bias) = bias {
            weights.push(named(format!("{name}.bias"), bias)?);
        }
    }
    let (reads, begins) = (INPUTS[1], encoder.name);
    let notes = vec![
        format!(
            "assumed from the names: the decoder begins with the last state of {begins} and reads {reads}, which are the \
             outputs so far behind a first id"
        ),
        "names and shapes of weights do not say: the order of gates and where the reset gate is (PyTorch's were taken), \
         and what follows the head (nothing was taken)"
            .into(),
    ];
    Import::of(config, &weights, notes).map(Some)
}

fn half<'t>(tensors: &'t Tensors, name: &'static str, used: &mut HashSet<String>) -> Result<Half<'t>> {
    let mut find = |leaf: &str| {
        let full = format!("{name}_{leaf}");
        let tensor = tensors.get(&full);
        if tensor.is_some() {
            used.insert(full);
        }
        tensor
    };
    let found =
        [("weight_ih_l0", "w_ih"), ("weight_hh_l0", "w_hh"), ("bias_ih_l0", "b_ih"), ("bias_hh_l0", "b_hh")];
    let weights: Vec<(&str, &Tensor)> =
        found.into_iter().filter_map(|(full, leaf)| Some((full, find(leaf)?))).collect();
    let table = find("emb");
    let shape = |leaf: &str| weights.iter().find(|(name, _)| *name == leaf).map(|(_, tensor)| tensor.shape());
    let wrong = || {
        let shapes: Vec<String> =
            weights.iter().map(|(leaf, tensor)| format!("{leaf} {:?}", tensor.shape())).collect();
        Error::Model(format!("{} is no recurrent layer: it has {}", quoted(name), shapes.join(", ")))
    };
    let (Some(&[rows, input]), Some(&[hidden_rows, hidden])) = (shape("weight_ih_l0"), shape("weight_hh_l0"))
    else {
        return Err(wrong());
    };
    let cell = match rows.checked_div(hidden) {
        Some(1) => CellKind::RnnTanh,
        Some(3) => CellKind::Gru,
        Some(4) => CellKind::Lstm,
        _ => return Err(wrong()),
    };
    let biases = ["bias_ih_l0", "bias_hh_l0"].map(shape);
    let fits_biases = biases == [None, None] || biases == [Some(&[rows][..]); 2];
    let fits_table = table.is_none_or(|table| matches!(*table.shape(), [_, features] if features == input));
    match hidden_rows == rows && rows % hidden == 0 && fits_biases && fits_table {
        true => Ok(Half { name, cell, input, hidden, table, weights }),
        false => Err(wrong()),
    }
}

/// The affine map behind the decoder: its name, weight and bias.
fn head<'t>(tensors: &'t Tensors, hidden: usize, used: &mut HashSet<String>) -> Result<Option<Head<'t>>> {
    let mut maps = tensors.iter().filter(|(name, _)| !used.contains(*name) && name.ends_with("_w"));
    let Some((full, weight)) = maps.next() else { return Ok(None) };
    let name = &full[..full.len() - 2];
    let bias_name = format!("{name}_b");
    let bias = tensors.get(&bias_name);
    let &[units, inputs] = weight.shape() else {
        return Err(Error::Model(format!("{} has the shape {:?}", quoted(full), weight.shape())));
    };
    if inputs != hidden || bias.is_some_and(|bias| bias.shape() != [units]) {
        return Err(Error::Model(format!(
            "{} {:?} does not fit the {hidden} units of the decoder",
            quoted(full),
            weight.shape()
        )));
    }
    drop(maps);
    used.insert(full.to_owned());
    if bias.is_some() {
        used.insert(bias_name);
    }
    Ok(Some((name, weight, bias)))
}

fn named(name: String, tensor: &Tensor) -> Result<NamedTensor> {
    Ok(NamedTensor::new(name, tensor.shape(), tensor.to_f32()?))
}
