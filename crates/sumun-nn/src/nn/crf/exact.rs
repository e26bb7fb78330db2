//! Sums over all tags of one sequence in log space and double precision: slow, and right for any scores.

use super::rules::TagRules;
use super::scores::{Ruled, Scores};

/// The sums of a sequence.
pub(super) struct Exact {
    /// ln Z: of the sum over all sequences of tags; −∞ where the rules allow none.
    pub(super) log_sum: f64,
    /// The probability of each tag at each step, `[T, K]`.
    pub(super) tags: Vec<f64>,
}

/// ln Z and the probabilities of tags; those of pairs of tags that follow each other are added to `pairs`, `[from, to]`, where they
/// are wanted. `emissions` has the K scores of each step, at least one.
pub(super) fn exact(
    scores: Scores<'_>,
    rules: Option<&TagRules>,
    emissions: &[&[f32]],
    pairs: Option<&mut [f64]>,
) -> Exact {
    let (k, steps) = (scores.tags, emissions.len());
    let Ruled { transitions, start, end, .. } = Ruled::of(scores, rules);
    let mut before = vec![0.0; steps * k];
    for t in 0..steps {
        for to in 0..k {
            let sum = match t.checked_sub(1) {
                None => start[to],
                Some(t) => log_sum((0..k).map(|from| before[t * k + from] + transitions[from * k + to])),
            };
            before[t * k + to] = sum + f64::from(emissions[t][to]);
        }
    }
    let mut after = vec![0.0; steps * k];
    for t in (0..steps).rev() {
        for from in 0..k {
            after[t * k + from] = match t + 1 < steps {
                false => end[from],
                true => log_sum((0..k).map(|to| {
                    transitions[from * k + to] + f64::from(emissions[t + 1][to]) + after[(t + 1) * k + to]
                })),
            };
        }
    }
    let last = (steps - 1) * k;
    let log_sum = log_sum((0..k).map(|tag| before[last + tag] + after[last + tag]));
    if let Some(pairs) = pairs {
        for t in 1..steps {
            for (place, pair) in pairs.iter_mut().enumerate() {
                let (from, to) = (place / k, place % k);
                let here = f64::from(emissions[t][to]) + after[t * k + to];
                *pair += (before[(t - 1) * k + from] + transitions[place] + here - log_sum).exp();
            }
        }
    }
    let tags = before.iter().zip(&after).map(|(before, after)| (before + after - log_sum).exp()).collect();
    Exact { log_sum, tags }
}

/// ln Σ exp of some numbers; −∞ where all are −∞.
fn log_sum(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY && !values.clone().any(f64::is_nan) {
        return largest;
    }
    values.map(|value| (value - largest).exp()).sum::<f64>().ln() + largest
}
