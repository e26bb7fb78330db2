//! Huber loss: squared near zero, absolute further out, so that outliers pull less.

use serde::{Deserialize, Serialize};

use super::elements::mean_of_elements;
use crate::{Error, Result};

/// The mean of e²/2 where |e| ≤ δ and δ·(|e| − δ/2) elsewhere, e = p − t (Huber 1964; PyTorch's `HuberLoss`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Huber {
    /// δ, above 0: where the loss turns from squared to absolute.
    pub delta: f32,
}

impl Default for Huber {
    /// δ = 1, PyTorch's default.
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl Huber {
    /// The mean loss; the gradient is written where one is wanted. All slices are equally long, and not empty.
    /// A δ that is not a finite number above 0 is an error.
    pub fn value_and_gradient(
        &self,
        prediction: &[f32],
        target: &[f32],
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        let delta = self.delta;
        if !(delta.is_finite() && delta > 0.0) {
            return Err(Error::Invalid(format!(
                "the delta of the huber loss is {delta}; it must be above 0"
            )));
        }
        mean_of_elements(prediction, target, gradient, |_, p, t| {
            let error = p - t;
            let (e, d) = (f64::from(error), f64::from(delta));
            // The comparison is this way round so that an error which is not a number stays one.
            Ok(if error.abs() > delta {
                (d * (e.abs() - 0.5 * d), delta * error.signum())
            } else {
                (0.5 * e * e, error)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Targets, tests::check};

    /// `torch.nn.functional.huber_loss` in float64.
    #[test]
    fn agrees_with_pytorch() {
        let (p, t) = ([0.5, -1.5, 2.0, 0.25], [0.0, 1.0, 2.0, -0.5]);
        for (delta, value, gradient) in
            [(1.0, 0.6015625, [0.125, -0.25, 0.0, 0.1875]), (0.6, 0.42875, [0.125, -0.15, 0.0, 0.15])]
        {
            check(&Loss::Huber(Huber { delta }), &p, Targets::Values(&t), value, &gradient, 1.0 / 256.0);
        }
    }

    #[test]
    fn a_delta_that_makes_no_sense_is_refused() {
        for delta in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(Huber { delta }.value_and_gradient(&[1.0], &[1.0], None).is_err(), "{delta}");
        }
    }
}
