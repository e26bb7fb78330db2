//! A recurrence with its weights packed for one path: what layers call.

pub(crate) mod cache;
mod fused;
mod plain;
mod split;
mod weight_gradients;

use self::cache::{Cache, Kept, Scratch};
use self::fused::Fused;
use self::plain::Plain;
use self::split::Split;
use crate::drivers::rounded::depth;
use crate::words::error::length;
use crate::words::sizes::{MOST_NUMBERS, numbers};
use crate::words::{
    Adjoint, Dims, Error, InputGradient, Machine, Pass, Path, Precision, Purpose, RowsRef, StateMut, Steps,
    WeightKind, Weights,
};

/// A recurrence whose weights are packed for one path. It belongs to the values it was made from: when
/// they change, [`update`](Self::update) it. Packed for another purpose it takes no more memory than for the larger of both,
/// so that a training step which packs anew for its backward pass needs half as much as one that is packed for both passes.
#[derive(Debug, Clone)]
pub struct Prepared {
    dims: Dims,
    machine: Machine,
    purpose: Purpose,
    precision: Precision,
    /// The most sequences whose arrays can be addressed.
    most_sequences: usize,
    /// Whether weights are packed: not where an update of them failed.
    packed: bool,
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    Reference(Plain),
    Fused(Box<Fused>),
}

impl Prepared {
    /// Packs weights for a path, of this machine or of one with other caches. A path that this processor lacks, or that does
    /// not compute the cell, is an error: nothing else is ever chosen silently. Sizes that [`Dims::check`] refuses are errors
    /// too.
    pub fn new(
        dims: Dims,
        weights: &Weights<f32>,
        machine: impl Into<Machine>,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        Self::packed(dims, weights, machine.into(), purpose, Precision::F32)
    }

    /// As [`new`](Self::new) for forward passes and steps, over numbers of a precision.
    pub fn for_inference(
        dims: Dims,
        weights: &Weights<f32>,
        machine: impl Into<Machine>,
        precision: Precision,
    ) -> Result<Self, Error> {
        Self::packed(dims, weights, machine.into(), Purpose::Inference, precision)
    }

    /// As [`new`](Self::new), with products of x and h, and their gradients, over numbers of a precision, rounded by the rules of
    /// [`precision`](crate::precision). Of [`Precision::Int8`], for inference alone, a matrix of weights is whole numbers with a scale
    /// for each row; more than 100,000 inputs or units are then an error. What is not such a product stays as it is: biases,
    /// peepholes, the factors of an IndRNN, a projection, the product of a GRU with the reset before it, all products of a layer
    /// normalisation, and those of h where each gate has a mask of its own. A path without such products is an error.
    pub fn with_precision(
        dims: Dims,
        weights: &Weights<f32>,
        machine: impl Into<Machine>,
        purpose: Purpose,
        precision: Precision,
    ) -> Result<Self, Error> {
        Self::packed(dims, weights, machine.into(), purpose, precision)
    }

    fn packed(
        dims: Dims,
        weights: &Weights<f32>,
        machine: Machine,
        purpose: Purpose,
        precision: Precision,
    ) -> Result<Self, Error> {
        dims.check()?;
        // Before memory is fetched for sizes that no weights have.
        weights.check(dims)?;
        let path = machine.path;
        depth(precision, dims.input)?;
        depth(precision, dims.output())?;
        if !path.is_available() {
            return Err(Error::PathUnavailable { path: path.name() });
        }
        let rounded = machine.rounded_kernels(precision)?;
        let engine = if path == Path::Reference {
            Engine::Reference(Plain::default())
        } else {
            let kernels = machine.kernels()?;
            if let Some(cell) = dims.beyond(path) {
                return Err(Error::Unsupported { path: path.name(), cell });
            }
            Engine::Fused(Box::new(Fused::new(dims, kernels, rounded)?))
        };
        let most_sequences = MOST_NUMBERS / dims.widest();
        let mut prepared = Self { dims, machine, purpose, precision, most_sequences, packed: false, engine };
        prepared.update(weights, purpose)?;
        Ok(prepared)
    }

    /// Packs other values of the same shapes, or for another purpose, in the memory there is.
    pub fn update(&mut self, weights: &Weights<f32>, purpose: Purpose) -> Result<(), Error> {
        weights.check(self.dims)?;
        if self.precision == Precision::Int8 && purpose != Purpose::Inference {
            return Err(Error::Purpose { prepared: Purpose::Inference, wanted: purpose });
        }
        self.packed = false;
        match &mut self.engine {
            Engine::Reference(plain) => plain.update(weights)?,
            Engine::Fused(fused) => fused.update(weights, purpose)?,
        }
        (self.purpose, self.packed) = (purpose, true);
        Ok(())
    }

    /// The sizes.
    pub fn dims(&self) -> Dims {
        self.dims
    }

    /// The path that runs.
    pub fn path(&self) -> Path {
        self.machine.path
    }

    /// The machine for whose caches blocks are sized.
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// How many bits the weights of its products have.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What the weights were prepared for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Runs all steps of a pass. With a `cache`, what backward needs is kept in it.
    pub fn forward(
        &self,
        pass: Pass<'_>,
        mut cache: Option<&mut Cache>,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        self.expect(Purpose::Inference)?;
        self.dims.expect(pass.dims)?;
        let (steps, masked) = (pass.steps, pass.masks.given());
        let int8 = self.precision == Precision::Int8;
        if int8 && masked.contains(&true) {
            // Masks are of training.
            let wanted = Purpose::Training(InputGradient::Skip);
            return Err(Error::Purpose { prepared: self.purpose, wanted });
        }
        let whole_rows =
            masked[0] || self.precision != Precision::F32 || self.dims.options.layer_norm.is_some();
        if let Some(cache) = &mut cache {
            cache.clear();
        }
        let kept = cache.as_deref_mut();
        match &self.engine {
            _ if steps.is_empty() => {}
            Engine::Reference(plain) => plain.forward(pass, kept)?,
            Engine::Fused(fused) => {
                let flops = self.forward_flops(steps.rows());
                // What gates see through masks, rounded rows, and statistics of all units are of whole rows.
                let split = match whole_rows {
                    true => Split::sequences(steps, flops),
                    false => Split::new(fused.blocks(), &fused.geometry, steps, flops),
                };
                fused.forward(split, pass, kept, scratch)?;
            }
        }
        if let Some(cache) = cache {
            cache.fill(self.path(), self.dims, steps, masked);
        }
        Ok(())
    }

    /// Runs all steps of a pass backwards. `cache` is what forward kept of the same steps, and is consumed.
    pub fn backward(&self, adjoint: Adjoint<'_>, cache: &mut Cache) -> Result<(), Error> {
        let input_gradient = if adjoint.d_x.is_some() { InputGradient::Needed } else { InputGradient::Skip };
        self.expect(Purpose::Backward(input_gradient))?;
        self.dims.expect(adjoint.dims)?;
        let (steps, masked) = (adjoint.steps, adjoint.masks.given());
        cache.consume(self.path(), self.dims, steps, masked)?;
        match &self.engine {
            _ if steps.is_empty() => Ok(()),
            Engine::Reference(plain) => plain.backward(adjoint, cache),
            Engine::Fused(fused) => {
                let flops = self.forward_flops(steps.rows());
                // The gradients of states by step, those through masks of h, rounded rows and statistics are of all units at once.
                let whole_rows =
                    masked[0] || self.precision != Precision::F32 || self.dims.options.layer_norm.is_some();
                let split = match adjoint.by_step.is_some() || whole_rows {
                    true => Split::sequences(steps, flops),
                    false => Split::new(fused.blocks(), &fused.geometry, steps, flops),
                };
                fused.backward(split, flops, adjoint, cache)
            }
        }
    }

    /// The rows of the pass that filled a cache, and what it kept.
    pub(crate) fn kept<'a>(&'a self, cache: &'a Cache) -> Result<(usize, Kept<'a>), Error> {
        let rows = cache.rows(self.path(), self.dims)?;
        let kept = match &self.engine {
            Engine::Reference(_) => Kept::Reference(&cache.reference),
            Engine::Fused(fused) => {
                Kept::Fused { geometry: &fused.geometry, gates: &cache.gates, cells: &cache.cells }
            }
        };
        Ok((rows, kept))
    }

    /// One step of N sequences: `x` is `[N, I]`, `state` `[N, H]` is replaced by the state after the step.
    /// Allocates nothing once `scratch` has served a call of this size, and takes no lock.
    pub fn step(&self, x: &[f32], mut state: StateMut<'_, f32>, scratch: &mut Scratch) -> Result<(), Error> {
        self.expect(Purpose::Inference)?;
        if let Engine::Fused(fused) = &self.engine
            && fused.whole_step(x, &mut state, scratch)
        {
            return Ok(());
        }
        let hidden = self.dims.output();
        let n = state.hidden.len() / hidden;
        // No product of sequences and sizes overflows after this.
        if n > self.most_sequences {
            numbers("the numbers of a step", [n, self.dims.widest()])?;
        }
        length("x", n * self.dims.input, x.len())?;
        length("state.hidden", n * hidden, state.hidden.len())?;
        length("state.cell", n * self.dims.cell_width(), state.cell.len())?;
        if n == 0 {
            return Ok(());
        }
        let steps = match scratch.one_step.take() {
            Some(steps) if steps.sequences() == n => steps,
            _ => Steps::uniform(1, n)?,
        };
        let mut out = std::mem::take(&mut scratch.hidden);
        out.resize(state.hidden.len(), 0.0);
        match &self.engine {
            Engine::Reference(plain) => plain.step(self.dims, &steps, x, state, &mut out, scratch)?,
            Engine::Fused(fused) => {
                fused.step(&steps, RowsRef::dense(x, self.dims.input), state, &mut out, scratch)?;
            }
        }
        scratch.hidden = out;
        scratch.one_step = Some(steps);
        Ok(())
    }

    /// An error unless the weights are prepared for this.
    fn expect(&self, wanted: Purpose) -> Result<(), Error> {
        match self.purpose.serves(wanted) {
            true if self.packed => Ok(()),
            true => Err(Error::Unpacked),
            false => Err(Error::Purpose { prepared: self.purpose, wanted }),
        }
    }

    /// The operations of both products of all rows, or `usize::MAX` for more.
    fn forward_flops(&self, rows: usize) -> usize {
        let [input, hidden] =
            [WeightKind::WeightIh, WeightKind::WeightHh].map(|part| part.numbers(self.dims));
        input.saturating_add(hidden).saturating_mul(2).saturating_mul(rows)
    }
}
