//! From what the nodes told to a model and the arrays around it.

use std::collections::{BTreeMap, HashSet};

use sumun_formats::onnx::OnnxGraph;

use super::axes::Role;
use super::found::Start;
use super::graph::{InputKind, Reader};
use super::interface::{ArrayIn, Interface, OutputOf, Place, Shown, StateFrom, StatesIn};
use super::value::{Array, Axis, Content, Part, Piece, Value};
use crate::error::quoted;
use crate::interchange::Import;
use crate::model::{Input, LayerConfig, ModelConfig};
use crate::nn::{RecurrentLayer, ReverseLayer};
use crate::{Error, Result};

impl Reader<'_> {
    pub(super) fn finish(mut self, graph: &OnnxGraph) -> Result<Import> {
        self.settle_inputs()?;
        self.check_lengths()?;
        self.check_within()?;
        let mut outputs = Vec::with_capacity(graph.outputs.len());
        let mut returned: Vec<String> = Vec::new();
        for output in &graph.outputs {
            let shown = self.output(&output.name)?;
            if let OutputOf::Rows { layer, .. } = &shown.of
                && !returned.contains(layer)
            {
                returned.push(layer.clone());
            }
            outputs.push(shown);
        }
        if self.layers.is_empty() {
            return Err(Error::Model("the graph has no layers that compute something".into()));
        }
        self.note_padding(&outputs);
        returned.extend(self.unread(&returned));
        let inputs = self.arrays_in();
        let states = self.states_in();
        let lengths = self.inputs.iter().find(|input| input.kind == Some(InputKind::Lengths));
        let lengths = lengths.map(|input| input.name.clone());
        let names_of = |kind: Option<InputKind>| -> Vec<String> {
            self.inputs.iter().filter(|input| input.kind == kind).map(|input| input.name.clone()).collect()
        };
        let (state_names, unread) = (names_of(Some(InputKind::State)), names_of(None));
        if !unread.is_empty() {
            let names: Vec<String> = unread.iter().map(|name| quoted(name)).collect();
            self.notes.push(format!("nothing in the graph reads {}", names.join(", ")));
        }
        let config = self.config(returned)?;
        let known = self.known.iter().map(|(name, &number)| (name.clone(), number)).collect();
        let begins = std::mem::take(&mut self.begins);
        let interface = Interface { inputs, states, state_names, begins, lengths, unread, known, outputs };
        let import = Import::of(config, &self.weights, self.notes)?;
        Ok(Import { interface: Some(interface), ..import })
    }

    /// Gives axes of inputs that no node told of their usual meaning: sequences, then steps, features last.
    fn settle_inputs(&mut self) -> Result<()> {
        for index in 0..self.inputs.len() {
            let input = &self.inputs[index];
            let (name, kind, is_ids) = (input.name.clone(), input.kind, input.is_ids);
            let axes: Vec<_> = input
                .axes
                .iter()
                .filter_map(|axis| match axis {
                    Axis::Open(id) => Some(*id),
                    _ => None,
                })
                .collect();
            let wanted: &[Role] = match kind {
                None | Some(InputKind::Lengths | InputKind::Starts) => continue,
                Some(InputKind::State) => &[Role::Stack, Role::Sequences, Role::Features],
                Some(InputKind::Ids(_)) => &[Role::Sequences, Role::Time],
                Some(InputKind::Numbers) if is_ids => continue,
                Some(InputKind::Numbers) => &[Role::Features, Role::Sequences, Role::Time],
            };
            let mut missing: Vec<Role> = wanted.to_vec();
            missing.retain(|&role| !axes.iter().any(|&id| self.axes.role(id) == Some(role)));
            for &id in axes.iter().rev().filter(|_| kind == Some(InputKind::Numbers)) {
                // Features come last.
                if self.axes.role(id).is_none() && missing.first() == Some(&Role::Features) {
                    let named = |error| Error::Model(format!("the input {}: {error}", quoted(&name)));
                    if self.axes.length(id).is_none() {
                        return Err(named("how many features it has is not known".to_owned()));
                    }
                    self.axes.set_role(id, Role::Features).map_err(named)?;
                    missing.remove(0);
                }
            }
            missing.retain(|&role| role != Role::Features);
            for &id in &axes {
                if self.axes.role(id).is_none() {
                    if missing.is_empty() {
                        return Err(Error::Model(format!(
                            "the input {} has more axes than a model reads",
                            quoted(&name)
                        )));
                    }
                    let role = missing.remove(0);
                    self.axes
                        .set_role(id, role)
                        .map_err(|error| Error::Model(format!("{}: {error}", quoted(&name))))?;
                }
            }
            let mut roles: Vec<_> = axes.iter().map(|&id| self.axes.role(id)).collect();
            let count = roles.len();
            roles.sort_by_key(|role| role.map(|role| role as u8));
            roles.dedup();
            if roles.len() < count || roles.iter().any(|role| role.is_none_or(|role| !wanted.contains(&role)))
            {
                return Err(Error::Model(format!(
                    "the axes of the input {} are not one of sequences, one of steps and one of features",
                    quoted(&name)
                )));
            }
        }
        Ok(())
    }

    /// Lengths hold for the whole model here, so that all nodes that let steps see each other must know them.
    fn check_lengths(&self) -> Result<()> {
        let with = self.recurrences.iter().find(|recurrence| recurrence.has_lengths);
        let with = with.map(|recurrence| &recurrence.described).or(self.uses_lengths.as_ref());
        let Some(with) = with else { return Ok(()) };
        let without = self.recurrences.iter().find(|recurrence| !recurrence.has_lengths);
        let without = without.map(|recurrence| &recurrence.described).or(self.mixes_steps.as_ref());
        match without {
            None => Ok(()),
            Some(without) => Err(Error::Model(format!(
                "{with} has lengths of sequences, {without} reads on past them; a model here ends a sequence everywhere",
            ))),
        }
    }

    /// Says where outputs past the end of a sequence are others than the graph's.
    fn note_padding(&mut self, outputs: &[Shown]) {
        let has_lengths = self.inputs.iter().any(|input| input.kind == Some(InputKind::Lengths));
        let is_blank = |name: &str| {
            let layer = self.layers.iter().find(|layer| layer.name() == Some(name));
            layer.is_some_and(|layer| {
                layer.get::<RecurrentLayer>().is_some() || layer.get::<ReverseLayer>().is_some()
            })
        };
        let others = outputs.iter().filter(|output| {
            matches!(&output.of, OutputOf::Rows { layer } if !is_blank(layer))
                && self.past_ends.get(&output.name) != Some(&0.0)
                && output.axes.contains(&Place::Time)
        });
        let names: Vec<String> = others.map(|output| quoted(&output.name)).collect();
        if has_lengths && !names.is_empty() {
            self.notes.push(format!(
                "past the end of a sequence {} is 0 here, where the graph goes on computing with zeros",
                names.join(", ")
            ));
        }
    }

    fn output(&mut self, name: &str) -> Result<Shown> {
        let wrong = |what: &str| Error::Model(format!("the output {} {what}", quoted(name)));
        let array = match self.value(name) {
            Some(Value::Array(array)) => array,
            Some(_) => return Err(wrong("is a constant or a length; a model here returns rows and states")),
            None => return Err(wrong("is given by no node")),
        };
        let of = match array.content.clone() {
            Content::Input(_) => {
                return Err(wrong("is an input as it came; a model here has no such output"));
            }
            Content::Rows { layer, .. } if self.within.contains(&layer) => {
                return Err(wrong("is of sequences within steps; a model here has no such output"));
            }
            Content::Rows { layer, .. } if self.is_of_shares(&layer) => {
                return Err(wrong("is shares of steps, which a model here has within an attention alone"));
            }
            Content::Rows { layer, .. } => {
                if self.inputs.iter().any(|input| input.model == layer) {
                    return Err(wrong("is an input as it came; a model here has no such output"));
                }
                OutputOf::Rows { layer }
            }
            Content::States(pieces) => OutputOf::States {
                pieces: pieces
                    .into_iter()
                    .map(|piece| match piece {
                        Piece::Layer { layer, part, direction } => Ok((layer, part == Part::Cell, direction)),
                        Piece::Input { .. } => {
                            Err(wrong("is a state as it came; a model here has no such output"))
                        }
                    })
                    .collect::<Result<_>>()?,
            },
        };
        let axes = self.places(&array)?;
        Ok(Shown { name: name.to_owned(), of, axes, factors: array.factors })
    }

    /// What each axis of an array counts.
    fn places(&self, array: &Array) -> Result<Vec<Place>> {
        let open = |id| match self.axes.role(id) {
            Some(Role::Sequences) => Ok(Place::Sequences),
            Some(Role::Time) => Ok(Place::Time),
            Some(Role::Features) => Ok(Place::Factor(0)),
            Some(Role::Stack) => Ok(Place::Stack),
            None => Err(Error::Model("an axis of an output is neither sequences, steps nor features".into())),
        };
        array
            .axes
            .iter()
            .map(|axis| {
                Ok(match axis {
                    Axis::One => Place::One,
                    Axis::Open(id) => open(*id)?,
                    Axis::Factor(factor) => Place::Factor(*factor),
                    Axis::Stack => Place::Stack,
                    Axis::Merged(ids) => {
                        Place::Merged(ids.iter().map(|&id| open(id)).collect::<Result<_>>()?)
                    }
                })
            })
            .collect()
    }

    /// Layers whose rows nothing reads: only their states are wanted.
    fn unread(&self, returned: &[String]) -> Vec<String> {
        let mut read: HashSet<&str> = returned.iter().map(String::as_str).collect();
        for layer in &self.layers {
            read.extend(layer.common().from.iter().map(String::as_str));
            read.extend(layer.get::<RecurrentLayer>().and_then(|layer| layer.initial.as_deref()));
        }
        let names = self.layers.iter().filter_map(LayerConfig::name);
        names.filter(|name| !read.contains(name)).map(str::to_owned).collect()
    }

    fn arrays_in(&self) -> Vec<ArrayIn> {
        let mut arrays = Vec::new();
        for input in &self.inputs {
            let is_ids = match input.kind {
                Some(InputKind::Numbers) => false,
                Some(InputKind::Ids(_)) => true,
                _ => continue,
            };
            let axes: Vec<Place> = self.places_of(&input.axes);
            let ones = input.axes.iter().map(|axis| matches!(axis, Axis::Open(id) if self.axes.is_one(*id)));
            arrays.push(ArrayIn {
                name: input.name.clone(),
                model: input.model.clone(),
                has_steps: is_ids || input.has_steps || axes.contains(&Place::Time),
                is_ids,
                ones: ones.collect(),
                axes,
            });
        }
        arrays
    }

    fn places_of(&self, axes: &[Axis]) -> Vec<Place> {
        let place = |axis: &Axis| match axis {
            Axis::Open(id) => match self.axes.role(*id) {
                Some(Role::Sequences) => Place::Sequences,
                Some(Role::Time) => Place::Time,
                Some(Role::Features) => Place::Factor(0),
                Some(Role::Stack) => Place::Stack,
                None => Place::One,
            },
            _ => Place::One,
        };
        axes.iter().map(place).collect()
    }

    fn states_in(&self) -> Vec<StatesIn> {
        let mut states = Vec::new();
        for recurrence in &self.recurrences {
            for (starts, is_cell) in recurrence.starts.iter().zip([false, true]) {
                if starts.is_empty() {
                    continue;
                }
                let pieces = starts.iter().map(|start| match start {
                    Start::Input { input, index } => {
                        let input = &self.inputs[*input];
                        let axes = self.places_of(&input.axes);
                        StateFrom::Array { name: input.name.clone(), axes, index: *index }
                    }
                    Start::Constant(row) => StateFrom::Constant(row.clone()),
                });
                states.push(StatesIn { layer: recurrence.layer.clone(), is_cell, pieces: pieces.collect() });
            }
        }
        states
    }

    fn config(&mut self, outputs: Vec<String>) -> Result<ModelConfig> {
        let mut inputs = BTreeMap::new();
        for input in &self.inputs {
            let features = input.axes.iter().find_map(|axis| match axis {
                Axis::Open(id) if self.axes.role(*id) == Some(Role::Features) => self.axes.length(*id),
                _ => None,
            });
            let features = features.unwrap_or(1);
            let has_time = self.places_of(&input.axes).contains(&Place::Time);
            let config = match input.kind {
                Some(InputKind::Ids(vocabulary)) => Input::ids(vocabulary),
                Some(InputKind::Numbers) if has_time || input.has_steps => Input::numbers(features),
                Some(InputKind::Numbers) => Input::row(features),
                _ => continue,
            };
            inputs.insert(input.model.clone(), config);
        }
        let mut layers = std::mem::take(&mut self.layers);
        // A layer that reads the one before it, or the first one the only input, need not say so.
        let mut before = (inputs.len() == 1).then(|| inputs.keys().next().cloned()).flatten();
        for layer in &mut layers {
            let common = layer.common_mut();
            if before.is_some() && common.from.len() == 1 && common.from.first() == before.as_ref() {
                common.from.clear();
            }
            before = common.name.clone();
        }
        let last = layers.last().and_then(LayerConfig::name).map(str::to_owned);
        let is_last = outputs.len() == 1 && outputs.first() == last.as_ref();
        let outputs = if is_last { Vec::new() } else { outputs };
        Ok(ModelConfig { inputs, layers, outputs, ..ModelConfig::empty() })
    }
}
