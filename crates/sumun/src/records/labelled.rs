//! The records of a file.

use std::io::Read;
use std::path::Path;

use super::jsonl::{self, looks_like_json};
use super::open::{counted, extension, open};
use super::record::{Fields, Input, Record, RecordSpec};
use super::table;
use crate::data::TextFile;
use crate::message::{key, text};
use crate::{Error, Result};

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
pub(super) const KIND: &str = "CSV or JSONL";

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
