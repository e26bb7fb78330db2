//! A trial of a search, as the search's folder keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Value;

use super::super::standing::Standing;
use crate::inspect::Memory;

/// How far a trial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrialState {
    /// It is in training, or waits for the other trials of its round.
    Running,
    /// It was not among the best of its round.
    Dropped,
    /// It was trained to its end.
    Finished,
    /// It could not be trained to its end.
    Failed,
}

/// What a trial had come to at the end of a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundEnd {
    /// Epochs that had ended.
    pub epochs: usize,
    /// What trials are compared by, the lower the better.
    pub score: f64,
    /// The figure to show.
    pub value: f64,
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuneTrial {
    /// Its number, counted from 1.
    pub trial: usize,
    /// What it drew, by the keys of the settings; nothing of the first.
    pub settings: BTreeMap<String, Value>,
    /// The settings that are searched over as they were used, with what the data decided; without those that stay open.
    pub used: BTreeMap<String, Value>,
    /// How many draws before that the data left no room for, such as a window that is longer than the series.
    pub redrawn: u32,
    /// How far it is.
    pub state: TrialState,
    /// Whether its training has come to its end.
    pub ended: bool,
    /// The most epochs that it has, of all networks that it trains.
    pub of: usize,
    /// The name of the figure that [`RoundEnd::value`] is.
    pub figure: String,
    /// The rounds that it is through.
    pub rounds: Vec<RoundEnd>,
    /// Seconds of training and of what it takes to begin and end it.
    pub seconds: f64,
    /// How many numbers its model learns; None before its end, and in searches of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<usize>,
    /// How far back its network listens in the validation part; None but of trials of a grid that have come to their end, and where
    /// it cannot be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Why it could not be trained to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl TuneTrial {
    pub(super) fn new(trial: usize, settings: BTreeMap<String, Value>, redrawn: u32) -> Self {
        Self {
            trial,
            settings,
            used: BTreeMap::new(),
            redrawn,
            state: TrialState::Running,
            ended: false,
            of: 0,
            figure: String::new(),
            rounds: Vec::new(),
            seconds: 0.0,
            parameters: None,
            memory: None,
            problem: None,
        }
    }

    /// What it came to in the last round that it is through.
    pub fn last(&self) -> Option<&RoundEnd> {
        self.rounds.last()
    }

    /// Takes what it came to at the end of a round; whether there was anything to compare it by.
    pub(super) fn through(&mut self, standing: Standing, ended: bool) -> bool {
        let Standing { epochs, of, best } = standing;
        let Some(best) = best else { return false };
        (self.of, self.ended, self.figure) = (of, ended, best.figure);
        self.rounds.push(RoundEnd { epochs, score: best.score, value: best.value });
        true
    }

    pub(super) fn failed(&mut self, problem: String) {
        (self.state, self.problem) = (TrialState::Failed, Some(problem));
    }
}
