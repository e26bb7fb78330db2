//! Activation functions by ONNX' names.

use crate::nn::ActivationFunction;

/// The function of that name, with ONNX' constants where none are given; None of others.
pub(super) fn named(name: &str, alpha: Option<f32>, beta: Option<f32>) -> Option<ActivationFunction> {
    use ActivationFunction as F;
    let or = |value: Option<f32>, default: f64| value.map_or(default, f64::from);
    Some(match name {
        "Sigmoid" => F::Sigmoid,
        "Tanh" => F::Tanh,
        "Relu" => F::Relu,
        "Softsign" => F::Softsign,
        "Softplus" => F::Softplus,
        "HardSigmoid" => F::HardSigmoid { alpha: or(alpha, 0.2), beta: or(beta, 0.5) },
        "Elu" => F::Elu { alpha: or(alpha, 1.0) },
        "LeakyRelu" => F::LeakyRelu { alpha: or(alpha, 0.01) },
        "ThresholdedRelu" => F::ThresholdedRelu { alpha: or(alpha, 1.0) },
        "ScaledTanh" => F::ScaledTanh { alpha: or(alpha, 1.0), beta: or(beta, 1.0) },
        "Affine" => F::Affine { alpha: or(alpha, 1.0), beta: or(beta, 0.0) },
        _ => return None,
    })
}

/// Which constants a function of that name takes.
pub(super) fn constants(name: &str) -> [bool; 2] {
    match name {
        "HardSigmoid" | "ScaledTanh" | "Affine" => [true, true],
        "Elu" | "LeakyRelu" | "ThresholdedRelu" => [true, false],
        _ => [false, false],
    }
}

/// The name and constants of a function.
pub(super) fn name(function: ActivationFunction) -> (&'static str, Option<f32>, Option<f32>) {
    use ActivationFunction as F;
    let one = |value: f64| Some(value as f32);
    match function {
        F::Sigmoid => ("Sigmoid", None, None),
        F::Tanh => ("Tanh", None, None),
        F::Relu => ("Relu", None, None),
        F::Softsign => ("Softsign", None, None),
        F::Softplus => ("Softplus", None, None),
        F::HardSigmoid { alpha, beta } => ("HardSigmoid", one(alpha), one(beta)),
        F::Elu { alpha } => ("Elu", one(alpha), None),
        F::LeakyRelu { alpha } => ("LeakyRelu", one(alpha), None),
        F::ThresholdedRelu { alpha } => ("ThresholdedRelu", one(alpha), None),
        F::ScaledTanh { alpha, beta } => ("ScaledTanh", one(alpha), one(beta)),
        F::Affine { alpha, beta } => ("Affine", one(alpha), one(beta)),
        F::Linear => ("Affine", Some(1.0), Some(0.0)),
    }
}
