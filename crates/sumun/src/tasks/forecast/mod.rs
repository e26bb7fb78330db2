//! Forecasting: train on a series, forecast all steps ahead at once, and measure against classical methods
//! (naive, drift, seasonal naive, Theta, ETS, ARIMA: [`baseline`]).
//!
//! [`train`] turns a [`Table`](crate::data::Table) and a [`ForecastConfig`] into a [`ForecastOutcome`] with a [`Forecaster`]; [`Forecaster::predict`] and
//! [`Forecaster::evaluate`] use it. For many series that should share a
//! model, and for intervals, there is [`train_panel`]; this one says one number a step.
//!
//! # The recipe, and why
//!
//! A recurrent network on scaled values loses to seasonal naive on series with a trend or a strong season: it spends
//! itself on learning to copy. So it learns what copying leaves. Each figure below is the test MASE of the hourly
//! electricity demand, the airline passengers and the El Niño temperatures in `data/`, in trials where seasonal naive has
//! .89, 1.59 and .79 and the recipe .47, .61 and .55.
//!
//! - **Target.** The value (or its logarithm) less a reference: the last value of the same phase (`season`), the last
//!   value (`last`), or nothing (`none`). All three are trained and the one with the best validation error is kept
//!   (`none` on airline passengers: 2.2). `none` is left out where the training part has drifted, because a short
//!   validation part cannot show how it fails further on.
//! - **Window.** For `season` the same seasonal differences; for the others the level and the level relative to the last
//!   value (El Niño without the latter: .64). Hour, weekday and time of year, and known columns, stand beside every row
//!   of the window (electricity without the calendar: .71).
//! - **Head.** All steps at once from the last state, plus one linear map of what is known of each step ahead, shared by
//!   all steps (airline without it: .69; a wider head: .72).
//! - **Loss.** Mean absolute error of scaled values (electricity with squared errors: .54).
//! - **Training.** Adam with a cosine from .003, small batches, gradients clipped to norm 1, dropout .1 before the head,
//!   early stopping. The validation loss counts every forecast value that lies in the validation part, also those of
//!   forecasts that reach over its borders: the few origins that fit as a whole decide badly in short series.
//! - **Together.** The forecast is a weighted mean of the network's and of a seasonal ARIMA model's ([`Together`]): a short series
//!   teaches a network little, and the two err in different ways (airline: .63 without it, .44 with it).
//! - **Nothing but the training part** is looked at for scalers, season, logarithm and drift; the validation part decides
//!   when to stop, what to subtract and how much the ARIMA model says; the test part is only measured on.
//!
//! A [`Training`] does the same with the file that a [`ForecastConfig`] names, and may stop after any step and go on from a
//! [`Checkpoint`](crate::run::Checkpoint) to the same bits.
//!
//! ```no_run
//! use sumun::data::Table;
//! use sumun::forecast::{ForecastConfig, train};
//!
//! let table = Table::read("data/electricity.csv")?;
//! let mut config = ForecastConfig::of(&["value"]);
//! config.data.horizon = Some(24);
//! let trained = train(&table, &config, &mut ())?;
//! println!("test MASE {:?}", trained.test.map(|test| test.model.overall.mase));
//! let ahead = trained.forecaster.predict(None, None)?;
//! for (label, value) in ahead.labels.iter().zip(&ahead.targets[0].values) {
//!     println!("{label} {value:.0}");
//! }
//! # Ok::<(), sumun::Error>(())
//! ```

mod average;
mod backtest;
mod backtest_report;
pub mod baseline;
mod check;
mod choose;
mod config;
mod continued;
mod decisions;
mod earlier;
mod evaluation;
mod fallback;
mod file;
mod fit;
mod forecaster;
mod kept;
pub mod metrics;
mod network;
mod outcome;
mod panel;
mod plan;
mod portable;
mod predict;
mod preprocessing;
mod race;
mod report;
mod results;
mod score;
mod search;
pub mod season;
mod source;
mod task;
mod time_axis;
mod together;
mod trials;
mod wishes;

pub use crate::settings::{Cell, DifferenceChoice, Or, Switch};
pub use crate::train::{EpochEnd, EpochRecord, LearningRate, Progress, TrainingStage};
pub use backtest::{
    Backtest, BacktestOptions, BacktestOrigin, BacktestScores, Backtested, Refit, backtest, backtest_file,
};
pub use backtest_report::backtest_report;
pub use config::{
    DataSettings, ForecastConfig, Minimum, MinimumWord, NetworkSettings, PrepareSettings, TASK, TrainSettings,
};
pub use continued::compare::{ContinuedPart, compare_continued};
pub use continued::plan::continue_settings;
pub use decisions::{Choice, Decisions, Trial};
pub use evaluation::{Evaluation, ForecastScores, Scores};
pub use forecaster::Forecaster;
pub use kept::{ForecasterConfig, History};
pub use outcome::{Candidate, DataSummary, ForecastOutcome};
pub(super) use panel::Members;
pub use panel::{
    Calibration, IntervalScores, KnownSeries, PanelConfig, PanelDecisions, PanelEvaluation, PanelForecast,
    PanelForecaster, PanelForecasterConfig, PanelOutcome, PanelPlan, PanelRequest, PanelScores, PanelSearch,
    PanelTraining, SeriesForecast, SeriesScores, Templates, View, train_panel,
};
pub use plan::ForecastPlan;
pub use predict::{Forecast, ForecastColumn};
pub use preprocessing::{Input, Preprocessing, Target};
pub use report::{
    DataFacts, Errors, Example, ForecastReport, Interval, ScoredForecaster, SplitFacts, Stretch,
    TargetReport, forecast_report,
};
pub use search::Search;
pub(super) use source::{Source, Wanted};
pub(super) use task::Entry;
pub use task::{Training, open_run, train};
pub use time_axis::TimeAxis;
pub use together::Together;
