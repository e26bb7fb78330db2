//! Days that have no rows by agreement, such as holidays.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Days without rows: the steps of a series go over them, as over the weekends of working days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Closed {
    /// Rising.
    days: Vec<Date>,
}

/// No day at all.
pub(crate) static NONE: Closed = Closed { days: Vec::new() };

impl Closed {
    /// These days, in any order.
    pub fn new(mut days: Vec<Date>) -> Self {
        days.sort_unstable();
        days.dedup();
        Self { days }
    }

    /// The days, rising.
    pub fn days(&self) -> &[Date] {
        &self.days
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Whether a day is one of them.
    pub fn contains(&self, day: Date) -> bool {
        self.days.binary_search(&day).is_ok()
    }

    /// Those from the day `from` on.
    pub(super) fn since(&self, from: Date) -> &[Date] {
        &self.days[self.days.partition_point(|day| *day < from)..]
    }

    /// Those up to the day `to`.
    pub(super) fn until(&self, to: Date) -> &[Date] {
        &self.days[..self.days.partition_point(|day| *day <= to)]
    }

    /// Whether the days of a model file, which may hold anything, rise.
    pub(crate) fn is_sound(&self) -> bool {
        self.days.windows(2).all(|pair| pair[0] < pair[1])
    }
}
