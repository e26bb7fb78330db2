//! CSV files as text cells, with errors that name file, row and column.

use super::names::{did_you_mean, listed, quoted};
use super::text_file::TextFile;
use crate::{Error, Result};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// A CSV file in memory: a header and rows of text cells, all of one width.
///
/// The delimiter (comma, semicolon or tab) is found from the first lines. A byte order mark is skipped, quoted
/// cells are understood and blanks around a cell are cut off. Row numbers are those an editor shows: the header
/// is row 1.
#[derive(Debug, Clone)]
pub struct Table {
    name: String,
    header: Vec<String>,
    /// Row-major, `[rows, columns]`.
    cells: Vec<String>,
    /// The line each row starts on.
    lines: Vec<usize>,
    delimiter: u8,
}

/// What means "no value" in a numeric column, in lower case.
const MISSING_MARKERS: [&str; 8] = ["", "na", "n/a", "nan", "null", "none", "?", "-"];

/// How many lines are looked at to find the delimiter.
const DELIMITER_LINES: usize = 20;

impl Table {
    /// Reads a CSV file. Errors: a missing, empty, ragged or non-UTF-8 file, JSON, a header without rows, and column
    /// names that occur twice.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_text(&TextFile::open(path.as_ref(), "CSV")?, None)
    }

    /// Reads CSV from anything, such as standard input; `name` stands for the file in messages.
    /// Errors as [`Table::read`].
    pub fn from_reader(name: &str, reader: impl Read) -> Result<Self> {
        Self::from_text(&TextFile::from_reader(name, reader, "CSV")?, None)
    }

    /// The table that a file's text is, with a delimiter that is known or to be found. Errors as [`Table::read`].
    pub(crate) fn from_text(file: &TextFile, delimiter: Option<u8>) -> Result<Self> {
        let (name, text) = (file.name(), file.text()?);
        let bad = |message: String| Err(Error::Data(format!("{name}: {message}")));
        if text.trim().is_empty() {
            return bad("the file is empty; it needs a header row and rows of values".into());
        }
        if is_json(text) {
            return bad(
                "this is JSON and no table; write it as CSV, a row of column names and rows of values".into(),
            );
        }
        let bytes = text.as_bytes();
        let delimiter = delimiter.unwrap_or_else(|| find_delimiter(text));
        let quotes = delimiter != b'\t' || !even_tabs(text);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .quoting(quotes)
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let mut header: Vec<String> = Vec::new();
        let mut cells = Vec::new();
        let mut lines = Vec::new();
        let mut record = csv::StringRecord::new();
        let (mut line, mut counted_to) = (1, 0);
        while reader.read_record(&mut record).map_err(|e| Error::Data(format!("{name}: {e}")))? {
            // The reader skips blank lines; find the line that the record really starts on.
            let from = record.position().map_or(counted_to, |p| p.byte() as usize);
            line += newlines(&bytes[counted_to..from]);
            counted_to = from + bytes[from..].iter().take_while(|&&b| b == b'\n' || b == b'\r').count();
            let blank = newlines(&bytes[from..counted_to]);
            // In a file of one column a blank line between rows is a missing value, not nothing. The reader leaves the
            // line feed of a CR LF ending for the next record: that one ends the last line and is no blank.
            if header.len() == 1 {
                let own_ending = usize::from(from > 0 && bytes[from - 1] != b'\n' && blank > 0);
                for i in own_ending..blank {
                    cells.push(String::new());
                    lines.push(line + i);
                }
            }
            line += blank;
            if header.is_empty() {
                header = name_columns(&record);
                if !quotes {
                    header.iter_mut().for_each(|name| *name = unquoted(name));
                }
                check_header(name, &header)?;
                continue;
            }
            if record.len() != header.len() {
                return bad(format!(
                    "row {line} has {} where the header has {}; every row needs the same number (quote a cell that \
                     contains the delimiter {})",
                    cells_text(record.len()),
                    header.len(),
                    delimiter_text(delimiter)
                ));
            }
            cells.extend(record.iter().map(|cell| if quotes { cell.to_owned() } else { unquoted(cell) }));
            lines.push(line);
        }
        if lines.is_empty() {
            return bad("there is a header but no row below it; add rows of values".into());
        }
        Ok(Self { name: name.to_owned(), header, cells, lines, delimiter })
    }

    /// The file's name as messages show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The column names, in order; a column without a name is called `column N`, counted from 1.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The number of rows below the header.
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The delimiter that was found: `,`, `;` or a tab.
    pub fn delimiter(&self) -> char {
        self.delimiter as char
    }

    /// The line in the file of row `row` (counted from 0 below the header), as an editor counts: the header is line 1.
    ///
    /// # Panics
    /// If `row` is not below [`Table::rows`].
    pub fn line(&self, row: usize) -> usize {
        self.lines[row]
    }

    /// The text of one cell, `row` counted from 0 below the header.
    ///
    /// # Panics
    /// If `row` or `column` is out of range.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        assert!(column < self.header.len(), "column {column} of {}", self.header.len());
        &self.cells[row * self.header.len() + column]
    }

    /// The place of the column `name`. Error: there is none; the message names the nearest and, if they are
    /// few, all.
    pub fn column_index(&self, name: &str) -> Result<usize> {
        if let Some(index) = self.header.iter().position(|h| h == name) {
            return Ok(index);
        }
        Err(Error::Data(format!(
            "{}: there is no column {};{} row 1 names {}",
            self.name,
            quoted(name),
            did_you_mean(name, &self.header),
            listed(&self.header)
        )))
    }

    /// The column `name` as numbers; `None` where a cell is empty or says NA, N/A, NaN, null, None, `?` or `-`
    /// (in any case).
    ///
    /// In a file with semicolons a decimal comma is understood (`1,5`); a column must then use it throughout,
    /// because `1.234` would be another number. Errors: no such column; a cell that is no number or infinite,
    /// with row, column and text.
    pub fn numeric(&self, name: &str) -> Result<Vec<Option<f64>>> {
        let column = self.column_index(name)?;
        let decimal_comma =
            self.delimiter == b';' && (0..self.rows()).any(|r| self.cell(r, column).contains(','));
        let parse = |row: usize| {
            let text = self.cell(row, column);
            if MISSING_MARKERS.contains(&text.to_ascii_lowercase().as_str()) {
                return Ok(None);
            }
            let fail = |why: &str| {
                Err(Error::Data(format!(
                    "{}: row {}, column {}: {} {why}",
                    self.name,
                    self.line(row),
                    quoted(name),
                    quoted(text)
                )))
            };
            let number = if decimal_comma && text.contains('.') {
                return fail(
                    "mixes a decimal point into a column with decimal commas; write all numbers one way",
                );
            } else if decimal_comma {
                text.replacen(',', ".", 1).parse::<f64>()
            } else {
                text.parse::<f64>()
            };
            match number {
                Ok(number) if number.abs() <= LARGEST => Ok(Some(number)),
                Ok(number) if number.is_finite() => fail("is too large to calculate with; divide the column"),
                Ok(_) => {
                    fail("is infinite; every value must be finite (leave the cell empty if it is missing)")
                }
                Err(_) => fail("is not a number (leave the cell empty if it is missing)"),
            }
        };
        (0..self.rows()).map(parse).collect()
    }
}

/// The largest magnitude of a value: its square, and sums of such squares, are still finite.
const LARGEST: f64 = 1e100;

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b == b'\n').count()
}

fn cells_text(count: usize) -> String {
    if count == 1 { "1 cell".into() } else { format!("{count} cells") }
}

fn delimiter_text(delimiter: u8) -> &'static str {
    match delimiter {
        b'\t' => "tab",
        b';' => "';'",
        _ => "','",
    }
}

/// Whether every line has as many tabs as the first, so that no cell holds a tab or a line end. Many tab-separated files
/// have no quoting: a cell that begins with a quotation mark must not swallow the lines below it.
fn even_tabs(text: &str) -> bool {
    let mut counts =
        text.lines().filter(|line| !line.trim().is_empty()).map(|line| line.matches('\t').count());
    counts.next().is_some_and(|first| counts.all(|count| count == first))
}

/// A cell without the quotation marks around it, where all those inside are doubled.
fn unquoted(cell: &str) -> String {
    let inner = cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let parts: Vec<&str> = inner.map_or_else(Vec::new, |inner| inner.split("\"\"").collect());
    if parts.is_empty() || parts.iter().any(|part| part.contains('"')) {
        return cell.to_owned();
    }
    parts.join("\"").trim().to_owned()
}

fn name_columns(record: &csv::StringRecord) -> Vec<String> {
    let name =
        |(i, cell): (usize, &str)| if cell.is_empty() { format!("column {}", i + 1) } else { cell.into() };
    record.iter().enumerate().map(name).collect()
}

fn check_header(file: &str, header: &[String]) -> Result<()> {
    let mut seen = HashMap::new();
    for (i, name) in header.iter().enumerate() {
        if let Some(first) = seen.insert(name, i + 1) {
            return Err(Error::Data(format!(
                "{file}: columns {first} and {} are both named {}; rename one of them in row 1",
                i + 1,
                quoted(name)
            )));
        }
    }
    Ok(())
}

/// Whether the first line is a JSON object, or the beginning of one or of a list of them.
pub(crate) fn is_json(text: &str) -> bool {
    let first = text.trim_start().lines().next().unwrap_or_default().trim_end();
    let is_object = || serde_json::from_str::<serde::de::IgnoredAny>(first).is_ok();
    matches!(first, "{" | "[") || first.starts_with("[{") || first.starts_with('{') && is_object()
}

/// The delimiter that cuts the first lines into the same number of cells, more than one; among several the one
/// that makes the most. If none does, the most frequent in the header, and a comma if there is none at all.
fn find_delimiter(text: &str) -> u8 {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).take(DELIMITER_LINES).collect();
    let count = |line: &str, delimiter: u8| {
        let mut inside = false;
        let mut found = 0;
        for b in line.bytes() {
            inside ^= b == b'"';
            found += usize::from(!inside && b == delimiter);
        }
        found
    };
    // A later maximum wins, so that on a tie a comma loses to a semicolon (it may be a decimal comma).
    let candidates = [b',', b';', b'\t'];
    let header = |&d: &u8| count(lines[0], d);
    let even = |d: &u8| header(d) > 0 && lines.iter().all(|l| count(l, *d) == header(d));
    candidates
        .into_iter()
        .filter(even)
        .max_by_key(header)
        .or_else(|| candidates.into_iter().filter(|d| header(d) > 0).max_by_key(header))
        .unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Table> {
        Table::from_reader("f.csv", text)
    }

    #[test]
    fn finds_delimiter_and_cells() {
        let cases: [(&str, char, &[&str]); 10] = [
            ("a\tb\n\"so\t1\ngood\" it is\t2\n", '\t', &["\"so", "1", "good\" it is", "2"]),
            ("a\t\"b\"\n\"say \"\"hi\"\"\"\t\"2\"\n", '\t', &["say \"hi\"", "2"]),
            ("a\tb\n\"x\ty\"\t1\n", '\t', &["x\ty", "1"]),
            ("a,b\n1,2\n", ',', &["1", "2"]),
            ("a;b\n1,5;2\n", ';', &["1,5", "2"]),
            ("a\tb\r\n1\t2\r\n", '\t', &["1", "2"]),
            ("\u{feff}a,b\n\"x, y\",\"say \"\"hi\"\"\"\n", ',', &["x, y", "say \"hi\""]),
            ("a, b \n 1 , 2 ", ',', &["1", "2"]),
            ("a\n1\n\n3\n\n", ',', &["1", "", "3"]),
            ("a\r\n1\r\n\r\n3\r\n", ',', &["1", "", "3"]),
        ];
        for (text, delimiter, cells) in cases {
            let table = read(text.as_bytes()).unwrap();
            assert_eq!(table.delimiter(), delimiter, "{text:?}");
            assert_eq!(table.cells, cells, "{text:?}");
            assert_eq!(table.header()[0], "a", "{text:?}");
        }
    }

    #[test]
    fn rows_are_numbered_as_in_an_editor() {
        for text in ["a,b\n1,2\n\n\"x\ny\",3\n4,5\n", "a,b\r\n1,2\r\n\r\n\"x\r\ny\",3\r\n4,5\r\n"] {
            let table = read(text.as_bytes()).unwrap();
            assert_eq!((0..table.rows()).map(|r| table.line(r)).collect::<Vec<_>>(), [2, 4, 6], "{text:?}");
        }
        assert_eq!(read(b"a\n1\n\n3\n").unwrap().lines, [2, 3, 4]);
        assert_eq!(read(b"a\r\n1\r\n\r\n\r\n3\r\n").unwrap().lines, [2, 3, 4, 5]);
    }

    #[test]
    fn bad_files_are_explained() {
        let cases: [(&[u8], &str); 10] = [
            (b"", "f.csv: the file is empty"),
            (b" \n\n", "f.csv: the file is empty"),
            (
                b"{\"a\": 1, \"b\": 2}\n{\"a\": 3, \"b\": 4}\n",
                "f.csv: this is JSON and no table; write it as CSV",
            ),
            (b"\n{\n  \"a\": [1, 2]\n}\n", "f.csv: this is JSON and no table; write it as CSV"),
            (b"[{\"a\": 1}, {\"a\": 2}]", "f.csv: this is JSON and no table; write it as CSV"),
            (b"a,b\n", "f.csv: there is a header but no row"),
            (b"a,b\n1,2\n1,2,3\n", "f.csv: row 3 has 3 cells where the header has 2"),
            (b"a,b\n1,2\n7\n", "f.csv: row 3 has 1 cell where the header has 2"),
            (b"a,b\n1,2\n1,\xe9\n", "f.csv: line 3 is not UTF-8 text (byte 0xE9 at offset 10)"),
            (b"a,b,a\n1,2,3\n", "f.csv: columns 1 and 3 are both named 'a'"),
        ];
        for (text, expected) in cases {
            let message = read(text).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
        let message = Table::read("no/such/file.csv").unwrap_err().to_string();
        assert_eq!(message, "no/such/file.csv: there is no such file; check the path");
    }

    /// `/dev/zero` once filled the memory, and UTF-16 without a mark was read as columns named with zeros.
    #[test]
    fn utf16_and_endless_zeros_are_refused_at_once() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        for bytes in [utf16("a,b\n1,2\n"), utf16("\u{feff}a,b\n1,2\n"), b"\xff\xfea\0".to_vec(), vec![0; 10]]
        {
            let message = read(&bytes).unwrap_err().to_string();
            assert!(message.starts_with("f.csv: is UTF-16 or no text"), "{message}");
        }
        assert!(Table::from_reader("f.csv", std::io::repeat(0)).is_err());
    }

    #[test]
    fn numbers_and_missing_markers() {
        let cells = ["1", "-2.5e3", "", "NA", "n/a", "NaN", "null", "None", "?", "-", "+.5"];
        let text = format!("x,y\n{}", cells.map(|c| format!("{c},0\n")).concat());
        let mut expected = vec![Some(1.0), Some(-2500.0)];
        expected.extend([None; 8]);
        expected.push(Some(0.5));
        assert_eq!(read(text.as_bytes()).unwrap().numeric("x").unwrap(), expected);
        assert_eq!(read(b"x;y\n1,5;1.5\n-2;2\n").unwrap().numeric("x").unwrap(), [Some(1.5), Some(-2.0)]);

        let cases: [(&str, &str); 7] = [
            ("x,y\n1,2\nabc,2\n", "f.csv: row 3, column 'x': 'abc' is not a number"),
            ("x,y\n1,2\ninf,2\n", "f.csv: row 3, column 'x': 'inf' is infinite"),
            ("x,y\n1,2\n-1e101,2\n", "f.csv: row 3, column 'x': '-1e101' is too large to calculate with"),
            ("x,y\n1,2\n1e999,2\n", "f.csv: row 3, column 'x': '1e999' is infinite"),
            ("x;y\n1,5;2\n1.234;2\n", "f.csv: row 3, column 'x': '1.234' mixes"),
            ("Value,y\n1,2\n", "f.csv: there is no column 'x'; row 1 names 'Value', 'y'"),
            ("x1,y\n1,2\n", "f.csv: there is no column 'x'; did you mean 'x1'? row 1 names 'x1', 'y'"),
        ];
        for (text, expected) in cases {
            let message = read(text.as_bytes()).unwrap().numeric("x").unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
