//! What each layer of a model reads and returns, for those who write it in another form.

use super::network::Model;
use crate::layer::Signal;

/// A layer in its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlannedCall {
    pub(crate) name: String,
    /// The names of what it reads.
    pub(crate) reads: Vec<String>,
    /// What that is.
    pub(crate) inputs: Vec<Signal>,
    pub(crate) output: Signal,
}

impl Model {
    /// The layers in their order.
    pub(crate) fn calls(&self) -> Vec<PlannedCall> {
        let of_layer = |layer: &super::plan::PlannedLayer| PlannedCall {
            name: layer.name.clone(),
            reads: layer.reads.iter().map(|&source| self.graph.source_name(source).to_owned()).collect(),
            inputs: layer.inputs.clone(),
            output: layer.output,
        };
        self.graph.plan.layers.iter().map(of_layer).collect()
    }
}
