//! The layers of Keras that have been written, and their weights.

use std::collections::{HashMap, HashSet};

use sumun_formats::Tensor;
use sumun_formats::keras::{Call, Layer, LayerWeights, Part, Settings, Source, Value};

use super::super::names::fresh;
use crate::error::quoted;
use crate::layer::Signal;
use crate::model::{Input, LayerConfig, Model, PlannedCall};
use crate::nn::{EmbeddingLayer, MaskingLayer, RecurrentLayer};
use crate::{Error, Result};

pub(super) struct Writer<'a> {
    pub(super) model: &'a Model,
    pub(super) layers: Vec<Layer>,
    pub(super) weights: Vec<LayerWeights>,
    pub(super) taken: HashSet<String>,
    /// For each input and layer here, the layer there that returns the same.
    pub(super) ends: HashMap<String, Source>,
}

/// Why a layer cannot be written.
pub(super) fn refused(layer: &LayerConfig, name: &str, why: impl std::fmt::Display) -> Error {
    Error::Model(format!("the layer {} ({}) as one of Keras: {why}", quoted(name), layer.kind()))
}

impl Writer<'_> {
    pub(super) fn input(&mut self, name: &str, input: Input) {
        let (shape, dtype): (Vec<Value>, _) = match input {
            Input::Ids { .. } => (vec![Value::Null, Value::Null], "int32"),
            Input::Numbers { features } => (vec![Value::Null, Value::Null, features.into()], "float32"),
            Input::Row { features } => (vec![Value::Null, features.into()], "float32"),
        };
        let settings = Settings::from([("batch_shape", shape.into()), ("dtype", dtype.into())]);
        self.layers.push(Layer {
            class: "InputLayer".into(),
            name: name.into(),
            settings,
            calls: vec![Call::default()],
            model: None,
            shapes: vec![shape_of(match input {
                Input::Ids { vocabulary } => Signal::Ids(vocabulary),
                Input::Numbers { features } => Signal::Steps(features),
                Input::Row { features } => Signal::Once(features),
            })],
        });
        self.weights.push(LayerWeights::default());
        self.taken.insert(name.into());
        self.ends.insert(name.into(), Source::of(name));
    }

    /// The layer there that returns what a layer here does.
    pub(super) fn end(&self, name: &str) -> Source {
        self.ends.get(name).cloned().unwrap_or_else(|| Source::of(name))
    }

    pub(super) fn fresh(&mut self, stem: &str) -> String {
        fresh(&mut self.taken, stem)
    }

    /// Appends a layer, and returns its output.
    pub(super) fn push(
        &mut self,
        class: &str,
        name: &str,
        settings: Settings,
        call: Call,
        parts: Vec<(&str, Vec<(&str, Tensor)>)>,
        output: Signal,
    ) -> Source {
        let parts = parts.into_iter().map(|(path, arrays)| Part {
            path: path.into(),
            arrays: arrays.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect(),
        });
        self.weights.push(LayerWeights { parts: parts.collect() });
        self.layers.push(Layer {
            class: class.into(),
            name: name.into(),
            settings,
            calls: vec![call],
            model: None,
            shapes: vec![shape_of(output)],
        });
        Source::of(name)
    }

    /// A weight of a layer here.
    pub(super) fn values(&self, layer: &str, leaf: &str) -> Result<Vec<f32>> {
        let name = format!("{layer}.{leaf}");
        let parameters = self.model.parameters();
        match parameters.entries().iter().find(|entry| entry.name == name) {
            Some(entry) => Ok(parameters.values()[entry.range.clone()].to_vec()),
            None => Err(Error::Model(format!("there is no weight {}", quoted(&name)))),
        }
    }

    /// Whether a layer says that some ids, or some numbers, are no steps.
    pub(super) fn is_masked(&self) -> bool {
        let masks = |layer: &LayerConfig| {
            layer.get::<MaskingLayer>().is_some()
                || layer.get::<EmbeddingLayer>().is_some_and(|layer| layer.mask_zero)
        };
        self.model.config().layers.iter().any(masks)
    }

    /// Whether the last of all steps has the row of the last one that is there: where nothing masks steps, and where one direction of
    /// a recurrent layer alone gives them.
    pub(super) fn holds_last(&self, at: &PlannedCall) -> bool {
        let mut layers = self.model.config().layers.iter().zip(self.model.layer_names());
        let read = layers.find(|(_, name)| at.reads.first().is_some_and(|read| read == name));
        let own = read.and_then(|(layer, _)| layer.get::<RecurrentLayer>());
        !self.is_masked() || own.is_some_and(|own| !own.bidirectional && !own.go_backwards)
    }
}

/// The axes of what flows.
fn shape_of(signal: Signal) -> Vec<Option<usize>> {
    match signal {
        Signal::Ids(_) => vec![None, None],
        Signal::Steps(features) => vec![None, None, Some(features)],
        Signal::Once(features) => vec![None, Some(features)],
    }
}
