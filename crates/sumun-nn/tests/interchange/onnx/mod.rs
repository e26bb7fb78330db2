//! ONNX graphs as models, and models as graphs.

mod goldens;
mod graphs;
mod hostile;
mod written;

use sumun_formats::onnx::{OnnxAttribute, OnnxAxis, OnnxGraph, OnnxModel, OnnxNode, OnnxValue};
use sumun_formats::{Data, ElementType, Tensor};

/// A graph in the making.
#[derive(Default)]
pub(crate) struct Graph(OnnxModel);

impl Graph {
    pub(crate) fn new() -> Self {
        let mut model =
            OnnxModel { ir_version: 8, opsets: vec![(String::new(), 17)], ..OnnxModel::default() };
        model.graph.name = "test".into();
        Self(model)
    }

    pub(crate) fn producer(mut self, producer: &str) -> Self {
        self.0.producer = producer.into();
        self
    }

    /// An input; axes below 0 are open.
    pub(crate) fn input(mut self, name: &str, element: i64, axes: &[i64]) -> Self {
        let axis = |&length: &i64| match usize::try_from(length) {
            Ok(length) => OnnxAxis::Length(length),
            Err(_) => OnnxAxis::Any(format!("axis{length}")),
        };
        let shape = Some(axes.iter().map(axis).collect());
        self.0.graph.inputs.push(OnnxValue { name: name.into(), element, shape });
        self
    }

    pub(crate) fn output(mut self, name: &str) -> Self {
        self.0.graph.outputs.push(OnnxValue { name: name.into(), element: 1, shape: None });
        self
    }

    /// Numbers that differ from each other.
    pub(crate) fn weight(self, name: &str, shape: &[usize]) -> Self {
        let seed = name.bytes().map(usize::from).sum();
        self.constant(name, crate::tensor(shape, seed))
    }

    pub(crate) fn ints(self, name: &str, values: &[i64]) -> Self {
        self.constant(name, crate::integers(&[values.len()], values))
    }

    pub(crate) fn constant(mut self, name: &str, tensor: Tensor) -> Self {
        self.0.graph.constants.push((name.into(), tensor));
        self
    }

    /// A node, named as its first output.
    pub(crate) fn node(self, operator: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        self.node_with(operator, inputs, outputs, &[])
    }

    pub(crate) fn node_with(
        mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, OnnxAttribute)],
    ) -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        self.0.graph.nodes.push(OnnxNode {
            name: outputs.first().copied().unwrap_or_default().into(),
            operator: operator.into(),
            inputs: names(inputs),
            outputs: names(outputs),
            attributes: attributes.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
            ..OnnxNode::default()
        });
        self
    }

    pub(crate) fn model(self) -> OnnxModel {
        self.0
    }

    pub(crate) fn graph(self) -> OnnxGraph {
        self.0.graph
    }
}

pub(crate) fn int(value: i64) -> OnnxAttribute {
    OnnxAttribute::Int(value)
}

pub(crate) fn int_list(values: &[i64]) -> OnnxAttribute {
    OnnxAttribute::Ints(values.to_vec())
}

pub(crate) fn text(value: &str) -> OnnxAttribute {
    OnnxAttribute::Text(value.into())
}

pub(crate) fn scalar(value: i64) -> Tensor {
    Tensor::new(ElementType::I64, Vec::new(), Data::I64(vec![value]), "test").unwrap()
}

/// The error of reading a graph.
pub(crate) fn error(graph: Graph) -> String {
    sumun_nn::interchange::onnx::read(&graph.model()).unwrap_err().to_string()
}
