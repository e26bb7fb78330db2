//! What is settled once all layers are read: outputs, masks, layers that nothing reads, and inputs.

use std::collections::{BTreeMap, HashSet};

use sumun_formats::keras::{Architecture, Layer, Source};

use super::super::super::Import;
use super::super::flow::Shape;
use super::Graph;
use crate::error::quoted;
use crate::model::{LayerConfig, ModelConfig};
use crate::nn::RecurrentLayer;
use crate::{Error, Result};

impl Graph {
    pub(super) fn finish(mut self, architecture: &Architecture) -> Result<Import> {
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
                    let (flow, shape) = self.result(&end(source), laid)?;
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

    /// Leaves out layers that no output depends on: a model within the model, or a layer of two outputs, may return what
    /// nothing reads.
    pub(super) fn leave_out_idle(&mut self) {
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
    pub(super) fn settle_inputs(&mut self) -> Result<()> {
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
