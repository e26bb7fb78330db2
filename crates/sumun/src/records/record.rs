//! What a record of a file is, and which fields of a file make one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::data::{did_you_mean, listed, quoted};
use crate::message::{Message, key, text};

/// What a record's label is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A text that is not blank, without blanks around it; empty where it is only predicted from.
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

/// How the labels of a record stand in one field. Where most fields hold a list in brackets, of JSON or as Python writes it, all are
/// read as such whatever is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lists {
    /// As most fields of the file say.
    #[default]
    Found,
    /// A field is one label.
    Whole,
    /// Between labels stands `|`.
    Bar,
    /// Between labels stands `;`.
    Semicolon,
    /// Between labels stands `,`.
    Comma,
}

impl Lists {
    /// What stands between labels.
    pub fn separator(self) -> Option<char> {
        match self {
            Self::Found | Self::Whole => None,
            Self::Bar => Some('|'),
            Self::Semicolon => Some(';'),
            Self::Comma => Some(','),
        }
    }
}

/// How the numbers of a record are arranged in its lists. A flat list is one channel over time either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum XLayout {
    /// A list of channels, each a list over time.
    #[default]
    ChannelTime,
    /// A list over time, each step a list of channels.
    TimeChannel,
}

impl std::str::FromStr for XLayout {
    type Err = crate::Error;

    fn from_str(text: &str) -> crate::Result<Self> {
        match text {
            "channel-time" => Ok(Self::ChannelTime),
            "time-channel" => Ok(Self::TimeChannel),
            _ => Err(crate::Error::Invalid(format!(
                "there is no layout of numbers {text:?}; there are channel-time and time-channel"
            ))),
        }
    }
}

impl fmt::Display for XLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChannelTime => "channel-time",
            Self::TimeChannel => "time-channel",
        })
    }
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
    /// Its labels, where a record may have several; nothing else.
    pub labels: Vec<String>,
}

/// Which fields of a file (columns of a table, keys of JSON objects) are read.
///
/// Where neither `text` nor `x` is named, a list called `x` is taken, or a text called `text`, or the only text there
/// is besides the label. Where `label` is not named, it is the field `label` if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RecordSpec<'a> {
    /// The field with the text.
    pub text: Option<&'a str>,
    /// The field with the numbers.
    pub x: Option<&'a str>,
    /// How the numbers are arranged in their lists; by default what all lists of the file allow, a list of channels where
    /// both are possible.
    pub x_layout: Option<XLayout>,
    /// The field with the label.
    pub label: Option<&'a str>,
    /// Whether a record without a label is an error; where it holds lists, whether a file without the field is.
    pub require_label: bool,
    /// How the field with the label holds several, or none; None where it holds one.
    pub lists: Option<Lists>,
    /// The form of the file that a model was trained on.
    pub form: Option<&'a Form>,
    /// The column that says which recording a row is of.
    pub series: Option<&'a str>,
    /// The column with the times of a recording; `none` for the order of the file.
    pub time: Option<&'a str>,
    /// Cuts sequences of numbers into windows of so many steps, at least 1.
    pub window: Option<usize>,
    /// So many steps lie between the beginnings of windows, at least 1; by default as many as a window has.
    pub stride: Option<usize>,
    /// Whether the records are only predicted from: a text may be empty, lines of text without a header are read, and
    /// [`Records::beside`](super::Records::beside) keeps the other fields.
    pub to_predict: bool,
}

/// How the rows of a file are records, where it is not a field of each that is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Form {
    /// A field of each row, line or object is read.
    #[default]
    Fields,
    /// Rows of numbers without a header.
    NumberRows {
        /// How many columns there are, that of the label among them.
        columns: usize,
    },
    /// Steps of recordings are rows.
    Recordings {
        /// The column that says which recording a row is of; None where a file is one recording.
        series: Option<String>,
        /// The column with the times.
        time: Option<String>,
        /// The columns of numbers.
        channels: Vec<String>,
    },
    /// Steps of a sequence are columns.
    Wide {
        /// The columns of each channel, in the order of their steps.
        channels: Vec<Vec<String>>,
    },
}

/// Fields of a file that are not read, beside the records: texts, numbers and booleans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Beside {
    /// Their names, in the order of the file.
    pub names: Vec<String>,
    /// What each record has there; nothing where it lacks one.
    pub rows: Vec<Vec<String>>,
}

impl Beside {
    /// Leaves all but one field out. Error: there is none of that name.
    pub(crate) fn retain(&mut self, file: &std::path::Path, name: &str) -> crate::Result<()> {
        let Some(place) = self.names.iter().position(|other| other == name) else {
            return Err(no_such(&file.display().to_string(), "it", name, &self.names));
        };
        self.names = vec![name.to_owned()];
        self.rows.iter_mut().for_each(|row| *row = row.get(place).cloned().into_iter().collect());
        Ok(())
    }
}

/// What a file holds.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) fields: Fields,
    pub(super) records: Vec<Record>,
    pub(super) form: Form,
    pub(super) x_layout: XLayout,
    pub(super) beside: Beside,
    /// The recording that each record is cut from; nothing where none is cut.
    pub(super) groups: Vec<usize>,
    /// What separates the cells of a table; None of other files.
    pub(super) delimiter: Option<char>,
    /// Whether the labels were columns of zeros and ones.
    pub(super) label_columns: bool,
    pub(super) notes: Vec<String>,
}

impl Found {
    /// Records with nothing beside them and nothing to say.
    pub(super) fn of(fields: Fields, records: Vec<Record>) -> Self {
        Self {
            fields,
            records,
            form: Form::default(),
            x_layout: XLayout::default(),
            beside: Beside::default(),
            groups: Vec::new(),
            delimiter: None,
            label_columns: false,
            notes: Vec::new(),
        }
    }
}

/// The fields that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// The field with the text or the numbers.
    pub input: String,
    /// The field with the label, whether or not all records have one.
    pub label: Option<String>,
}

/// A label that is a whole number written with a fraction of zeros, as pandas writes `3.0`, without the fraction. So
/// the labels of a CSV file and those of a JSON file, where 3 and 3.0 are one number, are the same.
pub(super) fn whole(label: &str) -> &str {
    match label.split_once('.') {
        Some((whole, fraction))
            if !fraction.is_empty()
                && fraction.bytes().all(|b| b == b'0')
                && whole.strip_prefix('-').unwrap_or(whole).bytes().all(|b| b.is_ascii_digit())
                && whole.ends_with(|c: char| c.is_ascii_digit()) =>
        {
            whole
        }
        _ => label,
    }
}

/// The advice where a record has several labels, but one is read.
pub(super) fn several() -> Message {
    text("to learn several labels of a record, name their field to classify with ") + key("labels")
}

/// The error for a field that is not there.
pub(super) fn no_such(file: &str, place: &str, name: &str, names: &[String]) -> Error {
    let hint = did_you_mean(name, names);
    Error::Data(format!("{file}: there is no field {};{hint} {place} names {}", quoted(name), listed(names)))
}
