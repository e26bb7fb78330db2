//! The network of a translator as parts that a program in another language runs: an encoder, a step of the decoder, and what
//! follows the attention, which the program computes itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::portable::PortableNetwork;
use super::network::{ATTENTION, DECODER, ENCODER, SOURCE, TARGET};
use crate::model::{Input, LayerConfig, Model, ModelConfig, RecurrentLayer};
use crate::nn::{CrossAttention, Recurrent};

/// How the attention compares, and which weights it has. Error: a network without one.
pub(super) fn attention_fields(model: &Model) -> Result<Value, String> {
    let config = attention(model)?.config();
    let weights = config.weights().map_err(|error| error.to_string())?;
    let names: Vec<&str> = weights.iter().map(|weight| weight.name).collect();
    Ok(json!({ "score": config.score, "scaled": config.scaled, "weights": names }))
}

fn attention(model: &Model) -> Result<&CrossAttention, String> {
    model.layer::<CrossAttention>(ATTENTION).ok_or_else(|| "a network without attention".into())
}

/// The encoder, the decoder without what attends, and the layers behind the attention. Error: why they cannot be told apart.
pub(super) fn networks(model: &Model) -> Result<Vec<PortableNetwork>, String> {
    let own_layers = || "layers other than those of a usual translator".to_owned();
    let layers = Layers::of(model);
    let encoder = layers.behind(ENCODER, true);
    let decoder = layers.behind(DECODER, false);
    let between = [ATTENTION, DECODER];
    let rest: BTreeSet<&str> = layers
        .all
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != ATTENTION && !encoder.contains(name) && !decoder.contains(name))
        .collect();
    let reads_between = |name: &&str| {
        layers.reads(name).iter().all(|read| rest.contains(read.as_str()) || between.contains(&read.as_str()))
    };
    let has_state = |name: &&str| *name != DECODER && model.layer::<Recurrent>(name).is_some();
    let is_usual = !encoder.contains(TARGET)
        && !decoder.contains(SOURCE)
        && !decoder.contains(ENCODER)
        && layers.reads(ATTENTION) == [DECODER, ENCODER]
        && rest.iter().all(reads_between)
        && !decoder.iter().chain(&rest).any(has_state);
    let output = model.output_names().next().filter(|name| rest.contains(name));
    let (Some(output), true) = (output, is_usual) else { return Err(own_layers()) };
    let width = |name: &str| model.layer::<Recurrent>(name).map(|layer| layer.config().hidden);
    let (Some(query), memory) = (width(DECODER), attention(model)?.config().memory) else {
        return Err(own_layers());
    };
    let read: BTreeSet<&str> = rest.iter().flat_map(|name| layers.reads(name)).map(String::as_str).collect();
    if !read.contains(ATTENTION) {
        return Err(own_layers());
    }
    let given = |name: &str| model.config().inputs.get(name).copied().ok_or_else(own_layers);
    let inputs = [(ATTENTION, Input::numbers(memory)), (DECODER, Input::numbers(query))];
    let behind = inputs.into_iter().filter(|(name, _)| read.contains(name)).collect();
    let part = |name, keeps_states, chosen: &BTreeSet<&str>, inputs, output| PortableNetwork {
        name,
        config: layers.part(chosen, inputs, output),
        keeps_states,
    };
    Ok(vec![
        part("encoder", true, &encoder, BTreeMap::from([(SOURCE, given(SOURCE)?)]), ENCODER),
        part("decoder", true, &decoder, BTreeMap::from([(TARGET, given(TARGET)?)]), DECODER),
        part("output", false, &rest, behind, output),
    ])
}

/// The layers of a model by name, with what each reads.
struct Layers<'a> {
    model: &'a Model,
    all: Vec<(&'a str, Vec<String>)>,
}

impl<'a> Layers<'a> {
    fn of(model: &'a Model) -> Self {
        let mut before = model.input_names().next().unwrap_or_default();
        let mut all = Vec::new();
        for (layer, name) in model.config().layers.iter().zip(model.layer_names()) {
            let from = &layer.common().from;
            // A layer that says nothing reads the one before it.
            let reads = if from.is_empty() { vec![before.to_owned()] } else { from.clone() };
            all.push((name, reads));
            before = name;
        }
        Self { model, all }
    }

    fn reads(&self, name: &str) -> &[String] {
        self.all.iter().find(|(layer, _)| *layer == name).map_or(&[], |(_, reads)| reads)
    }

    /// The inputs and layers that a layer comes of, and itself; with those whose states others begin with, where that is asked for.
    fn behind(&self, name: &'a str, with_states: bool) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut left = vec![name];
        while let Some(name) = left.pop() {
            if found.insert(name) {
                let place = self.all.iter().position(|(layer, _)| *layer == name);
                let Some(place) = place else { continue };
                left.extend(self.all[place].1.iter().map(String::as_str));
                let layer = self.model.config().layers[place].get::<RecurrentLayer>();
                let initial = layer.and_then(|layer| layer.initial.as_deref());
                left.extend(initial.filter(|_| with_states));
            }
        }
        found
    }

    /// Some of the layers as a model of their own, where a decoder begins with a state that is given.
    fn part(&self, chosen: &BTreeSet<&str>, inputs: BTreeMap<&str, Input>, output: &str) -> ModelConfig {
        let layers = self.model.config().layers.iter().zip(&self.all);
        let own = |(layer, (name, reads)): (&LayerConfig, &(&str, Vec<String>))| {
            let mut layer = layer.clone();
            let common = layer.common_mut();
            common.name = Some((*name).to_owned());
            common.from.clone_from(reads);
            if *name == DECODER
                && let Some(decoder) = layer.get_mut::<RecurrentLayer>()
            {
                decoder.initial = None;
            }
            layer
        };
        ModelConfig {
            inputs: inputs.into_iter().map(|(name, input)| (name.to_owned(), input)).collect(),
            layers: layers.filter(|(_, (name, _))| chosen.contains(name)).map(own).collect(),
            outputs: vec![output.to_owned()],
            precision: self.model.config().precision,
        }
    }
}
