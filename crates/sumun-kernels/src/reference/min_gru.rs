//! minGRU: z = σ(W_z x + b_z), n = W_n x + b_n, h' = (1 − z) ⊙ h + z ⊙ n (Feng et al. 2024, §3.1). Derivation:
//! `docs/derivations/minimal.md`.

use super::minimal::{self, Unit};
use super::run::{Backward, Equations, Forward};
use crate::cells::MinGru;
use crate::words::Real;

impl Unit<2> for MinGru {
    fn step<F: Real>([a_z, n]: [F; 2], h: F) -> ([F; 2], F) {
        let z = a_z.sigmoid();
        ([z, n], (F::ONE - z) * h + z * n)
    }

    fn back<F: Real>([z, n]: [F; 2], h: F, d: F) -> ([F; 2], F) {
        ([d * (n - h) * z * (F::ONE - z), d * z], d * (F::ONE - z))
    }
}

impl Equations for MinGru {
    /// z, n.
    const KEPT: usize = 2;

    fn forward<F: Real>(run: Forward<F>) {
        minimal::forward::<Self, 2, F>(run);
    }

    fn backward<F: Real>(run: Backward<F>) {
        minimal::backward::<Self, 2, F>(run);
    }
}
