//! What a pass has beside the arrays of a plain cell where the recurrence has options.
//!
//! Most options are of the equations: the cells' bodies take them ([`CellOptions`]) with pointers to the masks and peepholes of
//! each row. Recurrent dropout is of the product: before a step, what the gates see of h is written down, m ⊙ h, and the product is
//! over that. Where each gate has a mask of its own, each has a product of its own, in full vectors of units, whose sums are added
//! to the gates.

use crate::bodies::cell::{CellBackward, CellForward};
use crate::bodies::options::{BackwardOptions, CellOptions, ForwardOptions};
use crate::bodies::tile::MOST_ROWS;
use crate::drivers::geometry::Geometry;
use crate::drivers::norm::{Norm, state_offset};
use crate::words::{Cell, Dims};

/// The arrays of the options of a pass, forwards or backwards.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PassOptions<'a> {
    /// What the bodies are given; None where they are those of the plain cell.
    pub(crate) bodies: Option<&'a CellOptions>,
    /// The rate of zoneout of a projected h, which is mixed after the projection; 0 for none.
    pub(crate) projected_zoneout: f32,
    /// Packed p of i, f and o, `[panel][3][units]`, where there are peepholes.
    pub(crate) peepholes: Array,
    /// The masks of zoneout, `[R, P]` and `[R, H]`; none for the rate.
    pub(crate) keep_hidden: Array,
    pub(crate) keep_cell: Array,
    pub(crate) dropout: Option<Dropout>,
    pub(crate) norm: Option<Norm>,
}

/// Floats that are only read; null for none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Array(pub(crate) *const f32);

impl Default for Array {
    fn default() -> Self {
        Self(std::ptr::null())
    }
}

impl Array {
    /// Of a slice; an empty one is none.
    pub(crate) fn of(values: &[f32]) -> Self {
        Self(if values.is_empty() { std::ptr::null() } else { values.as_ptr() })
    }

    /// From a place on; null where there is none.
    #[inline(always)]
    pub(crate) fn at(self, offset: usize) -> *const f32 {
        if self.0.is_null() { self.0 } else { self.0.wrapping_add(offset) }
    }
}

/// Recurrent dropout of a pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropout {
    /// By rank, `[N, masks, P]`.
    pub(crate) masks: *const f32,
    /// How many masks a sequence has: one for all gates, or one for each.
    pub(crate) count: usize,
    /// What is seen of h, `[masks][rows][P]`: before every row where it is kept, else before each sequence's present step.
    pub(crate) seen: *mut f32,
    pub(crate) rows: usize,
    /// The packed products of the gates one by one, `apart_len` floats each, where there is more than one mask.
    pub(crate) apart: *const f32,
    pub(crate) apart_len: usize,
    /// Memory for the sums of such a product by rank, `[N, H]`; backwards for the gradient of what is seen, `[N, P]`.
    pub(crate) sums: *mut f32,
}

impl Dropout {
    /// The mask of a sequence for a gate, of h's width.
    #[inline(always)]
    pub(crate) fn mask(&self, rank: usize, mask: usize, width: usize) -> *const f32 {
        self.masks.wrapping_add((rank * self.count + mask) * width)
    }

    /// What is seen before a row, or by a rank where it is not kept.
    #[inline(always)]
    pub(crate) fn seen(&self, row: usize, mask: usize, width: usize) -> *mut f32 {
        self.seen.wrapping_add((mask * self.rows + row) * width)
    }

    /// The mask of the gate that is over the second product's operand.
    #[inline(always)]
    fn of_second(&self, cell: Cell) -> usize {
        let gate = || cell.spec().panel.iter().find_map(|vector| vector.second);
        if self.count == 1 { 0 } else { gate().unwrap_or(0) }
    }
}

/// Where the rows of a step are in arrays that have all rows, and in those that may have those of one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionRows {
    /// The first row of the step.
    pub(crate) first: usize,
    /// The first row of the step in [`Dropout::seen`] and [`Norm::values`].
    pub(crate) seen: usize,
}

impl PassOptions<'_> {
    /// What the bodies are given for the rows of `task`; `hidden_before(rank)` is h before the step.
    #[inline(always)]
    pub(crate) fn forward<'b>(
        &self,
        cell: &'b CellOptions,
        geometry: &Geometry,
        rows: OptionRows,
        task: &CellForward,
        hidden_before: impl Fn(usize) -> *const f32,
    ) -> ForwardOptions<'b> {
        let none = [std::ptr::null(); MOST_ROWS];
        let Dims { cell: kind, hidden, .. } = geometry.dims;
        let mut with = ForwardOptions {
            cell,
            peepholes: none,
            hidden_before: none,
            seen: none,
            normed: none,
            keep_hidden: none,
            keep_cell: none,
        };
        for m in 0..task.rows {
            let [rank, panel] = task.places[m].map(|place| place as usize);
            let (unit, row) = (panel * geometry.units, rows.first + rank);
            with.peepholes[m] = self.peepholes.at(3 * unit);
            with.hidden_before[m] = hidden_before(rank).wrapping_add(unit);
            with.seen[m] = match &self.dropout {
                Some(dropout) if kind.spec().has_second_product() => {
                    let seen = dropout.seen(rows.seen + rank, dropout.of_second(kind), hidden);
                    seen.cast_const().wrapping_add(unit)
                }
                _ => with.hidden_before[m],
            };
            with.keep_hidden[m] = self.keep_hidden.at(row * hidden + unit);
            with.keep_cell[m] = self.keep_cell.at(row * hidden + unit);
        }
        with
    }

    /// What the bodies are given for one row of a panel, backwards; `peeped` is memory for the products of all rows,
    /// `[R, 3H]`.
    #[inline(always)]
    pub(crate) fn backward<'b>(
        &self,
        cell: &'b CellOptions,
        geometry: &Geometry,
        [row, rank, panel]: [usize; 3],
        task: &CellBackward,
        peeped: *mut f32,
    ) -> BackwardOptions<'b> {
        let Dims { cell: kind, hidden, .. } = geometry.dims;
        let unit = panel * geometry.units;
        let (mut seen, mut seen_mask) = (task.before, std::ptr::null());
        if let Some(dropout) = self.dropout.as_ref().filter(|_| kind.spec().has_second_product()) {
            let mask = dropout.of_second(kind);
            seen = dropout.seen(row, mask, hidden).cast_const().wrapping_add(unit);
            seen_mask = dropout.mask(rank, mask, hidden).wrapping_add(unit);
        }
        let shown =
            |norm: &Norm| norm.shown(geometry.dims, rank).wrapping_add(state_offset(geometry.dims) + unit);
        let normed = self.norm.as_ref().filter(|_| cell.normed);
        BackwardOptions {
            cell,
            normed: normed.map_or(std::ptr::null(), |norm| shown(norm).cast_const()),
            peepholes: self.peepholes.at(3 * unit),
            peeped: peeped.wrapping_add(3 * row * hidden + unit),
            seen,
            seen_mask,
            keep_hidden: self.keep_hidden.at(row * hidden + unit),
            keep_cell: self.keep_cell.at(row * hidden + unit),
        }
    }
}
