//! Streams of models from files, and their states as arrays.

use sumun_formats::{Data, ElementType, Tensor, Tensors};

use super::Import;
use super::apply::{apply, repeated, state_name, states_in};
use crate::error::quoted;
use crate::model::{Model, StreamMemory, StreamWindow, Streams};
use crate::{Error, Result};

/// What the array of the steps that a layer reads again is called, with the layer's name behind.
const WINDOW: &str = "window.";

/// What the array of the steps until its next row is called, with the layer's name behind.
const WAIT: &str = "wait.";

impl Import {
    /// The states that the file begins with, `[L·D, 1, H]`; nothing where they are zeros.
    fn first_states(&self) -> Result<Tensors> {
        match &self.interface {
            Some(interface) => interface.first_states(&self.model),
            None => Ok(self.initial.clone()),
        }
    }

    /// Runs the model on its own arrays as [`apply`](fn@super::apply), also where the file has others
    /// ([`interface`](Self::interface)), from the states of its file where `initial` has none.
    pub fn apply_model(&self, inputs: &Tensors, initial: &Tensors) -> Result<Tensors> {
        if !initial.is_empty() {
            return apply(&self.model, inputs, initial);
        }
        apply(&self.model, inputs, &repeated(&self.model, inputs, &self.first_states()?)?)
    }

    /// The model for streams, which begin with the states of its file. Errors as [`Streams::new`].
    pub fn into_streams(self) -> Result<Streams> {
        let first = self.first_states()?;
        let states = states_in(&self.model, &first, 1)?;
        Streams::beginning_with(self.model, &states)
    }
}

/// What a stream keeps as arrays: its states by the names that [`apply`](fn@super::apply) has, `[L, 1, H]`, and of layers that
/// read steps again `window.` with the layer's name, `[steps, F]`, and `wait.`, one number.
pub fn state_to_arrays(model: &Model, state: &StreamMemory) -> Result<Tensors> {
    let mut arrays = Tensors::new();
    let shapes = model.state_shapes();
    for (layer, shape) in &shapes {
        let Some(state) = state.states.get(*layer) else { continue };
        for (stem, width, values) in [("h_n", shape.hidden, &state.hidden), ("c_n", shape.cell, &state.cell)]
        {
            if width > 0 {
                let tensor = Tensor::f32(vec![shape.count, 1, width], values.clone())?;
                arrays.insert(state_name(stem, layer, shapes.len()), tensor, "state")?;
            }
        }
    }
    for (layer, StreamWindow { rows, wait }) in &state.windows {
        let features = features(model, layer).max(1);
        let tensor = Tensor::f32(vec![rows.len() / features, features], rows.clone())?;
        arrays.insert(format!("{WINDOW}{layer}"), tensor, "state")?;
        let wait = Tensor::new(ElementType::I64, vec![1], Data::I64(vec![*wait as i64]), "state")?;
        arrays.insert(format!("{WAIT}{layer}"), wait, "state")?;
    }
    Ok(arrays)
}

/// What [`state_to_arrays`] made of a state. Errors: an array that is no state of the model, and one of another shape.
pub fn state_from_arrays(model: &Model, arrays: &Tensors) -> Result<StreamMemory> {
    let mut states = Tensors::new();
    let mut state = StreamMemory::default();
    for (name, tensor) in arrays.iter() {
        let wrong = |expected: &str| Error::Shape {
            what: format!("the state {}", quoted(name)),
            expected: expected.into(),
            found: format!("{:?}", tensor.shape()),
        };
        if let Some(layer) = name.strip_prefix(WINDOW) {
            let &[_, features] = tensor.shape() else { return Err(wrong("[steps, F]")) };
            if features != features_of(model, layer)? {
                return Err(wrong(&format!("[steps, {}]", features_of(model, layer)?)));
            }
            let wait = arrays.get(&format!("{WAIT}{layer}")).ok_or_else(|| {
                Error::Invalid(format!(
                    "the state {} is there without {}",
                    quoted(name),
                    quoted(&format!("{WAIT}{layer}"))
                ))
            })?;
            let wait = match wait.to_i64()?[..] {
                [wait] => usize::try_from(wait).map_err(|_| wrong("a wait of at least 0"))?,
                _ => return Err(wrong("a wait of one number")),
            };
            state.windows.insert(layer.to_owned(), StreamWindow { rows: tensor.to_f32()?, wait });
        } else if let Some(layer) = name.strip_prefix(WAIT) {
            if arrays.get(&format!("{WINDOW}{layer}")).is_none() {
                return Err(Error::Invalid(format!("the model has no state {}", quoted(name))));
            }
        } else {
            states.insert(name.to_owned(), tensor.clone(), "state")?;
        }
    }
    state.states = states_in(model, &states, 1)?;
    Ok(state)
}

/// F of what a layer reads.
fn features(model: &Model, layer: &str) -> usize {
    let calls = model.calls();
    let read = calls.iter().find(|call| call.name == layer).and_then(|call| call.inputs.first());
    read.and_then(|signal| signal.features()).unwrap_or(0)
}

fn features_of(model: &Model, layer: &str) -> Result<usize> {
    match features(model, layer) {
        0 => Err(Error::Invalid(format!("the model has no layer {} that reads steps again", quoted(layer)))),
        features => Ok(features),
    }
}
