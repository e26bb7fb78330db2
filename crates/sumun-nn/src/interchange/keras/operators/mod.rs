//! What Keras 3 writes for Python's operators on tensors and for the functions of `keras.ops`: parts, sums, products, means, and
//! axes that are moved, added and left out.

mod axes;
mod operator;
mod parts;
mod products;
mod several;
mod steps;

use sumun_formats::keras::{Call, Layer, Value};

use super::shares;
use crate::Result;
use crate::nn::ActivationFunction::{Affine, Elu, LeakyRelu};
use crate::nn::{Elementwise, SoftmaxLayer};
use operator::Operator;
use parts::Part;

use super::activations::{Meaning, Version, clipped, gelu, named, relu_to};
use super::flow::{Flow, MaskOf};
use super::graph::Graph;
use super::laid::{Axis, Laid};
use super::names::refused;
use super::output::Output;
use super::settings::Options;

/// What the class of an operator begins with.
pub(super) const PREFIX: &str = "ops.";

/// Reads an operator.
pub(super) fn read(graph: &mut Graph, layer: &Layer, call: &Call) -> Result<()> {
    let class = layer.class.strip_prefix(PREFIX).unwrap_or_default();
    if let Some((name, _)) = call.named.first() {
        return Err(refused(layer, format!("its argument {name} is not known here")));
    }
    if shares::read(graph, layer, call, class)? {
        return Ok(());
    }
    let mut operator = Operator { graph, layer, call, options: Options::new(layer) };
    // Layers of its own take its name, the first as it is.
    let name = operator.graph.own_name();
    operator.graph.release(&name);
    let part = match operator.of_products(class)? {
        None => operator.compared(class)?,
        part => part,
    };
    let results = if part.is_none() { operator.results(class)? } else { Vec::new() };
    let Operator { options, .. } = operator;
    graph.finish_options(options)?;
    if let Some(part) = part {
        let part = match part {
            Output::Laid(laid) => behind(laid),
            other => other,
        };
        graph.put_output(0, part);
        return Ok(());
    }
    for (output, laid) in results.into_iter().enumerate() {
        graph.put_output(output, behind(laid));
    }
    Ok(())
}

/// What an operator returns: a layer heeds no mask behind one.
fn behind(laid: Laid) -> Output {
    let mask = laid.flow.mask.map(MaskOf::forgotten);
    Output::Laid(Laid { flow: Flow { mask, ..laid.flow }, ..laid })
}

impl Operator<'_, '_> {
    fn results(&mut self, class: &str) -> Result<Vec<Laid>> {
        let laid = match class {
            "Concatenate" | "Stack" => self.joined(class == "Stack")?,
            "Add" | "Subtract" | "Multiply" | "TrueDivide" | "Divide" | "Power" | "Maximum" | "Minimum" => {
                self.expect(2)?;
                let (first, second) = (self.operand(0)?, self.operand(1)?);
                self.binary(class, first, second)?
            }
            "GetItem" => {
                self.expect(2)?;
                let laid = self.tensor(0)?;
                self.item(laid)?
            }
            "Take" => {
                self.expect(2)?;
                let laid = self.tensor(0)?;
                let Some(&Value::Integer(index)) = self.call.settings.get("1") else {
                    return Err(self.error("it takes several places by number; one, or a slice, is read"));
                };
                let place = self.axis(&laid)?;
                self.part(laid, place, Part::Index(index))?
            }
            "Split" => {
                self.expect(1)?;
                return self.split();
            }
            "Pad" => self.padded()?,
            "Where" => self.chosen()?,
            class => {
                self.expect(1)?;
                let laid = self.tensor(0)?;
                self.unary(class, laid)?
            }
        };
        Ok(vec![laid])
    }

    fn unary(&mut self, class: &str, laid: Laid) -> Result<Laid> {
        let number = |operator: &Self, name: &str, default: f64| {
            operator.options.number(name).map(|found| found.unwrap_or(default))
        };
        let function = match class {
            "Transpose" => return self.transposed(laid),
            "Swapaxes" => {
                let rank = laid.axes.len();
                let axes = ["axis1", "axis2"].map(|name| match self.options.value(name) {
                    Some(Value::Integer(axis)) => self.place(*axis, rank),
                    _ => Err(self.error(format!("it has no {name}"))),
                });
                let [first, second] = axes;
                let mut laid = laid;
                laid.axes.swap(first?, second?);
                return Ok(laid);
            }
            "Squeeze" => return self.squeezed(laid),
            "ExpandDims" => return self.expanded(laid),
            "Reshape" => return self.reshaped(laid),
            "Flip" => {
                let place = self.axis(&laid)?;
                return self.part(laid, place, Part::Range { start: None, stop: None, step: -1 });
            }
            "Sum" | "Mean" | "Max" => return self.reduced(class, laid),
            "Cumsum" => return self.summed_up(laid),
            "Repeat" => return self.repeated_along(laid),
            "Softmax" => {
                let place = match self.options.value("axis") {
                    None => laid.axes.len() - 1,
                    Some(_) => self.axis(&laid)?,
                };
                if laid.axes.get(place) != Some(&Axis::Features) {
                    return Err(self.error(
                        "it shares out over another axis than that of the features; no layer here does",
                    ));
                }
                let shape = laid.flow.shape;
                return Ok(self.push(laid, SoftmaxLayer::new(), shape));
            }
            "Cast" => {
                return match self.options.text("dtype")? {
                    None | Some("float32") => Ok(laid),
                    Some(other) => {
                        Err(self.error(format!("it makes {other} of its numbers; float32 is read")))
                    }
                };
            }
            "Identity" | "Copy" | "StopGradient" => return Ok(laid),
            "Negative" => Meaning::Functions(vec![Affine { alpha: -1.0, beta: 0.0 }]),
            "Absolute" | "Abs" => Meaning::Elementwise(Elementwise::Abs),
            "Sqrt" => Meaning::Elementwise(Elementwise::Sqrt),
            "Rsqrt" => Meaning::Elementwise(Elementwise::Power { exponent: -0.5 }),
            "Square" => Meaning::Elementwise(Elementwise::Square),
            "Exp" => Meaning::Elementwise(Elementwise::Exp),
            "Log" => Meaning::Elementwise(Elementwise::Log),
            "Erf" => Meaning::Elementwise(Elementwise::Erf),
            "Reciprocal" => Meaning::Elementwise(Elementwise::Power { exponent: -1.0 }),
            "Gelu" => gelu(self.options.flag("approximate", true)?),
            "Elu" | "Celu" if number(self, "alpha", 1.0)? == 1.0 => {
                Meaning::Functions(vec![Elu { alpha: 1.0 }])
            }
            "Elu" => Meaning::Functions(vec![Elu { alpha: number(self, "alpha", 1.0)? }]),
            "LeakyRelu" => {
                Meaning::Functions(vec![LeakyRelu { alpha: number(self, "negative_slope", 0.2)? }])
            }
            "Relu6" => Meaning::Functions(relu_to(6.0)),
            "Clip" => {
                let (least, most) = (number(self, "x_min", f64::NAN)?, number(self, "x_max", f64::NAN)?);
                match clipped(least, most) {
                    Some(functions) => Meaning::Functions(functions),
                    None => {
                        return Err(self.error("it does not hold numbers between a lower and a higher one"));
                    }
                }
            }
            class => match by_name(class) {
                Some(name) => named(self.layer, name, Version::Three)?,
                None => return Err(self.error("a model here has no layer of this class")),
            },
        };
        self.push_meaning(laid, function)
    }
}

/// Operators that are activations without constants.
fn by_name(class: &str) -> Option<&'static str> {
    Some(match class {
        "HardSigmoid" => "hard_sigmoid",
        "HardSilu" => "hard_silu",
        "HardTanh" => "hard_tanh",
        "LogSigmoid" => "log_sigmoid",
        "Relu" => "relu",
        "Selu" => "selu",
        "Sigmoid" => "sigmoid",
        "Silu" => "silu",
        "Softplus" => "softplus",
        "Softsign" => "softsign",
        "Tanh" => "tanh",
        "TanhShrink" => "tanh_shrink",
        _ => return None,
    })
}
