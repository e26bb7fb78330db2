//! The weights of a model, by layer.

use std::collections::HashMap;

use super::architecture::{Architecture, FORMAT};
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

/// Where the weights of a layer are, of which no more than there are can be taken, and which must all be. A layer that is
/// used several times has its weights taken anew by a clone for each use.
#[derive(Debug, Clone)]
pub struct Taken<'a> {
    weights: &'a Weights,
    layer: &'a str,
    at: At<'a>,
}

#[derive(Debug, Clone)]
enum At<'a> {
    /// The layer's path, what there is below it, and how many have been taken.
    Path { prefix: String, names: Vec<&'a str>, taken: usize },
    /// All of them in order, and how many have been taken.
    List { all: Vec<&'a (String, Tensor)>, taken: usize },
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

    /// How many numbers there are in all of them.
    pub fn numbers(&self) -> usize {
        let count = |tensor: &Tensor| tensor.shape().iter().product::<usize>();
        match self {
            Self::Paths(tensors, _) => tensors.iter().map(|(_, tensor)| count(tensor)).sum(),
            Self::Layers(layers) => {
                layers.iter().flat_map(|layer| &layer.weights).map(|(_, tensor)| count(tensor)).sum()
            }
        }
    }

    /// For each layer of a model, where its weights are.
    pub fn of<'a>(&'a self, architecture: &'a Architecture) -> Result<Vec<Taken<'a>>> {
        match self {
            Self::Paths(tensors, _) => {
                let names = tensors.iter().map(|(path, _)| path).filter(|path| !is_state(path));
                self.by_path(architecture, "layers", names.collect())
            }
            Self::Layers(layers) => {
                let mut lists: HashMap<&str, &[(String, Tensor)]> =
                    layers.iter().map(|layer| (layer.name.as_str(), layer.weights.as_slice())).collect();
                let mut taken = Vec::with_capacity(architecture.layers.len());
                for layer in &architecture.layers {
                    let list = lists.remove(layer.name.as_str()).unwrap_or_default();
                    taken.push(self.by_list(&layer.name, list.iter().collect()));
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

    fn by_list<'a>(&'a self, layer: &'a str, all: Vec<&'a (String, Tensor)>) -> Taken<'a> {
        Taken { weights: self, layer, at: At::List { all, taken: 0 } }
    }

    /// The layers below a path, each with the names that begin with its own.
    fn by_path<'a>(
        &'a self,
        architecture: &'a Architecture,
        prefix: &str,
        names: Vec<&'a str>,
    ) -> Result<Vec<Taken<'a>>> {
        let mut by_layer: HashMap<&str, Vec<&'a str>> = HashMap::new();
        for name in names {
            let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
            by_layer.entry(rest.split('/').next().unwrap_or_default()).or_default().push(name);
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut taken = Vec::with_capacity(architecture.layers.len());
        for layer in &architecture.layers {
            let own = numbered(&snake(&layer.class), &mut seen);
            let names = by_layer.remove(own.as_str()).unwrap_or_default();
            let prefix = format!("{prefix}/{own}");
            taken.push(Taken { weights: self, layer: &layer.name, at: At::Path { prefix, names, taken: 0 } });
        }
        match by_layer.keys().min() {
            None => Ok(taken),
            Some(extra) => Err(Error::damaged(
                FORMAT,
                format!(
                    "the weights at {} are of no layer of its configuration",
                    quoted(&format!("{prefix}/{extra}"))
                ),
            )),
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
                (At::List { all, taken }, _) => loop {
                    let Some((name, tensor)) = all.get(*taken) else {
                        break Err(missing(format!("number {}", index + 1)));
                    };
                    *taken += 1;
                    if !is_state(name) {
                        break Ok(tensor);
                    }
                },
                (At::Path { .. }, Weights::Layers(_)) => Err(missing(format!("number {}", index + 1))),
            })
            .collect()
    }

    /// For each layer of the model that this layer is, where its weights are. Error: a weight of none of them.
    pub fn within(self, model: &'a Architecture) -> Result<Vec<Taken<'a>>> {
        match self.at {
            At::Path { prefix, names, .. } => self.weights.by_path(model, &format!("{prefix}/layers"), names),
            At::List { all, .. } => {
                let mut lists = vec![Vec::new(); model.layers.len()];
                let places = Places::of(model);
                for weight in all {
                    match places.find(&weight.0, self.layer) {
                        Some(place) => lists[place].push(weight),
                        None => {
                            let (name, layer) = (quoted(&weight.0), quoted(self.layer));
                            let what = format!("the weight {name} is of no layer of the model {layer}");
                            return Err(Error::unsupported(FORMAT, what + "; save it as .keras"));
                        }
                    }
                }
                let layers = model.layers.iter().zip(lists);
                Ok(layers.map(|(layer, list)| self.weights.by_list(&layer.name, list)).collect())
            }
        }
    }

    /// Error: the layer has more weights than were taken.
    pub fn finish(self) -> Result<()> {
        let left = match self.at {
            At::Path { taken, names, .. } => names.len().saturating_sub(taken),
            At::List { all, taken } => all.iter().skip(taken).filter(|(name, _)| !is_state(name)).count(),
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

/// Which of a model's layers the weights of an `.h5` file are of. All weights of a model within another stand in one list,
/// those that are trained before those that are not, so only their names tell.
struct Places<'a> {
    layers: HashMap<&'a str, usize>,
    /// The layers of the models within it, by the layer that they are within.
    deeper: HashMap<&'a str, usize>,
}

impl<'a> Places<'a> {
    fn of(model: &'a Architecture) -> Self {
        let mut places = Self { layers: HashMap::new(), deeper: HashMap::new() };
        for (place, layer) in model.layers.iter().enumerate() {
            places.layers.insert(&layer.name, place);
            if let Some(model) = &layer.model {
                places.add(model, place);
            }
        }
        places
    }

    fn add(&mut self, model: &'a Architecture, place: usize) {
        for layer in &model.layers {
            self.deeper.entry(&layer.name).or_insert(place);
            if let Some(model) = &layer.model {
                self.add(model, place);
            }
        }
    }

    /// `encoder/lstm/lstm_cell/kernel` in the model `encoder`, `lstm/lstm_cell/kernel:0`: the first part of the name that is
    /// a layer's, where the model's own name counts for one only if nothing behind it does.
    fn find(&self, name: &str, model: &str) -> Option<usize> {
        let parts: Vec<&str> = name.split('/').collect();
        let (_, parts) = parts.split_last()?;
        let among = |parts: &[&str]| {
            let of = |places: &HashMap<&str, usize>| parts.iter().find_map(|part| places.get(part).copied());
            of(&self.layers).or_else(|| of(&self.deeper))
        };
        match parts {
            [first, rest @ ..] if *first == model => among(rest).or_else(|| among(parts)),
            parts => among(parts),
        }
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
