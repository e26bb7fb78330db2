//! The Theta method.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::minimise::minimise;
use super::observed::{Observed, recent};
use super::smoothing::{Effect, Gains, aicc, seasons};

/// The Theta method (Assimakopoulos and Nikolopoulos 2000) as simple exponential smoothing with a drift of half the
/// slope of the straight line through the data (Hyndman and Billah 2003), after the season has been taken out by the
/// classical decomposition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Theta {
    /// The share of each error that goes into the level: α, above 0, at most 1.
    pub alpha: f64,
    /// Half the slope of the straight line through the data it was fitted to, less its season: the drift in a row.
    pub drift: f64,
    /// The period of the season in rows; 1 for none.
    pub period: usize,
    /// Whether the season multiplies values instead of being added to them.
    pub multiplied: bool,
}

/// The 90 % point of the autocorrelation's distribution, in standard errors.
const SEASONAL: f64 = 1.645;

/// The M4 competition's test for a season: at least three of them, and an autocorrelation at its lag beyond Bartlett's limit.
fn is_seasonal(series: Observed<'_>, rows: Range<usize>, season: usize) -> bool {
    let values: Vec<Option<f64>> = rows.map(|row| series.at(row)).collect();
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    if values.len() < 3 * season || known.is_empty() {
        return false;
    }
    let mean = known.iter().sum::<f64>() / known.len() as f64;
    let variance: f64 = known.iter().map(|value| (value - mean).powi(2)).sum();
    let correlation = |lag: usize| {
        let pairs = values.iter().zip(&values[lag..]);
        let sum: f64 = pairs.filter_map(|(a, b)| Some((a.as_ref()? - mean) * (b.as_ref()? - mean))).sum();
        if variance > 0.0 { sum / variance } else { 0.0 }
    };
    let squares: f64 = (1..season).map(|lag| correlation(lag).powi(2)).sum();
    correlation(season).abs() > SEASONAL * ((1.0 + 2.0 * squares) / known.len() as f64).sqrt()
}

/// The series less its season.
struct Adjusted {
    values: Vec<f64>,
    /// The season of the phases from the first row of the part it was found in.
    seasons: Vec<f64>,
}

impl Theta {
    /// Fits the method to `part` of a series. Of the periods, the one with the least information criterion is taken, or
    /// none. `None` for fewer than 5 values.
    pub(super) fn fit(series: Observed<'_>, part: Range<usize>, periods: &[usize]) -> Option<Self> {
        let mut best: Option<(f64, Self)> = None;
        for period in std::iter::once(1).chain(periods.iter().copied()) {
            let rows = recent(&part, period);
            if rows.len() < 2 * period || rows.len() < 5 {
                continue;
            }
            let count = series.count(rows.clone());
            for multiplied in if period > 1 { &[false, true][..] } else { &[false] } {
                let asked = Self { alpha: 0.5, drift: 0.0, period, multiplied: *multiplied };
                let Some((fitted, squares)) = asked.fitted(series, rows.clone()) else { continue };
                // Level, α, drift, deviation, and a season whose mean is known.
                let Some(score) = aicc(squares, count, 4 + period - 1) else { continue };
                // Criteria of different rows are of different sizes: each counts a row.
                let score = score / count as f64;
                if best.is_none_or(|(least, _)| score < least) {
                    best = Some((score, fitted));
                }
            }
        }
        best.map(|(_, fitted)| fitted)
    }

    /// The naive forecast of the series less its season: the level is the last value, without a drift. A season counts where the
    /// autocorrelation at its lag is larger than chance makes it in nine of ten series, as in the M4 competition, and is then a
    /// factor.
    pub(super) fn naive2(series: Observed<'_>, part: Range<usize>, season: usize) -> Self {
        let rows = recent(&part, season);
        let has_season = season > 1 && is_seasonal(series, rows, season);
        Self { alpha: 1.0, drift: 0.0, period: if has_season { season } else { 1 }, multiplied: has_season }
    }

    /// With α and drift for `rows`, and the squared errors one step ahead.
    fn fitted(&self, series: Observed<'_>, rows: Range<usize>) -> Option<(Self, f64)> {
        let adjusted = self.adjusted(series, &rows, rows.end)?;
        let all = Observed { values: &adjusted.values, mask: series.mask };
        let drift = slope(all, rows.clone()) / 2.0;
        let squares = |alpha: f64| gains(alpha).first(all, rows.clone(), &[0.0]).1;
        let starts = [0.1, 0.3, 0.6, 0.9];
        let start = starts.into_iter().min_by(|a, b| squares(*a).total_cmp(&squares(*b)))?;
        let (at, _) = minimise(&[start], &[(1e-4, 1.0)], 60, |point| squares(point[0]));
        let fitted = Self { alpha: at[0], drift, ..*self };
        // The errors in the unit of the series, those of the drift included.
        let mut sum = 0.0;
        fitted.run(series, &adjusted, rows.clone(), |row, ahead| {
            if let Some(value) = series.at(row + 1).filter(|_| row + 1 < rows.end) {
                sum += (value - ahead(1)).powi(2);
            }
        });
        Some((fitted, sum))
    }

    /// The values up to row `end` less the season that `rows` have.
    fn adjusted(&self, series: Observed<'_>, rows: &Range<usize>, end: usize) -> Option<Adjusted> {
        let effect = if self.multiplied { Effect::Multiplied } else { Effect::Added };
        if self.multiplied && !series.known(rows.clone()).all(|value| value > 0.0) {
            return None;
        }
        let seasons = seasons(series, rows.clone(), self.period, effect)?;
        let mut values = series.values[..end].to_vec();
        for (t, value) in values[rows.start..].iter_mut().enumerate() {
            let season = seasons[t % self.period];
            *value = if self.multiplied { *value / season } else { *value - season };
        }
        Some(Adjusted { values, seasons })
    }

    /// Goes through the series and hands each row over with the function that says the value `h` steps after it.
    fn run(
        &self,
        series: Observed<'_>,
        adjusted: &Adjusted,
        rows: Range<usize>,
        mut each: impl FnMut(usize, &dyn Fn(usize) -> f64),
    ) {
        let Adjusted { values, seasons } = adjusted;
        let all = Observed { values, mask: series.mask };
        let gains = gains(self.alpha);
        let (mut state, _) = gains.first(all, rows.clone(), &[0.0]);
        for row in rows.start..values.len() {
            gains.step(&mut state, all.at(row));
            let n = row + 1 - rows.start;
            let mut level = [0.0];
            gains.ahead(&state, &mut level);
            // (1 − (1 − α)ⁿ) / α steps of the drift are missing in a level that follows a line.
            let behind = (1.0 - (1.0 - self.alpha).powi(n.min(1 << 20) as i32)) / self.alpha;
            each(row, &|h| {
                let value = level[0] + self.drift * (h as f64 - 1.0 + behind);
                let season = seasons[(n + h - 1) % self.period];
                if self.multiplied { value * season } else { value + season }
            });
        }
    }

    /// Forecasts at `origins`; the season and the first level are those of `settled`.
    pub(super) fn forecasts(
        &self,
        series: Observed<'_>,
        settled: Range<usize>,
        origins: Range<usize>,
        horizon: usize,
    ) -> Vec<f64> {
        let rows = recent(&settled, self.period);
        let mut all = Vec::with_capacity(origins.len() * horizon);
        // A season of factors needs values above 0 where it is found; without them it is added.
        let (theta, adjusted) = match self.adjusted(series, &rows, origins.end) {
            Some(adjusted) => (*self, adjusted),
            None => {
                let added = Self { multiplied: false, ..*self };
                let plain = Adjusted {
                    values: series.values[..origins.end].to_vec(),
                    seasons: vec![0.0; self.period],
                };
                (added, added.adjusted(series, &rows, origins.end).unwrap_or(plain))
            }
        };
        theta.run(series, &adjusted, rows, |row, ahead| {
            if origins.contains(&row) {
                all.extend((1..=horizon).map(ahead));
            }
        });
        all
    }

    /// Whether its numbers can be calculated with.
    pub(super) fn is_sound(&self) -> bool {
        self.alpha > 0.0 && self.alpha <= 1.0 && self.drift.is_finite() && self.period > 0
    }
}

fn gains(alpha: f64) -> Gains {
    Gains { level: alpha, slope: 0.0, damping: 0.0, season: 0.0 }
}

/// The slope of the straight line through the values of `rows`, by least squares.
fn slope(series: Observed<'_>, rows: Range<usize>) -> f64 {
    let known = || rows.clone().filter_map(|row| Some((row as f64, series.at(row)?)));
    let count = known().count() as f64;
    let (x, y) = known().fold((0.0, 0.0), |(x, y), (t, v)| (x + t / count, y + v / count));
    let (mut xx, mut xy) = (0.0, 0.0);
    for (t, value) in known() {
        xx += (t - x).powi(2);
        xy += (t - x) * (value - y);
    }
    if xx > 0.0 { xy / xx } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_at_half_its_slope() {
        let values: Vec<f64> = (0..60).map(|t| 10.0 + 2.0 * t as f64).collect();
        let series = Observed::all(&values);
        let theta = Theta::fit(series, 0..40, &[12]).unwrap();
        assert_eq!((theta.period, theta.multiplied), (1, false));
        assert!((theta.drift - 1.0).abs() < 1e-9, "{theta:?}");
        // α is near 1: the level is the last value.
        let ahead = theta.forecasts(series, 0..40, 39..42, 3);
        assert!((ahead[0] - 89.0).abs() < 0.1 && (ahead[2] - ahead[0] - 2.0).abs() < 1e-9, "{ahead:?}");
        assert!((ahead[3] - 91.0).abs() < 0.1, "it is updated at every origin: {ahead:?}");
    }

    #[test]
    fn nothing_after_an_origin_is_looked_at() {
        let values: Vec<f64> =
            (0..80).map(|t| 20.0 + [3.0, 1.0, -4.0, 0.0][t % 4] + (t as f64).cos()).collect();
        let mut other = values.clone();
        other[61..].iter_mut().for_each(|value| *value += 100.0);
        let theta = Theta::fit(Observed::all(&values), 0..50, &[4]).unwrap();
        assert_eq!(theta.period, 4);
        let of = |values: &[f64]| theta.forecasts(Observed::all(values), 0..50, 55..61, 5);
        assert_eq!(of(&values), of(&other));
    }
}
