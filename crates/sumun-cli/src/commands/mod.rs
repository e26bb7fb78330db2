//! One file a command: its arguments, and what it does with the library.

pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod evaluate;
pub(crate) mod generate;
pub(crate) mod man;
mod opened;
pub(crate) mod predict;
mod report;
pub(crate) mod runs;
pub(crate) mod summary;
pub(crate) mod train_forecast;
pub(crate) mod train_task;

use std::io;
use std::path::Path;

use sumun::data::Table;

use crate::failure::Failure;

/// Reads a CSV file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Table, Failure> {
    let table = if path == Path::new("-") {
        Table::from_reader("standard input", io::stdin().lock())
    } else {
        Table::read(path)
    };
    Ok(table?)
}
