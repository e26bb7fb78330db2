//! What a network returns of each step ahead, and the quantiles that it stands for.

use sumun_nn::Distribution;
use sumun_nn::distribution::standard_normal_quantile;

use super::super::config::ForecastConfig;
use crate::Result;
use crate::loss::{Likelihood, Loss, Pinball};

/// The levels of the quantiles that belong to intervals, rising: the median alone, or the ends of the intervals on both sides
/// of it.
pub(super) fn quantiles(intervals: &[f64]) -> Vec<f64> {
    let lower = intervals.iter().rev().map(|level| (1.0 - level) / 2.0);
    let upper = intervals.iter().map(|level| (1.0 + level) / 2.0);
    lower.chain([0.5]).chain(upper).collect()
}

/// What a network returns of each step: quantiles, or the parameters of a distribution.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    /// The distribution whose parameters the outputs are; `None` where they are the quantiles at `levels`.
    distribution: Option<Distribution>,
    /// The levels of the quantiles that are told, rising; the median stands in their middle.
    levels: Vec<f64>,
}

impl Head {
    /// For intervals that hold these shares; none where a forecast is one number.
    pub(super) fn new(distribution: Option<Distribution>, intervals: &[f64]) -> Self {
        Self { distribution, levels: quantiles(intervals) }
    }

    /// How many outputs of the network a step has.
    pub(super) fn width(&self) -> usize {
        self.distribution.map_or(self.levels.len(), Distribution::outputs)
    }

    /// The levels of the quantiles that are told, rising.
    pub(super) fn levels(&self) -> &[f64] {
        &self.levels
    }

    /// The distribution of counts, if it is one.
    pub(super) fn of_counts(&self) -> Option<Distribution> {
        self.distribution.filter(|distribution| distribution.is_of_counts())
    }

    /// What training makes small. Error: a loss that is none of a forecaster.
    pub(super) fn loss(&self, asked: &ForecastConfig) -> Result<Loss> {
        Ok(match (self.distribution, self.levels.len()) {
            (Some(distribution), _) => Loss::Likelihood(Likelihood { distribution }),
            (None, 1) => asked.loss()?,
            (None, _) => {
                Loss::Pinball(Pinball { levels: self.levels.iter().map(|&level| level as f32).collect() })
            }
        })
    }

    /// The least that must be known of each step to tell its median: a distribution need not be asked for more.
    pub(super) fn middle(&self) -> Self {
        match self.distribution {
            Some(_) => Self { levels: vec![0.5], ..*self },
            None => self.clone(),
        }
    }

    /// The quantiles at `levels` of what the outputs of a step stand for, rising: `value` says what an output, or a value of the
    /// distribution, is in z. `scale` is that of counts.
    ///
    /// Quantiles that cross are sorted (Chernozhukov, Fernández-Val and Galichon 2010, "Quantile and probability curves without
    /// crossing"). Between those that a network returns, and beyond them, a value follows the normal distribution through both
    /// neighbours.
    pub(super) fn quantiles(
        &self,
        outputs: &[f32],
        scale: f64,
        levels: &[f64],
        value: impl Fn(f64) -> f64,
    ) -> Vec<f64> {
        if let Some(distribution) = self.distribution {
            return distribution.quantiles(outputs, scale, levels).into_iter().map(value).collect();
        }
        let mut own: Vec<f64> = outputs.iter().map(|&output| value(f64::from(output))).collect();
        own.sort_by(f64::total_cmp);
        if levels == self.levels {
            return own;
        }
        let knots: Vec<(f64, f64)> =
            self.levels.iter().map(|&level| standard_normal_quantile(level)).zip(own).collect();
        levels.iter().map(|&level| along(&knots, standard_normal_quantile(level))).collect()
    }
}

/// The height at `x` of the line through points that rise, which goes on beyond the first and the last; of a single point its
/// height.
pub(super) fn along(points: &[(f64, f64)], x: f64) -> f64 {
    let after = points.partition_point(|point| point.0 < x).clamp(1, points.len().max(2) - 1);
    match points.get(after - 1..=after) {
        Some([from, to]) => from.1 + (x - from.0) / (to.0 - from.0) * (to.1 - from.1),
        _ => points.first().map_or(f64::NAN, |point| point.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_beyond_their_ends() {
        let points = [(-1.0, 0.0), (0.0, 2.0), (2.0, 3.0)];
        for (x, y) in [(-2.0, -2.0), (-1.0, 0.0), (-0.5, 1.0), (0.0, 2.0), (1.0, 2.5), (4.0, 4.0)] {
            assert_eq!(along(&points, x), y, "{x}");
        }
        assert_eq!(along(&points[..1], 7.0), 0.0);
    }

    #[test]
    fn quantiles_between_those_of_a_network_are_the_normal_distributions() {
        let head = Head::new(None, &[0.8]);
        assert_eq!(head.levels(), [(1.0 - 0.8) / 2.0, 0.5, 0.9]);
        // Those of a normal distribution with mean 3 and deviation 2, in a wrong order.
        let at = |level: f64| 3.0 + 2.0 * standard_normal_quantile(level);
        let outputs = [at(0.9) as f32, at(0.1) as f32, 3.0];
        let found = head.quantiles(&outputs, 1.0, &[0.01, 0.3, 0.5, 0.99], |value| value);
        for (found, level) in found.iter().zip([0.01, 0.3, 0.5, 0.99]) {
            assert!((found - at(level)).abs() < 1e-5, "{level}: {found}");
        }
        assert_eq!(head.quantiles(&outputs, 1.0, head.levels(), |value| value)[1], 3.0);
    }
}
