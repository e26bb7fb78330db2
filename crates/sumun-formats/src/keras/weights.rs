//! The weights of a model, by layer.

use std::collections::HashMap;

use super::FORMAT;
use super::architecture::Architecture;
use crate::error::{Error, Result, quoted};
use crate::tensor::{Tensor, Tensors};

/// The weights of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Weights {
    /// By path: `layers/lstm/cell/vars/0`, of classes counted in the order of the layers (`.keras`, `.weights.h5`). The second
    /// is the layer's own name, where the file says it, by the path of its group.
    Paths(Tensors, HashMap<String, String>),
    /// By layer, by its name, in the order of the layer (`.h5`).
    Layers(Vec<SavedLayer>),
}

/// The weights of a layer of a file, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedLayer {
    /// The layer's name.
    pub name: String,
    /// Each weight by its name: `lstm_1/kernel:0`.
    pub weights: Vec<(String, Tensor)>,
}

/// The weights of one layer, to be written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerWeights {
    /// Those of each part.
    pub parts: Vec<Part>,
}

/// The weights of a part of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Where it is in the layer: empty of the layer itself, `forward_layer/cell`.
    pub path: String,
    /// Each weight, in order, by Keras' name for it: `kernel`.
    pub arrays: Vec<(String, Tensor)>,
}

/// Where the weights of a layer are, of which no more than there are can be taken, and which must all be.
#[derive(Debug)]
pub struct Taken<'a> {
    weights: &'a Weights,
    layer: &'a str,
    at: At<'a>,
}

#[derive(Debug)]
enum At<'a> {
    /// The path of the layer, and how many have been taken of how many.
    Path { prefix: String, taken: usize, of: usize },
    /// What is left.
    List(std::slice::Iter<'a, (String, Tensor)>),
}

/// Weights that are no layer's own: the state of a generator of random numbers.
fn is_state(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with("seed_generator"))
}

impl Weights {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Paths(tensors, _) => tensors.len(),
            Self::Layers(layers) => layers.iter().map(|layer| layer.weights.len()).sum(),
        }
    }

    /// For each layer of a model, where its weights are.
    pub fn of<'a>(&'a self, architecture: &'a Architecture) -> Result<Vec<Taken<'a>>> {
        match self {
            Self::Paths(tensors, _) => {
                let mut counts: HashMap<String, usize> = HashMap::new();
                for (path, _) in tensors.iter().filter(|(path, _)| !is_state(path)) {
                    *counts.entry(layer_of(path).into()).or_default() += 1;
                }
                let mut seen: HashMap<String, usize> = HashMap::new();
                let mut taken = Vec::with_capacity(architecture.layers.len());
                for layer in &architecture.layers {
                    let prefix = format!("layers/{}", numbered(&snake(&layer.class), &mut seen));
                    let of = counts.remove(&prefix).unwrap_or(0);
                    taken.push(Taken {
                        weights: self,
                        layer: &layer.name,
                        at: At::Path { prefix, taken: 0, of },
                    });
                }
                match counts.keys().min() {
                    None => Ok(taken),
                    Some(extra) => Err(Error::damaged(
                        FORMAT,
                        format!("the weights at {} are of no layer of its configuration", quoted(extra)),
                    )),
                }
            }
            Self::Layers(layers) => {
                let mut lists: HashMap<&str, &[(String, Tensor)]> =
                    layers.iter().map(|layer| (layer.name.as_str(), layer.weights.as_slice())).collect();
                let mut taken = Vec::with_capacity(architecture.layers.len());
                for layer in &architecture.layers {
                    let list = lists.remove(layer.name.as_str()).unwrap_or_default();
                    taken.push(Taken { weights: self, layer: &layer.name, at: At::List(list.iter()) });
                }
                match lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, _)| name).min() {
                    None => Ok(taken),
                    Some(extra) => Err(Error::damaged(
                        FORMAT,
                        format!("the weights of {} are of no layer of its configuration", quoted(extra)),
                    )),
                }
            }
        }
    }
}

impl<'a> Taken<'a> {
    /// The next `count` weights, those of the part at `path` where the file has paths. Error: there are fewer.
    pub fn next(&mut self, path: &str, count: usize) -> Result<Vec<&'a Tensor>> {
        let layer = self.layer;
        let missing = |what: String| {
            Error::damaged(FORMAT, format!("the layer {} has no weight {what}", quoted(layer)))
        };
        (0..count)
            .map(|index| match (&mut self.at, self.weights) {
                (At::Path { prefix, taken, .. }, Weights::Paths(tensors, _)) => {
                    let slash = if path.is_empty() { "" } else { "/" };
                    let name = format!("{prefix}{slash}{path}/vars/{index}");
                    *taken += 1;
                    tensors.get(&name).ok_or_else(|| missing(quoted(&name)))
                }
                (At::List(list), _) => {
                    let next = list.find(|(name, _)| !is_state(name));
                    next.map(|(_, tensor)| tensor).ok_or_else(|| missing(format!("number {}", index + 1)))
                }
                (At::Path { .. }, Weights::Layers(_)) => Err(missing(format!("number {}", index + 1))),
            })
            .collect()
    }

    /// Error: the layer has more weights than were taken.
    pub fn finish(self) -> Result<()> {
        let left = match self.at {
            At::Path { taken, of, .. } => of.saturating_sub(taken),
            At::List(list) => list.filter(|(name, _)| !is_state(name)).count(),
        };
        match left {
            0 => Ok(()),
            left => {
                let what = format!(
                    "the layer {} has {left} weights more than its settings tell of",
                    quoted(self.layer)
                );
                Err(Error::damaged(FORMAT, what))
            }
        }
    }
}

/// The part of a path that is a layer's: `layers/lstm`.
pub(super) fn layer_of(path: &str) -> &str {
    match path.match_indices('/').nth(1) {
        Some((end, _)) => &path[..end],
        None => path,
    }
}

/// A name with the number of those before it that were the same: `lstm`, `lstm_1`.
pub(super) fn numbered(name: &str, seen: &mut HashMap<String, usize>) -> String {
    let count = seen.entry(name.into()).or_default();
    *count += 1;
    match *count {
        1 => name.into(),
        count => format!("{name}_{}", count - 1),
    }
}

/// Where parts of these classes are among the others: each class as paths write it, with the number of those before it.
pub fn places<'a>(classes: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut seen = HashMap::new();
    classes.into_iter().map(|class| numbered(&snake(class), &mut seen)).collect()
}

/// A class as paths write it: `TimeDistributed` is `time_distributed`, `GRU` `gru`, `Conv1D` `conv1d`.
pub(super) fn snake(class: &str) -> String {
    // As Keras has it: a capital begins a word where a lower-case letter or a digit is before it, or one that is part of a
    // capitalised word where any letter is.
    let letters: Vec<char> = class.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut snake = String::new();
    for (k, &c) in letters.iter().enumerate() {
        let before = k.checked_sub(1).map(|k| letters[k]);
        let after = letters.get(k + 1);
        let starts_word = c.is_uppercase() && after.is_some_and(|c| c.is_lowercase()) && before.is_some();
        let follows_lower = c.is_uppercase() && before.is_some_and(|c| c.is_lowercase());
        if starts_word || follows_lower {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}
