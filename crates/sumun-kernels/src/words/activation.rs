//! Activation functions: those of the vector library, and those that a cell may be given.

/// An elementwise function of the vector library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VectorFunction {
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// eˣ, for −87 ≤ x ≤ 88.
    Exp,
}

/// An activation function with its constants, as ONNX names them.
///
/// α and β are `f64` so that constants such as Keras' 1/6 are exact to either precision.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ActivationFunction {
    /// Logistic sigmoid, 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// max(0, x).
    Relu,
    /// max(0, min(1, αx + β)). See [`HARD_SIGMOID_ONNX`](Self::HARD_SIGMOID_ONNX) and
    /// [`HARD_SIGMOID_KERAS`](Self::HARD_SIGMOID_KERAS): the two libraries differ.
    HardSigmoid {
        /// α, the slope.
        alpha: f64,
        /// β, the value at 0.
        beta: f64,
    },
    /// x / (1 + |x|).
    Softsign,
    /// ln(1 + eˣ).
    Softplus,
    /// x where x ≥ 0, α(eˣ − 1) elsewhere (Clevert et al. 2016).
    Elu {
        /// α; 1 in PyTorch, Keras and ONNX unless said otherwise.
        alpha: f64,
    },
    /// x where x ≥ 0, αx elsewhere.
    LeakyRelu {
        /// α; 0.01 in ONNX and PyTorch unless said otherwise.
        alpha: f64,
    },
    /// x where x > α, 0 elsewhere.
    ThresholdedRelu {
        /// α; 1 in ONNX unless said otherwise.
        alpha: f64,
    },
    /// α·tanh(βx).
    ScaledTanh {
        /// α.
        alpha: f64,
        /// β.
        beta: f64,
    },
    /// αx + β.
    Affine {
        /// α.
        alpha: f64,
        /// β.
        beta: f64,
    },
    /// x.
    Linear,
}

impl ActivationFunction {
    /// ONNX' HardSigmoid and Keras 2's `hard_sigmoid`: α = 0.2, β = 0.5.
    pub const HARD_SIGMOID_ONNX: Self = Self::HardSigmoid { alpha: 0.2, beta: 0.5 };
    /// Keras 3's and PyTorch's hard sigmoid, relu6(x + 3) / 6: α = 1/6, β = 0.5.
    pub const HARD_SIGMOID_KERAS: Self = Self::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 };

    /// Whether its slope follows from its value, as compiled bodies need it: not where a negative constant gives two numbers of
    /// different slopes the same value, or a constant 0 leaves nothing of them.
    pub fn has_slope_of_value(self) -> bool {
        match self {
            Self::Elu { alpha } | Self::LeakyRelu { alpha } | Self::ThresholdedRelu { alpha } => alpha >= 0.0,
            Self::ScaledTanh { alpha, .. } => alpha as f32 != 0.0,
            _ => true,
        }
    }

    /// Whether its constants are numbers, in single precision too, in which layers compute.
    pub fn is_finite(self) -> bool {
        let finite = |constant: f64| (constant as f32).is_finite();
        match self {
            Self::HardSigmoid { alpha, beta } | Self::Affine { alpha, beta } => finite(alpha) && finite(beta),
            // Its slope has the product of both.
            Self::ScaledTanh { alpha, beta } => finite(alpha) && finite(beta) && finite(alpha * beta),
            Self::Elu { alpha } | Self::LeakyRelu { alpha } | Self::ThresholdedRelu { alpha } => {
                finite(alpha)
            }
            _ => true,
        }
    }
}
