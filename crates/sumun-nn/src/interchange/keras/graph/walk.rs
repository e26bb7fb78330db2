//! The graph of a Keras model, layer by layer.

use std::collections::{BTreeSet, HashMap, HashSet};

use sumun_formats::keras::{Architecture, Call, Keras, Layer, Source, Taken, Value};

use super::super::super::Import;
use super::super::activations::Version;
use super::super::flow::{Flow, Shape};
use super::super::names::{plain, refused};
use super::super::output::Output;
use super::super::{layers, operators, tensorflow};
use super::{Graph, MOST_MADE, Use};
use crate::error::quoted;
use crate::model::Input;
use crate::{Error, Result};

/// The most uses of layers, those of models within models counted as often as these are used.
const MOST_USES: usize = 10_000;

/// Reads a whole model.
pub(in super::super) fn read(file: &Keras, architecture: &Architecture) -> Result<Import> {
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
            None if tensorflow::is_operator(&layer.class) => {
                let (operator, call) = tensorflow::operator(layer, call)?;
                return operators::read(self, &operator, &call);
            }
            None => {}
        }
        self.expect_usual(layer, call)?;
        if layer.class == "InputLayer" {
            return if is_within { self.inner_input(layer) } else { self.input(layer) };
        }
        let call = self.without_masks(layer, call)?;
        layers::read(self, layer, &call, weights)
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
