//! Softmax of a row of logits, and the logarithm of its divisor: what a cross-entropy is made of.

use crate::bodies::softmax::SoftmaxRow;
use crate::words::{Error, Path};

/// ln Σ exp(logits), which overflows for no logits. −∞ of no logits, NaN where one is.
pub fn log_sum_exp(path: Path, logits: &[f32]) -> Result<f64, Error> {
    if path == Path::Reference {
        let largest = largest(logits);
        let sum: f64 = logits.iter().map(|z| f64::from((z - largest).exp())).sum();
        return Ok(sum.ln() + f64::from(largest));
    }
    let (logits, len) = (logits.as_ptr(), logits.len());
    run(path, SoftmaxRow { logits, len, to: std::ptr::null_mut(), weight: 1.0, log_sum: 0.0 })
}

/// Replaces logits by weight·softmax(logits), and gives [`log_sum_exp`] of what they were, to the bit. Shares below 2⁻⁹⁵
/// of the largest are 0, but for the reference path.
pub fn softmax(path: Path, row: &mut [f32], weight: f64) -> Result<f64, Error> {
    if path == Path::Reference {
        let largest = largest(row);
        let mut sum = 0.0;
        for z in row.iter_mut() {
            *z = (*z - largest).exp();
            sum += f64::from(*z);
        }
        let scale = (weight / sum) as f32;
        row.iter_mut().for_each(|share| *share *= scale);
        return Ok(sum.ln() + f64::from(largest));
    }
    let (to, len) = (row.as_mut_ptr(), row.len());
    run(path, SoftmaxRow { logits: to, len, to, weight, log_sum: 0.0 })
}

fn largest(logits: &[f32]) -> f32 {
    logits.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

fn run(path: Path, mut row: SoftmaxRow) -> Result<f64, Error> {
    let kernels = path.kernels()?;
    // SAFETY: the processor has the path's instruction set; the pointers are those of slices of this length.
    unsafe { (kernels.softmax)(&mut row) };
    Ok(row.log_sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> impl Iterator<Item = Path> {
        Path::ALL.into_iter().filter(|path| path.is_available())
    }

    /// Against the definition in double precision, for rows of all lengths and logits of all sizes.
    #[test]
    fn rows_agree_with_the_definition() {
        for len in (1..70).chain([511, 512, 513, 1031, 10_000]) {
            for size in [0.0, 1.0, 30.0, 1000.0] {
                let at = |k: usize| ((k * 7919 + len) % 1009) as f32 / 504.5 - 1.5;
                let logits: Vec<f32> = (0..len).map(|k| at(k) * size).collect();
                let exact: f64 = logits.iter().map(|&z| (f64::from(z) - f64::from(logits[0])).exp()).sum();
                let exact = if size < 1000.0 { exact.ln() + f64::from(logits[0]) } else { f64::NAN };
                for path in paths() {
                    let log_sum = log_sum_exp(path, &logits).unwrap();
                    let mut shares = logits.clone();
                    let same = softmax(path, &mut shares, 2.5).unwrap();
                    assert_eq!(same.to_bits(), log_sum.to_bits(), "{path}");
                    if !exact.is_nan() {
                        let difference = (log_sum - exact).abs();
                        assert!(difference < 1e-6, "{path}, {len} of {size}: {log_sum} for {exact}");
                    }
                    for (&z, &share) in logits.iter().zip(&shares) {
                        let expected = 2.5 * (f64::from(z) - log_sum).exp();
                        let difference = (f64::from(share) - expected).abs();
                        // The difference to the largest logit is rounded before it is an exponent.
                        let bound = 1e-6 + 1.2e-7 * (f64::from(z) - log_sum).abs();
                        assert!(
                            difference <= bound * expected + 1e-28,
                            "{path}, {len}: {share} for {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn infinities_and_what_is_not_a_number_are_as_defined() {
        for path in paths() {
            for len in [3, 16, 37] {
                let mut row = vec![1.0; len];
                row[len - 1] = f32::NEG_INFINITY;
                let log_sum = softmax(path, &mut row, 1.0).unwrap();
                assert!((log_sum - 1.0 - (len as f64 - 1.0).ln()).abs() < 1e-6, "{path} {len}: {log_sum}");
                assert_eq!(row[len - 1], 0.0);
                for odd in [f32::NAN, f32::INFINITY] {
                    let mut row = vec![1.0; len];
                    row[len / 2] = odd;
                    assert!(log_sum_exp(path, &row).unwrap().is_nan(), "{path} {len} {odd}");
                }
                let none = vec![f32::NEG_INFINITY; len];
                assert!(log_sum_exp(path, &none).unwrap().is_nan(), "{path} {len}");
            }
        }
    }
}
