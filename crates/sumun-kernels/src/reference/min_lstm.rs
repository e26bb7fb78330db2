//! minLSTM: f = σ(W_f x + b_f), i = σ(W_i x + b_i), n = W_n x + b_n; h' = f / (f + i) ⊙ h + i / (f + i) ⊙ n (Feng et al.
//! 2024, §3.2). Derivation: `docs/derivations/minimal.md`.

use super::minimal::{self, Unit};
use super::run::{Backward, Equations, Forward};
use crate::cells::MinLstm;
use crate::words::Real;

/// Below it, a gate stays at its value there, under 2e-38, as in the fused kernels (`bodies/activation.rs`): a sigmoid that is
/// 0 for both gates would leave no sum to divide by. Two gates that are both below it count as equally open.
const LEAST: f64 = -87.3;

/// σ(a), never 0.
fn gate<F: Real>(a: F) -> F {
    let least = F::from_f64(LEAST);
    if a < least { least.sigmoid() } else { a.sigmoid() }
}

impl Unit<3> for MinLstm {
    fn step<F: Real>([a_f, a_i, n]: [F; 3], h: F) -> ([F; 3], F) {
        let (f, i) = (gate(a_f), gate(a_i));
        ([f, i, n], f / (f + i) * h + i / (f + i) * n)
    }

    fn back<F: Real>([f, i, n]: [F; 3], h: F, d: F) -> ([F; 3], F) {
        let (keep, take) = (f / (f + i), i / (f + i));
        let q = d * (h - n) * keep * take;
        ([q * (F::ONE - f), -q * (F::ONE - i), d * take], d * keep)
    }
}

impl Equations for MinLstm {
    /// f, i, n.
    const KEPT: usize = 3;

    fn forward<F: Real>(run: Forward<F>) {
        minimal::forward::<Self, 3, F>(run);
    }

    fn backward<F: Real>(run: Backward<F>) {
        minimal::backward::<Self, 3, F>(run);
    }
}
