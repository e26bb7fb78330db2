//! What flows between a model's layers and which parameters they have, worked out before anything is allocated.

use std::collections::HashSet;

use super::config::{Input, ModelConfig};
use super::layers::{Biases, LayerConfig};
use crate::nn::Dropout;
use crate::train::Regularizer;
use crate::{Error, Result};

/// The most layers that a model has; every one has noise of its own.
const MOST_LAYERS: usize = 1 << 14;

/// The most layers of one recurrent stack, for the same reason.
const MOST_STACKED: usize = 100;

/// The most that a size may be, so that products of two never overflow.
const MOST: usize = u32::MAX as usize;

/// The most parameters of a model: above it, values, gradients and moments would not fit any memory.
const MOST_PARAMETERS: usize = 1 << 30;

/// What flows from one layer to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// `[N, T]` ids.
    Ids,
    /// `[N, T, F]`: a row at every step.
    Steps(usize),
    /// `[N, F]`: one row a sequence.
    Once(usize),
}

impl Signal {
    /// As people write it.
    fn shape(self) -> String {
        match self {
            Self::Ids => "ids [N, T]".into(),
            Self::Steps(features) => format!("[N, T, {features}]"),
            Self::Once(features) => format!("[N, {features}]"),
        }
    }
}

/// A layer with its name, what it gives, and its weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlannedLayer {
    pub(super) name: String,
    /// Features of an input row; the vocabulary of an embedding.
    pub(super) input: usize,
    pub(super) output: Signal,
    /// Full names and shapes, in the order of the parameters.
    pub(super) weights: Vec<(String, Vec<usize>)>,
    pub(super) parameters: usize,
}

/// All layers of a model that fit each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) layers: Vec<PlannedLayer>,
}

impl Plan {
    /// Works out a model; what does not fit is an error.
    pub(super) fn of(config: &ModelConfig) -> Result<Self> {
        Self::within(config, usize::MAX)
    }

    /// As [`of`](Self::of), giving up where there are more than `most` weights.
    pub(super) fn within(config: &ModelConfig, most: usize) -> Result<Self> {
        if config.layers.is_empty() || config.layers.len() > MOST_LAYERS {
            return Err(Error::Invalid(format!(
                "a model of {} layers; it has at least 1 and at most {MOST_LAYERS}",
                config.layers.len()
            )));
        }
        let names = names(config)?;
        let mut signal = match config.input {
            Input::Ids { vocabulary } => {
                size("the input", "vocabulary", vocabulary)?;
                Signal::Ids
            }
            Input::Numbers { features } => Signal::Steps(size("the input", "features", features)?),
        };
        let mut budget = Budget { used: 0, weights: most };
        let mut layers: Vec<PlannedLayer> = Vec::with_capacity(config.layers.len());
        for (layer, name) in config.layers.iter().zip(names) {
            let before = Before { layers: &layers, config, signal };
            let planned = plan(layer, name, &before, &mut budget)?;
            signal = planned.output;
            layers.push(planned);
        }
        if signal == Signal::Ids {
            return Err(Error::Invalid("the model answers its input's ids; give it an embedding".into()));
        }
        Ok(Self { layers })
    }
}

/// The layers' names: those given, and Keras' for the others (`lstm`, `lstm_1` …), past those that are taken.
fn names(config: &ModelConfig) -> Result<Vec<String>> {
    let mut taken = HashSet::new();
    for name in config.layers.iter().filter_map(LayerConfig::name) {
        if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Error::Invalid(format!(
                "a layer is named {name:?}; a name is not empty and has no spaces"
            )));
        }
        if !taken.insert(name.to_owned()) {
            return Err(Error::Invalid(format!("two layers are named {name:?}; rename one")));
        }
    }
    let mut counts = std::collections::HashMap::new();
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

fn size(layer: &str, what: &str, size: usize) -> Result<usize> {
    if (1..=MOST).contains(&size) {
        return Ok(size);
    }
    Err(Error::Invalid(format!("{layer}: {what} is {size}; it must be at least 1 and at most {MOST}")))
}

/// How many parameters there are so far, and how many weights there may still be.
struct Budget {
    used: usize,
    weights: usize,
}

impl Budget {
    /// Counts a weight in.
    fn take(&mut self, layer: &str, shape: &[usize]) -> Result<usize> {
        self.weights = self.weights.checked_sub(1).ok_or_else(|| {
            Error::Invalid(format!("{layer}: the model has more weights than there are tensors for"))
        })?;
        let count = shape.iter().try_fold(1_usize, |count, &dim| count.checked_mul(dim));
        match count.and_then(|count| Some((count, self.used.checked_add(count)?))) {
            Some((count, used)) if used <= MOST_PARAMETERS => {
                self.used = used;
                Ok(count)
            }
            _ => Err(Error::Invalid(format!(
                "{layer}: with its weight of shape {shape:?} the model has more than {MOST_PARAMETERS} parameters; \
                 make it smaller"
            ))),
        }
    }
}

/// What a layer stands on.
struct Before<'a> {
    layers: &'a [PlannedLayer],
    config: &'a ModelConfig,
    signal: Signal,
}

impl Before<'_> {
    fn name(&self) -> &str {
        self.layers.last().map_or("the input", |layer| &layer.name)
    }

    /// The features of the rows that come in, wherever there are rows.
    fn rows(&self, layer: &str) -> Result<usize> {
        match self.signal {
            Signal::Steps(features) | Signal::Once(features) => Ok(features),
            Signal::Ids => Err(Error::Invalid(format!(
                "{layer} needs numbers [N, T, F], but {} gives {}; put an embedding between them",
                self.name(),
                self.signal.shape()
            ))),
        }
    }

    /// The features of the steps that come in; a row that stands for the whole sequence is refused.
    fn steps(&self, layer: &str) -> Result<usize> {
        let features = self.rows(layer)?;
        if let Signal::Steps(_) = self.signal {
            return Ok(features);
        }
        // The layer that gave up the steps is the last that was given them.
        let index = self.layers.iter().position(|layer| matches!(layer.output, Signal::Once(_)));
        let Some(index) = index else { return Ok(features) };
        let PlannedLayer { name, output, .. } = &self.layers[index];
        let advice = match &self.config.layers[index] {
            LayerConfig::Recurrent(_) => format!("give {name} return_sequences = true"),
            _ => format!("leave out {name}"),
        };
        Err(Error::Invalid(format!(
            "{layer} needs a sequence [N, T, {features}], but {name} answers once, {}; {advice}",
            output.shape()
        )))
    }

    /// Refuses another number of features than the layer was told to expect.
    fn expect(&self, layer: &str, told: Option<usize>, features: usize) -> Result<()> {
        match told {
            Some(told) if told != features => {
                let expected = match self.signal {
                    Signal::Once(_) => Signal::Once(told),
                    _ => Signal::Steps(told),
                };
                Err(Error::Shape {
                    what: layer.into(),
                    expected: format!("an input of {}", expected.shape()),
                    found: format!("{} from {}", self.signal.shape(), self.name()),
                })
            }
            _ => Ok(()),
        }
    }

    /// Rows of another width where there were rows before: steps stay steps.
    fn with(&self, features: usize) -> Signal {
        match self.signal {
            Signal::Once(_) => Signal::Once(features),
            Signal::Ids | Signal::Steps(_) => Signal::Steps(features),
        }
    }
}

/// An error of a layer, with its name.
pub(super) fn named(layer: &str) -> impl Fn(Error) -> Error {
    move |error| Error::Invalid(format!("{layer}: {error}"))
}

fn plan(layer: &LayerConfig, name: String, before: &Before, budget: &mut Budget) -> Result<PlannedLayer> {
    let mut weights = Vec::new();
    let mut parameters = 0;
    let mut add = |budget: &mut Budget, weight: &str, shape: Vec<usize>| {
        parameters += budget.take(&name, &shape)?;
        weights.push((format!("{name}.{weight}"), shape));
        Ok(())
    };
    let regular = |what: &str, regularizer: Option<Regularizer>| match regularizer {
        Some(regularizer) => regularizer.check(&format!("{what} of {name}")),
        None => Ok(()),
    };
    let (input, output) = match layer {
        LayerConfig::Embedding(layer) => {
            let (Signal::Ids, Input::Ids { vocabulary }) = (before.signal, before.config.input) else {
                return Err(Error::Invalid(format!(
                    "{name} needs ids [N, T], but {} gives {}; make it the first layer on an input of ids",
                    before.name(),
                    before.signal.shape()
                )));
            };
            if let Some(padding) = layer.padding_id.filter(|&id| id as usize >= vocabulary) {
                return Err(Error::Invalid(format!(
                    "{name}: padding id {padding} is not below the vocabulary of {vocabulary} ids"
                )));
            }
            regular("the regulariser", layer.regularizer)?;
            let features = size(&name, "features", layer.features)?;
            add(budget, "weight", vec![vocabulary, features])?;
            (vocabulary, Signal::Steps(features))
        }
        LayerConfig::Recurrent(layer) => {
            let features = before.steps(&name)?;
            before.expect(&name, layer.input, features)?;
            size(&name, "units", layer.units)?;
            if layer.layers > MOST_STACKED {
                return Err(Error::Invalid(format!(
                    "{name}: layers is {}; it is at most {MOST_STACKED}",
                    layer.layers
                )));
            }
            if layer.dropout != 0.0 && layer.layers == 1 {
                return Err(Error::Invalid(format!(
                    "{name}: dropout is between its layers, of which it has one; use input_dropout or a dropout layer"
                )));
            }
            if layer.go_backwards && layer.bidirectional {
                return Err(Error::Invalid(format!(
                    "{name}: go_backwards turns one direction round; a bidirectional layer already reads both ways, \
                     leave it out"
                )));
            }
            if layer.biases == Biases::None && layer.bias_regularizer.is_some() {
                return Err(Error::Invalid(format!("{name} has no bias; leave out bias_regularizer")));
            }
            size(&name, "projection", layer.options.projection.unwrap_or(1))?;
            regular("the kernel_regularizer", layer.kernel_regularizer)?;
            regular("the recurrent_regularizer", layer.recurrent_regularizer)?;
            regular("the bias_regularizer", layer.bias_regularizer)?;
            let stack = layer.stack(features);
            stack.check().map_err(named(&name))?;
            stack.for_each_weight(|weight, shape| add(budget, &weight, shape))?;
            let out = stack.output_features();
            (features, if layer.return_sequences { Signal::Steps(out) } else { Signal::Once(out) })
        }
        LayerConfig::Dense(layer) => {
            let features = before.rows(&name)?;
            before.expect(&name, layer.input, features)?;
            let units = size(&name, "units", layer.units)?;
            regular("the kernel_regularizer", layer.kernel_regularizer)?;
            regular("the bias_regularizer", layer.bias_regularizer)?;
            add(budget, "weight", vec![units, features])?;
            if layer.bias {
                add(budget, "bias", vec![units])?;
            } else if layer.bias_regularizer.is_some() || layer.first_bias.is_some() {
                return Err(Error::Invalid(format!(
                    "{name} has no bias, but an option for it; leave out bias_regularizer and first_bias"
                )));
            }
            (features, before.with(units))
        }
        LayerConfig::Dropout(layer) => {
            let features = before.rows(&name)?;
            Dropout::new(layer.p).map_err(named(&name))?;
            (features, before.signal)
        }
        LayerConfig::Attention(layer) => {
            let features = before.steps(&name)?;
            let units = size(&name, "units", layer.units)?;
            regular("the kernel_regularizer", layer.kernel_regularizer)?;
            add(budget, "weight", vec![units, features])?;
            add(budget, "bias", vec![units])?;
            add(budget, "context", vec![units])?;
            (features, Signal::Once(features))
        }
        LayerConfig::Pool(_) => {
            let features = before.steps(&name)?;
            (features, Signal::Once(features))
        }
    };
    if let Some((_, rate)) = layer.training().filter(|(_, rate)| !(rate.is_finite() && *rate >= 0.0)) {
        return Err(Error::Invalid(format!(
            "{name}: learning_rate is {rate}; it is a factor, a finite number of at least 0"
        )));
    }
    Ok(PlannedLayer { name, input, output, weights, parameters })
}
