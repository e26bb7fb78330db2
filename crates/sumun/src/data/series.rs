//! Numeric columns over time, read from a table.

use super::axis::{self, Asked, TimeColumn};
use super::closed::{self, Closed};
use super::filled::{Filled, Imputed};
use super::frequency::Frequency;
use super::incomplete::Rows;
use super::missing::Missing;
use super::names::{listed, quoted};
use super::number::{NumberForm, Written};
use super::resample::Resample;
use super::steps::Steps;
use super::table::Table;
use super::time::{DateOrder, TimeFormat, TimeHints, Timestamp};
use super::times::Times;
use crate::message::{key, text};
use crate::{Error, Result};

/// Numeric columns of equal length, in order of time, with nothing missing.
#[derive(Debug, Clone)]
pub struct Series {
    /// Where it came from, as messages name it.
    pub source: String,
    /// Rows of the file before the first of these, which are left out.
    pub first_row: usize,
    /// The name of the time column, if there is one.
    pub time_column: Option<String>,
    /// One timestamp a row, rising.
    pub timestamps: Option<Vec<Timestamp>>,
    /// How the time column is written.
    pub format: Option<TimeFormat>,
    /// The step between rows; `None` without a time column or with a single row.
    pub frequency: Option<Frequency>,
    /// Days that have no row by agreement.
    pub closed: Closed,
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
    /// Which of them were filled in; `None` where all were read.
    pub imputed: Option<Imputed>,
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
    /// Those of the columns in which values may be missing anywhere, whatever `missing` says: they are marked as filled in.
    pub sparse: &'a [&'a str],
    /// What to do about missing values and steps.
    pub missing: Missing,
    /// How many rows at the end of the past are of interest: what is missing before them does not matter. All, if `None`.
    pub last: Option<usize>,
    /// Even steps that the rows are gathered into before anything else; `None` to take them as they are.
    pub resample: Option<Resample>,
    /// How columns were written when a model learnt from them, by name: a newer file is then read in the same way.
    pub forms: &'a [(String, NumberForm)],
    /// The frequency a model was trained on; a file of another frequency is then an error.
    pub expected_frequency: Option<Frequency>,
    /// Which part of a date of numbers comes first; by default the column says so, or nothing does, which is an error.
    pub date_order: Option<DateOrder>,
    /// The time zone of the wall clock that the file writes, such as `Europe/Berlin`: steps are then even where clocks are
    /// changed.
    pub timezone: Option<&'a str>,
    /// How a model's training file wrote its times; a file that can be read so is.
    pub expected_format: Option<&'a TimeFormat>,
    /// One of several series in the table, as `column=value`.
    pub series: Option<&'a str>,
    /// Days that have no row by agreement, such as holidays: rows there are left out, and steps go over them.
    pub closed: &'a Closed,
}

/// A series, the known columns of the steps after it, and notes on what was found.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The past: `columns`, then `known` (a name in both comes once).
    pub series: Series,
    /// The `known` columns after the end of the past, if the file has such rows.
    pub future: Option<Series>,
    /// How the columns are written, by name.
    pub forms: Vec<(String, NumberForm)>,
    /// What was detected, filled or dropped, one sentence each, for people.
    pub notes: Vec<String>,
}

impl<'a> SeriesSpec<'a> {
    /// Reads `columns`, finds the time column, and stops at anything missing.
    pub fn new(columns: &'a [&'a str]) -> Self {
        Self {
            time: TimeColumn::Auto,
            columns,
            known: &[],
            sparse: &[],
            missing: Missing::Error,
            last: None,
            resample: None,
            forms: &[],
            expected_frequency: None,
            date_order: None,
            timezone: None,
            expected_format: None,
            series: None,
            closed: &closed::NONE,
        }
    }

    /// All columns to read, each once.
    fn names(&self) -> Vec<&'a str> {
        let known = self.known.iter().filter(|name| !self.columns.contains(name));
        self.columns.iter().chain(known).copied().collect()
    }
}

/// The columns and times of some rows of a table as they were read, in the order of the file.
#[derive(Debug, Clone)]
pub(super) struct Read<'a> {
    table: &'a Table,
    /// The rows of the table.
    pub(super) rows: Vec<usize>,
    columns: Vec<(String, Vec<Option<f64>>)>,
    forms: Vec<(String, NumberForm)>,
    pub(super) times: Option<Times>,
    /// What was noticed, and what may be wrong.
    pub(super) notes: Vec<String>,
    pub(super) doubts: Vec<String>,
}

impl<'a> Read<'a> {
    /// Reads the columns that `spec` names, and the times, which are in none of those that are `taken` beside them.
    pub(super) fn new(
        table: &'a Table,
        spec: &SeriesSpec<'_>,
        rows: Vec<usize>,
        taken: &[&str],
    ) -> Result<Self> {
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
        let names = spec.names();
        if names.is_empty() {
            return fail("no column is asked for; name at least one".into());
        }
        let mut columns = Vec::with_capacity(names.len());
        let (mut forms, mut written, mut doubts) = (Vec::new(), Vec::new(), Vec::new());
        for name in &names {
            if spec.time == TimeColumn::Named(name) {
                return fail(format!("column {} cannot be the time and a value at once", quoted(name)));
            }
            let learnt = spec.forms.iter().find(|(other, _)| other == name).map(|(_, form)| form);
            let column = table.numbers(name, learnt)?;
            columns.push(((*name).to_owned(), rows.iter().map(|&row| column.values[row]).collect()));
            forms.push(((*name).to_owned(), column.form));
            written.extend(column.written.map(|written| (*name, written)));
            doubts.extend(column.doubt);
        }
        let mut notes = table.notes().to_vec();
        notes.extend(ways_of_writing(&written));
        let hints = TimeHints { order: spec.date_order, zone: spec.timezone, form: spec.expected_format };
        let taken: Vec<&str> = names.iter().chain(taken).copied().collect();
        let asked = Asked { time: spec.time, taken: &taken, rows: &rows, hints };
        let times = axis::find(table, &asked, &mut notes)?;
        if times.is_none() && !spec.closed.is_empty() {
            return Err(Error::Data(format!("{source}: there are no times"))
                .advise(text("name their column with ") + key("time") + ", or leave out " + key("closed")));
        }
        Ok(Self { table, rows, columns, forms, times, notes, doubts })
    }

    /// The rows at these places, with no notes.
    pub(super) fn part(&self, places: &[usize]) -> Self {
        let columns = self
            .columns
            .iter()
            .map(|(name, values)| (name.clone(), places.iter().map(|&place| values[place]).collect()));
        let times = self.times.as_ref().map(|times| Times {
            column: times.column.clone(),
            values: places.iter().map(|&place| times.values[place]).collect(),
            format: times.format.clone(),
            frequency: times.frequency,
            closed: times.closed.clone(),
        });
        Self {
            table: self.table,
            rows: places.iter().map(|&place| self.rows[place]).collect(),
            columns: columns.collect(),
            forms: self.forms.clone(),
            times,
            notes: Vec::new(),
            doubts: Vec::new(),
        }
    }

    /// The series that these rows are, of which messages speak as `source`. Errors: times that repeat, go back or leave
    /// gaps, and missing values, as [`Missing`] says; a frequency other than expected.
    pub(super) fn settle(self, source: &str, spec: &SeriesSpec<'_>) -> Result<Loaded> {
        let Self { table, rows: chosen, columns, forms, mut times, mut notes, doubts } = self;
        let fail = |message: String| Err(Error::Data(format!("{source}: {message}")));
        let names = spec.names();
        let lines = chosen.iter().map(|&row| table.line(row)).collect();
        let mut order = None;
        if let Some(times) = &mut times {
            let of_file = times.values.clone();
            let mut said = Vec::new();
            order = axis::arrange(times, &mut said);
            if (order.is_some() || times.values.windows(2).any(|pair| pair[0] == pair[1]))
                && let Some((column, values)) = axis::panel(table, &chosen, &of_file, &names, &times.column)
            {
                return Err(axis::panel_error(table, column, &values));
            }
            notes.extend(said);
            let mut said = Vec::new();
            times.closed = spec.closed.clone();
            if let Some(open) = times.leave_out_closed(source, &mut said)? {
                let all = order.as_ref();
                order = Some(open.into_iter().map(|at| all.map_or(at, |order| order[at])).collect());
            }
            times.find_frequency();
            // A few rows of a file do not show weekends; the step that was learnt holds if it fits them.
            let fits = |step: &Frequency| {
                let steps = Steps::new(*step, &times.format.clock, &times.closed);
                matches!(step, Frequency::Opening(_) | Frequency::Working(_))
                    && times
                        .values
                        .windows(2)
                        .all(|pair| steps.steps_between(&pair[0], &pair[1]).is_some_and(|n| n > 0))
            };
            let inferred = match spec.resample {
                Some(resample) => Some(resample.step),
                None => spec.expected_frequency.filter(fits).or(times.frequency),
            };
            if let (Some(found), Some(expected)) = (inferred, spec.expected_frequency)
                && found != expected
                && found.to_string() != expected.to_string()
            {
                return fail(format!(
                    "the times in column {} are {found}, but the model was trained on {expected} data; give the file in \
                     even steps of that or train a new model",
                    quoted(&times.column)
                ));
            }
            times.frequency = inferred.or(spec.expected_frequency);
            if let Some(frequency) =
                times.frequency.filter(|step| !spec.closed.is_empty() && !step.has_days())
            {
                return Err(Error::Settings(
                    key("closed")
                        + format!(" names days, but the rows of {source} are {frequency}; leave it out"),
                ));
            }
            let column = match times.column.split_once('+') {
                Some(_) if !table.header().contains(&times.column) => {
                    format!("time in columns {}", quoted(&times.column))
                }
                _ => format!("time column {}", quoted(&times.column)),
            };
            notes.push(
                times.frequency.map_or_else(|| column.clone(), |frequency| format!("{column}, {frequency}")),
            );
            notes.extend(said);
        }
        let mut past = Rows {
            source: source.to_owned(),
            lines,
            times,
            columns,
            before: Vec::new(),
            sparse: spec.sparse.iter().map(|&name| name.to_owned()).collect(),
        };
        if let Some(order) = order {
            past.reorder(&order);
        }
        if let Some(resample) = spec.resample {
            notes.push(resample.apply(&mut past)?);
        }
        let future = split_future(&mut past, spec);
        if past.lines.is_empty() {
            return fail(format!("column {} has no value at all; choose another column", quoted(names[0])));
        }
        if let (Some(future), Some(past)) = (&future, &past.times)
            && let Some(ahead) = &future.times
            && let Some(steps) = past.steps()
            && let (Some(last), Some(first)) = (past.values.last(), ahead.values.first())
            && steps.steps_between(last, first) != Some(1)
        {
            return fail(format!(
                "row {} ({}) should be one step ({}) after the last row with values ({}); correct the times",
                future.lines[0],
                past.format.print(first),
                steps.frequency(),
                past.format.print(last)
            ));
        }
        notes.extend(doubts);
        let past = past.complete(spec.missing, spec.last)?;
        notes.extend(past.notes);
        let series = Series::assemble(source, past.first_row, past.times, past.columns);
        let future = match future {
            None => None,
            Some(rows) => {
                // A missing value of the future cannot be filled honestly, whatever the policy for the past.
                let complete = rows.without_holes(Missing::Error)?;
                let future = Series::assemble(source, 0, complete.times, complete.columns);
                notes.push(format!("{} rows of known values after the end", future.len()));
                Some(future)
            }
        };
        Ok(Loaded { series, future, forms, notes })
    }
}

impl Series {
    /// Reads the columns that `spec` names. Errors: a column that is missing, named twice or also the time column;
    /// cells that are no numbers or times; times that repeat, go back or leave gaps and missing values, as
    /// [`Missing`] says; a frequency other than expected.
    pub fn from_table(table: &Table, spec: &SeriesSpec<'_>) -> Result<Loaded> {
        let rows = match spec.series {
            Some(wanted) => axis::rows_of(table, wanted)?,
            None => (0..table.rows()).collect(),
        };
        Read::new(table, spec, rows, &[])?.settle(table.name(), spec)
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

    /// The label of row `row` (counted from 0): its time as the file writes it, or its number counted from 1.
    pub fn label(&self, row: usize) -> String {
        match (&self.timestamps, &self.format) {
            (Some(times), Some(format)) if row < times.len() => format.print(&times[row]),
            _ => (self.first_row + row + 1).to_string(),
        }
    }

    /// The timestamps of the `n` steps after the last row; `None` without a time column or frequency.
    /// Error: they leave the calendar.
    pub fn future_timestamps(&self, n: usize) -> Result<Option<Vec<Timestamp>>> {
        let (Some(times), Some(steps)) = (&self.timestamps, self.steps()) else { return Ok(None) };
        let Some(&last) = times.last() else { return Ok(None) };
        let mut time = last;
        (0..n)
            .map(|_| {
                time = steps.advance(&time, 1)?;
                Ok(time)
            })
            .collect::<Result<_>>()
            .map(Some)
    }

    /// How the rows follow one another; `None` without a time column or with a single row.
    pub fn steps(&self) -> Option<Steps<'_>> {
        Some(Steps::new(self.frequency?, &self.format.as_ref()?.clock, &self.closed))
    }

    /// The labels of the `n` steps after the last row, as those of [`Series::label`]. Error: they leave the calendar.
    pub fn future_labels(&self, n: usize) -> Result<Vec<String>> {
        Ok(match (self.future_timestamps(n)?, &self.format) {
            (Some(times), Some(format)) => times.iter().map(|t| format.print(t)).collect(),
            _ => (1..=n).map(|k| (self.first_row + self.len() + k).to_string()).collect(),
        })
    }

    fn assemble(
        source: &str,
        first_row: usize,
        times: Option<Times>,
        columns: Vec<(String, Filled)>,
    ) -> Self {
        let column = |(name, filled): (String, Filled)| {
            let (values, imputed) = filled.into_parts();
            Column { name, values, imputed }
        };
        let columns = columns.into_iter().map(column).collect();
        let source = source.to_owned();
        let (time_column, timestamps, format, frequency, closed) = match times {
            Some(t) => (Some(t.column), Some(t.values), Some(t.format), t.frequency, t.closed),
            None => (None, None, None, None, Closed::default()),
        };
        Self { source, first_row, time_column, timestamps, format, frequency, closed, columns }
    }
}

/// A sentence for the columns that are written in one way.
fn ways_of_writing(written: &[(&str, Written)]) -> Vec<String> {
    let mut ways: Vec<(&Written, Vec<&str>)> = Vec::new();
    for (name, written) in written {
        match ways.iter_mut().find(|(way, _)| way.how == written.how) {
            Some((_, names)) => names.push(name),
            None => ways.push((written, vec![name])),
        }
    }
    let sentence = |(way, names): (&Written, Vec<&str>)| {
        let (columns, are) = if names.len() == 1 { ("column", "is") } else { ("columns", "are") };
        format!("{columns} {} {are} written {}: {}", listed(&names), way.how, way.example)
    };
    ways.into_iter().map(sentence).collect()
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
        before: Vec::new(),
        sparse: rows.sparse.clone(),
    };
    (count > 0).then_some(future)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn load(text: &str, spec: &SeriesSpec<'_>) -> Result<Loaded> {
        Series::from_table(&Table::from_reader("f.csv", text.as_bytes()).unwrap(), spec)
    }

    fn message(text: &str, spec: &SeriesSpec<'_>) -> String {
        let message = load(text, spec).unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }

    const GAP: &str = "t,y\n2010/03/14 00:00,1\n2010/03/14 01:00,2\n2010/03/14 03:00,4\n2010/03/14 04:00,5\n";
    const HOLES: &str = "t,y,z\n2020-01,1,5\n2020-02,,6\n2020-03,NA,7\n2020-04,4,\n2020-05,5,9\n";

    #[test]
    fn time_columns_are_found() {
        for (text, expected) in [
            ("y,when\n1,2010-01-01\n2,2010-01-02\n", Some("when")),
            ("year,y\n1949,1\n1950,2\n", Some("year")),
            ("Year,y\n1949,1\n1950,2\n", Some("Year")),
            ("code,y\n1949,1\n1950,2\n", None),
            ("code,y\n2010.05,1\n2010.06,2\n", None),
            ("name,y\nabc,1\ndef,2\n", None),
            ("a,b,y\n2010-01-01,2010-01-01 00:00,1\n,2010-01-01 01:00,2\n", Some("b")),
        ] {
            let loaded = load(text, &SeriesSpec::new(&["y"])).unwrap();
            assert_eq!(loaded.series.time_column.as_deref(), expected, "{text}");
            assert_eq!(loaded.series.column("y"), Some(&[1.0, 2.0][..]));
        }
        // A column that is asked for is no time column.
        assert_eq!(
            load("year,y\n1949,1\n1950,2\n", &SeriesSpec::new(&["year"])).unwrap().series.time_column,
            None
        );
        let none = SeriesSpec { time: TimeColumn::None, ..SeriesSpec::new(&["y"]) };
        let loaded = load(GAP, &none).unwrap().series;
        assert_eq!(
            (loaded.timestamps.clone(), loaded.future_labels(2).unwrap()),
            (None, vec!["5".into(), "6".into()])
        );
        // A date that cannot be understood is an error.
        let either = message("date,y\n11/02/2010,1\n12/02/2010,2\n", &SeriesSpec::new(&["y"]));
        assert!(either.starts_with("f.csv: row 2, column 'date': '11/02/2010' does not say"), "{either}");
        assert!(
            either.ends_with("say so with date_order = day, month or year; or choose time = none"),
            "{either}"
        );
    }

    /// A day that no calendar has once made a file with times one without, and the run went on.
    #[test]
    fn one_bad_time_does_not_drop_the_times() {
        for (name, bad) in [("date", "2010-02-30"), ("시각", "soon"), ("when", "")] {
            let text = format!("{name},y\n2010-02-27,1\n2010-02-28,2\n{bad},3\n");
            let message = message(&text, &SeriesSpec::new(&["y"]));
            assert!(message.starts_with(&format!("f.csv: row 4, column '{name}': ")), "{message}");
            assert!(message.ends_with("; or choose time = none"), "{message}");
        }
    }

    #[test]
    fn gaps_in_time() {
        let spec = |missing| SeriesSpec { missing, ..SeriesSpec::new(&["y"]) };
        assert_eq!(
            message(GAP, &spec(Missing::Error)),
            "f.csv: 1 hour missing between row 3 (2010/03/14 01:00) and row 4 (2010/03/14 03:00); choose missing \
             = ffill (repeat the last value), interpolate (draw a straight line) or drop (treat the rows around as neighbours)"
        );
        for (missing, values, note) in [
            (Missing::Ffill, &[1.0, 2.0, 2.0, 4.0, 5.0][..], "filled 1 value of column 'y' (ffill)"),
            (Missing::Interpolate, &[1.0, 2.0, 3.0, 4.0, 5.0], "filled 1 value of column 'y' (interpolate)"),
            (
                Missing::Drop,
                &[1.0, 2.0, 4.0, 5.0],
                "1 hour missing between row 3 (2010/03/14 01:00) and row 4 (2010/03/14 03:00), treated as neighbours",
            ),
        ] {
            let loaded = load(GAP, &spec(missing)).unwrap();
            assert_eq!(loaded.series.columns[0].values, values, "{missing}");
            assert_eq!(loaded.series.timestamps.as_ref().unwrap().len(), values.len());
            assert_eq!(loaded.notes.last().unwrap(), note);
            assert_eq!(loaded.notes[0], "time column 't', hourly");
            assert_eq!(loaded.series.future_labels(2).unwrap(), ["2010/03/14 05:00", "2010/03/14 06:00"]);
            assert_eq!(missing.to_string().parse::<Missing>().unwrap(), missing);
        }
        let filled = load(GAP, &spec(Missing::Ffill)).unwrap().series;
        assert_eq!(filled.label(2), "2010/03/14 02:00");
    }

    #[test]
    fn missing_values() {
        let spec = |missing| SeriesSpec { missing, ..SeriesSpec::new(&["y", "z"]) };
        assert_eq!(
            message(HOLES, &spec(Missing::Error)),
            "f.csv: 2 values missing in column 'y', first in row 3 (2020-02); choose missing = ffill \
             (repeat the last value), interpolate (draw a straight line) or drop (treat the rows around as neighbours)"
        );
        for (missing, y, z) in [
            (Missing::Ffill, &[1.0, 1.0, 1.0, 4.0, 5.0][..], &[5.0, 6.0, 7.0, 7.0, 9.0][..]),
            (Missing::Interpolate, &[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 9.0]),
            (Missing::Drop, &[1.0, 5.0], &[5.0, 9.0]),
        ] {
            let series = load(HOLES, &spec(missing)).unwrap().series;
            let close = |a: &[f64], b: &[f64]| {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
            };
            assert!(close(&series.columns[0].values, y) && close(&series.columns[1].values, z), "{series:?}");
            assert_eq!(series.timestamps.as_ref().unwrap().len(), series.len());
        }
        let notes = load(HOLES, &spec(Missing::Drop)).unwrap().notes;
        assert_eq!(notes[1], "dropped 3 rows with missing values, first row 3 (2020-02)");
    }

    #[test]
    fn what_no_policy_can_fill() {
        use Missing::*;
        for (text, policies, expected) in [
            ("y,x\n,1\n-,1\n", &[Ffill, Interpolate][..], "f.csv: column 'y' has no value at all"),
            ("y,x\n,1\n-,1\n", &[Drop], "f.csv: every row lacks a value"),
            ("y,x\n1,1\n-,1\n", &[Error], "f.csv: 1 value missing in column 'y', in row 3;"),
            (
                "t,y\n2020-01-01,1\n2020-01-02,1\n2020-01-03,1\n2020-01-03,1\n",
                &[Error, Ffill, Interpolate, Drop],
                "f.csv: rows 4 and 5 have the same time (2020-01-03); remove the repeats",
            ),
            (
                "t,y\n2020-01-01 00:00,1\n2020-01-01 01:00,1\n2020-01-01 02:00,1\n2020-01-01 02:17,1\n",
                &[Error, Ffill, Interpolate],
                "f.csv: the times are mostly hourly, but the spacing is uneven in 1 place, first between row 4",
            ),
            (
                "t,y\n2000-01-01 00:00:00,1\n2000-01-01 00:00:01,1\n2020-01-01 02:17:00,1\n",
                &[Ffill, Interpolate],
                "f.csv: 631160218 seconds missing between row 3",
            ),
        ] {
            for &missing in policies {
                let found = message(text, &SeriesSpec { missing, ..SeriesSpec::new(&["y"]) });
                assert!(found.starts_with(expected), "{missing}: {found}");
            }
        }
    }

    /// Before its first value a column has nothing to fill a hole with; behind its last, the straight line has no end.
    #[test]
    fn beginnings_are_left_out_and_ends_repeat_the_last_value() {
        use Missing::*;
        for (text, policies, values, first_row, note) in [
            (
                "year,y\n2020,\n2021,-\n2022,4\n2023,5\n",
                &[Error, Ffill, Interpolate][..],
                &[4.0, 5.0][..],
                2,
                "the first 2 rows are left out: column 'y' has its first value in row 4 (2022)",
            ),
            (
                "n,y\n1,\n2,4\n3,\n4,5\n",
                &[Ffill],
                &[4.0, 4.0, 5.0],
                1,
                "filled 1 value of column 'y' (ffill)",
            ),
            (
                "year,y\n2020,1\n2021,\n2022,3\n2023,\n2024,\n",
                &[Interpolate],
                &[1.0, 2.0, 3.0, 3.0, 3.0],
                0,
                "filled 3 values of column 'y' (interpolate); the last 2 of them repeat the last value, as none follows",
            ),
            ("year,y\n2020,1\n2021,\n", &[Ffill], &[1.0, 1.0], 0, "filled 1 value of column 'y' (ffill)"),
            (
                "year,y\n2020,\n2021,1\n",
                &[Drop],
                &[1.0],
                0,
                "dropped 1 row with missing values, first row 2 (2020)",
            ),
        ] {
            for &missing in policies {
                let loaded = load(text, &SeriesSpec { missing, ..SeriesSpec::new(&["y"]) }).unwrap();
                assert_eq!(loaded.series.columns[0].values, values, "{missing} {text}");
                assert_eq!(
                    (loaded.series.first_row, loaded.notes.last().unwrap().as_str()),
                    (first_row, note)
                );
            }
        }
        // Rows without times keep the numbers that they have in the file.
        let loaded = load("y\n-\n4\n5\n", &SeriesSpec::new(&["y"])).unwrap().series;
        assert_eq!((loaded.label(0), loaded.future_labels(1).unwrap()), ("2".into(), vec!["4".into()]));
    }

    /// What is missing in front of the rows that are of interest is of none, and a hole that begins before them is filled
    /// from there.
    #[test]
    fn the_last_rows_are_read_whatever_is_before_them() {
        use Missing::*;
        let text = "t,y\n2020-01-01,1\n2020-01-02,\n2020-01-05,4\n2020-01-06,\n2020-01-07,\n2020-01-08,10\n2020-01-09,11\n";
        for (missing, last, values, since) in [
            (Error, 2, &[10.0, 11.0][..], None),
            (Ffill, 3, &[4.0, 10.0, 11.0], Some(vec![2, 0, 0])),
            (Interpolate, 3, &[8.0, 10.0, 11.0], Some(vec![2, 0, 0])),
            (Interpolate, 4, &[6.0, 8.0, 10.0, 11.0], Some(vec![1, 2, 0, 0])),
            (Drop, 3, &[4.0, 10.0, 11.0], None),
        ] {
            let spec = SeriesSpec { missing, last: Some(last), ..SeriesSpec::new(&["y"]) };
            let column = load(text, &spec).unwrap().series.columns.remove(0);
            assert_eq!(column.values, values, "{missing} {last}");
            assert_eq!(column.imputed.map(|imputed| imputed.since), since, "{missing} {last}");
        }
        let spec = SeriesSpec { last: Some(3), ..SeriesSpec::new(&["y"]) };
        assert!(
            message(text, &spec).starts_with("f.csv: 1 value missing in column 'y', in row 6 (2020-01-07);")
        );
    }

    #[test]
    fn rows_are_put_in_order_of_time() {
        for (text, note) in [
            (
                "t,y\n2020-01-01,1\n2020-01-03,3\n2020-01-02,2\n",
                "the rows were not in order of time; they were sorted",
            ),
            (
                "t,y\n2020-01-03,3\n2020-01-02,2\n2020-01-01,1\n",
                "the newest row came first; the rows were turned round",
            ),
        ] {
            let loaded = load(text, &SeriesSpec::new(&["y"])).unwrap();
            assert_eq!(loaded.series.columns[0].values, [1.0, 2.0, 3.0], "{text}");
            assert_eq!(loaded.series.future_labels(1).unwrap(), ["2020-01-04"]);
            assert_eq!(loaded.notes[0], note);
        }
    }

    /// A column that may be the time, but cannot be read as it, is no reason to go on without.
    #[test]
    fn times_that_cannot_be_read_are_errors() {
        for (text, expected) in [
            ("t,y\n0,1\n57,2\n116,3\n", "f.csv: the numbers of column 't' only rise or only fall"),
            ("t,y\n9,1\n5,2\n1,3\n", "f.csv: the numbers of column 't' only rise or only fall"),
            ("seen,y\n1:23.5,1\n2:10.5,2\n3:02.5,3\n", "f.csv: row 2, column 'seen': '1:23.5' is not a time"),
            ("date,y\nmonday,1\ntuesday,2\n", "f.csv: row 2, column 'date': 'monday' is not a time"),
            (
                "date,y\n2020-01-01,1\n2020-01-02,2\nTotal,3\n",
                "f.csv: row 4, column 'date': 'Total' is not a time",
            ),
        ] {
            let message = message(text, &SeriesSpec::new(&["y"]));
            assert!(message.starts_with(expected) && message.ends_with("or choose time = none"), "{message}");
            let none = SeriesSpec { time: TimeColumn::None, ..SeriesSpec::new(&["y"]) };
            assert_eq!(load(text, &none).unwrap().series.timestamps, None);
        }
        for counted in ["n,y\n1,5\n2,6\n3,7\n", "step,y\n10,5\n20,6\n30,7\n"] {
            let notes = load(counted, &SeriesSpec::new(&["y"])).unwrap().notes;
            assert!(notes[0].ends_with("counts the rows; there are no times"), "{notes:?}");
        }
    }

    #[test]
    fn what_is_asked_for_must_make_sense() {
        let text = "date,demand,price\n2020-01-01,1,2\n2020-01-02,3,4\n";
        for (spec, expected) in [
            (SeriesSpec::new(&["demnd"]), "f.csv: there is no column 'demnd'; did you mean 'demand'?"),
            (SeriesSpec::new(&["price", "price"]), "f.csv: column 'price' is asked for twice"),
            (SeriesSpec::new(&[]), "f.csv: no column is asked for"),
            (SeriesSpec::new(&["date"]), "f.csv: row 2, column 'date': '2020-01-01' is not a number"),
            (
                SeriesSpec { time: TimeColumn::Named("price"), ..SeriesSpec::new(&["price"]) },
                "f.csv: column 'price' cannot be the time and a value at once",
            ),
            (
                SeriesSpec { time: TimeColumn::Named("price"), ..SeriesSpec::new(&["demand"]) },
                "f.csv: row 2, column 'price': '2' is not a time",
            ),
            (
                SeriesSpec { expected_frequency: Some(Frequency::hours(1)), ..SeriesSpec::new(&["demand"]) },
                "f.csv: the times in column 'date' are daily, but the model was trained on hourly data",
            ),
        ] {
            assert!(message(text, &spec).starts_with(expected), "{}", message(text, &spec));
        }
    }

    #[test]
    fn known_columns_reach_into_the_future() {
        let text = "date,y,holiday\n2020-01-01,1,0\n2020-01-02,3,1\n2020-01-03,,0\n2020-01-04,,1\n";
        let spec = SeriesSpec { known: &["holiday"], ..SeriesSpec::new(&["y"]) };
        let loaded = load(text, &spec).unwrap();
        assert_eq!(loaded.series.column("y"), Some(&[1.0, 3.0][..]));
        assert_eq!(loaded.series.column("holiday"), Some(&[0.0, 1.0][..]));
        let future = loaded.future.unwrap();
        assert_eq!((future.column("holiday"), future.columns.len()), (Some(&[0.0, 1.0][..]), 1));
        assert_eq!(loaded.series.future_labels(2).unwrap(), [future.label(0), future.label(1)]);
        assert!(
            load(
                "date,y,h\n2020-01-01,1,0\n2020-01-02,3,1\n",
                &SeriesSpec { known: &["h"], ..SeriesSpec::new(&["y"]) }
            )
            .unwrap()
            .future
            .is_none()
        );
        let hole = "date,y,holiday\n2020-01-01,1,0\n2020-01-02,3,1\n2020-01-04,,0\n";
        assert!(
            message(hole, &spec).starts_with("f.csv: row 4 (2020-01-04) should be one step"),
            "{}",
            message(hole, &spec)
        );
    }

    /// The files that the README's examples train on.
    #[test]
    fn the_bundled_files() {
        for (file, rows, frequency, first, next) in [
            ("electricity", 3600, "hourly", "2012-01-01 00:00:00", "2012-05-30 00:00:00"),
            ("airline", 144, "monthly", "1949-01", "1961-01"),
            ("elnino", 732, "monthly", "1950-01", "2011-01"),
        ] {
            let table = Table::read(format!("{}/../../data/{file}.csv", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let series = Series::from_table(&table, &SeriesSpec::new(&["value"])).unwrap().series;
            assert_eq!((series.len(), series.label(0).as_str()), (rows, first));
            assert_eq!(series.frequency.unwrap().to_string(), frequency);
            assert_eq!(series.future_labels(1).unwrap(), [next]);
        }
    }

    proptest! {
        /// Any file is read or refused with one line, under any policy.
        #[test]
        fn any_file_is_read_or_refused(
            rows in prop::collection::vec((
                prop::sample::select(vec![
                    "2010-01-01", "2010-01-31", "2010-02-28", "2010-03-31", "2010-04-01", "2010-02-30", "9999-12-31",
                    "0001-01-01", "1/2/2010", "2010", "",
                ]),
                prop::sample::select(vec!["1", "-2.5", "", "NA", "1e308", "-1e308", "x", "1e999", "\"a\nb\"", "1,1"]),
            ), 1..6),
            sorted: bool,
        ) {
            let mut rows = rows;
            if sorted {
                rows.sort();
                rows.dedup_by_key(|row| row.0);
            }
            let text = rows.iter().fold("date,y\n".to_owned(), |text, (time, y)| format!("{text}{time},{y}\n"));
            for missing in [Missing::Error, Missing::Ffill, Missing::Interpolate, Missing::Drop] {
                let read = Table::from_reader("f.csv", text.as_bytes()).and_then(|table| {
                    let loaded = Series::from_table(&table, &SeriesSpec { missing, ..SeriesSpec::new(&["y"]) })?;
                    loaded.series.future_labels(3).map(|_| loaded)
                });
                match read {
                    Ok(loaded) => prop_assert!(loaded.series.columns[0].values.iter().all(|v| v.is_finite())),
                    Err(e) => prop_assert!(!e.to_string().contains('\n'), "{}", e),
                }
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(table) = Table::from_reader("f.csv", bytes.as_slice()) {
                let rows = (0..table.rows()).map(|row| table.line(row)).collect::<Vec<_>>();
                prop_assert!(rows.is_sorted());
                for name in table.header() {
                    let _ = table.numeric(name);
                }
            }
        }
    }
}
