//! A cell of one's own in a model.

use std::any::Any;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value as Json};

use super::{Custom, CustomCache, CustomCell, CustomConfig, weights};
use crate::layer::{
    BackwardCall, Building, Call, Common, InputGradients, Kept, LayerOutput, LayerSpec, Planning, Signal,
    Stage, StateShape, Value, only, only_wanted, standard,
};
use crate::nn::{Merge, Output};
use crate::noise::Noise;
use crate::{Error, Layout, Result, Rows};

/// The most layers of one stack: each has noise of its own.
const MOST_STACKED: usize = 100;

/// A [`CustomCell`] that models may be made of, in Rust and from TOML: its fields are read and written.
pub trait NamedCell: CustomCell + Clone + PartialEq + Serialize + DeserializeOwned + 'static {
    /// What TOML and files call a layer of it.
    const KIND: &'static str;
}

/// A layer of cells of one's own in a model, one or several layers deep, in one direction or two.
///
/// In TOML the cell's own fields stand beside the layer's: `layers`, `bidirectional`, `merge`, `dropout`,
/// `return_sequences` and `initial`, whose names the cell leaves free. Readers of a model that has one are given a registry
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
            return_sequences: bool,
            #[serde(default)]
            initial: Option<String>,
        }
        const OWN: [&str; 6] = ["layers", "bidirectional", "merge", "dropout", "return_sequences", "initial"];
        let map = Map::deserialize(deserializer)?;
        let (own, of_cell): (Map<_, _>, Map<_, _>) =
            map.into_iter().partition(|(key, _)| OWN.contains(&key.as_str()));
        let Fields { layers, bidirectional, merge, dropout, return_sequences, initial } =
            serde_json::from_value(Json::Object(own)).map_err(de::Error::custom)?;
        let cell = serde_json::from_value(Json::Object(of_cell)).map_err(de::Error::custom)?;
        let common = Common::default();
        Ok(Self { common, cell, layers, bidirectional, merge, dropout, return_sequences, initial })
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
        let both = if self.bidirectional { "Bidirectional " } else { "" };
        let layers = if self.layers > 1 { format!(" × {}", self.layers) } else { String::new() };
        format!("{both}{}{layers}", C::KIND)
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
        if self.layers > MOST_STACKED {
            return Err(at.error(format!("layers is {}; it is at most {MOST_STACKED}", self.layers)));
        }
        if self.dropout != 0.0 && self.layers == 1 {
            return Err(at.error("dropout is between its layers, of which it has one; use a dropout layer"));
        }
        let config = self.config(features);
        config.check(&self.cell).map_err(|error| at.error(error))?;
        for (_, name, weight) in weights(&self.cell, &config) {
            at.weight(&name, &weight.shape, None)?;
        }
        let (hidden, cell) = (self.cell.hidden(), self.cell.cell());
        at.state(StateShape { count: self.layers * config.directions(), hidden, cell })?;
        let out = config.output_features(&self.cell);
        Ok(if self.return_sequences { Signal::Steps(out) } else { Signal::Once(out) })
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let config = self.config(at.input());
        let stack = Custom::new(self.cell.clone(), config, at.parameters, at.name, at.rng);
        Ok(Box::new(CellStage { name: at.name.to_owned(), stack: stack.map_err(|error| at.error(error))? }))
    }
}

/// A stack of cells of one's own in a model.
#[derive(Debug)]
struct CellStage<C> {
    name: String,
    stack: Custom<C>,
}

/// What its backward pass needs: the stack's cache, and the shape of the output.
type CellCache = (CustomCache, (usize, Arc<Layout>));

impl<C> CellStage<C> {
    /// An error with the layer's name.
    fn named(&self, error: Error) -> Error {
        Error::Invalid(format!("{}: {error}", self.name))
    }
}

impl<C: NamedCell> Stage for CellStage<C> {
    fn forward(&self, call: Call<'_>, inputs: Vec<Value>) -> Result<LayerOutput> {
        let x = only(inputs)?.rows()?;
        let (rows, state) = self
            .stack
            .forward_with_state(call.parameters, x, call.initial)
            .map_err(|error| self.named(error))?;
        Ok(LayerOutput { rows, state: Some(state) })
    }

    fn forward_train(&self, call: Call<'_>, inputs: Vec<Value>, noise: Noise) -> Result<(LayerOutput, Kept)> {
        let x = only(inputs)?.rows()?;
        let (rows, state, cache) = self
            .stack
            .forward_train_with_state(call.parameters, x, call.initial, noise)
            .map_err(|error| self.named(error))?;
        let kept: CellCache = (cache, (rows.features, rows.layout.clone()));
        Ok((LayerOutput { rows, state: Some(state) }, Kept::new(kept)))
    }

    fn backward(&self, kept: Kept, call: BackwardCall<'_>) -> Result<InputGradients> {
        let (cache, (features, layout)) = kept.into::<CellCache>()?;
        let d_out = match call.d_out {
            Some(d_out) => d_out,
            // Only the last state is used.
            None => Rows::new(vec![0.0; layout.rows() * features], features, layout)?,
        };
        let (wanted, d_state) = (only_wanted(call.wanted), call.d_state.as_ref());
        let (d, initial) = self
            .stack
            .backward_with_state(call.parameters, cache, d_out, d_state, wanted)
            .map_err(|error| self.named(error))?;
        Ok(InputGradients { inputs: vec![d], initial: Some(initial) })
    }

    fn layer(&self) -> &dyn Any {
        &self.stack
    }

    fn layer_mut(&mut self) -> &mut dyn Any {
        &mut self.stack
    }
}
