//! Pinball loss: what the quantiles of a distribution make small.

use serde::{Deserialize, Serialize};

use super::elements::expect_length;
use crate::{Error, Result};

/// For each target t and each of its Q predicted quantiles p, of level τ, the mean of τ·(t − p) where t ≥ p and
/// (1 − τ)·(p − t) where not (Koenker and Bassett 1978, "Regression quantiles"; `mean_pinball_loss` of scikit-learn). The
/// derivative is 0 where they are equal. With the one level ½ it is half the mean absolute error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pinball {
    /// The levels of the quantiles, each above 0 and below 1, in the order in which they are predicted for each target.
    pub levels: Vec<f32>,
}

impl Default for Pinball {
    /// The median, and an interval of 80 % around it.
    fn default() -> Self {
        Self { levels: vec![0.1, 0.5, 0.9] }
    }
}

impl Pinball {
    /// The mean loss of `prediction`, `[targets, levels]`; the gradient, of the same shape, is written where one is wanted.
    /// Errors: no target, other numbers of predictions than targets and levels ask for, and levels outside 0 to 1.
    pub fn value_and_gradient(
        &self,
        prediction: &[f32],
        target: &[f32],
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        let wrong = self.levels.iter().find(|&&level| !(level > 0.0 && level < 1.0));
        if let Some(level) = wrong {
            return Err(Error::Invalid(format!(
                "a level of the pinball loss is {level}; it must be above 0 and below 1"
            )));
        }
        let count = self.levels.len();
        if prediction.is_empty() || count == 0 {
            return Err(Error::Invalid("the mean loss of no predictions at all is not defined".into()));
        }
        expect_length(
            "the predictions of a pinball loss",
            target.len().saturating_mul(count),
            prediction.len(),
        )?;
        let share = (1.0 / prediction.len() as f64) as f32;
        let mut sum = 0.0;
        let element = |p: f32, t: f32, level: f32| {
            let error = p - t;
            // The derivative by the prediction; an error that is not a number stays one.
            let slope = if error > 0.0 { 1.0 - level } else { -level };
            (f64::from(error) * f64::from(slope), if error == 0.0 { 0.0 } else { slope })
        };
        match gradient {
            None => {
                for (row, &t) in prediction.chunks_exact(count).zip(target) {
                    for (&p, &level) in row.iter().zip(&self.levels) {
                        sum += element(p, t, level).0;
                    }
                }
            }
            Some(gradient) => {
                expect_length("the gradient of a loss", prediction.len(), gradient.len())?;
                let rows = prediction.chunks_exact(count).zip(gradient.chunks_exact_mut(count));
                for ((row, row_gradient), &t) in rows.zip(target) {
                    for ((&p, &level), d) in row.iter().zip(&self.levels).zip(row_gradient) {
                        let (loss, derivative) = element(p, t, level);
                        sum += loss;
                        *d = derivative * share;
                    }
                }
            }
        }
        Ok(sum / prediction.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Targets, tests::check};

    /// By hand from the definition; `sklearn.metrics.mean_pinball_loss` gives the same for each level.
    #[test]
    fn the_levels_weigh_both_sides() {
        let loss = Loss::Pinball(Pinball { levels: vec![0.1, 0.5, 0.9] });
        // Two targets, three quantiles each; the last one is exact.
        let (p, t) = ([0.5, -1.5, 2.0, 0.25, 1.0, -0.5], [0.0, -0.5]);
        // .9·.5, .5·1.5, .1·2, .9·.75, .5·1.5, 0
        let value = (0.45 + 0.75 + 0.2 + 0.675 + 0.75) / 6.0;
        let gradient = [0.9, -0.5, 0.1, 0.9, 0.5, 0.0].map(|d| d / 6.0);
        check(&loss, &p, Targets::Values(&t), value, &gradient, 0.0);
        // Away from the target the gradient is the difference quotient's.
        check(
            &loss,
            &p[..3],
            Targets::Values(&t[..1]),
            (0.45 + 0.75 + 0.2) / 3.0,
            &[0.3, -1.0 / 6.0, 0.1 / 3.0],
            1.0 / 256.0,
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for level in [0.0, 1.0, -0.5, f32::NAN] {
            let loss = Pinball { levels: vec![0.5, level] };
            assert!(loss.value_and_gradient(&[1.0, 2.0], &[1.0], None).is_err(), "{level}");
        }
        let loss = Pinball::default();
        for (prediction, target) in [(&[1.0; 3][..], &[1.0; 2][..]), (&[1.0; 4], &[1.0]), (&[], &[])] {
            assert!(loss.value_and_gradient(prediction, target, None).is_err());
        }
        assert!(Pinball { levels: vec![] }.value_and_gradient(&[], &[], None).is_err());
        let value = loss.value_and_gradient(&[0.5, f32::NAN, 1.0], &[0.0], None).unwrap();
        assert!(value.is_nan());
    }
}
