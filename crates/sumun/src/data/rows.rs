//! A text cut into rows of cells, with what is wrong about its quotation marks.

use super::cells::Cells;

/// What separates cells, and what quotation marks mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// A byte of ASCII; a blank stands for any run of blanks and tabs.
    pub(super) delimiter: u8,
    /// Whether a cell that begins with a quotation mark ends with one.
    pub(super) quotes: bool,
    /// Whether a backslash in a quoted cell takes the next character as it is.
    pub(super) backslash: bool,
}

/// The cells of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cut {
    /// All cells, without blanks around them.
    pub(super) cells: Cells,
    /// All rows, blank lines among them as rows with one empty cell.
    pub(super) rows: Vec<Row>,
    /// The line of a quotation mark that is never closed.
    pub(super) unclosed: Option<usize>,
    /// The first and last line of a quoted cell that goes over lines and is closed where text goes on: by the opening
    /// mark of another.
    pub(super) swallowed: Option<(usize, usize)>,
    /// The line of a cell in which text goes on after its closing mark.
    pub(super) trailing: Option<usize>,
}

/// A row of a [`Cut`], in half of the memory of its numbers: a file may be nothing but line ends, and has fewer than 2³² of
/// anything, as files do that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    line: u32,
    last_line: u32,
    first: u32,
    count: u32,
    /// Whether it is a line without any character but blanks.
    pub(super) blank: bool,
}

impl Row {
    /// The line that it starts on, counted from 1.
    pub(super) fn line(&self) -> usize {
        self.line as usize
    }

    /// The line that it ends on.
    pub(super) fn last_line(&self) -> usize {
        self.last_line as usize
    }

    /// Its first cell.
    pub(super) fn first(&self) -> usize {
        self.first as usize
    }

    /// How many cells it has.
    pub(super) fn count(&self) -> usize {
        self.count as usize
    }
}

impl Cut {
    /// The cells of a row.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = &str> {
        let row = &self.rows[row];
        self.cells.range(row.first()..row.first() + row.count())
    }
}

/// Cuts a text whose first line is the file's line `line`.
pub(super) fn cut(text: &str, line: usize, dialect: Dialect) -> Cut {
    let bytes = text.as_bytes();
    let mut cut = Cut::default();
    let (mut at, mut line) = (0, line);
    let mut cell = String::new();
    while at < bytes.len() {
        let (first, start, begin) = (cut.cells.len(), line, at);
        loop {
            let blank = dialect.delimiter == b' ';
            if blank {
                at = skip_blanks(bytes, at, dialect);
            }
            cell.clear();
            let opening = skip_blanks(bytes, at, dialect);
            if dialect.quotes && bytes.get(opening) == Some(&b'"') {
                at = quoted_cell(text, opening + 1, &mut line, dialect, &mut cell, &mut cut);
            }
            let rest = at;
            while at < bytes.len() && !ends_cell(bytes[at], dialect) {
                at += 1;
            }
            cell.push_str(&text[rest..at]);
            let separated = at < bytes.len() && bytes[at] != b'\n' && bytes[at] != b'\r';
            if blank {
                at = skip_blanks(bytes, at, dialect);
                let more = at < bytes.len() && bytes[at] != b'\n' && bytes[at] != b'\r';
                cut.cells.push(cell.trim());
                if separated && more {
                    continue;
                }
                break;
            }
            cut.cells.push(cell.trim());
            if !separated {
                break;
            }
            at += 1;
        }
        let (count, blank) = (cut.cells.len() - first, text[begin..at].trim().is_empty());
        let [start, last_line, first, count] = [start, line, first, count].map(|number| number as u32);
        cut.rows.push(Row { line: start, last_line, first, count, blank });
        if at < bytes.len() {
            at = after_line_end(bytes, at);
            line += 1;
        }
    }
    cut
}

/// Takes in a quoted cell from after its opening mark; gives where it ends, after its closing mark.
fn quoted_cell(
    text: &str,
    from: usize,
    line: &mut usize,
    dialect: Dialect,
    cell: &mut String,
    cut: &mut Cut,
) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut taken, opened) = (from, from, *line);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if dialect.backslash && matches!(bytes.get(at + 1), Some(b'"' | b'\\')) => {
                cell.push_str(&text[taken..at]);
                taken = at + 1;
                at += 2;
            }
            b'"' if bytes.get(at + 1) == Some(&b'"') => {
                cell.push_str(&text[taken..=at]);
                at += 2;
                taken = at;
            }
            b'"' => {
                cell.push_str(&text[taken..at]);
                let next = skip_blanks(bytes, at + 1, dialect);
                if next < bytes.len() && !ends_cell(bytes[next], dialect) {
                    if *line > opened {
                        cut.swallowed.get_or_insert((opened, *line));
                    } else {
                        cut.trailing.get_or_insert(opened);
                    }
                }
                return at + 1;
            }
            b'\n' | b'\r' => {
                at = after_line_end(bytes, at);
                *line += 1;
            }
            _ => at += 1,
        }
    }
    cell.push_str(&text[taken..]);
    cut.unclosed.get_or_insert(opened);
    at
}

/// Past the blanks that do not separate cells.
fn skip_blanks(bytes: &[u8], mut at: usize, dialect: Dialect) -> usize {
    while at < bytes.len()
        && (bytes[at] == b' ' || bytes[at] == b'\t')
        && (bytes[at] != dialect.delimiter || dialect.delimiter == b' ')
    {
        at += 1;
    }
    at
}

fn ends_cell(byte: u8, dialect: Dialect) -> bool {
    byte == dialect.delimiter
        || byte == b'\n'
        || byte == b'\r'
        || (dialect.delimiter == b' ' && byte == b'\t')
}

/// After a line feed, a carriage return, or both.
fn after_line_end(bytes: &[u8], at: usize) -> usize {
    if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') { at + 2 } else { at + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMA: Dialect = Dialect { delimiter: b',', quotes: true, backslash: false };

    fn rows(text: &str, dialect: Dialect) -> Vec<(usize, Vec<String>)> {
        let cut = cut(text, 1, dialect);
        (0..cut.rows.len())
            .map(|row| (cut.rows[row].line(), cut.row(row).map(str::to_owned).collect()))
            .collect()
    }

    /// Of a file of line ends alone, rows are all that is held.
    #[test]
    fn rows_take_little_memory() {
        assert!(size_of::<Row>() <= 20, "{}", size_of::<Row>());
        let cut = cut(&"\n".repeat(1000), 1, Dialect { delimiter: b',', quotes: true, backslash: false });
        assert_eq!((cut.rows.len(), cut.rows[999].line(), cut.rows[999].last_line()), (1000, 1000, 1000));
        assert_eq!((cut.rows[999].first(), cut.rows[999].count(), cut.rows[999].blank), (999, 1, true));
    }

    #[test]
    fn rows_and_cells() {
        let blanks = Dialect { delimiter: b' ', ..COMMA };
        let tabs = Dialect { delimiter: b'\t', ..COMMA };
        let backslash = Dialect { backslash: true, ..COMMA };
        type Lines<'a> = &'a [(usize, &'a [&'a str])];
        let cases: [(&str, Dialect, Lines<'_>); 14] = [
            ("a,b\n1,2\n", COMMA, &[(1, &["a", "b"]), (2, &["1", "2"])]),
            ("a,b\r\n1,2", COMMA, &[(1, &["a", "b"]), (2, &["1", "2"])]),
            ("a,b\r1,2\r", COMMA, &[(1, &["a", "b"]), (2, &["1", "2"])]),
            ("a,\n\n,b", COMMA, &[(1, &["a", ""]), (2, &[""]), (3, &["", "b"])]),
            ("\"x, y\",\"say \"\"hi\"\"\"\n", COMMA, &[(1, &["x, y", "say \"hi\""])]),
            ("\"x\r\ny\",1\r\n2,3", COMMA, &[(1, &["x\r\ny", "1"]), (3, &["2", "3"])]),
            (" a , \"b, c\" \n", COMMA, &[(1, &["a", "b, c"])]),
            ("\"good\" it is,1\n", COMMA, &[(1, &["good it is", "1"])]),
            ("5\" pipe,\"\"\n", COMMA, &[(1, &["5\" pipe", ""])]),
            ("\"a \\\"b\\\", c\",\"\\\\\"\n", backslash, &[(1, &["a \"b\", c", "\\"])]),
            ("  a   b \t c\n 1 2 3  \n", blanks, &[(1, &["a", "b", "c"]), (2, &["1", "2", "3"])]),
            ("a\t\tb\n", tabs, &[(1, &["a", "", "b"])]),
            ("é,ü\n", COMMA, &[(1, &["é", "ü"])]),
            ("", COMMA, &[]),
        ];
        for (text, dialect, expected) in cases {
            let found = rows(text, dialect);
            let found: Vec<(usize, Vec<&str>)> = found
                .iter()
                .map(|(line, cells)| (*line, cells.iter().map(String::as_str).collect()))
                .collect();
            let expected: Vec<(usize, Vec<&str>)> = expected.iter().map(|(l, c)| (*l, c.to_vec())).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn wrong_quotation_marks_are_found() {
        for (text, unclosed, swallowed, trailing) in [
            ("a,b\n\"x,1\ny,2\n", Some(2), None, None),
            ("a,b\n\"x,1\n\"y\",2\n", None, Some((2, 3)), None),
            ("a,b\n\"x\"y,1\n", None, None, Some(2)),
            ("a,b\n\"x\ny\",1\n", None, None, None),
            ("a,b\n\"x\" ,1\n", None, None, None),
        ] {
            let cut = cut(text, 1, COMMA);
            assert_eq!(
                (cut.unclosed, cut.swallowed, cut.trailing),
                (unclosed, swallowed, trailing),
                "{text:?}"
            );
        }
    }
}
