//! Whether a workbook asks for no more memory than its size justifies.
//!
//! The library that reads workbooks lays a sheet out as a rectangle from its first to its last cell and repeats what a file
//! says is repeated, whatever that comes to: a file of 7 kB can ask for terabytes, or never end. So its parts are looked
//! through before, once, and what is too much is refused.

use std::io::{BufRead, BufReader, Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::names::quoted;
use super::sheet::on_one_line;

/// How many cells a sheet may stretch over that are empty, or repeat others.
const MOST_AREA: u64 = 1 << 19;

/// How many more for each cell that stands in the file.
const AREA_A_CELL: u64 = 20;

/// How many blanks a file may have in place of one.
const MOST_BLANKS: u64 = 1 << 20;

/// How many more texts a list of texts may say that it has.
const MOST_TEXTS: u64 = 1 << 20;

/// The last row and the last column that a sheet can have, from 1.
const LAST: (u64, u64) = (1 << 20, 1 << 14);

/// Looks through a ZIP archive that is a workbook; it may unpack to `most` bytes. Error: what is wrong with it.
pub(super) fn check(bytes: &[u8], most: u64) -> Result<(), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(on_one_line)?;
    let mut left = most;
    for place in 0..archive.len() {
        let member = archive.by_index(place).map_err(on_one_line)?;
        if member.name().is_ok_and(|name| name == "xl/workbook.bin") {
            return Err("it is a binary workbook".into());
        }
        let mut member = BufReader::new(member.take(left));
        let first = member.fill_buf().map_err(on_one_line)?;
        // Pictures and the like are passed over; anything else has to be XML.
        let looked = match first.iter().take(8).any(|&byte| byte == b'<') {
            true => Part::default().look_through(member.by_ref()),
            false => Ok(()),
        };
        left = member.into_inner().limit();
        if left == 0 {
            return Err(format!("it unpacks to more than {most} bytes"));
        }
        looked?;
    }
    Ok(())
}

/// What has been seen of a part of a workbook.
#[derive(Default)]
struct Part {
    /// Whether the cells of a sheet of Excel have begun; other parts have elements of the same names.
    in_cells: bool,
    /// The present row and column there, from 1, and the rectangle of all cells so far.
    at: (u64, u64),
    area: Option<[(u64, u64); 2]>,
    /// Of a sheet of LibreOffice: rows so far, those up to the last that holds something, and the same of a row's columns.
    rows: Filled,
    columns: Filled,
    repeat_row: u64,
    widest: u64,
    /// Cells that stand in the file.
    cells: u64,
    blanks: u64,
    /// How many texts the list of texts says that it has, and how many elements came.
    texts: u64,
    elements: u64,
}

/// How many there are, and how many up to the last that holds something.
#[derive(Default, Clone, Copy)]
struct Filled {
    all: u64,
    filled: u64,
}

impl Filled {
    fn add(&mut self, count: u64, filled: bool) {
        self.all = self.all.saturating_add(count);
        if filled {
            self.filled = self.all;
        }
    }
}

impl Part {
    fn look_through(&mut self, xml: impl BufRead) -> Result<(), String> {
        let mut reader = Reader::from_reader(xml);
        reader.config_mut().expand_empty_elements = true;
        let (mut buffer, mut depth) = (Vec::new(), 0_u64);
        loop {
            match reader.read_event_into(&mut buffer).map_err(on_one_line)? {
                Event::Start(element) => {
                    depth += 1;
                    self.elements += 1;
                    self.begin(&element)?;
                }
                Event::End(element) => {
                    // More ends than beginnings are an error of the reader.
                    depth -= 1;
                    self.end(element.local_name().as_ref())?;
                }
                Event::Eof if depth > 0 => return Err("a part of it is cut off".into()),
                Event::Eof => break,
                _ => {}
            }
            buffer.clear();
        }
        if self.texts > self.elements + MOST_TEXTS {
            return Err(format!("it has no {} texts", self.texts));
        }
        self.stretch(self.area.map_or(0, |[first, last]| (last.0 - first.0 + 1) * (last.1 - first.1 + 1)))
    }

    fn begin(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        let mut filled = false;
        let (mut repeated, mut reference) = (1, None);
        for attribute in element.attributes() {
            let attribute = attribute.map_err(on_one_line)?;
            let (key, value) = (attribute.key.as_ref(), attribute.value.as_ref());
            match key {
                "table:number-rows-repeated" | "table:number-columns-repeated" => repeated = number(value)?,
                "text:c" => self.blanks = self.blanks.saturating_add(number(value)?),
                "uniqueCount" => self.texts = number(value)?,
                "r" | "ref" => reference = Some(value.to_owned()),
                // The value, its type, or a formula.
                _ if key.starts_with("office:") || key.starts_with("calcext:") => filled = true,
                "table:formula" => filled = true,
                _ => {}
            }
        }
        if self.blanks > MOST_BLANKS {
            return Err(format!("it has {} blanks in a row", self.blanks));
        }
        match (element.local_name().as_ref(), reference) {
            ("row", Some(text)) => self.at = (row(&text).ok_or_else(|| no_cell(&text))?, 0),
            ("row", None) => self.at = (self.at.0 + 1, 0),
            ("sheetData", _) => self.in_cells = true,
            ("c", reference) if self.in_cells => {
                self.at = match reference {
                    Some(cell) => position(&cell)?,
                    None => (self.at.0, self.at.1 + 1),
                };
                self.cell();
            }
            ("dimension" | "mergeCell", Some(range)) => {
                let (first, last) = range.split_once(':').unwrap_or((&range, &range));
                let (first, last) = (position(first)?, position(last)?);
                if last.0 < first.0 || last.1 < first.1 {
                    return Err(format!("{} is no range of cells", quoted(&range)));
                }
            }
            ("table", _) => (self.rows, self.widest) = (Filled::default(), 0),
            ("table-row", _) => (self.columns, self.repeat_row) = (Filled::default(), repeated.min(LAST.0)),
            ("table-cell" | "covered-table-cell", _) => {
                self.cells += 1;
                self.columns.add(repeated.min(LAST.1), filled);
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, element: &str) -> Result<(), String> {
        match element {
            "table-row" => {
                self.widest = self.widest.max(self.columns.filled);
                self.rows.add(self.repeat_row, self.columns.filled > 0);
                // Row for row: the last ones may hold nothing.
                self.stretch(self.rows.filled.saturating_mul(self.widest))
            }
            _ => Ok(()),
        }
    }

    /// Takes in a cell of Excel.
    fn cell(&mut self) {
        self.cells += 1;
        let at = self.at;
        let [first, last] = self.area.get_or_insert([at, at]);
        *first = (first.0.min(at.0), first.1.min(at.1));
        *last = (last.0.max(at.0), last.1.max(at.1));
    }

    fn stretch(&self, area: u64) -> Result<(), String> {
        stretches(self.cells, area)
    }
}

/// Refuses a sheet that stretches over so many cells where few of them stand in the file.
pub(super) fn stretches(cells: u64, area: u64) -> Result<(), String> {
    match area > MOST_AREA + AREA_A_CELL * cells {
        true => Err(format!("a sheet of {cells} cells stretches over {area}")),
        false => Ok(()),
    }
}

/// A whole number of at least 0. Error: it is none.
fn number(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("{} is no number", quoted(text)))
}

/// A row of Excel: `17`.
fn row(text: &str) -> Option<u64> {
    text.parse().ok().filter(|row| (1..=LAST.0).contains(row))
}

/// The row and column of a cell of Excel, from 1: `B17`.
fn position(text: &str) -> Result<(u64, u64), String> {
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    // More letters than three are beyond the last column, and more than a number holds.
    let column = text
        .bytes()
        .take(letters.min(4))
        .fold(0, |all, letter| 26 * all + u64::from(letter.to_ascii_uppercase() - b'A') + 1);
    match row(&text[letters..]) {
        Some(row) if (1..=LAST.1).contains(&column) => Ok((row, column)),
        _ => Err(no_cell(text)),
    }
}

fn no_cell(text: &str) -> String {
    format!("{} is no cell", quoted(text))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    /// An archive of one part.
    fn book(part: &str) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("xl/worksheets/sheet1.xml", SimpleFileOptions::default()).unwrap();
        writer.write_all(part.as_bytes()).unwrap();
        writer.finish().unwrap().into_inner()
    }

    fn excel(cells: &str) -> String {
        format!("<worksheet><sheetData>{cells}</sheetData></worksheet>")
    }

    fn ods(rows: &str) -> String {
        format!(
            "<o xmlns:table=\"t\" xmlns:office=\"o\" xmlns:text=\"x\"><table:table>{rows}</table:table></o>"
        )
    }

    const CELL: &str = r#"<table:table-cell office:value="1"/>"#;

    #[test]
    fn sheets_that_stretch_too_far_are_refused() {
        let filled = r#"<table:table-cell office:value="1" table:number-columns-repeated="16384"/>"#;
        let empty = r#"<table:table-cell table:number-columns-repeated="16384"/>"#;
        for (part, expected) in [
            (
                excel(r#"<row r="1"><c r="A1"/></row><row r="1048576"><c r="XFD1048576"/></row>"#),
                "a sheet of 2 cells stretches over 17179869184",
            ),
            (excel(r#"<row r="1"><c r="A1"/></row><row r="300000"><c/><c/></row>"#), "stretches over 600000"),
            (excel(r#"<row><c r="A4294967295"/></row>"#), "'A4294967295' is no cell"),
            (excel(r#"<row><c r="ZZZZZZZZ1"/></row>"#), "'ZZZZZZZZ1' is no cell"),
            (excel(r#"<row><c r="가1"/></row>"#), "'가1' is no cell"),
            (r#"<worksheet><dimension ref="B2:A1"/></worksheet>"#.into(), "'B2:A1' is no range of cells"),
            (r#"<sst uniqueCount="18446744073709551615"/>"#.into(), "it has no 18446744073709551615 texts"),
            (r#"<x><c r="A1"/><c r="XFD1048576"/></x>"#.into(), ""),
            (r#"<sst uniqueCount="-1"/>"#.into(), "'-1' is no number"),
            ("<worksheet><sheetData>".into(), "a part of it is cut off"),
            (
                ods(&format!(
                    r#"<table:table-row table:number-rows-repeated="1000">{filled}</table:table-row>"#
                )),
                "stretches over 16384000",
            ),
            (
                ods(&format!(
                    "<table:table-row>{CELL}</table:table-row><table:table-row table:number-rows-repeated=\"900000\"/><table:table-row>{CELL}</table:table-row>"
                )),
                "a sheet of 2 cells stretches over 900002",
            ),
            (ods(r#"<text:s text:c="99999999999"/>"#), "it has 99999999999 blanks in a row"),
            // What spreadsheets write behind the last cell.
            (
                ods(&format!(
                    "<table:table-row>{CELL}{empty}</table:table-row><table:table-row table:number-rows-repeated=\"1048575\">{empty}</table:table-row>"
                )),
                "",
            ),
            (excel(r#"<row r="1"><c r="A1"/><c r="Z1"/></row><row r="9000"><c r="B9000"/></row>"#), ""),
        ] {
            let found = check(&book(&part), 1 << 20).err().unwrap_or_default();
            assert!(
                found.contains(expected) && found.is_empty() == expected.is_empty(),
                "{found:?}, not {expected:?}"
            );
        }
        let long = book(&excel(&"<row/>".repeat(1000)));
        assert_eq!(check(&long, 1000).unwrap_err(), "it unpacks to more than 1000 bytes");
    }
}
