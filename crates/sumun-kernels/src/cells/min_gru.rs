//! minGRU: z = σ(W_z x + b_z), n = W_h x + b_h, h' = (1 − z) ⊙ h + z ⊙ n (Feng, Tung, Ahmed, Bengio & Hajimirsadeghi, "Were
//! RNNs all we needed?", 2024, §3.1). Its gates depend on x only, so there is no `weight_hh`.
//!
//! A row of a panel is z, n, without gaps in the last panel.

use crate::bodies::activation::sigmoid;
use crate::bodies::cell::{CellBackward, CellBody, CellForward, d_state, load_units, store_units};
use crate::simd::Simd;
use crate::words::{ActivationFunction, CellSpec, Gate, Recurrence, Vector};

/// The cell of this file.
pub(crate) struct MinGru;

impl CellBody for MinGru {
    const SPEC: CellSpec = CellSpec {
        kind: "min_gru",
        name: "minGRU",
        family: "minGRU",
        layer: "min_gru",
        gates: &[Gate::opening("z"), Gate::candidate("n")],
        candidate: ActivationFunction::Linear,
        recurrence: Recurrence::None,
        second_bias: false,
        panel: &[Vector::input(0), Vector::input(1)],
        reads_hidden: true,
        activations: [1, 0],
        in_libraries: false,
        ..CellSpec::USUAL
    };

    #[inline(always)]
    unsafe fn forward<S: Simd>(task: &CellForward) {
        let stride = task.gate_stride;
        for m in 0..task.rows {
            // SAFETY: the caller promises two gates, `stride` floats each, and `units` states for each row.
            unsafe {
                let gates = task.gates[m];
                let z = sigmoid::<S>(load_units::<S>(gates, stride));
                let n = load_units::<S>(gates.add(stride), stride);
                // In this order: what a vector is longer than its gate belongs to the next.
                S::store(gates, z);
                S::store(gates.add(stride), n);
                let h = load_units::<S>(task.before[m], task.units);
                store_units::<S>(task.out[m], S::flush(S::fma(z, S::sub(n, h), h)), task.units);
            }
        }
    }

    /// With dh the gradient of h': dz = dh ⊙ (n − h), dn = dh ⊙ z, and dh ⊙ (1 − z) passes on to h.
    #[inline(always)]
    unsafe fn backward<S: Simd>(row: &CellBackward) {
        let stride = row.gate_stride;
        // SAFETY: as for forward.
        unsafe {
            let gates = row.gates;
            let z = load_units::<S>(gates, stride);
            let n = load_units::<S>(gates.add(stride), stride);
            let h = load_units::<S>(row.before, row.units);
            let dh = d_state::<S>(row.d_out, row.d_hidden, row.units);
            let keep = S::sub(S::splat(1.0), z);
            let dz = S::mul(S::mul(dh, S::sub(n, h)), S::mul(z, keep));
            S::store(gates, S::flush(dz));
            S::store(gates.add(stride), S::flush(S::mul(dh, z)));
            store_units::<S>(row.d_hidden, S::flush(S::mul(dh, keep)), row.units);
        }
    }
}
