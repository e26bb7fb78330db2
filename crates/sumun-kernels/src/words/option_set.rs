//! Which options a cell has, or its compiled bodies take.

use std::ops::BitOr;

/// A set of the fields of [`Options`](crate::Options).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionSet(u16);

impl OptionSet {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// `projection`.
    pub const PROJECTION: Self = Self(1);
    /// `peepholes`.
    pub const PEEPHOLES: Self = Self(1 << 1);
    /// `coupled`.
    pub const COUPLED: Self = Self(1 << 2);
    /// `clip`.
    pub const CLIP: Self = Self(1 << 3);
    /// `gate_activation`.
    pub const GATE_ACTIVATION: Self = Self(1 << 4);
    /// `candidate_activation`.
    pub const CANDIDATE_ACTIVATION: Self = Self(1 << 5);
    /// `output_activation`.
    pub const OUTPUT_ACTIVATION: Self = Self(1 << 6);
    /// `layer_norm`.
    pub const LAYER_NORM: Self = Self(1 << 7);
    /// `recurrent_dropout`.
    pub const RECURRENT_DROPOUT: Self = Self(1 << 8);
    /// `zoneout_hidden`.
    pub const ZONEOUT_HIDDEN: Self = Self(1 << 9);
    /// `zoneout_cell`.
    pub const ZONEOUT_CELL: Self = Self(1 << 10);

    /// What every cell with a matrix over h and a candidate has.
    pub(crate) const COMMON: Self = Self::CLIP
        .and(Self::CANDIDATE_ACTIVATION)
        .and(Self::LAYER_NORM)
        .and(Self::RECURRENT_DROPOUT)
        .and(Self::ZONEOUT_HIDDEN);

    /// The options of both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of the other's are among them.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for OptionSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}
