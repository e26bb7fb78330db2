//! Search over settings: random search with successive halving, for any task.
//!
//! Trial 1 has the settings that were given, and defaults for all others, so that these are compared with the rest. Every other trial draws each searched setting from its [`Range`](crate::settings::Range)
//! (Bergstra and Bengio 2012). Trials are trained in rounds: all of them to a share of their epochs, the best third to three
//! times as much, the best third of those to the end (Jamieson and Talwalkar 2016). A trial that goes on does so from its own
//! checkpoint, with the learning rate of the whole training from the first step on, so that it ends at the bits of a plain
//! training with its settings.
//!
//! Trials are compared by what chooses their best epoch on the validation part, [`Judged::score`](super::Judged::score); the
//! test part decides nothing. What a trial draws is a function of the seed, its number and the setting's name, and a training
//! has the same bits on any number of threads, so that the number of trials at work at once changes nothing but the time.
//!
//! Or nothing is drawn: a grid trains every combination of some values to the end, each from several seeds, to compare them.
//!
//! A search is a folder: [`PLAN_FILE`], [`TRIALS_FILE`], a run folder for each trial at work or finished, the best one again
//! under [`BEST`], and a report. It may be stopped or killed at any moment and goes on, like a training. Nothing here knows a
//! task but by its traits.

mod grid;
mod outcome;
mod picture;
mod plan;
mod report;
mod run;
mod trial;

pub use grid::Combination;
pub use outcome::TuneOutcome;
pub use plan::TunePlan;
pub use report::tune_report;
pub use run::{TuneWatch, Tuning};
pub use trial::{RoundEnd, TrialState, TuneTrial};

/// What was asked for, as JSON.
const PLAN_FILE: &str = "tune.json";

/// One JSON object a line for every trial.
const TRIALS_FILE: &str = "trials.jsonl";

/// The folder of the trials' runs.
const TRIALS: &str = "trials";

/// The run folder of the best trial.
const BEST: &str = "best";

/// Of so many trials one goes on.
const GOES_ON: usize = 3;

/// The most rounds: a ninth of the epochs is the least that says something.
const MOST_ROUNDS: u32 = 3;

/// Into how many parts the epochs are divided of which each round's trials have come to one: `[9, 3, 1]` of 9 trials or more,
/// `[3, 1]` of 3 or more.
fn rounds(trials: usize) -> Vec<usize> {
    let all = (0..MOST_ROUNDS).rev().map(|round| GOES_ON.pow(round));
    all.filter(|&parts| parts == 1 || trials >= parts).collect()
}

/// How many of so many trials go on.
fn going_on(trials: usize) -> usize {
    trials.div_ceil(GOES_ON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_trials_have_few_rounds() {
        for (trials, expected) in
            [(1, &[1][..]), (2, &[1]), (3, &[3, 1]), (8, &[3, 1]), (9, &[9, 3, 1]), (1000, &[9, 3, 1])]
        {
            assert_eq!(rounds(trials), expected, "{trials}");
        }
        assert_eq!([1, 3, 4, 20].map(going_on), [1, 1, 2, 7]);
    }
}
