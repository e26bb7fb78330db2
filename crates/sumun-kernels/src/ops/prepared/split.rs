//! How a pass is divided among threads.

use crate::drivers::geometry::{Columns, Geometry};
use crate::drivers::threads::PARALLEL_FLOPS;
use crate::words::Steps;
use crate::words::machine::Blocks;

/// How a pass is divided among threads. No bit depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    /// By its sequences, into so many shards, each of which computes all steps.
    Sequences(usize),
    /// By the units of each step, into so many pieces, which wait for one another after each step: for few sequences with large
    /// weights, of which each thread then reads its own part only.
    Units(usize),
    /// By the units, into so many pieces, each of which computes all steps without waiting: for few sequences of a cell whose
    /// units do not read one another's states.
    Apart(usize),
}

impl Split {
    /// Whichever is faster for a pass of so many operations.
    pub(super) fn new(blocks: &Blocks, geometry: &Geometry, steps: &Steps, flops: usize) -> Self {
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
        let most = if weights < blocks.large_weights { MOST_ROWS_BY_UNITS } else { MOST_ROWS_OF_LARGE };
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

/// So many sequences a thread balance, whatever their lengths, and each thread reads its own part of the input only.
const SEQUENCES_OF_THREAD: usize = 2;

/// A step of fewer rows takes as long as one of these, which it takes to read the weights.
const ROWS_TO_READ: usize = 4;

/// A piece of a step that computes less, some six microseconds, is not worth a thread.
const FLOPS_OF_PIECE: usize = 1_000_000;

/// From so many rows a step and thread on, sequences are divided among threads; and where weights fill L2.
const MOST_ROWS_BY_UNITS: usize = 6;
const MOST_ROWS_OF_LARGE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Cell, Dims, Machine, Path};

    #[test]
    fn few_sequences_with_large_weights_are_divided_by_units() {
        let kernels = Machine::with_usual_caches(Path::best()).kernels().unwrap();
        let lanes = kernels.lanes;
        let split = |threads, cell, hidden, sequences, steps| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let geometry = Geometry::new(Dims::new(cell, 8, hidden), lanes);
            let steps = Steps::uniform(steps, sequences).unwrap();
            let flops = 2 * steps.rows() * hidden * geometry.dims.gate_rows();
            pool.install(|| Split::new(&kernels.blocks, &geometry, &steps, flops))
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
