//! Sequences of numbers from tables: recordings one after the other in a file, one a file in a folder, or one a row.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::choose::Holds;
use super::open::counted;
use super::record::no_such;
use super::record::{Beside, Fields, Form, Found, RecordSpec, whole};
use super::windows::{Recording, records};
use crate::data::{Table, listed, parse_times, quoted};
use crate::message::{key, text};
use crate::{Error, Result};

/// What columns that say which recording a row is of are called, without marks and in lower case.
const SERIES: [&str; 30] = [
    "seriesid",
    "series",
    "uniqueid",
    "recordingid",
    "recording",
    "sequenceid",
    "sequence",
    "seqid",
    "trialid",
    "trial",
    "sessionid",
    "session",
    "segmentid",
    "segment",
    "subjectid",
    "subject",
    "userid",
    "user",
    "sampleid",
    "sample",
    "measurementid",
    "measurement",
    "caseid",
    "case",
    "groupid",
    "group",
    "itemid",
    "filename",
    "file",
    "id",
];
/// What columns of times are called.
const TIMES: [&str; 10] =
    ["time", "timestamp", "datetime", "date", "t", "ts", "step", "timestep", "seconds", "index"];

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Which columns are what.
struct Roles {
    series: Option<usize>,
    time: Option<usize>,
    label: Option<usize>,
    /// Columns of numbers.
    channels: Vec<usize>,
}

/// What a table holds, if it holds sequences of numbers: where nothing names them, a table without a column of texts that
/// says which recording each row is of, or whose columns are named by steps, or whose rows are to be cut into windows.
pub(super) fn read(table: &Table, kinds: &[Holds], spec: &RecordSpec<'_>) -> Result<Option<Found>> {
    let named =
        spec.series.is_some() || matches!(spec.form, Some(Form::Recordings { .. } | Form::Wide { .. }));
    let Some(roles) = roles(table, kinds, spec)? else { return Ok(None) };
    let others: Vec<usize> = (0..kinds.len())
        .filter(|column| Some(*column) != roles.label && Some(*column) != roles.series)
        .collect();
    if spec.text.is_some() || roles.channels.is_empty() {
        return Ok(None);
    }
    if !named && spec.x.is_none() && others.iter().any(|&column| kinds[column] == Holds::Text) {
        return Ok(None);
    }
    if let Some(Form::Wide { channels }) = spec.form {
        return wide(table, roles.label, channels, spec).map(Some);
    }
    if roles.series.is_none()
        && !matches!(spec.form, Some(Form::Recordings { .. }))
        && roles.time.is_none()
        && let Some(channels) = steps(table.header(), &roles.channels)
    {
        return wide(table, roles.label, &channels, spec).map(Some);
    }
    if roles.series.is_none() && spec.window.is_none() && !named {
        return Ok(None);
    }
    let (recordings, mut notes) = recordings(table, &roles, spec)?;
    let name = |column: Option<usize>| column.map(|column| table.header()[column].clone());
    let channels: Vec<String> = roles.channels.iter().map(|&column| table.header()[column].clone()).collect();
    notes.insert(0, said(table, &roles, &recordings, &channels));
    let fields =
        Fields { input: channels.join(","), label: name(roles.label).or(spec.label.map(str::to_owned)) };
    let form = Form::Recordings { series: name(roles.series), time: name(roles.time), channels };
    let mut found = records(table.name(), recordings, fields, spec)?;
    if let (Some(first), Some(series)) = (found.beside.names.first_mut(), name(roles.series)) {
        *first = series;
    }
    notes.extend(found.notes);
    Ok(Some(Found { form, notes, ..found }))
}

/// The recordings of a table that is a file of a folder, their form, and what to say of it.
pub(super) fn of_table(
    table: &Table,
    kinds: &[Holds],
    spec: &RecordSpec<'_>,
) -> Result<(Vec<Recording>, Form, String)> {
    let nothing = || Error::Data(format!("{}: there is no column of numbers in it", table.name()));
    let roles = roles(table, kinds, spec)?.filter(|roles| !roles.channels.is_empty()).ok_or_else(nothing)?;
    let (recordings, _) = recordings(table, &roles, spec)?;
    let name = |column: Option<usize>| column.map(|column| table.header()[column].clone());
    let channels: Vec<String> = roles.channels.iter().map(|&column| table.header()[column].clone()).collect();
    let said = said(table, &roles, &recordings, &channels);
    Ok((recordings, Form::Recordings { series: name(roles.series), time: name(roles.time), channels }, said))
}

/// What was made of a table.
fn said(table: &Table, roles: &Roles, recordings: &[Recording], channels: &[String]) -> String {
    let header = table.header();
    let mut said = format!("{}: {}", table.name(), counted(recordings.len(), "recording"));
    if let Some(series) = roles.series {
        said += &format!(" by {}", quoted(&header[series]));
    }
    said += &match roles.time {
        Some(time) => format!(" in the order of {}", quoted(&header[time])),
        None => " in the order of the file".to_owned(),
    };
    said += &format!(", {}: {}", counted(channels.len(), "channel"), listed(channels));
    let unused: Vec<String> = (0..header.len())
        .filter(|column| {
            !roles.channels.contains(column)
                && ![roles.series, roles.time, roles.label].contains(&Some(*column))
        })
        .map(|column| header[column].clone())
        .collect();
    if !unused.is_empty() {
        said += &format!("; not read: {}", listed(&unused));
    }
    said
}

/// Which columns are what; None where a label is required and there is none. Errors: columns that are named but not there.
fn roles(table: &Table, kinds: &[Holds], spec: &RecordSpec<'_>) -> Result<Option<Roles>> {
    let header = table.header();
    let find = |name: &str| match header.iter().position(|other| other == name) {
        None => Err(no_such(table.name(), "the header", name, header)),
        found => Ok(found),
    };
    let usual = |names: &[&str]| {
        names.iter().find_map(|name| header.iter().position(|column| plain(column) == *name))
    };
    let label_name = spec.label.unwrap_or("label");
    let label = header.iter().position(|name| name == label_name);
    if label.is_none() && spec.require_label {
        return Ok(None);
    }
    let (series, time, channels) = match spec.form {
        Some(Form::Recordings { series, time, channels }) => {
            let series = series.as_deref().map(&find).transpose()?.flatten();
            let time = time.as_deref().map(&find).transpose()?.flatten();
            (series, time, Some(channels.clone()))
        }
        _ => {
            let repeats = |column: usize| {
                let names: std::collections::HashSet<&str> =
                    (0..table.rows()).map(|row| table.cell(row, column)).collect();
                2 * names.len() <= table.rows()
            };
            let series = match spec.series {
                Some(name) => find(name)?,
                None => usual(&SERIES).filter(|&column| Some(column) != label && repeats(column)),
            };
            let by_kind = || kinds.iter().position(|&kind| kind == Holds::Times);
            let time = match spec.time {
                Some("none") => None,
                Some(name) => find(name)?,
                None => by_kind().or_else(|| usual(&TIMES)),
            };
            let time = time.filter(|&time| Some(time) != series && Some(time) != label);
            // One column of names beside times can only say what was recorded.
            let names = || {
                let mut all = (0..header.len())
                    .filter(|&column| kinds[column] == Holds::Names && Some(column) != label);
                all.next().filter(|_| all.next().is_none() && time.is_some())
            };
            (series.or_else(names), time, None)
        }
    };
    let named: Option<Vec<String>> =
        channels.or_else(|| spec.x.map(|x| x.split(',').map(|name| name.trim().to_owned()).collect()));
    let mut channels = match named {
        // What reads a single field says what is wrong with it.
        Some(named)
            if spec.series.or(spec.time).is_none()
                && spec.window.is_none()
                && !matches!(spec.form, Some(Form::Recordings { .. } | Form::Wide { .. }))
                && !named.iter().all(|name| header.contains(name)) =>
        {
            return Ok(None);
        }
        Some(named) => named.iter().map(|name| table.column_index(name)).collect::<Result<Vec<usize>>>()?,
        None => (0..header.len())
            .filter(|&column| {
                kinds[column] == Holds::Other
                    && ![series, time, label].contains(&Some(column))
                    && numeric(table, column)
            })
            .collect(),
    };
    // Whatever the order of the columns, it is the same recording.
    channels.sort_by(|&a, &b| natural(&header[a], &header[b]));
    Ok(Some(Roles { series, time, label, channels }))
}

fn numeric(table: &Table, column: usize) -> bool {
    let mut cells = (0..table.rows()).map(|row| table.cell(row, column)).filter(|cell| !cell.is_empty());
    cells.next().is_some() && table.numeric(&table.header()[column]).is_ok()
}

/// Names in the order of their letters, and of their numbers where letters are the same.
fn natural(a: &str, b: &str) -> Ordering {
    let parts = |name: &str| {
        let (prefix, number) = numbered(name).unwrap_or((name.to_owned(), -1.0));
        (prefix, number)
    };
    let (a_parts, b_parts) = (parts(a), parts(b));
    a_parts.0.cmp(&b_parts.0).then(a_parts.1.total_cmp(&b_parts.1)).then_with(|| a.cmp(b))
}

/// A name's letters and the number at its end: `t12`, `x_0`, `0.25`.
fn numbered(name: &str) -> Option<(String, f64)> {
    let trimmed = name.trim_end_matches([']', ')']);
    let start = trimmed
        .rfind(|c: char| !c.is_ascii_digit() && c != '.')
        .map_or(0, |at| at + trimmed[at..].chars().next().map_or(0, char::len_utf8));
    let digits = trimmed[start..].trim_start_matches('.');
    let prefix = trimmed[..trimmed.len() - digits.len()].trim_end_matches(['_', '-', ' ', '.', '[', '(']);
    Some((prefix.to_owned(), digits.parse().ok()?))
}

/// A sequence of fewer steps is hardly written as a row.
const FEWEST_STEPS: usize = 3;

/// The columns of each channel in the order of their steps, where columns are named by steps: `t0 … t99`, or
/// `x_0 … x_99, y_0 … y_99`.
fn steps(header: &[String], columns: &[usize]) -> Option<Vec<Vec<String>>> {
    let mut channels: Vec<(String, Vec<(f64, String)>)> = Vec::new();
    for &column in columns {
        let Some((prefix, number)) = numbered(&header[column]) else { continue };
        let one = (number, header[column].clone());
        match channels.iter_mut().find(|(name, _)| *name == prefix) {
            Some((_, steps)) => steps.push(one),
            None => channels.push((prefix, vec![one])),
        }
    }
    channels.retain(|(_, steps)| steps.len() >= FEWEST_STEPS);
    channels.iter_mut().for_each(|(_, steps)| steps.sort_by(|a, b| a.0.total_cmp(&b.0)));
    channels.sort_by(|a, b| a.0.cmp(&b.0));
    let numbers = |steps: &[(f64, String)]| steps.iter().map(|(number, _)| *number).collect::<Vec<f64>>();
    let first = numbers(&channels.first()?.1);
    let distinct = first.windows(2).all(|pair| pair[0] < pair[1]);
    let alike = channels.iter().all(|(_, steps)| numbers(steps) == first);
    (distinct && alike).then(|| {
        channels.into_iter().map(|(_, steps)| steps.into_iter().map(|(_, name)| name).collect()).collect()
    })
}

/// A sequence a row.
fn wide(
    table: &Table,
    label: Option<usize>,
    channels: &[Vec<String>],
    spec: &RecordSpec<'_>,
) -> Result<Found> {
    let steps = channels.first().map_or(0, Vec::len);
    if steps == 0 || channels.iter().any(|channel| channel.len() != steps) {
        return Err(Error::Model(
            "its pipeline cannot be used: its channels have no steps, or not as many".into(),
        ));
    }
    let mut columns: Vec<Vec<Vec<Option<f64>>>> = Vec::new();
    for channel in channels {
        columns.push(channel.iter().map(|name| table.numeric(name)).collect::<Result<_>>()?);
    }
    let mut recordings = Vec::with_capacity(table.rows());
    for row in 0..table.rows() {
        let there = |step: usize| columns.iter().any(|channel| channel[step][row].is_some());
        // Shorter sequences leave their last columns empty.
        let length = (0..steps).rev().find(|&step| there(step)).map_or(0, |last| last + 1);
        let mut values = Vec::with_capacity(length * channels.len());
        for step in 0..length {
            for (channel, names) in columns.iter().zip(channels) {
                let value = channel[step][row].ok_or_else(|| missing(table, row, &names[step]))?;
                values.push(value as f32);
            }
        }
        if length == 0 {
            return Err(missing(table, row, &channels[0][0]));
        }
        recordings.push(Recording {
            name: (row + 1).to_string(),
            line: table.line(row),
            channels: channels.len(),
            values,
            labels: vec![label_of(table, row, label, spec)?],
            places: Vec::new(),
        });
    }
    let used: Vec<&String> = channels.iter().flatten().collect();
    let rest: Vec<usize> =
        (0..table.header().len()).filter(|&c| !used.contains(&&table.header()[c])).collect();
    let unread: Vec<String> = rest
        .iter()
        .filter(|&&column| Some(column) != label)
        .map(|&column| table.header()[column].clone())
        .collect();
    let mut said = format!(
        "{}: a row is a sequence of {} in {}, {} to {}",
        table.name(),
        counted(steps, "step"),
        counted(channels.len(), "channel"),
        quoted(&channels[0][0]),
        quoted(channels[channels.len() - 1].last().map_or("", String::as_str)),
    );
    if !unread.is_empty() {
        said += &format!("; not read: {}", listed(&unread));
    }
    let label_name = label.map(|column| table.header()[column].clone()).or(spec.label.map(str::to_owned));
    let fields = Fields { input: channels[0][0].clone(), label: label_name };
    let windowed = spec.window.is_some();
    let mut found = records(table.name(), recordings, fields, spec)?;
    found.notes.insert(0, said);
    if spec.to_predict && !windowed {
        let row = |row: usize| rest.iter().map(|&column| table.cell(row, column).to_owned()).collect();
        found.beside = Beside {
            names: rest.iter().map(|&column| table.header()[column].clone()).collect(),
            rows: (0..table.rows()).map(row).collect(),
        };
    }
    Ok(Found { form: Form::Wide { channels: channels.to_vec() }, ..found })
}

fn missing(table: &Table, row: usize, column: &str) -> Error {
    Error::Data(format!(
        "{}: row {}, column {}: there is no number; every step needs one (fill the gap or leave the recording out)",
        table.name(),
        table.line(row),
        quoted(column)
    ))
}

fn label_of(
    table: &Table,
    row: usize,
    label: Option<usize>,
    spec: &RecordSpec<'_>,
) -> Result<Option<String>> {
    let found = label.map(|column| whole(table.cell(row, column))).filter(|label| !label.is_empty());
    match (found, label) {
        (None, Some(column)) if spec.require_label && spec.lists.is_none() => Err(Error::Data(format!(
            "{}: row {}, column {}: there is no label; give it one or leave the row out",
            table.name(),
            table.line(row),
            quoted(&table.header()[column])
        ))),
        (found, _) => Ok(found.map(str::to_owned)),
    }
}

/// The recordings of a table, in the order in which they first appear, each in the order of time.
fn recordings(table: &Table, roles: &Roles, spec: &RecordSpec<'_>) -> Result<(Vec<Recording>, Vec<String>)> {
    let header = table.header();
    let mut rows: Vec<(String, Vec<usize>)> = Vec::new();
    let mut places = HashMap::new();
    for row in 0..table.rows() {
        let name = roles.series.map_or("1", |column| table.cell(row, column));
        if let Some(column) = roles.series.filter(|_| name.is_empty()) {
            return Err(Error::Data(format!(
                "{}: row {}, column {}: it says of no recording that it is of",
                table.name(),
                table.line(row),
                quoted(&header[column])
            )));
        }
        let place = *places.entry(name.to_owned()).or_insert(rows.len());
        if place == rows.len() {
            rows.push((name.to_owned(), Vec::new()));
        }
        rows[place].1.push(row);
    }
    let mut notes = Vec::new();
    if let Some(time) = roles.time {
        let sorted = in_time(table, time, &mut rows)?;
        if sorted > 0 {
            notes.push(format!(
                "{}: {} not in the order of time; sorted",
                table.name(),
                counted(sorted, "recording")
            ));
        }
    }
    let columns: Vec<Vec<Option<f64>>> =
        roles.channels.iter().map(|&column| table.numeric(&header[column])).collect::<Result<_>>()?;
    let mut all = Vec::with_capacity(rows.len());
    for (name, rows) in rows {
        let mut values = Vec::with_capacity(rows.len() * columns.len());
        let mut labels = Vec::new();
        for &row in &rows {
            for (values_of, &column) in columns.iter().zip(&roles.channels) {
                let value = values_of[row].ok_or_else(|| missing(table, row, &header[column]))?;
                values.push(value as f32);
            }
            labels.push(label_of(table, row, roles.label, &RecordSpec { require_label: false, ..*spec })?);
        }
        let first = rows.first().copied().unwrap_or_default();
        // A label may stand on the first row of a recording alone.
        if let Some(only) = only(&labels) {
            labels = vec![only.cloned()];
        }
        if spec.require_label && spec.lists.is_none() && labels.iter().any(Option::is_none) {
            let without =
                labels.iter().position(Option::is_none).and_then(|at| rows.get(at)).unwrap_or(&first);
            return Err(label_of(table, *without, roles.label, spec).err().unwrap_or_else(|| {
                Error::Data(format!("{}: recording {} has no label", table.name(), quoted(&name)))
            }));
        }
        if spec.window.is_none()
            && let Some(other) = labels.iter().position(|label| *label != labels[0])
        {
            let shown = |label: &Option<String>| label.as_deref().map_or("none".into(), quoted);
            return Err(Error::Data(format!(
                "{}: recording {} has the label {} in row {} but {} in row {}; a recording has one label",
                table.name(),
                quoted(&name),
                shown(&labels[0]),
                table.line(first),
                shown(&labels[other]),
                table.line(rows[other])
            ))
            .advise(text("cut recordings into windows with ") + key("window")));
        }
        let place = |(at, &row): (usize, &usize)| match roles.time {
            Some(time) => table.cell(row, time).to_owned(),
            None => (at + 1).to_string(),
        };
        all.push(Recording {
            places: rows.iter().enumerate().map(place).collect(),
            name,
            line: table.line(first),
            channels: columns.len(),
            values,
            labels,
        });
    }
    Ok((all, notes))
}

/// The one label that there is among those of a recording's rows, if there is not more than one.
fn only(labels: &[Option<String>]) -> Option<Option<&String>> {
    let mut there = labels.iter().flatten();
    let first = there.next();
    there.all(|label| Some(label) == first).then_some(first)
}

/// Sorts the rows of each recording by their times, and says of how many that changed the order. Errors: times that are
/// none, and a time that a recording has twice.
fn in_time(table: &Table, time: usize, rows: &mut [(String, Vec<usize>)]) -> Result<usize> {
    let name = &table.header()[time];
    let cells = || (0..table.rows()).map(|row| (table.line(row), table.cell(row, time)));
    let numbers: Option<Vec<f64>> = cells().map(|(_, cell)| cell.parse().ok()).collect();
    let ranks: Vec<usize> = match numbers {
        Some(numbers) => ranks(&numbers, |a, b| a.total_cmp(b)),
        None => ranks(&parse_times(table.name(), name, cells())?.0, Ord::cmp),
    };
    let mut changed = 0;
    for (series, rows) in rows {
        let before = rows.clone();
        rows.sort_by_key(|&row| ranks[row]);
        changed += usize::from(before != *rows);
        if let Some(pair) = rows.windows(2).find(|pair| ranks[pair[0]] == ranks[pair[1]]) {
            return Err(Error::Data(format!(
                "{}: rows {} and {}, column {}: recording {} has the time {} twice",
                table.name(),
                table.line(pair[0]),
                table.line(pair[1]),
                quoted(name),
                quoted(series),
                quoted(table.cell(pair[0], time))
            ))
            .advise(text("name the column that tells the recordings apart with ") + key("series")));
        }
    }
    Ok(changed)
}

/// The place of each among all in order; equal ones have the same.
fn ranks<T>(values: &[T], order: impl Fn(&T, &T) -> Ordering) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..values.len()).collect();
    sorted.sort_by(|&a, &b| order(&values[a], &values[b]));
    let mut ranks = vec![0; values.len()];
    for pair in 1..sorted.len() {
        let (before, now) = (sorted[pair - 1], sorted[pair]);
        let same = order(&values[before], &values[now]) == Ordering::Equal;
        ranks[now] = if same { ranks[before] } else { pair };
    }
    ranks
}
