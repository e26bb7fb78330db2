//! The normal distribution.

use std::f64::consts::{PI, SQRT_2};

use special::Error;

use super::functions::{deviation, sigmoid};

/// The value of the standard normal distribution at a `level` between 0 and 1: the inverse of its cumulative probability. ±∞ at 0
/// and 1.
pub fn standard(level: f64) -> f64 {
    SQRT_2 * (2.0 * level - 1.0).inv_error()
}

pub(super) fn quantiles(mean: f64, deviation: f64, levels: &[f64]) -> Vec<f64> {
    levels.iter().map(|&level| mean + deviation * standard(level)).collect()
}

pub(super) fn surprise(mean: f64, output: f64, value: f64) -> (f64, [f64; 3]) {
    let deviation = deviation(output);
    let u = (value - mean) / deviation;
    let surprise = 0.5 * (2.0 * PI).ln() + deviation.ln() + 0.5 * u * u;
    (surprise, [-u / deviation, (1.0 - u * u) / deviation * sigmoid(output), 0.0])
}
