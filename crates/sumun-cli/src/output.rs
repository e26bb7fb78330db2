//! What goes to standard output: data for other programs, and tables that were asked for.

use std::io::{self, Write};

use serde_json::Value;

use crate::failure::{Failure, bounded};
use crate::language::said;
use crate::terminal::one_line;

/// Writes all of `text` to standard output at once.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Writes one object on one line to standard output.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value}\n"))
}

/// Writes a line for people to stderr as it is; a closed stderr changes nothing.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a line for people to stderr, in their language.
pub(crate) fn say(line: &str) {
    tell(&said(line));
}

/// Writes what may hold names and texts of files, on one line that fits a screen, whatever is in them.
pub(crate) fn tell_of_files(line: &str) {
    tell(&bounded(&one_line(&said(line))));
}

/// A number for machines: the shortest text that reads back as the same number; `null` where it is not finite.
pub(crate) fn json_number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// A number for a CSV cell: as [`json_number`] without a needless `.0`; empty where it is not finite.
pub(crate) fn csv_number(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A text for a CSV cell, quoted where it must be (RFC 4180).
pub(crate) fn csv_text(text: &str) -> String {
    let plain = !text.contains([',', '"', '\n', '\r', ';', '\t']) && text.trim() == text;
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}
