//! Sets of labels: F1 over all labels, of each, and whole sets.

use serde::Serialize;

use super::{ClassScore, check_ids, check_lengths, check_memory, f1, share};
use crate::Result;

/// The figures of predicted sets of labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelSets {
    /// How many predictions there are, a set each.
    pub count: u64,
    /// The F1 of all labels of all sets together (scikit-learn's `f1_score(average="micro")`).
    pub micro_f1: f64,
    /// The mean F1 of the labels that occur, truly or as a prediction; 0 where none does.
    pub macro_f1: f64,
    /// The share of sets that are right to the last label, 0 to 1 (scikit-learn's `accuracy_score`).
    pub subset_accuracy: f64,
    /// The share of predicted labels that are right.
    pub precision: f64,
    /// The share of true labels that are predicted.
    pub recall: f64,
    /// The figures of each label, by its id.
    pub labels: Vec<ClassScore>,
}

impl LabelSets {
    /// Scores sets of ids below `labels`. Errors: another number of predictions than of true sets, none at all, an id that is
    /// not below `labels`.
    pub fn of(truth: &[Vec<u32>], predicted: &[Vec<u32>], labels: usize) -> Result<Self> {
        check_lengths(truth.len(), predicted.len())?;
        check_memory(labels, labels.checked_mul(3))?;
        let (mut hits, mut support, mut found) =
            (vec![0_u64; labels], vec![0_u64; labels], vec![0_u64; labels]);
        let mut whole = 0;
        for (truth, predicted) in truth.iter().zip(predicted) {
            check_ids("true label", truth, labels)?;
            check_ids("predicted label", predicted, labels)?;
            truth.iter().for_each(|&id| support[id as usize] += 1);
            predicted.iter().for_each(|&id| found[id as usize] += 1);
            let both = predicted.iter().filter(|id| truth.contains(id));
            both.clone().for_each(|&id| hits[id as usize] += 1);
            whole += u64::from(both.count() == truth.len() && predicted.len() == truth.len());
        }
        let score = |label: usize| ClassScore {
            precision: share(hits[label], found[label]),
            recall: share(hits[label], support[label]),
            f1: f1(hits[label], found[label], support[label]),
            support: support[label],
        };
        let scored: Vec<ClassScore> = (0..labels).map(score).collect();
        let occurs = |label: &usize| support[*label] + found[*label] > 0;
        let occurring: Vec<f64> = (0..labels).filter(occurs).map(|label| scored[label].f1).collect();
        let sum = |counts: &[u64]| counts.iter().sum::<u64>();
        let (hits, found, support) = (sum(&hits), sum(&found), sum(&support));
        Ok(Self {
            count: truth.len() as u64,
            micro_f1: f1(hits, found, support),
            macro_f1: occurring.iter().sum::<f64>() / occurring.len().max(1) as f64,
            subset_accuracy: share(whole, truth.len() as u64),
            precision: share(hits, found),
            recall: share(hits, support),
            labels: scored,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(all: &[&[u32]]) -> Vec<Vec<u32>> {
        all.iter().map(|set| set.to_vec()).collect()
    }

    /// By hand: 6 of 9 predicted and of 8 true labels are hits; label 3 is never true, and label 4 never occurs.
    #[test]
    fn figures_are_those_of_the_definitions() {
        let truth = sets(&[&[0, 1], &[], &[2], &[0], &[0, 1, 2], &[1], &[]]);
        let predicted = sets(&[&[0, 1], &[], &[], &[0, 3], &[2, 0], &[1, 2], &[0]]);
        let scores = LabelSets::of(&truth, &predicted, 5).unwrap();
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        close(scores.micro_f1, 12.0 / 17.0);
        close(scores.precision, 6.0 / 9.0);
        close(scores.recall, 6.0 / 8.0);
        close(scores.macro_f1, (6.0 / 7.0 + 0.8 + 0.5 + 0.0) / 4.0);
        close(scores.subset_accuracy, 2.0 / 7.0);
        let label = |label: usize| {
            let ClassScore { precision, recall, f1, support } = scores.labels[label];
            (precision, recall, f1, support)
        };
        assert_eq!(label(0), (0.75, 1.0, 6.0 / 7.0, 3));
        assert_eq!(label(2), (0.5, 0.5, 0.5, 2));
        assert_eq!(label(3), (0.0, 0.0, 0.0, 0));
        assert_eq!(label(4), (0.0, 0.0, 0.0, 0));
    }

    #[test]
    fn sets_without_labels_and_what_cannot_be_scored() {
        let none = sets(&[&[], &[]]);
        let scores = LabelSets::of(&none, &none, 2).unwrap();
        assert_eq!((scores.micro_f1, scores.macro_f1, scores.subset_accuracy), (0.0, 0.0, 1.0));
        for (result, expected) in [
            (LabelSets::of(&none, &sets(&[&[]]), 2), "1 predictions for 2 true values"),
            (LabelSets::of(&none, &sets(&[&[], &[2]]), 2), "predicted label 0 is 2; there are 2 classes"),
            (LabelSets::of(&none, &none, usize::MAX), "there is no memory to count"),
        ] {
            let message = result.unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
