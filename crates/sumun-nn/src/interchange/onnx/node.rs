//! A node with its settings, and errors that name it.

use sumun_formats::Tensor;
use sumun_formats::onnx::{OnnxAttribute, OnnxNode};

use crate::error::quoted;
use crate::{Error, Result};

/// A node that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a>(pub(super) &'a OnnxNode);

impl<'a> At<'a> {
    /// The node as messages name it.
    pub(super) fn described(self) -> String {
        let node = self.0;
        let name = if node.name.is_empty() { node.outputs.first() } else { Some(&node.name) };
        format!("the node {} ({})", quoted(name.map_or("", String::as_str)), self.operator())
    }

    fn operator(self) -> String {
        let OnnxNode { operator, domain, .. } = self.0;
        let name = if domain.is_empty() { operator.clone() } else { format!("{domain}.{operator}") };
        quoted(&name).trim_matches('\'').to_owned()
    }

    pub(super) fn error(self, what: impl std::fmt::Display) -> Error {
        Error::Model(format!("{}: {what}", self.described()))
    }

    /// A result with the node's name in its error.
    pub(super) fn named<T, E: std::fmt::Display>(self, result: Result<T, E>) -> Result<T> {
        result.map_err(|error| self.error(error))
    }

    fn wrong(self, name: &str, wanted: &str) -> Error {
        self.error(format!("its setting {name} is not {wanted}"))
    }

    pub(super) fn int(self, name: &str) -> Result<Option<i64>> {
        match self.0.attribute(name) {
            None => Ok(None),
            Some(OnnxAttribute::Int(value)) => Ok(Some(*value)),
            Some(_) => Err(self.wrong(name, "a whole number")),
        }
    }

    pub(super) fn int_or(self, name: &str, default: i64) -> Result<i64> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    pub(super) fn float(self, name: &str) -> Result<Option<f32>> {
        match self.0.attribute(name) {
            None => Ok(None),
            Some(OnnxAttribute::Float(value)) => Ok(Some(*value)),
            Some(_) => Err(self.wrong(name, "a number")),
        }
    }

    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>> {
        match self.0.attribute(name) {
            None => Ok(None),
            Some(OnnxAttribute::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "a text")),
        }
    }

    pub(super) fn ints(self, name: &str) -> Result<Option<&'a [i64]>> {
        match self.0.attribute(name) {
            None => Ok(None),
            Some(OnnxAttribute::Ints(values)) => Ok(Some(values)),
            Some(_) => Err(self.wrong(name, "a list of whole numbers")),
        }
    }

    pub(super) fn floats(self, name: &str) -> Result<&'a [f32]> {
        match self.0.attribute(name) {
            None => Ok(&[]),
            Some(OnnxAttribute::Floats(values)) => Ok(values),
            Some(OnnxAttribute::Ints(values)) if values.is_empty() => Ok(&[]),
            Some(_) => Err(self.wrong(name, "a list of numbers")),
        }
    }

    pub(super) fn texts(self, name: &str) -> Result<&'a [String]> {
        match self.0.attribute(name) {
            None => Ok(&[]),
            Some(OnnxAttribute::Texts(values)) => Ok(values),
            Some(_) => Err(self.wrong(name, "a list of texts")),
        }
    }

    pub(super) fn tensor(self, name: &str) -> Result<Option<&'a Tensor>> {
        match self.0.attribute(name) {
            None => Ok(None),
            Some(OnnxAttribute::Tensor(tensor)) => Ok(Some(tensor)),
            Some(_) => Err(self.wrong(name, "an array")),
        }
    }

    /// An axis counted from the front; negative ones are counted from the end.
    pub(super) fn axis(self, axis: i64, rank: usize) -> Result<usize> {
        let rank_here = rank as i64;
        let counted = if axis < 0 { axis + rank_here } else { axis };
        match usize::try_from(counted) {
            Ok(place) if counted < rank_here => Ok(place),
            _ => Err(self.error(format!("there is no axis {axis} of an array of {rank} axes"))),
        }
    }

    /// A whole number as a length.
    pub(super) fn length(self, name: &str, value: i64) -> Result<usize> {
        usize::try_from(value).map_err(|_| self.error(format!("{name} is {value}; it is at least 0")))
    }

    /// Whether it has an input at that place.
    pub(super) fn has(self, input: usize) -> bool {
        self.0.inputs.get(input).is_some_and(|name| !name.is_empty())
    }
}
