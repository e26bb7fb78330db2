//! Labelled records from files: texts or sequences of numbers with a label each, and sentences with a tag on every token.
//!
//! [`Records`] come from CSV, TSV or JSONL, [`Tagged`] sentences from JSONL or CoNLL columns. Every problem of a file is
//! an error that names its line and says what to do. [`Classes`] turn labels into ids.
//!
//! Not for a series in columns of time and values ([`data`](crate::data)), nor for files that do not fit in memory.
//!
//! ```
//! use sumun::records::{Input, RecordSpec, Records};
//!
//! let jsonl = "{\"text\": \"a brilliant story\", \"label\": \"good\"}\n{\"text\": \"a boring plot\", \"label\": \"bad\"}\n";
//! let records = Records::from_reader("reviews.jsonl", jsonl.as_bytes(), &RecordSpec::default())?;
//! assert_eq!(records.records[1].input, Input::Text("a boring plot".into()));
//! let classes = records.classes()?;
//! assert_eq!(classes.names(), ["bad", "good"]);
//! assert_eq!(records.class_ids(&classes)?, [1, 0]);
//! # Ok::<(), sumun::Error>(())
//! ```

mod choose;
mod conll;
mod jsonl;
mod labels;
mod numbers;
mod table;
mod tagged;

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::TextFile;
use crate::message::{key, text};
use crate::{Error, Result};

use jsonl::looks_like_json;

pub use labels::Classes;
pub use numbers::XLayout;
pub use tagged::{Sentence, Tagged, TaggedSpec};

/// What a record's label is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A text that is not blank, without blanks around it.
    Text(String),
    /// Numbers at each step, all finite.
    Numbers {
        /// T, at least 1.
        steps: usize,
        /// F, at least 1 and the same for all records of a file.
        channels: usize,
        /// `[T, F]`, row-major.
        values: Vec<f32>,
    },
}

/// One record of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The line of the file that it starts on, counted from 1.
    pub line: usize,
    /// What is read.
    pub input: Input,
    /// Its label as text, if it has one: a JSON number as short as it can be written, a boolean as `true` or `false`.
    pub label: Option<String>,
}

/// Which fields of a file (columns of a table, keys of JSON objects) are read.
///
/// Where neither `text` nor `x` is named, a list called `x` is taken, or a text called `text`, or the only text there
/// is besides the label. Where `label` is not named, it is the field `label` if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordSpec<'a> {
    /// The field with the text.
    pub text: Option<&'a str>,
    /// The field with the numbers.
    pub x: Option<&'a str>,
    /// How the numbers are arranged in their lists.
    pub x_layout: XLayout,
    /// The field with the label.
    pub label: Option<&'a str>,
    /// Whether a record without a label is an error.
    pub require_label: bool,
}

/// The fields that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// The field with the text or the numbers.
    pub input: String,
    /// The field with the label, whether or not all records have one.
    pub label: Option<String>,
}

/// All records of a file: at least one, and all texts or all numbers of the same channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Records {
    /// The file's name as messages show it.
    pub name: String,
    /// SHA-256 of the file in hexadecimal, so that a training that is resumed notices a change.
    pub hash: String,
    /// Which fields were read.
    pub fields: Fields,
    /// The records, in the order of the file.
    pub records: Vec<Record>,
}

/// What errors call standard input.
pub(crate) const STANDARD_INPUT: &str = "standard input";

impl Records {
    /// Reads a file, or standard input where `path` is `-`. `.csv`, `.tsv`, `.tab`, `.jsonl`, `.ndjson` and `.json` say
    /// what it is; else the first character does: `{` or `[` begins JSON.
    ///
    /// Errors, each with the line: a file that is missing, empty or no UTF-8 text; a field that is not there, with the
    /// nearest name; a record without its text, numbers or (if required) label; numbers that are not finite, lists of
    /// unequal lengths, another number of channels than before; JSON that is none, or names a key twice.
    pub fn read(path: impl AsRef<Path>, spec: &RecordSpec<'_>) -> Result<Self> {
        Self::from_file(&open(path.as_ref(), KIND)?, spec)
    }

    /// As [`read`](Self::read) from anything; `name` stands for the file and says by its extension what it is.
    pub fn from_reader(name: &str, reader: impl Read, spec: &RecordSpec<'_>) -> Result<Self> {
        Self::from_file(&TextFile::from_reader(name, reader, KIND)?, spec)
    }

    fn from_file(file: &TextFile, spec: &RecordSpec<'_>) -> Result<Self> {
        if let (Some(text), Some(x)) = (spec.text, spec.x) {
            return Err(Error::Invalid(format!(
                "the text {text:?} and the numbers {x:?} cannot both be read; name one of them"
            )));
        }
        let text = file.text()?;
        if text.trim().is_empty() {
            return Err(Error::Data(format!("{}: the file is empty; it needs records", file.name())));
        }
        let (fields, records) = match extension(file.name()).as_str() {
            "csv" => table::read(file, None, spec)?,
            "tsv" | "tab" => table::read(file, Some(b'\t'), spec)?,
            "jsonl" | "ndjson" | "json" => jsonl::read(file.name(), text, spec)?,
            _ if looks_like_json(text) => jsonl::read(file.name(), text, spec)?,
            _ => table::read(file, None, spec)?,
        };
        check_channels(file.name(), &fields.input, &records)?;
        Ok(Self { name: file.name().to_owned(), hash: file.hash(), fields, records })
    }

    /// The records of some places, in that order.
    pub fn select(&self, places: &[usize]) -> Self {
        let records = places.iter().map(|&place| self.records[place].clone()).collect();
        Self { name: self.name.clone(), hash: self.hash.clone(), fields: self.fields.clone(), records }
    }

    /// F, where the records are numbers; None where they are texts.
    pub fn channels(&self) -> Option<usize> {
        self.records.first().and_then(|record| match record.input {
            Input::Numbers { channels, .. } => Some(channels),
            Input::Text(_) => None,
        })
    }
}

/// What messages ask for.
const KIND: &str = "CSV or JSONL";

/// A file as text, or standard input where `path` is `-`; `kind` is what messages ask for.
pub(crate) fn open(path: &Path, kind: &str) -> Result<TextFile> {
    if path == Path::new("-") {
        TextFile::from_reader(STANDARD_INPUT, std::io::stdin().lock(), kind)
    } else {
        TextFile::open(path, kind)
    }
}

fn extension(name: &str) -> String {
    Path::new(name).extension().map_or_else(String::new, |end| end.to_string_lossy().to_lowercase())
}

/// Every record has as many channels as the first.
fn check_channels(name: &str, field: &str, records: &[Record]) -> Result<()> {
    let channels = |record: &Record| match record.input {
        Input::Numbers { channels, .. } => channels,
        Input::Text(_) => 0,
    };
    let Some(first) = records.first() else { return Ok(()) };
    match records.iter().find(|record| channels(record) != channels(first)) {
        None => Ok(()),
        Some(other) => Err(Error::Data(format!(
            "{name}: line {}: {field} has {}, but line {} has {}; every record needs the same channels",
            other.line,
            counted(channels(other), "channel"),
            first.line,
            channels(first)
        ))
        .advise(text("if the lists are the other way round, train with another ") + key("x_layout"))),
    }
}

/// `1 value`, `2 values`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests;
