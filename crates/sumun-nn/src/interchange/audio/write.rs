//! A model as RTNeural's JSON.

use sumun_formats::Tensor;
use sumun_formats::audio::rtneural::{Kind, Layer, Model as RtNeural};

use super::super::layouts::{biases_out, kernel_out, transposed, turned};
use crate::error::quoted;
use crate::model::{Biases, DenseLayer, LayerConfig, Model, ModelConfig, PlannedCall, RecurrentLayer};
use crate::nn::{
    Activation, ActivationFunction, ActivationLayer, BatchNormLayer, CellKind, CellOptions, Conv1dLayer,
    DropoutLayer, Padding, SoftmaxLayer,
};
use crate::{Error, Result};

/// A model of layers one after the other as RTNeural has it, which computes a row at every step. Errors: a layer or an option
/// that the format does not have, by its name.
pub fn to_rtneural(model: &Model) -> Result<RtNeural> {
    let mut layers = Vec::new();
    let calls = model.calls();
    let inputs = calls.first().and_then(|call| call.inputs.first()).and_then(|signal| signal.features());
    let inputs =
        inputs.ok_or_else(|| Error::Model("RTNeural reads numbers, and this model reads ids".into()))?;
    let mut last = model.input_names().next().unwrap_or(ModelConfig::INPUT).to_owned();
    for (config, call) in model.config().layers.iter().zip(&calls) {
        if call.reads != [last.as_str()] {
            return Err(refused(call, config, "it does not read the layer before it alone"));
        }
        push(model, config, call, &mut layers)?;
        last.clone_from(&call.name);
    }
    Ok(RtNeural { inputs, layers, ..RtNeural::default() })
}

fn refused(call: &PlannedCall, config: &LayerConfig, why: &str) -> Error {
    Error::Model(format!("the layer {} ({}) for RTNeural: {why}", quoted(&call.name), config.kind()))
}

fn push(model: &Model, config: &LayerConfig, call: &PlannedCall, layers: &mut Vec<Layer>) -> Result<()> {
    let features =
        |signal: Option<&crate::layer::Signal>| signal.and_then(|signal| signal.features()).unwrap_or(0);
    let (inputs, units) = (features(call.inputs.first()), features(Some(&call.output)));
    let values = |leaf: &str| -> Result<Vec<f32>> {
        let name = format!("{}.{leaf}", call.name);
        let id = model
            .parameters()
            .find(&name)
            .ok_or_else(|| Error::Model(format!("there is no weight {name}")))?;
        Ok(model.parameters().value(id).to_vec())
    };
    let mut add = |kind: Kind, activation: &str, weights: Vec<Tensor>| {
        layers.push(Layer { kind, activation: activation.into(), units, weights });
    };
    if let Some(own) = config.get::<DenseLayer>() {
        let mut weights =
            vec![Tensor::f32(vec![inputs, units], transposed(&values("weight")?, units, inputs))?];
        if own.bias {
            weights.push(Tensor::f32(vec![units], values("bias")?)?);
        }
        add(Kind::Dense, of_own(own.activation), weights);
    } else if let Some(own) = config.get::<RecurrentLayer>() {
        let (kind, weights) = recurrent(own, call, config, inputs, &values)?;
        add(kind, "tanh", weights);
    } else if let Some(own) = config.get::<Conv1dLayer>() {
        if own.padding != Padding::Causal || own.stride != 1 {
            return Err(refused(call, config, "only causal convolutions with a stride of 1 are streams"));
        }
        let (kernel, each) = (own.kernel, inputs / own.groups.max(1));
        let turned = turned(&values("weight")?, [units, each, kernel]);
        let of_bias = if own.bias { values("bias")? } else { vec![0.0; units] };
        let weights =
            vec![Tensor::f32(vec![kernel, each, units], turned)?, Tensor::f32(vec![units], of_bias)?];
        add(Kind::Conv1d { kernel, dilation: own.dilation, groups: own.groups }, "", weights);
    } else if let Some(own) = config.get::<BatchNormLayer>() {
        let leaves: &[&str] = if own.affine { &["weight", "bias"] } else { &[] };
        let leaves = leaves.iter().chain(&["running_mean", "running_var"]);
        let weights =
            leaves.map(|leaf| Ok(Tensor::f32(vec![units], values(leaf)?)?)).collect::<Result<_>>()?;
        add(Kind::BatchNorm { epsilon: own.epsilon as f32 }, "", weights);
    } else if let Some(own) = config.get::<ActivationLayer>() {
        let name = match own.function {
            ActivationFunction::LeakyRelu { alpha } => {
                add(Kind::Prelu, "", vec![Tensor::f32(vec![1, 1], vec![alpha as f32])?]);
                return Ok(());
            }
            ActivationFunction::Tanh => "tanh",
            ActivationFunction::Relu => "relu",
            ActivationFunction::Sigmoid => "sigmoid",
            ActivationFunction::Elu { alpha: 1.0 } => "elu",
            ActivationFunction::Linear => "",
            _ => return Err(refused(call, config, "it has no such function")),
        };
        add(Kind::Activation, name, Vec::new());
    } else if config.get::<SoftmaxLayer>().is_some() {
        add(Kind::Activation, "softmax", Vec::new());
    } else if config.get::<DropoutLayer>().is_none() {
        return Err(refused(call, config, "it has no such layer"));
    }
    Ok(())
}

fn of_own(activation: Activation) -> &'static str {
    match activation {
        Activation::Linear => "",
        Activation::Relu => "relu",
        Activation::Tanh => "tanh",
        Activation::Sigmoid => "sigmoid",
    }
}

fn recurrent(
    own: &RecurrentLayer,
    call: &PlannedCall,
    config: &LayerConfig,
    inputs: usize,
    values: &impl Fn(&str) -> Result<Vec<f32>>,
) -> Result<(Kind, Vec<Tensor>)> {
    let kind = [(CellKind::Lstm, Kind::Lstm), (CellKind::Gru, Kind::Gru)]
        .into_iter()
        .find(|(cell, _)| *cell == own.cell);
    let Some((_, kind)) = kind else {
        return Err(refused(call, config, "it has LSTM and GRU alone"));
    };
    for (stands, why) in [
        (own.layers > 1, "it has one layer at a time; train several layers apart"),
        (own.bidirectional || own.go_backwards, "it reads forward alone"),
        (!own.return_sequences, "it returns a row at every step; give the layer return_sequences"),
        (own.initial.is_some(), "it begins with zeros"),
        (own.inverted_update, "its z keeps h; convert the weights first"),
        (own.options != CellOptions::default(), "its cells have no options"),
    ] {
        if stands {
            return Err(refused(call, config, why));
        }
    }
    let (cell, units) = (own.cell, own.units);
    let rows = units * cell.gates();
    let zeros = || Ok(vec![0.0; rows]);
    let input = if own.biases == Biases::None { zeros() } else { values("bias_ih_l0") }?;
    let hidden = if own.biases == Biases::Two { values("bias_hh_l0") } else { zeros() }?;
    Ok((
        kind,
        vec![
            Tensor::f32(vec![inputs, rows], kernel_out(cell, &values("weight_ih_l0")?, inputs))?,
            Tensor::f32(vec![units, rows], kernel_out(cell, &values("weight_hh_l0")?, units))?,
            biases_out(cell, &input, &hidden)?,
        ],
    ))
}
