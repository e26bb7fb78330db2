//! A moment of an axis of time, and the order in which the numbers of its date are written.

use serde::{Deserialize, Serialize};
use sumun_nn::named;

/// A moment on an axis of time, without a time zone: [`TimeFormat::local`](super::TimeFormat::local) says what a clock on the wall shows then.
pub type Timestamp = jiff::civil::DateTime;

/// Which part of a date of numbers is written first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DateOrder {
    /// `2010-03-14`
    #[default]
    Year,
    /// `14.03.2010`
    Day,
    /// `3/14/2010`
    Month,
}
named!(DateOrder, "date order", Day = "day", Month = "month", Year = "year");
