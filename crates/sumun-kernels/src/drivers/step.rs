//! One step of the fused recurrence: h·Uᵀ tile by tile, and the cells of a tile while its numbers are in L1.

use std::ops::Range;

use crate::bodies::cell::CellForward;
use crate::bodies::options::ZoneoutRow;
use crate::bodies::row::RowTile;
use crate::bodies::tile::{Depth, MOST_ROWS, StepTile, Tile};
use crate::dispatch::Tuned;
use crate::drivers::geometry::{Columns, Side, StepTiles};
use crate::drivers::linear::{Product, Start};
use crate::drivers::norm::{Norm, Part, hidden_gates, hidden_offset, second_offset, state_offset};
use crate::drivers::options::Dropout;
use crate::drivers::pass::{Forward, StepRows};
use crate::drivers::shard::Shard;
use crate::drivers::tiles::tiles;
use crate::words::rows::RowsAt;

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
            _ if task.rounded.is_some() => rounded_step(task, shard, panels, t, &rows, alive),
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

/// A step over rounded numbers: h as such rows, all panels added to what the input left, then all cells.
unsafe fn rounded_step(
    task: &Forward,
    shard: Shard,
    panels: Range<usize>,
    t: usize,
    rows: &StepRows,
    alive: usize,
) {
    let (geometry, Some(rounded)) = (task.geometry, &task.rounded) else { return };
    // SAFETY: the weights are packed for the geometry; the caller promises valid rows, and a shard has an area of its own.
    unsafe {
        if rounded.hidden.is_some() {
            let h = rounded.h.of_area(shard.index);
            for i in 0..alive {
                h.put(rounded.kernels, i, rows.operand.row(shard.rank(i)));
            }
            let column = geometry.first_column(Side::Hidden);
            rounded.panels(geometry, Side::Hidden, panels.clone(), h, alive, |panel, i| {
                let rank = shard.rank(i);
                let row = if rows.gates_by_rank { rank } else { i };
                let gates = rows.gates.add(panel * rows.panel_stride + row * geometry.width() + column);
                (gates.cast_const(), gates)
            });
        }
        cells_of_step(task, shard, panels, t, rows, alive);
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
