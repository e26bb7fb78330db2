//! The cells themselves, one vector of units at a time: gates to state, and the gradients back.
//!
//! Each function serves some rows of one panel; a row is known by pointers to its gates and states. Loads and
//! stores of states touch only units that exist; the gates of the others stay zero where that matters.

use crate::bodies::activation::{sigmoid, tanh};
use crate::bodies::tile::MOST_ROWS;
use crate::simd::Simd;
use crate::words::Nonlinearity;

/// Some rows of one panel on their way forwards.
#[derive(Debug)]
pub(crate) struct CellForward {
    pub(crate) rows: usize,
    /// Units of the panel that exist.
    pub(crate) units: usize,
    /// Floats from one of an LSTM's gates to the next, a vector at most.
    pub(crate) gate_stride: usize,
    /// Pre-activations, the vectors of the panel; activated in place.
    pub(crate) gates: [*mut f32; MOST_ROWS],
    /// The state before: c for an LSTM, h for a GRU.
    pub(crate) before: [*const f32; MOST_ROWS],
    /// An LSTM's c, written.
    pub(crate) cell: [*mut f32; MOST_ROWS],
    /// h, written. In the first phase of two: what the second product is over, o ⊙ tanh(c') or r ⊙ h.
    pub(crate) out: [*mut f32; MOST_ROWS],
}

impl CellForward {
    /// No rows yet, of a panel with so many units and its gates so far apart.
    pub(crate) fn new(units: usize, gate_stride: usize) -> Self {
        let (none, none_mut) = ([std::ptr::null(); MOST_ROWS], [std::ptr::null_mut(); MOST_ROWS]);
        Self { rows: 0, units, gate_stride, gates: none_mut, before: none, cell: none_mut, out: none_mut }
    }
}

/// One row of one panel on its way back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellBackward {
    /// Units of the panel that exist.
    pub(crate) units: usize,
    /// Floats from one of an LSTM's gates to the next, a vector at most.
    pub(crate) gate_stride: usize,
    /// In: activated gates. Out: gradients of the pre-activations.
    pub(crate) gates: *mut f32,
    /// The state before: c for an LSTM, h for a GRU.
    pub(crate) before: *const f32,
    /// The state after: c for an LSTM, h for an RNN.
    pub(crate) after: *const f32,
    /// The gradient that comes from the output; null for none.
    pub(crate) d_out: *const f32,
    /// The gradient of h that comes from the step after. A GRU leaves what passes by its gates there. With a
    /// projection, the gradient of o ⊙ tanh(c').
    pub(crate) d_hidden: *mut f32,
    /// The gradient of r ⊙ h, with the reset before the product.
    pub(crate) d_inner: *const f32,
    /// The gradient of c, likewise; an LSTM replaces it.
    pub(crate) d_cell: *mut f32,
    /// The gates of the row a step earlier, for which an LSTM asks ahead of time.
    pub(crate) earlier: *const f32,
}

/// i, f, o = σ(·), g = tanh(·); c' = f ⊙ c + i ⊙ g; h' = o ⊙ tanh(c'). Leaves the gates activated.
#[inline(always)]
pub(crate) unsafe fn lstm_forward<S: Simd>(task: &CellForward) {
    // SAFETY: the caller's promises. Of whole vectors the compiler is to know the distance.
    unsafe {
        match task.gate_stride == S::LANES {
            true => lstm_forward_of::<S>(task, S::LANES),
            false => lstm_forward_of::<S>(task, task.gate_stride),
        }
    }
}

/// First c' of all rows, then h' of all: each is a chain of operations that wait for one another, so that the processor
/// must have those of several rows at hand.
#[inline(always)]
unsafe fn lstm_forward_of<S: Simd>(task: &CellForward, stride: usize) {
    // SAFETY: the caller promises four gates, `stride` floats each, and `units` states for each row.
    unsafe {
        let mut cells = [S::splat(0.0); MOST_ROWS];
        for m in 0..task.rows {
            let gate = |n: usize| task.gates[m].add(n * stride);
            let i = sigmoid::<S>(load_units::<S>(gate(0), stride));
            let f = sigmoid::<S>(load_units::<S>(gate(1), stride));
            let g = tanh::<S>(load_units::<S>(gate(2), stride));
            let o = sigmoid::<S>(load_units::<S>(gate(3), stride));
            S::store(gate(0), i);
            S::store(gate(1), f);
            S::store(gate(2), g);
            S::store(gate(3), o);
            let before = load_units::<S>(task.before[m], task.units);
            cells[m] = S::flush(S::fma(f, before, S::mul(i, g)));
            store_units::<S>(task.cell[m], cells[m], task.units);
        }
        for m in 0..task.rows {
            let o = load_units::<S>(task.gates[m].add(3 * stride), stride);
            let h = S::mul(o, tanh::<S>(cells[m]));
            store_units::<S>(task.out[m], S::flush(h), task.units);
        }
    }
}

/// r, z = σ(·); n = tanh(n_x + r ⊙ n_h); h' = (1 − z) ⊙ n + z ⊙ h. Leaves n, r, z activated beside n_h. All rows' r and
/// z come first, as in [`lstm_forward`].
#[inline(always)]
pub(crate) unsafe fn gru_forward<S: Simd>(task: &CellForward) {
    // SAFETY: the caller promises four vectors of gates and `units` states for each row.
    unsafe {
        for m in 0..task.rows {
            let gates = task.gates[m];
            let r = activate_reset_and_update::<S>(gates);
            S::store(gates, S::fma(r, S::load(gates.add(3 * S::LANES)), S::load(gates)));
        }
        for m in 0..task.rows {
            let gates = task.gates[m];
            let n = tanh::<S>(S::load(gates));
            S::store(gates, n);
            let z = S::load(gates.add(2 * S::LANES));
            let h = load_units::<S>(task.before[m], task.units);
            store_units::<S>(task.out[m], S::flush(S::fma(z, S::sub(h, n), n)), task.units);
        }
    }
}

/// Activates r and z of one row of a panel, and answers r.
#[inline(always)]
unsafe fn activate_reset_and_update<S: Simd>(gates: *mut f32) -> S::V {
    // SAFETY: the caller promises three vectors of gates.
    unsafe {
        let r = sigmoid::<S>(S::load(gates.add(S::LANES)));
        let z = sigmoid::<S>(S::load(gates.add(2 * S::LANES)));
        S::store(gates.add(S::LANES), r);
        S::store(gates.add(2 * S::LANES), z);
        r
    }
}

/// Reset before the product, first phase: r, z = σ(·), and r ⊙ h. Leaves r, z activated beside n_x.
#[inline(always)]
pub(crate) unsafe fn gru_reset_forward<S: Simd>(task: &CellForward) {
    for m in 0..task.rows {
        // SAFETY: the caller promises three vectors of gates and `units` states for each row.
        unsafe {
            let gates = task.gates[m];
            let r = activate_reset_and_update::<S>(gates);
            let h = load_units::<S>(task.before[m], task.units);
            store_units::<S>(task.out[m], S::flush(S::mul(r, h)), task.units);
        }
    }
}

/// Reset before the product, second phase: `out` holds U_n (r ⊙ h); n = tanh(n_x + that) and h' as ever.
#[inline(always)]
pub(crate) unsafe fn gru_candidate_forward<S: Simd>(task: &CellForward) {
    for m in 0..task.rows {
        // SAFETY: the caller promises three vectors of gates and `units` states for each row.
        unsafe {
            let gates = task.gates[m];
            let n = S::add(S::load(gates), load_units::<S>(task.out[m], task.units));
            let n = tanh::<S>(n);
            S::store(gates, n);
            let z = S::load(gates.add(2 * S::LANES));
            let h = load_units::<S>(task.before[m], task.units);
            store_units::<S>(task.out[m], S::flush(S::fma(z, S::sub(h, n), n)), task.units);
        }
    }
}

/// h' = φ(·), over up to four vectors of units.
#[inline(always)]
pub(crate) unsafe fn rnn_forward<S: Simd>(task: &CellForward, nonlinearity: Nonlinearity) {
    for m in 0..task.rows {
        for unit in (0..task.units).step_by(S::LANES) {
            // SAFETY: the caller promises the pre-activations, rounded up to vectors, and `units` states.
            unsafe {
                let a = S::load(task.gates[m].add(unit));
                let h = match nonlinearity {
                    Nonlinearity::Tanh => tanh::<S>(a),
                    Nonlinearity::Relu => S::relu(a),
                };
                let units = (task.units - unit).min(S::LANES);
                store_units::<S>(task.out[m].add(unit), S::flush(h), units);
            }
        }
    }
}

/// With dh the gradient of h': dc = dc' + dh ⊙ o ⊙ (1 − tanh²c'), then each gate's share, then dc ⊙ f.
#[inline(always)]
pub(crate) unsafe fn lstm_backward<S: Simd>(row: &CellBackward) {
    // SAFETY: as for the way forwards.
    unsafe {
        match row.gate_stride == S::LANES {
            true => lstm_backward_of::<S>(row, S::LANES),
            false => lstm_backward_of::<S>(row, row.gate_stride),
        }
    }
}

#[inline(always)]
unsafe fn lstm_backward_of<S: Simd>(row: &CellBackward, stride: usize) {
    // SAFETY: the caller promises four gates, `stride` floats each, and `units` states.
    unsafe {
        for n in 0..4 {
            S::prefetch_far(row.earlier.wrapping_add(n * stride));
        }
        let one = S::splat(1.0);
        let gate = |n: usize| row.gates.add(n * stride);
        let i = load_units::<S>(gate(0), stride);
        let f = load_units::<S>(gate(1), stride);
        let g = load_units::<S>(gate(2), stride);
        let o = load_units::<S>(gate(3), stride);
        let tanh_c = tanh::<S>(load_units::<S>(row.after, row.units));
        let dh = d_state::<S>(row.d_out, row.d_hidden, row.units);
        let through = S::mul(S::mul(dh, o), S::fnma(tanh_c, tanh_c, one));
        let dc = S::flush(S::add(load_units::<S>(row.d_cell, row.units), through));
        let di = S::mul(S::mul(dc, g), S::mul(i, S::sub(one, i)));
        let df = S::mul(S::mul(dc, load_units::<S>(row.before, row.units)), S::mul(f, S::sub(one, f)));
        let dg = S::mul(S::mul(dc, i), S::fnma(g, g, one));
        let d_o = S::mul(S::mul(dh, tanh_c), S::mul(o, S::sub(one, o)));
        S::store(gate(0), S::flush(di));
        S::store(gate(1), S::flush(df));
        S::store(gate(2), S::flush(dg));
        S::store(gate(3), S::flush(d_o));
        store_units::<S>(row.d_cell, S::flush(S::mul(dc, f)), row.units);
    }
}

/// dn, dr, dz from dh; the hidden half of n gets dn ⊙ r; dh ⊙ z passes by the gates.
#[inline(always)]
pub(crate) unsafe fn gru_backward<S: Simd>(row: &CellBackward) {
    // SAFETY: the caller promises four vectors of gates and `units` states.
    unsafe {
        let one = S::splat(1.0);
        let gates = row.gates;
        let n = S::load(gates);
        let r = S::load(gates.add(S::LANES));
        let z = S::load(gates.add(2 * S::LANES));
        let n_h = S::load(gates.add(3 * S::LANES));
        let h = load_units::<S>(row.before, row.units);
        let dh = d_state::<S>(row.d_out, row.d_hidden, row.units);
        let dn = S::flush(S::mul(S::mul(dh, S::sub(one, z)), S::fnma(n, n, one)));
        let dr = S::mul(S::mul(dn, n_h), S::mul(r, S::sub(one, r)));
        let dz = S::mul(S::mul(dh, S::sub(h, n)), S::mul(z, S::sub(one, z)));
        S::store(gates, dn);
        S::store(gates.add(S::LANES), S::flush(dr));
        S::store(gates.add(2 * S::LANES), S::flush(dz));
        S::store(gates.add(3 * S::LANES), S::flush(S::mul(dn, r)));
        store_units::<S>(row.d_hidden, S::flush(S::mul(dh, z)), row.units);
    }
}

/// Reset before the product: dn and dz from dh, in place of n and z; dh ⊙ z passes by the gates.
#[inline(always)]
pub(crate) unsafe fn gru_candidate_backward<S: Simd>(row: &CellBackward) {
    // SAFETY: the caller promises three vectors of gates and `units` states.
    unsafe {
        let one = S::splat(1.0);
        let gates = row.gates;
        let n = S::load(gates);
        let z = S::load(gates.add(2 * S::LANES));
        let h = load_units::<S>(row.before, row.units);
        let dh = d_state::<S>(row.d_out, row.d_hidden, row.units);
        let dn = S::mul(S::mul(dh, S::sub(one, z)), S::fnma(n, n, one));
        let dz = S::mul(S::mul(dh, S::sub(h, n)), S::mul(z, S::sub(one, z)));
        S::store(gates, S::flush(dn));
        S::store(gates.add(2 * S::LANES), S::flush(dz));
        store_units::<S>(row.d_hidden, S::flush(S::mul(dh, z)), row.units);
    }
}

/// Reset before the product: dr from the gradient of r ⊙ h, of which d ⊙ r goes on to h.
#[inline(always)]
pub(crate) unsafe fn gru_reset_backward<S: Simd>(row: &CellBackward) {
    // SAFETY: the caller promises three vectors of gates and `units` states.
    unsafe {
        let one = S::splat(1.0);
        let gates = row.gates;
        let r = S::load(gates.add(S::LANES));
        let h = load_units::<S>(row.before, row.units);
        let d = load_units::<S>(row.d_inner, row.units);
        let dr = S::mul(S::mul(d, h), S::mul(r, S::sub(one, r)));
        S::store(gates.add(S::LANES), S::flush(dr));
        let d_hidden = S::fma(d, r, load_units::<S>(row.d_hidden, row.units));
        store_units::<S>(row.d_hidden, S::flush(d_hidden), row.units);
    }
}

/// dh ⊙ φ'(·), from what φ answered.
#[inline(always)]
pub(crate) unsafe fn rnn_backward<S: Simd>(row: &CellBackward, nonlinearity: Nonlinearity) {
    for unit in (0..row.units).step_by(S::LANES) {
        // SAFETY: the caller promises `units` gates, rounded up to vectors, and `units` states.
        unsafe {
            let units = (row.units - unit).min(S::LANES);
            let h = load_units::<S>(row.after.add(unit), units);
            let d_out = if row.d_out.is_null() { row.d_out } else { row.d_out.add(unit) };
            let dh = d_state::<S>(d_out, row.d_hidden.add(unit), units);
            let d = match nonlinearity {
                Nonlinearity::Tanh => S::mul(dh, S::fnma(h, h, S::splat(1.0))),
                // h > 0 exactly where the pre-activation is, and −h < 0 says so.
                Nonlinearity::Relu => S::if_negative(S::sub(S::splat(0.0), h), dh, S::splat(0.0)),
            };
            S::store(row.gates.add(unit), S::flush(d));
        }
    }
}

/// `to` = a + b, without denormals; null for no b. All are `len` long; `to` may be one of the others.
#[inline(always)]
pub(crate) unsafe fn add<S: Simd>(a: *const f32, b: *const f32, to: *mut f32, len: usize) {
    for at in (0..len).step_by(S::LANES) {
        let count = (len - at).min(S::LANES);
        // SAFETY: the caller promises `len` floats at each, or null for b.
        unsafe {
            let b = if b.is_null() { b } else { b.add(at) };
            store_units::<S>(to.add(at), d_state::<S>(b, a.add(at), count), count);
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
unsafe fn load_units<S: Simd>(p: *const f32, units: usize) -> S::V {
    // SAFETY: the caller promises `units` floats at p.
    unsafe { if units == S::LANES { S::load(p) } else { S::load_first(p, units) } }
}

#[inline(always)]
unsafe fn store_units<S: Simd>(p: *mut f32, v: S::V, units: usize) {
    // SAFETY: the caller promises `units` floats at p.
    unsafe { if units == S::LANES { S::store(p, v) } else { S::store_first(p, v, units) } }
}
