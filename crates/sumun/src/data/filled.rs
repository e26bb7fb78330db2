//! Columns with values filled in, and what of them was known at a row.

use std::borrow::Cow;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// Which rows of a column were filled in, and what the rows before them alone say of them.
///
/// A straight line between two values knows the later of them: at a row between the two, nobody could have drawn it. A
/// forecast from there must see the last value that was read, and only forecasts from behind the line may see the line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Imputed {
    /// How many rows ago a value was last read, `[rows]`: 0 where the row has one.
    pub since: Vec<usize>,
    /// The last value that was read up to each row, `[rows]`.
    pub carried: Vec<f64>,
}

/// A column with a number in every row, some of which may be filled in. It reads as a slice of the numbers as they are
/// known at the end of the column; [`at`](Self::at) says what was known earlier.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Filled {
    /// `[rows]`.
    values: Vec<f64>,
    /// `None` where nothing is filled in.
    imputed: Option<Imputed>,
}

impl Deref for Filled {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.values
    }
}

impl From<Vec<f64>> for Filled {
    fn from(values: Vec<f64>) -> Self {
        Self { values, imputed: None }
    }
}

impl Filled {
    /// Values, and which of them are filled in. Both have as many rows.
    pub(crate) fn new(values: Vec<f64>, imputed: Option<Imputed>) -> Self {
        Self { values, imputed }
    }

    /// Fills every missing value: with the last before it, or with a straight line where there is one behind it as well and
    /// `straight` asks for it. `before` is the last value before the first row, and how many rows before it.
    pub(crate) fn fill(values: &[Option<f64>], straight: bool, before: (f64, usize)) -> Self {
        let mut filled = Vec::with_capacity(values.len());
        let mut imputed = Imputed { since: Vec::with_capacity(values.len()), carried: Vec::new() };
        let (mut last, mut since) = before;
        since -= 1;
        for (row, &value) in values.iter().enumerate() {
            since += 1;
            if let Some(value) = value {
                if straight {
                    // Rows of the hole, which began `since` rows ago, perhaps before the first.
                    for k in row.saturating_sub(since - 1)..row {
                        let share = (since - (row - k)) as f64 / since as f64;
                        filled[k] = last * (1.0 - share) + value * share;
                    }
                }
                (last, since) = (value, 0);
            }
            filled.push(last);
            imputed.since.push(since);
            imputed.carried.push(last);
        }
        let complete = imputed.since.iter().all(|&since| since == 0);
        Self { values: filled, imputed: (!complete).then_some(imputed) }
    }

    /// The values as they are known at the end, and which of them are filled in.
    pub(crate) fn into_parts(self) -> (Vec<f64>, Option<Imputed>) {
        (self.values, self.imputed)
    }

    /// Which rows are filled in.
    pub(crate) fn imputed(&self) -> Option<&Imputed> {
        self.imputed.as_ref()
    }

    /// Whether any row is filled in.
    pub(crate) fn has_holes(&self) -> bool {
        self.imputed.is_some()
    }

    /// How many rows ago a value was last read: 0 where this row has one.
    pub(crate) fn since(&self, row: usize) -> usize {
        self.imputed.as_ref().map_or(0, |imputed| imputed.since[row])
    }

    /// Whether the row's value was read, not filled in.
    pub(crate) fn is_observed(&self, row: usize) -> bool {
        self.since(row) == 0
    }

    /// Whether each row's value was read; `None` where all were.
    pub(crate) fn mask(&self) -> Option<Vec<bool>> {
        let imputed = self.imputed.as_ref()?;
        Some(imputed.since.iter().map(|&since| since == 0).collect())
    }

    /// The value of `row` as it is known at `origin`, a row at or behind it: no row behind the origin touches it.
    pub(crate) fn at(&self, row: usize, origin: usize) -> f64 {
        self.late(row, origin).unwrap_or(self.values[row])
    }

    /// [`at`](Self::at), where rows behind the origin have changed the value since.
    pub(crate) fn late(&self, row: usize, origin: usize) -> Option<f64> {
        let imputed = self.imputed.as_ref()?;
        // A row at or before the last value that was read lies between values that are known.
        (origin - row < imputed.since[origin]).then(|| imputed.carried[origin])
    }

    /// The values of `rows` that were read.
    pub(crate) fn observed(&self, rows: std::ops::Range<usize>) -> Cow<'_, [f64]> {
        match &self.imputed {
            None => Cow::Borrowed(&self.values[rows]),
            Some(_) => rows.filter(|&row| self.is_observed(row)).map(|row| self.values[row]).collect(),
        }
    }

    /// The values of `rows`, NaN where one was filled in.
    pub(crate) fn seen(&self, rows: std::ops::Range<usize>) -> Cow<'_, [f64]> {
        let seen = |row| if self.is_observed(row) { self.values[row] } else { f64::NAN };
        match &self.imputed {
            None => Cow::Borrowed(&self.values[rows]),
            Some(_) => rows.map(seen).collect(),
        }
    }

    /// How many of `rows` are filled in.
    pub(crate) fn holes(&self, rows: std::ops::Range<usize>) -> usize {
        self.imputed.as_ref().map_or(0, |imputed| imputed.since[rows].iter().filter(|&&n| n > 0).count())
    }

    /// The same rows, each number changed alike; `change` says how.
    pub(crate) fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        let all = |values: &[f64]| values.iter().map(|&value| change(value)).collect();
        let imputed = self
            .imputed
            .as_ref()
            .map(|Imputed { since, carried }| Imputed { since: since.clone(), carried: all(carried) });
        Self { values: all(&self.values), imputed }
    }

    /// Adds a row with a value.
    pub(crate) fn push(&mut self, value: f64) {
        self.values.push(value);
        if let Some(imputed) = &mut self.imputed {
            imputed.since.push(0);
            imputed.carried.push(value);
        }
    }

    /// Adds rows without a value, which repeat the last.
    pub(crate) fn carry(&mut self, rows: usize) {
        let Some(&last) = self.values.last().filter(|_| rows > 0) else { return };
        let since = self.since(self.values.len() - 1);
        let last = self.imputed.as_ref().and_then(|imputed| imputed.carried.last().copied()).unwrap_or(last);
        let imputed = Imputed { since: (since + 1..=since + rows).collect(), carried: vec![last; rows] };
        self.append(Self { values: vec![last; rows], imputed: Some(imputed) });
    }

    /// Takes `other` for the rows behind these.
    pub(crate) fn append(&mut self, other: Self) {
        if self.imputed.is_some() || other.imputed.is_some() {
            let complete =
                |values: &[f64]| Imputed { since: vec![0; values.len()], carried: values.to_vec() };
            let mut all = self.imputed.take().unwrap_or_else(|| complete(&self.values));
            let more = other.imputed.unwrap_or_else(|| complete(&other.values));
            all.since.extend(more.since);
            all.carried.extend(more.carried);
            self.imputed = Some(all);
        }
        self.values.extend(other.values);
    }

    /// These rows alone.
    pub(crate) fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        let imputed = self.imputed.as_ref().map(|Imputed { since, carried }| Imputed {
            since: since[rows.clone()].to_vec(),
            carried: carried[rows.clone()].to_vec(),
        });
        let imputed = imputed.filter(|imputed| imputed.since.iter().any(|&since| since > 0));
        Self { values: self.values[rows].to_vec(), imputed }
    }
}
