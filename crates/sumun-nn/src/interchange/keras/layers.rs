//! Every layer of Keras that is read, but the recurrent ones and attention.

use sumun_formats::keras::{Call, Layer, Settings, Taken, Value};

use super::super::layouts::{expect, transposed, turned};
use super::activations::{Meaning, constants, meaning};
use super::flow::{Flow, Shape};
use super::graph::Graph;
use super::names::refused;
use super::output::Masked;
use super::settings::Options;
use super::{attention, dot, recurrent, rows, shares};
use crate::Result;
use crate::nn::{
    BatchNormLayer, CombineLayer, Conv1dConfig, Conv1dLayer, DenseLayer, DropoutLayer, EmbeddingLayer,
    LayerNormLayer, MaskingLayer, Padding, Pool, PoolLayer,
};

/// Layers that do nothing when a model is used.
const OF_TRAINING: [&str; 6] = [
    "SpatialDropout1D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
    "ActivityRegularization",
    "Identity",
];

/// Reads a layer with its weights.
pub(super) fn read(graph: &mut Graph, layer: &Layer, call: &Call, weights: &mut Taken<'_>) -> Result<()> {
    if shares::read(graph, layer, call, &layer.class)? {
        return Ok(());
    }
    let options = Options::new(layer);
    let flow = match layer.class.as_str() {
        "SimpleRNN" | "LSTM" | "GRU" | "CuDNNLSTM" | "CuDNNGRU" | "Bidirectional" | "RNN" => {
            return recurrent::read(graph, layer, call, weights);
        }
        "Attention" | "AdditiveAttention" => attention::read(graph, layer, call, weights, options)?,
        "Embedding" => embedding(graph, layer, call, weights, options)?,
        "Dense" => {
            let flow = graph.read_one(layer, call)?;
            dense(graph, layer, flow, weights, "", options)?
        }
        "TimeDistributed" => time_distributed(graph, layer, call, weights, options)?,
        "Conv1D" => convolution(graph, layer, call, weights, options)?,
        "BatchNormalization" => batch_norm(graph, layer, call, weights, options)?,
        "LayerNormalization" => layer_norm(graph, layer, call, weights, options)?,
        "GlobalAveragePooling1D" | "GlobalMaxPooling1D" => pool(graph, layer, call, options)?,
        "Concatenate" | "Add" | "Multiply" | "Average" | "Subtract" => combine(graph, layer, call, options)?,
        "Flatten" | "Reshape" | "Permute" | "RepeatVector" => rows::read(graph, layer, call, options)?,
        "Masking" => masking(graph, layer, call, options)?,
        "ZeroPadding1D" | "Cropping1D" => rows::around(graph, layer, call, options)?,
        "Dot" => return dot::read(graph, layer, call, options),
        "Activation" | "Softmax" if dot::softmax(graph, layer, call)? => return Ok(()),
        class => {
            let flow = graph.read_one(layer, call)?;
            each_row(graph, layer, class, &layer.settings, flow, options)?
        }
    };
    graph.put(0, flow);
    Ok(())
}

/// A layer without weights that computes each row by itself: of this class and these settings, its own or of what is within it.
fn each_row(
    graph: &mut Graph,
    layer: &Layer,
    class: &str,
    settings: &Settings,
    flow: Flow,
    options: Options<'_>,
) -> Result<Flow> {
    let name = graph.own_name();
    if let Some(meaning) = constants(layer, class, settings)? {
        return named(graph, layer, meaning, flow);
    }
    match class {
        "Activation" => {
            let Some(value) = options.value("activation") else {
                return Err(refused(layer, "it has no activation"));
            };
            let meaning = meaning(layer, value, graph.version)?;
            graph.finish_options(options)?;
            named(graph, layer, meaning, flow)
        }
        "Dropout" => {
            let rate = options.number("rate")?.or(options.number("p")?).unwrap_or(0.0);
            graph.finish_options(options)?;
            let (from, shape, mask) = (flow.from, flow.shape, flow.mask);
            Ok(graph.push(name, DropoutLayer::new(rate as f32), &[&from], shape, mask))
        }
        class if OF_TRAINING.contains(&class) => {
            graph.note(format!("left out, as it does nothing outside training: {} ({class})", layer.name));
            Ok(flow)
        }
        _ => Err(refused(layer, "a model here has no layer of this class")),
    }
}

/// The functions of a layer that is nothing else, under its own name.
fn named(graph: &mut Graph, layer: &Layer, meaning: Meaning, flow: Flow) -> Result<Flow> {
    let name = graph.own_name();
    graph.release(&name);
    graph.push_named(layer, &name, meaning, flow)
}

fn embedding(
    graph: &mut Graph,
    layer: &Layer,
    call: &Call,
    weights: &mut Taken<'_>,
    options: Options<'_>,
) -> Result<Flow> {
    let (vocabulary, features) = (options.size("input_dim")?, options.size("output_dim")?);
    let masks = options.flag("mask_zero", false)?;
    let (input, time) = graph.ids(layer, call, vocabulary)?;
    let name = graph.own_name();
    let tensors = weights.next("", 1)?;
    graph.count(&tensors);
    let values = expect(&name, "embeddings", tensors[0], &[vocabulary, features])?;
    graph.weight(&name, "weight", &[vocabulary, features], values);
    let flow =
        graph.push(name, EmbeddingLayer::new(features), &[&input], Shape::Steps { time, features }, None);
    graph.set_trainable(&options)?;
    graph.finish_options(options)?;
    match masks {
        true => Ok(Flow { mask: Some(graph.begin_mask(Masked::Ids(input))), ..flow }),
        false => {
            graph.unmasked(&input);
            Ok(flow)
        }
    }
}

/// Steps whose features all are one number, which are none where a layer heeds it.
fn masking(graph: &mut Graph, layer: &Layer, call: &Call, options: Options<'_>) -> Result<Flow> {
    let flow = graph.read_one(layer, call)?;
    let Shape::Steps { .. } = flow.shape else { return Err(refused(layer, "it reads no steps")) };
    let value = options.number("mask_value")?.unwrap_or(0.0) as f32;
    graph.finish_options(options)?;
    if flow.mask.is_some() {
        return Err(refused(
            layer,
            "what it reads has a mask already; a second one takes its place in Keras",
        ));
    }
    let masked = Masked::Rows(flow.from.clone(), value);
    let flow = graph.push(graph.own_name(), MaskingLayer::new(value), &[&flow.from], flow.shape, None);
    Ok(Flow { mask: Some(graph.begin_mask(masked)), ..flow })
}

/// A dense layer of every row, with its activation. `part` is where its weights are in the layer.
fn dense(
    graph: &mut Graph,
    layer: &Layer,
    flow: Flow,
    weights: &mut Taken<'_>,
    part: &str,
    options: Options<'_>,
) -> Result<Flow> {
    let (units, bias) = (options.size("units")?, options.flag("use_bias", true)?);
    let meaning = match options.value("activation") {
        Some(value) => meaning(layer, value, graph.version)?,
        None => Meaning::Functions(Vec::new()),
    };
    let (own, rest) = Graph::dense_activation(meaning);
    let name = graph.own_name();
    let (time, features) = match flow.shape {
        Shape::Flat { time, features } => (time, features),
        Shape::Steps { features, .. } | Shape::Once { features } => (1, features),
        Shape::Open(_) => return Err(refused(layer, "it reads ids")),
    };
    let Some(inputs) = time.checked_mul(features) else {
        return Err(refused(layer, "it reads too wide a row"));
    };
    let tensors = weights.next(part, 1 + usize::from(bias))?;
    graph.count(&tensors);
    let kernel = expect(&name, "kernel", tensors[0], &[inputs, units])?;
    let shape = match flow.shape {
        Shape::Steps { time, .. } => Shape::Steps { time, features: units },
        _ => Shape::Once { features: units },
    };
    let flow = if let Shape::Flat { .. } = flow.shape {
        // A window over all steps: the kernel [T·F, O] is [O, F, T].
        let mut values = Vec::with_capacity(kernel.len());
        for unit in 0..units {
            for feature in 0..features {
                values.extend((0..time).map(|step| kernel[(step * features + feature) * units + unit]));
            }
        }
        graph.weight(&name, "weight", &[units, features, time], values);
        let window = Conv1dLayer::new(units, time).bias(bias);
        let one = Shape::Steps { time: Some(1), features: units };
        let flow = graph.push(name.clone(), window, &[&flow.from], one, None);
        graph.set_trainable(&options)?;
        let row = graph.fresh(&format!("{name}_row"));
        let flow = graph.push(row, PoolLayer::new(Pool::Last), &[&flow.from], shape, None);
        let own = super::activations::of_own(own);
        graph.push_meaning(layer, Meaning::Functions(own), flow)?
    } else {
        graph.weight(&name, "weight", &[units, inputs], transposed(&kernel, inputs, units));
        let own = DenseLayer::new(units).bias(bias).activation(own);
        let flow = graph.push(name.clone(), own, &[&flow.from], shape, flow.mask);
        graph.set_trainable(&options)?;
        flow
    };
    if let Some(tensor) = tensors.get(1) {
        let values = expect(&name, "bias", tensor, &[units])?;
        graph.weight(&name, "bias", &[units], values);
    }
    graph.finish_options(options)?;
    graph.push_meaning(layer, rest, flow)
}

/// A layer at every step, as layers here are anyway.
fn time_distributed(
    graph: &mut Graph,
    layer: &Layer,
    call: &Call,
    weights: &mut Taken<'_>,
    options: Options<'_>,
) -> Result<Flow> {
    let flow = graph.read_one(layer, call)?;
    let Some(inner) = options.value("layer").and_then(Value::as_object) else {
        return Err(refused(layer, "it has no layer"));
    };
    let class = inner.get("class_name").and_then(Value::as_text).unwrap_or_default();
    let none = Settings::default();
    let settings = inner.get("config").and_then(Value::as_object).unwrap_or(&none);
    graph.finish_options(options)?;
    let Shape::Steps { .. } = flow.shape else { return Err(refused(layer, "it reads no steps")) };
    match class {
        "Dense" => dense(graph, layer, flow, weights, "layer", Options::within(layer, settings)),
        _ => each_row(graph, layer, class, settings, flow, Options::within(layer, settings)),
    }
}

fn convolution(
    graph: &mut Graph,
    layer: &Layer,
    call: &Call,
    weights: &mut Taken<'_>,
    options: Options<'_>,
) -> Result<Flow> {
    let flow = graph.read_one(layer, call)?;
    let Shape::Steps { time, features } = flow.shape else { return Err(refused(layer, "it reads no steps")) };
    expect_channels_last(layer, &options)?;
    let padding = match options.text("padding")?.unwrap_or("valid") {
        "valid" => Padding::Valid,
        "same" => Padding::Same,
        "causal" => Padding::Causal,
        other => {
            return Err(refused(layer, format!("its padding is {other}; valid, same and causal are read")));
        }
    };
    let config = Conv1dConfig {
        input: features,
        output: options.size("filters")?,
        kernel: options.length("kernel_size", 0)?,
        stride: options.length("strides", 1)?,
        dilation: options.length("dilation_rate", 1)?,
        groups: options.length("groups", 1)?,
        padding,
        bias: options.flag("use_bias", true)?,
    };
    config.check().map_err(|error| refused(layer, error))?;
    let meaning = match options.value("activation") {
        Some(value) => meaning(layer, value, graph.version)?,
        None => Meaning::Functions(Vec::new()),
    };
    let name = graph.own_name();
    let [units, inputs, kernel] = config.weight_shape();
    let tensors = weights.next("", 1 + usize::from(config.bias))?;
    graph.count(&tensors);
    let values = expect(&name, "kernel", tensors[0], &[kernel, inputs, units])?;
    graph.weight(&name, "weight", &[units, inputs, kernel], turned(&values, [kernel, inputs, units]));
    if let Some(tensor) = tensors.get(1) {
        let values = expect(&name, "bias", tensor, &[units])?;
        graph.weight(&name, "bias", &[units], values);
    }
    graph.cross(layer, &flow);
    let convolution = Conv1dLayer::new(units, kernel)
        .stride(config.stride)
        .dilation(config.dilation)
        .groups(config.groups)
        .padding(padding)
        .bias(config.bias);
    let shape = Shape::Steps { time: time.map(|time| config.output_length(time)), features: units };
    let flow = graph.push(name, convolution, &[&flow.from], shape, None);
    graph.set_trainable(&options)?;
    graph.finish_options(options)?;
    graph.push_meaning(layer, meaning, flow)
}

fn expect_channels_last(layer: &Layer, options: &Options<'_>) -> Result<()> {
    match options.text("data_format")? {
        None | Some("channels_last") => Ok(()),
        Some(other) => Err(refused(layer, format!("its data_format is {other}; channels_last is read"))),
    }
}

/// Features and axes of what a normalisation reads.
fn row(graph: &mut Graph, layer: &Layer, call: &Call) -> Result<(Flow, usize, usize)> {
    let flow = graph.read_one(layer, call)?;
    graph.expect_whole_rows(layer, &flow)?;
    match flow.shape {
        Shape::Steps { features, .. } => Ok((flow, features, 3)),
        Shape::Once { features } => Ok((flow, features, 2)),
        _ => Err(refused(layer, "it reads no rows")),
    }
}

/// The gain and the shift of a normalisation, where it has them.
fn affine<'a>(
    name: &str,
    features: usize,
    tensors: &mut impl Iterator<Item = &'a sumun_formats::Tensor>,
    has: [bool; 2],
) -> Result<[Option<Vec<f32>>; 2]> {
    let mut of = |what: &str, has: bool| match has.then(|| tensors.next()).flatten() {
        Some(tensor) => expect(name, what, tensor, &[features]).map(Some),
        None => Ok(None),
    };
    Ok([of("gamma", has[0])?, of("beta", has[1])?])
}

fn batch_norm(
    graph: &mut Graph,
    layer: &Layer,
    call: &Call,
    weights: &mut Taken<'_>,
    options: Options<'_>,
) -> Result<Flow> {
    let (flow, features, rank) = row(graph, layer, call)?;
    options.expect_last_axis("axis", rank)?;
    let has = [options.flag("scale", true)?, options.flag("center", true)?];
    let epsilon = options.number("epsilon")?.unwrap_or(1e-3);
    let momentum = options.number("momentum")?.unwrap_or(0.99);
    if options.flag("renorm", false)? {
        return Err(refused(layer, "it is renormalised (renorm)"));
    }
    // Of renormalisation, which it has not.
    let _ = ["renorm_momentum", "renorm_clipping"].map(|name| options.value(name));
    let name = graph.own_name();
    let affines = usize::from(has[0]) + usize::from(has[1]);
    let tensors = weights.next("", 2 + affines)?;
    graph.count(&tensors);
    let mut tensors = tensors.into_iter();
    let [gain, shift] = affine(&name, features, &mut tensors, has)?;
    let is_affine = affines > 0;
    if is_affine {
        // One of them bears out how many features there are.
        graph.weight(&name, "weight", &[features], gain.unwrap_or_else(|| vec![1.0; features]));
        graph.weight(&name, "bias", &[features], shift.unwrap_or_else(|| vec![0.0; features]));
    }
    for (leaf, what) in [("running_mean", "moving_mean"), ("running_var", "moving_variance")] {
        if let Some(tensor) = tensors.next() {
            let values = expect(&name, what, tensor, &[features])?;
            graph.weight(&name, leaf, &[features], values);
        }
    }
    let norm = BatchNormLayer::new().epsilon(epsilon).momentum(1.0 - momentum).affine(is_affine);
    let flow = graph.push(name, norm, &[&flow.from], flow.shape, flow.mask);
    graph.set_trainable(&options)?;
    graph.finish_options(options)?;
    Ok(flow)
}

fn layer_norm(
    graph: &mut Graph,
    layer: &Layer,
    call: &Call,
    weights: &mut Taken<'_>,
    options: Options<'_>,
) -> Result<Flow> {
    let (flow, features, rank) = row(graph, layer, call)?;
    options.expect_last_axis("axis", rank)?;
    let has = [options.flag("scale", true)?, options.flag("center", true)?];
    let epsilon = options.number("epsilon")?.unwrap_or(1e-3);
    let name = graph.own_name();
    let tensors = weights.next("", usize::from(has[0]) + usize::from(has[1]))?;
    graph.count(&tensors);
    let [gain, shift] = affine(&name, features, &mut tensors.into_iter(), has)?;
    for (leaf, values) in [("weight", gain), ("bias", shift)] {
        if let Some(values) = values {
            graph.weight(&name, leaf, &[features], values);
        }
    }
    let norm = LayerNormLayer::new().epsilon(epsilon).weight(has[0]).bias(has[1]);
    let flow = graph.push(name, norm, &[&flow.from], flow.shape, flow.mask);
    if has != [false, false] {
        graph.set_trainable(&options)?;
    }
    graph.finish_options(options)?;
    Ok(flow)
}

fn pool(graph: &mut Graph, layer: &Layer, call: &Call, options: Options<'_>) -> Result<Flow> {
    let flow = graph.read_one(layer, call)?;
    let Shape::Steps { features, .. } = flow.shape else { return Err(refused(layer, "it reads no steps")) };
    expect_channels_last(layer, &options)?;
    if options.flag("keepdims", false)? {
        return Err(refused(layer, "it keeps an axis of one step (keepdims); here it returns a row"));
    }
    graph.finish_options(options)?;
    // The mean is of the steps that are there, the maximum of all.
    let over = match layer.class.as_str() {
        "GlobalMaxPooling1D" => {
            graph.cross(layer, &flow);
            Pool::Max
        }
        _ => {
            graph.heed(layer, &flow);
            Pool::Mean
        }
    };
    let name = graph.own_name();
    Ok(graph.push(name, PoolLayer::new(over), &[&flow.from], Shape::Once { features }, None))
}

fn combine(graph: &mut Graph, layer: &Layer, call: &Call, options: Options<'_>) -> Result<Flow> {
    use crate::nn::ActivationFunction::Affine;
    let flows = graph.reads(layer, call)?;
    if flows.len() < 2 {
        return Err(refused(layer, format!("it reads {} tensors; combined are at least two", flows.len())));
    }
    // A row beside steps is at each of them, but where features are put beside each other.
    let is_steps = |flow: &&Flow| matches!(flow.shape, Shape::Steps { .. });
    let Some(first) = flows.iter().find(is_steps).or(flows.first()).cloned() else {
        return Err(refused(layer, "it reads nothing"));
    };
    let is_concat = layer.class == "Concatenate";
    let mut sum = 0_usize;
    for flow in &flows {
        let features = match (flow.shape, first.shape) {
            (Shape::Steps { features, .. }, Shape::Steps { .. }) => features,
            (Shape::Once { features }, Shape::Once { .. }) => features,
            (Shape::Once { features }, Shape::Steps { .. }) if !is_concat => features,
            _ => {
                return Err(refused(
                    layer,
                    "it combines steps with rows that are none, or all steps in one row",
                ));
            }
        };
        sum = sum.saturating_add(features);
        if is_steps(&flow) && flow.mask != first.mask {
            flows.iter().for_each(|flow| graph.cross(layer, flow));
        }
    }
    let (combine, features) = match (layer.class.as_str(), first.shape) {
        ("Concatenate", shape) => {
            options.expect_last_axis("axis", if matches!(shape, Shape::Once { .. }) { 2 } else { 3 })?;
            (CombineLayer::concat(), sum)
        }
        ("Multiply", Shape::Steps { features, .. } | Shape::Once { features }) => {
            (CombineLayer::multiply(), features)
        }
        (_, Shape::Steps { features, .. } | Shape::Once { features }) => (CombineLayer::add(), features),
        _ => return Err(refused(layer, "it reads ids")),
    };
    graph.finish_options(options)?;
    let shape = match first.shape {
        Shape::Steps { time, .. } => Shape::Steps { time, features },
        _ => Shape::Once { features },
    };
    let second = flows[1].clone();
    let mut from: Vec<String> = flows.into_iter().map(|flow| flow.from).collect();
    let name = graph.own_name();
    if layer.class == "Subtract" {
        let negative = graph.fresh(&format!("{name}_negative"));
        let of = Flow { from: from[1].clone(), ..second };
        let meaning = Meaning::Functions(vec![Affine { alpha: -1.0, beta: 0.0 }]);
        graph.release(&negative);
        from[1] = graph.push_named(layer, &negative, meaning, of)?.from;
    }
    let count = from.len();
    let from: Vec<&str> = from.iter().map(String::as_str).collect();
    let flow = graph.push(name, combine, &from, shape, first.mask);
    match layer.class.as_str() {
        "Average" => {
            let mean = Meaning::Functions(vec![Affine { alpha: 1.0 / count as f64, beta: 0.0 }]);
            graph.push_named(layer, &format!("{}_mean", graph.own_name()), mean, flow)
        }
        _ => Ok(flow),
    }
}
