//! The times of the rows of a table.

use super::closed::Closed;
use super::frequency::Frequency;
use super::steps::Steps;
use super::time::{TimeFormat, Timestamp};
use crate::message::{key, text};
use crate::{Error, Result};

/// A time column that was read.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    pub(crate) column: String,
    pub(crate) values: Vec<Timestamp>,
    pub(crate) format: TimeFormat,
    /// `None` if there are too few rows to find one.
    pub(crate) frequency: Option<Frequency>,
    /// Days without rows.
    pub(crate) closed: Closed,
}

impl Times {
    /// How the rows follow one another.
    pub(crate) fn steps(&self) -> Option<Steps<'_>> {
        Some(Steps::new(self.frequency?, &self.format.clock, &self.closed))
    }

    /// Leaves out the rows, in order of time, on days that are closed. Returns the places of the others among all, where there
    /// are fewer. Error: there is no other.
    pub(super) fn leave_out_closed(
        &mut self,
        source: &str,
        notes: &mut Vec<String>,
    ) -> Result<Option<Vec<usize>>> {
        let (days, all) = (self.closed.days(), self.values.len());
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(None) };
        let local = |time: &Timestamp| self.format.local(time).date();
        let (open, shut): (Vec<usize>, Vec<usize>) =
            (0..all).partition(|&place| !self.closed.contains(local(&self.values[place])));
        let Some(&end) = open.last() else {
            return Err(Error::Data(format!("{source}: all {all} rows are on days that are closed"))
                .advise(text("take the days of the rows out of ") + key("closed")));
        };
        notes.push(match days.len() {
            1 => format!("{first} is closed and has no row"),
            count => format!("{count} days are closed and have no rows, {first} … {last}"),
        });
        if *last < local(&self.values[end]) {
            notes.push(format!(
                "no day after the end of the data ({}) is named as closed",
                local(&self.values[end])
            ));
        }
        let Some(&begin) = shut.first() else { return Ok(None) };
        let begin = self.format.print(&self.values[begin]);
        notes.push(match shut.len() {
            1 => format!("the row of {begin}, which is closed, is left out"),
            count => format!(
                "{count} rows on days that are closed are left out, the first of them that of {begin}"
            ),
        });
        self.values = open.iter().map(|&place| self.values[place]).collect();
        Ok(Some(open))
    }

    /// Finds the frequency of the rows.
    pub(super) fn find_frequency(&mut self) {
        self.frequency = Steps::infer(&self.values, &self.format.clock, &self.closed);
    }
}
