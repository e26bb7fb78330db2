//! Activation functions by Keras' names.

use sumun_formats::keras::{Layer, Settings, Value};

use super::names::refused;
use crate::Result;
use crate::error::quoted;
use crate::nn::{Activation, ActivationFunction, CombineLayer, Elementwise};

/// What a name of Keras means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    /// These functions, one after the other; none of `linear`.
    Functions(Vec<ActivationFunction>),
    /// A function of every number that no cell has.
    Elementwise(Elementwise),
    /// Shares that sum to 1.
    Softmax,
    /// Chains of functions of x, an empty one x itself, and how what they give becomes one.
    Combined(CombineLayer, Vec<Vec<ActivationFunction>>),
}

/// The slope of `leaky_relu` for negative numbers, where only its name is given.
const LEAKY: f64 = 0.2;

/// α and the scale of `selu` (Klambauer et al. 2017, "Self-normalizing neural networks").
const SELU: [f64; 2] = [1.673_263_242_354_377_2, 1.050_700_987_355_480_5];

/// Which Keras wrote a file; some names changed their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// Keras 1 and 2, and TensorFlow's Keras.
    Two,
    /// Keras 3.
    Three,
}

impl Version {
    /// Of `3.15.1`. A file that does not say is of Keras 2.
    pub(super) fn of(text: &str) -> Self {
        let major = text.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major >= 3) { Self::Three } else { Self::Two }
    }
}

/// Reads a setting that is an activation: a name, or an object with one or with constants.
pub(super) fn meaning(layer: &Layer, value: &Value, version: Version) -> Result<Meaning> {
    match value {
        Value::Text(name) => named(layer, name, version),
        Value::Object(object) => {
            let class = object.get("class_name").and_then(Value::as_text).unwrap_or_default();
            let none = Settings::default();
            match object.get("config") {
                Some(Value::Text(name)) => named(layer, name, version),
                config => {
                    let settings = config.and_then(Value::as_object).unwrap_or(&none);
                    match constants(layer, class, settings)? {
                        Some(meaning) => Ok(meaning),
                        None => Err(unknown(layer, class)),
                    }
                }
            }
        }
        _ => Err(refused(layer, format!("an activation is {value}, not a name"))),
    }
}

pub(super) fn named(layer: &Layer, name: &str, version: Version) -> Result<Meaning> {
    use ActivationFunction::*;
    let functions = match name {
        "linear" => vec![],
        "relu" => vec![Relu],
        "tanh" => vec![Tanh],
        "sigmoid" => vec![Sigmoid],
        "hard_sigmoid" => vec![match version {
            Version::Two => ActivationFunction::HARD_SIGMOID_ONNX,
            Version::Three => ActivationFunction::HARD_SIGMOID_KERAS,
        }],
        "softsign" => vec![Softsign],
        "softplus" => vec![Softplus],
        "elu" => vec![Elu { alpha: 1.0 }],
        "leaky_relu" => vec![LeakyRelu { alpha: LEAKY }],
        "selu" => vec![Elu { alpha: SELU[0] }, Affine { alpha: SELU[1], beta: 0.0 }],
        "relu6" => relu_to(6.0),
        "hard_tanh" => vec![HardSigmoid { alpha: 0.5, beta: 0.5 }, Affine { alpha: 2.0, beta: -1.0 }],
        "celu" => vec![Elu { alpha: 1.0 }],
        // ln σ(x) = −ln(1 + e⁻ˣ).
        "log_sigmoid" => vec![NEGATIVE, Softplus, NEGATIVE],
        "softmax" => return Ok(Meaning::Softmax),
        "silu" | "swish" => return Ok(product(vec![Sigmoid])),
        "hard_silu" | "hard_swish" => return Ok(product(vec![ActivationFunction::HARD_SIGMOID_KERAS])),
        "mish" => return Ok(product(vec![Softplus, Tanh])),
        "tanh_shrink" => return Ok(sum([vec![], vec![Tanh, NEGATIVE]])),
        // Each side of 0 by itself: x where it is over .5, and −(−x) where −x is.
        "soft_shrink" => {
            let over = Affine { alpha: 1.0, beta: -0.5 };
            let under = Affine { alpha: -1.0, beta: -0.5 };
            return Ok(sum([vec![over, Relu], vec![under, Relu, NEGATIVE]]));
        }
        "hard_shrink" => {
            let over = ThresholdedRelu { alpha: 0.5 };
            return Ok(sum([vec![over], vec![NEGATIVE, over, NEGATIVE]]));
        }
        "gelu" => return Ok(gelu(false)),
        "exponential" => return Ok(Meaning::Elementwise(Elementwise::Exp)),
        _ => return Err(unknown(layer, name)),
    };
    Ok(Meaning::Functions(functions))
}

/// −x.
const NEGATIVE: ActivationFunction = ActivationFunction::Affine { alpha: -1.0, beta: 0.0 };

/// x times what a chain of functions makes of it.
fn product(functions: Vec<ActivationFunction>) -> Meaning {
    Meaning::Combined(CombineLayer::multiply(), vec![vec![], functions])
}

/// The sum of what two chains of functions make of x.
fn sum(chains: [Vec<ActivationFunction>; 2]) -> Meaning {
    Meaning::Combined(CombineLayer::add(), chains.into())
}

fn unknown(layer: &Layer, name: &str) -> crate::Error {
    refused(layer, format!("the activation {} is none that a model here has", quoted(name)))
}

/// min(max(x, 0), most): a hard sigmoid from 0 to 1, stretched.
pub(super) fn relu_to(most: f64) -> Vec<ActivationFunction> {
    vec![
        ActivationFunction::HardSigmoid { alpha: 1.0 / most, beta: 0.0 },
        ActivationFunction::Affine { alpha: most, beta: 0.0 },
    ]
}

/// x between two numbers: a hard sigmoid from 0 to 1, stretched and moved. None where they are not a lower and a higher one.
pub(super) fn clipped(least: f64, most: f64) -> Option<Vec<ActivationFunction>> {
    use ActivationFunction::{Affine, HardSigmoid};
    let width = most - least;
    match least {
        _ if !(width > 0.0 && width.is_finite()) => None,
        0.0 => Some(relu_to(most)),
        least => Some(vec![
            HardSigmoid { alpha: 1.0 / width, beta: -least / width },
            Affine { alpha: width, beta: least },
        ]),
    }
}

/// The layers that are a function with constants; None of any other class.
pub(super) fn constants(layer: &Layer, class: &str, settings: &Settings) -> Result<Option<Meaning>> {
    use ActivationFunction::*;
    let options = super::settings::Options::within(layer, settings);
    let functions = match class {
        "LeakyReLU" => {
            let slope = options.number("negative_slope")?.or(options.number("alpha")?);
            vec![LeakyRelu { alpha: slope.unwrap_or(0.3) }]
        }
        "ELU" => vec![Elu { alpha: options.number("alpha")?.unwrap_or(1.0) }],
        "ThresholdedReLU" => vec![ThresholdedRelu { alpha: options.number("theta")?.unwrap_or(1.0) }],
        "ReLU" => {
            let slope = options.number("negative_slope")?.unwrap_or(0.0);
            let threshold = options.number("threshold")?.unwrap_or(0.0);
            match options.number("max_value")? {
                None if threshold == 0.0 && slope == 0.0 => vec![Relu],
                None if threshold == 0.0 => vec![LeakyRelu { alpha: slope }],
                None if slope == 0.0 => vec![ThresholdedRelu { alpha: threshold }],
                Some(most) if threshold == 0.0 && slope == 0.0 && most > 0.0 => relu_to(most),
                _ => {
                    return Err(refused(
                        layer,
                        "only one of max_value, negative_slope and threshold of a ReLU is read",
                    ));
                }
            }
        }
        "Rescaling" => {
            let (Some(alpha), Some(beta)) =
                (options.number("scale")?, options.number("offset")?.or(Some(0.0)))
            else {
                return Err(refused(layer, "it has no scale"));
            };
            vec![Affine { alpha, beta }]
        }
        "Softmax" => {
            // All axes but the last are of rows; which rank it is does not matter to −1.
            match options.value("axis") {
                None | Some(Value::Integer(-1)) => {}
                Some(axis) => {
                    return Err(refused(layer, format!("its axis is {axis}; only −1, the last, is read")));
                }
            }
            options.finish()?;
            return Ok(Some(Meaning::Softmax));
        }
        _ => return Ok(None),
    };
    options.finish()?;
    Ok(Some(Meaning::Functions(functions)))
}

/// The function as an option of a dense layer; None where that has none.
pub(super) fn of_dense(functions: &[ActivationFunction]) -> Option<Activation> {
    match functions {
        [] => Some(Activation::Linear),
        [ActivationFunction::Relu] => Some(Activation::Relu),
        [ActivationFunction::Tanh] => Some(Activation::Tanh),
        [ActivationFunction::Sigmoid] => Some(Activation::Sigmoid),
        _ => None,
    }
}

/// The option of a dense layer as functions.
pub(super) fn of_own(own: Activation) -> Vec<ActivationFunction> {
    match own {
        Activation::Linear => Vec::new(),
        Activation::Relu => vec![ActivationFunction::Relu],
        Activation::Tanh => vec![ActivationFunction::Tanh],
        Activation::Sigmoid => vec![ActivationFunction::Sigmoid],
    }
}

/// The exact function, or what approximates it by a tanh.
pub(super) fn gelu(is_approximate: bool) -> Meaning {
    Meaning::Elementwise(if is_approximate { Elementwise::GeluTanh } else { Elementwise::Gelu })
}
