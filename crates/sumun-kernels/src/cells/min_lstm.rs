//! minLSTM: f = σ(W_f x + b_f), i = σ(W_i x + b_i), n = W_h x + b_h; with f' = f / (f + i) and i' = i / (f + i),
//! h' = f' ⊙ h + i' ⊙ n (Feng, Tung, Ahmed, Bengio & Hajimirsadeghi, "Were RNNs all we needed?", 2024, §3.2). Its gates come
//! from x alone, so there is no `weight_hh`, and its one state is h.
//!
//! A row of a panel is f, i, n.

use crate::bodies::activation::sigmoid;
use crate::bodies::cell::{CellBackward, CellBody, CellForward, d_state, load_units, store_units};
use crate::simd::Simd;
use crate::words::{ActivationFunction, CellSpec, Gate, Recurrence, Vector};

/// The cell of this file.
pub(crate) struct MinLstm;

impl CellBody for MinLstm {
    const SPEC: CellSpec = CellSpec {
        kind: "min_lstm",
        name: "minLSTM",
        family: "minLSTM",
        layer: "min_lstm",
        gates: &[Gate::opening("f"), Gate::opening("i"), Gate::candidate("n")],
        candidate: ActivationFunction::Linear,
        recurrence: Recurrence::None,
        second_bias: false,
        panel: &[Vector::input(0), Vector::input(1), Vector::input(2)],
        reads_hidden: true,
        forget_gate: Some(0),
        activations: [2, 0],
        in_libraries: false,
        ..CellSpec::USUAL
    };

    #[inline(always)]
    unsafe fn forward<S: Simd>(task: &CellForward) {
        for m in 0..task.rows {
            // SAFETY: the caller promises three vectors of gates and `units` states for each row.
            unsafe {
                let gate = |n: usize| task.gates[m].add(n * S::LANES);
                let f = sigmoid::<S>(S::load(gate(0)));
                let i = sigmoid::<S>(S::load(gate(1)));
                let n = S::load(gate(2));
                S::store(gate(0), f);
                S::store(gate(1), i);
                S::store(gate(2), n);
                let take = S::div(i, S::add(f, i));
                let h = load_units::<S>(task.before[m], task.units);
                store_units::<S>(task.out[m], S::flush(S::fma(take, S::sub(n, h), h)), task.units);
            }
        }
    }

    /// With dh the gradient of h' and q = dh ⊙ (h − n) ⊙ f' ⊙ i': the pre-activation of f gets q ⊙ (1 − f), that of i
    /// −q ⊙ (1 − i), n dh ⊙ i', and dh ⊙ f' passes on to h.
    #[inline(always)]
    unsafe fn backward<S: Simd>(row: &CellBackward) {
        // SAFETY: as for forward.
        unsafe {
            let one = S::splat(1.0);
            let gate = |n: usize| row.gates.add(n * S::LANES);
            let f = S::load(gate(0));
            let i = S::load(gate(1));
            let n = S::load(gate(2));
            let h = load_units::<S>(row.before, row.units);
            let dh = d_state::<S>(row.d_out, row.d_hidden, row.units);
            let sum = S::add(f, i);
            let (keep, take) = (S::div(f, sum), S::div(i, sum));
            let q = S::mul(S::mul(dh, S::sub(h, n)), S::mul(keep, take));
            S::store(gate(0), S::flush(S::mul(q, S::sub(one, f))));
            S::store(gate(1), S::flush(S::mul(q, S::sub(i, one))));
            S::store(gate(2), S::flush(S::mul(dh, take)));
            store_units::<S>(row.d_hidden, S::flush(S::mul(dh, keep)), row.units);
        }
    }
}
