//! What is known of a value of a graph without running it.

use std::rc::Rc;

use sumun_formats::{Data, ElementType, Tensor};

use super::axes::{Axes, Id, Size};
use crate::Result;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// An array that is known.
    Constant(Rc<Tensor>),
    /// Whole numbers that depend on lengths: a list, or one number where `is_scalar`.
    Sizes { sizes: Vec<Size>, is_scalar: bool },
    /// One number everywhere, in an array whose shape may depend on lengths, and may be of no interest.
    Filled { number: f64, shape: Option<Vec<Size>> },
    /// Whether an axis whose length is open has the length 1.
    IsOne(Id),
    /// Which steps the lengths of sequences leave, or what they are compared with.
    Mask(Mask),
    /// A sum over the steps that lengths leave.
    Sum(Box<Sum>),
    /// What the model reads, computes, or carries as a state.
    Array(Array),
}

impl Value {
    pub(super) fn constant(tensor: Tensor) -> Self {
        Self::Constant(Rc::new(tensor))
    }

    /// Whole numbers: a constant where they depend on nothing.
    pub(super) fn sizes(sizes: Vec<Size>, is_scalar: bool) -> Result<Self> {
        let numbers: Option<Vec<i64>> = sizes.iter().map(Size::number).collect();
        Ok(match numbers {
            Some(numbers) => {
                let shape = if is_scalar { Vec::new() } else { vec![numbers.len()] };
                Self::constant(Tensor::new(ElementType::I64, shape, Data::I64(numbers), "graph")?)
            }
            None => Self::Sizes { sizes, is_scalar },
        })
    }

    /// The value as whole numbers, and whether it is one alone; None of anything else.
    pub(super) fn as_sizes(&self) -> Option<(Vec<Size>, bool)> {
        match self {
            Self::Sizes { sizes, is_scalar } => Some((sizes.clone(), *is_scalar)),
            Self::Constant(tensor) if tensor.shape().len() < 2 => {
                let numbers = tensor.to_i64().ok()?;
                Some((numbers.into_iter().map(Size::from).collect(), tensor.shape().is_empty()))
            }
            _ => None,
        }
    }
}

/// Truths of steps, or what they are compared with.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    pub(super) kind: MaskKind,
    /// Axes of sequences, of steps, and of length 1.
    pub(super) axes: Vec<Axis>,
}

/// What a [`Mask`] has at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MaskKind {
    /// The number of the step, from 0.
    Number,
    /// Whether the step is before its sequence's end.
    There,
    /// Whether it is not.
    Past,
}

/// Sums over the steps that are there, which no layer is until they are divided by the lengths.
#[derive(Debug, Clone)]
pub(super) struct Sum {
    pub(super) array: Array,
    pub(super) place: usize,
    pub(super) keeps_axis: bool,
}

/// Rows or states with their axes in the order of the graph.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    pub(super) content: Content,
    pub(super) axes: Vec<Axis>,
    /// The features are one index of so many, the last the fastest, where the graph has them on several axes; none of one
    /// feature.
    pub(super) factors: Vec<usize>,
}

/// Where an array comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// An input of the graph.
    Input(usize),
    /// The rows of a layer.
    Rows { layer: String, time: Time },
    /// States side by side, on the axis [`Axis::Stack`] where there are several.
    States(Vec<Piece>),
}

/// Whether a source has a row at every step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    Steps,
    Once,
    /// As this input of the graph.
    Of(usize),
}

/// One state of one direction.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// Of an input of the graph, its place on the stack.
    Input { input: usize, index: usize },
    /// After the last step of a layer.
    Layer { layer: String, part: Part, direction: usize },
}

/// Which state of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Hidden,
    Cell,
}

/// An axis of an array.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Axis {
    /// Of length 1.
    One,
    /// Sequences or steps, or not known yet.
    Open(Id),
    /// A factor of the features.
    Factor(usize),
    /// The states of an array of states.
    Stack,
    /// Sequences and steps on one axis.
    Merged(Vec<Id>),
}

impl Array {
    /// F: how many features there are.
    pub(super) fn features(&self) -> usize {
        self.factors.iter().product()
    }

    pub(super) fn size(&self, axis: &Axis, axes: &Axes) -> Result<Size> {
        Ok(match axis {
            Axis::One => Size::from(1_i64),
            Axis::Open(id) => Size::of_axis(*id).settled(axes),
            Axis::Factor(factor) => Size::from(self.factors[*factor]),
            Axis::Stack => match &self.content {
                Content::States(pieces) => Size::from(pieces.len()),
                _ => Size::from(1_i64),
            },
            Axis::Merged(ids) => {
                let mut product = Size::from(1_i64);
                for &id in ids {
                    product = product.times(&Size::of_axis(id))?;
                }
                product.settled(axes)
            }
        })
    }

    /// The length of every axis.
    pub(super) fn shape(&self, axes: &Axes) -> Result<Vec<Size>> {
        self.axes.iter().map(|axis| self.size(axis, axes)).collect()
    }
}
