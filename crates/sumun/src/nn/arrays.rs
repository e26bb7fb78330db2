//! Recurrent layers to use alone, on ordinary arrays: [`Rnn`], [`Lstm`] and [`Gru`].
//!
//! Arrays are batch-first, `[N, T, F]`. Each layer owns its [`Parameters`], with PyTorch's names. In a model the
//! same stacks run on packed rows ([`Recurrent`]); here arrays are packed at the entrance and unpacked at the exit.
//!
//! ```
//! use ndarray::Array3;
//! use rand::SeedableRng;
//! use sumun::nn::{Lengths, Lstm, LstmConfig};
//!
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
//! let config = LstmConfig::new(10, 20).layers(2).bidirectional(true);
//! let lstm = Lstm::new(config, &mut rng)?;
//! let x = Array3::zeros((5, 7, 10));
//! let (output, last) = lstm.forward(x.view(), Lengths::Of(&[7, 3, 5, 0, 1]), None)?;
//! assert_eq!(output.dim(), (5, 7, 40));
//! assert_eq!(last.hidden.dim(), (4, 5, 20)); // layer · directions + direction
//! # Ok::<(), sumun::Error>(())
//! ```

use std::sync::Arc;

use ndarray::{Array3, ArrayView3};
use rand::Rng;
use sumun_kernels::Path;

use super::{CellKind, InputGradient, Recurrent, RecurrentCache, RecurrentConfig, RecurrentState};
use crate::noise::Noise;
use crate::{Error, Layout, Parameters, Result, Rows};

/// The true lengths of the sequences of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lengths<'a> {
    /// Every sequence has all T steps.
    All,
    /// One length a sequence, in any order; each at most T, and 0 is allowed.
    Of(&'a [usize]),
}

impl Lengths<'_> {
    fn layout(self, sequences: usize, time: usize) -> Result<Arc<Layout>> {
        match self {
            Self::All => Ok(Layout::full(sequences, time)),
            Self::Of(lengths) if lengths.len() == sequences => Layout::ragged(lengths, time),
            Self::Of(lengths) => Err(Error::Shape {
                what: "lengths".into(),
                expected: format!("one for each of {sequences} sequences"),
                found: lengths.len().to_string(),
            }),
        }
    }
}

/// The state of an [`Rnn`] or [`Gru`], or the gradient of one.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenState {
    /// h, `[L·D, N, H]`; index layer·D + direction. In the caller's batch order, always.
    pub hidden: Array3<f32>,
}

/// The state of an [`Lstm`], or the gradient of one.
#[derive(Debug, Clone, PartialEq)]
pub struct LstmState {
    /// h, `[L·D, N, H]`; index layer·D + direction. In the caller's batch order, always.
    pub hidden: Array3<f32>,
    /// c, as `hidden`.
    pub cell: Array3<f32>,
}

/// What `forward_train` keeps for `backward`.
#[derive(Debug)]
pub struct ArrayCache {
    cache: RecurrentCache,
    layout: Arc<Layout>,
}

/// The state's shape and how it becomes the stack's.
trait Packed: Sized {
    fn pack(&self) -> RecurrentState;
    fn unpack(state: RecurrentState, shape: (usize, usize, usize)) -> Self;
}

fn flat(array: &Array3<f32>) -> Vec<f32> {
    array.iter().copied().collect()
}

fn cube(values: Vec<f32>, shape: (usize, usize, usize)) -> Array3<f32> {
    Array3::from_shape_vec(shape, values).expect("a stack's arrays fill their shapes")
}

impl Packed for HiddenState {
    fn pack(&self) -> RecurrentState {
        RecurrentState { hidden: flat(&self.hidden), cell: Vec::new() }
    }

    fn unpack(state: RecurrentState, shape: (usize, usize, usize)) -> Self {
        Self { hidden: cube(state.hidden, shape) }
    }
}

impl Packed for LstmState {
    fn pack(&self) -> RecurrentState {
        RecurrentState { hidden: flat(&self.hidden), cell: flat(&self.cell) }
    }

    fn unpack(state: RecurrentState, shape: (usize, usize, usize)) -> Self {
        Self { hidden: cube(state.hidden, shape), cell: cube(state.cell, shape) }
    }
}

/// A stack with its own parameters.
#[derive(Debug)]
struct Alone {
    stack: Recurrent,
    parameters: Parameters,
}

impl Alone {
    fn new<R: Rng + ?Sized>(config: RecurrentConfig, rng: &mut R) -> Result<Self> {
        let mut parameters = Parameters::new();
        // No prefix: the names are PyTorch's own.
        let stack = Recurrent::new(config, &mut parameters, "", rng)?;
        Ok(Self { stack, parameters })
    }

    fn pack(&self, x: ArrayView3<f32>, lengths: Lengths) -> Result<Rows> {
        let (n, t, features) = x.dim();
        if features != self.stack.config().input {
            return Err(Error::Shape {
                what: "input".into(),
                expected: format!("[N, T, {}]", self.stack.config().input),
                found: format!("[{n}, {t}, {features}]"),
            });
        }
        let values: Vec<f32> = x.iter().copied().collect();
        Rows::pack(&values, features, lengths.layout(n, t)?)
    }

    fn state_shape(&self, n: usize) -> (usize, usize, usize) {
        let config = self.stack.config();
        (config.layers * config.directions(), n, config.hidden)
    }

    fn unpack(&self, rows: &Rows) -> Array3<f32> {
        cube(rows.unpack(), (rows.layout.sequences(), rows.layout.time(), rows.features))
    }

    fn forward<S: Packed>(
        &self,
        x: ArrayView3<f32>,
        lengths: Lengths,
        initial: Option<&S>,
    ) -> Result<(Array3<f32>, S)> {
        let rows = self.pack(x, lengths)?;
        let initial = initial.map(Packed::pack);
        let (out, state) = self.stack.forward_with_state(&self.parameters, rows, initial.as_ref())?;
        Ok((self.unpack(&out), S::unpack(state, self.state_shape(x.dim().0))))
    }

    fn forward_train<S: Packed>(
        &self,
        x: ArrayView3<f32>,
        lengths: Lengths,
        initial: Option<&S>,
        noise: Noise,
    ) -> Result<(Array3<f32>, S, ArrayCache)> {
        let rows = self.pack(x, lengths)?;
        let layout = rows.layout.clone();
        let initial = initial.map(Packed::pack);
        let (out, state, cache) =
            self.stack.forward_train_with_state(&self.parameters, rows, initial.as_ref(), noise)?;
        let state = S::unpack(state, self.state_shape(x.dim().0));
        Ok((self.unpack(&out), state, ArrayCache { cache, layout }))
    }

    fn backward<S: Packed>(
        &mut self,
        cache: ArrayCache,
        d_output: ArrayView3<f32>,
        d_state: Option<&S>,
    ) -> Result<(Array3<f32>, S)> {
        let ArrayCache { cache, layout } = cache;
        let values: Vec<f32> = d_output.iter().copied().collect();
        let n = layout.sequences();
        let d_out = Rows::pack(&values, self.stack.config().output_features(), layout)?;
        let d_state = d_state.map(Packed::pack);
        let (d_x, d_initial) = self.stack.backward_with_state(
            &mut self.parameters,
            cache,
            d_out,
            d_state.as_ref(),
            InputGradient::Needed,
        )?;
        let d_x = d_x.expect("the input's gradient was asked for");
        Ok((self.unpack(&d_x), S::unpack(d_initial, self.state_shape(n))))
    }
}

macro_rules! layer {
    (
        $layer:ident, $config:ident, $state:ident, $cell:expr,
        $(#[$about:meta])*
        { $($(#[$option_doc:meta])* $option:ident: $type:ty => $set:expr;)* }
    ) => {
        #[doc = concat!("What an [`", stringify!($layer), "`] is made of.")]
        #[derive(Debug, Clone, PartialEq)]
        pub struct $config(RecurrentConfig);

        impl $config {
            /// One layer in one direction from `input` features to `hidden` units, with biases.
            pub fn new(input: usize, hidden: usize) -> Self {
                Self(RecurrentConfig::new($cell, input, hidden))
            }

            /// L: so many layers on top of each other.
            pub fn layers(mut self, layers: usize) -> Self {
                self.0.layers = layers;
                self
            }

            /// Whether a second direction reads each sequence from its own last step; answers lie side by side.
            pub fn bidirectional(mut self, bidirectional: bool) -> Self {
                self.0.bidirectional = bidirectional;
                self
            }

            /// The probability of losing an element between layers, in training.
            pub fn dropout(mut self, p: f32) -> Self {
                self.0.dropout = p;
                self
            }

            /// Whether there are biases.
            pub fn bias(mut self, bias: bool) -> Self {
                self.0.bias = bias;
                self
            }

            $($(#[$option_doc])* pub fn $option(mut self, value: $type) -> Self {
                let set: fn(&mut RecurrentConfig, $type) = $set;
                set(&mut self.0, value);
                self
            })*
        }

        $(#[$about])*
        #[derive(Debug)]
        pub struct $layer(Alone);

        impl $layer {
            /// A layer whose weights, biases too, are drawn from U(±1/√H). Sizes of 0 and a dropout outside
            /// 0 ≤ p < 1 are errors.
            pub fn new<R: Rng + ?Sized>(config: $config, rng: &mut R) -> Result<Self> {
                Alone::new(config.0, rng).map(Self)
            }

            /// Its weights and their gradients, named as PyTorch names them: `weight_ih_l0` …
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

            /// The output `[N, T, D·H]`, zeros past each sequence's end, and the final state of each sequence
            /// at its own last step. `x` is `[N, T, I]`; the state before the first step is zeros where none
            /// is given.
            pub fn forward(
                &self,
                x: ArrayView3<f32>,
                lengths: Lengths,
                initial: Option<&$state>,
            ) -> Result<(Array3<f32>, $state)> {
                self.0.forward(x, lengths, initial)
            }

            /// As `forward`, keeping what `backward` needs; dropout draws its masks from `noise`.
            pub fn forward_train(
                &self,
                x: ArrayView3<f32>,
                lengths: Lengths,
                initial: Option<&$state>,
                noise: Noise,
            ) -> Result<(Array3<f32>, $state, ArrayCache)> {
                self.0.forward_train(x, lengths, initial, noise)
            }

            /// Adds to the gradients of the weights; returns the gradient of the input, `[N, T, I]`, and of the
            /// initial state. `d_output` is `[N, T, D·H]`; what it says past a sequence's end counts for nothing.
            pub fn backward(
                &mut self,
                cache: ArrayCache,
                d_output: ArrayView3<f32>,
                d_state: Option<&$state>,
            ) -> Result<(Array3<f32>, $state)> {
                self.0.backward(cache, d_output, d_state)
            }
        }
    };
}

layer! {
    Rnn, RnnConfig, HiddenState, CellKind::RnnTanh,
    /// A plain recurrent layer (PyTorch's `RNN`): h' = tanh(W x + b_ih + U h + b_hh), or with relu.
    {
        /// max(0, ·) in place of tanh.
        relu: bool => |config, relu| {
            config.cell = if relu { CellKind::RnnRelu } else { CellKind::RnnTanh };
        };
    }
}

layer! {
    Lstm, LstmConfig, LstmState, CellKind::Lstm,
    /// Long short-term memory (PyTorch's `LSTM`; Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al.
    /// 2000): gates i, f, g, o; c' = f ⊙ c + i ⊙ g; h' = o ⊙ tanh(c').
    {}
}

layer! {
    Gru, GruConfig, HiddenState, CellKind::Gru,
    /// Gated recurrent unit (PyTorch's `GRU`; Cho et al. 2014): gates r, z, n; h' = (1 − z) ⊙ n + z ⊙ h.
    {
        /// The reset gate before the recurrent product, as in Cho et al. 2014, rather than after it, as in
        /// PyTorch.
        reset_before: bool => |config, before| {
            config.cell = if before { CellKind::GruResetBefore } else { CellKind::Gru };
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const NOISE: Noise = Noise { seed: 0, step: 0, layer: 0 };

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(7)
    }

    fn numbers(shape: (usize, usize, usize)) -> Array3<f32> {
        let mut k = 0;
        Array3::from_shape_simple_fn(shape, || {
            k += 1;
            ((k * 31) % 97) as f32 / 48.0 - 1.0
        })
    }

    #[test]
    fn shapes_are_those_of_the_lessons() {
        let (out, last) = Rnn::new(RnnConfig::new(50, 100).layers(2), &mut rng())
            .unwrap()
            .forward(numbers((16, 20, 50)).view(), Lengths::All, None)
            .unwrap();
        assert_eq!((out.dim(), last.hidden.dim()), ((16, 20, 100), (2, 16, 100)));
        let (out, last) = Lstm::new(LstmConfig::new(30, 64).bidirectional(true), &mut rng())
            .unwrap()
            .forward(numbers((8, 15, 30)).view(), Lengths::All, None)
            .unwrap();
        assert_eq!((out.dim(), last.hidden.dim(), last.cell.dim()), ((8, 15, 128), (2, 8, 64), (2, 8, 64)));
        let (out, last) = Gru::new(GruConfig::new(5, 16).layers(2).bidirectional(true), &mut rng())
            .unwrap()
            .forward(numbers((8, 20, 5)).view(), Lengths::All, None)
            .unwrap();
        assert_eq!((out.dim(), last.hidden.dim()), ((8, 20, 32), (4, 8, 16)));
    }

    #[test]
    fn parameters_bear_pytorchs_names_and_counts() {
        let lstm = Lstm::new(LstmConfig::new(100, 128), &mut rng()).unwrap();
        let names: Vec<&str> = lstm.parameters().entries().iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]);
        assert_eq!(lstm.parameters().len(), 117_760);
        assert_eq!(Gru::new(GruConfig::new(100, 128), &mut rng()).unwrap().parameters().len(), 88_320);
    }

    #[test]
    fn the_output_at_the_last_step_is_the_last_hidden_state() {
        let rnn = Rnn::new(RnnConfig::new(10, 20).layers(2).relu(true), &mut rng()).unwrap();
        let lengths = [5, 2, 4, 1];
        let (out, last) = rnn.forward(numbers((4, 5, 10)).view(), Lengths::Of(&lengths), None).unwrap();
        for (n, length) in lengths.into_iter().enumerate() {
            for unit in 0..20 {
                assert_eq!(out[[n, length - 1, unit]], last.hidden[[1, n, unit]]);
            }
        }
    }

    #[test]
    fn a_sequence_of_no_steps_keeps_its_state_and_passes_its_gradient_on() {
        let mut lstm = Lstm::new(LstmConfig::new(3, 4).bidirectional(true), &mut rng()).unwrap();
        let x = numbers((3, 6, 3));
        let state = LstmState { hidden: numbers((2, 3, 4)), cell: numbers((2, 3, 4)) * 0.5 };
        let (out, last, cache) =
            lstm.forward_train(x.view(), Lengths::Of(&[2, 0, 6]), Some(&state), NOISE).unwrap();
        let row = |a: &Array3<f32>| a.index_axis(ndarray::Axis(1), 1).to_owned();
        assert_eq!((row(&last.hidden), row(&last.cell)), (row(&state.hidden), row(&state.cell)));
        assert!(out.index_axis(ndarray::Axis(0), 1).iter().all(|&v| v == 0.0));
        let (d_x, d_state) = lstm.backward(cache, numbers((3, 6, 8)).view(), Some(&state)).unwrap();
        assert_eq!(row(&d_state.cell), row(&state.cell));
        assert!(d_x.index_axis(ndarray::Axis(0), 1).iter().all(|&v| v == 0.0));
    }

    #[test]
    fn wrong_shapes_are_named() {
        let gru = Gru::new(GruConfig::new(3, 4).reset_before(true), &mut rng()).unwrap();
        assert_eq!(gru.path(), Path::best());
        let x = numbers((2, 5, 3));
        let of = |x: &Array3<f32>, lengths, state: Option<&HiddenState>| {
            gru.forward(x.view(), lengths, state).unwrap_err().to_string()
        };
        assert_eq!(of(&numbers((2, 5, 4)), Lengths::All, None), "input: expected [N, T, 3], found [2, 5, 4]");
        assert_eq!(of(&x, Lengths::Of(&[5]), None), "lengths: expected one for each of 2 sequences, found 1");
        assert_eq!(
            of(&x, Lengths::Of(&[5, 6]), None),
            "length 6 of sequence 1 is over the 5 steps of the array"
        );
        let state = HiddenState { hidden: numbers((1, 3, 4)) };
        assert_eq!(
            of(&x, Lengths::All, Some(&state)),
            "the initial states: expected [1, 2, 4], found 12 hidden and 0 cell values"
        );
        let error = Lstm::new(LstmConfig::new(3, 0), &mut rng()).unwrap_err().to_string();
        assert!(error.contains("each must be at least 1"), "{error}");
    }
}
