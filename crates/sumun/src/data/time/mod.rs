//! Timestamps as people write them, and printed back the same way.
//!
//! The form of a column is decided by the whole column: every form that one of its cells may have is tried on all rows.
//! A form is a list of [`Piece`]s, which reads cells and prints new ones.

mod clock;
mod column;
mod format;
mod guess;
mod moment;
mod names;
mod offset;
mod read;

pub use clock::Clock;
pub(super) use clock::without_changes;
pub(super) use column::{TimeHints, Verdict, clocked, judge};
pub use format::{Piece, Span, TimeFormat};
pub use moment::{DateOrder, Timestamp};
pub use names::{Case, Half, Language, NameStyle};
pub use offset::OffsetStyle;

use crate::Result;

/// Reads a whole time column; `cells` are the row numbers and texts, `source` and `column` are for messages.
///
/// Years, months, quarters (`2010Q1`), weeks of ISO 8601 (`2010-W05`), dates with numbers or names of months (English,
/// German, French, Spanish; `2022년 1월 1일`), with a time of day or not, with an offset from UTC or not, in one form for
/// all rows; `20100314`; seconds, milliseconds, microseconds or nanoseconds since 1970; decimal years. Where offsets
/// differ, instants are compared.
///
/// Errors: a cell of another form, days and months that could be either, and a date that the calendar lacks.
pub fn parse_times<'a>(
    source: &str,
    column: &str,
    cells: impl IntoIterator<Item = (usize, &'a str)>,
) -> Result<(Vec<Timestamp>, TimeFormat)> {
    let cells: Vec<(usize, &str)> = cells.into_iter().collect();
    let hints = TimeHints::default();
    let found = match judge(source, column, &cells, &hints) {
        Verdict::Times(found) => found,
        Verdict::Broken(error) | Verdict::Unlike(error) => return Err(error),
    };
    let (times, format, _) = clocked(source, column, &cells, found, &hints)?;
    Ok((times, format))
}

#[cfg(test)]
mod tests;
