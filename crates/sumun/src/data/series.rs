//! Numeric columns over time, read from a table.

use super::frequency::Frequency;
use super::missing::{Missing, Rows, Times};
use super::table::{Table, quoted};
use super::time::{TimeFormat, Timestamp, parse_times};
use crate::{Error, Result};

/// Numeric columns of equal length, in order of time, with nothing missing.
#[derive(Debug, Clone)]
pub struct Series {
    /// Where it came from, as messages name it.
    pub source: String,
    /// The name of the time column, if there is one.
    pub time_column: Option<String>,
    /// One timestamp a row, rising.
    pub timestamps: Option<Vec<Timestamp>>,
    /// How the time column is written.
    pub format: Option<TimeFormat>,
    /// The step between rows; `None` without a time column or with a single row.
    pub frequency: Option<Frequency>,
    /// The columns in the order they were asked for.
    pub columns: Vec<Column>,
}

/// One numeric column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name in the file.
    pub name: String,
    /// One finite value a row.
    pub values: Vec<f64>,
}

/// Where the timestamps come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeColumn<'a> {
    /// The first column that holds timestamps on every row and is not asked for as a numeric column. Plain
    /// numbers such as years count only in a column that is named like a time (`date`, `year`, `ds`, …).
    #[default]
    Auto,
    /// This column; an error if it does not hold timestamps.
    Named(&'a str),
    /// None: rows are evenly spaced in the order of the file.
    None,
}

/// What to read from a table.
#[derive(Debug, Clone, Copy)]
pub struct SeriesSpec<'a> {
    /// The time column.
    pub time: TimeColumn<'a>,
    /// Numeric columns that must be there on every row of the past: targets and features.
    pub columns: &'a [&'a str],
    /// Numeric columns that are also known ahead of time. Rows at the end of the file that have all of these but
    /// none of `columns` become [`Loaded::future`].
    pub known: &'a [&'a str],
    /// What to do about missing values and steps.
    pub missing: Missing,
    /// The frequency a model was trained on; a file of another frequency is then an error.
    pub expected_frequency: Option<Frequency>,
}

/// A series, what lies ahead of it, and what was noticed.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The past: `columns`, then `known` (a name in both comes once).
    pub series: Series,
    /// The `known` columns after the end of the past, if the file has such rows.
    pub future: Option<Series>,
    /// What was detected, filled or dropped, one sentence each, for people.
    pub notes: Vec<String>,
}

/// Names of columns in which a plain number such as 1949 may be a year.
const TIME_NAMES: [&str; 13] = [
    "date",
    "time",
    "year",
    "month",
    "day",
    "ds",
    "timestamp",
    "datetime",
    "date_time",
    "date time",
    "years",
    "period",
    "index",
];

impl<'a> SeriesSpec<'a> {
    /// Reads `columns`, finds the time column, and stops at anything missing.
    pub fn new(columns: &'a [&'a str]) -> Self {
        Self {
            time: TimeColumn::Auto,
            columns,
            known: &[],
            missing: Missing::Error,
            expected_frequency: None,
        }
    }
}

impl Series {
    /// Reads the columns that `spec` names. Errors: a column that is missing, named twice or also the time column;
    /// cells that are no numbers or times; times that repeat, go back or leave gaps and missing values, as
    /// [`Missing`] says; a frequency other than expected.
    pub fn from_table(table: &Table, spec: &SeriesSpec<'_>) -> Result<Loaded> {
        let source = table.name();
        let fail = |message: String| Err(Error::Data(format!("{source}: {message}")));
        if let Some((i, name)) =
            spec.columns.iter().enumerate().find(|&(i, name)| spec.columns[..i].contains(name))
        {
            return fail(format!(
                "column {} is asked for twice; name it once (place {})",
                quoted(name),
                i + 1
            ));
        }
        let mut names: Vec<&str> = spec.columns.to_vec();
        names.extend(spec.known.iter().filter(|name| !spec.columns.contains(name)));
        if names.is_empty() {
            return fail("no column is asked for; name at least one".into());
        }
        let mut columns = Vec::with_capacity(names.len());
        for name in &names {
            if spec.time == TimeColumn::Named(name) {
                return fail(format!("column {} cannot be the time and a value at once", quoted(name)));
            }
            columns.push(((*name).to_owned(), table.numeric(name)?));
        }
        let mut notes = Vec::new();
        let mut times = find_times(table, spec.time, &names, &mut notes)?;
        if let Some(times) = &mut times {
            let inferred = times.frequency;
            if let (Some(found), Some(expected)) = (inferred, spec.expected_frequency)
                && found != expected
                && found.to_string() != expected.to_string()
            {
                return fail(format!(
                    "the times in column {} are {found}, but the model was trained on {expected} data; resample the file \
                     or train a new model",
                    quoted(&times.column)
                ));
            }
            times.frequency = inferred.or(spec.expected_frequency);
            match times.frequency {
                Some(frequency) => notes.push(format!("time column {}, {frequency}", quoted(&times.column))),
                None => notes.push(format!("time column {}", quoted(&times.column))),
            }
        }
        let lines = (0..table.rows()).map(|row| table.line(row)).collect();
        let mut past = Rows { source: source.to_owned(), lines, times, columns };
        let future = split_future(&mut past, spec);
        let frequency = past.times.as_ref().and_then(|t| t.frequency);
        if past.lines.is_empty() {
            return fail(format!("column {} has no value at all; choose another column", quoted(names[0])));
        }
        if let (Some(future), Some(past)) = (&future, &past.times)
            && let Some(ahead) = &future.times
            && let Some(frequency) = frequency
            && let (Some(last), Some(first)) = (past.values.last(), ahead.values.first())
            && frequency.steps_between(last, first) != Some(1)
        {
            return fail(format!(
                "row {} ({}) should be one step ({frequency}) after the last row with values ({}); correct the times",
                future.lines[0],
                past.format.print(first),
                past.format.print(last)
            ));
        }
        let past = past.complete(spec.missing)?;
        notes.extend(past.notes);
        let series = Self::assemble(source, past.times, past.columns);
        let future = match future {
            None => None,
            Some(rows) => {
                // A hole ahead cannot be filled honestly, whatever the policy for the past.
                let complete = rows.complete(Missing::Error)?;
                let future = Self::assemble(source, complete.times, complete.columns);
                notes.push(format!("{} rows of known values after the end", future.len()));
                Some(future)
            }
        };
        Ok(Loaded { series, future, notes })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |c| c.values.len())
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of the column `name`, if it was read.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.columns.iter().find(|c| c.name == name).map(|c| c.values.as_slice())
    }

    /// How row `row` (counted from 0) is called: its time as the file writes it, or its number counted from 1.
    pub fn label(&self, row: usize) -> String {
        match (&self.timestamps, &self.format) {
            (Some(times), Some(format)) if row < times.len() => format.print(&times[row]),
            _ => (row + 1).to_string(),
        }
    }

    /// The timestamps of the `n` steps after the last row; `None` without a time column or frequency.
    /// Error: they leave the calendar.
    pub fn future_timestamps(&self, n: usize) -> Result<Option<Vec<Timestamp>>> {
        let (Some(times), Some(frequency)) = (&self.timestamps, &self.frequency) else { return Ok(None) };
        let Some(last) = times.last() else { return Ok(None) };
        (1..=n).map(|k| frequency.advance(last, k as i64)).collect::<Result<_>>().map(Some)
    }

    /// How the `n` steps after the last row are called, as [`Series::label`] would. Error: they leave the calendar.
    pub fn future_labels(&self, n: usize) -> Result<Vec<String>> {
        Ok(match (self.future_timestamps(n)?, &self.format) {
            (Some(times), Some(format)) => times.iter().map(|t| format.print(t)).collect(),
            _ => (1..=n).map(|k| (self.len() + k).to_string()).collect(),
        })
    }

    fn assemble(source: &str, times: Option<Times>, columns: Vec<(String, Vec<f64>)>) -> Self {
        let columns = columns.into_iter().map(|(name, values)| Column { name, values }).collect();
        let (time_column, timestamps, format, frequency) = match times {
            Some(t) => (Some(t.column), Some(t.values), Some(t.format), t.frequency),
            None => (None, None, None, None),
        };
        Self { source: source.to_owned(), time_column, timestamps, format, frequency, columns }
    }
}

fn find_times(
    table: &Table,
    time: TimeColumn<'_>,
    taken: &[&str],
    notes: &mut Vec<String>,
) -> Result<Option<Times>> {
    let read = |column: usize| -> Result<Times> {
        let name = &table.header()[column];
        let cells = (0..table.rows()).map(|row| (table.line(row), table.cell(row, column)));
        let (values, format) = parse_times(table.name(), name, cells)?;
        let frequency = Frequency::infer(&values);
        Ok(Times { column: name.clone(), values, format, frequency })
    };
    match time {
        TimeColumn::None => Ok(None),
        TimeColumn::Named(name) => read(table.column_index(name)?).map(Some),
        TimeColumn::Auto => {
            let mut refused = None;
            for (column, name) in table.header().iter().enumerate() {
                let named_like_time = TIME_NAMES.contains(&name.to_lowercase().as_str());
                let is_number = table.cell(0, column).parse::<f64>().is_ok();
                if taken.contains(&name.as_str()) || (is_number && !named_like_time) {
                    continue;
                }
                match read(column) {
                    Ok(times) => return Ok(Some(times)),
                    Err(e) if named_like_time => refused = refused.or(Some((name, e))),
                    Err(_) => {}
                }
            }
            if let Some((name, e)) = refused {
                notes.push(format!("column {} is not used as time: {e}", quoted(name)));
            }
            Ok(None)
        }
    }
}

/// Cuts off the rows at the end that have every known column but none of the others.
fn split_future(rows: &mut Rows, spec: &SeriesSpec<'_>) -> Option<Rows> {
    if spec.known.is_empty() {
        return None;
    }
    let only_past = |name: &String| !spec.known.contains(&name.as_str());
    if !rows.columns.iter().any(|(name, _)| only_past(name)) {
        return None;
    }
    let ahead = |i: usize| rows.columns.iter().all(|(name, values)| values[i].is_none() == only_past(name));
    let count = (0..rows.lines.len()).rev().take_while(|&i| ahead(i)).count();
    let end = rows.lines.len() - count;
    let future = Rows {
        source: rows.source.clone(),
        lines: rows.lines.split_off(end),
        times: rows
            .times
            .as_mut()
            .map(|times| Times { values: times.values.split_off(end), ..times.clone() }),
        columns: (rows.columns.iter_mut())
            .map(|(name, values)| (name.clone(), values.split_off(end)))
            .filter(|(name, _)| !only_past(name))
            .collect(),
    };
    (count > 0).then_some(future)
}
