//! Texts as people write them, a line each, for a model that reads texts.

use super::lines::numbered_lines;
use super::open::counted;
use super::record::{Beside, Fields, Found, Input, Record, RecordSpec};

/// What may separate the cells of a table.
const DELIMITERS: [char; 3] = [',', ';', '\t'];

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    numbered_lines(text).map(|(number, line)| (number, line.trim()))
}

/// Whether a file that is predicted from is lines of text: its first line does not name the field that the model reads, and
/// its lines are not cut into as many cells by any delimiter, unless there is but one line, which is no table.
pub(super) fn is_one(text: &str, spec: &RecordSpec<'_>) -> bool {
    let Some(field) = spec.text.filter(|_| spec.to_predict) else { return false };
    let full = || lines(text).map(|(_, line)| line).filter(|line| !line.is_empty());
    let Some(first) = full().next() else { return false };
    let names = |delimiter: char| first.split(delimiter).any(|cell| cell.trim().trim_matches('"') == field);
    let even = |delimiter: char| {
        let count = |line: &str| line.matches(delimiter).count();
        count(first) > 0 && full().all(|line| count(line) == count(first))
    };
    let table =
        DELIMITERS.into_iter().any(|delimiter| names(delimiter) || even(delimiter) && full().count() > 1);
    !table
}

/// Reads a text a line; blank lines at the end are none.
pub(super) fn read(file: &str, text: &str, spec: &RecordSpec<'_>) -> Found {
    let mut all: Vec<(usize, &str)> = lines(text).collect();
    let last = all.iter().rposition(|(_, line)| !line.is_empty()).map_or(0, |last| last + 1);
    all.truncate(last);
    let field = spec.text.unwrap_or("text").to_owned();
    let rows = all.iter().map(|(_, line)| vec![(*line).to_owned()]).collect();
    let record = |&(line, content): &(usize, &str)| Record {
        line,
        input: Input::Text(content.into()),
        label: None,
        labels: Vec::new(),
    };
    let records: Vec<Record> = all.iter().map(record).collect();
    let notes = vec![format!("{file}: read as {}, a line each", counted(records.len(), "text"))];
    let fields = Fields { input: field.clone(), label: spec.label.map(str::to_owned) };
    Found { beside: Beside { names: vec![field], rows }, notes, ..Found::of(fields, records) }
}
