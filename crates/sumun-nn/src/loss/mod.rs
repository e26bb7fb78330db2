//! Losses: one number that says how wrong a prediction is, and its gradient.
//!
//! Every loss is the mean over what it counts, as PyTorch's with `reduction="mean"`. Sums are taken in `f64`
//! in a fixed order, so that the same prediction always has the same loss, whatever the number of threads.

mod bce;
mod cross_entropy;
mod elements;
mod huber;
mod likelihood;
mod mae;
mod mse;
mod pinball;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sumun_kernels::Path;

use crate::distribution::Distribution;
use crate::error::expect_available;
use crate::{Error, Result};

pub use bce::{Bce, BceLogits};
pub use cross_entropy::CrossEntropy;
pub use huber::Huber;
pub use likelihood::Likelihood;
pub use mae::Mae;
pub use mse::Mse;
pub use pinball::Pinball;

/// What a prediction should have been.
#[derive(Debug, Clone, Copy)]
pub enum Targets<'a> {
    /// A number for each predicted number; of the pinball loss, for all its quantiles; of a likelihood, what
    /// [`Likelihood`] says.
    Values(&'a [f32]),
    /// A class for each row of logits.
    Classes(&'a [u32]),
}

impl Targets<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Values(_) => "numbers",
            Self::Classes(_) => "classes",
        }
    }
}

/// A loss chosen at run time, as a training loop holds it.
///
/// ```
/// use sumun_nn::loss::{Loss, Targets};
/// let loss: Loss = "mse".parse()?;
/// let mut gradient = [0.0; 2];
/// let value = loss.value_and_gradient(&[1.0, 3.0], Targets::Values(&[0.0, 1.0]), Some(&mut gradient))?;
/// assert_eq!((value, gradient), (2.5, [1.0, 2.0]));
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Loss {
    /// Mean squared error.
    Mse(Mse),
    /// Mean absolute error.
    Mae(Mae),
    /// Squared near zero, absolute further out.
    Huber(Huber),
    /// Binary cross-entropy on logits.
    Bce(BceLogits),
    /// Binary cross-entropy on probabilities.
    BceProbabilities(Bce),
    /// Cross-entropy over classes, on logits.
    CrossEntropy(CrossEntropy),
    /// The loss of quantiles, several for each target.
    Pinball(Pinball),
    /// The negative log-likelihood of a distribution, several outputs for each target.
    Likelihood(Likelihood),
}

impl Loss {
    /// The mean loss of `prediction`; its gradient, as long as the prediction, is written into `gradient`.
    ///
    /// Targets of another kind or length than the loss needs, and targets that it is not defined for, are
    /// errors. A prediction that is not finite is not an error: the loss is then not finite either. The fastest path of
    /// this processor computes it; [`value_and_gradient_on`](Self::value_and_gradient_on) takes another.
    pub fn value_and_gradient(
        &self,
        prediction: &[f32],
        targets: Targets<'_>,
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        self.value_and_gradient_on(Path::best(), prediction, targets, gradient)
    }

    /// [`value_and_gradient`](Self::value_and_gradient) on a path of the kernels, that of a model for example: its
    /// parameters' [`path`](crate::Parameters::path). One that the processor lacks is an error. The losses of single numbers
    /// are plain sums, in which a path has no part.
    pub fn value_and_gradient_on(
        &self,
        path: Path,
        prediction: &[f32],
        targets: Targets<'_>,
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        expect_available(path)?;
        match (self, targets) {
            (Self::Mse(loss), Targets::Values(target)) => {
                loss.value_and_gradient(prediction, target, gradient)
            }
            (Self::Mae(loss), Targets::Values(target)) => {
                loss.value_and_gradient(prediction, target, gradient)
            }
            (Self::Huber(loss), Targets::Values(target)) => {
                loss.value_and_gradient(prediction, target, gradient)
            }
            (Self::Bce(loss), Targets::Values(target)) => {
                loss.value_and_gradient(prediction, target, gradient)
            }
            (Self::BceProbabilities(loss), Targets::Values(target)) => {
                loss.value_and_gradient(prediction, target, gradient)
            }
            (Self::Pinball(loss), Targets::Values(target)) => {
                loss.value_and_gradient(prediction, target, gradient)
            }
            (Self::Likelihood(loss), Targets::Values(target)) => {
                loss.value_and_gradient(prediction, target, gradient)
            }
            (Self::CrossEntropy(loss), Targets::Classes(target)) => {
                loss.value_and_gradient_on(path, prediction, target, gradient)
            }
            _ => Err(self.wrong_kind(targets)),
        }
    }

    /// What the mean divides by: how much these targets weigh when the losses of several batches are averaged.
    pub fn weight(&self, targets: Targets<'_>) -> Result<f64> {
        match (self, targets) {
            (Self::CrossEntropy(loss), Targets::Classes(target)) => loss.total_weight(target),
            (Self::CrossEntropy(_), Targets::Values(_)) | (_, Targets::Classes(_)) => {
                Err(self.wrong_kind(targets))
            }
            (Self::Likelihood(loss), Targets::Values(target)) => Ok((target.len() / loss.numbers()) as f64),
            (_, Targets::Values(target)) => Ok(target.len() as f64),
        }
    }

    /// The name that [`from_str`](str::parse) reads.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mse(_) => "mse",
            Self::Mae(_) => "mae",
            Self::Huber(_) => "huber",
            Self::Bce(_) => "bce",
            Self::BceProbabilities(_) => "bce_probabilities",
            Self::CrossEntropy(_) => "cross_entropy",
            Self::Pinball(_) => "pinball",
            Self::Likelihood(_) => "likelihood",
        }
    }

    fn wrong_kind(&self, targets: Targets<'_>) -> Error {
        let needed = if matches!(self, Self::CrossEntropy(_)) { "classes" } else { "numbers" };
        Error::Invalid(format!(
            "the {} loss needs targets that are {needed}, not {}",
            self.name(),
            targets.name()
        ))
    }
}

/// A loss by its name, with PyTorch's defaults; `bce` is on logits, a `likelihood` that of the normal distribution.
impl FromStr for Loss {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "mse" => Self::Mse(Mse),
            "mae" => Self::Mae(Mae),
            "huber" => Self::Huber(Huber::default()),
            "bce" => Self::Bce(BceLogits::default()),
            "bce_probabilities" => Self::BceProbabilities(Bce),
            "cross_entropy" => Self::CrossEntropy(CrossEntropy::default()),
            "pinball" => Self::Pinball(Pinball::default()),
            "likelihood" => Self::Likelihood(Likelihood { distribution: Distribution::Normal }),
            _ => {
                return Err(Error::Invalid(format!(
                    "no loss is named {name:?}; there are mse, mae, huber, bce, bce_probabilities, cross_entropy, pinball and likelihood"
                )));
            }
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Value and gradient against PyTorch's, and the gradient against central differences where `step` is not 0.
    pub(crate) fn check(
        loss: &Loss,
        prediction: &[f32],
        targets: Targets<'_>,
        value: f64,
        gradient: &[f64],
        step: f32,
    ) {
        let mut found = vec![f32::NAN; prediction.len()];
        let with = loss.value_and_gradient(prediction, targets, Some(&mut found)).unwrap();
        let without = loss.value_and_gradient(prediction, targets, None).unwrap();
        assert_eq!(with.to_bits(), without.to_bits(), "{loss:?}: the gradient changes the value");
        assert!((with - value).abs() <= 1e-6 * value.abs().max(1.0), "{loss:?}: {with} for {value}");
        for (k, (&found, &expected)) in found.iter().zip(gradient).enumerate() {
            let difference = (f64::from(found) - expected).abs();
            assert!(difference <= 1e-6 * expected.abs().max(1.0), "{loss:?}[{k}]: {found} for {expected}");
            if step > 0.0 {
                let at = |shift: f32| {
                    let mut moved = prediction.to_vec();
                    moved[k] += shift;
                    loss.value_and_gradient(&moved, targets, None).unwrap()
                };
                let numeric = (at(step) - at(-step)) / f64::from(2.0 * step);
                assert!(
                    (f64::from(found) - numeric).abs() < 1e-3,
                    "{loss:?}[{k}]: {found}, numeric {numeric}"
                );
            }
        }
        assert_eq!(found.len(), gradient.len());
    }

    #[test]
    fn losses_are_found_by_name_and_survive_serialisation() {
        for name in
            ["mse", "mae", "huber", "bce", "bce_probabilities", "cross_entropy", "pinball", "likelihood"]
        {
            let loss: Loss = name.parse().unwrap();
            assert_eq!(loss.name(), name);
            let text = toml::to_string(&loss).unwrap();
            assert_eq!(toml::from_str::<Loss>(&text).unwrap(), loss, "{text}");
        }
        let error = "l1".parse::<Loss>().unwrap_err().to_string();
        assert!(error.starts_with("no loss is named \"l1\"; there are mse, "), "{error}");
    }

    #[test]
    fn targets_that_do_not_fit_are_errors() {
        let cases: [(&str, &[f32], Targets<'_>, &str); 7] = [
            (
                "mse",
                &[1.0],
                Targets::Classes(&[1]),
                "the mse loss needs targets that are numbers, not classes",
            ),
            (
                "cross_entropy",
                &[1.0],
                Targets::Values(&[1.0]),
                "the cross_entropy loss needs targets that are classes, not numbers",
            ),
            (
                "mae",
                &[1.0, 2.0],
                Targets::Values(&[1.0]),
                "the targets of a loss: expected 2 values, found 1",
            ),
            ("huber", &[], Targets::Values(&[]), "the mean loss of no predictions at all is not defined"),
            ("bce", &[1.0], Targets::Values(&[2.0]), "target 2 at position 0 is not between 0 and 1"),
            (
                "bce_probabilities",
                &[0.5, 1.5],
                Targets::Values(&[0.0, 1.0]),
                "predicted probability 1.5 at position 1 is not between 0 and 1",
            ),
            (
                "cross_entropy",
                &[0.5, 1.5],
                Targets::Classes(&[2]),
                "class 2 in row 0 is not below the number of classes, 2",
            ),
        ];
        for (name, prediction, targets, message) in cases {
            let loss: Loss = name.parse().unwrap();
            let error = loss.value_and_gradient(prediction, targets, None).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let error = Mse.value_and_gradient(&[1.0], &[1.0], Some(&mut [0.0; 2])).unwrap_err();
        assert_eq!(error.to_string(), "the gradient of a loss: expected 1 values, found 2");
    }

    #[test]
    fn a_prediction_that_is_not_a_number_gives_such_a_loss() {
        for name in ["mse", "mae", "huber", "bce", "bce_probabilities"] {
            let loss: Loss = name.parse().unwrap();
            let value =
                loss.value_and_gradient(&[0.5, f32::NAN], Targets::Values(&[0.0, 1.0]), None).unwrap();
            assert!(value.is_nan(), "{name}: {value}");
        }
        let loss: Loss = "cross_entropy".parse().unwrap();
        let value = loss.value_and_gradient(&[0.5, f32::NAN], Targets::Classes(&[0]), None).unwrap();
        assert!(value.is_nan(), "cross_entropy: {value}");
    }

    #[test]
    fn weights_are_what_the_mean_divides_by() {
        let mse: Loss = "mse".parse().unwrap();
        assert_eq!(mse.weight(Targets::Values(&[0.0; 3])).unwrap(), 3.0);
        let weighted = Loss::CrossEntropy(CrossEntropy {
            class_weights: vec![0.5, 2.0],
            ignore: Some(9),
            ..CrossEntropy::default()
        });
        assert_eq!(weighted.weight(Targets::Classes(&[0, 9, 1, 1])).unwrap(), 4.5);
        assert!(mse.weight(Targets::Classes(&[1])).is_err());
    }
}
