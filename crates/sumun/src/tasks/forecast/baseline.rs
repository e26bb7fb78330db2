//! What a forecast must beat: naive and seasonal naive.

use crate::data::{Difference, Filled};
use crate::message::{key, text};
use crate::{Error, Result};
use ndarray::Array2;
use std::fmt;
use std::ops::Range;

/// A forecast that needs no training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// The last known value, for every step ahead.
    Naive,
    /// The last known value of the same phase of the season, see [`Difference::Season`].
    SeasonalNaive {
        /// The period in rows, 1 or more.
        period: usize,
    },
}

impl Baseline {
    /// Forecasts of the steps 1 … `horizon` after `origin`, the place of the last known value. Only values up to
    /// the origin are looked at. Errors: an origin outside the series, a period of 0, or less than one period up to
    /// the origin.
    pub fn forecast(&self, values: &[f64], origin: usize, horizon: usize) -> Result<Vec<f64>> {
        let reference = match *self {
            Self::Naive => Difference::Last,
            Self::SeasonalNaive { period } => Difference::Season(period),
        };
        if origin >= values.len() || origin + 1 < reference.lag() || reference.lag() == 0 {
            return Err(Error::Invalid(format!(
                "the {self} forecast needs {} known values or more, but there are {} of {}",
                reference.lag().max(1),
                origin + 1,
                values.len()
            ))
            .advise(text("use a shorter ") + key("season") + " or more data"));
        }
        Ok((1..=horizon).map(|h| reference.reference(values, origin, h)).collect())
    }

    /// Forecasts at many origins, `[origins, horizon]`. Errors as [`Baseline::forecast`].
    pub fn forecasts(&self, values: &[f64], origins: Range<usize>, horizon: usize) -> Result<Array2<f64>> {
        let mut all = Array2::zeros((origins.len(), horizon));
        for (mut row, origin) in all.outer_iter_mut().zip(origins) {
            row.iter_mut().zip(self.forecast(values, origin, horizon)?).for_each(|(to, value)| *to = value);
        }
        Ok(all)
    }

    /// As [`forecasts`](Self::forecasts), from what is known of a column with holes at each origin.
    pub(crate) fn forecasts_of(
        &self,
        values: &Filled,
        origins: Range<usize>,
        horizon: usize,
    ) -> Result<Array2<f64>> {
        if !values.has_holes() {
            return self.forecasts(values, origins, horizon);
        }
        let mut all = Array2::zeros((origins.len(), horizon));
        for (mut row, origin) in all.outer_iter_mut().zip(origins) {
            let forecast = self.forecast(&values.known_at(origin), origin, horizon)?;
            row.iter_mut().zip(forecast).for_each(|(to, value)| *to = value);
        }
        Ok(all)
    }

    /// The key under which machines find it: `naive` or `seasonal_naive`.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::SeasonalNaive { .. } => "seasonal_naive",
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Naive => f.write_str("naive"),
            Self::SeasonalNaive { period } => write!(f, "seasonal naive ({period})"),
        }
    }
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
            let forecasts = baseline.forecasts(values, origins.clone(), horizon).unwrap();
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
        assert_eq!(Baseline::Naive.forecast(&values, 1, 2).unwrap(), [2.0, 2.0]);
        assert_eq!(seasonal.forecast(&values, 3, 4).unwrap(), [2.0, 3.0, 4.0, 2.0]);
        assert_eq!(actuals(&values, 1..3, 2).unwrap(), ndarray::array![[3.0, 4.0], [4.0, 5.0]]);
        assert!(actuals(&values, 1..4, 2).is_err());
        assert!(Baseline::Naive.forecast(&values, 5, 1).is_err());
        assert!(Baseline::SeasonalNaive { period: 0 }.forecast(&values, 3, 1).is_err());
        let message = seasonal.forecast(&values, 1, 1).unwrap_err().to_string();
        assert!(
            message
                .starts_with("the seasonal naive (3) forecast needs 3 known values or more, but there are 2")
        );
    }
}
