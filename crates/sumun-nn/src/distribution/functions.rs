//! What the equations of several distributions are made of.

use special::Gamma;

/// The least deviation and scale of the continuous ones.
const LEAST_DEVIATION: f64 = 1e-3;

/// ln(1 + eˣ), without overflow.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// 1 / (1 + e⁻ˣ), the derivative of the softplus.
pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub(super) fn ln_gamma(x: f64) -> f64 {
    Gamma::ln_gamma(x).0
}

pub(super) fn digamma(x: f64) -> f64 {
    Gamma::digamma(x)
}

pub(super) fn deviation(output: f64) -> f64 {
    softplus(output) + LEAST_DEVIATION
}

pub(super) fn freedom(output: f64) -> f64 {
    2.0 + softplus(output)
}
