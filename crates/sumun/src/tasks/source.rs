//! The files that a training reads.

use serde::{Deserialize, Serialize};

/// A file that was read, so that one that has changed is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What it is for: `train`, `valid` or `test`.
    pub(super) part: String,
    pub(super) file: String,
    /// SHA-256 of its content.
    hash: String,
}

impl Source {
    /// The file for a part, by its name and the SHA-256 of its content in hexadecimal.
    pub fn new(part: &str, file: &str, hash: &str) -> Self {
        Self { part: part.into(), file: file.into(), hash: hash.into() }
    }
}
