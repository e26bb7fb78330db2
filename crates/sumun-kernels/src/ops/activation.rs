//! Activation functions of many numbers at once, and their slopes.

use crate::reference::activation::{slope, value};
use crate::words::error::length;
use crate::{ActivationFunction, Error, Path, VectorFunction, activate};

impl ActivationFunction {
    /// Replaces every x by φ(x). Sigmoid and the two tanh are the vector functions of the path; the others, and all of the
    /// reference path, are computed number by number as they are written. No number depends on those beside it. A path that
    /// the processor lacks is an error.
    pub fn apply(self, path: Path, values: &mut [f32]) -> Result<(), Error> {
        if !path.is_available() {
            return Err(Error::PathUnavailable { path: path.name() });
        }
        match self {
            _ if path == Path::Reference => values.iter_mut().for_each(|v| *v = value(self, *v)),
            Self::Sigmoid => activate(path, VectorFunction::Sigmoid, values)?,
            Self::Tanh => activate(path, VectorFunction::Tanh, values)?,
            Self::ScaledTanh { alpha, beta } => {
                values.iter_mut().for_each(|v| *v *= beta as f32);
                activate(path, VectorFunction::Tanh, values)?;
                values.iter_mut().for_each(|v| *v *= alpha as f32);
            }
            _ => values.iter_mut().for_each(|v| *v = value(self, *v)),
        }
        Ok(())
    }

    /// Multiplies every gradient by dφ/dx at x, whose value is y: the gradient of φ(x) becomes that of x. Where there is no
    /// derivative, the slope is the one that PyTorch takes. Slices of different lengths are an error.
    pub fn apply_slope(self, x: &[f32], y: &[f32], d: &mut [f32]) -> Result<(), Error> {
        length("x", d.len(), x.len())?;
        length("y", d.len(), y.len())?;
        for ((d, &x), &y) in d.iter_mut().zip(x).zip(y) {
            *d *= slope(self, x, y);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_agree() {
        let functions = [
            ActivationFunction::Sigmoid,
            ActivationFunction::Tanh,
            ActivationFunction::ScaledTanh { alpha: 1.7159, beta: 2.0 / 3.0 },
            ActivationFunction::Softplus,
        ];
        let x: Vec<f32> = (0..77).map(|k| k as f32 / 4.0 - 9.0).collect();
        for function in functions {
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                let mut found = x.clone();
                function.apply(path, &mut found).unwrap();
                for (&x, found) in x.iter().zip(found) {
                    let expected = value::<f64>(function, f64::from(x));
                    let difference = (f64::from(found) - expected).abs();
                    assert!(
                        difference <= 1e-6 * (1e-6 + expected.abs()),
                        "{function:?} of {x} on {path}: {found}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let tanh = ActivationFunction::Tanh;
        assert!(tanh.apply_slope(&[0.0; 2], &[0.0; 3], &mut [0.0; 3]).is_err());
        assert!(tanh.apply_slope(&[0.0; 3], &[0.0; 2], &mut [0.0; 3]).is_err());
        for path in Path::ALL.into_iter().filter(|path| !path.is_available()) {
            assert_eq!(tanh.apply(path, &mut [0.0]), Err(Error::PathUnavailable { path: path.name() }));
        }
    }
}
