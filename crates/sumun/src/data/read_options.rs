//! What is said about how a file is written, where it is not left to be found.

use serde::{Deserialize, Serialize};

use encoding_rs::Encoding;

use super::charset;
use super::names::quoted;
use super::number::Mark;
use crate::message::{key, text};
use crate::{Error, Result};

/// What is said about how a file is written; the default leaves everything to be found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOptions {
    /// What stands before decimals: [`Mark::Point`] or [`Mark::Comma`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Mark>,
    /// What stands between thousands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thousands: Option<Mark>,
    /// What else means that a value is missing, beside what always does; a number is compared as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub na: Vec<String>,
    /// The encoding of files that are not UTF-8, by a name that browsers know, such as `euc-kr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The sheet of a workbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
}

impl ReadOptions {
    /// Refuses what contradicts itself: another decimal mark than a point or a comma, one mark with two meanings.
    pub fn check(&self) -> Result<()> {
        if let Some(mark) = self.decimal.filter(|mark| !matches!(mark, Mark::Point | Mark::Comma)) {
            return Err(Error::setting(key("decimal"), mark, "'.' or ','"));
        }
        match (self.decimal, self.thousands) {
            (Some(decimal), Some(thousands)) if decimal == thousands => Err(Error::Settings(
                text("")
                    + key("decimal")
                    + " and "
                    + key("thousands")
                    + format!(" are both {decimal}; choose two marks"),
            )),
            _ => Ok(()),
        }
    }

    /// The encoding of files that are not UTF-8. Error: a name of none.
    pub(super) fn encoding(&self) -> Result<Option<&'static Encoding>> {
        let known = |name: &String| {
            charset::encoding(name).ok_or_else(|| {
                Error::setting(
                    key("encoding"),
                    quoted(name),
                    "a name such as windows-1252, euc-kr, gbk or utf-16le",
                )
            })
        };
        self.encoding.as_ref().map(known).transpose()
    }

    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
