//! What each layer of a model reads and returns, for those who write it in another form.

use super::network::Model;
use super::plan::Source;
use crate::layer::Signal;

/// A layer's place among the others.
#[derive(Debug, Clone)]
pub(crate) struct Wired {
    pub(crate) name: String,
    /// The inputs and layers that it reads, by name, with what they pass on.
    pub(crate) reads: Vec<(String, Signal)>,
    pub(crate) output: Signal,
    /// The layer whose last states it begins with.
    pub(crate) initial: Option<String>,
}

impl Model {
    /// The wiring of every layer, in order.
    pub(crate) fn wiring(&self) -> Vec<Wired> {
        let name = |source: Source| self.graph.source_name(source).to_owned();
        let layers = self.graph.plan.layers.iter().map(|layer| Wired {
            name: layer.name.clone(),
            reads: layer.reads.iter().map(|&source| name(source)).zip(layer.inputs.iter().copied()).collect(),
            output: layer.output,
            initial: layer.initial.map(|index| name(Source::Layer(index))),
        });
        layers.collect()
    }
}
