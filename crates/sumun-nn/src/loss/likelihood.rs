//! The negative log-likelihood of a distribution whose parameters are predicted.

use serde::{Deserialize, Serialize};

use super::elements::expect_length;
use crate::distribution::Distribution;
use crate::{Error, Result};

/// The mean over the targets of −ln of their probability, or density, by the distribution that the outputs of each name.
///
/// The targets of continuous distributions are values; those of counts are pairs of a count and the scale of its sequence, above
/// 0, as [`Distribution`] says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// The family of the distributions.
    pub distribution: Distribution,
}

impl Likelihood {
    /// How many numbers a target has.
    pub fn numbers(&self) -> usize {
        if self.distribution.is_of_counts() { 2 } else { 1 }
    }

    /// The mean loss of `prediction`, `[targets, outputs]`; the gradient, of the same shape, is written where one is wanted.
    /// Errors: no target, other numbers of predictions than targets ask for, counts that are not whole numbers from 0 on, and
    /// scales that are not above 0.
    pub fn value_and_gradient(
        &self,
        prediction: &[f32],
        target: &[f32],
        mut gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        let (outputs, numbers) = (self.distribution.outputs(), self.numbers());
        if prediction.is_empty() {
            return Err(Error::Invalid("the mean loss of no predictions at all is not defined".into()));
        }
        let count = prediction.len() / outputs;
        expect_length("the predictions of a likelihood", count * outputs, prediction.len())?;
        expect_length("the targets of a likelihood", count * numbers, target.len())?;
        if let Some(gradient) = &gradient {
            expect_length("the gradient of a loss", prediction.len(), gradient.len())?;
        }
        let mut sum = 0.0;
        for (k, (outputs_of, target)) in
            prediction.chunks_exact(outputs).zip(target.chunks_exact(numbers)).enumerate()
        {
            let (value, scale) = (target[0], target.get(1).copied().unwrap_or(1.0));
            if numbers == 2 {
                check_count(k, value, scale)?;
            }
            let (surprise, derivatives) =
                self.distribution.surprise(outputs_of, f64::from(scale), f64::from(value));
            sum += surprise;
            if let Some(gradient) = &mut gradient {
                for (d, derivative) in gradient[k * outputs..][..outputs].iter_mut().zip(derivatives) {
                    *d = (derivative / count as f64) as f32;
                }
            }
        }
        Ok(sum / count as f64)
    }
}

fn check_count(k: usize, value: f32, scale: f32) -> Result<()> {
    // A comparison that a NaN fails as well.
    if !(value >= 0.0 && value.fract() == 0.0) {
        return Err(Error::Invalid(format!(
            "target {value} at position {k} is not a count: 0, 1, 2 and so on"
        )));
    }
    if !(scale > 0.0 && scale.is_finite()) {
        return Err(Error::Invalid(format!(
            "the scale {scale} of the target at position {k} is not above 0"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Targets};

    fn loss(distribution: Distribution) -> Loss {
        Loss::Likelihood(Likelihood { distribution })
    }

    /// torch 2.x: `nn.GaussianNLLLoss(full=True)` of the means and the squares of softplus + 10⁻³.
    #[test]
    fn the_mean_is_over_targets_and_its_gradient_over_all_outputs() {
        let (prediction, target) = ([0.25f32, -0.5, 1.0, 0.5], [0.75, -1.0]);
        let mut gradient = [0.0; 4];
        let of = |k: usize| {
            Distribution::Normal.surprise(&prediction[2 * k..2 * k + 2], 1.0, f64::from(target[k]))
        };
        let loss = loss(Distribution::Normal);
        let value =
            loss.value_and_gradient(&prediction, Targets::Values(&target), Some(&mut gradient)).unwrap();
        assert_eq!(value, (of(0).0 + of(1).0) / 2.0);
        for k in 0..4 {
            assert_eq!(gradient[k], (of(k / 2).1[k % 2] / 2.0) as f32);
        }
    }

    #[test]
    fn what_is_no_count_is_refused() {
        let loss = loss(Distribution::NegativeBinomial);
        for (target, message) in [
            ([1.5, 1.0], "target 1.5 at position 0 is not a count: 0, 1, 2 and so on"),
            ([-1.0, 1.0], "target -1 at position 0 is not a count: 0, 1, 2 and so on"),
            ([f32::NAN, 1.0], "target NaN at position 0 is not a count: 0, 1, 2 and so on"),
            ([2.0, 0.0], "the scale 0 of the target at position 0 is not above 0"),
        ] {
            let error = loss.value_and_gradient(&[0.0; 2], Targets::Values(&target), None).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        for (prediction, target) in [(&[0.0; 3][..], &[1.0; 2][..]), (&[0.0; 4], &[1.0; 2]), (&[], &[])] {
            assert!(loss.value_and_gradient(prediction, Targets::Values(target), None).is_err());
        }
        assert_eq!(loss.weight(Targets::Values(&[3.0, 1.0, 2.0, 1.0])).unwrap(), 2.0);
    }

    #[test]
    fn a_prediction_that_is_not_a_number_gives_such_a_loss() {
        for distribution in [Distribution::Normal, Distribution::StudentT] {
            let outputs = vec![f32::NAN; distribution.outputs()];
            let value =
                loss(distribution).value_and_gradient(&outputs, Targets::Values(&[1.0]), None).unwrap();
            assert!(value.is_nan());
        }
    }
}
