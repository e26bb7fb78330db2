//! Forecasts and evaluations with a trained model.

use super::forecaster::{Forecast, Forecaster};
use super::trained::Evaluation;
use crate::data::Table;
use crate::{Error, Result};

pub(super) fn predict(_: &Forecaster, _: Option<&Table>, _: Option<usize>) -> Result<Forecast> {
    Err(Error::Invalid("this version cannot forecast yet".into()))
}

pub(super) fn evaluate(_: &Forecaster, _: &Table) -> Result<Evaluation> {
    Err(Error::Invalid("this version cannot forecast yet".into()))
}
