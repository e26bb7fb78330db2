//! Several labels of a record as columns of zeros and ones, one for each label.

use super::lists;
use super::record::{Record, RecordSpec, no_such, whole};
use crate::data::{Table, listed, quoted};
use crate::message::text;
use crate::{Error, Result};

/// The places of the fields that are labels, where what is named is no field but several with commas between them; None where
/// it is one, or where labels are not read. Error: one that is not there.
pub(super) fn places(
    file: &str,
    place: &str,
    names: &[String],
    spec: &RecordSpec<'_>,
) -> Result<Option<Vec<usize>>> {
    let Some(label) = spec.label.filter(|label| {
        spec.lists.is_some()
            && !spec.to_predict
            && label.contains(',')
            && names.iter().all(|name| name != label)
    }) else {
        return Ok(None);
    };
    let mut all = Vec::new();
    for one in label.split(',').map(str::trim) {
        match names.iter().position(|name| name == one) {
            Some(column) => all.push(column),
            None if spec.require_label => return Err(no_such(file, place, one, names)),
            None => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// Whether a record has the label of a column, by what stands there; None where that is neither.
pub(super) fn has(cell: &str) -> Option<bool> {
    match whole(cell.trim()) {
        "1" => Some(true),
        "0" => Some(false),
        cell if cell.eq_ignore_ascii_case("true") => Some(true),
        cell if cell.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The error where a field holds neither, but `what`; `at` says where.
pub(super) fn neither(at: &str, field: &str, what: &str) -> Error {
    Error::Data(format!("{at}: {} is {what}, which is neither 0 nor 1", quoted(field)))
        .advise(text("give 1 to records that have the label, 0 to all others"))
}

/// The table with lists of labels in the place of their columns, in one that is called as they are named; None where none are
/// named. Error, with row and column: a cell that is neither 0 nor 1.
pub(super) fn gathered(table: &Table, spec: &RecordSpec<'_>) -> Result<Option<Table>> {
    let (Some(columns), Some(label)) =
        (places(table.name(), "the header", table.header(), spec)?, spec.label)
    else {
        return Ok(None);
    };
    let set = |row: usize| {
        let mut labels = Vec::new();
        for &column in &columns {
            let (name, cell) = (&table.header()[column], table.cell(row, column));
            match has(cell) {
                Some(true) => labels.push(name),
                Some(false) => {}
                None => {
                    let at = format!("{}: row {}", table.name(), table.line(row));
                    return Err(neither(&at, name, &quoted(cell)));
                }
            }
        }
        Ok(lists::written(&labels))
    };
    let sets: Vec<String> = (0..table.rows()).map(set).collect::<Result<_>>()?;
    table.gathered(&columns, label, &sets).map(Some)
}

/// What to say of columns that no record has the label of; None where each is a label of one.
pub(super) fn unused(file: &str, label: &str, records: &[Record]) -> Option<String> {
    let is_unused = |name: &&str| !records.iter().any(|record| record.labels.iter().any(|one| one == name));
    let unused: Vec<&str> = label.split(',').map(str::trim).filter(is_unused).collect();
    let s = if unused.len() == 1 { "" } else { "s" };
    (!unused.is_empty()).then(|| format!("{file}: no record has the label{s} {}", listed(&unused)))
}
