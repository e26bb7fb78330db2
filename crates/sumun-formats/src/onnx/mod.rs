//! ONNX files: a graph of nodes and its constants, decoded from protocol buffers and encoded to them.
//!
//! The messages and their field numbers are those of `onnx.proto` of the ONNX project (Apache-2.0). What a node does is not
//! known here. Fields that a reader of models does not need (doc strings, quantisation notes) are passed over; constants in
//! other files, sparse constants and training graphs are errors.

mod decode;
mod encode;
mod wire;

pub use decode::{NODES, read};
pub use encode::write;

use crate::tensor::Tensor;

/// The format, as messages name it.
pub(crate) const FORMAT: &str = "ONNX file";

/// A model file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnnxModel {
    /// The version of the file format; 10 goes with opset 21.
    pub ir_version: i64,
    /// What wrote it: `pytorch`, `tf2onnx` …
    pub producer: String,
    /// The producer's version.
    pub producer_version: String,
    /// The version of each set of operators, by domain; the empty domain has ONNX' own.
    pub opsets: Vec<(String, i64)>,
    /// Texts by key.
    pub metadata: Vec<(String, String)>,
    /// What it computes.
    pub graph: OnnxGraph,
}

impl OnnxModel {
    /// The version of ONNX' own operators; 1 where the file names none.
    pub fn opset(&self) -> i64 {
        self.opsets
            .iter()
            .find(|(domain, _)| domain.is_empty() || domain == "ai.onnx")
            .map_or(1, |&(_, version)| version)
    }
}

/// Nodes, each after those that it reads.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnnxGraph {
    /// Its name.
    pub name: String,
    /// The nodes.
    pub nodes: Vec<OnnxNode>,
    /// The constants, by name.
    pub constants: Vec<(String, Tensor)>,
    /// What it reads; in old files the constants, too.
    pub inputs: Vec<OnnxValue>,
    /// What it returns.
    pub outputs: Vec<OnnxValue>,
    /// The types and shapes of values between, where they are stated.
    pub values: Vec<OnnxValue>,
}

/// An operator applied to values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnnxNode {
    /// Its name; may be empty.
    pub name: String,
    /// The operator: `LSTM`.
    pub operator: String,
    /// The set that the operator is of; empty for ONNX' own.
    pub domain: String,
    /// The names of what it reads; empty where an optional one is left out.
    pub inputs: Vec<String>,
    /// The names of what it returns; empty where nobody needs one.
    pub outputs: Vec<String>,
    /// Its settings, by name.
    pub attributes: Vec<(String, OnnxAttribute)>,
}

impl OnnxNode {
    /// A setting by its name.
    pub fn attribute(&self, name: &str) -> Option<&OnnxAttribute> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, attribute)| attribute)
    }
}

/// A setting of a node.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OnnxAttribute {
    /// A number.
    Float(f32),
    /// An integer.
    Int(i64),
    /// A text. Bytes that are no UTF-8 are refused.
    Text(String),
    /// An array.
    Tensor(Tensor),
    /// A graph: a branch or the body of a loop.
    Graph(Box<OnnxGraph>),
    /// Numbers.
    Floats(Vec<f32>),
    /// Integers.
    Ints(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
}

/// The type and shape of a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnnxValue {
    /// Its name.
    pub name: String,
    /// The code of its elements' type ([`element_code`]); 0 where none is stated.
    pub element: i64,
    /// Its axes; None where no shape is stated.
    pub shape: Option<Vec<OnnxAxis>>,
}

/// The length of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnnxAxis {
    /// A number.
    Length(usize),
    /// A name that stands for any length; may be empty.
    Any(String),
}

/// The code that ONNX has for a type of elements.
pub fn element_code(element: crate::ElementType) -> i64 {
    use crate::ElementType as Type;
    match element {
        Type::F32 => 1,
        Type::U8 => 2,
        Type::I8 => 3,
        Type::U16 => 4,
        Type::I16 => 5,
        Type::I32 => 6,
        Type::I64 => 7,
        Type::Bool => 9,
        Type::F16 => 10,
        Type::F64 => 11,
        Type::U32 => 12,
        Type::U64 => 13,
        Type::Bf16 => 16,
    }
}
