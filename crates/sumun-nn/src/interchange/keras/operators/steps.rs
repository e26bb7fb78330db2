//! Steps that are added, repeated and summed up, and numbers that a comparison chooses.

use sumun_formats::keras::Value;

use super::super::activations::Meaning;
use super::super::flow::Shape;
use super::super::laid::{Axis, Laid};
use super::super::matrices::diagonal;
use super::super::output::Output;
use super::super::rows;
use super::operator::{Operand, Operator};
use crate::Result;
use crate::nn::ActivationFunction::{Affine, LeakyRelu, Linear, Relu, ThresholdedRelu};
use crate::nn::{Biases, PadLayer, PadMode, RecurrentLayer};

impl Operator<'_, '_> {
    /// Steps before and after every sequence.
    pub(super) fn padded(&mut self) -> Result<Laid> {
        let value = match self.call.settings.get("constant_values") {
            None => 0.0,
            Some(value) => {
                value.as_number().ok_or_else(|| self.error("it pads with other than one number"))?
            }
        };
        let is_known = |(name, _): (&str, &Value)| name == "constant_values";
        if self.call.arguments.len() != 1 || !self.call.settings.iter().all(is_known) {
            return Err(self.error("it reads more than one tensor"));
        }
        let laid = self.tensor(0)?;
        let mode = match self.options.text("mode")? {
            None | Some("constant") => PadMode::Constant,
            Some("edge") => PadMode::Edge,
            Some("reflect") => PadMode::Reflect,
            Some(other) => {
                return Err(self.error(format!("its mode {other} is none of constant, edge and reflect")));
            }
        };
        let pair = |value: &Value| match value.as_list()? {
            [before, after] => Some([before.as_size()?, after.as_size()?]),
            _ => None,
        };
        let widths: Option<Vec<[usize; 2]>> = self
            .options
            .value("pad_width")
            .and_then(Value::as_list)
            .and_then(|list| list.iter().map(pair).collect());
        let Some(widths) = widths.filter(|widths| widths.len() == laid.axes.len()) else {
            return Err(
                self.error(format!("its pad_width is not two numbers for each axis of {}", laid.described()))
            );
        };
        let mut around = [0, 0];
        for (axis, width) in laid.axes.iter().zip(&widths) {
            match axis {
                Axis::Steps => around = *width,
                _ if *width == [0, 0] => {}
                _ => {
                    return Err(
                        self.error(format!("it pads {} along other than the steps", laid.described()))
                    );
                }
            }
        }
        let [before, after] = around;
        if around == [0, 0] {
            return Ok(laid);
        }
        let features = laid.features();
        let time = laid.steps().flatten();
        self.graph.make(self.layer, before.saturating_add(after).saturating_mul(features))?;
        let time = match time {
            Some(time) => Some(
                time.checked_add(before)
                    .and_then(|time| time.checked_add(after))
                    .ok_or_else(|| self.error("it adds too many steps"))?,
            ),
            None => None,
        };
        let pad = PadLayer { mode, value: value as f32, ..PadLayer::new(before, after) };
        Ok(self.push_over_steps(laid, pad, Shape::Steps { time, features }))
    }

    /// The sum of the steps so far: a recurrent layer that adds what it reads to its state.
    pub(super) fn summed_up(&mut self, laid: Laid) -> Result<Laid> {
        let place = self.axis(&laid)?;
        let features = laid.features();
        if laid.axes[place] != Axis::Steps
            || self.options.flag("reverse", false)?
            || self.options.flag("exclusive", false)?
        {
            return Err(self.error(format!(
                "it sums up axis {place} of {}; steps, forwards, are read",
                laid.described()
            )));
        }
        if !matches!(self.options.value("dtype"), None | Some(Value::Null)) {
            return Err(self.error("it sums up in another type of numbers"));
        }
        let square = features.saturating_mul(features);
        self.graph.make(self.layer, square.saturating_mul(2))?;
        let mut sum =
            RecurrentLayer::rnn(features).biases(Biases::None).return_sequences(true).trainable(false);
        sum.options.candidate_activation = Some(Linear);
        let shape = laid.flow.shape;
        let laid = self.push_over_steps(laid, sum, shape);
        for leaf in ["weight_ih_l0", "weight_hh_l0"] {
            let one = diagonal(features, 1.0);
            self.graph.weight(&laid.flow.from, leaf, &[features, features], one);
        }
        Ok(laid)
    }

    /// A row that becomes several equal steps, or one number that becomes several features.
    pub(super) fn repeated_along(&mut self, laid: Laid) -> Result<Laid> {
        let place = self.axis(&laid)?;
        let count = self.options.size("repeats")?;
        match (laid.axes.as_slice(), laid.flow.shape, place) {
            (_, _, _) if count == 1 => Ok(laid),
            ([Axis::Sequences, Axis::One, Axis::Features], Shape::Once { .. }, 1) => {
                let name = self.graph.own_name();
                let flow = rows::repeated(self.graph, self.layer, laid.flow, count, &name)?;
                Ok(Laid { flow, axes: vec![Axis::Sequences, Axis::Steps, Axis::Features] })
            }
            (axes, _, place) if axes[place] == Axis::Features && laid.features() == 1 && count > 0 => {
                self.repeated(laid, count)
            }
            _ => Err(self.error(format!(
                "it repeats axis {place} of {} {count} times; here a row becomes steps, and one feature several",
                laid.described()
            ))),
        }
    }

    /// Whether numbers are above another one, for [`chosen`](Self::chosen).
    pub(super) fn compared(&mut self, class: &str) -> Result<Option<Output>> {
        if !matches!(class, "Greater" | "GreaterEqual") {
            return Ok(None);
        }
        self.expect(2)?;
        match (self.operand(0)?, self.operand(1)?) {
            // Where a number is 0 itself, both are alike to all that is chosen by it.
            (Operand::Tensor(laid), Operand::Number(number)) if class == "Greater" || number == 0.0 => {
                Ok(Some(Output::Above(laid, number)))
            }
            _ => Err(self.error("it compares other than a tensor with a number that it is above")),
        }
    }

    /// Numbers where they are above another one, and what they are elsewhere: a rectifier of some kind.
    pub(super) fn chosen(&mut self) -> Result<Laid> {
        self.expect(3)?;
        let condition = match self.call.arguments[0].as_slice() {
            [source] => self.graph.above(source),
            _ => None,
        };
        let Some((laid, threshold)) = condition else {
            return Err(
                self.error("what it chooses by is no comparison of a tensor with a number that it is above")
            );
        };
        let same = |operand: &Operand| matches!(operand, Operand::Tensor(other) if other.flow.from == laid.flow.from && other.axes == laid.axes);
        let (there, elsewhere) = (self.operand(1)?, self.operand(2)?);
        let function = match elsewhere {
            _ if !same(&there) => None,
            Operand::Number(0.0) if threshold == 0.0 => Some(Relu),
            Operand::Number(0.0) if threshold > 0.0 => Some(ThresholdedRelu { alpha: threshold }),
            Operand::Tensor(other) if threshold == 0.0 => match self.graph.function(&other.flow.from) {
                Some((Affine { alpha, beta: 0.0 }, from))
                    if from == laid.flow.from && other.axes == laid.axes =>
                {
                    self.graph.become_part(&other.flow.from);
                    Some(LeakyRelu { alpha })
                }
                _ => None,
            },
            _ => None,
        };
        match function {
            Some(function) => self.push_meaning(laid, Meaning::Functions(vec![function])),
            None => {
                Err(self
                    .error("it chooses between other numbers than those of a rectifier; no layer here does"))
            }
        }
    }
}
