//! What flows from one layer to the next.

use std::fmt;

/// The shape of what an input or a layer passes on, without N and T, which differ from batch to batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// `[N, T]` ids below a vocabulary of so many.
    Ids(usize),
    /// `[N, T, F]`: a row of so many features at every step.
    Steps(usize),
    /// `[N, F]`: one row of so many features for each sequence.
    Once(usize),
}

impl Signal {
    /// F: features of a row; None of ids.
    pub fn features(self) -> Option<usize> {
        match self {
            Self::Ids(_) => None,
            Self::Steps(features) | Self::Once(features) => Some(features),
        }
    }

    /// Rows of another width where there were rows before: steps stay steps.
    pub fn with(self, features: usize) -> Self {
        match self {
            Self::Once(_) => Self::Once(features),
            Self::Ids(_) | Self::Steps(_) => Self::Steps(features),
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ids(_) => write!(f, "ids [N, T]"),
            Self::Steps(features) => write!(f, "[N, T, {features}]"),
            Self::Once(features) => write!(f, "[N, {features}]"),
        }
    }
}
