//! The tensors of a state dict by module, and what kind of module has such tensors.

use std::collections::HashMap;

use sumun_formats::{Tensor, Tensors};

use crate::error::quoted;
use crate::nn::CellKind;
use crate::{Error, Result};

/// A module of a state dict, by the names and shapes of its tensors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Module<'a> {
    /// What precedes the last dot of its tensors' names; empty of a layer that was saved by itself.
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// Its tensors, by what follows the last dot.
    pub(super) tensors: Vec<(&'a str, &'a Tensor)>,
}

/// What a module must be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Recurrent(Recurrent),
    /// A weight of two axes: a dense layer, or, without a bias, perhaps an embedding.
    Matrix {
        rows: usize,
        columns: usize,
        bias: bool,
    },
    /// A weight of three axes, `[O, I / groups, K]`.
    Convolution {
        outputs: usize,
        inputs: usize,
        kernel: usize,
        bias: bool,
    },
    BatchNorm {
        features: usize,
        affine: bool,
    },
    LayerNorm {
        features: usize,
        bias: bool,
    },
    /// Attention over time that returns one row.
    Attention {
        features: usize,
        units: usize,
    },
    /// A conditional random field.
    Crf {
        tags: usize,
    },
    /// One that an architecture must name.
    Unknown,
}

/// A recurrent stack, by its weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recurrent {
    pub(super) cell: CellKind,
    pub(super) input: usize,
    pub(super) units: usize,
    pub(super) layers: usize,
    pub(super) bidirectional: bool,
    pub(super) bias: bool,
    pub(super) projection: Option<usize>,
    /// Whether it is one of PyTorch's cells (`LSTMCell`), whose names have no layer.
    pub(super) is_cell: bool,
}

impl Recurrent {
    /// How wide its output is.
    pub(super) fn output(&self) -> usize {
        self.projection.unwrap_or(self.units) * if self.bidirectional { 2 } else { 1 }
    }
}

/// What PyTorch keeps beside the statistics of a batch normalisation, and nothing needs.
const COUNTER: &str = "num_batches_tracked";

impl Module<'_> {
    /// What a tensor is called here.
    pub(super) fn own_name(&self, leaf: &str) -> String {
        match (&self.kind, leaf) {
            (Kind::Recurrent(Recurrent { is_cell: true, .. }), leaf) => format!("{leaf}_l0"),
            (Kind::Crf { .. }, "start_transitions") => "start".into(),
            (Kind::Crf { .. }, "end_transitions") => "end".into(),
            (_, leaf) => leaf.into(),
        }
    }
}

/// The modules in the order in which their first tensors come. Errors: no tensors, and tensors that are of no module here.
pub(super) fn modules(tensors: &Tensors) -> Result<Vec<Module<'_>>> {
    grouped(tensors)?
        .into_iter()
        .map(|(name, tensors)| Ok(Module { name, kind: kind(name, &tensors)?, tensors }))
        .collect()
}

/// As [`modules`], for an architecture that says what they are. Error: no tensors.
pub(super) fn modules_of_any_kind(tensors: &Tensors) -> Result<Vec<Module<'_>>> {
    let known = |name, tensors: &[_]| kind(name, tensors).unwrap_or(Kind::Unknown);
    Ok(grouped(tensors)?
        .into_iter()
        .map(|(name, tensors)| Module { name, kind: known(name, &tensors), tensors })
        .collect())
}

/// A module's name, and its tensors by what follows the last dot of theirs.
type Group<'a> = (&'a str, Vec<(&'a str, &'a Tensor)>);

/// The tensors by module.
fn grouped(tensors: &Tensors) -> Result<Vec<Group<'_>>> {
    let mut grouped: Vec<Group<'_>> = Vec::new();
    let mut places = HashMap::new();
    for (name, tensor) in tensors.iter() {
        let (module, leaf) = name.rsplit_once('.').unwrap_or(("", name));
        if leaf == COUNTER {
            continue;
        }
        let place = *places.entry(module).or_insert(grouped.len());
        if place == grouped.len() {
            grouped.push((module, Vec::new()));
        }
        grouped[place].1.push((leaf, tensor));
    }
    if grouped.is_empty() {
        return Err(Error::Model("holds no tensors, so there is no model in it".into()));
    }
    Ok(grouped)
}

fn kind(module: &str, tensors: &[(&str, &Tensor)]) -> Result<Kind> {
    let shape = |leaf: &str| tensors.iter().find(|(name, _)| *name == leaf).map(|(_, tensor)| tensor.shape());
    let bias = shape("bias").is_some();
    let kind = if let Some(recurrent) = recurrent(module, tensors)? {
        return Ok(Kind::Recurrent(recurrent));
    } else if let Some(&[features]) = shape("running_mean") {
        Kind::BatchNorm { features, affine: shape("weight").is_some() }
    } else if let Some(&[tags, to]) = shape("transitions").filter(|shape| shape.len() == 2) {
        // The names here, and those of pytorch-crf.
        let ends = [["start", "start_transitions"], ["end", "end_transitions"]];
        let is_end = |names: [&str; 2]| names.into_iter().any(|name| shape(name) == Some(&[tags]));
        match tags == to && tensors.len() == 3 && ends.into_iter().all(is_end) {
            true => return Ok(Kind::Crf { tags }),
            false => return Err(unknown(module, tensors)),
        }
    } else if let (Some(&[units, features]), Some(&[context])) = (shape("weight"), shape("context")) {
        match units == context && tensors.len() == 3 && shape("bias") == Some(&[units]) {
            true => return Ok(Kind::Attention { features, units }),
            false => return Err(unknown(module, tensors)),
        }
    } else {
        match shape("weight") {
            Some(&[rows, columns]) => Kind::Matrix { rows, columns, bias },
            Some(&[outputs, inputs, kernel]) => Kind::Convolution { outputs, inputs, kernel, bias },
            Some(&[features]) => Kind::LayerNorm { features, bias },
            _ => return Err(unknown(module, tensors)),
        }
    };
    let known: &[&str] = match kind {
        Kind::BatchNorm { .. } => &["weight", "bias", "running_mean", "running_var"],
        _ => &["weight", "bias"],
    };
    match tensors.iter().all(|(leaf, _)| known.contains(leaf)) {
        true => Ok(kind),
        false => Err(unknown(module, tensors)),
    }
}

/// The recurrent stack that has these tensors; None of tensors without recurrent weights.
fn recurrent(module: &str, tensors: &[(&str, &Tensor)]) -> Result<Option<Recurrent>> {
    let find = |leaf: &str| tensors.iter().find(|(name, _)| *name == leaf).map(|(_, tensor)| tensor.shape());
    let is_cell = find("weight_hh").is_some();
    let of_first = |stem: &str| if is_cell { find(stem) } else { find(&format!("{stem}_l0")) };
    let (Some(&[rows, input]), Some(&[_, columns])) = (of_first("weight_ih"), of_first("weight_hh")) else {
        return Ok(None);
    };
    let projection = match of_first("weight_hr") {
        Some(&[width, units]) => Some((width, units)),
        Some(_) => return Err(unknown(module, tensors)),
        None => None,
    };
    let units = projection.map_or(columns, |(_, units)| units);
    let gates = rows.checked_div(units).filter(|gates| gates.checked_mul(units) == Some(rows));
    let cell = match gates {
        Some(1) => CellKind::RnnTanh,
        Some(3) => CellKind::Gru,
        Some(4) => CellKind::Lstm,
        _ => {
            return Err(Error::Model(format!(
                "{} has {rows} rows of weight_ih on {units} units; an RNN has as many rows as units, a GRU three times and \
                 an LSTM four times as many",
                described(module)
            )));
        }
    };
    // A stack of several layers names each of its tensors; as many as there are bound the search.
    let layers = match is_cell {
        true => 1,
        false => (1..=tensors.len()).find(|k| find(&format!("weight_ih_l{k}")).is_none()).unwrap_or(1),
    };
    Ok(Some(Recurrent {
        cell,
        input,
        units,
        layers,
        bidirectional: find("weight_ih_l0_reverse").is_some(),
        bias: of_first("bias_ih").is_some(),
        projection: projection.map(|(width, _)| width),
        is_cell,
    }))
}

fn unknown(module: &str, tensors: &[(&str, &Tensor)]) -> Error {
    const SHOWN: usize = 4;
    let mut list: Vec<String> = tensors
        .iter()
        .take(SHOWN)
        .map(|(leaf, tensor)| format!("{} {:?}", quoted(leaf), tensor.shape()))
        .collect();
    if tensors.len() > SHOWN {
        list.push("…".into());
    }
    Error::Model(format!(
        "{} has the tensors {}; no layer can be told from these names and shapes: give the architecture",
        described(module),
        list.join(", ")
    ))
}

/// A module as messages name it.
pub(super) fn described(module: &str) -> String {
    if module.is_empty() {
        "the module without a name".into()
    } else {
        format!("the module {}", quoted(module))
    }
}
