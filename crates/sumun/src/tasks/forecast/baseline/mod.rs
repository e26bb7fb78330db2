//! What a forecast must beat: forecasts that need no network. Each is updated at every forecast origin and sees nothing
//! after it.

mod arima;
mod croston;
mod ets;
#[cfg(test)]
mod golden;
mod minimise;
mod observed;
mod smoothing;
mod theta;

use std::fmt;
use std::ops::Range;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

pub use self::arima::Arima;
pub use self::croston::Croston;
pub use self::ets::Ets;
use self::observed::MOST_FITTED;
pub use self::observed::Observed;
pub use self::theta::Theta;
use crate::message::{key, text};
use crate::report::text::count;
use crate::{Error, Result};

/// A forecast that needs no network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The last known value, for every step ahead.
    Naive,
    /// The last known value, and from there on the mean step from the first known value to it.
    Drift,
    /// The last known value of the same phase of the season, y\[t + h − m·⌈h/m⌉\] for the period m.
    SeasonalNaive {
        /// The period in rows, 1 or more.
        period: usize,
    },
    /// Always one value: for a series that mostly has it, such as demand that is mostly 0.
    Constant {
        /// The value.
        value: f64,
    },
    /// The naive forecast of the series less its season, where it has one: the M4 competition's Naive2.
    Naive2(Theta),
    /// Half a trend on a smoothed level.
    Theta(Theta),
    /// Exponential smoothing.
    Ets(Ets),
    /// The mean demand a row, for series that are mostly 0.
    Croston(Croston),
    /// A seasonal ARIMA model.
    Arima(Arima),
}

/// What to say of a training part of so many rows, if it is longer than what Theta, ETS and ARIMA are fitted to.
pub(super) fn fitted_note(rows: usize) -> Option<String> {
    let (most, all) = (count(MOST_FITTED), count(rows));
    (rows > MOST_FITTED).then(|| {
        format!("Theta, ETS and ARIMA are fitted to the newest {most} of {all} training rows, or four of the seasons of Theta and ARIMA where those are longer")
    })
}

impl Baseline {
    /// All of them for a series whose training part is `train`: seasonal naive for each of the `periods`, a constant if
    /// more than half of the part has one value, and what can be fitted to the part of Theta and ETS, the latter to one step
    /// ahead and to all up to the `horizon`. Nothing outside the part is looked at.
    pub fn all(series: Observed<'_>, train: Range<usize>, periods: &[usize], horizon: usize) -> Vec<Self> {
        let mut all = vec![Self::Naive, Self::Drift];
        all.extend(periods.iter().map(|&period| Self::SeasonalNaive { period }));
        all.extend(usual(series, train.clone()).map(|value| Self::Constant { value }));
        all.extend(Theta::fit(series, train.clone(), periods).map(Self::Theta));
        all.extend(Ets::fit(series, train.clone(), periods, 1).map(Self::Ets));
        if horizon > 1 {
            all.extend(Ets::fit(series, train, periods, horizon).map(Self::Ets));
        }
        all
    }

    /// A seasonal ARIMA model of the part `train`, of logarithms where `log` says so; `None` for too few values, and for those
    /// that a model repeats exactly. Nothing outside the part is looked at.
    pub fn arima(series: Observed<'_>, train: Range<usize>, period: usize, log: bool) -> Option<Self> {
        Arima::fit(series, train, period, log).map(Self::Arima)
    }

    /// The season that it repeats; 1 for none.
    pub fn period(&self) -> usize {
        match *self {
            Self::Naive | Self::Drift | Self::Constant { .. } | Self::Croston(_) => 1,
            Self::SeasonalNaive { period } => period,
            Self::Theta(theta) | Self::Naive2(theta) => theta.period,
            Self::Ets(ets) => ets.period,
            Self::Arima(arima) => arima.period,
        }
    }

    /// What people call it, whatever was fitted.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Drift => "drift",
            Self::SeasonalNaive { .. } => "seasonal naive",
            Self::Constant { .. } => "the most frequent value",
            Self::Naive2(_) => "Naive2",
            Self::Theta(_) => "Theta",
            Self::Ets(Ets { steps: 1, .. }) => "ETS",
            Self::Ets(_) => "ETS, several steps",
            Self::Croston(_) => "Croston",
            Self::Arima(_) => "ARIMA",
        }
    }

    /// What is measured beside a model of many series: naive, seasonal naive for the `season` (1 for none), Naive2, Theta, and ETS
    /// fitted to one step ahead; where the series are mostly 0, Croston's forecast too. Nothing outside the part `train` is looked at.
    pub(super) fn of_panel(
        series: Observed<'_>,
        train: Range<usize>,
        season: usize,
        mostly_0: bool,
    ) -> Vec<Self> {
        let periods: Vec<usize> =
            (season > 1 && season <= train.len() / 2).then_some(season).into_iter().collect();
        let mut all = vec![Self::Naive];
        all.extend(periods.iter().map(|&period| Self::SeasonalNaive { period }));
        all.push(Self::Naive2(Theta::naive2(series, train.clone(), season)));
        all.extend(Theta::fit(series, train.clone(), &periods).map(Self::Theta));
        all.extend(Ets::fit(series, train, &periods, 1).map(Self::Ets));
        all.extend(mostly_0.then(|| Self::Croston(Croston::default())));
        all
    }

    /// Forecasts of the steps 1 … `horizon` after each of `origins`, the places of the last known values,
    /// `[origins, horizon]`. The first state of Theta and ETS is found in the rows `settled`, which end with the first
    /// origin or before. Errors: an origin outside the series, a period of 0, less than one period up to the first
    /// origin, and settled rows after it.
    pub fn forecasts(
        &self,
        series: Observed<'_>,
        settled: Range<usize>,
        origins: Range<usize>,
        horizon: usize,
    ) -> Result<Array2<f64>> {
        let (rows, period) = (series.values.len(), self.period());
        if origins.end > rows || (origins.start + 1 < period && !origins.is_empty()) || period == 0 {
            return Err(Error::Invalid(format!(
                "the {self} forecast needs {} known values or more, but there are {} of {rows}",
                period.max(1),
                origins.start + 1,
            ))
            .advise(text("use a shorter ") + key("season") + " or more data"));
        }
        let shape = (origins.len(), horizon);
        if origins.is_empty() || horizon == 0 {
            return Ok(Array2::zeros(shape));
        }
        if settled.end > origins.start + 1 || settled.start > settled.end {
            return Err(Error::Invalid(format!(
                "the {self} forecast may not look at the rows {settled:?} before it begins at row {}",
                origins.start
            )));
        }
        // The newest row with a value among those that `step` leads to.
        let newest = |from: usize, step: usize| {
            (0..=from / step).map(|k| from - k * step).find_map(|row| Some((row, series.at(row)?)))
        };
        let last = |origin: usize| newest(origin, 1).unwrap_or((origin, series.values[origin]));
        let all: Vec<f64> = match *self {
            Self::Naive => origins.flat_map(|o| std::iter::repeat_n(last(o).1, horizon)).collect(),
            Self::Drift => {
                let first = (0..origins.end).find_map(|row| Some((row, series.at(row)?)));
                let from = |origin: usize| {
                    let (row, value) = last(origin);
                    let slope = match first {
                        Some((start, begin)) if start < row => (value - begin) / (row - start) as f64,
                        _ => 0.0,
                    };
                    (1..=horizon).map(move |h| value + slope * (origin + h - row) as f64)
                };
                origins.flat_map(from).collect()
            }
            Self::SeasonalNaive { period } => {
                let phase = |origin: usize, h: usize| origin + h - period * h.div_ceil(period);
                let of = |o: usize, h: usize| newest(phase(o, h), period).unwrap_or_else(|| last(o)).1;
                origins.flat_map(|o| (1..=horizon).map(move |h| of(o, h))).collect()
            }
            Self::Constant { value } => vec![value; origins.len() * horizon],
            Self::Theta(theta) | Self::Naive2(theta) => theta.forecasts(series, settled, origins, horizon),
            Self::Ets(ets) => ets.forecasts(series, settled, origins, horizon),
            Self::Croston(croston) => croston.forecasts(series, origins, horizon),
            Self::Arima(arima) => arima.forecasts(series, origins, horizon),
        };
        Ok(Array2::from_shape_vec(shape, all).expect("as many values as origins and steps"))
    }

    /// The key under which machines find it: `naive`, `drift`, `seasonal_naive_24`, `constant`, `theta`, `ets`, `croston`, `arima`, or
    /// `ets_steps` for one that is fitted to several steps ahead.
    pub fn key(&self) -> String {
        match self {
            Self::Naive => "naive".into(),
            Self::Drift => "drift".into(),
            Self::SeasonalNaive { period } => format!("seasonal_naive_{period}"),
            Self::Constant { .. } => "constant".into(),
            Self::Naive2(_) => "naive2".into(),
            Self::Theta(_) => "theta".into(),
            Self::Ets(Ets { steps: 1, .. }) => "ets".into(),
            Self::Ets(_) => "ets_steps".into(),
            Self::Croston(_) => "croston".into(),
            Self::Arima(_) => "arima".into(),
        }
    }

    /// Whether its numbers can be calculated with: for a model file that nobody vouches for.
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Naive | Self::Drift => true,
            Self::SeasonalNaive { period } => *period > 0,
            Self::Constant { value } => value.is_finite(),
            Self::Theta(theta) | Self::Naive2(theta) => theta.is_sound(),
            Self::Ets(ets) => ets.is_sound(),
            Self::Croston(croston) => croston.is_sound(),
            Self::Arima(arima) => arima.is_sound(),
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Naive => f.write_str("naive"),
            Self::Drift => f.write_str("drift"),
            Self::SeasonalNaive { period } => write!(f, "seasonal naive ({period})"),
            Self::Constant { value } => write!(f, "always {value}"),
            Self::Naive2(_) => f.write_str("Naive2"),
            Self::Theta(Theta { period: 1, .. }) => f.write_str("Theta"),
            Self::Theta(Theta { period, .. }) => write!(f, "Theta ({period})"),
            Self::Ets(ets) => ets.fmt(f),
            Self::Croston(_) => f.write_str("Croston"),
            Self::Arima(arima) => arima.fmt(f),
        }
    }
}

/// The value that more than half of `rows` have, if there is one.
fn usual(series: Observed<'_>, rows: Range<usize>) -> Option<f64> {
    // Boyer and Moore's vote: what has the majority is left over.
    let (mut candidate, mut votes) = (0.0, 0usize);
    for value in series.known(rows.clone()) {
        match votes {
            0 => (candidate, votes) = (value, 1),
            _ if value == candidate => votes += 1,
            _ => votes -= 1,
        }
    }
    let having = series.known(rows.clone()).filter(|&value| value == candidate).count();
    (2 * having > series.count(rows)).then_some(candidate)
}

/// What really followed each origin, `[origins, horizon]`. Error: targets outside the series.
pub fn actuals(values: &[f64], origins: Range<usize>, horizon: usize) -> Result<Array2<f64>> {
    let last = origins.end.saturating_add(horizon);
    if !origins.is_empty() && last > values.len() {
        return Err(Error::Invalid(format!(
            "{horizon} steps after place {} leave the series of {} values",
            origins.end - 1,
            values.len()
        )));
    }
    Ok(Array2::from_shape_fn((origins.len(), horizon), |(i, h)| values[origins.start + i + 1 + h]))
}

#[cfg(test)]
mod tests {
    use super::super::metrics::{Metrics, mase_scale};
    use super::*;
    use crate::data::{Series, SeriesSpec, Split, Table, origins_within};

    #[test]
    fn what_a_long_part_is_fitted_to_is_said() {
        assert_eq!(fitted_note(2000), None);
        let note = fitted_note(2520).unwrap();
        assert!(
            note.starts_with("Theta, ETS and ARIMA are fitted to the newest 2,000 of 2,520 training rows"),
            "{note}"
        );
    }

    /// Computed independently, with plain loops over the definition, from the same files.
    #[test]
    fn seasonal_naive_on_the_bundled_series() {
        for (file, column, period, horizon, expected) in [
            ("electricity", "value", 24, 24, 0.886_116_013_786_489_5),
            ("airline", "value", 12, 12, 1.594_127_434_948_504),
            ("elnino", "value", 12, 12, 0.791_353_002_622_242_2),
        ] {
            let path = format!("{}/../../data/{file}.csv", env!("CARGO_MANIFEST_DIR"));
            let table = Table::read(path).unwrap();
            let series = Series::from_table(&table, &SeriesSpec::new(&[column])).unwrap().series;
            let values = &series.columns[0].values;
            let split = Split::by_fractions(values.len(), 0.1, 0.2).unwrap();
            let origins = origins_within(&split.test, period, horizon);
            let baseline = Baseline::SeasonalNaive { period };
            let all = Observed::all(values);
            let forecasts = baseline.forecasts(all, split.train.clone(), origins.clone(), horizon).unwrap();
            let actual = actuals(values, origins, horizon).unwrap();
            let scale = mase_scale(&values[split.train.clone()], period);
            let metrics =
                Metrics::of(actual.as_slice().unwrap(), forecasts.as_slice().unwrap(), scale).unwrap();
            assert!((metrics.mase.unwrap() - expected).abs() < 1e-12, "{file}: {metrics:?}");
        }
    }

    #[test]
    fn by_hand_and_out_of_range() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        let seasonal = Baseline::SeasonalNaive { period: 3 };
        let of = |baseline: Baseline, origins: Range<usize>, horizon: usize| {
            baseline.forecasts(Observed::all(&values), 0..1, origins, horizon)
        };
        assert_eq!(of(Baseline::Naive, 1..2, 2).unwrap(), ndarray::array![[2.0, 2.0]]);
        assert_eq!(of(seasonal, 3..4, 4).unwrap(), ndarray::array![[2.0, 3.0, 4.0, 2.0]]);
        assert_eq!(
            of(Baseline::Drift, 0..3, 2).unwrap(),
            ndarray::array![[1.0, 1.0], [3.0, 4.0], [4.0, 5.0]]
        );
        assert_eq!(actuals(&values, 1..3, 2).unwrap(), ndarray::array![[3.0, 4.0], [4.0, 5.0]]);
        assert!(actuals(&values, 1..4, 2).is_err());
        assert!(of(Baseline::Naive, 5..6, 1).is_err());
        assert!(of(Baseline::SeasonalNaive { period: 0 }, 3..4, 1).is_err());
        let message = of(seasonal, 1..2, 1).unwrap_err().to_string();
        assert!(
            message
                .starts_with("the seasonal naive (3) forecast needs 3 known values or more, but there are 2")
        );
    }
    /// What was not observed is no truth: the newest value that was stands for it.
    #[test]
    fn holes_are_looked_past() {
        let values = [1.0, 2.0, 99.0, 4.0, 99.0, 99.0];
        let mask = [true, true, false, true, false, false];
        let series = Observed { values: &values, mask: Some(&mask) };
        let of = |baseline: Baseline| baseline.forecasts(series, 0..5, 5..6, 3).unwrap().row(0).to_vec();
        assert_eq!(of(Baseline::Naive), [4.0; 3]);
        assert_eq!(of(Baseline::Drift), [7.0, 8.0, 9.0]);
        assert_eq!(of(Baseline::SeasonalNaive { period: 2 }), [1.0, 4.0, 1.0]);
        assert_eq!(of(Baseline::SeasonalNaive { period: 3 }), [4.0, 2.0, 4.0]);
        let ets = Ets { alpha: 1.0, beta: 0.0, phi: 0.0, gamma: 0.0, period: 1, steps: 1 };
        assert_eq!(of(Baseline::Ets(ets)), [4.0; 3]);
    }

    #[test]
    fn a_value_that_most_rows_have_is_a_baseline() {
        for (values, expected) in [
            (&[0.0, 3.0, 0.0, 0.0, 7.0][..], Some(0.0)),
            (&[1.0, 2.0, 1.0, 2.0], None),
            (&[5.0, 4.0, 4.0, 5.0, 4.0], Some(4.0)),
            (&[1.0, 2.0, 3.0], None),
            (&[], None),
        ] {
            assert_eq!(usual(Observed::all(values), 0..values.len()), expected, "{values:?}");
        }
        let values = [0.0, 0.0, 6.0, 0.0, 0.0, 5.0];
        let constant = Baseline::all(Observed::all(&values), 0..5, &[], 1)[2];
        assert_eq!((constant.key().as_str(), constant.to_string().as_str()), ("constant", "always 0"));
        let said = constant.forecasts(Observed::all(&values), 0..5, 5..6, 2).unwrap();
        assert_eq!(said, ndarray::array![[0.0, 0.0]]);
    }

    /// A forecast may not change with what comes after its origin, whatever the baseline.
    #[test]
    fn nothing_after_an_origin_is_looked_at() {
        let season = [3.0, -2.0, 1.0, -4.0, 2.0];
        let values: Vec<f64> =
            (0..90).map(|t| 20.0 + 0.2 * t as f64 + season[t % 5] + (t as f64 * 1.7).sin()).collect();
        let mut other = values.clone();
        other[71..].iter_mut().for_each(|value| *value = -50.0);
        let fitted = Baseline::all(Observed::all(&values), 0..60, &[5, 7], 3);
        let keys: Vec<String> = fitted.iter().map(Baseline::key).collect();
        assert_eq!(
            keys,
            ["naive", "drift", "seasonal_naive_5", "seasonal_naive_7", "theta", "ets", "ets_steps"]
        );
        assert_eq!(fitted, Baseline::all(Observed::all(&other), 0..60, &[5, 7], 3));
        assert!(fitted[4..].iter().all(|one| one.period() == 5), "{fitted:?}");
        for baseline in fitted {
            let of = |values: &[f64], origins: Range<usize>| {
                baseline.forecasts(Observed::all(values), 0..60, origins, 8).unwrap()
            };
            assert_eq!(of(&values, 60..71), of(&other, 60..71), "{baseline}");
            // One origin at a time is the same as many.
            assert_eq!(of(&values, 60..71).row(10), of(&values, 70..71).row(0), "{baseline}");
        }
        let late = Baseline::Naive.forecasts(Observed::all(&values), 0..62, 60..70, 3);
        assert!(late.unwrap_err().to_string().contains("may not look at the rows 0..62"));
    }
}
