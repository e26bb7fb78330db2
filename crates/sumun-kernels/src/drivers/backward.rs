//! The fused recurrence, backwards through time.
//!
//! For each step, last first: the gradients of the gates overwrite the kept gates, panel by panel, and then
//! dG·U gives the gradient of the state before the step. The gradient of the input, dG·W, follows for each
//! chunk of steps while dG is in L2. Weight gradients are products over all rows afterwards
//! (`outer`). tanh(c) is computed again rather than kept.
//!
//! A step of two phases begins with the gradient of its second product's operand: from dh with a projection, from dn
//! with the reset before the product.

use std::ops::Range;

use crate::bodies::cell::CellBackward;
use crate::bodies::options::{BackwardOptions, ZoneoutRow};
use crate::bodies::tile::Depth;
use crate::dispatch::{CellKernels, RoundedKernels, Tuned};
use crate::drivers::geometry::{Columns, Geometry, Side};
use crate::drivers::linear::{Product, Start};
use crate::drivers::norm::{
    Norm, Part, gather_second, hidden_gates, hidden_offset, second_offset, state_offset,
};
use crate::drivers::options::{Dropout, PassOptions};
use crate::drivers::rounded::{RoundedProduct, RoundedRows};
use crate::drivers::rounds::{for_each_round, part};
use crate::drivers::shard::Shard;
use crate::drivers::threads::for_each_task;
use crate::words::machine::Blocks;
use crate::words::rows::RowsAt;
use crate::words::{Dims, Steps};

/// One backward pass through time.
#[derive(Debug)]
pub(crate) struct Backward<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) cell: &'static CellKernels,
    pub(crate) steps: &'a Steps,
    pub(crate) shards: usize,
    /// The output of the forward pass.
    pub(crate) out: RowsAt<*const f32>,
    /// h and c before the first step, as in forward.
    pub(crate) h0: RowsAt<*const f32>,
    pub(crate) c0: RowsAt<*const f32>,
    /// In: activated gates. Out: gradients of the pre-activations. `[panel][R][width]`.
    pub(crate) gates: *mut f32,
    /// The states beside h of every row, `[R, states·H]`.
    pub(crate) cells: *const f32,
    /// Gradient of the output; a null base where there is none.
    pub(crate) d_out: RowsAt<*const f32>,
    /// In: the gradient of the last state, by rank. Out: that of the initial state. `[N, H]`, h `[N, P]`.
    pub(crate) d_hidden: *mut f32,
    pub(crate) d_cell: *mut f32,
    /// With a projection: memory for the whole gradient of h of every row, `[R, P]`.
    pub(crate) d_projected: *mut f32,
    /// With a second product: memory for the gradient of its operand, by rank, `[N, H]`.
    pub(crate) d_inner: *mut f32,
    /// Of dG·U, or the factors of h.
    pub(crate) u: *const f32,
    /// The packed weights of the second product, where a step has one.
    pub(crate) second: *const f32,
    /// The packed weights and the rows of the input gradient, where that is wanted.
    pub(crate) input: Option<(*const f32, RowsAt<*mut f32>)>,
    /// Whether the input gradient is added to what is there.
    pub(crate) add: bool,
    /// Where the gradients of h, `[R, H]` or `[R, P]`, and of c, `[R, H]`, after every step go, where they are wanted.
    pub(crate) by_step: Option<(*mut f32, *mut f32)>,
    /// As in forward, with what the forward pass saw of h.
    pub(crate) options: Option<PassOptions<'a>>,
    /// With peepholes: memory for what their gradients are the sums of, `[R, 3H]`.
    pub(crate) peeped: *mut f32,
    /// Where dG·U and dG·W are over rounded numbers; `u` of products and the weights of `input` are then not looked at.
    pub(crate) rounded: Option<RoundedBackward<'a>>,
}

/// What a backward pass over rounded numbers has beside others. Its rows hold the gates in the order of the rows of weights, `[G·H]`,
/// so that the sums do not depend on the width of panels.
#[derive(Debug)]
pub(crate) struct RoundedBackward<'a> {
    pub(crate) kernels: &'a RoundedKernels,
    pub(crate) hidden: RoundedProduct<'a>,
    pub(crate) input: RoundedProduct<'a>,
    /// Memory for the rows of a step and for those of a chunk, an area for each shard.
    pub(crate) step: RoundedRows,
    pub(crate) chunk: RoundedRows,
    /// Memory for one row of each shard, `[G·H]`.
    pub(crate) gathered: *mut f32,
}

impl RoundedBackward<'_> {
    /// Rounds the gates of a side of a row.
    #[inline(always)]
    unsafe fn put(
        &self,
        task: &Backward,
        shard: Shard,
        side: Side,
        rows: &RoundedRows,
        to: usize,
        row: usize,
    ) {
        let (geometry, gates) = (task.geometry, task.gates_of(row));
        // SAFETY: the caller promises gates of this row and memory for it.
        unsafe {
            let gathered = self.gathered.add(shard.index * geometry.dims.gate_rows());
            for panel in 0..geometry.panels {
                for (column, first, count) in geometry.gates(panel, side) {
                    gates(panel).add(column).copy_to_nonoverlapping(gathered.add(first), count);
                }
            }
            rows.put(self.kernels, to, gathered);
        }
    }

    /// dG·U of a step, by rank.
    unsafe fn hidden_of_step(
        &self,
        task: &Backward,
        shard: Shard,
        t: usize,
        start: Start,
        c: RowsAt<*mut f32>,
    ) {
        let (first, alive) = (task.steps.offset(t), shard.rows(task.steps.batch_size(t)));
        let rows = self.step.of_area(shard.index);
        // SAFETY: the caller's promises.
        unsafe {
            for i in 0..alive {
                self.put(task, shard, Side::Hidden, &rows, i, first + shard.rank(i));
            }
            let panels = 0..self.hidden.columns.panels();
            self.hidden.panels(panels, rows, alive, |i| start.of(c.row(shard.rank(i))));
        }
    }

    /// dG·W of the steps `from..to`.
    unsafe fn input_of_steps(
        &self,
        task: &Backward,
        shard: Shard,
        from: usize,
        to: usize,
        d_x: RowsAt<*mut f32>,
    ) {
        let rows = self.chunk.of_area(shard.index);
        let start = if task.add { Start::Output } else { Start::Zero };
        let mut count = 0;
        let mut places = Vec::new();
        // SAFETY: the caller's promises.
        unsafe {
            for t in from..to {
                for i in 0..shard.rows(task.steps.batch_size(t)) {
                    let row = task.steps.offset(t) + shard.rank(i);
                    self.put(task, shard, Side::Input, &rows, count, row);
                    places.push(d_x.row(row));
                    count += 1;
                }
            }
            self.input.panels(0..self.input.columns.panels(), rows, count, |i| start.of(places[i]));
        }
    }
}

/// The most rows of a shard whose gradients of the input are computed at once.
pub(crate) fn most_chunk_rows(blocks: &Blocks, geometry: &Geometry, steps: &Steps, shards: usize) -> usize {
    (rows_at_once(blocks, geometry) + Shard::most_rows(shards, steps)).min(steps.rows())
}

/// Rows of gates that are enough for a chunk.
fn rows_at_once(blocks: &Blocks, geometry: &Geometry) -> usize {
    blocks.chunk_floats / (geometry.panels * geometry.width())
}

impl Backward<'_> {
    /// Layer normalisation of the pass, if there is any.
    fn norm(&self) -> Option<&Norm> {
        self.options.as_ref()?.norm.as_ref()
    }

    /// Where the gates of a row are in each panel.
    fn gates_of(&self, row: usize) -> impl Fn(usize) -> *const f32 + use<> {
        let (gates, width) = (self.gates.cast_const(), self.geometry.width());
        let panel_stride = self.steps.rows() * width;
        move |panel| gates.wrapping_add(panel * panel_stride + row * width)
    }

    /// What the product of h, or the sum over gates, starts from: what passes by it, where anything does.
    fn start(&self) -> Start {
        let Dims { cell, options, .. } = self.geometry.dims;
        match cell.spec().reads_hidden || options.zoneout_hidden != 0.0 {
            true => Start::Output,
            false => Start::Zero,
        }
    }
}

// SAFETY: shards write disjoint rows, and pieces of a step disjoint units or columns, of `gates`, of the gradients of
// states and inner rows, of those by step and of the input gradient.
unsafe impl Sync for Backward<'_> {}

/// The backward pass of the sequences of one shard.
///
/// # Safety
/// The pointers must be valid for the geometry, steps and rows; each shard may run once at a time.
pub(crate) unsafe fn backward(kernels: &Tuned, task: &Backward, shard: usize) {
    let steps = task.steps;
    let shard = Shard::new(shard, task.shards, steps);
    let mut chunk = Chunk::new(steps);
    if let Some(rounded) = &task.rounded {
        // SAFETY: these are the kernels of an instruction set that this processor has.
        unsafe { (rounded.kernels.begin)() };
    }
    for t in (0..steps.len()).rev() {
        let alive = shard.rows(steps.batch_size(t));
        // SAFETY: the caller's promises.
        unsafe {
            if let Some((hidden, cell)) = task.by_step {
                states_of_step(kernels, task, shard, t, alive, hidden, cell);
            }
            gates_of_step(kernels, task, shard, 0..task.geometry.panels, t, alive);
            products_of_step(kernels, task, shard, (0, 1), t, chunk.enter(&kernels.blocks, task, shard, t));
        }
    }
    if let Some(rounded) = &task.rounded {
        // SAFETY: as above.
        unsafe { (rounded.kernels.end)() };
    }
}

/// The backward pass of all sequences, the units of each step in as many pieces at once. For cells of one phase, without the
/// gradients of states by step.
///
/// # Safety
/// The pointers must be valid for the geometry, steps and rows, for one shard.
pub(crate) unsafe fn backward_by_units(kernels: &Tuned, task: &Backward, pieces: usize) {
    let (steps, panels) = (task.steps, task.geometry.panels);
    let shard = Shard::new(0, 1, steps);
    let mut chunk = Chunk::new(steps);
    let mut chunks: Vec<_> =
        (0..steps.len()).rev().map(|t| chunk.enter(&kernels.blocks, task, shard, t)).collect();
    chunks.reverse();
    // A product reads the gates of all units, so each step takes two rounds.
    for_each_round(2 * steps.len(), pieces, |round, piece| {
        let t = steps.len() - 1 - round / 2;
        // SAFETY: the caller's promises; pieces write their own units and columns, and read what an earlier round wrote.
        unsafe {
            if round % 2 == 0 {
                let panels = part((piece, pieces), panels);
                gates_of_step(kernels, task, shard, panels, t, steps.batch_size(t));
            } else {
                products_of_step(kernels, task, shard, (piece, pieces), t, chunks[t]);
            }
        }
    });
}

/// The backward pass of all sequences of a cell whose units do not read one another's states: its units in as many pieces at
/// once, each of which takes all steps by itself; then the gradients of the input, in as many pieces of the steps. Without the
/// gradients of states by step.
///
/// # Safety
/// The pointers must be valid for the geometry, steps and rows, for one shard.
pub(crate) unsafe fn backward_apart(kernels: &Tuned, task: &Backward, pieces: usize) {
    let (steps, panels) = (task.steps, task.geometry.panels);
    let shard = Shard::new(0, 1, steps);
    for_each_task(pieces, |piece| {
        for t in (0..steps.len()).rev() {
            let panels = part((piece, pieces), panels);
            // SAFETY: the caller's promises; pieces read and write only their own units.
            unsafe { gates_of_step(kernels, task, shard, panels, t, steps.batch_size(t)) };
        }
    });
    for_each_task(pieces, |piece| {
        let steps = part((piece, pieces), steps.len());
        // SAFETY: the caller's promises; pieces write the rows of their own steps.
        unsafe { input_gradient(kernels, task, shard, (0, 1), steps.start, steps.end) };
    });
}

/// Steps whose gradients of the input are computed at once.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    end: usize,
    rows: usize,
}

impl Chunk {
    /// That of the last step, which is yet to be entered.
    fn new(steps: &Steps) -> Self {
        Self { end: steps.len(), rows: 0 }
    }

    /// Goes on to step t, after the one that follows it: the end of the chunk whose last step it is.
    fn enter(&mut self, blocks: &Blocks, task: &Backward, shard: Shard, t: usize) -> Option<usize> {
        let at_once = rows_at_once(blocks, task.geometry);
        self.rows += shard.rows(task.steps.batch_size(t));
        if t > 0 && self.rows < at_once {
            return None;
        }
        let end = self.end;
        *self = Self { end: t, rows: 0 };
        Some(end)
    }
}

/// dG·U of a piece of the columns of a step, and dG·W of such a piece for a chunk that ends here.
unsafe fn products_of_step(
    kernels: &Tuned,
    task: &Backward,
    shard: Shard,
    piece: (usize, usize),
    t: usize,
    chunk_end: Option<usize>,
) {
    let (steps, geometry) = (task.steps, task.geometry);
    let (output, offset) = (geometry.dims.output(), steps.offset(t));
    // SAFETY: the caller's promises.
    unsafe {
        let (a, depth, b) = match task.norm() {
            None => {
                let gates = task.gates.add(geometry.first_column(Side::Hidden)).cast_const();
                let depth = geometry.gate_depth(steps.rows(), Side::Hidden);
                (RowsAt::dense(gates, geometry.width()), depth, task.u)
            }
            Some(norm) => {
                let dims = geometry.dims;
                let rows = RowsAt::dense(norm.values.add(hidden_offset(dims)).cast_const(), dims.norm_len());
                (rows, Depth::plain(hidden_gates(dims.cell.spec()) * dims.hidden), norm.hidden)
            }
        };
        let product = Product {
            a,
            depth,
            b,
            columns: Columns { columns: output, lanes: kernels.lanes },
            start: task.start(),
            c: RowsAt::dense(task.d_hidden, output),
        };
        if let Some(dropout) = task.options.as_ref().and_then(|options| options.dropout.as_ref()) {
            through_masks(kernels, task, dropout, &product, shard, t);
        } else if let Some(rounded) = task.rounded.as_ref().filter(|_| geometry.multiplies_hidden()) {
            rounded.hidden_of_step(task, shard, t, task.start(), product.c);
        } else if geometry.multiplies_hidden() {
            let alive = shard.rows(steps.batch_size(t));
            let panels = part(piece, product.columns.panels());
            let (a_row, c_row) = (|i| offset + shard.rank(i), |i| shard.rank(i));
            product.run_panels(kernels, panels, alive, t.is_multiple_of(2), a_row, c_row);
        }
        if let Some(end) = chunk_end {
            input_gradient(kernels, task, shard, piece, t, end);
        }
    }
}

/// The gradient of h from those of the gates through the masks of recurrent dropout: Σ m ⊙ dG·U, over all gates at once for one
/// mask, gate by gate for several. `product` is that without masks.
unsafe fn through_masks(
    kernels: &Tuned,
    task: &Backward,
    dropout: &Dropout,
    product: &Product,
    shard: Shard,
    t: usize,
) {
    let (steps, geometry) = (task.steps, task.geometry);
    let (output, offset) = (geometry.dims.output(), steps.offset(t));
    let alive = shard.rows(steps.batch_size(t));
    let d_seen = RowsAt::dense(dropout.sums, output);
    // SAFETY: the caller's promises, and memory for the gradient of what each rank sees.
    unsafe {
        if let Start::Zero = product.start {
            for rank in (0..alive).map(|i| shard.rank(i)) {
                task.d_hidden.add(rank * output).write_bytes(0, output);
            }
        }
        for mask in 0..dropout.count {
            let mut own = Product { start: Start::Zero, c: d_seen, ..*product };
            if dropout.count > 1 {
                let Some(vector) = geometry.vector_of(mask) else { continue };
                let gates = task.gates.add(vector * geometry.units).cast_const();
                (own.a, own.depth) = match task.norm() {
                    None => (RowsAt::dense(gates, geometry.width()), geometry.one_gate_depth(steps.rows())),
                    Some(norm) => {
                        let dims = geometry.dims;
                        let values = norm.values.add(hidden_offset(dims) + mask * dims.hidden);
                        (RowsAt::dense(values.cast_const(), dims.norm_len()), Depth::plain(dims.hidden))
                    }
                };
                own.b = dropout.apart.add(mask * dropout.apart_len);
            }
            match task.rounded.as_ref().filter(|_| dropout.count == 1) {
                Some(rounded) => rounded.hidden_of_step(task, shard, t, own.start, own.c),
                None => own.run(kernels, alive, |i| offset + shard.rank(i), |i| shard.rank(i)),
            }
            for rank in (0..alive).map(|i| shard.rank(i)) {
                let to = task.d_hidden.add(rank * output);
                (kernels.add_masked)(dropout.mask(rank, mask, output), d_seen.row(rank), to, output);
            }
        }
    }
}

/// dX of the steps `from..to`: dG·W, of a piece of the columns.
unsafe fn input_gradient(
    kernels: &Tuned,
    task: &Backward,
    shard: Shard,
    piece: (usize, usize),
    from: usize,
    to: usize,
) {
    let Some((w, d_x)) = task.input else { return };
    if let Some(rounded) = &task.rounded {
        // SAFETY: the caller's promises.
        return unsafe { rounded.input_of_steps(task, shard, from, to, d_x) };
    }
    let (steps, geometry) = (task.steps, task.geometry);
    let (a, depth, b) = match task.norm() {
        None => (
            RowsAt::dense(task.gates.cast_const(), geometry.width()),
            geometry.gate_depth(steps.rows(), Side::Input),
            w,
        ),
        Some(norm) => (
            RowsAt::dense(norm.values.cast_const(), geometry.dims.norm_len()),
            Depth::plain(geometry.dims.gate_rows()),
            norm.input,
        ),
    };
    let product = Product {
        a,
        depth,
        b,
        columns: Columns { columns: geometry.dims.input, lanes: kernels.lanes },
        start: if task.add { Start::Output } else { Start::Zero },
        c: d_x,
    };
    let panels = part(piece, product.columns.panels());
    if shard.count == 1 {
        let first = steps.offset(from);
        let (rows, row) = (steps.offset(to) - first, |i| first + i);
        // SAFETY: the caller's promises.
        unsafe { product.run_panels(kernels, panels, rows, false, row, row) };
        return;
    }
    for t in from..to {
        let offset = steps.offset(t);
        let row = |i| offset + shard.rank(i);
        // SAFETY: the caller's promises.
        unsafe {
            let rows = shard.rows(steps.batch_size(t));
            product.run_panels(kernels, panels.clone(), rows, false, row, row);
        }
    }
}

/// Writes down the gradients of the states after a step: what came back from the step after it, and for h the
/// gradient of the output.
unsafe fn states_of_step(
    kernels: &Tuned,
    task: &Backward,
    shard: Shard,
    t: usize,
    alive: usize,
    hidden: *mut f32,
    cell: *mut f32,
) {
    let (units, output) = (task.geometry.dims.cell_width(), task.geometry.dims.output());
    for rank in (0..alive).map(|i| shard.rank(i)) {
        let row = task.steps.offset(t) + rank;
        // SAFETY: the caller promises arrays that hold every row and rank.
        unsafe {
            let d_out = if task.d_out.base.is_null() { std::ptr::null() } else { task.d_out.row(row) };
            (kernels.add)(task.d_hidden.add(rank * output), d_out, hidden.add(row * output), output);
            if units > 0 {
                let d_cell = task.d_cell.add(rank * units);
                d_cell.copy_to_nonoverlapping(cell.add(row * units), units);
            }
        }
    }
}

/// Replaces the kept gates of some panels of a step by the gradients of their pre-activations.
unsafe fn gates_of_step(
    kernels: &Tuned,
    task: &Backward,
    shard: Shard,
    panels: Range<usize>,
    t: usize,
    alive: usize,
) {
    let (cell, projected) = (task.cell, task.geometry.dims.options.projection.is_some());
    // SAFETY: the caller's promises; `each_cell` gives rows that exist.
    unsafe {
        if projected {
            gradient_of_h(kernels, task, shard, t, alive);
            second_product(kernels, task, shard, t, alive);
        }
        let bodies = task.options.as_ref().and_then(|options| Some((options, options.bodies?)));
        let phase =
            |panels, plain: unsafe fn(&CellBackward), with: unsafe fn(&CellBackward, &BackwardOptions)| {
                each_cell(task, shard, panels, t, alive, |row, at| match bodies {
                    None => plain(row),
                    Some((options, bodies)) => {
                        let options = options.backward(bodies, task.geometry, at, row, task.peeped);
                        with(row, &options)
                    }
                })
            };
        let dims = task.geometry.dims;
        let row_of = |i: usize| (task.steps.offset(t) + shard.rank(i), shard.rank(i));
        let of_state = task.norm().filter(|_| dims.cell.spec().normalises_state());
        if let Some(norm) = of_state {
            (0..alive).map(row_of).for_each(|(row, rank)| norm.state_again(kernels, dims, row, rank));
        }
        phase(panels.clone(), cell.backward, cell.backward_with);
        if let Some(norm) = of_state {
            for (row, rank) in (0..alive).map(row_of) {
                let at = row * dims.norm_len() + state_offset(dims);
                let d_inner = task.d_inner.add(rank * dims.hidden);
                let d = norm.d_bias.add(rank * dims.norm_len() + state_offset(dims));
                d_inner.copy_to_nonoverlapping(d, dims.hidden);
                norm.back(kernels, dims, Part::State, row, rank);
                norm.values.add(at).copy_to_nonoverlapping(d_inner, dims.hidden);
            }
            phase(panels, cell.second_backward, cell.second_backward_with);
        } else if task.geometry.two_phases && !projected {
            if let Some(norm) = task.norm() {
                for (row, rank) in (0..alive).map(row_of) {
                    gather_second(norm, task.geometry, rank, task.gates_of(row));
                    norm.back(kernels, dims, Part::Second, row, rank);
                }
            }
            second_product(kernels, task, shard, t, alive);
            phase(panels, cell.second_backward, cell.second_backward_with);
        }
        if let Some(norm) = task.norm() {
            for (row, rank) in (0..alive).map(row_of) {
                norm.gather(task.geometry, rank, task.gates_of(row));
                norm.back(kernels, dims, Part::Input, row, rank);
                norm.back(kernels, dims, Part::Hidden, row, rank);
                norm.keep_for_sums(dims, row, rank);
            }
        }
    }
}

/// The whole gradient of a projected h', kept for that of `weight_hr`.
unsafe fn gradient_of_h(kernels: &Tuned, task: &Backward, shard: Shard, t: usize, alive: usize) {
    let output = task.geometry.dims.output();
    for rank in (0..alive).map(|i| shard.rank(i)) {
        let row = task.steps.offset(t) + rank;
        // SAFETY: the caller promises arrays that hold every row and rank.
        unsafe {
            let d_out = if task.d_out.base.is_null() { std::ptr::null() } else { task.d_out.row(row) };
            let d_hidden = task.d_hidden.add(rank * output);
            let d_projected = task.d_projected.add(row * output);
            (kernels.add)(d_hidden, d_out, d_projected, output);
            if let Some(options) = task.options.as_ref().filter(|with| with.projected_zoneout != 0.0) {
                (kernels.split_row)(&ZoneoutRow {
                    rate: options.projected_zoneout,
                    mask: options.keep_hidden.at(row * output),
                    len: output,
                    before: d_hidden,
                    new: d_projected,
                });
            }
        }
    }
}

/// The gradient of the second product's operand, from that of h' or from dn.
unsafe fn second_product(kernels: &Tuned, task: &Backward, shard: Shard, t: usize, alive: usize) {
    let (steps, geometry) = (task.steps, task.geometry);
    let Dims { hidden, options, .. } = geometry.dims;
    let (base, stride, depth) = match options.projection {
        Some(output) => (task.d_projected, output, Depth::plain(output)),
        None => match task.norm() {
            None => (task.gates, geometry.width(), geometry.gate_depth(steps.rows(), Side::Second)),
            Some(norm) => {
                let values = norm.values.wrapping_add(second_offset(geometry.dims));
                (values, geometry.dims.norm_len(), Depth::plain(hidden))
            }
        },
    };
    let product = Product {
        a: RowsAt::dense(base.cast_const(), stride),
        depth,
        b: task.second,
        columns: Columns { columns: hidden, lanes: kernels.lanes },
        start: Start::Zero,
        c: RowsAt::dense(task.d_inner, hidden),
    };
    // SAFETY: the caller's promises.
    unsafe { product.run(kernels, alive, |i| steps.offset(t) + shard.rank(i), |i| shard.rank(i)) };
}

/// Calls `run` for some panels and every row of a step, with its row, its rank and its panel.
unsafe fn each_cell(
    task: &Backward,
    shard: Shard,
    panels: Range<usize>,
    t: usize,
    alive: usize,
    run: impl Fn(&CellBackward, [usize; 3]),
) {
    let (steps, geometry) = (task.steps, task.geometry);
    let Dims { hidden, options, .. } = geometry.dims;
    let states = geometry.dims.cell_width();
    let (first, earlier) = (steps.offset(t), (t > 0).then(|| steps.offset(t - 1)));
    let cells = RowsAt::dense(task.cells, states);
    let (before, after) = match states > 0 {
        true => (earlier.map_or(task.c0, |earlier| cells.from(earlier)), cells.from(first)),
        false => (earlier.map_or(task.h0, |earlier| task.out.from(earlier)), task.out.from(first)),
    };
    let d_hidden = if options.projection.is_some() { task.d_inner } else { task.d_hidden };
    let d_out = (options.projection.is_none() && !task.d_out.base.is_null()).then(|| task.d_out.from(first));
    let width = geometry.width();
    let back = (first - earlier.unwrap_or(first)) * width;
    for panel in panels {
        let (unit, units) = (panel * geometry.units, geometry.units_in(panel));
        let gate_stride = geometry.gate_stride(panel);
        let scales = task.u.wrapping_add(panel * geometry.scales());
        let gates = task.gates.wrapping_add((panel * steps.rows() + first) * width);
        for rank in (0..alive).map(|i| shard.rank(i)) {
            // SAFETY: the caller promises arrays that hold every row and rank.
            unsafe {
                let gates = gates.add(rank * width);
                let task = CellBackward {
                    units,
                    gate_stride,
                    state_stride: hidden,
                    scales,
                    gates,
                    before: before.row(rank).add(unit),
                    after: after.row(rank).add(unit),
                    d_out: d_out.map_or(std::ptr::null(), |d_out| d_out.row(rank).add(unit)),
                    d_hidden: d_hidden.add(rank * hidden + unit),
                    d_inner: task.d_inner.cast_const().wrapping_add(rank * hidden + unit),
                    d_cell: match states > 0 {
                        true => task.d_cell.add(rank * states + unit),
                        false => std::ptr::null_mut(),
                    },
                    earlier: gates.wrapping_sub(back),
                };
                run(&task, [first + rank, rank, panel]);
            }
        }
    }
}
