//! Records from the rows of a table, CSV or TSV.

use super::choose::{Choice, Holds, choose};
use super::record::{Fields, Input, Record, RecordSpec, whole};
use crate::data::{Table, TextFile, is_json, quoted};
use crate::{Error, Result};

/// Reads the rows of a table whose delimiter is known or to be found.
pub(super) fn read(
    file: &TextFile,
    delimiter: Option<u8>,
    spec: &RecordSpec<'_>,
) -> Result<(Fields, Vec<Record>)> {
    if is_json(file.text()?) {
        let name = file.name();
        return Err(Error::Data(format!(
            "{name}: this is JSON and no table; call the file .jsonl, an object a line"
        )));
    }
    let table = Table::from_text(file, delimiter)?;
    // A number is no text, and neither is nothing.
    let is_text = |cell: &str| !cell.is_empty() && cell.parse::<f64>().is_err();
    let holds = |column: usize| {
        let text = (0..table.rows()).any(|row| is_text(table.cell(row, column)));
        if text { Holds::Text } else { Holds::Other }
    };
    let Choice { fields, numbers } = choose(table.name(), "row 1", table.header(), holds, spec)?;
    if numbers {
        return Err(Error::Data(format!(
            "{}: a cell of {} cannot hold a list of numbers; give such records as JSONL, an object a line",
            table.name(),
            quoted(&fields.input),
        )));
    }
    let input = table.column_index(&fields.input)?;
    let label = fields.label.as_ref().and_then(|label| table.header().iter().position(|name| name == label));
    let record = |row: usize| {
        let line = table.line(row);
        let bad = |field: &str, what: &str| {
            Err(Error::Data(format!("{}: row {line}, column {}: {what}", table.name(), quoted(field))))
        };
        let text = table.cell(row, input);
        if text.is_empty() {
            return bad(&fields.input, "the text is empty; leave such rows out");
        }
        let label = label.map(|column| whole(table.cell(row, column))).filter(|label| !label.is_empty());
        if label.is_none() && spec.require_label {
            let name = fields.label.as_deref().unwrap_or("label");
            return bad(name, "there is no label; give it one or leave the row out");
        }
        Ok(Record { line, input: Input::Text(text.to_owned()), label: label.map(str::to_owned) })
    };
    let records = (0..table.rows()).map(record).collect::<Result<_>>()?;
    Ok((fields, records))
}
