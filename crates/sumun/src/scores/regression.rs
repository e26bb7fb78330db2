//! Numbers: mean absolute error, root mean squared error and R².

use serde::Serialize;

use super::check_lengths;
use crate::{Error, Result};

/// The figures of predicted numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Regression {
    /// How many predictions there are.
    pub count: u64,
    /// The mean absolute error, in the unit of the numbers.
    pub mae: f64,
    /// The root of the mean squared error, in the unit of the numbers.
    pub rmse: f64,
    /// The share of the variance that is explained: 1 − Σ(y − ŷ)² / Σ(y − ȳ)². Below 0 where the mean of the true
    /// numbers would be better; None where they are all the same.
    pub r2: Option<f64>,
}

impl Regression {
    /// Scores numbers. Errors: another number of predictions than of true numbers, none at all, one that is not finite.
    pub fn of(truth: &[f64], predicted: &[f64]) -> Result<Self> {
        check_lengths(truth.len(), predicted.len())?;
        check_finite("true value", truth)?;
        check_finite("prediction", predicted)?;
        let count = truth.len() as f64;
        let errors = || truth.iter().zip(predicted).map(|(y, p)| y - p);
        let squares: f64 = errors().map(|e| e * e).sum();
        let centre = truth.iter().sum::<f64>() / count;
        let variation: f64 = truth.iter().map(|y| (y - centre).powi(2)).sum();
        // The mean of equal numbers may be off by a rounding error, which would be taken for variation.
        let constant = truth.iter().all(|y| y == &truth[0]);
        Ok(Self {
            count: truth.len() as u64,
            mae: errors().map(f64::abs).sum::<f64>() / count,
            rmse: (squares / count).sqrt(),
            r2: (!constant && variation > 0.0).then(|| 1.0 - squares / variation),
        })
    }
}

/// The mean of the training labels, the simplest guess. Errors: no labels, or one that is not finite.
pub fn mean(train: &[f64]) -> Result<f64> {
    if train.is_empty() {
        return Err(Error::Invalid("there are no labels to take the mean of; give a training part".into()));
    }
    check_finite("label", train)?;
    Ok(train.iter().sum::<f64>() / train.len() as f64)
}

fn check_finite(what: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::Invalid(format!("{what} {at} is {}; it must be a finite number", values[at]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn's `mean_absolute_error`, `root_mean_squared_error` and `r2_score`.
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let truth = [3.0, -0.5, 2.0, 7.0, 4.25];
        let guess = mean(&[1.0, 2.0, 4.5]).unwrap();
        for (predicted, figures) in [
            ([2.5, 0.0, 2.0, 8.0, 3.5], [0.55, 0.6422616289332564, 0.9328175895765473]),
            ([guess; 5], [2.05, 2.5617376914898995, -0.06881107491856664]),
        ] {
            let scores = Regression::of(&truth, &predicted).unwrap();
            for (found, expected) in [scores.mae, scores.rmse, scores.r2.unwrap()].into_iter().zip(figures) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
        }
    }

    #[test]
    fn equal_answers_have_no_r2() {
        for truth in [[0.1; 3].as_slice(), &[5.0]] {
            let scores = Regression::of(truth, &vec![0.5; truth.len()]).unwrap();
            assert_eq!(scores.r2, None);
        }
        assert_eq!(Regression::of(&[1.0, 2.0], &[1.0, 2.0]).unwrap().r2, Some(1.0));
    }

    #[test]
    fn numbers_that_cannot_be_scored_are_refused() {
        for (result, expected) in [
            (Regression::of(&[], &[]).map(drop), "0 predictions for 0"),
            (Regression::of(&[1.0], &[f64::NAN]).map(drop), "prediction 0 is NaN; it must"),
            (Regression::of(&[f64::INFINITY], &[1.0]).map(drop), "true value 0 is inf; it must"),
            (mean(&[]).map(drop), "there are no labels"),
        ] {
            let message = result.unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
