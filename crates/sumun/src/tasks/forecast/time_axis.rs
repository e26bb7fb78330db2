//! The time column of a forecaster's training file, and how rows follow one another.

use serde::{Deserialize, Serialize};

use crate::data::{Closed, Frequency, Steps, TimeFormat};

/// The time column of the training file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeAxis {
    /// Its name.
    pub column: String,
    /// How it is written.
    pub format: TimeFormat,
    /// The step between rows.
    pub frequency: Option<Frequency>,
    /// Days that have no row by agreement.
    #[serde(default, skip_serializing_if = "Closed::is_empty")]
    pub closed: Closed,
}

impl TimeAxis {
    /// How the rows follow one another; `None` where no step between them is known.
    pub fn steps(&self) -> Option<Steps<'_>> {
        Some(Steps::new(self.frequency?, &self.format.clock, &self.closed))
    }
}
