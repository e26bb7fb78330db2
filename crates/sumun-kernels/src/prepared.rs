//! A recurrence with its weights packed for one path: what layers call.

use rayon::prelude::*;

use crate::aligned::Aligned;
use crate::cpu::backward::{Backward, backward};
use crate::cpu::forward::{Forward, chunk_rows, forward};
use crate::cpu::outer::{Outer, outer};
use crate::cpu::pack::{Columns, Geometry, Side};
use crate::cpu::{RowsAt, linear};
use crate::options::Options;
use crate::reference;
use crate::rows::{RowsMut, RowsRef};
use crate::simd::{Kernels, Path};
use crate::types::{Dims, Error, Gradients, InputGradient, Masks, State, StateMut, Steps, Weights, length};

/// Work below this many floating-point operations (some 20 µs of one core) is not worth a second thread.
pub(crate) const PARALLEL_FLOPS: usize = 2_000_000;

/// What prepared weights are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Forward passes and steps.
    Inference,
    /// Backward passes too, with or without the gradient of the input.
    Training(InputGradient),
}

/// A recurrence whose weights are packed for one path. It belongs to the values it was made from: when
/// they change, [`update`](Self::update) it.
#[derive(Debug, Clone)]
pub struct Prepared {
    dims: Dims,
    path: Path,
    purpose: Purpose,
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    Reference(Plain),
    Fused(Box<Fused>),
}

/// Weights as they are, for the reference path.
#[derive(Debug, Clone, Default)]
struct Plain {
    input: Vec<f32>,
    hidden: Vec<f32>,
    bias_input: Vec<f32>,
    bias_hidden: Vec<f32>,
    projection: Vec<f32>,
    peepholes: Vec<f32>,
    norm_gain: Vec<f32>,
    norm_bias: Vec<f32>,
}

#[derive(Debug, Clone)]
struct Fused {
    kernels: Kernels,
    geometry: Geometry,
    w: Aligned,
    u: Aligned,
    bias: Aligned,
    /// The second product of a step of two phases: over `weight_hr`, or the block n of `weight_hh`.
    second: Aligned,
    /// Packed for dG·U, dG·W and back through the second product; empty where they are not wanted.
    u_backward: Aligned,
    w_backward: Aligned,
    second_backward: Aligned,
    /// One row of zeros, as wide as a state.
    zeros: Aligned,
}

/// What a forward pass keeps for its backward pass, which consumes it. The memory may be used again.
#[derive(Debug, Default)]
pub struct Cache {
    gates: Aligned,
    cells: Aligned,
    /// What the second product of a step of two phases is over, `[R, H]`.
    inner: Aligned,
    /// Backward's own: the gradient of a projected h', `[R, P]`, and that of a step's inner rows, `[N, H]`.
    d_projected: Aligned,
    d_inner: Aligned,
    reference: reference::Cache<f32>,
    /// The path and rows that filled it; None once consumed.
    filled: Option<(Path, Dims, usize)>,
}

/// What a forward pass kept, as its path keeps it.
pub(crate) enum Kept<'a> {
    Reference(&'a reference::Cache<f32>),
    /// Gates `[panel][row][width]`, and the cell states of an LSTM, `[R, H]`.
    Fused {
        geometry: &'a Geometry,
        gates: &'a [f32],
        cells: &'a [f32],
    },
}

/// Memory that calls need for a while. It grows to what the largest call needs and is used again.
#[derive(Debug, Default)]
pub struct Scratch {
    gates: Aligned,
    inner: Aligned,
    hidden: Vec<f32>,
    one_step: Option<Steps>,
}

impl Prepared {
    /// Packs weights for a path. A path that this processor lacks, or that does not compute the cell, is an
    /// error: nothing else is ever chosen silently.
    pub fn new(dims: Dims, weights: &Weights<f32>, path: Path, purpose: Purpose) -> Result<Self, Error> {
        if dims.input == 0 {
            return Err(Error::Zero { what: "the input size" });
        }
        if dims.hidden == 0 {
            return Err(Error::Zero { what: "the hidden size" });
        }
        dims.options.check(dims.cell)?;
        let engine = if path == Path::Reference {
            Engine::Reference(Plain::default())
        } else {
            let kernels = path.kernels()?;
            if let Some(cell) = beyond_fused(dims) {
                return Err(Error::Unsupported { path: path.name(), cell });
            }
            let mut zeros = Aligned::default();
            zeros.resize(dims.hidden.max(dims.output()));
            Engine::Fused(Box::new(Fused {
                kernels,
                geometry: Geometry::new(dims, kernels.lanes),
                w: Aligned::default(),
                u: Aligned::default(),
                bias: Aligned::default(),
                second: Aligned::default(),
                u_backward: Aligned::default(),
                w_backward: Aligned::default(),
                second_backward: Aligned::default(),
                zeros,
            }))
        };
        let mut prepared = Self { dims, path, purpose, engine };
        prepared.update(weights)?;
        Ok(prepared)
    }

    /// Packs other values of the same shapes, in the memory there is.
    pub fn update(&mut self, weights: &Weights<f32>) -> Result<(), Error> {
        weights.check(self.dims)?;
        match &mut self.engine {
            Engine::Reference(plain) => plain.update(weights),
            Engine::Fused(fused) => fused.update(weights, self.purpose),
        }
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
        masks.check(self.dims, steps)?;
        let (rows, n, hidden) = (steps.rows(), steps.sequences(), self.dims.output());
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
            Engine::Reference(plain) => {
                plain.forward(self.dims, masks, steps, x, initial, out, last, cache)?
            }
            Engine::Fused(fused) => {
                let shards = shards(steps, self.forward_flops(rows));
                fused.forward(steps, shards, x, initial, out, last, cache, scratch);
            }
        }
        Ok(())
    }

    /// Runs all steps backwards. `x`, `initial` and `out` are forward's; `cache` is consumed. `d_out` is the
    /// gradient of the output, None for none; `d_last` that of the last state. The gradient of the input is
    /// written to `d_x`, or added to it if `add`; that of the initial state is written to `d_initial`; those
    /// of the weights are added to `into`.
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
        self.backward_masked(&masks, steps, x, initial, out, cache, d_out, d_last, d_x, add, d_initial, into)
    }

    /// [`backward`](Self::backward) with forward's masks.
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
    ) -> Result<(), Error> {
        masks.check(self.dims, steps)?;
        let (rows, n, hidden) = (steps.rows(), steps.sequences(), self.dims.output());
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
        into.shapes().check(self.dims)?;
        let prepared = match self.purpose {
            Purpose::Inference => false,
            Purpose::Training(wanted) => d_x.is_none() || wanted == InputGradient::Needed,
        };
        if !prepared || cache.filled.take() != Some((self.path, self.dims, rows)) {
            return Err(Error::Cache);
        }
        if rows == 0 {
            return Ok(());
        }
        match &self.engine {
            Engine::Reference(plain) => plain.backward(
                self.dims, masks, steps, x, initial, out, cache, d_out, d_last, d_x, add, d_initial, into,
            ),
            Engine::Fused(fused) => {
                let flops = self.forward_flops(rows);
                let shards = shards(steps, flops);
                fused
                    .backward_in_time(steps, shards, initial, out, cache, d_out, d_last, d_x, add, d_initial);
                fused.weight_gradients(steps, flops, x, initial, out, cache, into);
                Ok(())
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
        let hidden = self.dims.output();
        let n = state.hidden.len() / hidden;
        length("x", n * self.dims.input, x.len())?;
        self.check_state("state", n, Some(State { hidden: state.hidden, cell: state.cell }))?;
        if n == 0 {
            return Ok(());
        }
        let steps = match scratch.one_step.take() {
            Some(steps) if steps.sequences() == n => steps,
            _ => Steps::uniform(1, n),
        };
        let mut out = std::mem::take(&mut scratch.hidden);
        out.resize(state.hidden.len(), 0.0);
        let x = RowsRef::dense(x, self.dims.input);
        match &self.engine {
            Engine::Reference(plain) => {
                let (h, c) = (state.hidden.to_vec(), state.cell.to_vec());
                let before = State { hidden: &h, cell: &c };
                let out = RowsMut::dense(&mut out, hidden);
                let last = StateMut { hidden: state.hidden, cell: state.cell };
                plain.forward(self.dims, &Masks::default(), &steps, x, Some(before), out, last, None)?;
            }
            Engine::Fused(fused) => fused.step(&steps, x, state, &mut out, scratch),
        }
        scratch.hidden = out;
        scratch.one_step = Some(steps);
        Ok(())
    }

    fn forward_flops(&self, rows: usize) -> usize {
        2 * rows * (self.dims.input + self.dims.output()) * self.dims.gate_rows()
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

/// How many shards a pass is dealt to. Which bits come out never depends on it.
fn shards(steps: &Steps, flops: usize) -> usize {
    if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads().min(steps.sequences()) }
}

/// Runs every task, in parallel where there are several.
fn for_each_task(tasks: usize, run: impl Fn(usize) + Sync + Send) {
    if tasks <= 1 {
        (0..tasks).for_each(run);
    } else {
        (0..tasks).into_par_iter().with_max_len(1).for_each(run);
    }
}

fn at<'a>(rows: RowsRef<'a>) -> RowsAt<*const f32> {
    RowsAt {
        base: rows.values.as_ptr(),
        stride: rows.stride,
        map: rows.map.map_or(std::ptr::null(), |m| m.as_slice().as_ptr()),
    }
}

fn at_mut(rows: RowsMut<'_>) -> RowsAt<*mut f32> {
    RowsAt {
        base: rows.values.as_mut_ptr(),
        stride: rows.stride,
        map: rows.map.map_or(std::ptr::null(), |m| m.as_slice().as_ptr()),
    }
}

impl Fused {
    /// Packs weights for their purpose, in the memory there is.
    fn update(&mut self, weights: &Weights<f32>, purpose: Purpose) {
        let g = self.geometry;
        let Dims { input, hidden, options, .. } = g.dims;
        let output = g.dims.output();
        let pack = |to: &mut Aligned, weight, k, side| {
            to.resize(g.packed_len(k, side));
            g.pack_forward(weight, k, side, to);
        };
        pack(&mut self.w, weights.input, input, Side::Input);
        pack(&mut self.u, weights.hidden, output, Side::Hidden);
        self.bias.resize(g.panels * g.width());
        g.pack_bias(weights, &mut self.bias);
        if g.two_phases() {
            let weight = match options.projection {
                Some(_) => weights.projection,
                None => &weights.hidden[2 * hidden * hidden..],
            };
            let columns = Columns { columns: output, lanes: g.lanes };
            self.second.resize(columns.packed_len(hidden));
            columns.pack_transposed(weight, hidden, &mut self.second);
        }

        let Purpose::Training(wanted) = purpose else { return };
        let pack = |to: &mut Aligned, weight, k, side| {
            to.resize(g.packed_backward_len(k, side));
            g.pack_backward(weight, k, side, to);
        };
        pack(&mut self.u_backward, weights.hidden, output, Side::Hidden);
        if wanted == InputGradient::Needed {
            pack(&mut self.w_backward, weights.input, input, Side::Input);
        }
        if let Some(output) = options.projection {
            let columns = Columns { columns: hidden, lanes: g.lanes };
            self.second_backward.resize(columns.packed_len(output));
            columns.pack(weights.projection, output, &mut self.second_backward);
        } else if g.two_phases() {
            pack(&mut self.second_backward, weights.hidden, hidden, Side::Reset);
        }
    }

    /// The states before the first step, `width` each; one row of zeros for all where there is none.
    fn initial(&self, part: Option<&[f32]>, width: usize) -> RowsAt<*const f32> {
        match part {
            Some(part) => RowsAt { base: part.as_ptr(), stride: width, map: std::ptr::null() },
            None => RowsAt { base: self.zeros.as_ptr(), stride: 0, map: std::ptr::null() },
        }
    }

    fn forward(
        &self,
        steps: &Steps,
        shards: usize,
        x: RowsRef<'_>,
        initial: Option<State<'_, f32>>,
        out: RowsMut<'_>,
        last: StateMut<'_, f32>,
        cache: Option<&mut Cache>,
        scratch: &mut Scratch,
    ) {
        let g = self.geometry;
        let (rows, hidden) = (steps.rows(), g.dims.hidden);
        let keep = cache.is_some();
        let inner_rows = |rows: usize| if g.two_phases() { rows * hidden } else { 0 };
        let (gates, gate_rows, cells, inner) = match cache {
            Some(cache) => {
                cache.filled = Some((self.kernels.path, g.dims, rows));
                cache.gates.resize(g.panels * rows * g.width());
                cache.cells.resize(if g.dims.cell.has_cell_state() { rows * hidden } else { 0 });
                cache.inner.resize(inner_rows(rows));
                (cache.gates.as_mut_ptr(), rows, cache.cells.as_mut_ptr(), cache.inner.as_mut_ptr())
            }
            None => {
                let chunk = chunk_rows(&g, steps, shards);
                scratch.gates.resize(shards * g.panels * chunk * g.width());
                scratch.inner.resize(inner_rows(steps.sequences()));
                (scratch.gates.as_mut_ptr(), chunk, last.cell.as_mut_ptr(), scratch.inner.as_mut_ptr())
            }
        };
        let task = Forward {
            geometry: g,
            steps,
            shards,
            x: at(x),
            out: at_mut(out),
            h0: self.initial(initial.map(|s| s.hidden), g.dims.output()),
            c0: self.initial(initial.map(|s| s.cell), g.dims.hidden),
            w: self.w.as_ptr(),
            u: self.u.as_ptr(),
            bias: self.bias.as_ptr(),
            second: self.second.as_ptr(),
            gates,
            keep,
            gate_rows,
            cells,
            inner,
            last_hidden: last.hidden.as_mut_ptr(),
            last_cell: last.cell.as_mut_ptr(),
        };
        // SAFETY: every length was checked by the caller or set above, shards own disjoint sequences, and the
        // kernels are those of an instruction set that this processor has.
        for_each_task(shards, |shard| unsafe { forward(&self.kernels, &task, shard) });
    }

    fn step(
        &self,
        steps: &Steps,
        x: RowsRef<'_>,
        state: StateMut<'_, f32>,
        out: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let g = self.geometry;
        let chunk = chunk_rows(&g, steps, 1);
        scratch.gates.resize(g.panels * chunk * g.width());
        scratch.inner.resize(if g.two_phases() { steps.sequences() * g.dims.hidden } else { 0 });
        let (hidden, cells) = (state.hidden.as_mut_ptr(), state.cell.as_mut_ptr());
        let (stride, cell_stride) = (g.dims.output(), g.dims.hidden);
        let task = Forward {
            geometry: g,
            steps,
            shards: 1,
            x: at(x),
            out: RowsAt { base: out.as_mut_ptr(), stride, map: std::ptr::null() },
            h0: RowsAt { base: hidden.cast_const(), stride, map: std::ptr::null() },
            // The cell state is updated in place: each unit is read before it is written.
            c0: RowsAt { base: cells.cast_const(), stride: cell_stride, map: std::ptr::null() },
            w: self.w.as_ptr(),
            u: self.u.as_ptr(),
            bias: self.bias.as_ptr(),
            second: self.second.as_ptr(),
            gates: scratch.gates.as_mut_ptr(),
            keep: false,
            gate_rows: chunk,
            cells,
            inner: scratch.inner.as_mut_ptr(),
            last_hidden: hidden,
            last_cell: cells,
        };
        // SAFETY: as for forward; `last_hidden` is written only after every row of `h0` was read.
        unsafe { forward(&self.kernels, &task, 0) }
    }

    fn backward_in_time(
        &self,
        steps: &Steps,
        shards: usize,
        initial: Option<State<'_, f32>>,
        out: RowsRef<'_>,
        cache: &mut Cache,
        d_out: Option<RowsRef<'_>>,
        d_last: Option<State<'_, f32>>,
        d_x: Option<RowsMut<'_>>,
        add: bool,
        d_initial: StateMut<'_, f32>,
    ) {
        match d_last {
            Some(d_last) => {
                d_initial.hidden.copy_from_slice(d_last.hidden);
                d_initial.cell.copy_from_slice(d_last.cell);
            }
            None => {
                d_initial.hidden.fill(0.0);
                d_initial.cell.fill(0.0);
            }
        }
        let g = self.geometry;
        if g.two_phases() {
            cache.d_projected.resize(steps.rows() * g.dims.options.projection.unwrap_or(0));
            cache.d_inner.resize(steps.sequences() * g.dims.hidden);
        }
        let task = Backward {
            geometry: g,
            steps,
            shards,
            out: at(out),
            h0: self.initial(initial.map(|s| s.hidden), g.dims.output()),
            c0: self.initial(initial.map(|s| s.cell), g.dims.hidden),
            gates: cache.gates.as_mut_ptr(),
            cells: cache.cells.as_ptr(),
            d_out: d_out.map_or(RowsAt { base: std::ptr::null(), stride: 0, map: std::ptr::null() }, at),
            d_hidden: d_initial.hidden.as_mut_ptr(),
            d_cell: d_initial.cell.as_mut_ptr(),
            d_projected: cache.d_projected.as_mut_ptr(),
            d_inner: cache.d_inner.as_mut_ptr(),
            u: self.u_backward.as_ptr(),
            second: self.second_backward.as_ptr(),
            input: d_x.map(|d_x| (self.w_backward.as_ptr(), at_mut(d_x))),
            add,
        };
        // SAFETY: every length was checked by the caller, the cache is of this pass, shards own disjoint
        // sequences, and the kernels are those of an instruction set that this processor has.
        for_each_task(shards, |shard| unsafe { backward(&self.kernels, &task, shard) });
    }

    /// dW, dU and the biases from the gate gradients that the pass through time left in the cache.
    fn weight_gradients(
        &self,
        steps: &Steps,
        flops: usize,
        x: RowsRef<'_>,
        initial: Option<State<'_, f32>>,
        out: RowsRef<'_>,
        cache: &Cache,
        into: Gradients<'_, f32>,
    ) {
        let g = self.geometry;
        let Dims { hidden, options, .. } = g.dims;
        let (rows, n, output) = (steps.rows(), steps.sequences(), g.dims.output());
        let input_columns = self.gate_columns(cache, rows, Side::Input);
        let hidden_columns = self.gate_columns(cache, rows, Side::Hidden);
        let a_stride = g.width();
        let w = Sum { rows, first: 0, a_stride, b: at(x), index: at(x).map, columns: g.dims.input };
        self.outer(&w, &input_columns, into.input, flops / 2);
        if let Some(initial) = initial {
            let b = RowsAt { base: initial.hidden.as_ptr(), stride: output, map: std::ptr::null() };
            let first = Sum { rows: n, first: 0, a_stride, b, index: std::ptr::null(), columns: output };
            self.outer(&first, &hidden_columns, into.hidden, 0);
        }
        // The state before row r of step t is the row of the same rank at step t − 1.
        let mut before = Vec::with_capacity(rows - n);
        for t in 1..steps.len() {
            let from = steps.offset(t - 1);
            before.extend((from..from + steps.batch_size(t)).map(|row| match out.map {
                Some(map) => map.as_slice()[row],
                None => row as u32,
            }));
        }
        let index = before.as_ptr();
        let rest = Sum { rows: rows - n, first: n, a_stride, b: at(out), index, columns: output };
        self.outer(&rest, &hidden_columns, into.hidden, flops / 2);
        if g.two_phases() {
            let b = RowsAt { base: cache.inner.as_ptr(), stride: hidden, map: std::ptr::null() };
            let inner = Sum { rows, first: 0, a_stride, b, index: std::ptr::null(), columns: hidden };
            match options.projection {
                Some(a_stride) => {
                    let columns = |row| (row, cache.d_projected[row..].as_ptr());
                    let columns: Vec<_> = (0..output).map(columns).collect();
                    self.outer(
                        &Sum { a_stride, ..inner },
                        &columns,
                        into.projection,
                        2 * rows * output * hidden,
                    );
                }
                None => {
                    let columns = self.gate_columns(cache, rows, Side::Reset);
                    self.outer(&inner, &columns, into.hidden, 2 * rows * hidden * hidden);
                }
            }
        }
        self.bias_gradients(rows, cache, into.bias_input, into.bias_hidden);
    }

    /// For each weight row that a side has: where its column of gate gradients begins.
    fn gate_columns(&self, cache: &Cache, rows: usize, side: Side) -> Vec<(usize, *const f32)> {
        let g = self.geometry;
        let mut columns = Vec::with_capacity(g.dims.gate_rows());
        for panel in 0..g.panels {
            for column in 0..g.width() {
                if let Some(row) = g.weight_row(panel, column, side) {
                    columns.push((row, cache.gates[panel * rows * g.width() + column..].as_ptr()));
                }
            }
        }
        columns
    }

    fn outer(&self, sum: &Sum, columns: &[(usize, *const f32)], into: &mut [f32], flops: usize) {
        if sum.rows == 0 {
            return;
        }
        let base = into.as_mut_ptr();
        // SAFETY: `into` has a row of `columns` for each that is named, and A a row for each row of the sum.
        let (a, c): (Vec<*const f32>, Vec<*mut f32>) = columns
            .iter()
            .map(|&(row, a)| unsafe { (a.add(sum.first * sum.a_stride), base.add(row * sum.columns)) })
            .unzip();
        let task = Outer {
            rows: sum.rows,
            a: a.as_ptr(),
            a_stride: sum.a_stride,
            b: sum.b.base,
            b_stride: sum.b.stride,
            index: sum.index,
            columns: sum.columns,
            c: c.as_ptr(),
        };
        // SAFETY: lengths as above; tasks write disjoint output rows.
        unsafe { run_outer(&self.kernels, &task, columns.len(), flops) }
    }

    fn bias_gradients(&self, rows: usize, cache: &Cache, input: &mut [f32], hidden: &mut [f32]) {
        let g = self.geometry;
        let width = g.width();
        let mut sums = Aligned::default();
        sums.resize(width);
        for panel in 0..g.panels {
            let gates = &cache.gates[panel * rows * width..(panel + 1) * rows * width];
            // SAFETY: the kernels are those of an instruction set that this processor has.
            unsafe { (self.kernels.sum_rows)(gates, &mut sums) };
            for side in [Side::Input, Side::Hidden, Side::Reset] {
                let bias = if side == Side::Input { &mut *input } else { &mut *hidden };
                if bias.is_empty() {
                    continue;
                }
                for (column, &sum) in sums.iter().enumerate() {
                    if let Some(row) = g.weight_row(panel, column, side) {
                        bias[row] += sum;
                    }
                }
            }
        }
    }
}

/// A sum over rows: the rows `first..first + rows` of gradients A times the rows of B that go with them.
struct Sum {
    rows: usize,
    first: usize,
    a_stride: usize,
    b: RowsAt<*const f32>,
    index: *const u32,
    columns: usize,
}

/// Computes all output rows of an outer product, in parallel where it is worth it.
///
/// # Safety
/// The task's pointers must be valid for its sizes and for `outputs` output rows, which must not overlap.
pub(crate) unsafe fn run_outer(kernels: &Kernels, task: &Outer, outputs: usize, flops: usize) {
    let threads = if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads() };
    // Whole groups of output rows, and a few tasks a thread so that a busy core does not hold up the rest.
    let each = if threads == 1 { outputs } else { outputs.div_ceil(2 * threads).next_multiple_of(16) };
    for_each_task(outputs.div_ceil(each.max(1)), |i| {
        // SAFETY: the caller's promises; ranges are disjoint.
        unsafe { outer(kernels, task, i * each..((i + 1) * each).min(outputs)) }
    });
}

/// Computes all rows of a plain product, in parallel where it is worth it.
///
/// # Safety
/// The task's pointers must be valid for its sizes and for `rows` rows of A and C.
pub(crate) unsafe fn run_product(kernels: &Kernels, task: &linear::Product, rows: usize, flops: usize) {
    let threads = if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads() };
    let each = if threads == 1 { rows } else { rows.div_ceil(2 * threads).next_multiple_of(24) };
    for_each_task(rows.div_ceil(each.max(1)), |i| {
        // SAFETY: the caller's promises; ranges are disjoint.
        unsafe {
            let first = i * each;
            task.run(kernels, each.min(rows - first), |i| first + i, |i| first + i)
        }
    });
}

impl Plain {
    /// Copies other values, in the memory there is.
    fn update(&mut self, weights: &Weights<f32>) {
        let parts = [
            (&mut self.input, weights.input),
            (&mut self.hidden, weights.hidden),
            (&mut self.bias_input, weights.bias_input),
            (&mut self.bias_hidden, weights.bias_hidden),
            (&mut self.projection, weights.projection),
            (&mut self.peepholes, weights.peepholes),
            (&mut self.norm_gain, weights.norm_gain),
            (&mut self.norm_bias, weights.norm_bias),
        ];
        for (part, values) in parts {
            part.clear();
            part.extend_from_slice(values);
        }
    }

    fn weights(&self) -> Weights<'_, f32> {
        Weights {
            input: &self.input,
            hidden: &self.hidden,
            bias_input: &self.bias_input,
            bias_hidden: &self.bias_hidden,
            projection: &self.projection,
            peepholes: &self.peepholes,
            norm_gain: &self.norm_gain,
            norm_bias: &self.norm_bias,
        }
    }

    fn forward(
        &self,
        dims: Dims,
        masks: &Masks<'_, f32>,
        steps: &Steps,
        x: RowsRef<'_>,
        initial: Option<State<'_, f32>>,
        out: RowsMut<'_>,
        last: StateMut<'_, f32>,
        cache: Option<&mut Cache>,
    ) -> Result<(), Error> {
        let rows = steps.rows();
        let x = gather(x, rows, dims.input);
        let mut dense = vec![0.0; rows * dims.output()];
        let kept = cache.map(|cache| {
            cache.filled = Some((Path::Reference, dims, rows));
            &mut cache.reference
        });
        reference::forward(dims, &self.weights(), masks, steps, &x, initial, &mut dense, last, kept)?;
        scatter(&dense, out, dims.output(), false);
        Ok(())
    }

    fn backward(
        &self,
        dims: Dims,
        masks: &Masks<'_, f32>,
        steps: &Steps,
        x: RowsRef<'_>,
        initial: Option<State<'_, f32>>,
        out: RowsRef<'_>,
        cache: &Cache,
        d_out: Option<RowsRef<'_>>,
        d_last: Option<State<'_, f32>>,
        d_x: Option<RowsMut<'_>>,
        add: bool,
        d_initial: StateMut<'_, f32>,
        into: Gradients<'_, f32>,
    ) -> Result<(), Error> {
        let rows = steps.rows();
        let x = gather(x, rows, dims.input);
        let out = gather(out, rows, dims.output());
        let d_out = match d_out {
            Some(d_out) => gather(d_out, rows, dims.output()),
            None => vec![0.0; rows * dims.output()],
        };
        let mut dense = d_x.as_ref().map(|_| vec![0.0; rows * dims.input]);
        reference::backward(
            dims,
            &self.weights(),
            masks,
            steps,
            &x,
            initial,
            &out,
            &cache.reference,
            &d_out,
            d_last,
            dense.as_deref_mut(),
            d_initial,
            into,
        )?;
        if let (Some(dense), Some(d_x)) = (dense, d_x) {
            scatter(&dense, d_x, dims.input, add);
        }
        Ok(())
    }
}

fn place(map: Option<&crate::rows::RowMap>, row: usize) -> usize {
    map.map_or(row, |m| m.as_slice()[row] as usize)
}

fn gather(rows: RowsRef<'_>, count: usize, width: usize) -> Vec<f32> {
    let mut dense = Vec::with_capacity(count * width);
    for row in 0..count {
        let from = place(rows.map, row) * rows.stride;
        dense.extend_from_slice(&rows.values[from..from + width]);
    }
    dense
}

fn scatter(dense: &[f32], rows: RowsMut<'_>, width: usize, add: bool) {
    for (row, values) in dense.chunks_exact(width).enumerate() {
        let to = place(rows.map, row) * rows.stride;
        for (to, &v) in rows.values[to..to + width].iter_mut().zip(values) {
            *to = if add { *to + v } else { v };
        }
    }
}
