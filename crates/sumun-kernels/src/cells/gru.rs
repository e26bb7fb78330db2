//! The GRU: blocks r, z, n; h' = (1 − z) ⊙ n + z ⊙ h (Cho et al. 2014), in two variants.
//!
//! With the reset gate after the recurrent product, as PyTorch and Keras have it, n = tanh(W_n x + b_in + r ⊙ (W_hn h +
//! b_hn)), and a row of a panel is n (its input half), r, z, n's hidden half. With the reset gate before it, as the paper and
//! ONNX have it, n = tanh(W_n x + b_in + W_hn (r ⊙ h) + b_hn) needs a second product, and a row of a panel is n, r, z.

use crate::bodies::activation::{sigmoid, tanh};
use crate::bodies::cell::{CellBackward, CellBody, CellForward, d_state, load_units, store_units};
use crate::bodies::options::{BackwardOptions, ForwardOptions, mix, split};
use crate::simd::Simd;
use crate::words::{CellSpec, Gate, OptionSet, Vector};

/// The reset gate after the recurrent product.
pub(crate) struct Gru;

/// The reset gate before the recurrent product.
pub(crate) struct GruResetBefore;

/// The blocks of the weights.
const R: usize = 0;
const Z: usize = 1;
const N: usize = 2;

/// Their options, all of which their bodies take.
const OPTIONS: OptionSet = OptionSet::COMMON.and(OptionSet::GATE_ACTIVATION);

/// What both have in common.
const BOTH: CellSpec = CellSpec {
    family: "GRU",
    layer: "gru",
    gates: &[Gate::opening("r"), Gate::opening("z"), Gate::candidate("n")],
    reads_hidden: true,
    options: OPTIONS,
    fused: OPTIONS,
    // The products of x for r and z, for n; those of h for r and z, for n.
    norm: &[2, 1, 2, 1],
    update_gate: Some(Z),
    activations: [3, 0],
    ..CellSpec::USUAL
};

impl CellBody for Gru {
    const SPEC: CellSpec = CellSpec {
        kind: "gru",
        name: "GRU (reset after)",
        panel: &[Vector::input(N), Vector::both(R), Vector::both(Z), Vector::hidden(N)],
        ..BOTH
    };

    /// r, z = σ(·); n = tanh(n_x + r ⊙ n_h); h' = (1 − z) ⊙ n + z ⊙ h. Leaves n, r, z activated beside n_h. All rows' r and
    /// z come first, as those of an LSTM do.
    #[inline(always)]
    unsafe fn forward<S: Simd>(task: &CellForward) {
        // SAFETY: the caller promises four vectors of gates and `units` states for each row.
        unsafe {
            for m in 0..task.rows {
                let gates = task.gates[m];
                let r = activate_reset_and_update::<S>(gates);
                S::store(gates, candidate::<S>(r, S::load(gates), S::load(gates.add(3 * S::LANES))));
            }
            for m in 0..task.rows {
                let gates = task.gates[m];
                let n = tanh::<S>(S::load(gates));
                S::store(gates, n);
                let z = S::load(gates.add(2 * S::LANES));
                let h = load_units::<S>(task.before[m], task.units);
                store_units::<S>(task.out[m], mixed::<S>(z, n, h), task.units);
            }
        }
    }

    const WHOLE: bool = true;

    /// n before its tanh, and z.
    #[inline(always)]
    unsafe fn open<S: Simd>([n_x, r, z, n_h]: [S::V; 4], _: S::V) -> [S::V; 2] {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe { [candidate::<S>(sigmoid::<S>(r), n_x, n_h), sigmoid::<S>(z)] }
    }

    #[inline(always)]
    unsafe fn close<S: Simd>([n, z]: [S::V; 2], h: S::V) -> S::V {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe { mixed::<S>(z, tanh::<S>(n), h) }
    }

    /// dn, dr, dz from dh; the hidden half of n gets dn ⊙ r; dh ⊙ z passes by the gates.
    #[inline(always)]
    unsafe fn backward<S: Simd>(row: &CellBackward) {
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

    #[inline(always)]
    unsafe fn forward_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
        // SAFETY: as for the forward pass.
        unsafe {
            for m in 0..task.rows {
                let gates = task.gates[m];
                let r = reset_and_update_with::<S>(gates, with);
                S::store(gates, candidate::<S>(r, S::load(gates), S::load(gates.add(3 * S::LANES))));
            }
            for m in 0..task.rows {
                let n = S::load(task.gates[m]);
                finish_with::<S>(task, with, m, n);
            }
        }
    }

    #[inline(always)]
    unsafe fn backward_with<S: Simd>(row: &CellBackward, with: &BackwardOptions) {
        // SAFETY: as for the forward pass.
        unsafe {
            let gates = row.gates;
            let r = S::load(gates.add(S::LANES));
            let n_h = S::load(gates.add(3 * S::LANES));
            let dn = candidate_and_update_back::<S>(row, with);
            let dr = S::mul(S::mul(dn, n_h), with.cell.gate.slope::<S>(r));
            S::store(gates.add(S::LANES), S::flush(dr));
            S::store(gates.add(3 * S::LANES), S::flush(S::mul(dn, r)));
        }
    }
}

impl CellBody for GruResetBefore {
    const SPEC: CellSpec = CellSpec {
        kind: "gru_reset_before",
        name: "GRU (reset before)",
        remark: Some("reset_after=False"),
        panel: &[Vector::input_and_second(N), Vector::both(R), Vector::both(Z)],
        ..BOTH
    };

    /// r, z = σ(·), and r ⊙ h. Leaves r, z activated beside n_x.
    #[inline(always)]
    unsafe fn forward<S: Simd>(task: &CellForward) {
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

    /// `out` holds U_n (r ⊙ h); n = tanh(n_x + that) and h' as ever.
    #[inline(always)]
    unsafe fn second_forward<S: Simd>(task: &CellForward) {
        for m in 0..task.rows {
            // SAFETY: the caller promises three vectors of gates and `units` states for each row.
            unsafe {
                let gates = task.gates[m];
                let n = S::add(S::load(gates), load_units::<S>(task.out[m], task.units));
                let n = tanh::<S>(n);
                S::store(gates, n);
                let z = S::load(gates.add(2 * S::LANES));
                let h = load_units::<S>(task.before[m], task.units);
                store_units::<S>(task.out[m], mixed::<S>(z, n, h), task.units);
            }
        }
    }

    /// dn and dz from dh, in place of n and z; dh ⊙ z passes by the gates.
    #[inline(always)]
    unsafe fn backward<S: Simd>(row: &CellBackward) {
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

    /// dr from the gradient of r ⊙ h, of which d ⊙ r goes on to h.
    #[inline(always)]
    unsafe fn second_backward<S: Simd>(row: &CellBackward) {
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

    #[inline(always)]
    unsafe fn forward_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
        for m in 0..task.rows {
            // SAFETY: as for the forward pass.
            unsafe {
                let r = reset_and_update_with::<S>(task.gates[m], with);
                let h = load_units::<S>(with.seen[m], task.units);
                store_units::<S>(task.out[m], S::flush(S::mul(r, h)), task.units);
            }
        }
    }

    #[inline(always)]
    unsafe fn second_forward_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
        for m in 0..task.rows {
            // SAFETY: as for the forward pass.
            unsafe {
                let n = S::add(S::load(task.gates[m]), load_units::<S>(task.out[m], task.units));
                finish_with::<S>(task, with, m, n);
            }
        }
    }

    #[inline(always)]
    unsafe fn backward_with<S: Simd>(row: &CellBackward, with: &BackwardOptions) {
        // SAFETY: as for the forward pass.
        unsafe {
            candidate_and_update_back::<S>(row, with);
        }
    }

    /// dr from the gradient of r ⊙ (m ⊙ h), of which d ⊙ r ⊙ m goes on to h.
    #[inline(always)]
    unsafe fn second_backward_with<S: Simd>(row: &CellBackward, with: &BackwardOptions) {
        // SAFETY: as for the forward pass.
        unsafe {
            let gates = row.gates;
            let r = S::load(gates.add(S::LANES));
            let d = load_units::<S>(row.d_inner, row.units);
            let seen = load_units::<S>(with.seen, row.units);
            let dr = S::mul(S::mul(d, seen), with.cell.gate.slope::<S>(r));
            S::store(gates.add(S::LANES), S::flush(dr));
            let d = match with.seen_mask.is_null() {
                true => d,
                false => S::mul(d, load_units::<S>(with.seen_mask, row.units)),
            };
            let d_hidden = S::fma(d, r, load_units::<S>(row.d_hidden, row.units));
            store_units::<S>(row.d_hidden, S::flush(d_hidden), row.units);
        }
    }
}

/// n_x + r ⊙ n_h.
#[inline(always)]
unsafe fn candidate<S: Simd>(r: S::V, n_x: S::V, n_h: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe { S::fma(r, n_h, n_x) }
}

/// h' = (1 − z) ⊙ n + z ⊙ h.
#[inline(always)]
unsafe fn mixed<S: Simd>(z: S::V, n: S::V, h: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe { S::flush(S::fma(z, S::sub(h, n), n)) }
}

/// Activates r and z of one row of a panel, and returns r.
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

/// [`activate_reset_and_update`] with options.
#[inline(always)]
unsafe fn reset_and_update_with<S: Simd>(gates: *mut f32, with: &ForwardOptions) -> S::V {
    // SAFETY: the caller promises three vectors of gates.
    unsafe {
        let r = with.cell.gate.value::<S>(S::load(gates.add(S::LANES)));
        let z = with.cell.gate.value::<S>(S::load(gates.add(2 * S::LANES)));
        S::store(gates.add(S::LANES), r);
        S::store(gates.add(2 * S::LANES), z);
        r
    }
}

/// n from its pre-activation, in the first vector of gates, and h' of one row with options.
#[inline(always)]
unsafe fn finish_with<S: Simd>(task: &CellForward, with: &ForwardOptions, m: usize, n: S::V) {
    // SAFETY: the caller promises three vectors of gates and `units` states.
    unsafe {
        let gates = task.gates[m];
        let n = with.cell.candidate.value::<S>(n);
        S::store(gates, n);
        let z = S::load(gates.add(2 * S::LANES));
        let before = task.before[m];
        let h = mixed::<S>(z, n, load_units::<S>(before, task.units));
        let h = mix::<S>(with.cell.zoneout_hidden, with.keep_hidden[m], task.units, before, h);
        store_units::<S>(task.out[m], h, task.units);
    }
}

/// dn and dz from dh with options, in place of n and z, and what of dh passes by the gates; returns dn.
#[inline(always)]
unsafe fn candidate_and_update_back<S: Simd>(row: &CellBackward, with: &BackwardOptions) -> S::V {
    // SAFETY: the caller promises three vectors of gates and `units` states.
    unsafe {
        let (cell, gates) = (with.cell, row.gates);
        let n = S::load(gates);
        let z = S::load(gates.add(2 * S::LANES));
        let h = load_units::<S>(row.before, row.units);
        let dh = d_state::<S>(row.d_out, row.d_hidden, row.units);
        let [passed, dh] = split::<S>(cell.zoneout_hidden, with.keep_hidden, row.units, dh);
        let dn = S::mul(S::mul(dh, S::sub(S::splat(1.0), z)), cell.candidate.slope::<S>(n));
        let dn = S::flush(dn);
        let dz = S::mul(S::mul(dh, S::sub(h, n)), cell.gate.slope::<S>(z));
        S::store(gates, dn);
        S::store(gates.add(2 * S::LANES), S::flush(dz));
        store_units::<S>(row.d_hidden, S::flush(S::fma(dh, z, passed)), row.units);
        dn
    }
}
