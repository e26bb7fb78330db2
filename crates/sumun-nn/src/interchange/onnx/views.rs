//! Nodes that move axes and compute nothing: transposes, reshapes, axes of length 1.

use sumun_formats::Tensor;

use super::axes::Size;
use super::graph::Reader;
use super::masks;
use super::node::At;
use super::reshape::Wanted;
use super::value::{Array, Axis, Value};
use crate::Result;

impl Reader<'_> {
    pub(super) fn transpose(&mut self, at: At<'_>) -> Result<Value> {
        let value = self.input(at, 0)?;
        let rank = match &value {
            Value::Constant(tensor) => tensor.shape().len(),
            Value::Array(array) => array.axes.len(),
            Value::Filled { shape: Some(shape), .. } => shape.len(),
            Value::Filled { shape: None, .. } | Value::IsOne(_) => return Ok(value),
            Value::Sizes { .. } => 1,
            Value::Mask(mask) => mask.axes.len(),
            Value::Sum(_) => return Err(masks::refused(at)),
        };
        let order = match at.ints("perm")? {
            None => (0..rank).rev().collect(),
            Some(order) => order.iter().map(|&axis| at.axis(axis, rank)).collect::<Result<Vec<_>>>()?,
        };
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if sorted != (0..rank).collect::<Vec<_>>() {
            return Err(at.error(format!("{order:?} is no order of {rank} axes")));
        }
        Ok(match value {
            Value::Constant(tensor) => Value::constant(self.transposed(at, &tensor, &order)?),
            Value::Array(mut array) => {
                array.axes = order.iter().map(|&axis| array.axes[axis].clone()).collect();
                Value::Array(array)
            }
            Value::Mask(mut mask) => {
                mask.axes = order.iter().map(|&axis| mask.axes[axis].clone()).collect();
                Value::Mask(mask)
            }
            Value::Filled { number, shape } => {
                let shape = shape.map(|shape| order.iter().map(|&axis| shape[axis].clone()).collect());
                Value::Filled { number, shape }
            }
            value => value,
        })
    }

    /// The axes that a node names, in a setting or, in newer files, in an input.
    fn axes_named(&mut self, at: At<'_>, input: usize) -> Result<Option<Vec<i64>>> {
        match at.ints("axes")? {
            Some(axes) => Ok(Some(axes.to_vec())),
            None if at.has(input) => self.whole_numbers(at, input).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn squeeze(&mut self, at: At<'_>) -> Result<Value> {
        let axes = self.axes_named(at, 1)?;
        match self.input(at, 0)? {
            Value::Constant(tensor) => {
                let shape = tensor.shape();
                let gone = gone(at, axes.as_deref(), shape.len(), |axis| shape[axis] == 1)?;
                if let Some(&axis) = gone.iter().find(|&&axis| shape[axis] != 1) {
                    return Err(at.error(format!("an axis of length {} is left out", shape[axis])));
                }
                let kept = without(shape, &gone);
                Ok(Value::constant(self.shaped(at, &tensor, kept)?))
            }
            Value::Sizes { sizes, .. } if sizes.len() == 1 => at.named(Value::sizes(sizes, true)),
            Value::Sizes { .. } => Err(at.error("a list of several numbers cannot be one")),
            Value::IsOne(axis) => Ok(Value::IsOne(axis)),
            Value::Filled { number, shape } => {
                let shape = match shape {
                    None => None,
                    Some(shape) => {
                        let is_one = |axis: usize| shape[axis].number() == Some(1);
                        Some(without(&shape, &gone(at, axes.as_deref(), shape.len(), is_one)?))
                    }
                };
                Ok(Value::Filled { number, shape })
            }
            Value::Mask(mut mask) => {
                let gone = gone(at, axes.as_deref(), mask.axes.len(), |axis| mask.axes[axis] == Axis::One)?;
                if gone.iter().any(|&axis| mask.axes[axis] != Axis::One) {
                    return Err(masks::refused(at));
                }
                mask.axes = without(&mask.axes, &gone);
                Ok(Value::Mask(mask))
            }
            Value::Sum(_) => Err(masks::refused(at)),
            Value::Array(array) => {
                let sizes = at.named(array.shape(&self.axes))?;
                let is_one = |axis: usize| sizes[axis].stated(&self.axes) == Some(1);
                let gone = gone(at, axes.as_deref(), sizes.len(), is_one)?;
                self.dropped(at, array, &gone).map(Value::Array)
            }
        }
    }

    /// The array without axes, which must have the length 1.
    pub(super) fn dropped(&mut self, at: At<'_>, mut array: Array, gone: &[usize]) -> Result<Array> {
        for &axis in gone {
            match &array.axes[axis] {
                Axis::One => {}
                Axis::Open(id) => at.named(self.axes.expect_one(*id))?,
                axis if at.named(array.size(axis, &self.axes))?.number() == Some(1) => {}
                _ => return Err(at.error("an axis of several features or directions is left out")),
            }
            if let Axis::Factor(factor) = array.axes[axis] {
                array = without_factor(array, factor);
            }
        }
        array.axes = without(&array.axes, gone);
        Ok(array)
    }

    pub(super) fn unsqueeze(&mut self, at: At<'_>) -> Result<Value> {
        let axes = self.axes_named(at, 1)?.unwrap_or_default();
        let value = self.input(at, 0)?;
        let rank = match &value {
            Value::Constant(tensor) => tensor.shape().len(),
            Value::Array(array) => array.axes.len(),
            Value::Sizes { is_scalar, .. } => usize::from(!is_scalar),
            Value::Filled { shape: Some(shape), .. } => shape.len(),
            Value::Mask(mask) => mask.axes.len(),
            Value::Filled { shape: None, .. } | Value::IsOne(_) => return Ok(value),
            Value::Sum(_) => return Err(masks::refused(at)),
        };
        let new_rank = rank + axes.len();
        let mut places = axes.iter().map(|&axis| at.axis(axis, new_rank)).collect::<Result<Vec<_>>>()?;
        places.sort_unstable();
        places.dedup();
        if places.len() != axes.len() {
            return Err(at.error("it adds an axis twice"));
        }
        Ok(match value {
            Value::Constant(tensor) => {
                let mut shape = tensor.shape().to_vec();
                places.iter().for_each(|&place| shape.insert(place, 1));
                Value::constant(self.shaped(at, &tensor, shape)?)
            }
            Value::Array(mut array) => {
                places.iter().for_each(|&place| array.axes.insert(place, Axis::One));
                Value::Array(array)
            }
            Value::Sizes { sizes, is_scalar: true } if places.len() == 1 => {
                Value::Sizes { sizes, is_scalar: false }
            }
            Value::Sizes { .. } => return Err(at.error("a list of lengths with several axes")),
            Value::Filled { number, shape } => {
                let shape = shape.map(|mut shape| {
                    places.iter().for_each(|&place| shape.insert(place, Size::from(1_i64)));
                    shape
                });
                Value::Filled { number, shape }
            }
            Value::Mask(mut mask) => {
                places.iter().for_each(|&place| mask.axes.insert(place, Axis::One));
                Value::Mask(mask)
            }
            value @ (Value::IsOne(_) | Value::Sum(_)) => value,
        })
    }

    pub(super) fn reshape(&mut self, at: At<'_>) -> Result<Value> {
        let target = match at.ints("shape")? {
            Some(shape) => shape.iter().map(|&length| Size::from(length)).collect(),
            None => {
                let sizes = self.input(at, 1)?.as_sizes();
                sizes.ok_or_else(|| at.error("its shape is not known"))?.0
            }
        };
        let keeps_zero = at.int_or("allowzero", 0)? != 0;
        let wanted = |size: &Size, index: usize| match size.number() {
            Some(-1) => Wanted::Rest,
            Some(0) if !keeps_zero => Wanted::Same(index),
            _ => Wanted::Size(size.clone()),
        };
        let target: Vec<Wanted> =
            target.iter().enumerate().map(|(index, size)| wanted(size, index)).collect();
        match self.input(at, 0)? {
            Value::Array(array) => self.reshaped(at, array, &target).map(Value::Array),
            Value::Filled { number, .. } => Ok(Value::Filled { number, shape: None }),
            Value::IsOne(axis) => Ok(Value::IsOne(axis)),
            Value::Mask(_) | Value::Sum(_) => Err(masks::refused(at)),
            Value::Sizes { sizes, .. } => match target.len() {
                0 | 1 => at.named(Value::sizes(sizes, target.is_empty())),
                _ => Err(at.error("a list of lengths with several axes")),
            },
            Value::Constant(tensor) => {
                let shape = self.constant_shape(at, &tensor, &target)?;
                Ok(Value::constant(self.shaped(at, &tensor, shape)?))
            }
        }
    }

    fn constant_shape(&self, at: At<'_>, tensor: &Tensor, target: &[Wanted]) -> Result<Vec<usize>> {
        let mut shape = Vec::with_capacity(target.len());
        for wanted in target {
            shape.push(match wanted {
                Wanted::Rest => None,
                Wanted::Same(axis) => {
                    Some(*tensor.shape().get(*axis).ok_or_else(|| at.error("no such axis"))?)
                }
                Wanted::Size(size) => {
                    let number = size.stated(&self.axes).and_then(|number| usize::try_from(number).ok());
                    Some(number.ok_or_else(|| at.error("a constant is put in a shape that is not known"))?)
                }
            });
        }
        let known = shape.iter().flatten().try_fold(1_usize, |product, &axis| product.checked_mul(axis));
        let rest = known.and_then(|known| tensor.data().len().checked_div(known)).unwrap_or(0);
        Ok(shape.into_iter().map(|axis| axis.unwrap_or(rest)).collect())
    }

    pub(super) fn flatten(&mut self, at: At<'_>) -> Result<Value> {
        let array = self.array(at, 0)?;
        let rank = array.axes.len() as i64;
        let axis = at.int_or("axis", 1)?;
        let axis = (if axis < 0 { axis + rank } else { axis }).clamp(0, rank) as usize;
        let sizes = at.named(array.shape(&self.axes))?;
        let product = |sizes: &[Size]| {
            sizes.iter().try_fold(Size::from(1_i64), |product, size| product.times(size)).map(Wanted::Size)
        };
        let target = [at.named(product(&sizes[..axis]))?, at.named(product(&sizes[axis..]))?];
        self.reshaped(at, array, &target).map(Value::Array)
    }
}

/// The axes that are left out: those named, or all of length 1.
fn gone(
    at: At<'_>,
    named: Option<&[i64]>,
    rank: usize,
    is_one: impl Fn(usize) -> bool,
) -> Result<Vec<usize>> {
    match named {
        None => Ok((0..rank).filter(|&axis| is_one(axis)).collect()),
        Some(axes) => axes.iter().map(|&axis| at.axis(axis, rank)).collect(),
    }
}

fn without<T: Clone>(list: &[T], gone: &[usize]) -> Vec<T> {
    let kept = list.iter().enumerate().filter(|(index, _)| !gone.contains(index));
    kept.map(|(_, item)| item.clone()).collect()
}

/// The array without a factor of 1 of its features.
fn without_factor(mut array: Array, factor: usize) -> Array {
    array.factors.remove(factor);
    for axis in &mut array.axes {
        if let Axis::Factor(other) = axis {
            if *other == factor {
                *axis = Axis::One;
            } else if *other > factor {
                *other -= 1;
            }
        }
    }
    array
}
