//! How far a classifier is right in how sure it is.

use serde::Serialize;

use super::check_lengths;
use crate::{Error, Result};

/// Predictions that are about equally sure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// They are surer than this, from 0 to 1,
    pub above: f64,
    /// and at most as sure as this.
    pub up_to: f64,
    /// How many they are, at least 1.
    pub count: u64,
    /// How sure they are on average.
    pub confidence: f64,
    /// The share of them that is right.
    pub accuracy: f64,
}

/// How sure predictions are beside how often they are right (Guo, Pleiss, Sun & Weinberger, *On Calibration of Modern Neural
/// Networks*, ICML 2017).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// The expected calibration error: the difference of accuracy and mean confidence, without its sign, averaged over the bins,
    /// each as much as it has predictions.
    pub calibration_error: f64,
    /// The bins with predictions, from the least sure on, each a tenth of what there may be.
    pub bins: Vec<ReliabilityBin>,
}

/// More bins than these hold a handful of a part of some hundred records each.
const BINS: usize = 10;

impl Reliability {
    /// Of how sure each prediction is, from 0 to 1, and whether it is right. Errors: another number of the one than of the other,
    /// none at all, and what is no probability.
    pub fn of(confidences: &[f64], right: &[bool]) -> Result<Self> {
        check_lengths(right.len(), confidences.len())?;
        let mut sums = [(0_u64, 0.0, 0_u64); BINS];
        for (at, (&confidence, &right)) in confidences.iter().zip(right).enumerate() {
            if !(0.0..=1.0).contains(&confidence) {
                return Err(Error::Invalid(format!(
                    "confidence {at} is {confidence}; it must be between 0 and 1"
                )));
            }
            let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            let (count, sum, hits) = &mut sums[bin];
            *count += 1;
            *sum += confidence;
            *hits += u64::from(right);
        }
        let edge = |bin: usize| bin as f64 / BINS as f64;
        let bin = |(bin, (count, sum, hits)): (usize, (u64, f64, u64))| ReliabilityBin {
            above: edge(bin),
            up_to: edge(bin + 1),
            count,
            confidence: sum / count as f64,
            accuracy: hits as f64 / count as f64,
        };
        let bins: Vec<_> = sums.into_iter().enumerate().filter(|(_, sums)| sums.0 > 0).map(bin).collect();
        let gap = |bin: &ReliabilityBin| bin.count as f64 * (bin.accuracy - bin.confidence).abs();
        let calibration_error = bins.iter().map(gap).sum::<f64>() / right.len() as f64;
        Ok(Self { calibration_error, bins })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_and_their_error_are_those_of_the_definition() {
        let confidences = [0.3, 0.95, 0.85, 1.0, 0.91, 0.22, 0.28];
        let right = [true, true, false, true, false, false, true];
        let found = Reliability::of(&confidences, &right).unwrap();
        let expected = [(0.2, 3, 0.8 / 3.0, 2.0 / 3.0), (0.8, 1, 0.85, 0.0), (0.9, 3, 2.86 / 3.0, 2.0 / 3.0)];
        assert_eq!(found.bins.len(), expected.len(), "{found:?}");
        for (bin, (above, count, confidence, accuracy)) in found.bins.iter().zip(expected) {
            assert_eq!((bin.above, bin.count), (above, count), "{bin:?}");
            assert!((bin.confidence - confidence).abs() < 1e-12 && (bin.accuracy - accuracy).abs() < 1e-12);
            assert!((bin.up_to - above - 0.1).abs() < 1e-12);
        }
        let error = (3.0 * (0.4) + 0.85 + 3.0 * (2.86 / 3.0 - 2.0 / 3.0)) / 7.0;
        assert!((found.calibration_error - error).abs() < 1e-12, "{found:?} {error}");
        // Half of those that are half sure.
        let even = Reliability::of(&[0.5; 4], &[true, false, true, false]).unwrap();
        assert_eq!((even.calibration_error, even.bins.len()), (0.0, 1));
        assert_eq!(Reliability::of(&[0.0], &[false]).unwrap().bins[0].above, 0.0);
    }

    #[test]
    fn what_is_no_confidence_is_refused() {
        let error = |confidences: &[f64], right: &[bool]| {
            Reliability::of(confidences, right).unwrap_err().to_string()
        };
        assert!(error(&[], &[]).starts_with("0 predictions for 0 true values"));
        assert!(error(&[0.5], &[true, false]).starts_with("1 predictions for 2 true values"));
        for wrong in [-0.1, 1.1, f64::NAN] {
            let expected = format!("confidence 1 is {wrong}; it must be between 0 and 1");
            assert_eq!(error(&[0.5, wrong], &[true; 2]), expected);
        }
    }
}
