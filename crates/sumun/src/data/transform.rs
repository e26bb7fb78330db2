//! Logarithm and differences: what makes a trending or seasonal series easy to learn, and its exact undoing.

use super::names::quoted;
use crate::message::{key, text};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// What is subtracted from the value h steps ahead of an origin t, where y\[t\] is the last known value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Difference {
    /// Nothing.
    #[default]
    None,
    /// The last known value y\[t\]: what the naive forecast leaves.
    Last,
    /// The last known value of the same phase, y\[t + h − m·⌈h/m⌉\] for the period m: what the seasonal naive
    /// forecast leaves.
    Season(usize),
}

impl Difference {
    /// How far back the reference reaches: 0, 1 or the period. An origin t needs t + 1 ≥ lag.
    pub fn lag(&self) -> usize {
        match *self {
            Self::None => 0,
            Self::Last => 1,
            Self::Season(period) => period,
        }
    }

    /// What is subtracted from the value `h` steps (1 or more) after `origin`. Only values up to the origin are
    /// looked at.
    ///
    /// # Panics
    /// If `h` is 0, the period is 0, `origin` is outside `history`, or `origin + 1` is below [`Difference::lag`].
    pub fn reference(&self, history: &[f64], origin: usize, h: usize) -> f64 {
        self.reference_row(origin, h).map_or(0.0, |row| history[row])
    }

    /// The row that [`reference`](Self::reference) takes; `None` where nothing is subtracted. Panics as it.
    pub(crate) fn reference_row(&self, origin: usize, h: usize) -> Option<usize> {
        assert!(h >= 1, "steps ahead are counted from 1");
        match *self {
            Self::None => None,
            Self::Last => Some(origin),
            Self::Season(period) => {
                assert!(origin + 1 >= period, "origin {origin} has no full period of {period} behind it");
                Some(origin + h - period * h.div_ceil(period))
            }
        }
    }

    /// The `targets` of the steps 1, 2, … after `origin`, less their references. Panics as
    /// [`Difference::reference`].
    pub fn forward(&self, history: &[f64], origin: usize, targets: &[f64]) -> Vec<f64> {
        targets.iter().enumerate().map(|(i, y)| y - self.reference(history, origin, i + 1)).collect()
    }

    /// The values of the steps 1, 2, … after `origin` from their `differences`: undoes [`Difference::forward`] up
    /// to one rounding. Panics as [`Difference::reference`].
    pub fn inverse(&self, history: &[f64], origin: usize, differences: &[f64]) -> Vec<f64> {
        differences.iter().enumerate().map(|(i, d)| d + self.reference(history, origin, i + 1)).collect()
    }

    /// The differences y\[t\] − y\[t − lag\] along the known series, an input beside the values themselves; the
    /// first `lag` places have nothing to subtract and are 0.
    pub fn along(&self, values: &[f64]) -> Vec<f64> {
        let lag = self.lag();
        if lag == 0 {
            return values.to_vec();
        }
        (0..values.len()).map(|t| if t < lag { 0.0 } else { values[t] - values[t - lag] }).collect()
    }
}

/// What is done to the values before scaling: first the logarithm, if wanted, then the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Transform {
    /// Whether to take the natural logarithm, so that differences become ratios.
    pub log: bool,
    /// What is subtracted from targets.
    pub difference: Difference,
}

impl Transform {
    /// `values` on the scale that differences are taken on: their logarithms, or themselves. `name` is for messages.
    /// Error: a logarithm of a value that is not above 0.
    pub fn level(&self, name: &str, values: &[f64]) -> Result<Vec<f64>> {
        if !self.log {
            return Ok(values.to_vec());
        }
        if let Some((i, value)) = values.iter().enumerate().find(|&(_, &v)| v <= 0.0 || v.is_nan()) {
            return Err(Error::Data(format!(
                "column {}: the {} value is {value}, but a logarithm needs all values above 0",
                quoted(name),
                ordinal(i + 1)
            ))
            .advise(text("choose ") + key("log").to("off")));
        }
        Ok(values.iter().map(|&v| self.level_of(v)).collect())
    }

    /// [`level`](Self::level) of one value; not finite where it has no logarithm.
    pub(crate) fn level_of(&self, value: f64) -> f64 {
        if self.log { value.ln() } else { value }
    }

    /// Undoes [`Transform::level`] for one value.
    pub fn unlevel(&self, level: f64) -> f64 {
        if self.log { level.exp() } else { level }
    }

    /// What the network learns for the steps 1, 2, … after `origin`: the levels of the targets less their references.
    /// `levels` are those of the whole series; only `origin` and before are used as reference. Panics as
    /// [`Difference::reference`] or if the targets leave the series.
    pub fn targets(&self, levels: &[f64], origin: usize, horizon: usize) -> Vec<f64> {
        self.difference.forward(levels, origin, &levels[origin + 1..origin + 1 + horizon])
    }

    /// The forecast in the unit of the series from what the network returned: undoes [`Transform::targets`] and the
    /// logarithm. Panics as [`Difference::reference`].
    pub fn forecast(&self, levels: &[f64], origin: usize, predicted: &[f64]) -> Vec<f64> {
        self.difference.inverse(levels, origin, predicted).into_iter().map(|l| self.unlevel(l)).collect()
    }
}

/// Whether a logarithm suits `train`, a training part with the seasonal `period` (1 if it has none): all values are
/// above 0, the level steadily grows or falls, and swings grow with it.
///
/// The series is cut into blocks of whole periods (10 values or more). Level is a block's mean, swing its mean
/// absolute deviation from its own straight line. A value that is missing is NaN, and a block with fewer than half of its values
/// is none. The level must change by half or more from the first third of the
/// blocks to the last, and mostly in one direction (Kendall's rank correlation with time of 0.6 or more). Level and
/// swing must move together (correlation of their logarithms above 0.7) by at least half the same rate (slope above
/// 0.5, where 0 is a constant swing and 1 a proportional one).
pub fn log_suits(train: &[f64], period: usize) -> bool {
    let period = period.max(1);
    let block = period * 10_usize.div_ceil(period);
    if train.len() / block < 4 || train.iter().any(|&v| v <= 0.0) {
        return false;
    }
    let blocks: Vec<(f64, f64)> = train.chunks_exact(block).filter_map(level_and_swing).collect();
    if blocks.len() < 4 || blocks.iter().any(|b| b.1 <= 0.0) || !moves_steadily(&blocks) {
        return false;
    }
    let logs: Vec<(f64, f64)> = blocks.iter().map(|(level, swing)| (level.ln(), swing.ln())).collect();
    let n = logs.len() as f64;
    let (mean_x, mean_y) =
        (logs.iter().map(|p| p.0).sum::<f64>() / n, logs.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(f64, f64) -> f64| logs.iter().map(|p| f(p.0 - mean_x, p.1 - mean_y)).sum::<f64>();
    let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
    xy / (xx * yy).sqrt() > 0.7 && xy / xx > 0.5
}

fn moves_steadily(blocks: &[(f64, f64)]) -> bool {
    let n = blocks.len();
    let third = n.div_ceil(3);
    let sum = |part: &[(f64, f64)]| part.iter().map(|b| b.0).sum::<f64>();
    let ratio = sum(&blocks[n - third..]) / sum(&blocks[..third]);
    let pairs = (n * (n - 1) / 2) as f64;
    let sign = |i: usize, j: usize| (blocks[j].0 - blocks[i].0).signum();
    let kendall = (0..n).flat_map(|i| (i + 1..n).map(move |j| sign(i, j))).sum::<f64>() / pairs;
    ratio.max(1.0 / ratio) >= 1.5 && kendall.abs() >= 0.6
}

/// Mean of a block, and mean absolute deviation from its least-squares line; `None` where most of it is missing.
fn level_and_swing(block: &[f64]) -> Option<(f64, f64)> {
    let seen = || block.iter().enumerate().filter(|(_, v)| !v.is_nan()).map(|(i, v)| (i as f64, *v));
    let count = seen().count();
    if 2 * count < block.len() {
        return None;
    }
    let n = count as f64;
    let mean = seen().map(|(_, v)| v).sum::<f64>() / n;
    let middle = seen().map(|(i, _)| i).sum::<f64>() / n;
    let (mut xx, mut xy) = (0.0, 0.0);
    for (i, v) in seen() {
        let x = i - middle;
        xx += x * x;
        xy += x * (v - mean);
    }
    let slope = xy / xx;
    let swing = seen().map(|(i, v)| (v - mean - slope * (i - middle)).abs()).sum::<f64>() / n;
    Some((mean, swing))
}

fn ordinal(n: usize) -> String {
    let ending = match (n % 10, n % 100) {
        (1, t) if t != 11 => "st",
        (2, t) if t != 12 => "nd",
        (3, t) if t != 13 => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn references_are_the_last_known_of_the_same_phase() {
        let history: Vec<f64> = (0..20).map(f64::from).collect();
        let references = |d: Difference, origin, horizon| -> Vec<f64> {
            (1..=horizon).map(|h| d.reference(&history, origin, h)).collect()
        };
        assert_eq!(references(Difference::None, 9, 3), [0.0, 0.0, 0.0]);
        assert_eq!(references(Difference::Last, 9, 3), [9.0, 9.0, 9.0]);
        // Origin 9, period 4: steps 1..4 repeat 6..9, and so do the steps after those.
        assert_eq!(references(Difference::Season(4), 9, 9), [6.0, 7.0, 8.0, 9.0, 6.0, 7.0, 8.0, 9.0, 6.0]);
        assert_eq!(references(Difference::Season(4), 3, 4), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(references(Difference::Season(1), 9, 2), references(Difference::Last, 9, 2));
        assert_eq!(Difference::Season(2).along(&[1.0, 2.0, 4.0, 7.0]), [0.0, 0.0, 3.0, 5.0]);
    }

    #[test]
    fn a_logarithm_needs_positive_values() {
        let log = Transform { log: true, difference: Difference::None };
        let message = log.level("x", &[1.0, 0.0]).unwrap_err().to_string();
        assert!(message.starts_with("column 'x': the 2nd value is 0, but a logarithm"), "{message}");
        assert_eq!(log.level("x", &[1.0]).unwrap(), [0.0]);
    }

    #[test]
    fn a_logarithm_suits_swings_that_grow_with_the_level() {
        let wave = |t: f64| (t * std::f64::consts::TAU / 12.0).sin();
        let series = |f: &dyn Fn(f64) -> f64| (0..120).map(|t| f(f64::from(t))).collect::<Vec<_>>();
        for (suits, values) in [
            (true, series(&|t| (t / 60.0).exp() * (1.0 + 0.2 * wave(t)))),
            (true, series(&|t| (-t / 60.0).exp() * (1.0 + 0.2 * wave(t)))),
            (false, series(&|t| 10.0 + t + 5.0 * wave(t))),
            (false, series(&|t| 10.0 + wave(t))),
            (false, series(&|t| (t / 60.0).exp() * (1.0 + 0.2 * wave(t)) - 1.0)),
            (false, series(&|_| 3.0)),
            (false, series(&|t| (2.0 + wave(t / 7.0)) * (1.0 + 0.2 * wave(t)))),
            (false, vec![1.0; 5]),
        ] {
            assert_eq!(log_suits(&values, 12), suits, "{values:?}");
        }
    }

    #[test]
    fn of_the_bundled_series_the_airline_alone_wants_a_logarithm() {
        for (file, period, suits) in
            [("airline", 12, true), ("electricity", 24, false), ("elnino", 12, false)]
        {
            let path = format!("{}/../../data/{file}.csv", env!("CARGO_MANIFEST_DIR"));
            let table = crate::data::Table::read(path).unwrap();
            let values: Vec<f64> = table.numeric("value").unwrap().into_iter().flatten().collect();
            assert_eq!(log_suits(&values[..values.len() * 7 / 10], period), suits, "{file}");
            // A value in five that is missing changes nothing; most of them missing leaves nothing to say it of.
            let without = |every: usize| -> Vec<f64> {
                let of = |(t, v): (usize, &f64)| if t * 7 % every == 3 { f64::NAN } else { *v };
                values[..values.len() * 7 / 10].iter().enumerate().map(of).collect()
            };
            assert_eq!(log_suits(&without(5), period), suits, "{file}");
            let few: Vec<f64> =
                values.iter().enumerate().map(|(t, v)| if t % 3 == 0 { *v } else { f64::NAN }).collect();
            assert!(!log_suits(&few, period), "{file}");
        }
    }

    proptest! {
        #[test]
        fn forecasts_undo_targets(
            values in prop::collection::vec(0.1_f64..1e4, 12..60), period in 1_usize..10, horizon in 1_usize..12,
            log: bool, place in 0.0_f64..1.0,
        ) {
            prop_assume!(values.len() >= period + horizon);
            for difference in [Difference::None, Difference::Last, Difference::Season(period)] {
                let transform = Transform { log, difference };
                let levels = transform.level("x", &values).unwrap();
                let first = difference.lag().max(1) - 1;
                let origin = first + (place * (values.len() - horizon - first) as f64) as usize;
                let learnt = transform.targets(&levels, origin, horizon);
                // The future itself must not be needed to undo it.
                let again = transform.forecast(&levels[..=origin], origin, &learnt);
                for (a, y) in again.iter().zip(&values[origin + 1..]) {
                    prop_assert!((a - y).abs() <= 1e-11 * 1e4);
                }
            }
        }
    }
}
