//! The fused recurrence, forwards.
//!
//! For a chunk of steps the input projection x·Wᵀ + b is computed for all rows at once; then each step adds
//! h·Uᵀ tile by tile and finishes the cells of the tile while its numbers are in the first-level cache. A chunk
//! is as many steps as keep their pre-activations in the second-level cache.

use crate::cpu::activation::{sigmoid, tanh};
use crate::cpu::pack::{Geometry, Side};
use crate::cpu::tile::{Depth, load_columns, multiply, tiles, with_rows, with_vectors};
use crate::cpu::{RowsAt, Shard};
use crate::simd::Simd;
use crate::types::{Cell, Nonlinearity, Steps};

/// Pre-activations of one chunk of steps, in floats: a quarter of a 2 MiB second-level cache.
const CHUNK_FLOATS: usize = 128 * 1024;

/// One forward pass.
#[derive(Debug)]
pub(crate) struct Forward<'a> {
    pub(crate) geometry: Geometry,
    pub(crate) steps: &'a Steps,
    pub(crate) shards: usize,
    pub(crate) x: RowsAt<*const f32>,
    pub(crate) out: RowsAt<*mut f32>,
    /// h and c before the first step, by rank; a stride of 0 over one row of zeros where there is none.
    pub(crate) h0: RowsAt<*const f32>,
    pub(crate) c0: RowsAt<*const f32>,
    pub(crate) w: *const f32,
    pub(crate) u: *const f32,
    pub(crate) bias: *const f32,
    /// Gate rows `[panel][row][4·lanes]`: of all rows where they are kept, else of one chunk, a piece a shard.
    pub(crate) gates: *mut f32,
    pub(crate) keep: bool,
    /// Rows of a panel of `gates`: R where they are kept, else [`chunk_rows`].
    pub(crate) gate_rows: usize,
    /// An LSTM's c: of every row `[R, H]` where it is kept, else the running one `[N, H]`.
    pub(crate) cells: *mut f32,
    pub(crate) last_hidden: *mut f32,
    pub(crate) last_cell: *mut f32,
}

// SAFETY: shards write disjoint rows of `out`, `gates`, `cells` and the last states, and only read the rest.
unsafe impl Sync for Forward<'_> {}

/// Rows of one chunk of a shard: at least one whole step.
pub(crate) fn chunk_rows(geometry: &Geometry, steps: &Steps, shards: usize) -> usize {
    let step = steps.sequences().div_ceil(shards);
    step.max(CHUNK_FLOATS / (geometry.panels * geometry.width())).min(steps.rows()).max(step)
}

/// Runs the sequences of one shard through all steps.
#[inline(always)]
pub(crate) unsafe fn forward<S: Simd>(task: &Forward, shard: usize) {
    let shard = Shard { index: shard, count: task.shards };
    let steps = task.steps;
    let at_once = chunk_rows(&task.geometry, steps, task.shards);
    let mut from = 0;
    while from < steps.len() {
        let (mut to, mut rows) = (from, 0);
        while to < steps.len() && rows + shard.rows(steps.batch_size(to)) <= at_once {
            rows += shard.rows(steps.batch_size(to));
            to += 1;
        }
        // SAFETY: the caller's promises.
        unsafe {
            project::<S>(task, shard, from, rows);
            let mut local = 0;
            for t in from..to {
                step::<S>(task, shard, t, local);
                local += shard.rows(steps.batch_size(t));
            }
        }
        from = to;
    }
    // SAFETY: the caller's promises.
    unsafe { last_states(task, shard) }
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

impl Forward<'_> {
    /// Where a row of a panel of gates is; `local` counts the rows of the chunk.
    #[inline(always)]
    unsafe fn gate_row(&self, shard: Shard, panel: usize, row: usize, local: usize) -> *mut f32 {
        let at = if self.keep {
            panel * self.gate_rows + row
        } else {
            (shard.index * self.geometry.panels + panel) * self.gate_rows + local
        };
        // SAFETY: the caller promises a row that the gates hold.
        unsafe { self.gates.add(at * self.geometry.width()) }
    }
}

/// Pre-activations of `rows` rows of the shard from step `from` on: bias + x·Wᵀ.
#[inline(always)]
unsafe fn project<S: Simd>(task: &Forward, shard: Shard, from: usize, rows: usize) {
    let geometry = &task.geometry;
    let inputs = geometry.dims.input;
    for panel in 0..geometry.panels {
        // SAFETY: the packed weights hold every panel.
        let (w, bias) = unsafe {
            (task.w.add(geometry.panel_start(panel, inputs)), task.bias.add(panel * geometry.width()))
        };
        let mut walk = Walk { t: from, i: 0 };
        with_vectors!(geometry.vectors(panel), N => {
            for (local, count) in tiles(rows, S::tile_rows(N)) {
                with_rows!(S, N, count, M => unsafe {
                    project_tile::<S, M, N>(task, shard, panel, w, bias, &mut walk, local)
                })
            }
        });
    }
}

#[inline(always)]
unsafe fn project_tile<S: Simd, const M: usize, const N: usize>(
    task: &Forward,
    shard: Shard,
    panel: usize,
    w: *const f32,
    bias: *const f32,
    walk: &mut Walk,
    local: usize,
) {
    // SAFETY: the caller promises valid rows.
    unsafe {
        let mut a = [std::ptr::null::<f32>(); M];
        let mut c = [std::ptr::null_mut::<f32>(); M];
        for m in 0..M {
            let row = walk.next(task.steps, shard);
            a[m] = task.x.row(row);
            c[m] = task.gate_row(shard, panel, row, local + m);
        }
        let acc = [load_columns::<S, N>(bias, N * S::LANES); M];
        let acc = multiply::<S, M, N>(acc, &a, Depth::plain(task.geometry.dims.input), w);
        for m in 0..M {
            for n in 0..N {
                S::store(c[m].add(n * S::LANES), acc[m][n]);
            }
            if N == 3 && matches!(task.geometry.dims.cell, Cell::Gru(_)) {
                S::store(c[m].add(3 * S::LANES), S::load(bias.add(3 * S::LANES)));
            }
        }
    }
}

/// One step of the shard; its first gate row of the chunk is `local`.
#[inline(always)]
unsafe fn step<S: Simd>(task: &Forward, shard: Shard, t: usize, local: usize) {
    let geometry = &task.geometry;
    let rows = shard.rows(task.steps.batch_size(t));
    for panel in 0..geometry.panels {
        // SAFETY: the packed weights hold every panel.
        let u = unsafe { task.u.add(geometry.panel_start(panel, geometry.dims.hidden)) };
        with_vectors!(geometry.vectors(panel), N => {
            for (start, count) in tiles(rows, S::tile_rows(N)) {
                with_rows!(S, N, count, M => unsafe {
                    step_tile::<S, M, N>(task, shard, t, panel, u, start, local + start)
                })
            }
        });
    }
}

#[inline(always)]
unsafe fn step_tile<S: Simd, const M: usize, const N: usize>(
    task: &Forward,
    shard: Shard,
    t: usize,
    panel: usize,
    u: *const f32,
    start: usize,
    local: usize,
) {
    let geometry = &task.geometry;
    let first = geometry.first_column(Side::Hidden);
    // SAFETY: the caller promises valid rows.
    unsafe {
        let mut previous = [std::ptr::null::<f32>(); M];
        let mut gates = [std::ptr::null_mut::<f32>(); M];
        let mut acc = [[S::splat(0.0); N]; M];
        for m in 0..M {
            let rank = shard.rank(start + m);
            let row = task.steps.offset(t) + rank;
            previous[m] = if t == 0 {
                task.h0.row(rank)
            } else {
                task.out.row(task.steps.offset(t - 1) + rank).cast_const()
            };
            gates[m] = task.gate_row(shard, panel, row, local + m);
            acc[m] = load_columns::<S, N>(gates[m].add(first), N * S::LANES);
        }
        acc = multiply::<S, M, N>(acc, &previous, Depth::plain(geometry.dims.hidden), u);
        for m in 0..M {
            for n in 0..N {
                S::store(gates[m].add(first + n * S::LANES), acc[m][n]);
            }
        }
        let unit = panel * geometry.units;
        let units = geometry.units_in(panel);
        match geometry.dims.cell {
            Cell::Lstm => {
                for m in 0..M {
                    let rank = shard.rank(start + m);
                    let row = task.steps.offset(t) + rank;
                    let (before, cell) = task.cell_rows(t, rank, row);
                    let out = task.out.row(row).add(unit);
                    lstm_cell::<S>(gates[m], before.add(unit), cell.add(unit), out, units);
                }
            }
            Cell::Gru(_) => {
                for m in 0..M {
                    let row = task.steps.offset(t) + shard.rank(start + m);
                    gru_cell::<S>(gates[m], previous[m].add(unit), task.out.row(row).add(unit), units);
                }
            }
            Cell::Rnn(nonlinearity) => {
                for m in 0..M {
                    let row = task.steps.offset(t) + shard.rank(start + m);
                    rnn_cell::<S>(gates[m], task.out.row(row).add(unit), units, nonlinearity);
                }
            }
        }
    }
}

impl Forward<'_> {
    /// Where an LSTM's c before and after a step is.
    #[inline(always)]
    unsafe fn cell_rows(&self, t: usize, rank: usize, row: usize) -> (*const f32, *mut f32) {
        let hidden = self.geometry.dims.hidden;
        // SAFETY: the caller promises a row and rank that the arrays hold.
        unsafe {
            if self.keep {
                let before = if t == 0 {
                    self.c0.row(rank)
                } else {
                    self.cells.add((self.steps.offset(t - 1) + rank) * hidden).cast_const()
                };
                (before, self.cells.add(row * hidden))
            } else {
                let cell = self.cells.add(rank * hidden);
                (if t == 0 { self.c0.row(rank) } else { cell.cast_const() }, cell)
            }
        }
    }
}

/// i, f, o = σ(·), g = tanh(·); c' = f ⊙ c + i ⊙ g; h' = o ⊙ tanh(c'). Leaves the gates activated.
#[inline(always)]
unsafe fn lstm_cell<S: Simd>(
    gates: *mut f32,
    before: *const f32,
    cell: *mut f32,
    out: *mut f32,
    units: usize,
) {
    // SAFETY: the caller promises four vectors of gates and `units` states.
    unsafe {
        let i = sigmoid::<S>(S::load(gates));
        let f = sigmoid::<S>(S::load(gates.add(S::LANES)));
        let g = tanh::<S>(S::load(gates.add(2 * S::LANES)));
        let o = sigmoid::<S>(S::load(gates.add(3 * S::LANES)));
        S::store(gates, i);
        S::store(gates.add(S::LANES), f);
        S::store(gates.add(2 * S::LANES), g);
        S::store(gates.add(3 * S::LANES), o);
        let c = S::flush(S::fma(f, load_units::<S>(before, units), S::mul(i, g)));
        store_units::<S>(cell, c, units);
        store_units::<S>(out, S::flush(S::mul(o, tanh::<S>(c))), units);
    }
}

/// r, z = σ(·); n = tanh(n_x + r ⊙ n_h); h' = (1 − z) ⊙ n + z ⊙ h. Leaves n, r, z activated beside n_h.
#[inline(always)]
unsafe fn gru_cell<S: Simd>(gates: *mut f32, before: *const f32, out: *mut f32, units: usize) {
    // SAFETY: the caller promises four vectors of gates and `units` states.
    unsafe {
        let r = sigmoid::<S>(S::load(gates.add(S::LANES)));
        let z = sigmoid::<S>(S::load(gates.add(2 * S::LANES)));
        let n = tanh::<S>(S::fma(r, S::load(gates.add(3 * S::LANES)), S::load(gates)));
        S::store(gates, n);
        S::store(gates.add(S::LANES), r);
        S::store(gates.add(2 * S::LANES), z);
        let h = load_units::<S>(before, units);
        store_units::<S>(out, S::flush(S::fma(z, S::sub(h, n), n)), units);
    }
}

#[inline(always)]
unsafe fn rnn_cell<S: Simd>(gates: *const f32, out: *mut f32, units: usize, nonlinearity: Nonlinearity) {
    // SAFETY: the caller promises `units` pre-activations, rounded up to vectors, and `units` states.
    unsafe {
        let mut unit = 0;
        while unit < units {
            let a = S::load(gates.add(unit));
            let h = match nonlinearity {
                Nonlinearity::Tanh => tanh::<S>(a),
                Nonlinearity::Relu => S::relu(a),
            };
            store_units::<S>(out.add(unit), S::flush(h), (units - unit).min(S::LANES));
            unit += S::LANES;
        }
    }
}

#[inline(always)]
pub(crate) unsafe fn load_units<S: Simd>(p: *const f32, units: usize) -> S::V {
    // SAFETY: the caller promises `units` floats at p.
    unsafe { if units == S::LANES { S::load(p) } else { S::load_first(p, units) } }
}

#[inline(always)]
pub(crate) unsafe fn store_units<S: Simd>(p: *mut f32, v: S::V, units: usize) {
    // SAFETY: the caller promises `units` floats at p.
    unsafe { if units == S::LANES { S::store(p, v) } else { S::store_first(p, v, units) } }
}

/// Copies the state of each rank at its own last step.
#[inline(always)]
unsafe fn last_states(task: &Forward, shard: Shard) {
    let (steps, hidden) = (task.steps, task.geometry.dims.hidden);
    for t in 0..steps.len() {
        let ends = if t + 1 < steps.len() { steps.batch_size(t + 1) } else { 0 };
        for i in shard.rows(ends)..shard.rows(steps.batch_size(t)) {
            let rank = shard.rank(i);
            let row = steps.offset(t) + rank;
            // SAFETY: the caller promises arrays that hold every row and rank.
            unsafe {
                task.out.row(row).copy_to_nonoverlapping(task.last_hidden.add(rank * hidden), hidden);
                if task.geometry.dims.cell.has_cell_state() && task.keep {
                    let cell = task.cells.add(row * hidden);
                    cell.copy_to_nonoverlapping(task.last_cell.add(rank * hidden), hidden);
                }
            }
        }
    }
}
