//! A file, or standard input, as text.

use std::path::Path;

use crate::Result;
use crate::data::TextFile;

/// What errors call standard input.
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// A file as text, or standard input where `path` is `-`; `kind` is what messages ask for.
pub(crate) fn open(path: &Path, kind: &str) -> Result<TextFile> {
    if path == Path::new("-") {
        TextFile::from_reader(STANDARD_INPUT, std::io::stdin().lock(), kind)
    } else {
        TextFile::open(path, kind)
    }
}

/// The extension of a file's name, in lower case.
pub(super) fn extension(name: &str) -> String {
    Path::new(name).extension().map_or_else(String::new, |end| end.to_string_lossy().to_lowercase())
}

/// `1 value`, `2 values`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
