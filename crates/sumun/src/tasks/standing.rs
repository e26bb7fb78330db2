//! How far a training is, and what others on the same data are compared with it by.

use crate::train::{EpochRecord, Session};

/// How far a training is.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Epochs that have ended, of all networks that it trains one after the other.
    pub epochs: usize,
    /// The most that there will be.
    pub of: usize,
    /// Its best epoch so far; `None` before the first, and where there is no validation part.
    pub best: Option<Judged>,
}

/// What an epoch came to on the validation part.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What trainings of the same task on the same data are compared by, the lower the better: what chooses their best epoch.
    pub score: f64,
    /// What people call the figure to show: `accuracy`.
    pub figure: String,
    /// That figure.
    pub value: f64,
}

impl Standing {
    /// That of a training in one session.
    pub fn of(session: &Session, most: usize) -> Self {
        let records = session.records();
        let best = session.best_epoch().checked_sub(1).and_then(|best| records.get(best));
        let judged = |(score, record): (f64, &EpochRecord)| {
            let first = record.figures.iter().next().map(|(name, value)| (name.clone(), *value));
            let (figure, value) = first.or(record.valid_loss.map(|loss| ("loss".into(), loss)))?;
            Some(Judged { score, figure, value })
        };
        Self { epochs: records.len(), of: most, best: session.least_watched().zip(best).and_then(judged) }
    }
}
