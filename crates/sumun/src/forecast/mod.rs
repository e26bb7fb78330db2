//! Forecasting: what classical methods say, and how good a forecast is.

pub mod baseline;
pub mod metrics;
pub mod season;
