//! What a stack is called for: forward, with training, and backward.

use sumun_kernels::{Path, Precision};

use super::by_step::StateGradients;
use super::cache::StackCache;
use super::cells::{Cells, Keep};
use crate::nn::{Dropout, InputGradient, Layer};
use crate::noise::Noise;
use crate::state::RecurrentState;
use crate::{Parameters, Result, Rows};

/// A stack of recurrent layers in one direction or two, whose cells are the library's
/// ([`Recurrent`](crate::nn::Recurrent)) or of a user ([`Custom`](crate::nn::Custom)).
#[derive(Debug)]
pub struct Stack<C> {
    pub(in crate::nn) cells: C,
    /// Dropout between layers.
    pub(super) between: Dropout,
}

impl<C: Cells> Stack<C> {
    /// The stack of these cells.
    pub(in crate::nn) fn of(cells: C) -> Result<Self> {
        Ok(Self { between: Dropout::new(cells.arrangement().dropout)?, cells })
    }

    /// Features of the output: D·H where two directions are side by side, else H (P with a projection).
    pub fn output_features(&self) -> usize {
        self.cells.arrangement().output_features()
    }

    /// The output and the final states, from given initial states or zeros, `[L·D, N, H]` in the caller's order. A
    /// sequence without a step keeps its state.
    pub fn forward_with_state(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
    ) -> Result<(Rows, RecurrentState)> {
        let (out, state, _) = self.run(parameters, x, initial, Keep::Nothing)?;
        Ok((out, state))
    }

    /// As [`forward_with_state`](Self::forward_with_state), keeping what backward needs. Dropout draws from `noise`.
    pub fn forward_train_with_state(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
        noise: Noise,
    ) -> Result<(Rows, RecurrentState, StackCache<C::Tape>)> {
        let (out, state, layers) = self.run(parameters, x, initial, Keep::Training(noise))?;
        let last = state.clone();
        Ok((out, state, StackCache { version: parameters.version(), noise, last, layers }))
    }

    /// Adds to the gradients of the weights and returns that of the input, where it is wanted, and that of the
    /// initial states. `d_state` is the gradient of the final states. Parameters that changed since are an error.
    pub fn backward_with_state(
        &self,
        parameters: &mut Parameters,
        cache: StackCache<C::Tape>,
        d_out: Rows,
        d_state: Option<&RecurrentState>,
        wanted: InputGradient,
    ) -> Result<(Option<Rows>, RecurrentState)> {
        self.back(parameters, cache, d_out, d_state, wanted, None)
    }

    /// As [`backward_with_state`](Self::backward_with_state), and the gradient of the state after every step of every
    /// layer and direction, layer by layer, forward direction first. Not asked for, it costs nothing.
    pub fn backward_by_step(
        &self,
        parameters: &mut Parameters,
        cache: StackCache<C::Tape>,
        d_out: Rows,
        d_state: Option<&RecurrentState>,
        wanted: InputGradient,
    ) -> Result<(Option<Rows>, RecurrentState, Vec<StateGradients>)> {
        let mut by_step = Vec::new();
        let (d_x, d_initial) = self.back(parameters, cache, d_out, d_state, wanted, Some(&mut by_step))?;
        by_step.sort_by_key(|gradients| (gradients.layer, gradients.direction));
        Ok((d_x, d_initial, by_step))
    }
}

impl<C: Cells> Layer for Stack<C> {
    type Cache = StackCache<C::Tape>;

    fn path(&self) -> Option<Path> {
        self.cells.path()
    }

    fn set_path(&mut self, path: Path) -> Result<()> {
        self.cells.set_path(path)
    }

    fn set_precision(&mut self, precision: Precision) -> Result<()> {
        self.cells.set_precision(precision)
    }

    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        Ok(self.forward_with_state(parameters, x, None)?.0)
    }

    fn forward_train(&self, parameters: &Parameters, x: Rows, noise: Noise) -> Result<(Rows, Self::Cache)> {
        let (out, _, cache) = self.forward_train_with_state(parameters, x, None, noise)?;
        Ok((out, cache))
    }

    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: Self::Cache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        Ok(self.backward_with_state(parameters, cache, d_out, None, wanted)?.0)
    }
}
