//! A model behind its embedding, which reads vectors in place of ids.

use crate::model::{EmbeddingLayer, Input, Model, ModelConfig};
use crate::{Error, Result};

/// The layers of a model behind the embedding that it begins with, which read vectors, and the name of the embedding. Error: a
/// network that does not begin with one embedding.
pub(crate) fn behind_embedding(model: &Model) -> Result<(ModelConfig, String)> {
    let mut config = model.config().clone();
    let begins = || Error::Model("its network does not begin with the embedding of its words".into());
    let names: Vec<String> = model.layer_names().map(str::to_owned).collect();
    let name = names.first().ok_or_else(begins)?;
    let features =
        config.layers.first().and_then(|layer| layer.get::<EmbeddingLayer>()).ok_or_else(begins)?.features;
    config.layers.remove(0);
    for (layer, name) in config.layers.iter_mut().zip(names.iter().skip(1)) {
        // What it is called does not depend on the layers before it then.
        layer.common_mut().name = Some(name.clone());
    }
    config.inputs.values_mut().for_each(|input| *input = Input::Numbers { features });
    Ok((config, name.clone()))
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
