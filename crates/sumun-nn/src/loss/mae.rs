//! Mean absolute error.

use serde::{Deserialize, Serialize};

use super::elements::mean_of_elements;
use crate::Result;

/// The mean of |p − t|, with derivative 0 where they are equal (PyTorch's `L1Loss`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mae;

impl Mae {
    /// The mean loss; the gradient is written where one is wanted. All slices are equally long, and not empty.
    pub fn value_and_gradient(
        &self,
        prediction: &[f32],
        target: &[f32],
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        mean_of_elements(prediction, target, gradient, |_, p, t| {
            let error = p - t;
            Ok((f64::from(error.abs()), if error == 0.0 { 0.0 } else { error.signum() }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Targets, tests::check};

    /// `torch.nn.functional.l1_loss` in float64. The third element is exact, and central differences give 0 too.
    #[test]
    fn agrees_with_pytorch() {
        let (p, t) = ([0.5, -1.5, 2.0, 0.25], [0.0, 1.0, 2.0, -0.5]);
        check(&Loss::Mae(Mae), &p, Targets::Values(&t), 0.9375, &[0.25, -0.25, 0.0, 0.25], 1.0 / 256.0);
    }
}
