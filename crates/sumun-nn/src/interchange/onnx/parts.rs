//! Nodes that take parts of arrays: of lists of sizes, of states, of features, and of steps the first, the last, or all turned
//! round.

use sumun_formats::Tensor;

use super::axes::{Id, Role, Size};
use super::graph::{InputKind, Reader};
use super::masks;
use super::node::At;
use super::value::{Array, Axis, Content, Time, Value};
use crate::Result;
use crate::model::EmbeddingLayer;
use crate::nn::{Conv1dLayer, Pool, ReverseLayer, SliceLayer};

/// Indices along an axis, as nodes give them.
pub(super) enum Part {
    /// Some, in order.
    Indices(Vec<i64>),
    /// From one to before another, by steps.
    Range { start: i64, end: Size, step: i64 },
}

/// Which steps a part has.
#[derive(Debug, PartialEq, Eq)]
enum Which {
    First,
    Last,
    Reversed,
}

const OTHER_STEPS: &str = "of sequences and steps it takes others than one, or every so many but some at the ends; a model here has no such layer";

impl Reader<'_> {
    pub(super) fn gather(&mut self, at: At<'_>) -> Result<Value> {
        let (from, which) = (self.input(at, 0)?, self.input(at, 1)?);
        if let (Value::Constant(table), Value::Array(ids)) = (&from, &which) {
            return self.embedding(at, table, ids.clone());
        }
        let Some((indices, is_one)) = which.as_sizes() else {
            return Err(at.error("it picks by numbers that are not known"));
        };
        let indices: Option<Vec<i64>> = indices.iter().map(|index| index.stated(&self.axes)).collect();
        let indices = indices.ok_or_else(|| at.error("it picks by numbers that are not known"))?;
        let axis = at.int_or("axis", 0)?;
        self.part(at, from, axis, Part::Indices(indices), !is_one)
    }

    pub(super) fn embedding(&mut self, at: At<'_>, table: &Tensor, ids: Array) -> Result<Value> {
        let (Content::Input(index), &[vocabulary, features], 0) =
            (&ids.content, table.shape(), at.int_or("axis", 0)?)
        else {
            return Err(at.error(
                "it picks rows of a constant by computed numbers; a layer here reads ids of an input",
            ));
        };
        let input = &mut self.inputs[*index];
        match (input.is_ids, input.kind) {
            (true, None) => input.kind = Some(InputKind::Ids(vocabulary)),
            (true, Some(InputKind::Ids(other))) if other == vocabulary => {}
            _ => {
                return Err(at.error(format!(
                    "it reads an input as ids below {vocabulary}, which is something else, too"
                )));
            }
        }
        // Ids come as steps, also where the graph has one a sequence.
        input.has_steps = true;
        let from = vec![input.model.clone()];
        let (values, shape) = self.numbers(at, 0)?;
        let layer = self.add(at, EmbeddingLayer::new(features), from);
        self.weight(&layer, "weight", &shape, values);
        let mut axes = ids.axes;
        axes.push(Axis::Factor(0));
        Ok(Value::Array(Array {
            content: Content::Rows { layer, time: Time::Steps },
            axes,
            factors: vec![features],
        }))
    }

    pub(super) fn slice(&mut self, at: At<'_>) -> Result<Value> {
        let mut value = self.input(at, 0)?;
        let list = |reader: &mut Self, name: &str, input: usize| -> Result<Option<Vec<Size>>> {
            match at.ints(name)? {
                Some(numbers) => Ok(Some(numbers.iter().map(|&number| number.into()).collect())),
                None if at.has(input) => {
                    let sizes = reader.input(at, input)?.as_sizes();
                    Ok(Some(sizes.ok_or_else(|| at.error("it takes a part that is not known"))?.0))
                }
                None => Ok(None),
            }
        };
        let starts = list(self, "starts", 1)?.unwrap_or_default();
        let ends = list(self, "ends", 2)?.unwrap_or_default();
        let axes = list(self, "axes", 3)?.unwrap_or_else(|| (0..starts.len()).map(Size::from).collect());
        let steps = list(self, "steps", 4)?.unwrap_or_else(|| vec![Size::from(1_i64); starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return Err(at.error("its starts, ends, axes and steps are not equally many"));
        }
        for (((start, end), axis), step) in starts.iter().zip(ends).zip(&axes).zip(&steps) {
            let number = |size: &Size| size.stated(&self.axes);
            let (Some(start), Some(axis), Some(step)) = (number(start), number(axis), number(step)) else {
                return Err(at.error("it takes a part that is not known"));
            };
            value = self.part(at, value, axis, Part::Range { start, end, step }, true)?;
        }
        Ok(value)
    }

    pub(super) fn split(&mut self, at: At<'_>) -> Result<Vec<Value>> {
        let value = self.input(at, 0)?;
        let axis = at.int_or("axis", 0)?;
        let outputs = at.0.outputs.len().max(1) as i64;
        let sizes = match at.ints("split")? {
            Some(sizes) => sizes.to_vec(),
            None if at.has(1) => self.whole_numbers(at, 1)?,
            None => {
                let length = self.length_along(at, &value, axis)?;
                let each = (length + outputs - 1) / outputs;
                (0..outputs).map(|part| each.min(length - part * each).max(0)).collect()
            }
        };
        let mut start = 0_i64;
        let mut parts = Vec::with_capacity(sizes.len());
        for size in sizes {
            let end = start.saturating_add(size);
            let range = Part::Range { start, end: end.into(), step: 1 };
            parts.push(self.part(at, value.clone(), axis, range, true)?);
            start = end;
        }
        Ok(parts)
    }

    pub(super) fn length_along(&self, at: At<'_>, value: &Value, axis: i64) -> Result<i64> {
        let shape: Vec<Size> = match value {
            Value::Constant(tensor) => tensor.shape().iter().map(|&axis| axis.into()).collect(),
            Value::Array(array) => at.named(array.shape(&self.axes))?,
            Value::Filled { shape: Some(shape), .. } => shape.clone(),
            _ => return Err(at.error("it splits a length that is not known")),
        };
        let length = shape[at.axis(axis, shape.len())?].stated(&self.axes);
        length.ok_or_else(|| at.error("it splits a length that is not known"))
    }

    /// A part of a value along an axis.
    pub(super) fn part(
        &mut self,
        at: At<'_>,
        value: Value,
        axis: i64,
        part: Part,
        keeps_axis: bool,
    ) -> Result<Value> {
        match value {
            Value::Constant(tensor) => {
                let axis = at.axis(axis, tensor.shape().len())?;
                let indices = self.indices(at, &part, tensor.shape()[axis])?;
                Ok(Value::constant(self.picked(at, &tensor, axis, &indices, keeps_axis)?))
            }
            Value::Sizes { sizes, .. } => {
                at.axis(axis, 1)?;
                let indices = self.indices(at, &part, sizes.len())?;
                at.named(Value::sizes(
                    indices.iter().map(|&index| sizes[index].clone()).collect(),
                    !keeps_axis,
                ))
            }
            Value::Filled { number, .. } => Ok(Value::Filled { number, shape: None }),
            Value::IsOne(axis) => Ok(Value::IsOne(axis)),
            Value::Mask(_) | Value::Sum(_) => Err(masks::refused(at)),
            Value::Array(array) => self.part_of_array(at, array, axis, part, keeps_axis).map(Value::Array),
        }
    }

    /// Which indices a part is, of an axis of that length.
    fn indices(&self, at: At<'_>, part: &Part, length: usize) -> Result<Vec<usize>> {
        let count = length as i64;
        match part {
            Part::Indices(indices) => indices.iter().map(|&index| at.axis(index, length)).collect(),
            Part::Range { start, end, step } => {
                let end =
                    end.stated(&self.axes).ok_or_else(|| at.error("it takes a part that is not known"))?;
                let counted = |index: i64| if index < 0 { index.saturating_add(count) } else { index };
                let (start, end) = (counted(*start), counted(end));
                match step {
                    1.. => {
                        let range = start.clamp(0, count) as usize..end.clamp(0, count).max(0) as usize;
                        Ok(range.step_by(usize::try_from(*step).unwrap_or(usize::MAX)).collect())
                    }
                    ..=-1 => {
                        let (first, last) = (start.clamp(-1, count - 1), end.clamp(-1, count - 1));
                        let down = (last + 1..=first).rev();
                        let step = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
                        Ok(down.step_by(step).map(|index| index as usize).collect())
                    }
                    0 => Err(at.error("it takes steps of 0")),
                }
            }
        }
    }

    fn part_of_array(
        &mut self,
        at: At<'_>,
        mut array: Array,
        axis: i64,
        part: Part,
        keeps_axis: bool,
    ) -> Result<Array> {
        let place = at.axis(axis, array.axes.len())?;
        array = self.settled(array);
        if let (Content::Input(_), Axis::Open(id), 0, 3) =
            (&array.content, &array.axes[place], place, array.axes.len())
            && self.axes.role(*id).is_none()
            && self.axes.length(*id).is_some()
        {
            // A part along the first of three axes is that of a state.
            at.named(self.axes.set_role(*id, Role::Stack))?;
            array = self.settled(array);
        }
        match array.axes[place].clone() {
            Axis::Open(id) if self.is_features(&array, place, id, &part) => {
                let factor = self.features_at(at, &mut array, place, None).map(|_| 0)?;
                let indices = self.indices(at, &part, array.features())?;
                self.part_of_features(at, array, place, factor, &indices, keeps_axis)
            }
            Axis::Open(id) => self.part_of_steps(at, array, place, id, &part, keeps_axis),
            Axis::Stack => {
                let Content::States(pieces) = &mut array.content else {
                    return Err(at.error("it takes a part of something that is no state"));
                };
                let indices = self.indices(at, &part, pieces.len())?;
                *pieces = indices.iter().map(|&index| pieces[index].clone()).collect();
                if pieces.is_empty() {
                    return Err(at.error("it takes no state"));
                }
                if !keeps_axis {
                    array.axes.remove(place);
                }
                Ok(array)
            }
            Axis::Factor(factor) => {
                let indices = self.indices(at, &part, array.factors[factor])?;
                self.part_of_features(at, array, place, factor, &indices, keeps_axis)
            }
            Axis::One => {
                if self.indices(at, &part, 1)? != [0] {
                    return Err(at.error("it takes no part of an axis of length 1"));
                }
                if !keeps_axis {
                    array.axes.remove(place);
                }
                Ok(array)
            }
            Axis::Merged(_) => Err(at.error("it takes a part of sequences and steps on one axis")),
        }
    }

    /// Whether a part of an axis of an input that nothing is known of is one of its features: of the last axis, with ends in it.
    fn is_features(&self, array: &Array, place: usize, id: Id, part: &Part) -> bool {
        let Some(length) = self.axes.length(id) else { return false };
        let whole = |end: &Size| end.stated(&self.axes).is_some_and(|end| end >= length as i64);
        place > 0
            && place + 1 == array.axes.len()
            && self.axes.role(id).is_none()
            && matches!(array.content, Content::Input(index) if !self.inputs[index].is_ids)
            && !matches!(part, Part::Range { start: 0, end, step: 1 } if whole(end))
    }

    /// Every so many of the steps, from the first on: a window of one step that passes over the others.
    fn every(&mut self, at: At<'_>, mut array: Array, place: usize, stride: usize) -> Result<Array> {
        if array.axes[place] == Axis::One {
            return Ok(array);
        }
        if array.axes.len() == 3 && array.factors.is_empty() {
            // Of an input nothing may be known of its axes yet.
            self.role_at(at, &array, place, Role::Time)?;
            self.features_at(at, &mut array, if place == 0 { 2 } else { 3 - place }, None)?;
        }
        let features = array.features();
        self.spend(at, features)?;
        let (array, from) = self.time_alone(at, array, place, |length| Some(length.div_ceil(stride)))?;
        let window =
            Conv1dLayer::new(features, 1).groups(features).stride(stride).bias(false).trainable(false);
        let layer = self.add(at, window, vec![from]);
        self.weight(&layer, "weight", &[features, 1, 1], vec![1.0; features]);
        Ok(Array { content: Content::Rows { layer, time: Time::Steps }, ..array })
    }

    fn part_of_features(
        &mut self,
        at: At<'_>,
        array: Array,
        place: usize,
        factor: usize,
        indices: &[usize],
        keeps_axis: bool,
    ) -> Result<Array> {
        let runs = indices.windows(2).all(|pair| pair[1] == pair[0] + 1);
        let (Some(&first), true) = (indices.first(), runs) else {
            return Err(at.error("it takes features that do not follow one another"));
        };
        let mut array = self.rows(at, array)?;
        if indices.len() < array.factors[factor] {
            if factor != 0 {
                return Err(at.error("it takes a part of an inner axis of features"));
            }
            let inner: usize = array.factors[1..].iter().product();
            let from = vec![self.source(at, &array)?];
            let layer = self.add(at, SliceLayer::new(first * inner, indices.len() * inner), from);
            array.content = Content::Rows { layer, time: Self::time_of(&array) };
            array.factors[0] = indices.len();
        }
        match keeps_axis {
            true => Ok(array),
            false => self.dropped(at, array, &[place]),
        }
    }

    /// One step, all or every so many of them but some at the ends, or all from the last to the first.
    fn part_of_steps(
        &mut self,
        at: At<'_>,
        mut array: Array,
        place: usize,
        id: Id,
        part: &Part,
        keeps_axis: bool,
    ) -> Result<Array> {
        let size = Size::of_axis(id);
        let length = self.axes.length(id).map(|length| length as i64);
        let is_end = |end: &Size| {
            end.equals(&size, &self.axes)
                || end.stated(&self.axes).is_some_and(|end| {
                    end >= i64::from(i32::MAX) || length.is_some_and(|length| end >= length)
                })
        };
        let from_end = |start: i64| start == -1 || length.is_some_and(|length| start == length - 1);
        let to_begin = |end: &Size| end.stated(&self.axes).is_some_and(|end| end <= -i64::from(i32::MAX));
        let which = match part {
            Part::Range { start: 0, end, step: 1 } if is_end(end) => return Ok(array),
            Part::Range { start: -1, end, step: -1 } if to_begin(end) => Which::Reversed,
            Part::Range { start, end, step: 1 } if from_end(*start) && is_end(end) => Which::Last,
            Part::Range { start: 0, end, step: 1 } if end.number() == Some(1) => Which::First,
            Part::Indices(indices) if indices.len() == 1 && from_end(indices[0]) => Which::Last,
            Part::Indices(indices) if *indices == [0] => Which::First,
            Part::Indices(indices) if indices.len() == 1 => {
                let index = indices[0];
                let is_there = length.is_none_or(|length| index < length && index >= -length);
                // What is left out before it, or behind it where it is counted from the end.
                let [left_out, end] = if index < 0 { [-1 - index, -1] } else { [index, 0] };
                let count = usize::try_from(left_out).ok().filter(|_| left_out <= i64::from(i32::MAX));
                let Some(count) = count.filter(|_| is_there) else { return Err(at.error(OTHER_STEPS)) };
                let around = if index < 0 { [0, count] } else { [count, 0] };
                let array = self.cropped(at, array, place, around)?;
                return self
                    .part(at, Value::Array(array), place as i64, Part::Indices(vec![end]), keeps_axis)
                    .and_then(|value| match value {
                        Value::Array(array) => Ok(array),
                        _ => Err(at.error(OTHER_STEPS)),
                    });
            }
            Part::Range { start, end, step: step @ 2.. } => {
                let rest = Part::Range { start: *start, end: end.clone(), step: 1 };
                let array = self.part_of_steps(at, array, place, id, &rest, true)?;
                return self.every(at, array, place, usize::try_from(*step).unwrap_or(usize::MAX));
            }
            // Ends that count from the end, or reach it, hold for any length; others for the one that is stated.
            Part::Range { start: start @ 0.., end, step: 1 } => {
                let end = if is_end(end) {
                    Some(0)
                } else {
                    end.number().filter(|&end| end < 0).and_then(i64::checked_neg)
                };
                let stated = |length: i64| {
                    let Part::Range { end, .. } = part else { return None };
                    length.checked_sub(end.stated(&self.axes)?).filter(|&after| after >= 0)
                };
                match end.or_else(|| stated(length?)) {
                    Some(after) => return self.cropped(at, array, place, [*start as usize, after as usize]),
                    None => return Err(at.error(OTHER_STEPS)),
                }
            }
            _ => {
                return Err(at.error(OTHER_STEPS));
            }
        };
        at.named(self.axes.set_role(id, Role::Time))?;
        if which == Which::First
            && let Some(from) = self.before_turning(at, &array)
        {
            return Ok(self.pooled_from(at, array, place, Pool::Last, from, keeps_axis));
        }
        let mut from = self.steps(at, &mut array)?;
        self.mixes_steps.get_or_insert_with(|| at.described());
        // The first step is the last of the reversed ones.
        if which != Which::Last {
            from = self.add(at, ReverseLayer::new(), vec![from]);
        }
        if which == Which::Reversed {
            array.content = Content::Rows { layer: from, time: Time::Steps };
            return Ok(array);
        }
        Ok(self.pooled_from(at, array, place, Pool::Last, from, keeps_axis))
    }
}
