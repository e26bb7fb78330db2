//! The time column of a table: found or named, in one column or in several, and in which order its rows are.

use super::closed::Closed;
use super::names::{listed, quoted};
use super::table::Table;
use super::time::{Clock, TimeHints, Timestamp, Verdict, clocked, judge, without_changes};
use super::times::Times;
use crate::message::{key, text};
use crate::{Error, Result};

/// Words in the names of columns whose plain numbers may be times.
const TIME_WORDS: [&str; 44] = [
    "date",
    "time",
    "year",
    "month",
    "day",
    "week",
    "quarter",
    "ds",
    "timestamp",
    "datetime",
    "years",
    "period",
    "index",
    "ts",
    "epoch",
    "unix",
    "unixtime",
    "when",
    "datum",
    "zeit",
    "jahr",
    "monat",
    "tag",
    "fecha",
    "hora",
    "año",
    "ano",
    "mes",
    "dia",
    "día",
    "heure",
    "année",
    "annee",
    "mois",
    "jour",
    "날짜",
    "일자",
    "일시",
    "시각",
    "시간",
    "연도",
    "년도",
    "연월",
    "년월",
];

/// The names that a part of a time has in a table, from the year down to the second.
const PARTS: [&[&str]; 6] = [
    &["year", "yyyy", "yr", "jahr", "año", "ano", "année", "annee", "연도", "년도", "년", "연"],
    &["month", "mm", "mo", "mon", "monat", "mes", "mois", "월"],
    &["day", "dd", "day_of_month", "dayofmonth", "tag", "dia", "día", "jour", "일"],
    &["hour", "hh", "hr", "stunde", "hora", "heure", "시"],
    &["minute", "min", "mi", "minuto", "분"],
    &["second", "sec", "ss", "sekunde", "segundo", "seconde", "초"],
];

/// Where the timestamps come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeColumn<'a> {
    /// The first column that holds timestamps on every row and is not asked for as a numeric column; a date and a time of
    /// day in two columns, or year, month, day and hour in several, are put together. Plain numbers such as years count
    /// only in a column that is named like a time (`date`, `year`, `ds`, …), or where their digits are a date or seconds.
    #[default]
    Auto,
    /// This column, or these with `+` between their names; an error if they do not hold timestamps.
    Named(&'a str),
    /// None: rows are evenly spaced in the order of the file.
    None,
}

/// What is asked of the time column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The column, or that it is to be found.
    pub(super) time: TimeColumn<'a>,
    /// Columns that hold values, and so no times.
    pub(super) taken: &'a [&'a str],
    /// The rows that count.
    pub(super) rows: &'a [usize],
    /// What is known of its form.
    pub(super) hints: TimeHints<'a>,
}

/// The times of a table, if it has any. Errors: a column that is named and holds no times; one that holds times or what
/// looks like them, but cannot be used.
pub(super) fn find(table: &Table, asked: &Asked<'_>, notes: &mut Vec<String>) -> Result<Option<Times>> {
    let reader = Reader { table, asked };
    match asked.time {
        TimeColumn::None => Ok(None),
        TimeColumn::Named(name) => {
            let columns = named(table, name)?;
            let counted = match columns[..] {
                [column] => reader.counted(column),
                _ => None,
            };
            match (reader.read(&columns)?, counted) {
                (Read::Times(times, said), _) => {
                    notes.extend(said);
                    Ok(Some(times))
                }
                (Read::Unlike(_), Some(counted)) => {
                    notes.push(counted);
                    Ok(None)
                }
                (Read::Broken(error) | Read::Unlike(error), _) => Err(error),
            }
        }
        TimeColumn::Auto => reader.search(notes),
    }
}

/// The columns of a name, or of names with `+` between them. Error: no such column.
fn named(table: &Table, name: &str) -> Result<Vec<usize>> {
    if name.contains('+') && !table.header().iter().any(|header| header == name) {
        return name.split('+').map(|part| table.column_index(part.trim())).collect();
    }
    table.column_index(name).map(|column| vec![column])
}

/// What columns hold.
enum Read {
    /// Times, and what is worth saying of them.
    Times(Times, Vec<String>),
    /// Times that cannot be used, and why.
    Broken(Error),
    /// No times, and why.
    Unlike(Error),
}

struct Reader<'a> {
    table: &'a Table,
    asked: &'a Asked<'a>,
}

impl Reader<'_> {
    fn name(&self, columns: &[usize]) -> String {
        let names: Vec<&str> = columns.iter().map(|&column| self.table.header()[column].as_str()).collect();
        names.join("+")
    }

    fn free(&self) -> impl Iterator<Item = usize> {
        let header = self.table.header();
        (0..header.len()).filter(|&column| !self.asked.taken.contains(&header[column].as_str()))
    }

    /// The cells of columns, a text a row: a date and a time of day with a blank between, parts as `2021-10-20 05:00`.
    fn cells(&self, columns: &[usize]) -> Vec<(usize, String)> {
        let parts = columns.len() > 1 && self.part(columns[0]) == Some(0) && self.all_parts(columns);
        let cell = |row: usize, column: usize| self.table.cell(row, column);
        let of = |&row: &usize| {
            let text = if parts {
                columns.iter().enumerate().fold(String::new(), |text, (place, &column)| {
                    // A year of a data frame with a missing value elsewhere is written `2021.0`.
                    let number = cell(row, column);
                    let number = number.strip_suffix(".0").unwrap_or(number);
                    let between = ["", "-", "-", " ", ":", ":"][place];
                    let width = if number.bytes().all(|b| b.is_ascii_digit()) { 2 } else { 0 };
                    format!("{text}{between}{number:0>width$}")
                })
            } else {
                let cells: Vec<&str> = columns.iter().map(|&column| cell(row, column)).collect();
                cells.join(" ").trim().to_owned()
            };
            // An hour without minutes.
            let text = if parts && columns.len() == 4 { text + ":00" } else { text };
            (self.table.line(row), text)
        };
        self.asked.rows.iter().map(of).collect()
    }

    /// What the columns together hold, with their cells' times on one axis where they are times.
    fn read(&self, columns: &[usize]) -> Result<Read> {
        let name = self.name(columns);
        let cells = self.cells(columns);
        let cells: Vec<(usize, &str)> = cells.iter().map(|(line, text)| (*line, text.as_str())).collect();
        let found = match judge(self.table.name(), &name, &cells, &self.asked.hints) {
            Verdict::Times(found) => found,
            Verdict::Broken(error) => return Ok(Read::Broken(error)),
            Verdict::Unlike(error) => return Ok(Read::Unlike(error)),
        };
        let (values, format, notes) = clocked(self.table.name(), &name, &cells, found, &self.asked.hints)?;
        Ok(Read::Times(
            Times { column: name, values, format, frequency: None, closed: Closed::default() },
            notes,
        ))
    }

    /// Which part of a time a column is named after.
    fn part(&self, column: usize) -> Option<usize> {
        let name = self.table.header()[column].to_lowercase();
        PARTS.iter().position(|names| names.contains(&name.as_str()))
    }

    fn all_parts(&self, columns: &[usize]) -> bool {
        columns.iter().enumerate().all(|(place, &column)| self.part(column) == Some(place))
    }

    fn named_like_time(&self, column: usize) -> bool {
        let name = self.table.header()[column].to_lowercase();
        name.split(|c: char| !c.is_alphanumeric()).any(|word| TIME_WORDS.contains(&word))
            || name.contains("date") && !name.contains("update")
    }

    fn is_number(&self, column: usize) -> bool {
        let number = |&&row: &&usize| self.table.cell(row, column).parse::<f64>().is_ok();
        self.asked
            .rows
            .iter()
            .find(|&&row| !self.table.cell(row, column).is_empty())
            .as_ref()
            .is_some_and(number)
    }

    fn search(&self, notes: &mut Vec<String>) -> Result<Option<Times>> {
        // Times that repeat, numbers that are times, times that cannot be read, and other numbers.
        let (mut repeated, mut plain, mut broken, mut numbers) = (None, None, None, Vec::new());
        for column in self.free() {
            let (named, number) = (self.named_like_time(column), self.is_number(column));
            match self.read(&[column])? {
                Read::Times(times, said) => {
                    // A plain number is a time where its name says so, or its digits are a date or seconds that only
                    // rise or fall.
                    let is_plain = number && times.format.is_plain_number();
                    if is_plain && !named && !(times.format.is_long_number() && one_way(&times.values)) {
                        numbers.push(column);
                    } else if repeat(&times) {
                        repeated = repeated.or(Some((column, times, said)));
                    } else if is_plain {
                        plain = plain.or(Some((column, times, said)));
                    } else {
                        notes.extend(said);
                        return Ok(Some(times));
                    }
                }
                Read::Broken(error) if !number || named => broken = broken.or(Some(error)),
                Read::Unlike(error) if !number && (named || self.looks_like_times(column)) => {
                    broken = broken.or(Some(error));
                }
                Read::Broken(_) | Read::Unlike(_) if number => numbers.push(column),
                Read::Broken(_) | Read::Unlike(_) => {}
            }
        }
        if let Some(times) = self.several(repeated.as_ref().map(|(column, ..)| *column), notes)? {
            return Ok(Some(times));
        }
        if let Some((_, times, said)) = plain.or(repeated) {
            notes.extend(said);
            return Ok(Some(times));
        }
        if let Some(error) = broken {
            return Err(error.advise(text("or choose ") + key("time").to("none")));
        }
        for column in numbers {
            if let Some(counted) = self.counted(column) {
                notes.push(counted);
            } else if self.rises_or_falls(column) {
                let name = quoted(&self.table.header()[column]);
                return Err(Error::Data(format!(
                    "{}: the numbers of column {name} only rise or only fall, as times do, but are no times that can be read",
                    self.table.name()
                ))
                .advise(text("write them as YYYY-MM-DD HH:MM, or choose ") + key("time").to("none")));
            }
        }
        Ok(None)
    }

    /// Times in several columns: a date and a time of day, or year, month, day, hour.
    fn several(&self, standing: Option<usize>, notes: &mut Vec<String>) -> Result<Option<Times>> {
        let mut choices: Vec<Vec<usize>> = Vec::new();
        let of_day = |&column: &usize| Some(column) != standing && self.is_time_of_day(column);
        if let (Some(date), Some(time)) = (standing, self.free().find(of_day)) {
            choices.push(vec![date, time]);
        }
        let place = |part: usize| self.free().find(|&column| self.part(column) == Some(part));
        let parts: Vec<usize> = (0..PARTS.len()).map_while(place).collect();
        if parts.len() > 1 {
            choices.push(parts);
        }
        for columns in choices {
            if let Read::Times(times, said) = self.read(&columns)? {
                notes.extend(said);
                return Ok(Some(times));
            }
        }
        Ok(None)
    }

    /// Whether all cells of a column are times of day.
    fn is_time_of_day(&self, column: usize) -> bool {
        let cells: Vec<(usize, String)> = (self.asked.rows.iter())
            .map(|&row| (self.table.line(row), format!("2000-01-01 {}", self.table.cell(row, column))))
            .collect();
        let cells: Vec<(usize, &str)> = cells.iter().map(|(line, text)| (*line, text.as_str())).collect();
        let day = jiff::civil::date(2000, 1, 1);
        let late = jiff::civil::date(2000, 1, 2);
        matches!(
            judge(self.table.name(), "", &cells, &TimeHints::default()),
            Verdict::Times(found) if found.all(|time| time.date() == day || time.date() == late)
        )
    }

    /// Whether most cells of a column of text have several numbers, as times have.
    fn looks_like_times(&self, column: usize) -> bool {
        let like = |&&row: &&usize| {
            let cell = self.table.cell(row, column);
            let digit = |c: char| c.is_ascii_digit();
            let groups = cell.split(|c: char| !digit(c)).filter(|group| !group.is_empty()).count();
            let between =
                cell.chars().all(|c| digit(c) || matches!(c, '-' | '/' | '.' | ':' | ' ' | 'T' | 'Z' | '+'));
            groups > 1 && between && cell.starts_with(digit)
        };
        2 * self.asked.rows.iter().filter(like).count() > self.asked.rows.len()
    }

    /// What to say of a column that counts the rows: it rises by the same whole number from row to row.
    fn counted(&self, column: usize) -> Option<String> {
        let numbers = self.numbers(column)?;
        let &[first, second, _, ..] = &numbers[..] else { return None };
        let step = second - first;
        let even =
            step >= 1.0 && step.fract() == 0.0 && numbers.windows(2).all(|pair| pair[1] - pair[0] == step);
        even.then(|| {
            format!("column {} counts the rows; there are no times", quoted(&self.table.header()[column]))
        })
    }

    fn rises_or_falls(&self, column: usize) -> bool {
        self.numbers(column).is_some_and(|numbers| numbers.len() > 2 && one_way(&numbers))
    }

    fn numbers(&self, column: usize) -> Option<Vec<f64>> {
        self.asked.rows.iter().map(|&row| self.table.cell(row, column).parse().ok()).collect()
    }
}

/// Whether all values rise or all fall.
fn one_way<T: PartialOrd>(values: &[T]) -> bool {
    values.windows(2).all(|pair| pair[0] < pair[1]) || values.windows(2).all(|pair| pair[0] > pair[1])
}

/// Whether times repeat: a date of many rows has its hour elsewhere.
fn repeat(times: &Times) -> bool {
    let mut sorted = times.values.clone();
    sorted.sort_unstable();
    let repeats = sorted.windows(2).filter(|pair| pair[0] == pair[1]).count();
    // The hour that autumn repeats is one of thousands.
    if times.format.shows_hours() { 20 * repeats > sorted.len() } else { repeats > 0 }
}

/// The order of rows by time, where it is not that of the file: newest first is turned round, the hour that autumn repeats
/// is told apart by the order of the file, and what is left is sorted. Says what was done.
pub(super) fn arrange(times: &mut Times, notes: &mut Vec<String>) -> Option<Vec<usize>> {
    let values = &mut times.values;
    let count =
        |way: fn(&Timestamp, &Timestamp) -> bool| values.windows(2).filter(|p| way(&p[0], &p[1])).count();
    let (falls, rises) = (count(|a, b| a > b), count(|a, b| a < b));
    let mut changed = false;
    let mut order: Vec<usize> = (0..values.len()).collect();
    if falls > rises {
        order.reverse();
        values.reverse();
        changed = true;
        notes.push("the newest row came first; the rows were turned round".into());
    }
    if times.format.clock == Clock::Written && times.format.shows_hours() {
        let clock = without_changes(values);
        if let Clock::Changes { changes } = &clock {
            let (from, _) = changes[0];
            notes.push(format!(
                "the clock shows {} twice; this was read as the end of summer time, and the order of the rows tells the two apart",
                Clock::local(&clock, &from).strftime("%Y-%m-%d %H:%M")
            ));
            times.format.clock = clock;
        }
    }
    let values = &mut times.values;
    if !values.is_sorted() {
        let mut sorted: Vec<usize> = (0..values.len()).collect();
        sorted.sort_by_key(|&place| values[place]);
        *values = sorted.iter().map(|&place| values[place]).collect();
        order = sorted.into_iter().map(|place| order[place]).collect();
        changed = true;
        notes.push("the rows were not in order of time; they were sorted".into());
    }
    changed.then_some(order)
}

/// The column by which rows of one time are several series: each of its values has every time once. `times` are those of
/// `rows`, in the order of the file.
pub(super) fn panel(
    table: &Table,
    rows: &[usize],
    times: &[Timestamp],
    taken: &[&str],
    time_column: &str,
) -> Option<(usize, Vec<String>)> {
    let header = table.header();
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let repeats = sorted.windows(2).any(|pair| pair[0] == pair[1]);
    (0..header.len()).find_map(|column| {
        let name = header[column].as_str();
        if taken.contains(&name) || time_column.split('+').any(|part| part == name) {
            return None;
        }
        let mut seen = std::collections::HashSet::new();
        let mut values: Vec<String> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for (&row, time) in rows.iter().zip(times) {
            let cell = table.cell(row, column);
            if !seen.insert((cell, *time)) {
                return None;
            }
            if known.insert(cell) {
                values.push(cell.to_owned());
            }
        }
        // Without times that repeat, rows that are out of order are several series only if each is a block of rows in order.
        let blocks = || {
            let turns =
                rows.windows(2).filter(|p| table.cell(p[0], column) != table.cell(p[1], column)).count();
            let back = |(rows, times): (&[usize], &[Timestamp])| {
                times[1] < times[0] && table.cell(rows[0], column) == table.cell(rows[1], column)
            };
            turns + 1 == values.len() && !rows.windows(2).zip(times.windows(2)).any(back)
        };
        let several = values.len() > 1 && 2 * values.len() <= rows.len() && (repeats || blocks());
        several.then_some((column, values))
    })
}

/// What to do about a table of several series.
pub(super) fn panel_error(table: &Table, column: usize, values: &[String]) -> Error {
    let name = &table.header()[column];
    Error::Data(format!(
        "{}: column {} has {} series: {}",
        table.name(),
        quoted(name),
        values.len(),
        listed(values)
    ))
    .advise(
        text("learn all of them with ")
            + key("series").to(name)
            + ", or one with "
            + key("series").to(format!("{name}={}", values[0])),
    )
}

/// The rows of the series that `wanted`, `column=value`, names. Errors: no `=`, no such column, no such value.
pub(super) fn rows_of(table: &Table, wanted: &str) -> Result<Vec<usize>> {
    let Some((name, value)) = wanted.split_once('=') else {
        let column = table.column_index(wanted)?;
        let mut values: Vec<String> =
            (0..table.rows()).map(|row| table.cell(row, column).to_owned()).collect();
        values.sort_unstable();
        values.dedup();
        return Err(panel_error(table, column, &values));
    };
    let column = table.column_index(name.trim())?;
    let rows: Vec<usize> = (0..table.rows()).filter(|&row| table.cell(row, column) == value.trim()).collect();
    if rows.is_empty() {
        let mut values: Vec<&str> = (0..table.rows()).map(|row| table.cell(row, column)).collect();
        values.sort_unstable();
        values.dedup();
        return Err(Error::Data(format!(
            "{}: column {} has no row with {}; it has {}",
            table.name(),
            quoted(name.trim()),
            quoted(value.trim()),
            listed(&values)
        )));
    }
    Ok(rows)
}
