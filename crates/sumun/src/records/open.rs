//! A file, or standard input, as text.

use std::path::Path;

use crate::Result;
use crate::data::{ReadOptions, TextFile};

/// What messages about records and pairs ask for.
pub(super) const KIND: &str = "CSV or JSONL";

/// What errors call standard input.
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// A file as text, or standard input where `path` is `-`; `kind` is what messages ask for, and `options` is what is known
/// about how the file is written.
pub(crate) fn open_with(path: &Path, kind: &str, options: &ReadOptions) -> Result<TextFile> {
    if path == Path::new("-") {
        TextFile::from_reader_with(STANDARD_INPUT, std::io::stdin().lock(), kind, options)
    } else {
        TextFile::open_with(path, kind, options)
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
