//! From a graph to bytes.

use super::{OnnxAttribute, OnnxAxis, OnnxGraph, OnnxModel, OnnxNode, OnnxValue, element_code};
use crate::protobuf::Message;
use crate::tensor::Tensor;

/// The bytes of a model. The same model makes the same bytes.
pub fn write(model: &OnnxModel) -> Vec<u8> {
    let mut message = Message::default();
    message.int(1, model.ir_version);
    message.text(2, &model.producer);
    message.text(3, &model.producer_version);
    message.message(7, graph(&model.graph));
    for (domain, version) in &model.opsets {
        let mut opset = Message::default();
        opset.text(1, domain);
        opset.int(2, *version);
        message.message(8, opset);
    }
    for (key, text) in &model.metadata {
        let mut entry = Message::default();
        entry.text(1, key);
        entry.text(2, text);
        message.message(14, entry);
    }
    message.into_bytes()
}

fn graph(graph: &OnnxGraph) -> Message {
    let mut message = Message::default();
    graph.nodes.iter().for_each(|one| message.message(1, node(one)));
    message.text(2, &graph.name);
    graph.constants.iter().for_each(|(name, one)| message.message(5, tensor(name, one)));
    for (number, values) in [(11, &graph.inputs), (12, &graph.outputs), (13, &graph.values)] {
        values.iter().for_each(|one| message.message(number, value(one)));
    }
    message
}

fn node(node: &OnnxNode) -> Message {
    let mut message = Message::default();
    // An empty name stands for an input that is left out, so it is written.
    node.inputs.iter().for_each(|name| message.bytes(1, name.as_bytes()));
    node.outputs.iter().for_each(|name| message.bytes(2, name.as_bytes()));
    message.text(3, &node.name);
    message.text(4, &node.operator);
    node.attributes.iter().for_each(|(name, one)| message.message(5, attribute(name, one)));
    message.text(7, &node.domain);
    message
}

fn attribute(name: &str, attribute: &OnnxAttribute) -> Message {
    let mut message = Message::default();
    message.text(1, name);
    let kind = match attribute {
        OnnxAttribute::Float(value) => {
            message.float(2, *value);
            1
        }
        OnnxAttribute::Int(value) => {
            message.int(3, *value);
            2
        }
        OnnxAttribute::Text(text) => {
            message.bytes(4, text.as_bytes());
            3
        }
        OnnxAttribute::Tensor(value) => {
            message.message(5, tensor("", value));
            4
        }
        OnnxAttribute::Graph(value) => {
            message.message(6, graph(value));
            5
        }
        OnnxAttribute::Floats(values) => {
            // One by one, as the format's definition has them.
            values.iter().for_each(|&value| message.float(7, value));
            6
        }
        OnnxAttribute::Ints(values) => {
            values.iter().for_each(|&value| message.int(8, value));
            7
        }
        OnnxAttribute::Texts(texts) => {
            texts.iter().for_each(|text| message.bytes(9, text.as_bytes()));
            8
        }
    };
    message.int(20, kind);
    message
}

fn tensor(name: &str, tensor: &Tensor) -> Message {
    let mut message = Message::default();
    let dims: Vec<i64> = tensor.shape().iter().map(|&axis| axis as i64).collect();
    if !dims.is_empty() {
        message.ints(1, &dims);
    }
    // With the type of the file that it came from, as the values that nodes and inputs state have it.
    let (element, raw) = match tensor.file_bytes() {
        Some(raw) => (tensor.element(), raw),
        None => {
            let mut raw = Vec::new();
            tensor.data().extend_le_bytes(&mut raw);
            (tensor.data().element(), raw)
        }
    };
    message.int(2, element_code(element));
    message.text(8, name);
    message.bytes(9, &raw);
    message
}

fn value(value: &OnnxValue) -> Message {
    let mut tensor = Message::default();
    tensor.int(1, value.element);
    if let Some(axes) = &value.shape {
        let mut shape = Message::default();
        for axis in axes {
            let mut dimension = Message::default();
            match axis {
                OnnxAxis::Length(length) => dimension.int(1, *length as i64),
                OnnxAxis::Any(name) => dimension.text(2, name),
            }
            shape.message(1, dimension);
        }
        tensor.message(2, shape);
    }
    let mut kind = Message::default();
    kind.message(1, tensor);
    let mut message = Message::default();
    message.text(1, &value.name);
    message.message(2, kind);
    message
}
