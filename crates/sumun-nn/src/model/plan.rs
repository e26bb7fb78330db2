//! What each layer of a model reads, returns and weighs, computed before anything is allocated.

use std::collections::{HashMap, HashSet};

use super::config::{Input, ModelConfig};
use super::layer_config::LayerConfig;
use crate::layer::{Budget, Common, PlannedWeight, Planning, Read, Signal, StateShape};
use crate::{Error, Result};

/// The most layers that a model has; every one has noise of its own.
const MOST_LAYERS: usize = 1 << 14;

/// The largest number that a layer may give its noise: above it, the noise within such a layer would be that of another.
const MOST_NOISE: u32 = 63;

/// Where a layer's input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// One of the model's inputs.
    Input(usize),
    /// An earlier layer.
    Layer(usize),
}

/// A layer with its name, what it reads and returns, and its weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlannedLayer {
    pub(super) name: String,
    pub(super) reads: Vec<Source>,
    /// What it reads, in the same order.
    pub(super) inputs: Vec<Signal>,
    pub(super) output: Signal,
    /// In the order of the parameters.
    pub(super) weights: Vec<PlannedWeight>,
    pub(super) parameters: usize,
    /// The sizes of its state, where it has one.
    pub(super) state: Option<StateShape>,
    /// The layer whose last state is its first.
    pub(super) initial: Option<usize>,
    /// Of one row a sequence that steps became: which layer gave them up, what it returns, and how to keep them.
    gave_up_steps: Option<(String, Signal, String)>,
}

/// All layers of a model that fit each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) layers: Vec<PlannedLayer>,
    pub(super) outputs: Vec<Source>,
    /// For each input, the id whose steps are none, where an embedding masks them.
    pub(super) masked_ids: Vec<Option<u32>>,
}

impl Plan {
    /// Plans a model; what does not fit is an error.
    pub(super) fn of(config: &ModelConfig) -> Result<Self> {
        Self::within(config, usize::MAX)
    }

    /// The weights that have 8 bits where the model has such.
    pub(super) fn rounded(&self) -> impl Iterator<Item = &PlannedWeight> {
        self.layers.iter().flat_map(|layer| &layer.weights).filter(|weight| weight.rounds)
    }

    /// As [`of`](Self::of), giving up where there are more than `most` weights.
    pub(super) fn within(config: &ModelConfig, most: usize) -> Result<Self> {
        let count = config.layers.len();
        if count == 0 || count > MOST_LAYERS {
            return Err(Error::Invalid(format!(
                "a model of {count} layers; it has at least 1 and at most {MOST_LAYERS}",
            )));
        }
        let names = names(config)?;
        let inputs = config
            .inputs
            .iter()
            .map(|(name, input)| Ok((name.as_str(), signal(name, *input)?)))
            .collect::<Result<Vec<_>>>()?;
        let mut planner = Planner {
            config,
            inputs,
            places: HashMap::new(),
            layers: Vec::with_capacity(count),
            masked_ids: vec![None; config.inputs.len()],
            noises: HashMap::new(),
        };
        for (index, name) in config.inputs.keys().enumerate() {
            planner.places.insert(name.clone(), Source::Input(index));
        }
        let mut budget = Budget { used: 0, weights: most };
        for (layer, name) in config.layers.iter().zip(names) {
            let planned = planner.layer(layer, name, &mut budget)?;
            planner.places.insert(planned.name.clone(), Source::Layer(planner.layers.len()));
            planner.layers.push(planned);
        }
        planner.finish()
    }

    /// How many parameters all layers have.
    pub(super) fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.parameters).sum()
    }

    /// Whether every layer reads the one before it, the first of them the only input, and the last is the only output.
    pub(super) fn is_list(&self) -> bool {
        let before = |index: usize| index.checked_sub(1).map_or(Source::Input(0), Source::Layer);
        self.masked_ids.len() == 1
            && self.layers.iter().enumerate().all(|(index, layer)| layer.reads == [before(index)])
            && self.outputs == [before(self.layers.len())]
    }
}

/// The layers planned so far.
struct Planner<'a> {
    config: &'a ModelConfig,
    /// The inputs by name.
    inputs: Vec<(&'a str, Signal)>,
    places: HashMap<String, Source>,
    layers: Vec<PlannedLayer>,
    masked_ids: Vec<Option<u32>>,
    /// The layers that number their noise, by the number.
    noises: HashMap<u32, String>,
}

impl Planner<'_> {
    fn layer(&mut self, layer: &LayerConfig, name: String, budget: &mut Budget) -> Result<PlannedLayer> {
        let Common { from, trainable, learning_rate, .. } = layer.common();
        let reads = match from.as_slice() {
            [] => vec![self.before(&name)?],
            from => from.iter().map(|from| self.place(&name, from)).collect::<Result<_>>()?,
        };
        self.mask(layer, &name, &reads)?;
        self.number_noise(layer, &name)?;
        let initial = layer.initial().map(|from| self.state_of(&name, from)).transpose()?;
        let described: Vec<Read<'_>> = reads.iter().map(|&source| self.describe(source)).collect();
        let mut at = Planning {
            name: &name,
            reads: &described,
            initial: initial.and_then(|layer| self.layers[layer].state),
            budget,
            weights: Vec::new(),
            parameters: 0,
            state: None,
        };
        let output = layer.plan(&mut at)?;
        let Planning { weights, parameters, state, .. } = at;
        if !(learning_rate.is_finite() && *learning_rate >= 0.0) {
            return Err(Error::Invalid(format!(
                "{name}: learning_rate is {learning_rate}; it is a factor, a finite number of at least 0"
            )));
        }
        if weights.is_empty() && (!trainable || *learning_rate != 1.0) {
            return Err(Error::Invalid(format!(
                "{name} has no weights to train; leave out trainable and learning_rate"
            )));
        }
        if initial.is_some() && state.is_none() {
            return Err(Error::Invalid(format!("{name} has no state; leave out initial")));
        }
        let inherited = described.first().and_then(|read| read.gave_up_steps.cloned());
        let gave_up_steps = match (described.first().map(|read| read.signal), output) {
            (Some(Signal::Ids(_) | Signal::Steps(_)), Signal::Once(_)) => {
                Some((name.clone(), output, layer.to_keep_steps(&name)))
            }
            (_, Signal::Once(_)) => inherited,
            _ => None,
        };
        let inputs = described.iter().map(|read| read.signal).collect();
        Ok(PlannedLayer { name, reads, inputs, output, weights, parameters, state, initial, gave_up_steps })
    }

    /// What a layer reads that names nothing.
    fn before(&self, name: &str) -> Result<Source> {
        match (self.layers.len(), self.inputs.len()) {
            (0, 1) => Ok(Source::Input(0)),
            (0, count) => Err(Error::Invalid(format!(
                "{name} is the first layer of a model with {count} inputs; say from which it reads"
            ))),
            (count, _) => Ok(Source::Layer(count - 1)),
        }
    }

    fn place(&self, name: &str, from: &str) -> Result<Source> {
        self.places.get(from).copied().ok_or_else(|| {
            let later = self.config.layers.iter().any(|layer| layer.name() == Some(from));
            Error::Invalid(match later {
                true => format!("{name} reads {from}, which comes after it; put it before {name}"),
                false => format!("{name} reads {from:?}; there are {}", self.known()),
            })
        })
    }

    fn state_of(&self, name: &str, from: &str) -> Result<usize> {
        match self.place(name, from)? {
            Source::Layer(index) if self.layers[index].state.is_some() => Ok(index),
            _ => Err(Error::Invalid(format!(
                "{name} begins with the state of {from}, which has none; name a recurrent layer"
            ))),
        }
    }

    /// The names of the inputs and of the layers so far.
    fn known(&self) -> String {
        let inputs = self.inputs.iter().map(|&(name, _)| name);
        let layers = self.layers.iter().map(|layer| layer.name.as_str());
        inputs.chain(layers).collect::<Vec<_>>().join(", ")
    }

    fn describe(&self, source: Source) -> Read<'_> {
        match source {
            Source::Input(index) => {
                let (name, signal) = self.inputs[index];
                Read { name: ModelConfig::said(name), signal, gave_up_steps: None }
            }
            Source::Layer(index) => {
                let layer = &self.layers[index];
                Read { name: &layer.name, signal: layer.output, gave_up_steps: layer.gave_up_steps.as_ref() }
            }
        }
    }

    /// An input has one mask for all its readers.
    fn mask(&mut self, layer: &LayerConfig, name: &str, reads: &[Source]) -> Result<()> {
        let (Some(id), [Source::Input(index)]) = (layer.masked_id(), reads) else { return Ok(()) };
        match &mut self.masked_ids[*index] {
            Some(other) if *other != id => Err(Error::Invalid(format!(
                "{name} masks id {id} of {}, but another layer masks id {other}; mask one",
                ModelConfig::said(self.inputs[*index].0)
            ))),
            masked => {
                *masked = Some(id);
                Ok(())
            }
        }
    }

    /// No two layers have the same masks.
    fn number_noise(&mut self, layer: &LayerConfig, name: &str) -> Result<()> {
        let Some(number) = layer.common().noise else { return Ok(()) };
        if !(1..=MOST_NOISE).contains(&number) {
            return Err(Error::Invalid(format!(
                "{name}: noise is {number}; it must be at least 1 and at most {MOST_NOISE}"
            )));
        }
        match self.noises.insert(number, name.to_owned()) {
            Some(other) => Err(Error::Invalid(format!(
                "{other} and {name} have noise {number}; give each its own, or leave one out"
            ))),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<Plan> {
        let outputs = match self.config.outputs.as_slice() {
            [] => vec![Source::Layer(self.layers.len() - 1)],
            names => {
                let place = |name: &String| match self.places.get(name) {
                    Some(&source @ Source::Layer(_)) => Ok(source),
                    _ => Err(Error::Invalid(format!(
                        "the model's output {name:?} is no layer; there are {}",
                        self.known()
                    ))),
                };
                names.iter().map(place).collect::<Result<Vec<_>>>()?
            }
        };
        let mut used: HashSet<Source> = outputs.iter().copied().collect();
        if used.len() < outputs.len() {
            return Err(Error::Invalid("the model names an output twice; name it once".into()));
        }
        for layer in &self.layers {
            used.extend(layer.reads.iter().copied());
            used.extend(layer.initial.map(Source::Layer));
        }
        let idle = (0..self.layers.len()).find(|&index| !used.contains(&Source::Layer(index)));
        if let Some(layer) = idle.map(|index| &self.layers[index]) {
            return Err(Error::Invalid(format!(
                "nothing reads {}; name it among the outputs, or leave it out",
                layer.name
            )));
        }
        if let Some(index) = (0..self.inputs.len()).find(|&index| !used.contains(&Source::Input(index))) {
            return Err(Error::Invalid(format!(
                "nothing reads the input {}; leave it out",
                self.inputs[index].0
            )));
        }
        for &output in &outputs {
            if let Source::Layer(index) = output
                && let Signal::Ids(_) = self.layers[index].output
            {
                return Err(Error::Invalid("the model returns its input's ids; give it an embedding".into()));
            }
        }
        Ok(Plan { layers: self.layers, outputs, masked_ids: self.masked_ids })
    }
}

/// What an input passes on, its sizes checked.
fn signal(name: &str, input: Input) -> Result<Signal> {
    let (what, size) = match input {
        Input::Ids { vocabulary } => ("vocabulary", vocabulary),
        Input::Numbers { features } | Input::Row { features } => ("features", features),
    };
    let of = if name == ModelConfig::INPUT { "the input".into() } else { format!("the input {name}") };
    crate::layer::checked_size(&of, what, size)?;
    Ok(input.signal())
}

fn check_name(what: &str, name: &str) -> Result<()> {
    if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::Invalid(format!(
            "{what} is named {name:?}; a name is not empty and has no spaces"
        )));
    }
    Ok(())
}

/// The layers' names: those given, and Keras' for the others (`lstm`, `lstm_1` …), past those that are taken.
fn names(config: &ModelConfig) -> Result<Vec<String>> {
    let mut taken = HashSet::new();
    for name in config.inputs.keys() {
        check_name("an input", name)?;
        taken.insert(name.to_owned());
    }
    for name in config.layers.iter().filter_map(LayerConfig::name) {
        check_name("a layer", name)?;
        if !taken.insert(name.to_owned()) {
            let two = match config.inputs.contains_key(name) {
                true => "an input and a layer",
                false => "two layers",
            };
            return Err(Error::Invalid(format!("{two} are named {name:?}; rename one")));
        }
    }
    let mut counts = HashMap::new();
    Ok(config
        .layers
        .iter()
        .map(|layer| match layer.name() {
            Some(name) => name.to_owned(),
            None => loop {
                let stem = layer.default_name();
                let count = counts.entry(stem).or_insert(0_usize);
                let name = if *count == 0 { stem.to_owned() } else { format!("{stem}_{count}") };
                *count += 1;
                if taken.insert(name.clone()) {
                    break name;
                }
            },
        })
        .collect())
}
/// The shape of every weight of a layer, by name.
#[cfg(feature = "interchange")]
pub(crate) type WeightShapes = std::collections::BTreeMap<String, Vec<usize>>;

#[cfg(feature = "interchange")]
impl ModelConfig {
    /// The layers that have weights, each with the name and shape of every weight. Errors: layers that do not fit each other.
    pub(crate) fn weights(&self) -> Result<Vec<(String, WeightShapes)>> {
        let of_layer = |layer: PlannedLayer| {
            let prefix = format!("{}.", layer.name);
            let own = |name: &str| name.strip_prefix(&prefix).unwrap_or(name).to_owned();
            let weights: WeightShapes = layer.weights.into_iter().map(|w| (own(&w.name), w.shape)).collect();
            (!weights.is_empty()).then_some((layer.name, weights))
        };
        Ok(Plan::of(self)?.layers.into_iter().filter_map(of_layer).collect())
    }
}
