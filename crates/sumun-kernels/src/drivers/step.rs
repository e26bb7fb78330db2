//! One step of the fused recurrence: h·Uᵀ tile by tile, and the cells of a tile while its numbers are in L1.

use std::ops::Range;

use crate::bodies::cell::CellForward;
use crate::bodies::options::{CellOptions, ZoneoutRow};
use crate::bodies::row::RowTile;
use crate::bodies::tile::{Depth, MOST_ROWS, StepTile, Tile};
use crate::dispatch::{CellKernels, Tuned};
use crate::drivers::geometry::{Columns, Geometry, Side, StepTiles};
use crate::drivers::linear::{Product, Start};
use crate::drivers::norm::{Norm, Part, hidden_gates, hidden_offset, second_offset, state_offset};
use crate::drivers::options::{Dropout, OptionRows, PassOptions};
use crate::drivers::shard::Shard;
use crate::drivers::tiles::tiles;
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
}

// SAFETY: shards write disjoint rows, and pieces of a step disjoint units, of `out`, `gates`, `cells`, `inner` and the
// last states, and only read the rest.
unsafe impl Sync for Forward<'_> {}

/// One step of the shard, or some panels of it; its first gate row of the chunk is `local`.
///
/// Steps take the panels in alternating direction, so that those which the last step used last are still in the cache: half of
/// the weights, where these are twice as large as it.
#[inline(never)]
pub(crate) unsafe fn step(
    kernels: &Tuned,
    task: &Forward,
    shard: Shard,
    panels: Range<usize>,
    t: usize,
    local: usize,
) {
    // SAFETY: the caller's promises.
    unsafe {
        let (rows, alive) = (task.rows_at(shard, t, local), shard.rows(task.steps.batch_size(t)));
        if let Some(dropout) = task.dropout() {
            see(kernels, task, dropout, shard, &rows, alive);
        }
        match alive {
            _ if task.norm().is_some() => normalised(kernels, task, shard, t, &rows, alive),
            _ if task.gates_apart() => gates_apart(kernels, task, shard, t, &rows, alive),
            _ if !task.geometry.multiplies_hidden() => cells_of_step(task, shard, panels, t, &rows, alive),
            1 => row_of_step(kernels, task, shard, panels, t, &rows),
            _ => rows_of_step(kernels, task, shard, panels, t, &rows, alive),
        }
        if task.geometry.two_phases {
            second_phase(kernels, task, shard, &rows, alive);
        }
    }
}

/// A step of several rows, panel by panel: while a panel is in L1, all rows use it.
unsafe fn rows_of_step(
    kernels: &Tuned,
    task: &Forward,
    shard: Shard,
    panels: Range<usize>,
    t: usize,
    rows: &StepRows,
    alive: usize,
) {
    let geometry = task.geometry;
    let input = geometry.dims.input;
    let output = geometry.dims.output();
    let by_step = task.takes_input_by_step(shard);
    let none = std::ptr::null();
    let tile = Tile::new(none, Depth::plain(output), 0);
    let mut step = StepTile { tile, x: [none; MOST_ROWS], w: none, inputs: input };
    let mut cells = CellForward::new(0, 0, geometry.dims.hidden);
    for place in 0..panels.len() {
        let panel = task.panel(&panels, t, place);
        let next = task.panel(&panels, t, (place + 1).min(panels.len() - 1));
        let vectors = task.vectors(panel, by_step);
        let step_tiles = match geometry.step_tiles {
            StepTiles::Shifted => kernels.shifted_step_tiles,
            StepTiles::Whole | StepTiles::None => kernels.step_tiles[vectors - 1],
        };
        // SAFETY: the packed weights hold every panel; the caller promises valid rows.
        unsafe {
            step.w = task.w.add(geometry.panel_start(panel, input, Side::Input));
            step.tile.b = task.u.add(geometry.panel_start(panel, output, Side::Hidden));
            step.tile.after = task.u.add(geometry.panel_start(next, output, Side::Hidden));
            step.tile.start = [task.bias.add(panel * geometry.width()); MOST_ROWS];
            step.tile.columns = vectors * kernels.lanes;
            (cells.units, cells.gate_stride) = (geometry.units_in(panel), geometry.gate_stride(panel));
            for (turn, (start, count)) in tiles(alive, kernels.tile_rows(step.tile.columns)).enumerate() {
                step.tile.turn = turn;
                cells.rows = 0;
                task.place(&mut cells, shard, rows, panel, start, count);
                for m in 0..count {
                    let rank = shard.rank(start + m);
                    step.tile.a[m] = rows.operand.row(rank);
                    step.tile.c[m] = cells.gates[m].add(task.first_column(by_step));
                    if by_step {
                        step.x[m] = rows.x.row(rank);
                    } else {
                        step.tile.start[m] = step.tile.c[m];
                    }
                }
                if by_step {
                    step_tiles[count - 1](&step);
                } else {
                    kernels.run_tile(&step.tile, count);
                }
                task.run_cells(&cells, rows);
            }
        }
    }
}

/// Writes down what the gates see of h before a step, through the masks of recurrent dropout.
unsafe fn see(
    kernels: &Tuned,
    task: &Forward,
    dropout: &Dropout,
    shard: Shard,
    rows: &StepRows,
    alive: usize,
) {
    let width = task.geometry.dims.output();
    for rank in (0..alive).map(|i| shard.rank(i)) {
        for mask in 0..dropout.count {
            let to = dropout.seen(rows.options.seen + rank, mask, width);
            // SAFETY: the caller promises masks and memory for every rank.
            unsafe {
                let before = rows.hidden_before.row(rank);
                (kernels.masked)(dropout.mask(rank, mask, width), before, to, width);
            }
        }
    }
}

/// A step with layer normalisation: both products as rows of all gates, normalised and put into the panels, then all cells.
unsafe fn normalised(kernels: &Tuned, task: &Forward, shard: Shard, t: usize, rows: &StepRows, alive: usize) {
    let (geometry, Some(norm)) = (task.geometry, task.norm()) else { return };
    let dims = geometry.dims;
    let (spec, output) = (dims.cell.spec(), dims.output());
    let rank = |i| shard.rank(i);
    let values = RowsAt::dense(norm.row(dims, rows.options.seen), dims.norm_len());
    let columns = |columns| Columns { columns, lanes: kernels.lanes };
    let input = Product {
        a: rows.x,
        depth: Depth::plain(dims.input),
        b: norm.input,
        columns: columns(dims.gate_rows()),
        start: Start::Zero,
        c: values,
    };
    // SAFETY: the packed weights hold every gate; the caller promises valid rows, and memory for every row and rank.
    unsafe {
        input.run(kernels, alive, rank, rank);
        let hidden = Product {
            a: rows.operand,
            depth: Depth::plain(output),
            b: norm.hidden,
            columns: columns(hidden_gates(spec) * dims.hidden),
            start: if spec.normalises_sum() { Start::Output } else { Start::Zero },
            c: values.columns_from(hidden_offset(dims)),
        };
        match task.dropout().filter(|dropout| dropout.count > 1) {
            None => hidden.run(kernels, alive, rank, rank),
            Some(dropout) => {
                for gate in (0..dims.cell.gates()).filter(|&gate| geometry.vector_of(gate).is_some()) {
                    let seen = dropout.seen(rows.options.seen, gate, output).cast_const();
                    let own = Product {
                        a: RowsAt::dense(seen, output),
                        b: dropout.apart.wrapping_add(gate * dropout.apart_len),
                        columns: columns(dims.hidden),
                        c: values.columns_from(hidden_offset(dims) + gate * dims.hidden),
                        ..hidden
                    };
                    own.run(kernels, alive, rank, rank);
                }
            }
        }
        for i in 0..alive {
            for part in [Part::Input, Part::Hidden] {
                norm.normalise(kernels, dims, part, rows.options.seen + rank(i), rank(i));
            }
            let row = if rows.gates_by_rank { rank(i) } else { i };
            let gates = rows.gates.add(row * geometry.width());
            norm.spread(kernels, geometry, task.bias, rank(i), |panel| gates.add(panel * rows.panel_stride));
        }
        cells_of_step(task, shard, 0..geometry.panels, t, rows, alive);
    }
}

/// A step whose gates see h through masks of their own: a product for each, added to what the input's left, then all cells.
unsafe fn gates_apart(
    kernels: &Tuned,
    task: &Forward,
    shard: Shard,
    t: usize,
    rows: &StepRows,
    alive: usize,
) {
    let geometry = task.geometry;
    let (hidden, output) = (geometry.dims.hidden, geometry.dims.output());
    let Some(dropout) = task.dropout() else { return };
    let rank = |i| shard.rank(i);
    for gate in 0..geometry.dims.cell.gates() {
        let Some(vector) = geometry.vector_of(gate) else { continue };
        let sums = RowsAt::dense(dropout.sums, hidden);
        let product = Product {
            a: RowsAt::dense(dropout.seen(rows.options.seen, gate, output).cast_const(), output),
            depth: Depth::plain(output),
            b: dropout.apart.wrapping_add(gate * dropout.apart_len),
            columns: Columns { columns: hidden, lanes: kernels.lanes },
            start: Start::Zero,
            c: sums,
        };
        // SAFETY: the packed weights hold every gate; the caller promises valid rows, and memory for every rank.
        unsafe {
            product.run(kernels, alive, rank, rank);
            for panel in 0..geometry.panels {
                for i in 0..alive {
                    let row = if rows.gates_by_rank { rank(i) } else { i };
                    let gates = rows.gates.add(panel * rows.panel_stride + row * geometry.width());
                    let gate = gates.add(vector * geometry.gate_stride(panel));
                    let sums = sums.row(rank(i)).add(panel * geometry.units);
                    (kernels.add)(gate, sums, gate, geometry.units_in(panel));
                }
            }
        }
    }
    // SAFETY: the caller's promises.
    unsafe { cells_of_step(task, shard, 0..geometry.panels, t, rows, alive) }
}

/// A step of cells whose gates need no product of h: those of all panels and rows, as many at once as can be.
unsafe fn cells_of_step(
    task: &Forward,
    shard: Shard,
    range: Range<usize>,
    t: usize,
    rows: &StepRows,
    alive: usize,
) {
    let geometry = task.geometry;
    let mut cells = CellForward::new(0, 0, geometry.dims.hidden);
    for place in 0..range.len() {
        let panel = task.panel(&range, t, place);
        let (units, gate_stride) = (geometry.units_in(panel), geometry.gate_stride(panel));
        // SAFETY: the caller promises valid rows; there are factors for each panel, if for any.
        unsafe {
            let scales = task.u.wrapping_add(panel * geometry.scales());
            for (start, count) in tiles(alive, MOST_ROWS) {
                let alike = (units, gate_stride) == (cells.units, cells.gate_stride);
                if cells.rows > 0 && !(alike && cells.rows + count <= MOST_ROWS) {
                    task.run_cells(&cells, rows);
                    cells.rows = 0;
                }
                (cells.units, cells.gate_stride) = (units, gate_stride);
                cells.scales[cells.rows..][..count].fill(scales);
                task.place(&mut cells, shard, rows, panel, start, count);
            }
        }
    }
    // SAFETY: as above.
    unsafe { task.run_cells(&cells, rows) }
}

/// A step of one row: two panels at once, and the cells of as many as can be, since each is a chain of operations that wait.
unsafe fn row_of_step(
    kernels: &Tuned,
    task: &Forward,
    shard: Shard,
    range: Range<usize>,
    t: usize,
    rows: &StepRows,
) {
    let geometry = task.geometry;
    let input = geometry.dims.input;
    let output = geometry.dims.output();
    let by_step = task.takes_input_by_step(shard);
    let first_column = task.first_column(by_step);
    let mut cells = CellForward::new(0, 0, geometry.dims.hidden);
    let mut place = 0;
    while place < range.len() {
        let units = geometry.units_in(task.panel(&range, t, place));
        let alike =
            |place: usize| place < range.len() && geometry.units_in(task.panel(&range, t, place)) == units;
        let count = if alike(place + 1) { 2 } else { 1 };
        let panels = [place, place + count - 1].map(|place| task.panel(&range, t, place));
        let vectors = task.vectors(panels[0], by_step);
        let row_tile = match geometry.step_tiles {
            StepTiles::Shifted if by_step => kernels.shifted_row_tiles[count - 1],
            _ => kernels.row_tiles[count - 1][vectors - 1],
        };
        // SAFETY: the packed weights hold every panel; the caller promises a valid row.
        unsafe {
            let at = cells.rows;
            (cells.units, cells.gate_stride) = (units, geometry.gate_stride(panels[0]));
            for &panel in &panels[..count] {
                task.place(&mut cells, shard, rows, panel, 0, 1);
            }
            let c = [at, at + count - 1].map(|m| cells.gates[m].add(first_column));
            let rank = shard.rank(0);
            row_tile(&RowTile {
                a: rows.operand.row(rank),
                depth: output,
                b: panels.map(|panel| task.u.add(geometry.panel_start(panel, output, Side::Hidden))),
                x: rows.x.row(rank),
                inputs: if by_step { input } else { 0 },
                w: panels.map(|panel| task.w.add(geometry.panel_start(panel, input, Side::Input))),
                start: match by_step {
                    true => panels.map(|panel| task.bias.add(panel * geometry.width())),
                    false => c.map(|c| c.cast_const()),
                },
                c,
                columns: vectors * kernels.lanes,
            });
            if !alike(place + count) || cells.rows + 2 > MOST_ROWS {
                task.run_cells(&cells, rows);
                cells.rows = 0;
            }
        }
        place += count;
    }
}

/// The rest of a step, once all panels have written the rows of the second product.
unsafe fn second_phase(kernels: &Tuned, task: &Forward, shard: Shard, rows: &StepRows, alive: usize) {
    let geometry = task.geometry;
    let dims = geometry.dims;
    let (hidden, output, spec) = (dims.hidden, dims.output(), dims.cell.spec());
    let mut product = Product {
        a: rows.out.read(),
        depth: Depth::plain(hidden),
        b: task.second,
        columns: Columns { columns: output, lanes: kernels.lanes },
        start: Start::Zero,
        c: rows.output,
    };
    let rank = |i| shard.rank(i);
    let norm = task.norm();
    // SAFETY: the packed weights hold every panel; the caller promises valid rows.
    unsafe {
        if let Some(norm) = norm.filter(|_| spec.normalises_state()) {
            state_shown(kernels, task, norm, shard, rows, alive);
            let projected = dims.options.projection.is_some();
            // h, or what the projection is over.
            second_cells(task, shard, rows, alive, if projected { rows.out } else { rows.output });
            if !projected {
                return;
            }
        }
        let apart = norm.filter(|_| spec.has_second_product());
        if let Some(norm) = apart {
            let values = RowsAt::dense(norm.row(dims, rows.options.seen), dims.norm_len());
            product.c = values.columns_from(second_offset(dims));
        }
        product.run(kernels, alive, rank, rank);
        if let Some(norm) = apart {
            for rank in (0..alive).map(rank) {
                norm.normalise(kernels, dims, Part::Second, rows.options.seen + rank, rank);
                let shown = norm.shown(dims, rank).wrapping_add(second_offset(dims));
                shown.copy_to_nonoverlapping(rows.output.row(rank), output);
            }
        }
        if dims.options.projection.is_some() {
            for i in 0..alive {
                let out = rows.output.row(rank(i));
                (kernels.add)(out, std::ptr::null(), out, output);
                if let Some(options) = task.options.as_ref().filter(|with| with.projected_zoneout != 0.0) {
                    (kernels.mix_row)(&ZoneoutRow {
                        rate: options.projected_zoneout,
                        mask: options.keep_hidden.at((rows.options.first + rank(i)) * output),
                        len: output,
                        before: rows.hidden_before.row(rank(i)).cast_mut(),
                        new: out,
                    });
                }
            }
            return;
        }
        second_cells(task, shard, rows, alive, rows.output);
    }
}

/// c' of every row, which the first phase left, normalised.
unsafe fn state_shown(
    kernels: &Tuned,
    task: &Forward,
    norm: &Norm,
    shard: Shard,
    rows: &StepRows,
    alive: usize,
) {
    let dims = task.geometry.dims;
    let (at, len) = (state_offset(dims), dims.hidden);
    for rank in (0..alive).map(|i| shard.rank(i)) {
        let row = rows.options.seen + rank;
        // SAFETY: the caller promises valid rows, and memory for every row and rank.
        unsafe {
            let state = rows.out.row(rank);
            state.copy_to_nonoverlapping(norm.row(dims, row).add(at), len);
            norm.normalise(kernels, dims, Part::State, row, rank);
        }
    }
}

/// The second phase of all cells of a step, whose h, or what a projection is over, goes to `out`.
unsafe fn second_cells(task: &Forward, shard: Shard, rows: &StepRows, alive: usize, out: RowsAt<*mut f32>) {
    let geometry = task.geometry;
    let dims = geometry.dims;
    for panel in 0..geometry.panels {
        let unit = panel * geometry.units;
        let mut cells = CellForward::new(geometry.units_in(panel), geometry.gate_stride(panel), dims.hidden);
        for (start, count) in tiles(alive, MOST_ROWS) {
            cells.rows = 0;
            // SAFETY: the caller promises valid rows.
            unsafe {
                task.place(&mut cells, shard, rows, panel, start, count);
                for m in 0..count {
                    cells.out[m] = out.row(shard.rank(start + m)).add(unit);
                }
                let Some((options, bodies)) = task.bodies() else {
                    (task.cell.second_forward)(&cells);
                    continue;
                };
                let before = |rank| rows.hidden_before.row(rank);
                let mut with = options.forward(bodies, geometry, rows.options, &cells, before);
                if let Some(norm) = options.norm.as_ref().filter(|_| bodies.normed) {
                    for m in 0..count {
                        let shown = norm.shown(dims, shard.rank(start + m));
                        with.normed[m] = shown.cast_const().wrapping_add(state_offset(dims) + unit);
                    }
                }
                (task.cell.second_forward_with)(&cells, &with);
            }
        }
    }
}

/// Where the rows of a step are, by rank.
struct StepRows {
    x: RowsAt<*const f32>,
    hidden_before: RowsAt<*const f32>,
    /// What the product of h is over: h before the step, or what is seen of it.
    operand: RowsAt<*const f32>,
    options: OptionRows,
    /// What cells read: the states beside h, or h where there are none.
    before: RowsAt<*const f32>,
    /// The states beside h after the step.
    cell: RowsAt<*mut f32>,
    /// h after the step.
    output: RowsAt<*mut f32>,
    /// What cells write: h, or what a second product is over.
    out: RowsAt<*mut f32>,
    /// The first gate row of the first panel, and the floats to that of the next.
    gates: *mut f32,
    panel_stride: usize,
    /// Whether gate rows are by rank; else they are the shard's own, one after another.
    gates_by_rank: bool,
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
            || self.norm().is_some()
    }

    /// Layer normalisation of the pass, if there is any.
    #[inline(always)]
    fn norm(&self) -> Option<&Norm> {
        self.options.as_ref()?.norm.as_ref()
    }

    /// Recurrent dropout of the pass, if there is any.
    #[inline(always)]
    fn dropout(&self) -> Option<&Dropout> {
        self.options.as_ref()?.dropout.as_ref()
    }

    /// Whether each gate has a product of its own.
    #[inline(always)]
    fn gates_apart(&self) -> bool {
        self.dropout().is_some_and(|dropout| dropout.count > 1)
    }

    /// The options of the bodies, if they have any.
    #[inline(always)]
    fn bodies(&self) -> Option<(&PassOptions<'_>, &CellOptions)> {
        let options = self.options.as_ref()?;
        Some((options, options.bodies?))
    }

    /// Some cells of a step, as far as their first phase.
    #[inline(always)]
    unsafe fn run_cells(&self, cells: &CellForward, rows: &StepRows) {
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
    fn panel(&self, panels: &Range<usize>, t: usize, place: usize) -> usize {
        if (t % 2 == 1) == self.backwards { panels.start + place } else { panels.end - 1 - place }
    }

    /// Vectors of a panel that a step computes: with the input, those of both sides.
    #[inline(always)]
    fn vectors(&self, panel: usize, by_step: bool) -> usize {
        match self.geometry.step_tiles {
            StepTiles::Shifted if by_step => 4,
            _ => self.geometry.vectors(panel, Side::Hidden),
        }
    }

    /// The first column of a row of a panel that a step computes.
    #[inline(always)]
    fn first_column(&self, by_step: bool) -> usize {
        if by_step { 0 } else { self.geometry.first_column(Side::Hidden) }
    }

    /// Where the rows of step t are; the first gate row of the chunk is `local`.
    #[inline(always)]
    unsafe fn rows_at(&self, shard: Shard, t: usize, local: usize) -> StepRows {
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
    unsafe fn place(
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
        let placed = self.options.is_some();
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
                if placed {
                    cells.places[m] = [rank as u32, panel as u32];
                }
            }
        }
    }
}
