//! What to do about values and rows that are not there.

use super::filled::Filled;
use super::frequency::Frequency;
use super::grid::Grid;
use super::incomplete::Rows;
use super::names::quoted;
use super::resample::Resample;
use super::times::Times;
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
    /// Insert the missing steps and draw a straight line between the neighbours; behind the last value, repeat it. A
    /// forecast sees the line only where both of its ends lie at or before the origin, and the last value otherwise.
    Interpolate,
    /// Take out rows with a missing value and treat the rest as if neighbours were one step apart. Gaps in time
    /// stay out: daily seasons may shift after one.
    Drop,
}

named!(Missing, "missing", Error = "error", Ffill = "ffill", Interpolate = "interpolate", Drop = "drop");

/// Rows without anything missing.
#[derive(Debug, Clone)]
pub(crate) struct Complete {
    pub(crate) times: Option<Times>,
    pub(crate) columns: Vec<(String, Filled)>,
    /// Rows before the first of these that are left out.
    pub(crate) first_row: usize,
    /// What was done, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// The advice in errors about missing values or steps.
fn policies() -> Message {
    text("choose ")
        + key("missing").to("ffill")
        + " (repeat the last value), interpolate (draw a straight line) or drop (treat the rows around as neighbours)"
}

/// Steps of a day or more may be missing because nobody works on them.
const DAY_S: f64 = 86_400.0;

/// Inserting more steps than this many times the rows is refused: the frequency is then hardly right.
const MOST_INSERTED: usize = 10;

/// What stands before a column that begins with a value.
const NOTHING_BEFORE: (f64, usize) = (0.0, 1);

impl Rows {
    /// Applies `policy` to gaps in time, then to missing values. Rows before every column has had a value are left out.
    /// `needed` says how many rows at the end are of interest: what is wrong before them is of none. Errors: times that
    /// repeat or go back (always), odd spacings (unless dropping), anything missing under [`Missing::Error`], and columns
    /// without any value.
    pub(crate) fn complete(mut self, policy: Missing, needed: Option<usize>) -> Result<Complete> {
        let (empty, begins) = self.begin(policy)?;
        let more = needed.map_or(0, |needed| self.keep_last(needed, policy));
        let complete = self.without_holes(policy)?;
        // Of a file whose end alone is of interest, its beginning is not told.
        let told = begins.filter(|_| more == 0);
        let notes = told.into_iter().chain(complete.notes).collect();
        Ok(Complete { first_row: empty + more, notes, ..complete })
    }

    /// As [`complete`](Self::complete), of all rows.
    pub(crate) fn without_holes(mut self, policy: Missing) -> Result<Complete> {
        let mut notes = Vec::new();
        if let Some((times, steps)) = self.times.as_ref().and_then(|times| Some((times, times.steps()?))) {
            let (frequency, Times { column, values, format, .. }) = (*steps.frequency(), times);
            let grid = Grid::inspect(&self.source, column, format, &self.lines, values, &steps)?;
            if let Some(&at) = grid.odd.first()
                && policy != Missing::Drop
            {
                return Err(self.odd_spacing(at, grid.odd.len(), &frequency));
            }
            if !grid.gaps.is_empty() {
                match policy {
                    Missing::Error => {
                        let what = self.describe_gaps(&grid, &frequency);
                        let mut advice = policies();
                        if frequency.has_days() && frequency.approximate_seconds() >= DAY_S {
                            advice = advice + ", or name days without rows with " + key("closed");
                        }
                        return Err(self.fail(&what).advise(advice));
                    }
                    Missing::Drop => notes
                        .push(format!("{}, treated as neighbours", self.describe_gaps(&grid, &frequency))),
                    Missing::Ffill | Missing::Interpolate => {
                        notes
                            .push(format!("{}, filled in ({policy})", self.describe_gaps(&grid, &frequency)));
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
            Missing::Ffill | Missing::Interpolate => self.say_filled(policy, &mut notes),
        }
        let straight = policy == Missing::Interpolate;
        let columns = self
            .columns
            .into_iter()
            .enumerate()
            .map(|(c, (name, values))| {
                let before = self.before.get(c).copied().unwrap_or(NOTHING_BEFORE);
                (name, Filled::fill(&values, straight, before))
            })
            .collect();
        Ok(Complete { times: self.times, columns, first_row: 0, notes })
    }

    /// Leaves out the rows before every column has had a value: nothing can be said of the others there. Returns how many,
    /// with a sentence about them. Error: a column without any value.
    fn begin(&mut self, policy: Missing) -> Result<(usize, Option<String>)> {
        // Dropping takes them out like all others.
        if policy == Missing::Drop {
            return Ok((0, None));
        }
        let mut latest: Option<(usize, &str)> = None;
        for (name, values) in self.whole() {
            let Some(first) = values.iter().position(Option::is_some) else {
                return Err(
                    self.fail(&format!("column {} has no value at all; choose another column", quoted(name)))
                );
            };
            if latest.is_none_or(|(row, _)| first > row) {
                latest = Some((first, name));
            }
        }
        let Some((first, name)) = latest.filter(|&(first, _)| first > 0) else { return Ok((0, None)) };
        let said = format!(
            "the first {} left out: column {} has its first value in {}",
            if first == 1 { "row is".into() } else { format!("{first} rows are") },
            quoted(name),
            self.row(first)
        );
        self.cut(first);
        Ok((first, Some(said)))
    }

    /// Leaves out the rows of the past that the last `needed` rows do not depend on. Returns how many rows that are not
    /// dropped anyway it leaves out.
    fn keep_last(&mut self, needed: usize, policy: Missing) -> usize {
        let rows = self.lines.len();
        let whole = |row: usize| self.whole().all(|(_, values)| values[row].is_some());
        if policy == Missing::Drop {
            let kept: Vec<usize> = (0..rows).filter(|&row| whole(row)).collect();
            let before = kept.len().saturating_sub(needed);
            let first = if before == 0 { 0 } else { kept[before] };
            self.cut(first);
            return before;
        }
        let first = rows.saturating_sub(needed);
        self.cut(first);
        first
    }

    /// Leaves out the rows before `first`; a hole that reaches over it is filled from the last value before it.
    fn cut(&mut self, first: usize) {
        if first == 0 {
            return;
        }
        let last_before = |(c, (_, values)): (usize, &(String, Vec<Option<f64>>))| {
            let seen = values[..first].iter().enumerate().rev().find_map(|(row, v)| Some((row, (*v)?)));
            let earlier = self.before.get(c).map(|&(value, ago)| (value, ago + first));
            seen.map(|(row, value)| (value, first - row)).or(earlier).unwrap_or(NOTHING_BEFORE)
        };
        self.before = self.columns.iter().enumerate().map(last_before).collect();
        self.lines.drain(..first);
        if let Some(times) = &mut self.times {
            times.values.drain(..first);
        }
        for (_, values) in &mut self.columns {
            values.drain(..first);
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
        .advise({
            let times = self.times.as_ref().map_or(&[][..], |times| &times.values);
            let advice = text("correct the times, ");
            let advice = match Resample::advice(times) {
                Some(step) => {
                    advice + "gather the rows into even steps with " + key("resample").to(step) + ", "
                }
                None => advice,
            };
            advice + "or treat all rows as neighbours with " + key("missing").to("drop")
        })
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
        let Some(steps) = times.steps() else { return Ok(()) };
        let mut gaps = grid.gaps.iter().peekable();
        let mut old_places = Vec::with_capacity(rows + missing);
        let mut new_times = Vec::with_capacity(rows + missing);
        for i in 0..rows {
            if let Some(gap) = gaps.next_if(|gap| gap.before == i) {
                let mut time = times.values[i - 1];
                for _ in 0..gap.missing {
                    time = steps.advance(&time, 1)?;
                    old_places.push(None);
                    new_times.push(time);
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

    /// The columns that are to have a value in every row.
    fn whole(&self) -> impl Iterator<Item = &(String, Vec<Option<f64>>)> {
        self.columns.iter().filter(|(name, _)| !self.sparse.contains(name))
    }

    fn refuse_missing_values(&self) -> Result<()> {
        for (name, values) in self.whole() {
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
            (0..rows).map(|i| self.whole().all(|(_, values)| values[i].is_some())).collect();
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

    fn say_filled(&self, policy: Missing, notes: &mut Vec<String>) {
        for (name, values) in self.whole() {
            let missing = values.iter().filter(|v| v.is_none()).count();
            if missing == 0 {
                continue;
            }
            let behind = values.iter().rev().take_while(|v| v.is_none()).count();
            let behind = match (policy, behind) {
                (Missing::Interpolate, 1..) => {
                    format!("; the last {behind} of them repeat the last value, as none follows")
                }
                _ => String::new(),
            };
            notes.push(format!(
                "filled {} of column {} ({policy}){behind}",
                values_text(missing),
                quoted(name)
            ));
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
