//! A model as an ONNX graph.
//!
//! Rows are `[N, T, F]` between layers, and turned where an operator has other layouts. The graph holds any number of sequences
//! and steps.

mod layers;
mod nodes;
mod pools;
mod recurrent;

use sumun_formats::onnx::OnnxModel;

use nodes::Writer;

use crate::Result;
use crate::layer::Signal;
use crate::model::{Input, Model};

/// The version of the operators: the first that has layer normalisation.
const OPSET: i64 = 17;

/// The version of the file that goes with it.
const IR_VERSION: i64 = 8;

/// What a graph has beside a model's inputs and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnnxOptions {
    /// An input `lengths` `[N]`, 32-bit integers: each sequence ends there, and outputs past it are zeros.
    pub lengths: bool,
    /// The states of recurrent layers: inputs `h_0` and `c_0`, outputs `h_n` and `c_n`, each `[L·D, N, H]`, with `.` and the
    /// layer's name behind where there are several layers.
    pub states: bool,
    /// The scores that a conditional random field reads as the output of its layer, for a program that finds the tags itself.
    /// Without this, such a layer is an error: a graph does not choose tags together.
    pub scores: bool,
}

/// Writes a model as a graph whose inputs and outputs have the model's names, `output` where there is one output: numbers
/// `[N, T, F]`, ids `[N, T]` of 64 bits, rows `[N, F]`.
///
/// Errors: what no ONNX operator computes, with the layer's name: cells that ONNX has not
/// ([`representable_in`](crate::nn::RecurrentConfig::representable_in)), masked ids, and with lengths, layers that change them.
pub fn write(model: &Model, options: OnnxOptions) -> Result<OnnxModel> {
    let mut writer = Writer::new(model, options)?;
    for (name, input) in &model.config().inputs {
        let signal = match *input {
            Input::Ids { vocabulary } => Signal::Ids(vocabulary),
            Input::Numbers { features } => Signal::Steps(features),
            Input::Row { features } => Signal::Once(features),
        };
        writer.input(name, signal);
    }
    let wiring = model.wiring();
    for (layer, wired) in model.config().layers.iter().zip(&wiring) {
        writer.layer(layer, wired)?;
    }
    let names: Vec<String> = model.output_names().map(str::to_owned).collect();
    for (name, signal) in names.iter().zip(model.output_signals()) {
        let shown = if names.len() == 1 { super::super::apply::OUTPUT } else { name };
        writer.output(name, shown, signal)?;
    }
    Ok(OnnxModel {
        ir_version: IR_VERSION,
        producer: "sumun".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        opsets: vec![(String::new(), OPSET)],
        metadata: Vec::new(),
        graph: writer.finish(),
    })
}
