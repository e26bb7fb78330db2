//! From bytes to a graph.

use std::collections::HashSet;

use super::wire::{Fields, Value};
use super::{FORMAT, OnnxAttribute, OnnxAxis, OnnxGraph, OnnxModel, OnnxNode, OnnxValue};
use crate::error::{Error, Result, quoted};
use crate::tensor::{Data, ElementType, Tensor, elements};

/// The most nodes of a file, those of branches and loops counted.
pub const NODES: usize = 1 << 16;

/// How deep graphs may lie in each other.
const DEEPEST: usize = 8;

/// Reads a model. Errors: bytes that are no such model, and what no model here has: constants in other files, sparse
/// constants, functions of the model's own.
pub fn read(bytes: &[u8]) -> Result<OnnxModel> {
    let mut model = OnnxModel::default();
    let mut left = NODES;
    let mut has_graph = false;
    for field in Fields::of(bytes) {
        let (number, value) = field?;
        match number {
            1 => model.ir_version = value.int()?,
            2 => model.producer = value.text()?,
            3 => model.producer_version = value.text()?,
            7 if has_graph => return Err(Error::damaged(FORMAT, "two graphs")),
            7 => {
                model.graph = graph(value.bytes()?, &mut left, 0)?;
                has_graph = true;
            }
            8 => model.opsets.push(opset(value.bytes()?)?),
            14 => model.metadata.push(entry(value.bytes()?)?),
            20 => {
                return Err(Error::unsupported(
                    FORMAT,
                    "it has a graph for training; export the model for inference",
                ));
            }
            25 => {
                return Err(Error::unsupported(
                    FORMAT,
                    "it has functions of its own; export it with them inlined (onnx.inliner.inline_local_functions)",
                ));
            }
            _ => {}
        }
    }
    match has_graph {
        true => Ok(model),
        false => Err(Error::damaged(FORMAT, "no graph")),
    }
}

fn opset(message: &[u8]) -> Result<(String, i64)> {
    let mut opset = (String::new(), 0);
    for field in Fields::of(message) {
        match field? {
            (1, value) => opset.0 = value.text()?,
            (2, value) => opset.1 = value.int()?,
            _ => {}
        }
    }
    Ok(opset)
}

fn entry(message: &[u8]) -> Result<(String, String)> {
    let mut entry = (String::new(), String::new());
    for field in Fields::of(message) {
        match field? {
            (1, value) => entry.0 = value.text()?,
            (2, value) => entry.1 = value.text()?,
            _ => {}
        }
    }
    Ok(entry)
}

fn graph(message: &[u8], left: &mut usize, depth: usize) -> Result<OnnxGraph> {
    if depth == DEEPEST {
        return Err(Error::too_large(
            FORMAT,
            "the depth of graphs in graphs",
            depth as u128 + 1,
            DEEPEST as u128,
        ));
    }
    let mut graph = OnnxGraph::default();
    for field in Fields::of(message) {
        let (number, value) = field?;
        match number {
            1 => {
                *left = left.checked_sub(1).ok_or_else(|| {
                    Error::too_large(FORMAT, "the number of nodes", NODES as u128 + 1, NODES as u128)
                })?;
                graph.nodes.push(node(value.bytes()?, left, depth)?);
            }
            2 => graph.name = value.text()?,
            5 => graph.constants.push(tensor(value.bytes()?)?),
            11 => graph.inputs.push(value_info(value.bytes()?)?),
            12 => graph.outputs.push(value_info(value.bytes()?)?),
            13 => graph.values.push(value_info(value.bytes()?)?),
            15 => return Err(Error::unsupported(FORMAT, "it has sparse constants; export them dense")),
            _ => {}
        }
    }
    Ok(graph)
}

fn node(message: &[u8], left: &mut usize, depth: usize) -> Result<OnnxNode> {
    let mut node = OnnxNode::default();
    // Of a hostile node, attributes may be many.
    let mut names = HashSet::new();
    for field in Fields::of(message) {
        let (number, value) = field?;
        match number {
            1 => node.inputs.push(value.text()?),
            2 => node.outputs.push(value.text()?),
            3 => node.name = value.text()?,
            4 => node.operator = value.text()?,
            5 => {
                let (name, attribute) = attribute(value.bytes()?, left, depth)?;
                if !names.insert(name.clone()) {
                    return Err(Error::damaged(
                        FORMAT,
                        format!("a node has two attributes {}", quoted(&name)),
                    ));
                }
                node.attributes.push((name, attribute));
            }
            7 => node.domain = value.text()?,
            _ => {}
        }
    }
    Ok(node)
}

/// The kinds of attributes, by the field that holds their value.
mod field {
    pub(super) const FLOAT: u64 = 2;
    pub(super) const INT: u64 = 3;
    pub(super) const TEXT: u64 = 4;
    pub(super) const TENSOR: u64 = 5;
    pub(super) const GRAPH: u64 = 6;
    pub(super) const FLOATS: u64 = 7;
    pub(super) const INTS: u64 = 8;
    pub(super) const TEXTS: u64 = 9;
}

fn attribute(message: &[u8], left: &mut usize, depth: usize) -> Result<(String, OnnxAttribute)> {
    let (mut name, mut kind) = (String::new(), 0);
    let (mut one, mut floats, mut ints, mut texts) = (None, Vec::new(), Vec::new(), Vec::new());
    for field in Fields::of(message) {
        let (number, value) = field?;
        match number {
            1 => name = value.text()?,
            20 => kind = value.int()?,
            field::FLOAT => one = Some((1, OnnxAttribute::Float(value.float()?))),
            field::INT => one = Some((2, OnnxAttribute::Int(value.int()?))),
            field::TEXT => one = Some((3, OnnxAttribute::Text(value.text()?))),
            field::TENSOR => one = Some((4, OnnxAttribute::Tensor(tensor(value.bytes()?)?.1))),
            field::GRAPH => {
                let graph = graph(value.bytes()?, left, depth + 1)?;
                one = Some((5, OnnxAttribute::Graph(Box::new(graph))));
            }
            field::FLOATS => value.fixed(&mut floats, f32::from_le_bytes)?,
            field::INTS => value.ints(&mut ints)?,
            field::TEXTS => texts.push(value.text()?),
            10 | 11 | 22 | 23 => return Err(unsupported_attribute(&name)),
            21 => return Err(Error::damaged(FORMAT, "an attribute refers to that of a function")),
            _ => {}
        }
    }
    let several = [
        (6, !floats.is_empty(), OnnxAttribute::Floats(floats)),
        (7, !ints.is_empty(), OnnxAttribute::Ints(ints)),
        (8, !texts.is_empty(), OnnxAttribute::Texts(texts)),
    ];
    // Old files state no kind: the value that is there says it. A stated kind may have its value left out, 0 or empty.
    for (code, is_there, attribute) in several {
        if kind == code || (kind == 0 && is_there) {
            return Ok((name, attribute));
        }
    }
    match (kind, one) {
        (_, Some((code, attribute))) if kind == 0 || kind == code => Ok((name, attribute)),
        (1, None) => Ok((name, OnnxAttribute::Float(0.0))),
        (2, None) => Ok((name, OnnxAttribute::Int(0))),
        (3, None) => Ok((name, OnnxAttribute::Text(String::new()))),
        (9..=14, _) => Err(unsupported_attribute(&name)),
        _ => Err(Error::damaged(FORMAT, format!("the attribute {} has no value of its kind", quoted(&name)))),
    }
}

fn unsupported_attribute(name: &str) -> Error {
    Error::unsupported(FORMAT, format!("the attribute {} is a kind that no node here has", quoted(name)))
}

/// The type of a code; None of texts, complex numbers and types of 8 bits and less that no weights here have.
fn element(code: i64) -> Option<ElementType> {
    use ElementType as Type;
    let all = [
        Type::F32,
        Type::U8,
        Type::I8,
        Type::U16,
        Type::I16,
        Type::I32,
        Type::I64,
        Type::Bool,
        Type::F16,
        Type::F64,
        Type::U32,
        Type::U64,
        Type::Bf16,
    ];
    all.into_iter().find(|&element| super::element_code(element) == code)
}

fn tensor(message: &[u8]) -> Result<(String, Tensor)> {
    let (mut name, mut dims, mut code, mut raw) = (String::new(), Vec::new(), 0, None);
    let (mut floats, mut doubles, mut ints) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_elsewhere = false;
    for field in Fields::of(message) {
        let (number, value) = field?;
        match number {
            1 => value.ints(&mut dims)?,
            2 => code = value.int()?,
            3 => return Err(Error::unsupported(FORMAT, "a constant in segments")),
            4 => value.fixed(&mut floats, f32::from_le_bytes)?,
            5 | 7 | 11 => value.ints(&mut ints)?,
            6 => return Err(Error::unsupported(FORMAT, "a constant of texts")),
            8 => name = value.text()?,
            9 => raw = Some(value.bytes()?),
            10 => value.fixed(&mut doubles, f64::from_le_bytes)?,
            13 => is_elsewhere = true,
            14 => is_elsewhere |= value.int()? != 0,
            _ => {}
        }
    }
    let wrong = |what: String| Error::damaged(FORMAT, format!("the constant {}: {what}", quoted(&name)));
    if is_elsewhere {
        let what = format!(
            "the constant {} lies in another file; save the model with its data inside",
            quoted(&name)
        );
        return Err(Error::unsupported(FORMAT, what));
    }
    let Some(element) = element(code) else {
        let what = format!(
            "the constant {} has elements of type {code}; only numbers of 8 bits and more are read",
            quoted(&name)
        );
        return Err(Error::unsupported(FORMAT, what));
    };
    let shape: Vec<usize> = dims
        .iter()
        .map(|&dim| usize::try_from(dim).map_err(|_| wrong(format!("an axis of length {dim}"))))
        .collect::<Result<_>>()?;
    let count = elements(&shape, FORMAT)?;
    let data = match raw {
        Some(bytes) => Data::from_le_bytes(element, bytes, FORMAT)?,
        None => typed(element, floats, doubles, &ints).map_err(wrong)?,
    };
    if data.len() != count {
        return Err(wrong(format!("{} elements of shape {shape:?}", data.len())));
    }
    Ok((name, Tensor::new(element, shape, data, FORMAT)?))
}

/// The elements from the fields of their types, which the format has in place of raw bytes.
fn typed(element: ElementType, floats: Vec<f32>, doubles: Vec<f64>, ints: &[i64]) -> Result<Data, String> {
    fn each<T>(ints: &[i64], read: impl Fn(i64) -> Option<T>) -> Result<Vec<T>, String> {
        ints.iter()
            .map(|&value| read(value).ok_or_else(|| format!("{value} is no element of its type")))
            .collect()
    }
    // Numbers of 16 bits are the lower half of an integer.
    let bits = |value: i64| u16::try_from(value).ok();
    let le = |element| -> Result<Data, String> {
        let bytes: Vec<u8> = each(ints, bits)?.into_iter().flat_map(u16::to_le_bytes).collect();
        Data::from_le_bytes(element, &bytes, FORMAT).map_err(|error| error.to_string())
    };
    Ok(match element {
        ElementType::F32 => Data::F32(floats),
        ElementType::F64 => Data::F64(doubles),
        ElementType::F16 | ElementType::Bf16 => le(element)?,
        ElementType::I64 => Data::I64(ints.to_vec()),
        ElementType::U32 => Data::I64(each(ints, |value| u32::try_from(value).ok().map(i64::from))?),
        ElementType::U64 => Data::I64(each(ints, |value| Some(value).filter(|&value| value >= 0))?),
        ElementType::I32 => Data::I32(each(ints, |value| i32::try_from(value).ok())?),
        ElementType::I16 => Data::I32(each(ints, |value| i16::try_from(value).ok().map(i32::from))?),
        ElementType::U16 => Data::I32(each(ints, |value| u16::try_from(value).ok().map(i32::from))?),
        ElementType::I8 => Data::I8(each(ints, |value| i8::try_from(value).ok())?),
        ElementType::U8 => Data::U8(each(ints, |value| u8::try_from(value).ok())?),
        ElementType::Bool => {
            Data::Bool(each(ints, |value| [false, true].get(usize::try_from(value).ok()?).copied())?)
        }
    })
}

fn value_info(message: &[u8]) -> Result<OnnxValue> {
    let mut info = OnnxValue::default();
    for field in Fields::of(message) {
        match field? {
            (1, value) => info.name = value.text()?,
            (2, value) => (info.element, info.shape) = value_type(value.bytes()?)?,
            _ => {}
        }
    }
    Ok(info)
}

fn value_type(message: &[u8]) -> Result<(i64, Option<Vec<OnnxAxis>>)> {
    let (mut element, mut shape) = (0, None);
    for field in Fields::of(message) {
        // Sequences, maps and optional values have other fields; a node that reads one is refused where it is looked at.
        let (1, value) = field? else { continue };
        for field in Fields::of(value.bytes()?) {
            match field? {
                (1, value) => element = value.int()?,
                (2, value) => shape = Some(axes(value.bytes()?)?),
                _ => {}
            }
        }
    }
    Ok((element, shape))
}

fn axes(message: &[u8]) -> Result<Vec<OnnxAxis>> {
    let mut axes = Vec::new();
    for field in Fields::of(message) {
        let (1, value) = field? else { continue };
        axes.push(axis(value)?);
    }
    Ok(axes)
}

fn axis(value: Value<'_>) -> Result<OnnxAxis> {
    let mut axis = OnnxAxis::Any(String::new());
    for field in Fields::of(value.bytes()?) {
        match field? {
            (1, value) => {
                let length = value.int()?;
                // Some writers state an unknown length as -1.
                axis = usize::try_from(length).map_or(OnnxAxis::Any(String::new()), OnnxAxis::Length);
            }
            (2, value) => axis = OnnxAxis::Any(value.text()?),
            _ => {}
        }
    }
    Ok(axis)
}
