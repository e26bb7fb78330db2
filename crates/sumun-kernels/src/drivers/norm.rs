//! Layer normalisation inside a cell: products in rows of all gates, their statistics, and what becomes of them in the panels.
//!
//! Statistics are of all units of a row, so a step has whole rows between its products and its cells: W x and U h are computed as
//! plain rows `[G·H]`, normalised group by group, and added to the biases in the panels; the bodies of the cell go on from there. The
//! state of an LSTM is normalised in front of the output, between two phases of the bodies. Backwards the gradients are taken out of
//! the panels in the same way.

use crate::bodies::norm::{NormBackward, NormRow};
use crate::dispatch::Tuned;
use crate::drivers::geometry::Geometry;
use crate::words::{CellSpec, Dims};

/// The normalisations of a pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Norm {
    pub(crate) gain: *const f32,
    pub(crate) bias: *const f32,
    pub(crate) eps: f32,
    /// The packed products of x and of h: forwards to rows of all gates, backwards from them.
    pub(crate) input: *const f32,
    pub(crate) hidden: *const f32,
    /// x̂ of every group, `[rows][norm_len]`, and s, `[rows][groups]`: of every row where they are kept, else of each rank's present
    /// step. Backwards the gradient of what was normalised takes the place of x̂.
    pub(crate) values: *mut f32,
    pub(crate) scales: *mut f32,
    /// Memory for y of every rank, `[N, norm_len]`.
    pub(crate) shown: *mut f32,
    /// Backwards: memory for the gradients of y and those ⊙ x̂ of every rank, `[N, norm_len]`.
    pub(crate) d_bias: *mut f32,
    pub(crate) d_gain: *mut f32,
    /// What the gradients of the weights, of the bias and of the gain are sums of, of all rows: `[3][norm_len / BLOCK][rows][BLOCK]`.
    /// A sum over rows reads a few columns of each, which would be far apart in whole rows.
    pub(crate) sums: *mut f32,
    pub(crate) rows: usize,
}

/// Columns of [`Norm::sums`] side by side.
pub(crate) const BLOCK: usize = 32;

/// Floats of one part of [`Norm::sums`].
pub(crate) fn sums_len(dims: Dims, rows: usize) -> usize {
    dims.norm_len().next_multiple_of(BLOCK) * rows
}

/// Where a column of a part of [`Norm::sums`] begins.
pub(crate) fn sums_column(dims: Dims, rows: usize, part: usize, column: usize) -> usize {
    part * sums_len(dims, rows) + column / BLOCK * rows * BLOCK + column % BLOCK
}

/// Which groups of a cell are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Of the product of x; of an RNN the sum of both products.
    Input,
    /// Of the product of h before the step.
    Hidden,
    /// Of a second product.
    Second,
    /// Of the state in front of the output.
    State,
}

/// The gates of the product of h before the step: all but those of a second product, which come last.
pub(crate) fn hidden_gates(spec: &CellSpec) -> usize {
    spec.panel.iter().filter(|vector| vector.hidden.is_some()).count()
}

/// Where the values of the products of h are in a row of all values.
pub(crate) fn hidden_offset(dims: Dims) -> usize {
    if dims.cell.spec().normalises_sum() { 0 } else { dims.gate_rows() }
}

/// Where those of a second product are.
pub(crate) fn second_offset(dims: Dims) -> usize {
    hidden_offset(dims) + hidden_gates(dims.cell.spec()) * dims.hidden
}

/// Where those of the state are.
pub(crate) fn state_offset(dims: Dims) -> usize {
    2 * dims.gate_rows()
}

/// The groups of a part: which, where they begin in a row of all values, and how long they are.
fn groups(dims: Dims, part: Part) -> impl Iterator<Item = (usize, usize, usize)> {
    let spec = dims.cell.spec();
    let hidden = dims.hidden;
    let (gates, before) = (spec.gates.len(), hidden_gates(spec));
    let begins = spec.norm.iter().scan(0, |block, &blocks| {
        let first = *block;
        *block += blocks;
        Some((first, blocks))
    });
    let is_in = move |first: usize| match first {
        first if first < gates => part == Part::Input,
        first if first < gates + before => part == Part::Hidden,
        first if first < 2 * gates => part == Part::Second,
        _ => part == Part::State,
    };
    begins
        .enumerate()
        .filter(move |&(_, (first, _))| is_in(first))
        .map(move |(group, (first, blocks))| (group, first * hidden, blocks * hidden))
}

impl Norm {
    /// The values of a row.
    #[inline(always)]
    pub(crate) fn row(&self, dims: Dims, row: usize) -> *mut f32 {
        self.values.wrapping_add(row * dims.norm_len())
    }

    /// y of a rank.
    #[inline(always)]
    pub(crate) fn shown(&self, dims: Dims, rank: usize) -> *mut f32 {
        self.shown.wrapping_add(rank * dims.norm_len())
    }

    /// A group of a row, given by where it begins and how long it is, whose y goes to that of its rank.
    fn task(&self, dims: Dims, (first, len): (usize, usize), row: usize, rank: usize) -> NormRow {
        NormRow {
            len,
            eps: self.eps,
            values: self.row(dims, row).wrapping_add(first),
            gain: self.gain.wrapping_add(first),
            bias: self.bias.wrapping_add(first),
            to: self.shown(dims, rank).wrapping_add(first),
        }
    }

    /// Normalises a part of a row, whose y goes to that of its rank.
    ///
    /// # Safety
    /// The arrays must have the row and the rank, and the kernels be those of an instruction set that the processor has.
    pub(crate) unsafe fn normalise(&self, kernels: &Tuned, dims: Dims, part: Part, row: usize, rank: usize) {
        for (group, first, len) in groups(dims, part) {
            let task = self.task(dims, (first, len), row, rank);
            // SAFETY: the caller's promises.
            unsafe {
                *self.scales.add(row * dims.cell.spec().norm.len() + group) = (kernels.normalise)(&task)
            };
        }
    }

    /// y of the state of a row once more.
    ///
    /// # Safety
    /// As for `normalise`.
    pub(crate) unsafe fn state_again(&self, kernels: &Tuned, dims: Dims, row: usize, rank: usize) {
        for (_, first, len) in groups(dims, Part::State) {
            let task = self.task(dims, (first, len), row, rank);
            // SAFETY: the caller's promises.
            unsafe { (kernels.scale_again)(&task) };
        }
    }

    /// From the gradients of y of a part of a row, in its rank's `d_bias`, to those of what was normalised.
    ///
    /// # Safety
    /// As for `normalise`.
    pub(crate) unsafe fn back(&self, kernels: &Tuned, dims: Dims, part: Part, row: usize, rank: usize) {
        let at = rank * dims.norm_len();
        for (group, first, len) in groups(dims, part) {
            // SAFETY: the caller's promises.
            unsafe {
                (kernels.normalise_back)(&NormBackward {
                    len,
                    scale: *self.scales.add(row * dims.cell.spec().norm.len() + group),
                    values: self.row(dims, row).wrapping_add(first),
                    gain: self.gain.wrapping_add(first),
                    d: self.d_bias.wrapping_add(at + first),
                    d_gain: self.d_gain.wrapping_add(at + first),
                });
            }
        }
    }

    /// Biases and y of both products of a rank in the panels of a row; `gates(panel)` is where these are.
    ///
    /// # Safety
    /// As for `normalise`.
    pub(crate) unsafe fn spread(
        &self,
        kernels: &Tuned,
        geometry: &Geometry,
        bias: *const f32,
        rank: usize,
        gates: impl Fn(usize) -> *mut f32,
    ) {
        let dims = geometry.dims;
        let shown = self.shown(dims, rank).cast_const();
        for panel in 0..geometry.panels {
            let to = gates(panel);
            // SAFETY: the caller's promises; a row of a panel is `width` floats.
            unsafe {
                let width = geometry.width();
                bias.add(panel * width).copy_to_nonoverlapping(to, width);
                for_each_vector(geometry, panel, |column, first, units| {
                    let to = to.add(column);
                    (kernels.add)(to, shown.add(first), to, units);
                });
            }
        }
    }

    /// Keeps the gradients of a row, all of whose parts have gone back, for the sums over rows.
    ///
    /// # Safety
    /// As for `normalise`.
    pub(crate) unsafe fn keep_for_sums(&self, dims: Dims, row: usize, rank: usize) {
        let (len, at) = (dims.norm_len(), rank * dims.norm_len());
        let parts = [self.row(dims, row), self.d_bias.wrapping_add(at), self.d_gain.wrapping_add(at)];
        for (part, from) in parts.into_iter().enumerate() {
            for column in (0..len).step_by(BLOCK) {
                let to = sums_column(dims, self.rows, part, column) + row * BLOCK;
                // SAFETY: the caller's promises.
                unsafe {
                    let count = BLOCK.min(len - column);
                    from.add(column).copy_to_nonoverlapping(self.sums.add(to), count);
                }
            }
        }
    }

    /// The gradients of the pre-activations of a row, out of its panels.
    ///
    /// # Safety
    /// As for `normalise`.
    pub(crate) unsafe fn gather(
        &self,
        geometry: &Geometry,
        rank: usize,
        gates: impl Fn(usize) -> *const f32,
    ) {
        let d = self.d_bias.wrapping_add(rank * geometry.dims.norm_len());
        for panel in 0..geometry.panels {
            let from = gates(panel);
            for_each_vector(geometry, panel, |column, first, units| {
                // SAFETY: the caller's promises.
                unsafe { from.add(column).copy_to_nonoverlapping(d.add(first), units) };
            });
        }
    }
}

/// Every vector of a panel that a product fills, and every product that fills it: its column, where its units are in a row of all
/// values, and how many units there are. Not those of a second product.
fn for_each_vector(geometry: &Geometry, panel: usize, mut run: impl FnMut(usize, usize, usize)) {
    let (dims, spec) = (geometry.dims, geometry.dims.cell.spec());
    let (unit, units) = (panel * geometry.units, geometry.units_in(panel));
    for (vector, filled) in spec.panel.iter().enumerate() {
        let column = vector * geometry.gate_stride(panel);
        if let Some(gate) = filled.input {
            run(column, gate * dims.hidden + unit, units);
        }
        if let Some(gate) = filled.hidden.filter(|_| !spec.normalises_sum()) {
            run(column, hidden_offset(dims) + gate * dims.hidden + unit, units);
        }
    }
}

/// The gradients of a second product's sums of a row, out of its panels.
///
/// # Safety
/// As for [`Norm::gather`].
pub(crate) unsafe fn gather_second(
    norm: &Norm,
    geometry: &Geometry,
    rank: usize,
    gates: impl Fn(usize) -> *const f32,
) {
    let dims = geometry.dims;
    let d = norm.d_bias.wrapping_add(rank * dims.norm_len() + second_offset(dims));
    let vector = dims.cell.spec().panel.iter().position(|vector| vector.second.is_some()).unwrap_or(0);
    for panel in 0..geometry.panels {
        let column = vector * geometry.gate_stride(panel);
        // SAFETY: the caller's promises.
        unsafe {
            let from = gates(panel).add(column);
            from.copy_to_nonoverlapping(d.add(panel * geometry.units), geometry.units_in(panel));
        }
    }
}
