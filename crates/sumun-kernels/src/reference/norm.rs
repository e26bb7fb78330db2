//! Layer normalisation inside a cell (Ba, Kiros & Hinton 2016): y = gain ⊙ x̂ + bias, x̂ = (x − μ) / √(σ² + ε),
//! with the mean μ and the variance σ² (divided by the count) of the units of one row.

use std::ops::Range;

use crate::words::{Dims, Real, Weights};

/// The normalisations of a cell: groups of units whose statistics are taken together, one after another in
/// `norm_gain` and `norm_bias`.
pub(super) struct Norm<'a, F> {
    eps: F,
    units: usize,
    groups: &'static [usize],
    gain: &'a [F],
    bias: &'a [F],
}

/// Values that one row's normalisations keep for backward: every x̂, and 1/√(σ² + ε) of each group.
pub(super) fn record_width(dims: Dims) -> usize {
    if dims.options.layer_norm.is_some() { dims.norm_len() + dims.cell.spec().norm.len() } else { 0 }
}

impl<'a, F: Real> Norm<'a, F> {
    /// `None` for a cell without layer normalisation.
    pub(super) fn new(dims: Dims, weights: &Weights<'a, F>) -> Option<Self> {
        let eps = F::from_f64(dims.options.layer_norm?);
        let (gain, bias) = (weights.norm_gain, weights.norm_bias);
        Some(Self { eps, units: dims.hidden, groups: dims.cell.spec().norm, gain, bias })
    }

    fn range(&self, group: usize) -> Range<usize> {
        let first = self.groups[..group].iter().sum::<usize>() * self.units;
        first..first + self.groups[group] * self.units
    }

    /// Normalises `values` in place as the group `group`; `record` is the row's.
    pub(super) fn forward(&self, group: usize, values: &mut [F], record: &mut [F]) {
        let range = self.range(group);
        let mean = mean(values.iter().copied());
        let variance = self::mean(values.iter().map(|&v| (v - mean) * (v - mean)));
        let scale = F::ONE / (variance + self.eps).sqrt();
        record[self.gain.len() + group] = scale;
        for (k, at) in range.enumerate() {
            let normalised = (values[k] - mean) * scale;
            record[at] = normalised;
            values[k] = self.gain[at] * normalised + self.bias[at];
        }
    }

    /// Replaces the gradient of the group's values by that of what was normalised, and adds those of
    /// the gain and the bias.
    pub(super) fn backward(
        &self,
        group: usize,
        d: &mut [F],
        record: &[F],
        d_gain: &mut [F],
        d_bias: &mut [F],
    ) {
        let range = self.range(group);
        let scale = record[self.gain.len() + group];
        let normalised = &record[range.clone()];
        for (k, at) in range.enumerate() {
            d_gain[at] += d[k] * normalised[k];
            d_bias[at] += d[k];
            d[k] = d[k] * self.gain[at];
        }
        let d_mean = mean(d.iter().copied());
        let d_slope = mean(d.iter().zip(normalised).map(|(&d, &x)| d * x));
        for k in 0..d.len() {
            d[k] = scale * (d[k] - d_mean - normalised[k] * d_slope);
        }
    }

    /// The group's values, which [`forward`](Self::forward) left in `record` normalised.
    pub(super) fn value(&self, group: usize, record: &[F], k: usize) -> F {
        let at = self.range(group).start + k;
        self.gain[at] * record[at] + self.bias[at]
    }
}

fn mean<F: Real>(values: impl ExactSizeIterator<Item = F>) -> F {
    let count = F::from_f64(values.len() as f64);
    let mut sum = F::ZERO;
    for v in values {
        sum += v;
    }
    sum / count
}
