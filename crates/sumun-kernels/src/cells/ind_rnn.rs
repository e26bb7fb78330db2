//! IndRNN: h' = max(0, W x + b + u ⊙ h), each unit of which reads only its own state (Li, Li, Cook, Zhu & Gao, "Independently
//! recurrent neural network (IndRNN): building a longer and deeper RNN", CVPR 2018, eq. 2). `weight_hh` is u, `[H]`.
//!
//! A panel is two vectors of units, and beside them two for the gradient of u, which backward passes leave there row by row.

use crate::bodies::cell::{CellBackward, CellBody, CellForward, d_state, load_units, store_units};
use crate::bodies::options::{BackwardOptions, ForwardOptions};
use crate::simd::Simd;
use crate::words::{ActivationFunction, CellSpec, Gate, OptionSet, Recurrence, Vector};

/// The cell of this file.
pub(crate) struct IndRnn;

impl CellBody for IndRnn {
    const SPEC: CellSpec = CellSpec {
        kind: "ind_rnn",
        name: "IndRNN",
        family: "IndRNN",
        layer: "ind_rnn",
        gates: &[Gate::candidate("h")],
        traced: false,
        candidate: ActivationFunction::Relu,
        recurrence: Recurrence::Vector,
        second_bias: false,
        panel: &[Vector::input(0), Vector::scale(0)],
        spread: 2,
        reads_hidden: true,
        options: OptionSet::CANDIDATE_ACTIVATION,
        fused: OptionSet::CANDIDATE_ACTIVATION,
        activations: [0, 0],
        in_libraries: false,
        ..CellSpec::USUAL
    };

    #[inline(always)]
    unsafe fn forward<S: Simd>(task: &CellForward) {
        for m in 0..task.rows {
            for unit in (0..task.units).step_by(S::LANES) {
                let units = (task.units - unit).min(S::LANES);
                // SAFETY: the caller promises the gate's share of x and u, rounded up to vectors, and `units` states.
                unsafe {
                    let h = load_units::<S>(task.before[m].add(unit), units);
                    let a = S::fma(S::load(task.scales[m].add(unit)), h, S::load(task.gates[m].add(unit)));
                    store_units::<S>(task.out[m].add(unit), S::flush(S::relu(a)), units);
                }
            }
        }
    }

    /// With dh the gradient of h': da = dh where h' > 0; du = da ⊙ h, and da ⊙ u passes on to h.
    #[inline(always)]
    unsafe fn backward<S: Simd>(row: &CellBackward) {
        for unit in (0..row.units).step_by(S::LANES) {
            let units = (row.units - unit).min(S::LANES);
            // SAFETY: as for forward, and two gates of `gate_stride` floats.
            unsafe {
                let h = load_units::<S>(row.before.add(unit), units);
                let after = load_units::<S>(row.after.add(unit), units);
                let d_out = if row.d_out.is_null() { row.d_out } else { row.d_out.add(unit) };
                let dh = d_state::<S>(d_out, row.d_hidden.add(unit), units);
                let zero = S::splat(0.0);
                // h' > 0 exactly where its argument is, which −h' < 0 tests.
                let da = S::if_negative(S::sub(zero, after), dh, zero);
                S::store(row.gates.add(unit), S::flush(da));
                S::store(row.gates.add(row.gate_stride + unit), S::flush(S::mul(da, h)));
                let d_hidden = S::mul(da, S::load(row.scales.add(unit)));
                store_units::<S>(row.d_hidden.add(unit), S::flush(d_hidden), units);
            }
        }
    }

    /// h' = φ(a) for another φ.
    #[inline(always)]
    unsafe fn forward_with<S: Simd>(task: &CellForward, with: &ForwardOptions) {
        for m in 0..task.rows {
            for unit in (0..task.units).step_by(S::LANES) {
                let units = (task.units - unit).min(S::LANES);
                // SAFETY: as for the forward pass.
                unsafe {
                    let h = load_units::<S>(task.before[m].add(unit), units);
                    let a = S::fma(S::load(task.scales[m].add(unit)), h, S::load(task.gates[m].add(unit)));
                    let h = S::flush(with.cell.candidate.value::<S>(a));
                    store_units::<S>(task.out[m].add(unit), h, units);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn backward_with<S: Simd>(row: &CellBackward, with: &BackwardOptions) {
        for unit in (0..row.units).step_by(S::LANES) {
            let units = (row.units - unit).min(S::LANES);
            // SAFETY: as for the backward pass.
            unsafe {
                let h = load_units::<S>(row.before.add(unit), units);
                let after = load_units::<S>(row.after.add(unit), units);
                let d_out = if row.d_out.is_null() { row.d_out } else { row.d_out.add(unit) };
                let dh = d_state::<S>(d_out, row.d_hidden.add(unit), units);
                let da = S::flush(S::mul(dh, with.cell.candidate.slope::<S>(after)));
                S::store(row.gates.add(unit), da);
                S::store(row.gates.add(row.gate_stride + unit), S::flush(S::mul(da, h)));
                let d_hidden = S::mul(da, S::load(row.scales.add(unit)));
                store_units::<S>(row.d_hidden.add(unit), S::flush(d_hidden), units);
            }
        }
    }
}
