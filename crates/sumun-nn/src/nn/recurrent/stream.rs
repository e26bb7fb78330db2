//! One step at a time: a stack over numbers that arrive one by one.

use std::sync::Arc;

use sumun_kernels::{Prepared, Scratch, StateMut};

use super::cells::Recurrent;
use crate::state::RecurrentState;
use crate::{Error, Parameters, Result};

/// A stack over one sequence that arrives step by step: it has the packed weights, as they were when it was made, and its own
/// state. Streams of one stack share the packed weights. The stack's `forward` over the whole sequence returns the same bits.
///
/// A step allocates nothing, takes no lock and starts no thread. Several streams of one stack are independent, and a
/// stream may be moved to another thread. Made by the `stream` of [`Lstm`](crate::nn::Lstm) and the like, of
/// [`LstmCell`](crate::nn::LstmCell) and the like, and of [`Recurrent`]; `S` is the form in which it shows its state.
///
/// ```
/// use rand::SeedableRng;
/// use sumun_nn::nn::{Lstm, LstmConfig};
///
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let lstm = Lstm::new(LstmConfig::new(2, 4).layers(2), &mut rng)?;
/// let mut stream = lstm.stream()?;
/// for x in [[0.1, 0.2], [0.3, 0.4]] {
///     let output: &[f32] = stream.step(&x)?;
///     assert_eq!(output.len(), 4);
/// }
/// let saved = stream.state();
/// assert_eq!(saved.cell.dim(), (2, 4)); // [L, H], as `forward` has it for a sequence without a batch
/// stream.reset();
/// stream.set_state(&saved)?;
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug)]
pub struct Stream<S = RecurrentState> {
    prepared: Arc<Vec<Prepared>>,
    input: usize,
    widths: Widths,
    finite_only: bool,
    state: RecurrentState,
    scratch: Scratch,
    shows: std::marker::PhantomData<fn() -> S>,
}

/// Sealed: only this crate's states are forms of a stream's.
pub(in crate::nn) mod sealed {
    use super::RecurrentState;
    use crate::Result;

    /// The sizes of a state: L layers, h, and c, which is 0 wide where the cell has none.
    #[derive(Debug, Clone, Copy)]
    pub struct Widths {
        pub layers: usize,
        pub hidden: usize,
        pub cell: usize,
    }

    /// A form of the state of one sequence.
    pub trait Form: Sized {
        /// The state `[L, H]` in this form.
        fn of(state: &RecurrentState, widths: Widths) -> Self;

        /// Copies it to `[L, H]`, allocating nothing; another shape is an error.
        fn copy_to(&self, state: &mut RecurrentState, widths: Widths) -> Result<()>;

        /// The first of its numbers that is NaN or infinite.
        fn not_finite(&self) -> Option<f32>;
    }
}

use sealed::{Form, Widths};

/// A form in which a [`Stream`] shows its state: [`RecurrentState`], or the states of the array layers and cells.
pub trait StreamState: Form {}

impl<S: Form> StreamState for S {}

impl Form for RecurrentState {
    fn of(state: &RecurrentState, _: Widths) -> Self {
        state.clone()
    }

    fn copy_to(&self, state: &mut RecurrentState, widths: Widths) -> Result<()> {
        let found = (self.hidden.len(), self.cell.len());
        if found != (widths.layers * widths.hidden, widths.layers * widths.cell) {
            return Err(Error::Shape {
                what: "a stream's state".into(),
                expected: format!(
                    "{} hidden and {} cell values",
                    widths.layers * widths.hidden,
                    widths.layers * widths.cell
                ),
                found: format!("{} and {}", found.0, found.1),
            });
        }
        state.hidden.copy_from_slice(&self.hidden);
        state.cell.copy_from_slice(&self.cell);
        Ok(())
    }

    fn not_finite(&self) -> Option<f32> {
        self.hidden.iter().chain(&self.cell).copied().find(|value| !value.is_finite())
    }
}

impl<S: StreamState> Stream<S> {
    /// The next step of the sequence: `x` is `[I]`; returns the top layer's output, `[H]`, or `[P]` with a
    /// projection. Another number of features is an error, and so are NaN and infinities where the layer was asked
    /// for `finite_only`; the state then stays as it is.
    pub fn step(&mut self, x: &[f32]) -> Result<&[f32]> {
        if x.len() != self.input {
            return Err(Error::Shape {
                what: "the input of a stream's step".into(),
                expected: format!("[{}]", self.input),
                found: format!("[{}]", x.len()),
            });
        }
        if self.finite_only
            && let Some(at) = not_finite(x)
        {
            return Err(Error::Invalid(format!(
                "input: {} at feature {at}; leave the step out or fill the value in",
                x[at]
            )));
        }
        climb(&self.prepared, x, self.widths, &mut self.state, &mut self.scratch)?;
        Ok(&self.state.hidden[(self.widths.layers - 1) * self.widths.hidden..])
    }

    /// The next steps of the sequence, as many as there are, with the bits of as many [`step`](Self::step)s: `xs` is `[T, I]`, and
    /// `out` is overwritten with the top layer's outputs, `[T, H]` or `[T, P]`. For audio, which comes in blocks of samples.
    /// Like a step it allocates nothing and takes no lock.
    ///
    /// Errors, after which the state and `out` are as they were: values that are no whole number of steps, an `out` for another
    /// number of steps, and NaN and infinities where the layer was asked for `finite_only`.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use sumun_nn::nn::{Gru, GruConfig};
    ///
    /// let gru = Gru::new(GruConfig::new(1, 16), &mut rand_chacha::ChaCha8Rng::seed_from_u64(0))?;
    /// let mut stream = gru.stream()?;
    /// let (samples, mut out) = ([0.1, -0.2, 0.3], [0.0; 3 * 16]);
    /// stream.block(&samples, &mut out)?;
    /// assert_eq!(stream.hidden(), &out[2 * 16..]);
    /// # Ok::<(), sumun_nn::Error>(())
    /// ```
    pub fn block(&mut self, xs: &[f32], out: &mut [f32]) -> Result<()> {
        let (input, output) = (self.input, self.widths.hidden);
        let steps = xs.len() / input;
        if xs.len() != steps * input {
            return Err(Error::Shape {
                what: "the input of a stream's block".into(),
                expected: format!("[T, {input}]"),
                found: format!("{} values", xs.len()),
            });
        }
        if steps.checked_mul(output) != Some(out.len()) {
            return Err(Error::Shape {
                what: "the output of a stream's block".into(),
                expected: format!("[{steps}, {output}]"),
                found: format!("{} values", out.len()),
            });
        }
        if self.finite_only
            && let Some(at) = not_finite(xs)
        {
            return Err(Error::Invalid(format!(
                "input: {} at step {}, feature {}; leave the step out or fill the value in",
                xs[at],
                at / input,
                at % input
            )));
        }
        for (x, out) in xs.chunks_exact(input).zip(out.chunks_exact_mut(output)) {
            climb(&self.prepared, x, self.widths, &mut self.state, &mut self.scratch)?;
            out.copy_from_slice(&self.state.hidden[(self.widths.layers - 1) * output..]);
        }
        Ok(())
    }

    /// The state after the last step: zeros before the first.
    pub fn state(&self) -> S {
        S::of(&self.state, self.widths)
    }

    /// The hidden states of all layers, `[L, H]`, without a copy.
    pub fn hidden(&self) -> &[f32] {
        &self.state.hidden
    }

    /// The cell states of all layers, `[L, H]`, without a copy; empty where the cell has none.
    pub fn cell(&self) -> &[f32] {
        &self.state.cell
    }

    /// Goes on from another state. Another shape is an error, and so are NaN and infinities where the layer was asked
    /// for `finite_only`; the state then stays as it is. Allocates nothing.
    pub fn set_state(&mut self, state: &S) -> Result<()> {
        if let Some(value) = state.not_finite().filter(|_| self.finite_only) {
            return Err(Error::Invalid(format!("a stream's state has {value}; go on from finite numbers")));
        }
        state.copy_to(&mut self.state, self.widths)
    }

    /// Starts again from a state of zeros.
    pub fn reset(&mut self) {
        self.state.hidden.fill(0.0);
        self.state.cell.fill(0.0);
    }

    /// Whether NaN and infinities are refused.
    pub(in crate::nn) fn finite_only(mut self, finite_only: bool) -> Self {
        self.finite_only = finite_only;
        self
    }
}

impl Recurrent {
    /// The stack over one sequence that arrives step by step, from a state of zeros, with the weights as they are now.
    /// It computes on the stack's path; dropout is for training alone. Its state is `[L, 1, H]`, and every step
    /// has an output, whatever the stack's [`Output`](crate::nn::Output).
    ///
    /// A bidirectional stack is an error: its second direction begins at the last step, which has not come yet.
    pub fn stream<S: StreamState>(&self, parameters: &Parameters) -> Result<Stream<S>> {
        if self.cells.config.bidirectional {
            return Err(Error::Invalid(
                "a bidirectional stack cannot stream: its second direction begins at the last step, which has not come yet; use one direction, or forward on whole sequences"
                    .into(),
            ));
        }
        let [hidden, cell] = self.cells.widths();
        let widths = Widths { layers: self.cells.config.layers, hidden, cell };
        let mut stream = Stream {
            prepared: self.cells.prepared(parameters, None)?,
            input: self.cells.config.input,
            widths,
            finite_only: false,
            state: RecurrentState {
                hidden: vec![0.0; widths.layers * hidden],
                cell: vec![0.0; widths.layers * cell],
            },
            scratch: Scratch::default(),
            shows: std::marker::PhantomData,
        };
        // The memory that steps need is fetched here, so that not even the first of them allocates.
        stream.step(&vec![0.0; self.cells.config.input])?;
        stream.reset();
        Ok(stream)
    }

    /// One step of one sequence through a stack of one direction, on this thread: `x` is `[I]`, `state` that before the
    /// step and then that after it, `[L, 1, H]`. The top layer's part of `state.hidden` is the output.
    pub(in crate::nn) fn step(
        &self,
        parameters: &Parameters,
        x: &[f32],
        state: &mut RecurrentState,
    ) -> Result<()> {
        let prepared = self.cells.prepared(parameters, None)?;
        let mut scratch = std::mem::take(&mut self.cells.lock().buffers.scratch);
        let [hidden, cell] = self.cells.widths();
        let widths = Widths { layers: self.cells.config.layers, hidden, cell };
        climb(&prepared, x, widths, state, &mut scratch)?;
        self.cells.lock().buffers.scratch = scratch;
        Ok(())
    }
}

/// Where the first number is that is NaN or infinite.
fn not_finite(values: &[f32]) -> Option<usize> {
    values.iter().position(|value| !value.is_finite())
}

/// One step of one sequence, from the lowest layer to the top.
fn climb(
    prepared: &[Prepared],
    x: &[f32],
    widths: Widths,
    state: &mut RecurrentState,
    scratch: &mut Scratch,
) -> Result<()> {
    let Widths { hidden, cell, .. } = widths;
    for (layer, prepared) in prepared.iter().enumerate() {
        let (below, here) = state.hidden.split_at_mut(layer * hidden);
        let x = if layer == 0 { x } else { &below[(layer - 1) * hidden..] };
        let after =
            StateMut { hidden: &mut here[..hidden], cell: &mut state.cell[layer * cell..(layer + 1) * cell] };
        prepared.step(x, after, scratch)?;
    }
    Ok(())
}
