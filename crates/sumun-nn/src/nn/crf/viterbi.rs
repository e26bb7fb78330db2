//! The best tags of a sequence (Viterbi 1967).

use super::scores::{Ruled, Scores};

/// Tags whose best way there is found side by side.
const BLOCK: usize = 8;

/// The sequence of tags with the highest score, of equals the one with the lower tag at the last place where they differ; one that
/// the rules forbid only where they leave none. `emissions` has the K scores of each step.
pub(super) fn best(scores: Scores<'_>, ruled: &Ruled, emissions: &[&[f32]]) -> Vec<u32> {
    let k = scores.tags;
    let Some((first, rest)) = emissions.split_first() else { return Vec::new() };
    // Sums in double precision, in which no finite scores overflow; `[T, K]`.
    let mut sums: Vec<f64> = ruled.start.iter().zip(*first).map(|(start, &x)| start + f64::from(x)).collect();
    sums.reserve(rest.len() * k);
    for (t, row) in rest.iter().enumerate() {
        let (from, to) = (t * k, (t + 1) * k);
        sums.resize(to + k, f64::NEG_INFINITY);
        let (before, now) = sums[from..].split_at_mut(k);
        let mut blocks = now.chunks_exact_mut(BLOCK);
        let mut at = 0;
        for block in &mut blocks {
            // A block stays in registers while all tags before it are tried.
            let mut largest = [f64::NEG_INFINITY; BLOCK];
            for (sum, weights) in before.iter().zip(ruled.transitions.chunks_exact(k)) {
                for (largest, weight) in largest.iter_mut().zip(&weights[at..at + BLOCK]) {
                    *largest = larger(*largest, sum + weight);
                }
            }
            block.copy_from_slice(&largest);
            at += BLOCK;
        }
        for (sum, weights) in before.iter().zip(ruled.transitions.chunks_exact(k)) {
            for (largest, weight) in now[at..].iter_mut().zip(&weights[at..]) {
                *largest = larger(*largest, sum + weight);
            }
        }
        now.iter_mut().zip(*row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let last = &sums[sums.len() - k..];
    let (mut tag, sum) = largest(last.iter().zip(&ruled.end).map(|(sum, end)| sum + end));
    if ruled.forbids && sum == f64::NEG_INFINITY {
        return best(scores, &Ruled::of(scores, None), emissions);
    }
    let mut tags = vec![tag as u32];
    // The ways are found again backwards, from the best tag alone.
    for before in sums[..sums.len() - k].rchunks_exact(k) {
        let weights = ruled.transitions[tag..].iter().step_by(k);
        tag = largest(before.iter().zip(weights).map(|(sum, weight)| sum + weight)).0;
        tags.push(tag as u32);
    }
    tags.reverse();
    tags
}

/// One instruction, unlike `f64::max`, which minds what is no number.
fn larger(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// The place of the largest, of equals the first, and the largest itself.
fn largest(values: impl Iterator<Item = f64>) -> (usize, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (place, value) in values.enumerate() {
        if value > best.1 {
            best = (place, value);
        }
    }
    best
}
