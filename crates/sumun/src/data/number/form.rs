//! What a column of numbers is written with: marks, and a unit.

use serde::{Deserialize, Serialize};
use sumun_nn::named;

/// A character inside a number that is no digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mark {
    /// `.`
    #[serde(rename = ".")]
    Point,
    /// `,`
    #[serde(rename = ",")]
    Comma,
    /// `'` and the typographic `’`.
    #[serde(rename = "'")]
    Apostrophe,
    /// A blank of any width, one that does not break the line among them.
    #[serde(rename = "space")]
    Space,
    /// `_`
    #[serde(rename = "_")]
    Underscore,
}

named!(Mark, "thousands", Point = ".", Comma = ",", Apostrophe = "'", Space = "space", Underscore = "_");

impl Mark {
    /// The marks that stand before decimals, by name.
    pub const DECIMAL_NAMES: &'static [&'static str] = &[".", ","];

    /// Those that stand between thousands.
    pub const THOUSANDS_NAMES: &'static [&'static str] = &[",", ".", "'", "space", "_"];

    pub(super) fn of(c: char) -> Option<Self> {
        Some(match c {
            '.' => Self::Point,
            ',' => Self::Comma,
            '\'' | '’' => Self::Apostrophe,
            c if is_blank(c) => Self::Space,
            '_' => Self::Underscore,
            _ => return None,
        })
    }

    /// As a sentence says it.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Point => "'.'",
            Self::Comma => "','",
            Self::Apostrophe => "an apostrophe",
            Self::Space => "a blank",
            Self::Underscore => "'_'",
        }
    }
}

/// Blanks of a line: those of Unicode too, such as the narrow no-break space of French numbers.
pub(super) fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t' || (!c.is_ascii() && c.is_whitespace())
}

/// How the numbers of a column are written, as far as its cells show. A model keeps it, so that a newer file is read in
/// the same way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NumberForm {
    /// What stands before decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Mark>,
    /// What stands between thousands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thousands: Option<Mark>,
    /// What stands before and after every number, such as `€` or `%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}
