//! A recurrence with its weights packed for one path: what layers call.

pub(crate) mod cache;
mod fused;
mod plain;
mod split;

use self::cache::{Cache, Kept, Scratch};
use self::fused::Fused;
use self::plain::Plain;
use self::split::Split;
use crate::words::error::length;
use crate::words::sizes::numbers;
use crate::words::{
    Dims, Error, Gradients, InputGradient, Masks, Options, Path, Purpose, RowsMut, RowsRef, State, StateMut,
    Steps, Weights,
};

/// A recurrence whose weights are packed for one path. It belongs to the values it was made from: when
/// they change, [`update`](Self::update) it. Packed for another purpose it takes no more memory than for the larger of both,
/// so that a training step which packs anew for its way back needs half as much as one that is packed for both ways.
#[derive(Debug, Clone)]
pub struct Prepared {
    dims: Dims,
    path: Path,
    purpose: Purpose,
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
    /// Packs weights for a path. A path that this processor lacks, or that does not compute the cell, is an
    /// error: nothing else is ever chosen silently. Sizes that [`Dims::check`] refuses are errors too.
    pub fn new(dims: Dims, weights: &Weights<f32>, path: Path, purpose: Purpose) -> Result<Self, Error> {
        dims.check()?;
        let engine = if path == Path::Reference {
            Engine::Reference(Plain::default())
        } else {
            let kernels = path.kernels()?;
            if let Some(cell) = beyond_fused(dims) {
                return Err(Error::Unsupported { path: path.name(), cell });
            }
            Engine::Fused(Box::new(Fused::new(dims, kernels)?))
        };
        let mut prepared = Self { dims, path, purpose, packed: false, engine };
        prepared.update(weights, purpose)?;
        Ok(prepared)
    }

    /// Packs other values of the same shapes, or for another purpose, in the memory there is.
    pub fn update(&mut self, weights: &Weights<f32>, purpose: Purpose) -> Result<(), Error> {
        weights.check(self.dims)?;
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
        self.path
    }

    /// What the weights were prepared for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Runs all steps. `x` rows are `[I]`, `out` rows `[H]`; `initial` is `[N, H]` by rank, zeros where there is
    /// none; `last` receives the state of each rank at its own last step. With a projection h is P wide, in the
    /// states and in `out`, and c H. With a `cache`, what backward needs is kept in it.
    pub fn forward(
        &self,
        steps: &Steps,
        x: RowsRef<'_>,
        initial: Option<State<'_, f32>>,
        out: RowsMut<'_>,
        last: StateMut<'_, f32>,
        cache: Option<&mut Cache>,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        self.forward_masked(&Masks::default(), steps, x, initial, out, last, cache, scratch)
    }

    /// [`forward`](Self::forward) with the noise of recurrent dropout and zoneout, for training. Masks whose
    /// option is off are refused.
    pub fn forward_masked(
        &self,
        masks: &Masks<'_, f32>,
        steps: &Steps,
        x: RowsRef<'_>,
        initial: Option<State<'_, f32>>,
        out: RowsMut<'_>,
        last: StateMut<'_, f32>,
        cache: Option<&mut Cache>,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        self.expect(Purpose::Inference)?;
        let rows = steps.fit(self.dims)?;
        masks.check(self.dims, steps)?;
        let (n, hidden) = (steps.sequences(), self.dims.output());
        x.check("x", rows, self.dims.input)?;
        out.check("out", rows, hidden)?;
        self.check_state("initial", n, initial)?;
        self.check_state("last", n, Some(State { hidden: last.hidden, cell: last.cell }))?;
        if rows == 0 {
            if let Some(cache) = cache {
                cache.filled = Some((self.path, self.dims, 0));
            }
            return Ok(());
        }
        match &self.engine {
            Engine::Reference(plain) => plain.forward(self.dims, masks, steps, x, initial, out, last, cache),
            Engine::Fused(fused) => {
                let split = Split::new(&fused.geometry, steps, self.forward_flops(rows));
                fused.forward(steps, split, x, initial, out, last, cache, scratch)
            }
        }
    }

    /// Runs all steps backwards. `x`, `initial` and `out` are forward's; `cache` is consumed. `d_out` is the
    /// gradient of the output, None for none; `d_last` that of the last state. The gradient of the input is
    /// written to `d_x`, or added to it if `add`; that of the initial state is written to `d_initial`; those
    /// of the weights are added to `into`, the last row first: a sequence in pieces, each with the state before it,
    /// gives the bits of the whole when the last piece goes first.
    pub fn backward(
        &self,
        steps: &Steps,
        x: RowsRef<'_>,
        initial: Option<State<'_, f32>>,
        out: RowsRef<'_>,
        cache: &mut Cache,
        d_out: Option<RowsRef<'_>>,
        d_last: Option<State<'_, f32>>,
        d_x: Option<RowsMut<'_>>,
        add: bool,
        d_initial: StateMut<'_, f32>,
        into: Gradients<'_, f32>,
    ) -> Result<(), Error> {
        let masks = Masks::default();
        self.backward_masked(
            &masks, steps, x, initial, out, cache, d_out, d_last, d_x, add, d_initial, into, None,
        )
    }

    /// [`backward`](Self::backward) with forward's masks, and on request the gradient of the state after every step:
    /// `by_step` receives that of h, `[R, H]` (`[R, P]` with a projection), and of c, `[R, H]`, in the order of the
    /// rows as `x` and `out` are seen through their maps. Not asked for, it costs nothing.
    ///
    /// That of h is what the output and the step after it say, that of c what the step after it says: the gradient
    /// that an initial state of the rest of the sequence would have. What reaches c through h of the same step is not
    /// in it.
    pub fn backward_masked(
        &self,
        masks: &Masks<'_, f32>,
        steps: &Steps,
        x: RowsRef<'_>,
        initial: Option<State<'_, f32>>,
        out: RowsRef<'_>,
        cache: &mut Cache,
        d_out: Option<RowsRef<'_>>,
        d_last: Option<State<'_, f32>>,
        d_x: Option<RowsMut<'_>>,
        add: bool,
        d_initial: StateMut<'_, f32>,
        into: Gradients<'_, f32>,
        by_step: Option<StateMut<'_, f32>>,
    ) -> Result<(), Error> {
        let input_gradient = if d_x.is_some() { InputGradient::Needed } else { InputGradient::Skip };
        self.expect(Purpose::Backward(input_gradient))?;
        let rows = steps.fit(self.dims)?;
        masks.check(self.dims, steps)?;
        let (n, hidden) = (steps.sequences(), self.dims.output());
        x.check("x", rows, self.dims.input)?;
        out.check("out", rows, hidden)?;
        if let Some(d_out) = d_out {
            d_out.check("d_out", rows, hidden)?;
        }
        if let Some(d_x) = &d_x {
            d_x.check("d_x", rows, self.dims.input)?;
        }
        self.check_state("initial", n, initial)?;
        self.check_state("d_last", n, d_last)?;
        self.check_state("d_initial", n, Some(State { hidden: d_initial.hidden, cell: d_initial.cell }))?;
        if let Some(by_step) = &by_step {
            length("by_step.hidden", rows * hidden, by_step.hidden.len())?;
            length("by_step.cell", rows * self.dims.cell_width(), by_step.cell.len())?;
        }
        into.shapes().check(self.dims)?;
        if cache.filled.take() != Some((self.path, self.dims, rows)) {
            return Err(Error::Cache);
        }
        if rows == 0 {
            return Ok(());
        }
        match &self.engine {
            Engine::Reference(plain) => plain.backward(
                self.dims, masks, steps, x, initial, out, cache, d_out, d_last, d_x, add, d_initial, into,
                by_step,
            ),
            Engine::Fused(fused) => {
                let flops = self.forward_flops(rows);
                // The gradients of states by step are of all units at once.
                let split = match by_step {
                    Some(_) => Split::sequences(steps, flops),
                    None => Split::new(&fused.geometry, steps, flops),
                };
                fused.backward_in_time(
                    steps, split, initial, out, cache, d_out, d_last, d_x, add, d_initial, by_step,
                )?;
                fused.weight_gradients(steps, flops, x, initial, out, cache, into)
            }
        }
    }

    /// The rows of the pass that filled a cache, and what it kept.
    pub(crate) fn kept<'a>(&'a self, cache: &'a Cache) -> Result<(usize, Kept<'a>), Error> {
        match (cache.filled, &self.engine) {
            (Some((path, dims, rows)), engine) if (path, dims) == (self.path, self.dims) => {
                let kept = match engine {
                    Engine::Reference(_) => Kept::Reference(&cache.reference),
                    Engine::Fused(fused) => {
                        Kept::Fused { geometry: &fused.geometry, gates: &cache.gates, cells: &cache.cells }
                    }
                };
                Ok((rows, kept))
            }
            _ => Err(Error::Cache),
        }
    }

    /// One step of N sequences: `x` is `[N, I]`, `state` `[N, H]` is replaced by the state after the step.
    /// Allocates nothing once `scratch` has served a call of this size, and takes no lock.
    pub fn step(&self, x: &[f32], state: StateMut<'_, f32>, scratch: &mut Scratch) -> Result<(), Error> {
        self.expect(Purpose::Inference)?;
        let hidden = self.dims.output();
        let n = state.hidden.len() / hidden;
        // No product of sequences and sizes overflows after this.
        numbers("the numbers of a step", [n, self.dims.widest()])?;
        length("x", n * self.dims.input, x.len())?;
        self.check_state("state", n, Some(State { hidden: state.hidden, cell: state.cell }))?;
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

    /// What both products of all rows compute, or the most that can be told.
    fn forward_flops(&self, rows: usize) -> usize {
        let weights = (self.dims.input + self.dims.output()).saturating_mul(self.dims.gate_rows());
        weights.saturating_mul(2).saturating_mul(rows)
    }

    fn check_state(&self, what: &'static str, n: usize, state: Option<State<'_, f32>>) -> Result<(), Error> {
        let Some(state) = state else { return Ok(()) };
        length(what, n * self.dims.output(), state.hidden.len())?;
        length(what, n * self.dims.cell_width(), state.cell.len())
    }
}

impl Path {
    /// Whether the path computes this cell with its options. The reference path computes all, the fused paths every
    /// plain cell and the projection of an LSTM.
    pub fn computes(self, dims: Dims) -> bool {
        self == Path::Reference || beyond_fused(dims).is_none()
    }
}

/// The first option that the fused paths lack.
fn beyond_fused(dims: Dims) -> Option<&'static str> {
    Options { projection: None, ..dims.options }.beyond_plain(dims.cell)
}
