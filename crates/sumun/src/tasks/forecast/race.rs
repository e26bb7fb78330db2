//! Which candidates are worth training to their end.

use crate::train::EpochRecord;

/// The name under which an epoch keeps the score by which candidates are compared.
pub(super) const SCORE: &str = "score";

/// The fewest epochs after which a candidate is given up.
const FEWEST_EPOCHS: usize = 5;
/// How far a candidate's lowest score may be above that of the best at the same epoch, as a ratio, before it is given up: twice as
/// far as one that is averaged may be. None of the candidates for the bundled series is.
const FAR_BEHIND: f64 = 1.3;

/// A candidate at work against the best that is through: one that is clearly behind at the same epoch is not trained to its end.
#[derive(Debug)]
pub(super) struct Race {
    /// The lowest score of the best candidate up to each of its epochs; empty where there is none.
    leader: Vec<f64>,
    /// The fewest epochs before it may be lost.
    least: usize,
    lowest: f64,
    lost: bool,
}

impl Race {
    /// With the epochs of the best candidate, how many epochs each has at most, and those of the one at work so far.
    pub(super) fn new(leader: &[EpochRecord], epochs: usize, so_far: &[EpochRecord]) -> Self {
        let least = (epochs / 4).max(FEWEST_EPOCHS);
        let mut race = Self { leader: running_lowest(leader), least, lowest: f64::INFINITY, lost: false };
        so_far.iter().for_each(|record| race.epoch(record));
        race
    }

    /// Takes the next epoch of the candidate at work.
    pub(super) fn epoch(&mut self, record: &EpochRecord) {
        self.lowest = lower(self.lowest, record);
        // A best candidate that has stopped earlier is compared as it ended.
        let leader = self.leader.get(record.epoch - 1).or(self.leader.last());
        self.lost = record.epoch >= self.least && leader.is_some_and(|best| self.lowest > FAR_BEHIND * best);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }
}

/// The lowest score up to each epoch.
pub(super) fn running_lowest(epochs: &[EpochRecord]) -> Vec<f64> {
    let up_to = |lowest: &mut f64, record: &EpochRecord| {
        *lowest = lower(*lowest, record);
        Some(*lowest)
    };
    epochs.iter().scan(f64::INFINITY, up_to).collect()
}

fn lower(lowest: f64, record: &EpochRecord) -> f64 {
    lowest.min(record.figures.get(SCORE).copied().unwrap_or(f64::NAN))
}
