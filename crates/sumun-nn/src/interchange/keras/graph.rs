//! The graph of a Keras model, layer by layer, as a model here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sumun_formats::keras::{Architecture, Call, Keras, Layer, Source, Taken, Value};
use sumun_formats::{Data, Tensor};

use super::super::Import;
use super::activations::{Meaning, Version, of_dense};
use super::dot::Products;
use super::operators::{self, Laid};
use super::settings::Options;
use super::shares::Shares;
use super::{fresh, layers, refused};
use crate::error::quoted;
use crate::model::{Input, LayerConfig, ModelConfig, NamedTensor};
use crate::nn::{
    ActivationFunction, ActivationLayer, DenseLayer, ElementwiseLayer, EmbeddingLayer, MaskingLayer, Pool,
    PoolLayer, RecurrentLayer, SoftmaxLayer,
};
use crate::{Error, Result};

/// The most numbers that are made here and are not in the file: those of an attention of 2,000 features.
const MOST_MADE: usize = 1 << 23;

/// The most uses of layers, those of models within models counted as often as these are used.
const MOST_USES: usize = 10_000;

/// What flows between layers, without N.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// An input of two axes: ids where an embedding reads it, else a row a sequence. So many of them, where it says.
    Open(Option<usize>),
    /// Features at every step, of so many steps where that is known.
    Steps { time: Option<usize>, features: usize },
    /// One row a sequence.
    Once { features: usize },
    /// One row a sequence of the features of all steps, one step after the other, which are still apart here.
    Flat { time: usize, features: usize },
}

/// A tensor of the graph.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// The input or layer here that it comes from.
    pub(super) from: String,
    pub(super) shape: Shape,
    /// What says which steps there are.
    pub(super) mask: Option<MaskOf>,
}

/// The mask of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MaskOf {
    /// Which of the masks.
    mask: usize,
    /// Whether Keras has lost it, as behind its operators, so that what reads the tensor computes with masked steps.
    is_forgotten: bool,
}

impl MaskOf {
    /// The mask behind an operator.
    pub(super) fn forgotten(self) -> Self {
        Self { is_forgotten: true, ..self }
    }
}

/// What a layer returned.
#[derive(Debug, Clone)]
pub(super) enum Output {
    Flow(Flow),
    /// What an operator returned, whose axes may be other than those here.
    Laid(Laid),
    /// A last state of a recurrent layer.
    State(State),
    /// Which steps are there, or what that is made of.
    Mask(Masked),
    /// The first part of an attention that is written as products.
    Products(Products),
    /// Shares of steps, which are part of an attention.
    Shares(Shares),
}

/// What says which steps are there, as Keras 3 writes it beside a layer that heeds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Masked {
    /// The ids of an input that are not 0.
    Ids(String),
    /// The features of these rows that are not this number.
    Features(String, f32),
    /// The rows of which any feature is not this number.
    Rows(String, f32),
}

/// A last state.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// The recurrent layer.
    pub(super) layer: String,
    /// Which of its states, h and c of one direction before those of the other.
    pub(super) part: usize,
    /// Of how many.
    pub(super) of: usize,
    /// What is h itself, where that is a row of the layer's output.
    pub(super) hidden: Option<Hidden>,
}

/// Where the last hidden state of a layer is to be had.
#[derive(Debug, Clone)]
pub(super) enum Hidden {
    /// The layer's output.
    Output(Flow),
    /// The last step of it.
    LastStep(Flow),
}

/// An embedding that says that some ids are no steps, or a masking layer that says so of numbers.
#[derive(Debug)]
struct Mask {
    /// Where it is among the layers.
    layer: usize,
    /// What it is made of: the ids that an embedding reads, or the rows that a masking layer reads.
    by: Masked,
    /// Whether a layer heeds it.
    is_heeded: bool,
    /// The first layer that computes with all steps, in spite of it.
    crossed: Option<String>,
}

/// One use of a layer of the file.
#[derive(Debug, Clone, Default)]
struct Use {
    /// What it is called here.
    name: String,
    /// The layer, and which of its uses.
    layer: String,
    call: usize,
    /// Whether its weights have been used before.
    is_copy: bool,
}

impl Use {
    /// One of its outputs, as others of the file name it.
    fn output(&self, output: usize) -> Source {
        Source { layer: self.layer.clone(), call: self.call, output }
    }
}

/// The model so far.
pub(super) struct Graph {
    pub(super) version: Version,
    config: ModelConfig,
    /// The inputs of the file that are of two axes or more, by their names here.
    inputs: BTreeMap<String, Option<Input>>,
    /// Whether an input is read without a mask.
    unmasked: HashSet<String>,
    tensors: Vec<NamedTensor>,
    outputs: HashMap<Source, Output>,
    masks: Vec<Mask>,
    taken: HashSet<String>,
    notes: Vec<String>,
    lost: Vec<String>,
    rounded: usize,
    /// Layers that are part of another one here.
    parts: HashSet<String>,
    /// How many numbers have been made that are not in the file.
    made: usize,
    /// How many numbers of weights have been used once more, and how many may be.
    copied: usize,
    most_copied: usize,
    /// Uses of layers so far.
    uses: usize,
    /// The use that is being read.
    present: Use,
    /// Whether recurrent layers have time before the sequences; None before the first of them.
    is_time_major: Option<bool>,
}

/// Reads a whole model.
pub(super) fn read(file: &Keras, architecture: &Architecture) -> Result<Import> {
    let mut graph = Graph::new(Version::of(&file.version), architecture)?;
    graph.most_copied = MOST_MADE.max(file.weights.numbers());
    graph.model(architecture, file.weights.of(architecture)?, &Place::default())?;
    graph.finish(architecture)
}

/// Where a model is among others.
#[derive(Debug, Clone, Default)]
struct Place {
    /// What the names of its layers begin with; nothing of the outermost.
    prefix: Option<String>,
    /// Whether its weights have been used before.
    is_copy: bool,
}

impl Graph {
    fn new(version: Version, architecture: &Architecture) -> Result<Self> {
        let mut taken = HashSet::new();
        for layer in &architecture.layers {
            if !taken.insert(plain(&layer.name)) {
                return Err(Error::Model(format!("two layers are named {}", quoted(&layer.name))));
            }
        }
        Ok(Self {
            version,
            config: ModelConfig { inputs: BTreeMap::new(), layers: Vec::new(), outputs: Vec::new() },
            inputs: BTreeMap::new(),
            unmasked: HashSet::new(),
            tensors: Vec::new(),
            outputs: HashMap::new(),
            masks: Vec::new(),
            taken,
            notes: Vec::new(),
            lost: Vec::new(),
            rounded: 0,
            parts: HashSet::new(),
            made: 0,
            copied: 0,
            most_copied: 0,
            uses: 0,
            present: Use::default(),
            is_time_major: None,
        })
    }

    /// Reads the layers of a model, each use of them behind those that it reads.
    fn model(&mut self, model: &Architecture, weights: Vec<Taken<'_>>, place: &Place) -> Result<()> {
        let mut names = HashSet::new();
        if let Some(layer) = model.layers.iter().find(|layer| !names.insert(layer.name.as_str())) {
            return Err(Error::Model(format!("two layers are named {}", quoted(&layer.name))));
        }
        let mut used = vec![false; model.layers.len()];
        for (index, call) in order(model) {
            let layer = &model.layers[index];
            self.uses += 1;
            if self.uses > MOST_USES {
                return Err(refused(layer, format!("the model uses layers over {MOST_USES} times")));
            }
            let is_again = std::mem::replace(&mut used[index], true);
            let name = match (&place.prefix, is_again) {
                (None, false) => plain(&layer.name),
                (prefix, _) => {
                    let prefix = prefix.as_ref().map_or_else(String::new, |prefix| format!("{prefix}_"));
                    self.fresh(&format!("{prefix}{}", plain(&layer.name)))
                }
            };
            let is_copy = place.is_copy || is_again;
            self.present = Use { name, layer: layer.name.clone(), call, is_copy };
            let mut weights = weights[index].clone();
            if let Some(inner) = &layer.model {
                self.within(layer, &layer.calls[call], inner, weights)?;
            } else {
                self.layer(layer, &layer.calls[call], place.prefix.is_some(), &mut weights)?;
                weights.finish()?;
            }
            if self.copied > self.most_copied {
                let why = format!("it is used so often that over {} weights are copied", self.most_copied);
                return Err(refused(layer, why));
            }
        }
        let shared = model.layers.iter().filter(|layer| layer.calls.len() > 1);
        for layer in shared.filter(|_| !place.is_copy) {
            self.note(format!(
                "{} is used {} times with the same weights in Keras; here each use has its own, equal until they are trained",
                layer.name,
                layer.calls.len()
            ));
        }
        Ok(())
    }

    /// Reads a model within the model: its inputs are what it is used on.
    fn within(&mut self, layer: &Layer, call: &Call, model: &Architecture, weights: Taken<'_>) -> Result<()> {
        let Use { name, call: number, is_copy, .. } = self.present.clone();
        self.expect_usual(layer, call)?;
        let call = self.without_masks(layer, call)?;
        if let Some((name, _)) = call.named.first() {
            return Err(refused(layer, format!("its argument {name} is not known here")));
        }
        let sources = call.arguments.concat();
        if sources.len() != model.inputs.len() {
            let why = format!("it has {} inputs and reads {} tensors", model.inputs.len(), sources.len());
            return Err(refused(layer, why));
        }
        let given = sources.iter().map(|source| self.output(layer, source).cloned());
        let given = given.collect::<Result<Vec<_>>>()?;
        let outside = std::mem::take(&mut self.outputs);
        self.outputs.extend(model.inputs.iter().cloned().zip(given));
        self.model(model, weights.within(model)?, &Place { prefix: Some(name), is_copy })?;
        let returned = model.outputs.iter().map(|source| self.output(layer, source).cloned());
        let returned = returned.collect::<Result<Vec<_>>>()?;
        self.outputs = outside;
        for (output, value) in returned.into_iter().enumerate() {
            self.outputs.insert(Source { layer: layer.name.clone(), call: number, output }, value);
        }
        Ok(())
    }

    /// Refuses a use as in training, and arguments that are not known.
    fn expect_usual(&self, layer: &Layer, call: &Call) -> Result<()> {
        if call.settings.get("training") == Some(&Value::Flag(true)) {
            return Err(refused(layer, "it is used as in training, which is random"));
        }
        for (name, value) in call.settings.iter() {
            if !matches!(value, Value::Flag(false)) {
                return Err(refused(layer, format!("its argument {name} = {value} is not known here")));
            }
        }
        Ok(())
    }

    fn layer(&mut self, layer: &Layer, call: &Call, is_within: bool, weights: &mut Taken<'_>) -> Result<()> {
        match layer.class.strip_prefix(operators::PREFIX) {
            Some("NotEqual") => return self.not_equal(layer, call),
            Some("Any") => return self.any(layer, call),
            Some(_) => return operators::read(self, layer, call),
            None => {}
        }
        self.expect_usual(layer, call)?;
        if layer.class == "InputLayer" {
            return if is_within { self.inner_input(layer) } else { self.input(layer) };
        }
        let call = self.without_masks(layer, call)?;
        layers::read(self, layer, &call, weights)
    }

    /// What Keras 3 writes where an embedding masks id 0, ids ≠ 0, and where a masking layer masks a number.
    fn not_equal(&mut self, layer: &Layer, call: &Call) -> Result<()> {
        let number = (call.settings.iter().len() == 1).then(|| call.settings.get("1")?.as_number()).flatten();
        let [source] = <[Source; 1]>::try_from(call.arguments.concat())
            .map_err(|_| refused(layer, "it compares two tensors"))?;
        let masked = match (self.output(layer, &source)?, number) {
            (Output::Flow(Flow { from, shape: Shape::Open(_), .. }), Some(0.0)) => Masked::Ids(from.clone()),
            (Output::Flow(Flow { from, shape: Shape::Steps { .. }, .. }), Some(number)) => {
                Masked::Features(from.clone(), number as f32)
            }
            _ => {
                return Err(refused(
                    layer,
                    "a model here has no layer of this class, other than for ids that are not 0 and masked steps",
                ));
            }
        };
        self.put_output(0, Output::Mask(masked));
        Ok(())
    }

    /// What Keras 3 writes behind it where a masking layer masks a number: of every row, whether any feature is another.
    fn any(&mut self, layer: &Layer, call: &Call) -> Result<()> {
        let sources = call.arguments.concat();
        let read = sources.first().map(|source| self.output(layer, source)).transpose()?;
        let axis = layer.settings.get("axis").and_then(Value::as_number);
        let keeps = layer.settings.get("keepdims") == Some(&Value::Flag(true));
        let is_of_rows = axis.is_some_and(|axis| axis == -1.0 || axis == 2.0) && !keeps && sources.len() == 1;
        let (Some(Output::Mask(Masked::Features(from, number))), true) = (read, is_of_rows) else {
            return Err(refused(
                layer,
                "a model here has no layer of this class, other than for masked steps",
            ));
        };
        let masked = Masked::Rows(from.clone(), *number);
        self.put_output(0, Output::Mask(masked));
        Ok(())
    }

    /// A use without its masks, which must be those that what it reads has anyway.
    fn without_masks(&self, layer: &Layer, call: &Call) -> Result<Call> {
        let mut call = call.clone();
        let reads = call.arguments.concat();
        let read: Vec<&Output> =
            reads.iter().map(|source| self.output(layer, source)).collect::<Result<_>>()?;
        let has_mask = |masked: &Masked| {
            let of = |output: &&Output| match output {
                Output::Flow(flow) => {
                    let known = flow.mask.filter(|mask| !mask.is_forgotten);
                    known.is_some_and(|of| self.masks[of.mask].by == *masked)
                }
                _ => false,
            };
            read.iter().any(of)
        };
        for (_, sources) in call.named.iter().filter(|(name, _)| name == "mask") {
            for source in sources {
                match self.output(layer, source)? {
                    Output::Mask(masked) if has_mask(masked) => {}
                    _ => return Err(refused(layer, "its mask is none of what it reads")),
                }
            }
        }
        call.named.retain(|(name, _)| name != "mask");
        Ok(call)
    }

    /// An input of a model within the model, which may say how many steps there are.
    fn inner_input(&mut self, layer: &Layer) -> Result<()> {
        let (_, axes) = stated(layer);
        match (self.outputs.get_mut(&Source::of(&layer.name)), axes) {
            (Some(Output::Flow(flow)), [_, time, _]) => {
                if let Shape::Steps { time: known @ None, .. } = &mut flow.shape {
                    *known = time.as_size();
                }
                Ok(())
            }
            (Some(_), _) => Ok(()),
            (None, _) => Err(refused(layer, "it is none of the inputs of its model")),
        }
    }

    fn input(&mut self, layer: &Layer) -> Result<()> {
        let (shape, axes) = stated(layer);
        let name = self.own_name();
        let shape = match axes {
            [_, axis] => Shape::Open(axis.as_size()),
            [_, time, features] => match features.as_size() {
                Some(features) => Shape::Steps { time: time.as_size(), features },
                None => return Err(refused(layer, "it does not say how many features there are")),
            },
            _ => {
                let shape = shape.map_or("none".to_owned(), ToString::to_string);
                return Err(refused(
                    layer,
                    format!("its shape is {shape}; [N, T], [N, F] and [N, T, F] are read"),
                ));
            }
        };
        let known = match shape {
            Shape::Steps { features, .. } => Some(Input::numbers(features)),
            _ => None,
        };
        self.inputs.insert(name.clone(), known);
        self.put(0, Flow { from: name, shape, mask: None });
        Ok(())
    }

    /// What an input is, now that a layer reads it. Error: another layer takes it for something else.
    fn decide(&mut self, layer: &Layer, name: &str, input: Input) -> Result<()> {
        match self.inputs.get_mut(name) {
            Some(known @ None) => *known = Some(input),
            Some(Some(known)) if *known == input => {}
            _ => {
                let why =
                    format!("it takes the input {} for {input:?}, another layer does not", quoted(name));
                return Err(refused(layer, why));
            }
        }
        Ok(())
    }

    /// The name here of the layer that is being read.
    pub(super) fn own_name(&self) -> String {
        self.present.name.clone()
    }

    /// A name that nothing has: that of a layer with something behind it.
    pub(super) fn fresh(&mut self, stem: &str) -> String {
        fresh(&mut self.taken, stem)
    }

    /// Gives a name back that is about to be given to a layer.
    pub(super) fn release(&mut self, name: &str) {
        self.taken.remove(name);
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Ends the reading of a layer's settings.
    pub(super) fn finish_options(&mut self, options: Options<'_>) -> Result<()> {
        self.lost.extend(options.finish()?.into_iter().map(str::to_owned));
        Ok(())
    }

    /// Says what the layer that is being read returns.
    pub(super) fn put(&mut self, output: usize, flow: Flow) {
        self.outputs.insert(self.present.output(output), Output::Flow(flow));
    }

    pub(super) fn put_output(&mut self, output: usize, value: Output) {
        self.outputs.insert(self.present.output(output), value);
    }

    pub(super) fn put_state(&mut self, output: usize, state: State) {
        self.outputs.insert(self.present.output(output), Output::State(state));
    }

    fn output(&self, layer: &Layer, source: &Source) -> Result<&Output> {
        self.outputs.get(source).ok_or_else(|| {
            refused(
                layer,
                format!(
                    "it reads output {} of {}, which is not before it",
                    source.output,
                    quoted(&source.layer)
                ),
            )
        })
    }

    /// The tensors that a layer reads: those of its only argument.
    pub(super) fn reads(&mut self, layer: &Layer, call: &Call) -> Result<Vec<Flow>> {
        if let Some((name, _)) = call.named.first() {
            return Err(refused(layer, format!("its argument {name} is not known here")));
        }
        let sources: Vec<Source> = call.arguments.concat();
        sources.iter().map(|source| self.flow(layer, source)).collect()
    }

    /// The only tensor that a layer reads.
    pub(super) fn read_one(&mut self, layer: &Layer, call: &Call) -> Result<Flow> {
        let mut flows = self.reads(layer, call)?;
        match (flows.pop(), flows.len()) {
            (Some(flow), 0) => Ok(flow),
            (_, more) => Err(refused(layer, format!("it reads {} tensors, not one", more + 1))),
        }
    }

    /// A tensor, with the input behind it taken for rows where it may be ids.
    pub(super) fn flow(&mut self, layer: &Layer, source: &Source) -> Result<Flow> {
        let flow = match self.output(layer, source)?.clone() {
            Output::Flow(flow) => flow,
            Output::Laid(laid) => laid.plain(self, layer)?,
            Output::State(state) => self.hidden(layer, &state)?,
            Output::Mask(_) => return Err(refused(layer, "it computes with a mask")),
            Output::Shares(_) => {
                let why = "it reads shares of steps, which here are only part of an attention";
                return Err(refused(layer, why));
            }
            Output::Products(_) => {
                let why =
                    "it reads the products of steps with steps, which here are only part of an attention";
                return Err(refused(layer, why));
            }
        };
        self.as_rows(layer, flow)
    }

    /// What an operator returned, if it is that.
    pub(super) fn as_laid(&self, source: &Source) -> Option<Laid> {
        match self.outputs.get(source) {
            Some(Output::Laid(laid)) => Some(laid.clone()),
            _ => None,
        }
    }

    /// The shares that a tensor is, if it is some.
    pub(super) fn shares(&self, source: &Source) -> Option<Shares> {
        match self.outputs.get(source) {
            Some(Output::Shares(shares)) => Some(shares.clone()),
            _ => None,
        }
    }

    /// Rows that may be scores of steps: what a layer returned.
    pub(super) fn scores(&self, source: &Source) -> Option<Flow> {
        match self.outputs.get(source) {
            Some(Output::Flow(flow)) => Some(flow.clone()),
            _ => None,
        }
    }

    /// A dense layer here, and what it reads.
    pub(super) fn dense(&self, name: &str) -> Option<(DenseLayer, String)> {
        let place = self.config.layers.iter().position(|layer| layer.name() == Some(name))?;
        let layer = self.config.layers[place].get::<DenseLayer>()?;
        let from = match layer.common.from.as_slice() {
            [from] => from.clone(),
            [] => self.config.layers[place.checked_sub(1)?].name()?.to_owned(),
            _ => return None,
        };
        Some((layer.clone(), from))
    }

    /// The values of a weight of a layer here.
    pub(super) fn values(&self, layer: &str, leaf: &str) -> Option<Vec<f32>> {
        let name = format!("{layer}.{leaf}");
        self.tensors.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.values.clone())
    }

    /// Notes that another layer here computes what this one does; it stays if anything else reads it.
    pub(super) fn become_part(&mut self, layer: &str) {
        self.parts.insert(layer.to_owned());
    }

    /// Whether masked steps have the row of the step before them: where one direction of a recurrent layer alone gives them.
    pub(super) fn holds_last(&self, flow: &Flow) -> bool {
        let is_own = |layer: &&LayerConfig| layer.name() == Some(flow.from.as_str());
        let layer = self.config.layers.iter().rev().find(is_own);
        layer.and_then(|layer| layer.get::<RecurrentLayer>()).is_some_and(|layer| {
            !layer.bidirectional && !layer.go_backwards && flow.mask.is_some_and(|mask| !mask.is_forgotten)
        })
    }

    /// The products that a tensor is, if it is some.
    pub(super) fn products(&self, source: &Source) -> Option<Products> {
        match self.outputs.get(source) {
            Some(Output::Products(products)) => Some(products.clone()),
            _ => None,
        }
    }

    fn as_rows(&mut self, layer: &Layer, flow: Flow) -> Result<Flow> {
        if self.inputs.contains_key(&flow.from) {
            self.unmasked.insert(flow.from.clone());
        }
        let Shape::Open(features) = flow.shape else { return Ok(flow) };
        let Some(features) = features else {
            return Err(refused(
                layer,
                format!("the input {} does not say how many features it has", quoted(&flow.from)),
            ));
        };
        self.decide(layer, &flow.from, Input::row(features))?;
        Ok(Flow { shape: Shape::Once { features }, ..flow })
    }

    /// The input of ids that a layer reads, and how many steps it has where that is known.
    pub(super) fn ids(
        &mut self,
        layer: &Layer,
        call: &Call,
        vocabulary: usize,
    ) -> Result<(String, Option<usize>)> {
        let [source] = call
            .arguments
            .concat()
            .try_into()
            .map_err(|_| refused(layer, "it reads more than one tensor"))?;
        match self.output(layer, &source)?.clone() {
            Output::Flow(Flow { from, shape: Shape::Open(time), .. }) => {
                self.decide(layer, &from, Input::ids(vocabulary))?;
                Ok((from, time))
            }
            _ => Err(refused(layer, "it reads what is no input of ids [N, T]")),
        }
    }

    /// The last hidden state as a row.
    fn hidden(&mut self, layer: &Layer, state: &State) -> Result<Flow> {
        match state.hidden.clone() {
            Some(Hidden::Output(flow)) => Ok(flow),
            Some(Hidden::LastStep(flow)) => {
                let Shape::Steps { features, .. } = flow.shape else { return Ok(flow) };
                let name = self.fresh(&format!("{}_last", state.layer));
                let pool = PoolLayer::new(Pool::Last);
                Ok(self.push(name, pool, &[&flow.from], Shape::Once { features }, None))
            }
            None => Err(refused(
                layer,
                format!(
                    "it reads state {} of {}; here states are the first of another recurrent layer, or a result",
                    state.part + 1,
                    quoted(&state.layer)
                ),
            )),
        }
    }

    /// The recurrent layer whose last states these are, all of them in order.
    pub(super) fn states_of(&self, layer: &Layer, sources: &[Source]) -> Result<String> {
        let mut of = None;
        for (k, source) in sources.iter().enumerate() {
            let Output::State(state) = self.output(layer, source)? else {
                return Err(refused(
                    layer,
                    format!(
                        "its first states are {}, no last states of a recurrent layer; here states are given by name",
                        quoted(&source.layer)
                    ),
                ));
            };
            let same = of.as_ref().is_none_or(|of| *of == state.layer);
            if !same || state.part != k || state.of != sources.len() {
                return Err(refused(
                    layer,
                    "its first states are not those of one recurrent layer, in their order",
                ));
            }
            of = Some(state.layer.clone());
        }
        of.ok_or_else(|| refused(layer, "it has no first states"))
    }

    /// Appends a layer here, and returns what flows from it.
    pub(super) fn push(
        &mut self,
        name: String,
        layer: impl Into<LayerConfig>,
        from: &[&str],
        shape: Shape,
        mask: Option<MaskOf>,
    ) -> Flow {
        let mut layer = layer.into();
        let common = layer.common_mut();
        common.name = Some(name.clone());
        let before = self.config.layers.last().and_then(LayerConfig::name);
        if before.is_none() || from != [before.unwrap_or_default()] {
            common.from = from.iter().map(|&from| from.to_owned()).collect();
        }
        self.config.layers.push(layer);
        Flow { from: name, shape, mask }
    }

    /// Appends the functions of a layer behind it.
    pub(super) fn push_meaning(&mut self, layer: &Layer, meaning: Meaning, flow: Flow) -> Result<Flow> {
        let stem = format!("{}_activation", self.own_name());
        self.push_named(layer, &stem, meaning, flow)
    }

    /// Appends the functions; the last layer has the name `stem`, if nothing has it.
    pub(super) fn push_named(
        &mut self,
        layer: &Layer,
        stem: &str,
        meaning: Meaning,
        flow: Flow,
    ) -> Result<Flow> {
        let (shape, mask) = (flow.shape, flow.mask);
        match meaning {
            Meaning::Functions(functions) => Ok(functions.into_iter().fold(flow, |flow, function| {
                let name = self.fresh(stem);
                self.push(name, ActivationLayer::new(function), &[&flow.from], shape, mask)
            })),
            Meaning::Elementwise(function) => {
                let name = self.fresh(stem);
                Ok(self.push(name, ElementwiseLayer::new(function), &[&flow.from], shape, mask))
            }
            Meaning::Softmax => {
                self.expect_whole_rows(layer, &flow)?;
                let name = self.fresh(stem);
                Ok(self.push(name, SoftmaxLayer::new(), &[&flow.from], shape, mask))
            }
            Meaning::Combined(how, chains) => {
                self.expect_whole_rows(layer, &flow)?;
                let mut from = Vec::with_capacity(chains.len());
                for functions in chains {
                    let part = functions.into_iter().fold(flow.clone(), |flow, function| {
                        let name = self.fresh(&format!("{stem}_part"));
                        self.push(name, ActivationLayer::new(function), &[&flow.from], shape, mask)
                    });
                    from.push(part.from);
                }
                let from: Vec<&str> = from.iter().map(String::as_str).collect();
                let name = self.fresh(stem);
                Ok(self.push(name, how, &from, shape, mask))
            }
        }
    }

    /// Refuses what reads a row of all steps that are apart here.
    pub(super) fn expect_whole_rows(&self, layer: &Layer, flow: &Flow) -> Result<()> {
        match flow.shape {
            Shape::Flat { .. } => Err(refused(
                layer,
                "it reads all steps in one row; here only a Dense layer may read such a row",
            )),
            _ => Ok(()),
        }
    }

    /// Splits the functions behind a dense layer into its own option and those that follow.
    pub(super) fn dense_activation(meaning: Meaning) -> (crate::nn::Activation, Meaning) {
        match meaning {
            Meaning::Functions(functions) => match of_dense(&functions) {
                Some(own) => (own, Meaning::Functions(Vec::new())),
                None => (crate::nn::Activation::Linear, Meaning::Functions(functions)),
            },
            other => (crate::nn::Activation::Linear, other),
        }
    }

    /// Adds a weight of a layer here, as it is here.
    pub(super) fn weight(&mut self, layer: &str, leaf: &str, shape: &[usize], values: Vec<f32>) {
        if self.present.is_copy {
            self.copied = self.copied.saturating_add(values.len());
        }
        self.tensors.push(NamedTensor::new(format!("{layer}.{leaf}"), shape, values));
    }

    /// Counts a weight of the file that is rounded.
    pub(super) fn count(&mut self, tensors: &[&Tensor]) {
        self.rounded += tensors.iter().filter(|tensor| matches!(tensor.data(), Data::F64(_))).count();
    }

    /// Sets whether the weights of the layer just appended are trained.
    pub(super) fn set_trainable(&mut self, options: &Options<'_>) -> Result<()> {
        let trainable = options.flag("trainable", true)?;
        if let Some(layer) = self.config.layers.last_mut() {
            layer.common_mut().trainable = trainable;
        }
        Ok(())
    }

    /// Begins a mask at the layer just appended: an embedding, or a masking layer.
    pub(super) fn begin_mask(&mut self, by: Masked) -> MaskOf {
        let layer = self.config.layers.len() - 1;
        self.masks.push(Mask { layer, by, is_heeded: false, crossed: None });
        MaskOf { mask: self.masks.len() - 1, is_forgotten: false }
    }

    /// Counts so many numbers that are made here and are not in the file. Error: there are too many.
    pub(super) fn make(&mut self, layer: &Layer, count: usize) -> Result<()> {
        self.made = self.made.saturating_add(count);
        match self.made {
            ..=MOST_MADE => Ok(()),
            _ => Err(refused(
                layer,
                format!("it is too large: over {MOST_MADE} weights that the file does not have"),
            )),
        }
    }

    /// Notes whether a recurrent layer has time before the sequences. Error: another does not.
    pub(super) fn time_major(&mut self, layer: &Layer, is_time_major: bool) -> Result<()> {
        match self.is_time_major.replace(is_time_major) {
            Some(other) if other != is_time_major => {
                Err(refused(layer, "its time_major differs from that of another recurrent layer"))
            }
            _ => Ok(()),
        }
    }

    /// Notes that an input of ids is read without a mask.
    pub(super) fn unmasked(&mut self, input: &str) {
        self.unmasked.insert(input.into());
    }

    /// Notes that a layer heeds the mask of what it reads, where Keras still has it.
    pub(super) fn heed(&mut self, layer: &Layer, flow: &Flow) {
        match flow.mask {
            Some(MaskOf { mask, is_forgotten: false }) => self.masks[mask].is_heeded = true,
            Some(_) => self.cross(layer, flow),
            None => {}
        }
    }

    /// Notes that a layer computes with all steps, masked or not.
    pub(super) fn cross(&mut self, layer: &Layer, flow: &Flow) {
        if let Some(MaskOf { mask, .. }) = flow.mask {
            let name = format!("{} ({})", quoted(&layer.name), layer.class);
            self.masks[mask].crossed.get_or_insert(name);
        }
    }

    fn finish(mut self, architecture: &Architecture) -> Result<Import> {
        let mut returns_steps = false;
        let end = |source: &Source| Layer {
            class: "output of the model".into(),
            name: source.layer.clone(),
            settings: Default::default(),
            calls: Vec::new(),
            model: None,
            shapes: Vec::new(),
        };
        for source in &architecture.outputs {
            let flow = match self.as_laid(source) {
                None => self.flow(&end(source), source)?,
                Some(laid) => {
                    let (flow, shape) = laid.result(&mut self, &end(source))?;
                    if let Some(shape) = shape {
                        let name = &source.layer;
                        self.note(format!(
                            "the output {name} is {shape} in Keras; here it has an axis of one feature more"
                        ));
                    }
                    flow
                }
            };
            self.expect_whole_rows(&end(source), &flow)?;
            returns_steps |= matches!(flow.shape, Shape::Steps { .. }) && flow.mask.is_some();
            self.config.outputs.push(flow.from);
        }
        if self.is_time_major == Some(true) {
            const OF_TIME: [&str; 4] = ["conv1d", "pool", "unflatten", "cross_attention"];
            if let Some(layer) = self.config.layers.iter().find(|layer| OF_TIME.contains(&layer.kind())) {
                return Err(Error::Model(format!(
                    "recurrent layers have time before the sequences (time_major), but {} would take it for the sequences",
                    quoted(layer.name().unwrap_or_default())
                )));
            }
            self.note(
                "its arrays have time before the sequences in Keras (time_major); here they are [N, T, F]",
            );
        }
        self.settle_masks(returns_steps)?;
        self.leave_out_idle();
        if self.config.layers.last().and_then(LayerConfig::name)
            == self.config.outputs.last().map(String::as_str)
            && self.config.outputs.len() == 1
        {
            self.config.outputs.clear();
        }
        self.settle_inputs()?;
        if !self.lost.is_empty() {
            self.lost.sort();
            self.lost.dedup();
            let note = format!("left out, as they are of training: {}", self.lost.join(", "));
            self.notes.push(note);
        }
        if self.rounded > 0 {
            self.notes.push(format!(
                "{} tensors of double precision were rounded to single precision",
                self.rounded
            ));
        }
        Import::of(self.config, &self.tensors, self.notes)
    }

    /// Masks that a layer heeds are those of the layer that makes them; those that none heeds are none.
    fn settle_masks(&mut self, returns_steps: bool) -> Result<()> {
        let masks = std::mem::take(&mut self.masks);
        for mask in masks.iter().filter(|mask| mask.is_heeded) {
            let name = self.config.layers[mask.layer].name().unwrap_or_default().to_owned();
            if let Some(crossed) = &mask.crossed {
                return Err(Error::Model(format!(
                    "the layer {crossed} computes with steps that {} masks and another layer leaves out; here a masked step \
                     is none for all layers",
                    quoted(&name)
                )));
            }
            // The mask of an embedding is that of its input, that of a masking layer is for what reads it alone.
            let Masked::Ids(input) = &mask.by else { continue };
            let shared = masks.iter().any(|other| other.by == mask.by && !other.is_heeded);
            if shared || self.unmasked.contains(input) {
                return Err(Error::Model(format!(
                    "the embedding {} masks steps of the input {}, which another layer reads without a mask; here a masked \
                     step is none for all layers",
                    quoted(&name),
                    quoted(input)
                )));
            }
            if let Some(embedding) = self.config.layers[mask.layer].get_mut::<EmbeddingLayer>() {
                embedding.mask_zero = true;
            }
        }
        for mask in masks.iter().filter(|mask| !mask.is_heeded) {
            self.leave_out(mask)?;
        }
        if returns_steps && masks.iter().any(|mask| mask.is_heeded) {
            self.note("at masked steps, where Keras goes on computing, the output is 0");
        }
        Ok(())
    }

    /// A mask that no layer heeds. A masking layer then only makes zeros of steps that are its value.
    fn leave_out(&mut self, mask: &Mask) -> Result<()> {
        let layer = &mut self.config.layers[mask.layer];
        let Some(masking) = layer.get::<MaskingLayer>() else {
            self.note("the mask of an embedding is left out, as no layer heeds it");
            return Ok(());
        };
        let name = masking.common.name.clone().unwrap_or_default();
        if masking.value != 0.0 {
            return Err(Error::Model(format!(
                "the layer {} (Masking) makes 0 of steps that are {}, and no layer leaves them out; no layer here does that",
                quoted(&name),
                masking.value
            )));
        }
        let common = masking.common.clone();
        *layer = ActivationLayer { common, ..ActivationLayer::new(ActivationFunction::Linear) }.into();
        self.note(format!("the mask of {name} is left out, as no layer heeds it"));
        Ok(())
    }

    /// Leaves out layers that no output depends on: a model within the model, or a layer of two outputs, may return what
    /// nothing reads.
    fn leave_out_idle(&mut self) {
        let names: Vec<String> =
            self.config.layers.iter().map(|layer| layer.name().unwrap_or_default().to_owned()).collect();
        let mut needed: HashSet<String> = self.config.outputs.iter().cloned().collect();
        for (place, layer) in self.config.layers.iter().enumerate().rev() {
            if !needed.contains(&names[place]) {
                continue;
            }
            match layer.common().from.as_slice() {
                [] => needed.extend(place.checked_sub(1).map(|before| names[before].clone())),
                from => needed.extend(from.iter().cloned()),
            }
            let initial = layer.get::<RecurrentLayer>().and_then(|layer| layer.initial.clone());
            needed.extend(initial);
        }
        let idle: HashSet<&String> = names.iter().filter(|name| !needed.contains(*name)).collect();
        if idle.is_empty() {
            return;
        }
        let mut before = None;
        for (place, mut layer) in std::mem::take(&mut self.config.layers).into_iter().enumerate() {
            if idle.contains(&names[place]) {
                continue;
            }
            let from = &mut layer.common_mut().from;
            if from.is_empty() {
                from.extend(place.checked_sub(1).map(|before| names[before].clone()));
            }
            if from.len() == 1 && from.first() == before.as_ref() {
                from.clear();
            }
            before = Some(names[place].clone());
            self.config.layers.push(layer);
        }
        self.tensors.retain(|tensor| {
            let layer = tensor.name.rsplit_once('.').map_or("", |(layer, _)| layer);
            !idle.contains(&layer.to_owned())
        });
        let others = idle.iter().map(|name| name.as_str()).filter(|name| !self.parts.contains(*name));
        let mut left_out: Vec<&str> = others.collect();
        left_out.sort_unstable();
        if !left_out.is_empty() {
            let note = format!("left out, as no output depends on it: {}", left_out.join(", "));
            self.notes.push(note);
        }
    }

    /// The inputs by name; the only one is called as the input of a model that has one.
    fn settle_inputs(&mut self) -> Result<()> {
        let mut inputs = BTreeMap::new();
        for (name, input) in std::mem::take(&mut self.inputs) {
            let input =
                input.ok_or_else(|| Error::Model(format!("no layer reads the input {}", quoted(&name))))?;
            inputs.insert(name, input);
        }
        let only = inputs.len() == 1
            && !self.config.layers.iter().any(|layer| layer.name() == Some(ModelConfig::INPUT));
        if let (true, Some((name, input))) =
            (only, inputs.first_key_value().map(|(name, input)| (name.clone(), *input)))
        {
            for layer in &mut self.config.layers {
                layer.common_mut().from.iter_mut().filter(|from| **from == name).for_each(|from| {
                    *from = ModelConfig::INPUT.to_owned();
                });
            }
            if let Some(first) = self.config.layers.first_mut()
                && first.common().from == [ModelConfig::INPUT]
            {
                first.common_mut().from.clear();
            }
            self.config.inputs = BTreeMap::from([(ModelConfig::INPUT.to_owned(), input)]);
            return Ok(());
        }
        self.config.inputs = inputs;
        Ok(())
    }
}

/// The shape that an input states, as it stands there and its axes.
fn stated(layer: &Layer) -> (Option<&Value>, &[Value]) {
    let shape = ["batch_shape", "batch_input_shape"].into_iter().find_map(|key| layer.settings.get(key));
    (shape, shape.and_then(Value::as_list).unwrap_or_default())
}

/// Every use of a model's layers, in the order of the file but behind the uses that it reads: a layer that is used twice stands
/// where its first use is. Those that read what there is not come last.
fn order(model: &Architecture) -> Vec<(usize, usize)> {
    let mut order = Vec::new();
    let mut places: HashMap<(&str, usize), usize> = HashMap::new();
    for (index, layer) in model.layers.iter().enumerate() {
        for call in 0..layer.calls.len() {
            places.insert((&layer.name, call), order.len());
            order.push((index, call));
        }
    }
    // Of each use, how many others it waits for, and who waits for it.
    let (mut missing, mut readers) = (vec![0_usize; order.len()], vec![Vec::new(); order.len()]);
    for (place, &(index, call)) in order.iter().enumerate() {
        let call = &model.layers[index].calls[call];
        let named = call.named.iter().map(|(_, sources)| sources);
        for source in call.arguments.iter().chain(named).flatten() {
            if let Some(&of) = places.get(&(source.layer.as_str(), source.call)) {
                missing[place] += 1;
                readers[of].push(place);
            }
        }
    }
    let mut ready: BTreeSet<usize> = (0..order.len()).filter(|&place| missing[place] == 0).collect();
    let mut sorted = Vec::with_capacity(order.len());
    let mut is_done = vec![false; order.len()];
    while let Some(place) = ready.pop_first() {
        is_done[place] = true;
        sorted.push(order[place]);
        for &reader in &readers[place] {
            missing[reader] -= 1;
            if missing[reader] == 0 {
                ready.insert(reader);
            }
        }
    }
    sorted.extend(order.iter().zip(is_done).filter(|(_, is_done)| !is_done).map(|(&place, _)| place));
    sorted
}

/// A name without spaces.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}
