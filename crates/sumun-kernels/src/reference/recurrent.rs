//! The product of the former hidden state with `weight_hh`, gate by gate, through the masks of recurrent dropout:
//! a_g = U_g (m_g ⊙ h), where m is 1 without masks.

use super::linear::{add_input_gradient, add_weight_gradient, affine};
use super::run::row;
use crate::words::Real;

/// The former hidden state of one sequence, with the masks of each gate.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a, F> {
    pub(super) h: &'a [F],
    /// This sequence's masks: one for all gates, one for each, or none.
    pub(super) masks: &'a [F],
}

impl<'a, F: Real> Seen<'a, F> {
    /// Of the sequence of rank `n`; `masks` are those of all `sequences`.
    pub(super) fn new(h: &'a [F], masks: &'a [F], n: usize, sequences: usize) -> Self {
        Self { h, masks: row(masks, n, masks.len() / sequences) }
    }

    /// The factor of unit `j` of h in the product of gate `gate`.
    fn factor(&self, gate: usize, j: usize) -> F {
        let one_for_all = self.masks.len() == self.h.len();
        self.masks[if one_for_all { j } else { gate * self.h.len() + j }]
    }

    /// m_g ⊙ h; `buffer` is memory for it.
    pub(super) fn by<'b>(&self, gate: usize, buffer: &'b mut Vec<F>) -> &'b [F]
    where
        'a: 'b,
    {
        if self.masks.is_empty() {
            return self.h;
        }
        buffer.clear();
        buffer.extend((0..self.h.len()).map(|j| self.factor(gate, j) * self.h[j]));
        buffer
    }

    /// d_h += m_g ⊙ `d_seen`: the gradient of h from that of m_g ⊙ h.
    pub(super) fn add_gradient(&self, gate: usize, d_seen: &[F], d_h: &mut [F]) {
        for j in 0..d_h.len() {
            d_h[j] += if self.masks.is_empty() { d_seen[j] } else { self.factor(gate, j) * d_seen[j] };
        }
    }

    /// `out` = U (m ⊙ h) + `bias` for the gates 0, 1, … whose blocks `out` holds, `units` wide each.
    pub(super) fn product(&self, weight: &[F], bias: &[F], units: usize, out: &mut [F]) {
        let mut buffer = Vec::new();
        for (gate, out) in out.chunks_exact_mut(units).enumerate() {
            let weight = row(weight, gate, units * self.h.len());
            let bias = if bias.is_empty() { bias } else { row(bias, gate, units) };
            affine(weight, bias, self.by(gate, &mut buffer), out);
        }
    }

    /// The gradients of [`product`](Self::product): `d_h` += Σ m_g ⊙ U_gᵀ d_a_g, `d_weight` += d_a (m ⊙ h)ᵀ.
    pub(super) fn product_gradients(
        &self,
        weight: &[F],
        units: usize,
        d_a: &[F],
        d_h: &mut [F],
        d_weight: &mut [F],
    ) {
        if self.masks.is_empty() {
            add_input_gradient(weight, d_a, d_h);
            return add_weight_gradient(d_a, self.h, d_weight);
        }
        let (mut buffer, mut d_seen) = (Vec::new(), vec![F::ZERO; self.h.len()]);
        let block = units * self.h.len();
        for (gate, d_a) in d_a.chunks_exact(units).enumerate() {
            d_seen.fill(F::ZERO);
            add_input_gradient(row(weight, gate, block), d_a, &mut d_seen);
            self.add_gradient(gate, &d_seen, d_h);
            add_weight_gradient(d_a, self.by(gate, &mut buffer), &mut d_weight[gate * block..][..block]);
        }
    }
}
