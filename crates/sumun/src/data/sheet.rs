//! A table from a file that is no text, as comma-separated values: what workbooks and files of columns are read into.

/// The table with a line a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) text: String,
    /// Whether every number is one in the file as well, and none a text that looks like one.
    pub(super) typed: bool,
    /// What the file is.
    pub(super) note: String,
}

/// Adds a row. Ends of lines within a cell become blanks, so that lines are numbered as rows are.
pub(super) fn push_line<S: AsRef<str>>(text: &mut String, cells: impl Iterator<Item = S>) {
    for (place, cell) in cells.enumerate() {
        let cell = cell.as_ref();
        if place > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            *text += &format!("\"{}\"", cell.replace(['\r', '\n'], " ").replace('"', "\"\""));
        } else {
            *text += cell;
        }
    }
    text.push('\n');
}

/// An error of a library on one line.
pub(super) fn on_one_line(error: impl std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
