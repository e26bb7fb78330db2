//! The kinds of layers that TOML and files may name.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::layer_config::{LayerConfig, OneOrMore};
use crate::layer::LayerSpec;
use crate::nn::{
    ActivationLayer, AttentionLayer, BatchNormLayer, CollectLayer, CombineLayer, Conv1dLayer, CrfLayer,
    CropLayer, CrossAttentionLayer, DenseLayer, DistributeLayer, DropoutLayer, ElementwiseLayer,
    EmbeddingLayer, LayerNormLayer, MaskingLayer, PadLayer, PoolLayer, RecurrentLayer, ReverseLayer,
    SliceLayer, SoftmaxLayer, UnflattenLayer,
};
use crate::{Error, Result};

/// Reads a layer's own fields.
type ReadFields = fn(&str, Map<String, Value>) -> Result<LayerConfig, String>;

/// The kinds of layers that a model's TOML or file may name, and how each is read. A user's own layer is added by
/// [`with`](Self::with); the reader of a model takes the registry:
/// [`ModelConfig::from_toml_with`](super::ModelConfig::from_toml_with) or [`Model::load_with`](super::Model::load_with).
#[derive(Debug, Clone)]
pub struct Registry {
    kinds: Vec<(&'static str, ReadFields)>,
    /// Names that are read, but that no message lists.
    aliases: Vec<(&'static str, ReadFields)>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::standard()
    }
}

impl Registry {
    /// The layers of this crate, a line each.
    pub fn standard() -> Self {
        Self { kinds: Vec::new(), aliases: Vec::new() }
            .with::<EmbeddingLayer>()
            .with::<RecurrentLayer>()
            .with::<DenseLayer>()
            .with::<DropoutLayer>()
            .with::<PoolLayer>()
            .with::<AttentionLayer>()
            .with::<CrossAttentionLayer>()
            .with::<CombineLayer>()
            .with::<ActivationLayer>()
            .with::<SoftmaxLayer>()
            .with::<LayerNormLayer>()
            .with::<BatchNormLayer>()
            .with::<Conv1dLayer>()
            .with::<UnflattenLayer>()
            .with::<ReverseLayer>()
            .with::<SliceLayer>()
            .with::<MaskingLayer>()
            .with::<PadLayer>()
            .with::<CropLayer>()
            .with::<ElementwiseLayer>()
            .with::<DistributeLayer>()
            .with::<CollectLayer>()
            .with::<CrfLayer>()
    }

    /// With the kinds of `S`, which take the place of kinds of the same names.
    pub fn with<S: LayerSpec>(mut self) -> Self {
        let add = |list: &mut Vec<(&'static str, ReadFields)>, names: &[&'static str]| {
            for &name in names {
                list.retain(|&(kind, _)| kind != name);
                list.push((name, read_fields::<S>));
            }
        };
        add(&mut self.kinds, S::KINDS);
        add(&mut self.aliases, S::ALIASES);
        self
    }

    /// The names of all kinds, as messages list them.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.iter().map(|&(kind, _)| kind)
    }

    /// A layer from its keys in TOML or JSON.
    pub fn layer(&self, mut map: Map<String, Value>) -> Result<LayerConfig> {
        let listed = || {
            let mut kinds: Vec<_> = self.kinds().collect();
            let last = kinds.pop().unwrap_or_default();
            format!("{} and {last}", kinds.join(", "))
        };
        let Some(Value::String(kind)) = map.remove("kind") else {
            return Err(Error::Invalid(format!("a layer needs a kind; there are {}", listed())));
        };
        let read = self.kinds.iter().chain(&self.aliases).find(|&&(name, _)| name == kind);
        let Some(&(_, read)) = read else {
            return Err(Error::Invalid(format!("no layer is of kind {kind:?}; there are {}", listed())));
        };
        let of_kind = |error: String| Error::Invalid(format!("a layer of kind {kind:?}: {error}"));
        let name = taken::<String>(&mut map, "name").map_err(of_kind)?;
        let from = taken::<OneOrMore>(&mut map, "from").map_err(of_kind)?;
        let trainable = taken::<bool>(&mut map, "trainable").map_err(of_kind)?;
        let learning_rate = taken::<f64>(&mut map, "learning_rate").map_err(of_kind)?;
        let noise = taken::<u32>(&mut map, "noise").map_err(of_kind)?;
        let mut layer = read(&kind, map).map_err(of_kind)?;
        let common = layer.common_mut();
        common.name = name;
        common.from = from.map_or_else(Vec::new, OneOrMore::into_names);
        common.trainable = trainable.unwrap_or(true);
        common.learning_rate = learning_rate.unwrap_or(1.0);
        common.noise = noise;
        Ok(layer)
    }
}

impl<'de> Deserialize<'de> for LayerConfig {
    /// Reads the kinds of layers that the crate has; [`Registry::layer`] reads others too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = serde_json::Map::deserialize(deserializer)?;
        Registry::standard().layer(map).map_err(de::Error::custom)
    }
}

fn read_fields<S: LayerSpec>(kind: &str, map: Map<String, Value>) -> Result<LayerConfig, String> {
    let mut spec: S = serde_json::from_value(Value::Object(map)).map_err(|error| error.to_string())?;
    spec.set_kind(kind).map_err(|error| error.to_string())?;
    Ok(spec.into())
}

/// A key's value, where it is there, no longer in the map.
fn taken<T: serde::de::DeserializeOwned>(
    map: &mut Map<String, Value>,
    key: &str,
) -> Result<Option<T>, String> {
    map.remove(key)
        .map(|value| serde_json::from_value(value).map_err(|error| format!("{key}: {error}")))
        .transpose()
}
