//! The merge of two directions' outputs, and its backward pass.

use super::arrangement::Merge;

/// `both` is `[rows, 2·H]`, forward first; the output `[rows, H]`. Concat is no merging at all.
pub(in crate::nn) fn forward(merge: Merge, both: &[f32], hidden: usize) -> Vec<f32> {
    let of = |pair: &[f32], merge: fn(f32, f32) -> f32| -> Vec<f32> {
        pair[..hidden].iter().zip(&pair[hidden..]).map(|(&a, &b)| merge(a, b)).collect()
    };
    let pairs = both.chunks_exact(2 * hidden);
    match merge {
        Merge::Concat => both.to_vec(),
        Merge::Sum => pairs.flat_map(|pair| of(pair, |a, b| a + b)).collect(),
        Merge::Mul => pairs.flat_map(|pair| of(pair, |a, b| a * b)).collect(),
        Merge::Average => pairs.flat_map(|pair| of(pair, |a, b| 0.5 * (a + b))).collect(),
    }
}

/// The gradient `[rows, 2·H]` of `both` from that of the output, `[rows, H]`.
pub(in crate::nn) fn backward(merge: Merge, both: &[f32], d: &[f32], hidden: usize) -> Vec<f32> {
    if merge == Merge::Concat {
        return d.to_vec();
    }
    let mut d_both = Vec::with_capacity(both.len());
    for (pair, d) in both.chunks_exact(2 * hidden).zip(d.chunks_exact(hidden)) {
        let (forward, backward) = pair.split_at(hidden);
        for other in [backward, forward] {
            d_both.extend(d.iter().zip(other).map(|(&d, &other)| match merge {
                Merge::Concat | Merge::Sum => d,
                Merge::Mul => d * other,
                Merge::Average => 0.5 * d,
            }));
        }
    }
    d_both
}
