//! Writes the files, as Keras 3 reads them.

use std::collections::HashMap;

use super::architecture::{Architecture, OPERATOR};
use super::read::entry;
use super::value::{Settings, Value};
use super::weights::{LayerWeights, numbered, snake};
use super::{FORMAT, MOST_CONFIGURATION};
use crate::error::{Error, Result, quoted};
use crate::hdf5::{self, Attribute, Group, Member};
use crate::zip::Writer;

/// The version whose files these are like.
const VERSION: &str = "3.0.0";

/// What Keras writes for the library below it; nothing asks for it where there are no convolutions of Theano.
const BACKEND: &str = "numpy";

/// Refuses models within the model: their weights would have to be somewhere.
fn expect_flat(architecture: &Architecture) -> Result<()> {
    match architecture.layers.iter().find(|layer| layer.model.is_some()) {
        Some(layer) => {
            Err(Error::unsupported(FORMAT, format!("{} is a model within the model", quoted(&layer.name))))
        }
        None => Ok(()),
    }
}

/// A `.keras` archive. `weights` has those of each layer. Errors: two weights at one place, more than a file can have, a model
/// within the model.
pub fn write(architecture: &Architecture, weights: &[LayerWeights]) -> Result<Vec<u8>> {
    expect_flat(architecture)?;
    let mut root = Group::default();
    root.make("vars")?;
    let mut seen = HashMap::new();
    for (layer, own) in architecture.layers.iter().zip(weights) {
        if layer.class.starts_with(OPERATOR) {
            continue;
        }
        let prefix = format!("layers/{}", numbered(&snake(&layer.class), &mut seen));
        let vars = root.make(&format!("{prefix}/vars"))?;
        vars.attributes.insert("name".into(), Attribute::Text(layer.name.clone()));
        for part in &own.parts {
            let slash = if part.path.is_empty() { "" } else { "/" };
            let vars = root.make(&format!("{prefix}{slash}{}/vars", part.path))?;
            for (index, (_, tensor)) in part.arrays.iter().enumerate() {
                insert(vars, &index.to_string(), Member::Array(tensor.clone()))?;
            }
        }
    }
    let metadata = Settings::from([("keras_version", VERSION.into())]);
    let mut archive = Writer::new(1);
    archive.add(entry::METADATA, &json(&metadata.into())?)?;
    archive.add(entry::CONFIGURATION, &json(&architecture.to_value())?)?;
    archive.add(entry::WEIGHTS, &hdf5::write(&root)?)?;
    archive.finish()
}

/// A `.h5` file. `weights` has those of each layer. Errors: two weights of one name, more than a file can have, a model within
/// the model.
pub fn write_h5(architecture: &Architecture, weights: &[LayerWeights]) -> Result<Vec<u8>> {
    expect_flat(architecture)?;
    let mut model = Group::default();
    let mut layers = Vec::new();
    for (layer, own) in architecture.layers.iter().zip(weights) {
        if layer.class == "InputLayer" || layer.class.starts_with(OPERATOR) {
            continue;
        }
        let group = model.make(&layer.name)?;
        let mut names = Vec::new();
        for part in &own.parts {
            let slash = if part.path.is_empty() { "" } else { "/" };
            let place = format!("{}{slash}{}", layer.name, part.path);
            let inner = group.make(&place)?;
            for (name, tensor) in &part.arrays {
                insert(inner, name, Member::Array(tensor.clone()))?;
                names.push(format!("{place}/{name}"));
            }
        }
        group.attributes.insert("weight_names".into(), Attribute::Texts(names));
        layers.push(layer.name.clone());
    }
    model.attributes.insert("layer_names".into(), Attribute::Texts(layers));
    let configuration = String::from_utf8(json(&architecture.to_value())?)
        .map_err(|_| Error::damaged(FORMAT, "a configuration that is no text"))?;
    let mut root = Group::default();
    root.attributes.insert("model_config".into(), Attribute::Text(configuration));
    for group in [&mut model, &mut root] {
        group.attributes.insert("keras_version".into(), Attribute::Text(VERSION.into()));
        group.attributes.insert("backend".into(), Attribute::Text(BACKEND.into()));
    }
    root.members.insert("model_weights".into(), Member::Group(model));
    hdf5::write(&root)
}

fn insert(group: &mut Group, name: &str, member: Member) -> Result<()> {
    if name.is_empty() || name.contains('/') || group.members.contains_key(name) {
        return Err(Error::unsupported(FORMAT, format!("a weight of the name {}", quoted(name))));
    }
    group.members.insert(name.into(), member);
    Ok(())
}

fn json(value: &Value) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(value)
        .map_err(|error| Error::damaged(FORMAT, format!("its settings: {error}")))?;
    match text.len() {
        ..=MOST_CONFIGURATION => Ok(text),
        length => Err(Error::too_large(
            FORMAT,
            "the length of its configuration",
            length as u128,
            MOST_CONFIGURATION as u128,
        )),
    }
}
