//! Where the table of a file begins, and what separates its cells.

use super::markers::is_missing;
use super::number::is_number;

/// How many lines are looked at.
const LOOKED_AT: usize = 200;

/// How many lines must have as many cells as the first to find the delimiter by them.
const DELIMITER_LINES: usize = 20;

/// The most lines before a table's header.
const MOST_BEFORE: usize = 40;

/// How many rows must follow a header below other lines.
const ROWS_BELOW: usize = 3;

/// The characters that separate cells, the most telling last; a blank stands for runs of blanks.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What a file has before and between its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) delimiter: u8,
    /// Where the header begins in the text, in bytes, and on which line.
    pub(super) start: usize,
    pub(super) line: usize,
    /// What was left out, a sentence each.
    pub(super) notes: Vec<String>,
}

/// A line that is not blank.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    number: usize,
    start: usize,
    text: &'a str,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let bytes = text.as_bytes();
    let (mut at, mut number) = (0, 0);
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let (start, end) = (at, bytes[at..].iter().position(|b| matches!(b, b'\n' | b'\r')));
            let end = end.map_or(bytes.len(), |end| start + end);
            let two = bytes[end..].starts_with(b"\r\n");
            at = end + if two { 2 } else { 1 };
            number += 1;
            let line = &text[start..end];
            if !line.trim().is_empty() {
                return Some(Line { number, start, text: line });
            }
        }
        None
    })
}

impl Layout {
    /// Finds the layout of a text that is not blank; `delimiter` is one that is known.
    pub(super) fn of(text: &str, delimiter: Option<u8>) -> Self {
        let all: Vec<Line<'_>> = lines(text).take(LOOKED_AT).collect();
        let mut lines = all.as_slice();
        let mut notes = Vec::new();
        let mut delimiter = delimiter;
        if let Some(said) = lines.first().and_then(|line| separator_line(line.text))
            && lines.len() > 1
        {
            delimiter = delimiter.or(Some(said));
            lines = &lines[1..];
        }
        let comments = lines.iter().take_while(|line| is_comment(line.text)).count();
        // A file of comments alone is none: `#` may begin the only line there is.
        let below = if comments < lines.len() { &lines[comments..] } else { lines };
        let (delimiter, offset) = match delimiter {
            Some(delimiter) => (delimiter, lines_above(below, delimiter).unwrap_or(0)),
            None => find_delimiter(below),
        };
        let mut first = below[offset];
        let left_out = |count: usize, what: &str| match count {
            1 => format!("1 {what} before the header left out"),
            _ => format!("{count} {what}s before the header left out"),
        };
        if comments > 0 && comments < lines.len() {
            let last = lines[comments - 1];
            let named = last.text.trim_start().trim_start_matches(['#', '%']);
            let width = |text: &str| cells(text, delimiter).len();
            let numbers = |text: &str| cells(text, delimiter).iter().any(|cell| is_number(cell));
            // The names of the columns may stand in a comment: `# year month value`.
            let header = offset == 0
                && width(first.text) > 1
                && width(named) == width(first.text)
                && numbers(first.text)
                && !numbers(named);
            if header {
                // `#id` may be the name itself.
                let name = if named.starts_with([' ', '\t']) { named } else { last.text };
                let skipped = last.text.len() - name.len();
                first = Line { start: last.start + skipped, ..last };
            }
            let count = comments - usize::from(header);
            if count > 0 {
                notes.push(left_out(count, "comment line"));
            }
        }
        if offset > 0 {
            notes.push(left_out(offset, "line"));
        }
        Self { delimiter, start: first.start, line: first.number, notes }
    }
}

/// The delimiter that a first line `sep=;` names, as spreadsheets write it.
fn separator_line(line: &str) -> Option<u8> {
    let line = line.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(line);
    let said = line.get(..4).filter(|start| start.eq_ignore_ascii_case("sep="));
    match said.map(|_| &line.as_bytes()[4..]) {
        Some(&[delimiter]) if DELIMITERS.contains(&delimiter) => Some(delimiter),
        _ => None,
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#') || line.starts_with('%') || line.starts_with("//")
}

/// How many delimiters a line has outside of quotation marks.
fn count(line: &str, delimiter: u8) -> usize {
    if delimiter == b' ' {
        return line.split_whitespace().count().saturating_sub(1);
    }
    let (mut inside, mut found) = (false, 0);
    for byte in line.bytes() {
        inside ^= byte == b'"';
        found += usize::from(!inside && byte == delimiter);
    }
    found
}

/// The cells of a line, roughly: as far as a look at them needs.
fn cells(line: &str, delimiter: u8) -> Vec<&str> {
    if delimiter == b' ' {
        return line.split_whitespace().collect();
    }
    let mut inside = false;
    let cells = line.split(|c: char| {
        inside ^= c == '"';
        !inside && c == delimiter as char
    });
    cells.map(|cell| cell.trim().trim_matches('"')).collect()
}

/// The delimiter, and how many lines stand before the header.
///
/// It is the one that cuts the first lines into the same number of cells, more than one; among several the one that
/// makes the most. Else the one that does so from some line on, where that line can be a header and those before it have
/// another number. Else runs of blanks, if they do and columns below the header hold numbers, or all columns do. Else the
/// most frequent in the header, and a comma if there is none at all.
fn find_delimiter(lines: &[Line<'_>]) -> (u8, usize) {
    let header = |&d: &u8| count(lines[0].text, d);
    // A later maximum wins, so that on a tie a comma loses to a semicolon (it may be a decimal comma).
    if let Some(delimiter) = DELIMITERS.into_iter().filter(|&d| is_even(lines, d)).max_by_key(header) {
        return (delimiter, lines_above(lines, delimiter).unwrap_or(0));
    }
    let below = DELIMITERS.into_iter().filter_map(|d| Some((d, lines_above(lines, d)?)));
    if let Some((delimiter, offset)) = below.max_by_key(|&(d, offset)| count(lines[offset].text, d)) {
        return (delimiter, offset);
    }
    let blanks = header(&b' ') > 0
        && header(&b'\t') == 0
        && !DELIMITERS.iter().any(|d| lines.iter().any(|line| count(line.text, *d) > 0 && *d != b'\t'))
        && lines.iter().all(|line| count(line.text, b' ') == header(&b' '))
        && (numeric_below(lines, b' ')
            || lines.iter().all(|line| cells(line.text, b' ').iter().all(|c| is_value(c))));
    if blanks {
        return (b' ', 0);
    }
    let most = DELIMITERS.into_iter().filter(|d| header(d) > 0).max_by_key(header);
    (most.unwrap_or(b','), 0)
}

/// Whether a delimiter cuts the first lines into as many cells, more than one.
fn is_even(lines: &[Line<'_>], delimiter: u8) -> bool {
    let cells = count(lines[0].text, delimiter);
    cells > 0 && lines.iter().take(DELIMITER_LINES).all(|line| count(line.text, delimiter) == cells)
}

/// How many lines stand before the header of a table; None where lines are cut unevenly and no table is found among them.
fn lines_above(lines: &[Line<'_>], delimiter: u8) -> Option<usize> {
    if !is_even(lines, delimiter) {
        return table_below(lines, delimiter);
    }
    let first = &lines[..lines.len().min(DELIMITER_LINES)];
    let below = names_below(first, delimiter);
    Some(if below > 0 { below } else { title_above(first, delimiter) })
}

/// A number, or what may be a time.
fn is_value(cell: &str) -> bool {
    is_number(cell) || cell.starts_with(|c: char| c.is_ascii_digit())
}

/// Where a table begins below other lines: from there on all lines have as many cells, those before have other numbers
/// of them, and the first is a row of names above numbers.
fn table_below(lines: &[Line<'_>], delimiter: u8) -> Option<usize> {
    let width = count(lines.last()?.text, delimiter);
    let rows = lines.iter().rev().take_while(|line| count(line.text, delimiter) == width).count();
    let offset = lines.len() - rows;
    let before = lines[..offset].iter().all(|line| count(line.text, delimiter) < width);
    (width > 0
        && rows > ROWS_BELOW
        && (1..=MOST_BEFORE).contains(&offset)
        && before
        && numeric_below(&lines[offset..], delimiter))
    .then_some(offset)
}

/// How many lines of a table's first ones stand before its header though they have as many cells as it: `Source,NOAA` above
/// `date,value`; 0 where that is not certain. It is only where nothing but numbers and times is below the header, and no line
/// down to it is a row of those, and where the line above it has a value and so is neither the header, with units below it, nor
/// names.
fn names_below(lines: &[Line<'_>], delimiter: u8) -> usize {
    let values =
        |line: &Line<'_>| cells(line.text, delimiter).iter().all(|cell| cell.is_empty() || is_value(cell));
    let rows = lines.iter().rev().take_while(|line| values(line)).count();
    let Some(header) = (lines.len() - rows).checked_sub(1).filter(|header| *header > 0) else { return 0 };
    let names = cells(lines[header].text, delimiter);
    let text =
        |line: &Line<'_>| cells(line.text, delimiter).iter().any(|cell| !cell.is_empty() && !is_value(cell));
    let above = cells(lines[header - 1].text, delimiter).iter().any(|cell| is_value(cell));
    let certain = rows > ROWS_BELOW
        && header <= MOST_BEFORE
        && are_names(&names)
        && above
        && lines[..header].iter().all(text);
    if certain { header } else { 0 }
}

/// Whether cells may be the names of columns: none is empty or a value, and none comes again.
fn are_names(cells: &[&str]) -> bool {
    let name =
        |(place, cell): (usize, &&str)| !cell.is_empty() && !is_value(cell) && !cells[..place].contains(cell);
    cells.iter().enumerate().all(name)
}

/// How many lines of a table's first ones stand before its header, padded to its width as spreadsheets write them:
/// `Kiosk report;;` above `Day;Visitors;Rain`, `Report;2024;` or `;;`; 0 where that is not certain.
///
/// The first fills at most half of the columns that hold anything below it, those down to the header leave one of them
/// empty, and the header fills them all with names that differ and are no marks of missing values. Below it a column holds numbers;
/// where none does, the title fills the first of three or more columns alone. Of two columns the title fills the first, as a header
/// that lacks the name of its row names does not.
fn title_above(lines: &[Line<'_>], delimiter: u8) -> usize {
    let Some((title, below)) = lines.split_first() else { return 0 };
    let title = cells(title.text, delimiter);
    let rows: Vec<Vec<&str>> = below.iter().map(|line| cells(line.text, delimiter)).collect();
    let filled = |row: &[&str], column: usize| row.get(column).is_some_and(|cell| !cell.is_empty());
    let used: Vec<usize> =
        (0..title.len()).filter(|&column| rows.iter().any(|row| filled(row, column))).collect();
    let full = |row: &[&str]| used.iter().all(|&column| filled(row, column));
    let Some(header) = rows.iter().position(|row| full(row)) else { return 0 };
    let names: Vec<&str> = used.iter().map(|&column| rows[header][column]).collect();
    let in_title = (0..title.len()).filter(|&column| filled(&title, column)).count();
    let alone = in_title == 1 && filled(&title, 0) && used.len() > 2;
    let certain = in_title > 0
        && in_title * 2 <= used.len()
        && header < MOST_BEFORE
        && rows.len() - header > ROWS_BELOW
        && are_names(&names)
        && !names.iter().any(|name| is_missing(name, &[]))
        && (used.len() > 2 || filled(&title, 0))
        && (alone || numeric_below(&below[header..], delimiter));
    if certain { header + 1 } else { 0 }
}

/// Whether a first line without numbers stands above a column of numbers.
fn numeric_below(lines: &[Line<'_>], delimiter: u8) -> bool {
    let Some((header, rows)) = lines.split_first() else { return false };
    let names = cells(header.text, delimiter);
    let numbers = |column: usize| {
        rows.iter().all(|row| {
            let cells = cells(row.text, delimiter);
            cells.get(column).is_some_and(|cell| cell.is_empty() || is_number(cell))
        }) && rows
            .iter()
            .any(|row| cells(row.text, delimiter).get(column).is_some_and(|cell| is_number(cell)))
    };
    !rows.is_empty() && !names.iter().any(|name| is_number(name)) && (0..names.len()).any(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_and_what_stands_before() {
        let cases: [(&str, u8, usize, &[&str]); 40] = [
            ("a,b\n1,2\n", b',', 1, &[]),
            ("a;b\n1,5;2,5\n", b';', 1, &[]),
            ("a\tb\n1,5\t2\n", b'\t', 1, &[]),
            ("a|b\n1|2\n", b'|', 1, &[]),
            ("a\n1\n", b',', 1, &[]),
            ("sep=;\na;b\n1;2\n", b';', 2, &[]),
            ("\"sep=,\"\r\na;b\r\n1;2\r\n", b',', 2, &[]),
            ("# station 12\ndate,temp\n1,2\n", b',', 2, &["1 comment line before the header left out"]),
            ("# a\n# b\n\ndate,temp\n1,2\n", b',', 4, &["2 comment lines before the header left out"]),
            (
                "# station\n# year value\n1958 315.1\n1959 316\n",
                b' ',
                2,
                &["1 comment line before the header left out"],
            ),
            ("#id,y\n1,2\n", b',', 1, &[]),
            ("year  value\n1958  315.1\n1959   316\n", b' ', 1, &[]),
            ("two words\nand more\n", b',', 1, &[]),
            ("a\tb\n1\t\"2\n3\t\"4\n", b'\t', 1, &[]),
            (
                "Data Source,World\nLast Updated\n\nyear,value,x\n1,2,3\n2,3,4\n3,4,5\n4,5,6\n",
                b',',
                4,
                &["2 lines before the header left out"],
            ),
            // Lines as wide as the table.
            (
                "Source,NOAA\nStation,12\ndate,value\n2020-01-01,1\n2020-01-02,2\n2020-01-03,\n2020-01-04,4\n",
                b',',
                3,
                &["2 lines before the header left out"],
            ),
            // Units are found elsewhere, as the second line; a row of markers, or of texts, may be a row.
            ("date,temp\nUTC,degC\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n2020-01-04,4\n", b',', 1, &[]),
            (
                "a,b\nStation,12\ndate,y\nUTC,degC\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n2020-01-04,4\n",
                b',',
                1,
                &[],
            ),
            ("date,y\n2020-01-01,na\n2020-01-02,2\n2020-01-03,3\n2020-01-04,4\n2020-01-05,5\n", b',', 1, &[]),
            ("a,b\nna,na\n1,2\n3,4\n5,6\n7,8\n", b',', 1, &[]),
            ("name,y\nfoo,closed\nbar,3\nbaz,4\nqux,5\nquux,6\n", b',', 1, &[]),
            ("time,y\n1,closed\n2,3\n3,4\n4,5\n5,6\n", b',', 1, &[]),
            // Titles padded to the width of the table.
            (
                "Report;;\nDay;Visitors;Rain\n1;2;3\n2;3;4\n3;4;5\n4;5;6\n",
                b';',
                2,
                &["1 line before the header left out"],
            ),
            ("Report,\nday,y\n1,2\n2,3\n3,4\n4,5\n", b',', 2, &["1 line before the header left out"]),
            (
                ";Report;;\nYear;2024;;\n;;;\nday;y;x;\n1;2;3;\n2;3;4;\n3;;5;\n4;5;6;\n",
                b';',
                4,
                &["3 lines before the header left out"],
            ),
            (
                "Feedback\t\t\ntext\tlabel\tby\na\tp\tx\nb\tq\ty\nc\tp\tz\nd\tq\tx\n",
                b'\t',
                2,
                &["1 line before the header left out"],
            ),
            (
                "\"Visits, 2024\",,\nday,a,b\n1,2,3\n2,3,4\n3,4,5\n4,5,6\n",
                b',',
                2,
                &["1 line before the header left out"],
            ),
            ("text;\na;p\nb;q\nc;r\nd;s\ne;t\n", b';', 1, &[]),
            ("\"\",\"value\"\n\"Jan 2020\",NA\n\"Feb\",2\n\"Mar\",3\n\"Apr\",3\n\"May\",4\n", b',', 1, &[]),
            ("text,\nfirst,n/a\nb,2\nc,3\nd,4\ne,5\n", b',', 1, &[]),
            ("text;\na;p\nb;q\nc;p\nd;q\ne;p\n", b';', 1, &[]),
            // A column of row names has no name of its own; a table may have empty names and empty cells.
            (",y\nday,\n1,2\n2,3\n3,4\n4,5\n", b',', 1, &[]),
            (",label\nfoo,bar\nbaz,qux\nquux,a\nb,c\nd,e\n", b',', 1, &[]),
            ("a,,\n1,2,3\n2,3,4\n3,4,5\n4,5,6\n", b',', 1, &[]),
            ("a,b,\nx,y,z\n1,2,3\n2,3,4\n3,4,5\n4,5,6\n", b',', 1, &[]),
            ("a;;\nb;c;c\n1;2;3\n2;3;4\n3;4;5\n4;5;6\n", b';', 1, &[]),
            // A decimal comma without quotation marks is no table below a header.
            ("date,y\n2020-01-01,1,5\n2020-01-02,2,5\n2020-01-03,2,5\n2020-01-04,1,5\n", b',', 1, &[]),
            ("text,label\n\"a, b\",x\nc,y\n", b',', 1, &[]),
            ("a,b\r1,2\r", b',', 1, &[]),
            ("#\n", b',', 1, &[]),
        ];
        for (text, delimiter, line, notes) in cases {
            let layout = Layout::of(text, None);
            assert_eq!((layout.delimiter, layout.line), (delimiter, line), "{text:?}");
            assert_eq!(layout.notes, notes, "{text:?}");
        }
        // The same where the delimiter is known, as that of a sheet of a workbook is.
        for (text, delimiter, line) in [
            ("Report,,\n,,\nDay,Visitors,Rain\n1,2,3\n2,3,4\n3,4,5\n4,5,6\n", b',', 3),
            ("Report\n\nday;y\n1;2,5\n2;3,5\n3;4,5\n4;5,5\n", b';', 3),
            ("day;y\n1;2,5\n2;3,5\n", b';', 1),
            ("day:y\n1:2\n", b':', 1),
        ] {
            assert_eq!(Layout::of(text, Some(delimiter)).line, line, "{text:?}");
        }
        let text = "# x\n# year value\n1 2\n";
        assert!(text[Layout::of(text, None).start..].starts_with(" year value\n"));
    }
}
