//! Seasonal ARIMA models.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::minimise::minimise;
use super::observed::{MOST_FITTED, Observed, recent};
use super::smoothing::aicc;

/// An ARIMA model (p, d, q) with p ≤ 2, d ≤ 1 and q ≤ 1, with a season as (p, d, q)(0, 1, 1): differences to the season before
/// and errors of the season before (Box and Jenkins 1970).
///
/// With the level y (a value or its logarithm) and the errors e, the differences w = (1 − B)^d (1 − B^m) y follow
/// (1 − φ₁B − φ₂B²)(w − μ) = (1 − θB)(1 − ΘB^m) e, where B is the step one row back. (0, 1, 1)(0, 1, 1) on logarithms is the
/// model of the airline passengers. A forecast is a function of the newest [`rows`](Self::rows) rows and of nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Arima {
    /// φ₁ and φ₂; 0 where the model has none.
    pub ar: [f64; 2],
    /// θ; 0 where the model has none.
    pub ma: f64,
    /// Θ; 0 without a season.
    pub seasonal_ma: f64,
    /// μ: the mean of the differences, or of the levels where there are none; 0 where the model has none.
    pub mean: f64,
    /// Whether d is 1.
    pub differenced: bool,
    /// m, the period of the season in rows; 1 for none.
    pub period: usize,
    /// Whether the levels are logarithms.
    pub log: bool,
}

/// An order that is tried: p, d and q, and whether there is a mean.
type Order = (usize, bool, bool, bool);
/// With a season there is no mean: it would be what each season is above the last, for ever, and where that has changed the
/// forecasts go back to it. On the airline passengers, with 101 rows to fit to, the error is twice as large with it.
const WITH_SEASON: [Order; 5] = [
    (0, true, true, false),
    (1, false, false, false),
    (2, false, false, false),
    (1, false, true, false),
    (2, false, true, false),
];
const WITHOUT_SEASON: [Order; 7] = [
    (0, true, true, false),
    (1, true, true, false),
    (0, true, true, true),
    (1, false, false, true),
    (2, false, false, true),
    (1, false, true, true),
    (2, false, true, true),
];
/// The longest season, as that of ETS.
const LONGEST_PERIOD: usize = 350;
/// The fewest seasons that a model with one is fitted to.
const FEWEST_SEASONS: usize = 3;
/// How often a model is tried while it is fitted.
const MOST_TRIES: usize = 300;
/// How near 1 partial autocorrelations and the constants of the errors may come.
const NEAR_1: f64 = 0.999;
const NEAR_1_MA: f64 = 0.98;
/// An error is forgotten when so much of it is left.
const FORGOTTEN: f64 = 1e-3;
/// Rows before the first that are forecast backwards, beside those that the constants reach back to.
const BEFORE: usize = 8;
/// Rows beyond those that the constants reach back to, so that missing values at the end have some before them.
const SPARE: usize = 24;

/// A polynomial in B: its lags above 0, rising, each with its coefficient; that of lag 0 is 1.
type Lags = Vec<(usize, f64)>;

fn product(a: &[(usize, f64)], b: &[(usize, f64)]) -> Lags {
    let both = a.iter().flat_map(|&(i, u)| b.iter().map(move |&(j, v)| (i + j, u * v)));
    let mut all: Lags = a.iter().chain(b).copied().chain(both).collect();
    all.sort_by_key(|&(lag, _)| lag);
    all.dedup_by(|later, kept| {
        let alike = later.0 == kept.0;
        kept.1 += if alike { later.1 } else { 0.0 };
        alike
    });
    all.retain(|&(_, coefficient)| coefficient != 0.0);
    all
}

fn longest(lags: &[(usize, f64)]) -> usize {
    lags.last().map_or(0, |&(lag, _)| lag)
}

/// k·c for the lags k = 0 … `count` of c, the coefficients of the logarithm of a polynomial.
fn logarithm(lags: &[(usize, f64)], count: usize) -> Vec<f64> {
    let mut all = vec![0.0; count + 1];
    for k in 1..=count {
        let mut sum = 0.0;
        for &(lag, coefficient) in lags.iter().take_while(|&&(lag, _)| lag <= k) {
            sum += if lag == k { k as f64 * coefficient } else { -coefficient * all[k - lag] };
        }
        all[k] = sum;
    }
    all
}

/// A model as polynomials.
struct Polynomials {
    ar: Lags,
    ma: Lags,
    difference: Lags,
}

/// A model that has gone through levels.
struct Run {
    levels: Vec<f64>,
    /// Their differences less the mean, with those before the first.
    differences: Vec<f64>,
    errors: Vec<f64>,
    squares: f64,
}

impl Polynomials {
    /// What is expected of the difference at place `t` from those before it; errors that are not there yet are 0.
    fn expected(&self, differences: &[f64], errors: &[f64], t: usize) -> f64 {
        let mut sum = 0.0;
        for &(lag, coefficient) in self.ar.iter().take_while(|&&(lag, _)| lag <= t) {
            sum -= coefficient * differences[t - lag];
        }
        for &(lag, coefficient) in self.ma.iter().take_while(|&&(lag, _)| lag <= t) {
            sum += coefficient * errors.get(t - lag).copied().unwrap_or(0.0);
        }
        sum
    }

    /// What differencing takes from the level at `row`, with the sign of a summand.
    fn earlier(&self, levels: &[f64], row: usize) -> f64 {
        let at = |lag: usize| levels[row.saturating_sub(lag)];
        self.difference.iter().map(|&(lag, coefficient)| coefficient * at(lag)).sum()
    }

    /// Goes through the levels, the first of which is there. What the differences were before them is forecast backwards, so
    /// that the first season of a short series is not taken for the truth (Box and Jenkins's unconditional squares). At a level
    /// that is missing there is no error.
    fn run(&self, values: &[Option<f64>], mean: f64, period: usize) -> Run {
        let mut levels = filled(values, period);
        let lost = longest(&self.difference).min(levels.len());
        let p = longest(&self.ar);
        let mut back: Vec<f64> =
            (lost..levels.len()).rev().map(|row| levels[row] + self.earlier(&levels, row) - mean).collect();
        let mut errors = Vec::with_capacity(back.len() + 1);
        for (t, difference) in back.iter().enumerate() {
            errors.push(if t < p { 0.0 } else { difference - self.expected(&back, &errors, t) });
        }
        let count = back.len();
        let before = if count == 0 { 0 } else { p + longest(&self.ma) + BEFORE };
        for t in count..count + before {
            back.push(self.expected(&back, &errors, t));
        }
        let mut differences: Vec<f64> = back[count..].iter().rev().copied().collect();
        errors.clear();
        for (t, difference) in differences.iter().enumerate() {
            errors.push(if t < p { 0.0 } else { difference - self.expected(&differences, &errors, t) });
        }
        for (row, value) in values.iter().enumerate().skip(lost) {
            let expected = self.expected(&differences, &errors, differences.len());
            let earlier = self.earlier(&levels, row);
            match *value {
                Some(level) => {
                    let difference = level + earlier - mean;
                    differences.push(difference);
                    errors.push(difference - expected);
                }
                None => {
                    levels[row] = expected + mean - earlier;
                    differences.push(expected);
                    errors.push(0.0);
                }
            }
        }
        let squares = errors.iter().map(|error| error * error).sum();
        Run { levels, differences, errors, squares }
    }

    /// The determinant of the covariance of so many rows, in units of the errors' variance: its logarithm, as Szegő's theorem has
    /// it for many of them. Without it the constants of short series come out too near 1.
    fn log_determinant(&self, count: usize) -> f64 {
        let (ar, ma) = (logarithm(&self.ar, count), logarithm(&self.ma, count));
        (1..=count).map(|k| (ma[k] - ar[k]).powi(2) / k as f64).sum()
    }
}

/// The levels, those that are missing as a season before, or as the last where there is none.
fn filled(values: &[Option<f64>], period: usize) -> Vec<f64> {
    let mut levels: Vec<f64> = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let from = if row >= period { row - period } else { row.saturating_sub(1) };
        levels.push(value.or_else(|| levels.get(from).copied()).unwrap_or(0.0));
    }
    levels
}

/// The levels of `rows` from the first that is there; a value without a logarithm has none.
fn levels(series: Observed<'_>, rows: Range<usize>, log: bool) -> Vec<Option<f64>> {
    let level = |row| series.at(row).map(|v| if log { v.ln() } else { v }).filter(|level| level.is_finite());
    rows.map(level).skip_while(Option::is_none).collect()
}

impl Arima {
    /// Fits the models to `part` of a series, with the season of `period` rows where the part has three of them, and takes the
    /// one with the least information criterion a row. `None` for too few values, and for those that a model repeats exactly.
    pub(super) fn fit(series: Observed<'_>, part: Range<usize>, period: usize, log: bool) -> Option<Self> {
        let is_seasonal =
            (2..=LONGEST_PERIOD).contains(&period) && part.len() >= FEWEST_SEASONS.saturating_mul(period);
        let period = if is_seasonal { period } else { 1 };
        let values = levels(series, recent(&part, period), log);
        let orders: &[Order] = if is_seasonal { &WITH_SEASON } else { &WITHOUT_SEASON };
        let plain =
            Self { ar: [0.0; 2], ma: 0.0, seasonal_ma: 0.0, mean: 0.0, differenced: false, period, log };
        let mut best: Option<(f64, Self)> = None;
        for &order in orders {
            let Some((fitted, score)) = plain.fitted(&values, order) else { continue };
            if best.is_none_or(|(least, _)| score < least) {
                best = Some((score, fitted));
            }
        }
        best.map(|(_, fitted)| fitted)
    }

    /// The constants of an order with the greatest likelihood, and the information criterion a row.
    fn fitted(&self, values: &[Option<f64>], (p, differenced, q, mean): Order) -> Option<(Self, f64)> {
        let mut plain = Self { differenced, ..*self };
        let polynomials = plain.polynomials();
        let lost = longest(&polynomials.difference);
        let count = values.iter().skip(lost).flatten().count();
        let seasonal = self.period > 1;
        // The constants and the variance.
        let parameters = p + usize::from(q) + usize::from(seasonal) + usize::from(mean) + 1;
        aicc(1.0, count, parameters)?;
        if mean {
            let levels = filled(values, self.period);
            let sum: f64 =
                (lost..levels.len()).map(|row| levels[row] + polynomials.earlier(&levels, row)).sum();
            plain.mean = sum / (levels.len() - lost) as f64;
        }
        let of = |point: &[f64]| {
            let mut next = point.iter().copied();
            let mut take = |wanted: bool| if wanted { next.next().unwrap_or(0.0) } else { 0.0 };
            // Partial autocorrelations within 1 are those of a stationary process.
            let (first, second) = (take(p > 0), take(p > 1));
            let (ma, seasonal_ma) = (take(q), take(seasonal));
            Self { ar: [first * (1.0 - second), second], ma, seasonal_ma, ..plain }
        };
        // The squares that have the likelihood of errors without a determinant.
        let squares = |point: &[f64]| {
            let model = of(point);
            let polynomials = model.polynomials();
            let run = polynomials.run(values, model.mean, model.period);
            run.squares * (polynomials.log_determinant(count) / count as f64).exp()
        };
        let scale: f64 = values.iter().flatten().map(|level| level * level).sum();
        let mut bounds = vec![(-NEAR_1, NEAR_1); p];
        bounds.extend(vec![(-NEAR_1_MA, NEAR_1_MA); usize::from(q) + usize::from(seasonal)]);
        let firsts: &[f64] = if p > 0 { &[-0.3, 0.5, 0.95] } else { &[0.0] };
        let seconds: &[f64] = if p > 1 { &[0.1, -0.5] } else { &[0.0] };
        let mas: &[f64] = if q { &[0.4, -0.3] } else { &[0.0] };
        let mut start: Option<(f64, Vec<f64>)> = None;
        for &first in firsts {
            for &second in seconds {
                for &ma in mas {
                    let wanted = [(p > 0, first), (p > 1, second), (q, ma), (seasonal, 0.5)];
                    let point: Vec<f64> =
                        wanted.iter().filter(|(wanted, _)| *wanted).map(|&(_, at)| at).collect();
                    let value = squares(&point);
                    if start.as_ref().is_none_or(|(least, _)| value < *least) {
                        start = Some((value, point));
                    }
                }
            }
        }
        let (at, least) = minimise(&start?.1, &bounds, MOST_TRIES, squares);
        // Of what is repeated exactly, nothing but rounding is left.
        if !least.is_finite() || least <= 1e-24 * scale {
            return None;
        }
        Some((of(&at), aicc(least, count, parameters)? / count as f64))
    }

    fn polynomials(&self) -> Polynomials {
        let step = |lag: usize, coefficient: f64| vec![(lag, coefficient)];
        let (season, repeats) = match self.period {
            0 | 1 => (Lags::new(), Lags::new()),
            period => (step(period, -self.seasonal_ma), step(period, -1.0)),
        };
        let own = if self.differenced { step(1, -1.0) } else { Lags::new() };
        let ar = vec![(1, -self.ar[0]), (2, -self.ar[1])];
        Polynomials {
            ar: product(&ar, &[]),
            ma: product(&product(&step(1, -self.ma), &[]), &season),
            difference: product(&own, &repeats),
        }
    }

    /// The newest rows that a forecast is a function of: those in which an error is forgotten.
    pub fn rows(&self) -> usize {
        let Polynomials { ar, ma, difference } = self.polynomials();
        let forgotten = |constant: f64| match constant.abs() {
            small if small <= FORGOTTEN => 1.0,
            near if near >= 1.0 => f64::INFINITY,
            constant => (FORGOTTEN.ln() / constant.ln()).ceil(),
        };
        let most = MOST_FITTED.max(self.period.saturating_mul(4));
        let memory = forgotten(self.ma).max(self.period as f64 * forgotten(self.seasonal_ma));
        let reach = longest(&ar) + longest(&ma) + longest(&difference) + SPARE;
        (memory.min(most as f64) as usize).saturating_add(reach).min(most.max(reach))
    }

    /// Forecasts of the steps 1 … `horizon` after each of `origins`, which have at least one row: `[origins, horizon]`.
    pub(in super::super) fn forecasts(
        &self,
        series: Observed<'_>,
        origins: Range<usize>,
        horizon: usize,
    ) -> Vec<f64> {
        let (polynomials, rows) = (self.polynomials(), self.rows());
        let mut all = Vec::with_capacity(origins.len() * horizon);
        for origin in origins {
            let values = levels(series, (origin + 1).saturating_sub(rows)..origin + 1, self.log);
            if values.is_empty() {
                all.extend(std::iter::repeat_n(series.values[origin], horizon));
                continue;
            }
            let Run { mut levels, mut differences, errors, .. } =
                polynomials.run(&values, self.mean, self.period);
            for _ in 0..horizon {
                let expected = polynomials.expected(&differences, &errors, differences.len());
                differences.push(expected);
                let level = expected + self.mean - polynomials.earlier(&levels, levels.len());
                levels.push(level);
                // The largest number there is has a logarithm of 709.
                all.push(if self.log { level.min(700.0).exp() } else { level });
            }
        }
        all
    }

    /// Whether its numbers can be calculated with.
    pub(in super::super) fn is_sound(&self) -> bool {
        let [first, second] = self.ar;
        second.abs() <= 1.0
            && first.abs() <= 1.0 - second + 1e-9
            && [self.ma, self.seasonal_ma].iter().all(|constant| constant.abs() < 1.0)
            && self.mean.is_finite()
            && (1..=LONGEST_PERIOD).contains(&self.period)
    }
}

/// As Box and Jenkins name the models: (p, d, q), and (P, D, Q) of the season.
impl fmt::Display for Arima {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = self.ar.iter().rposition(|&constant| constant != 0.0).map_or(0, |place| place + 1);
        let (d, q) = (u8::from(self.differenced), u8::from(self.ma != 0.0));
        let mut order = format!("ARIMA({p},{d},{q})");
        if self.period > 1 {
            order += &format!("(0,1,1) ({})", self.period);
        }
        if self.log { write!(f, "{order}, logarithms") } else { f.write_str(&order) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Series, SeriesSpec, Table};

    fn airline() -> Vec<f64> {
        let path = format!("{}/../../data/airline.csv", env!("CARGO_MANIFEST_DIR"));
        let table = Table::read(path).unwrap();
        let series = Series::from_table(&table, &SeriesSpec::new(&["value"])).unwrap().series;
        series.columns[0].values.clone()
    }

    fn plain(period: usize) -> Arima {
        Arima { ar: [0.0; 2], ma: 0.0, seasonal_ma: 0.0, mean: 0.0, differenced: false, period, log: false }
    }

    /// The model and the series of Box and Jenkins: the greatest likelihood is at θ = .4018 and Θ = .5569 (R's `arima`).
    #[test]
    fn the_airline_passengers() {
        let values = airline();
        let all: Vec<Option<f64>> = values.iter().map(|value| Some(value.ln())).collect();
        let (fitted, _) = plain(12).fitted(&all, WITH_SEASON[0]).unwrap();
        assert!((fitted.ma - 0.4018).abs() < 0.002, "{fitted:?}");
        assert!((fitted.seasonal_ma - 0.5569).abs() < 0.002, "{fitted:?}");
        let chosen = Arima::fit(Observed::all(&values), 0..values.len(), 12, true).unwrap();
        assert_eq!(chosen.to_string(), "ARIMA(0,1,1)(0,1,1) (12), logarithms");
        assert_eq!((chosen.ma, chosen.seasonal_ma), (fitted.ma, fitted.seasonal_ma));
    }

    /// By hand: without a memory of errors, the next season is the last one.
    #[test]
    fn forecasts_by_hand() {
        let of = |model: Arima, values: &[f64], horizon: usize| {
            model.forecasts(Observed::all(values), values.len() - 1..values.len(), horizon)
        };
        assert_eq!(of(plain(3), &[1.0, 2.0, 6.0, 3.0, 4.0, 8.0], 4), [3.0, 4.0, 8.0, 3.0]);
        // (1 − B)(1 − B³): the last season and the step from it.
        let both = Arima { differenced: true, ..plain(3) };
        assert_eq!(of(both, &[1.0, 2.0, 6.0, 3.0, 4.0, 8.0], 4), [5.0, 6.0, 10.0, 7.0]);
        // Back to the mean of 10 by half each step, and further on by the mean step.
        assert_eq!(of(Arima { ar: [0.5, 0.0], mean: 10.0, ..plain(1) }, &[3.0, 14.0], 2), [12.0, 11.0]);
        assert_eq!(of(Arima { mean: 2.0, differenced: true, ..plain(1) }, &[3.0, 14.0], 2), [16.0, 18.0]);
        // Logarithms, and a season of which too little is there.
        let log = Arima { mean: 2.0_f64.ln(), differenced: true, log: true, ..plain(1) };
        assert!((of(log, &[1.0, 4.0], 2)[1] - 16.0).abs() < 1e-12);
        assert_eq!(of(both, &[4.0], 2), [4.0, 4.0]);
        assert_eq!(of(both, &[4.0, 5.0, 6.0], 1), [6.0]);
    }

    /// The likelihood is that of the whole covariance, computed at length from the autocovariances of a moving average.
    #[test]
    fn the_likelihood_of_a_moving_average() {
        let (ma, seasonal_ma, n) = (0.5, 0.6, 60);
        let model = Arima { ma, seasonal_ma, ..plain(4) };
        // Differences, as levels without any to be differenced.
        let mut polynomials = model.polynomials();
        polynomials.difference = Lags::new();
        let w: Vec<f64> = (0..n).map(|t| ((t * t * 7 + 3 * t) % 23) as f64 / 11.0 - 1.0).collect();
        let weights = {
            let mut all = vec![0.0; 6];
            all[0] = 1.0;
            polynomials.ma.iter().for_each(|&(lag, coefficient)| all[lag] = coefficient);
            all
        };
        let covariance =
            |lag: usize| -> f64 { weights.iter().zip(weights.iter().skip(lag)).map(|(a, b)| a * b).sum() };
        // Cholesky's factor: its diagonal has the determinant, and what it leaves of w the squares.
        let mut factor = vec![vec![0.0; n]; n];
        let (mut log_determinant, mut squares, mut rest) = (0.0, 0.0, w.clone());
        for (i, value) in w.iter().enumerate() {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
                let left = (if i - j < 6 { covariance(i - j) } else { 0.0 }) - known;
                factor[i][j] = if i == j { left.sqrt() } else { left / factor[j][j] };
            }
            let known: f64 = (0..i).map(|k| factor[i][k] * rest[k]).sum();
            rest[i] = (value - known) / factor[i][i];
            squares += rest[i] * rest[i];
            log_determinant += 2.0 * factor[i][i].ln();
        }
        let values: Vec<Option<f64>> = w.into_iter().map(Some).collect();
        let run = polynomials.run(&values, 0.0, 4);
        assert!((run.squares - squares).abs() < 0.01 * squares, "{} for {squares}", run.squares);
        let found = polynomials.log_determinant(n);
        assert!((found - log_determinant).abs() < 0.01, "{found} for {log_determinant}");
    }

    #[test]
    fn nothing_after_an_origin_or_before_its_rows_is_looked_at() {
        let values = airline();
        let model = Arima::fit(Observed::all(&values), 0..101, 12, true).unwrap();
        let rows = model.rows();
        let of =
            |values: &[f64], origin: usize| model.forecasts(Observed::all(values), origin..origin + 1, 5);
        let mut other: Vec<f64> = [vec![7.0; 400], values.clone()].concat();
        other[400 + 121..].iter_mut().for_each(|value| *value += 100.0);
        let long: Vec<f64> = [values.clone(), values.clone()].concat();
        assert_eq!(of(&values, 120), of(&other[400..], 120));
        assert!(rows < 250, "{rows}");
        let last = long.len() - 1;
        assert_eq!(of(&long, last), of(&long[long.len() - rows..], rows - 1));
        assert_ne!(of(&long, last), of(&long[long.len() - rows + 1..], rows - 2));
    }

    #[test]
    fn missing_values_are_as_forecast() {
        let values = airline();
        let model = Arima::fit(Observed::all(&values), 0..101, 12, true).unwrap();
        let mut mask = vec![true; values.len()];
        (118..121).for_each(|row| mask[row] = false);
        let mut odd = values.clone();
        (118..121).for_each(|row| odd[row] = -5.0);
        let ahead = model.forecasts(Observed::all(&values), 117..118, 6);
        let across = model.forecasts(Observed { values: &odd, mask: Some(&mask) }, 120..121, 3);
        for (a, b) in ahead[3..].iter().zip(&across) {
            assert!((a - b).abs() < 0.02 * a, "{ahead:?} {across:?}");
        }
        // Values without a logarithm are missing as well.
        assert_eq!(model.forecasts(Observed::all(&odd), 120..121, 3), across);
    }

    #[test]
    fn what_cannot_be_fitted_is_left_alone() {
        let fit =
            |values: &[f64], period: usize| Arima::fit(Observed::all(values), 0..values.len(), period, false);
        assert_eq!(fit(&[1.0, 2.0, 3.0], 1), None);
        assert_eq!(fit(&[5.0; 50], 1), None);
        assert_eq!(fit(&[], 12), None);
        let season: Vec<f64> = (0..60).map(|t| [1.0, 5.0, 2.0][t % 3]).collect();
        assert_eq!(fit(&season, 3), None, "it repeats itself exactly");
        let noise: Vec<f64> = (0..60).map(|t| ((t * 7919 + 13) % 1000) as f64).collect();
        assert!(fit(&noise, 30).is_some_and(|model| model.period == 1), "two seasons are too few");
        assert!(fit(&noise, 20).is_some_and(|model| model.period == 20 && model.is_sound()));
    }
}
