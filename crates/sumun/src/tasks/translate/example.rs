//! Pairs as a network reads them.

use super::super::inputs::{Padded, Sequences};
use super::network::{SOURCE, TARGET};
use crate::model::Feed;
use crate::sequences::LengthBuckets;
use crate::{Layout, Result};

/// Pairs as ids, in the order of their file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Examples {
    sources: Sequences,
    /// What the decoder reads: the end, then the tokens of the target.
    before: Sequences,
    /// What it should predict: the tokens of the target, then the end.
    after: Vec<Vec<u32>>,
}

/// Some of the pairs as arrays.
#[derive(Debug)]
pub(super) struct Chosen {
    source: Padded,
    target: Padded,
}

impl Examples {
    /// From the ids of each source and target, and the id of the end.
    pub(super) fn new(sources: Vec<Vec<u32>>, targets: Vec<Vec<u32>>, end: u32) -> Self {
        let before = targets.iter().map(|ids| [&[end], ids.as_slice()].concat()).collect();
        let after = targets.into_iter().map(|ids| [ids.as_slice(), &[end]].concat()).collect();
        Self { sources: Sequences::Ids(sources), before: Sequences::Ids(before), after }
    }

    /// How many pairs there are.
    pub(super) fn len(&self) -> usize {
        self.after.len()
    }

    /// Steps of each pair: those of its source and of its target with the end.
    pub(super) fn lengths(&self) -> Vec<usize> {
        self.sizes().into_iter().map(|(source, target)| source + target).collect()
    }

    /// The tokens of each source, and those of its target with the end.
    pub(super) fn sizes(&self) -> Vec<(usize, usize)> {
        self.sources.lengths().into_iter().zip(self.after.iter().map(Vec::len)).collect()
    }

    /// Batches of at most so many pairs, of like lengths.
    pub(super) fn batches(&self, pairs: usize) -> Result<Vec<Vec<usize>>> {
        LengthBuckets::sequences(pairs).ordered(&self.lengths())
    }

    /// The pairs of some places.
    pub(super) fn chosen(&self, places: &[usize]) -> Chosen {
        Chosen { source: self.sources.padded(places), target: self.before.padded(places) }
    }

    /// What the pairs of some places should be predicted as, in the order of the output's rows.
    pub(super) fn truth(&self, places: &[usize], layout: &Layout) -> Vec<u32> {
        let mut rows = vec![0; layout.rows()];
        layout.for_each_row(|row, n, t| rows[row] = self.after[places[n]][t]);
        rows
    }

    /// The longest target, with its end.
    pub(super) fn longest(&self) -> usize {
        self.after.iter().map(Vec::len).max().unwrap_or(1)
    }
}

impl Chosen {
    /// Both inputs of the network.
    pub(super) fn feed(&self) -> Result<Feed<'_>> {
        Ok(Feed::new().batch(SOURCE, self.source.batch()?).batch(TARGET, self.target.batch()?))
    }

    /// What the decoder reads alone.
    pub(super) fn targets(&self) -> Result<Feed<'_>> {
        Ok(Feed::new().batch(TARGET, self.target.batch()?))
    }

    /// Steps that are there, of both.
    pub(super) fn rows(&self) -> usize {
        self.source.rows() + self.target.rows()
    }
}
