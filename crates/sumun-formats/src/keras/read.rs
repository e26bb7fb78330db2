//! Reads the files.

use std::collections::{HashMap, HashSet};

use super::architecture::Architecture;
use super::value::{Settings, Value};
use super::weights::SavedLayer;
use super::{FORMAT, Keras, MOST_CONFIGURATION, Weights};
use crate::error::{Error, Result, quoted};
use crate::hdf5::{self, Attribute, Group, Member};
use crate::json;
use crate::tensor::Tensors;
use crate::zip::{self, Archive};

/// The entries of a `.keras` archive.
pub(super) mod entry {
    pub(in crate::keras) const METADATA: &str = "metadata.json";
    pub(in crate::keras) const CONFIGURATION: &str = "config.json";
    pub(in crate::keras) const WEIGHTS: &str = "model.weights.h5";
}

/// Where layers are among the paths of weights: now, and as TensorFlow's Keras 2.12 to 2.15 and Keras 3.0 had it.
const LAYERS: [&str; 2] = ["layers", "_layer_checkpoint_dependencies"];

/// Whether a file is one of Keras, by its first bytes and, of an archive, by what is in it.
pub fn is_keras(bytes: &[u8]) -> bool {
    if bytes.starts_with(&hdf5::MAGIC) {
        return true;
    }
    let Ok(archive) = Archive::new(bytes).map_err(drop) else { return false };
    archive.names().any(|name| name == entry::CONFIGURATION)
}

/// Reads a `.keras` or `.h5` file, a whole model or weights alone. Errors: neither of these, damaged, of a form that is not
/// read here.
pub fn read(bytes: &[u8]) -> Result<Keras> {
    if bytes.starts_with(&zip::MAGIC) {
        return archive(bytes);
    }
    let root = hdf5::read(bytes)?;
    let configuration = root.text("model_config");
    let architecture = configuration.map(|text| architecture(text.as_bytes())).transpose()?;
    let group = root.group("model_weights").unwrap_or(&root);
    let version = root.text("keras_version").or(group.text("keras_version")).unwrap_or_default().to_owned();
    let weights = match names(group, "layer_names")? {
        Some(layers) => Weights::Layers(by_layer(group, layers)?),
        None => by_path(&root)?,
    };
    Ok(Keras { version, architecture, weights })
}

fn archive(bytes: &[u8]) -> Result<Keras> {
    let archive = Archive::new(bytes)?;
    let version = match archive.find(entry::METADATA)? {
        Some(metadata) => {
            let metadata: Value = parse(&metadata)?;
            let version = metadata.as_object().and_then(|metadata| metadata.get("keras_version"));
            version.and_then(Value::as_text).unwrap_or_default().to_owned()
        }
        None => String::new(),
    };
    let Some(configuration) = archive.find(entry::CONFIGURATION)? else {
        return Err(Error::damaged(FORMAT, "the archive has no config.json"));
    };
    let Some(weights) = archive.find(entry::WEIGHTS)? else {
        return Err(Error::unsupported(
            FORMAT,
            "the archive has no model.weights.h5; weights in several files are not read",
        ));
    };
    let architecture = Some(architecture(&configuration)?);
    Ok(Keras { version, architecture, weights: by_path(&hdf5::read(&weights)?)? })
}

fn architecture(json: &[u8]) -> Result<Architecture> {
    Architecture::of(&parse(json)?)
}

fn parse(json: &[u8]) -> Result<Value> {
    match json.len() {
        ..=MOST_CONFIGURATION => json::parse(json, FORMAT),
        found => Err(Error::too_large(
            FORMAT,
            "the length of its configuration",
            found as u128,
            MOST_CONFIGURATION as u128,
        )),
    }
}

/// The texts of a list, which Keras cuts into `name0`, `name1` and so on where it is long. None where there is no such list.
fn names(group: &Group, name: &str) -> Result<Option<Vec<String>>> {
    let list = |attribute: &Attribute| match attribute {
        Attribute::Texts(texts) => Ok(texts.clone()),
        // An empty list is one of no numbers.
        Attribute::Numbers(none) if none.data().is_empty() => Ok(Vec::new()),
        _ => Err(Error::damaged(FORMAT, format!("{name} is no list of texts"))),
    };
    if let Some(attribute) = group.attributes.get(name) {
        return list(attribute).map(Some);
    }
    let mut all = None;
    while let Some(attribute) =
        group.attributes.get(&format!("{name}{}", all.as_ref().map_or(0, Parts::count)))
    {
        let parts: &mut Parts = all.get_or_insert_default();
        parts.texts.extend(list(attribute)?);
        parts.count += 1;
    }
    Ok(all.map(|parts| parts.texts))
}

/// The parts of a list that have been read.
#[derive(Default)]
struct Parts {
    texts: Vec<String>,
    count: usize,
}

impl Parts {
    fn count(&self) -> usize {
        self.count
    }
}

/// The weights of each layer, as its list names them.
fn by_layer(group: &Group, layers: Vec<String>) -> Result<Vec<SavedLayer>> {
    let mut seen = HashSet::new();
    let of_layer = |layer: String| {
        if !seen.insert(layer.clone()) {
            return Err(Error::damaged(FORMAT, format!("two layers are named {}", quoted(&layer))));
        }
        let own = match group.members.get(&layer) {
            Some(Member::Group(own)) => own,
            Some(Member::Other(error)) => return Err(error.clone()),
            _ => {
                return Err(Error::damaged(FORMAT, format!("the layer {} has no group", quoted(&layer))));
            }
        };
        let list = names(own, "weight_names")?.unwrap_or_default();
        let mut used = HashSet::new();
        let weights = list.into_iter().map(|name| {
            if !used.insert(name.clone()) {
                return Err(Error::damaged(FORMAT, format!("two weights are named {}", quoted(&name))));
            }
            let tensor = own.array(&name)?.clone();
            Ok((name, tensor))
        });
        let weights = weights.collect::<Result<_>>()?;
        Ok(SavedLayer { name: layer, weights })
    };
    layers.into_iter().map(of_layer).collect()
}

/// All weights of layers by path.
fn by_path(root: &Group) -> Result<Weights> {
    let Some(layers) = LAYERS.into_iter().find_map(|name| root.group(name)) else {
        return Err(Error::unsupported(FORMAT, "the HDF5 file has no weights where Keras puts them"));
    };
    let (mut tensors, mut names) = (Tensors::new(), HashMap::new());
    gather(layers, "layers", &mut tensors, &mut names)?;
    Ok(Weights::Paths(tensors, names))
}

fn gather(
    group: &Group,
    path: &str,
    tensors: &mut Tensors,
    names: &mut HashMap<String, String>,
) -> Result<()> {
    for (name, member) in &group.members {
        let is_layers = LAYERS.contains(&name.as_str());
        let at = format!("{path}/{}", if is_layers { LAYERS[0] } else { name });
        match member {
            Member::Group(group) => {
                if let Some(own) = group.text("name").filter(|_| name == "vars") {
                    names.insert(path.to_owned(), own.to_owned());
                }
                gather(group, &at, tensors, names)?;
            }
            Member::Array(tensor) => tensors.insert(at, tensor.clone(), FORMAT)?,
            Member::Other(error) => return Err(error.clone()),
        }
    }
    Ok(())
}

impl Keras {
    /// The settings of the layer of that name; None where there is none, or no architecture.
    pub fn settings(&self, layer: &str) -> Option<&Settings> {
        let layers = &self.architecture.as_ref()?.layers;
        layers.iter().find(|own| own.name == layer).map(|layer| &layer.settings)
    }
}
