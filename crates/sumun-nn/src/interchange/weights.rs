//! Named weights as a model, and a model's weights by name, as PyTorch's state dicts have them.

use sumun_formats::{Data, Tensor, Tensors};

use super::Import;
use super::chain::chain;
use super::modules::{Kind, Module, modules, modules_of_any_kind};
use super::pairs::pair;
use crate::error::quoted;
use crate::model::{
    Biases, DenseLayer, EmbeddingLayer, Input, LayerConfig, Model, ModelConfig, NamedTensor, RecurrentLayer,
    WeightShapes,
};
use crate::nn::{AttentionLayer, BatchNormLayer, Conv1dLayer, CrfLayer, LayerNormLayer};
use crate::{Error, Result};

/// The model that a state dict's names and shapes tell of: its modules, each on the one before it. Recurrent layers under
/// other layers return their final hidden states, the last one of a file every step; what else cannot be told is in the notes.
/// Errors: a module that is none of the layers here, modules that do not fit one after the other, a weight that is not finite.
pub fn of_weights(tensors: &Tensors) -> Result<Import> {
    if let Some(import) = pair(tensors)? {
        return Ok(import);
    }
    let modules = modules(tensors)?;
    let chain = chain(&modules)?;
    let mut notes = Vec::new();
    if !chain.is_file_order {
        notes.push(
            "the modules do not fit in the order of the file, and were put in one in which they do".into(),
        );
    }
    if !chain.is_unique {
        notes.push(
            "the modules fit in several orders, of which the first was taken; an architecture would decide"
                .into(),
        );
    }
    let placed: Vec<&Module> = chain.places.iter().map(|place| &modules[place.module]).collect();
    let is_embedding = chain.places[0].is_embedding;
    let input = match placed[0].kind {
        Kind::Matrix { rows, .. } if is_embedding => Input::ids(rows),
        Kind::Matrix { columns, .. } => Input::numbers(columns),
        Kind::Recurrent(ref recurrent) => Input::numbers(recurrent.input),
        Kind::Convolution { inputs, .. } => Input::numbers(inputs),
        Kind::BatchNorm { features, .. }
        | Kind::LayerNorm { features, .. }
        | Kind::Attention { features, .. } => Input::numbers(features),
        Kind::Crf { tags } => Input::numbers(tags),
        Kind::Unknown => return Err(Error::Model("its modules are no layers: give the architecture".into())),
    };
    let mut config = ModelConfig::new(input);
    let last_recurrent = placed.iter().rposition(|module| matches!(module.kind, Kind::Recurrent(_)));
    for (place, module) in placed.iter().enumerate() {
        let reads_steps = |module: &&Module| matches!(module.kind, Kind::Crf { .. } | Kind::Attention { .. });
        let gives_steps = Some(place) != last_recurrent
            || place + 1 == placed.len()
            || placed[place + 1..].iter().any(reads_steps);
        let Some(mut layer) = layer(&module.kind, is_embedding && place == 0, gives_steps) else { continue };
        if !module.name.is_empty() {
            layer.common_mut().name = Some(module.name.to_owned());
        }
        config.layers.push(layer);
    }
    notes.extend(untold(&placed, is_embedding));
    let mut import =
        fill(config, &modules, &chain.places.iter().map(|place| place.module).collect::<Vec<_>>())?;
    notes.append(&mut import.notes);
    Ok(Import { notes, ..import })
}

/// The weights as those of a given architecture. Its layers take the modules of their names; where the names differ, those of
/// the same weights' names and shapes, which the notes say. Errors: a layer without weights, weights without a layer, a weight
/// of another shape or that is not finite.
pub fn of_weights_with(tensors: &Tensors, architecture: ModelConfig) -> Result<Import> {
    let modules = modules_of_any_kind(tensors)?;
    // Building it says which weights there are; it is small beside the file only if its sizes are those of the file, so they
    // are compared first.
    let wanted = architecture.weights()?;
    let mut taken = vec![false; modules.len()];
    let mut order = Vec::with_capacity(wanted.len());
    let mut notes = Vec::new();
    for (layer, weights) in &wanted {
        let fits = |module: &Module| same_weights(module, weights);
        let named = modules.iter().position(|module| module.name == layer);
        let place =
            named.or_else(|| (0..modules.len()).find(|&place| !taken[place] && fits(&modules[place])));
        let Some(place) = place.filter(|&place| !taken[place] && fits(&modules[place])) else {
            return Err(no_module(layer, weights, named.map(|place| &modules[place])));
        };
        if named.is_none() {
            notes.push(format!(
                "the layer {layer} has the weights of {}",
                super::modules::described(modules[place].name)
            ));
        }
        taken[place] = true;
        order.push(place);
    }
    if let Some(extra) = taken.iter().position(|taken| !taken) {
        let module = super::modules::described(modules[extra].name);
        return Err(Error::Model(format!("the weights of {module} belong to no layer of the architecture")));
    }
    let mut import = fill(architecture, &modules, &order)?;
    notes.append(&mut import.notes);
    Ok(Import { notes, ..import })
}

/// All weights and running statistics of a model by name, `{layer}.{weight}` with PyTorch's names and shapes.
pub fn to_weights(model: &Model) -> Result<Tensors> {
    let mut tensors = Tensors::new();
    let parameters = model.parameters();
    for entry in parameters.entries() {
        let values = parameters.values()[entry.range.clone()].to_vec();
        tensors.insert(entry.name.clone(), Tensor::f32(entry.shape.clone(), values)?, "model")?;
    }
    Ok(tensors)
}

/// Builds the model; the layers with weights take those of the modules in `order`.
fn fill(config: ModelConfig, modules: &[Module<'_>], order: &[usize]) -> Result<Import> {
    let layers = config.weights()?;
    let mut notes = Vec::new();
    let mut rounded = 0_usize;
    let mut named = Vec::new();
    for ((layer, _), &place) in layers.iter().zip(order) {
        let module = &modules[place];
        for (leaf, tensor) in &module.tensors {
            rounded += usize::from(matches!(tensor.data(), Data::F64(_)));
            let values = tensor.to_f32().map_err(|error| Error::Model(format!("{layer}.{leaf}: {error}")))?;
            let leaf = module.own_name(leaf);
            named.push(NamedTensor::new(format!("{layer}.{leaf}"), tensor.shape(), values));
        }
    }
    if rounded > 0 {
        notes.push(format!("{rounded} tensors of double precision were rounded to single precision"));
    }
    Import::of(config, &named, notes)
}

/// The layer of a module; None of a kind that is not known.
fn layer(kind: &Kind, is_embedding: bool, gives_steps: bool) -> Option<LayerConfig> {
    Some(match *kind {
        Kind::Recurrent(ref found) => {
            let mut layer = RecurrentLayer::new(found.cell, found.units)
                .layers(found.layers)
                .bidirectional(found.bidirectional)
                .biases(if found.bias { Biases::Two } else { Biases::None })
                .return_sequences(gives_steps);
            layer.options.projection = found.projection;
            layer.into()
        }
        Kind::Matrix { columns, .. } if is_embedding => EmbeddingLayer::new(columns).into(),
        Kind::Matrix { rows, bias, .. } => DenseLayer::new(rows).bias(bias).into(),
        Kind::Convolution { outputs, kernel, bias, .. } => {
            Conv1dLayer::new(outputs, kernel).bias(bias).into()
        }
        Kind::BatchNorm { affine, .. } => BatchNormLayer::new().affine(affine).into(),
        Kind::LayerNorm { bias, .. } => LayerNormLayer::new().bias(bias).into(),
        Kind::Attention { units, .. } => AttentionLayer::new(units).into(),
        Kind::Crf { .. } => CrfLayer::new().into(),
        Kind::Unknown => return None,
    })
}

/// What names and shapes do not tell of such modules.
fn untold(placed: &[&Module<'_>], is_embedding: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let recurrent = placed.iter().rposition(|module| matches!(module.kind, Kind::Recurrent(_)));
    let reads_steps = |module: &&Module| matches!(module.kind, Kind::Crf { .. } | Kind::Attention { .. });
    if recurrent.is_some_and(|place| place + 1 < placed.len() && !placed[place..].iter().any(reads_steps)) {
        notes.push(
            "assumed: the layer behind the recurrent one reads its final hidden state (return_sequences = true in an \
             architecture where it reads every step)"
                .into(),
        );
    }
    let plain = |module: &&Module| matches!(&module.kind, Kind::Recurrent(r) if r.cell == crate::nn::CellKind::RnnTanh);
    let mut unknown = vec!["dropout"];
    if placed.iter().any(plain) {
        unknown.push("whether the RNN has tanh or ReLU (tanh was taken)");
    }
    if placed.iter().any(|module| matches!(module.kind, Kind::Convolution { .. })) {
        unknown.push("stride, dilation, groups and padding of the convolution (none were taken)");
    }
    if placed.iter().any(|module| matches!(module.kind, Kind::LayerNorm { .. } | Kind::BatchNorm { .. })) {
        unknown.push("the ε of the normalisation (1e-5 was taken)");
    }
    let maps = placed.iter().skip(usize::from(is_embedding));
    if maps.filter(|module| matches!(module.kind, Kind::Matrix { .. } | Kind::Convolution { .. })).count() > 0
    {
        unknown.push("activations between the layers and at the end (none were taken)");
    }
    notes.push(format!("names and shapes of weights do not say: {}", unknown.join("; ")));
    notes
}

fn same_weights(module: &Module<'_>, weights: &WeightShapes) -> bool {
    module.tensors.len() == weights.len()
        && module.tensors.iter().all(|(leaf, tensor)| {
            let shape = weights.get(&module.own_name(leaf));
            shape.is_some_and(|shape| shape == tensor.shape())
        })
}

fn no_module(layer: &str, weights: &WeightShapes, named: Option<&Module<'_>>) -> Error {
    let list = |weights: &mut dyn Iterator<Item = (&str, &[usize])>| {
        weights
            .take(6)
            .map(|(name, shape)| format!("{} {shape:?}", quoted(name)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let wanted = list(&mut weights.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())));
    let found = match named {
        Some(module) => {
            let found = list(&mut module.tensors.iter().map(|(leaf, tensor)| (*leaf, tensor.shape())));
            format!("its module has {found}")
        }
        None => "no module of the file has these".into(),
    };
    Error::Model(format!("the layer {layer} of the architecture has the weights {wanted}, but {found}"))
}
