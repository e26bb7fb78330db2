//! Zoneout: d ⊙ before + (1 − d) ⊙ new, where d is 1 for units that keep their former value (Krueger et al. 2017).

use crate::words::Real;

/// The zoneout of one part of the state: masks `[R, width]`, the rate where there are none, or nothing at all.
#[derive(Clone, Copy)]
pub(super) struct Zoneout<'a, F> {
    rate: F,
    masks: &'a [F],
}

impl<'a, F: Real> Zoneout<'a, F> {
    pub(super) fn new(rate: f64, masks: &'a [F]) -> Self {
        Self { rate: F::from_f64(rate), masks }
    }

    /// d of value `at` of the rows; `None` without zoneout, so that 0 · ∞ cannot arise.
    fn keeps(&self, at: usize) -> Option<F> {
        let d = self.masks.get(at).copied().unwrap_or(self.rate);
        (d != F::ZERO).then_some(d)
    }

    /// Value `at` of the rows after the step.
    pub(super) fn mix(&self, at: usize, before: F, new: F) -> F {
        self.keeps(at).map_or(new, |d| d * before + (F::ONE - d) * new)
    }

    /// The gradients of `before` and of `new` from that of [`mix`](Self::mix).
    pub(super) fn split(&self, at: usize, d_mixed: F) -> (F, F) {
        self.keeps(at).map_or((F::ZERO, d_mixed), |d| (d * d_mixed, (F::ONE - d) * d_mixed))
    }
}
