//! The built layers of a model, and what each of them reads.

use super::config::ModelConfig;
use super::plan::{Plan, PlannedLayer, Source};
use crate::layer::{Signal, Stage};
use crate::nn::{Activation, Crf, Dense, InputGradient};
use crate::{Error, Parameters, Result};

/// A model without its parameters.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) config: ModelConfig,
    pub(super) plan: Plan,
    pub(super) layers: Vec<Box<dyn Stage>>,
}

impl Graph {
    pub(super) fn input_names(&self) -> impl Iterator<Item = &str> {
        self.config.inputs.keys().map(String::as_str)
    }

    pub(super) fn layer_names(&self) -> impl Iterator<Item = &str> {
        self.plan.layers.iter().map(|layer| layer.name.as_str())
    }

    /// Whether every output has one row a sequence.
    pub(super) fn returns_once(&self) -> bool {
        self.plan.outputs.iter().all(|&output| match output {
            Source::Layer(index) => matches!(self.plan.layers[index].output, Signal::Once(_)),
            Source::Input(_) => false,
        })
    }

    /// A layer's place by its name.
    pub(super) fn index(&self, layer: &str) -> Result<usize> {
        self.layer_names().position(|name| name == layer).ok_or_else(|| {
            let names: Vec<&str> = self.layer_names().collect();
            Error::Invalid(format!("the model has no layer {layer:?}; it has {}", names.join(", ")))
        })
    }

    /// The name of an input or a layer.
    pub(super) fn source_name(&self, source: Source) -> &str {
        match source {
            Source::Layer(index) => &self.plan.layers[index].name,
            Source::Input(index) => self.config.inputs.keys().nth(index).map_or("", String::as_str),
        }
    }

    /// Which layers and inputs a backward pass reaches.
    pub(super) fn needs_gradient(&self, parameters: &Parameters, inputs: InputGradient) -> Needs {
        let trained = |layer: &PlannedLayer| {
            let ids = layer.weights.iter().filter_map(|weight| parameters.find(&weight.name));
            ids.into_iter().any(|id| parameters.entry(id).trainable)
        };
        let mut needs = Needs {
            inputs: vec![inputs == InputGradient::Needed; self.config.inputs.len()],
            layers: Vec::with_capacity(self.layers.len()),
        };
        for layer in &self.plan.layers {
            let below = layer.reads.iter().any(|&source| needs.of(source));
            let initial = layer.initial.is_some_and(|index| needs.layers[index]);
            needs.layers.push(trained(layer) || below || initial);
        }
        needs
    }

    /// The layer of the only output and what it reads, where it is a dense layer without an activation that nothing else
    /// reads and that training reaches.
    pub(super) fn linear_head(&self, parameters: &Parameters) -> Option<(usize, Source)> {
        let &[Source::Layer(head)] = self.plan.outputs.as_slice() else { return None };
        let dense = self.layers[head].layer().downcast_ref::<Dense>()?;
        let read = self.plan.layers.iter().any(|layer| layer.reads.contains(&Source::Layer(head)));
        let trained = self.needs_gradient(parameters, InputGradient::Skip).of(Source::Layer(head));
        let &[from] = self.plan.layers[head].reads.as_slice() else { return None };
        (dense.config().activation == Activation::Linear && !read && trained).then_some((head, from))
    }

    /// The conditional random field that the only output comes from.
    pub(super) fn crf(&self) -> Option<&Crf> {
        let &[Source::Layer(last)] = self.plan.outputs.as_slice() else { return None };
        self.layers[last].layer().downcast_ref()
    }
}

/// Which inputs and layers a backward pass reaches: those with weights that are trained, and all that read them.
#[derive(Debug)]
pub(super) struct Needs {
    inputs: Vec<bool>,
    layers: Vec<bool>,
}

impl Needs {
    pub(super) fn of(&self, source: Source) -> bool {
        match source {
            Source::Input(index) => self.inputs[index],
            Source::Layer(index) => self.layers[index],
        }
    }
}

/// An error of a layer, with its name.
pub(super) fn named<E: std::fmt::Display>(layer: &str) -> impl Fn(E) -> Error {
    move |error| Error::Invalid(format!("{layer}: {error}"))
}
