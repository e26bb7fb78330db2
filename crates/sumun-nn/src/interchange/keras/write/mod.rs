//! A model as one of Keras: a Functional model of the layers that Keras has.

mod attention;
mod items;
mod order;
mod recurrent;
mod writer;

use std::collections::{HashMap, HashSet};

use sumun_formats::Tensor;
use sumun_formats::keras::{Architecture, Call, LayerWeights, Settings, Source, Value};

use items::{all, item, slice, with_argument};
use order::order;
use writer::{Writer, refused};

use super::super::layouts::{transposed, turned};
use crate::Result;
use crate::layer::Signal;
use crate::model::{LayerConfig, Model, PlannedCall};
use crate::nn::{
    Activation, ActivationFunction, ActivationLayer, AttentionLayer, BatchNormLayer, Combine, CombineLayer,
    Conv1dLayer, CropLayer, CrossAttentionLayer, DenseLayer, DropoutLayer, Elementwise, ElementwiseLayer,
    EmbeddingLayer, LayerNormLayer, MaskingLayer, PadLayer, PadMode, Padding, Pool, PoolLayer,
    RecurrentLayer, ReverseLayer, SliceLayer, SoftmaxLayer, UnflattenLayer, keras_name,
};

/// The model's layers and weights.
pub(super) fn model(model: &Model) -> Result<(Architecture, Vec<LayerWeights>)> {
    let config = model.config();
    let mut writer = Writer {
        model,
        layers: Vec::new(),
        weights: Vec::new(),
        taken: HashSet::new(),
        ends: HashMap::new(),
    };
    for (name, input) in &config.inputs {
        writer.input(name, *input);
    }
    writer.taken.extend(model.layer_names().map(str::to_owned));
    let planned = model.calls();
    for (layer, planned) in config.layers.iter().zip(&planned) {
        writer.layer(layer, planned)?;
    }
    let inputs = config.inputs.keys().map(|name| Source::of(name)).collect();
    let outputs: Vec<Source> = model.output_names().map(|name| writer.end(name)).collect();
    let order = order(&writer.layers, &outputs);
    let mut all: Vec<_> = writer.layers.into_iter().zip(writer.weights).map(Some).collect();
    let (layers, weights) = order.into_iter().filter_map(|place| all[place].take()).unzip();
    Ok((Architecture { name: "sumun".into(), layers, inputs, outputs }, weights))
}

impl Writer<'_> {
    fn layer(&mut self, layer: &LayerConfig, at: &PlannedCall) -> Result<()> {
        let name = at.name.as_str();
        let sources: Vec<Source> = at.reads.iter().map(|read| self.end(read)).collect();
        let features = at.inputs.first().and_then(|signal| signal.features()).unwrap_or(0);
        let call = Call::of(sources.clone());
        let trainable = ("trainable", layer.common().trainable.into());
        let end = if let Some(own) = layer.get::<EmbeddingLayer>() {
            let Some(&Signal::Ids(vocabulary)) = at.inputs.first() else {
                return Err(refused(layer, name, "it reads no ids"));
            };
            if own.mask_zero && own.padding_id.is_some_and(|id| id != 0) {
                return Err(refused(
                    layer,
                    name,
                    "it masks another id than 0, the only one that Keras masks",
                ));
            }
            let table = Tensor::f32(vec![vocabulary, own.features], self.values(name, "weight")?)?;
            let settings = Settings::from([
                ("input_dim", vocabulary.into()),
                ("output_dim", own.features.into()),
                ("mask_zero", own.mask_zero.into()),
                trainable,
            ]);
            self.push("Embedding", name, settings, call, vec![("", vec![("embeddings", table)])], at.output)
        } else if let Some(own) = layer.get::<RecurrentLayer>() {
            self.recurrent(layer, own, at, sources)?
        } else if let Some(own) = layer.get::<DenseLayer>() {
            let values = transposed(&self.values(name, "weight")?, own.units, features);
            let mut arrays = vec![("kernel", Tensor::f32(vec![features, own.units], values)?)];
            if own.bias {
                arrays.push(("bias", Tensor::f32(vec![own.units], self.values(name, "bias")?)?));
            }
            let settings = Settings::from([
                ("units", own.units.into()),
                ("activation", activation(own.activation).into()),
                ("use_bias", own.bias.into()),
                trainable,
            ]);
            self.push("Dense", name, settings, call, vec![("", arrays)], at.output)
        } else if let Some(own) = layer.get::<DropoutLayer>() {
            let settings = Settings::from([("rate", f64::from(own.p).into())]);
            self.push("Dropout", name, settings, call, Vec::new(), at.output)
        } else if let Some(own) = layer.get::<MaskingLayer>() {
            let settings = Settings::from([("mask_value", f64::from(own.value).into())]);
            self.push("Masking", name, settings, call, Vec::new(), at.output)
        } else if let Some(own) = layer.get::<PoolLayer>() {
            let class = match own.over {
                Pool::Max => "GlobalMaxPooling1D",
                Pool::Mean => "GlobalAveragePooling1D",
                Pool::Last => "ops.GetItem",
            };
            if own.over == Pool::Last && !self.holds_last(at) {
                return Err(refused(
                    layer,
                    name,
                    "the last step is one that is masked; let the recurrent layer before it return its last state",
                ));
            }
            if own.over == Pool::Max && self.is_masked() {
                return Err(refused(
                    layer,
                    name,
                    "its maximum is of all steps, masked or not; leave out what masks them",
                ));
            }
            let call = if own.over == Pool::Last { item(call, vec![all(), (-1).into()]) } else { call };
            self.push(class, name, Settings::default(), call, Vec::new(), at.output)
        } else if let Some(own) = layer.get::<SliceLayer>() {
            let end = own.start.saturating_add(own.features);
            let mut key =
                vec![all(); if matches!(at.inputs.first(), Some(Signal::Steps(_))) { 2 } else { 1 }];
            key.push(slice(own.start.into(), end.into()));
            let call = item(call, key);
            self.push("ops.GetItem", name, Settings::default(), call, Vec::new(), at.output)
        } else if layer.get::<ReverseLayer>().is_some() {
            if self.is_masked() {
                return Err(refused(
                    layer,
                    name,
                    "it turns masked steps round, too; leave out what masks them",
                ));
            }
            let settings = Settings::from([("axis", Value::Integer(1))]);
            self.push("ops.Flip", name, settings, call, Vec::new(), at.output)
        } else if let Some(own) = layer.get::<CombineLayer>() {
            let steps = at.inputs.iter().filter(|signal| matches!(signal, Signal::Steps(_))).count();
            if own.how == Combine::Concat && steps != 0 && steps != at.inputs.len() {
                return Err(refused(layer, name, "it has no row beside the features of all steps"));
            }
            let (class, settings) = match own.how {
                Combine::Add => ("Add", Settings::default()),
                Combine::Multiply => ("Multiply", Settings::default()),
                Combine::Concat => ("Concatenate", Settings::from([("axis", Value::Integer(-1))])),
            };
            self.push(class, name, settings, call, Vec::new(), at.output)
        } else if let Some(own) = layer.get::<ActivationLayer>() {
            let mut layers = functions(own.function);
            let Some((class, settings)) = layers.pop() else {
                return Err(refused(layer, name, format!("it has no layer for {:?}", own.function)));
            };
            let mut call = call;
            for (class, settings) in layers {
                let before = self.fresh(&format!("{name}_before"));
                call = Call::of([self.push(class, &before, settings, call, Vec::new(), at.output)]);
            }
            self.push(class, name, settings, call, Vec::new(), at.output)
        } else if layer.get::<SoftmaxLayer>().is_some() {
            let settings = Settings::from([("activation", "softmax".into())]);
            self.push("Activation", name, settings, call, Vec::new(), at.output)
        } else if let Some(own) = layer.get::<BatchNormLayer>() {
            let mut arrays = Vec::new();
            let mut add = |what, leaf| -> Result<()> {
                arrays.push((what, Tensor::f32(vec![features], self.values(name, leaf)?)?));
                Ok(())
            };
            if own.affine {
                add("gamma", "weight")?;
                add("beta", "bias")?;
            }
            add("moving_mean", "running_mean")?;
            add("moving_variance", "running_var")?;
            let settings = Settings::from([
                ("axis", Value::Integer(-1)),
                ("momentum", (1.0 - own.momentum).into()),
                ("epsilon", own.epsilon.into()),
                ("center", own.affine.into()),
                ("scale", own.affine.into()),
                trainable,
            ]);
            self.push("BatchNormalization", name, settings, call, vec![("", arrays)], at.output)
        } else if let Some(own) = layer.get::<LayerNormLayer>() {
            let mut arrays = Vec::new();
            for (has, what, leaf) in [(own.weight, "gamma", "weight"), (own.bias, "beta", "bias")] {
                if has {
                    arrays.push((what, Tensor::f32(vec![features], self.values(name, leaf)?)?));
                }
            }
            let settings = Settings::from([
                ("axis", Value::Integer(-1)),
                ("epsilon", own.epsilon.into()),
                ("center", own.bias.into()),
                ("scale", own.weight.into()),
                trainable,
            ]);
            self.push("LayerNormalization", name, settings, call, vec![("", arrays)], at.output)
        } else if let Some(own) = layer.get::<Conv1dLayer>() {
            self.convolution(layer, own, name, features, call)?
        } else if let Some(own) = layer.get::<UnflattenLayer>() {
            let shape: Vec<Value> = vec![own.steps.into(), (features / own.steps.max(1)).into()];
            self.push(
                "Reshape",
                name,
                Settings::from([("target_shape", shape.into())]),
                call,
                Vec::new(),
                at.output,
            )
        } else if let Some(elementwise) = layer.get::<ElementwiseLayer>() {
            let own = |function: &str| ("Activation", Settings::from([("activation", function.into())]));
            let mut call = call;
            let (class, settings) = match elementwise.function {
                Elementwise::Exp => own("exponential"),
                Elementwise::Gelu => own("gelu"),
                _ if self.is_masked() => {
                    return Err(refused(
                        layer,
                        name,
                        "what computes it there loses the mask; leave out what masks steps",
                    ));
                }
                Elementwise::GeluTanh => ("ops.Gelu", Settings::from([("approximate", true.into())])),
                Elementwise::Abs => ("ops.Absolute", Settings::default()),
                Elementwise::Sqrt => ("ops.Sqrt", Settings::default()),
                Elementwise::Square => ("ops.Square", Settings::default()),
                Elementwise::Log => ("ops.Log", Settings::default()),
                Elementwise::Erf => ("ops.Erf", Settings::default()),
                Elementwise::Power { exponent } => {
                    call = with_argument(call, exponent.into());
                    ("ops.Power", Settings::default())
                }
            };
            self.push(class, name, settings, call, Vec::new(), at.output)
        } else if let Some(own) = layer.get::<PadLayer>() {
            if own.mode != PadMode::Constant || own.value != 0.0 {
                return Err(refused(layer, name, "it pads with zeros alone"));
            }
            self.around(layer, name, "ZeroPadding1D", [own.before, own.after], call, at.output)?
        } else if let Some(own) = layer.get::<CropLayer>() {
            self.around(layer, name, "Cropping1D", [own.before, own.after], call, at.output)?
        } else if let (Some(own), Some(source)) = (layer.get::<AttentionLayer>(), sources.first()) {
            self.attention_over_time(layer, own, at, source.clone())?
        } else if let Some(own) = layer.get::<CrossAttentionLayer>() {
            self.attention(layer, own, at, sources)?
        } else {
            return Err(refused(layer, name, "it has no such layer"));
        };
        self.ends.insert(name.to_owned(), end);
        Ok(())
    }

    /// Steps put around every sequence, or left out there.
    fn around(
        &mut self,
        layer: &LayerConfig,
        name: &str,
        class: &str,
        around: [usize; 2],
        call: Call,
        output: Signal,
    ) -> Result<Source> {
        if self.is_masked() {
            return Err(refused(layer, name, "it is of all steps, masked or not; leave out what masks them"));
        }
        let key = if class == "ZeroPadding1D" { "padding" } else { "cropping" };
        let pair: Vec<Value> = around.map(Value::from).to_vec();
        Ok(self.push(class, name, Settings::from([(key, pair.into())]), call, Vec::new(), output))
    }

    fn convolution(
        &mut self,
        layer: &LayerConfig,
        own: &Conv1dLayer,
        name: &str,
        features: usize,
        call: Call,
    ) -> Result<Source> {
        if self.is_masked() {
            return Err(refused(
                layer,
                name,
                "it computes with all steps, masked or not; leave out what masks them",
            ));
        }
        let (units, inputs, kernel) = (own.units, features / own.groups.max(1), own.kernel);
        let values = self.values(name, "weight")?;
        let turned = turned(&values, [units, inputs, kernel]);
        let mut arrays = vec![("kernel", Tensor::f32(vec![kernel, inputs, units], turned)?)];
        if own.bias {
            arrays.push(("bias", Tensor::f32(vec![units], self.values(name, "bias")?)?));
        }
        let padding = match own.padding {
            Padding::Valid => "valid",
            Padding::Same => "same",
            Padding::Causal => "causal",
        };
        let settings = Settings::from([
            ("filters", units.into()),
            ("kernel_size", kernel.into()),
            ("strides", own.stride.into()),
            ("dilation_rate", own.dilation.into()),
            ("groups", own.groups.into()),
            ("padding", padding.into()),
            ("use_bias", own.bias.into()),
            ("trainable", layer.common().trainable.into()),
        ]);
        Ok(self.push("Conv1D", name, settings, call, vec![("", arrays)], Signal::Steps(units)))
    }
}

fn activation(own: Activation) -> &'static str {
    match own {
        Activation::Linear => "linear",
        Activation::Relu => "relu",
        Activation::Tanh => "tanh",
        Activation::Sigmoid => "sigmoid",
    }
}

/// The layers that are a function, one after the other; none where Keras has none.
fn functions(function: ActivationFunction) -> Vec<(&'static str, Settings)> {
    use ActivationFunction::*;
    let named = |name: &str| ("Activation", Settings::from([("activation", name.into())]));
    let constant = |class, name: &str, value: f64| (class, Settings::from([(name, value.into())]));
    let affine = |alpha: f64, beta: f64| {
        ("Rescaling", Settings::from([("scale", alpha.into()), ("offset", beta.into())]))
    };
    if let Some(name) = keras_name(function) {
        return vec![named(name)];
    }
    match function {
        LeakyRelu { alpha } => vec![constant("LeakyReLU", "negative_slope", alpha)],
        Elu { alpha } => vec![constant("ELU", "alpha", alpha)],
        ThresholdedRelu { alpha } if alpha >= 0.0 => vec![constant("ReLU", "threshold", alpha)],
        Affine { alpha, beta } => vec![affine(alpha, beta)],
        HardSigmoid { alpha, beta } => vec![affine(alpha, beta), constant("ReLU", "max_value", 1.0)],
        ScaledTanh { alpha, beta } => vec![affine(beta, 0.0), named("tanh"), affine(alpha, 0.0)],
        _ => Vec::new(),
    }
}
