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
mod cells;
mod finish;
mod fold;
mod found;
mod functions;
mod graph;
mod interface;
mod joins;
mod layers;
mod loops;
mod masks;
mod node;
mod operators;
mod pads;
mod parts;
mod recurrent;
mod reshape;
mod sequences;
mod shares;
mod starts;
mod states;
mod unrolled;
mod value;
mod views;
mod within;
mod write;

use std::collections::BTreeMap;

use sumun_formats::onnx::OnnxModel;

use graph::Told;

use super::Import;
use crate::Result;

pub use interface::{Interface, OnnxArray};
pub use write::{OnnxOptions, write};

/// Reads a graph as a model, whose [`interface`](Import::interface) has the graph's own arrays. Errors name the node: an
/// operator that no layer here is, axes that a layer does not compute along, a constant that depends on what the model is
/// given.
pub fn read(model: &OnnxModel) -> Result<Import> {
    read_with(model, &BTreeMap::new())
}

/// As [`read`], for a graph that does different things for different values of an input of one number, such as a sample rate:
/// `known` has the number that the input has whenever the model runs. It need not be given then.
///
/// Further errors: an input that the graph does not have, or that is not one number. The advice of an error that wants a number
/// names the setting `set_input`.
pub fn read_with(model: &OnnxModel, known: &BTreeMap<String, f64>) -> Result<Import> {
    let told = Told { known: Some(known), distributed: None };
    let mut reader = graph::Reader::new(model, &told)?;
    let Err(error) = reader.walk(&model.graph) else { return reader.finish(&model.graph) };
    // Of frames that are sequences first and steps then.
    let Some(distributed) = reader.wants_distributed else { return Err(error) };
    let mut again = graph::Reader::new(model, &Told { distributed: Some(distributed), ..told })?;
    again.walk(&model.graph)?;
    again.finish(&model.graph)
}
