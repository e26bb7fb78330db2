//! A recurrent stack: its weights, its packed weights, and the memory that its calls share.

use std::sync::{Arc, Mutex, PoisonError};

use rand::Rng;
use sumun_kernels::{Path, Prepared, Purpose};

use super::config::{Checkpoints, FirstWeights, RecurrentConfig, WeightKind, full_name};
use super::direction::Buffers;
use super::state::Ranked;
use crate::nn::{Dropout, InputGradient};
use crate::parameters::Id;
use crate::state::{RecurrentState, StateShape};
use crate::{Error, Layout, Parameters, Result};

/// Handles of one layer and direction, in the order of [`WeightKind::ALL`]; None for what it lacks.
pub(super) type Ids = [Option<Id>; WeightKind::ALL.len()];

/// A recurrent stack (PyTorch's `RNN`, `LSTM`, `GRU`). Weights bear PyTorch's names, `{prefix}.weight_ih_l0`,
/// `{prefix}.weight_hh_l0_reverse` …, and are drawn from U(±1/√H) as PyTorch draws them, biases too. An empty prefix adds nothing to the names.
///
/// The path that computes it can be asked for ([`path`](Self::path)); a cell that the fused kernels lack runs
/// on the reference path.
#[derive(Debug)]
pub struct Recurrent {
    pub(super) config: RecurrentConfig,
    pub(super) path: Path,
    pub(super) between: Dropout,
    pub(super) ids: Vec<Ids>,
    pub(super) packs: Mutex<PackCache>,
}

/// Packed weights and memory that calls share.
#[derive(Debug, Default)]
pub(super) struct PackCache {
    prepared: Option<(u64, Arc<Vec<Prepared>>)>,
    pub(super) buffers: Buffers,
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
                for (id, part) in of_direction.iter_mut().zip(WeightKind::ALL) {
                    if let Some(shape) = config.shape_of(part, dims) {
                        let name = format!("{prefix}{dot}{}", full_name(part, layer, direction));
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

    /// What it is made of.
    pub fn config(&self) -> &RecurrentConfig {
        &self.config
    }

    /// The path that computes it.
    pub fn path(&self) -> Path {
        self.path
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, PackCache> {
        // What a panicking call left behind is only memory to be used again.
        self.packs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buffers that calls share, for the time of one call.
    pub(super) fn take_buffers(&self) -> Buffers {
        std::mem::take(&mut self.lock().buffers)
    }

    pub(super) fn put_back(&self, mut buffers: Buffers) {
        let mut packs = self.lock();
        // Another call may have put its own back meanwhile.
        buffers.caches.append(&mut packs.buffers.caches);
        packs.buffers = buffers;
    }

    /// The packed weights of these very parameters: for a backward pass, with or without the gradient of the input, or else
    /// for a forward pass. One after the other packs twice, and never holds both.
    pub(super) fn prepared(&self, p: &Parameters, back: Option<InputGradient>) -> Result<Arc<Vec<Prepared>>> {
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

    /// How many states there are and how wide each is.
    pub(super) fn shape(&self) -> StateShape {
        let [hidden, cell] = self.widths();
        StateShape { count: self.ids.len(), hidden, cell }
    }

    /// The widths of h and of c; 0 where the cell has no c.
    pub(super) fn widths(&self) -> [usize; 2] {
        [self.config.state_features(), self.config.cell_features()]
    }

    /// One layer's and direction's state of the sequences that have steps, by rank.
    pub(super) fn rank(
        &self,
        layout: &Layout,
        state: Option<&RecurrentState>,
        index: usize,
    ) -> Option<Ranked> {
        Some(Ranked::new(self.shape().rank(layout, state?, index), self.widths()))
    }

    pub(super) fn check_state(&self, what: &str, layout: &Layout, state: &RecurrentState) -> Result<()> {
        let [hidden, cell] = self.widths().map(|w| self.ids.len() * layout.sequences() * w);
        if state.hidden.len() == hidden && state.cell.len() == cell {
            return Ok(());
        }
        Err(Error::Shape {
            what: what.into(),
            expected: format!("[{}, {}, {}]", self.ids.len(), layout.sequences(), self.widths()[0]),
            found: format!("{} hidden and {} cell values", state.hidden.len(), state.cell.len()),
        })
    }

    /// Checks that the weights are among these parameters.
    pub(super) fn expect(&self, parameters: &Parameters) -> Result<()> {
        for (index, ids) in self.ids.iter().enumerate() {
            let dims = self.config.dims(index / self.config.directions());
            for (id, part) in ids.iter().zip(WeightKind::ALL) {
                if let (Some(id), Some(shape)) = (id, self.config.shape_of(part, dims)) {
                    parameters.expect(*id, shape.iter().product())?;
                }
            }
        }
        Ok(())
    }
}
