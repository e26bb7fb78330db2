//! Cutting a series into training, validation and test parts by time.

use crate::message::{key, text};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Three consecutive parts of the rows of a series: the past to learn from, then what decides when to stop, then
/// what is only measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Rows for fitting: weights, scalers, season.
    pub train: Range<usize>,
    /// Rows for decisions: early stopping, choices between options.
    pub valid: Range<usize>,
    /// Rows for the final score.
    pub test: Range<usize>,
}

/// One of the three parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The first rows.
    Train,
    /// The rows after those.
    Valid,
    /// The last rows.
    Test,
}

/// Guards the floor against 0.7 + 0.1 < 0.8.
const ROUNDING: f64 = 1e-9;

/// The shares of rows where nothing else is said.
const USUAL_VALID: f64 = 0.1;
const USUAL_TEST: f64 = 0.2;
/// The fewest windows that a short series keeps to learn from.
const FEWEST_WINDOWS: usize = 8;
/// The fewest values of a horizon that a validation part decides by.
const FEWEST_DECIDING: usize = 4;

impl Split {
    /// Splits `len` rows: the last `test` share for the test, the `valid` share before it, the rest for training.
    /// Both borders are rounded down: 144 rows with 0.1 and 0.2 give 100, 15 and 29.
    ///
    /// Errors: shares outside 0 ≤ share < 1 or together 1 or more; a share above 0 that gets no row.
    pub fn by_fractions(len: usize, valid: f64, test: f64) -> Result<Self> {
        let (valid_key, test_key) = (key("valid"), key("test"));
        for (key, share) in [(valid_key, valid), (test_key, test)] {
            if !(0.0..1.0).contains(&share) {
                return Err(Error::setting(key, share, "a share of at least 0 and below 1"));
            }
        }
        if valid + test > 1.0 - ROUNDING {
            return Err(Error::Settings(
                valid_key.to(valid)
                    + " and "
                    + test_key.to(test)
                    + " leave nothing to train on; they must be below 1 together",
            ));
        }
        let border = |share: f64| ((share * len as f64 + ROUNDING).floor() as usize).min(len);
        let split = Self::at(len, border(1.0 - valid - test), border(1.0 - test))?;
        for (key, share, part) in [(valid_key, valid, &split.valid), (test_key, test, &split.test)] {
            if share > 0.0 && part.is_empty() {
                return Err(Error::Settings(
                    key.to(share)
                        + format!(" of {len} rows is less than one row; give a larger share or more rows"),
                ));
            }
        }
        Ok(split)
    }

    /// Splits `len` rows for forecasts of `horizon` steps from windows of `window` rows at least, where a share that is `None`
    /// is left open. It is the usual one, .1 for validation and .2 for the test, where the parts then hold a horizon each
    /// and the training part a window and a horizon.
    /// In a series that is shorter, parts that are left open have one horizon (their origins overlap: each row
    /// before the last begins another forecast), if the training part keeps a few windows; else the validation part has
    /// fewer rows, or none, and last the test part has none. Errors as [`Split::by_fractions`].
    pub fn sized(
        len: usize,
        valid: Option<f64>,
        test: Option<f64>,
        window: usize,
        horizon: usize,
    ) -> Result<Self> {
        // A usual share that is less than a row is no part, and no error.
        let share = |given: Option<f64>, usual: f64| {
            given.unwrap_or(if usual * len as f64 >= 1.0 { usual } else { 0.0 })
        };
        let usual = Self::by_fractions(len, share(valid, USUAL_VALID), share(test, USUAL_TEST))?;
        let holds = |part: &Range<usize>, open: bool| !open || part.len() >= horizon;
        let (open_valid, open_test) = (valid.is_none(), test.is_none());
        let least = window.saturating_add(horizon);
        if usual.train.len() >= least && holds(&usual.valid, open_valid) && holds(&usual.test, open_test) {
            return Ok(usual);
        }
        let least = least.saturating_add(FEWEST_WINDOWS - 1);
        let (mut for_valid, mut for_test) = (usual.valid.len(), usual.test.len());
        if open_test {
            for_test = for_test.max(horizon);
        }
        if open_valid {
            for_valid = for_valid.max(horizon);
        }
        // What is left for parts that are open, without those that are given.
        let spare = |given: usize| len.saturating_sub(least).saturating_sub(given);
        if open_test && for_test > spare(if open_valid { 0 } else { for_valid }) {
            for_test = 0;
        }
        if open_valid {
            let room = spare(for_test);
            for_valid = for_valid.min(room);
            // Fewer values decide by chance.
            if for_valid < FEWEST_DECIDING.min(horizon) {
                for_valid = 0;
            }
        }
        let held = for_valid.saturating_add(for_test).min(len);
        Self::at(len, len - held, len - for_test.min(len))
    }

    /// The shares with which [`Split::by_fractions`] gives these parts: validation and test.
    pub fn shares(&self) -> (f64, f64) {
        let len = self.test.end;
        if Self::by_fractions(len, USUAL_VALID, USUAL_TEST).is_ok_and(|usual| usual == *self) {
            return (USUAL_VALID, USUAL_TEST);
        }
        let share = |part: &Range<usize>| part.len() as f64 / len.max(1) as f64;
        (share(&self.valid), share(&self.test))
    }

    /// Splits `len` rows before the rows `train_end` and `valid_end`. Error: borders out of order.
    pub fn at(len: usize, train_end: usize, valid_end: usize) -> Result<Self> {
        if train_end > valid_end || valid_end > len {
            return Err(Error::Invalid(format!(
                "a split at rows {train_end} and {valid_end} of {len} is out of order; borders must rise"
            )));
        }
        Ok(Self { train: 0..train_end, valid: train_end..valid_end, test: valid_end..len })
    }

    /// The rows of one part.
    pub fn part(&self, part: Part) -> &Range<usize> {
        match part {
            Part::Train => &self.train,
            Part::Valid => &self.valid,
            Part::Test => &self.test,
        }
    }

    /// Error unless the training part holds one window and one horizon, and the test part, if it is not empty, one horizon
    /// (its windows reach back into the rows before it). A validation part may be shorter: every value in it decides.
    pub fn check(&self, window: usize, horizon: usize) -> Result<()> {
        let rows = self.test.end;
        let train = self.train.len();
        if train < window.saturating_add(horizon) {
            return Err(Error::Invalid(format!(
                "the training part has {train} of {rows} rows, but window {window} + horizon {horizon} need {}",
                window.saturating_add(horizon)
            ))
            .advise(text("use a smaller ") + key("window") + " or " + key("horizon") + ", or more data"));
        }
        self.check_test(horizon)
    }

    /// Error if there is a test part without room for one horizon.
    pub(crate) fn check_test(&self, horizon: usize) -> Result<()> {
        let rows = self.test.end;
        if !self.test.is_empty() && self.test.len() < horizon {
            return Err(Error::Invalid(format!(
                "the test part has {} of {rows} rows, but horizon {horizon} needs at least {horizon}",
                self.test.len()
            ))
            .advise(
                text("use a larger ")
                    + key("test")
                    + " or none, a smaller "
                    + key("horizon")
                    + ", or more data",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_are_rounded_down() {
        for (len, valid, test, expected) in [
            (3600, 0.1, 0.2, (2520, 2880)),
            (144, 0.1, 0.2, (100, 115)),
            (732, 0.1, 0.2, (512, 585)),
            (10, 0.1, 0.2, (7, 8)),
            (1000, 0.15, 0.15, (700, 850)),
            (10, 0.0, 0.0, (10, 10)),
        ] {
            let split = Split::by_fractions(len, valid, test).unwrap();
            assert_eq!((split.train.end, split.valid.end, split.test.end), (expected.0, expected.1, len));
        }
    }

    #[test]
    fn short_series_hold_out_what_they_can() {
        for (len, valid, test, window, horizon, expected) in [
            // Long enough: the usual shares.
            (3600, None, None, 4, 24, [2520, 360, 720]),
            (144, None, None, 4, 12, [100, 15, 29]),
            // One horizon each, then fewer values to decide, then none, then nothing to measure.
            (116, None, None, 4, 18, [74, 18, 24]),
            (70, None, None, 4, 18, [34, 18, 18]),
            (60, None, None, 4, 18, [29, 13, 18]),
            (50, None, None, 4, 18, [32, 0, 18]),
            (40, None, None, 4, 18, [29, 11, 0]),
            (30, None, None, 4, 18, [30, 0, 0]),
            (20, None, None, 4, 18, [20, 0, 0]),
            (20, None, None, 4, 1, [14, 2, 4]),
            (3, None, None, 4, 1, [3, 0, 0]),
            (0, None, None, 4, 1, [0, 0, 0]),
            // What is given stays.
            (50, Some(0.2), None, 4, 18, [40, 10, 0]),
            (60, Some(0.0), None, 4, 18, [42, 0, 18]),
            (60, None, Some(0.5), 4, 18, [30, 0, 30]),
        ] {
            let split = Split::sized(len, valid, test, window, horizon).unwrap();
            let rows = [&split.train, &split.valid, &split.test].map(Range::len);
            assert_eq!(rows, expected, "{len} {valid:?} {test:?} {horizon}");
            assert_eq!(rows.iter().sum::<usize>(), len);
            let (valid, test) = split.shares();
            assert_eq!(Split::by_fractions(len, valid, test).unwrap(), split, "{valid} {test}");
        }
        assert!(
            Split::sized(3, Some(0.1), Some(0.2), 4, 1)
                .unwrap_err()
                .to_string()
                .contains("less than one row")
        );
    }

    #[test]
    fn what_does_not_fit_is_explained() {
        let check =
            |len, window, horizon| Split::by_fractions(len, 0.1, 0.2).and_then(|s| s.check(window, horizon));
        assert!(check(144, 24, 12).is_ok());
        let cases = [
            (check(10, 5, 3), "the training part has 7 of 10 rows, but window 5 + horizon 3 need 8"),
            (check(20, 5, 6), "the test part has 4 of 20 rows, but horizon 6 needs at least 6"),
            (check(20, usize::MAX, 3), "the training part has 14 of 20 rows"),
            (check(3, 1, 1), "valid = 0.1 of 3 rows is less than one row"),
            (Split::by_fractions(9, 0.5, 0.5).map(drop), "valid = 0.5 and test = 0.5 leave nothing"),
            (Split::by_fractions(9, -0.1, 0.5).map(drop), "valid is -0.1; it must be a share"),
            (Split::by_fractions(9, 0.1, f64::NAN).map(drop), "test is NaN; it must be a share"),
            (Split::at(9, 5, 4).map(drop), "a split at rows 5 and 4 of 9 is out of order"),
        ];
        for (result, expected) in cases {
            let message = result.unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
