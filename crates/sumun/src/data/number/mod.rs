//! Numbers as people write them: `1.234,5`, `1'000`, `45 %`, `(5)`, `€ 3`.
//!
//! How the numbers of a column are written is decided over the whole column, never for a cell alone: `1.020` is 1020 in
//! one file and 1.02 in another. What a column does not decide is refused, with the settings that do.

mod cell;
mod column;
mod form;

pub(crate) use column::{Asked, Convention, Written, read};
pub use form::{Mark, NumberForm};

/// Whether a cell is a number alone, without a unit.
pub(crate) fn is_number(cell: &str) -> bool {
    cell::Cell::of(cell).is_some_and(|cell| cell.unit == ("", ""))
}
