//! The walk over a graph: what each value is, and the layers that compute it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use sumun_formats::onnx::{OnnxAttribute, OnnxAxis, OnnxGraph, OnnxModel, OnnxNode, OnnxValue};
use sumun_formats::{Data, ElementType, Tensor};

use super::axes::{Axes, Id, Role};
use super::cells::{Found, Given, Search};
use super::found::{Recurrence, Sequence, Shares};
use super::node::At;
use super::starts::Starts;
use super::value::{Array, Axis, Content, Piece, Time, Value};
use crate::error::quoted;
use crate::layer::Common;
use crate::model::{LayerConfig, NamedTensor};
use crate::{Error, Result};

/// The most inputs of a graph.
const MOST_INPUTS: usize = 256;

/// Numbers that folding constants may make beside those of the file: lists of sizes are small.
const SMALL: usize = 1 << 20;

/// How many times the numbers of the file may be copied, into weights and by nodes on constants.
const COPIES: usize = 8;

/// An input of the graph, and what the nodes that read it tell of it.
#[derive(Debug)]
pub(super) struct GraphInput {
    pub(super) name: String,
    /// Its name in the model.
    pub(super) model: String,
    pub(super) is_ids: bool,
    pub(super) axes: Vec<Axis>,
    pub(super) kind: Option<InputKind>,
    /// Whether the model reads it as steps, where that does not follow from its axes.
    pub(super) has_steps: bool,
}

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputKind {
    Numbers,
    /// Ids below so many.
    Ids(usize),
    Lengths,
    State,
    /// Begins states anew, where it is 1.
    Starts,
}

/// What is told about a graph beside its file.
#[derive(Debug, Clone, Default)]
pub(super) struct Told<'t> {
    /// The numbers that inputs have whenever the graph runs.
    pub(super) known: Option<&'t BTreeMap<String, f64>>,
    /// The input whose first axis is one of steps although nodes compute along it as sequences: each of its steps is a
    /// sequence of its own until a recurrent node reads them.
    pub(super) distributed: Option<usize>,
}

/// The reading of a graph.
pub(super) struct Reader<'a> {
    pub(super) opset: i64,
    pub(super) known: BTreeMap<String, f64>,
    /// Values that follow from an input whose number is known, by name.
    follows: HashMap<String, String>,
    pub(super) distributed: Option<usize>,
    /// Found on the way: [`Told::distributed`] of another try.
    pub(super) wants_distributed: Option<usize>,
    /// Layers that compute sequences within steps.
    pub(super) within: HashSet<String>,
    pub(super) producer: &'a str,
    constants: HashMap<&'a str, &'a Tensor>,
    pub(super) values: HashMap<String, Value>,
    /// Values that are sequences of arrays, by name.
    pub(super) sequences: HashMap<String, Rc<Sequence>>,
    /// Shares of steps by the name that arrays have for a layer, and of steps times shares these shares.
    pub(super) shares: HashMap<String, Shares>,
    pub(super) weighted: HashMap<String, String>,
    /// How many nodes and outputs read a value.
    uses: HashMap<&'a str, usize>,
    pub(super) axes: Axes,
    pub(super) inputs: Vec<GraphInput>,
    pub(super) layers: Vec<LayerConfig>,
    pub(super) weights: Vec<NamedTensor>,
    pub(super) recurrences: Vec<Recurrence>,
    /// Final hidden states as rows, by layer and direction.
    pub(super) last_rows: HashMap<(String, Option<usize>), String>,
    names: HashSet<String>,
    pub(super) notes: Vec<String>,
    /// A node that lets steps see each other without being recurrent.
    pub(super) mixes_steps: Option<String>,
    /// A node that tells the steps that are there from those past the ends of sequences.
    pub(super) uses_lengths: Option<String>,
    /// The number that values have past the ends of sequences, where the graph puts one there.
    pub(super) past_ends: HashMap<String, f64>,
    /// Values that are lengths of sequences, those of 0 as 1.
    pub(super) at_least_one: HashSet<String>,
    /// For states that an input begins anew, that input, both by name.
    pub(super) begins: BTreeMap<String, String>,
    left: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(model: &'a OnnxModel, told: &Told<'_>) -> Result<Self> {
        let graph = &model.graph;
        let mut reader = Self {
            opset: model.opset(),
            known: told.known.cloned().unwrap_or_default(),
            follows: HashMap::new(),
            distributed: told.distributed,
            wants_distributed: None,
            within: HashSet::new(),
            producer: &model.producer,
            constants: HashMap::new(),
            values: HashMap::new(),
            sequences: HashMap::new(),
            shares: HashMap::new(),
            weighted: HashMap::new(),
            uses: HashMap::new(),
            axes: Axes::default(),
            inputs: Vec::new(),
            layers: Vec::new(),
            weights: Vec::new(),
            recurrences: Vec::new(),
            last_rows: HashMap::new(),
            names: HashSet::new(),
            notes: Vec::new(),
            mixes_steps: None,
            uses_lengths: None,
            past_ends: HashMap::new(),
            at_least_one: HashSet::new(),
            begins: BTreeMap::new(),
            left: SMALL,
        };
        reader.add_constants(graph)?;
        if graph.inputs.len() > MOST_INPUTS + graph.constants.len() {
            return Err(Error::Model(format!(
                "a graph of {} inputs; at most {MOST_INPUTS}",
                graph.inputs.len()
            )));
        }
        let is_input = |input: &&OnnxValue| !reader.constants.contains_key(input.name.as_str());
        let inputs: Vec<&OnnxValue> = graph.inputs.iter().filter(is_input).collect();
        if let Some(name) = reader.known.keys().find(|&name| inputs.iter().all(|input| input.name != *name)) {
            let names: Vec<String> = inputs.iter().map(|input| quoted(&input.name)).collect();
            return Err(Error::Model(format!(
                "the graph has no input {}; it has {}",
                quoted(name),
                names.join(", ")
            )));
        }
        for input in inputs {
            match reader.known.get(&input.name).copied() {
                Some(number) => reader.add_known(input, number)?,
                None => reader.add_input(input)?,
            }
        }
        if let Some(input) = reader.distributed {
            reader.distribute(input)?;
        }
        Ok(reader)
    }

    pub(super) fn add_constants(&mut self, graph: &'a OnnxGraph) -> Result<()> {
        for (name, tensor) in &graph.constants {
            self.left = self.left.saturating_add(tensor.data().len().saturating_mul(COPIES));
            if self.constants.insert(name, tensor).is_some() {
                return Err(Error::Model(format!("two constants are named {}", quoted(name))));
            }
        }
        Ok(())
    }

    /// An input of one number, which is known.
    fn add_known(&mut self, input: &OnnxValue, number: f64) -> Result<()> {
        let named = |what: String| Error::Model(format!("the input {} {what}", quoted(&input.name)));
        let is_one = |axis: &OnnxAxis| *axis == OnnxAxis::Length(1);
        let Some(shape) = input.shape.as_ref().filter(|shape| shape.iter().all(is_one)) else {
            return Err(named(
                "is an array; the value of an input can be told where it is one number".into(),
            ));
        };
        let shape = vec![1; shape.len()];
        let tensor = match input.element {
            1 | 10 | 11 | 16 => Tensor::f32(shape, vec![number as f32]),
            2..=7 | 12 | 13 if number.fract() == 0.0 && number.abs() < 9e15 => {
                Tensor::new(ElementType::I64, shape, Data::I64(vec![number as i64]), "graph")
            }
            9 if number == 0.0 || number == 1.0 => {
                Tensor::new(ElementType::Bool, shape, Data::Bool(vec![number == 1.0]), "graph")
            }
            _ => return Err(named(format!("has a type without the number {number}"))),
        };
        self.follows.insert(input.name.clone(), input.name.clone());
        if self.values.insert(input.name.clone(), Value::constant(tensor?)).is_some() {
            return Err(named("is there twice".into()));
        }
        Ok(())
    }

    fn add_input(&mut self, input: &OnnxValue) -> Result<()> {
        let named = |what: &str| Error::Model(format!("the input {} {what}", quoted(&input.name)));
        let is_ids = match input.element {
            0 | 1 | 10 | 11 | 16 => false,
            2..=7 | 12 | 13 => true,
            _ => return Err(named("has neither numbers nor whole numbers")),
        };
        let shape = input.shape.as_ref().ok_or_else(|| named("has no shape; export the model with one"))?;
        if shape.len() > 4 {
            return Err(named(&format!("has {} axes; a model here reads at most 3", shape.len())));
        }
        let mut axes = Vec::with_capacity(shape.len());
        for axis in shape {
            let length = match axis {
                OnnxAxis::Length(length) => Some(*length),
                OnnxAxis::Any(_) => None,
            };
            axes.push(Axis::Open(self.axes.add(None, length)));
        }
        let model = self.unique(&input.name, "input");
        let index = self.inputs.len();
        let array = Array { content: Content::Input(index), axes: axes.clone(), factors: Vec::new() };
        let name = input.name.clone();
        if self.values.insert(name.clone(), Value::Array(array)).is_some() {
            return Err(named("is there twice"));
        }
        self.inputs.push(GraphInput { name, model, is_ids, axes, kind: None, has_steps: false });
        Ok(())
    }

    /// A name that nothing has yet, made of one of the file's.
    pub(super) fn unique(&mut self, wanted: &str, otherwise: &str) -> String {
        const LONGEST: usize = 80;
        let plain = |c: char| if c.is_alphanumeric() || "_-".contains(c) { c } else { '.' };
        let stem: String = wanted.trim_matches(['/', ':', '.']).chars().take(LONGEST).map(plain).collect();
        let stem = if stem.is_empty() { otherwise.to_owned() } else { stem };
        let mut name = stem.clone();
        let mut count = 0_usize;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{stem}_{count}");
        }
        name
    }

    /// Walks the graph.
    pub(super) fn walk(&mut self, graph: &'a OnnxGraph) -> Result<()> {
        let wanted: Vec<&str> = graph.outputs.iter().map(|output| output.name.as_str()).collect();
        let nodes = live(graph, &wanted);
        for &name in &wanted {
            *self.uses.entry(name).or_insert(0) += 1;
        }
        for node in &nodes {
            for name in reads(node) {
                *self.uses.entry(name).or_insert(0) += 1;
            }
        }
        let cells = Search::new(&nodes, self).all(|name| self.uses.get(name).copied().unwrap_or(0));
        let starts = {
            let search = Search::new(&nodes, self);
            let inputs = self.inputs.iter().map(|input| input.name.as_str()).collect();
            let is_one = |name: &str| search.number(name) == Some(1.0);
            Starts::find(&nodes, &inputs, is_one, |name| self.uses.get(name).copied().unwrap_or(0))
        };
        let mut anchors: HashMap<*const OnnxNode, Found<'a>> = HashMap::new();
        let mut covered = HashSet::new();
        for cell in cells {
            covered.extend(cell.covered.iter().copied());
            anchors.insert(cell.anchor, cell);
        }
        for node in nodes {
            if starts.has(node) {
                continue;
            }
            if let Some(product) = starts.product(node) {
                self.begun_anew(node, product)?;
                continue;
            }
            match anchors.remove(&std::ptr::from_ref(node)) {
                Some(cell) => self.cell(&cell)?,
                None if node.outputs.iter().any(|name| covered.contains(name.as_str())) => {}
                None => self.node(node)?,
            }
        }
        Ok(())
    }

    pub(super) fn node(&mut self, node: &'a OnnxNode) -> Result<()> {
        let at = At(node);
        let values = self.operator(at)?;
        self.carry_on(at);
        let follows = node.inputs.iter().find_map(|name| self.follows.get(name)).cloned();
        for (name, value) in node.outputs.iter().zip(values) {
            if let (Some(input), Value::Constant(_) | Value::Filled { .. }) = (&follows, &value) {
                self.follows.insert(name.clone(), input.clone());
            }
            if !name.is_empty() && self.values.insert(name.clone(), value).is_some() {
                return Err(at.error(format!("it gives {}, which is there already", quoted(name))));
            }
        }
        Ok(())
    }

    /// Has what a node only lays out in another way keep what is known of what it reads.
    fn carry_on(&mut self, at: At<'_>) {
        let keeps =
            ["Identity", "Cast", "Dropout", "Transpose", "Squeeze", "Unsqueeze", "Reshape", "Flatten"];
        if !keeps.contains(&at.0.operator.as_str()) {
            return;
        }
        let (Some(from), Some(to)) = (at.0.inputs.first(), at.0.outputs.first()) else { return };
        if let Some(&number) = self.past_ends.get(from) {
            self.past_ends.insert(to.clone(), number);
        }
        if self.at_least_one.contains(from) {
            self.at_least_one.insert(to.clone());
        }
    }

    /// How many nodes and outputs read what a node gives at that place.
    pub(super) fn uses(&self, at: At<'_>, output: usize) -> usize {
        let name = at.0.outputs.get(output).map_or("", String::as_str);
        if name.is_empty() { 0 } else { self.uses.get(name).copied().unwrap_or(0) }
    }

    /// How many nodes and outputs read what the node reads at that place.
    pub(super) fn readers(&self, at: At<'_>, input: usize) -> usize {
        at.0.inputs.get(input).map_or(0, |name| self.uses.get(name.as_str()).copied().unwrap_or(0))
    }

    /// What a node reads at that place.
    pub(super) fn input(&mut self, at: At<'_>, index: usize) -> Result<Value> {
        let name = at.0.inputs.get(index).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| at.error(format!("it lacks its input {index}")))?;
        self.value(name).ok_or_else(|| {
            at.error(format!("it reads {}, which no input, constant or node before it gives", quoted(name)))
        })
    }

    /// What is known of a value by now; None where no node has given it yet.
    pub(super) fn peek(&self, name: &str) -> Option<Value> {
        let constant = || Some(Value::constant((*self.constants.get(name)?).clone()));
        self.values.get(name).cloned().or_else(constant)
    }

    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        let value = match self.values.get(name) {
            Some(value) => value.clone(),
            None => {
                let value = Value::Constant(Rc::new((*self.constants.get(name)?).clone()));
                self.values.insert(name.to_owned(), value.clone());
                value
            }
        };
        Some(match value {
            Value::Array(array) => Value::Array(self.settled(array)),
            Value::Sizes { sizes, is_scalar } => {
                let sizes = sizes.iter().map(|size| size.settled(&self.axes)).collect();
                Value::sizes(sizes, is_scalar).ok()?
            }
            Value::IsOne(axis) => match self.axes.length(axis) {
                Some(length) => {
                    let tensor =
                        Tensor::new(ElementType::Bool, vec![1], Data::Bool(vec![length == 1]), "graph");
                    Value::constant(tensor.ok()?)
                }
                None => Value::IsOne(axis),
            },
            value => value,
        })
    }

    /// The array with what is known by now of its axes.
    pub(super) fn settled(&self, mut array: Array) -> Array {
        for place in 0..array.axes.len() {
            let Axis::Open(id) = array.axes[place] else { continue };
            array.axes[place] = match (self.axes.role(id), self.axes.length(id)) {
                (Some(Role::Features), Some(length)) => {
                    array.factors = vec![length];
                    Axis::Factor(0)
                }
                (Some(Role::Stack), Some(length)) => {
                    if let Content::Input(input) = array.content {
                        let piece = |index| Piece::Input { input, index };
                        array.content = Content::States((0..length).map(piece).collect());
                    }
                    Axis::Stack
                }
                _ => Axis::Open(self.axes.find(id)),
            };
        }
        match array.content {
            Content::Input(input) if self.inputs[input].kind == Some(InputKind::State) => {
                array.content = Content::States(vec![Piece::Input { input, index: 0 }]);
            }
            _ => {}
        }
        array
    }

    /// A constant that a node reads.
    pub(super) fn constant(&mut self, at: At<'_>, index: usize) -> Result<Rc<Tensor>> {
        match self.input(at, index)? {
            Value::Constant(tensor) => Ok(tensor),
            _ => {
                let name = at.0.inputs.get(index).map_or("", String::as_str);
                Err(at.error(format!("its input {} is no constant, as a layer here needs it", quoted(name))))
            }
        }
    }

    /// Constant numbers that a node reads, with their shape.
    pub(super) fn numbers(&mut self, at: At<'_>, index: usize) -> Result<(Vec<f32>, Vec<usize>)> {
        let tensor = self.constant(at, index)?;
        self.spend(at, tensor.data().len())?;
        if matches!(tensor.data(), Data::F64(_)) {
            self.note("numbers of double precision were rounded to single precision");
        }
        Ok((at.named(tensor.to_f32())?, tensor.shape().to_vec()))
    }

    /// Constant whole numbers that a node reads.
    pub(super) fn whole_numbers(&mut self, at: At<'_>, index: usize) -> Result<Vec<i64>> {
        let value = self.input(at, index)?;
        let sizes = value.as_sizes().map(|(sizes, _)| sizes);
        let numbers = sizes.and_then(|sizes| sizes.iter().map(|size| size.stated(&self.axes)).collect());
        numbers.ok_or_else(|| {
            let name = at.0.inputs.get(index).map_or("", String::as_str);
            at.error(format!("its input {} is no list of whole numbers that is known", quoted(name)))
        })
    }

    /// An array that a node reads.
    pub(super) fn array(&mut self, at: At<'_>, index: usize) -> Result<Array> {
        match self.input(at, index)? {
            Value::Array(array) => Ok(array),
            _ => Err(at.error(format!("its input {index} is a constant, where a layer here reads rows"))),
        }
    }

    /// Counts numbers that are copied, so that the work stays a multiple of the file.
    pub(super) fn spend(&mut self, at: At<'_>, count: usize) -> Result<()> {
        self.left = self
            .left
            .checked_sub(count)
            .ok_or_else(|| at.error("the graph makes more numbers of its constants than a model has"))?;
        Ok(())
    }

    /// The length that the file states for the steps of the value of that name.
    pub(super) fn stated_steps(&self, name: &str) -> Option<i64> {
        let Some(Value::Array(array)) = self.values.get(name) else { return None };
        array.axes.iter().find_map(|axis| match axis {
            Axis::Open(id) if self.axes.role(*id) == Some(Role::Time) => {
                self.axes.length(*id).map(|length| length as i64)
            }
            _ => None,
        })
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Adds a layer that reads `from`, and returns its name: that of the node up to its last slash, as exporters write the
    /// module's, or one of its kind.
    pub(super) fn add(&mut self, at: At<'_>, layer: impl Into<LayerConfig>, from: Vec<String>) -> String {
        let mut layer = layer.into();
        let module = at.0.name.rsplit_once('/').map_or("", |(module, _)| module);
        let name = self.unique(module, layer.kind());
        if from.iter().any(|from| self.within.contains(from)) {
            self.within.insert(name.clone());
        }
        *layer.common_mut() = Common { name: Some(name.clone()), from, ..layer.common().clone() };
        self.layers.push(layer);
        name
    }

    pub(super) fn weight(&mut self, layer: &str, name: &str, shape: &[usize], values: Vec<f32>) {
        self.weights.push(NamedTensor::new(format!("{layer}.{name}"), shape, values));
    }

    /// The name of the input or layer that an array's rows are of.
    pub(super) fn source(&mut self, at: At<'_>, array: &Array) -> Result<String> {
        match &array.content {
            Content::Rows { layer, .. } => {
                self.expect_no_shares(at, layer)?;
                Ok(layer.clone())
            }
            Content::Input(index) => {
                let input = &mut self.inputs[*index];
                match (input.is_ids, input.kind) {
                    (false, None | Some(InputKind::Numbers)) => input.kind = Some(InputKind::Numbers),
                    (true, _) => {
                        return Err(at.error("it reads whole numbers, where a layer here reads rows"));
                    }
                    (_, Some(_)) => {
                        return Err(at.error(format!(
                            "it reads the input {} as rows, which is a state elsewhere",
                            quoted(&input.name)
                        )));
                    }
                }
                Ok(input.model.clone())
            }
            Content::States(_) => Err(at.error("it reads a state, where a layer here reads rows")),
        }
    }

    /// Whether the array's source has a row at every step.
    pub(super) fn time_of(array: &Array) -> Time {
        match &array.content {
            Content::Input(index) => Time::Of(*index),
            Content::Rows { time, .. } => *time,
            Content::States(_) => Time::Once,
        }
    }

    /// Whether a graph that asks for the length of an axis is read as that for the length 1. Sequences may be many, and
    /// keep their axis; other axes are left out by such graphs, which exporters make of `squeeze`.
    fn taken_as_one(&mut self, at: At<'_>, axis: Id) -> Result<bool> {
        if self.axes.role(axis) == Some(Role::Sequences) {
            self.note("the graph leaves the axis of sequences out where there is one alone; here it stays");
            return Ok(false);
        }
        at.named(self.axes.expect_one(axis))?;
        self.note(
            "the graph asks whether there is one step left, and was read for arrays of which it leaves one",
        );
        Ok(true)
    }

    /// The branch of an If whose condition is known.
    pub(super) fn branch(&mut self, at: At<'a>) -> Result<Vec<Value>> {
        let value = self.input(at, 0)?;
        let condition = match &value {
            Value::Constant(tensor) => tensor.to_i64().ok().and_then(|values| values.first().copied()),
            Value::Filled { number, .. } => Some(*number as i64),
            Value::Sizes { sizes, .. } => sizes.first().and_then(|size| size.stated(&self.axes)),
            Value::IsOne(axis) => Some(i64::from(self.taken_as_one(at, *axis)?)),
            Value::Array(_) | Value::Mask(_) | Value::Sum(_) => None,
        };
        let condition = condition.ok_or_else(|| match value {
            Value::Array(Array { content: Content::Input(_), .. }) => self.depends(at, 0, &value),
            _ => {
                at.error("its condition depends on what the model is given; export the model with one branch")
            }
        })?;
        let name = if condition != 0 { "then_branch" } else { "else_branch" };
        if let Some(input) = at.0.inputs.first().and_then(|name| self.follows.get(name)) {
            let number = self.known.get(input).copied().unwrap_or_default();
            let input = quoted(input);
            self.note(format!(
                "the graph does different things for different {input}: read was what it does for {input} = {number}"
            ));
        }
        let Some(OnnxAttribute::Graph(branch)) = at.0.attribute(name) else {
            return Err(at.error(format!("it has no {name}")));
        };
        self.add_constants(branch)?;
        self.walk(branch)?;
        let outputs = branch.outputs.iter().map(|output| {
            self.value(&output.name)
                .ok_or_else(|| at.error(format!("its {name} gives no {}", quoted(&output.name))))
        });
        outputs.collect()
    }
}

impl Given for Reader<'_> {
    fn is_constant(&self, name: &str) -> bool {
        self.constants.contains_key(name) || matches!(self.values.get(name), Some(Value::Constant(_)))
    }

    fn small(&self, name: &str) -> Option<Tensor> {
        /// As many numbers as lists of sizes have.
        const FEW: usize = 64;
        let few = |tensor: &Tensor| tensor.data().len() <= FEW;
        match (self.values.get(name), self.constants.get(name)) {
            (Some(Value::Constant(tensor)), _) if few(tensor) => Some((**tensor).clone()),
            (None, Some(tensor)) if few(tensor) => Some((*tensor).clone()),
            _ => None,
        }
    }
}

/// All that a node reads: its inputs, and what graphs in it read from outside.
fn reads(node: &OnnxNode) -> Vec<&str> {
    let mut names: Vec<&str> =
        node.inputs.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    for (_, attribute) in &node.attributes {
        if let OnnxAttribute::Graph(graph) = attribute {
            let given: HashSet<&str> =
                graph.nodes.iter().flat_map(|node| &node.outputs).map(String::as_str).collect();
            let inside = graph.nodes.iter().flat_map(reads);
            let shown = graph.outputs.iter().map(|output| output.name.as_str());
            names.extend(inside.chain(shown).filter(|name| !given.contains(name)));
        }
    }
    names
}

/// The nodes that the wanted values depend on, in their order.
pub(super) fn live<'a>(graph: &'a OnnxGraph, wanted: &[&'a str]) -> Vec<&'a OnnxNode> {
    let mut needed: HashSet<&str> = wanted.iter().copied().collect();
    let mut nodes = Vec::new();
    for node in graph.nodes.iter().rev() {
        if node.outputs.iter().any(|name| needed.contains(name.as_str())) {
            needed.extend(reads(node));
            nodes.push(node);
        }
    }
    nodes.reverse();
    nodes
}
