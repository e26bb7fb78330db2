//! Cells to step by hand: [`RnnCell`], [`LstmCell`] and [`GruCell`].

use std::marker::PhantomData;
use std::sync::Arc;

use ndarray::{Array, ArrayView, Dimension, Ix1, Ix2};
use rand::Rng;
use sumun_kernels::Path;

use super::axes::{expect_shape, filled};
use super::layers::{GruConfig, LstmConfig, RnnConfig};
use super::states::{HiddenState, LstmState, Parts};
use super::valid::Calling;
use crate::nn::{InputGradient, Recurrent, RecurrentCache, RecurrentConfig, RecurrentState, Stream};
use crate::noise::Noise;
use crate::{Error, Fill, Layout, Parameters, Result, Rows};

mod sealed {
    pub trait Sealed {}
    impl Sealed for ndarray::Ix1 {}
    impl Sealed for ndarray::Ix2 {}
}

/// The axes of a cell's input and state: two with a batch (`[N, F]`, state `[N, H]`), one without (`[F]`, `[H]`).
pub trait CellAxes: Dimension + sealed::Sealed + 'static {}

impl CellAxes for Ix1 {}
impl CellAxes for Ix2 {}

/// What a training step keeps for its backward; `D` are the axes of its input.
#[derive(Debug)]
pub struct CellCache<D> {
    cache: RecurrentCache,
    layout: Arc<Layout>,
    axes: PhantomData<fn() -> D>,
}

macro_rules! cell {
    ($cell:ident, $config:ident, $state:ident, $stream:ty, $(#[$about:meta])*) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $cell(Cell);

        impl $cell {
            /// A cell whose weights are initialised as those of a layer. What a cell cannot have is an error:
            /// several layers, a second direction, dropout between layers, and how a time axis is read and shown.
            pub fn new<R: Rng + ?Sized>(config: $config, rng: &mut R) -> Result<Self> {
                Cell::new(stringify!($cell), config.stack, config.calling, rng).map(Self)
            }

            /// The same cell on another path of the kernels. A path that this processor lacks, or that does not
            /// compute the cell, is an error.
            pub fn on_path(self, path: Path) -> Result<Self> {
                Ok(Self(Cell { stack: self.0.stack.on_path(path)?, ..self.0 }))
            }

            /// What it is made of.
            pub fn config(&self) -> &RecurrentConfig {
                self.0.stack.config()
            }

            /// Its weights and their gradients, named as PyTorch names them: `weight_ih`, `weight_hh`, `bias_ih`,
            /// `bias_hh`.
            pub fn parameters(&self) -> &Parameters {
                &self.0.parameters
            }

            /// Its weights and their gradients, to be changed.
            pub fn parameters_mut(&mut self) -> &mut Parameters {
                &mut self.0.parameters
            }

            /// The path of the kernels that computes it.
            pub fn path(&self) -> Path {
                self.0.stack.path()
            }

            /// The state after one step: `x` is `[N, I]`, or `[I]` without a batch, and the state alike; zeros
            /// before the first step where none is given. The output is `hidden`. The same bits as the layer's
            /// `forward` with these weights, step by step.
            ///
            /// Arrays and states of other shapes and a batch of nothing are errors, and so are NaN and infinities
            /// where `finite_only` was asked for.
            pub fn step<D: CellAxes>(
                &self,
                x: ArrayView<f32, D>,
                state: Option<&$state<D>>,
            ) -> Result<$state<D>> {
                self.0.step(x, state)
            }

            /// As `step`, keeping what `backward` needs. `t` counts the steps of the sequence from 0: with the same
            /// noise, the masks of step `t` are those that the layer draws at step `t`.
            pub fn step_train<D: CellAxes>(
                &self,
                x: ArrayView<f32, D>,
                state: Option<&$state<D>>,
                t: usize,
                noise: Noise,
            ) -> Result<($state<D>, CellCache<D>)> {
                self.0.step_train(x, state, t, noise)
            }

            /// The gradients of the input and of the state before the step, from that of the state after it, with the
            /// axes of `x` and the states. Those of the weights are added to `parameters`. Go through the steps from the last
            /// to the first. Parameters that changed since are an error.
            pub fn backward<D: CellAxes>(
                &mut self,
                cache: CellCache<D>,
                d_state: &$state<D>,
            ) -> Result<(Array<f32, D>, $state<D>)> {
                self.0.backward(cache, d_state)
            }

            /// The cell over one sequence that arrives step by step: it carries its own state, and a step allocates
            /// nothing. It keeps the weights as they are now.
            pub fn stream(&self) -> Result<Stream<$stream>> {
                Ok(self.0.stack.stream(&self.0.parameters)?.finite_only(self.0.finite_only))
            }
        }
    };
}

cell! {
    RnnCell, RnnConfig, HiddenState, HiddenState<Ix1>,
    /// One step of an [`Rnn`](super::Rnn) (PyTorch's `RNNCell`, Keras' `SimpleRNNCell`).
}

cell! {
    LstmCell, LstmConfig, LstmState, LstmState<Ix1>,
    /// One step of an [`Lstm`](super::Lstm) (PyTorch's and Keras' `LSTMCell`).
    ///
    /// ```
    /// use ndarray::Array2;
    /// use rand::SeedableRng;
    /// use sumun_nn::nn::{LstmCell, LstmConfig};
    ///
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// let cell = LstmCell::new(LstmConfig::new(10, 20), &mut rng)?;
    /// let mut state = None;
    /// for _ in 0..6 {
    ///     let x = Array2::zeros((3, 10));
    ///     state = Some(cell.step(x.view(), state.as_ref())?);
    /// }
    /// assert_eq!(state.unwrap().hidden.dim(), (3, 20));
    /// # Ok::<(), sumun_nn::Error>(())
    /// ```
}

cell! {
    GruCell, GruConfig, HiddenState, HiddenState<Ix1>,
    /// One step of a [`Gru`](super::Gru) (PyTorch's and Keras' `GRUCell`).
}

/// A stack of one layer and direction with its own parameters, called step by step.
#[derive(Debug)]
struct Cell {
    stack: Recurrent,
    parameters: Parameters,
    finite_only: bool,
}

impl Cell {
    fn new<R: Rng + ?Sized>(
        name: &str,
        config: RecurrentConfig,
        calling: Calling,
        rng: &mut R,
    ) -> Result<Self> {
        let layers = format!("{} layers; step a cell for each of them", config.layers);
        let refused = [
            (config.layers > 1, layers.as_str()),
            (
                config.bidirectional,
                "two directions, but the second one begins at the last step; step a cell for each",
            ),
            (
                config.dropout > 0.0,
                "dropout, which acts between layers; set input_dropout or recurrent_dropout",
            ),
            (calling.go_backwards, "go_backwards; hand it the steps from the last to the first"),
            (calling.time_major, "time_major, but its input has no time axis; leave it out"),
            (
                calling.masked_steps != Fill::Zero,
                "masked_steps, but a step that it is not given shows nothing; leave it out",
            ),
        ];
        if let Some((_, what)) = refused.into_iter().find(|(refused, _)| *refused) {
            return Err(Error::Invalid(format!(
                "{name} is one layer, step by step, and was asked for {what}"
            )));
        }
        let mut parameters = Parameters::new();
        let stack = Recurrent::new(config, &mut parameters, "", rng)?;
        // PyTorch's cells have no layers to count.
        parameters.rename(|name| name.trim_end_matches("_l0").into());
        Ok(Self { stack, parameters, finite_only: calling.finite_only })
    }

    fn step<D: CellAxes, S: Parts<D>>(&self, x: ArrayView<f32, D>, state: Option<&S>) -> Result<S> {
        let (n, x, mut state) = self.enter(x, state)?;
        if n == 1 {
            self.stack.step(&self.parameters, &x, &mut state)?;
        } else {
            // A batch may be worth several threads, which a step of one sequence never is.
            let x = Rows::new(x, self.stack.config().input, Layout::full(n, 1)?)?;
            (_, state) = self.stack.forward_with_state(&self.parameters, x, Some(&state))?;
        }
        Ok(self.state(state, n))
    }

    fn step_train<D: CellAxes, S: Parts<D>>(
        &self,
        x: ArrayView<f32, D>,
        state: Option<&S>,
        t: usize,
        noise: Noise,
    ) -> Result<(S, CellCache<D>)> {
        let (n, x, state) = self.enter(x, state)?;
        let layout = Layout::one_step_at(n, t)?;
        let x = Rows::new(x, self.stack.config().input, layout.clone())?;
        let (_, state, cache) =
            self.stack.forward_train_with_state(&self.parameters, x, Some(&state), noise)?;
        Ok((self.state(state, n), CellCache { cache, layout, axes: PhantomData }))
    }

    fn backward<D: CellAxes, S: Parts<D>>(
        &mut self,
        cache: CellCache<D>,
        d_state: &S,
    ) -> Result<(Array<f32, D>, S)> {
        let CellCache { cache, layout, .. } = cache;
        let n = layout.sequences();
        let d_state = self.pack("final state's gradient", n, d_state, false)?;
        let [hidden, _] = self.widths();
        let d_out = Rows::new(vec![0.0; n * hidden], hidden, layout)?;
        let (d_x, d_state) = self.stack.backward_with_state(
            &mut self.parameters,
            cache,
            d_out,
            Some(&d_state),
            InputGradient::Needed,
        )?;
        let d_x = d_x.expect("the input's gradient was asked for").into_data();
        Ok((filled(&shape::<D>(n, self.stack.config().input), d_x), self.state(d_state, n)))
    }

    /// The widths of h and c; c's is 0 where the cell has none.
    fn widths(&self) -> [usize; 2] {
        let config = self.stack.config();
        [config.state_features(), config.cell_features()]
    }

    /// N, and the caller's arrays as the stack takes them.
    fn enter<D: CellAxes, S: Parts<D>>(
        &self,
        x: ArrayView<f32, D>,
        state: Option<&S>,
    ) -> Result<(usize, Vec<f32>, RecurrentState)> {
        let n = if D::NDIM == Some(2) { x.shape()[0] } else { 1 };
        let input = self.stack.config().input;
        if x.shape() != shape::<D>(n, input) || n == 0 {
            return Err(Error::Shape {
                what: "input".into(),
                expected: match D::NDIM {
                    Some(2) => format!("[N, {input}] with at least one sequence"),
                    _ => format!("[{input}]"),
                },
                found: format!("{:?}", x.shape()),
            });
        }
        let x: Vec<f32> = x.iter().copied().collect();
        if self.finite_only
            && let Some(at) = x.iter().position(|v| !v.is_finite())
        {
            return Err(Error::Invalid(format!(
                "input: {} at sequence {}, feature {}; leave the step out or fill the value in",
                x[at],
                at / input,
                at % input
            )));
        }
        let state = match state {
            Some(state) => self.pack("state", n, state, self.finite_only)?,
            None => {
                let [hidden, cell] = self.widths().map(|width| vec![0.0; n * width]);
                RecurrentState { hidden, cell }
            }
        };
        Ok((n, x, state))
    }

    fn pack<D: CellAxes, S: Parts<D>>(
        &self,
        what: &str,
        n: usize,
        state: &S,
        finite_only: bool,
    ) -> Result<RecurrentState> {
        let mut packed = RecurrentState { hidden: Vec::new(), cell: Vec::new() };
        let places = [&mut packed.hidden, &mut packed.cell];
        for (((name, part), width), to) in state.parts().zip(self.widths()).zip(places) {
            expect_shape(&format!("{what}: {name}"), &shape::<D>(n, width), part.shape())?;
            to.extend(part.iter().copied());
            if finite_only && let Some(at) = to.iter().position(|v| !v.is_finite()) {
                return Err(Error::Invalid(format!(
                    "{what}: {name} is {} at sequence {}, unit {}; go on from finite numbers",
                    to[at],
                    at / width,
                    at % width
                )));
            }
        }
        Ok(packed)
    }

    fn state<D: CellAxes, S: Parts<D>>(&self, state: RecurrentState, n: usize) -> S {
        let [hidden, cell] = self.widths().map(|width| shape::<D>(n, width));
        S::of(filled(&hidden, state.hidden), filled(&cell, state.cell))
    }
}

/// `[N, width]`, or `[width]` without a batch.
fn shape<D: CellAxes>(n: usize, width: usize) -> Vec<usize> {
    if D::NDIM == Some(2) { vec![n, width] } else { vec![width] }
}

#[cfg(test)]
mod tests;
