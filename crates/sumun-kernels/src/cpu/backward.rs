//! The fused recurrence, backwards through time.
//!
//! For each step, last first: the gradients of the gates overwrite the kept gates, panel by panel, and then
//! dG·U gives the gradient of the state before the step. The gradient of the input, dG·W, follows for each
//! chunk of steps while dG is in the second-level cache. Weight gradients are products over all rows afterwards
//! (`outer`). tanh(c) is computed again rather than kept.

use crate::cpu::activation::tanh;
use crate::cpu::forward::{load_units, store_units};
use crate::cpu::linear::{Product, Start, product_of};
use crate::cpu::pack::{Columns, Geometry, Side};
use crate::cpu::{RowsAt, Shard};
use crate::simd::Simd;
use crate::types::{Cell, Nonlinearity, Steps};

/// Rows whose gate gradients are turned into input gradients at once.
const CHUNK_FLOATS: usize = 128 * 1024;

/// One backward pass through time.
#[derive(Debug)]
pub(crate) struct Backward<'a> {
    pub(crate) geometry: Geometry,
    pub(crate) steps: &'a Steps,
    pub(crate) shards: usize,
    /// What forward answered.
    pub(crate) out: RowsAt<*const f32>,
    /// h and c before the first step, as in forward.
    pub(crate) h0: RowsAt<*const f32>,
    pub(crate) c0: RowsAt<*const f32>,
    /// In: activated gates. Out: gradients of the pre-activations. `[panel][R][4·lanes]`.
    pub(crate) gates: *mut f32,
    /// c of every row, `[R, H]`.
    pub(crate) cells: *const f32,
    /// Gradient of the output; a null base where there is none.
    pub(crate) d_out: RowsAt<*const f32>,
    /// In: the gradient of the last state, by rank. Out: that of the initial state. `[N, H]`.
    pub(crate) d_hidden: *mut f32,
    pub(crate) d_cell: *mut f32,
    pub(crate) u: *const f32,
    /// The packed weights and the rows of the input gradient, where that is wanted.
    pub(crate) input: Option<(*const f32, RowsAt<*mut f32>)>,
    /// Whether the input gradient is added to what is there.
    pub(crate) add: bool,
}

// SAFETY: shards write disjoint rows of `gates`, the state gradients and the input gradient.
unsafe impl Sync for Backward<'_> {}

/// Runs the sequences of one shard backwards through all steps.
#[inline(always)]
pub(crate) unsafe fn backward<S: Simd>(task: &Backward, shard: usize) {
    let shard = Shard { index: shard, count: task.shards };
    let (steps, geometry) = (task.steps, &task.geometry);
    let (hidden, rows) = (geometry.dims.hidden, steps.rows());
    let at_once = CHUNK_FLOATS / (geometry.panels * geometry.width());
    // SAFETY: the caller's promises.
    let first_gates = unsafe { task.gates.add(geometry.first_column(Side::Hidden)).cast_const() };
    let recurrent = Product {
        a: RowsAt { base: first_gates, stride: geometry.width(), map: std::ptr::null() },
        depth: geometry.gate_depth(rows),
        b: task.u,
        columns: Columns { columns: hidden, lanes: S::LANES },
        start: if matches!(geometry.dims.cell, Cell::Gru(_)) { Start::Output } else { Start::Zero },
        c: RowsAt { base: task.d_hidden, stride: hidden, map: std::ptr::null() },
    };
    let (mut chunk_end, mut chunk) = (steps.len(), 0);
    for t in (0..steps.len()).rev() {
        let offset = steps.offset(t);
        let alive = shard.rows(steps.batch_size(t));
        // SAFETY: the caller's promises.
        unsafe {
            gates_of_step::<S>(task, shard, t, alive);
            product_of::<S>(&recurrent, alive, |i| offset + shard.rank(i), |i| shard.rank(i));
        }
        chunk += alive;
        if t == 0 || chunk >= at_once {
            // SAFETY: the caller's promises.
            unsafe { input_gradient::<S>(task, shard, t, chunk_end) };
            (chunk_end, chunk) = (t, 0);
        }
    }
}

/// dX of the steps `from..to`: dG·W.
#[inline(always)]
unsafe fn input_gradient<S: Simd>(task: &Backward, shard: Shard, from: usize, to: usize) {
    let Some((w, d_x)) = task.input else { return };
    let (steps, geometry) = (task.steps, &task.geometry);
    let product = Product {
        a: RowsAt { base: task.gates.cast_const(), stride: geometry.width(), map: std::ptr::null() },
        depth: geometry.gate_depth(steps.rows()),
        b: w,
        columns: Columns { columns: geometry.dims.input, lanes: S::LANES },
        start: if task.add { Start::Output } else { Start::Zero },
        c: d_x,
    };
    if shard.count == 1 {
        let first = steps.offset(from);
        // SAFETY: the caller's promises.
        unsafe { product_of::<S>(&product, steps.offset(to) - first, |i| first + i, |i| first + i) };
        return;
    }
    for t in from..to {
        let offset = steps.offset(t);
        let row = |i| offset + shard.rank(i);
        // SAFETY: the caller's promises.
        unsafe { product_of::<S>(&product, shard.rows(steps.batch_size(t)), row, row) };
    }
}

/// Turns the kept gates of a step into the gradients of their pre-activations.
#[inline(always)]
unsafe fn gates_of_step<S: Simd>(task: &Backward, shard: Shard, t: usize, alive: usize) {
    let (steps, geometry) = (task.steps, &task.geometry);
    let hidden = geometry.dims.hidden;
    for panel in 0..geometry.panels {
        let (unit, units) = (panel * geometry.units, geometry.units_in(panel));
        for i in 0..alive {
            let rank = shard.rank(i);
            let row = steps.offset(t) + rank;
            // SAFETY: the caller promises arrays that hold every row and rank.
            unsafe {
                let gates = task.gates.add((panel * steps.rows() + row) * geometry.width());
                let d_hidden = task.d_hidden.add(rank * hidden + unit);
                let d_out =
                    if task.d_out.base.is_null() { std::ptr::null() } else { task.d_out.row(row).add(unit) };
                match geometry.dims.cell {
                    Cell::Lstm => {
                        let before = if t == 0 {
                            task.c0.row(rank)
                        } else {
                            task.cells.add((steps.offset(t - 1) + rank) * hidden)
                        };
                        let cell = task.cells.add(row * hidden + unit);
                        let d_cell = task.d_cell.add(rank * hidden + unit);
                        lstm_cell::<S>(gates, before.add(unit), cell, d_out, d_hidden, d_cell, units);
                    }
                    Cell::Gru(_) => {
                        let before =
                            if t == 0 { task.h0.row(rank) } else { task.out.row(steps.offset(t - 1) + rank) };
                        gru_cell::<S>(gates, before.add(unit), d_out, d_hidden, units);
                    }
                    Cell::Rnn(nonlinearity) => {
                        rnn_cell::<S>(
                            gates,
                            task.out.row(row).add(unit),
                            d_out,
                            d_hidden,
                            units,
                            nonlinearity,
                        );
                    }
                }
            }
        }
    }
}

/// The gradient of h: what comes from the output and what comes from the step after.
#[inline(always)]
unsafe fn d_state<S: Simd>(d_out: *const f32, d_hidden: *const f32, units: usize) -> S::V {
    // SAFETY: the caller promises `units` floats at both, or null for no output gradient.
    unsafe {
        let d = load_units::<S>(d_hidden, units);
        S::flush(if d_out.is_null() { d } else { S::add(d, load_units::<S>(d_out, units)) })
    }
}

#[inline(always)]
unsafe fn lstm_cell<S: Simd>(
    gates: *mut f32,
    before: *const f32,
    cell: *const f32,
    d_out: *const f32,
    d_hidden: *const f32,
    d_cell: *mut f32,
    units: usize,
) {
    // SAFETY: the caller promises four vectors of gates and `units` states.
    unsafe {
        let one = S::splat(1.0);
        let i = S::load(gates);
        let f = S::load(gates.add(S::LANES));
        let g = S::load(gates.add(2 * S::LANES));
        let o = S::load(gates.add(3 * S::LANES));
        let tanh_c = tanh::<S>(load_units::<S>(cell, units));
        let dh = d_state::<S>(d_out, d_hidden, units);
        // dc = dc' + dh ⊙ o ⊙ (1 − tanh²c)
        let through = S::mul(S::mul(dh, o), S::fnma(tanh_c, tanh_c, one));
        let dc = S::flush(S::add(load_units::<S>(d_cell, units), through));
        let di = S::mul(S::mul(dc, g), S::mul(i, S::sub(one, i)));
        let df = S::mul(S::mul(dc, load_units::<S>(before, units)), S::mul(f, S::sub(one, f)));
        let dg = S::mul(S::mul(dc, i), S::fnma(g, g, one));
        let d_o = S::mul(S::mul(dh, tanh_c), S::mul(o, S::sub(one, o)));
        S::store(gates, S::flush(di));
        S::store(gates.add(S::LANES), S::flush(df));
        S::store(gates.add(2 * S::LANES), S::flush(dg));
        S::store(gates.add(3 * S::LANES), S::flush(d_o));
        store_units::<S>(d_cell, S::flush(S::mul(dc, f)), units);
    }
}

#[inline(always)]
unsafe fn gru_cell<S: Simd>(
    gates: *mut f32,
    before: *const f32,
    d_out: *const f32,
    d_hidden: *mut f32,
    units: usize,
) {
    // SAFETY: the caller promises four vectors of gates and `units` states.
    unsafe {
        let one = S::splat(1.0);
        let n = S::load(gates);
        let r = S::load(gates.add(S::LANES));
        let z = S::load(gates.add(2 * S::LANES));
        let n_h = S::load(gates.add(3 * S::LANES));
        let h = load_units::<S>(before, units);
        let dh = d_state::<S>(d_out, d_hidden, units);
        let dn = S::flush(S::mul(S::mul(dh, S::sub(one, z)), S::fnma(n, n, one)));
        let dr = S::mul(S::mul(dn, n_h), S::mul(r, S::sub(one, r)));
        let dz = S::mul(S::mul(dh, S::sub(h, n)), S::mul(z, S::sub(one, z)));
        S::store(gates, dn);
        S::store(gates.add(S::LANES), S::flush(dr));
        S::store(gates.add(2 * S::LANES), S::flush(dz));
        S::store(gates.add(3 * S::LANES), S::flush(S::mul(dn, r)));
        // What passes by the gates; the product adds the rest.
        store_units::<S>(d_hidden, S::mul(dh, z), units);
    }
}

#[inline(always)]
unsafe fn rnn_cell<S: Simd>(
    gates: *mut f32,
    out: *const f32,
    d_out: *const f32,
    d_hidden: *const f32,
    units: usize,
    nonlinearity: Nonlinearity,
) {
    // SAFETY: the caller promises `units` gates, rounded up to vectors, and `units` states.
    unsafe {
        let mut unit = 0;
        while unit < units {
            let count = (units - unit).min(S::LANES);
            let h = load_units::<S>(out.add(unit), count);
            let from = if d_out.is_null() { d_out } else { d_out.add(unit) };
            let dh = d_state::<S>(from, d_hidden.add(unit), count);
            let d = match nonlinearity {
                Nonlinearity::Tanh => S::mul(dh, S::fnma(h, h, S::splat(1.0))),
                // h > 0 exactly where the pre-activation is; −h < 0 says so.
                Nonlinearity::Relu => S::if_negative(S::sub(S::splat(0.0), h), dh, S::splat(0.0)),
            };
            S::store(gates.add(unit), S::flush(d));
            unit += S::LANES;
        }
    }
}
