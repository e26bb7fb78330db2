//! Exponential smoothing as a state-space model: ETS.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::minimise::minimise;
use super::observed::{Observed, recent};
use super::smoothing::{Effect, Gains, aicc, seasons};

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
    /// The steps ahead whose squared errors the constants make small, on average over all of them (AMSE): 1 is the likelihood.
    #[serde(default = "one")]
    pub steps: usize,
}

/// What models of earlier versions were fitted to.
fn one() -> usize {
    1
}

/// The longest season: each of its phases is a number to estimate.
const LONGEST_PERIOD: usize = 350;
/// How often a model is tried while it is fitted.
const MOST_TRIES: usize = 150;
/// The periods whose season one of the searches begins with, for a season that changes.
const EARLY: usize = 4;
/// How often the first state and the constants are estimated in turn.
const ROUNDS: usize = 2;
const TRENDS: [Trend; 3] = [Trend::None, Trend::Straight, Trend::Damped];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trend {
    None,
    Straight,
    Damped,
}

impl Ets {
    /// Fits models with and without trend and season to the errors of so many steps ahead in `part` of a series and takes the
    /// one with the least information criterion. `None` for fewer than 5 values.
    pub(super) fn fit(
        series: Observed<'_>,
        part: Range<usize>,
        periods: &[usize],
        steps: usize,
    ) -> Option<Self> {
        let rows = recent(&part, 1);
        let count = series.count(rows.clone());
        let mut best: Option<(f64, Self)> = None;
        let periods = periods.iter().copied().filter(|period| (2..=LONGEST_PERIOD).contains(period));
        for period in std::iter::once(1).chain(periods) {
            if rows.len() < 2 * period {
                continue;
            }
            for trend in TRENDS {
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
                let Some((fitted, squares)) = Self::fitted(series, rows.clone(), trend, period, steps) else {
                    continue;
                };
                // A series that is shorter than what is asked for has no errors so far ahead.
                let Some(score) = of(squares).filter(|&score| score < f64::INFINITY) else { continue };
                if best.is_none_or(|(least, _)| score < least) {
                    best = Some((score, fitted));
                }
            }
        }
        best.map(|(_, fitted)| fitted)
    }

    /// The constants with the least squared errors so many steps ahead, and the sum of these squares, of several steps their
    /// mean. `None` where no season can be found to begin with.
    ///
    /// Level and slope before the first row follow from the constants and the season by least squares. The search for the
    /// constants begins with the season of all rows and with that of the first ones; from the better end of the two, the
    /// season is estimated with them, in turn.
    pub(super) fn fitted(
        series: Observed<'_>,
        rows: Range<usize>,
        trend: Trend,
        period: usize,
        steps: usize,
    ) -> Option<(Self, f64)> {
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
            Self { alpha, beta, phi, gamma, period, steps }
        };
        let squares = |point: &[f64], season: &[f64]| {
            let gains = of(point).gains();
            let (state, squares) = gains.first(series, rows.clone(), season);
            if steps > 1 { gains.squares_ahead(series, rows.clone(), state, steps) } else { squares }
        };
        let early = rows.start..rows.end.min(rows.start + EARLY * period);
        let begin = [rows.clone(), early].map(|part| seasons(series, part, period, Effect::Added));
        let mut best: Option<(Vec<f64>, f64)> = None;
        for season in begin.iter().flatten().take(if period > 1 { 2 } else { 1 }) {
            // A strongly and a weakly damped trend may both be better than what lies between.
            for damping in dampings {
                let starts = [0.05, 0.3, 0.6, 0.9].map(|alpha| [&[alpha], &first[..], damping].concat());
                let start = starts.iter().min_by(|a, b| squares(a, season).total_cmp(&squares(b, season)))?;
                let found = minimise(start, &bounds, MOST_TRIES, |point| squares(point, season));
                if best.as_ref().is_none_or(|best| found.1 < best.1) {
                    best = Some(found);
                }
            }
        }
        let mut best = best?;
        for _ in 0..if period > 1 { ROUNDS } else { 0 } {
            let state = of(&best.0).gains().first_with_season(series, rows.clone(), period);
            let season = state.season();
            let found = minimise(&best.0, &bounds, MOST_TRIES, |point| squares(point, season));
            if found.1 >= best.1 {
                break;
            }
            best = found;
        }
        Some((of(&best.0), best.1))
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
        let mut state = gains.first_with_season(series, rows.clone(), self.period);
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
            && (1..=LONGEST_PERIOD).contains(&self.period)
            && self.steps > 0
    }
}

/// As Hyndman and others name the models: errors, trend, season; and how many steps ahead they are fitted to, if several.
impl fmt::Display for Ets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trend = match self.phi {
            0.0 => "N",
            1.0 => "A",
            _ => "Ad",
        };
        match self.period {
            0 | 1 => write!(f, "ETS(A,{trend},N)")?,
            period => write!(f, "ETS(A,{trend},A) ({period})")?,
        }
        if self.steps > 1 { write!(f, ", {} steps", self.steps) } else { Ok(()) }
    }
}
