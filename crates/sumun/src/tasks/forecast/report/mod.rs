//! The report of a forecaster's training: one self-contained HTML page with charts.
//!
//! [`forecast_report`] turns plain structs into a page: it reads no file, no clock and no environment, so the same
//! input gives the same bytes. All text that comes from the caller is escaped. Numbers that are not finite stand for
//! "undefined" everywhere: they leave gaps in lines and a dash in tables.
//!
//! ```
//! use sumun::forecast::{ForecastReport, forecast_report};
//!
//! let report = ForecastReport { title: "수요 <forecast>".into(), ..ForecastReport::default() };
//! let page = forecast_report(&report);
//! assert!(page.starts_with("<!doctype html>") && page.contains("수요 &lt;forecast&gt;"));
//! ```

mod figures;
mod of;
mod page;
#[cfg(test)]
mod sample;
mod shown;
#[cfg(test)]
mod tests;

pub(super) use of::report;
pub use page::forecast_report;
pub use shown::{
    DataFacts, Errors, Example, ForecastReport, Interval, ScoredForecaster, SplitFacts, Stretch, TargetReport,
};
