//! A keeper that ends a training after a number of steps and keeps its state in memory.

use super::{EpochRecord, Keeper, Snapshot, Wish};
use crate::Result;

/// Stops a training after `steps` steps and holds its last [`Snapshot`], from which
/// [`Session::resume`](super::Session::resume) goes on to the same bits: for tests of resuming, and for trainings that share
/// a thread with other work.
#[derive(Debug, Clone)]
pub struct StopAfter {
    /// Steps that may still be taken, at least 1; one step less with each.
    pub steps: usize,
    /// The state of the training when it last asked for it to be kept.
    pub saved: Option<Snapshot>,
}

impl StopAfter {
    /// So many steps, of which the first is taken in any case.
    pub fn new(steps: usize) -> Self {
        Self { steps, saved: None }
    }
}

impl Keeper for StopAfter {
    fn wish(&mut self) -> Wish {
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 { Wish::Stop } else { Wish::Continue }
    }

    fn save(&mut self, snapshot: Snapshot) -> Result<()> {
        self.saved = Some(snapshot);
        Ok(())
    }

    fn epoch(&mut self, _record: &EpochRecord) -> Result<()> {
        Ok(())
    }
}
