//! Operators on tensors as Keras 2 writes them, in layers of TensorFlow's: read as those that Keras 3 writes.

use sumun_formats::keras::{Call, Layer, Settings, Source, Value};

use super::names::refused;
use super::operators::PREFIX;
use crate::Result;

/// Whether a layer is an operator of TensorFlow's: `TFOpLambda` and `SlicingOpLambda` since Keras 2.4, `TensorFlowOpLayer` before.
pub(super) fn is_operator(class: &str) -> bool {
    matches!(class, "TFOpLambda" | "SlicingOpLambda" | "TensorFlowOpLayer")
}

/// The layer and its use as Keras 3 would have them. Error: a function that is none of those that are known here.
pub(super) fn operator(layer: &Layer, call: &Call) -> Result<(Layer, Call)> {
    let (class, settings, call) = match layer.class.as_str() {
        "TensorFlowOpLayer" => of_node(layer, call)?,
        _ => of_function(layer, call)?,
    };
    let layer = Layer {
        class: format!("{PREFIX}{class}"),
        name: layer.name.clone(),
        settings,
        calls: Vec::new(),
        model: None,
        shapes: Vec::new(),
    };
    Ok((layer, call))
}

/// A use with tensors and numbers in these places.
fn on(operands: impl IntoIterator<Item = Result<Vec<Source>, Value>>) -> Call {
    let mut call = Call::default();
    for (place, operand) in operands.into_iter().enumerate() {
        match operand {
            Ok(sources) => call.arguments.push(sources),
            Err(value) => {
                call.arguments.push(Vec::new());
                // Arrays stand bare in Keras 2.
                let value = match value {
                    Value::List(_) => Settings::from([
                        ("class_name", "__numpy__".into()),
                        ("config", Settings::from([("value", value)]).into()),
                    ])
                    .into(),
                    value => value,
                };
                call.settings.set(&place.to_string(), value);
            }
        }
    }
    call
}

/// The classes of Keras 3 for functions of one tensor without settings, and of two tensors.
fn plain(name: &str) -> Option<(&'static str, usize)> {
    Some(match name {
        "tanh" | "Tanh" => ("Tanh", 1),
        "sigmoid" | "Sigmoid" => ("Sigmoid", 1),
        "relu" | "Relu" => ("Relu", 1),
        "relu6" | "Relu6" => ("Relu6", 1),
        "elu" | "Elu" => ("Elu", 1),
        "selu" | "Selu" => ("Selu", 1),
        "softplus" | "Softplus" => ("Softplus", 1),
        "softsign" | "Softsign" => ("Softsign", 1),
        "silu" | "swish" => ("Silu", 1),
        "exp" | "Exp" => ("Exp", 1),
        "log" | "Log" => ("Log", 1),
        "sqrt" | "Sqrt" => ("Sqrt", 1),
        "rsqrt" | "Rsqrt" => ("Rsqrt", 1),
        "square" | "Square" => ("Square", 1),
        "abs" | "Abs" => ("Absolute", 1),
        "negative" | "Neg" => ("Negative", 1),
        "erf" | "Erf" => ("Erf", 1),
        "reciprocal" | "Reciprocal" => ("Reciprocal", 1),
        "identity" | "Identity" => ("Identity", 1),
        "stop_gradient" | "StopGradient" => ("StopGradient", 1),
        "add" | "AddV2" | "Add" => ("Add", 2),
        "subtract" | "Sub" => ("Subtract", 2),
        "multiply" | "Mul" => ("Multiply", 2),
        "truediv" | "divide" | "RealDiv" => ("TrueDivide", 2),
        "pow" | "Pow" => ("Power", 2),
        "maximum" | "Maximum" => ("Maximum", 2),
        "minimum" | "Minimum" => ("Minimum", 2),
        "matmul" | "BatchMatMulV2" | "BatchMatMul" | "MatMul" => ("Matmul", 2),
        _ => return None,
    })
}

/// Settings of a use, by the names that Keras 3 has for them, where they are given.
fn renamed(call: &Call, names: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (theirs, own) in names {
        if let Some(value) = call.settings.get(theirs) {
            settings.set(own, value.clone());
        }
    }
    settings
}

type Operator = (&'static str, Settings, Call);

fn of_function(layer: &Layer, call: &Call) -> Result<Operator> {
    let function = layer.settings.get("function").and_then(Value::as_text).unwrap_or_default();
    let first = || match call.settings.get("0") {
        Some(constant) => Err(constant.clone()),
        None => Ok(call.arguments.first().cloned().unwrap_or_default()),
    };
    let short = function.rsplit('.').next().unwrap_or_default();
    let unknown = |names: &[&str]| {
        let known = |name: &str| name == "name" || name == "0" || names.contains(&name);
        let mut given = call
            .settings
            .iter()
            .map(|(name, _)| name)
            .chain(call.named.iter().map(|(name, _)| name.as_str()));
        match given.find(|name| !known(name)) {
            Some(name) => Err(refused(layer, format!("its argument {name} is not known here"))),
            None => Ok(()),
        }
    };
    if let Some((class, count)) = plain(short) {
        let transposes: &[&str] = if class == "Matmul" { &["transpose_b"] } else { &[] };
        let second = if class == "Matmul" { "b" } else { "y" };
        unknown(&[&[second], transposes].concat())?;
        if count == 1 {
            return Ok((class, Settings::default(), on([first()])));
        }
        let tensors = call.named.iter().find(|(name, _)| name == second).map(|(_, sources)| sources.clone());
        let second = match (tensors, call.settings.get(second)) {
            (Some(sources), _) => Ok(sources),
            (None, Some(value)) => Err(value.clone()),
            (None, None) => return Err(refused(layer, format!("its argument {second} is missing"))),
        };
        return Ok((class, renamed(call, &[("transpose_b", "transpose_b")]), on([first(), second])));
    }
    let (class, names): (_, &[(&str, &str)]) = match short {
        "getitem" => {
            unknown(&["slice_spec"])?;
            let Some(parts) = call.settings.get("slice_spec") else {
                return Err(refused(layer, "it does not say what it takes"));
            };
            let parts = match parts {
                Value::List(parts) => parts.iter().map(part).collect(),
                one => vec![part(one)],
            };
            let mut call = on([first()]);
            call.arguments.push(Vec::new());
            call.settings.set("1", Value::List(parts));
            return Ok(("GetItem", Settings::default(), call));
        }
        "reduce_mean" => ("Mean", &[("axis", "axis"), ("keepdims", "keepdims")]),
        "reduce_sum" => ("Sum", &[("axis", "axis"), ("keepdims", "keepdims")]),
        "reduce_max" => ("Max", &[("axis", "axis"), ("keepdims", "keepdims")]),
        "softmax" => ("Softmax", &[("axis", "axis")]),
        "leaky_relu" => ("LeakyRelu", &[("alpha", "negative_slope")]),
        "gelu" => ("Gelu", &[("approximate", "approximate")]),
        "concat" => ("Concatenate", &[("axis", "axis")]),
        "stack" => ("Stack", &[("axis", "axis")]),
        "split" => ("Split", &[("num_or_size_splits", "indices_or_sections"), ("axis", "axis")]),
        "expand_dims" => ("ExpandDims", &[("axis", "axis")]),
        "squeeze" => ("Squeeze", &[("axis", "axis")]),
        "transpose" => ("Transpose", &[("perm", "axes")]),
        "reshape" => ("Reshape", &[("shape", "newshape")]),
        "reverse" => ("Flip", &[("axis", "axis")]),
        "clip_by_value" => ("Clip", &[("clip_value_min", "x_min"), ("clip_value_max", "x_max")]),
        "cast" => ("Cast", &[("dtype", "dtype")]),
        "cumsum" => ("Cumsum", &[("axis", "axis")]),
        "repeat" => ("Repeat", &[("repeats", "repeats"), ("axis", "axis")]),
        _ => {
            let why = format!("its function {} is none that is read here", crate::error::quoted(function));
            return Err(refused(layer, why));
        }
    };
    let theirs: Vec<&str> = names.iter().map(|(theirs, _)| *theirs).collect();
    unknown(&theirs)?;
    let mut settings = renamed(call, names);
    match class {
        // TensorFlow splits into parts of these sizes.
        "Split" if settings.get("indices_or_sections").and_then(Value::as_list).is_some() => {
            return Err(refused(layer, "it splits into parts of several sizes; equal ones are read"));
        }
        // Where nothing is said, TensorFlow's slope is another.
        "LeakyRelu" if settings.get("negative_slope").is_none() => settings.set("negative_slope", 0.2),
        "Gelu" if settings.get("approximate").is_none() => settings.set("approximate", false),
        "Cumsum" | "Stack" if settings.get("axis").is_none() => settings.set("axis", 0),
        _ => {}
    }
    Ok((class, settings, on([first()])))
}

/// A part of an axis as Keras 3 writes it.
fn part(value: &Value) -> Value {
    let is_slice = |object: &&Settings| object.get("class_name").is_none() && object.get("step").is_some();
    match value.as_object().filter(is_slice) {
        Some(slice) => {
            Settings::from([("class_name", "__slice__".into()), ("config", slice.clone().into())]).into()
        }
        None => value.clone(),
    }
}

/// A node of TensorFlow's graph: its tensors are the inputs in order, but for those that are constants.
fn of_node(layer: &Layer, call: &Call) -> Result<Operator> {
    let node = layer.settings.get("node_def").and_then(Value::as_object);
    let operator = node.and_then(|node| node.get("op")).and_then(Value::as_text).unwrap_or_default();
    let constants = layer.settings.get("constants").and_then(Value::as_object);
    let constant = |place: usize| constants.and_then(|constants| constants.get(&place.to_string())).cloned();
    let attribute = |name: &str| node?.get("attr")?.as_object()?.get(name)?.as_object().cloned();
    let is_set =
        |name: &str| attribute(name).is_some_and(|attribute| attribute.get("b") == Some(&Value::Flag(true)));
    let tensors: Vec<Source> = call.arguments.concat();
    let count = tensors.len() + constants.map_or(0, |constants| constants.iter().len());
    let mut rest = tensors.iter().cloned();
    let mut operands = Vec::with_capacity(count.min(tensors.len() + 8));
    for place in 0..count {
        match constant(place) {
            Some(value) => operands.push(Err(value)),
            None => match rest.next() {
                Some(source) => operands.push(Ok(vec![source])),
                None => return Err(refused(layer, format!("its input {place} is missing"))),
            },
        }
    }
    let expect = |wanted: usize| match count == wanted {
        true => Ok(()),
        false => Err(refused(layer, format!("it has {count} inputs; {wanted} are read"))),
    };
    if let Some((class, wanted)) = plain(operator) {
        expect(wanted)?;
        if ["adj_x", "transpose_a"].into_iter().any(is_set) {
            return Err(refused(layer, "it turns its first matrix, which is not read"));
        }
        let is_turned = ["adj_y", "transpose_b"].into_iter().any(is_set);
        let settings =
            if is_turned { Settings::from([("transpose_b", true.into())]) } else { Settings::default() };
        return Ok((class, settings, on(operands)));
    }
    let all = |class: &'static str, key: &str, place: usize| {
        let Some(value) = constant(place) else {
            return Err(refused(layer, format!("its input {place} is no constant")));
        };
        if constants.is_some_and(|constants| constants.iter().len() > 1) {
            return Err(refused(layer, "it reads constants beside its tensors"));
        }
        // One axis may stand in a list.
        let value = match value {
            Value::List(list) if key == "axis" && list.len() == 1 => list[0].clone(),
            value => value,
        };
        let mut settings = Settings::from([(key, value)]);
        if matches!(class, "Mean" | "Sum" | "Max") {
            settings.set("keepdims", is_set("keep_dims"));
        }
        Ok((class, settings, on([Ok(tensors.clone())])))
    };
    match operator {
        "Mean" => expect(2).and_then(|()| all("Mean", "axis", 1)),
        "Sum" => expect(2).and_then(|()| all("Sum", "axis", 1)),
        "Max" => expect(2).and_then(|()| all("Max", "axis", 1)),
        "ExpandDims" => expect(2).and_then(|()| all("ExpandDims", "axis", 1)),
        "Transpose" => expect(2).and_then(|()| all("Transpose", "axes", 1)),
        "Reshape" => expect(2).and_then(|()| all("Reshape", "newshape", 1)),
        "ReverseV2" => expect(2).and_then(|()| all("Flip", "axis", 1)),
        "ConcatV2" if count > 1 => all("Concatenate", "axis", count - 1),
        "Softmax" => expect(1).map(|()| ("Softmax", Settings::default(), on(operands))),
        other => {
            let why = format!("its operator {} is none that is read here", crate::error::quoted(other));
            Err(refused(layer, why))
        }
    }
}
