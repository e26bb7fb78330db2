//! How the units of a recurrence are arranged in panels.
//!
//! A *gate panel* is what one register tile computes: for an LSTM or GRU one vector of hidden units with all
//! gates of those units side by side, for an RNN four vectors of units. Rows of activations are kept panel by
//! panel, `[panel][row][width]`; the cell's specification says what the vectors of a row hold ([`CellSpec::panel`]):
//!
//! | cell | the vectors of a row of a panel | input side | hidden side | second product |
//! |---|---|---|---|---|
//! | RNN | h of units 0.., lanes.., 2·lanes.., 3·lanes.. | all | all | |
//! | LSTM | i, f, g, o; side by side without gaps in the last panel | all | all | |
//! | GRU, reset after | n (its input half), r, z, n's hidden half | the first three | the last three | |
//! | GRU, reset before | n, r, z | all | the last two | the first |

use crate::bodies::tile::Depth;
use crate::words::{CellSpec, Dims, Vector};

/// How the units of a recurrence are arranged in panels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) dims: Dims,
    pub(crate) lanes: usize,
    /// Gate panels in all.
    pub(crate) panels: usize,
    /// Hidden units of a full panel.
    pub(crate) units: usize,
    /// Floats of one row of one panel.
    width: usize,
    /// [`gate_stride`](Self::gate_stride) of the last panel.
    last_stride: usize,
    /// What each side fills.
    sides: [Filled; 4],
    /// How a step may take its input.
    pub(crate) step_tiles: StepTiles,
    /// Whether the panels leave rows `[H]` for a second phase: o ⊙ tanh(c') for the product of a projection, what the cell leaves
    /// if it has such a product itself, c' where that is normalised.
    pub(crate) two_phases: bool,
}

/// Which weights a product is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// `weight_ih`, over x.
    Input,
    /// `weight_hh`, over h.
    Hidden,
    /// The blocks of `weight_hh` that are over what the first phase of a step leaves.
    Second,
    /// A `weight_hh` of factors of h. No product fills its vectors; they are where its gradients are.
    Scale,
}

impl Side {
    /// The gate whose weights fill a vector from this side.
    fn of(self, vector: &Vector) -> Option<usize> {
        match self {
            Side::Input => vector.input,
            Side::Hidden => vector.hidden,
            Side::Second => vector.second,
            Side::Scale => vector.scale,
        }
    }
}

/// The vectors of a row of a panel that a side fills, which are side by side.
#[derive(Debug, Clone, Copy)]
struct Filled {
    /// The first column.
    first: usize,
    /// Gates.
    gates: usize,
    /// Vectors of a full panel, and of the last.
    vectors: [usize; 2],
}

/// How a step may take its input with the product of the state, in one tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepTiles {
    /// Both products fill all vectors.
    Whole,
    /// Of four vectors, the input's product fills the first three and the state's the last three.
    Shifted,
    /// There is no tile for it: the input's product comes first.
    None,
}

impl Geometry {
    pub(crate) fn new(dims: Dims, lanes: usize) -> Self {
        let spec = dims.cell.spec();
        let (gates, units) = (spec.panel.len(), spec.spread * lanes);
        let panels = dims.hidden.div_ceil(units);
        let units_of_last = dims.hidden - panels.saturating_sub(1) * units;
        let filled =
            [Side::Input, Side::Hidden, Side::Second, Side::Scale].map(|side| filled_gates(spec, side));
        // Gates that are all filled alike may be without gaps, in as many whole vectors as they need.
        let alike = filled.iter().all(|&(_, count)| count == 0 || count == gates);
        let narrow = alike && lanes.is_multiple_of(gates) && (gates == 1 || spec.spread == 1);
        // Gates with a product of their own are at the same place in every panel.
        let apart = dims.recurrent_masks() > 1;
        let last_stride = match narrow && !apart {
            true => units_of_last.next_multiple_of(lanes / gates),
            false => units,
        };
        let sides = filled.map(|(first, count)| Filled {
            first: first * units,
            gates: count,
            vectors: [count * spec.spread, (count * last_stride).div_ceil(lanes)],
        });
        let [input, hidden, second, scale] = filled;
        let step_tiles = match (gates * spec.spread, input, hidden, second.1 + scale.1) {
            (_, (0, all), (0, too), 0) if all == gates && too == gates => StepTiles::Whole,
            (4, (0, 3), (1, 3), 0) => StepTiles::Shifted,
            _ => StepTiles::None,
        };
        Self {
            dims,
            lanes,
            panels,
            units,
            width: gates * units,
            last_stride,
            sides,
            step_tiles,
            two_phases: dims.options.projection.is_some()
                || spec.has_second_product()
                || dims.options.layer_norm.is_some() && spec.normalises_state(),
        }
    }

    /// Whether a step has a second product: a projection, or the cell's own.
    pub(crate) fn has_second_product(&self) -> bool {
        self.dims.options.projection.is_some() || self.dims.cell.spec().has_second_product()
    }

    /// Floats of one row of one panel.
    #[inline(always)]
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Hidden units of this panel that exist.
    pub(crate) fn units_in(&self, panel: usize) -> usize {
        self.units.min(self.dims.hidden - panel * self.units)
    }

    /// Floats from one gate of a row of this panel to the next: the units of a full panel, and in the last panel of a cell
    /// whose gates are filled alike only as many as its units need for all gates to be whole vectors. Four units of 100 of an
    /// LSTM take one vector instead of four.
    #[inline(always)]
    pub(crate) fn gate_stride(&self, panel: usize) -> usize {
        if panel + 1 == self.panels { self.last_stride } else { self.units }
    }

    /// Vectors of a panel that a side's weights fill.
    #[inline(always)]
    pub(crate) fn vectors(&self, panel: usize, side: Side) -> usize {
        self.sides[side as usize].vectors[usize::from(panel + 1 == self.panels)]
    }

    /// [`vectors`](Self::vectors) of a panel that is not the last.
    #[inline(always)]
    fn whole_vectors(&self, side: Side) -> usize {
        self.sides[side as usize].vectors[0]
    }

    /// The first column of a side's vectors in a row of a panel.
    #[inline(always)]
    pub(crate) fn first_column(&self, side: Side) -> usize {
        self.sides[side as usize].first
    }

    /// Whether h has a product: the steps of a cell without one are left to its bodies.
    #[inline(always)]
    pub(crate) fn multiplies_hidden(&self) -> bool {
        self.sides[Side::Hidden as usize].gates > 0
    }

    /// Floats of a row of a panel that the product of h fills and that of the input does not, after those that it does: they
    /// start from a bias of their own.
    #[inline(always)]
    pub(crate) fn unfilled_by_input(&self) -> usize {
        let [input, hidden] = [Side::Input, Side::Hidden].map(|side| &self.sides[side as usize]);
        (hidden.first + hidden.gates * self.units).saturating_sub(input.gates * self.units)
    }

    /// Factors of h of a panel: a vector for each gate, or none.
    #[inline(always)]
    pub(crate) fn scales(&self) -> usize {
        self.sides[Side::Scale as usize].gates * self.units
    }

    /// The weight row (PyTorch's order) behind a column of a row of a panel; None for padding, or where the
    /// side has no such column.
    pub(crate) fn weight_row(&self, panel: usize, column: usize, side: Side) -> Option<usize> {
        let (vector, lane) = (column / self.gate_stride(panel), column % self.gate_stride(panel));
        let block = side.of(self.dims.cell.spec().panel.get(vector)?)?;
        let unit = panel * self.units + lane;
        (unit < self.dims.hidden).then_some(block * self.dims.hidden + unit)
    }

    /// The columns of a panel that a side has, gate by gate: the first one, the weight row behind it, and how many follow
    /// one another.
    pub(crate) fn gates(&self, panel: usize, side: Side) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.dims.cell.spec().panel.len()).filter_map(move |gate| {
            let column = gate * self.gate_stride(panel);
            let row = self.weight_row(panel, column, side)?;
            Some((column, row, self.units_in(panel)))
        })
    }

    /// How a product over a side's gates of a row (dG·U or dG·W) runs over K. Only the last panel may have fewer units, of
    /// which it takes no more than there are.
    pub(crate) fn gate_depth(&self, rows: usize, side: Side) -> Depth {
        let (last, gates) = (self.panels - 1, self.sides[side as usize].gates);
        let (units, tail_stride) = (self.units_in(last), self.gate_stride(last));
        let (tails, tail) = if units == tail_stride { (1, gates * units) } else { (gates, units) };
        let (length, stride) = (gates * self.units, rows * self.width());
        Depth { segments: last, length, stride, tails, tail, tail_stride }
    }

    /// The vector of a panel that the product of h for a gate fills, of gates with [products of their own](crate::drivers::options::Dropout).
    pub(crate) fn vector_of(&self, gate: usize) -> Option<usize> {
        self.dims.cell.spec().panel.iter().position(|vector| vector.hidden == Some(gate))
    }

    /// How a product over one such gate of a row runs over K, from its first column on.
    pub(crate) fn one_gate_depth(&self, rows: usize) -> Depth {
        let last = self.panels - 1;
        let (length, stride, tail) = (self.units, rows * self.width(), self.units_in(last));
        Depth { segments: last, length, stride, tails: 1, tail, tail_stride: 0 }
    }

    /// Floats of the packed weights of a side with `k` columns.
    pub(crate) fn packed_len(&self, k: usize, side: Side) -> usize {
        (0..self.panels).map(|p| self.vectors(p, side) * self.lanes * k).sum()
    }

    /// Where a panel begins in packed weights of a side with `k` columns.
    #[inline(always)]
    pub(crate) fn panel_start(&self, panel: usize, k: usize, side: Side) -> usize {
        panel * self.whole_vectors(side) * self.lanes * k
    }

    /// Floats of [`pack_backward`](Self::pack_backward)'s output.
    pub(crate) fn packed_backward_len(&self, k: usize, side: Side) -> usize {
        Columns { columns: k, lanes: self.lanes }.packed_len(self.gate_depth(0, side).total())
    }
}

/// The first vector of a panel that a side fills, and how many it does; they are side by side.
fn filled_gates(spec: &CellSpec, side: Side) -> (usize, usize) {
    let fills = |vector: &Vector| side.of(vector).is_some();
    let first = spec.panel.iter().position(fills).unwrap_or(0);
    (first, spec.panel.iter().filter(|vector| fills(vector)).count())
}

/// Plain columns in panels of up to four vectors: the right-hand side of an ordinary product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) columns: usize,
    pub(crate) lanes: usize,
}

impl Columns {
    fn all_vectors(self) -> usize {
        self.columns.div_ceil(self.lanes)
    }

    pub(crate) fn panels(self) -> usize {
        self.all_vectors().div_ceil(4)
    }

    /// The vectors before a panel. Panels are as alike as can be, since a tile of one vector takes as many loads as
    /// multiply-adds: thirteen vectors are 4, 3, 3, 3.
    fn vectors_before(self, panel: usize) -> usize {
        let (all, panels) = (self.all_vectors(), self.panels());
        panel * (all / panels) + panel.min(all % panels)
    }

    pub(crate) fn vectors(self, panel: usize) -> usize {
        self.vectors_before(panel + 1) - self.vectors_before(panel)
    }

    pub(crate) fn width(self, panel: usize) -> usize {
        self.vectors(panel) * self.lanes
    }

    pub(crate) fn first_column(self, panel: usize) -> usize {
        self.vectors_before(panel) * self.lanes
    }

    /// Columns of a panel that exist.
    pub(crate) fn in_panel(self, panel: usize) -> usize {
        self.columns.min(self.first_column(panel + 1)) - self.first_column(panel)
    }

    pub(crate) fn start(self, panel: usize, depth: usize) -> usize {
        self.first_column(panel) * depth
    }

    pub(crate) fn packed_len(self, depth: usize) -> usize {
        self.all_vectors() * self.lanes * depth
    }
}
