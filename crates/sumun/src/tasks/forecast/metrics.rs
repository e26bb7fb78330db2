//! How far forecasts are from what happened.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::data::Filled;

/// The errors of a set of forecasts, each a mean over all forecast values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Mean absolute error, in the unit of the series.
    pub mae: f64,
    /// Root of the mean squared error, in the unit of the series.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, 0 to 200 %: 100 · mean of 2·|y − ŷ| / (|y| + |ŷ|), where a pair of
    /// zeros counts 0 (Makridakis 1993, as the M4 competition used it).
    pub smape: f64,
    /// The MAE divided by a scale, usually [`mase_scale`]: below 1 is better than the seasonal naive forecast was
    /// one step ahead on the training part (Hyndman and Koehler 2006). `None` if there is no scale.
    pub mase: Option<f64>,
}

impl Metrics {
    /// Compares `forecast` with `actual`, value by value; `scale` is for the MASE. `None` if there are no values.
    ///
    /// # Panics
    /// If the two differ in length.
    pub fn of(actual: &[f64], forecast: &[f64], scale: Option<f64>) -> Option<Self> {
        if actual.is_empty() {
            assert!(forecast.is_empty(), "0 actual values and {} forecasts", forecast.len());
            return None;
        }
        let mae = mae(actual, forecast);
        let mase = scale.map(|scale| mae / scale);
        Some(Self { mae, rmse: rmse(actual, forecast), smape: smape(actual, forecast), mase })
    }
}

/// Mean absolute error: mean of |y − ŷ|. NaN for no values. Panics if the lengths differ.
pub fn mae(actual: &[f64], forecast: &[f64]) -> f64 {
    mean(actual, forecast, |y, f| (y - f).abs())
}

/// Root mean squared error: √ mean of (y − ŷ)². NaN for no values. Panics if the lengths differ.
pub fn rmse(actual: &[f64], forecast: &[f64]) -> f64 {
    mean(actual, forecast, |y, f| (y - f).powi(2)).sqrt()
}

/// Symmetric mean absolute percentage error, 0 to 200 %, see [`Metrics::smape`]. NaN for no values. Panics if the
/// lengths differ.
pub fn smape(actual: &[f64], forecast: &[f64]) -> f64 {
    mean(actual, forecast, |y, f| {
        let size = y.abs() + f.abs();
        if size == 0.0 { 0.0 } else { 200.0 * (y - f).abs() / size }
    })
}

/// The scale of the MASE: the mean of |y\[t\] − y\[t − m\]| over the training part, m being the seasonal `period` (1 if
/// there is no season). `None` if the part is no longer than a period or repeats itself exactly, so that there is
/// nothing to divide by.
pub fn mase_scale(train: &[f64], period: usize) -> Option<f64> {
    let period = period.max(1);
    if train.len() <= period {
        return None;
    }
    let scale = mae(&train[period..], &train[..train.len() - period]);
    (scale > 0.0).then_some(scale)
}

/// [`mase_scale`] of the rows `train` of a column, over the pairs of values of which neither was filled in.
pub(crate) fn mase_scale_of(values: &Filled, train: &Range<usize>, period: usize) -> Option<f64> {
    if values.holes(train.clone()) == 0 {
        return mase_scale(&values[train.clone()], period);
    }
    let period = period.max(1);
    let rows = train.start + period..train.end;
    let pairs = rows.filter(|&row| values.is_observed(row) && values.is_observed(row - period));
    let (now, before): (Vec<f64>, Vec<f64>) = pairs.map(|row| (values[row], values[row - period])).unzip();
    let scale = mae(&now, &before);
    (scale > 0.0).then_some(scale)
}

fn mean(actual: &[f64], forecast: &[f64], error: impl Fn(f64, f64) -> f64) -> f64 {
    assert_eq!(actual.len(), forecast.len(), "as many forecasts as actual values");
    actual.iter().zip(forecast).map(|(&y, &f)| error(y, f)).sum::<f64>() / actual.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let metrics = Metrics::of(&[1.0, 2.0, -4.0, 0.0], &[1.0, 4.0, 4.0, 0.0], Some(5.0)).unwrap();
        assert_eq!(metrics.mae, 2.5);
        assert_eq!(metrics.rmse, 17.0_f64.sqrt());
        assert!((metrics.smape - 200.0 / 3.0).abs() < 1e-12);
        assert_eq!(metrics.mase, Some(0.5));
        assert_eq!(Metrics::of(&[], &[], None), None);
        assert_eq!(Metrics::of(&[1.0], &[2.0], None).unwrap().mase, None);
    }

    #[test]
    fn the_scale_is_the_seasonal_naive_error() {
        assert_eq!(mase_scale(&[1.0, 5.0, 2.0, 8.0], 2), Some(2.0));
        assert_eq!(mase_scale(&[1.0, 5.0, 2.0], 1), Some(3.5));
        assert_eq!(mase_scale(&[1.0, 5.0, 2.0], 0), Some(3.5));
        assert_eq!(mase_scale(&[1.0, 5.0, 1.0, 5.0], 2), None);
        assert_eq!(mase_scale(&[1.0, 5.0], 2), None);
    }
}
