//! Records from the rows of a table, CSV or TSV.

use super::choose::{Choice, Holds, choose, chosen_note};
use super::kinds::kind;
use super::label_columns;
use super::record::{Beside, Found, Input, Record, RecordSpec, whole};
use super::recordings;
use crate::data::{Table, TextFile, is_json, quoted};
use crate::{Error, Result};

/// Reads the rows of a table whose delimiter is known or to be found.
pub(super) fn read(file: &TextFile, delimiter: Option<u8>, spec: &RecordSpec<'_>) -> Result<Found> {
    if is_json(file.text()) {
        let name = file.name();
        return Err(Error::Data(format!(
            "{name}: this is JSON and no table; call the file .jsonl, an object a line"
        )));
    }
    let table = Table::from_text(file, delimiter)?;
    let gathered = label_columns::gathered(&table, spec)?;
    let label_columns = gathered.is_some();
    let table = gathered.unwrap_or(table);
    let kinds: Vec<Holds> = (0..table.header().len())
        .map(|column| kind((0..table.rows()).map(|row| table.cell(row, column))))
        .collect();
    if let Some(found) = recordings::read(&table, &kinds, spec)? {
        let notes = table.notes().iter().cloned().chain(found.notes).collect();
        return Ok(Found { delimiter: Some(table.delimiter()), label_columns, notes, ..found });
    }
    if spec.window.is_some() && spec.text.is_none() && !kinds.contains(&Holds::Text) {
        return Err(Error::Data(format!(
            "{}: there is no column of numbers to cut into windows",
            table.name()
        )));
    }
    let Choice { fields, numbers } =
        choose(table.name(), "the header", table.header(), |column| kinds[column], spec)?;
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
        if text.is_empty() && !spec.to_predict {
            return bad(&fields.input, "the text is empty; leave such rows out");
        }
        let label = label.map(|column| whole(table.cell(row, column))).filter(|label| !label.is_empty());
        if label.is_none() && spec.require_label && spec.lists.is_none() {
            let name = fields.label.as_deref().unwrap_or("label");
            return bad(name, "there is no label; give it one or leave the row out");
        }
        Ok(Record {
            line,
            input: Input::Text(text.to_owned()),
            label: label.map(str::to_owned),
            labels: Vec::new(),
        })
    };
    let records = (0..table.rows()).map(record).collect::<Result<_>>()?;
    let mut notes = table.notes().to_vec();
    notes.extend(chosen_note(table.name(), &fields, kinds[input], spec));
    let delimiter = Some(table.delimiter());
    let beside = if spec.to_predict { beside(&table) } else { Beside::default() };
    Ok(Found { beside, delimiter, label_columns, notes, ..Found::of(fields, records) })
}

/// All cells of a table.
fn beside(table: &Table) -> Beside {
    let names = table.header().to_vec();
    let row = |row: usize| (0..names.len()).map(|column| table.cell(row, column).to_owned()).collect();
    let rows = (0..table.rows()).map(row).collect();
    Beside { names, rows }
}
