//! The negative binomial distribution by its mean and dispersion, with and without additional zeros.

use special::Beta;

use super::functions::{digamma, ln_gamma, sigmoid, softplus};

/// The least mean, in scales: the logarithm of a mean of 0 has no end.
const LEAST_MEAN: f64 = 1e-6;
/// The least dispersion: below it the distribution is that of Poisson for all means that counts have, and differences of large
/// logarithms of Γ lose their digits.
const LEAST_DISPERSION: f64 = 1e-4;
/// The largest mean whose probabilities are summed from 0 on.
const SUMMED: f64 = 5_000.0;

pub(super) fn mean(m: f64, scale: f64) -> f64 {
    scale * (softplus(m) + LEAST_MEAN)
}

fn dispersion(a: f64, scale: f64) -> f64 {
    softplus(a) / scale.sqrt() + LEAST_DISPERSION
}

/// `zeros` is the probability of the additional zeros.
pub(super) fn quantiles(m: f64, a: f64, zeros: f64, scale: f64, levels: &[f64]) -> Vec<f64> {
    let (mean, size) = (mean(m, scale), 1.0 / dispersion(a, scale));
    // The level among those that are no additional zero; at or below 0 where the value is such a zero.
    let left: Vec<f64> = levels.iter().map(|level| (level - zeros) / (1.0 - zeros)).collect();
    let at_zero = size * (size / (size + mean)).ln();
    if mean <= SUMMED && at_zero > -600.0 {
        let most = left.iter().copied().filter(|level| level.is_finite()).fold(0.0, f64::max);
        let mut found = vec![0.0; left.len()];
        let (mut probability, mut sum, mut k) = (at_zero.exp(), 0.0, 0.0);
        let odds = mean / (size + mean);
        loop {
            let before = sum;
            sum += probability;
            for (found, &level) in found.iter_mut().zip(&left) {
                if before < level && level <= sum {
                    *found = k;
                }
            }
            // What is left beyond is less than the rounding of the sum.
            if sum >= most || k > mean && probability < f64::EPSILON * sum {
                found
                    .iter_mut()
                    .zip(&left)
                    .filter(|(_, level)| **level > sum)
                    .for_each(|(found, _)| *found = k);
                return found;
            }
            probability *= odds * (k + size) / (k + 1.0);
            k += 1.0;
        }
    }
    left.iter().map(|&level| if level <= 0.0 { 0.0 } else { searched(mean, size, level) }).collect()
}

/// The least count whose cumulative probability reaches the level, by bisection.
fn searched(mean: f64, size: f64, level: f64) -> f64 {
    let reaches = |k: f64| (size / (size + mean)).inc_beta(size, k + 1.0, size.ln_beta(k + 1.0)) >= level;
    let (mut below, mut reached) = (-1.0, mean.ceil().max(1.0));
    while !reaches(reached) && reached < 1e15 {
        below = reached;
        reached *= 2.0;
    }
    while reached - below > 1.0 {
        let middle = ((below + reached) / 2.0).floor();
        if reaches(middle) { reached = middle } else { below = middle }
    }
    reached
}

pub(super) fn surprise(m: f64, a: f64, scale: f64, count: f64) -> (f64, [f64; 3]) {
    let (mean, size) = (mean(m, scale), 1.0 / dispersion(a, scale));
    // ln(size / (size + mean)) and ln(mean / (size + mean)).
    let (rest, odds) = (-(mean / size).ln_1p(), -(size / mean).ln_1p());
    let surprise =
        ln_gamma(count + 1.0) + ln_gamma(size) - ln_gamma(count + size) - size * rest - count * odds;
    let by_mean = (mean - count) / mean * (size / (size + mean));
    let by_size = digamma(size) - digamma(count + size) - rest - (mean - count) / (size + mean);
    let by_dispersion = -by_size * size * size;
    (surprise, [by_mean * scale * sigmoid(m), by_dispersion * sigmoid(a) / scale.sqrt(), 0.0])
}

pub(super) fn surprise_inflated(m: f64, a: f64, z: f64, scale: f64, count: f64) -> (f64, [f64; 3]) {
    let (surprise, [by_m, by_a, _]) = surprise(m, a, scale, count);
    let zeros = sigmoid(z);
    if count > 0.0 {
        return (surprise + softplus(z), [by_m, by_a, zeros]);
    }
    // ln of both ways to a zero, the larger taken out.
    let (extra, other) = (-softplus(-z), -softplus(z) - surprise);
    let most = extra.max(other);
    let both = most + ((extra - most).exp() + (other - most).exp()).ln();
    let share = (other - both).exp();
    let by_z = share * zeros - (extra - both).exp() * (1.0 - zeros);
    (-both, [share * by_m, share * by_a, by_z])
}
