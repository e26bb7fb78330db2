//! Inputs that begin states anew: a policy's state times 1 − `episode_starts`, as sb3-contrib's recurrent policies have it.
//!
//! Such products are found before the nodes are read, from the recurrent nodes backwards, and none of their nodes becomes a layer:
//! a model is given its states, and [`Interface`](super::Interface) multiplies those that come in.

use std::collections::{HashMap, HashSet};

use sumun_formats::onnx::OnnxNode;

/// The products of a graph.
#[derive(Debug, Default)]
pub(super) struct Starts<'a> {
    /// By what a product gives: the state, an input of the graph, and the input that begins it anew.
    products: HashMap<&'a str, [&'a str; 2]>,
    /// What the nodes give that lay the other input out.
    within: HashSet<&'a str>,
}

/// Nodes that lay out what they read first in another way.
const VIEWS: [&str; 10] = [
    "Reshape",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Identity",
    "Cast",
    "Slice",
    "Split",
    "SplitToSequence",
    "SequenceAt",
];

/// The most nodes between a product and what it is of.
const MOST: usize = 16;

impl<'a> Starts<'a> {
    /// Finds the products that states of recurrent nodes begin as; `is_one` says which values are the number 1, and `inputs` has
    /// the inputs of the graph.
    pub(super) fn find(
        nodes: &[&'a OnnxNode],
        inputs: &HashSet<&str>,
        is_one: impl Fn(&str) -> bool,
        uses: impl Fn(&str) -> usize,
    ) -> Self {
        let mut makers: HashMap<&str, &'a OnnxNode> = HashMap::new();
        for node in nodes {
            makers.extend(node.outputs.iter().map(|name| (name.as_str(), *node)));
        }
        // Who asks for the shape of a state computes nothing of it.
        let mut shapes: HashMap<&str, usize> = HashMap::new();
        for node in nodes.iter().filter(|node| node.operator == "Shape") {
            node.inputs.iter().for_each(|name| *shapes.entry(name.as_str()).or_default() += 1);
        }
        // Back over views, whose outputs are appended, to what they lay out.
        let back = |mut name: &'a str, passed: &mut Vec<&'a str>| {
            for _ in 0..MOST {
                match makers.get(name) {
                    Some(node) if VIEWS.contains(&node.operator.as_str()) => {
                        passed.push(name);
                        name = node.inputs.first().map_or("", String::as_str);
                    }
                    _ => break,
                }
            }
            name
        };
        let mut found = Self::default();
        for node in nodes.iter().filter(|node| ["RNN", "GRU", "LSTM"].contains(&node.operator.as_str())) {
            for start in node.inputs.iter().skip(5).take(2).filter(|name| !name.is_empty()) {
                let product = back(start, &mut Vec::new());
                let Some(maker) = makers.get(product).filter(|maker| maker.operator == "Mul") else {
                    continue;
                };
                let [one, other] = maker.inputs.as_slice() else { continue };
                for (state, factor) in [(one, other), (other, one)] {
                    let mut passed = Vec::new();
                    let difference = back(factor, &mut passed);
                    let Some(maker) = makers.get(difference).filter(|maker| maker.operator == "Sub") else {
                        continue;
                    };
                    let [first, second] = maker.inputs.as_slice() else { continue };
                    passed.push(difference);
                    let input = back(second, &mut passed);
                    let asked = shapes.get(state.as_str()).copied().unwrap_or(0);
                    let is_alone =
                        inputs.contains(state.as_str()) && uses(state) == asked + 1 && inputs.contains(input);
                    if is_alone && state != input && is_one(first) {
                        found.products.insert(product, [state, input]);
                        found.within.extend(passed);
                        break;
                    }
                }
            }
        }
        found.without_others(nodes);
        found
    }

    /// Drops all where something else reads what lies between: then it is computed, and refused as anything else.
    fn without_others(&mut self, nodes: &[&'a OnnxNode]) {
        let is_known = |node: &OnnxNode| {
            node.outputs
                .iter()
                .any(|name| self.within.contains(name.as_str()) || self.products.contains_key(name.as_str()))
        };
        let reads = |node: &&&OnnxNode| node.inputs.iter().any(|name| self.within.contains(name.as_str()));
        if nodes.iter().filter(reads).any(|node| !is_known(node)) {
            *self = Self::default();
        }
    }

    /// Whether a node is part of a product, and not to be read.
    pub(super) fn has(&self, node: &OnnxNode) -> bool {
        node.outputs.iter().any(|name| self.within.contains(name.as_str()))
    }

    /// The state and the input of the product that a node is.
    pub(super) fn product(&self, node: &OnnxNode) -> Option<[&'a str; 2]> {
        node.outputs.iter().find_map(|name| self.products.get(name.as_str())).copied()
    }
}
