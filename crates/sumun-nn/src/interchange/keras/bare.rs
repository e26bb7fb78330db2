//! Weights without a configuration: layers by the names and shapes of their weights, as modules of a state dict.

use std::collections::{BTreeMap, HashMap};

use sumun_formats::keras::Weights;
use sumun_formats::{Tensor, Tensors};

use super::super::layouts::{expect, transposed};
use super::super::{Import, weights};
use super::recurrent;
use crate::error::quoted;
use crate::model::{Biases, ModelConfig, RecurrentLayer};
use crate::nn::CellKind;
use crate::{Error, Result};

/// The weights of one layer, or of one direction of it, by Keras' names for them.
type Group<'a> = BTreeMap<&'static str, &'a Tensor>;

/// A layer of the file: its name, and each of its groups by its place.
type Layers<'a> = Vec<(String, Vec<(String, Group<'a>)>)>;

/// What an architecture wants of its layers' weights, by layer.
type Wanted = HashMap<String, BTreeMap<String, Vec<usize>>>;

/// The model that the weights alone tell of.
pub(super) fn of_weights(saved: &Weights) -> Result<Import> {
    let mut import = weights::of_weights(&tensors(saved, None)?)?;
    import.notes.insert(0, "the file has weights alone; Keras' defaults were taken for the rest".into());
    Ok(import)
}

/// The weights as those of an architecture.
pub(super) fn of_weights_with(saved: &Weights, architecture: ModelConfig) -> Result<Import> {
    let wanted = architecture.weights()?.into_iter().collect();
    weights::of_weights_with(&tensors(saved, Some((&architecture, &wanted)))?, architecture)
}

/// The weights by PyTorch's names.
fn tensors(saved: &Weights, architecture: Option<(&ModelConfig, &Wanted)>) -> Result<Tensors> {
    let mut found = Tensors::new();
    for (name, groups) in &grouped(saved)? {
        let mut insert = |leaf: &str, shape: Vec<usize>, values: Vec<f32>| -> Result<()> {
            let name = format!("{}.{leaf}", name.replace(char::is_whitespace, "_"));
            Ok(found.insert(name, Tensor::f32(shape, values)?, "Keras file")?)
        };
        match groups.as_slice() {
            [] => {}
            [(_, group)] if !group.contains_key("recurrent_kernel") => {
                plain(name, group, architecture.is_some(), &mut insert)?;
            }
            [_] | [_, _] => {
                for ((_, group), suffix) in groups.iter().zip(["", "_reverse"]) {
                    stack(name, group, suffix, architecture, &mut insert)?;
                }
            }
            _ => return Err(untold(name, "it has several cells")),
        }
    }
    Ok(found)
}

fn untold(name: &str, why: &str) -> Error {
    Error::Model(format!(
        "the weights of {}: {why}; save the whole model, or give the architecture",
        quoted(name)
    ))
}

/// A layer that is not recurrent.
fn plain(
    name: &str,
    group: &Group<'_>,
    has_architecture: bool,
    insert: &mut impl FnMut(&str, Vec<usize>, Vec<f32>) -> Result<()>,
) -> Result<()> {
    let as_is = |what: &str| -> Result<(Vec<usize>, Vec<f32>)> {
        let tensor = group[what];
        Ok((tensor.shape().to_vec(), expect(name, what, tensor, tensor.shape())?))
    };
    let has =
        |names: &[&str]| group.len() == names.len() && names.iter().all(|name| group.contains_key(name));
    let mut copy = |pairs: &[(&str, &str)]| -> Result<()> {
        for (what, leaf) in pairs {
            let (shape, values) = as_is(what)?;
            insert(leaf, shape, values)?;
        }
        Ok(())
    };
    if has(&["embeddings"]) {
        return copy(&[("embeddings", "weight")]);
    }
    if has(&["gamma", "beta", "moving_mean", "moving_variance"]) || has(&["gamma", "beta"]) {
        if !has_architecture {
            return Err(untold(name, "they do not say the ε of a normalisation"));
        }
        copy(&[("gamma", "weight"), ("beta", "bias")])?;
        return match group.len() {
            4 => copy(&[("moving_mean", "running_mean"), ("moving_variance", "running_var")]),
            _ => Ok(()),
        };
    }
    if !(has(&["kernel"]) || has(&["kernel", "bias"])) {
        return Err(untold(name, "they are of no layer that is known by its weights"));
    }
    let (shape, values) = as_is("kernel")?;
    match *shape.as_slice() {
        [inputs, units] => insert("weight", vec![units, inputs], transposed(&values, inputs, units))?,
        [kernel, inputs, units] => {
            let by_unit = transposed(&values, kernel.saturating_mul(inputs), units);
            let turned =
                by_unit.chunks((kernel * inputs).max(1)).flat_map(|unit| transposed(unit, kernel, inputs));
            insert("weight", vec![units, inputs, kernel], turned.collect())?;
        }
        _ => return Err(untold(name, "their kernel is of no layer here")),
    }
    if group.contains_key("bias") {
        let (shape, values) = as_is("bias")?;
        insert("bias", shape, values)?;
    }
    Ok(())
}

/// One direction of a recurrent layer.
fn stack(
    name: &str,
    group: &Group<'_>,
    suffix: &str,
    architecture: Option<(&ModelConfig, &Wanted)>,
    insert: &mut impl FnMut(&str, Vec<usize>, Vec<f32>) -> Result<()>,
) -> Result<()> {
    let (Some(kernel), Some(recurrent)) = (group.get("kernel"), group.get("recurrent_kernel")) else {
        return Err(untold(name, "they are of no recurrent layer"));
    };
    let (&[inputs, _], &[units, rows]) = (kernel.shape(), recurrent.shape()) else {
        return Err(untold(name, "their kernels are of no recurrent layer"));
    };
    let bias = group.get("bias").map(|bias| bias.shape());
    let is_two = |bias: &&[usize]| matches!(bias, [one] if *one == rows.saturating_mul(2));
    let is_cudnn = bias.as_ref().is_some_and(is_two);
    let named = architecture.and_then(|(config, _)| {
        let layers =
            config.layers.iter().filter_map(|layer| Some((layer.name()?, layer.get::<RecurrentLayer>()?)));
        layers.into_iter().find(|(own, _)| *own == name).map(|(_, layer)| layer.cell)
    });
    let cell = match rows.checked_div(units) {
        Some(1) => CellKind::RnnTanh,
        Some(4) => CellKind::Lstm,
        Some(3) => match (bias, named) {
            (Some([2, _]), _) => CellKind::Gru,
            _ if is_cudnn => CellKind::Gru,
            (_, Some(cell)) => cell,
            (Some([_]), None) if architecture.is_some() => CellKind::GruResetBefore,
            (None, None) if architecture.is_some() => CellKind::Gru,
            _ => return Err(untold(name, "they do not say where the reset gate of the GRU is")),
        },
        _ => return Err(untold(name, "their kernels are of no recurrent layer")),
    };
    let mut layer = RecurrentLayer::new(cell, units);
    layer.biases = if bias.is_some() { Biases::One } else { Biases::None };
    let tensors: Vec<&Tensor> =
        ["kernel", "recurrent_kernel", "bias"].iter().filter_map(|part| group.get(part).copied()).collect();
    let found = recurrent::weights(name, &layer, is_cudnn, &tensors, inputs)?;
    let has_hidden = found.iter().any(|(leaf, ..)| *leaf == "bias_hh");
    // An architecture says how many biases there are; names and shapes of PyTorch's modules have two.
    let two = match architecture {
        Some((_, wanted)) => {
            wanted.get(name).is_some_and(|weights| weights.contains_key(&format!("bias_hh_l0{suffix}")))
        }
        None => true,
    };
    let zeros = (!has_hidden && two && bias.is_some()).then(|| ("bias_hh", vec![rows], vec![0.0; rows]));
    for (leaf, shape, values) in found.into_iter().chain(zeros) {
        insert(&format!("{leaf}_l0{suffix}"), shape, values)?;
    }
    Ok(())
}

/// The layers with weights, each with its groups, that of the forward direction first.
fn grouped(saved: &Weights) -> Result<Layers<'_>> {
    let mut layers: Layers<'_> = Vec::new();
    match saved {
        Weights::Layers(list) => {
            for layer in list {
                let mut groups = Vec::new();
                for (name, tensor) in &layer.weights {
                    let (place, leaf) = name.rsplit_once('/').unwrap_or(("", name));
                    let leaf = leaf.split(':').next().unwrap_or_default();
                    let Some(leaf) = LEAVES.into_iter().find(|known| *known == leaf) else {
                        return Err(untold(&layer.name, &format!("{} is none that is known", quoted(name))));
                    };
                    add(&mut groups, place, leaf, tensor);
                }
                layers.push((layer.name.clone(), groups));
            }
        }
        Weights::Paths(tensors, names) => {
            for (path, tensor) in tensors.iter() {
                // `layers/lstm_1/cell/vars/0`.
                let mut parts = path.splitn(3, '/').skip(1);
                let (Some(layer), Some(rest)) = (parts.next(), parts.next()) else { continue };
                let Some((place, index)) = rest.rsplit_once("vars/") else { continue };
                if place.contains("seed_generator") {
                    continue;
                }
                let leaf = index.parse().ok().and_then(|index: usize| leaves(layer).get(index));
                let Some(&leaf) = leaf else {
                    return Err(untold(layer, &format!("{} is none that is known", quoted(path))));
                };
                let name = names.get(&format!("layers/{layer}")).map_or(layer, String::as_str);
                let known = layers.iter().position(|(own, _)| own == name);
                let at = known.unwrap_or_else(|| {
                    layers.push((name.to_owned(), Vec::new()));
                    layers.len() - 1
                });
                // Backward comes before forward in the alphabet.
                add(&mut layers[at].1, place, leaf, tensor);
                layers[at].1.sort_by_key(|(place, _)| place.starts_with("backward"));
            }
        }
    }
    Ok(layers)
}

fn add<'a>(groups: &mut Vec<(String, Group<'a>)>, place: &str, leaf: &'static str, tensor: &'a Tensor) {
    match groups.iter_mut().find(|(own, _)| own == place) {
        Some((_, group)) => {
            group.insert(leaf, tensor);
        }
        None => groups.push((place.to_owned(), BTreeMap::from([(leaf, tensor)]))),
    }
}

/// The names of weights.
const LEAVES: [&str; 8] =
    ["kernel", "recurrent_kernel", "bias", "embeddings", "gamma", "beta", "moving_mean", "moving_variance"];

/// The weights of a layer in their order, by its class as paths write it.
fn leaves(layer: &str) -> &'static [&'static str] {
    let end = layer.rfind('_').filter(|&at| layer[at + 1..].bytes().all(|byte| byte.is_ascii_digit()));
    match &layer[..end.unwrap_or(layer.len())] {
        "embedding" => &["embeddings"],
        "dense" | "conv1d" | "time_distributed" => &["kernel", "bias"],
        "simple_rnn" | "lstm" | "gru" | "bidirectional" | "rnn" => &["kernel", "recurrent_kernel", "bias"],
        "batch_normalization" => &["gamma", "beta", "moving_mean", "moving_variance"],
        "layer_normalization" => &["gamma", "beta"],
        _ => &[],
    }
}
