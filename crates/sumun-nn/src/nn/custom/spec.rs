//! A user's own cell in a model.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value as Json};

use super::cell::CustomCell;
use super::{Custom, CustomConfig};
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, standard};
use crate::nn::stack::{Merge, Output, StackStage, expect_stack, plan_stack, title};

/// A [`CustomCell`] that models may be made of, in Rust and from TOML: its fields are read and written.
pub trait NamedCell: CustomCell + Clone + PartialEq + Serialize + DeserializeOwned + 'static {
    /// What TOML and files call a layer of it.
    const KIND: &'static str;
}

/// A layer of a user's cells in a model, one or several layers deep, in one direction or two.
///
/// In TOML the cell's own fields are beside the layer's: `layers`, `bidirectional`, `merge`, `dropout`, `input_dropout`,
/// `go_backwards`, `return_sequences` and `initial`. A cell has no fields of these names. Readers of a model that has one are given a registry
/// with it, [`Registry::with::<CellLayer<C>>`](crate::model::Registry::with). `examples/own_layer.rs` shows all of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellLayer<C> {
    /// Its name, what it reads, and how training treats its weights.
    #[serde(skip)]
    pub common: Common,
    /// The cell.
    #[serde(flatten)]
    pub cell: C,
    /// L: so many layers on top of each other.
    #[serde(skip_serializing_if = "standard::is_one_layer")]
    pub layers: usize,
    /// Whether a second direction reads each sequence from its own last step.
    #[serde(skip_serializing_if = "standard::is_default")]
    pub bidirectional: bool,
    /// How the outputs of two directions become one.
    #[serde(skip_serializing_if = "standard::is_default")]
    pub merge: Merge,
    /// The probability of losing an element between its layers, in training.
    #[serde(skip_serializing_if = "standard::is_default")]
    pub dropout: f32,
    /// The same for every layer's input, one mask a sequence (Keras' `dropout`).
    #[serde(skip_serializing_if = "standard::is_default")]
    pub input_dropout: f32,
    /// One direction only: whether it reads the time axis from its end (Keras' `go_backwards`). Rows at every step come in
    /// processing order, the first of the last step, and the layers above read them so.
    #[serde(skip_serializing_if = "standard::is_default")]
    pub go_backwards: bool,
    /// Whether it returns a row at every step; else one a sequence, its last hidden state.
    #[serde(skip_serializing_if = "standard::is_default")]
    pub return_sequences: bool,
    /// The layer whose last state is its first, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial: Option<String>,
}

impl<'de, C: NamedCell> Deserialize<'de> for CellLayer<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// The layer's own fields.
        #[derive(Deserialize)]
        struct Fields {
            #[serde(default = "standard::one_layer")]
            layers: usize,
            #[serde(default)]
            bidirectional: bool,
            #[serde(default)]
            merge: Merge,
            #[serde(default)]
            dropout: f32,
            #[serde(default)]
            input_dropout: f32,
            #[serde(default)]
            go_backwards: bool,
            #[serde(default)]
            return_sequences: bool,
            #[serde(default)]
            initial: Option<String>,
        }
        const OWN: [&str; 8] = [
            "layers",
            "bidirectional",
            "merge",
            "dropout",
            "input_dropout",
            "go_backwards",
            "return_sequences",
            "initial",
        ];
        let map = Map::deserialize(deserializer)?;
        let (own, of_cell): (Map<_, _>, Map<_, _>) =
            map.into_iter().partition(|(key, _)| OWN.contains(&key.as_str()));
        let own: Fields = serde_json::from_value(Json::Object(own)).map_err(de::Error::custom)?;
        let cell = serde_json::from_value(Json::Object(of_cell)).map_err(de::Error::custom)?;
        Ok(Self {
            common: Common::default(),
            cell,
            layers: own.layers,
            bidirectional: own.bidirectional,
            merge: own.merge,
            dropout: own.dropout,
            input_dropout: own.input_dropout,
            go_backwards: own.go_backwards,
            return_sequences: own.return_sequences,
            initial: own.initial,
        })
    }
}

impl<C> CellLayer<C> {
    /// One layer of the cell in one direction that returns its last hidden state.
    pub fn new(cell: C) -> Self {
        Self {
            common: Common::default(),
            cell,
            layers: 1,
            bidirectional: false,
            merge: Merge::Concat,
            dropout: 0.0,
            input_dropout: 0.0,
            go_backwards: false,
            return_sequences: false,
            initial: None,
        }
    }

    /// So many layers on top of each other.
    pub fn layers(self, layers: usize) -> Self {
        Self { layers, ..self }
    }

    /// With a second direction, or without.
    pub fn bidirectional(self, bidirectional: bool) -> Self {
        Self { bidirectional, ..self }
    }

    /// How the outputs of two directions become one.
    pub fn merge(self, merge: Merge) -> Self {
        Self { merge, ..self }
    }

    /// The probability of losing an element between its layers, in training.
    pub fn dropout(self, dropout: f32) -> Self {
        Self { dropout, ..self }
    }

    /// The same for every layer's input, one mask a sequence.
    pub fn input_dropout(self, input_dropout: f32) -> Self {
        Self { input_dropout, ..self }
    }

    /// Whether it reads the time axis from its end.
    pub fn go_backwards(self, go_backwards: bool) -> Self {
        Self { go_backwards, ..self }
    }

    /// Begins with the last states of another layer, by name.
    pub fn initial(self, layer: impl Into<String>) -> Self {
        Self { initial: Some(layer.into()), ..self }
    }

    /// Whether it returns a row at every step.
    pub fn return_sequences(self, return_sequences: bool) -> Self {
        Self { return_sequences, ..self }
    }

    fn config(&self, input: usize) -> CustomConfig {
        CustomConfig {
            input,
            layers: self.layers,
            bidirectional: self.bidirectional,
            merge: self.merge,
            dropout: self.dropout,
            input_dropout: self.input_dropout,
            output: if self.return_sequences { Output::Sequence } else { Output::Last },
        }
    }
}

impl<C: NamedCell> LayerSpec for CellLayer<C> {
    const KINDS: &'static [&'static str] = &[C::KIND];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        title(C::KIND, self.layers, self.bidirectional)
    }

    fn print(&self, input: Signal) -> (String, Vec<String>) {
        let features = input.features().unwrap_or(0);
        let mut options = vec![features.to_string(), self.cell.hidden().to_string()];
        if self.layers > 1 {
            options.push(format!("num_layers={}", self.layers));
        }
        if self.bidirectional {
            options.push("bidirectional=True".into());
        }
        if self.go_backwards {
            options.push("go_backwards=True".into());
        }
        (C::KIND.into(), options)
    }

    fn initial(&self) -> Option<&str> {
        self.initial.as_deref()
    }

    fn to_keep_steps(&self, name: &str) -> String {
        format!("give {name} return_sequences = true")
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let features = at.steps()?;
        at.size("the hidden state", self.cell.hidden())?;
        let config = self.config(features);
        let stack = config.arrangement(&self.cell);
        expect_stack(at, &stack, self.go_backwards)?;
        config.check(&self.cell).map_err(|error| at.error(error))?;
        for (_, name, weight) in config.weights(&self.cell) {
            at.weight(&name, &weight.shape, None)?;
        }
        plan_stack(at, &stack)
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let config = self.config(at.input());
        let stack = Custom::new(self.cell.clone(), config, at.parameters, at.name, at.rng);
        Ok(Box::new(StackStage::new(at, stack, self.go_backwards)?))
    }
}
