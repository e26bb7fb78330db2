//! Forecasting: train on a series, forecast all steps ahead at once, and measure against classical methods.

pub mod baseline;
mod choose;
mod fit;
mod forecaster;
pub mod metrics;
mod net;
mod options;
mod parts;
mod predict;
mod preprocessing;
mod progress;
mod report;
mod run;
mod score;
pub mod season;
mod source;
mod trained;
mod training;

pub use forecaster::{
    Forecast, ForecastColumn, Forecaster, ForecasterConfig, History, LayerSummary, Tensor, TimeAxis,
};
pub use net::{Net, NetConfig};
pub use options::{Cell, DifferenceChoice, LearningRate, Options, Resolved, Switch, Time};
pub use preprocessing::{Input, Preprocessing, Target};
pub use progress::{EpochEnd, EpochRecord, Progress, Stage};
pub use report::ReportNotes;
pub use run::{TASK, open_run, save_run};
pub use trained::{Candidate, Choice, DataSummary, Evaluation, ForecastScores, Scores, Trained};
pub use training::train;
