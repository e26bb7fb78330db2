//! What a search came to.

use super::grid::{self, Combination};
use super::plan::TunePlan;
use super::trial::TuneTrial;
use crate::run::{RunFolder, RunResults};
use crate::settings::{Range, Setting};

/// What a search came to.
#[derive(Debug, Clone)]
pub struct TuneOutcome {
    /// What was tried.
    pub plan: TunePlan,
    /// The settings that were searched over, with their ranges, in the order in which they are shown.
    pub searched: Vec<(Setting, Range)>,
    /// All trials, in their order.
    pub trials: Vec<TuneTrial>,
    /// The best of them, counted from 1.
    pub best: usize,
    /// The run folder of the best.
    pub run: RunFolder,
    /// Its figures.
    pub results: RunResults,
}

impl TuneOutcome {
    /// Of a grid, what each combination came to, the best first; nothing where settings were drawn.
    pub fn compared(&self) -> Vec<Combination> {
        if self.plan.seeds.is_some() { grid::compared(&self.trials) } else { Vec::new() }
    }

    /// All trials: those that came through more rounds first, and of a round the better.
    pub fn ranked(&self) -> Vec<&TuneTrial> {
        let mut all: Vec<&TuneTrial> = self.trials.iter().collect();
        let score = |one: &TuneTrial| one.last().map_or(f64::INFINITY, |last| last.score);
        let place = |one: &TuneTrial| (one.problem.is_some(), std::cmp::Reverse(one.rounds.len()));
        all.sort_by(|a, b| {
            place(a).cmp(&place(b)).then(score(a).total_cmp(&score(b))).then(a.trial.cmp(&b.trial))
        });
        all
    }
}
