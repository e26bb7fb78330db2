//! Recurrent layers as those of Keras.

use sumun_formats::Tensor;
use sumun_formats::keras::{Call, Settings, Source, Value};

use super::super::super::layouts::{biases_out, kernel_out};
use super::writer::{Writer, refused};
use crate::layer::Signal;
use crate::model::{LayerConfig, Model, PlannedCall};
use crate::nn::{ActivationFunction, Biases, CellKind, Merge, Peer, RecurrentLayer, keras_name};
use crate::{Error, Result};

impl Writer<'_> {
    /// The layers of a stack, one on top of the other.
    pub(super) fn recurrent(
        &mut self,
        layer: &LayerConfig,
        own: &RecurrentLayer,
        at: &PlannedCall,
        mut sources: Vec<Source>,
    ) -> Result<Source> {
        let name = at.name.as_str();
        let features = at.inputs.first().and_then(|signal| signal.features()).unwrap_or(0);
        let stack = own.stack(features);
        stack.representable_in(Peer::Keras).map_err(|error| refused(layer, name, error))?;
        if own.go_backwards && own.layers > 1 {
            return Err(refused(layer, name, "several layers that go backwards"));
        }
        let states: usize = if own.cell == CellKind::Lstm { 2 } else { 1 };
        let directions = stack.directions();
        let gives_states = |model: &Model| {
            let begin = |layer: &LayerConfig| {
                layer.get::<RecurrentLayer>().is_some_and(|layer| layer.initial.as_deref() == Some(name))
            };
            model.config().layers.iter().any(begin)
        };
        let gives_states = gives_states(self.model);
        if (gives_states || own.initial.is_some()) && own.layers > 1 {
            return Err(refused(
                layer,
                name,
                "several layers that give their last states to others, or take them",
            ));
        }
        let mut inputs = features;
        for k in 0..own.layers {
            let is_last = k + 1 == own.layers;
            let named = if is_last { name.to_owned() } else { self.fresh(&format!("{name}_layer_{k}")) };
            let (class, mut settings) = cell_settings(own, &named)?;
            settings.set("return_sequences", own.return_sequences || !is_last);
            settings.set("return_state", gives_states);
            settings.set("go_backwards", own.go_backwards);
            settings.set("dropout", f64::from(own.input_dropout));
            settings.set("recurrent_dropout", f64::from(own.recurrent_dropout));
            let trainable = own.common.trainable;
            let forward = self.cell_arrays(own, name, inputs, k, "")?;
            let mut call = Call::of(sources.clone());
            if let Some(initial) = &own.initial {
                let from = self.end(initial);
                let state = |part| Source { output: part + 1, ..from.clone() };
                call.named.push(("initial_state".into(), (0..states * directions).map(state).collect()));
            }
            let output = if is_last { at.output } else { Signal::Steps(stack.output_features()) };
            let end = if own.bidirectional {
                let mut backward = settings.clone();
                settings.set("name", format!("forward_{named}"));
                backward.set("name", format!("backward_{named}"));
                backward.set("go_backwards", true);
                let merge = match own.merge {
                    Merge::Concat => "concat",
                    Merge::Sum => "sum",
                    Merge::Mul => "mul",
                    Merge::Average => "ave",
                };
                let both = Settings::from([
                    ("merge_mode", merge.into()),
                    ("layer", inner(class, settings)),
                    ("backward_layer", inner(class, backward)),
                    ("trainable", trainable.into()),
                ]);
                let reverse = self.cell_arrays(own, name, inputs, k, "_reverse")?;
                let parts = vec![("forward_layer/cell", forward), ("backward_layer/cell", reverse)];
                self.push("Bidirectional", &named, both, call, parts, output)
            } else {
                settings.set("trainable", trainable);
                self.push(class, &named, settings, call, vec![("cell", forward)], output)
            };
            if let (true, Some(layer)) = (gives_states, self.layers.last_mut()) {
                layer.shapes.resize(1 + states * directions, vec![None, Some(own.units)]);
            }
            // Between the layers of a stack is its dropout.
            let dropped = match own.dropout > 0.0 && !is_last {
                true => {
                    let dropout = self.fresh(&format!("{named}_dropout"));
                    let settings = Settings::from([("rate", f64::from(own.dropout).into())]);
                    self.push("Dropout", &dropout, settings, Call::of([end]), Vec::new(), output)
                }
                false => end,
            };
            sources = vec![dropped];
            inputs = stack.output_features();
        }
        sources.pop().ok_or_else(|| refused(layer, name, "it has no layers"))
    }

    /// Kernel, recurrent kernel and bias of one direction of one layer of a stack.
    pub(super) fn cell_arrays(
        &self,
        own: &RecurrentLayer,
        name: &str,
        inputs: usize,
        layer: usize,
        direction: &str,
    ) -> Result<Vec<(&'static str, Tensor)>> {
        let values = |part: &str| self.values(name, &format!("{part}_l{layer}{direction}"));
        let (cell, units) = (own.cell, own.units);
        let rows = units * cell.gates();
        let mut arrays = vec![
            ("kernel", Tensor::f32(vec![inputs, rows], kernel_out(cell, &values("weight_ih")?, inputs))?),
            (
                "recurrent_kernel",
                Tensor::f32(vec![units, rows], kernel_out(cell, &values("weight_hh")?, units))?,
            ),
        ];
        if own.biases == Biases::None {
            return Ok(arrays);
        }
        let hidden = if own.biases == Biases::Two { values("bias_hh")? } else { vec![0.0; rows] };
        arrays.push(("bias", biases_out(cell, &values("bias_ih")?, &hidden)?));
        Ok(arrays)
    }
}

/// A layer within another.
fn inner(class: &str, config: Settings) -> Value {
    Settings::from([
        ("module", "keras.layers".into()),
        ("class_name", class.into()),
        ("config", config.into()),
        ("registered_name", Value::Null),
    ])
    .into()
}

/// The class of a cell's layer, and what says what the cell computes.
fn cell_settings(own: &RecurrentLayer, name: &str) -> Result<(&'static str, Settings)> {
    let named = |function: ActivationFunction| {
        keras_name(function)
            .ok_or_else(|| Error::Model(format!("{name}: Keras has no name for {function:?}")))
    };
    let candidate = own.options.candidate_activation.unwrap_or(own.cell.spec().candidate);
    let gate = own.options.gate_activation.unwrap_or(ActivationFunction::Sigmoid);
    let mut settings = Settings::from([
        ("units", own.units.into()),
        ("activation", named(candidate)?.into()),
        ("use_bias", (own.biases != Biases::None).into()),
    ]);
    let class = match own.cell.spec().family {
        "RNN" => return Ok(("SimpleRNN", settings)),
        "LSTM" => "LSTM",
        _ => {
            settings.set("reset_after", own.cell == CellKind::Gru);
            "GRU"
        }
    };
    settings.set("recurrent_activation", named(gate)?);
    Ok((class, settings))
}
