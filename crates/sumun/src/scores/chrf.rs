//! chrF: how much of a text's n-grams of characters another text has.

use std::collections::HashMap;

use super::check_lengths;
use crate::Result;

/// The longest n-grams (Popović 2015 finds 6 best).
pub const CHRF_ORDER: usize = 6;
/// β: recall counts β² times as much as precision. 2, as in sacreBLEU; Popović 2015 uses 1 and 3 as well.
pub const CHRF_BETA: f64 = 2.0;

/// How many n-grams of an order there are in predictions and references, and how many are in both.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    predicted: u64,
    reference: u64,
    both: u64,
}

/// chrF of a whole part, from 0 to 1 (Popović, *chrF: character n-gram F-score for automatic MT evaluation*, WMT 2015):
/// (1 + β²) · P · R / (β² · P + R), where P and R are the means over n = 1 … [`CHRF_ORDER`] of the precision and the recall
/// of n-grams of characters, counted over all texts together, and β is [`CHRF_BETA`]. White space does not count. Orders
/// that the predictions or the references have no n-gram of are left out of the means, and n-grams of a prediction count
/// only where its reference is long enough to have some; so it is sacreBLEU's `chrF2` divided by 100.
///
/// Another number of predictions than references, and none at all, are errors.
pub fn chrf<P: AsRef<str>, R: AsRef<str>>(predicted: &[P], references: &[R]) -> Result<f64> {
    chrf_with(predicted, references, CHRF_ORDER, CHRF_BETA)
}

/// As [`chrf`], with n-grams up to another `order`, at least 1, and another β.
pub fn chrf_with<P: AsRef<str>, R: AsRef<str>>(
    predicted: &[P],
    references: &[R],
    order: usize,
    beta: f64,
) -> Result<f64> {
    check_lengths(references.len(), predicted.len())?;
    let mut counts = vec![Counts::default(); order.max(1)];
    for (predicted, reference) in predicted.iter().zip(references) {
        let (predicted, reference) = (characters(predicted.as_ref()), characters(reference.as_ref()));
        for (n, counts) in (1..).zip(&mut counts) {
            add(&predicted, &reference, n, counts);
        }
    }
    let there: Vec<&Counts> = counts.iter().filter(|c| c.predicted > 0 && c.reference > 0).collect();
    let mean = |share: fn(&Counts) -> f64| {
        there.iter().map(|counts| share(counts)).sum::<f64>() / there.len().max(1) as f64
    };
    let precision = mean(|c| c.both as f64 / c.predicted as f64);
    let recall = mean(|c| c.both as f64 / c.reference as f64);
    let weighted = beta * beta * precision + recall;
    Ok(if weighted > 0.0 { (1.0 + beta * beta) * precision * recall / weighted } else { 0.0 })
}

fn characters(text: &str) -> Vec<char> {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Adds the n-grams of a pair.
fn add(predicted: &[char], reference: &[char], n: usize, counts: &mut Counts) {
    let mut left = HashMap::<&[char], u64>::new();
    reference.windows(n).for_each(|gram| *left.entry(gram).or_default() += 1);
    counts.reference += reference.windows(n).len() as u64;
    if left.is_empty() {
        return;
    }
    counts.predicted += predicted.windows(n).len() as u64;
    for gram in predicted.windows(n) {
        if let Some(count) = left.get_mut(gram).filter(|count| **count > 0) {
            *count -= 1;
            counts.both += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `ab` against `abcdef`: P is 2/2 and 1/1, R is 2/6 and 1/5, and no longer n-gram is predicted, so that with β = 2
    /// F = 5 · 1 · 4/15 / (4 + 4/15) = 20/64.
    #[test]
    fn a_case_counted_by_hand() {
        let found = chrf(&["a b"], &["abcdef"]).unwrap();
        assert!((found - 20.0 / 64.0).abs() < 1e-15, "{found}");
        // Each n-gram of the reference is found once: P = 1/3, R = 1.
        let found = chrf_with(&["aaa"], &["a"], 1, 1.0).unwrap();
        assert!((found - 0.5).abs() < 1e-15, "{found}");
    }

    /// Those of sacreBLEU 2.6.0: `CHRF()`, `CHRF(beta=3)` and `CHRF(char_order=2, beta=1)`, each of
    /// `.corpus_score(predicted, [references]).score`, divided by 100.
    #[test]
    fn the_figures_of_sacrebleu() {
        type Case<'a> = (&'a [&'a str], &'a [&'a str], [f64; 3]);
        let cases: [Case<'_>; 9] = [
            (&["the cat sat"], &["the cat sat"], [100.0; 3]),
            (
                &["the cat sat on the mat"],
                &["a cat sat on a mat"],
                [55.11170308673565, 57.082448678855904, 68.81110775123476],
            ),
            (&["1998-03-03"], &["1998-03-30"], [75.14550264550265, 75.14550264550265, 88.88888888888889]),
            (&["abc"], &["xyz"], [0.0; 3]),
            (&["ab"], &["abcdef"], [31.25, 28.77697841726618, 42.10526315789474]),
            (
                &["나는 학교에 간다"],
                &["나는 학교에 갔다"],
                [49.28571428571429, 49.28571428571429, 76.19047619047619],
            ),
            (
                &["1998-03-03", "the cat", "a"],
                &["1998-03-30", "the cat sat", "b"],
                [65.87275772477797, 64.38547896938793, 81.95799174196637],
            ),
            (
                &["hello world", "나는 간다"],
                &["hello, world!", "나는 갔다"],
                [44.883833362519745, 44.14113678682307, 77.95075295075296],
            ),
            (&["x", ""], &["x", "y"], [55.55555555555556, 52.63157894736842, 66.66666666666666]),
        ];
        for (predicted, references, expected) in cases {
            let found = [(6, 2.0), (6, 3.0), (2, 1.0)]
                .map(|(order, beta)| 100.0 * chrf_with(predicted, references, order, beta).unwrap());
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-10, "{predicted:?}: {found} {expected}");
            }
        }
    }

    #[test]
    fn what_cannot_be_scored_is_refused() {
        assert!(chrf::<&str, &str>(&[], &[]).is_err());
        assert!(chrf(&["a"], &["a", "b"]).is_err());
        assert_eq!(chrf(&[""], &["a"]).unwrap(), 0.0);
    }
}
