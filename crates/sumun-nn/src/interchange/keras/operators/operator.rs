//! An operator that is being read, and what it computes with.

use sumun_formats::keras::{Call, Layer, Source, Value};

use super::super::activations::Meaning;
use super::super::flow::{Flow, Shape};
use super::super::graph::Graph;
use super::super::laid::Laid;
use super::super::names::refused;
use super::super::settings::Options;
use crate::Result;
use crate::model::LayerConfig;
use crate::nn::ActivationFunction::Affine;

/// An operator that is being read.
pub(super) struct Operator<'a, 'g> {
    pub(super) graph: &'g mut Graph,
    pub(super) layer: &'a Layer,
    pub(super) call: &'a Call,
    pub(super) options: Options<'a>,
}

/// What an operator computes with.
pub(super) enum Operand {
    Tensor(Laid),
    Number(f64),
    /// Numbers for the last axis.
    Numbers(Vec<f32>),
}

impl Operator<'_, '_> {
    pub(super) fn error(&self, why: impl std::fmt::Display) -> crate::Error {
        refused(self.layer, why)
    }

    /// Refuses more or fewer arguments.
    pub(super) fn expect(&self, count: usize) -> Result<()> {
        let settings =
            self.call.settings.iter().all(|(name, _)| name.parse().is_ok_and(|place: usize| place < count));
        match self.call.arguments.len() == count && settings {
            true => Ok(()),
            false => {
                Err(self.error(format!("it has {} arguments; {count} are read", self.call.arguments.len())))
            }
        }
    }

    pub(super) fn operand(&mut self, place: usize) -> Result<Operand> {
        if self.call.arguments.get(place).is_some_and(|sources| !sources.is_empty()) {
            return self.tensor(place).map(Operand::Tensor);
        }
        let Some(value) = self.call.settings.get(&place.to_string()) else {
            return Err(self.error(format!("its argument {} is missing", place + 1)));
        };
        if let Some(number) = value.as_number() {
            return Ok(Operand::Number(number));
        }
        let config = value.as_object().and_then(|object| object.get("config")).and_then(Value::as_object);
        let Some(mut values) = config.and_then(|config| config.get("value")) else {
            return Err(
                self.error(format!("it computes with {value}, which is neither a tensor nor numbers"))
            );
        };
        // Axes of length 1 before the last say nothing.
        while let Some([inner @ (Value::List(_) | Value::Integer(_) | Value::Number(_))]) = values.as_list() {
            values = inner;
        }
        if let Some(number) = values.as_number() {
            return Ok(Operand::Number(number));
        }
        let numbers: Option<Vec<f32>> = values.as_list().and_then(|list| {
            list.iter().map(|value| value.as_number().map(|number| number as f32)).collect()
        });
        match numbers {
            Some(numbers) if !numbers.is_empty() => Ok(Operand::Numbers(numbers)),
            _ => Err(self.error(
                "it computes with an array of several axes; one number, or one for each feature, is read",
            )),
        }
    }

    pub(super) fn tensor(&mut self, place: usize) -> Result<Laid> {
        match self.call.arguments.get(place).map(Vec::as_slice) {
            Some([source]) => self.laid(source),
            _ => Err(self.error(format!("its argument {} is no tensor", place + 1))),
        }
    }

    pub(super) fn laid(&mut self, source: &Source) -> Result<Laid> {
        match self.graph.as_laid(source) {
            Some(laid) => Ok(laid),
            None => self.graph.flow(self.layer, source).map(Laid::of),
        }
    }

    /// Appends a layer behind rows, which then are of this shape.
    pub(super) fn push(&mut self, laid: Laid, own: impl Into<LayerConfig>, shape: Shape) -> Laid {
        let name = self.graph.fresh(&self.graph.own_name());
        let mask = laid.flow.mask.filter(|_| matches!(shape, Shape::Steps { .. }));
        Laid { flow: self.graph.push(name, own, &[&laid.flow.from], shape, mask), ..laid }
    }

    /// Appends a layer that computes with several steps, masked or not, so that no mask is of what it returns.
    pub(super) fn push_over_steps(&mut self, laid: Laid, own: impl Into<LayerConfig>, shape: Shape) -> Laid {
        self.graph.cross(self.layer, &laid.flow);
        self.push(Laid { flow: Flow { mask: None, ..laid.flow }, ..laid }, own, shape)
    }

    pub(super) fn push_meaning(&mut self, laid: Laid, meaning: Meaning) -> Result<Laid> {
        let stem = self.graph.own_name();
        let flow = self.graph.push_named(self.layer, &stem, meaning, laid.flow)?;
        Ok(Laid { flow, ..laid })
    }

    pub(super) fn affine(&mut self, laid: Laid, alpha: f64, beta: f64) -> Result<Laid> {
        self.push_meaning(laid, Meaning::Functions(vec![Affine { alpha, beta }]))
    }

    /// Which axis a number is, counted from either end.
    pub(super) fn place(&self, axis: i64, rank: usize) -> Result<usize> {
        let place = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        let place = usize::try_from(place).ok().filter(|&place| place < rank);
        place.ok_or_else(|| self.error(format!("its axis is {axis} of {rank}")))
    }

    /// The only axis that its setting `axis` names.
    pub(super) fn axis(&self, laid: &Laid) -> Result<usize> {
        let value = self.options.value("axis");
        let axis = match value {
            Some(Value::List(axes)) if axes.len() == 1 => axes.first(),
            value => value,
        };
        match axis {
            Some(Value::Integer(axis)) => self.place(*axis, laid.axes.len()),
            _ => Err(self.error("it does not name one axis; one is read")),
        }
    }

    /// The axes that a setting names, of so many.
    pub(super) fn axes(&self, rank: usize) -> Result<Option<Vec<usize>>> {
        let axes = match self.options.value("axis") {
            None => return Ok(None),
            Some(Value::List(axes)) => axes.as_slice(),
            Some(axis) => std::slice::from_ref(axis),
        };
        let place = |axis: &Value| match axis {
            Value::Integer(axis) => self.place(*axis, rank),
            _ => Err(self.error(format!("its axis is {axis}"))),
        };
        let mut places = axes.iter().map(place).collect::<Result<Vec<_>>>()?;
        places.sort_unstable();
        places.dedup();
        match places.len() == axes.len() {
            true => Ok(Some(places)),
            false => Err(self.error("it names an axis twice")),
        }
    }
}
