//! A function of every number that is no activation of a cell: roots, powers, absolute values.

mod spec;

use serde::{Deserialize, Serialize};

use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::{Error, Parameters, Result, Rows};

pub use spec::ElementwiseLayer;

/// A function of one number, as ONNX, PyTorch and NumPy name it. Where it has no derivative, or the derivative is infinite, its
/// slope is PyTorch's. Activations that cells have too are [`ActivationFunction`](super::ActivationFunction)s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Elementwise {
    /// |x|; its slope at 0 is 0.
    Abs,
    /// √x; NaN below 0. Its slope at 0 is infinite.
    Sqrt,
    /// x².
    Square,
    /// eˣ.
    Exp,
    /// ln x; −∞ at 0, NaN below.
    Log,
    /// xᵖ; NaN where x < 0 and p is no whole number.
    Power {
        /// p.
        exponent: f64,
    },
    /// erf x, the integral of a normal distribution between ±x√2 (Abramowitz and Stegun 1964, 7.1.1).
    Erf,
    /// x · Φ(x), Φ the normal distribution (Hendrycks and Gimpel 2016, "Gaussian Error Linear Units"): PyTorch's and ONNX' `gelu`
    /// with `approximate="none"`, Keras' with `approximate=False`.
    Gelu,
    /// ½x (1 + tanh(√(2/π) (x + 0.044715 x³))), which approximates it (the same paper): PyTorch's and ONNX' `gelu` with
    /// `approximate="tanh"`, Keras' with `approximate=True`.
    GeluTanh,
}

/// √½.
const ROOT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// √(2/π).
const ROOT_OF_TWO_OVER_PI: f32 = std::f32::consts::FRAC_2_SQRT_PI * ROOT_HALF;

/// The factor of x³ in the approximation of GELU.
const OF_CUBE: f32 = 0.044_715;

/// erf x to within one unit of the last place: a quotient of polynomials in double precision.
fn erf(x: f32) -> f32 {
    /// From here on it is ±1 in single precision.
    const ONE: f32 = 3.92;
    const ABOVE: [f64; 5] = [
        0.000_229_050_658_613_506_46,
        0.003_408_291_010_710_950_6,
        0.050_955_695_062_380_86,
        0.185_208_322_399_761_45,
        1.128_379_143_519_084,
    ];
    const BELOW: [f64; 7] = [
        -1.179_160_295_436_169_7e-7,
        0.000_023_547_966_471_313_185,
        0.001_017_962_527_891_488_5,
        0.014_070_470_171_167_667,
        0.110_985_051_782_853_62,
        0.497_469_251_100_675_38,
        1.0,
    ];
    if x.abs() >= ONE {
        return x.signum();
    }
    let x = f64::from(x);
    let of_square = |factors: &[f64]| factors.iter().fold(0.0, |sum, factor| sum * (x * x) + factor);
    (x * of_square(&ABOVE) / of_square(&BELOW)) as f32
}

/// What the approximation of GELU takes the tanh of.
fn inner(x: f32) -> f32 {
    ROOT_OF_TWO_OVER_PI * (x + OF_CUBE * (x * x * x))
}

impl Elementwise {
    /// Refuses an exponent that is not finite.
    fn check(self) -> Result<()> {
        match self {
            Self::Power { exponent } if !(exponent as f32).is_finite() => {
                Err(Error::Invalid(format!("a power of {exponent}; the exponent must be a finite number")))
            }
            _ => Ok(()),
        }
    }

    /// The function of one number.
    pub fn of(self, x: f32) -> f32 {
        match self {
            Self::Abs => x.abs(),
            Self::Sqrt => x.sqrt(),
            Self::Square => x * x,
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Power { exponent } => x.powf(exponent as f32),
            Self::Erf => erf(x),
            // In the order in which ONNX graphs have it as nodes.
            Self::Gelu => x * (erf(x * ROOT_HALF) + 1.0) * 0.5,
            Self::GeluTanh => x * (inner(x).tanh() + 1.0) * 0.5,
        }
    }

    /// The derivative at `x`, where the function is `y`.
    fn slope(self, x: f32, y: f32) -> f32 {
        match self {
            Self::Abs if x == 0.0 => 0.0,
            Self::Abs => x.signum(),
            Self::Sqrt => 0.5 / y,
            Self::Square => 2.0 * x,
            Self::Exp => y,
            Self::Log => 1.0 / x,
            Self::Power { exponent: 0.0 } => 0.0,
            Self::Power { exponent } => exponent as f32 * x.powf(exponent as f32 - 1.0),
            Self::Erf => std::f32::consts::FRAC_2_SQRT_PI * (-x * x).exp(),
            Self::Gelu => {
                let density = 0.5 * std::f32::consts::FRAC_2_SQRT_PI * ROOT_HALF * (-0.5 * x * x).exp();
                0.5 * (erf(x * ROOT_HALF) + 1.0) + x * density
            }
            Self::GeluTanh => {
                let tanh = inner(x).tanh();
                let bend = match 1.0 - tanh * tanh {
                    // Where x² may be infinite.
                    0.0 => 0.0,
                    slope => slope * ROOT_OF_TWO_OVER_PI * (1.0 + 3.0 * OF_CUBE * x * x),
                };
                0.5 * (tanh + 1.0) + 0.5 * x * bend
            }
        }
    }
}

/// What [`Elementwise::backward`](Layer::backward) needs.
#[derive(Debug)]
pub struct ElementwiseCache {
    x: Rows,
    y: Rows,
}

impl Layer for Elementwise {
    type Cache = ElementwiseCache;

    fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
        let (features, layout) = (x.features, x.layout.clone());
        let mut y = x.into_data();
        y.iter_mut().for_each(|value| *value = self.of(*value));
        Rows::new(y, features, layout)
    }

    fn forward_train(
        &self,
        parameters: &Parameters,
        x: Rows,
        _noise: Noise,
    ) -> Result<(Rows, ElementwiseCache)> {
        let y = self.forward(parameters, x.clone())?;
        Ok((y.clone(), ElementwiseCache { x, y }))
    }

    fn backward(
        &self,
        _parameters: &mut Parameters,
        cache: ElementwiseCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let ElementwiseCache { x, y } = cache;
        d_out.expect_shape("the gradient of a function's output", x.layout.rows(), x.features)?;
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let mut d = d_out.into_data();
        for ((d, &x), &y) in d.iter_mut().zip(x.data.iter()).zip(y.data.iter()) {
            *d *= self.slope(x, y);
        }
        Rows::new(d, x.features, x.layout.clone()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use crate::nn::gradient_check::check_gradients;

    /// Every function there is; a new one does not compile until it is here.
    fn every() -> Vec<Elementwise> {
        use Elementwise::*;
        let powers = [Power { exponent: 3.0 }, Power { exponent: 0.7 }];
        let all = [&[Abs, Sqrt, Square, Exp, Log, Erf, Gelu, GeluTanh][..], &powers].concat();
        for function in &all {
            match function {
                Abs | Sqrt | Square | Exp | Log | Power { .. } | Erf | Gelu | GeluTanh => {}
            }
        }
        all
    }

    /// Between −1 and 1 where the function is defined there, else between 1 and 2: a square is added below it.
    #[derive(Debug)]
    struct Positive(Elementwise);

    impl Layer for Positive {
        type Cache = (Rows, ElementwiseCache);

        fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
            let (features, layout) = (x.features, x.layout.clone());
            let moved = x.data.iter().map(|x| 1.5 + 0.5 * x).collect();
            self.0.forward(parameters, Rows::new(moved, features, layout)?)
        }

        fn forward_train(
            &self,
            parameters: &Parameters,
            x: Rows,
            noise: Noise,
        ) -> Result<(Rows, Self::Cache)> {
            let (features, layout) = (x.features, x.layout.clone());
            let moved = x.data.iter().map(|x| 1.5 + 0.5 * x).collect();
            let (y, cache) = self.0.forward_train(parameters, Rows::new(moved, features, layout)?, noise)?;
            Ok((y, (x, cache)))
        }

        fn backward(
            &self,
            parameters: &mut Parameters,
            (x, cache): Self::Cache,
            d_out: Rows,
            wanted: InputGradient,
        ) -> Result<Option<Rows>> {
            let Some(d) = self.0.backward(parameters, cache, d_out, wanted)? else { return Ok(None) };
            Rows::new(d.data.iter().map(|d| 0.5 * d).collect(), x.features, x.layout.clone()).map(Some)
        }
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let noise = Noise { seed: 0, step: 0, layer: 0 };
        for function in every() {
            let layout = Layout::ragged(&[2, 0, 3], 3).unwrap();
            check_gradients(&Positive(function), Parameters::new(), 4, layout.clone(), noise);
            if !matches!(function, Elementwise::Sqrt | Elementwise::Log | Elementwise::Power { .. }) {
                check_gradients(&function, Parameters::new(), 4, layout, noise);
            }
        }
    }

    #[test]
    fn numbers_are_those_of_the_functions() {
        for (function, x, y) in [
            (Elementwise::Abs, -2.5, 2.5),
            (Elementwise::Sqrt, 2.25, 1.5),
            (Elementwise::Square, -1.5, 2.25),
            (Elementwise::Exp, 0.0, 1.0),
            (Elementwise::Log, 1.0, 0.0),
            (Elementwise::Power { exponent: 3.0 }, -2.0, -8.0),
            (Elementwise::Power { exponent: -1.0 }, 4.0, 0.25),
        ] {
            assert_eq!(function.of(x), y, "{function:?}");
        }
        // To 9 digits: Python's math.erf, and x (1 + erf(x/√2)) / 2; the same with math.tanh.
        for (function, x, y) in [
            (Elementwise::Erf, 0.0, 0.0),
            (Elementwise::Erf, 1e-20, 1.128_379_2e-20),
            (Elementwise::Erf, 0.5, 0.520_499_9),
            (Elementwise::Erf, -1.25, -0.922_900_14),
            (Elementwise::Erf, 3.0, 0.999_977_9),
            (Elementwise::Erf, 4.5, 1.0),
            (Elementwise::Erf, f32::NEG_INFINITY, -1.0),
            (Elementwise::Gelu, 0.7, 0.530_625_4),
            (Elementwise::Gelu, -1.5, -0.100_210_8),
            (Elementwise::Gelu, 10.0, 10.0),
            (Elementwise::Gelu, -10.0, 0.0),
            (Elementwise::GeluTanh, 0.7, 0.530_570_15),
            (Elementwise::GeluTanh, -1.5, -0.100_428_42),
            (Elementwise::GeluTanh, 1e20, 1e20),
            (Elementwise::GeluTanh, -1e20, 0.0),
        ] {
            let found = function.of(x);
            assert!((found - y).abs() <= 1e-6 * y.abs(), "{function:?} of {x}: {found}");
        }
        assert!(Elementwise::Erf.of(f32::NAN).is_nan() && Elementwise::Gelu.of(f32::NAN).is_nan());
        assert_eq!(Elementwise::Abs.slope(0.0, 0.0), 0.0);
        assert_eq!([1e30, -1e30].map(|x| Elementwise::GeluTanh.slope(x, 0.0)), [1.0, 0.0]);
        assert_eq!(Elementwise::Power { exponent: 0.0 }.slope(0.0, 1.0), 0.0);
        let error = Elementwise::Power { exponent: f64::NAN }.check().unwrap_err().to_string();
        assert_eq!(error, "a power of NaN; the exponent must be a finite number");
    }
}
