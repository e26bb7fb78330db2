//! Mean squared error.

use serde::{Deserialize, Serialize};

use super::elements::mean_of_elements;
use crate::Result;

/// The mean of (p − t)² (PyTorch's `MSELoss`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mse;

impl Mse {
    /// The mean loss; the gradient is written where one is wanted. All slices are equally long, and not empty.
    pub fn value_and_gradient(
        &self,
        prediction: &[f32],
        target: &[f32],
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        mean_of_elements(prediction, target, gradient, |_, p, t| {
            let error = p - t;
            Ok((f64::from(error) * f64::from(error), 2.0 * error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Targets, tests::check};

    /// `torch.nn.functional.mse_loss` in float64.
    #[test]
    fn agrees_with_pytorch() {
        let (p, t) = ([0.5, -1.5, 2.0, 0.25], [0.0, 1.0, 2.0, -0.5]);
        check(&Loss::Mse(Mse), &p, Targets::Values(&t), 1.765625, &[0.25, -1.25, 0.0, 0.375], 1.0 / 256.0);
    }
}
