//! Intervals that hold: how much wider, or narrower, than the network says they must be.

use serde::{Deserialize, Serialize};
use sumun_nn::distribution::standard_normal_quantile;

use super::head::along;

/// What is added at both ends of each interval, in spreads of the window: conformalised quantile regression (Romano, Patterson and
/// Candès 2019) on the validation parts of all series, a step ahead at a time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// `[levels][horizon]`; empty where nothing was measured.
    pub offsets: Vec<Vec<f64>>,
}

/// How far values lay outside an interval, in spreads; below 0 inside it.
#[derive(Debug, Clone, Default)]
pub(super) struct Misses {
    /// `[horizon][values]`.
    by_step: Vec<Vec<f64>>,
}

impl Misses {
    pub(super) fn new(horizon: usize) -> Self {
        Self { by_step: vec![Vec::new(); horizon] }
    }

    /// A value `step` steps ahead, counted from 0, and its interval, all in spreads.
    pub(super) fn add(&mut self, step: usize, [lower, upper]: [f64; 2], value: f64) {
        let miss = (lower - value).max(value - upper);
        if miss.is_finite() {
            self.by_step[step].push(miss);
        }
    }

    /// The offset of each step with which the share `level` of such values lies inside. A step with few values takes those of its
    /// neighbours. `None` where all together are too few to say.
    pub(super) fn offsets(&self, level: f64) -> Option<Vec<f64>> {
        // With fewer, the smallest interval that the theorem allows is without end.
        // A share such as .8 is not exact in binary, which must not ask for one value more.
        let least = (1.0 / (1.0 - level) - 1e-9).ceil() as usize;
        // Enough that the share that is found does not swing with a few values.
        let wanted = 10 * least;
        if self.by_step.iter().map(Vec::len).sum::<usize>() < least {
            return None;
        }
        let of = |step: usize| {
            let mut reach = 0;
            loop {
                let from = step.saturating_sub(reach);
                let to = (step + reach + 1).min(self.by_step.len());
                let mut near: Vec<f64> = self.by_step[from..to].iter().flatten().copied().collect();
                if near.len() >= wanted || to - from == self.by_step.len() {
                    near.sort_by(f64::total_cmp);
                    // ⌈(n + 1) · level⌉, counted from 1.
                    let place = ((near.len() + 1) as f64 * level).ceil() as usize;
                    return near[place.clamp(1, near.len()) - 1];
                }
                reach += 1;
            }
        };
        Some((0..self.by_step.len()).map(of).collect())
    }
}

impl Calibration {
    /// The interval of `level` (its place among the levels) `step` steps ahead, counted from 0, in z: `spread` is that of the window.
    /// It holds the median.
    pub(super) fn interval(
        &self,
        level: usize,
        step: usize,
        spread: f64,
        [lower, median, upper]: [f64; 3],
    ) -> [f64; 2] {
        let offset = self.offsets.get(level).and_then(|steps| steps.get(step)).map_or(0.0, |o| o * spread);
        [(lower - offset).min(median), (upper + offset).max(median)]
    }
}

impl Calibration {
    /// What is added `step` steps ahead, in spreads, to what comes with each of the probabilities `levels` or less: at the ends of
    /// the `intervals` what they need, at the median nothing, and between and beyond them in proportion to the normal distribution's
    /// distance from it.
    pub(super) fn at(&self, step: usize, intervals: &[f64], levels: &[f64]) -> Vec<f64> {
        let of = |(interval, offsets): (&f64, &Vec<f64>)| {
            let offset = offsets.get(step).copied().unwrap_or(0.0);
            (standard_normal_quantile((1.0 + interval) / 2.0), offset)
        };
        let knots: Vec<(f64, f64)> =
            std::iter::once((0.0, 0.0)).chain(intervals.iter().zip(&self.offsets).map(of)).collect();
        let (farthest, last) = knots[knots.len() - 1];
        let beyond = |x: f64| if farthest > 0.0 { last * x / farthest } else { 0.0 };
        let one = |&level: &f64| {
            let x = standard_normal_quantile(level);
            let size = if x.abs() < farthest { along(&knots, x.abs()) } else { beyond(x.abs()) };
            size.copysign(size * x)
        };
        levels.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_was_asked_for_lies_inside() {
        let mut misses = Misses::new(2);
        // Intervals of −1 to 1 around values from −2 to 2: half are outside.
        for k in 0..401 {
            misses.add(0, [-1.0, 1.0], (f64::from(k) - 200.0) / 100.0);
            misses.add(1, [-1.0, 1.0], 0.0);
        }
        let offsets = misses.offsets(0.8).unwrap();
        assert!((offsets[0] - 0.6).abs() < 0.02, "{offsets:?}");
        // All values in the middle: the interval may be narrower by all of its half.
        assert_eq!(offsets[1], -1.0);
        let calibration = Calibration { offsets: vec![offsets] };
        let [lower, upper] = calibration.interval(0, 0, 10.0, [-10.0, 0.0, 10.0]);
        assert!((lower + 16.0).abs() < 0.2 && (upper - 16.0).abs() < 0.2, "{lower} {upper}");
        assert_eq!(calibration.interval(0, 1, 10.0, [-10.0, 2.0, 10.0]), [0.0, 2.0]);
        assert_eq!(Calibration::default().interval(0, 0, 1.0, [-1.0, 0.0, 1.0]), [-1.0, 1.0]);
    }

    #[test]
    fn offsets_between_the_intervals_are_between_theirs() {
        let calibration = Calibration { offsets: vec![vec![0.5], vec![-1.0]] };
        let intervals = [0.8, 0.95];
        let levels = [0.025, 0.1, 0.5, 0.9, 0.94, 0.975, 0.999];
        let found = calibration.at(0, &intervals, &levels);
        for (found, expected) in found.iter().zip([1.0, -0.5, 0.0, 0.5]) {
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        }
        assert!(found[4] < 0.5 && found[4] > -1.0 && (found[5] + 1.0).abs() < 1e-9, "{found:?}");
        assert!(found[6] < -1.5, "{found:?}");
        assert_eq!(Calibration::default().at(0, &intervals, &[0.1, 0.5]), [0.0, 0.0]);
    }

    #[test]
    fn steps_with_few_values_look_at_their_neighbours() {
        let mut misses = Misses::new(3);
        (0..4).for_each(|_| misses.add(1, [0.0, 0.0], 1.0));
        assert_eq!(misses.offsets(0.8), None);
        misses.add(2, [0.0, 0.0], 1.0);
        assert_eq!(misses.offsets(0.8), Some(vec![1.0; 3]));
    }
}
