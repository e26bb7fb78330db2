//! Rows as they were read, before anything is done about what is missing.

use super::times::Times;
use crate::Error;

/// Rows as they were read, with values and steps missing.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) source: String,
    /// The row number in the file.
    pub(crate) lines: Vec<usize>,
    pub(crate) times: Option<Times>,
    /// Name and one value a row.
    pub(crate) columns: Vec<(String, Vec<Option<f64>>)>,
    /// Of each column whose first value is missing, the last value before the rows and how many rows before; empty where no
    /// row is cut off.
    pub(crate) before: Vec<(f64, usize)>,
    /// The columns of which values may be missing anywhere: they are marked, and nothing is refused, dropped or said of them.
    pub(crate) sparse: Vec<String>,
}

impl Rows {
    /// Puts the rows, whose times are in order already, into the order of `places`.
    pub(crate) fn reorder(&mut self, places: &[usize]) {
        self.lines = places.iter().map(|&place| self.lines[place]).collect();
        for (_, values) in &mut self.columns {
            *values = places.iter().map(|&place| values[place]).collect();
        }
    }

    pub(super) fn fail(&self, message: &str) -> Error {
        Error::Data(format!("{}: {message}", self.source))
    }

    /// `row 7 (2010-03-14 01:00)`, for a row that stands in the file.
    pub(super) fn row(&self, i: usize) -> String {
        match &self.times {
            Some(times) => format!("row {} ({})", self.lines[i], times.format.print(&times.values[i])),
            None => format!("row {}", self.lines[i]),
        }
    }
}
