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

    /// Error unless the training part holds one window and one horizon, and validation and test, if they are not
    /// empty, for one horizon each (their windows reach back into the rows before them).
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
        for (name, share, part) in [("validation", "valid", &self.valid), ("test", "test", &self.test)] {
            if !part.is_empty() && part.len() < horizon {
                return Err(Error::Invalid(format!(
                    "the {name} part has {} of {rows} rows, but horizon {horizon} needs at least {horizon}",
                    part.len()
                ))
                .advise(
                    text("use a larger ") + key(share) + ", a smaller " + key("horizon") + ", or more data",
                ));
            }
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
    fn what_does_not_fit_is_explained() {
        let check =
            |len, window, horizon| Split::by_fractions(len, 0.1, 0.2).and_then(|s| s.check(window, horizon));
        assert!(check(144, 24, 12).is_ok());
        let cases = [
            (check(10, 5, 3), "the training part has 7 of 10 rows, but window 5 + horizon 3 need 8"),
            (check(20, 5, 3), "the validation part has 2 of 20 rows, but horizon 3 needs"),
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
