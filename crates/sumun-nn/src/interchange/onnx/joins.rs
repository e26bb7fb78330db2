//! Nodes that join arrays, or repeat one beside another.

use sumun_formats::Tensor;

use super::axes::{Role, Size};
use super::graph::Reader;
use super::node::At;
use super::value::{Array, Axis, Content, Time, Value};
use crate::Result;
use crate::nn::CombineLayer;

impl Reader<'_> {
    pub(super) fn concat(&mut self, at: At<'_>) -> Result<Value> {
        let values = (0..at.0.inputs.len()).map(|index| self.input(at, index)).collect::<Result<Vec<_>>>()?;
        self.concat_values(at, values, at.int_or("axis", 0)?)
    }

    pub(super) fn concat_values(&mut self, at: At<'_>, values: Vec<Value>, axis: i64) -> Result<Value> {
        if let [value] = values.as_slice() {
            return Ok(value.clone());
        }
        if let Some(tensors) = values.iter().map(as_tensor).collect::<Option<Vec<_>>>() {
            let rank = tensors.first().map_or(0, |tensor| tensor.shape().len());
            let axis = at.axis(axis, rank)?;
            return Ok(Value::constant(self.joined(at, &tensors, axis)?));
        }
        if let Some(lists) = values.iter().map(Value::as_sizes).collect::<Option<Vec<_>>>() {
            return at.named(Value::sizes(lists.into_iter().flat_map(|(sizes, _)| sizes).collect(), false));
        }
        let fill = |value: &Value| match value {
            Value::Filled { number, .. } => Some(*number),
            _ => None,
        };
        if let Some(numbers) = values.iter().map(fill).collect::<Option<Vec<_>>>()
            && let [first, rest @ ..] = numbers.as_slice()
            && rest.iter().all(|number| number == first)
        {
            return Ok(Value::Filled { number: *first, shape: None });
        }
        let arrays = values.into_iter().map(|value| match value {
            Value::Array(array) => Ok(array),
            _ => Err(at.error("it joins constants and rows")),
        });
        self.concat_arrays(at, arrays.collect::<Result<Vec<_>>>()?, axis).map(Value::Array)
    }

    /// Rows of another array's steps: one row a sequence may stand for all of them, which combinations here do by themselves.
    fn expanded(&mut self, at: At<'_>, mut array: Array, shape: &[Size]) -> Result<Array> {
        let own = at.named(array.shape(&self.axes))?;
        let mut fits = own.len() == shape.len();
        for (place, (own, size)) in own.iter().zip(shape).enumerate() {
            let size = size.settled(&self.axes);
            if size.number() == Some(1) || own.equals(&size, &self.axes) {
                continue;
            }
            match size.only_axis() {
                Some(id) if array.axes[place] == Axis::One && Self::time_of(&array) != Time::Steps => {
                    at.named(self.axes.set_role(id, Role::Time))?;
                    array.axes[place] = Axis::Open(id);
                }
                _ => fits = false,
            }
        }
        if fits { Ok(array) } else { Err(at.error("it repeats rows; a model here has no such layer")) }
    }

    fn concat_arrays(&mut self, at: At<'_>, arrays: Vec<Array>, axis: i64) -> Result<Array> {
        let Some(first) = arrays.first() else { return Err(at.error("it joins nothing")) };
        let place = at.axis(axis, first.axes.len())?;
        if arrays.iter().any(|array| array.axes.len() != first.axes.len()) {
            return Err(at.error("it joins arrays of different numbers of axes"));
        }
        let is_states = |array: &Array| matches!(array.content, Content::States(_));
        if arrays.iter().all(is_states) && matches!(first.axes[place], Axis::Stack | Axis::One) {
            return self.concat_states(at, arrays, place);
        }
        if let Some(whole) = self.both_directions(at, &arrays, place)? {
            return Ok(whole);
        }
        let mut joined: Option<Array> = None;
        let (mut from, mut features) = (Vec::new(), 0);
        for array in arrays {
            let mut array = self.rows(at, array)?;
            features += self.features_at(at, &mut array, place, None)?;
            from.push(self.source(at, &array)?);
            let time = Self::time_of(&array);
            joined = Some(match joined {
                None => {
                    let content = Content::Rows { layer: String::new(), time };
                    Array { content, ..array }
                }
                Some(before) => self.aligned(at, before, array, Some(place))?,
            });
        }
        let mut joined = joined.ok_or_else(|| at.error("it joins nothing"))?;
        let time = Self::time_of(&joined);
        let layer = if from.len() == 1 { from.remove(0) } else { self.add(at, CombineLayer::concat(), from) };
        joined.content = Content::Rows { layer, time };
        joined.axes[place] = Axis::Factor(0);
        joined.factors = vec![features];
        Ok(joined)
    }

    fn concat_states(&mut self, at: At<'_>, arrays: Vec<Array>, place: usize) -> Result<Array> {
        let mut joined: Option<Array> = None;
        for mut array in arrays {
            array.axes[place] = Axis::Stack;
            match &mut joined {
                None => joined = Some(array),
                Some(first) => {
                    if first.factors != array.factors || first.axes != array.axes {
                        return Err(at.error("it joins states of different sizes"));
                    }
                    if let (Content::States(all), Content::States(more)) = (&mut first.content, array.content)
                    {
                        all.extend(more);
                    }
                }
            }
        }
        joined.ok_or_else(|| at.error("it joins nothing"))
    }

    pub(super) fn expand(&mut self, at: At<'_>) -> Result<Value> {
        let shape = self.input(at, 1)?.as_sizes();
        let (shape, _) = shape.ok_or_else(|| at.error("its shape is not known"))?;
        match self.input(at, 0)? {
            Value::Filled { number, .. } => Ok(Value::Filled { number, shape: Some(shape) }),
            Value::Constant(tensor) => {
                if tensor.data().len() == 1 {
                    let number = match tensor.to_i64() {
                        Ok(values) => values[0] as f64,
                        Err(_) => f64::from(at.named(tensor.to_f32())?[0]),
                    };
                    return Ok(Value::Filled { number, shape: Some(shape) });
                }
                // Axes that open lengths repeat stay of length 1: that is how they are read.
                let repeated = shape.iter().rev().zip(tensor.shape().iter().rev());
                let fits = repeated.into_iter().all(|(size, &axis)| {
                    size.number().is_none_or(|number| number == 1 || number == axis as i64)
                });
                if !fits || shape.len() < tensor.shape().len() {
                    return Err(at.error("it repeats a constant along a known axis"));
                }
                let mut own = vec![1; shape.len() - tensor.shape().len()];
                own.extend(tensor.shape());
                Ok(Value::constant(self.shaped(at, &tensor, own)?))
            }
            Value::Array(array) => self.expanded(at, array, &shape).map(Value::Array),
            Value::Sizes { sizes, .. } if sizes.len() == 1 => match sizes[0].number() {
                Some(number) => Ok(Value::Filled { number: number as f64, shape: Some(shape) }),
                // The length of the steps for every sequence: what no lengths mean.
                None => Ok(Value::Sizes { sizes, is_scalar: false }),
            },
            Value::Sizes { .. } | Value::IsOne(_) | Value::Mask(_) | Value::Sum(_) => {
                Err(at.error("it repeats lengths"))
            }
        }
    }
}

fn as_tensor(value: &Value) -> Option<&Tensor> {
    match value {
        Value::Constant(tensor) => Some(tensor),
        _ => None,
    }
}
