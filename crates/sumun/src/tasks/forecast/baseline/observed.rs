//! A series as baselines read it, and as much of it as they are fitted to.

use std::ops::Range;

/// A series of which some values may not have been observed.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// One value a row.
    pub values: &'a [f64],
    /// Whether each was observed; all were where there is no mask. As long as the values.
    pub mask: Option<&'a [bool]>,
}

impl<'a> Observed<'a> {
    /// A series without holes.
    pub fn all(values: &'a [f64]) -> Self {
        Self { values, mask: None }
    }

    /// The value of a row; `None` where it was not observed, or lies outside the series.
    pub fn at(&self, row: usize) -> Option<f64> {
        let seen = self.mask.is_none_or(|mask| mask.get(row).copied().unwrap_or(false));
        self.values.get(row).copied().filter(|_| seen)
    }

    pub(super) fn known(&self, rows: Range<usize>) -> impl Iterator<Item = f64> + '_ {
        rows.filter_map(|row| self.at(row))
    }

    /// How many values of `rows` were observed.
    pub(super) fn count(&self, rows: Range<usize>) -> usize {
        self.known(rows).count()
    }
}

/// The most rows that Theta, ETS and ARIMA are fitted to, the newest ones: their constants hardly change with more.
pub(super) const MOST_FITTED: usize = 2000;

/// The newest of `rows`: as many as are fitted to, but four periods where there are.
pub(super) fn recent(rows: &Range<usize>, period: usize) -> Range<usize> {
    let count = rows.len().min(MOST_FITTED.max(period.saturating_mul(4)));
    rows.end - count..rows.end
}
