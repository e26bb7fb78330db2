//! Weights in the order the tiles read them.

use crate::bodies::transpose::Transpose;
use crate::dispatch::Kernels;
use crate::drivers::geometry::{Columns, Geometry, Side};
use crate::drivers::threads::{PARALLEL_FLOATS, for_each_of};
use crate::simd::MOST_LANES;
use crate::words::Weights;

impl Geometry {
    /// `weight` `[G·H, K]` as panels `[panel][k][vectors·lanes]`, zeros where there is no unit.
    pub(crate) fn pack_forward(
        &self,
        kernels: &Kernels,
        weight: &[f32],
        k: usize,
        side: Side,
        out: &mut [f32],
    ) {
        let first = self.first_column(side);
        let width = |panel| self.vectors(panel, side) * self.lanes;
        let len = |panel| width(panel) * k;
        for_each_panel(self.panels, len, out, |panel, out| {
            transpose(kernels, weight, k, width(panel), out, |column| {
                self.weight_row(panel, first + column, side)
            });
        });
    }

    /// `weight` `[G·H, K]` as the right-hand side of dG·weight: column panels `[panel of K][gate column][…]`,
    /// gate columns in the order of [`gate_depth`](Self::gate_depth).
    pub(crate) fn pack_backward(&self, weight: &[f32], k: usize, side: Side, out: &mut [f32]) {
        let depth = self.gate_depth(0, side).total();
        let columns = Columns { columns: k, lanes: self.lanes };
        let len = |panel| columns.width(panel) * depth;
        for_each_panel(columns.panels(), len, out, |panel, out| {
            let (first, valid) = (columns.first_column(panel), columns.in_panel(panel));
            let rows = (0..self.panels).flat_map(|gate_panel| self.gates(gate_panel, side));
            let rows = rows.flat_map(|(_, row, count)| row..row + count);
            for (row, out) in rows.zip(out.chunks_exact_mut(columns.width(panel))) {
                out[..valid].copy_from_slice(&weight[row * k + first..][..valid]);
                out[valid..].fill(0.0);
            }
        });
    }

    /// A `weight_hh` of factors of h, `[panel][gate][units]`, zeros where there is no unit.
    pub(crate) fn pack_scales(&self, weight: &[f32], out: &mut [f32]) {
        let (hidden, gates) = (self.dims.hidden, self.scales() / self.units);
        for (block, to) in out.chunks_exact_mut(self.units).enumerate() {
            let (panel, gate) = (block / gates, block % gates);
            let (from, units) = (gate * hidden + panel * self.units, self.units_in(panel));
            to[..units].copy_from_slice(&weight[from..][..units]);
            to[units..].fill(0.0);
        }
    }

    /// What a row of a panel starts from before anything is multiplied: the biases that simply add up, and
    /// for a GRU with the reset after the product the hidden half's own bias. `[panel][width]`.
    pub(crate) fn pack_bias(&self, weights: &Weights<f32>, out: &mut [f32]) {
        for panel in 0..self.panels {
            for column in 0..self.width() {
                let mut sum = 0.0;
                let sides = [
                    (Side::Input, weights.bias_input),
                    (Side::Hidden, weights.bias_hidden),
                    (Side::Second, weights.bias_hidden),
                ];
                for (side, bias) in sides {
                    if let Some(row) = self.weight_row(panel, column, side) {
                        sum += bias.get(row).copied().unwrap_or(0.0);
                    }
                }
                out[panel * self.width() + column] = sum;
            }
        }
    }
}

impl Columns {
    /// `weight` `[columns, K]` packed as the right-hand side of x·weightᵀ.
    pub(crate) fn pack_transposed(self, kernels: &Kernels, weight: &[f32], k: usize, out: &mut [f32]) {
        let len = |panel| self.width(panel) * k;
        for_each_panel(self.panels(), len, out, |panel, out| {
            transpose(kernels, weight, k, self.width(panel), out, |column| {
                (column < self.in_panel(panel)).then_some(self.first_column(panel) + column)
            });
        });
    }

    /// `weight` `[K, columns]` packed as the right-hand side of x·weight.
    pub(crate) fn pack(self, weight: &[f32], k: usize, out: &mut [f32]) {
        let len = |panel| self.width(panel) * k;
        for_each_panel(self.panels(), len, out, |panel, out| {
            let valid = self.in_panel(panel);
            for (row, out) in out.chunks_exact_mut(self.width(panel)).enumerate() {
                let from = row * self.columns + self.first_column(panel);
                out[..valid].copy_from_slice(&weight[from..from + valid]);
                out[valid..].fill(0.0);
            }
        });
    }
}

/// Packs every panel into its part of `out`, `len(panel)` floats one after another; in parallel where it is worth it.
pub(crate) fn for_each_panel(
    panels: usize,
    len: impl Fn(usize) -> usize,
    mut out: &mut [f32],
    pack: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    let parallel = out.len() >= PARALLEL_FLOATS;
    let mut parts = Vec::with_capacity(panels);
    for panel in 0..panels {
        let (part, rest) = out.split_at_mut(len(panel));
        parts.push((panel, part));
        out = rest;
    }
    for_each_of(parts, parallel, |(panel, out)| pack(panel, out));
}

/// `out[k][column] = weight[row(column)][k]`, zeros where there is no row; `width` columns, whole vectors.
fn transpose(
    kernels: &Kernels,
    weight: &[f32],
    k: usize,
    width: usize,
    out: &mut [f32],
    row: impl Fn(usize) -> Option<usize>,
) {
    assert_eq!(out.len(), k * width, "a panel has whole vectors for each k");
    for column in (0..width).step_by(kernels.lanes) {
        let mut rows = [std::ptr::null(); MOST_LANES];
        for (lane, to) in rows.iter_mut().enumerate().take(kernels.lanes) {
            if let Some(row) = row(column + lane) {
                *to = weight[row * k..][..k].as_ptr();
            }
        }
        let to = out.as_mut_ptr().wrapping_add(column);
        // SAFETY: every row has k numbers, and `out` k rows of `width`; the kernels are those of an instruction set that
        // this processor has.
        unsafe { (kernels.transpose)(&Transpose { rows, depth: k, to, stride: width }) };
    }
}
