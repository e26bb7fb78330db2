//! The cells, one file each: what is to be known of it ([`CellSpec`]), and its bodies ([`CellBody`]), forward and backward.
//!
//! To add one, write its file here and its equations in [`reference`](crate::reference), and name it in [`for_each_cell`]:
//! the tables of compiled bodies and of equations, and everything that lists all cells, come from there.

mod gru;
mod ind_rnn;
mod lstm;
mod min_gru;
mod min_lstm;
mod rnn;
mod slstm;

pub(crate) use self::gru::{Gru, GruResetBefore};
pub(crate) use self::ind_rnn::IndRnn;
pub(crate) use self::lstm::Lstm;
pub(crate) use self::min_gru::MinGru;
pub(crate) use self::min_lstm::MinLstm;
pub(crate) use self::rnn::{RnnRelu, RnnTanh};
pub(crate) use self::slstm::SLstm;
use crate::bodies::cell::CellBody;
use crate::words::{ActivationFunction, Cell, CellSpec};

/// Gives every cell, with its documentation, to a macro.
macro_rules! for_each_cell {
    ($then:ident) => {
        $then! {
            /// h' = tanh(W x + b_ih + U h + b_hh) (Elman 1990).
            RnnTanh
            /// h' = max(0, W x + b_ih + U h + b_hh).
            RnnRelu
            /// Blocks i, f, g, o; c' = f ⊙ c + i ⊙ g; h' = o ⊙ tanh(c') (Hochreiter & Schmidhuber 1997, Gers et al. 2000).
            Lstm
            /// Blocks r, z, n; h' = (1 − z) ⊙ n + z ⊙ h (Cho et al. 2014), the reset gate after the recurrent product, as
            /// PyTorch and Keras have it: n = tanh(W_n x + b_in + r ⊙ (W_hn h + b_hn)).
            Gru
            /// A GRU with the reset gate before the product, as Cho et al. 2014 and ONNX have it: n = tanh(W_n x + b_in +
            /// W_hn (r ⊙ h) + b_hn).
            GruResetBefore
            /// h' = max(0, W x + b + u ⊙ h), each unit of which reads only its own state (Li et al. 2018).
            IndRnn
            /// h' = (1 − z) ⊙ h + z ⊙ n, with gates z, n from x only (Feng et al. 2024).
            MinGru
            /// h' = f' ⊙ h + i' ⊙ n, with gates f, i, n from x only and f' + i' = 1 (Feng et al. 2024).
            MinLstm
            /// Blocks i, f, z, o; exponential input gate, normaliser and stabiliser (Beck et al. 2024): see `docs/derivations`.
            SLstm
        }
    };
}
pub(crate) use for_each_cell;

macro_rules! constants {
    ($($(#[$doc:meta])* $name:ident)*) => {
        // They are what the variants of an enumeration would be.
        #[allow(non_upper_case_globals)]
        impl Cell {
            $(
                $(#[$doc])*
                pub const $name: Self = {
                    const SPEC: &CellSpec = &<$name as CellBody>::SPEC;
                    Self::new(SPEC)
                };
            )*

            /// Every cell.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The kind of each.
            pub const KINDS: &[&str] = &[$(Self::$name.spec().kind),*];
        }
    };
}
for_each_cell!(constants);

/// How many other names there are.
const fn aliases() -> usize {
    let (mut count, mut at) = (0, 0);
    while at < Cell::ALL.len() {
        count += Cell::ALL[at].spec().aliases.len();
        at += 1;
    }
    count
}

impl Cell {
    /// The other names by which kinds are read.
    pub const ALIASES: &[&str] = &{
        let mut all = [""; aliases()];
        let (mut count, mut at) = (0, 0);
        while at < Self::ALL.len() {
            let aliases = Self::ALL[at].spec().aliases;
            let mut n = 0;
            while n < aliases.len() {
                all[count] = aliases[n];
                (count, n) = (count + 1, n + 1);
            }
            at += 1;
        }
        all
    };

    /// Where it is in [`ALL`](Self::ALL), and in every table that is made from it.
    pub(crate) fn index(self) -> usize {
        Self::ALL.iter().position(|&cell| cell == self).expect("cells are made only of this list")
    }

    /// The cell of this [kind](CellSpec::kind), or with this other name.
    pub fn named(kind: &str) -> Option<Self> {
        let has = |cell: &Self| cell.spec().kind == kind || cell.spec().aliases.contains(&kind);
        Self::ALL.iter().copied().find(has)
    }

    /// The cell of the same family whose own candidate is this activation function: itself, or a relative. `None` where
    /// there is none.
    pub fn with_candidate(self, function: ActivationFunction) -> Option<Self> {
        let is = |cell: &Self| {
            let (spec, own) = (cell.spec(), self.spec());
            spec.candidate == function && spec.family == own.family
        };
        std::iter::once(self).chain(Self::ALL.iter().copied()).find(is)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Cell {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = String::deserialize(deserializer)?;
        Self::named(&kind).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "no cell is of kind {kind:?}; there are {}",
                Self::KINDS.join(", ")
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Recurrence;

    /// What geometry, drivers and tables rest on.
    #[test]
    fn every_specification_holds_together() {
        let mut names = Vec::new();
        for (index, cell) in Cell::ALL.iter().enumerate() {
            let (spec, name) = (cell.spec(), cell.name());
            assert_eq!(cell.index(), index, "{name}");
            names.extend([spec.kind].iter().chain(spec.aliases).copied());
            for kind in [spec.kind].iter().chain(spec.aliases) {
                assert_eq!(Cell::named(kind), Some(*cell), "{name}");
            }
            assert!(!spec.family.is_empty() && !spec.layer.is_empty() && !name.is_empty(), "{name}");
            assert!(spec.options.contains(spec.fused), "{name}: bodies take what the cell has");
            let gates = spec.gates.len();
            // Each gate is fed by x once, in the first vectors of a panel.
            let inputs: Vec<usize> = spec.panel.iter().map_while(|vector| vector.input).collect();
            let mut sorted = inputs.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..gates), "{name}: {inputs:?}");
            assert!(spec.panel[inputs.len()..].iter().all(|vector| vector.input.is_none()), "{name}");
            // What h feeds is side by side, and with the second product each gate once.
            let from = spec.panel.iter().position(|vector| vector.hidden.is_some()).unwrap_or(0);
            let hidden: Vec<usize> = spec.panel[from..].iter().map_while(|vector| vector.hidden).collect();
            let count = spec.panel.iter().filter(|vector| vector.hidden.is_some()).count();
            assert_eq!(count, hidden.len(), "{name}");
            let second = spec.panel.iter().filter_map(|vector| vector.second);
            let scales: Vec<usize> = spec.panel.iter().filter_map(|vector| vector.scale).collect();
            let mut fed: Vec<usize> = hidden.iter().copied().chain(second).collect();
            fed.sort_unstable();
            let (products, factors) = match spec.recurrence {
                Recurrence::Matrix => (gates, 0),
                Recurrence::Vector => (0, gates),
                Recurrence::None => (0, 0),
            };
            assert!(fed.into_iter().eq(0..products), "{name}");
            assert!(scales.into_iter().eq(0..factors), "{name}");
            assert!(
                spec.reads_hidden || spec.recurrence == Recurrence::Matrix,
                "{name}: nothing carries h on"
            );
            assert!(spec.panel.len() * spec.spread <= 4, "{name}: a panel is at most a tile of four vectors");
            assert!([spec.forget_gate, spec.update_gate].into_iter().flatten().all(|gate| gate < gates));
        }
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "two cells of one name: {names:?}");
    }

    #[test]
    fn relatives_are_found_by_their_candidate() {
        use ActivationFunction::{Relu, Softsign, Tanh};
        assert_eq!(Cell::RnnTanh.with_candidate(Relu), Some(Cell::RnnRelu));
        assert_eq!(Cell::RnnRelu.with_candidate(Tanh), Some(Cell::RnnTanh));
        assert_eq!(Cell::GruResetBefore.with_candidate(Tanh), Some(Cell::GruResetBefore));
        assert_eq!(Cell::Lstm.with_candidate(Relu), None);
        assert_eq!(Cell::RnnTanh.with_candidate(Softsign), None);
    }
}
