//! A model as one of Keras: a Functional model of the layers that Keras has.

use std::collections::{HashMap, HashSet};

use sumun_formats::Tensor;
use sumun_formats::keras::{Architecture, Call, Layer, LayerWeights, Part, Settings, Source, Value};

use super::super::layouts::{biases_out, kernel_out, transposed, turned};
use super::fresh;
use crate::error::quoted;
use crate::layer::Signal;
use crate::model::{Input, LayerConfig, Model, PlannedCall};
use crate::nn::{
    Activation, ActivationFunction, ActivationLayer, BatchNormLayer, Biases, CellKind, Combine, CombineLayer,
    Conv1dLayer, CropLayer, CrossAttentionLayer, DenseLayer, DropoutLayer, Elementwise, ElementwiseLayer,
    EmbeddingLayer, LayerNormLayer, MaskingLayer, Merge, PadLayer, PadMode, Padding, Peer, Pool, PoolLayer,
    RecurrentLayer, ReverseLayer, Score, SliceLayer, SoftmaxLayer, UnflattenLayer, keras_name,
};
use crate::{Error, Result};

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

/// The places of the layers in the order in which Keras has them once it has read the model, as in its `map_graph`: by the
/// longest way to an output, the longest first, and those of one length as a search from the outputs comes by them. Keras
/// reads weights in this order, whatever the order of the file.
fn order(layers: &[Layer], outputs: &[Source]) -> Vec<usize> {
    let places: HashMap<&str, usize> =
        layers.iter().enumerate().map(|(place, layer)| (layer.name.as_str(), place)).collect();
    let place_of = |source: &Source| places.get(source.layer.as_str()).copied();
    let reads = |layer: &Layer| -> Vec<usize> {
        let of_call = |call: &Call| {
            let named = call.named.iter().map(|(_, sources)| sources);
            call.arguments.iter().chain(named).flatten().filter_map(place_of).collect::<Vec<_>>()
        };
        layer.calls.iter().flat_map(of_call).collect()
    };
    let reads: Vec<Vec<usize>> = layers.iter().map(reads).collect();
    // When the search comes by each layer, and the layers behind all that they read.
    let (mut found, mut finished) = (HashMap::new(), Vec::with_capacity(layers.len()));
    for output in outputs.iter().filter_map(place_of) {
        if found.contains_key(&output) {
            continue;
        }
        found.insert(output, found.len());
        let mut stack = vec![(output, 0)];
        while let Some((place, next)) = stack.last_mut() {
            match reads[*place].get(*next) {
                Some(&read) => {
                    *next += 1;
                    if !found.contains_key(&read) {
                        found.insert(read, found.len());
                        stack.push((read, 0));
                    }
                }
                None => {
                    finished.push(*place);
                    stack.pop();
                }
            }
        }
    }
    let mut depths = vec![0_usize; layers.len()];
    for &place in finished.iter().rev() {
        for &read in &reads[place] {
            depths[read] = depths[read].max(depths[place] + 1);
        }
    }
    finished.sort_by_key(|place| (std::cmp::Reverse(depths[*place]), found[place]));
    finished
}

struct Writer<'a> {
    model: &'a Model,
    layers: Vec<Layer>,
    weights: Vec<LayerWeights>,
    taken: HashSet<String>,
    /// For each input and layer here, the layer there that returns the same.
    ends: HashMap<String, Source>,
}

/// A use of an operator with an argument that is no tensor behind what it reads.
fn with_argument(call: Call, argument: Value) -> Call {
    let mut call = call;
    call.settings.set(&call.arguments.len().to_string(), argument);
    call.arguments.push(Vec::new());
    call
}

/// `x[…]`.
fn item(call: Call, key: Vec<Value>) -> Call {
    with_argument(call, key.into())
}

/// `start:stop`.
fn slice(start: Value, stop: Value) -> Value {
    let config = Settings::from([("start", start), ("stop", stop), ("step", Value::Null)]);
    Settings::from([("class_name", "__slice__".into()), ("config", config.into())]).into()
}

/// `:`.
fn all() -> Value {
    slice(Value::Null, Value::Null)
}

/// Why a layer cannot be written.
fn refused(layer: &LayerConfig, name: &str, why: impl std::fmt::Display) -> Error {
    Error::Model(format!("the layer {} ({}) as one of Keras: {why}", quoted(name), layer.kind()))
}

impl Writer<'_> {
    fn input(&mut self, name: &str, input: Input) {
        let (shape, dtype): (Vec<Value>, _) = match input {
            Input::Ids { .. } => (vec![Value::Null, Value::Null], "int32"),
            Input::Numbers { features } => (vec![Value::Null, Value::Null, features.into()], "float32"),
            Input::Row { features } => (vec![Value::Null, features.into()], "float32"),
        };
        let settings = Settings::from([("batch_shape", shape.into()), ("dtype", dtype.into())]);
        self.layers.push(Layer {
            class: "InputLayer".into(),
            name: name.into(),
            settings,
            calls: vec![Call::default()],
            model: None,
            shapes: vec![shape_of(match input {
                Input::Ids { vocabulary } => Signal::Ids(vocabulary),
                Input::Numbers { features } => Signal::Steps(features),
                Input::Row { features } => Signal::Once(features),
            })],
        });
        self.weights.push(LayerWeights::default());
        self.taken.insert(name.into());
        self.ends.insert(name.into(), Source::of(name));
    }

    /// The layer there that returns what a layer here does.
    fn end(&self, name: &str) -> Source {
        self.ends.get(name).cloned().unwrap_or_else(|| Source::of(name))
    }

    fn fresh(&mut self, stem: &str) -> String {
        fresh(&mut self.taken, stem)
    }

    /// Appends a layer, and returns its output.
    fn push(
        &mut self,
        class: &str,
        name: &str,
        settings: Settings,
        call: Call,
        parts: Vec<(&str, Vec<(&str, Tensor)>)>,
        output: Signal,
    ) -> Source {
        let parts = parts.into_iter().map(|(path, arrays)| Part {
            path: path.into(),
            arrays: arrays.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect(),
        });
        self.weights.push(LayerWeights { parts: parts.collect() });
        self.layers.push(Layer {
            class: class.into(),
            name: name.into(),
            settings,
            calls: vec![call],
            model: None,
            shapes: vec![shape_of(output)],
        });
        Source::of(name)
    }

    /// A weight of a layer here.
    fn values(&self, layer: &str, leaf: &str) -> Result<Vec<f32>> {
        let name = format!("{layer}.{leaf}");
        let parameters = self.model.parameters();
        match parameters.entries().iter().find(|entry| entry.name == name) {
            Some(entry) => Ok(parameters.values()[entry.range.clone()].to_vec()),
            None => Err(Error::Model(format!("there is no weight {}", quoted(&name)))),
        }
    }

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
        } else if let Some(own) = layer.get::<CrossAttentionLayer>() {
            self.attention(layer, own, at, sources)?
        } else {
            return Err(refused(layer, name, "it has no such layer"));
        };
        self.ends.insert(name.to_owned(), end);
        Ok(())
    }

    /// Attention whose queries and keys are dense layers of what it reads, where it has weights for them.
    fn attention(
        &mut self,
        layer: &LayerConfig,
        own: &CrossAttentionLayer,
        at: &PlannedCall,
        sources: Vec<Source>,
    ) -> Result<Source> {
        let name = at.name.as_str();
        let ([query, memory], &[Signal::Steps(width), Signal::Steps(features)]) =
            (sources.as_slice(), at.inputs.as_slice())
        else {
            return Err(refused(layer, name, "its queries are steps, not one row a sequence"));
        };
        let trainable = own.common.trainable;
        let mut map =
            |of: &Source, inputs: usize, weight: &str, shift: Option<&str>, part: &str| -> Result<Source> {
                let values = self.values(name, weight)?;
                let units = values.len() / inputs.max(1);
                let mut arrays =
                    vec![("kernel", Tensor::f32(vec![inputs, units], transposed(&values, units, inputs))?)];
                if let Some(shift) = shift {
                    arrays.push(("bias", Tensor::f32(vec![units], self.values(name, shift)?)?));
                }
                let settings = Settings::from([
                    ("units", units.into()),
                    ("use_bias", shift.is_some().into()),
                    ("trainable", trainable.into()),
                ]);
                let own = self.fresh(&format!("{name}_{part}"));
                let output = Signal::Steps(units);
                Ok(self.push("Dense", &own, settings, Call::of([of.clone()]), vec![("", arrays)], output))
            };
        let (mut query, mut key) = (query.clone(), memory.clone());
        let shift = (own.score == Score::Additive).then_some("bias");
        if own.score == Score::Additive || own.units.is_some() {
            query = map(&query, width, "weight_query", shift, "query")?;
        }
        if own.score != Score::Dot || own.units.is_some() {
            key = map(&key, features, "weight_memory", None, "key")?;
        }
        let mut read = vec![query, memory.clone()];
        if key != *memory {
            read.push(key);
        }
        let scale = match own.score {
            Score::Additive => {
                let context = self.values(name, "context")?;
                Some(Tensor::f32(vec![context.len()], context)?)
            }
            _ if own.scaled => {
                let width = own.units.unwrap_or(width) as f64;
                Some(Tensor::f32(Vec::new(), vec![(1.0 / width.sqrt()) as f32])?)
            }
            _ => None,
        };
        let class = if own.score == Score::Additive { "AdditiveAttention" } else { "Attention" };
        let settings =
            Settings::from([("use_scale", scale.is_some().into()), ("trainable", trainable.into())]);
        let parts = scale.map(|scale| ("", vec![("scale", scale)])).into_iter().collect();
        Ok(self.push(class, name, settings, Call::of(read), parts, at.output))
    }

    /// Whether the last of all steps has the row of the last one that is there: where nothing masks steps, and where one direction of
    /// a recurrent layer alone gives them.
    fn holds_last(&self, at: &PlannedCall) -> bool {
        let mut layers = self.model.config().layers.iter().zip(self.model.layer_names());
        let read = layers.find(|(_, name)| at.reads.first().is_some_and(|read| read == name));
        let own = read.and_then(|(layer, _)| layer.get::<RecurrentLayer>());
        !self.is_masked() || own.is_some_and(|own| !own.bidirectional && !own.go_backwards)
    }

    /// Whether a layer says that some ids, or some numbers, are no steps.
    fn is_masked(&self) -> bool {
        let masks = |layer: &LayerConfig| {
            layer.get::<MaskingLayer>().is_some()
                || layer.get::<EmbeddingLayer>().is_some_and(|layer| layer.mask_zero)
        };
        self.model.config().layers.iter().any(masks)
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

    /// The layers of a stack, one on top of the other.
    fn recurrent(
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
    fn cell_arrays(
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

/// The axes of what flows.
fn shape_of(signal: Signal) -> Vec<Option<usize>> {
    match signal {
        Signal::Ids(_) => vec![None, None],
        Signal::Steps(features) => vec![None, None, Some(features)],
        Signal::Once(features) => vec![None, Some(features)],
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

#[cfg(test)]
mod tests {
    use sumun_formats::keras;

    use super::order;

    /// Files of Keras have their layers in its own order, so it is found again whatever order they are in.
    #[test]
    fn layers_are_in_the_order_of_keras() {
        let mut graphs = 0;
        for path in sumun_testing::golden_files_of("keras_kinds", "keras") {
            let file = keras::read(&std::fs::read(&path).unwrap()).unwrap();
            let mut architecture = file.architecture.unwrap();
            // A layer that is used again is as deep as the deepest of its uses; here each use is a layer.
            if architecture.layers.iter().any(|layer| layer.calls.len() > 1) {
                continue;
            }
            let names = |layers: &[keras::Layer], order: Vec<usize>| -> Vec<String> {
                order.into_iter().map(|place| layers[place].name.clone()).collect()
            };
            let own = names(&architecture.layers, (0..architecture.layers.len()).collect());
            for turn in 0..3 {
                let middle = architecture.layers.len() / 2;
                if turn % 2 == 0 {
                    architecture.layers.reverse()
                } else {
                    architecture.layers.rotate_left(middle)
                }
                let found = names(&architecture.layers, order(&architecture.layers, &architecture.outputs));
                assert_eq!(found, own, "{}", path.display());
            }
            graphs += usize::from(architecture.outputs.len() > 1 || architecture.inputs.len() > 1);
        }
        assert!(graphs >= 4, "{graphs} graphs");
    }
}
