//! Windows over a series, and the places where a forecast can start.

use crate::{Error, Result};
use ndarray::{Array1, Array2};
use std::ops::Range;

/// Every run of `window` values with the value that follows it: inputs `[N, window]` and targets `[N]`, with
/// N = `values.len()` − `window`.
///
/// Error: a window of 0 or one that leaves no value to predict.
///
/// ```
/// let values = [100., 102., 105., 103., 108., 110., 107., 112., 115., 113.];
/// let (x, y) = sumun::data::sliding_windows(&values, 5)?;
/// assert_eq!(x.dim(), (5, 5));
/// assert_eq!(y.to_vec(), [110., 107., 112., 115., 113.]);
/// # Ok::<(), sumun::Error>(())
/// ```
pub fn sliding_windows(values: &[f64], window: usize) -> Result<(Array2<f64>, Array1<f64>)> {
    if window == 0 {
        return Err(Error::Invalid("a window of 0 values has nothing to learn from; use at least 1".into()));
    }
    if values.len() <= window {
        return Err(Error::Invalid(format!(
            "{} values are too few for a window of {window} and the value after it; use a window below {}",
            values.len(),
            values.len()
        )));
    }
    let count = values.len() - window;
    let x = Array2::from_shape_fn((count, window), |(i, t)| values[i + t]);
    let y = Array1::from_iter(values[window..].iter().copied());
    Ok((x, y))
}

/// The forecast origins of a series of `len` values: every place t, counted from 0, of a last known value that has
/// `window` values up to and with itself, and `horizon` values after it. Empty if the series is too short.
pub fn origins(len: usize, window: usize, horizon: usize) -> Range<usize> {
    origins_within(&(0..len), window, horizon)
}

/// The forecast origins whose targets t+1 … t+`horizon` are all in `part`; the inputs may reach back before it
/// (true history), but not before the series.
pub fn origins_within(part: &Range<usize>, window: usize, horizon: usize) -> Range<usize> {
    let first = part.start.saturating_sub(1).max(window.max(1) - 1);
    let end = part.end.saturating_sub(horizon);
    first..end.max(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_lesson() {
        let values = [100., 102., 105., 103., 108., 110., 107., 112., 115., 113.];
        let (x, y) = sliding_windows(&values, 5).unwrap();
        assert_eq!(x.row(0).to_vec(), [100., 102., 105., 103., 108.]);
        assert_eq!(x.row(4).to_vec(), [108., 110., 107., 112., 115.]);
        assert_eq!(y.to_vec(), [110., 107., 112., 115., 113.]);
        assert!(sliding_windows(&values, 0).is_err());
        assert!(sliding_windows(&values, 10).unwrap_err().to_string().starts_with("10 values are too few"));
    }

    proptest! {
        /// Against the definition, one place at a time.
        #[test]
        fn origins_are_all_and_only_those_that_fit(
            start in 0_usize..20, length in 0_usize..30, window in 1_usize..12, horizon in 1_usize..12,
        ) {
            let part = start..start + length;
            let fits = |&t: &usize| t + 1 >= window && t + 1 >= part.start && t + 1 + horizon <= part.end;
            let expected: Vec<_> = (0..60).filter(fits).collect();
            prop_assert_eq!(origins_within(&part, window, horizon).collect::<Vec<_>>(), expected);
        }
    }
}
