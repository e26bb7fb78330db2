//! Cells that a graph has as single nodes: products, gates and sums, as exporters write a cell that is called step by step,
//! and as the bodies of loops have it.
//!
//! The search begins at the node that gives h of an LSTM or a GRU and follows what it reads backwards: gates are functions of
//! pre-activations, pre-activations are sums of products of x or h with constants, in one piece or cut out of a larger one.
//! Nodes are a cell only where nothing else reads what they give on the way.

use std::collections::{HashMap, HashSet};

use sumun_formats::onnx::{OnnxAttribute, OnnxNode};
use sumun_formats::{Data, Tensor};

use super::node::At;

/// How many nodes are followed from one where a cell may end.
const MOST_NODES: usize = 256;

/// A part of an array along its last axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cut {
    /// One of so many equal parts.
    Part { index: usize, of: usize },
    /// From one place to before another.
    Range { start: i64, end: i64 },
}

/// A product of rows with a constant.
#[derive(Debug, Clone)]
pub(super) struct Term<'g> {
    pub(super) source: &'g str,
    pub(super) weight: &'g str,
    /// Whether the weight is `[rows, inputs]`, as PyTorch has it.
    pub(super) is_by_row: bool,
    pub(super) cut: Option<Cut>,
}

/// A sum of products and of constants.
#[derive(Debug, Clone, Default)]
pub(super) struct Affine<'g> {
    pub(super) terms: Vec<Term<'g>>,
    pub(super) biases: Vec<(&'g str, Option<Cut>)>,
}

/// Which cell, with its gates in PyTorch's order.
#[derive(Debug)]
pub(super) enum Gates<'g> {
    Rnn {
        is_relu: bool,
        gate: Affine<'g>,
    },
    Lstm([Affine<'g>; 4]),
    /// r, z, and the parts of n that x and h have.
    Gru {
        gates: [Affine<'g>; 2],
        x: Affine<'g>,
        h: Affine<'g>,
    },
}

/// A cell.
#[derive(Debug)]
pub(super) struct Found<'g> {
    pub(super) gates: Gates<'g>,
    /// The names of h and c before the step, as far as the form of the cell says which they are.
    pub(super) h: Option<&'g str>,
    pub(super) c: Option<&'g str>,
    /// The names of h and c after the step.
    pub(super) h_out: &'g str,
    pub(super) c_out: Option<&'g str>,
    /// The first of its nodes that gives one of these.
    pub(super) anchor: &'g OnnxNode,
    /// What its nodes give.
    pub(super) covered: HashSet<&'g str>,
}

impl<'g> Found<'g> {
    /// All sums of products.
    pub(super) fn affines(&self) -> Vec<&Affine<'g>> {
        match &self.gates {
            Gates::Rnn { gate, .. } => vec![gate],
            Gates::Lstm(gates) => gates.iter().collect(),
            Gates::Gru { gates, x, h } => gates.iter().chain([x, h]).collect(),
        }
    }

    /// What the products are of.
    pub(super) fn sources(&self) -> Vec<&'g str> {
        let mut sources = Vec::new();
        for term in self.affines().into_iter().flat_map(|affine| &affine.terms) {
            if !sources.contains(&term.source) {
                sources.push(term.source);
            }
        }
        sources
    }
}

/// The constants that nodes read beside those that nodes give.
pub(super) trait Given {
    /// Whether a value is a constant.
    fn is_constant(&self, name: &str) -> bool;

    /// The constant of that name, where it is a few numbers.
    fn small(&self, name: &str) -> Option<Tensor>;
}

/// The nodes of a graph by what they give.
pub(super) struct Search<'g, 'c> {
    nodes: &'c [&'g OnnxNode],
    producers: HashMap<&'g str, (&'g OnnxNode, usize)>,
    given: &'c dyn Given,
    covered: HashSet<&'g str>,
    left: usize,
}

impl<'g, 'c> Search<'g, 'c> {
    pub(super) fn new(nodes: &'c [&'g OnnxNode], given: &'c dyn Given) -> Self {
        let mut producers = HashMap::new();
        for &node in nodes {
            for (index, output) in node.outputs.iter().enumerate() {
                producers.insert(output.as_str(), (node, index));
            }
        }
        Self { nodes, producers, given, covered: HashSet::new(), left: MOST_NODES }
    }

    /// The cells of the graph whose nodes nothing else reads; `readers` says how many nodes and outputs read a value.
    pub(super) fn all(&mut self, readers: impl Fn(&str) -> usize) -> Vec<Found<'g>> {
        let mut cells = Vec::new();
        let mut taken: HashSet<&str> = HashSet::new();
        for &node in self.nodes {
            let Some(output) = node.outputs.first() else { continue };
            let found = match node.operator.as_str() {
                "Mul" => self.lstm(output),
                "Add" => self.gru(output),
                _ => None,
            };
            let Some(found) = found else { continue };
            // How often the cell's own nodes read each value.
            let mut inside: HashMap<&str, usize> = HashMap::new();
            let own = found.covered.iter().filter_map(|name| self.producers.get(name));
            for &(node, _) in own.filter(|&&(_, output)| output == 0) {
                node.inputs.iter().for_each(|name| *inside.entry(name).or_insert(0) += 1);
            }
            let is_own = |name: &str| {
                let is_out = name == found.h_out || found.c_out == Some(name);
                is_out || readers(name) == inside.get(name).copied().unwrap_or(0)
            };
            let is_free = found.covered.iter().all(|name| !taken.contains(name));
            if is_free && found.covered.iter().all(|name| is_own(name)) {
                taken.extend(&found.covered);
                cells.push(found);
            }
        }
        cells
    }

    fn producer(&mut self, name: &'g str, operator: &str) -> Option<&'g OnnxNode> {
        let &(node, _) = self.producers.get(name)?;
        if node.operator != operator || !node.domain.is_empty() {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        self.covered.extend(node.outputs.iter().map(String::as_str));
        Some(node)
    }

    /// Both orders of what a node of two inputs reads.
    fn orders(node: &'g OnnxNode) -> Vec<[&'g str; 2]> {
        match node.inputs.as_slice() {
            [a, b] => vec![[a, b], [b, a]],
            _ => Vec::new(),
        }
    }

    /// Tries a reading of the nodes, of which those are noted that it covers.
    fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<(T, HashSet<&'g str>)> {
        self.covered.clear();
        self.left = MOST_NODES;
        let read = read(self)?;
        Some((read, std::mem::take(&mut self.covered)))
    }

    /// h' = σ(o) ⊙ tanh(c'), c' = σ(f) ⊙ c + σ(i) ⊙ tanh(g).
    pub(super) fn lstm(&mut self, h_out: &'g str) -> Option<Found<'g>> {
        let &(mul, _) = self.producers.get(h_out)?;
        for [o, t] in Self::orders(mul) {
            let Some(&(tanh, _)) = self.producers.get(t) else { continue };
            if tanh.operator != "Tanh" || tanh.inputs.len() != 1 {
                continue;
            }
            let c_out = tanh.inputs[0].as_str();
            let Some(&(add, _)) = self.producers.get(c_out) else { continue };
            for [kept, new] in Self::orders(add) {
                let (Some(&(kept, _)), Some(&(new, _))) = (self.producers.get(kept), self.producers.get(new))
                else {
                    continue;
                };
                for ([f, c], [i, g]) in Self::orders(kept)
                    .into_iter()
                    .flat_map(|kept| Self::orders(new).into_iter().map(move |new| (kept, new)))
                {
                    let found = self.attempt(|search| {
                        search.producer(h_out, "Mul")?;
                        search.producer(t, "Tanh")?;
                        search.producer(c_out, "Add")?;
                        search.producer(kept.outputs.first()?, "Mul")?;
                        search.producer(new.outputs.first()?, "Mul")?;
                        let gates = [
                            search.gate(i, "Sigmoid")?,
                            search.gate(f, "Sigmoid")?,
                            search.gate(g, "Tanh")?,
                            search.gate(o, "Sigmoid")?,
                        ];
                        Some(gates)
                    });
                    if let Some((gates, covered)) = found {
                        let gates = Gates::Lstm(gates);
                        return Some(Found {
                            gates,
                            h: None,
                            c: Some(c),
                            h_out,
                            c_out: Some(c_out),
                            anchor: add,
                            covered,
                        });
                    }
                }
            }
        }
        None
    }

    /// h' = (1 − z) ⊙ n + z ⊙ h, or (h − n) ⊙ z + n, with n = tanh(W x + b + r ⊙ (U h + b)).
    pub(super) fn gru(&mut self, h_out: &'g str) -> Option<Found<'g>> {
        let &(add, _) = self.producers.get(h_out)?;
        for [first, second] in Self::orders(add) {
            let Some(&(mul, _)) = self.producers.get(first) else { continue };
            for [a, b] in Self::orders(mul) {
                let found = self.attempt(|search| {
                    search.producer(h_out, "Add")?;
                    search.producer(first, "Mul")?;
                    let (z, n, h) = search.leaky(a, b, second).or_else(|| search.convex(a, b, second))?;
                    let z = search.gate(z, "Sigmoid")?;
                    let tanh = search.producer(n, "Tanh")?;
                    let sum = search.producer(tanh.inputs.first()?, "Add")?;
                    let (r, x, hidden) = search.candidate(sum)?;
                    Some((Gates::Gru { gates: [r, z], x, h: hidden }, h))
                });
                if let Some(((gates, h), covered)) = found {
                    return Some(Found {
                        gates,
                        h: Some(h),
                        c: None,
                        h_out,
                        c_out: None,
                        anchor: add,
                        covered,
                    });
                }
            }
        }
        None
    }

    /// (h − n) ⊙ z beside n: z, n and h.
    fn leaky(&mut self, a: &'g str, z: &'g str, n: &'g str) -> Option<(&'g str, &'g str, &'g str)> {
        let sub = self.producer(a, "Sub")?;
        match sub.inputs.as_slice() {
            [h, other] if other == n => Some((z, n, h)),
            _ => None,
        }
    }

    /// (1 − z) ⊙ n beside z ⊙ h: z, n and h.
    fn convex(&mut self, a: &'g str, n: &'g str, other: &'g str) -> Option<(&'g str, &'g str, &'g str)> {
        let sub = self.producer(a, "Sub")?;
        let [one, z] = sub.inputs.as_slice() else { return None };
        if self.number(one) != Some(1.0) {
            return None;
        }
        let kept = self.producer(other, "Mul")?;
        let [_, h] = Self::orders(kept).into_iter().find(|[gate, _]| gate == z)?;
        Some((z, n, h))
    }

    /// A sum of what x gives and of r times what h gives: r, and both.
    fn candidate(&mut self, sum: &'g OnnxNode) -> Option<(Affine<'g>, Affine<'g>, Affine<'g>)> {
        for [x, gated] in Self::orders(sum) {
            let Some(mul) = self.producer(gated, "Mul") else { continue };
            for [r, h] in Self::orders(mul) {
                let Some(&(gate, _)) = self.producers.get(r) else { continue };
                if gate.operator != "Sigmoid" {
                    continue;
                }
                let reset = self.gate(r, "Sigmoid")?;
                let (x, h) = (self.affine_of(x)?, self.affine_of(h)?);
                return Some((reset, x, h));
            }
        }
        None
    }

    /// h' = tanh or max(0, ·) of one sum.
    pub(super) fn rnn(&mut self, h_out: &'g str) -> Option<Found<'g>> {
        let &(node, _) = self.producers.get(h_out)?;
        let is_relu = match node.operator.as_str() {
            "Tanh" => false,
            "Relu" => true,
            _ => return None,
        };
        let (gate, covered) = self.attempt(|search| search.gate(h_out, &node.operator))?;
        let gates = Gates::Rnn { is_relu, gate };
        Some(Found { gates, h: None, c: None, h_out, c_out: None, anchor: node, covered })
    }

    fn gate(&mut self, name: &'g str, operator: &str) -> Option<Affine<'g>> {
        let node = self.producer(name, operator)?;
        self.affine_of(node.inputs.first()?)
    }

    fn affine_of(&mut self, name: &'g str) -> Option<Affine<'g>> {
        let mut affine = Affine::default();
        self.affine(name, None, &mut affine)?;
        Some(affine)
    }

    fn affine(&mut self, name: &'g str, cut: Option<&Cut>, sum: &mut Affine<'g>) -> Option<()> {
        let &(node, output) = self.producers.get(name)?;
        let operator = node.operator.as_str();
        self.producer(name, operator)?;
        let at = At(node);
        let plain = |name: &str, default: f32| at.float(name).ok().flatten().unwrap_or(default) == 1.0;
        match operator {
            "Gemm" if plain("alpha", 1.0) && plain("beta", 1.0) && at.int_or("transA", 0).ok()? == 0 => {
                let [source, weight, rest @ ..] = node.inputs.as_slice() else { return None };
                let is_by_row = at.int_or("transB", 0).ok()? != 0;
                sum.terms.push(Term { source, weight, is_by_row, cut: cut.cloned() });
                sum.biases.extend(
                    rest.iter().filter(|name| !name.is_empty()).map(|name| (name.as_str(), cut.cloned())),
                );
                Some(())
            }
            "MatMul" => {
                let [source, weight] = node.inputs.as_slice() else { return None };
                sum.terms.push(Term { source, weight, is_by_row: false, cut: cut.cloned() });
                Some(())
            }
            "Add" => node.inputs.iter().try_for_each(|name| match self.is_constant(name, 3) {
                true => {
                    sum.biases.push((name, cut.cloned()));
                    Some(())
                }
                false => self.affine(name, cut, sum),
            }),
            "Identity" => self.affine(node.inputs.first()?, cut, sum),
            "Split" | "Slice" if cut.is_none() => {
                let own = if operator == "Split" { self.split(at, output)? } else { self.slice(at)? };
                self.affine(node.inputs.first()?, Some(&own), sum)
            }
            _ => None,
        }
    }

    /// Which part a node `Split` gives, along the last of two axes.
    fn split(&self, at: At<'g>, output: usize) -> Option<Cut> {
        let sizes = match at.ints("split").ok()? {
            Some(sizes) => Some(sizes.to_vec()),
            None if at.has(1) => Some(self.integers(&at.0.inputs[1])?),
            None => None,
        };
        if ![1, -1].contains(&at.int_or("axis", 0).ok()?) {
            return None;
        }
        match sizes {
            None => Some(Cut::Part { index: output, of: at.0.outputs.len() }),
            Some(sizes) => {
                let start =
                    sizes.get(..output)?.iter().try_fold(0_i64, |sum, &size| sum.checked_add(size))?;
                Some(Cut::Range { start, end: start.checked_add(*sizes.get(output)?)? })
            }
        }
    }

    fn slice(&self, at: At<'g>) -> Option<Cut> {
        let list = |name: &str, input: usize| match at.ints(name).ok()? {
            Some(numbers) => Some(numbers.to_vec()),
            None if at.has(input) => self.integers(&at.0.inputs[input]),
            None => None,
        };
        let (starts, ends, axes) = (list("starts", 1)?, list("ends", 2)?, list("axes", 3)?);
        let steps = if at.has(4) { self.integers(&at.0.inputs[4])? } else { vec![1] };
        match (starts.as_slice(), ends.as_slice(), axes.as_slice(), steps.as_slice()) {
            (&[start], &[end], &[1 | -1], &[1]) => Some(Cut::Range { start, end }),
            _ => None,
        }
    }

    /// A constant of the file or of a node.
    fn tensor(&self, name: &str) -> Option<Tensor> {
        if let Some(tensor) = self.given.small(name) {
            return Some(tensor);
        }
        let &(node, _) = self.producers.get(name)?;
        match (node.operator.as_str(), node.attribute("value"), node.attribute("value_float")) {
            ("Constant", Some(OnnxAttribute::Tensor(tensor)), _) => Some(tensor.clone()),
            ("Constant", _, Some(OnnxAttribute::Float(value))) => Tensor::f32(Vec::new(), vec![*value]).ok(),
            _ => None,
        }
    }

    fn integers(&self, name: &str) -> Option<Vec<i64>> {
        self.tensor(name)?.to_i64().ok()
    }

    /// The number that a constant is.
    pub(super) fn number(&self, name: &str) -> Option<f32> {
        let tensor = self.tensor(name)?;
        match tensor.data() {
            Data::F32(values) if values.len() == 1 => values.first().copied(),
            _ => None,
        }
    }

    /// Whether a value is a constant, or computed of constants alone.
    fn is_constant(&self, name: &str, depth: usize) -> bool {
        if self.given.is_constant(name) {
            return true;
        }
        let Some(&(node, _)) = self.producers.get(name) else { return false };
        let folds = [
            "Constant",
            "Identity",
            "Cast",
            "Transpose",
            "Unsqueeze",
            "Squeeze",
            "Reshape",
            "Slice",
            "Concat",
        ];
        depth > 0
            && node.inputs.len() <= 8
            && folds.contains(&node.operator.as_str())
            && node.inputs.iter().all(|name| name.is_empty() || self.is_constant(name, depth - 1))
    }
}
