//! What a graph computes of the lengths of sequences: which steps are there, and sums over those that are.
//!
//! A model here ends a sequence everywhere, so that a number in the place of the steps past its end changes nothing that is
//! computed of the others, and the nodes that put it there are no layers.

use super::axes::Role;
use super::graph::Reader;
use super::node::At;
use super::value::{Array, Axis, Content, Mask, MaskKind, Sum, Time, Value};
use crate::model::PoolLayer;
use crate::nn::{Pool, ReverseLayer};
use crate::{Error, Result};

const OTHER: &str = "it computes something of the lengths of sequences that no layer here does";

impl Reader<'_> {
    /// The numbers of the steps, where a node counts them: 0, 1, … below the length of an axis that is open.
    pub(super) fn numbered_steps(&mut self, at: At<'_>) -> Result<Option<Value>> {
        let ends =
            [self.input(at, 0)?.as_sizes(), self.input(at, 1)?.as_sizes(), self.input(at, 2)?.as_sizes()];
        let [Some((start, _)), Some((end, _)), Some((step, _))] = ends else { return Ok(None) };
        let ([start], [end], [step]) = (&start[..], &end[..], &step[..]) else { return Ok(None) };
        let axis = end.only_axis().filter(|&axis| self.axes.length(axis).is_none());
        match (start.number(), axis, step.number()) {
            (Some(0), Some(axis), Some(1)) => {
                let kind = MaskKind::Number;
                Ok(Some(Value::Mask(Mask { kind, axes: vec![Axis::Open(axis)] })))
            }
            _ => Ok(None),
        }
    }

    /// The axis of sequences of an array that is the input of lengths, and says that it is.
    fn as_lengths(&mut self, at: At<'_>, value: &Value) -> Result<Option<Vec<Axis>>> {
        let Value::Array(Array { content: Content::Input(input), axes, factors }) = value else {
            return Ok(None);
        };
        let mut open = axes.iter().filter_map(|axis| match axis {
            Axis::Open(id) => Some(*id),
            _ => None,
        });
        let (Some(sequences), None, true) = (open.next(), open.next(), factors.is_empty()) else {
            return Ok(None);
        };
        if !self.inputs[*input].is_ids {
            return Ok(None);
        }
        self.expect_lengths(at, value)?;
        at.named(self.axes.set_role(sequences, Role::Sequences))?;
        Ok(Some(axes.clone()))
    }

    /// Numbers of steps that a node compares with lengths; None where it compares something else.
    pub(super) fn compared_with_lengths(&mut self, at: At<'_>, operator: &str) -> Result<Option<Value>> {
        let (a, b) = (self.input(at, 0)?, self.input(at, 1)?);
        let (steps, lengths, kind) = match (a, b, operator) {
            (Value::Mask(steps), lengths, "Less") => (steps, lengths, MaskKind::There),
            (Value::Mask(steps), lengths, "GreaterOrEqual") => (steps, lengths, MaskKind::Past),
            (lengths, Value::Mask(steps), "Greater") => (steps, lengths, MaskKind::There),
            (lengths, Value::Mask(steps), "LessOrEqual") => (steps, lengths, MaskKind::Past),
            (Value::Mask(_), ..) | (_, Value::Mask(_), _) => return Err(at.error(OTHER)),
            _ => return Ok(None),
        };
        let (MaskKind::Number, Some(lengths)) = (steps.kind, self.as_lengths(at, &lengths)?) else {
            return Err(at.error(OTHER));
        };
        let rank = steps.axes.len().max(lengths.len());
        let mut axes = vec![Axis::One; rank];
        for (own, role) in [(&lengths, Role::Sequences), (&steps.axes, Role::Time)] {
            for (place, axis) in own.iter().enumerate() {
                let Axis::Open(id) = axis else { continue };
                let to = &mut axes[place + rank - own.len()];
                if *to != Axis::One {
                    return Err(at.error(OTHER));
                }
                at.named(self.axes.set_role(*id, role))?;
                *to = Axis::Open(*id);
            }
        }
        Ok(Some(Value::Mask(Mask { kind, axes })))
    }

    /// The opposite of a mask; None of anything else.
    pub(super) fn not_mask(&mut self, at: At<'_>) -> Result<Option<Value>> {
        let Value::Mask(Mask { kind, axes }) = self.input(at, 0)? else { return Ok(None) };
        let kind = match kind {
            MaskKind::Number => return Err(at.error(OTHER)),
            MaskKind::There => MaskKind::Past,
            MaskKind::Past => MaskKind::There,
        };
        Ok(Some(Value::Mask(Mask { kind, axes })))
    }

    /// A choice between rows and a number by whether a step is there, or by whether a sequence has steps; None of others.
    pub(super) fn chosen_by_lengths(&mut self, at: At<'_>) -> Result<Option<Value>> {
        let (condition, first, second) = (self.input(at, 0)?, self.input(at, 1)?, self.input(at, 2)?);
        match condition {
            Value::Mask(mask) => {
                let (array, number) = match (mask.kind, first, second) {
                    (MaskKind::There, Value::Array(array), other)
                    | (MaskKind::Past, other, Value::Array(array)) => (array, number(&other)),
                    _ => return Err(at.error(OTHER)),
                };
                let number = number.ok_or_else(|| at.error(OTHER))?;
                self.masked_rows(at, array, &mask, number).map(|array| Some(Value::Array(array)))
            }
            // Lengths as truths: of a sequence without steps a pool gives zeros by itself.
            Value::Array(_) => {
                let (Value::Array(array), Some(0.0)) = (first, number(&second)) else { return Ok(None) };
                let is_pool = match &array.content {
                    Content::Rows { layer, time: Time::Once } => self.is_layer::<PoolLayer>(layer),
                    _ => false,
                };
                match is_pool && self.as_lengths(at, &condition)?.is_some() {
                    true => Ok(Some(Value::Array(array))),
                    false => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// Rows times a mask; None of other products.
    pub(super) fn times_mask(&mut self, at: At<'_>) -> Result<Option<Value>> {
        match (self.input(at, 0)?, self.input(at, 1)?) {
            (Value::Array(array), Value::Mask(mask)) | (Value::Mask(mask), Value::Array(array))
                if mask.kind == MaskKind::There =>
            {
                self.masked_rows(at, array, &mask, 0.0).map(|array| Some(Value::Array(array)))
            }
            (Value::Mask(_), _) | (_, Value::Mask(_)) => Err(at.error(OTHER)),
            _ => Ok(None),
        }
    }

    /// The rows themselves, of which is known now what the graph has past the ends of sequences.
    fn masked_rows(&mut self, at: At<'_>, array: Array, mask: &Mask, number: f64) -> Result<Array> {
        let array = self.rows(at, array)?;
        let Some(shift) = array.axes.len().checked_sub(mask.axes.len()) else {
            return Err(at.error("it puts a number past the ends of rows without steps"));
        };
        for (place, axis) in mask.axes.iter().enumerate() {
            match (axis, &array.axes[place + shift]) {
                (Axis::Open(id), Axis::Open(own)) => at.named(self.axes.unite(*own, *id))?,
                (Axis::One, _) => {}
                _ => return Err(at.error("its mask has other axes than its rows")),
            }
        }
        let given = at.0.outputs.first().cloned().unwrap_or_default();
        self.past_ends.insert(given, number);
        self.uses_lengths.get_or_insert_with(|| at.described());
        Ok(array)
    }

    /// Whether the graph has this number past the ends of sequences in what a node reads.
    pub(super) fn is_masked(&self, at: At<'_>, input: usize, wanted: impl Fn(f64) -> bool) -> bool {
        let name = at.0.inputs.get(input).map_or("", String::as_str);
        self.past_ends.get(name).is_some_and(|&number| wanted(number))
    }

    /// A sum over steps that are zeros past the ends of their sequences: the mean once it is divided.
    pub(super) fn summed(&mut self, at: At<'_>) -> Result<Value> {
        let axes = match at.ints("axes")? {
            Some(axes) => axes.to_vec(),
            None if at.has(1) => self.whole_numbers(at, 1)?,
            None => Vec::new(),
        };
        let array = self.array(at, 0)?;
        let [axis] = axes[..] else { return Err(at.error("it adds along several axes; no layer here does")) };
        let place = at.axis(axis, array.axes.len())?;
        let keeps_axis = at.int_or("keepdims", 1)? != 0;
        if let Some(value) = self.attended(at, &array, place, keeps_axis)? {
            return Ok(value);
        }
        let is_time = matches!(array.axes[place], Axis::Open(id) if self.axes.role(id) == Some(Role::Time));
        if !is_time || !self.is_masked(at, 0, |number| number == 0.0) {
            return Err(
                at.error("it adds other than the steps that lengths of sequences leave; no layer here does")
            );
        }
        Ok(Value::Sum(Box::new(Sum { array, place, keeps_axis })))
    }

    /// Sums divided by lengths of at least 1: the mean of the steps that are there.
    pub(super) fn mean_of_sum(&mut self, at: At<'_>, sum: Sum, by: &Value) -> Result<Value> {
        if self.as_lengths(at, by)?.is_none() {
            return Err(at.error(OTHER));
        }
        let name = at.0.inputs.get(1).map_or("", String::as_str);
        if !self.at_least_one.contains(name) {
            self.note("of a sequence without steps a mean is 0 here, where the graph divides by 0");
        }
        let Sum { array, place, keeps_axis } = sum;
        self.pooled(at, array, place, Pool::Mean, keeps_axis, true)
    }

    /// Lengths, those of 0 as 1; None of other operands.
    pub(super) fn lengths_from_one(&mut self, at: At<'_>, operator: &str) -> Result<Option<Value>> {
        let value = self.input(at, 0)?;
        if !matches!(&value, Value::Array(Array { content: Content::Input(input), .. }) if self.inputs[*input].is_ids)
        {
            return Ok(None);
        }
        let bound = match (operator, at.float("min")?) {
            ("Clip", Some(min)) => Some(f64::from(min)),
            _ if at.has(1) => number(&self.input(at, 1)?),
            _ => None,
        };
        let has_upper = operator == "Clip" && (at.has(2) || at.float("max")?.is_some());
        if bound != Some(1.0) || has_upper || self.as_lengths(at, &value)?.is_none() {
            return Err(at.error(OTHER));
        }
        self.at_least_one.extend(at.0.outputs.first().cloned());
        Ok(Some(value))
    }

    /// The layer that rows turned round come from, where these are: their first step is its last.
    pub(super) fn before_turning(&mut self, at: At<'_>, array: &Array) -> Option<String> {
        let Content::Rows { layer, .. } = &array.content else { return None };
        let newest = self.layers.last()?;
        newest.get::<ReverseLayer>()?;
        if newest.name() != Some(layer) || self.readers(at, 0) != 1 {
            return None;
        }
        let from = newest.common().from.first()?.clone();
        self.layers.pop();
        Some(from)
    }

    fn is_layer<T: crate::layer::LayerSpec>(&self, name: &str) -> bool {
        self.layers.iter().any(|layer| layer.name() == Some(name) && layer.get::<T>().is_some())
    }
}

/// The number that a value is everywhere.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Filled { number, .. } => Some(*number),
        Value::Constant(tensor) if tensor.data().len() == 1 => match tensor.to_i64() {
            Ok(values) => values.first().map(|&value| value as f64),
            Err(_) => tensor.to_f32().ok()?.first().map(|&value| value.into()),
        },
        _ => None,
    }
}

/// An error of a node that reads what is computed of lengths as something else.
pub(super) fn refused(at: At<'_>) -> Error {
    at.error(OTHER)
}
