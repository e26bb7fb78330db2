//! Nodes on constants: computed while the graph is read.

use sumun_formats::{Data, ElementType, Tensor};

use super::axes::{Id, Size};
use super::graph::Reader;
use super::masks;
use super::node::At;
use super::operators::{whole, whole_of};
use super::value::{Array, Content, Value};
use crate::error::quoted;
use crate::message::{key, text};
use crate::{Error, Result};

/// The same expression for elements of every type.
macro_rules! of_each {
    ($data:expr, $values:ident => $made:expr) => {
        match $data {
            Data::F64($values) => Data::F64($made),
            Data::F32($values) => Data::F32($made),
            Data::I64($values) => Data::I64($made),
            Data::I32($values) => Data::I32($made),
            Data::I8($values) => Data::I8($made),
            Data::U8($values) => Data::U8($made),
            Data::Bool($values) => Data::Bool($made),
        }
    };
}

/// The elements of a tensor at `places`, as an array of another shape.
fn taken(at: At<'_>, tensor: &Tensor, shape: Vec<usize>, places: &[usize]) -> Result<Tensor> {
    let data = of_each!(tensor.data(), values => places.iter().map(|&place| values[place]).collect());
    at.named(Tensor::new(data.element(), shape, data, "graph"))
}

/// The places of all elements of an array whose axes have these lengths and strides, the last axis the fastest.
fn places(lengths: &[usize], strides: &[usize]) -> Vec<usize> {
    let mut places = vec![0_usize];
    for (&length, &stride) in lengths.iter().zip(strides) {
        places =
            places.iter().flat_map(|&place| (0..length).map(move |index| place + index * stride)).collect();
    }
    places
}

fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

impl Reader<'_> {
    pub(super) fn transposed(&mut self, at: At<'_>, tensor: &Tensor, order: &[usize]) -> Result<Tensor> {
        self.spend(at, tensor.data().len())?;
        let own = strides(tensor.shape());
        let shape: Vec<usize> = order.iter().map(|&axis| tensor.shape()[axis]).collect();
        let steps: Vec<usize> = order.iter().map(|&axis| own[axis]).collect();
        let places = places(&shape, &steps);
        taken(at, tensor, shape, &places)
    }

    /// The parts of a tensor along an axis, one after the other; without the axis where it is left out.
    pub(super) fn picked(
        &mut self,
        at: At<'_>,
        tensor: &Tensor,
        axis: usize,
        indices: &[usize],
        keeps_axis: bool,
    ) -> Result<Tensor> {
        let shape = tensor.shape();
        let inner: usize = shape[axis + 1..].iter().product();
        let outer: usize = shape[..axis].iter().product();
        let count = outer.saturating_mul(indices.len()).saturating_mul(inner);
        self.spend(at, count)?;
        let mut places = Vec::with_capacity(count);
        for block in 0..outer {
            for &index in indices {
                let first = (block * shape[axis] + index) * inner;
                places.extend(first..first + inner);
            }
        }
        let mut made = shape.to_vec();
        match keeps_axis {
            true => made[axis] = indices.len(),
            false => drop(made.remove(axis)),
        }
        taken(at, tensor, made, &places)
    }

    /// Tensors one after the other along an axis.
    pub(super) fn joined(&mut self, at: At<'_>, tensors: &[&Tensor], axis: usize) -> Result<Tensor> {
        let [first, ..] = tensors else { return Err(at.error("it joins nothing")) };
        let mut shape = first.shape().to_vec();
        let alike = |tensor: &&Tensor| {
            tensor.shape().len() == shape.len()
                && tensor.data().element() == first.data().element()
                && (0..shape.len()).all(|a| a == axis || tensor.shape()[a] == shape[a])
        };
        if axis >= shape.len() || !tensors.iter().all(alike) {
            return Err(at.error("it joins constants that do not fit each other"));
        }
        let outer: usize = shape[..axis].iter().product();
        shape[axis] = tensors.iter().map(|tensor| tensor.shape()[axis]).sum();
        let count = tensors.iter().map(|tensor| tensor.data().len()).sum();
        self.spend(at, count)?;
        let mut bytes = Vec::new();
        let element = first.data().element();
        let parts: Vec<(Vec<u8>, usize)> = tensors
            .iter()
            .map(|tensor| {
                let mut part = Vec::new();
                tensor.data().extend_le_bytes(&mut part);
                let each = part.len() / outer.max(1);
                (part, each)
            })
            .collect();
        for block in 0..outer {
            for (part, each) in &parts {
                bytes.extend_from_slice(&part[block * each..(block + 1) * each]);
            }
        }
        let data = at.named(Data::from_le_bytes(element, &bytes, "graph"))?;
        at.named(Tensor::new(element, shape, data, "graph"))
    }

    /// The same numbers in another shape.
    pub(super) fn shaped(&mut self, at: At<'_>, tensor: &Tensor, shape: Vec<usize>) -> Result<Tensor> {
        self.spend(at, tensor.data().len())?;
        at.named(Tensor::new(tensor.element(), shape, tensor.data().clone(), "graph"))
    }

    /// Whole numbers, and numbers that depend on lengths, combined one by one.
    pub(super) fn sizes_of(&mut self, at: At<'_>, operator: &str) -> Result<Option<Value>> {
        let (Some((a, a_alone)), Some((b, b_alone))) =
            (self.input(at, 0)?.as_sizes(), self.input(at, 1)?.as_sizes())
        else {
            return Ok(None);
        };
        let count = a.len().max(b.len());
        if !(a.len() == count || a.len() == 1) || !(b.len() == count || b.len() == 1) {
            return Err(at.error(format!("lists of {} and {} numbers", a.len(), b.len())));
        }
        let mut sizes = Vec::with_capacity(count);
        for index in 0..count {
            let (a, b) = (&a[index.min(a.len() - 1)], &b[index.min(b.len() - 1)]);
            let of_axes = match operator {
                "Mul" => Some(at.named(a.times(b))?),
                "Div" => a.over(b, &self.axes),
                _ => None,
            };
            let stated = || {
                let (a, b) = (a.stated(&self.axes)?, b.stated(&self.axes)?);
                match operator {
                    "Add" => a.checked_add(b),
                    "Sub" => a.checked_sub(b),
                    "Div" => a.checked_div(b),
                    _ => None,
                }
            };
            let size = of_axes.or_else(|| stated().map(Size::from));
            sizes.push(size.ok_or_else(|| at.error("it computes with lengths that are not known"))?);
        }
        at.named(Value::sizes(sizes, a_alone && b_alone)).map(Some)
    }

    /// Comparisons and choices of numbers that are known.
    pub(super) fn fold(&mut self, at: At<'_>, operator: &str) -> Result<Value> {
        let known = |reader: &mut Self, index: usize| -> Result<(Vec<f64>, Vec<usize>, bool)> {
            let value = reader.input(at, index)?;
            let unknown = || reader.depends(at, index, &value);
            match &value {
                Value::Constant(tensor) => {
                    let tensor = tensor.clone();
                    reader.spend(at, tensor.data().len())?;
                    let (numbers, is_whole) = match tensor.to_i64() {
                        Ok(values) => (values.iter().map(|&value| value as f64).collect(), true),
                        Err(_) => {
                            let values = at.named(tensor.to_f32())?;
                            (values.into_iter().map(f64::from).collect(), false)
                        }
                    };
                    Ok((numbers, tensor.shape().to_vec(), is_whole))
                }
                Value::Sizes { sizes, is_scalar } => {
                    let stated = sizes.iter().map(|size| size.stated(&reader.axes).map(|value| value as f64));
                    let numbers = stated.collect::<Option<Vec<f64>>>().ok_or_else(unknown)?;
                    let shape = if *is_scalar { Vec::new() } else { vec![numbers.len()] };
                    Ok((numbers, shape, true))
                }
                Value::Mask(_) | Value::Sum(_) => Err(masks::refused(at)),
                Value::Filled { .. } | Value::IsOne(_) | Value::Array(_) => Err(unknown()),
            }
        };
        if operator == "Range" {
            return self.range(at);
        }
        if operator == "Equal"
            && let Some(axis) = self.asks_for_one(at)?
        {
            return Ok(Value::IsOne(axis));
        }
        let count = match operator {
            "Not" => 1,
            "Where" => 3,
            _ => 2,
        };
        let operands = (0..count).map(|index| known(self, index)).collect::<Result<Vec<_>>>()?;
        let largest = operands.iter().max_by_key(|operand| operand.0.len()).map(|operand| operand.1.clone());
        let shape = largest.unwrap_or_default();
        let length = operands.iter().map(|operand| operand.0.len()).max().unwrap_or(0);
        if operands.iter().any(|(numbers, own, _)| numbers.len() != 1 && *own != shape) {
            return Err(at.error("its constants have shapes of different kinds"));
        }
        let number = |operand: usize, index: usize| {
            let numbers = &operands[operand].0;
            numbers.get(if numbers.len() == 1 { 0 } else { index }).copied().unwrap_or(0.0)
        };
        if operator == "Where" {
            let chosen = (0..length)
                .map(|index| if number(0, index) != 0.0 { number(1, index) } else { number(2, index) });
            return match operands[1].2 && operands[2].2 {
                true => whole(at, shape, chosen.map(|value| value as i64).collect()),
                false => {
                    let numbers = chosen.map(|value| value as f32).collect();
                    Ok(Value::constant(at.named(Tensor::f32(shape, numbers))?))
                }
            };
        }
        let is_true = |index: usize| {
            let (a, b) = (number(0, index), if count > 1 { number(1, index) } else { 0.0 });
            match operator {
                "Equal" => a == b,
                "Less" => a < b,
                "Greater" => a > b,
                "LessOrEqual" => a <= b,
                "GreaterOrEqual" => a >= b,
                "And" => a != 0.0 && b != 0.0,
                "Or" => a != 0.0 || b != 0.0,
                _ => a == 0.0,
            }
        };
        whole_of(at, ElementType::Bool, shape, Data::Bool((0..length).map(is_true).collect()))
    }

    /// The axis, where a node compares an open length with 1.
    fn asks_for_one(&mut self, at: At<'_>) -> Result<Option<Id>> {
        let lists = [self.input(at, 0)?.as_sizes(), self.input(at, 1)?.as_sizes()];
        let [Some((a, _)), Some((b, _))] = lists else { return Ok(None) };
        let ([a], [b]) = (a.as_slice(), b.as_slice()) else { return Ok(None) };
        let open = |size: &Size| size.only_axis().filter(|&id| self.axes.length(id).is_none());
        Ok(match (open(a), open(b)) {
            (Some(id), None) if b.number() == Some(1) => Some(id),
            (None, Some(id)) if a.number() == Some(1) => Some(id),
            _ => None,
        })
    }

    /// An error for a node that must know its input `index` beforehand: it says how, where that is an input of the graph.
    pub(super) fn depends(&self, at: At<'_>, index: usize, value: &Value) -> Error {
        let error = at.error("it depends on what the model is given");
        let Value::Array(Array { content: Content::Input(input), .. }) = value else { return error };
        let name = &self.inputs[*input].name;
        let other = at.0.inputs.iter().enumerate().find(|&(other, _)| other != index);
        let likely = other.and_then(|(_, name)| self.peek(name)).and_then(|value| match value {
            Value::Constant(tensor) => tensor.to_i64().ok().filter(|numbers| numbers.len() == 1),
            _ => None,
        });
        let shown = likely.map_or_else(|| "NUMBER".to_owned(), |numbers| numbers[0].to_string());
        let error = at.error(format!("it depends on the input {}, whose value is not known", quoted(name)));
        error.advise(text("give it with ") + key("set_input").to(format!("{name}={shown}")))
    }

    fn range(&mut self, at: At<'_>) -> Result<Value> {
        /// The longest list that is made.
        const LONGEST: usize = 4096;
        let mut ends = [0; 3];
        for (index, end) in ends.iter_mut().enumerate() {
            *end = self.whole_numbers(at, index)?.first().copied().unwrap_or(0);
        }
        let [start, end, step] = ends;
        let up = step > 0;
        if step == 0 {
            return Err(at.error("a range of steps of 0"));
        }
        let numbers: Vec<i64> = std::iter::successors(Some(start), |value| value.checked_add(step))
            .take_while(|&value| if up { value < end } else { value > end })
            .take(LONGEST + 1)
            .collect();
        match numbers.len() {
            0..=LONGEST => whole(at, vec![numbers.len()], numbers),
            _ => Err(at.error(format!("a range of more than {LONGEST} numbers"))),
        }
    }
}
