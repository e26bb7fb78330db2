//! One model of many series, or of one with intervals: quantiles of what comes, on the scale of each window.
//!
//! Not for several target columns at once.
//!
//! # The recipe, and why
//!
//! - **Scale.** Each window is seen on its own scale ([`View`]), so that one network serves all series, also those it has never seen.
//! - **Reference.** The same three candidates as for one series: what is left of the value one season before, of the last value, and
//!   of the window's mean. The validation parts choose, and average near ones where that pays.
//! - **Examples.** Of more windows than an epoch takes, each epoch has a sample in which every series has as many as any other, so
//!   that a long series does not outvote the others; the figures count each series once as well.
//! - **Distributions.** Instead of quantiles the network may return the parameters of a distribution, fitted by its likelihood, from
//!   which the same quantiles follow ([`Distribution`](sumun_nn::Distribution)); for counts the scale of a window is 1 and its mean.
//! - **Sample paths** take each step's values in the order of validation windows ([`Templates`]).
//! - **Intervals.** One output a quantile, fitted to the pinball loss, sorted so that they never cross, and made wider or narrower
//!   until they held what came in the validation parts ([`Calibration`]).

mod calibrate;
mod check;
mod choices;
mod decisions;
mod example;
mod file;
mod fit;
mod forecaster;
mod head;
mod learning;
mod outcome;
mod paths;
mod plan;
mod portable;
mod predict;
mod report;
mod score;
mod source;
mod task;
mod templates;
mod view;

pub use calibrate::Calibration;
pub use decisions::PanelDecisions;
pub(super) use file::is_panel;
pub use forecaster::{KnownSeries, PanelForecaster, PanelForecasterConfig};
pub use learning::PanelSearch;
pub use outcome::PanelOutcome;
pub(super) use paths::without_intervals;
pub use plan::PanelPlan;
pub use predict::{PanelForecast, PanelRequest, SeriesForecast};
pub use score::{IntervalScores, PanelEvaluation, PanelScores, SeriesScores};
pub(in crate::tasks) use source::Members;
pub use task::{PanelConfig, PanelTraining, train_panel};
pub use templates::Templates;
pub use view::View;
