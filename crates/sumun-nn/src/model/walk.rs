//! One pass over a model: forwards in the order of the layers, backwards in the other.

use std::collections::BTreeMap;

use sumun_kernels::Precision;

use super::config::ModelConfig;
use super::feed::Feed;
use super::graph::{Graph, Needs, named};
use super::plan::{PlannedLayer, Source};
use crate::layer::{BackwardCall, Call, InputGradients, Kept, Stage, Value};
use crate::nn::{InputGradient, Recurrent, RecurrentState};
use crate::noise::Noise;
use crate::{Error, Parameters, Result, Rows};

/// Where the noise of the layers begins: above it, the noise within a layer never is that of another.
const FIRST_NOISE: u32 = 1 << 14;

/// The states of a model's recurrent layers after the last step, or before the first, by the layer's name.
pub type ModelState = BTreeMap<String, RecurrentState>;

/// What a model returns.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// The rows of each output, in the order of [`Model::output_names`](super::Model::output_names).
    pub rows: Vec<Rows>,
    /// The states of the recurrent layers after the last step.
    pub state: ModelState,
}

impl Outputs {
    /// The rows of the only output, and the states. Several outputs are an error.
    pub fn only(self) -> Result<(Rows, ModelState)> {
        match <[Rows; 1]>::try_from(self.rows) {
            Ok([rows]) => Ok((rows, self.state)),
            Err(rows) => {
                Err(Error::Invalid(format!("the model has {} outputs; ask for all of them", rows.len())))
            }
        }
    }
}

/// What a backward pass needs of a forward pass in training.
#[derive(Debug)]
pub struct ModelCache {
    version: u64,
    layers: Vec<Option<LayerCache>>,
}

/// What a layer kept, and whether its first state came from another layer rather than from the caller.
#[derive(Debug)]
pub(super) struct LayerCache {
    kept: Kept,
    handed_over: bool,
}

impl ModelCache {
    /// Refuses that of another model, and parameters that changed since.
    pub(super) fn check(&self, parameters: &Parameters, layers: usize) -> Result<()> {
        if self.version != parameters.version() {
            return Err(Error::Invalid(
                "the parameters changed between forward_train and backward; run forward_train again".into(),
            ));
        }
        if self.layers.len() != layers {
            return Err(Error::Invalid("the cache is of another model; run forward_train again".into()));
        }
        Ok(())
    }

    pub(super) fn into_layers(self) -> Vec<Option<LayerCache>> {
        self.layers
    }
}

/// A forward pass.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    graph: &'a Graph,
    parameters: &'a Parameters,
    initial: Option<&'a ModelState>,
    wanted: Vec<Source>,
    /// What each input and layer passes on, until it was read for the last time.
    inputs: Vec<Option<Value>>,
    values: Vec<Option<Value>>,
    /// How often each input and layer is yet to be read.
    input_reads: Vec<usize>,
    value_reads: Vec<usize>,
    /// The layers that are to be computed.
    needed: Vec<bool>,
    states: Vec<Option<RecurrentState>>,
    cache: Vec<Option<LayerCache>>,
}

impl<'a> Walk<'a> {
    /// Packs what the layers that `wanted` depends on read. Whatever does not fit is an error.
    pub(super) fn new(
        graph: &'a Graph,
        parameters: &'a Parameters,
        feed: Feed<'_>,
        initial: Option<&'a ModelState>,
        wanted: &[Source],
    ) -> Result<Self> {
        let (inputs, layers) = (graph.config.inputs.len(), graph.layers.len());
        let mut walk = Self {
            graph,
            parameters,
            initial,
            wanted: wanted.to_vec(),
            inputs: vec![None; inputs],
            values: vec![None; layers],
            input_reads: vec![0; inputs],
            value_reads: vec![0; layers],
            needed: vec![false; layers],
            states: vec![None; layers],
            cache: Vec::new(),
        };
        walk.check_states()?;
        for (name, value) in &feed.values {
            walk.give(name, value.clone())?;
        }
        walk.need()?;
        walk.pack(&feed)?;
        walk.same_sequences()?;
        Ok(walk)
    }

    fn check_states(&self) -> Result<()> {
        for name in self.initial.into_iter().flat_map(ModelState::keys) {
            if self.graph.plan.layers[self.graph.index(name)?].state.is_none() {
                return Err(Error::Invalid(format!("{name} is no recurrent layer and has no state")));
            }
        }
        Ok(())
    }

    /// A value in place of what would be computed or packed.
    fn give(&mut self, name: &str, value: Value) -> Result<()> {
        let graph = self.graph;
        let (place, signal) =
            match graph.config.inputs.iter().enumerate().find(|(_, (input, _))| *input == name) {
                Some((index, (_, input))) => (&mut self.inputs[index], input.signal()),
                None => {
                    let index = graph.index(name)?;
                    (&mut self.values[index], graph.plan.layers[index].output)
                }
            };
        let found = match &value {
            Value::Ids(_) => None,
            Value::Rows(rows) => Some(rows.features),
        };
        if found != signal.features() {
            return Err(Error::Shape {
                what: format!("the rows given for {name}"),
                expected: signal.to_string(),
                found: found.map_or("ids".into(), |features| format!("{features} features")),
            });
        }
        *place = Some(value);
        Ok(())
    }

    /// Finds the layers that what is wanted depends on, last first, and counts how often each value is read.
    fn need(&mut self) -> Result<()> {
        let graph = self.graph;
        for &source in &self.wanted.clone() {
            self.read(source);
        }
        for index in (0..graph.layers.len()).rev() {
            if !self.needed[index] {
                continue;
            }
            let planned = &graph.plan.layers[index];
            planned.reads.iter().for_each(|&source| self.read(source));
            if let Some(from) = planned.initial.filter(|_| self.given_state(index).is_none()) {
                if self.values[from].is_some() {
                    return Err(Error::Invalid(format!(
                        "{} begins with the state of {}, whose rows are given; give the state of {} as well",
                        planned.name, graph.plan.layers[from].name, planned.name
                    )));
                }
                self.needed[from] = true;
            }
        }
        Ok(())
    }

    fn read(&mut self, source: Source) {
        match source {
            Source::Input(index) => self.input_reads[index] += 1,
            Source::Layer(index) => {
                self.value_reads[index] += 1;
                self.needed[index] |= self.values[index].is_none();
            }
        }
    }

    fn pack(&mut self, feed: &Feed<'_>) -> Result<()> {
        let graph = self.graph;
        let names: Vec<&str> = graph.input_names().collect();
        let mut batches = vec![None; names.len()];
        for (name, batch) in &feed.batches {
            let index = match name {
                None if names.len() == 1 => Some(0),
                None => None,
                Some(name) => names.iter().position(|input| input == name),
            };
            let Some(index) = index else {
                return Err(Error::Invalid(match name {
                    None => format!(
                        "the model has the inputs {}; give a batch for each, by name",
                        names.join(", ")
                    ),
                    Some(name) => format!("the model has no input {name:?}; it has {}", names.join(", ")),
                }));
            };
            batches[index] = Some(batch);
        }
        self.check_repetition(batches.iter().flatten().any(|batch| batch.repeats()))?;
        for (index, (name, input)) in graph.config.inputs.iter().enumerate() {
            let what = match name.as_str() {
                ModelConfig::INPUT => "the model's input".to_owned(),
                name => format!("the model's input {name}"),
            };
            if let Some(batch) = batches[index] {
                batch.fits(input.signal()).map_err(|found| Error::Shape {
                    what: what.clone(),
                    expected: input.described(),
                    found,
                })?;
            }
            if self.input_reads[index] == 0 || self.inputs[index].is_some() {
                continue;
            }
            let Some(batch) = batches[index] else {
                return Err(Error::Invalid(format!("{what} is missing; give a batch for it")));
            };
            self.inputs[index] = Some(batch.pack(graph.plan.masked_ids[index])?);
        }
        Ok(())
    }

    fn check_repetition(&self, repeats: bool) -> Result<()> {
        let graph = self.graph;
        let last = graph.layers.iter().rev().find_map(|layer| layer.layer().downcast_ref::<Recurrent>());
        if repeats && !graph.returns_once() && last.is_some_and(|stack| stack.config().bidirectional) {
            // Two directions read different steps before a masked one: neither can be the one that is repeated.
            return Err(Error::Invalid(
                "the sequences of two directions show zeros at masked steps, as Keras' Bidirectional does; fill the batch with Fill::Zero"
                    .into(),
            ));
        }
        Ok(())
    }

    /// All inputs and given values have as many sequences.
    fn same_sequences(&self) -> Result<()> {
        let sequences = |value: &Value| match value {
            Value::Ids(ids) => ids.layout.sequences(),
            Value::Rows(rows) => rows.layout.sequences(),
        };
        let mut counts = self.inputs.iter().chain(&self.values).flatten().map(sequences);
        let first = counts.next();
        match counts.find(|&count| Some(count) != first) {
            None => Ok(()),
            Some(count) => Err(Error::Shape {
                what: "the model's inputs".into(),
                expected: format!("as many sequences in each, such as {}", first.unwrap_or(0)),
                found: count.to_string(),
            }),
        }
    }

    /// The state that the caller gave for a layer.
    fn given_state(&self, index: usize) -> Option<&'a RecurrentState> {
        self.initial.and_then(|states| states.get(&self.graph.plan.layers[index].name))
    }

    /// Computes the layers that what is wanted depends on, keeping nothing for backward.
    pub(super) fn forward(&mut self) -> Result<()> {
        self.each_layer(|stage, call, inputs, _| Ok((stage.forward(call, inputs)?, None)))
    }

    /// As [`forward`](Self::forward) in training, keeping what backward needs.
    pub(super) fn forward_train(&mut self, noise: Noise) -> Result<()> {
        if self.graph.config.precision == Precision::Int8 {
            return Err(Error::Invalid(
                "the model has weights of 8 bits, which are not trained and have no gradients; use the model that it was made from, or leave out precision"
                    .into(),
            ));
        }
        self.cache = (0..self.graph.layers.len()).map(|_| None).collect();
        let layers = &self.graph.config.layers;
        let number = |index: usize| layers[index].common().noise.unwrap_or(FIRST_NOISE + index as u32);
        self.each_layer(|stage, call, inputs, index| {
            let (output, kept) = stage.forward_train(call, inputs, layer_noise(noise, number(index)))?;
            Ok((output, Some(kept)))
        })
    }

    fn each_layer(
        &mut self,
        run: impl Fn(&dyn Stage, Call<'_>, Vec<Value>, usize) -> Result<(crate::layer::LayerOutput, Option<Kept>)>,
    ) -> Result<()> {
        let graph = self.graph;
        for index in 0..graph.layers.len() {
            if !self.needed[index] {
                continue;
            }
            let planned = &graph.plan.layers[index];
            let inputs = planned.reads.iter().map(|&source| self.take(source)).collect::<Result<Vec<_>>>()?;
            let given = self.given_state(index);
            let handed_over = given.is_none() && planned.initial.is_some();
            let initial = given.or_else(|| planned.initial.and_then(|from| self.states[from].as_ref()));
            let call = Call { parameters: self.parameters, initial };
            let (output, kept) = run(&*graph.layers[index], call, inputs, index)?;
            if Some(output.rows.features) != planned.output.features() {
                return Err(Error::Shape {
                    what: format!("what {} returns", planned.name),
                    expected: planned.output.to_string(),
                    found: format!("{} features", output.rows.features),
                });
            }
            if self.value_reads[index] > 0 {
                self.values[index] = Some(Value::Rows(output.rows));
            }
            self.states[index] = output.state;
            if let Some(kept) = kept {
                self.cache[index] = Some(LayerCache { kept, handed_over });
            }
        }
        Ok(())
    }

    /// A value for one of its readers; the last of them gets the value itself, whose memory may then be used again.
    fn take(&mut self, source: Source) -> Result<Value> {
        let (value, reads) = match source {
            Source::Input(index) => (&mut self.inputs[index], &mut self.input_reads[index]),
            Source::Layer(index) => (&mut self.values[index], &mut self.value_reads[index]),
        };
        *reads = reads.saturating_sub(1);
        let taken = if *reads == 0 { value.take() } else { value.clone() };
        taken.ok_or_else(|| {
            Error::Invalid(format!("{} was read before it was computed", self.graph.source_name(source)))
        })
    }

    pub(super) fn take_cache(&mut self) -> ModelCache {
        ModelCache { version: self.parameters.version(), layers: std::mem::take(&mut self.cache) }
    }

    /// What was wanted, and all states.
    pub(super) fn outputs(mut self) -> Result<Outputs> {
        let wanted = std::mem::take(&mut self.wanted);
        let rows = wanted.into_iter().map(|source| self.take(source)?.rows()).collect::<Result<Vec<_>>>()?;
        let layers = &self.graph.plan.layers;
        let states = self.states.into_iter().zip(layers);
        let state = states.filter_map(|(state, layer)| Some((layer.name.clone(), state?))).collect();
        Ok(Outputs { rows, state })
    }
}

/// The gradients of a backward pass, of what was not passed yet.
#[derive(Debug)]
pub(super) struct Gradients {
    inputs: Vec<Option<Rows>>,
    layers: Vec<Option<Rows>>,
    states: Vec<Option<RecurrentState>>,
}

impl Gradients {
    pub(super) fn new(inputs: usize, layers: usize) -> Self {
        Self { inputs: vec![None; inputs], layers: vec![None; layers], states: vec![None; layers] }
    }

    /// Adds what a reader of `source` says, the last layer first.
    pub(super) fn add(&mut self, source: Source, d: Option<Rows>) -> Result<()> {
        let Some(d) = d else { return Ok(()) };
        let sum = match source {
            Source::Input(index) => &mut self.inputs[index],
            Source::Layer(index) => &mut self.layers[index],
        };
        match sum {
            None => *sum = Some(d),
            Some(sum) => {
                if sum.data.len() != d.data.len() {
                    return Err(Error::Shape {
                        what: "the gradients of two readers of one layer".into(),
                        expected: format!("{} values", sum.data.len()),
                        found: d.data.len().to_string(),
                    });
                }
                sum.data_mut().iter_mut().zip(&*d.data).for_each(|(sum, d)| *sum += d);
            }
        }
        Ok(())
    }

    /// Passes the gradients of a layer's output and last state on to what it reads.
    pub(super) fn through(
        &mut self,
        stage: &dyn Stage,
        planned: &PlannedLayer,
        index: usize,
        cache: LayerCache,
        parameters: &mut Parameters,
        needs: &Needs,
    ) -> Result<()> {
        let (d_out, d_state) = (self.layers[index].take(), self.states[index].take());
        if d_out.is_none() && d_state.is_none() {
            return Ok(());
        }
        let needed = |&source: &Source| match needs.of(source) {
            true => InputGradient::Needed,
            false => InputGradient::Skip,
        };
        let wanted: Vec<InputGradient> = planned.reads.iter().map(needed).collect();
        let InputGradients { inputs, initial } =
            stage.backward(cache.kept, BackwardCall { parameters, d_out, d_state, wanted: &wanted })?;
        for (&source, d) in planned.reads.iter().zip(inputs) {
            self.add(source, d)?;
        }
        if let (Some(from), Some(initial), true) = (planned.initial, initial, cache.handed_over) {
            add_state(&mut self.states[from], initial).map_err(named(&planned.name))?;
        }
        Ok(())
    }

    /// Those of the inputs.
    pub(super) fn inputs(self) -> Vec<Option<Rows>> {
        self.inputs
    }
}

fn add_state(sum: &mut Option<RecurrentState>, d: RecurrentState) -> Result<()> {
    match sum {
        None => *sum = Some(d),
        Some(sum) => {
            for (sum, d) in [(&mut sum.hidden, d.hidden), (&mut sum.cell, d.cell)] {
                if sum.len() != d.len() {
                    return Err(Error::Shape {
                        what: "the gradient of a state".into(),
                        expected: format!("{} values", sum.len()),
                        found: d.len().to_string(),
                    });
                }
                sum.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
            }
        }
    }
    Ok(())
}

/// The noise of a layer. Noise within layers (see [`Noise::within`], used twice at most) is never that of another
/// layer: the numbers of layers are between 2¹⁴ and 2¹⁵, of parts between 2²² and 2²³, of their parts from 2³⁰; those that
/// a layer was given are below 2⁶, of its parts between 2⁸ and 2¹⁴, of their parts between 2¹⁶ and 2²².
fn layer_noise(noise: Noise, number: u32) -> Noise {
    // The caller's own purpose becomes part of the seed.
    let seed = noise.seed.wrapping_add(u64::from(noise.layer) << 32);
    Noise { seed, ..noise }.for_layer(number)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn noise_within_a_layer_is_never_that_of_another() {
        let noise = Noise { seed: 1, step: 2, layer: 0 };
        let mut seen = HashSet::new();
        let placed = (0..20).chain((1 << 14) - 20..1 << 14).map(|index| FIRST_NOISE + index);
        for number in (1..64).chain(placed) {
            let layer = layer_noise(noise, number);
            assert!(seen.insert(layer.layer));
            // A stack of 100 layers in two directions has four parts more.
            for part in 0..204 {
                assert!(seen.insert(layer.within(part).layer));
                for purpose in 0..8 {
                    assert!(seen.insert(layer.within(part).within(purpose).layer));
                }
            }
        }
        assert_ne!(layer_noise(noise.for_layer(1), 0), layer_noise(noise, 0));
    }
}
