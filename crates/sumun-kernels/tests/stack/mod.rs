//! Layers and directions on top of a kernel of one layer and one direction, as plainly as it can be written, so
//! that whole networks of another library can be compared on any path.

pub(crate) mod fused;

use sumun_kernels::reference::{self, Cache};
use sumun_kernels::{
    Adjoint, Cell, Dims, Gradients, Options, Pass, Real, RowsMut, RowsRef, State, StateMut, Steps, Weights,
    Write,
};

/// A path under test: one recurrence forward and back. Refused arguments fail the test.
pub(crate) trait Kernel<F: Real> {
    /// What forward keeps for backward.
    type Kept;

    /// Whether the path computes this recurrence.
    fn computes(&self, dims: Dims) -> bool;

    fn forward(&self, weights: &Weights<F>, pass: Pass<F>) -> Self::Kept;

    fn backward(&self, kept: &Self::Kept, weights: &Weights<F>, adjoint: Adjoint<F>);
}

/// The reference path, in either precision.
pub(crate) struct Reference;

impl<F: Real> Kernel<F> for Reference {
    type Kept = Cache<F>;

    fn computes(&self, _: Dims) -> bool {
        true
    }

    fn forward(&self, weights: &Weights<F>, pass: Pass<F>) -> Cache<F> {
        let mut cache = Cache::default();
        reference::forward(weights, pass, Some(&mut cache)).expect("shapes fit");
        cache
    }

    fn backward(&self, kept: &Cache<F>, weights: &Weights<F>, adjoint: Adjoint<F>) {
        reference::backward(weights, adjoint, kept).expect("shapes fit");
    }
}

/// Sequences of one batch and where their steps are among the packed rows.
pub(crate) struct Batch {
    pub(crate) steps: Steps,
    /// T of the padded arrays.
    padded: usize,
    /// The caller's index of each rank: longest first, equal lengths in the caller's order.
    order: Vec<usize>,
    /// The length of each rank.
    lengths: Vec<usize>,
}

impl Batch {
    /// `lengths` in the caller's order, of sequences padded to `padded` steps.
    pub(crate) fn new(lengths: &[usize], padded: usize) -> Self {
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&n| std::cmp::Reverse(lengths[n]));
        let lengths: Vec<usize> = order.iter().map(|&n| lengths[n]).collect();
        let alive = |t: usize| lengths.iter().filter(|&&length| length > t).count();
        let steps = Steps::new((0..lengths[0]).map(alive).collect()).expect("sorted lengths never grow");
        Self { steps, padded, order, lengths }
    }

    /// The packed row and the padded row of every (rank, step).
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        self.order.iter().enumerate().flat_map(move |(rank, n)| {
            (0..self.lengths[rank]).map(move |t| (self.steps.offset(t) + rank, n * self.padded + t))
        })
    }

    /// `[N, T, width]` in the caller's order as packed rows `[R, width]`.
    pub(crate) fn pack<F: Real>(&self, padded: &[F], width: usize) -> Vec<F> {
        gather(padded, width, self.steps.rows(), self.places())
    }

    /// Packed rows `[R, width]` as `[N, T, width]` in the caller's order, zeros where a sequence has ended.
    pub(crate) fn unpack<F: Real>(&self, rows: &[F], width: usize) -> Vec<F> {
        let places = self.places().map(|(packed, padded)| (padded, packed));
        gather(rows, width, self.order.len() * self.padded, places)
    }

    /// Packed rows with every sequence reversed in its own length: step t from len − 1 − t.
    pub(crate) fn reverse<F: Real>(&self, rows: &[F], width: usize) -> Vec<F> {
        let places = self.lengths.iter().enumerate().flat_map(|(rank, &length)| {
            (0..length).map(move |t| (self.steps.offset(t) + rank, self.steps.offset(length - 1 - t) + rank))
        });
        gather(rows, width, self.steps.rows(), places)
    }

    /// A state `[N, width]` in the caller's order as one in rank order; an empty one stays empty. Sequences without
    /// a step come last.
    pub(crate) fn rank<F: Real>(&self, state: &[F], width: usize) -> Vec<F> {
        let count = if state.is_empty() { 0 } else { self.order.len() };
        gather(state, width, count, self.order.iter().copied().enumerate().take(count))
    }

    /// A state `[N, width]` in rank order as one in the caller's order; an empty one stays empty.
    pub(crate) fn unrank<F: Real>(&self, state: &[F], width: usize) -> Vec<F> {
        let count = if state.is_empty() { 0 } else { self.order.len() };
        let places = self.order.iter().enumerate().map(|(rank, &n)| (n, rank));
        gather(state, width, count, places.take(count))
    }
}

/// `count` rows of zeros into which row `from` is copied to row `to` for every (`to`, `from`).
fn gather<F: Real>(
    rows: &[F],
    width: usize,
    count: usize,
    places: impl Iterator<Item = (usize, usize)>,
) -> Vec<F> {
    let mut gathered = vec![F::ZERO; count * width];
    for (to, from) in places {
        gathered[to * width..][..width].copy_from_slice(&rows[from * width..][..width]);
    }
    gathered
}

/// `values` cut in as many blocks as `order` has, block k from block `order[k]`: another library's order of gates
/// as PyTorch's. Empty values stay empty.
pub(crate) fn reorder<F: Copy>(values: &[F], order: &[usize]) -> Vec<F> {
    let size = values.len() / order.len();
    order.iter().flat_map(|&block| values[block * size..][..size].to_vec()).collect()
}

/// `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`, `weight_hr`, or their gradients.
pub(crate) type Parameters<F> = [Vec<F>; 5];

/// The hidden state `[N, H or P]` and the cell state `[N, H]` in rank order; the cell state is empty where the cell
/// has none.
pub(crate) type LayerState<F> = [Vec<F>; 2];

/// A recurrent network: layers, each in one or both directions. What there is one of for each layer and
/// direction is listed at layer · directions + direction.
pub(crate) struct Stack<F> {
    pub(crate) cell: Cell,
    pub(crate) input: usize,
    pub(crate) hidden: usize,
    pub(crate) projection: Option<usize>,
    pub(crate) directions: usize,
    pub(crate) parameters: Vec<Parameters<F>>,
}

/// One layer and direction as it ran, in processing order.
struct Run<F, Kept> {
    x: Vec<F>,
    out: Vec<F>,
    kept: Kept,
}

/// What a stack's forward gives.
pub(crate) struct Forward<F, Kept> {
    /// Packed rows `[R, directions · H]`.
    pub(crate) output: Vec<F>,
    pub(crate) last: Vec<LayerState<F>>,
    runs: Vec<Run<F, Kept>>,
}

/// What a stack's backward gives.
pub(crate) struct Backward<F> {
    /// Packed rows `[R, I]`.
    pub(crate) d_input: Vec<F>,
    pub(crate) d_initial: Vec<LayerState<F>>,
    pub(crate) d_parameters: Vec<Parameters<F>>,
}

impl<F: Real> Stack<F> {
    pub(crate) fn dims(&self, index: usize) -> Dims {
        let first = index < self.directions;
        let input = if first { self.input } else { self.directions * self.output() };
        let options = Options { projection: self.projection, ..Options::default() };
        Dims::new(self.cell, input, self.hidden).with(options)
    }

    /// The width of h: H or P.
    pub(crate) fn output(&self) -> usize {
        self.projection.unwrap_or(self.hidden)
    }

    fn weights(&self, index: usize) -> Weights<'_, F> {
        let [input, hidden, bias_input, bias_hidden, projection] = &self.parameters[index];
        Weights { input, hidden, bias_input, bias_hidden, projection, ..Weights::default() }
    }

    /// Memory for a state of `batch`, filled with what no test can take for a result.
    fn unwritten_state(&self, batch: &Batch) -> LayerState<F> {
        let widths = [self.output(), if self.cell.has_cell_state() { self.hidden } else { 0 }];
        widths.map(|width| vec![F::from_f64(f64::NAN); batch.steps.sequences() * width])
    }

    /// Packed rows `x`, `[R, I]`, through all layers; `initial` has one state for each layer and direction.
    pub(crate) fn forward<K: Kernel<F>>(
        &self,
        kernel: &K,
        batch: &Batch,
        x: &[F],
        initial: Option<&[LayerState<F>]>,
    ) -> Forward<F, K::Kept> {
        let (steps, width) = (&batch.steps, self.directions * self.output());
        let mut forward = Forward { output: x.to_vec(), last: Vec::new(), runs: Vec::new() };
        for layer in 0..self.parameters.len() / self.directions {
            let mut output = vec![F::ZERO; steps.rows() * width];
            for direction in 0..self.directions {
                let index = layer * self.directions + direction;
                let dims = self.dims(index);
                let x = match direction {
                    0 => forward.output.clone(),
                    _ => batch.reverse(&forward.output, dims.input),
                };
                let mut out = vec![F::from_f64(f64::NAN); steps.rows() * self.output()];
                let [mut hidden, mut cell] = self.unwritten_state(batch);
                let last = StateMut { hidden: &mut hidden, cell: &mut cell };
                let (from, to) = (RowsRef::dense(&x, dims.input), RowsMut::dense(&mut out, dims.output()));
                let pass = Pass::new(dims, steps, from, state(initial, index), to, last).expect("shapes fit");
                let kept = kernel.forward(&self.weights(index), pass);
                let rows = if direction == 0 { out.clone() } else { batch.reverse(&out, self.output()) };
                for r in 0..steps.rows() {
                    output[r * width + direction * self.output()..][..self.output()]
                        .copy_from_slice(&rows[r * self.output()..][..self.output()]);
                }
                forward.last.push([hidden, cell]);
                forward.runs.push(Run { x, out, kept });
            }
            forward.output = output;
        }
        forward
    }

    /// The gradients of all that went into [`forward`](Self::forward), from those of the output rows and of the
    /// final states.
    pub(crate) fn backward<K: Kernel<F>>(
        &self,
        kernel: &K,
        batch: &Batch,
        forward: &Forward<F, K::Kept>,
        initial: Option<&[LayerState<F>]>,
        d_output: &[F],
        d_last: &[LayerState<F>],
    ) -> Backward<F> {
        let (steps, width) = (&batch.steps, self.directions * self.output());
        let mut d_rows = d_output.to_vec();
        let mut d_initial: Vec<LayerState<F>> =
            self.parameters.iter().map(|_| self.unwritten_state(batch)).collect();
        let mut d_parameters: Vec<Parameters<F>> =
            self.parameters.iter().map(|p| p.each_ref().map(|v| vec![F::ZERO; v.len()])).collect();
        for layer in (0..self.parameters.len() / self.directions).rev() {
            let inputs = self.dims(layer * self.directions).input;
            let mut d_input = vec![F::ZERO; steps.rows() * inputs];
            for direction in 0..self.directions {
                let index = layer * self.directions + direction;
                let mut d_out = vec![F::ZERO; steps.rows() * self.output()];
                for r in 0..steps.rows() {
                    d_out[r * self.output()..][..self.output()]
                        .copy_from_slice(&d_rows[r * width + direction * self.output()..][..self.output()]);
                }
                if direction == 1 {
                    d_out = batch.reverse(&d_out, self.output());
                }
                let mut d_x = vec![F::from_f64(f64::NAN); d_input.len()];
                let [d_hidden, d_cell] = &mut d_initial[index];
                let [input, hidden, bias_input, bias_hidden, projection] = &mut d_parameters[index];
                let Run { x, out, kept } = &forward.runs[index];
                let (dims, width) = (self.dims(index), self.output());
                let (x, out) = (RowsRef::dense(x, inputs), RowsRef::dense(out, width));
                let d_initial = StateMut { hidden: d_hidden, cell: d_cell };
                let into =
                    Gradients { input, hidden, bias_input, bias_hidden, projection, ..Gradients::default() };
                let adjoint = Adjoint::new(dims, steps, x, state(initial, index), out, d_initial, into)
                    .and_then(|adjoint| adjoint.d_out(RowsRef::dense(&d_out, width)))
                    .and_then(|adjoint| adjoint.d_last(state(Some(d_last), index)))
                    .and_then(|adjoint| adjoint.d_x(RowsMut::dense(&mut d_x, inputs), Write::Overwrite));
                kernel.backward(kept, &self.weights(index), adjoint.expect("shapes fit"));
                if direction == 1 {
                    d_x = batch.reverse(&d_x, inputs);
                }
                d_input.iter_mut().zip(d_x).for_each(|(sum, d)| *sum += d);
            }
            d_rows = d_input;
        }
        Backward { d_input: d_rows, d_initial, d_parameters }
    }
}

fn state<F>(states: Option<&[LayerState<F>]>, index: usize) -> Option<State<'_, F>> {
    let [hidden, cell] = &states?[index];
    Some(State { hidden, cell })
}
