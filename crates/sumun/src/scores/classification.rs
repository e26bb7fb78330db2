//! Classes: accuracy, F1 and the confusion matrix.

use serde::Serialize;

use super::reliability::Reliability;
use super::{check_ids, check_lengths, check_memory, f1, share};
use crate::{Error, Result};

/// The figures of one class against all others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassScore {
    /// The share of those predicted to be of the class that are.
    pub precision: f64,
    /// The share of those of the class that are predicted to be.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// How many are of the class.
    pub support: u64,
}

/// How far a model is right in how sure it is of classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// As the network is.
    pub network: Reliability,
    /// As its answers are, with the weights that the validation part gave the network and what answers with it; None where
    /// there was none, and the network answers as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<Reliability>,
}

/// The figures of predicted classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classification {
    /// How many predictions there are.
    pub count: u64,
    /// The share of right predictions, 0 to 1.
    pub accuracy: f64,
    /// The mean F1 of the classes that occur, truly or as a prediction (scikit-learn's `f1_score(average="macro")`).
    pub macro_f1: f64,
    /// How often each class (rows) was predicted to be each class (columns), `[classes, classes]`.
    pub confusion: Vec<Vec<u64>>,
    /// The figures of each class, by its id.
    pub classes: Vec<ClassScore>,
    /// Of a model that says how sure it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

impl Classification {
    /// Scores ids below `classes`. Errors: another number of predictions than of true classes, none at all, an id that
    /// is not below `classes`.
    pub fn of(truth: &[u32], predicted: &[u32], classes: usize) -> Result<Self> {
        check_lengths(truth.len(), predicted.len())?;
        check_ids("true value", truth, classes)?;
        check_ids("prediction", predicted, classes)?;
        check_memory(classes, classes.checked_mul(classes))?;
        let mut confusion = vec![vec![0_u64; classes]; classes];
        for (&truth, &predicted) in truth.iter().zip(predicted) {
            confusion[truth as usize][predicted as usize] += 1;
        }
        let score = |class: usize| {
            let hits = confusion[class][class];
            let support: u64 = confusion[class].iter().sum();
            let found: u64 = confusion.iter().map(|row| row[class]).sum();
            let score = ClassScore {
                precision: share(hits, found),
                recall: share(hits, support),
                f1: f1(hits, found, support),
                support,
            };
            (score, support + found > 0)
        };
        let scored: Vec<(ClassScore, bool)> = (0..classes).map(score).collect();
        let occurring: Vec<f64> = scored.iter().filter(|(_, occurs)| *occurs).map(|(s, _)| s.f1).collect();
        let hits: u64 = (0..classes).map(|class| confusion[class][class]).sum();
        let count = truth.len() as u64;
        Ok(Self {
            count,
            accuracy: share(hits, count),
            macro_f1: occurring.iter().sum::<f64>() / occurring.len() as f64,
            classes: scored.into_iter().map(|(score, _)| score).collect(),
            confusion,
            calibration: None,
        })
    }
}

/// The class that is most frequent in `train`; among equals the lowest (scikit-learn's `DummyClassifier`). Errors: no
/// labels, or one that is not below `classes`.
pub fn majority(train: &[u32], classes: usize) -> Result<u32> {
    let counts = counts(train, classes)?;
    let more = |a: u32, b: u32| if counts[b as usize] > counts[a as usize] { b } else { a };
    Ok((0..classes as u32).fold(0, more))
}

/// A weight for each class, n / (k · count): every class weighs the same in all (scikit-learn's
/// `class_weight="balanced"`). k counts the classes that occur; one that does not weighs 1. Errors as [`majority`].
pub fn balanced_weights(train: &[u32], classes: usize) -> Result<Vec<f32>> {
    let counts = counts(train, classes)?;
    let occurring = counts.iter().filter(|&&count| count > 0).count();
    let weight = |&count: &u64| match count {
        0 => 1.0,
        _ => (train.len() as f64 / (occurring as f64 * count as f64)) as f32,
    };
    Ok(counts.iter().map(weight).collect())
}

fn counts(train: &[u32], classes: usize) -> Result<Vec<u64>> {
    if train.is_empty() {
        return Err(Error::Invalid("there are no labels to count; give a training part".into()));
    }
    check_ids("label", train, classes)?;
    check_memory(classes, Some(classes))?;
    let mut counts = vec![0; classes];
    train.iter().for_each(|&class| counts[class as usize] += 1);
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: [u32; 12] = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 4, 4];
    const PREDICTED: [u32; 12] = [0, 0, 1, 0, 3, 1, 1, 0, 1, 0, 4, 4];

    /// Precision, recall, F1 and support of each class.
    const CLASSES: [(f64, f64, f64, u64); 6] = [
        (0.6, 0.6, 0.6, 5),
        (0.5, 0.6666666666666666, 0.5714285714285714, 3),
        (0.0, 0.0, 0.0, 2),
        (0.0, 0.0, 0.0, 0),
        (1.0, 1.0, 1.0, 2),
        (0.0, 0.0, 0.0, 0),
    ];

    /// All figures are scikit-learn's for the classes above; class 5 never occurs, 2 is never predicted, 3 never true.
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let scores = Classification::of(&TRUTH, &PREDICTED, 6).unwrap();
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        close(scores.accuracy, 0.5833333333333334);
        close(scores.macro_f1, 0.4342857142857143);
        for (score, (precision, recall, f1, support)) in scores.classes.iter().zip(CLASSES) {
            close(score.precision, precision);
            close(score.recall, recall);
            close(score.f1, f1);
            assert_eq!(score.support, support);
        }
        assert_eq!(scores.confusion[0], [3, 1, 0, 1, 0, 0]);
        assert_eq!(scores.confusion[2], [1, 1, 0, 0, 0, 0]);
        let json = serde_json::to_value(&scores).unwrap();
        assert_eq!(json["classes"][4]["f1"], 1.0);
    }

    #[test]
    fn the_majority_is_the_lowest_of_the_most_frequent() {
        assert_eq!(majority(&[2, 1, 2, 1, 0], 3).unwrap(), 1);
        assert_eq!(majority(&TRUTH, 5).unwrap(), 0);
    }

    /// scikit-learn's `compute_class_weight("balanced")`.
    #[test]
    fn balanced_weights_are_those_of_scikit_learn() {
        let weights = balanced_weights(&TRUTH, 6).unwrap();
        for (found, expected) in weights.iter().zip([0.6, 1.0, 1.5, 1.0, 1.5, 1.0]) {
            assert!((found - expected).abs() < 1e-6, "{weights:?}");
        }
    }

    #[test]
    fn answers_that_cannot_be_scored_are_refused() {
        for (result, expected) in [
            (Classification::of(&[], &[], 2).map(drop), "0 predictions for 0 true values"),
            (Classification::of(&[1], &[1, 0], 2).map(drop), "2 predictions for 1 true values"),
            (Classification::of(&[1, 2], &[1, 0], 2).map(drop), "true value 1 is 2; there are 2 classes"),
            (Classification::of(&[1], &[7], 2).map(drop), "prediction 0 is 7; there are 2 classes"),
            (
                Classification::of(&[1], &[1], usize::MAX).map(drop),
                "there is no memory to count 18446744073709551615 classes",
            ),
            (
                Classification::of(&[1], &[1], 1 << 31).map(drop),
                "there is no memory to count 2147483648 classes",
            ),
            (
                majority(&[1], usize::MAX).map(drop),
                "there is no memory to count 18446744073709551615 classes",
            ),
            (
                balanced_weights(&[1], 1 << 60).map(drop),
                "there is no memory to count 1152921504606846976 classes",
            ),
            (majority(&[], 2).map(drop), "there are no labels"),
            (balanced_weights(&[2], 2).map(drop), "label 0 is 2"),
        ] {
            let message = result.unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
