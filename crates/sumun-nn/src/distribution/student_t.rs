//! Student's t distribution with a location and a scale.

use std::f64::consts::PI;

use special::Beta;

use super::functions::{deviation, digamma, freedom, ln_gamma, sigmoid};
use super::normal;

/// From so many degrees of freedom on it is the normal distribution, to 10⁻⁶ of its deviation.
const NEARLY_NORMAL: f64 = 1e6;

pub(super) fn quantiles(location: f64, scale: f64, freedom: f64, levels: &[f64]) -> Vec<f64> {
    let half = freedom / 2.0;
    let ln_beta = half.ln_beta(0.5);
    let standard = |level: f64| {
        if freedom >= NEARLY_NORMAL || level == 0.5 {
            return normal::standard(level);
        }
        // Of the smaller tail, the regularised incomplete β function of freedom / (freedom + t²) is twice the level.
        let y = (2.0 * level.min(1.0 - level)).inv_inc_beta(half, 0.5, ln_beta);
        (freedom * (1.0 - y) / y).sqrt().copysign(level - 0.5)
    };
    levels.iter().map(|&level| location + scale * standard(level)).collect()
}

pub(super) fn surprise(location: f64, s: f64, d: f64, value: f64) -> (f64, [f64; 3]) {
    let (scale, freedom) = (deviation(s), freedom(d));
    let u = (value - location) / scale;
    let spread = (u * u / freedom).ln_1p();
    let surprise = ln_gamma(freedom / 2.0) - ln_gamma((freedom + 1.0) / 2.0)
        + 0.5 * (freedom * PI).ln()
        + scale.ln()
        + (freedom + 1.0) / 2.0 * spread;
    let pull = (freedom + 1.0) * u / (freedom + u * u);
    let by_freedom = -0.5
        * (digamma((freedom + 1.0) / 2.0) - digamma(freedom / 2.0) - 1.0 / freedom - spread
            + pull * u / freedom);
    (surprise, [-pull / scale, (1.0 - pull * u) / scale * sigmoid(s), by_freedom * sigmoid(d)])
}
