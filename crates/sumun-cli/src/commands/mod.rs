//! One file a command: its arguments, and what it does with the library.

pub(crate) mod apply;
pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod generate;
pub(crate) mod import;
pub(crate) mod man;
mod outcome;
pub(crate) mod predict;
mod report;
pub(crate) mod runs;
pub(crate) mod show;
mod stream;
pub(crate) mod summary;
pub(crate) mod train;

use std::path::Path;

use sumun::model::ModelConfig;
use sumun::outside::{self, Links};

use crate::failure::Failure;

/// The most bytes of a file of layers.
const MOST_ARCHITECTURE: u64 = 4 << 20;

/// The layers that a file has, where one is given.
fn architecture(file: Option<&Path>) -> Result<Option<ModelConfig>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let text = outside::read_given_text(file, Links::Follow, MOST_ARCHITECTURE)?;
    Ok(Some(ModelConfig::from_toml(&text).map_err(|error| error.of(file.display()))?))
}

/// Refuses to write over what is read.
fn refuse_same_file(read: &Path, written: &Path) -> Result<(), Failure> {
    match (read.canonicalize(), written.canonicalize()) {
        (Ok(one), Ok(other)) if one == other => Err(Failure::Usage(format!(
            "{} would be overwritten; give another name to write",
            read.display()
        ))),
        _ => Ok(()),
    }
}
