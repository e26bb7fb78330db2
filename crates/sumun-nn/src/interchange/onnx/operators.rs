//! Which operator is read how.

use std::rc::Rc;

use sumun_formats::{Data, ElementType, Tensor};

use super::axes::Size;
use super::graph::{InputKind, Reader};
use super::node::At;
use super::value::{Content, Value};
use crate::nn::Pool;
use crate::{Error, Result};

/// The set of operators that ONNX Runtime adds.
const MICROSOFT: &str = "com.microsoft";

impl<'a> Reader<'a> {
    /// What a node gives.
    pub(super) fn operator(&mut self, at: At<'a>) -> Result<Vec<Value>> {
        let value = match (at.0.domain.as_str(), at.0.operator.as_str()) {
            ("" | "ai.onnx", "RNN" | "LSTM" | "GRU") | (MICROSOFT, "DynamicQuantizeLSTM") => {
                return self.recurrent(at);
            }
            ("" | "ai.onnx", "If") => return self.branch(at),
            ("" | "ai.onnx", "Scan") => return self.scan(at),
            ("" | "ai.onnx", "Loop") => return self.counted(at),
            ("" | "ai.onnx", "Split") => return self.split(at),
            ("" | "ai.onnx", "SplitToSequence" | "SequenceConstruct") => {
                self.sequence(at)?;
                return Ok(Vec::new());
            }
            ("" | "ai.onnx", operator) => self.one(at, operator)?,
            (MICROSOFT, "QuantizeLinear" | "DequantizeLinear") => self.one(at, &at.0.operator)?,
            _ => return Err(unknown(at)),
        };
        Ok(vec![value])
    }

    fn one(&mut self, at: At<'a>, operator: &str) -> Result<Value> {
        match operator {
            "Constant" => constant(at),
            "ConstantOfShape" => self.constant_of_shape(at),
            "Shape" => self.shape(at),
            "Size" => self.size(at),
            "Pad" => self.pad(at),
            "Identity" | "Dropout" | "Cast" => self.same(at),
            "QuantizeLinear" | "DequantizeLinear" => self.dequantize(at),
            "Transpose" => self.transpose(at),
            "Squeeze" => self.squeeze(at),
            "Unsqueeze" => self.unsqueeze(at),
            "Reshape" => self.reshape(at),
            "Flatten" => self.flatten(at),
            "Gather" => self.gather(at),
            "Slice" => self.slice(at),
            "SequenceAt" => self.of_sequence(at),
            "ConcatFromSequence" => self.joined_sequence(at),
            "Concat" => self.concat(at),
            "Expand" => self.expand(at),
            "Equal" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" | "And" | "Or" | "Not"
            | "Range" => match self.of_lengths(at, operator)? {
                Some(value) => Ok(value),
                None => self.fold(at, operator),
            },
            "Where" => match self.of_lengths(at, operator)? {
                Some(value) => Ok(value),
                None => match self.chosen(at)? {
                    Some(value) => Ok(value),
                    None => self.fold(at, operator),
                },
            },
            "Add" | "Sub" | "Mul" | "Div" | "Sum" | "Max" => match self.of_lengths(at, operator)? {
                Some(value) => Ok(value),
                None if operator == "Max" => Err(unknown(at)),
                None => self.arithmetic(at, operator),
            },
            "MatMul" => self.matmul(at),
            "Gemm" => self.gemm(at),
            "Conv" => self.convolution(at),
            "BatchNormalization" => self.batch_norm(at),
            "LayerNormalization" => self.layer_norm(at),
            "Softmax" => self.softmax(at),
            "ReduceSum" => self.summed(at),
            "ReduceMean" => self.reduce(at, Pool::Mean),
            "ReduceMax" => self.reduce(at, Pool::Max),
            "GlobalAveragePool" => self.pool_all(at, Pool::Mean),
            "GlobalMaxPool" => self.pool_all(at, Pool::Max),
            "ReverseSequence" => self.reverse_sequence(at),
            "Clip" => match self.of_lengths(at, operator)? {
                Some(value) => Ok(value),
                None => self.activation(at, operator)?.ok_or_else(|| unknown(at)),
            },
            _ => self.activation(at, operator)?.ok_or_else(|| unknown(at)),
        }
    }

    /// What a node computes of the lengths of sequences; None of nodes that compute with other values.
    fn of_lengths(&mut self, at: At<'_>, operator: &str) -> Result<Option<Value>> {
        match operator {
            "Range" => self.numbered_steps(at),
            "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" => self.compared_with_lengths(at, operator),
            "Not" => self.not_mask(at),
            "Where" => self.chosen_by_lengths(at),
            "Mul" => self.times_mask(at),
            "Div" => match self.input(at, 0)? {
                Value::Sum(sum) => {
                    let by = self.input(at, 1)?;
                    self.mean_of_sum(at, *sum, &by).map(Some)
                }
                _ => Ok(None),
            },
            "Max" | "Clip" => self.lengths_from_one(at, operator),
            _ => Ok(None),
        }
    }

    /// A node that changes no number where a model is used.
    fn same(&mut self, at: At<'_>) -> Result<Value> {
        let value = self.input(at, 0)?;
        let to = at.int_or("to", 0)?;
        let Value::Constant(tensor) = &value else { return Ok(value) };
        Ok(match (to, tensor.data()) {
            (1 | 10 | 16, Data::I64(_) | Data::I32(_) | Data::Bool(_)) => {
                let numbers = at.named(tensor.to_i64())?.iter().map(|&value| value as f32).collect();
                Value::constant(at.named(Tensor::f32(tensor.shape().to_vec(), numbers))?)
            }
            (6 | 7, Data::F32(values)) => {
                let numbers = values.iter().map(|&value| value as i64).collect();
                whole(at, tensor.shape().to_vec(), numbers)?
            }
            (9, _) => {
                let numbers: Vec<i64> = match tensor.to_i64() {
                    Ok(values) => values,
                    Err(_) => {
                        at.named(tensor.to_f32())?.iter().map(|&value| i64::from(value != 0.0)).collect()
                    }
                };
                let is_true = numbers.iter().map(|&value| value != 0).collect();
                whole_of(at, ElementType::Bool, tensor.shape().to_vec(), Data::Bool(is_true))?
            }
            _ => value,
        })
    }

    fn constant_of_shape(&mut self, at: At<'_>) -> Result<Value> {
        /// As many numbers are made at once.
        const FEW: i64 = 4096;
        let shape = self.input(at, 0)?.as_sizes();
        let (shape, _) = shape.ok_or_else(|| at.error("it makes an array of a shape that is not known"))?;
        let tensor = at.tensor("value")?;
        let (number, is_whole) = match tensor.map(Tensor::data) {
            None => (0.0, false),
            Some(Data::F32(values)) => (values.first().map_or(0.0, |&value| value.into()), false),
            Some(Data::F64(values)) => (values.first().copied().unwrap_or(0.0), false),
            Some(_) => {
                let values = at.named(tensor.map_or(Ok(Vec::new()), Tensor::to_i64))?;
                (values.first().map_or(0.0, |&value| value as f64), true)
            }
        };
        let lengths: Option<Vec<i64>> = shape.iter().map(|size| size.number()).collect();
        let count = lengths.as_ref().and_then(|lengths| {
            lengths.iter().try_fold(1_i64, |product, &length| product.checked_mul(length).filter(|&p| p >= 0))
        });
        if let (Some(lengths), Some(count @ 0..=FEW), true) = (&lengths, count, is_whole) {
            let lengths = lengths.iter().map(|&length| length as usize).collect();
            return whole(at, lengths, vec![number as i64; count as usize]);
        }
        Ok(Value::Filled { number, shape: Some(shape) })
    }

    fn shape(&mut self, at: At<'_>) -> Result<Value> {
        let shape = match self.input(at, 0)? {
            Value::Constant(tensor) => tensor.shape().iter().map(|&axis| axis.into()).collect(),
            Value::Array(array) => at.named(array.shape(&self.axes))?,
            Value::Filled { shape: Some(shape), .. } => shape,
            Value::Sizes { sizes, is_scalar } => {
                if is_scalar {
                    Vec::new()
                } else {
                    vec![sizes.len().into()]
                }
            }
            Value::Filled { .. } | Value::IsOne(_) | Value::Mask(_) | Value::Sum(_) => {
                return Err(at.error("it asks for a shape that is not known"));
            }
        };
        let clamp = |index: i64| {
            let rank = shape.len() as i64;
            (if index < 0 { index + rank } else { index }).clamp(0, rank) as usize
        };
        let (start, end) = (clamp(at.int_or("start", 0)?), clamp(at.int_or("end", i64::MAX)?));
        at.named(Value::sizes(shape.get(start..end).unwrap_or(&[]).to_vec(), false))
    }

    /// How many elements an array has.
    fn size(&mut self, at: At<'_>) -> Result<Value> {
        let shape: Vec<Size> = match self.input(at, 0)? {
            Value::Constant(tensor) => vec![tensor.data().len().into()],
            Value::Sizes { sizes, .. } => vec![sizes.len().into()],
            Value::Array(array) => at.named(array.shape(&self.axes))?,
            Value::Filled { shape: Some(shape), .. } => shape,
            Value::Filled { .. } | Value::IsOne(_) | Value::Mask(_) | Value::Sum(_) => {
                return Err(at.error("it asks for a shape that is not known"));
            }
        };
        let product = shape.iter().try_fold(Size::from(1_i64), |product, size| product.times(size));
        at.named(Value::sizes(vec![at.named(product)?], true))
    }

    /// Weights of few bits as the numbers that they stand for. Rows keep their numbers: they are not rounded as there.
    fn dequantize(&mut self, at: At<'_>) -> Result<Value> {
        let value = self.input(at, 0)?;
        let tensor = match value {
            Value::Constant(tensor) => tensor,
            value => {
                self.note(
                    "the graph rounds rows to few bits (QuantizeLinear); here they keep their numbers, so outputs differ \
                     by that rounding",
                );
                return Ok(value);
            }
        };
        if at.0.operator == "QuantizeLinear" || tensor.to_f32().is_ok() {
            return Ok(Value::Constant(tensor));
        }
        self.note("weights of few bits were turned into the numbers that they stand for");
        self.spend(at, tensor.data().len())?;
        let (scale, _) = self.numbers(at, 1)?;
        let zero = if at.has(2) { at.named(self.constant(at, 2)?.to_i64())? } else { vec![0] };
        let shape = tensor.shape().to_vec();
        let values = at.named(tensor.to_i64())?;
        let axis = if scale.len() == 1 { 0 } else { at.axis(at.int_or("axis", 1)?, shape.len())? };
        let inner: usize = shape.get(axis + 1..).unwrap_or(&[]).iter().product();
        let fits = scale.len() == 1 || shape.get(axis) == Some(&scale.len());
        if !fits || scale.is_empty() || !(zero.len() == 1 || zero.len() == scale.len()) {
            return Err(at.error(format!("{} scales do not fit an array {shape:?}", scale.len())));
        }
        let number = |(index, &value): (usize, &i64)| {
            let channel = (index / inner.max(1)) % scale.len();
            (value - zero[channel.min(zero.len() - 1)]) as f32 * scale[channel]
        };
        let numbers = values.iter().enumerate().map(number).collect();
        Ok(Value::constant(at.named(Tensor::f32(shape, numbers))?))
    }

    /// The input that gives lengths of sequences.
    pub(super) fn expect_lengths(&mut self, at: At<'_>, value: &Value) -> Result<()> {
        let Value::Array(array) = value else {
            return Err(at.error("its lengths of sequences are not what an input gives"));
        };
        let Content::Input(index) = array.content else {
            return Err(at.error("its lengths of sequences are computed; a model here is given them"));
        };
        let input = &mut self.inputs[index];
        if !input.is_ids || !matches!(input.kind, None | Some(InputKind::Lengths)) {
            return Err(at.error("its lengths of sequences are read as something else, too"));
        }
        input.kind = Some(InputKind::Lengths);
        Ok(())
    }
}

/// An error for an operator that no layer here is.
pub(super) fn unknown(at: At<'_>) -> Error {
    at.error("no layer here does what this operator does")
}

fn constant(at: At<'_>) -> Result<Value> {
    if let Some(tensor) = at.tensor("value")? {
        return Ok(Value::Constant(Rc::new(tensor.clone())));
    }
    if let Some(number) = at.float("value_float")? {
        return Ok(Value::constant(at.named(Tensor::f32(Vec::new(), vec![number]))?));
    }
    if let Some(number) = at.int("value_int")? {
        return whole(at, Vec::new(), vec![number]);
    }
    if let Some(numbers) = at.ints("value_ints")? {
        return whole(at, vec![numbers.len()], numbers.to_vec());
    }
    let numbers = at.floats("value_floats")?.to_vec();
    match numbers.is_empty() {
        true => Err(at.error("its value is a kind that no layer here has")),
        false => Ok(Value::constant(at.named(Tensor::f32(vec![numbers.len()], numbers))?)),
    }
}

/// Whole numbers as a constant.
pub(super) fn whole(at: At<'_>, shape: Vec<usize>, numbers: Vec<i64>) -> Result<Value> {
    whole_of(at, ElementType::I64, shape, Data::I64(numbers))
}

pub(super) fn whole_of(at: At<'_>, element: ElementType, shape: Vec<usize>, data: Data) -> Result<Value> {
    Ok(Value::constant(at.named(Tensor::new(element, shape, data, "graph"))?))
}
