//! sLSTM (Beck, Pöppel, Spanring, Auer, Prudnikova, Kopp, Klambauer, Brandstetter & Hochreiter, "xLSTM: extended long
//! short-term memory", 2024, §2.2, eqs. 8–17): blocks i, f, z, o; an exponential input gate, a normaliser n, and a stabiliser
//! m that keeps exponentials within bounds. Of the paper's variants this is the one with the sigmoid as forget gate, with a
//! full matrix over h and one bias.
//!
//! With the pre-activations ã: m' = max(ã_i, ln σ(ã_f) + m); i = exp(ã_i − m'), f = exp(ln σ(ã_f) + m − m'), z = tanh(ã_z),
//! o = σ(ã_o); c' = f ⊙ c + i ⊙ z; n' = f ⊙ n + i; h' = o ⊙ c' / n'. Where n is 0 nothing is remembered yet: there m' = ã_i,
//! as in the authors' code, and f = 0, so that the first step counts in full whatever its ã_i. (Theirs computes an f that
//! may overflow and multiplies states of 0 with it, which gives the same states.)
//!
//! A row of a panel is i, f, z, o, without gaps in the last panel. The exponentials have no bound, so what is kept, and shown
//! by a trace, of i and f is their pre-activation.

use crate::bodies::activation::{exp, log_sigmoid, sigmoid, tanh};
use crate::bodies::cell::{CellBackward, CellBody, CellForward, d_state, load_units, store_units};
use crate::simd::Simd;
use crate::words::{CellSpec, Gate, Vector};

/// The cell of this file.
pub(crate) struct SLstm;

impl CellBody for SLstm {
    const SPEC: CellSpec = CellSpec {
        kind: "slstm",
        name: "sLSTM",
        family: "sLSTM",
        layer: "slstm",
        gates: &[Gate::opening("i"), Gate::opening("f"), Gate::candidate("z"), Gate::opening("o")],
        second_bias: false,
        panel: &[Vector::both(0), Vector::both(1), Vector::both(2), Vector::both(3)],
        states: &["c", "n", "m"],
        forget_gate: Some(1),
        // Backward passes take the exponentials and the logarithm again.
        activations: [5, 4],
        in_libraries: false,
        ..CellSpec::USUAL
    };

    #[inline(always)]
    unsafe fn forward<S: Simd>(task: &CellForward) {
        let stride = task.gate_stride;
        for m in 0..task.rows {
            // SAFETY: the caller promises four gates, `stride` floats each, and `units` of each state for each row.
            unsafe {
                let gate = |n: usize| task.gates[m].add(n * stride);
                let (a_i, a_f) = (load_units::<S>(gate(0), stride), load_units::<S>(gate(1), stride));
                let z = tanh::<S>(load_units::<S>(gate(2), stride));
                let o = sigmoid::<S>(load_units::<S>(gate(3), stride));
                // In this order: what a vector is longer than its gate belongs to the next.
                S::store(gate(0), a_i);
                S::store(gate(1), a_f);
                S::store(gate(2), z);
                S::store(gate(3), o);
                let state = |k: usize| load_units::<S>(task.before[m].add(k * task.state_stride), task.units);
                let (c, n, m_before) = (state(0), state(1), state(2));
                let now = Stabilised::<S>::new(a_i, a_f, n, m_before);
                let c = S::flush(S::fma(now.f, c, S::mul(now.i, z)));
                let n = S::flush(S::fma(now.f, n, now.i));
                for (k, state) in [c, n, now.m].into_iter().enumerate() {
                    store_units::<S>(task.states[m].add(k * task.state_stride), state, task.units);
                }
                store_units::<S>(task.out[m], S::flush(S::mul(o, S::div(c, n))), task.units);
            }
        }
    }

    /// The steps are in `docs/derivations/slstm.md`.
    #[inline(always)]
    unsafe fn backward<S: Simd>(row: &CellBackward) {
        let stride = row.gate_stride;
        // SAFETY: as for forward.
        unsafe {
            let (zero, one) = (S::splat(0.0), S::splat(1.0));
            let gate = |n: usize| row.gates.add(n * stride);
            let (a_i, a_f) = (load_units::<S>(gate(0), stride), load_units::<S>(gate(1), stride));
            let (z, o) = (load_units::<S>(gate(2), stride), load_units::<S>(gate(3), stride));
            let of =
                |states: *const f32, k: usize| load_units::<S>(states.add(k * row.state_stride), row.units);
            let (c_before, n_before) = (of(row.before, 0), of(row.before, 1));
            let (c, n) = (of(row.after, 0), of(row.after, 1));
            let now = Stabilised::<S>::new(a_i, a_f, n_before, of(row.before, 2));
            let d_states = row.d_cell.cast_const();
            let dh = d_state::<S>(row.d_out, row.d_hidden, row.units);
            let ratio = S::div(c, n);
            let through = S::div(S::mul(dh, o), n);
            let dc = S::flush(S::add(of(d_states, 0), through));
            let dn = S::flush(S::fnma(through, ratio, of(d_states, 1)));
            let d_i = S::mul(S::fma(dc, z, dn), now.i);
            let d_f = S::mul(S::fma(dc, c_before, S::mul(dn, n_before)), now.f);
            let dm = S::sub(S::sub(of(d_states, 2), d_i), d_f);
            // m' is one of two terms, and its gradient goes to that one.
            let from_forget = S::if_negative(now.difference, dm, zero);
            let d_i = S::add(d_i, S::sub(dm, from_forget));
            let d_f = S::add(d_f, from_forget);
            let a_z = S::mul(S::mul(dc, now.i), S::fnma(z, z, one));
            let a_o = S::mul(S::mul(dh, ratio), S::mul(o, S::sub(one, o)));
            S::store(gate(0), S::flush(d_i));
            S::store(gate(1), S::flush(S::mul(d_f, sigmoid::<S>(S::sub(zero, a_f)))));
            S::store(gate(2), S::flush(a_z));
            S::store(gate(3), S::flush(a_o));
            for (k, d) in [S::mul(dc, now.f), S::mul(dn, now.f), d_f].into_iter().enumerate() {
                store_units::<S>(row.d_cell.add(k * row.state_stride), S::flush(d), row.units);
            }
        }
    }
}

/// The stabiliser of a step, and what it makes of the exponential gates.
struct Stabilised<S: Simd> {
    m: S::V,
    i: S::V,
    f: S::V,
    /// Below 0 where m' comes from the forget gate.
    difference: S::V,
}

impl<S: Simd> Stabilised<S> {
    #[inline(always)]
    unsafe fn new(a_i: S::V, a_f: S::V, n: S::V, m: S::V) -> Self {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe {
            let zero = S::splat(0.0);
            // Not above 0: nothing is remembered yet.
            let empty = S::sub(zero, n);
            let kept = S::add(log_sigmoid::<S>(a_f), m);
            let difference = S::if_negative(empty, S::sub(a_i, kept), zero);
            let m = S::if_negative(difference, kept, a_i);
            let f = S::if_negative(empty, S::flush(exp::<S>(S::sub(kept, m))), zero);
            Self { m, i: S::flush(exp::<S>(S::sub(a_i, m))), f, difference }
        }
    }
}
