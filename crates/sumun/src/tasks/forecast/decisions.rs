//! What the data decided.

use crate::data::{Calendar, Difference, Split};
use crate::settings::DifferenceChoice;

/// What the data decided where the settings leave it open, and what follows from both; beside the settings, not a copy
/// of them. Only the training part is looked at, and for [`difference`](Self::difference) the validation part.
#[derive(Debug, Clone, PartialEq)]
pub struct Decisions {
    /// The rows of the three parts.
    pub split: Split,
    /// The column of the timestamps, if there is one.
    pub time: Option<String>,
    /// The period of the season in rows; 1 for none.
    pub season: usize,
    /// Steps ahead.
    pub horizon: usize,
    /// Rows before each forecast.
    pub window: usize,
    /// For each target, whether its logarithm is taken.
    pub log: Vec<bool>,
    /// For each target the least value that is forecast, if there is one.
    pub min: Vec<Option<f64>>,
    /// What the network is given of the calendar, if anything.
    pub calendar: Option<Calendar>,
    /// Whether the training part is too short for a network, so that a baseline forecasts.
    pub too_short: bool,
    /// The candidates that the validation part compares; none where no network is trained.
    pub candidates: Vec<Trial>,
    /// What is subtracted from the targets: as the settings say, until the validation part has chosen a candidate.
    pub difference: DifferenceChoice,
    /// The candidates whose forecasts are averaged, the best first; one where it forecasts alone, none before the validation
    /// part has been asked.
    pub averaged: Vec<Trial>,
    /// How many seeds each candidate that is averaged is trained from.
    pub ensemble: usize,
    /// Windows in a training step.
    pub batch: usize,
    /// The most passes over the training windows.
    pub epochs: usize,
    /// Epochs without a better validation loss after which training stops.
    pub patience: usize,
    /// The choices with their reasons, in the order in which they were made.
    pub choices: Vec<Choice>,
}

/// What one of several candidates does in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// What it subtracts from the targets.
    pub difference: DifferenceChoice,
    /// The rows before each forecast that it sees.
    pub window: usize,
}

impl Trial {
    /// As messages name it among candidates with a window of `usual` rows.
    fn name(&self, usual: usize) -> String {
        match self.window == usual {
            true => self.difference.to_string(),
            false => format!("{}, window {}", self.difference, self.window),
        }
    }
}

/// Something that was decided from the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The setting: `difference`.
    pub name: String,
    /// What was chosen: `season`.
    pub value: String,
    /// Why, with the figures that decided it.
    pub reason: String,
}

impl Decisions {
    /// The rows that the candidate which needs most of them needs before a forecast.
    pub(super) fn rows_needed(&self) -> usize {
        let needed = |trial: &Trial| {
            trial.window + if trial.difference == DifferenceChoice::Season { self.season } else { 0 }
        };
        self.candidates.iter().map(needed).max().unwrap_or(self.window)
    }

    /// What messages call candidate `index`.
    pub(super) fn name(&self, index: usize) -> String {
        self.candidates[index].name(self.window)
    }

    /// What a choice subtracts, with the season's period.
    pub(super) fn difference_of(&self, choice: DifferenceChoice) -> Difference {
        match choice {
            DifferenceChoice::Season => Difference::Season(self.season),
            DifferenceChoice::Last => Difference::Last,
            DifferenceChoice::None | DifferenceChoice::Auto => Difference::None,
        }
    }
}
