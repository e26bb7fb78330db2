//! What is wrong with a file.

use std::fmt;

/// The result of anything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file cannot be read or written. Every message is one line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not what their format asks for: cut off, damaged, or made to do harm.
    Damaged {
        /// The format: `PyTorch file`, `zip archive`.
        format: &'static str,
        /// What was found, and where.
        what: String,
    },
    /// The file is in order, and has something that is not read here.
    Unsupported {
        /// The format.
        format: &'static str,
        /// What it is, by the name that the file has for it, and what to do instead where there is something.
        what: String,
    },
    /// A size over a bound that keeps a small file from asking for much memory or time.
    TooLarge {
        /// The format.
        format: &'static str,
        /// Which size.
        what: String,
        /// The size found; `u128::MAX` for that and everything above.
        found: u128,
        /// The bound.
        most: u128,
    },
}

impl Error {
    /// Bytes that are not what `format` asks for.
    pub fn damaged(format: &'static str, what: impl Into<String>) -> Self {
        Self::Damaged { format, what: what.into() }
    }

    /// Something that is not read here.
    pub fn unsupported(format: &'static str, what: impl Into<String>) -> Self {
        Self::Unsupported { format, what: what.into() }
    }

    /// A size over a bound.
    pub fn too_large(format: &'static str, what: impl Into<String>, found: u128, most: u128) -> Self {
        Self::TooLarge { format, what: what.into(), found, most }
    }

    /// The same, saying that it is about that tensor.
    pub(crate) fn of_tensor(mut self, name: &str) -> Self {
        let (Self::Damaged { what, .. } | Self::Unsupported { what, .. } | Self::TooLarge { what, .. }) =
            &mut self;
        *what = format!("tensor {}: {what}", quoted(name));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { format, what } => write!(f, "damaged {format}: {what}"),
            Self::Unsupported { format, what } => write!(f, "{format}: {what}"),
            Self::TooLarge { format, what, found, most } => {
                write!(f, "{format}: {what} is {found}, more than {most}, the most that is read")
            }
        }
    }
}

impl std::error::Error for Error {}

/// A name or text from a file as messages show it: in single quotes, on one line, shortened.
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown = String::from("'");
    for c in text.chars().take(SHOWN) {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown.push_str(if text.chars().nth(SHOWN).is_some() { "…'" } else { "'" });
    shown
}
