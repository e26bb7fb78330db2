//! Binary cross-entropy, on logits (prefer it) and on probabilities.

use serde::{Deserialize, Serialize};

use super::elements::mean_of_elements;
use crate::{Error, Result};

/// The mean of −p·y·log σ(x) − (1 − y)·log(1 − σ(x)) for logits x (PyTorch's `BCEWithLogitsLoss`, with `pos_weight`),
/// computed with −log σ(x) as max(−x, 0) + log(1 + e^−|x|), which never overflows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BceLogits {
    /// `[C]`, p of each column of logits, `[R, C]`: how much its targets of 1 count, a finite number of at least 0; empty
    /// for all 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pos_weight: Vec<f32>,
}

impl BceLogits {
    /// The mean loss; the gradient is written where one is wanted. All slices are equally long, and not empty.
    /// A target outside [0, 1] is an error, and so are weights that do not fit.
    pub fn value_and_gradient(
        &self,
        prediction: &[f32],
        target: &[f32],
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        let weights = &self.pos_weight;
        if let Some((column, weight)) =
            weights.iter().enumerate().find(|(_, weight)| !(weight.is_finite() && **weight >= 0.0))
        {
            return Err(Error::Invalid(format!(
                "the positive weight of column {column} is {weight}; it must be a finite number of at least 0"
            )));
        }
        if !weights.is_empty() && !prediction.len().is_multiple_of(weights.len()) {
            return Err(Error::Shape {
                what: "the logits of a binary cross-entropy".into(),
                expected: format!("as many for each of {} positive weights", weights.len()),
                found: format!("{} values", prediction.len()),
            });
        }
        mean_of_elements(prediction, target, gradient, |k, x, y| {
            between_0_and_1("target", k, y)?;
            let (x, y) = (f64::from(x), f64::from(y));
            let small = (-x.abs()).exp();
            let sigmoid = if x < 0.0 { small } else { 1.0 } / (1.0 + small);
            if weights.is_empty() {
                let positive = if x < 0.0 { 0.0 } else { x };
                return Ok((positive - x * y + small.ln_1p(), (sigmoid - y) as f32));
            }
            let positive = f64::from(weights[k % weights.len()]) * y;
            let both = positive + (1.0 - y);
            // A comparison and not `max`, which would leave a NaN out.
            let negative = if x < 0.0 { -x } else { 0.0 };
            let loss = (1.0 - y) * x + both * (negative + small.ln_1p());
            Ok((loss, (both * sigmoid - positive) as f32))
        })
    }
}

/// The mean of −y·log p − (1 − y)·log(1 − p) for probabilities p (PyTorch's `BCELoss`). Logarithms are not let
/// below −100 and the derivative's p·(1 − p) not below 10⁻¹², as there. [`BceLogits`] is exact everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bce;

impl Bce {
    /// The mean loss; the gradient is written where one is wanted. All slices are equally long, and not empty.
    /// A target or a prediction outside [0, 1] is an error.
    pub fn value_and_gradient(
        &self,
        prediction: &[f32],
        target: &[f32],
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        // A comparison and not `max`, which would turn a NaN into −100.
        let log = |v: f64| if v.ln() < -100.0 { -100.0 } else { v.ln() };
        mean_of_elements(prediction, target, gradient, |k, p, y| {
            between_0_and_1("target", k, y)?;
            if !p.is_nan() {
                between_0_and_1("predicted probability", k, p)?;
            }
            let (p, y) = (f64::from(p), f64::from(y));
            let loss = -y * log(p) - (1.0 - y) * log(1.0 - p);
            Ok((loss, ((p - y) / (p * (1.0 - p)).max(1e-12)) as f32))
        })
    }
}

fn between_0_and_1(what: &str, position: usize, value: f32) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::Invalid(format!("{what} {value} at position {position} is not between 0 and 1")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Targets, tests::check};

    const TARGETS: [f32; 4] = [1.0, 0.0, 0.25, 1.0];

    /// `torch.nn.functional.binary_cross_entropy_with_logits` in float64.
    #[test]
    fn logits_agree_with_pytorch() {
        let gradient = [-0.094385167, 0.045606381, 0.157699269, -0.25];
        check(
            &Loss::Bce(BceLogits::default()),
            &[0.5, -1.5, 2.0, -60.0],
            Targets::Values(&TARGETS),
            15.575604568,
            &gradient,
            1.0 / 256.0,
        );
    }

    /// `torch.nn.BCEWithLogitsLoss` in float64, with `pos_weight`.
    #[test]
    fn weighted_logits_agree_with_pytorch() {
        let loss = Loss::Bce(BceLogits { pos_weight: vec![3.0, 0.5, 0.0] });
        let (logits, targets) = ([0.5, -1.5, 2.0, -60.0, 30.0, 0.0], [1.0, 0.0, 0.25, 1.0, 0.0, 1.0]);
        let gradient = [-0.188770334, 0.030404254, 0.110099635, -0.5, 0.166666667, 0.0];
        check(&loss, &logits, Targets::Values(&targets), 35.5364733731, &gradient, 1.0 / 256.0);
        // Weights of 1 are none.
        let ones = BceLogits { pos_weight: vec![1.0; 3] };
        let plain = BceLogits::default().value_and_gradient(&logits, &targets, None).unwrap();
        assert!((ones.value_and_gradient(&logits, &targets, None).unwrap() - plain).abs() < 1e-12 * plain);
    }

    #[test]
    fn weights_that_do_not_fit_are_errors() {
        let error = |weights: &[f32]| {
            let loss = BceLogits { pos_weight: weights.to_vec() };
            loss.value_and_gradient(&[0.0; 4], &[0.0; 4], None).unwrap_err().to_string()
        };
        assert!(error(&[1.0; 3]).ends_with("for each of 3 positive weights, found 4 values"));
        for weight in [-1.0, f32::NAN, f32::INFINITY] {
            assert!(
                error(&[1.0, weight]).starts_with(&format!("the positive weight of column 1 is {weight};"))
            );
        }
    }

    /// `torch.nn.functional.binary_cross_entropy` in float64; the last probability reaches the clamps.
    #[test]
    fn probabilities_agree_with_pytorch() {
        let gradient = [-0.5, 0.285714286, 0.666666667, -250_000_000_000.0];
        let loss = Loss::BceProbabilities(Bce);
        check(&loss, &[0.5, 0.125, 0.75, 0.0], Targets::Values(&TARGETS), 25.484579966, &gradient, 0.0);
    }

    #[test]
    fn huge_logits_stay_finite() {
        let mut gradient = [0.0; 2];
        let value =
            BceLogits::default().value_and_gradient(&[1e4, -1e4], &[1.0, 1.0], Some(&mut gradient)).unwrap();
        assert_eq!((value, gradient), (5e3, [0.0, -0.5]));
    }
}
