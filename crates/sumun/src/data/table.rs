//! CSV files as text cells, with errors that name file, row and column.

use super::cells::Cells;
use super::header::{is_data, is_rule, is_units, may_be_data};
use super::layout::Layout;
use super::markers::{is_missing, numbers_of, sentinel};
use super::names::{did_you_mean, listed, quoted};
use super::number::{Asked, Convention, NumberForm, Written, is_number, read};
use super::read_options::ReadOptions;
use super::rows::{Cut, Dialect, Row, cut};
use super::text_file::TextFile;
use crate::message::key;
use crate::{Error, Result};
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;

/// A CSV file in memory: a header and rows of text cells, all of one width.
///
/// The delimiter (comma, semicolon, tab, `|`, or runs of blanks) is found from the first lines. A byte order mark, a line
/// `sep=;`, comments and other lines above the header, a row of units below it, and empty rows and columns are left out;
/// quoted cells are understood and blanks around a cell are cut off; [`notes`](Self::notes) say what was found. Row numbers
/// are those an editor shows.
#[derive(Debug, Clone)]
pub struct Table {
    name: String,
    header: Vec<String>,
    /// Row-major, `[rows, columns]`.
    cells: Cells,
    /// The line each row starts on.
    lines: Vec<usize>,
    delimiter: u8,
    /// Whether the file has names of columns.
    named: bool,
    /// Whether it is a sheet of a workbook whose numbers are numbers there.
    typed: bool,
    /// What was found, a sentence each.
    notes: Vec<String>,
    options: ReadOptions,
}

/// A column of numbers, with how it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NumberColumn {
    /// One finite value a row, `None` where it is missing.
    pub(crate) values: Vec<Option<f64>>,
    pub(crate) form: NumberForm,
    /// How it is written, if not as programs write numbers.
    pub(crate) written: Option<Written>,
    /// A number that seems to stand for a missing value.
    pub(crate) doubt: Option<String>,
}

/// How many rows are looked at to see whether the first holds names.
const LOOKED_AT: usize = 200;

impl Table {
    /// Reads a CSV file, or a sheet of a workbook (`.xlsx`, `.ods`). What is packed with gzip or Zstandard is unpacked;
    /// UTF-16, EUC-KR and Windows-1252 are understood beside UTF-8. Errors: a missing, empty or ragged file, one that is no
    /// text or written in an encoding that is not known, JSON, a quotation mark that takes rows into its cell, a header
    /// without rows, and column names that occur twice.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::read_with(path, &ReadOptions::default())
    }

    /// As [`read`](Self::read), with what is known about how the file is written.
    pub fn read_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        Self::from_text(&TextFile::open_with(path.as_ref(), "CSV", options)?, None)
    }

    /// Reads CSV from anything, such as standard input; `name` stands for the file in messages.
    /// Errors as [`Table::read`].
    pub fn from_reader(name: &str, reader: impl Read) -> Result<Self> {
        Self::from_reader_with(name, reader, &ReadOptions::default())
    }

    /// As [`from_reader`](Self::from_reader), with what is known about how it is written.
    pub fn from_reader_with(name: &str, reader: impl Read, options: &ReadOptions) -> Result<Self> {
        Self::from_text(&TextFile::from_reader_with(name, reader, "CSV", options)?, None)
    }

    /// The table that a file's text is, with a delimiter that is known or to be found. Errors as [`Table::read`].
    pub(crate) fn from_text(file: &TextFile, delimiter: Option<u8>) -> Result<Self> {
        let (name, text) = (file.name(), file.text());
        let bad = |message: String| Err(Error::Data(format!("{name}: {message}")));
        if text.trim().is_empty() {
            return bad("the file is empty; it needs a header row and rows of values".into());
        }
        if is_json(text) {
            return bad(
                "this is JSON and no table; write it as CSV, a row of column names and rows of values".into(),
            );
        }
        let layout = Layout::of(text, file.sheet().map(|_| b',').or(delimiter));
        let delimiter = layout.delimiter;
        let body = &text[layout.start..];
        let quotes = delimiter != b'\t' || !even_tabs(body);
        let (cut, backslash) = cut_rows(name, body, layout.line, delimiter, quotes)?;
        let mut notes = file.notes().to_vec();
        notes.extend(layout.notes);
        notes.extend(unusual(delimiter));
        if let Some(line) = cut.trailing {
            notes.push(format!(
                "text goes on after the closing quotation mark of a cell, first in row {line}; the marks are left out"
            ));
        }
        if backslash {
            notes.push("quotation marks inside quoted cells are written with a backslash".into());
        }
        let options = file.options().clone();
        let table = Self {
            name: name.to_owned(),
            header: Vec::new(),
            named: true,
            cells: Cells::default(),
            lines: Vec::new(),
            delimiter,
            typed: file.sheet() == Some(true),
            notes,
            options,
        };
        table.assembled(&cut, quotes)
    }

    /// Takes in the rows: names, values, and what is empty or a row of units.
    fn assembled(mut self, cut: &Cut, quotes: bool) -> Result<Self> {
        let name = self.name.clone();
        let bad = |message: String| Err(Error::Data(format!("{name}: {message}")));
        let plain = |cell: &str| if quotes { cell.to_owned() } else { unquoted(cell) };
        let empty = |row: usize| cut.row(row).all(str::is_empty);
        let owned = |row: usize| cut.row(row).map(str::to_owned).collect::<Vec<String>>();
        let rows: Vec<usize> = (0..cut.rows.len()).collect();
        // The layout begins at a line that is not blank, but it may hold delimiters alone.
        let first = rows.iter().copied().find(|&row| !empty(row)).unwrap_or(0);
        let filled: Vec<Vec<String>> = rows[first..]
            .iter()
            .filter(|&&row| !empty(row))
            .map(|&row| owned(row))
            .filter(|cells| !is_rule(cells))
            .take(LOOKED_AT)
            .collect();
        let filled: Vec<&[String]> = filled.iter().map(Vec::as_slice).collect();
        self.named = !is_data(&filled);
        let width = cut.rows[first].count();
        let mut data = &rows[first..];
        if self.named {
            data = &data[1..];
            if may_be_data(&owned(first)) {
                self.notes.push(format!(
                    "row {} holds numbers alone and is taken for the names of the columns",
                    cut.rows[first].line()
                ));
            }
            if let Some(at) = data.iter().position(|&row| !empty(row)).filter(|&at| is_rule(&owned(data[at])))
            {
                data = &data[at + 1..];
            }
        } else {
            self.notes.push(format!(
                "row {} holds values and no names: the columns are called column 1, column 2 and so on",
                cut.rows[first].line()
            ));
        }
        if self.named && is_units(&filled) {
            let at = data.iter().position(|&row| !empty(row)).unwrap_or(0);
            self.notes.push(format!(
                "row {} holds units and is left out: {}",
                cut.rows[data[at]].line(),
                listed(&cut.row(data[at]).filter(|cell| !cell.is_empty()).collect::<Vec<_>>())
            ));
            data = &data[at + 1..];
        }
        let header: Vec<String> = cut.row(first).map(plain).collect();
        let unnamed = |column: usize| !self.named || header[column].is_empty();
        let (mut empty_rows, mut blanks) = (0, Vec::new());
        for &row in data {
            let at = cut.rows[row];
            if empty(row) && (width > 1 || at.blank) {
                // In a file of one column a blank line between rows is a missing value, not nothing.
                match width {
                    1 => blanks.push(at.line()),
                    _ => empty_rows += usize::from(!at.blank),
                }
                continue;
            }
            for line in blanks.drain(..) {
                self.cells.push("");
                self.lines.push(line);
            }
            let more = at.count() > width && cut.row(row).skip(width).all(str::is_empty);
            let fewer = at.count() < width && (at.count()..width).all(unnamed) && self.named;
            if at.count() != width && !more && !fewer {
                return bad(format!(
                    "row {} has {} where the header has {width}; every row needs the same number (quote a cell that \
                     contains the delimiter {})",
                    at.line(),
                    cells_text(at.count()),
                    delimiter_text(self.delimiter)
                ));
            }
            for cell in cut.row(row).take(width) {
                match quotes {
                    true => self.cells.push(cell),
                    false => self.cells.push(&unquoted(cell)),
                }
            }
            (at.count()..width).for_each(|_| self.cells.push(""));
            self.lines.push(at.line());
        }
        if self.lines.is_empty() {
            return bad("there is a header but no row below it; add rows of values".into());
        }
        if empty_rows > 0 {
            self.notes.push(match empty_rows {
                1 => "1 empty row left out".into(),
                _ => format!("{empty_rows} empty rows left out"),
            });
        }
        let column_empty = |column: usize| {
            // By place, as an iterator would look at all cells between as well.
            (column..self.cells.len()).step_by(width).all(|at| self.cells.get(at).is_empty())
        };
        let keep: Vec<bool> = (0..width).map(|column| !unnamed(column) || !column_empty(column)).collect();
        let dropped = keep.iter().filter(|&&keep| !keep).count();
        if dropped > 0 && dropped < width {
            let mut kept = Cells::default();
            let columns = (0..width).cycle();
            self.cells
                .iter()
                .zip(columns)
                .filter(|(_, column)| keep[*column])
                .for_each(|(cell, _)| kept.push(cell));
            self.cells = kept;
            self.notes.push(match dropped {
                1 => "1 empty column left out".into(),
                _ => format!("{dropped} empty columns left out"),
            });
        }
        let all = dropped == width;
        let named = |(column, name): (usize, &String)| match self.named && !name.is_empty() {
            true => name.clone(),
            false => format!("column {}", column + 1),
        };
        let kept = header.iter().enumerate().filter(|&(column, _)| all || keep[column]);
        let header: Vec<String> = kept.map(named).collect();
        check_header(&self.name, &header)?;
        self.header = header;
        self.cells.shrink();
        Ok(self)
    }

    /// What was found in the file that people should know, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
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

    /// The delimiter that was found: `,`, `;`, `|`, a tab, or a blank for runs of blanks.
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
        self.cells.get(row * self.header.len() + column)
    }

    /// Some of the rows, in this order, as a table of their own.
    pub(crate) fn with_rows(&self, rows: &[usize]) -> Self {
        let width = self.header.len();
        let mut cells = Cells::default();
        for &row in rows {
            self.cells.range(row * width..(row + 1) * width).for_each(|cell| cells.push(cell));
        }
        Self {
            name: self.name.clone(),
            header: self.header.clone(),
            cells,
            lines: rows.iter().map(|&row| self.lines[row]).collect(),
            delimiter: self.delimiter,
            named: self.named,
            typed: self.typed,
            notes: self.notes.clone(),
            options: self.options.clone(),
        }
    }

    /// The place of the column `name`. Error: there is none; the message names the nearest and, if they are
    /// few, all.
    pub fn column_index(&self, name: &str) -> Result<usize> {
        if let Some(index) = self.header.iter().position(|h| h == name) {
            return Ok(index);
        }
        if !self.named {
            return Err(Error::Data(format!(
                "{}: there is no column {}: the file has no row of names, so its columns are called {}",
                self.name,
                quoted(name),
                listed(&self.header)
            )));
        }
        Err(Error::Data(format!(
            "{}: there is no column {};{} the header names {}",
            self.name,
            quoted(name),
            did_you_mean(name, &self.header),
            listed(&self.header)
        )))
    }

    /// Whether a cell says that there is no value.
    pub(super) fn is_missing(&self, cell: &str) -> bool {
        is_missing(cell, &self.options.na)
    }

    /// Adds what people should know.
    pub(super) fn note(&mut self, note: impl IntoIterator<Item = String>) {
        self.notes.extend(note);
    }

    /// The table with other columns in the place of one; `cell` gives what they hold, by row and column. Error: two columns
    /// have one name then.
    pub(super) fn replaced(
        &self,
        column: usize,
        names: &[String],
        cell: impl Fn(usize, usize) -> String,
    ) -> Result<Self> {
        let mut header = self.header.clone();
        header.splice(column..=column, names.iter().cloned());
        check_header(&self.name, &header)?;
        let mut cells = Cells::default();
        for row in 0..self.rows() {
            (0..column).for_each(|place| cells.push(self.cell(row, place)));
            (0..names.len()).for_each(|name| cells.push(&cell(row, name)));
            (column + 1..self.header.len()).for_each(|place| cells.push(self.cell(row, place)));
        }
        let (name, lines, notes) = (self.name.clone(), self.lines.clone(), self.notes.clone());
        let options = self.options.clone();
        Ok(Self { name, header, cells, lines, notes, options, ..*self })
    }

    /// The table with one column in the place of several, where the first of them was; `gathered` is what its rows hold. Error: two
    /// columns have one name then.
    pub(crate) fn gathered(&self, columns: &[usize], name: &str, gathered: &[String]) -> Result<Self> {
        let first = columns.iter().min().copied().unwrap_or(0);
        let kept = |place: &usize| *place == first || !columns.contains(place);
        let places: Vec<usize> = (0..self.header.len()).filter(kept).collect();
        let named =
            |&place: &usize| if place == first { name.to_owned() } else { self.header[place].clone() };
        let header: Vec<String> = places.iter().map(named).collect();
        check_header(&self.name, &header)?;
        let mut cells = Cells::default();
        for (row, gathered) in gathered.iter().enumerate() {
            for &place in &places {
                cells.push(if place == first { gathered } else { self.cell(row, place) });
            }
        }
        let (name, lines, notes) = (self.name.clone(), self.lines.clone(), self.notes.clone());
        let options = self.options.clone();
        Ok(Self { name, header, cells, lines, notes, options, ..*self })
    }

    /// The column `name` as numbers; `None` where a cell is empty or says that there is no value (`NA`, `#N/A`, `NaN`,
    /// `null`, `-`, `.` and others, in any case).
    ///
    /// How its numbers are written is decided over the whole column: a decimal comma, marks between thousands, one unit,
    /// percent or currency sign on every number, parentheses or a minus behind negative ones are understood. Errors: no
    /// such column; a cell that is no number or infinite, that is written in another way than the others, or that may be
    /// either of two numbers (`1.020` beside `950`), with row, column and text.
    pub fn numeric(&self, name: &str) -> Result<Vec<Option<f64>>> {
        self.numbers(name, None).map(|column| column.values)
    }

    /// As [`numeric`](Self::numeric), with how the column is written; `learnt` is how it was when a model learnt from it.
    pub(crate) fn numbers(&self, name: &str, learnt: Option<&NumberForm>) -> Result<NumberColumn> {
        let column = self.column_index(name)?;
        let fail = |row: usize, why: &str| {
            let cell = quoted(self.cell(row, column));
            Error::Data(format!(
                "{}: row {}, column {}: {cell} {why}",
                self.name,
                self.line(row),
                quoted(name)
            ))
        };
        let asked = Asked {
            decimal: self.options.decimal,
            thousands: self.options.thousands,
            learnt,
            convention: match self.delimiter {
                _ if self.typed => Convention::Typed,
                b',' => Convention::Commas,
                b';' => Convention::Unknown,
                _ => Convention::Programs,
            },
        };
        let cells = (0..self.rows()).map(|row| {
            let text = self.cell(row, column);
            (!self.is_missing(text)).then_some(text)
        });
        let numbers = read(cells, &asked).map_err(|refusal| {
            let error = fail(refusal.place, &refusal.why);
            match refusal.advice {
                Some(advice) => error.advise(advice),
                None => error,
            }
        })?;
        let mut values = numbers.values;
        let missing = numbers_of(&self.options.na);
        if !missing.is_empty() {
            values.iter_mut().for_each(|value| *value = value.filter(|number| !missing.contains(number)));
        }
        for (row, value) in values.iter().enumerate() {
            match value {
                Some(number) if !number.is_finite() => {
                    return Err(fail(
                        row,
                        "is infinite; every value must be finite (leave the cell empty if it is missing)",
                    ));
                }
                Some(number) if number.abs() > LARGEST => {
                    return Err(fail(row, "is too large to calculate with; divide the column"));
                }
                _ => {}
            }
        }
        let doubt = sentinel(&values).map(|found| {
            let ((least, most), count) = (found.others, found.count);
            format!(
                "{} stands in {} of column {}, far from all other values ({least} to {most}); if it means that a value \
                 is missing, say so with {}",
                found.value,
                if count == 1 { "1 row".into() } else { format!("{count} rows") },
                quoted(name),
                crate::message::text("") + key("na").to(found.value)
            )
        });
        Ok(NumberColumn { values, form: numbers.form, written: numbers.written, doubt })
    }
}

/// The largest magnitude of a value: its square, and sums of such squares, are still finite.
const LARGEST: f64 = 1e100;

fn cells_text(count: usize) -> String {
    if count == 1 { "1 cell".into() } else { format!("{count} cells") }
}

fn delimiter_text(delimiter: u8) -> &'static str {
    match delimiter {
        b'\t' => "tab",
        b';' => "';'",
        b'|' => "'|'",
        b' ' => "blank",
        _ => "','",
    }
}

/// Whether every line has as many tabs as the first, so that no cell holds a tab or a line end. Many tab-separated files
/// have no quoting: a cell that begins with a quotation mark must not swallow the lines below it.
fn even_tabs(text: &str) -> bool {
    let mut counts = text
        .split(['\n', '\r'])
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.matches('\t').count());
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

fn check_header(file: &str, header: &[String]) -> Result<()> {
    let mut seen = HashMap::new();
    for (i, name) in header.iter().enumerate() {
        if let Some(first) = seen.insert(name, i + 1) {
            return Err(Error::Data(format!(
                "{file}: columns {first} and {} are both named {}; rename one of them in the header",
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

/// A delimiter that few files have, for people.
fn unusual(delimiter: u8) -> Option<String> {
    match delimiter {
        b'|' => Some("cells are separated by '|'".into()),
        b' ' => Some("cells are separated by runs of blanks".into()),
        _ => None,
    }
}

/// Cuts the text, and says whether a backslash stands before quotation marks inside cells. Error: a quotation mark that
/// takes rows into its cell.
fn cut_rows(name: &str, text: &str, line: usize, delimiter: u8, quotes: bool) -> Result<(Cut, bool)> {
    let dialect = Dialect { delimiter, quotes, backslash: false };
    let found = cut(text, line, dialect);
    let whole = |cut: &Cut| cut.unclosed.is_none() && cut.swallowed.is_none() && cut.trailing.is_none();
    if !whole(&found) && text.contains("\\\"") {
        let other = cut(text, line, Dialect { backslash: true, ..dialect });
        let width = other.rows.first().map_or(0, |row| row.count());
        if whole(&other) && other.rows.iter().all(|row| row.blank || row.count() == width) {
            return Ok((other, true));
        }
    }
    let swallowed = [found.swallowed, swallowed_rows(&found, delimiter)].into_iter().flatten().min();
    let unclosed = found.unclosed.filter(|&line| swallowed.is_none_or(|(first, _)| line <= first));
    let problem = match (unclosed, swallowed) {
        (Some(line), _) => format!("row {line}: a quotation mark is opened and never closed"),
        (None, Some((first, last))) => {
            format!("row {first}: a quotation mark is opened and not closed before row {last}")
        }
        (None, None) => return Ok((found, false)),
    };
    Err(Error::Data(format!(
        "{name}: {problem}; close it after its cell, or write it twice (\"\") inside a quoted cell where it is meant"
    )))
}

/// The first and last line of a quoted cell that holds what look like rows: as many delimiters as every row has, and at the
/// end what other rows end with.
fn swallowed_rows(cut: &Cut, delimiter: u8) -> Option<(usize, usize)> {
    let width = cut.rows.first()?.count();
    if width < 2 || delimiter == b' ' || cut.rows.iter().all(|row| row.line() == row.last_line()) {
        return None;
    }
    let single = |row: &&Row| row.line() == row.last_line() && row.count() == width;
    let ends: HashSet<&str> =
        cut.rows.iter().skip(1).filter(single).map(|row| cut.cells.get(row.first() + width - 1)).collect();
    let is_row = |line: &str| {
        let cells: Vec<&str> = line.split(delimiter as char).map(str::trim).collect();
        let end = cells[cells.len() - 1];
        cells.len() == width
            && (ends.contains(end) || is_number(end) && ends.iter().all(|end| is_number(end)))
    };
    let holds_rows = |cell: &str| {
        let lines: Vec<&str> = cell.split('\n').collect();
        lines.len() > 2 && lines[1..lines.len() - 1].iter().all(|line| is_row(line))
    };
    let row = cut.rows.iter().filter(|row| row.line() < row.last_line());
    row.clone()
        .find(|row| cut.cells.range(row.first()..row.first() + row.count()).any(holds_rows))
        .map(|row| (row.line(), row.last_line()))
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
            assert_eq!(table.cells.iter().collect::<Vec<_>>(), cells, "{text:?}");
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
            (b"a,b\n1,2\n1,\xe9\xc4\xe0\xf2\n", "f.csv: line 3 is not UTF-8 text (byte 0xE9 at offset 10)"),
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
    fn utf16_is_read_and_endless_zeros_are_refused_at_once() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        for bytes in [utf16("a,b\n1,2\n"), utf16("\u{feff}a,b\n1,2\n")] {
            let table = read(&bytes).unwrap();
            assert_eq!((table.header(), table.rows()), (&["a".to_owned(), "b".to_owned()][..], 1));
            assert_eq!(table.notes(), ["the file is written in UTF-16BE"]);
        }
        let message = read(&[0; 10]).unwrap_err().to_string();
        assert!(message.starts_with("f.csv: is no text"), "{message}");
        assert!(Table::from_reader("f.csv", std::io::repeat(0)).is_err());
    }

    #[test]
    fn numbers_and_missing_markers() {
        let cells = ["1", "-2.5e3", "", "NA", "n/a", "NaN", "null", "None", "?", "-", "+.5"];
        assert_eq!(read(b"x;y\n1.500,5;1\n7;2\n").unwrap().numeric("x").unwrap(), [Some(1500.5), Some(7.0)]);
        let text = format!("x,y\n{}", cells.map(|c| format!("{c},0\n")).concat());
        let mut expected = vec![Some(1.0), Some(-2500.0)];
        expected.extend([None; 8]);
        expected.push(Some(0.5));
        assert_eq!(read(text.as_bytes()).unwrap().numeric("x").unwrap(), expected);
        assert_eq!(read(b"x;y\n1,5;1.5\n-2;2\n").unwrap().numeric("x").unwrap(), [Some(1.5), Some(-2.0)]);

        let cases: [(&str, &str); 8] = [
            (
                "x;y\n950;2\n1.020;2\n",
                "f.csv: row 3, column 'x': '1.020' may be 1.02 or 1020, as '.' may stand",
            ),
            ("x,y\n1,2\nabc,2\n", "f.csv: row 3, column 'x': 'abc' is not a number"),
            ("x,y\n1,2\ninf,2\n", "f.csv: row 3, column 'x': 'inf' is infinite"),
            ("x,y\n1,2\n-1e101,2\n", "f.csv: row 3, column 'x': '-1e101' is too large to calculate with"),
            ("x,y\n1,2\n1e999,2\n", "f.csv: row 3, column 'x': '1e999' is infinite"),
            ("x;y\n1,5;2\n1.234;2\n", "f.csv: row 3, column 'x': '1.234' mixes"),
            ("Value,y\n1,2\n", "f.csv: there is no column 'x'; the header names 'Value', 'y'"),
            ("x1,y\n1,2\n", "f.csv: there is no column 'x'; did you mean 'x1'? the header names 'x1', 'y'"),
        ];
        for (text, expected) in cases {
            let message = read(text.as_bytes()).unwrap().numeric("x").unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
