//! Loops over steps, whose body is a cell: `Scan`, and `Loop` that picks each step out of an array.

use std::collections::{HashMap, HashSet};

use sumun_formats::onnx::{OnnxAttribute, OnnxGraph, OnnxNode};

use super::axes::{Role, Size};
use super::cells::{Found, Search};
use super::found::Recurrence;
use super::graph::{Reader, live};
use super::node::At;
use super::value::{Array, Axis, Content, Part, Piece, Time, Value};
use crate::Result;
use crate::model::{Biases, RecurrentLayer};
use crate::nn::ReverseLayer;

/// A loop, of whichever kind.
struct Body<'a> {
    graph: &'a OnnxGraph,
    /// The names of the states in the body before and after a step, and of what the node reads for them.
    states: Vec<[&'a str; 2]>,
    given: Vec<&'a str>,
    /// What a step reads of x in the body, and x outside.
    step: &'a str,
    x: &'a str,
    /// The axis of x that is walked along, and of each output of all steps.
    time: usize,
    collected: Vec<(&'a str, i64)>,
    is_reversed: bool,
}

impl<'a> Reader<'a> {
    fn body(at: At<'a>) -> Result<&'a OnnxGraph> {
        match at.0.attribute("body") {
            Some(OnnxAttribute::Graph(graph)) => Ok(graph),
            _ => Err(at.error("it has no body")),
        }
    }

    /// The node `Scan`.
    pub(super) fn scan(&mut self, at: At<'a>) -> Result<Vec<Value>> {
        let graph = Self::body(at)?;
        let scanned = at.length("num_scan_inputs", at.int_or("num_scan_inputs", 1)?)?;
        let states = at.0.inputs.len().saturating_sub(scanned);
        if self.opset < 9 || scanned != 1 || states == 0 || graph.inputs.len() != states + 1 {
            return Err(
                at.error("it walks along other than one array with the state of a cell; no layer here does")
            );
        }
        if graph.outputs.len() < states {
            return Err(at.error("its body returns fewer states than it reads"));
        }
        let first = |name: &str| -> Result<i64> {
            Ok(at.ints(name)?.and_then(|all| all.first().copied()).unwrap_or(0))
        };
        let x = at.0.inputs[states].as_str();
        let time = self.axis_of(at, x, first("scan_input_axes")?)?;
        let is_reversed = first("scan_input_directions")? != 0;
        let directions = at.ints("scan_output_directions")?.unwrap_or(&[]);
        if directions.iter().any(|&direction| (direction != 0) != is_reversed) {
            return Err(at.error("it returns steps in another order than it reads them; no layer here does"));
        }
        let (own, rest) = graph.outputs.split_at(states);
        let axes = at.ints("scan_output_axes")?.unwrap_or(&[]);
        let collected = rest
            .iter()
            .enumerate()
            .map(|(k, output)| (output.name.as_str(), axes.get(k).copied().unwrap_or(0)));
        // Steps that are read from the end are returned from the front, unless the node turns them again.
        if is_reversed && directions.len() < rest.len() {
            return Err(at.error("it returns steps in another order than it reads them; no layer here does"));
        }
        self.looped(
            at,
            &Body {
                graph,
                states: graph
                    .inputs
                    .iter()
                    .zip(own)
                    .map(|(a, b)| [a.name.as_str(), b.name.as_str()])
                    .collect(),
                given: at.0.inputs[..states].iter().map(String::as_str).collect(),
                step: &graph.inputs[states].name,
                x,
                time,
                collected: collected.collect(),
                is_reversed,
            },
        )
    }

    /// The node `Loop`, whose body picks the step of its number.
    pub(super) fn counted(&mut self, at: At<'a>) -> Result<Vec<Value>> {
        let graph = Self::body(at)?;
        let states = at.0.inputs.len().saturating_sub(2);
        let unknown =
            || at.error("it is no loop of a cell over all steps of an array; no layer here does it");
        if states == 0 || graph.inputs.len() != states + 2 || graph.outputs.len() < states + 1 {
            return Err(unknown());
        }
        let (count, goes_on) = (graph.inputs[0].name.as_str(), graph.inputs[1].name.as_str());
        let wanted: Vec<&str> = graph.outputs.iter().map(|output| output.name.as_str()).collect();
        let nodes = live(graph, &wanted);
        let roots = roots(&nodes);
        let is_true = |reader: &Self, name: &str| match reader.peek(name) {
            Some(Value::Constant(tensor)) => tensor.to_i64().is_ok_and(|values| values == [1]),
            _ => false,
        };
        let condition = root(&roots, wanted[0]);
        let constant_true = graph
            .constants
            .iter()
            .any(|(name, tensor)| name == condition && tensor.to_i64().is_ok_and(|values| values == [1]));
        if (at.has(1) && !is_true(self, &at.0.inputs[1])) || !(condition == goes_on || constant_true) {
            return Err(at.error("it may end before the last step; no layer here does"));
        }
        let mut picks = nodes.iter().filter(|node| {
            node.operator == "Gather" && node.inputs.get(1).is_some_and(|name| root(&roots, name) == count)
        });
        let (Some(&pick), None) = (picks.next(), picks.next()) else { return Err(unknown()) };
        let (Some(x), Some(step)) = (pick.inputs.first(), pick.outputs.first()) else {
            return Err(unknown());
        };
        let time = self.axis_of(at, x, At(pick).int_or("axis", 0)?)?;
        let (own, rest) = wanted[1..].split_at(states);
        self.is_all_steps(at, x, time)?;
        self.looped(
            at,
            &Body {
                graph,
                states: graph.inputs[2..].iter().zip(own).map(|(a, &b)| [a.name.as_str(), b]).collect(),
                given: at.0.inputs[2..].iter().map(String::as_str).collect(),
                step,
                x,
                time,
                collected: rest.iter().map(|&name| (name, 0)).collect(),
                is_reversed: false,
            },
        )
    }

    /// Refuses a number of rounds that is not that of the steps.
    fn is_all_steps(&mut self, at: At<'_>, x: &str, time: usize) -> Result<()> {
        let Some(Value::Array(array)) = self.value(x) else { return Ok(()) };
        let steps = at.named(array.size(&array.axes[time], &self.axes))?;
        let rounds = match self.input(at, 0)?.as_sizes() {
            Some((sizes, _)) if sizes.len() == 1 => sizes[0].clone(),
            _ => Size::from(-1_i64),
        };
        match rounds.equals(&steps, &self.axes) {
            true => Ok(()),
            false => Err(at.error("it does not go round once for each step; no layer here does it")),
        }
    }

    fn axis_of(&mut self, at: At<'_>, x: &str, axis: i64) -> Result<usize> {
        match self.value(x) {
            Some(Value::Array(array)) if array.axes.len() == 3 => at.axis(axis, 3),
            _ => Err(at.error("it walks along other than the steps of an array of three axes")),
        }
    }

    fn looped(&mut self, at: At<'a>, body: &Body<'a>) -> Result<Vec<Value>> {
        self.add_constants(body.graph)?;
        let wanted: Vec<&str> = body.graph.outputs.iter().map(|output| output.name.as_str()).collect();
        let nodes = live(body.graph, &wanted);
        let roots = roots(&nodes);
        let (found, h_place) = self.cell_of_body(at, body, &nodes, &roots)?;
        for &node in &nodes {
            let is_cell = node.outputs.iter().any(|name| found.covered.contains(name.as_str()));
            let is_own = node.operator == "Identity" || node.outputs.iter().any(|name| name == body.step);
            if !is_cell && !is_own {
                // Constants that it makes of constants; anything else reads what is not there.
                self.node(node)?;
            }
        }
        let h_in = body.states[h_place][0];
        let c_place = found.c_out.map(|_| 1 - h_place);
        let sources = found.sources();
        let is_plain = sources.iter().all(|source| [h_in, body.step].contains(&root(&roots, source)));
        let of = |name: &'a str| sources.iter().copied().find(|source| root(&roots, source) == name);
        let (Some(x_source), Some(h_source), true) = (of(body.step), of(h_in), is_plain) else {
            return Err(at.error("its body is a cell of other than a step and the state before it"));
        };
        if let (Some(place), Some(c)) = (c_place, found.c)
            && root(&roots, c) != body.states[place][0]
        {
            return Err(at.error("its body is a cell of other than a step and the states before it"));
        }
        let weights = self.cell_weights(At(found.anchor), &found, x_source, h_source)?;
        let (hidden, input) = (weights.hidden, weights.input);
        let Some(Value::Array(x)) = self.value(body.x) else {
            return Err(at.error("it walks along a constant"));
        };
        let x = self.rows(at, x)?;
        self.suspect(&x, body.time);
        let mut x = self.collected(at, x, body.time)?;
        let [batch, features] = match body.time {
            0 => [1, 2],
            1 => [0, 2],
            _ => [0, 1],
        };
        self.features_at(at, &mut x, features, Some(input))?;
        self.role_at(at, &x, body.time, Role::Time)?;
        self.role_at(at, &x, batch, Role::Sequences)?;
        let start = |reader: &mut Self, place: usize, part: Part| {
            let value =
                reader.value(body.given[place]).ok_or_else(|| at.error("its first state is not there"))?;
            reader.start_of_cell(at, value, part, hidden)
        };
        let (h, initial) = start(self, h_place, Part::Hidden)?;
        let (c, initial_c) = match c_place {
            Some(place) => start(self, place, Part::Cell)?,
            None => (Vec::new(), initial.clone()),
        };
        if initial != initial_c {
            return Err(at.error("its h and c come from different layers; a layer here takes both from one"));
        }
        let mut from = self.steps(at, &mut x)?;
        if body.is_reversed {
            from = self.add(at, ReverseLayer::new(), vec![from]);
        }
        let is_once = body.collected.is_empty();
        let mut layer =
            RecurrentLayer::new(weights.cell, hidden).biases(Biases::Two).return_sequences(!is_once);
        if let Some(initial) = initial {
            layer = layer.initial(initial);
        }
        let name = self.add(at, layer, vec![from]);
        self.put_cell_weights(&name, weights);
        let rows = match body.is_reversed && !is_once {
            true => self.add(at, ReverseLayer::new(), vec![name.clone()]),
            false => name.clone(),
        };
        self.recurrences.push(Recurrence {
            described: at.described(),
            layer: name.clone(),
            directions: 1,
            hidden,
            is_once,
            has_lengths: false,
            starts: [h, c],
        });
        let [time, batch] = [x.axes[body.time].clone(), x.axes[batch].clone()];
        let state = |place: usize| {
            let part = if place == h_place { Part::Hidden } else { Part::Cell };
            let piece = Piece::Layer { layer: name.clone(), part, direction: 0 };
            let content = Content::States(vec![piece]);
            Value::Array(Array { content, axes: vec![batch.clone(), Axis::Factor(0)], factors: vec![hidden] })
        };
        let mut values: Vec<Value> = (0..body.states.len()).map(state).collect();
        for &(output, axis) in &body.collected {
            if root(&roots, output) != found.h_out {
                return Err(at.error("it returns other than h at every step; no layer here does"));
            }
            let mut axes = vec![batch.clone(), Axis::Factor(0)];
            axes.insert(at.axis(axis, 3)?, time.clone());
            let content = Content::Rows { layer: rows.clone(), time: Time::Steps };
            values.push(Value::Array(Array { content, axes, factors: vec![hidden] }));
        }
        Ok(values)
    }

    /// The cell that a body is, and which of its states is h.
    fn cell_of_body(
        &self,
        at: At<'_>,
        body: &Body<'a>,
        nodes: &[&'a OnnxNode],
        roots: &HashMap<&'a str, &'a str>,
    ) -> Result<(Found<'a>, usize)> {
        let mut search = Search::new(nodes, self);
        let after: Vec<&str> = body.states.iter().map(|[_, after]| root(roots, after)).collect();
        let found = match after[..] {
            [h] => search.gru(h).or_else(|| search.rnn(h)).map(|found| (found, 0)),
            [first, second] => {
                [(0, first, second), (1, second, first)].into_iter().find_map(|(place, h, c)| {
                    search.lstm(h).filter(|found| found.c_out == Some(c)).map(|found| (found, place))
                })
            }
            _ => None,
        };
        found.ok_or_else(|| at.error("its body is none of the cells that layers here have"))
    }
}

/// What values are that nodes pass on as they are.
fn roots<'a>(nodes: &[&'a OnnxNode]) -> HashMap<&'a str, &'a str> {
    let same = nodes.iter().filter(|node| node.operator == "Identity");
    same.filter_map(|node| Some((node.outputs.first()?.as_str(), node.inputs.first()?.as_str()))).collect()
}

/// The value that a name stands for.
fn root<'a>(roots: &HashMap<&'a str, &'a str>, mut name: &'a str) -> &'a str {
    let mut seen = HashSet::new();
    while let Some(&other) = roots.get(name) {
        if !seen.insert(name) {
            break;
        }
        name = other;
    }
    name
}
