//! An activation function of every number: all that PyTorch, Keras and ONNX give the gates of a cell, as a layer.

mod spec;

use sumun_kernels::{ActivationFunction, Path};

use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::{Error, Parameters, Result, Rows};

pub use spec::ActivationLayer;

/// y = φ(x), number by number. The functions and their constants are those of [`ActivationFunction`]; where φ has no
/// derivative, its slope is the one that PyTorch takes.
///
/// What follows an affine map is an option of [`Dense`](super::Dense), which keeps less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activate {
    function: ActivationFunction,
    path: Path,
}

/// What [`Activate::backward`](Layer::backward) needs.
#[derive(Debug)]
pub struct ActivateCache {
    x: Rows,
    y: Rows,
}

impl Activate {
    /// Of any function. A constant that is not finite is an error.
    pub fn new(function: ActivationFunction) -> Result<Self> {
        if !function.is_finite() {
            return Err(Error::Invalid(format!(
                "the activation {function:?} has a constant that is not finite; give it a number"
            )));
        }
        Ok(Self { function, path: Path::best() })
    }

    /// The same layer on another path of the kernels; the fastest is the default.
    pub fn on_path(self, path: Path) -> Self {
        Self { path, ..self }
    }

    /// The function.
    pub fn function(&self) -> ActivationFunction {
        self.function
    }
}

impl Layer for Activate {
    type Cache = ActivateCache;

    crate::layer::computes_on_its_path!();

    fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
        let (features, layout) = (x.features, x.layout.clone());
        let mut y = x.into_data();
        self.function.apply(self.path, &mut y)?;
        Rows::new(y, features, layout)
    }

    fn forward_train(
        &self,
        parameters: &Parameters,
        x: Rows,
        _noise: Noise,
    ) -> Result<(Rows, ActivateCache)> {
        let y = self.forward(parameters, x.clone())?;
        Ok((y.clone(), ActivateCache { x, y }))
    }

    fn backward(
        &self,
        _parameters: &mut Parameters,
        cache: ActivateCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let ActivateCache { x, y } = cache;
        d_out.expect_shape("the gradient of an activation's output", x.layout.rows(), x.features)?;
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let mut d = d_out.into_data();
        self.function.apply_slope(&x.data, &y.data, &mut d)?;
        Rows::new(d, x.features, x.layout.clone()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use crate::nn::gradient_check::check_gradients;

    /// Every function there is; a new one does not compile until it is here.
    fn every() -> Vec<ActivationFunction> {
        use ActivationFunction::*;
        let all = vec![
            Sigmoid,
            Tanh,
            Relu,
            ActivationFunction::HARD_SIGMOID_ONNX,
            ActivationFunction::HARD_SIGMOID_KERAS,
            Softsign,
            Softplus,
            Elu { alpha: 1.3 },
            LeakyRelu { alpha: 0.1 },
            ThresholdedRelu { alpha: 0.405 },
            ScaledTanh { alpha: 1.7159, beta: 2.0 / 3.0 },
            Affine { alpha: -0.3, beta: 0.2 },
            Linear,
        ];
        for function in &all {
            match function {
                Sigmoid | Tanh | Relu | Softsign | Softplus | Linear => {}
                HardSigmoid { .. } | Elu { .. } | LeakyRelu { .. } | ThresholdedRelu { .. } => {}
                ScaledTanh { .. } | Affine { .. } => {}
            }
        }
        all
    }

    /// Layers compute in single precision, in which 10³⁹ is infinite.
    #[test]
    fn constants_are_numbers_in_single_precision() {
        use ActivationFunction::{Affine, ScaledTanh};
        for function in [Affine { alpha: 1e39, beta: 0.0 }, ScaledTanh { alpha: 1.0, beta: f64::NAN }] {
            let error = Activate::new(function).unwrap_err().to_string();
            assert!(error.contains("has a constant that is not finite"), "{error}");
        }
        assert!(Activate::new(Affine { alpha: 1e38, beta: -1e38 }).is_ok());
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        for function in every() {
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                let layer = Activate::new(function).unwrap().on_path(path);
                let layout = Layout::ragged(&[2, 0, 3], 3).unwrap();
                let noise = Noise { seed: 0, step: 0, layer: 0 };
                check_gradients(&layer, Parameters::new(), 4, layout, noise);
            }
        }
    }

    /// No number depends on its place in a row or on those beside it.
    #[test]
    fn company_changes_no_bit() {
        let values: Vec<f32> = (0..201).map(|k| k as f32 / 20.0 - 5.0).collect();
        for function in every() {
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                let layer = Activate::new(function).unwrap().on_path(path);
                let run = |values: &[f32]| {
                    let x = Rows::one_step(values.to_vec(), values.len(), 1).unwrap();
                    layer.forward(&Parameters::new(), x).unwrap().data.clone()
                };
                let all = run(&values);
                for (k, value) in values.iter().enumerate() {
                    assert_eq!(
                        run(&[*value])[0].to_bits(),
                        all[k].to_bits(),
                        "{function:?} of {value} on {path}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let error = Activate::new(ActivationFunction::Elu { alpha: f64::NAN }).unwrap_err().to_string();
        assert_eq!(
            error,
            "the activation Elu { alpha: NaN } has a constant that is not finite; give it a number"
        );
        let layer = Activate::new(ActivationFunction::Tanh).unwrap();
        let mut parameters = Parameters::new();
        let x = Rows::one_step(vec![0.0; 6], 3, 2).unwrap();
        let (_, cache) = layer.forward_train(&parameters, x, Noise { seed: 0, step: 0, layer: 0 }).unwrap();
        let d = Rows::one_step(vec![0.0; 4], 2, 2).unwrap();
        let error = layer.backward(&mut parameters, cache, d, InputGradient::Needed).unwrap_err().to_string();
        assert_eq!(error, "the gradient of an activation's output: expected [2, 3], found [2, 2]");
    }
}
