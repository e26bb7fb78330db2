//! Layers that lay numbers out in another way.

use sumun_formats::keras::{Call, Layer, Value};

use super::flow::{Flow, Shape};
use super::graph::Graph;
use super::names::refused;
use super::settings::Options;
use crate::Result;
use crate::nn::{CombineLayer, CropLayer, PadLayer, UnflattenLayer};

/// Reads `Flatten`, `Reshape`, `Permute` or `RepeatVector`.
pub(super) fn read(graph: &mut Graph, layer: &Layer, call: &Call, options: Options<'_>) -> Result<Flow> {
    let flow = graph.read_one(layer, call)?;
    graph.expect_whole_rows(layer, &flow)?;
    graph.cross(layer, &flow);
    let flow = match layer.class.as_str() {
        "Flatten" => flatten(graph, layer, flow, &options),
        "Reshape" => reshape(graph, layer, flow, &options),
        "RepeatVector" => repeat(graph, layer, flow, &options),
        _ => permute(layer, flow, &options),
    }?;
    graph.finish_options(options)?;
    Ok(flow)
}

/// Reads `ZeroPadding1D` or `Cropping1D`: steps put around every sequence, or left out there.
pub(super) fn around(graph: &mut Graph, layer: &Layer, call: &Call, options: Options<'_>) -> Result<Flow> {
    let flow = graph.read_one(layer, call)?;
    let Shape::Steps { time, features } = flow.shape else {
        return Err(refused(layer, "it reads no steps"));
    };
    graph.cross(layer, &flow);
    if !matches!(options.text("data_format")?, None | Some("channels_last")) {
        return Err(refused(layer, "only the data_format channels_last is read"));
    }
    let is_padding = layer.class == "ZeroPadding1D";
    let key = if is_padding { "padding" } else { "cropping" };
    let size = |value: &Value| match value {
        Value::Integer(count) => u32::try_from(*count).ok().map(|count| count as usize),
        _ => None,
    };
    let [before, after] = match options.value(key) {
        None => Some([1, 1]),
        Some(Value::List(pair)) => match pair.as_slice() {
            [before, after] => size(before).zip(size(after)).map(|(before, after)| [before, after]),
            _ => None,
        },
        Some(both) => size(both).map(|count| [count, count]),
    }
    .ok_or_else(|| refused(layer, format!("its {key} is not one or two numbers of steps")))?;
    let name = graph.own_name();
    let flow = match is_padding {
        true => {
            let shape = Shape::Steps { time: time.map(|time| time + before + after), features };
            graph.push(name, PadLayer::new(before, after), &[&flow.from], shape, None)
        }
        false => {
            let shape = Shape::Steps { time: time.map(|time| time.saturating_sub(before + after)), features };
            graph.push(name, CropLayer::new(before, after), &[&flow.from], shape, None)
        }
    };
    graph.finish_options(options)?;
    Ok(flow)
}

/// All steps in one row: they stay apart here, and the dense layer behind reads them through a window over all.
fn flatten(graph: &mut Graph, layer: &Layer, flow: Flow, options: &Options<'_>) -> Result<Flow> {
    if !matches!(options.text("data_format")?, None | Some("channels_last")) {
        return Err(refused(layer, "only the data_format channels_last is read"));
    }
    match flow.shape {
        Shape::Steps { time: Some(time), features } if time > 0 => {
            graph.note(format!(
                "{} reads sequences of {time} steps, as the model in Keras; others give no result, or a wrong one",
                layer.name
            ));
            Ok(Flow { shape: Shape::Flat { time, features }, mask: None, ..flow })
        }
        Shape::Steps { .. } => Err(refused(layer, "it reads sequences of no known number of steps")),
        _ => Ok(flow),
    }
}

fn reshape(graph: &mut Graph, layer: &Layer, flow: Flow, options: &Options<'_>) -> Result<Flow> {
    let wanted = options.value("target_shape").and_then(Value::as_list).unwrap_or_default();
    let axes: Option<Vec<i64>> = wanted
        .iter()
        .map(|axis| match axis {
            Value::Integer(axis) => Some(*axis),
            _ => None,
        })
        .collect();
    let axes = axes.unwrap_or_default();
    let fits = |axis: i64, size: usize| axis == -1 || usize::try_from(axis) == Ok(size);
    match (flow.shape, axes.as_slice()) {
        (Shape::Once { features }, &[axis]) if fits(axis, features) => Ok(flow),
        (Shape::Steps { time, features }, &[steps, axis])
            if fits(axis, features) && time.map_or(steps == -1, |time| fits(steps, time)) =>
        {
            Ok(flow)
        }
        (Shape::Once { features }, &[steps, axis]) => {
            let sizes = [steps, axis].map(|axis| usize::try_from(axis).ok().filter(|&axis| axis > 0));
            let steps = match sizes {
                [Some(steps), Some(axis)] if steps.checked_mul(axis) == Some(features) => Some(steps),
                [Some(steps), None] if features % steps == 0 => Some(steps),
                [None, Some(axis)] if features % axis == 0 => Some(features / axis),
                _ => None,
            };
            let Some(steps) = steps else {
                return Err(refused(
                    layer,
                    format!(
                        "{features} numbers do not fit {steps} steps of {axis}",
                        steps = steps_text(wanted),
                        axis = wanted[1]
                    ),
                ));
            };
            let name = graph.own_name();
            let shape = Shape::Steps { time: Some(steps), features: features / steps };
            Ok(graph.push(name, UnflattenLayer::new(steps), &[&flow.from], shape, None))
        }
        (shape, _) => Err(refused(
            layer,
            format!(
                "from {shape:?} to {}; here a row becomes steps, and nothing else another shape",
                Value::List(wanted.to_vec())
            ),
        )),
    }
}

fn steps_text(wanted: &[Value]) -> String {
    wanted.first().map_or("no".into(), ToString::to_string)
}

fn permute(layer: &Layer, flow: Flow, options: &Options<'_>) -> Result<Flow> {
    let axes = options.value("dims").and_then(Value::as_list).unwrap_or_default();
    let same = axes.iter().enumerate().all(|(k, axis)| axis.as_size() == Some(k + 1));
    match same && !axes.is_empty() {
        true => Ok(flow),
        false => Err(refused(layer, "it exchanges steps and features, which no layer here does")),
    }
}

/// One row at each of so many steps: that many rows beside each other, laid out in steps.
fn repeat(graph: &mut Graph, layer: &Layer, flow: Flow, options: &Options<'_>) -> Result<Flow> {
    let count = options.size("n")?;
    let name = graph.own_name();
    repeated(graph, layer, flow, count, &name)
}

/// As above, by a layer of this name, which nothing has.
pub(super) fn repeated(
    graph: &mut Graph,
    layer: &Layer,
    flow: Flow,
    count: usize,
    name: &str,
) -> Result<Flow> {
    /// A model names each of them.
    const MOST: usize = 4096;
    /// What a name takes up beside a number.
    const NAME: usize = 16;
    let Shape::Once { features } = flow.shape else {
        return Err(refused(layer, "it reads steps; it repeats one row a sequence"));
    };
    if count == 0 || count > MOST {
        return Err(refused(layer, format!("it repeats a row {count} times; 1 to {MOST} times are read")));
    }
    graph.make(layer, count.saturating_mul(NAME))?;
    let row = match count {
        1 => flow,
        _ => {
            let together = graph.fresh(&format!("{name}_row"));
            let from = vec![flow.from.as_str(); count];
            graph.push(
                together,
                CombineLayer::concat(),
                &from,
                Shape::Once { features: features.saturating_mul(count) },
                None,
            )
        }
    };
    let shape = Shape::Steps { time: Some(count), features };
    Ok(graph.push(name.to_owned(), UnflattenLayer::new(count), &[&row.from], shape, None))
}
