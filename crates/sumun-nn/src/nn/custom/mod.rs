//! A user's own cell as a layer: [`CustomCell`] computes one step and its gradients, [`Custom`] makes a stack of it, with
//! everything that the library's own stacks have: two directions, merges, dropout, masks and lengths, states in and out.
//!
//! It is for cells that the library lacks: what [`Recurrent`](super::Recurrent) computes is faster there. Steps follow
//! each other on one thread, all running sequences of a step at once. `examples/own_cell.rs` trains a minimal gated unit;
//! [`check_step`] holds a step's backward against its differences. In a model, also one from TOML, it is a [`CellLayer`].
//!
//! ```
//! use rand::SeedableRng;
//! use sumun_nn::nn::{
//!     CellWeight, Custom, CustomCell, CustomConfig, Initializer, Layer, Step, StepAfter, StepGradients,
//! };
//! use sumun_nn::{Fill, Layout, Parameters, Result, Rows};
//!
//! /// A leaky sum of the input: h' = a ⊙ h + x, with a decay of its own for every feature.
//! #[derive(Debug)]
//! struct Leaky {
//!     units: usize,
//! }
//!
//! impl CustomCell for Leaky {
//!     fn hidden(&self) -> usize {
//!         self.units
//!     }
//!
//!     fn weights(&self, _input: usize) -> Vec<CellWeight> {
//!         vec![CellWeight::new("decay", &[self.units], Initializer::Constant { value: 0.5 })]
//!     }
//!
//!     fn step(&self, weights: &[&[f32]], at: Step<'_>, after: StepAfter<'_>) -> Result<()> {
//!         for k in 0..after.hidden.len() {
//!             after.hidden[k] = weights[0][k % self.units] * at.hidden[k] + at.x[k];
//!         }
//!         Ok(())
//!     }
//!
//!     fn step_backward(
//!         &self,
//!         weights: &[&[f32]],
//!         at: Step<'_>,
//!         _saved: &[f32],
//!         d_hidden: &[f32],
//!         _d_cell: &[f32],
//!         into: StepGradients<'_>,
//!     ) -> Result<()> {
//!         for (k, d) in d_hidden.iter().enumerate() {
//!             into.x[k] += d;
//!             into.hidden[k] += weights[0][k % self.units] * d;
//!             into.weights[0][k % self.units] += at.hidden[k] * d;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let mut parameters = Parameters::new();
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
//! let config = CustomConfig { layers: 2, ..CustomConfig::new(1) };
//! let leaky = Custom::new(Leaky { units: 1 }, config, &mut parameters, "leaky", &mut rng)?;
//! assert_eq!(parameters.entries()[1].name, "leaky.decay_l1");
//! // One sequence of four steps, the third of which is masked.
//! let layout = Layout::masked(&[true, true, false, true], 1, 4, Fill::Repeat)?;
//! let y = leaky.forward(&parameters, Rows::pack(&[1.0, 0.0, 9.0, 0.0], 1, layout)?)?;
//! assert_eq!(y.unpack(), [1.0, 1.0, 1.0, 0.75]);
//! # Ok::<(), sumun_nn::Error>(())
//! ```

mod cell;
mod cells;
mod check;
mod config;
mod pass;
mod spec;
#[cfg(test)]
mod tests;

use rand::Rng;

use super::stack::{Stack, StackCache};
use crate::{Parameters, Result};

pub use cell::{CellWeight, CustomCell, Step, StepAfter, StepGradients};
pub use cells::CustomCells;
pub use check::check_step;
pub use config::CustomConfig;
pub use pass::CustomTape;
pub use spec::{CellLayer, NamedCell};

/// A stack of a user's cells. Weights are named `{prefix}.{name}_l{layer}`, with `_reverse` in the second direction;
/// an empty prefix adds nothing.
pub type Custom<C> = Stack<CustomCells<C>>;

/// What [`Custom::backward`](super::Layer::backward) needs.
pub type CustomCache = StackCache<CustomTape>;

impl<C: CustomCell> Custom<C> {
    /// Adds the stack's weights to `parameters`. Sizes of 0, a dropout outside 0 ≤ p < 1, a merge of one direction and
    /// two weights of one name are errors.
    pub fn new<R: Rng + ?Sized>(
        cell: C,
        config: CustomConfig,
        parameters: &mut Parameters,
        prefix: &str,
        rng: &mut R,
    ) -> Result<Self> {
        config.check(&cell)?;
        let dot = if prefix.is_empty() { "" } else { "." };
        let mut ids = vec![Vec::new(); config.layers * config.directions()];
        for (index, name, CellWeight { shape, first, .. }) in config.weights(&cell) {
            let draw = || first.values(&shape, rng);
            let id = parameters.add_drawn(format!("{prefix}{dot}{name}"), &shape, draw)?;
            ids[index].push((id, parameters.entry(id).range.len()));
        }
        Stack::of(CustomCells { cell, config, ids })
    }

    /// The cell.
    pub fn cell(&self) -> &C {
        &self.cells.cell
    }

    /// What the stack is made of.
    pub fn config(&self) -> &CustomConfig {
        &self.cells.config
    }
}
