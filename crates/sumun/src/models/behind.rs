//! A model behind its embeddings, which reads vectors in place of ids.

use crate::model::{EmbeddingLayer, Input, Model, ModelConfig};
use crate::{Error, Result};

/// The layers of a model behind the embeddings that its inputs are read by, which read vectors, and of each its input and its
/// name, in the order of the layers. Error: a network that does not begin with an embedding.
pub(crate) fn behind_embeddings(model: &Model) -> Result<(ModelConfig, Vec<(String, String)>)> {
    let mut config = model.config().clone();
    let mut found: Vec<(String, String)> = Vec::new();
    let first = model.input_names().next().unwrap_or_default();
    for (place, (mut layer, name)) in
        std::mem::take(&mut config.layers).into_iter().zip(model.layer_names()).enumerate()
    {
        // What a layer reads and is called does not depend on the layers before it then.
        let before = |names: &[String]| match (place, names.first()) {
            (_, Some(name)) => name.clone(),
            (0, None) => first.to_owned(),
            (_, None) => model.layer_names().nth(place - 1).unwrap_or_default().to_owned(),
        };
        let reads = before(&layer.common().from);
        let embedding = layer.get::<EmbeddingLayer>().map(|embedding| embedding.features);
        let others = found.iter().all(|(input, _)| *input != reads);
        if let (Some(features), Some(input), true) = (embedding, config.inputs.get_mut(&reads), others) {
            *input = Input::Numbers { features };
            found.push((reads, name.to_owned()));
            continue;
        }
        if found.is_empty() {
            break;
        }
        let common = layer.common_mut();
        common.name = Some(name.to_owned());
        // Behind an embedding that is gone; the first layer reads the only input unsaid.
        let was_behind = found.iter().any(|(_, embedding)| *embedding == reads);
        if common.from.is_empty() && was_behind && (config.inputs.len() > 1 || !config.layers.is_empty()) {
            common.from.push(reads);
        }
        for from in &mut common.from {
            if let Some((input, _)) = found.iter().find(|(_, embedding)| embedding == from) {
                from.clone_from(input);
            }
        }
        config.layers.push(layer);
    }
    if found.is_empty() {
        return Err(Error::Model("its network does not begin with the embedding of its words".into()));
    }
    Ok((config, found))
}

/// A model of some layers with the weights that another has under their names. Error: weights that it has not.
pub(crate) fn with_weights_of(model: &Model, config: ModelConfig) -> Result<Model> {
    let mut made = config.build(0)?;
    let from = model.parameters();
    let mut copies = Vec::new();
    for entry in made.parameters().entries() {
        let other =
            from.entries().iter().find(|other| other.name == entry.name && other.shape == entry.shape);
        let other = other.ok_or_else(|| {
            Error::Model(format!(
                "its network has no weight {} of the shape that its layers ask for",
                entry.name
            ))
        })?;
        copies.push((entry.range.clone(), other.range.clone()));
    }
    for (to, range) in copies {
        made.parameters_mut().values_mut()[to].copy_from_slice(&from.values()[range]);
    }
    Ok(made)
}
