//! The records of a file.

use std::io::Read;
use std::path::Path;

use super::jsonl::{self, looks_like_json};
use super::label_columns;
use super::lists;
use super::open::{KIND, counted, extension, open_with};
use super::record::{Beside, Fields, Form, Found, Input, Lists, Record, RecordSpec, XLayout};
use super::{fasttext, folder, number_rows, raw_lines, table, ts_file, windows};
use crate::data::{ReadOptions, TextFile};
use crate::message::{key, text};
use crate::{Error, Result};

/// All records of a file: at least one, and all texts or all numbers of the same channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Records {
    /// The file's name as messages show it.
    pub name: String,
    /// SHA-256 of the file in hexadecimal, so that a training that is resumed notices a change.
    pub hash: String,
    /// What separates the cells of a table; None of JSON.
    pub delimiter: Option<char>,
    /// Which fields were read.
    pub fields: Fields,
    /// The records, in the order of the file.
    pub records: Vec<Record>,
    /// How rows became records.
    pub form: Form,
    /// How lists of numbers were arranged.
    pub x_layout: XLayout,
    /// How labels are separated, where a record may have several.
    pub lists: Option<Lists>,
    /// The other fields, where the records are only predicted from; else nothing.
    pub beside: Beside,
    /// The recording that each record is a window of, so that a split keeps them together; nothing where none is cut.
    pub groups: Vec<usize>,
    /// What was noticed and chosen, a sentence each.
    pub notes: Vec<String>,
}

impl Records {
    /// Reads a file, or standard input where `path` is `-`. Its first lines say whether it is a `.ts` file of the UEA and
    /// UCR archives (`@data`), fastText's form (`__label__NAME a text`), or rows of numbers without a header, the first or the
    /// last of them the label. Else `.csv`, `.tsv`, `.tab`, `.jsonl`, `.ndjson` and `.json` say what it is, or the first
    /// character: `{` or `[` begins JSON.
    ///
    /// A table without a column of texts holds sequences of numbers: rows are the steps of recordings where a column says
    /// which recording each is of, or where they are to be cut into windows; a row is a sequence where columns are named by
    /// steps (`t0 … t99`). In a folder every file is a record: a table of numbers, a recording each, or a `.txt` file, a text
    /// each, whose label a column or the sub-folder's name says.
    ///
    /// Errors, each with the line: a file that is missing, empty or no UTF-8 text; a field that is not there, with the
    /// nearest name; a record without its text, numbers or (if required) label; numbers that are not finite, lists of
    /// unequal lengths, another number of channels than before; JSON that is none, or names a key twice.
    pub fn read(path: impl AsRef<Path>, spec: &RecordSpec<'_>) -> Result<Self> {
        Self::read_with(path, spec, &ReadOptions::default())
    }

    /// As [`read`](Self::read), with what is known about how the file is written.
    pub fn read_with(path: impl AsRef<Path>, spec: &RecordSpec<'_>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        if path.is_dir() {
            let (found, hash) = folder::read(path, spec, options)?;
            return Self::of(path.display().to_string(), hash, found, spec);
        }
        Self::from_file(&open_with(path, KIND, options)?, spec)
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
        let text = file.text();
        if text.trim().is_empty() {
            return Err(Error::Data(format!("{}: the file is empty; it needs records", file.name())));
        }
        let found = match extension(file.name()).as_str() {
            "jsonl" | "ndjson" | "json" => jsonl::read(file.name(), text, spec)?,
            _ if ts_file::is_one(text) => ts_file::read(file.name(), text, spec)?,
            _ if fasttext::is_one(text, spec) => fasttext::read(file.name(), text, spec)?,
            _ if number_rows::is_one(text) => number_rows::read(file.name(), text, spec)?,
            "csv" => table::read(file, None, spec)?,
            "tsv" | "tab" => table::read(file, Some(b'\t'), spec)?,
            _ if looks_like_json(text) => jsonl::read(file.name(), text, spec)?,
            _ if raw_lines::is_one(text, spec) => raw_lines::read(file.name(), text, spec),
            _ => table::read(file, None, spec)?,
        };
        let found = match found.groups.is_empty() && spec.window.is_some() {
            true => windows::cut(file.name(), found, spec)?,
            false => found,
        };
        check_channels(file.name(), &found.fields.input, &found.records)?;
        let notes = file_notes(file, found.delimiter, found.notes);
        Self::of(file.name().to_owned(), file.hash(), Found { notes, ..found }, spec)
    }

    fn of(name: String, hash: String, found: Found, spec: &RecordSpec<'_>) -> Result<Self> {
        let Found {
            fields,
            mut records,
            form,
            x_layout,
            beside,
            groups,
            delimiter,
            label_columns,
            mut notes,
        } = found;
        let lists = match (spec.lists, &fields.label) {
            (Some(said), Some(field)) if !spec.to_predict => {
                let (lists, note) = lists::cut(&name, field, &mut records, said)?;
                notes.extend(note);
                if label_columns {
                    notes.extend(label_columns::unused(&name, field, &records));
                }
                Some(lists)
            }
            (lists, _) => lists,
        };
        Ok(Self { name, hash, delimiter, fields, records, form, x_layout, lists, beside, groups, notes })
    }

    /// The records of some places, in that order.
    pub fn select(&self, places: &[usize]) -> Self {
        let records = places.iter().map(|&place| self.records[place].clone()).collect();
        let rows = places.iter().filter_map(|&place| self.beside.rows.get(place).cloned()).collect();
        Self {
            name: self.name.clone(),
            hash: self.hash.clone(),
            delimiter: self.delimiter,
            fields: self.fields.clone(),
            records,
            form: self.form.clone(),
            x_layout: self.x_layout,
            lists: self.lists,
            beside: Beside { names: self.beside.names.clone(), rows },
            groups: places.iter().filter_map(|&place| self.groups.get(place).copied()).collect(),
            notes: Vec::new(),
        }
    }

    /// F, where the records are numbers; None where they are texts.
    pub fn channels(&self) -> Option<usize> {
        self.records.first().and_then(|record| match record.input {
            Input::Numbers { channels, .. } => Some(channels),
            Input::Text(_) => None,
        })
    }
}

/// What was found in the bytes of a file, which a table says itself, and then in its records.
fn file_notes(file: &TextFile, delimiter: Option<char>, notes: Vec<String>) -> Vec<String> {
    let of_file = if delimiter.is_none() { file.notes() } else { &[] };
    of_file.iter().cloned().chain(notes).collect()
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
