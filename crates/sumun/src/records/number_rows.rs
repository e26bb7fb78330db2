//! Labelled sequences of numbers in rows without a header, as the UCR archive has them: a label and the values of a sequence
//! in each row.

use super::lines::numbered_lines;
use super::open::counted;
use super::record::{Fields, Form, Found, Input, Record, RecordSpec};
use crate::data::quoted;
use crate::message::{key, text as part};
use crate::{Error, Result};

/// A shorter row is hardly a label and a sequence.
const FEWEST: usize = 3;
/// Labels that are whole numbers have at most so many values, whatever the rows, or one for as many rows.
const FEW: usize = 20;
const ROWS_EACH: usize = 4;

/// What the numbers are called.
const X: &str = "x";

/// Where a label is called by the number of its column: `1`.
fn column_of(named: &str) -> Option<usize> {
    named.parse::<usize>().ok()?.checked_sub(1)
}

fn cells(line: &str) -> Vec<&str> {
    let line = line.trim();
    let separator = ['\t', ',', ';'].into_iter().find(|&separator| line.contains(separator));
    match separator {
        Some(separator) => line.split(separator).map(str::trim).collect(),
        None => line.split_whitespace().collect(),
    }
}

/// The lines that are not blank.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    numbered_lines(text).filter(|(_, line)| !line.trim().is_empty())
}

/// Whether the first lines are numbers and nothing else.
pub(super) fn is_one(text: &str) -> bool {
    let numbers = |line: &str| {
        let cells = cells(line);
        cells.len() >= FEWEST && cells.iter().all(|cell| cell.parse::<f64>().is_ok())
    };
    lines(text).take(5).all(|(_, line)| numbers(line)) && lines(text).next().is_some()
}

/// The rows of a file that holds nothing but numbers, with their lines; None of others.
pub(super) fn numbers(text: &str) -> Option<Vec<(usize, Vec<f64>)>> {
    let row = |content: &str| {
        cells(content).into_iter().map(|cell| cell.parse().ok()).collect::<Option<Vec<f64>>>()
    };
    lines(text).map(|(line, content)| Some((line, row(content)?))).collect()
}

/// Reads a sequence a row. A model knows how many columns it was trained on, the label among them: rows of one less have
/// none.
pub(super) fn read(file: &str, text: &str, spec: &RecordSpec<'_>) -> Result<Found> {
    let columns = match spec.form {
        Some(&Form::NumberRows { columns }) => Some(columns),
        _ => None,
    };
    let mut rows: Vec<(usize, Vec<f64>)> = Vec::new();
    for (line, content) in lines(text) {
        let parse = |cell: &str| {
            cell.parse::<f64>()
                .map_err(|_| Error::Data(format!("{file}: line {line}: {} is not a number", quoted(cell))))
        };
        rows.push((line, cells(content).into_iter().map(parse).collect::<Result<_>>()?));
    }
    let count = rows.first().map_or(0, |(_, row)| row.len());
    if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() != count) {
        return Err(Error::Data(format!(
            "{file}: line {line} has {} where the first has {count}; every row needs as many (NaN at its end where a \
             sequence is shorter)",
            counted(row.len(), "number")
        )));
    }
    if let Some(named) = spec.x.or(spec.text).filter(|&named| named != X) {
        return Err(Error::Data(format!(
            "{file}: there is no column {}; the rows have no header",
            quoted(named)
        )));
    }
    let bare = !spec.require_label && columns == Some(count + 1);
    let label = match spec.label {
        _ if bare => None,
        Some(named) => Some(column_of(named).filter(|&column| column < count).ok_or_else(|| {
            Error::Data(format!("{file}: there is no column {}; the rows have no header", quoted(named)))
                .advise(
                    part("give ")
                        + key("label")
                        + format!(" a number from 1 to {count}, or the file a header"),
                )
        })?),
        None => Some(label_column(file, &rows, count, text.contains('\t'))?),
    };
    if let Some(trained) = columns.filter(|&trained| !bare && trained != count) {
        return Err(Error::Data(format!(
            "{file}: its rows have {}, but those that the model was trained on have {trained}, the label among them",
            counted(count, "number")
        )));
    }
    let record = |(line, mut row): (usize, Vec<f64>)| {
        let bad = |problem: String| Error::Data(format!("{file}: line {line}: {problem}"));
        let label = label.map(|column| row.remove(column)).filter(|label| label.is_finite());
        if spec.require_label && spec.lists.is_none() && label.is_none() {
            return Err(bad("there is no label; give it one or leave the row out".into()));
        }
        // The archive fills shorter sequences up with NaN.
        let steps = row.iter().rposition(|value| !value.is_nan()).map_or(0, |last| last + 1);
        row.truncate(steps);
        let values: Vec<f32> = row.iter().map(|&value| value as f32).collect();
        match values.iter().position(|value| !value.is_finite()) {
            _ if steps == 0 => Err(bad("there is no number beside the label; leave such rows out".into())),
            Some(at) => Err(bad(format!(
                "value {} is {}; every value must be a finite number (fill the gap or leave the row out)",
                at + 1,
                row[at]
            ))),
            None => {
                let label = label.map(|label| label.to_string());
                Ok(Record {
                    line,
                    input: Input::Numbers { steps, channels: 1, values },
                    label,
                    labels: Vec::new(),
                })
            }
        }
    };
    let records: Vec<Record> = rows.into_iter().map(record).collect::<Result<_>>()?;
    let trained_label = spec.label.map(str::to_owned);
    let name = label.map(|column| (column + 1).to_string()).or(trained_label);
    let labels = name.as_ref().map_or_else(String::new, |name| format!(" and a label, column {name}"));
    let values = count - usize::from(label.is_some());
    let note =
        format!("{file}: no header; every row is a sequence of up to {values} steps of one channel{labels}");
    let fields = Fields { input: X.into(), label: name };
    let form = Form::NumberRows { columns: values + 1 };
    Ok(Found { form, notes: vec![note], ..Found::of(fields, records) })
}

/// The column of the labels: the first or the last, whichever holds few whole numbers and the other does not; of rows with
/// tabs, as the archive has them, the first of both.
fn label_column(file: &str, rows: &[(usize, Vec<f64>)], count: usize, tabs: bool) -> Result<usize> {
    let labels = |column: usize| {
        let mut seen: Vec<f64> = Vec::new();
        for (_, row) in rows {
            let value = row[column];
            if value.fract() != 0.0 || value.is_nan() {
                return false;
            }
            if !seen.contains(&value) {
                seen.push(value);
            }
            if seen.len() > FEW.max(rows.len() / ROWS_EACH) {
                return false;
            }
        }
        // One row in two at most begins a class of its own.
        seen.len() > 1 && 2 * seen.len() <= rows.len().max(4)
    };
    match (labels(0), labels(count - 1)) {
        (true, last) if tabs || !last => Ok(0),
        (false, true) => Ok(count - 1),
        (found, _) => {
            let which = if found {
                "the first and the last column both could be"
            } else {
                "neither the first nor the last column looks like"
            };
            Err(Error::Data(format!("{file}: the rows have no header, and {which} the labels")).advise(
                part("name the column with ") + key("label") + format!(", a number from 1 to {count}"),
            ))
        }
    }
}
