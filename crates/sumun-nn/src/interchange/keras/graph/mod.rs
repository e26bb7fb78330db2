//! The graph of a Keras model as a model here, as far as it is read: what layers add to it, and what they ask of it.

mod ends;
mod masks;
pub(super) mod walk;

use std::collections::{BTreeMap, HashMap, HashSet};

use sumun_formats::keras::{Architecture, Call, Layer, Source};
use sumun_formats::{Data, Tensor};

use super::activations::{Meaning, Version, of_dense};
use super::flow::{Flow, MaskOf, Shape};
use super::laid::{Axis, Laid};
use super::names::{fresh, plain, refused};
use super::output::{Hidden, Masked, Output, Products, Shares, State};
use super::settings::Options;
use crate::error::quoted;
use crate::model::{Input, LayerConfig, ModelConfig, NamedTensor};
use crate::nn::{
    ActivationFunction, ActivationLayer, DenseLayer, ElementwiseLayer, Pool, PoolLayer, RecurrentLayer,
    SoftmaxLayer, UnflattenLayer,
};
use crate::{Error, Result};

/// The most numbers that are made here and are not in the file: those of an attention of 2,000 features.
const MOST_MADE: usize = 1 << 23;

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
            config: ModelConfig::empty(),
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
            Output::Laid(laid) => self.plain(layer, laid)?,
            Output::State(state) => self.hidden(layer, &state)?,
            Output::Mask(_) => return Err(refused(layer, "it computes with a mask")),
            Output::Above(..) => {
                return Err(refused(
                    layer,
                    "it computes with a comparison, which here only chooses between numbers",
                ));
            }
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

    /// The comparison that a tensor is, if it is one.
    pub(super) fn above(&self, source: &Source) -> Option<(Laid, f64)> {
        match self.outputs.get(source) {
            Some(Output::Above(laid, number)) => Some((laid.clone(), *number)),
            _ => None,
        }
    }

    /// The function that a layer here is, and what it reads.
    pub(super) fn function(&self, name: &str) -> Option<(ActivationFunction, String)> {
        let place = self.config.layers.iter().position(|layer| layer.name() == Some(name))?;
        let function = self.config.layers[place].get::<ActivationLayer>()?.function;
        let from = match self.config.layers[place].common().from.as_slice() {
            [from] => from.clone(),
            [] => self.config.layers[place.checked_sub(1)?].name()?.to_owned(),
            _ => return None,
        };
        Some((function, from))
    }

    /// The products that a tensor is, if it is some.
    pub(super) fn products(&self, source: &Source) -> Option<Products> {
        match self.outputs.get(source) {
            Some(Output::Products(products)) => Some(products.clone()),
            _ => None,
        }
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

    /// As layers read it, for which one row may become steps. Error: none of them reads such a tensor.
    fn plain(&mut self, layer: &Layer, laid: Laid) -> Result<Flow> {
        use Axis::{Features, One, Row, Sequences, Steps};
        let (shape, mask, from) = (laid.flow.shape, laid.flow.mask, laid.flow.from.clone());
        let mut into_steps = |steps: usize, features: usize| {
            let name = self.fresh(&format!("{}_steps", from));
            let shape = Shape::Steps { time: Some(steps), features };
            self.push(name, UnflattenLayer::new(steps), &[&from], shape, None)
        };
        Ok(match (shape, laid.axes.as_slice()) {
            (Shape::Steps { .. }, [Sequences, Steps, Features])
            | (Shape::Once { .. }, [Sequences, Features])
            | (Shape::Steps { features: 1, .. }, [Sequences, Steps, One])
            | (Shape::Once { features: 1 }, [Sequences, One]) => laid.flow,
            (Shape::Steps { time: Some(time), features }, [Sequences, Row])
            | (Shape::Steps { time: Some(time), features: features @ 1 }, [Sequences, Steps]) => {
                Flow { shape: Shape::Flat { time, features }, mask, ..laid.flow }
            }
            (Shape::Once { features }, [Sequences, One, Features]) => into_steps(1, features),
            (Shape::Once { features: steps }, [Sequences, Features, One]) => into_steps(steps, 1),
            _ => {
                let why = format!("it reads {}, which is no layout of steps or rows here", laid.described());
                return Err(refused(layer, why));
            }
        })
    }

    /// As a result of the model, and what its shape is in Keras where that is another.
    fn result(&mut self, layer: &Layer, laid: Laid) -> Result<(Flow, Option<String>)> {
        use Axis::{Sequences, Steps};
        match (laid.flow.shape, laid.axes.as_slice()) {
            (Shape::Steps { features: 1, .. }, [Sequences, Steps])
            | (Shape::Once { features: 1 }, [Sequences]) => {
                let shape = laid.described();
                Ok((laid.flow, Some(shape)))
            }
            _ => self.plain(layer, laid).map(|flow| (flow, None)),
        }
    }
}
