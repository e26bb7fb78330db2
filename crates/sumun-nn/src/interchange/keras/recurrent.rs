//! Recurrent layers: SimpleRNN, LSTM, GRU and CuDNN's, alone, in two directions, and RNN of one cell or several.

use sumun_formats::Tensor;
use sumun_formats::keras::{Call, Layer, Settings, Source, Taken, Value, places};

use super::super::layouts::{bias, cudnn_kernel, expect, kernel_in};
use super::activations::{Meaning, Version, meaning};
use super::flow::{Flow, Shape};
use super::graph::Graph;
use super::names::refused;
use super::output::{Hidden, State};
use super::settings::Options;
use crate::Result;
use crate::error::quoted;
use crate::nn::{ActivationFunction, Biases, CellKind, Merge, RecurrentLayer, SliceLayer};

/// A cell, and where its weights are.
#[derive(Debug, Clone, PartialEq)]
struct Cell {
    layer: RecurrentLayer,
    path: String,
    is_cudnn: bool,
}

/// One direction: a cell, or several on top of each other.
#[derive(Debug, Clone, PartialEq)]
struct Direction {
    cells: Vec<Cell>,
    return_sequences: bool,
    return_state: bool,
    go_backwards: bool,
    is_stateful: bool,
    is_time_major: bool,
}

/// Reads a recurrent layer with its weights.
pub(super) fn read(graph: &mut Graph, layer: &Layer, call: &Call, weights: &mut Taken<'_>) -> Result<()> {
    let options = Options::new(layer);
    let (direction, merge) = match layer.class.as_str() {
        "Bidirectional" => {
            let (direction, merge) = both(graph, layer, &options)?;
            (direction, Some(merge))
        }
        class => (one(graph, layer, class, &options)?, None),
    };
    // None of Bidirectional: both outputs, one beside the other here, and apart again.
    let is_apart = merge == Some(None);
    let merge = merge.map(|merge| merge.unwrap_or(Merge::Concat));
    let (flow, initial) = reads(graph, layer, call)?;
    let Shape::Steps { time, features } = flow.shape else { return Err(refused(layer, "it reads no steps")) };
    if direction.is_stateful {
        graph.note(format!(
            "{} keeps its state from batch to batch in Keras (stateful); here states are given and returned",
            layer.name
        ));
    }
    graph.time_major(layer, direction.is_time_major)?;
    graph.heed(layer, &flow);
    if direction.go_backwards && direction.return_sequences {
        // Its steps are in another order than those of the mask.
        graph.cross(layer, &flow);
    }
    if initial.is_some() && direction.cells.len() > 1 {
        return Err(refused(layer, "several cells of one RNN with first states of another layer"));
    }
    let name = graph.own_name();
    let last = direction.cells.len() - 1;
    let paths = match merge {
        Some(_) => ["forward_layer/", "backward_layer/"].as_slice(),
        None => &[""],
    };
    let trainable = options.flag("trainable", true)?;
    let mut flow = flow;
    let mut inputs = features;
    // Files by order have all weights of the first direction first.
    let mut tensors = Vec::new();
    for path in paths {
        for cell in &direction.cells {
            tensors.push(weights.next(&format!("{path}{}", cell.path), count(cell))?);
        }
    }
    for (k, cell) in direction.cells.iter().enumerate() {
        let own = if k == last { name.clone() } else { graph.fresh(&format!("{name}_cell_{k}")) };
        for (side, suffix) in ["", "_reverse"].into_iter().take(paths.len()).enumerate() {
            let tensors = &tensors[side * direction.cells.len() + k];
            graph.count(tensors);
            put_weights(graph, &own, cell, tensors, inputs, suffix)?;
        }
        let sequences = direction.return_sequences || k < last;
        let mut built =
            cell.layer.clone().return_sequences(sequences).go_backwards(direction.go_backwards && k == 0);
        built.common.trainable = trainable;
        if let Some(merge) = merge {
            built = built.bidirectional(true).merge(merge);
        }
        built.initial.clone_from(&initial);
        let width = built.stack(inputs).output_features();
        let (shape, mask) = match sequences {
            true => (Shape::Steps { time, features: width }, flow.mask),
            false => (Shape::Once { features: width }, None),
        };
        flow = graph.push(own, built, &[&flow.from], shape, mask);
        inputs = width;
    }
    graph.finish_options(options)?;
    let mut outputs = 1;
    if is_apart {
        outputs = paths.len();
        let units = direction.cells[last].layer.units;
        for (side, suffix) in ["forward", "backward"].into_iter().enumerate() {
            let own = graph.fresh(&format!("{name}_{suffix}"));
            let shape = match flow.shape {
                Shape::Steps { time, .. } => Shape::Steps { time, features: units },
                _ => Shape::Once { features: units },
            };
            let slice = SliceLayer::new(side * units, units);
            let one = graph.push(own, slice, &[&flow.from], shape, flow.mask);
            graph.put(side, one);
        }
    } else {
        graph.put(0, flow.clone());
    }
    if direction.return_state && last == 0 {
        let parts = if direction.cells[0].layer.cell == CellKind::Lstm { 2 } else { 1 };
        let of = parts * paths.len();
        for part in 0..of {
            let hidden = match (part, paths.len(), direction.return_sequences) {
                (0, 1, false) => Some(Hidden::Output(flow.clone())),
                (0, 1, true) => Some(Hidden::LastStep(flow.clone())),
                _ => None,
            };
            graph.put_state(part + outputs, State { layer: flow.from.clone(), part, of, hidden });
        }
    }
    Ok(())
}

/// What a layer reads, and the layer here whose last states are its first.
fn reads(graph: &mut Graph, layer: &Layer, call: &Call) -> Result<(Flow, Option<String>)> {
    let mut initial: Vec<Source> = Vec::new();
    for (name, sources) in &call.named {
        match name.as_str() {
            "initial_state" => initial.extend(sources.iter().cloned()),
            _ => return Err(refused(layer, format!("its argument {name} is not known here"))),
        }
    }
    let all: Vec<Source> = call.arguments.concat();
    let Some((first, more)) = all.split_first() else { return Err(refused(layer, "it reads nothing")) };
    initial.extend(more.iter().cloned());
    let flow = graph.flow(layer, first)?;
    let initial = if initial.is_empty() { None } else { Some(graph.states_of(layer, &initial)?) };
    Ok((flow, initial))
}

fn inner<'a>(layer: &Layer, options: &Options<'a>, name: &str) -> Result<Option<(&'a str, &'a Settings)>> {
    let Some(value) = options.value(name) else { return Ok(None) };
    let object = value.as_object();
    let class = object.and_then(|object| object.get("class_name")).and_then(Value::as_text);
    let config = object.and_then(|object| object.get("config")).and_then(Value::as_object);
    match (class, config) {
        (Some(class), Some(config)) => Ok(Some((class, config))),
        _ => Err(refused(layer, format!("{name} is {value}, not a layer or cell"))),
    }
}

/// Both directions of a Bidirectional, which must be alike, and how they are merged; None of two outputs.
fn both(graph: &mut Graph, layer: &Layer, options: &Options<'_>) -> Result<(Direction, Option<Merge>)> {
    let merge = match options.text("merge_mode")? {
        Some("concat") => Some(Merge::Concat),
        Some("sum") => Some(Merge::Sum),
        Some("mul") => Some(Merge::Mul),
        Some("ave") => Some(Merge::Average),
        Some(other) => return Err(refused(layer, format!("its merge_mode is {}", quoted(other)))),
        // Where it is not said at all it is Keras' default.
        None if layer.settings.get("merge_mode").is_none() => Some(Merge::Concat),
        None => None,
    };
    let mut direction = |name: &str| -> Result<Option<Direction>> {
        let Some((class, settings)) = inner(layer, options, name)? else { return Ok(None) };
        let options = Options::within(layer, settings);
        let direction = one(graph, layer, class, &options)?;
        graph.finish_options(options)?;
        Ok(Some(direction))
    };
    let Some(forward) = direction("layer")? else { return Err(refused(layer, "it has no layer")) };
    if forward.go_backwards {
        return Err(refused(layer, "its layer goes backwards; the other direction should"));
    }
    if let Some(backward) = direction("backward_layer")?
        && (!backward.go_backwards || Direction { go_backwards: false, ..backward } != forward)
    {
        return Err(refused(layer, "its two directions differ in more than their direction"));
    }
    if forward.cells.len() > 1 {
        return Err(refused(layer, "several cells of one RNN in two directions"));
    }
    Ok((forward, merge))
}

/// One direction, of a class that is a recurrent layer.
fn one(graph: &mut Graph, layer: &Layer, class: &str, options: &Options<'_>) -> Result<Direction> {
    let cells = match class {
        "RNN" => {
            let Some((class, settings)) = inner(layer, options, "cell")? else {
                return Err(refused(layer, "it has no cell"));
            };
            match class {
                "StackedRNNCells" => stacked(graph, layer, settings)?,
                _ => {
                    let options = Options::within(layer, settings);
                    let found = cell(graph.version, layer, class, &options, "cell".into())?;
                    graph.finish_options(options)?;
                    vec![found]
                }
            }
        }
        _ => vec![cell(graph.version, layer, class, options, "cell".into())?],
    };
    Ok(Direction {
        cells,
        return_sequences: options.flag("return_sequences", false)?,
        return_state: options.flag("return_state", false)?,
        go_backwards: options.flag("go_backwards", false)?,
        is_stateful: options.flag("stateful", false)?,
        is_time_major: options.flag("time_major", false)?,
    })
}

fn stacked(graph: &mut Graph, layer: &Layer, settings: &Settings) -> Result<Vec<Cell>> {
    let options = Options::within(layer, settings);
    let list = options.value("cells").and_then(Value::as_list).unwrap_or_default();
    let mut described = Vec::with_capacity(list.len());
    for value in list {
        let object = value.as_object();
        let class = object.and_then(|object| object.get("class_name")).and_then(Value::as_text);
        let config = object.and_then(|object| object.get("config")).and_then(Value::as_object);
        match (class, config) {
            (Some(class), Some(config)) => described.push((class, config)),
            _ => return Err(refused(layer, "one of its cells is none")),
        }
    }
    if described.is_empty() {
        return Err(refused(layer, "it has no cells"));
    }
    let places = places(described.iter().map(|(class, _)| *class));
    let mut cells = Vec::with_capacity(described.len());
    for ((class, settings), place) in described.into_iter().zip(places) {
        let options = Options::within(layer, settings);
        cells.push(cell(graph.version, layer, class, &options, format!("cell/cells/{place}"))?);
        graph.finish_options(options)?;
    }
    graph.finish_options(options)?;
    Ok(cells)
}

/// A cell of a class, that of a layer or its own, with its settings.
fn cell(version: Version, layer: &Layer, class: &str, options: &Options<'_>, path: String) -> Result<Cell> {
    let units = options.size("units")?;
    let is_cudnn = class.starts_with("CuDNN");
    let bias = options.flag("use_bias", true)?;
    let function =
        |name: &str, default: &str, own: ActivationFunction| -> Result<Option<ActivationFunction>> {
            let default = Value::from(default);
            let value = options.value(name).unwrap_or(&default);
            let found = match meaning(layer, value, version)? {
                Meaning::Functions(functions) => match functions.as_slice() {
                    [] => ActivationFunction::Linear,
                    [function] => *function,
                    _ => return Err(refused(layer, format!("{name} is {value}, which no cell here has"))),
                },
                _ => return Err(refused(layer, format!("{name} is {value}, which no cell here has"))),
            };
            Ok(Some(found).filter(|function| *function != own))
        };
    let gate = match version {
        Version::Two => "hard_sigmoid",
        Version::Three => "sigmoid",
    };
    let (tanh, sigmoid) = (ActivationFunction::Tanh, ActivationFunction::Sigmoid);
    let mut built = match class.trim_end_matches("Cell") {
        "SimpleRNN" => {
            let candidate = function("activation", "tanh", tanh)?;
            let cell = if candidate == Some(ActivationFunction::Relu) {
                CellKind::RnnRelu
            } else {
                CellKind::RnnTanh
            };
            let mut built = RecurrentLayer::new(cell, units);
            built.options.candidate_activation = candidate.filter(|_| cell == CellKind::RnnTanh);
            built
        }
        "LSTM" => {
            let mut built = RecurrentLayer::lstm(units);
            built.options.candidate_activation = function("activation", "tanh", tanh)?;
            built.options.output_activation = built.options.candidate_activation;
            built.options.gate_activation = function("recurrent_activation", gate, sigmoid)?;
            built
        }
        "GRU" => {
            let after = options.flag("reset_after", version == Version::Three)?;
            let cell = if after { CellKind::Gru } else { CellKind::GruResetBefore };
            let mut built = RecurrentLayer::new(cell, units);
            built.options.candidate_activation = function("activation", "tanh", tanh)?;
            built.options.gate_activation = function("recurrent_activation", gate, sigmoid)?;
            built
        }
        "CuDNNLSTM" => RecurrentLayer::lstm(units),
        "CuDNNGRU" => RecurrentLayer::gru(units),
        _ => {
            return Err(refused(
                layer,
                format!("{} is no recurrent layer or cell that is read", quoted(class)),
            ));
        }
    };
    built.biases = match (bias, built.cell.spec().biases_differ()) {
        (false, _) => Biases::None,
        (true, true) => Biases::Two,
        (true, false) => Biases::One,
    };
    built.input_dropout = options.number("dropout")?.unwrap_or(0.0) as f32;
    built.recurrent_dropout = options.number("recurrent_dropout")?.unwrap_or(0.0) as f32;
    Ok(Cell { layer: built, path, is_cudnn })
}

/// How many weights a cell has in a file.
fn count(cell: &Cell) -> usize {
    if cell.layer.biases == Biases::None { 2 } else { 3 }
}

/// Adds the weights of one direction of a cell.
fn put_weights(
    graph: &mut Graph,
    name: &str,
    cell: &Cell,
    tensors: &[&Tensor],
    inputs: usize,
    suffix: &str,
) -> Result<()> {
    let leaf = |part: &str| format!("{part}_l0{suffix}");
    for (part, shape, values) in weights(name, &cell.layer, cell.is_cudnn, tensors, inputs)? {
        graph.weight(name, &leaf(part), &shape, values);
    }
    Ok(())
}

/// A weight here: its name without layer and direction, its shape and its values.
pub(super) type Weight = (&'static str, Vec<usize>, Vec<f32>);

/// The weights of a cell as they are here, from kernel, recurrent kernel and bias.
pub(super) fn weights(
    name: &str,
    layer: &RecurrentLayer,
    is_cudnn: bool,
    tensors: &[&Tensor],
    inputs: usize,
) -> Result<Vec<Weight>> {
    let (kind, units) = (layer.cell, layer.units);
    let rows = units.saturating_mul(kind.gates());
    let kernel = expect(name, "kernel", tensors[0], &[inputs, rows])?;
    let recurrent = expect(name, "recurrent_kernel", tensors[1], &[units, rows])?;
    let (input, hidden) = match is_cudnn {
        true => (cudnn_kernel(kind, &kernel, inputs, units), cudnn_kernel(kind, &recurrent, units, units)),
        false => (kernel_in(kind, &kernel, inputs), kernel_in(kind, &recurrent, units)),
    };
    let mut found = vec![("weight_ih", vec![rows, inputs], input), ("weight_hh", vec![rows, units], hidden)];
    let Some(tensor) = tensors.get(2) else { return Ok(found) };
    let two = |values: &[f32]| (bias(kind, &values[..rows]), bias(kind, &values[rows..]));
    match (kind.spec().biases_differ(), is_cudnn) {
        (true, _) => {
            let shape: &[usize] = if is_cudnn { &[2 * rows] } else { &[2, rows] };
            let (input, hidden) = two(&expect(name, "bias", tensor, shape)?);
            found.push(("bias_ih", vec![rows], input));
            found.push(("bias_hh", vec![rows], hidden));
        }
        (_, true) => {
            let (input, hidden) = two(&expect(name, "bias", tensor, &[2 * rows])?);
            let sum = input.iter().zip(&hidden).map(|(a, b)| a + b).collect();
            found.push(("bias_ih", vec![rows], sum));
        }
        _ => found.push(("bias_ih", vec![rows], bias(kind, &expect(name, "bias", tensor, &[rows])?))),
    }
    Ok(found)
}
