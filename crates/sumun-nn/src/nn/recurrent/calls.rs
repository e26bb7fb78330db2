//! What a recurrent stack is called for: forward, with training, and backward.

use std::sync::Mutex;

use sumun_kernels::Path;

use super::by_step::StateGradients;
use super::cache::RecurrentCache;
use super::direction::Keep;
use super::stack::Recurrent;
use crate::nn::{InputGradient, Layer};
use crate::noise::Noise;
use crate::state::RecurrentState;
use crate::{Error, Parameters, Result, Rows};

impl Recurrent {
    /// The same stack on another path of the kernels. A path that this processor lacks, or that does not compute
    /// the cell, is an error.
    pub fn on_path(mut self, path: Path) -> Result<Self> {
        Layer::set_path(&mut self, path)?;
        Ok(self)
    }

    /// The answer and the final states, from given initial states or zeros.
    pub fn forward_with_state(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
    ) -> Result<(Rows, RecurrentState)> {
        let (out, state, _) = self.run(parameters, x, initial, Keep::Nothing)?;
        Ok((out, state))
    }

    /// As [`forward_with_state`](Self::forward_with_state), keeping what backward needs.
    pub fn forward_train_with_state(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
        noise: Noise,
    ) -> Result<(Rows, RecurrentState, RecurrentCache)> {
        let (out, state, layers) = self.run(parameters, x, initial, Keep::Training(noise))?;
        let last = state.clone();
        Ok((out, state, RecurrentCache { version: parameters.version(), noise, last, layers }))
    }

    /// Adds to the gradients of the weights and returns that of the input, where it is wanted, and that of the
    /// initial states. `d_state` is the gradient of the final states.
    pub fn backward_with_state(
        &self,
        parameters: &mut Parameters,
        cache: RecurrentCache,
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
        cache: RecurrentCache,
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

impl Layer for Recurrent {
    type Cache = RecurrentCache;

    fn path(&self) -> Option<Path> {
        Some(self.path)
    }

    fn set_path(&mut self, path: Path) -> Result<()> {
        crate::layer::expect_available(path)?;
        let dims = self.config.dims(0);
        if let Some(option) = dims.beyond(path) {
            return Err(Error::Invalid(format!(
                "the {path} path does not compute {} with {option}; use the reference path",
                dims.cell.name()
            )));
        }
        self.path = path;
        self.packs = Mutex::default();
        Ok(())
    }

    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        Ok(self.forward_with_state(parameters, x, None)?.0)
    }

    fn forward_train(
        &self,
        parameters: &Parameters,
        x: Rows,
        noise: Noise,
    ) -> Result<(Rows, RecurrentCache)> {
        let (out, _, cache) = self.forward_train_with_state(parameters, x, None, noise)?;
        Ok((out, cache))
    }

    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: RecurrentCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        Ok(self.backward_with_state(parameters, cache, d_out, None, wanted)?.0)
    }
}
