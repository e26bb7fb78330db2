//! The library's own cells as those of a stack: their weights, their packed weights, and the memory that calls share.

use std::sync::{Arc, Mutex, PoisonError};

use rand::Rng;
use sumun_kernels::{Gradients, Path, Precision, Prepared, Purpose};

use super::config::{Checkpoints, FirstWeights, RecurrentConfig, WeightKind, full_name};
use super::direction::{Buffers, Direction, Tape};
use crate::nn::InputGradient;
use crate::nn::stack::{Arrangement, At, Cells, Columns, DirectionCall, Keep, Ranked, Stack, StackCache};
use crate::parameters::Id;
use crate::{Error, Parameters, Result, Rows};

/// A recurrent stack (PyTorch's `RNN`, `LSTM`, `GRU`). Weights bear PyTorch's names, `{prefix}.weight_ih_l0`,
/// `{prefix}.weight_hh_l0_reverse` …, and are initialised from U(±1/√H) as in PyTorch, biases too. An empty prefix adds
/// nothing to the names.
///
/// The path that computes it can be asked for ([`path`](Stack::path)); a cell that the fused kernels lack runs
/// on the reference path.
pub type Recurrent = Stack<RecurrentCells>;

/// What [`Recurrent::backward`](crate::nn::Layer::backward) needs.
pub type RecurrentCache = StackCache<Tape>;

/// Handles of one layer and direction, in the order of [`WeightKind::ALL`]; None for what it lacks.
pub(super) type Ids = [Option<Id>; WeightKind::ALL.len()];

/// The library's own cells in a [`Recurrent`] stack.
#[derive(Debug)]
pub struct RecurrentCells {
    pub(super) config: RecurrentConfig,
    pub(super) path: Path,
    pub(super) precision: Precision,
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
                        let added = parameters.add_drawn(name, &shape, draw)?;
                        if shape.first() == Some(&dims.gate_rows()) {
                            parameters.set_gates(added, dims.cell.gate_names().collect());
                        }
                        *id = Some(added);
                    }
                }
                ids.push(of_direction);
            }
        }
        let best = Path::best();
        let path = if best.computes(config.dims(0)) { best } else { Path::Reference };
        Stack::of(RecurrentCells { config, path, precision: Precision::F32, ids, packs: Mutex::default() })
    }

    /// What it is made of.
    pub fn config(&self) -> &RecurrentConfig {
        &self.cells.config
    }

    /// The path that computes it.
    pub fn path(&self) -> Path {
        self.cells.path
    }

    /// The same stack on another path of the kernels. A path that this processor lacks, or that does not compute
    /// the cell, is an error.
    pub fn on_path(mut self, path: Path) -> Result<Self> {
        self.cells.set_path(path)?;
        Ok(self)
    }
}

impl RecurrentCells {
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
            // In the same memory, unless another call still reads it.
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
                        self.with_weights(p, i, |weights| {
                            Prepared::with_precision(dims, weights, self.path, purpose(i), self.precision)
                        })
                    })
                    .collect::<std::result::Result<_, _>>()?,
            }),
        };
        packs.prepared = Some((p.version(), prepared.clone()));
        Ok(prepared)
    }

    /// The widths of h and of c; 0 where the cell has no c.
    pub(super) fn widths(&self) -> [usize; 2] {
        [self.config.state_features(), self.config.cell_features()]
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

/// Packed weights and buffers, for the time of one call.
#[derive(Debug)]
pub struct Work {
    prepared: Arc<Vec<Prepared>>,
    buffers: Buffers,
}

impl RecurrentCells {
    fn direction<'a>(&'a self, prepared: &'a [Prepared], at: &At<'a>) -> Direction<'a> {
        Direction { config: &self.config, prepared: &prepared[at.index], at: *at }
    }
}

impl Cells for RecurrentCells {
    const INPUT: &'static str = "the input of a recurrent layer";
    const D_OUT: &'static str = "the output gradient of a recurrent layer";

    type Tape = Tape;
    type Work = Work;

    fn arrangement(&self) -> Arrangement {
        self.config.arrangement()
    }

    fn begin(&self, parameters: &Parameters, back: Option<InputGradient>) -> Result<Work> {
        Ok(Work { prepared: self.prepared(parameters, back)?, buffers: self.take_buffers() })
    }

    fn end(&self, work: Work) {
        self.put_back(work.buffers);
    }

    fn reads_outputs(&self, keep: Keep) -> bool {
        // With checkpoints, backward computes them again.
        keep.noise().is_none() || self.config.checkpoints == Checkpoints::Off
    }

    fn is_of(&self, _at: &At<'_>, _tape: &Tape) -> bool {
        // The kernels check their caches.
        true
    }

    fn forward(
        &self,
        work: &mut Work,
        at: &At<'_>,
        _parameters: &Parameters,
        x: &Rows,
        start: Option<Ranked>,
        out: Option<Columns<'_>>,
    ) -> Result<(Ranked, Tape)> {
        self.direction(&work.prepared, at).forward(x, start, out, &mut work.buffers)
    }

    fn backward(
        &self,
        work: &mut Work,
        at: &At<'_>,
        parameters: &mut Parameters,
        tape: Tape,
        call: DirectionCall<'_>,
    ) -> Result<Ranked> {
        self.turn_gradients(parameters, at.index);
        let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] =
            parameters.gradients_of(self.ids[at.index])?;
        let into =
            Gradients { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias };
        let d_start = self.direction(&work.prepared, at).backward(tape, call, into, &mut work.buffers);
        self.turn_gradients(parameters, at.index);
        d_start
    }

    fn path(&self) -> Option<Path> {
        Some(self.path)
    }

    fn set_path(&mut self, path: Path) -> Result<()> {
        crate::error::expect_precision(path, self.precision)?;
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

    fn set_precision(&mut self, precision: Precision) -> Result<()> {
        let dims = self.config.dims(0);
        let best = Path::best_for(precision);
        if !self.path.has(precision) {
            if !best.computes(dims) {
                // An option that the reference path alone has: its products stay those of floats.
                return Ok(());
            }
            self.path = best;
        }
        (self.precision, self.packs) = (precision, Mutex::default());
        Ok(())
    }
}
