//! What a record of a file is, and which fields of a file make one.

use std::fmt;

use serde::{Deserialize, Serialize};

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
