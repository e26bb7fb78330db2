//! ONNX graphs as models, and models as ONNX graphs.
//!
//! [`read`] walks the nodes of a graph in their order and works out what each value is without running it: a constant, a
//! length, rows of a layer with their axes, or states. Nodes that compute become layers; transposes, reshapes, shapes and the
//! like only say which axis is which, and cost nothing where the model runs. What no layer here is, is an error that names
//! the node. [`Import::apply`] takes and returns arrays by the graph's own names and in its own layouts.
//!
//! [`write()`] makes a graph of a model, for any number of sequences and steps.

mod arithmetic;
mod axes;
mod finish;
mod fold;
mod functions;
mod graph;
mod interface;
mod joins;
mod layers;
mod node;
mod operators;
mod parts;
mod recurrent;
mod reshape;
mod states;
mod value;
mod views;
mod write;

use sumun_formats::onnx::OnnxModel;

use super::Import;
use crate::Result;

pub use interface::{Interface, OnnxArray};
pub use write::{OnnxOptions, write};

/// Reads a graph as a model, whose [`interface`](Import::interface) has the graph's own arrays. Errors name the node: an
/// operator that no layer here is, axes that a layer does not compute along, a constant that depends on what the model is
/// given.
pub fn read(model: &OnnxModel) -> Result<Import> {
    let mut reader = graph::Reader::new(model)?;
    reader.walk(&model.graph)?;
    reader.finish(&model.graph)
}
