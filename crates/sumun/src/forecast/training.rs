//! Training: from a table to a forecaster.

use super::options::Options;
use super::progress::Progress;
use super::trained::Trained;
use crate::data::Table;
use crate::{Error, Result};

/// Trains a forecaster on `table`; see the [module](super) for the recipe. The same options and table give the same
/// model bit for bit, whatever the number of threads.
///
/// Errors: options that make no sense, a table that lacks columns or values, a constant target, a series that is too
/// short for the window and the horizon, and a loss that is no longer finite.
pub fn train(_: &Table, options: &Options, _: &mut dyn Progress) -> Result<Trained> {
    options.check()?;
    Err(Error::Invalid("this version cannot train yet".into()))
}
