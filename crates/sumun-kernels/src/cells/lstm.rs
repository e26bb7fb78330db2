//! The LSTM: blocks i, f, g, o; c' = f ⊙ c + i ⊙ g; h' = o ⊙ tanh(c') (Hochreiter & Schmidhuber 1997, Gers et al. 2000).
//!
//! A row of a panel is i, f, g, o, without gaps in the last panel.

use crate::bodies::activation::{sigmoid, tanh};
use crate::bodies::cell::{CellBackward, CellBody, CellForward, d_state, load_units, store_units};
use crate::bodies::options::{BackwardOptions, ForwardOptions, mix, split};
use crate::bodies::tile::MOST_ROWS;
use crate::simd::Simd;
use crate::words::{CellSpec, Gate, OptionSet, Vector};

/// The cell of this file.
pub(crate) struct Lstm;

/// Its options, all of which its bodies take.
const OPTIONS: OptionSet = OptionSet::COMMON
    .and(OptionSet::PROJECTION)
    .and(OptionSet::PEEPHOLES)
    .and(OptionSet::COUPLED)
    .and(OptionSet::GATE_ACTIVATION)
    .and(OptionSet::OUTPUT_ACTIVATION)
    .and(OptionSet::ZONEOUT_CELL);

impl CellBody for Lstm {
    const SPEC: CellSpec = CellSpec {
        kind: "lstm",
        name: "LSTM",
        family: "LSTM",
        layer: "lstm",
        gates: &[Gate::opening("i"), Gate::opening("f"), Gate::candidate("g"), Gate::opening("o")],
        panel: &[Vector::both(0), Vector::both(1), Vector::both(2), Vector::both(3)],
        states: &["c"],
        options: OPTIONS,
        fused: OPTIONS,
        // The products of x, those of h, and c' in front of the output.
        norm: &[4, 4, 1],
        forget_gate: Some(1),
        // tanh c' is taken again in backward passes.
        activations: [5, 1],
        ..CellSpec::USUAL
    };

    /// i, f, o = σ(·), g = tanh(·); c' = f ⊙ c + i ⊙ g; h' = o ⊙ tanh(c'). Leaves the gates activated.
    #[inline(always)]
    unsafe fn forward<S: Simd>(task: &CellForward) {
        // SAFETY: the caller's promises. Of whole vectors the compiler is to know the distance.
        unsafe {
            match task.gate_stride == S::LANES {
                true => forward_of::<S>(task, S::LANES),
                false => forward_of::<S>(task, task.gate_stride),
            }
        }
    }

    const WHOLE: bool = true;

    /// c' and o.
    #[inline(always)]
    unsafe fn open<S: Simd>(panel: [S::V; 4], before: S::V) -> [S::V; 2] {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe {
            let gates = activated::<S>(panel);
            [cell_state::<S>(gates, before), gates[3]]
        }
    }

    #[inline(always)]
    unsafe fn close<S: Simd>([cell, o]: [S::V; 2], _: S::V) -> S::V {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe { output::<S>(o, cell) }
    }

    /// With dh the gradient of h': dc = dc' + dh ⊙ o ⊙ (1 − tanh²c'), then each gate's share, then dc ⊙ f.
    #[inline(always)]
    unsafe fn backward<S: Simd>(row: &CellBackward) {
        // SAFETY: as for the forward pass.
        unsafe {
            match row.gate_stride == S::LANES {
                true => backward_of::<S>(row, S::LANES),
                false => backward_of::<S>(row, row.gate_stride),
            }
        }
    }

    #[inline(always)]
    unsafe fn forward_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
        // SAFETY: as for the forward pass.
        unsafe { forward_with::<S>(task, with) }
    }

    #[inline(always)]
    unsafe fn backward_with<S: Simd>(row: &CellBackward, with: &BackwardOptions) {
        // SAFETY: as for the forward pass.
        unsafe { backward_with::<S>(row, with) }
    }

    /// h from c' as it is normalised.
    #[inline(always)]
    unsafe fn second_forward_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
        // SAFETY: as for the forward pass.
        unsafe { shown_with::<S>(task, with) }
    }

    /// The rest, from the gradient of c' in front of its normalisation.
    #[inline(always)]
    unsafe fn second_backward_with<S: Simd>(row: &CellBackward, with: &BackwardOptions) {
        // SAFETY: as for the forward pass.
        unsafe { state_back::<S>(row, with, load_units::<S>(row.d_inner, row.units)) }
    }
}

/// First c' of all rows, then h' of all: each is a chain of operations that wait for one another, so that the processor
/// needs those of several rows to overlap them.
#[inline(always)]
unsafe fn forward_of<S: Simd>(task: &CellForward, stride: usize) {
    // SAFETY: the caller promises four gates, `stride` floats each, and `units` states for each row.
    unsafe {
        let mut cells = [S::splat(0.0); MOST_ROWS];
        for m in 0..task.rows {
            let gate = |n: usize| task.gates[m].add(n * stride);
            let mut gates = [S::splat(0.0); 4];
            for n in 0..4 {
                gates[n] = load_units::<S>(gate(n), stride);
            }
            gates = activated::<S>(gates);
            for n in 0..4 {
                S::store(gate(n), gates[n]);
            }
            cells[m] = cell_state::<S>(gates, load_units::<S>(task.before[m], task.units));
            store_units::<S>(task.states[m], cells[m], task.units);
        }
        for m in 0..task.rows {
            let o = load_units::<S>(task.gates[m].add(3 * stride), stride);
            store_units::<S>(task.out[m], output::<S>(o, cells[m]), task.units);
        }
    }
}

/// i, f, g, o.
#[inline(always)]
unsafe fn activated<S: Simd>([i, f, g, o]: [S::V; 4]) -> [S::V; 4] {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe { [sigmoid::<S>(i), sigmoid::<S>(f), tanh::<S>(g), sigmoid::<S>(o)] }
}

/// c' = f ⊙ c + i ⊙ g.
#[inline(always)]
unsafe fn cell_state<S: Simd>([i, f, g, _]: [S::V; 4], before: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe { S::flush(S::fma(f, before, S::mul(i, g))) }
}

/// h' = o ⊙ tanh(c').
#[inline(always)]
unsafe fn output<S: Simd>(o: S::V, cell: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe { S::flush(S::mul(o, tanh::<S>(cell))) }
}

#[inline(always)]
unsafe fn backward_of<S: Simd>(row: &CellBackward, stride: usize) {
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

/// [`forward_of`] with options: other functions and a clip, f = 1 − i, peepholes from c to i and f and from c' to o, and units
/// of c and h that keep their value. What h is made of is c' before zoneout.
#[inline(always)]
unsafe fn forward_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
    let (cell, stride) = (with.cell, task.gate_stride);
    // SAFETY: as for `forward_of`; with peepholes there are three vectors of them.
    unsafe {
        let mut cells = [S::splat(0.0); MOST_ROWS];
        for m in 0..task.rows {
            let gate = |n: usize| task.gates[m].add(n * stride);
            let peephole = |n: usize| S::load(with.peepholes[m].add(n * S::LANES));
            let before = load_units::<S>(task.before[m], task.units);
            let mut gates = [S::splat(0.0); 4];
            for n in 0..4 {
                gates[n] = load_units::<S>(gate(n), stride);
            }
            if cell.peepholes {
                gates[0] = S::fma(peephole(0), before, gates[0]);
                gates[1] = S::fma(peephole(1), before, gates[1]);
            }
            gates[0] = cell.gate.value::<S>(gates[0]);
            gates[1] = match cell.coupled {
                true => S::sub(S::splat(1.0), gates[0]),
                false => cell.gate.value::<S>(gates[1]),
            };
            gates[2] = cell.candidate.value::<S>(gates[2]);
            cells[m] = cell_state::<S>(gates, before);
            if cell.peepholes {
                gates[3] = S::fma(peephole(2), cells[m], gates[3]);
            }
            gates[3] = cell.gate.value::<S>(gates[3]);
            for n in 0..4 {
                S::store(gate(n), gates[n]);
            }
            let state = mix::<S>(cell.zoneout_cell, with.keep_cell[m], task.units, task.before[m], cells[m]);
            store_units::<S>(task.states[m], state, task.units);
        }
        for m in 0..task.rows {
            match cell.normed {
                true => store_units::<S>(task.out[m], cells[m], task.units),
                false => output_with::<S>(task, with, m, cells[m]),
            }
        }
    }
}

/// h of all rows from c' as it is normalised.
#[inline(always)]
unsafe fn shown_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
    for m in 0..task.rows {
        // SAFETY: as for `forward_with`, and `units` normalised states.
        unsafe { output_with::<S>(task, with, m, load_units::<S>(with.normed[m], task.units)) }
    }
}

/// h of one row from what its output shows of c'.
#[inline(always)]
unsafe fn output_with<S: Simd>(task: &CellForward, with: &ForwardOptions, m: usize, state: S::V) {
    let (cell, stride) = (with.cell, task.gate_stride);
    // SAFETY: as for `forward_with`.
    unsafe {
        let o = load_units::<S>(task.gates[m].add(3 * stride), stride);
        let h = S::flush(S::mul(o, cell.output.value::<S>(state)));
        let h = mix::<S>(cell.zoneout_hidden, with.keep_hidden[m], task.units, with.hidden_before[m], h);
        store_units::<S>(task.out[m], h, task.units);
    }
}

/// The first half of [`backward_of`] with options: d o in its place, and the gradient of what the output shows of c'. Where that
/// is normalised, it is left for the normalisation, and `state_back` follows in a second phase.
#[inline(always)]
unsafe fn backward_with<S: Simd>(row: &CellBackward, with: &BackwardOptions) {
    let (cell, stride, units) = (with.cell, row.gate_stride, row.units);
    // SAFETY: as for `backward_of`.
    unsafe {
        let o = load_units::<S>(row.gates.add(3 * stride), stride);
        let state = match cell.normed {
            true => load_units::<S>(with.normed, units),
            false => state_of::<S>(row, with),
        };
        let shown = cell.output.value::<S>(state);
        let dh = d_state::<S>(row.d_out, row.d_hidden, units);
        let [passed, dh] = split::<S>(cell.zoneout_hidden, with.keep_hidden, units, dh);
        if cell.zoneout_hidden != 0.0 {
            store_units::<S>(row.d_hidden, S::flush(passed), units);
        }
        let d_o = S::flush(S::mul(S::mul(dh, shown), cell.gate.slope::<S>(o)));
        let through = S::mul(S::mul(dh, o), cell.output.slope::<S>(shown));
        store_units::<S>(row.gates.add(3 * stride), d_o, stride);
        match cell.normed {
            true => store_units::<S>(row.d_inner.cast_mut(), S::flush(through), units),
            false => state_back::<S>(row, with, through),
        }
    }
}

/// c' before zoneout, which the kept state has been through, so that it is computed again.
#[inline(always)]
unsafe fn state_of<S: Simd>(row: &CellBackward, with: &BackwardOptions) -> S::V {
    // SAFETY: as for `backward_of`.
    unsafe {
        if with.cell.zoneout_cell == 0.0 {
            return load_units::<S>(row.after, row.units);
        }
        let gate = |n: usize| load_units::<S>(row.gates.add(n * row.gate_stride), row.gate_stride);
        let before = load_units::<S>(row.before, row.units);
        cell_state::<S>([gate(0), gate(1), gate(2), before], before)
    }
}

/// The second half: from the gradient that c' has through the output, d o being in its place, to those of i, f, g and c.
#[inline(always)]
unsafe fn state_back<S: Simd>(row: &CellBackward, with: &BackwardOptions, through: S::V) {
    let (cell, stride, units) = (with.cell, row.gate_stride, row.units);
    // SAFETY: as for `backward_of`; with peepholes there are three vectors of them, and `units` floats for each product.
    unsafe {
        let one = S::splat(1.0);
        let gate = |n: usize| row.gates.add(n * stride);
        let mut gates = [S::splat(0.0); 4];
        for n in 0..4 {
            gates[n] = load_units::<S>(gate(n), stride);
        }
        let [i, f, g, d_o] = gates;
        let before = load_units::<S>(row.before, units);
        let d_after = load_units::<S>(row.d_cell, units);
        let [kept, carried] = split::<S>(cell.zoneout_cell, with.keep_cell, units, d_after);
        let mut dc = S::flush(S::add(carried, through));
        if cell.peepholes {
            dc = S::fma(S::load(with.peepholes.add(2 * S::LANES)), d_o, dc);
        }
        let (mut di, mut df) = (S::mul(dc, g), S::mul(dc, before));
        if cell.coupled {
            // A coupled gate's own pre-activation reaches nothing.
            (di, df) = (S::sub(di, df), S::splat(0.0));
        }
        let di = S::flush(S::mul(di, cell.gate.slope::<S>(i)));
        let df = S::flush(S::mul(df, if cell.coupled { one } else { cell.gate.slope::<S>(f) }));
        let dg = S::flush(S::mul(S::mul(dc, i), cell.candidate.slope::<S>(g)));
        let mut d_before = S::fma(dc, f, kept);
        if cell.peepholes {
            let products = [(di, before), (df, before), (d_o, state_of::<S>(row, with))];
            for (n, (d, c)) in products.into_iter().enumerate() {
                if n < 2 {
                    d_before = S::fma(S::load(with.peepholes.add(n * S::LANES)), d, d_before);
                }
                store_units::<S>(with.peeped.add(n * row.state_stride), S::flush(S::mul(d, c)), units);
            }
        }
        for (n, d) in [di, df, dg, d_o].into_iter().enumerate() {
            S::store(gate(n), d);
        }
        store_units::<S>(row.d_cell, S::flush(d_before), units);
    }
}
