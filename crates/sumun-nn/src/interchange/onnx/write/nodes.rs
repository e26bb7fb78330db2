//! Nodes, constants and names of a graph in the making.

use std::collections::{HashMap, HashSet};

use sumun_formats::onnx::{OnnxAttribute, OnnxAxis, OnnxGraph, OnnxNode, OnnxValue};
use sumun_formats::{Data, ElementType, Tensor};

use super::options::OnnxOptions;
use crate::error::quoted;
use crate::interchange::apply::{LENGTHS, state_name};
use crate::layer::{Signal, StateShape};
use crate::model::Model;
use crate::{Error, Result};

/// The codes of element types.
const FLOAT: i64 = 1;
const INT32: i64 = 6;
const INT64: i64 = 7;

/// A graph in the making.
pub(super) struct Writer<'a> {
    pub(super) model: &'a Model,
    pub(super) options: OnnxOptions,
    graph: OnnxGraph,
    names: HashSet<String>,
    constants: HashMap<Vec<i64>, String>,
    /// The values of inputs and layers, by name.
    pub(super) rows: HashMap<String, String>,
    /// The last states of recurrent layers, h and c, of each layer of a stack.
    pub(super) states: HashMap<String, Vec<[String; 2]>>,
    /// For each name of steps, the mask `[N, T, 1]` of those that are there.
    masks: HashMap<String, String>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(model: &'a Model, options: OnnxOptions) -> Result<Self> {
        let mut writer = Self {
            model,
            options,
            graph: OnnxGraph { name: "model".into(), ..OnnxGraph::default() },
            names: HashSet::new(),
            constants: HashMap::new(),
            rows: HashMap::new(),
            states: HashMap::new(),
            masks: HashMap::new(),
        };
        for (name, what) in [(LENGTHS, options.lengths), ("output", true)] {
            if what && model.config().inputs.contains_key(name) {
                return Err(Error::Invalid(format!(
                    "an input of the model is named {}, which another array of the graph is; rename it",
                    quoted(name)
                )));
            }
        }
        if options.lengths {
            let axes = vec![OnnxAxis::Any("batch".into())];
            writer.graph.inputs.push(OnnxValue { name: LENGTHS.into(), element: INT32, shape: Some(axes) });
            writer.names.insert(LENGTHS.into());
        }
        Ok(writer)
    }

    pub(super) fn finish(self) -> OnnxGraph {
        self.graph
    }

    /// An input of the model.
    pub(super) fn input(&mut self, name: &str, signal: Signal) {
        let (batch, time) = (OnnxAxis::Any("batch".into()), OnnxAxis::Any("time".into()));
        let (element, axes) = match signal {
            Signal::Ids(_) => (INT64, vec![batch, time]),
            Signal::Steps(features) => (FLOAT, vec![batch, time, OnnxAxis::Length(features)]),
            Signal::Once(features) => (FLOAT, vec![batch, OnnxAxis::Length(features)]),
        };
        let axes = self.own_time(name, axes);
        self.names.insert(name.to_owned());
        self.graph.inputs.push(OnnxValue { name: name.to_owned(), element, shape: Some(axes) });
        self.rows.insert(name.to_owned(), name.to_owned());
    }

    /// Inputs of a model with several have steps of their own.
    fn own_time(&self, name: &str, mut axes: Vec<OnnxAxis>) -> Vec<OnnxAxis> {
        if self.model.config().inputs.len() > 1 {
            for axis in &mut axes {
                if *axis == OnnxAxis::Any("time".into()) {
                    *axis = OnnxAxis::Any(format!("{name}_time"));
                }
            }
        }
        axes
    }

    /// The names of a layer's states before the first step, inputs of the graph.
    pub(super) fn states_in(&mut self, layer: &str, shape: StateShape) -> [String; 2] {
        let count = self.model.state_shapes().len();
        [("h_0", shape.hidden), ("c_0", shape.cell)].map(|(stem, width)| {
            let name = state_name(stem, layer, count);
            if width > 0 {
                let (element, shape) = (FLOAT, Some(state_axes(shape.count, width)));
                self.names.insert(name.clone());
                self.graph.inputs.push(OnnxValue { name: name.clone(), element, shape });
            }
            name
        })
    }

    /// A layer's last states, outputs of the graph.
    pub(super) fn states_out(&mut self, layer: &str, shape: StateShape, states: [String; 2]) {
        let count = self.model.state_shapes().len();
        for ((stem, width), value) in [("h_n", shape.hidden), ("c_n", shape.cell)].into_iter().zip(states) {
            if width > 0 {
                let name = state_name(stem, layer, count);
                self.named_node(layer, "Identity", &[&value], &name);
                let (element, shape) = (FLOAT, Some(state_axes(shape.count, width)));
                self.graph.outputs.push(OnnxValue { name, element, shape });
            }
        }
    }

    /// An output of the model.
    pub(super) fn output(&mut self, layer: &str, shown: &str, signal: Signal) -> Result<()> {
        let mut value = self.value(layer)?;
        let (batch, time) = (OnnxAxis::Any("batch".into()), OnnxAxis::Any(String::new()));
        let axes = match signal {
            Signal::Once(features) => vec![batch, OnnxAxis::Length(features)],
            signal => {
                if self.options.lengths {
                    value = self.only_there(layer, &value, 0.0);
                }
                vec![batch, time, OnnxAxis::Length(signal.features().unwrap_or(0))]
            }
        };
        self.named_node(layer, "Identity", &[&value], shown);
        // Before the states.
        let place = self.graph.outputs.iter().filter(|output| !output.name.contains("_n")).count();
        let output = OnnxValue { name: shown.to_owned(), element: FLOAT, shape: Some(axes) };
        self.graph.outputs.insert(place, output);
        Ok(())
    }

    /// The value of an input or a layer.
    pub(super) fn value(&self, name: &str) -> Result<String> {
        self.rows.get(name).cloned().ok_or_else(|| Error::Invalid(format!("{name} is not there to be read")))
    }

    fn unique(&mut self, wanted: String) -> String {
        let mut name = wanted.clone();
        let mut count = 0_usize;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{wanted}_{count}");
        }
        name
    }

    /// A node of a layer, named as the layer with the operator behind, and the name of what it gives.
    pub(super) fn node(
        &mut self,
        layer: &str,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, OnnxAttribute)],
    ) -> String {
        let name = self.unique(format!("{layer}/{operator}"));
        self.push(&name, operator, inputs, &[&name], attributes);
        name
    }

    /// A node with several outputs.
    pub(super) fn push(
        &mut self,
        name: &str,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, OnnxAttribute)],
    ) {
        self.graph.nodes.push(OnnxNode {
            name: name.to_owned(),
            operator: operator.to_owned(),
            domain: String::new(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: outputs.iter().map(|&output| output.to_owned()).collect(),
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        });
    }

    fn named_node(&mut self, layer: &str, operator: &str, inputs: &[&str], output: &str) {
        self.names.insert(output.to_owned());
        let name = self.unique(format!("{layer}/{operator}"));
        self.push(&name, operator, inputs, &[output], &[]);
    }

    pub(super) fn fresh(&mut self, layer: &str, what: &str) -> String {
        self.unique(format!("{layer}/{what}"))
    }

    /// A weight as a constant.
    pub(super) fn constant(&mut self, name: String, shape: Vec<usize>, values: Vec<f32>) -> Result<String> {
        let name = self.unique(name);
        self.graph.constants.push((name.clone(), Tensor::f32(shape, values)?));
        Ok(name)
    }

    /// A list of whole numbers as a constant.
    pub(super) fn ints(&mut self, values: &[i64]) -> Result<String> {
        if let Some(name) = self.constants.get(values) {
            return Ok(name.clone());
        }
        let listed: Vec<String> = values.iter().map(i64::to_string).collect();
        let name = self.unique(format!("ints/{}", listed.join("_")));
        let tensor = Tensor::new(ElementType::I64, vec![values.len()], Data::I64(values.to_vec()), "model")?;
        self.graph.constants.push((name.clone(), tensor));
        self.constants.insert(values.to_vec(), name.clone());
        Ok(name)
    }

    /// The values and shape of a layer's weight; None where it has none of that name.
    pub(super) fn weight(&self, layer: &str, name: &str) -> Option<(Vec<f32>, Vec<usize>)> {
        let parameters = self.model.parameters();
        let id = parameters.find(&format!("{layer}.{name}"))?;
        Some((parameters.value(id).to_vec(), parameters.entry(id).shape.clone()))
    }

    /// The same axes in another order.
    pub(super) fn transposed(&mut self, layer: &str, value: &str, order: &[i64]) -> String {
        self.node(layer, "Transpose", &[value], &[("perm", OnnxAttribute::Ints(order.to_vec()))])
    }

    /// Steps `[N, T, F]` with another number in place of those past a sequence's end.
    pub(super) fn only_there(&mut self, layer: &str, value: &str, otherwise: f32) -> String {
        let mask = self.mask(layer, value);
        let name = self.fresh(layer, "otherwise");
        // One number has any shape; building it cannot fail.
        if let Ok(tensor) = Tensor::f32(Vec::new(), vec![otherwise]) {
            self.graph.constants.push((name.clone(), tensor));
        }
        self.node(layer, "Where", &[&mask, value, &name], &[])
    }

    /// Which of the steps of a value `[N, T, F]` are there, `[N, T, 1]`.
    fn mask(&mut self, layer: &str, value: &str) -> String {
        if let Some(mask) = self.masks.get(value) {
            return mask.clone();
        }
        let ints = |values: &[i64]| values.to_vec();
        let shape = self.node(
            layer,
            "Shape",
            &[value],
            &[("start", OnnxAttribute::Int(1)), ("end", OnnxAttribute::Int(2))],
        );
        let scalar = |writer: &mut Self, number: i64| {
            let name = writer.fresh(layer, "number");
            if let Ok(tensor) = Tensor::new(ElementType::I64, Vec::new(), Data::I64(vec![number]), "model") {
                writer.graph.constants.push((name.clone(), tensor));
            }
            name
        };
        let (zero, one) = (scalar(self, 0), scalar(self, 1));
        let axis = self.ints(&ints(&[0])).unwrap_or_default();
        let time = self.node(layer, "Squeeze", &[&shape, &axis], &[]);
        let steps = self.node(layer, "Range", &[&zero, &time, &one], &[]);
        let lengths = self.node(layer, "Cast", &[LENGTHS], &[("to", OnnxAttribute::Int(INT64))]);
        let behind = self.ints(&ints(&[1])).unwrap_or_default();
        let lengths = self.node(layer, "Unsqueeze", &[&lengths, &behind], &[]);
        let there = self.node(layer, "Less", &[&steps, &lengths], &[]);
        let last = self.ints(&ints(&[2])).unwrap_or_default();
        let mask = self.node(layer, "Unsqueeze", &[&there, &last], &[]);
        self.masks.insert(value.to_owned(), mask.clone());
        mask
    }
}

fn state_axes(count: usize, width: usize) -> Vec<OnnxAxis> {
    vec![OnnxAxis::Length(count), OnnxAxis::Any("batch".into()), OnnxAxis::Length(width)]
}
