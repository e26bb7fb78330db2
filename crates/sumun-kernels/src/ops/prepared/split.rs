//! Which work of a pass is whose.

use crate::drivers::geometry::{Columns, Geometry};
use crate::drivers::threads::PARALLEL_FLOPS;
use crate::words::Steps;

/// How a pass is dealt to threads. Which bits come out never depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    /// Its sequences to so many shards, each of which runs through all steps.
    Sequences(usize),
    /// The units of each step to so many pieces, which wait for one another after each: of few sequences with large weights,
    /// of which each thread then reads its own part alone.
    Units(usize),
    /// The units to so many pieces, each of which runs through all steps by itself: of few sequences and a cell whose units see
    /// no other.
    Apart(usize),
}

impl Split {
    /// Whichever is faster for a pass of so many operations.
    pub(super) fn new(geometry: &Geometry, steps: &Steps, flops: usize) -> Self {
        let (dims, threads) = (geometry.dims, rayon::current_num_threads());
        if dims.cell.spec().units_are_apart() {
            let pieces = threads.min(geometry.panels);
            let few = steps.sequences() < SEQUENCES_OF_THREAD * threads;
            return match flops >= PARALLEL_FLOPS && few && pieces > 1 {
                true => Self::Apart(pieces),
                false => Self::sequences(steps, flops),
            };
        }
        let weights = dims.gate_rows() * dims.output();
        let rows = steps.rows().div_ceil(steps.len().max(1));
        let most = if weights < LARGE_WEIGHTS { MOST_ROWS_BY_UNITS } else { MOST_ROWS_OF_LARGE };
        let columns = Columns { columns: dims.output(), lanes: geometry.lanes };
        let work = weights.saturating_mul(2 * rows.max(ROWS_TO_READ));
        let pieces = threads.min(work / FLOPS_OF_PIECE).min(geometry.panels).min(columns.panels());
        match flops >= PARALLEL_FLOPS && rows < most * threads && pieces > 1 && !geometry.two_phases {
            true => Self::Units(pieces),
            false => Self::sequences(steps, flops),
        }
    }

    /// By sequences.
    pub(super) fn sequences(steps: &Steps, flops: usize) -> Self {
        let threads = if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads() };
        Self::Sequences(threads.min(steps.sequences()))
    }

    /// Shards of sequences.
    pub(super) fn shards(self) -> usize {
        match self {
            Self::Sequences(shards) => shards,
            Self::Units(_) | Self::Apart(_) => 1,
        }
    }
}

/// So many sequences a thread balance, whatever their lengths, and each reads its own part of the input alone.
const SEQUENCES_OF_THREAD: usize = 2;

/// A step of fewer rows takes as long as one of these, which it takes to read the weights.
const ROWS_TO_READ: usize = 4;

/// A piece of a step that computes less, some six microseconds, is not worth a thread.
const FLOPS_OF_PIECE: usize = 1_000_000;

/// From so many rows a step and thread on, sequences are dealt to threads; and where weights are large.
const MOST_ROWS_BY_UNITS: usize = 6;
const MOST_ROWS_OF_LARGE: usize = 16;

/// Recurrent weights that fill a second-level cache of 2 MiB.
const LARGE_WEIGHTS: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Cell, Dims, Path};

    #[test]
    fn few_sequences_with_large_weights_are_dealt_by_units() {
        let lanes = Path::best().kernels().unwrap().lanes;
        let split = |threads, cell, hidden, sequences, steps| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let geometry = Geometry::new(Dims::new(cell, 8, hidden), lanes);
            let steps = Steps::uniform(steps, sequences).unwrap();
            let flops = 2 * steps.rows() * hidden * geometry.dims.gate_rows();
            pool.install(|| Split::new(&geometry, &steps, flops))
        };
        let gru = Cell::Gru;
        assert_eq!(split(1, Cell::Lstm, 512, 1, 50), Split::Sequences(1));
        assert_eq!(split(2, Cell::Lstm, 512, 1, 50), Split::Units(2));
        assert_eq!(split(4, Cell::Lstm, 512, 16, 50), Split::Units(4));
        assert_eq!(split(2, Cell::Lstm, 512, 64, 50), Split::Sequences(2));
        assert_eq!(split(2, gru, 256, 1, 50), Split::Sequences(1));
        assert_eq!(split(2, gru, 300, 4, 50), Split::Units(2));
        assert_eq!(split(2, gru, 300, 16, 50), Split::Sequences(2));
        // Of two phases.
        assert_eq!(split(2, Cell::GruResetBefore, 512, 4, 50), Split::Sequences(2));
        // One step of one sequence is below what a second thread is worth.
        assert_eq!(split(2, Cell::Lstm, 256, 1, 1), Split::Sequences(1));
        assert_eq!(split(3, Cell::Lstm, 32, 2, 2), Split::Sequences(1));
    }
}
