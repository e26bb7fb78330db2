//! A forward pass as its steps see it: its arrays, where the rows of a step are in them, and which bodies finish its cells.

use std::ops::Range;

use crate::bodies::cell::CellForward;
use crate::bodies::options::CellOptions;
use crate::dispatch::CellKernels;
use crate::drivers::geometry::{Geometry, Side, StepTiles};
use crate::drivers::norm::Norm;
use crate::drivers::options::{Dropout, OptionRows, PassOptions};
use crate::drivers::rounded::RoundedPass;
use crate::drivers::shard::Shard;
use crate::words::rows::RowsAt;
use crate::words::{Dims, Steps};

/// One forward pass.
#[derive(Debug)]
pub(crate) struct Forward<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) cell: &'static CellKernels,
    pub(crate) steps: &'a Steps,
    pub(crate) shards: usize,
    pub(crate) x: RowsAt<*const f32>,
    pub(crate) out: RowsAt<*mut f32>,
    /// h and c before the first step, by rank; a stride of 0 over one row of zeros where there is none.
    pub(crate) h0: RowsAt<*const f32>,
    pub(crate) c0: RowsAt<*const f32>,
    pub(crate) w: *const f32,
    /// Of the product of h, or the factors of h.
    pub(crate) u: *const f32,
    pub(crate) bias: *const f32,
    /// The packed weights of the second product, where a step has one.
    pub(crate) second: *const f32,
    /// Gate rows `[panel][row][width]`: of all rows where they are kept, else of one chunk, a piece a shard.
    pub(crate) gates: *mut f32,
    pub(crate) keep: bool,
    /// Whether the first step begins with the last panel.
    pub(crate) backwards: bool,
    /// Rows of a panel of `gates`: R where they are kept, else [`chunk_rows`](super::forward::chunk_rows).
    pub(crate) gate_rows: usize,
    /// The states beside h: of every row `[R, states·H]` where they are kept, else the running ones `[N, states·H]`.
    pub(crate) cells: *mut f32,
    /// What the second product is over: of every row `[R, H]` where it is kept, else of one step `[N, H]`.
    pub(crate) inner: *mut f32,
    pub(crate) last_hidden: *mut f32,
    pub(crate) last_cell: *mut f32,
    /// None for a plain cell, or one with a projection alone.
    pub(crate) options: Option<PassOptions<'a>>,
    /// Where the products of x and h are over rounded numbers; `w`, and `u` of products, are then not looked at.
    pub(crate) rounded: Option<RoundedPass<'a>>,
}

// SAFETY: shards write disjoint rows, and pieces of a step disjoint units, of `out`, `gates`, `cells`, `inner` and the
// last states, and only read the rest.
unsafe impl Sync for Forward<'_> {}

/// Where the rows of a step are, by rank.
pub(crate) struct StepRows {
    pub(crate) x: RowsAt<*const f32>,
    pub(crate) hidden_before: RowsAt<*const f32>,
    /// What the product of h is over: h before the step, or what is seen of it.
    pub(crate) operand: RowsAt<*const f32>,
    pub(crate) options: OptionRows,
    /// What cells read: the states beside h, or h where there are none.
    pub(crate) before: RowsAt<*const f32>,
    /// The states beside h after the step.
    pub(crate) cell: RowsAt<*mut f32>,
    /// h after the step.
    pub(crate) output: RowsAt<*mut f32>,
    /// What cells write: h, or what a second product is over.
    pub(crate) out: RowsAt<*mut f32>,
    /// The first gate row of the first panel, and the floats to that of the next.
    pub(crate) gates: *mut f32,
    pub(crate) panel_stride: usize,
    /// Whether gate rows are by rank; else they are the shard's own, one after another.
    pub(crate) gates_by_rank: bool,
}

impl Forward<'_> {
    /// Where a row of a panel of gates is; `local` counts the rows of the chunk.
    #[inline(always)]
    pub(crate) unsafe fn gate_row(&self, shard: Shard, panel: usize, row: usize, local: usize) -> *mut f32 {
        let at = if self.keep {
            panel * self.gate_rows + row
        } else {
            (shard.index * self.geometry.panels + panel) * self.gate_rows + local
        };
        // SAFETY: the caller promises a row that the gates hold.
        unsafe { self.gates.add(at * self.geometry.width()) }
    }

    /// Whether each step takes its own input, rather than many steps at once beforehand: where that product would
    /// hardly be more than writing and reading its result, and where there is one step. The fewer rows a step has, the
    /// more often they read W. Of a cell for which there is no such tile
    /// the product always comes first.
    #[inline(always)]
    pub(crate) fn takes_input_by_step(&self, shard: Shard) -> bool {
        let input = self.geometry.dims.input;
        let most = match shard.rows(self.steps.sequences()) {
            0..4 => 2,
            4..16 => 16,
            _ => 64,
        };
        (input <= most || self.steps.len() == 1)
            && self.geometry.step_tiles != StepTiles::None
            && !self.gates_apart()
            && self.rounded.is_none()
            || self.norm().is_some()
    }

    /// Layer normalisation of the pass, if there is any.
    #[inline(always)]
    pub(crate) fn norm(&self) -> Option<&Norm> {
        self.options.as_ref()?.norm.as_ref()
    }

    /// Recurrent dropout of the pass, if there is any.
    #[inline(always)]
    pub(crate) fn dropout(&self) -> Option<&Dropout> {
        self.options.as_ref()?.dropout.as_ref()
    }

    /// Whether each gate has a product of its own.
    #[inline(always)]
    pub(crate) fn gates_apart(&self) -> bool {
        self.dropout().is_some_and(|dropout| dropout.count > 1)
    }

    /// The options of the bodies, if they have any.
    #[inline(always)]
    pub(crate) fn bodies(&self) -> Option<(&PassOptions<'_>, &CellOptions)> {
        let options = self.options.as_ref()?;
        Some((options, options.bodies?))
    }

    /// Some cells of a step, as far as their first phase.
    #[inline(always)]
    pub(crate) unsafe fn run_cells(&self, cells: &CellForward, rows: &StepRows) {
        // SAFETY: the caller promises ranks and panels that the arrays hold.
        unsafe {
            let Some((options, bodies)) = self.bodies() else { return (self.cell.forward)(cells) };
            let before = |rank| rows.hidden_before.row(rank);
            let with = options.forward(bodies, self.geometry, rows.options, cells, before);
            (self.cell.forward_with)(cells, &with);
        }
    }

    /// The panel of some that step t takes at some place.
    #[inline(always)]
    pub(crate) fn panel(&self, panels: &Range<usize>, t: usize, place: usize) -> usize {
        if (t % 2 == 1) == self.backwards { panels.start + place } else { panels.end - 1 - place }
    }

    /// Vectors of a panel that a step computes: with the input, those of both sides.
    #[inline(always)]
    pub(crate) fn vectors(&self, panel: usize, by_step: bool) -> usize {
        match self.geometry.step_tiles {
            StepTiles::Shifted if by_step => 4,
            _ => self.geometry.vectors(panel, Side::Hidden),
        }
    }

    /// The first column of a row of a panel that a step computes.
    #[inline(always)]
    pub(crate) fn first_column(&self, by_step: bool) -> usize {
        if by_step { 0 } else { self.geometry.first_column(Side::Hidden) }
    }

    /// Where the rows of step t are; the first gate row of the chunk is `local`.
    #[inline(always)]
    pub(crate) unsafe fn rows_at(&self, shard: Shard, t: usize, local: usize) -> StepRows {
        let (geometry, first) = (self.geometry, self.steps.offset(t));
        let Dims { hidden, cell, .. } = geometry.dims;
        let earlier = (t > 0).then(|| self.steps.offset(t - 1));
        let hidden_before = earlier.map_or(self.h0, |earlier| self.out.from(earlier).read());
        // Without a cache the running c and the inner rows of one step are all there is.
        let kept = |row: usize| if self.keep { row } else { 0 };
        let cells = RowsAt::dense(self.cells, geometry.dims.cell_width());
        let output = self.out.from(first);
        let options = OptionRows { first, seen: kept(first) };
        let operand = match self.dropout() {
            Some(dropout) => {
                let width = geometry.dims.output();
                RowsAt::dense(dropout.seen(options.seen, 0, width).cast_const(), width)
            }
            None => hidden_before,
        };
        StepRows {
            x: self.x.from(first),
            hidden_before,
            operand,
            options,
            before: match cell.has_cell_state() {
                true => earlier.map_or(self.c0, |earlier| cells.from(kept(earlier)).read()),
                false => hidden_before,
            },
            cell: cells.from(kept(first)),
            output,
            out: match geometry.two_phases {
                true => RowsAt::dense(self.inner, hidden).from(kept(first)),
                false => output,
            },
            // SAFETY: the caller promises that the gates hold the rows of this step.
            gates: unsafe { self.gate_row(shard, 0, first, local) },
            panel_stride: self.gate_rows * geometry.width(),
            gates_by_rank: self.keep,
        }
    }

    /// Adds to `cells` a panel of `count` rows of a step, from the shard's `start`-th on.
    #[inline(always)]
    pub(crate) unsafe fn place(
        &self,
        cells: &mut CellForward,
        shard: Shard,
        rows: &StepRows,
        panel: usize,
        start: usize,
        count: usize,
    ) {
        let (unit, width) = (panel * self.geometry.units, self.geometry.width());
        let states = self.geometry.dims.cell.has_cell_state();
        if self.options.is_some() {
            for (i, m) in (start..start + count).zip(cells.rows..) {
                cells.places[m] = [shard.rank(i) as u32, panel as u32];
            }
        }
        let at = cells.rows;
        cells.rows += count;
        for (i, m) in (start..start + count).zip(at..at + count) {
            let rank = shard.rank(i);
            let row = if rows.gates_by_rank { rank } else { i };
            // SAFETY: the caller promises ranks that the arrays hold.
            unsafe {
                cells.gates[m] = rows.gates.add(panel * rows.panel_stride + row * width);
                cells.out[m] = rows.out.row(rank).add(unit);
                cells.before[m] = rows.before.row(rank).add(unit);
                if states {
                    cells.states[m] = rows.cell.row(rank).add(unit);
                }
            }
        }
    }
}
