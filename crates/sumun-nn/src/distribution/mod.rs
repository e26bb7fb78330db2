//! Distributions whose parameters a network returns: how likely a value is, and which values are at which level.
//!
//! A network's outputs may be any number; each distribution says how they become its parameters. Equations and derivatives are
//! those of Salinas et al. 2020 ("DeepAR: Probabilistic forecasting with autoregressive recurrent networks") where nothing else
//! is said. All is computed in `f64`, one value at a time, so that nothing depends on the number of threads.

mod functions;
mod negative_binomial;
mod normal;
mod student_t;

use serde::{Deserialize, Serialize};

use functions::{deviation, freedom, sigmoid};
pub use normal::standard as standard_normal_quantile;

/// A family of distributions of one number.
///
/// ```
/// use sumun_nn::Distribution;
/// // The outputs are the mean and, through a softplus, the deviation.
/// let [lower, middle, upper]: [f64; 3] =
///     Distribution::Normal.quantiles(&[2.0, 0.5], 1.0, &[0.1, 0.5, 0.9]).try_into().unwrap();
/// assert_eq!(middle, 2.0);
/// assert!((upper - 2.0 - (2.0 - lower)).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Outputs (m, s): mean m and deviation softplus(s) + 10⁻³.
    Normal,
    /// Outputs (m, s, d): location m, scale softplus(s) + 10⁻³ and 2 + softplus(d) degrees of freedom, so that there is a
    /// variance.
    StudentT,
    /// Counts. Outputs (m, a): mean μ = scale · (softplus(m) + 10⁻⁶) and α = softplus(a) / √scale + 10⁻⁴, with a variance of
    /// μ + α μ². The scale is that of the sequence that the count is of.
    NegativeBinomial,
    /// Counts with more zeros: outputs (m, a, z), with the probability sigmoid(z) 0 and else as the negative binomial of (m, a).
    /// Lambert 1992, "Zero-inflated Poisson regression".
    ZeroInflated,
}

impl Distribution {
    /// How many outputs of a network one of its members has.
    pub const fn outputs(self) -> usize {
        match self {
            Self::Normal | Self::NegativeBinomial => 2,
            Self::StudentT | Self::ZeroInflated => 3,
        }
    }

    /// Whether its values are whole numbers from 0 on.
    pub const fn is_of_counts(self) -> bool {
        matches!(self, Self::NegativeBinomial | Self::ZeroInflated)
    }

    /// The values at these `levels`, each above 0 and below 1, of the member that `outputs` name, in the order of the levels.
    /// `scale` is used by those of counts alone. NaN where the outputs are not finite.
    ///
    /// # Panics
    ///
    /// Unless there are [`outputs`](Self::outputs) outputs.
    pub fn quantiles(self, outputs: &[f32], scale: f64, levels: &[f64]) -> Vec<f64> {
        assert_eq!(outputs.len(), self.outputs(), "outputs of a {self:?}");
        let finite = outputs.iter().all(|output| output.is_finite());
        if !(finite && scale.is_finite() && scale > 0.0) {
            return vec![f64::NAN; levels.len()];
        }
        let at = |k: usize| f64::from(outputs[k]);
        match self {
            Self::Normal => normal::quantiles(at(0), deviation(at(1)), levels),
            Self::StudentT => student_t::quantiles(at(0), deviation(at(1)), freedom(at(2)), levels),
            Self::NegativeBinomial => negative_binomial::quantiles(at(0), at(1), 0.0, scale, levels),
            Self::ZeroInflated => negative_binomial::quantiles(at(0), at(1), sigmoid(at(2)), scale, levels),
        }
    }

    /// The mean of the member that `outputs` name.
    ///
    /// # Panics
    ///
    /// Unless there are [`outputs`](Self::outputs) outputs.
    pub fn mean(self, outputs: &[f32], scale: f64) -> f64 {
        assert_eq!(outputs.len(), self.outputs(), "outputs of a {self:?}");
        let at = |k: usize| f64::from(outputs[k]);
        match self {
            Self::Normal | Self::StudentT => at(0),
            Self::NegativeBinomial => negative_binomial::mean(at(0), scale),
            Self::ZeroInflated => (1.0 - sigmoid(at(2))) * negative_binomial::mean(at(0), scale),
        }
    }

    /// −ln of the probability, or density, of `value`, and its derivatives by the outputs, as many as there are.
    pub(crate) fn surprise(self, outputs: &[f32], scale: f64, value: f64) -> (f64, [f64; 3]) {
        let at = |k: usize| f64::from(outputs[k]);
        match self {
            Self::Normal => normal::surprise(at(0), at(1), value),
            Self::StudentT => student_t::surprise(at(0), at(1), at(2), value),
            Self::NegativeBinomial => negative_binomial::surprise(at(0), at(1), scale, value),
            Self::ZeroInflated => negative_binomial::surprise_inflated(at(0), at(1), at(2), scale, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Distribution; 4] = [
        Distribution::Normal,
        Distribution::StudentT,
        Distribution::NegativeBinomial,
        Distribution::ZeroInflated,
    ];

    /// −ln p by scipy 1.17 at (outputs), scale and value:
    /// `norm.logpdf(.7, .3, s)`, `t.logpdf(.7, df, .3, s)`, `nbinom.logpmf(k, 1 / a, 1 / (1 + a * m))` and
    /// `log(z + (1 - z) * nbinom.pmf(k, …))` with the parameters that the documentation of [`Distribution`] names.
    #[test]
    fn values_are_as_likely_as_scipy_says() {
        #[rustfmt::skip]
        let cases: &[(Distribution, &[f32], f64, f64, f64)] = &[
        (Distribution::Normal, &[0.25, -0.5], 1.0, 0.75, 0.728497200112803),
        (Distribution::Normal, &[-1.0, 3.0], 1.0, 12.0, 11.119982919831818),
        (Distribution::StudentT, &[0.25, -0.5, 0.75], 1.0, 0.75, 0.8786510758695418),
        (Distribution::StudentT, &[-1.0, 3.0, 5.0], 1.0, -40.0, 14.848989492746798),
        (Distribution::NegativeBinomial, &[0.25, -0.5], 1.0, 0.0, 0.6969640260438805),
        (Distribution::NegativeBinomial, &[0.25, -0.5], 4.0, 3.0, 1.7809631257580985),
        (Distribution::NegativeBinomial, &[2.0, -8.0], 100.0, 250.0, 6.701996616148563),
        (Distribution::NegativeBinomial, &[-6.0, 1.0], 1.0, 5.0, 29.25282651202064),
        (Distribution::ZeroInflated, &[0.25, -0.5, 0.75], 1.0, 0.0, 0.1755704919308071),
        (Distribution::ZeroInflated, &[0.25, -0.5, -2.0], 4.0, 3.0, 1.9078911368010707),
        (Distribution::ZeroInflated, &[3.0, -4.0, 1.5], 10.0, 0.0, 0.20141327798260658),
        ];
        for &(distribution, outputs, scale, value, expected) in cases {
            let (found, _) = distribution.surprise(outputs, scale, value);
            assert!(
                (found - expected).abs() < 1e-10 * expected.abs().max(1.0),
                "{distribution:?} {value}: {found} for {expected}"
            );
        }
    }

    #[test]
    fn derivatives_are_difference_quotients() {
        for distribution in ALL {
            for value in [0.0, 1.0, 7.0] {
                for outputs in [[0.25f32, -0.5, 0.75], [-3.0, 2.0, -2.0], [2.0, 0.125, 4.0]] {
                    let outputs = &outputs[..distribution.outputs()];
                    let (_, derivatives) = distribution.surprise(outputs, 2.5, value);
                    for k in 0..outputs.len() {
                        let step = 1.0 / 1024.0;
                        let at = |by: f32| {
                            let mut moved = outputs.to_vec();
                            moved[k] += by;
                            distribution.surprise(&moved, 2.5, value).0
                        };
                        let numeric = (at(step) - at(-step)) / f64::from(2.0 * step);
                        assert!(
                            (numeric - derivatives[k]).abs() < 1e-4 * numeric.abs().max(1.0),
                            "{distribution:?} {value} {outputs:?}[{k}]: {} for {numeric}",
                            derivatives[k]
                        );
                    }
                }
            }
        }
    }

    /// Of counts, the value at a level is the least whose cumulative probability reaches it; of the others, the cumulative
    /// probability is the level. Both by summing what [`Distribution::surprise`] says.
    #[test]
    fn quantiles_are_where_the_probabilities_add_up() {
        let levels = [0.025, 0.1, 0.5, 0.9, 0.975];
        for distribution in ALL {
            for outputs in [[0.25f32, -0.5, 0.75], [2.0, 0.125, -4.0], [1.0, -3.0, 3.0]] {
                let outputs = &outputs[..distribution.outputs()];
                let density = |value: f64| (-distribution.surprise(outputs, 3.0, value).0).exp();
                let found = distribution.quantiles(outputs, 3.0, &levels);
                for (&level, &value) in levels.iter().zip(&found) {
                    if distribution.is_of_counts() {
                        let below: f64 = (0..value as usize).map(|k| density(k as f64)).sum();
                        let with = below + density(value);
                        assert!(
                            below < level + 1e-9 && level <= with + 1e-9,
                            "{distribution:?} {outputs:?} {level}: {value} between {below} and {with}"
                        );
                    } else {
                        // Simpson's rule from the median, on both sides of which lies one half.
                        let middle = f64::from(outputs[0]);
                        let (n, width) = (20_000, value - middle);
                        let sum: f64 = (0..=n)
                            .map(|k| {
                                let weight = match k {
                                    0 => 1.0,
                                    k if k == n => 1.0,
                                    k if k % 2 == 1 => 4.0,
                                    _ => 2.0,
                                };
                                weight * density(middle + width * k as f64 / n as f64)
                            })
                            .sum();
                        let cumulative = 0.5 + sum * width / n as f64 / 3.0;
                        assert!(
                            (cumulative - level).abs() < 1e-8,
                            "{distribution:?} {outputs:?} {level}: {value} at {cumulative}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn large_counts_have_quantiles_too() {
        // μ = 10⁶ · softplus, where summing from 0 would take too long, and p(0) underflows.
        for (scale, outputs) in [(1e6, [1.0f32, 3.0]), (1e4, [0.5, -20.0]), (2e3, [0.5, -20.0])] {
            let mean = Distribution::NegativeBinomial.mean(&outputs, scale);
            let found = Distribution::NegativeBinomial.quantiles(&outputs, scale, &[0.1, 0.5, 0.9]);
            assert!(found[0] < found[1] && found[1] < found[2], "{found:?}");
            assert!((found[1] - mean).abs() < 0.05 * mean, "{found:?} around {mean}");
        }
    }

    #[test]
    fn outputs_beyond_all_bounds_stay_finite_or_are_named() {
        for distribution in ALL {
            for size in [-1e4f32, -80.0, 80.0, 1e4] {
                let outputs = vec![size; distribution.outputs()];
                let (surprise, derivatives) = distribution.surprise(&outputs, 1.0, 3.0);
                assert!(
                    surprise.is_finite() && derivatives.iter().all(|d| d.is_finite()),
                    "{distribution:?} {size}: {surprise} {derivatives:?}"
                );
            }
            let outputs = vec![f32::NAN; distribution.outputs()];
            assert!(distribution.quantiles(&outputs, 1.0, &[0.5])[0].is_nan());
        }
    }
}
