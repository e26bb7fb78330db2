//! A recurrent stack with its own parameters, called on arrays.

use std::marker::PhantomData;
use std::sync::Arc;

use ndarray::{Array, Array3, ArrayView, ArrayView3, Axis, Dimension};
use rand::Rng;
use sumun_kernels::Path;

use super::axes::{Axes, AxisOrder, expect_shape, filled, is_batched};
use super::states::Parts;
use super::trace::{ArrayStateGradients, ArrayTrace};
use super::valid::{Calling, Empty, Valid};
use crate::nn::stack::merge;
use crate::nn::{
    InputGradient, LayerTrace, Merge, Recurrent, RecurrentCache, RecurrentConfig, RecurrentState,
    StateGradients, Stream, StreamState,
};
use crate::noise::Noise;
use crate::{Error, Fill, Layout, Parameters, Result, Rows};

/// What a training call keeps for `backward`: `D` are the axes of the call's input, `O` those of its output.
#[derive(Debug)]
pub struct ArrayCache<D, O> {
    cache: RecurrentCache,
    layout: Arc<Layout>,
    /// The shape of the output, and so of its gradient.
    output: Vec<usize>,
    /// The final hidden states behind the output, where only those were asked for.
    last: Option<Vec<f32>>,
    axes: PhantomData<fn() -> (D, O)>,
}

/// A training call's output, final state and cache.
type Trained<D, O, S> = (Array<f32, O>, S, ArrayCache<D, O>);

/// The gradients of the input, of the initial state and of the states after every step.
type ByStep<D, S> = (Array<f32, D>, S, Vec<ArrayStateGradients<D>>);

/// The stack's output before it becomes arrays.
struct Passed {
    rows: Rows,
    state: RecurrentState,
    cache: Option<RecurrentCache>,
}

/// A stack with its own parameters.
#[derive(Debug)]
pub(super) struct OwnedStack {
    pub(super) stack: Recurrent,
    pub(super) parameters: Parameters,
    calling: Calling,
}

impl OwnedStack {
    pub(super) fn new<R: Rng + ?Sized>(
        config: RecurrentConfig,
        calling: Calling,
        rng: &mut R,
    ) -> Result<Self> {
        if calling.go_backwards && config.bidirectional {
            return Err(Error::Invalid(
                "go_backwards turns one direction round; a bidirectional layer already reads both ways, leave it out"
                    .into(),
            ));
        }
        let mut parameters = Parameters::new();
        // No prefix: the names are PyTorch's own.
        let stack = Recurrent::new(config, &mut parameters, "", rng)?;
        Ok(Self { stack, parameters, calling })
    }

    pub(super) fn on_path(self, path: Path) -> Result<Self> {
        Ok(Self { stack: self.stack.on_path(path)?, ..self })
    }

    pub(super) fn forward<D: Axes, S: Parts<D>>(
        &self,
        x: ArrayView<f32, D>,
        valid: Valid,
        initial: Option<&S>,
    ) -> Result<(Array<f32, D>, S)> {
        self.expect_zeros_where_masked()?;
        let Passed { rows, state, .. } = self.run(x, valid, initial, None)?;
        let n = rows.layout.sequences();
        Ok((self.sequences(rows), self.state(state, n)))
    }

    pub(super) fn forward_train<D: Axes, S: Parts<D>>(
        &self,
        x: ArrayView<f32, D>,
        valid: Valid,
        initial: Option<&S>,
        noise: Noise,
    ) -> Result<Trained<D, D, S>> {
        self.expect_zeros_where_masked()?;
        let Passed { rows, state, cache } = self.run(x, valid, initial, Some(noise))?;
        let (layout, cache) = (rows.layout.clone(), cache.expect("kept in training"));
        let output: Array<f32, D> = self.sequences(rows);
        let (state, shape) = (self.state(state, layout.sequences()), output.shape().to_vec());
        Ok((output, state, ArrayCache { cache, layout, output: shape, last: None, axes: PhantomData }))
    }

    pub(super) fn forward_last<D: Axes, S: Parts<D>>(
        &self,
        x: ArrayView<f32, D>,
        valid: Valid,
        initial: Option<&S>,
    ) -> Result<(Array<f32, D::Smaller>, S)> {
        let Passed { rows, state, .. } = self.run(x, valid, initial, None)?;
        let last = self.merged(&self.last_hidden(&rows.layout, &state));
        let n = rows.layout.sequences();
        Ok((filled(&self.last_shape::<D>(n), last), self.state(state, n)))
    }

    pub(super) fn forward_last_train<D: Axes, S: Parts<D>>(
        &self,
        x: ArrayView<f32, D>,
        valid: Valid,
        initial: Option<&S>,
        noise: Noise,
    ) -> Result<Trained<D, D::Smaller, S>> {
        let Passed { rows, state, cache } = self.run(x, valid, initial, Some(noise))?;
        let (layout, cache) = (rows.layout.clone(), cache.expect("kept in training"));
        let last = self.last_hidden(&layout, &state);
        let shape = self.last_shape::<D>(layout.sequences());
        let output = filled(&shape, self.merged(&last));
        let state = self.state(state, layout.sequences());
        Ok((output, state, ArrayCache { cache, layout, output: shape, last: Some(last), axes: PhantomData }))
    }

    pub(super) fn backward<D: Axes, O: Dimension, S: Parts<D>>(
        &mut self,
        cache: ArrayCache<D, O>,
        d_output: ArrayView<f32, O>,
        d_state: Option<&S>,
    ) -> Result<(Array<f32, D>, S)> {
        self.back(cache, d_output, d_state, None)
    }

    pub(super) fn backward_by_step<D: Axes, O: Dimension, S: Parts<D>>(
        &mut self,
        cache: ArrayCache<D, O>,
        d_output: ArrayView<f32, O>,
        d_state: Option<&S>,
    ) -> Result<ByStep<D, S>> {
        let mut by_step = Vec::new();
        let (d_x, d_initial) = self.back(cache, d_output, d_state, Some(&mut by_step))?;
        let axes = self.axis_order::<D>();
        let array = |rows: &Rows| axes.leave(scatter(rows));
        let shown = by_step.iter().map(|found| ArrayStateGradients {
            layer: found.layer,
            direction: found.direction,
            hidden: array(&found.hidden),
            cell: found.cell.as_ref().map(array),
            norms: found.norms(),
        });
        Ok((d_x, d_initial, shown.collect()))
    }

    fn back<D: Axes, O: Dimension, S: Parts<D>>(
        &mut self,
        cache: ArrayCache<D, O>,
        d_output: ArrayView<f32, O>,
        d_state: Option<&S>,
        by_step: Option<&mut Vec<StateGradients>>,
    ) -> Result<(Array<f32, D>, S)> {
        let ArrayCache { cache, layout, output, last, .. } = cache;
        expect_shape("output gradient", &output, d_output.shape())?;
        let n = layout.sequences();
        let mut d_state =
            d_state.map(|s| self.pack_state("final state's gradient", n, s, false)).transpose()?;
        let features = self.stack.config().output_features();
        let d_rows = match last {
            None => {
                let d = self.axis_order::<D>().enter(d_output);
                if self.calling.masked_steps == Fill::Repeat {
                    let values: Vec<f32> = d.iter().copied().collect();
                    Rows::pack_gradient(&values, features, layout.clone())?
                } else {
                    Rows::new(gather(d, &layout), features, layout.clone())?
                }
            }
            Some(last) => {
                let d: Vec<f32> = d_output.iter().copied().collect();
                self.add_last_gradient(&layout, &last, d, d_state.get_or_insert_with(|| self.no_state(n)));
                Rows::new(vec![0.0; layout.rows() * features], features, layout.clone())?
            }
        };
        if let Some(d_state) = &mut d_state {
            self.clear_empty(&layout, d_state);
        }
        let (parameters, wanted) = (&mut self.parameters, InputGradient::Needed);
        let (d_x, d_initial) = match by_step {
            None => self.stack.backward_with_state(parameters, cache, d_rows, d_state.as_ref(), wanted)?,
            Some(by_step) => {
                let (d_x, d_initial, found) =
                    self.stack.backward_by_step(parameters, cache, d_rows, d_state.as_ref(), wanted)?;
                *by_step = found;
                (d_x, d_initial)
            }
        };
        let mut d_x = scatter(&d_x.expect("the input's gradient was asked for"));
        if self.calling.go_backwards {
            d_x.invert_axis(Axis(1));
        }
        Ok((self.axis_order::<D>().leave(d_x), self.state(d_initial, n)))
    }

    pub(super) fn stream<S: StreamState>(&self) -> Result<Stream<S>> {
        if self.calling.go_backwards {
            return Err(Error::Invalid(
                "a layer that goes backwards cannot stream: it begins at the last step, which has not come yet; leave go_backwards out"
                    .into(),
            ));
        }
        Ok(self.stack.stream(&self.parameters)?.finite_only(self.calling.finite_only))
    }

    pub(super) fn trace<D: Axes, S: Parts<D>>(
        &self,
        x: ArrayView<f32, D>,
        valid: Valid,
        initial: Option<&S>,
    ) -> Result<Vec<ArrayTrace<D>>> {
        let (rows, initial) = self.enter(x, valid, initial)?;
        let traces = self.stack.trace(&self.parameters, rows, initial.as_ref())?;
        Ok(traces.into_iter().map(|trace| self.shown(trace)).collect())
    }

    pub(super) fn trace_of<D: Axes, O: Dimension>(
        &self,
        cache: &ArrayCache<D, O>,
    ) -> Result<Vec<ArrayTrace<D>>> {
        let traces = self.stack.trace_of(&self.parameters, &cache.cache)?;
        Ok(traces.into_iter().map(|trace| self.shown(trace)).collect())
    }

    /// A trace as the caller's arrays.
    fn shown<D: Axes>(&self, trace: LayerTrace) -> ArrayTrace<D> {
        let axes = self.axis_order::<D>();
        let array = |rows: &Rows| axes.leave(scatter(rows));
        ArrayTrace {
            layer: trace.layer,
            direction: trace.direction,
            hidden: array(&trace.hidden),
            cell: trace.cell.as_ref().map(array),
            gates: trace.gates.iter().map(|(name, rows)| (*name, array(rows))).collect(),
        }
    }

    /// Both directions of an output apart, forward first.
    pub(super) fn apart<'a, D: Dimension>(
        &self,
        output: ArrayView<'a, f32, D>,
    ) -> Result<[ArrayView<'a, f32, D>; 2]> {
        let width = self.side_by_side()?;
        let mut expected = output.shape().to_vec();
        let axis = expected.len().saturating_sub(1);
        if let Some(features) = expected.last_mut() {
            *features = 2 * width;
        }
        expect_shape("output", &expected, output.shape())?;
        let (forward, backward) = output.split_at(Axis(axis), width);
        Ok([forward, backward])
    }

    /// Two directions' arrays side by side, forward first.
    pub(super) fn together<D: Dimension + ndarray::RemoveAxis>(
        &self,
        [forward, backward]: [ArrayView<f32, D>; 2],
    ) -> Result<Array<f32, D>> {
        let width = self.side_by_side()?;
        let axis = forward.ndim().saturating_sub(1);
        let mut expected = forward.shape().to_vec();
        if let Some(features) = expected.last_mut() {
            *features = width;
        }
        expect_shape("the forward direction", &expected, forward.shape())?;
        expect_shape("the backward direction", &expected, backward.shape())?;
        ndarray::concatenate(Axis(axis), &[forward, backward]).map_err(|e| Error::Invalid(e.to_string()))
    }

    /// The width of one of two directions side by side.
    fn side_by_side(&self) -> Result<usize> {
        let config = self.stack.config();
        if config.bidirectional && config.merge == Merge::Concat {
            return Ok(config.state_features());
        }
        Err(Error::Invalid(
            "only a bidirectional layer that merges by concat has two separate outputs".into(),
        ))
    }

    fn axis_order<D: Axes>(&self) -> AxisOrder {
        AxisOrder::of::<D>(self.calling.time_major)
    }

    /// Two directions read different steps before a masked one, so that neither can be the one that is repeated.
    fn expect_zeros_where_masked(&self) -> Result<()> {
        if self.calling.masked_steps == Fill::Repeat && self.stack.config().bidirectional {
            return Err(Error::Invalid(
                "the sequences of two directions show zeros at masked steps, as Keras' Bidirectional does; set masked_steps to Fill::Zero"
                    .into(),
            ));
        }
        Ok(())
    }

    fn run<D: Axes, S: Parts<D>>(
        &self,
        x: ArrayView<f32, D>,
        valid: Valid,
        initial: Option<&S>,
        noise: Option<Noise>,
    ) -> Result<Passed> {
        let (rows, initial) = self.enter(x, valid, initial)?;
        let layout = rows.layout.clone();
        let (rows, mut state, cache) = match noise {
            None => {
                let (rows, state) =
                    self.stack.forward_with_state(&self.parameters, rows, initial.as_ref())?;
                (rows, state, None)
            }
            Some(noise) => {
                let (rows, state, cache) =
                    self.stack.forward_train_with_state(&self.parameters, rows, initial.as_ref(), noise)?;
                (rows, state, Some(cache))
            }
        };
        self.clear_empty(&layout, &mut state);
        Ok(Passed { rows, state, cache })
    }

    /// The caller's arrays as a stack takes them.
    fn enter<D: Axes, S: Parts<D>>(
        &self,
        x: ArrayView<f32, D>,
        valid: Valid,
        initial: Option<&S>,
    ) -> Result<(Rows, Option<RecurrentState>)> {
        let rows = self.pack(x, valid)?;
        let (n, finite_only) = (rows.layout.sequences(), self.calling.finite_only);
        let initial = initial.map(|s| self.pack_state("initial state", n, s, finite_only)).transpose()?;
        Ok((rows, initial))
    }

    /// The valid rows of the caller's array, in processing order.
    fn pack<D: Axes>(&self, x: ArrayView<f32, D>, valid: Valid) -> Result<Rows> {
        let (axes, shape) = (self.axis_order::<D>(), x.shape().to_vec());
        let input = self.stack.config().input;
        let mut x = axes.enter(x);
        let (n, t, features) = x.dim();
        if features != input {
            return Err(Error::Shape {
                what: "input".into(),
                expected: axes.describe(input),
                found: format!("{shape:?}"),
            });
        }
        if n == 0 || t == 0 {
            return Err(Error::Shape {
                what: "input".into(),
                expected: "at least one sequence and one step".into(),
                found: format!("{shape:?}"),
            });
        }
        if self.calling.go_backwards {
            x.invert_axis(Axis(1));
        }
        let layout = valid.layout(n, t, self.calling)?;
        let data = gather(x, &layout);
        if self.calling.finite_only
            && let Some(at) = data.iter().position(|v| !v.is_finite())
        {
            let (row, value) = (at / features, data[at]);
            let mut place = (0, 0);
            layout.for_each_row(|r, n, t| {
                if r == row {
                    place = (n, t);
                }
            });
            let step = if self.calling.go_backwards { t - 1 - place.1 } else { place.1 };
            return Err(Error::Invalid(format!(
                "input: {value} at sequence {}, step {step}, feature {}; mask the step or fill the value in",
                place.0,
                at % features
            )));
        }
        Rows::new(data, features, layout)
    }

    /// Every step's output as the caller's array.
    fn sequences<D: Axes>(&self, rows: Rows) -> Array<f32, D> {
        let axes = self.axis_order::<D>();
        let (n, t, features) = (rows.layout.sequences(), rows.layout.time(), rows.features);
        if rows.layout.rows() == n * t && (axes.time_major || n == 1) {
            // Without padding, packed rows are the time-major array.
            return filled(&axes.shape(n, t, features), rows.into_data());
        }
        axes.leave(filled(&[n, t, features], rows.unpack()))
    }

    /// The widths of h and c; c's is 0 where the cell has none.
    fn widths(&self) -> [usize; 2] {
        let config = self.stack.config();
        [config.state_features(), config.cell_features()]
    }

    fn state_shape<D: Axes>(&self, n: usize, width: usize) -> Vec<usize> {
        let config = self.stack.config();
        let count = config.layers * config.directions();
        if is_batched::<D>() { vec![count, n, width] } else { vec![count, width] }
    }

    fn state<D: Axes, S: Parts<D>>(&self, state: RecurrentState, n: usize) -> S {
        let [hidden, cell] = self.widths().map(|width| self.state_shape::<D>(n, width));
        S::of(filled(&hidden, state.hidden), filled(&cell, state.cell))
    }

    fn pack_state<D: Axes, S: Parts<D>>(
        &self,
        what: &str,
        n: usize,
        state: &S,
        finite_only: bool,
    ) -> Result<RecurrentState> {
        let mut packed = RecurrentState { hidden: Vec::new(), cell: Vec::new() };
        let places = [&mut packed.hidden, &mut packed.cell];
        for (((name, part), width), to) in state.parts().zip(self.widths()).zip(places) {
            expect_shape(&format!("{what}: {name}"), &self.state_shape::<D>(n, width), part.shape())?;
            to.extend(part.iter().copied());
            if finite_only && let Some(at) = to.iter().position(|v| !v.is_finite()) {
                return Err(Error::Invalid(format!(
                    "{what}: {name} is {} at index {}, sequence {}, unit {}; start from finite numbers",
                    to[at],
                    at / (n * width),
                    at / width % n,
                    at % width
                )));
            }
        }
        Ok(packed)
    }

    fn no_state(&self, n: usize) -> RecurrentState {
        let config = self.stack.config();
        let count = config.layers * config.directions() * n;
        let [hidden, cell] = self.widths().map(|width| vec![0.0; count * width]);
        RecurrentState { hidden, cell }
    }

    /// Sets the final states of sequences without a step to zero where that was asked for, or the gradients of those.
    fn clear_empty(&self, layout: &Layout, state: &mut RecurrentState) {
        if self.calling.empty == Empty::Initial {
            return;
        }
        let n = layout.sequences();
        let empty = layout.order().iter().zip(layout.lengths()).filter(|&(_, &length)| length == 0);
        for (&sequence, _) in empty {
            for (part, width) in [&mut state.hidden, &mut state.cell].into_iter().zip(self.widths()) {
                if width > 0 {
                    part.chunks_exact_mut(width).skip(sequence).step_by(n).for_each(|state| state.fill(0.0));
                }
            }
        }
    }

    fn last_shape<D: Axes>(&self, n: usize) -> Vec<usize> {
        let features = self.stack.config().output_features();
        if is_batched::<D>() { vec![n, features] } else { vec![features] }
    }

    /// Calls `visit(at, from)` for every sequence and direction whose last output is its final hidden state: `at` is
    /// where it begins in `[N, D·H]`, `from` where in the stack's hidden states.
    fn for_each_last(&self, layout: &Layout, mut visit: impl FnMut(usize, usize)) {
        let config = self.stack.config();
        let (n, directions, width) = (layout.sequences(), config.directions(), config.state_features());
        for (&sequence, &length) in layout.order().iter().zip(layout.lengths()) {
            // With repeated outputs the last is the output at step T − 1: zeros where no step was valid.
            if length > 0 || self.calling.masked_steps == Fill::Zero {
                for direction in 0..directions {
                    let index = (config.layers - 1) * directions + direction;
                    visit((sequence * directions + direction) * width, (index * n + sequence) * width);
                }
            }
        }
    }

    /// The last layer's last outputs before they are merged, `[N, D·H]`.
    fn last_hidden(&self, layout: &Layout, state: &RecurrentState) -> Vec<f32> {
        let config = self.stack.config();
        let width = config.state_features();
        let mut last = vec![0.0; layout.sequences() * config.directions() * width];
        self.for_each_last(layout, |at, from| {
            last[at..at + width].copy_from_slice(&state.hidden[from..from + width]);
        });
        last
    }

    fn merged(&self, last: &[f32]) -> Vec<f32> {
        let config = self.stack.config();
        merge::forward(config.merge, last, config.state_features())
    }

    /// Adds the gradient `d` of the last outputs, `[N, features]`, to that of the final states.
    fn add_last_gradient(&self, layout: &Layout, last: &[f32], d: Vec<f32>, d_state: &mut RecurrentState) {
        let config = self.stack.config();
        let width = config.state_features();
        let d = merge::backward(config.merge, last, &d, width);
        self.for_each_last(layout, |at, to| {
            let to = &mut d_state.hidden[to..to + width];
            to.iter_mut().zip(&d[at..at + width]).for_each(|(to, d)| *to += d);
        });
    }
}

/// The rows that a layout takes from an `[N, T, F]` array.
fn gather(x: ArrayView3<f32>, layout: &Layout) -> Vec<f32> {
    let mut data = Vec::with_capacity(layout.rows() * x.dim().2);
    layout.for_each_row(|_, n, t| {
        let row = x.index_axis(Axis(0), n).index_axis_move(Axis(0), t);
        match row.as_slice() {
            Some(row) => data.extend_from_slice(row),
            None => data.extend(row.iter().copied()),
        }
    });
    data
}

/// Rows at their steps in an `[N, T, F]` array, zeros elsewhere: gradients are never repeated.
fn scatter(rows: &Rows) -> Array3<f32> {
    let (features, t) = (rows.features, rows.layout.time());
    let mut values = vec![0.0; rows.layout.sequences() * t * features];
    rows.layout.for_each_row(|row, n, step| {
        let to = (n * t + step) * features;
        values[to..to + features].copy_from_slice(&rows.data[row * features..(row + 1) * features]);
    });
    filled(&[rows.layout.sequences(), t, features], values)
}
