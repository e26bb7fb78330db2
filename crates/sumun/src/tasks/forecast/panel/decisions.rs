//! What the data decided of a forecaster of many series.

use super::super::decisions::Choice;
use super::head::Head;
use crate::data::{Calendar, Difference};
use sumun_nn::Distribution;

/// What the data decided.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelDecisions {
    /// The period of the season in rows; 1 for none.
    pub season: usize,
    /// Steps ahead.
    pub horizon: usize,
    /// The most rows before each forecast.
    pub window: usize,
    /// Whether logarithms are taken.
    pub log: bool,
    /// The least value that is forecast, if there is one.
    pub min: Option<f64>,
    /// What the network is given of the calendar, if anything.
    pub calendar: Option<Calendar>,
    /// What each candidate subtracts.
    pub references: Vec<Difference>,
    /// Windows in a training step.
    pub batch: usize,
    /// Windows in an epoch, a sample of all where there are more.
    pub examples: usize,
    /// The most passes over so many windows.
    pub epochs: usize,
    /// Epochs without a better validation loss after which training stops.
    pub patience: usize,
    /// The shares that the intervals hold, rising; none where a forecast is one number.
    pub levels: Vec<f64>,
    /// The distribution whose parameters the network returns; `None` where it returns quantiles, or one number.
    pub distribution: Option<Distribution>,
    /// Whether most training values are 0 and none is below.
    pub mostly_0: bool,
    /// The choices with their reasons, in the order in which they were made.
    pub choices: Vec<Choice>,
}

impl PanelDecisions {
    pub(super) fn head(&self) -> Head {
        Head::new(self.distribution, &self.levels)
    }
}
