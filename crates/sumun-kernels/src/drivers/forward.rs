//! The fused recurrence, forwards.
//!
//! For a chunk of steps the input projection x·Wᵀ + b is computed for all rows at once; then each step adds
//! h·Uᵀ tile by tile and finishes the cells of the tile while its numbers are in L1. A chunk is as many steps as keep their
//! pre-activations in L2.
//!
//! A step of two phases leaves rows `[H]` for its second product, which goes to the output: with a projection that
//! is h'; with the reset before the product it is n's recurrent part, and the cells are finished from there.

use std::ops::Range;

use crate::bodies::tile::{Depth, MOST_ROWS, Tile};
use crate::dispatch::Tuned;
use crate::drivers::geometry::{Geometry, Side};
use crate::drivers::pass::Forward;
use crate::drivers::rounded::RoundedPass;
use crate::drivers::rounds::{for_each_round, part};
use crate::drivers::shard::Shard;
use crate::drivers::step::step;
use crate::drivers::threads::for_each_task;
use crate::drivers::tiles::tiles;
use crate::words::Steps;
use crate::words::machine::Blocks;

/// Rows of one chunk of a shard: at least one whole step.
pub(crate) fn chunk_rows(blocks: &Blocks, geometry: &Geometry, steps: &Steps, shards: usize) -> usize {
    let step = Shard::most_rows(shards, steps);
    if steps.rows() <= step {
        return step;
    }
    step.max(blocks.chunk_floats / (geometry.panels * geometry.width())).min(steps.rows())
}

/// Computes all steps of the sequences of one shard.
///
/// # Safety
/// The pointers must be valid for the geometry, steps and rows; each shard may run once at a time.
pub(crate) unsafe fn forward(kernels: &Tuned, task: &Forward, shard: usize) {
    let shard = Shard::new(shard, task.shards, task.steps);
    // SAFETY: the caller's promises.
    unsafe {
        if let Some(rounded) = &task.rounded {
            (rounded.kernels.begin)();
        }
        all_steps(kernels, task, shard, 0..task.geometry.panels);
        last_states(task, shard);
        if let Some(rounded) = &task.rounded {
            (rounded.kernels.end)();
        }
    }
}

/// Computes all steps of some panels of a shard's sequences.
#[inline(always)]
unsafe fn all_steps(kernels: &Tuned, task: &Forward, shard: Shard, panels: Range<usize>) {
    let mut chunk = Chunk::default();
    for t in 0..task.steps.len() {
        chunk.enter(&kernels.blocks, task, shard, t);
        // SAFETY: the caller's promises.
        unsafe { step_of_chunk(kernels, task, shard, panels.clone(), t, chunk) };
    }
}

/// Computes all steps of all sequences of a cell whose units do not read one another's states: its units in as many pieces at
/// once, each of which takes all steps by itself.
///
/// # Safety
/// The pointers must be valid for the geometry, steps and rows, for one shard; there must be as many panels as pieces.
pub(crate) unsafe fn forward_apart(kernels: &Tuned, task: &Forward, pieces: usize) {
    let shard = Shard::new(0, 1, task.steps);
    for_each_task(pieces, |piece| {
        let panels = part((piece, pieces), task.geometry.panels);
        // SAFETY: the caller's promises; pieces read and write only their own units.
        unsafe { all_steps(kernels, task, shard, panels) };
    });
    // SAFETY: the caller's promises.
    unsafe { last_states(task, shard) }
}

/// Computes all steps of all sequences, the units of each step in as many pieces at once. For cells of one phase.
///
/// # Safety
/// The pointers must be valid for the geometry, steps and rows, for one shard; there must be as many panels as pieces.
pub(crate) unsafe fn forward_by_units(kernels: &Tuned, task: &Forward, pieces: usize) {
    let (steps, panels) = (task.steps, task.geometry.panels);
    let shard = Shard::new(0, 1, steps);
    let chunks: Vec<Chunk> = (0..steps.len())
        .scan(Chunk::default(), |chunk, t| {
            chunk.enter(&kernels.blocks, task, shard, t);
            Some(*chunk)
        })
        .collect();
    for_each_round(steps.len(), pieces, |t, piece| {
        let panels = part((piece, pieces), panels);
        // SAFETY: the caller's promises; pieces write their own units, and read those of the step before.
        unsafe { step_of_chunk(kernels, task, shard, panels, t, chunks[t]) };
    });
    // SAFETY: the caller's promises.
    unsafe { last_states(task, shard) }
}

/// Where a step is in its chunk.
#[derive(Debug, Default, Clone, Copy)]
struct Chunk {
    /// The first step of the next chunk.
    end: usize,
    /// Rows of the chunk.
    rows: usize,
    /// Those before the step.
    local: usize,
    /// Those of the step.
    alive: usize,
}

impl Chunk {
    /// Goes on to step t, after the one before it.
    #[inline(always)]
    fn enter(&mut self, blocks: &Blocks, task: &Forward, shard: Shard, t: usize) {
        let rows_of = |t| shard.rows(task.steps.batch_size(t));
        if t < self.end {
            (self.local, self.alive) = (self.local + self.alive, rows_of(t));
            return;
        }
        let at_once = chunk_rows(blocks, task.geometry, task.steps, task.shards);
        *self = Self { end: t, rows: 0, local: 0, alive: rows_of(t) };
        while self.end < task.steps.len() && self.rows + rows_of(self.end) <= at_once {
            self.rows += rows_of(self.end);
            self.end += 1;
        }
    }
}

/// Some panels of a step, and of the input's product for the whole chunk where the step is its first.
#[inline(always)]
unsafe fn step_of_chunk(
    kernels: &Tuned,
    task: &Forward,
    shard: Shard,
    panels: Range<usize>,
    t: usize,
    chunk: Chunk,
) {
    // SAFETY: the caller's promises.
    unsafe {
        if chunk.local > 0 || task.takes_input_by_step(shard) {
            // The input has its share already, or gets it with the step.
        } else if let Some(rounded) = &task.rounded {
            project_rounded(rounded, task, shard, panels.clone(), t, chunk.rows);
        } else {
            project(kernels, task, shard, panels.clone(), t, chunk.rows);
        }
        step(kernels, task, shard, panels, t, chunk.local);
    }
}

/// Walks the rows of a shard: `(t, i)` is its i-th row of step t.
#[derive(Clone, Copy)]
struct Walk {
    t: usize,
    i: usize,
}

impl Walk {
    #[inline(always)]
    fn next(&mut self, steps: &Steps, shard: Shard) -> usize {
        while self.i >= shard.rows(steps.batch_size(self.t)) {
            self.t += 1;
            self.i = 0;
        }
        let row = steps.offset(self.t) + shard.rank(self.i);
        self.i += 1;
        row
    }
}

/// Pre-activations of `rows` rows of the shard from step `from` on: bias + x·Wᵀ.
unsafe fn project(
    kernels: &Tuned,
    task: &Forward,
    shard: Shard,
    panels: Range<usize>,
    from: usize,
    rows: usize,
) {
    let geometry = task.geometry;
    let (inputs, unfilled) = (geometry.dims.input, geometry.unfilled_by_input());
    for panel in panels.clone() {
        let columns = geometry.vectors(panel, Side::Input) * kernels.lanes;
        let mut walk = Walk { t: from, i: 0 };
        // SAFETY: the packed weights and biases hold every panel; the caller promises valid rows.
        unsafe {
            let bias = task.bias.add(panel * geometry.width());
            let w = task.w.add(geometry.panel_start(panel, inputs, Side::Input));
            let mut tile = Tile::new(w, Depth::plain(inputs), columns);
            tile.start = [bias; MOST_ROWS];
            let next = if panel + 1 < panels.end { panel + 1 } else { panels.start };
            tile.after = task.w.add(geometry.panel_start(next, inputs, Side::Input));
            for (turn, (local, count)) in tiles(rows, kernels.tile_rows(columns)).enumerate() {
                tile.turn = turn;
                for m in 0..count {
                    let row = walk.next(task.steps, shard);
                    tile.a[m] = task.x.row(row);
                    tile.c[m] = task.gate_row(shard, panel, row, local + m);
                    if unfilled > 0 {
                        let own = bias.add(columns);
                        own.copy_to_nonoverlapping(tile.c[m].add(columns), unfilled);
                    }
                }
                kernels.run_tile(&tile, count);
            }
        }
    }
}

/// The same over rounded numbers.
unsafe fn project_rounded(
    rounded: &RoundedPass,
    task: &Forward,
    shard: Shard,
    panels: Range<usize>,
    from: usize,
    rows: usize,
) {
    let geometry = task.geometry;
    let unfilled = geometry.unfilled_by_input();
    let start = Walk { t: from, i: 0 };
    let x = rounded.x.of_area(shard.index);
    // SAFETY: the caller's promises; a shard has an area of its own.
    unsafe {
        let mut walk = start;
        for local in 0..rows {
            let row = walk.next(task.steps, shard);
            x.put(rounded.kernels, local, task.x.row(row));
        }
        rounded.panels(geometry, Side::Input, panels, x, rows, |panel, local| {
            if local == 0 {
                walk = start;
            }
            let row = walk.next(task.steps, shard);
            let bias = task.bias.add(panel * geometry.width());
            let to = task.gate_row(shard, panel, row, local);
            if unfilled > 0 {
                let columns = geometry.vectors(panel, Side::Input) * geometry.lanes;
                bias.add(columns).copy_to_nonoverlapping(to.add(columns), unfilled);
            }
            (bias, to)
        });
    }
}

/// Copies the state of each rank at its own last step.
unsafe fn last_states(task: &Forward, shard: Shard) {
    let dims = task.geometry.dims;
    let (steps, cells, output) = (task.steps, dims.cell_width(), dims.output());
    for t in 0..steps.len() {
        let ends = if t + 1 < steps.len() { steps.batch_size(t + 1) } else { 0 };
        for i in shard.rows(ends)..shard.rows(steps.batch_size(t)) {
            let rank = shard.rank(i);
            let row = steps.offset(t) + rank;
            // SAFETY: the caller promises arrays that hold every row and rank.
            unsafe {
                task.out.row(row).copy_to_nonoverlapping(task.last_hidden.add(rank * output), output);
                if cells > 0 && task.keep {
                    let cell = task.cells.add(row * cells);
                    cell.copy_to_nonoverlapping(task.last_cell.add(rank * cells), cells);
                }
            }
        }
    }
}
