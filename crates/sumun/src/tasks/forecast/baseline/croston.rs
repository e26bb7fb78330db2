//! Croston's forecast of demand that is mostly 0.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::observed::Observed;

/// The mean demand a row: the smoothed size of what is not 0 over the smoothed number of rows from one such to the next, both
/// updated where something comes (Croston 1972, "Forecasting and stock control for intermittent demands").
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Croston {
    /// How much of each new size and interval is taken, above 0 and at most 1.
    pub alpha: f64,
}

/// The constant that is commonly taken (Syntetos and Boylan 2005 try .05 to .2).
impl Default for Croston {
    fn default() -> Self {
        Self { alpha: 0.1 }
    }
}

impl Croston {
    /// One number for all steps after each of `origins`, `[origins, horizon]`.
    pub(super) fn forecasts(self, series: Observed<'_>, origins: Range<usize>, horizon: usize) -> Vec<f64> {
        let mut smoothed: Option<(f64, f64)> = None;
        let mut since = 0.0;
        let mut all = Vec::with_capacity(origins.len() * horizon);
        for row in 0..origins.end {
            since += 1.0;
            if let Some(size) = series.at(row).filter(|&value| value != 0.0) {
                smoothed = Some(match smoothed {
                    None => (size, since),
                    Some((sizes, intervals)) => {
                        (sizes + self.alpha * (size - sizes), intervals + self.alpha * (since - intervals))
                    }
                });
                since = 0.0;
            }
            if row >= origins.start {
                let mean = smoothed.map_or(0.0, |(size, interval)| size / interval);
                all.extend(std::iter::repeat_n(mean, horizon));
            }
        }
        all
    }

    pub(super) fn is_sound(self) -> bool {
        self.alpha > 0.0 && self.alpha <= 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand from the definition with a constant of one half.
    #[test]
    fn sizes_and_intervals_are_smoothed_where_something_comes() {
        let values = [0.0, 2.0, 0.0, 0.0, 0.0, 4.0, 0.0];
        let series = Observed::all(&values);
        let found = Croston { alpha: 0.5 }.forecasts(series, 0..7, 2);
        let by_origin: Vec<f64> = found.iter().copied().step_by(2).collect();
        // First 2 after 2 rows; then 3 a demand and 3 rows from one to the next.
        assert_eq!(by_origin, [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(found[0], found[1]);
        let values = [1.0, 0.0, 0.0, 7.0];
        let found = Croston { alpha: 0.5 }.forecasts(Observed::all(&values), 0..4, 1);
        assert_eq!(found, [1.0, 1.0, 1.0, 2.0]);
        // What was not observed is no demand of 0, but the rows go on.
        let mask = [true, false, true, true];
        let series = Observed { values: &[1.0, 9.0, 0.0, 7.0], mask: Some(&mask) };
        assert_eq!(Croston { alpha: 0.5 }.forecasts(series, 3..4, 1), [2.0]);
    }
}
