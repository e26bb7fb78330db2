//! Sums and products: of rows, and of rows with constants.

use sumun_formats::Tensor;

use super::axes::Role;
use super::graph::Reader;
use super::node::At;
use super::value::{Array, Axis, Content, Time, Value};
use crate::Result;
use crate::model::DenseLayer;
use crate::nn::{
    Activation, ActivationFunction, ActivationLayer, BatchNormLayer, CombineLayer, UnflattenLayer,
};

/// ε of a normalisation that only scales: the square root of 1 + ε is 1.
const NO_EPSILON: f64 = 1e-30;

/// Whether a value is 0, and an array of `rank` axes keeps them beside it.
fn is_zero(value: &Value, rank: usize) -> bool {
    match value {
        Value::Filled { number, shape: Some(shape) } => {
            *number == 0.0 && shape.len() <= rank && shape.iter().all(|size| size.number() == Some(1))
        }
        Value::Constant(tensor) if tensor.data().len() == 1 && tensor.shape().len() <= rank => {
            tensor.to_f32().is_ok_and(|numbers| numbers == [0.0])
                || tensor.to_i64().is_ok_and(|numbers| numbers == [0])
        }
        _ => false,
    }
}

impl Reader<'_> {
    /// Sums and products: of rows, and of rows with a constant.
    pub(super) fn arithmetic(&mut self, at: At<'_>, operator: &str) -> Result<Value> {
        let count = if operator == "Sum" { at.0.inputs.len() } else { 2 };
        let values = (0..count).map(|index| self.input(at, index)).collect::<Result<Vec<_>>>()?;
        if let [Value::Array(array), other] | [other, Value::Array(array)] = values.as_slice()
            && is_zero(other, array.axes.len())
        {
            let is_first = matches!(values[0], Value::Array(_));
            match operator {
                "Add" | "Sum" => return Ok(Value::Array(array.clone())),
                "Sub" if is_first => return Ok(Value::Array(array.clone())),
                "Mul" => {
                    let shape = Some(at.named(array.shape(&self.axes))?);
                    return Ok(Value::Filled { number: 0.0, shape });
                }
                _ => {}
            }
        }
        if operator == "Mul"
            && let Some(value) = self.steps_by_shares(at, &values)?
        {
            return Ok(value);
        }
        match values.as_slice() {
            [Value::Array(array), Value::Constant(constant)] => {
                self.with_constant(at, array.clone(), constant, operator, 0)
            }
            [Value::Constant(constant), Value::Array(array)] => match operator {
                "Add" | "Sum" | "Mul" => self.with_constant(at, array.clone(), constant, operator, 1),
                "Sub" => {
                    let negative = self.scaled(at, array.clone(), -1.0)?;
                    self.with_constant(at, negative, constant, "Add", 1)
                }
                _ => Err(at.error("it divides a constant by rows; no layer here does")),
            },
            [Value::Array(_), ..] if matches!(operator, "Add" | "Sum" | "Mul" | "Sub") => {
                let mut arrays = Vec::with_capacity(count);
                for value in values {
                    let Value::Array(array) = value else {
                        return Err(at.error("it adds several rows and constants; no layer here does"));
                    };
                    arrays.push(self.rows(at, array)?);
                }
                if operator == "Sub" {
                    let second = arrays.remove(1);
                    arrays.push(self.scaled(at, second, -1.0)?);
                }
                self.combine(
                    at,
                    arrays,
                    if operator == "Mul" { CombineLayer::multiply() } else { CombineLayer::add() },
                )
            }
            [_, _] => match self.sizes_of(at, operator)? {
                Some(value) => Ok(value),
                None => Err(at.error("it computes with constants; fold them before the export")),
            },
            _ => Err(at.error("it computes with something that is neither rows nor a constant")),
        }
    }

    /// Rows, or rows and a constant, chosen number by number where the condition is known: each times 1 where it is chosen and 0
    /// where not, and added. None where the condition is not known, or there are no rows.
    pub(super) fn chosen(&mut self, at: At<'_>) -> Result<Option<Value>> {
        let (condition, first, second) = (self.input(at, 0)?, self.input(at, 1)?, self.input(at, 2)?);
        let Value::Constant(condition) = condition else { return Ok(None) };
        if !matches!((&first, &second), (Value::Array(_), _) | (_, Value::Array(_))) {
            return Ok(None);
        }
        self.spend(at, condition.data().len())?;
        let truths = at.named(condition.to_i64())?;
        let shares = |is_first: bool| {
            let share = |&truth: &i64| if (truth != 0) == is_first { 1.0 } else { 0.0 };
            truths.iter().map(share).collect::<Vec<f32>>()
        };
        let (mut arrays, mut constants) = (Vec::new(), Vec::new());
        for (value, is_first) in [(first, true), (second, false)] {
            let shares = shares(is_first);
            match value {
                Value::Array(array) => {
                    let shares = at.named(Tensor::f32(condition.shape().to_vec(), shares))?;
                    match self.with_constant(at, array, &shares, "Mul", 0)? {
                        Value::Array(array) => arrays.push(array),
                        _ => return Ok(None),
                    }
                }
                Value::Constant(tensor) => {
                    let numbers = at.named(tensor.to_f32())?;
                    constants.push(self.taken_by_shares(
                        at,
                        (numbers, tensor.shape()),
                        (shares, condition.shape()),
                    )?);
                }
                Value::Filled { number, .. } => {
                    let number = vec![number as f32];
                    constants.push(self.taken_by_shares(at, (number, &[]), (shares, condition.shape()))?);
                }
                _ => return Ok(None),
            }
        }
        match (arrays.len(), constants.pop()) {
            (1, Some(constant)) => self.with_constant(at, arrays.remove(0), &constant, "Add", 1).map(Some),
            _ => self.combine(at, arrays, CombineLayer::add()).map(Some),
        }
    }

    /// Numbers where the shares are 1, and 0 elsewhere: both of one shape, or one of them a single number.
    fn taken_by_shares(
        &mut self,
        at: At<'_>,
        (numbers, own): (Vec<f32>, &[usize]),
        (shares, shape): (Vec<f32>, &[usize]),
    ) -> Result<Tensor> {
        let shape = match (numbers.len(), shares.len()) {
            (1, _) => shape,
            (_, 1) => own,
            _ if own == shape => shape,
            _ => return Err(at.error("its constants have shapes of different kinds")),
        };
        let length = if numbers.len() == 1 { shares.len() } else { numbers.len() };
        self.spend(at, length)?;
        let of = |values: &[f32], index: usize| values[if values.len() == 1 { 0 } else { index }];
        // What is not taken may be infinite.
        let taken = (0..length).map(|k| if of(&shares, k) == 0.0 { 0.0 } else { of(&numbers, k) });
        at.named(Tensor::f32(shape.to_vec(), taken.collect()))
    }

    pub(super) fn scaled(&mut self, at: At<'_>, array: Array, factor: f64) -> Result<Array> {
        let array = self.rows(at, array)?;
        Ok(self
            .on_rows(
                at,
                array,
                ActivationLayer::new(ActivationFunction::Affine { alpha: factor, beta: 0.0 }),
            )?
            .0)
    }

    fn combine(&mut self, at: At<'_>, mut arrays: Vec<Array>, layer: CombineLayer) -> Result<Value> {
        self.laid_out(at, &mut arrays)?;
        let mut from = Vec::with_capacity(arrays.len());
        let mut sum: Option<Array> = None;
        for array in arrays {
            from.push(self.source(at, &array)?);
            let time = Self::time_of(&array);
            let array = Array { content: Content::Rows { layer: String::new(), time }, ..array };
            sum = Some(match sum {
                None => array,
                Some(sum) => self.aligned(at, sum, array, None)?,
            });
        }
        let mut sum = sum.ok_or_else(|| at.error("it adds nothing"))?;
        let time = Self::time_of(&sum);
        let layer = if from.len() == 1 { from.remove(0) } else { self.add(at, layer, from) };
        sum.content = Content::Rows { layer, time };
        Ok(Value::Array(sum))
    }

    /// Has one row a sequence that the graph lays out on two axes, beside rows whose second axis are steps, be steps as well.
    fn laid_out(&mut self, at: At<'_>, arrays: &mut [Array]) -> Result<()> {
        let steps = arrays.iter().find_map(|array| match array.axes[..] {
            [_, Axis::Open(id), _] if Self::time_of(array) != Time::Once => Some(id),
            _ => None,
        });
        let Some(id) = steps else { return Ok(()) };
        for array in arrays.iter_mut().filter(|array| Self::time_of(array) == Time::Once) {
            let (count, features) = match (&array.axes[..], &array.factors[..]) {
                ([Axis::Open(_), Axis::Factor(0), Axis::One], &[count]) => (count, 1),
                ([Axis::Open(_), Axis::Factor(0), Axis::Factor(1)], &[count, features]) => (count, features),
                _ => continue,
            };
            at.named(self.axes.set_role(id, Role::Time))?;
            at.named(self.axes.set_length(id, count))?;
            let from = self.source(at, array)?;
            let layer = self.add(at, UnflattenLayer::new(count), vec![from]);
            array.content = Content::Rows { layer, time: Time::Steps };
            (array.axes[1], array.axes[2]) = (Axis::Open(id), Axis::Factor(0));
            array.factors = vec![features];
        }
        Ok(())
    }

    /// What two arrays become that are combined number by number: their axes, which must be the same ones but for those of
    /// length 1, and steps where one has steps. The axis at `besides` may differ.
    pub(super) fn aligned(
        &mut self,
        at: At<'_>,
        mut first: Array,
        mut second: Array,
        besides: Option<usize>,
    ) -> Result<Array> {
        let rank = first.axes.len().max(second.axes.len());
        for array in [&mut first, &mut second] {
            for _ in array.axes.len()..rank {
                array.axes.insert(0, Axis::One);
            }
        }
        let misfit = || at.error("it combines rows whose axes differ");
        for place in (0..rank).filter(|&place| Some(place) != besides) {
            first.axes[place] = match (first.axes[place].clone(), second.axes[place].clone()) {
                (Axis::Open(a), Axis::Open(b)) => {
                    at.named(self.axes.unite(a, b))?;
                    Axis::Open(self.axes.find(a))
                }
                (Axis::Open(_), Axis::Factor(_)) if first.factors.is_empty() && second.factors.len() == 1 => {
                    self.features_at(at, &mut first, place, Some(second.factors[0]))?;
                    Axis::Factor(0)
                }
                (Axis::Factor(_), Axis::Open(_)) if second.factors.is_empty() && first.factors.len() == 1 => {
                    self.features_at(at, &mut second, place, Some(first.factors[0]))?;
                    Axis::Factor(0)
                }
                (Axis::Open(id), Axis::One) | (Axis::One, Axis::Open(id)) => Axis::Open(id),
                (a, b) if a == b => a,
                _ => return Err(misfit()),
            };
        }
        if besides.is_none() && first.factors != second.factors {
            return Err(at.error(format!(
                "it combines {} with {} features",
                first.features(),
                second.features()
            )));
        }
        let time = match (Self::time_of(&first), Self::time_of(&second)) {
            (Time::Once, other) | (other, Time::Once) => other,
            (Time::Steps, _) | (_, Time::Steps) => Time::Steps,
            (Time::Of(index), Time::Of(_)) => Time::Of(index),
        };
        first.content = Content::Rows { layer: String::new(), time };
        Ok(first)
    }

    /// Rows and a constant: one number, or one for each feature.
    fn with_constant(
        &mut self,
        at: At<'_>,
        array: Array,
        constant: &Tensor,
        operator: &str,
        rows_at: usize,
    ) -> Result<Value> {
        self.spend(at, constant.data().len())?;
        let values = at.named(constant.to_f32())?;
        let mut array = self.rows(at, array)?;
        if let [value] = values[..] {
            let value = f64::from(value);
            let (alpha, beta) = match operator {
                "Add" | "Sum" => (1.0, value),
                "Sub" => (1.0, -value),
                "Mul" => (value, 0.0),
                _ => (1.0 / value, 0.0),
            };
            for _ in array.axes.len()..constant.shape().len() {
                array.axes.insert(0, Axis::One);
            }
            let function = ActivationFunction::Affine { alpha, beta };
            return Ok(Value::Array(self.on_rows(at, array, ActivationLayer::new(function))?.0));
        }
        let shape = constant.shape();
        for _ in array.axes.len()..shape.len() {
            array.axes.insert(0, Axis::One);
        }
        let shift = array.axes.len() - shape.len();
        let mut long = (0..shape.len()).filter(|&axis| shape[axis] != 1);
        let (Some(place), None) = (long.next(), long.next()) else {
            return Err(at.error(format!(
                "its constant has the shape {shape:?}; a layer here has one number for each feature"
            )));
        };
        self.features_at(at, &mut array, place + shift, Some(values.len()))?;
        if matches!(operator, "Add" | "Sum")
            && self.readers(at, rows_at) == 1
            && let Some(layer) = self.dense_without_bias(&array)
        {
            self.weight(&layer, "bias", &[values.len()], values);
            return Ok(Value::Array(array));
        }
        let ones = vec![1.0; values.len()];
        let (gain, bias) = match operator {
            "Add" | "Sum" => (ones.clone(), values),
            "Sub" => (ones.clone(), values.iter().map(|value| -value).collect()),
            "Mul" => (values, vec![0.0; ones.len()]),
            _ => (values.iter().map(|value| 1.0 / value).collect(), vec![0.0; ones.len()]),
        };
        let zeros = vec![0.0; ones.len()];
        let layer = BatchNormLayer::new().epsilon(NO_EPSILON).trainable(false);
        self.normalised(at, array, layer, [gain, bias, zeros, ones]).map(Value::Array)
    }

    /// The dense layer that gave these rows, now with a bias, where it has none and is the newest layer.
    fn dense_without_bias(&mut self, array: &Array) -> Option<String> {
        let Content::Rows { layer, .. } = &array.content else { return None };
        let newest = self.layers.last_mut().filter(|newest| newest.name() == Some(layer))?;
        let dense = newest.get_mut::<DenseLayer>()?;
        if dense.bias || dense.activation != Activation::Linear {
            return None;
        }
        dense.bias = true;
        Some(layer.clone())
    }
}
