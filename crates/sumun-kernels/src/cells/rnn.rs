//! The plain recurrent cell: h' = φ(W x + b_ih + U h + b_hh) (Elman 1990), φ the tanh or the rectifier.
//!
//! It has one gate, and a panel is four vectors of units.

use crate::bodies::activation::tanh;
use crate::bodies::cell::{CellBackward, CellBody, CellForward, d_state, load_units, store_units};
use crate::bodies::options::{BackwardOptions, ForwardOptions, mix, split};
use crate::simd::Simd;
use crate::words::{ActivationFunction, CellSpec, Gate, OptionSet, Vector};

/// φ = tanh.
pub(crate) struct RnnTanh;

/// φ = max(0, ·).
pub(crate) struct RnnRelu;

/// What both have in common.
const BOTH: CellSpec = CellSpec {
    family: "RNN",
    layer: "rnn",
    gates: &[Gate::candidate("h")],
    traced: false,
    panel: &[Vector::both(0)],
    spread: 4,
    options: OptionSet::COMMON,
    fused: OptionSet::COMMON,
    // The sum of both products.
    norm: &[1],
    activations: [1, 0],
    ..CellSpec::USUAL
};

impl CellBody for RnnTanh {
    const SPEC: CellSpec = CellSpec { kind: "rnn", aliases: &["rnn_tanh"], name: "RNN (tanh)", ..BOTH };

    #[inline(always)]
    unsafe fn forward<S: Simd>(task: &CellForward) {
        // SAFETY: the caller's promises.
        unsafe { forward::<S, false>(task) }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd>(row: &CellBackward) {
        // SAFETY: the caller's promises.
        unsafe { backward::<S, false>(row) }
    }

    const WHOLE: bool = true;

    #[inline(always)]
    unsafe fn open<S: Simd>([a, ..]: [S::V; 4], _: S::V) -> [S::V; 2] {
        [a; 2]
    }

    #[inline(always)]
    unsafe fn close<S: Simd>([a, _]: [S::V; 2], _: S::V) -> S::V {
        // SAFETY: the caller's promises.
        unsafe { activated::<S, false>(a) }
    }

    #[inline(always)]
    unsafe fn forward_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
        // SAFETY: the caller's promises.
        unsafe { forward_with::<S>(task, with) }
    }

    #[inline(always)]
    unsafe fn backward_with<S: Simd>(row: &CellBackward, with: &BackwardOptions) {
        // SAFETY: the caller's promises.
        unsafe { backward_with::<S>(row, with) }
    }
}

impl CellBody for RnnRelu {
    const SPEC: CellSpec = CellSpec {
        kind: "rnn_relu",
        name: "RNN (relu)",
        remark: Some("nonlinearity=relu"),
        candidate: ActivationFunction::Relu,
        ..BOTH
    };

    #[inline(always)]
    unsafe fn forward<S: Simd>(task: &CellForward) {
        // SAFETY: the caller's promises.
        unsafe { forward::<S, true>(task) }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd>(row: &CellBackward) {
        // SAFETY: the caller's promises.
        unsafe { backward::<S, true>(row) }
    }

    const WHOLE: bool = true;

    #[inline(always)]
    unsafe fn open<S: Simd>([a, ..]: [S::V; 4], _: S::V) -> [S::V; 2] {
        [a; 2]
    }

    #[inline(always)]
    unsafe fn close<S: Simd>([a, _]: [S::V; 2], _: S::V) -> S::V {
        // SAFETY: the caller's promises.
        unsafe { activated::<S, true>(a) }
    }

    #[inline(always)]
    unsafe fn forward_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
        // SAFETY: the caller's promises.
        unsafe { forward_with::<S>(task, with) }
    }

    #[inline(always)]
    unsafe fn backward_with<S: Simd>(row: &CellBackward, with: &BackwardOptions) {
        // SAFETY: the caller's promises.
        unsafe { backward_with::<S>(row, with) }
    }
}

/// h' = φ(·), over up to four vectors of units.
#[inline(always)]
unsafe fn forward<S: Simd, const RELU: bool>(task: &CellForward) {
    for m in 0..task.rows {
        for unit in (0..task.units).step_by(S::LANES) {
            // SAFETY: the caller promises the pre-activations, rounded up to vectors, and `units` states.
            unsafe {
                let h = activated::<S, RELU>(S::load(task.gates[m].add(unit)));
                let units = (task.units - unit).min(S::LANES);
                store_units::<S>(task.out[m].add(unit), h, units);
            }
        }
    }
}

/// φ(·) of one vector.
#[inline(always)]
unsafe fn activated<S: Simd, const RELU: bool>(a: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        S::flush(match RELU {
            false => tanh::<S>(a),
            true => S::relu(a),
        })
    }
}

/// dh ⊙ φ'(·), from the output of φ.
#[inline(always)]
unsafe fn backward<S: Simd, const RELU: bool>(row: &CellBackward) {
    for unit in (0..row.units).step_by(S::LANES) {
        // SAFETY: the caller promises `units` gates, rounded up to vectors, and `units` states.
        unsafe {
            let units = (row.units - unit).min(S::LANES);
            let h = load_units::<S>(row.after.add(unit), units);
            let d_out = if row.d_out.is_null() { row.d_out } else { row.d_out.add(unit) };
            let dh = d_state::<S>(d_out, row.d_hidden.add(unit), units);
            let d = match RELU {
                false => S::mul(dh, S::fnma(h, h, S::splat(1.0))),
                // h > 0 exactly where the pre-activation is, which −h < 0 tests.
                true => S::if_negative(S::sub(S::splat(0.0), h), dh, S::splat(0.0)),
            };
            S::store(row.gates.add(unit), S::flush(d));
        }
    }
}

/// h' = φ(·) with options: φ is whatever it was given, and some units keep their value. Leaves φ(·) in place of the
/// pre-activations.
#[inline(always)]
unsafe fn forward_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
    for m in 0..task.rows {
        for unit in (0..task.units).step_by(S::LANES) {
            // SAFETY: as for `forward`; masks are null or have `units` numbers.
            unsafe {
                let gates = task.gates[m].add(unit);
                let h = S::flush(with.cell.candidate.value::<S>(S::load(gates)));
                S::store(gates, h);
                let units = (task.units - unit).min(S::LANES);
                let keep = with.keep_hidden[m];
                let keep = if keep.is_null() { keep } else { keep.add(unit) };
                let h = mix::<S>(with.cell.zoneout_hidden, keep, units, task.before[m].add(unit), h);
                store_units::<S>(task.out[m].add(unit), h, units);
            }
        }
    }
}

/// [`backward`] with options, from what [`forward_with`] left.
#[inline(always)]
unsafe fn backward_with<S: Simd>(row: &CellBackward, with: &BackwardOptions) {
    for unit in (0..row.units).step_by(S::LANES) {
        // SAFETY: as for `backward`; masks are null or have `units` numbers.
        unsafe {
            let units = (row.units - unit).min(S::LANES);
            let h = S::load(row.gates.add(unit));
            let d_out = if row.d_out.is_null() { row.d_out } else { row.d_out.add(unit) };
            let dh = d_state::<S>(d_out, row.d_hidden.add(unit), units);
            let keep = if with.keep_hidden.is_null() { with.keep_hidden } else { with.keep_hidden.add(unit) };
            let [passed, dh] = split::<S>(with.cell.zoneout_hidden, keep, units, dh);
            if with.cell.zoneout_hidden != 0.0 {
                store_units::<S>(row.d_hidden.add(unit), S::flush(passed), units);
            }
            S::store(row.gates.add(unit), S::flush(S::mul(dh, with.cell.candidate.slope::<S>(h))));
        }
    }
}
