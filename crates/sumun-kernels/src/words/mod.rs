//! The words that every kernel shares: cells, sizes, options, packed steps, rows, weights, states and errors. Nothing here
//! computes, and nothing here knows a floor above.

pub(crate) mod activation;
pub(crate) mod call;
pub(crate) mod cell;
pub(crate) mod dims;
pub(crate) mod error;
pub(crate) mod machine;
pub(crate) mod masks;
pub(crate) mod option_set;
pub(crate) mod options;
pub(crate) mod path;
pub(crate) mod precision;
pub(crate) mod purpose;
pub(crate) mod real;
pub(crate) mod rows;
pub(crate) mod sizes;
pub(crate) mod state;
pub(crate) mod steps;
pub(crate) mod update;
pub(crate) mod weight_kind;
pub(crate) mod weights;

pub use activation::{ActivationFunction, VectorFunction};
pub use call::{Adjoint, Pass, Write};
pub use cell::{Cell, CellSpec, Gate, GateRole, Recurrence, Vector};
pub use dims::Dims;
pub use error::{Error, Sizes};
pub use machine::Machine;
pub use masks::Masks;
pub use option_set::OptionSet;
pub use options::{Options, RecurrentDropout};
pub use path::Path;
pub use precision::Precision;
pub use purpose::{InputGradient, Purpose};
pub use real::Real;
pub use rows::{RowMap, RowsMut, RowsRef};
pub use sizes::MOST_ROWS;
pub use state::{State, StateMut};
pub use steps::Steps;
pub use weight_kind::WeightKind;
pub use weights::{Gradients, Weights};
