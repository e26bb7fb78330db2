//! A sheet of a workbook (`.xlsx`, `.ods`, `.xls`) as the text of a table.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{Data, Range, Reader, Sheets, open_workbook_auto_from_rs};

use super::names::{did_you_mean, listed, quoted};
use super::number::is_number;
use super::sheet::{Sheet, on_one_line, push_line};
use super::{workbook_check, xls_check};

/// What ZIP archives begin with.
const ZIP: &[u8] = b"PK\x03\x04";

/// Whether bytes are a workbook: a ZIP archive as workbooks are, or the older format of Excel.
pub(super) fn is_workbook(bytes: &[u8]) -> bool {
    let holds = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    (bytes.starts_with(ZIP)
        && (holds(b"xl/workbook") || holds(b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet")))
        || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1])
}

/// Reads the sheet `wanted`, or the first that is not empty, of a workbook that unpacks to `most` bytes at most. Error: what
/// is wrong, on one line.
pub(super) fn read(bytes: Vec<u8>, wanted: Option<&str>, most: u64) -> Result<Sheet, String> {
    let unreadable = |error: &dyn std::fmt::Display| {
        format!("the workbook cannot be read ({}); save it as CSV in UTF-8", on_one_line(error))
    };
    match bytes.starts_with(ZIP) {
        true => workbook_check::check(&bytes, most).map_err(|error| unreadable(&error))?,
        false => xls_check::check(&bytes).map_err(|error| unreadable(&error))?,
    }
    // What a record of an older workbook says of its own texts and formulas is not looked through; where the library that
    // reads them goes beyond a record's end, the workbook is damaged, and no more is.
    let open = || open_workbook_auto_from_rs(Cursor::new(bytes));
    let mut book: Sheets<Cursor<Vec<u8>>> = catch_unwind(AssertUnwindSafe(open))
        .map_err(|_| unreadable(&"a record of it is damaged"))?
        .map_err(|error| unreadable(&error))?;
    let names = book.sheet_names();
    let mut filled = Vec::new();
    for name in &names {
        if wanted.is_none_or(|wanted| wanted == name) {
            let range = book.worksheet_range(name).map_err(|error| unreadable(&error))?;
            if !range.is_empty() || wanted.is_some() {
                filled.push((name, range));
            }
        }
    }
    let others: Vec<&String> = filled.iter().skip(1).map(|(name, _)| *name).collect();
    let Some((name, range)) = filled.first() else {
        return Err(match wanted {
            Some(wanted) => format!(
                "there is no sheet {};{} its sheets are {}",
                quoted(wanted),
                did_you_mean(wanted, &names),
                listed(&names)
            ),
            None => "every sheet of the workbook is empty".into(),
        });
    };
    let mut note = format!("sheet {} of the workbook", quoted(name));
    if !others.is_empty() {
        note +=
            &format!(" (others hold values too: {}; name another with the setting sheet)", listed(&others));
    }
    let (text, typed) = csv(range);
    Ok(Sheet { text, typed, note })
}

/// The cells as CSV; rows above the first that is filled are empty lines, so that lines are numbered as rows are.
fn csv(range: &Range<Data>) -> (String, bool) {
    let dates: Vec<bool> = (0..range.width()).map(|column| only_dates(range, column)).collect();
    let above = range.start().map_or(0, |(row, _)| row);
    let mut text = "\n".repeat(above as usize);
    let mut typed = true;
    for row in range.rows() {
        let cells: Vec<String> = row.iter().zip(&dates).map(|(cell, &date)| written(cell, date)).collect();
        let numbers_as_text =
            row.iter().zip(&cells).any(|(cell, text)| matches!(cell, Data::String(_)) && is_number(text));
        typed &= !numbers_as_text;
        push_line(&mut text, cells.iter());
    }
    (text, typed)
}

/// Whether all times of a column are whole days.
fn only_dates(range: &Range<Data>, column: usize) -> bool {
    range.rows().skip(1).filter_map(|row| row.get(column)).all(|cell| match cell {
        Data::DateTime(time) => time.as_f64().fract() == 0.0,
        Data::DateTimeIso(time) => !time.contains('T') || time.ends_with("T00:00:00"),
        _ => true,
    })
}

fn written(cell: &Data, date: bool) -> String {
    match cell {
        Data::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, millisecond) = time.to_ymd_hms_milli();
            let day = format!("{year:04}-{month:02}-{day:02}");
            // A spreadsheet keeps times as shares of a day, which are not exact: 10:00 may be 09:59:59.999.
            let (carry, second) = if millisecond >= 500 { (1, second) } else { (0, second) };
            let seconds = u32::from(hour) * 3600 + u32::from(minute) * 60 + u32::from(second) + carry;
            match date {
                true => day,
                false => format!("{day} {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
            }
        }
        Data::DateTime(duration) => duration.as_f64().to_string(),
        Data::DateTimeIso(time) if date => time.split('T').next().unwrap_or_default().to_owned(),
        Data::DateTimeIso(time) => time.replace('T', " "),
        Data::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}
