//! What to do about values and rows that are not there.

use super::frequency::Frequency;
use super::grid::Grid;
use super::names::quoted;
use super::time::{TimeFormat, Timestamp};
use crate::message::{Message, key, text};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use sumun_nn::named;

/// What to do about missing values and about time steps that have no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Stop and say what is missing.
    #[default]
    Error,
    /// Insert the missing steps and repeat the last value.
    Ffill,
    /// Insert the missing steps and draw a straight line between the neighbours.
    Interpolate,
    /// Take out rows with a missing value and treat the rest as if neighbours were one step apart. Gaps in time
    /// stay out: daily seasons may shift after one.
    Drop,
}

named!(Missing, "missing", Error = "error", Ffill = "ffill", Interpolate = "interpolate", Drop = "drop");

/// The time column of [`Rows`].
#[derive(Debug, Clone)]
pub(crate) struct Times {
    pub(crate) column: String,
    pub(crate) values: Vec<Timestamp>,
    pub(crate) format: TimeFormat,
    /// `None` if there are too few rows to find one.
    pub(crate) frequency: Option<Frequency>,
}

/// Rows as they were read, with values and steps missing.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) source: String,
    /// The row number in the file.
    pub(crate) lines: Vec<usize>,
    pub(crate) times: Option<Times>,
    /// Name and one value a row.
    pub(crate) columns: Vec<(String, Vec<Option<f64>>)>,
}

/// Rows without anything missing.
#[derive(Debug, Clone)]
pub(crate) struct Complete {
    pub(crate) times: Option<Times>,
    pub(crate) columns: Vec<(String, Vec<f64>)>,
    /// What was done, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// The advice in errors about missing values or steps.
fn policies() -> Message {
    text("choose ")
        + key("missing").to("ffill")
        + " (repeat the last value), interpolate (draw a straight line) or drop (treat the rows around as neighbours)"
}

/// Inserting more steps than this many times the rows is refused: the frequency is then hardly right.
const MOST_INSERTED: usize = 10;

impl Rows {
    /// Applies `policy` to gaps in time, then to missing values. Errors: times that repeat or go back (always),
    /// odd spacings (unless dropping), anything missing under [`Missing::Error`], and missing values at an end
    /// that the policy cannot fill.
    pub(crate) fn complete(mut self, policy: Missing) -> Result<Complete> {
        let mut notes = Vec::new();
        if let Some(Times { column, values, format, frequency: Some(frequency) }) = &self.times {
            let grid = Grid::inspect(&self.source, column, format, &self.lines, values, frequency)?;
            if let Some(&at) = grid.odd.first()
                && policy != Missing::Drop
            {
                return Err(self.odd_spacing(at, grid.odd.len(), frequency));
            }
            if !grid.gaps.is_empty() {
                match policy {
                    Missing::Error => {
                        let what = self.describe_gaps(&grid, frequency);
                        return Err(self.fail(&what).advise(policies()));
                    }
                    Missing::Drop => {
                        notes.push(format!("{}, treated as neighbours", self.describe_gaps(&grid, frequency)))
                    }
                    Missing::Ffill | Missing::Interpolate => {
                        notes.push(format!("{}, filled in ({policy})", self.describe_gaps(&grid, frequency)));
                        let frequency = *frequency;
                        self.insert(&grid, &frequency)?;
                    }
                }
            }
            if let Some(&at) = grid.odd.first() {
                notes.push(format!(
                    "uneven spacing in {} places, first at row {}, treated as neighbours",
                    grid.odd.len(),
                    self.lines[at]
                ));
            }
        } else if let Some(Times { column, values, format, .. }) = &self.times {
            super::grid::check_order(&self.source, column, format, &self.lines, values)?;
        }
        match policy {
            Missing::Error => self.refuse_missing_values()?,
            Missing::Drop => self.drop_rows(&mut notes)?,
            Missing::Ffill | Missing::Interpolate => self.fill(policy, &mut notes)?,
        }
        let columns = self
            .columns
            .into_iter()
            .map(|(name, values)| (name, values.into_iter().flatten().collect()))
            .collect();
        Ok(Complete { times: self.times, columns, notes })
    }

    /// Puts the rows, whose times are in order already, into the order of `places`.
    pub(crate) fn reorder(&mut self, places: &[usize]) {
        self.lines = places.iter().map(|&place| self.lines[place]).collect();
        for (_, values) in &mut self.columns {
            *values = places.iter().map(|&place| values[place]).collect();
        }
    }

    fn fail(&self, message: &str) -> Error {
        Error::Data(format!("{}: {message}", self.source))
    }

    /// `row 7 (2010-03-14 01:00)`, for a row that stands in the file.
    fn row(&self, i: usize) -> String {
        match &self.times {
            Some(times) => format!("row {} ({})", self.lines[i], times.format.print(&times.values[i])),
            None => format!("row {}", self.lines[i]),
        }
    }

    fn describe_gaps(&self, grid: &Grid, frequency: &Frequency) -> String {
        let first = grid.gaps[0].before;
        let places = match grid.gaps.len() {
            1 => String::new(),
            n => format!("in {n} places, first "),
        };
        format!(
            "{} missing {places}between {} and {}",
            frequency.count(grid.missing()),
            self.row(first - 1),
            self.row(first)
        )
    }

    fn odd_spacing(&self, at: usize, count: usize, frequency: &Frequency) -> Error {
        let places = if count == 1 { "in 1 place".into() } else { format!("in {count} places") };
        self.fail(&format!(
            "the times are mostly {frequency}, but the spacing is uneven {places}, first between {} and {}",
            self.row(at - 1),
            self.row(at)
        ))
        .advise(
            text("correct the times, resample the file to even steps, or treat all rows as neighbours with ")
                + key("missing").to("drop"),
        )
    }

    /// Puts a row without values at every missing step.
    fn insert(&mut self, grid: &Grid, frequency: &Frequency) -> Result<()> {
        let (rows, missing) = (self.lines.len(), grid.missing());
        if missing > rows.saturating_mul(MOST_INSERTED) {
            let what = self.describe_gaps(grid, frequency);
            return Err(self
                .fail(&format!("{what}: too many to fill in for {rows} rows"))
                .advise(text("correct the times or choose ") + key("missing").to("drop")));
        }
        let Some(times) = &mut self.times else { return Ok(()) };
        let mut gaps = grid.gaps.iter().peekable();
        let mut old_places = Vec::with_capacity(rows + missing);
        let mut new_times = Vec::with_capacity(rows + missing);
        for i in 0..rows {
            if let Some(gap) = gaps.next_if(|gap| gap.before == i) {
                for k in 1..=gap.missing {
                    old_places.push(None);
                    new_times.push(frequency.advance(&times.values[i - 1], k as i64)?);
                }
            }
            old_places.push(Some(i));
            new_times.push(times.values[i]);
        }
        times.values = new_times;
        for (_, values) in &mut self.columns {
            *values = old_places.iter().map(|place| place.and_then(|i| values[i])).collect();
        }
        // An inserted row is named by the row before it, in case a message needs it.
        let mut line = self.lines[0];
        let lines = old_places.iter().map(|place| {
            line = place.map_or(line, |i| self.lines[i]);
            line
        });
        self.lines = lines.collect();
        Ok(())
    }

    fn refuse_missing_values(&self) -> Result<()> {
        for (name, values) in &self.columns {
            let count = values.iter().filter(|v| v.is_none()).count();
            if let Some(first) = values.iter().position(Option::is_none) {
                let what = format!(
                    "{} missing in column {}, {}{}",
                    values_text(count),
                    quoted(name),
                    if count == 1 { "in " } else { "first in " },
                    self.row(first)
                );
                return Err(self.fail(&what).advise(policies()));
            }
        }
        Ok(())
    }

    fn drop_rows(&mut self, notes: &mut Vec<String>) -> Result<()> {
        let rows = self.lines.len();
        let keep: Vec<bool> =
            (0..rows).map(|i| self.columns.iter().all(|(_, values)| values[i].is_some())).collect();
        let dropped = keep.iter().filter(|&&k| !k).count();
        if dropped == rows {
            return Err(self
                .fail("every row lacks a value in one of the columns")
                .advise(text("leave columns out, or choose ") + key("missing").to("interpolate")));
        }
        if dropped > 0 {
            let first = keep.iter().position(|&k| !k).unwrap_or(0);
            let rows_text = if dropped == 1 { "1 row".into() } else { format!("{dropped} rows") };
            notes.push(format!("dropped {rows_text} with missing values, first {}", self.row(first)));
            retain(&mut self.lines, &keep);
            if let Some(times) = &mut self.times {
                retain(&mut times.values, &keep);
            }
            for (_, values) in &mut self.columns {
                retain(values, &keep);
            }
        }
        Ok(())
    }

    fn fill(&mut self, policy: Missing, notes: &mut Vec<String>) -> Result<()> {
        for c in 0..self.columns.len() {
            let (name, values) = &self.columns[c];
            let missing = values.iter().filter(|v| v.is_none()).count();
            if missing == 0 {
                continue;
            }
            let (Some(first), Some(last)) =
                (values.iter().position(Option::is_some), values.iter().rposition(Option::is_some))
            else {
                return Err(
                    self.fail(&format!("column {} has no value at all; choose another column", quoted(name)))
                );
            };
            if first > 0 {
                return Err(self
                    .fail(&format!(
                        "column {} begins with {} missing (up to {}), and {policy} has nothing before them",
                        quoted(name),
                        values_text(first),
                        self.row(first - 1),
                    ))
                    .advise(text("remove these rows or choose ") + key("missing").to("drop")));
            }
            if policy == Missing::Interpolate && last + 1 < values.len() {
                let what = format!(
                    "column {} ends with {} missing (from {}), and interpolate has nothing after them",
                    quoted(name),
                    values_text(values.len() - last - 1),
                    self.row(last + 1),
                );
                let choose = text("remove these rows or choose ") + key("missing").to("ffill") + " or drop";
                return Err(self.fail(&what).advise(choose));
            }
            notes.push(format!("filled {} of column {} ({policy})", values_text(missing), quoted(name)));
            fill_column(&mut self.columns[c].1, policy);
        }
        Ok(())
    }
}

/// Fills every `None` after the first value; a straight line needs a value on both sides.
fn fill_column(values: &mut [Option<f64>], policy: Missing) {
    let mut last: Option<(usize, f64)> = None;
    for i in 0..values.len() {
        let Some((at, before)) = last else {
            last = values[i].map(|v| (i, v));
            continue;
        };
        match values[i] {
            Some(value) => {
                if policy == Missing::Interpolate {
                    for k in at + 1..i {
                        let share = (k - at) as f64 / (i - at) as f64;
                        values[k] = Some(before * (1.0 - share) + value * share);
                    }
                }
                last = Some((i, value));
            }
            None if policy == Missing::Ffill => values[i] = Some(before),
            None => {}
        }
    }
}

fn retain<T>(values: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    values.retain(|_| keep.next().copied().unwrap_or(false));
}

fn values_text(count: usize) -> String {
    if count == 1 { "1 value".into() } else { format!("{count} values") }
}
