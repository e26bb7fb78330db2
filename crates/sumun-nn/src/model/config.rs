//! A model as data: its inputs, its layers and its outputs, from Rust or TOML and back.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use sumun_kernels::Precision;

use super::layer_config::{LayerConfig, OneOrMore};
use super::registry::Registry;
use crate::layer::Signal;
use crate::{Error, Result};

/// The key of how many bits weights have.
const PRECISION: &str = "precision";

/// What a model reads.
///
/// In TOML, `kind` is `ids`, `numbers` or `row`; without it, `vocabulary` says that there are ids and `features` numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Input {
    /// Ids such as words or characters, `[N, T]`, for an embedding.
    Ids {
        /// V: how many there are, `0 .. vocabulary`.
        vocabulary: usize,
    },
    /// Numbers, `[N, T, F]`.
    Numbers {
        /// F: how many at each step.
        features: usize,
    },
    /// One row of numbers a sequence, `[N, F]`, such as what is known of a whole series.
    Row {
        /// F: how many.
        features: usize,
    },
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
        enum Read {
            Ids { vocabulary: usize },
            Numbers { features: usize },
            Row { features: usize },
        }
        let mut map = serde_json::Map::deserialize(deserializer)?;
        if !map.contains_key("kind") {
            let kind = if map.contains_key("vocabulary") { "ids" } else { "numbers" };
            map.insert("kind".into(), kind.into());
        }
        let read = serde_json::from_value(map.into()).map_err(de::Error::custom)?;
        Ok(match read {
            Read::Ids { vocabulary } => Self::Ids { vocabulary },
            Read::Numbers { features } => Self::Numbers { features },
            Read::Row { features } => Self::Row { features },
        })
    }
}

impl Input {
    /// Ids below `vocabulary`.
    pub fn ids(vocabulary: usize) -> Self {
        Self::Ids { vocabulary }
    }

    /// So many numbers at each step.
    pub fn numbers(features: usize) -> Self {
        Self::Numbers { features }
    }

    /// So many numbers a sequence.
    pub fn row(features: usize) -> Self {
        Self::Row { features }
    }

    /// What a batch for it is, as messages write it.
    pub(super) fn described(self) -> String {
        match self {
            Self::Ids { .. } => "ids [N, T]".into(),
            Self::Numbers { features } => format!("numbers [N, T, {features}]"),
            Self::Row { features } => format!("numbers [N, {features}]"),
        }
    }

    /// What it passes on.
    pub(super) fn signal(self) -> Signal {
        match self {
            Self::Ids { vocabulary } => Signal::Ids(vocabulary),
            Self::Numbers { features } => Signal::Steps(features),
            Self::Row { features } => Signal::Once(features),
        }
    }
}

/// Inputs, layers and outputs: all that a [`Model`](super::Model) is but its weights.
///
/// A layer reads the layer before it, or the inputs and earlier layers that its `from` names. A list of layers on one input
/// needs no such names:
///
/// ```
/// use sumun_nn::model::ModelConfig;
/// let config = ModelConfig::from_toml(r#"
///     [input]
///     kind = "ids"
///     vocabulary = 10_000
///
///     [[layers]]
///     kind = "embedding"
///     features = 64
///     mask_zero = true
///
///     [[layers]]
///     kind = "lstm"
///     units = 64
///     bidirectional = true
///
///     [[layers]]
///     kind = "dense"
///     units = 1
///     activation = "sigmoid"
/// "#)?;
/// assert_eq!(ModelConfig::from_toml(&config.to_toml()?)?, config);
/// let model = config.build(7)?;
/// assert_eq!(model.parameters().entries()[0].name, "embedding.weight");
/// # Ok::<(), sumun_nn::Error>(())
/// ```
///
/// In a graph, a layer names what it reads:
///
/// ```
/// # use sumun_nn::model::ModelConfig;
/// let config = ModelConfig::from_toml(r#"
///     outputs = ["kind", "place"]
///
///     [inputs]
///     words = { vocabulary = 5000 }
///     letters = { vocabulary = 80 }
///
///     [[layers]]
///     kind = "embedding"
///     name = "word"
///     from = "words"
///     features = 32
///
///     [[layers]]
///     kind = "lstm"
///     name = "memory"
///     units = 24
///
///     [[layers]]
///     kind = "embedding"
///     name = "letter"
///     from = "letters"
///     features = 8
///
///     [[layers]]
///     kind = "gru"
///     name = "spelling"
///     units = 12
///
///     [[layers]]
///     kind = "dense"
///     name = "kind"
///     from = "memory"
///     units = 3
///
///     [[layers]]
///     kind = "dense"
///     name = "place"
///     from = "spelling"
///     units = 7
/// "#)?;
/// let model = config.build(7)?;
/// assert_eq!(model.output_names().collect::<Vec<_>>(), ["kind", "place"]);
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// The inputs by name; a model with one may leave its name to be [`INPUT`](Self::INPUT).
    pub inputs: BTreeMap<String, Input>,
    /// The layers, each after those that it reads.
    pub layers: Vec<LayerConfig>,
    /// The layers whose rows are the model's outputs, by name; the last one where there are none.
    pub outputs: Vec<String>,
    /// How many bits the numbers of products have; in TOML `precision = "bf16"`, or `"int8"` for inference alone, with which tables
    /// have 8 bits too.
    pub precision: Precision,
}

impl Serialize for ModelConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        // Values before tables, as TOML wants them.
        if self.precision != Precision::F32 {
            map.serialize_entry(PRECISION, self.precision.name())?;
        }
        if let Some(outputs) = OneOrMore::of(&self.outputs) {
            map.serialize_entry("outputs", &outputs)?;
        }
        match self.inputs.get(Self::INPUT) {
            Some(input) if self.inputs.len() == 1 => map.serialize_entry("input", input)?,
            _ => map.serialize_entry("inputs", &self.inputs)?,
        }
        map.serialize_entry("layers", &self.layers)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for ModelConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::deserialize(deserializer)?;
        Self::read(map, &Registry::standard()).map_err(de::Error::custom)
    }
}

impl ModelConfig {
    /// The name of the only input of a model where none is given.
    pub const INPUT: &'static str = "input";

    /// No layers yet, on one input.
    pub fn new(input: Input) -> Self {
        let inputs = BTreeMap::from([(Self::INPUT.to_owned(), input)]);
        Self { inputs, ..Self::empty() }
    }

    /// No inputs and no layers yet.
    pub(crate) fn empty() -> Self {
        Self { inputs: BTreeMap::new(), layers: Vec::new(), outputs: Vec::new(), precision: Precision::F32 }
    }

    /// The input of a model that has one; None of others.
    pub fn input(&self) -> Option<Input> {
        self.inputs.values().next().copied().filter(|_| self.inputs.len() == 1)
    }

    /// An input's name as messages write it.
    pub(super) fn said(name: &str) -> &str {
        if name == Self::INPUT { "the input" } else { name }
    }

    /// Reads a model from the keys of TOML or JSON.
    fn read(mut map: Map<String, Value>, registry: &Registry) -> Result<Self> {
        let invalid = |key: &str, error: &dyn std::fmt::Display| Error::Invalid(format!("{key}: {error}"));
        let inputs = match (map.remove("input"), map.remove("inputs")) {
            (Some(input), None) => {
                let input = serde_json::from_value(input).map_err(|error| invalid("input", &error))?;
                BTreeMap::from([(Self::INPUT.to_owned(), input)])
            }
            (None, Some(Value::Object(inputs))) => inputs
                .into_iter()
                .map(|(name, input)| {
                    let input = serde_json::from_value(input)
                        .map_err(|error| invalid(&format!("the input {name}"), &error))?;
                    Ok((name, input))
                })
                .collect::<Result<_>>()?,
            (None, Some(_)) => {
                return Err(Error::Invalid("inputs: expected a table of inputs by name".into()));
            }
            (Some(_), Some(_)) => {
                return Err(Error::Invalid(
                    "a model has input or inputs, not both; put all under inputs".into(),
                ));
            }
            (None, None) => return Err(Error::Invalid("missing field `input`".into())),
        };
        let layers = match map.remove("layers") {
            Some(Value::Array(layers)) => layers
                .into_iter()
                .map(|layer| match layer {
                    Value::Object(layer) => registry.layer(layer),
                    _ => Err(Error::Invalid("layers: expected a table for each layer".into())),
                })
                .collect::<Result<_>>()?,
            Some(_) => return Err(Error::Invalid("layers: expected a list of layers".into())),
            None => return Err(Error::Invalid("missing field `layers`".into())),
        };
        let outputs = match map.remove("outputs") {
            Some(outputs) => serde_json::from_value::<OneOrMore>(outputs)
                .map_err(|_| {
                    Error::Invalid("outputs: expected the name of a layer, or a list of names".into())
                })?
                .into_names(),
            None => Vec::new(),
        };
        let precision = match map.remove(PRECISION) {
            None => Precision::F32,
            Some(found) => found.as_str().and_then(Precision::named).ok_or_else(|| {
                Error::Invalid(format!("{PRECISION}: expected \"f32\", \"bf16\" or \"int8\", found {found}"))
            })?,
        };
        match map.keys().next() {
            Some(key) => Err(Error::Invalid(format!(
                "unknown field `{key}`, expected `input`, `inputs`, `layers`, `outputs` or `precision`"
            ))),
            None => Ok(Self { inputs, layers, outputs, precision }),
        }
    }

    /// Reads a model from JSON, as model files hold it, with the layers that the registry has.
    #[cfg(feature = "files")]
    pub(super) fn from_json_with(value: Value, registry: &Registry) -> Result<Self> {
        match value {
            Value::Object(map) => Self::read(map, registry),
            _ => Err(Error::Invalid("expected a table".into())),
        }
    }
}

#[cfg(feature = "files")]
impl ModelConfig {
    /// Reads a model from TOML. Unknown kinds and options are errors; whether the layers fit each other is seen when
    /// the model is built.
    pub fn from_toml(text: &str) -> Result<Self> {
        Self::from_toml_with(text, &Registry::standard())
    }

    /// As [`from_toml`](Self::from_toml), with layers that the registry has beside those of the crate.
    pub fn from_toml_with(text: &str, registry: &Registry) -> Result<Self> {
        let map = toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let place = before
                .map_or_else(String::new, |text| format!("line {} of ", 1 + text.matches('\n').count()));
            let message: Vec<&str> = error.message().split_whitespace().collect();
            Error::Invalid(format!("{place}the model: {}", message.join(" ")))
        })?;
        Self::read(map, registry).map_err(|error| Error::Invalid(format!("the model: {error}")))
    }

    /// The model as TOML, which [`from_toml`](Self::from_toml) reads back to the same model. Settings that say what is
    /// so anyway are left out.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|error| Error::Invalid(format!("the model cannot be written as TOML: {error}")))
    }
}
