//! Activation functions and their slopes, with the clip in front of them.

use crate::words::{ActivationFunction, Real};

/// A function behind a clip: y = φ(max(−clip, min(clip, a))).
#[derive(Clone, Copy)]
pub(super) struct Clipped<F> {
    function: ActivationFunction,
    clip: Option<F>,
}

impl<F: Real> Clipped<F> {
    pub(super) fn new(function: ActivationFunction, clip: Option<f64>) -> Self {
        Self { function, clip: clip.map(F::from_f64) }
    }

    /// y of the pre-activation `a`.
    pub(super) fn value(self, a: F) -> F {
        value(self.function, self.clipped(a))
    }

    /// dy/da of the pre-activation `a` whose value is `y`. At ±clip it is the slope of the function, as
    /// PyTorch's `clamp` has it.
    pub(super) fn slope(self, a: F, y: F) -> F {
        let clipped = self.clipped(a);
        if clipped == a || a.to_f64().is_nan() { slope(self.function, a, y) } else { F::ZERO }
    }

    /// Written so that NaN stays NaN.
    fn clipped(self, a: F) -> F {
        match self.clip {
            Some(clip) if a > clip => clip,
            Some(clip) if a < -clip => -clip,
            _ => a,
        }
    }
}

/// φ(x). Comparisons are written so that NaN stays NaN.
pub(crate) fn value<F: Real>(function: ActivationFunction, x: F) -> F {
    use ActivationFunction::*;
    let f = F::from_f64;
    match function {
        Sigmoid => x.sigmoid(),
        Tanh => x.tanh(),
        Relu => {
            if x < F::ZERO {
                F::ZERO
            } else {
                x
            }
        }
        HardSigmoid { alpha, beta } => {
            let y = f(alpha) * x + f(beta);
            if y < F::ZERO {
                F::ZERO
            } else if y > F::ONE {
                F::ONE
            } else {
                y
            }
        }
        Softsign => x / (F::ONE + abs(x)),
        // ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), where nothing overflows.
        Softplus => (if x < F::ZERO { F::ZERO } else { x }) + (-abs(x)).exp().ln_1p(),
        Elu { alpha } => {
            if x < F::ZERO {
                f(alpha) * x.exp_m1()
            } else {
                x
            }
        }
        LeakyRelu { alpha } => {
            if x < F::ZERO {
                f(alpha) * x
            } else {
                x
            }
        }
        ThresholdedRelu { alpha } => {
            if x <= f(alpha) {
                F::ZERO
            } else {
                x
            }
        }
        ScaledTanh { alpha, beta } => f(alpha) * (f(beta) * x).tanh(),
        Affine { alpha, beta } => f(alpha) * x + f(beta),
        Linear => x,
    }
}

/// dφ/dx at x, whose value is y. Where there is no derivative, what PyTorch takes.
pub(crate) fn slope<F: Real>(function: ActivationFunction, x: F, y: F) -> F {
    use ActivationFunction::*;
    let f = F::from_f64;
    let within = |inside: bool, slope: F| if inside { slope } else { F::ZERO };
    match function {
        Sigmoid => y * (F::ONE - y),
        Tanh => F::ONE - y * y,
        Relu => within(x > F::ZERO, F::ONE),
        HardSigmoid { alpha, .. } => within(y > F::ZERO && y < F::ONE, f(alpha)),
        Softsign => {
            let scale = F::ONE + abs(x);
            F::ONE / (scale * scale)
        }
        Softplus => x.sigmoid(),
        Elu { alpha } => {
            if x > F::ZERO {
                F::ONE
            } else {
                f(alpha) * x.exp()
            }
        }
        LeakyRelu { alpha } => {
            if x > F::ZERO {
                F::ONE
            } else {
                f(alpha)
            }
        }
        ThresholdedRelu { alpha } => within(x > f(alpha), F::ONE),
        ScaledTanh { alpha, beta } => {
            let tanh = (f(beta) * x).tanh();
            f(alpha) * f(beta) * (F::ONE - tanh * tanh)
        }
        Affine { alpha, .. } => f(alpha),
        Linear => F::ONE,
    }
}

fn abs<F: Real>(x: F) -> F {
    if x < F::ZERO { -x } else { x }
}

#[cfg(test)]
mod tests {
    use sumun_testing::{assert_close, central_differences};

    use super::Clipped;
    use crate::ActivationFunction::{self, *};

    const ALL: [ActivationFunction; 14] = [
        Sigmoid,
        Tanh,
        Relu,
        ActivationFunction::HARD_SIGMOID_ONNX,
        ActivationFunction::HARD_SIGMOID_KERAS,
        Softsign,
        Softplus,
        Elu { alpha: 1.3 },
        LeakyRelu { alpha: 0.01 },
        ThresholdedRelu { alpha: 0.7 },
        ThresholdedRelu { alpha: -0.4 },
        ScaledTanh { alpha: 1.7159, beta: 2.0 / 3.0 },
        Affine { alpha: -0.3, beta: 0.2 },
        Linear,
    ];

    #[test]
    fn slopes_agree_with_central_differences() {
        let points = [-6.1, -3.3, -1.1, -0.6, -0.2, 0.1, 0.4, 0.9, 2.4, 2.6, 5.2];
        for function in ALL {
            for clip in [None, Some(1.0), Some(3.0)] {
                let clipped = Clipped::<f64>::new(function, clip);
                let found = points.map(|x| clipped.slope(x, clipped.value(x)));
                let want: Vec<f64> = points
                    .iter()
                    .flat_map(|&x| central_differences(&[x], 1e-6, |at| clipped.value(at[0])))
                    .collect();
                assert_close(&format!("{function:?} {clip:?}"), &found, &want, 1e-8, 1e-8);
            }
        }
    }

    /// Numbers from the definitions, by hand.
    #[test]
    fn known_values() {
        let cases = [
            (ActivationFunction::HARD_SIGMOID_ONNX, 1.0, 0.7),
            (ActivationFunction::HARD_SIGMOID_ONNX, 2.5, 1.0),
            (ActivationFunction::HARD_SIGMOID_KERAS, 1.5, 0.75),
            (ActivationFunction::HARD_SIGMOID_KERAS, -3.1, 0.0),
            (Softsign, -3.0, -0.75),
            (Softplus, 0.0, std::f64::consts::LN_2),
            (Softplus, 1000.0, 1000.0),
            (Softplus, -1000.0, 0.0),
            (Elu { alpha: 2.0 }, -1000.0, -2.0),
            (LeakyRelu { alpha: 0.5 }, -3.0, -1.5),
            (ThresholdedRelu { alpha: 1.0 }, 1.0, 0.0),
            (ThresholdedRelu { alpha: 1.0 }, 1.5, 1.5),
            (ScaledTanh { alpha: 2.0, beta: 3.0 }, 1000.0, 2.0),
            (Affine { alpha: 2.0, beta: -1.0 }, 4.0, 7.0),
        ];
        for (function, x, want) in cases {
            let found = Clipped::<f64>::new(function, None).value(x);
            assert_close(&format!("{function:?} of {x}"), &[found], &[want], 1e-15, 1e-15);
            let single = Clipped::<f32>::new(function, None).value(x as f32);
            assert_close(&format!("{function:?} of {x} in f32"), &[single], &[want], 1e-6, 1e-6);
        }
    }

    #[test]
    fn nan_stays_nan() {
        for function in ALL {
            for clip in [None, Some(1.0)] {
                assert!(
                    Clipped::<f32>::new(function, clip).value(f32::NAN).is_nan(),
                    "{function:?} {clip:?}"
                );
            }
        }
    }
}
