//! The curves of a training, as every report shows them.

use super::EpochRow;

/// How a training went.
#[derive(Debug)]
pub(crate) struct Curves<'a> {
    pub(crate) epochs: &'a [EpochRow],
    pub(crate) best_epoch: Option<usize>,
    pub(crate) stopped_early: bool,
    pub(crate) loss_name: &'a str,
}
