//! Simulated series beside what was measured: the efficiencies of hydrology.

use serde::Serialize;

use super::check_lengths;
use crate::{Error, Result};

/// The figures of simulated series.
///
/// The Nash–Sutcliffe efficiency of a series is 1 − Σ(y − ŷ)² / Σ(y − ȳ)² (Nash and Sutcliffe 1970), 0 for its own mean. The
/// Kling–Gupta efficiency is 1 − √((r − 1)² + (α − 1)² + (β − 1)²) with the correlation r, the ratio α of the deviations and β of
/// the means (Gupta et al. 2009); 1 − √2 for a constant of the right mean, whose correlation counts 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Simulation {
    /// How many series were measured.
    pub series: u64,
    /// How many values.
    pub count: u64,
    /// The median over the series of their Nash–Sutcliffe efficiencies; None where no series varies.
    pub nse: Option<f64>,
    /// Their mean.
    pub mean_nse: Option<f64>,
    /// The median over the series of their Kling–Gupta efficiencies; None where none can be said.
    pub kge: Option<f64>,
    /// The mean absolute error over all values.
    pub mae: f64,
    /// The root of the mean squared error over all values.
    pub rmse: f64,
}

impl Simulation {
    /// Of series, each as what was measured and what was simulated. Errors: no value, different lengths, and values that are not
    /// finite.
    pub fn of(series: &[(Vec<f64>, Vec<f64>)]) -> Result<Self> {
        let measured = || series.iter().filter(|(truth, _)| !truth.is_empty());
        let count: usize = measured().map(|(truth, _)| truth.len()).sum();
        check_lengths(count, series.iter().map(|(_, simulated)| simulated.len()).sum())?;
        let mut pairs = measured().flat_map(|(truth, simulated)| truth.iter().zip(simulated));
        if let Some((y, s)) = pairs.find(|(y, s)| !(y.is_finite() && s.is_finite())) {
            return Err(Error::Invalid(format!("{s} was simulated for {y}; both must be finite numbers")));
        }
        let errors =
            || measured().flat_map(|(truth, simulated)| truth.iter().zip(simulated)).map(|(y, s)| y - s);
        let nse: Vec<f64> = measured().filter_map(|(truth, simulated)| nse(truth, simulated)).collect();
        let kge: Vec<f64> = measured().filter_map(|(truth, simulated)| kge(truth, simulated)).collect();
        let mean_nse = (!nse.is_empty()).then(|| nse.iter().sum::<f64>() / nse.len() as f64);
        Ok(Self {
            series: measured().count() as u64,
            count: count as u64,
            nse: median(nse),
            mean_nse,
            kge: median(kge),
            mae: errors().map(f64::abs).sum::<f64>() / count as f64,
            rmse: (errors().map(|e| e * e).sum::<f64>() / count as f64).sqrt(),
        })
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some((values[middle - 1] + values[middle]) / 2.0),
        _ => Some(values[middle]),
    }
}

/// The mean and the standard deviation of a population; 0 of values that are all the same.
fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    if values.iter().all(|value| *value == values[0]) {
        return (values[0], 0.0);
    }
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt())
}

/// The Nash–Sutcliffe efficiency; None where what was measured does not vary.
pub fn nse(truth: &[f64], simulated: &[f64]) -> Option<f64> {
    if truth.is_empty() || truth.len() != simulated.len() {
        return None;
    }
    let (mean, deviation) = moments(truth);
    let squares: f64 = truth.iter().zip(simulated).map(|(y, s)| (y - s).powi(2)).sum();
    let variation: f64 = truth.iter().map(|y| (y - mean).powi(2)).sum();
    (deviation > 0.0).then(|| 1.0 - squares / variation)
}

/// The Kling–Gupta efficiency; None where what was measured does not vary, or has the mean 0.
pub fn kge(truth: &[f64], simulated: &[f64]) -> Option<f64> {
    if truth.is_empty() || truth.len() != simulated.len() {
        return None;
    }
    let ((mean, deviation), (of_simulated, spread)) = (moments(truth), moments(simulated));
    if deviation <= 0.0 || mean == 0.0 {
        return None;
    }
    let products: f64 = truth.iter().zip(simulated).map(|(y, s)| (y - mean) * (s - of_simulated)).sum();
    let r = if spread > 0.0 { products / truth.len() as f64 / (deviation * spread) } else { 0.0 };
    let (alpha, beta) = (spread / deviation, of_simulated / mean);
    Some(1.0 - ((r - 1.0).powi(2) + (alpha - 1.0).powi(2) + (beta - 1.0).powi(2)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand from the definitions in numpy: `1 - ((y - s) ** 2).sum() / ((y - y.mean()) ** 2).sum()`, and with
    /// `np.corrcoef`, `np.std` and `np.mean`.
    #[test]
    fn figures_are_those_of_the_definitions() {
        let truth = [1.0, 4.0, 2.0, 8.0, 3.0];
        let simulated = [1.5, 3.0, 2.5, 6.0, 3.0];
        assert!((nse(&truth, &simulated).unwrap() - 0.811_643_835_616_438_4).abs() < 1e-12);
        assert!((kge(&truth, &simulated).unwrap() - 0.605_817_264_323_864).abs() < 1e-12);
        let constant = [3.6; 5];
        assert!(nse(&truth, &constant).unwrap().abs() < 1e-12);
        assert!((kge(&truth, &constant).unwrap() - (1.0 - 2f64.sqrt())).abs() < 1e-12);
        assert_eq!((nse(&[2.0, 2.0], &[2.0, 3.0]), kge(&[-1.0, 1.0], &[0.0, 0.5])), (None, None));
        assert_eq!(nse(&[], &[]), None);
    }

    #[test]
    fn every_series_counts_once_in_the_median() {
        let good = (vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0]);
        let poor = (vec![1.0, 2.0, 3.0], vec![2.0, 2.0, 2.0]);
        let none = (Vec::new(), Vec::new());
        let found = Simulation::of(&[good.clone(), poor, none, good]).unwrap();
        assert_eq!((found.series, found.count, found.nse), (3, 9, Some(1.0)));
        assert!((found.mean_nse.unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert!((found.mae - 2.0 / 9.0).abs() < 1e-12);
        assert!(Simulation::of(&[(Vec::new(), Vec::new())]).is_err());
        assert!(Simulation::of(&[(vec![1.0], vec![f64::NAN])]).is_err());
    }
}
