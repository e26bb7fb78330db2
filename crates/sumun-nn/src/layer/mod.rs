//! What a layer is: a configuration that plans and builds it ([`LayerSpec`]), and the built layer ([`Stage`]).
//!
//! A layer that reads rows and returns rows is an implementation of [`Layer`], which [`Through`] makes a stage of; one that
//! reads several sequences, or ids, or has a state, is a stage itself. Either way its configuration says once what it needs:
//! which signals it reads, the names and shapes of its weights, and their penalties. `examples/own_layer.rs` adds a layer
//! from outside the crate.
//!
//! Nothing here knows any layer. Those that the crate has are in [`nn`](crate::nn), a folder each.

mod building;
mod common;
mod planning;
mod signal;
mod spec;
mod stage;
mod stepping;

use sumun_kernels::{InputGradient, Path, Precision};

use crate::noise::Noise;
use crate::{Parameters, Result, Rows};

pub use crate::state::{RecurrentState, StateShape};
pub use building::Building;
pub use common::{Common, Names};
pub(crate) use common::{layer, standard};
pub use planning::MOST_PARAMETERS;
pub(crate) use planning::{Budget, checked_size};
pub use planning::{PlannedWeight, Planning, Read};
pub use signal::Signal;
pub use spec::LayerSpec;
pub use stage::{BackwardCall, Call, InputGradients, Kept, LayerOutput, Stage, Through, Value};
pub(crate) use stage::{only, only_wanted};
pub use stepping::{StepWindow, Stepping};

/// `path` and `set_path` of a layer that computes where its field `path` says, and has packed no weights for it.
macro_rules! computes_on_its_path {
    () => {
        fn path(&self) -> Option<sumun_kernels::Path> {
            Some(self.path)
        }

        fn set_path(&mut self, path: sumun_kernels::Path) -> $crate::Result<()> {
            $crate::error::expect_available(path)?;
            self.path = path;
            Ok(())
        }
    };
}
pub(crate) use computes_on_its_path;

/// A layer from packed rows to packed rows. Its numbers live in the model's [`Parameters`]; the layer knows their ids.
///
/// Gradients are derived by hand: `forward_train` returns a cache and `backward` consumes it.
pub trait Layer: std::fmt::Debug + Send + Sync {
    /// What `forward_train` keeps for `backward`.
    type Cache;

    /// The output; keeps nothing. `x` is `[R, F]`.
    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows>;

    /// The output in training, and what `backward` needs. Random masks come from `noise` alone.
    fn forward_train(&self, parameters: &Parameters, x: Rows, noise: Noise) -> Result<(Rows, Self::Cache)>;

    /// Adds to the parameters' gradients and returns the gradient of the input where it is wanted.
    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: Self::Cache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>>;

    /// How it goes on with sequences whose steps come one by one; None where [`Through`] says so.
    fn stepping(&self) -> Option<Stepping> {
        None
    }

    /// As [`Stage::window`].
    fn window(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        self.forward(parameters, x)
    }

    /// The path of the kernels that computes it; None where there is no choice.
    fn path(&self) -> Option<Path> {
        None
    }

    /// Has another path of the kernels compute it, where there is a choice. A path that the processor lacks, or that does
    /// not compute the layer, is an error.
    fn set_path(&mut self, path: Path) -> Result<()> {
        let _ = path;
        Ok(())
    }

    /// Has the products of its weights be over numbers of a precision, where it has such products; other layers stay as they are.
    /// `path` and `set_path` are then of paths that have them: a layer whose path does not takes the fastest that does.
    fn set_precision(&mut self, precision: Precision) -> Result<()> {
        let _ = precision;
        Ok(())
    }
}
