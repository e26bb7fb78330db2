//! Recurrent stacks over packed rows: any cell, layers, directions, dropout between layers.

mod by_step;
mod config;
mod direction;
mod inverted;
mod masks;
pub(super) mod merge;
mod pass;
mod pieces;
mod representable;
mod spec;
mod state;
pub(super) mod stream;
#[cfg(test)]
mod tests;
mod trace;

use std::sync::{Arc, Mutex, PoisonError};

use rand::Rng;
use sumun_kernels::{Path, Prepared, Purpose};

use self::config::Part;
use self::direction::Buffers;
use self::pass::{Keep, LayerCache};
use super::{Dropout, InputGradient, Layer};
use crate::noise::Noise;
use crate::parameters::Id;
use crate::{Error, Parameters, Result, Rows};

pub use by_step::StateGradients;
pub(in crate::nn) use config::MOST_LAYERS;
pub use config::{CellKind, FirstWeights, Merge, Output, RecurrentConfig};
pub use pieces::Checkpoints;
pub use representable::Peer;
pub use spec::{Biases, RecurrentLayer};
pub use state::RecurrentState;
pub use stream::{Stream, StreamState};
pub use trace::LayerTrace;

/// Handles of one layer and direction, in the order of [`Part::ALL`]; None for what it lacks.
type Ids = [Option<Id>; Part::ALL.len()];

/// A recurrent stack (PyTorch's `RNN`, `LSTM`, `GRU`). Weights bear PyTorch's names, `{prefix}.weight_ih_l0`,
/// `{prefix}.weight_hh_l0_reverse` …, and are drawn from U(±1/√H) as PyTorch draws them, biases too. An empty prefix adds nothing to the names.
///
/// The path that computes it can be asked for ([`path`](Self::path)); a cell that the fused kernels lack runs
/// on the reference path.
#[derive(Debug)]
pub struct Recurrent {
    config: RecurrentConfig,
    path: Path,
    between: Dropout,
    ids: Vec<Ids>,
    packs: Mutex<PackCache>,
}

/// Packed weights and memory that calls share.
#[derive(Debug, Default)]
struct PackCache {
    prepared: Option<(u64, Arc<Vec<Prepared>>)>,
    buffers: Buffers,
}

/// What [`Recurrent::backward`](Layer::backward) needs.
#[derive(Debug)]
pub struct RecurrentCache {
    version: u64,
    noise: Noise,
    /// The final hidden states, which a product of two directions needs.
    last: RecurrentState,
    layers: Vec<LayerCache>,
}

impl Recurrent {
    /// Adds the stack's weights to `parameters`. Sizes of 0 are errors.
    pub fn new<R: Rng + ?Sized>(
        config: RecurrentConfig,
        parameters: &mut Parameters,
        prefix: &str,
        rng: &mut R,
    ) -> Result<Self> {
        config.check()?;
        for layer in 0..config.layers.min(2) {
            config.dims(layer).check()?;
        }
        let between = Dropout::new(config.dropout)?;
        let first = config.first_weights.unwrap_or(FirstWeights::pytorch(config.hidden));
        let dot = if prefix.is_empty() { "" } else { "." };
        let mut ids = Vec::new();
        for layer in 0..config.layers {
            let dims = config.dims(layer);
            for direction in 0..config.directions() {
                let mut of_direction = Ids::default();
                for (id, part) in of_direction.iter_mut().zip(Part::ALL) {
                    if let Some(shape) = config.shape_of(part, dims) {
                        let name = format!("{prefix}{dot}{}", config::full_name(part, layer, direction));
                        let draw = || first.values(part, &shape, dims.cell, rng);
                        *id = Some(parameters.add_drawn(name, &shape, draw)?);
                    }
                }
                ids.push(of_direction);
            }
        }
        let best = Path::best();
        let path = if best.computes(config.dims(0)) { best } else { Path::Reference };
        Ok(Self { config, path, between, ids, packs: Mutex::default() })
    }

    /// The same stack on another path of the kernels. A path that this processor lacks, or that does not compute
    /// the cell, is an error.
    pub fn on_path(mut self, path: Path) -> Result<Self> {
        Layer::set_path(&mut self, path)?;
        Ok(self)
    }

    /// What it is made of.
    pub fn config(&self) -> &RecurrentConfig {
        &self.config
    }

    /// The path that computes it.
    pub fn path(&self) -> Path {
        self.path
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

    /// Checks that the weights are among these parameters.
    fn expect(&self, parameters: &Parameters) -> Result<()> {
        for (index, ids) in self.ids.iter().enumerate() {
            let dims = self.config.dims(index / self.config.directions());
            for (id, part) in ids.iter().zip(Part::ALL) {
                if let (Some(id), Some(shape)) = (id, self.config.shape_of(part, dims)) {
                    parameters.expect(*id, shape.iter().product())?;
                }
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, PackCache> {
        // What a panicking call left behind is only memory to be used again.
        self.packs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buffers that calls share, for the time of one call.
    fn take_buffers(&self) -> Buffers {
        std::mem::take(&mut self.lock().buffers)
    }

    fn put_back(&self, mut buffers: Buffers) {
        let mut packs = self.lock();
        // Another call may have put its own back meanwhile.
        buffers.caches.append(&mut packs.buffers.caches);
        packs.buffers = buffers;
    }

    /// The packed weights of these very parameters: for a backward pass, with or without the gradient of the input, or else
    /// for a forward pass. One after the other packs twice, and never holds both.
    fn prepared(&self, p: &Parameters, back: Option<InputGradient>) -> Result<Arc<Vec<Prepared>>> {
        let directions = self.config.directions();
        let purpose = |index: usize| {
            let Some(of_first) = back else { return Purpose::Inference };
            let wanted = if index < directions { of_first } else { InputGradient::Needed };
            match self.config.checkpoints {
                Checkpoints::Off => Purpose::Backward(wanted),
                // Backward runs forward again.
                _ => Purpose::Training(wanted),
            }
        };
        let mut packs = self.lock();
        let serve =
            |all: &[Prepared]| all.iter().enumerate().all(|(i, one)| one.purpose().serves(purpose(i)));
        let prepared = match packs.prepared.take() {
            Some((version, all)) if version == p.version() && serve(&all) => all,
            // In the same memory, unless somebody still reads what is there.
            had => Arc::new(match self.expect(p).map(|()| had)?.and_then(|(_, all)| Arc::into_inner(all)) {
                Some(mut all) => {
                    for (i, one) in all.iter_mut().enumerate() {
                        self.with_weights(p, i, |weights| one.update(weights, purpose(i)))?;
                    }
                    all
                }
                None => (0..self.ids.len())
                    .map(|i| {
                        let dims = self.config.dims(i / directions);
                        self.with_weights(p, i, |weights| Prepared::new(dims, weights, self.path, purpose(i)))
                    })
                    .collect::<std::result::Result<_, _>>()?,
            }),
        };
        packs.prepared = Some((p.version(), prepared.clone()));
        Ok(prepared)
    }
}

impl Layer for Recurrent {
    type Cache = RecurrentCache;

    fn path(&self) -> Option<Path> {
        Some(self.path)
    }

    fn set_path(&mut self, path: Path) -> Result<()> {
        if !path.is_available() {
            return Err(sumun_kernels::Error::PathUnavailable { path: path.name() }.into());
        }
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
