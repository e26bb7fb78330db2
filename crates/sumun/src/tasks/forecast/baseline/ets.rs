//! Exponential smoothing as a state-space model: ETS.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::minimise::minimise;
use super::smoothing::{Effect, Gains, aicc, seasons};
use super::{Observed, recent};

/// Exponential smoothing with additive errors, without a trend or with one that may be damped, without a season or with
/// one that is added (Hyndman, Koehler, Snyder and Grose 2002).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ets {
    /// α: the share of each error that goes into the level.
    pub alpha: f64,
    /// β: the share that goes into the slope.
    pub beta: f64,
    /// φ: what is left of the slope after each row; 0 without a trend, 1 for one that is not damped.
    pub phi: f64,
    /// γ: the share that goes into the season.
    pub gamma: f64,
    /// The period of the season in rows; 1 for none.
    pub period: usize,
    /// Whether the first season is that of the first four periods and not of all rows: for a season that changes.
    pub changing: bool,
}

/// The longest season: each of its phases is a number to estimate.
const LONGEST_PERIOD: usize = 350;
/// How often a model is tried while it is fitted.
const MOST_TRIES: usize = 150;
/// The periods whose season a changing one begins with.
const EARLY: usize = 4;
const TRENDS: [Trend; 3] = [Trend::None, Trend::Straight, Trend::Damped];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trend {
    None,
    Straight,
    Damped,
}

impl Ets {
    /// Fits models with and without trend and season to `part` of a series and takes the one with the least information
    /// criterion. `None` for fewer than 5 values.
    pub(super) fn fit(series: Observed<'_>, part: Range<usize>, periods: &[usize]) -> Option<Self> {
        let rows = recent(&part, 1);
        let count = series.count(rows.clone());
        let mut best: Option<(f64, Self)> = None;
        let periods = periods.iter().copied().filter(|period| (2..=LONGEST_PERIOD).contains(period));
        for period in std::iter::once(1).chain(periods) {
            if rows.len() < 2 * period {
                continue;
            }
            for (trend, changing) in TRENDS.into_iter().flat_map(|trend| [(trend, false), (trend, true)]) {
                if changing && (period == 1 || rows.len() <= EARLY * period) {
                    continue;
                }
                // Level, α and deviation; slope and β; φ; γ and a season whose mean is known.
                let parameters =
                    3 + match trend {
                        Trend::None => 0,
                        Trend::Straight => 2,
                        Trend::Damped => 3,
                    } + if period > 1 { period } else { 0 };
                let of = |squares: f64| aicc(squares, count, parameters);
                if of(1.0).is_none() {
                    continue;
                }
                let Some((fitted, squares)) = Self::fitted(series, rows.clone(), trend, period, changing)
                else {
                    continue;
                };
                let Some(score) = of(squares) else { continue };
                if best.is_none_or(|(least, _)| score < least) {
                    best = Some((score, fitted));
                }
            }
        }
        best.map(|(_, fitted)| fitted)
    }

    /// The season that the first state has.
    fn season(series: Observed<'_>, rows: &Range<usize>, period: usize, changing: bool) -> Option<Vec<f64>> {
        let end = if changing { rows.end.min(rows.start + EARLY * period) } else { rows.end };
        seasons(series, rows.start..end, period, Effect::Added)
    }

    /// The constants with the least squared errors one step ahead, and these. `None` where the season cannot be found.
    pub(super) fn fitted(
        series: Observed<'_>,
        rows: Range<usize>,
        trend: Trend,
        period: usize,
        changing: bool,
    ) -> Option<(Self, f64)> {
        let season = Self::season(series, &rows, period, changing)?;
        // What is fitted: α; β as a share of α; γ as a share of 1 − α; φ.
        let mut bounds = vec![(1e-4, 0.9999)];
        let mut first = Vec::new();
        if trend != Trend::None {
            bounds.push((1e-4, 0.9999));
            first.push(0.1);
        }
        if period > 1 {
            bounds.push((1e-4, 0.9999));
            first.push(0.1);
        }
        // Below .8 the trend is over at once, above .98 it is a straight one.
        let dampings: &[&[f64]] = if trend == Trend::Damped { &[&[0.82], &[0.97]] } else { &[&[]] };
        if trend == Trend::Damped {
            bounds.push((0.8, 0.98));
        }
        let of = |point: &[f64]| {
            let mut next = point.iter().copied();
            let mut take = |wanted: bool| if wanted { next.next().unwrap_or(0.0) } else { 0.0 };
            let alpha = take(true);
            let beta = alpha * take(trend != Trend::None);
            let gamma = (1.0 - alpha) * take(period > 1);
            let phi = match trend {
                Trend::None => 0.0,
                Trend::Straight => 1.0,
                Trend::Damped => take(true),
            };
            Self { alpha, beta, phi, gamma, period, changing }
        };
        let squares = |point: &[f64]| of(point).gains().first(series, rows.clone(), &season).1;
        // A strongly and a weakly damped trend may both be better than what lies between.
        let searches = dampings.iter().filter_map(|damping| {
            let starts = [0.05, 0.3, 0.6, 0.9].map(|alpha| [&[alpha], &first[..], damping].concat());
            let start = starts.iter().min_by(|a, b| squares(a).total_cmp(&squares(b)))?;
            Some(minimise(start, &bounds, MOST_TRIES, squares))
        });
        let (at, squares) = searches.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((of(&at), squares))
    }

    fn gains(&self) -> Gains {
        Gains { level: self.alpha, slope: self.beta, damping: self.phi, season: self.gamma }
    }

    /// Forecasts at `origins`; the first state is that of `settled`.
    pub(super) fn forecasts(
        &self,
        series: Observed<'_>,
        settled: Range<usize>,
        origins: Range<usize>,
        horizon: usize,
    ) -> Vec<f64> {
        let rows = recent(&settled, 1);
        let gains = self.gains();
        let season = Self::season(series, &rows, self.period, self.changing);
        let season = season.unwrap_or_else(|| vec![0.0; self.period]);
        let (mut state, _) = gains.first(series, rows.clone(), &season);
        let mut all = vec![0.0; origins.len() * horizon];
        let mut places = all.chunks_exact_mut(horizon);
        for row in rows.start..origins.end {
            gains.step(&mut state, series.at(row));
            if origins.contains(&row)
                && let Some(place) = places.next()
            {
                gains.ahead(&state, place);
            }
        }
        all
    }

    /// Whether its numbers can be calculated with.
    pub(super) fn is_sound(&self) -> bool {
        [self.alpha, self.beta, self.phi, self.gamma].iter().all(|v| (0.0..=1.0).contains(v))
            && self.period > 0
    }
}

/// As Hyndman and others name the models: errors, trend, season.
impl fmt::Display for Ets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trend = match self.phi {
            0.0 => "N",
            1.0 => "A",
            _ => "Ad",
        };
        match self.period {
            0 | 1 => write!(f, "ETS(A,{trend},N)"),
            period => write!(f, "ETS(A,{trend},A) ({period})"),
        }
    }
}
