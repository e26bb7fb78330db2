//! Weight regularisers: a penalty on large weights, added to the loss, with its gradient (Keras' `regularizers`).
//!
//! Not the same as an optimizer's `weight_decay`: a regulariser is part of the loss, so its gradient is clipped and
//! is part of the optimizer's moments, and each weight may have its own.

use serde::{Deserialize, Serialize};

use crate::parameters::Id;
use crate::{Error, Parameters, Result};

/// l1·Σ|w| + l2·Σw² (Keras' `L1`, `L2` and `L1L2`; no half in front of the squares).
///
/// ```
/// use sumun_nn::train::Regularizer;
/// let both = Regularizer { l1: 0.1, l2: 0.01 };
/// let mut gradient = [0.0; 3];
/// both.add_gradient(&[3.0, -2.0, 0.0], &mut gradient);
/// assert!((both.penalty(&[3.0, -2.0, 0.0]) - (0.1 * 5.0 + 0.01 * 13.0)).abs() < 1e-6);
/// assert_eq!(gradient, [0.1 + 0.06, -0.1 - 0.04, 0.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Regularizer {
    /// The factor of the sum of magnitudes; at least 0.
    pub l1: f32,
    /// The factor of the sum of squares; at least 0.
    pub l2: f32,
}

impl Regularizer {
    /// l1·Σ|w|, which drives weights to exactly 0 (Tibshirani 1996).
    pub fn l1(l1: f32) -> Self {
        Self { l1, l2: 0.0 }
    }

    /// l2·Σw², which keeps weights small.
    pub fn l2(l2: f32) -> Self {
        Self { l1: 0.0, l2 }
    }

    /// Refuses factors that are negative or not finite; `what` names the weights in the message.
    pub fn check(&self, what: &str) -> Result<()> {
        for (name, factor) in [("l1", self.l1), ("l2", self.l2)] {
            if !(factor.is_finite() && factor >= 0.0) {
                return Err(Error::Invalid(format!(
                    "the {name} of {what} is {factor}; it must be a finite number of at least 0"
                )));
            }
        }
        Ok(())
    }

    /// The penalty on these weights, summed in `f64` in their order.
    pub fn penalty(&self, weights: &[f32]) -> f64 {
        let (mut magnitudes, mut squares) = (0.0, 0.0);
        for &w in weights {
            let w = f64::from(w);
            magnitudes += w.abs();
            squares += w * w;
        }
        // A factor of 0 asks for nothing, even of weights that are not finite.
        let part = |factor: f32, sum: f64| if factor == 0.0 { 0.0 } else { f64::from(factor) * sum };
        part(self.l1, magnitudes) + part(self.l2, squares)
    }

    /// Adds the penalty's gradient, l1·sign(w) + 2·l2·w with sign(0) = 0, to `gradient`, as long as `weights`.
    pub fn add_gradient(&self, weights: &[f32], gradient: &mut [f32]) {
        let Self { l1, l2 } = *self;
        for (d, &w) in gradient.iter_mut().zip(weights) {
            let sign = if w == 0.0 { 0.0 } else { w.signum() };
            *d += l1 * sign + 2.0 * l2 * w;
        }
    }
}

/// Which parameters have which regulariser. Frozen parameters are passed over, as Keras does: nothing that training
/// can change depends on them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Penalties(Vec<(Id, Regularizer)>);

impl Penalties {
    /// No penalties yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Regularises a parameter. Factors that are negative or not finite are errors.
    pub fn add(&mut self, parameters: &Parameters, id: Id, regularizer: Regularizer) -> Result<()> {
        regularizer.check(&format!("the regulariser of {}", parameters.entry(id).name))?;
        self.0.push((id, regularizer));
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sum of all penalties: what is added to the loss.
    pub fn value(&self, parameters: &Parameters) -> f64 {
        self.of_trainable(parameters).map(|(id, r)| r.penalty(parameters.value(id))).sum()
    }

    /// Adds the gradients of all penalties to those of the parameters.
    pub fn add_gradients(&self, parameters: &mut Parameters) {
        let wanted: Vec<_> = self.of_trainable(parameters).collect();
        for (id, regularizer) in wanted {
            let (values, gradient) = parameters.value_and_gradient(id);
            regularizer.add_gradient(values, gradient);
        }
    }

    fn of_trainable(&self, parameters: &Parameters) -> impl Iterator<Item = (Id, Regularizer)> {
        self.0.iter().copied().filter(|&(id, _)| parameters.entry(id).is_optimized())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> (Parameters, Penalties) {
        let mut parameters = Parameters::new();
        let mut penalties = Penalties::new();
        for (name, values, regularizer) in [
            ("kernel", vec![0.5, -1.5, 0.0, 2.0], Regularizer { l1: 0.01, l2: 0.1 }),
            ("recurrent", vec![-0.25, 3.0], Regularizer::l1(0.5)),
            ("bias", vec![1.0, 4.0], Regularizer::l2(0.25)),
        ] {
            let id = parameters.add(name, &[values.len()], values).unwrap();
            penalties.add(&parameters, id, regularizer).unwrap();
        }
        parameters.add("free", &[1], vec![100.0]).unwrap();
        (parameters, penalties)
    }

    /// By hand: .01·4 + .1·(.25 + 2.25 + 4) = .69; .5·3.25 = 1.625; .25·17 = 4.25.
    #[test]
    fn penalties_by_hand() {
        let (mut parameters, penalties) = parameters();
        assert!((penalties.value(&parameters) - (0.69 + 1.625 + 4.25)).abs() < 1e-7);
        parameters.gradients_mut().fill(10.0);
        penalties.add_gradients(&mut parameters);
        let expected = [10.11, 9.69, 10.0, 10.41, 9.5, 10.5, 10.5, 12.0, 10.0];
        for (found, expected) in parameters.gradients().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
        }
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let (mut parameters, penalties) = parameters();
        penalties.add_gradients(&mut parameters);
        for k in (0..parameters.len()).filter(|&k| parameters.values()[k] != 0.0) {
            let at = |shift: f32| {
                let mut parameters = parameters.clone();
                parameters.values_mut()[k] += shift;
                penalties.value(&parameters)
            };
            const STEP: f32 = 1.0 / 64.0;
            let numeric = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
            let found = f64::from(parameters.gradients()[k]);
            assert!((found - numeric).abs() < 1e-6 * (1.0 + numeric.abs()), "{k}: {found} for {numeric}");
        }
    }

    #[test]
    fn frozen_parameters_cost_nothing() {
        let (mut parameters, penalties) = parameters();
        let whole = penalties.value(&parameters);
        let kernel = parameters.find("kernel").unwrap();
        parameters.set_trainable(kernel, false);
        assert!((whole - penalties.value(&parameters) - 0.69).abs() < 1e-7);
        penalties.add_gradients(&mut parameters);
        assert_eq!(parameters.gradient(kernel), [0.0; 4]);
    }

    #[test]
    fn factors_that_make_no_sense_are_refused() {
        let (parameters, mut penalties) = parameters();
        let id = parameters.find("free").unwrap();
        for factor in [-0.1, f32::NAN, f32::INFINITY] {
            assert!(penalties.add(&parameters, id, Regularizer::l1(factor)).is_err());
            let error = penalties.add(&parameters, id, Regularizer::l2(factor)).unwrap_err().to_string();
            assert!(error.starts_with("the l2 of the regulariser of free is "), "{error}");
        }
        assert!(toml::from_str::<Regularizer>("l3 = 1.0").is_err());
        assert_eq!(toml::from_str::<Regularizer>("l2 = 0.5").unwrap(), Regularizer::l2(0.5));
    }
}
