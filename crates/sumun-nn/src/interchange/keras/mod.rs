//! Models of Keras, in and out.
//!
//! A layer of Keras becomes the layer here that computes the same; what a model here has no layer for is an error that names
//! the layer and its class. Settings that say nothing of what is computed are passed over, all others are taken or refused.

mod activations;
mod attention;
mod bare;
mod dot;
mod flow;
mod graph;
mod laid;
mod layers;
mod matrices;
mod names;
mod operators;
mod output;
mod recurrent;
mod rows;
mod settings;
mod shares;
mod tensorflow;
mod write;

use sumun_formats::keras::Keras;

use super::Import;
use crate::Result;
use crate::model::{Model, ModelConfig};

/// The model of a Keras file: a whole one, or weights alone, whose layers are worked out from names and shapes as far as
/// these are certain. Errors: a layer that a model here does not have, weights that do not fit, one that is not finite.
///
/// ```
/// use sumun_formats::keras;
/// use sumun_nn::interchange;
/// use sumun_nn::model::{Input, Model, RecurrentLayer};
///
/// let model = Model::builder(Input::numbers(3)).layer(RecurrentLayer::gru(4)).dense(1).build(7)?;
/// let bytes = interchange::to_keras(&model)?;
/// let imported = interchange::of_keras(&keras::read(&bytes)?)?;
/// assert_eq!(imported.model.parameters().values(), model.parameters().values());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn of_keras(file: &Keras) -> Result<Import> {
    match &file.architecture {
        Some(architecture) => graph::walk::read(file, architecture),
        None => bare::of_weights(&file.weights),
    }
}

/// The weights of a Keras file as those of a given architecture, whose layers have the names of the file's. Errors: weights
/// that do not fit it, one that is not finite.
pub fn of_keras_with(file: &Keras, architecture: ModelConfig) -> Result<Import> {
    bare::of_weights_with(&file.weights, architecture)
}

/// The model as a `.keras` archive, which Keras 3 loads. Error: a layer, an option of one, or a place in the graph that Keras
/// has not.
pub fn to_keras(model: &Model) -> Result<Vec<u8>> {
    let (architecture, weights) = write::model(model)?;
    Ok(sumun_formats::keras::write(&architecture, &weights)?)
}

/// The model as an `.h5` file, which Keras 3 loads. Errors as [`to_keras`].
pub fn to_keras_h5(model: &Model) -> Result<Vec<u8>> {
    let (architecture, weights) = write::model(model)?;
    Ok(sumun_formats::keras::write_h5(&architecture, &weights)?)
}
