//! A model as an ONNX graph.
//!
//! Rows are `[N, T, F]` between layers, and turned where an operator has other layouts. The graph holds any number of sequences
//! and steps.

mod layers;
mod nodes;
mod options;
mod pools;
mod recurrent;

use sumun_formats::onnx::OnnxModel;

use nodes::Writer;
pub use options::OnnxOptions;

use crate::Result;
use crate::layer::Signal;
use crate::model::{Input, Model};

/// The version of the operators: the first that has layer normalisation.
const OPSET: i64 = 17;

/// The version of the file that goes with it.
const IR_VERSION: i64 = 8;

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
