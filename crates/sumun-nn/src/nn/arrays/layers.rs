//! The layers and their configurations.

use ndarray::{Array, ArrayView, Dimension, Ix2, RemoveAxis};
use rand::Rng;
use sumun_kernels::Path;

use super::axes::Axes;
use super::owned::{ArrayCache, OwnedStack};
use super::states::{HiddenState, LstmState};
use super::trace::{ArrayStateGradients, ArrayTrace};
use super::valid::{Calling, Empty, Valid};
use crate::nn::{CellKind, CellOptions, Checkpoints, FirstWeights, Merge, RecurrentConfig, Stream};
use crate::noise::Noise;
use crate::{Fill, Parameters, Result};

macro_rules! layer {
    (
        $layer:ident, $config:ident, $state:ident, $cell:expr,
        $(#[$about:meta])*
        { $($(#[$option_doc:meta])* $option:ident: $type:ty => $set:expr;)* }
    ) => {
        #[doc = concat!("What an [`", stringify!($layer), "`] is made of, and how it is called.")]
        #[derive(Debug, Clone, PartialEq)]
        pub struct $config {
            pub(super) stack: RecurrentConfig,
            pub(super) calling: Calling,
        }

        impl $config {
            /// One layer in one direction from `input` features to `hidden` units, with biases; batch-first.
            pub fn new(input: usize, hidden: usize) -> Self {
                Self { stack: RecurrentConfig::new($cell, input, hidden), calling: Calling::default() }
            }

            /// L: so many layers on top of each other.
            pub fn layers(mut self, layers: usize) -> Self {
                self.stack.layers = layers;
                self
            }

            /// Whether a second direction reads each sequence from its own last valid step to its first.
            pub fn bidirectional(mut self, bidirectional: bool) -> Self {
                self.stack.bidirectional = bidirectional;
                self
            }

            /// How the outputs of two directions become one, in every layer; side by side by default
            /// (Keras' `merge_mode`).
            pub fn merge(mut self, merge: Merge) -> Self {
                self.stack.merge = merge;
                self
            }

            /// The probability of losing an element between layers, in training; 0 ≤ p < 1.
            pub fn dropout(mut self, p: f32) -> Self {
                self.stack.dropout = p;
                self
            }

            /// The probability of losing a feature of every layer's input, one mask a sequence, in training (Gal &
            /// Ghahramani 2016; Keras' `dropout`); 0 ≤ p < 1.
            pub fn input_dropout(mut self, p: f32) -> Self {
                self.stack.input_dropout = p;
                self
            }

            /// The probability of losing a unit of h as it enters the recurrent product, one mask a sequence, in
            /// training (Gal & Ghahramani 2016; Keras' `recurrent_dropout`, which draws a mask for each gate:
            /// `options.recurrent_dropout`); 0 ≤ p < 1.
            pub fn recurrent_dropout(mut self, p: f32) -> Self {
                self.stack.recurrent_dropout = p;
                self
            }

            /// What training keeps for backward: all by default, or states here and there to save memory in
            /// long sequences. Every output has the same bits.
            pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
                self.stack.checkpoints = checkpoints;
                self
            }

            /// Truncated backpropagation through time: backward cuts the gradient of the state before every k-th step,
            /// counted in the order in which a direction reads. The outputs are those of the whole sequence, the
            /// gradients those of chunks of k steps between which the state is carried.
            pub fn truncate(mut self, every: Option<usize>) -> Self {
                self.stack.truncate = every;
                self
            }

            /// Whether there are biases.
            pub fn bias(mut self, bias: bool) -> Self {
                self.stack.bias = bias;
                self
            }

            /// All that the cell has beyond the plain one. They replace what was set before.
            pub fn options(mut self, options: CellOptions) -> Self {
                self.stack.options = options;
                self
            }

            /// How the weights are initialised; as in PyTorch by default.
            pub fn first_weights(mut self, first: FirstWeights) -> Self {
                self.stack.first_weights = Some(first);
                self
            }

            /// Whether batches are `[T, N, F]` rather than `[N, T, F]`, at the entrance and the exit; masks too.
            /// States and unbatched arrays are the same either way.
            pub fn time_major(mut self, time_major: bool) -> Self {
                self.calling.time_major = time_major;
                self
            }

            /// Whether the time axis of the input, its lengths or mask included, is turned round (Keras'
            /// `go_backwards`). Outputs come in processing order: the first belongs to the last step. One
            /// direction only.
            pub fn go_backwards(mut self, go_backwards: bool) -> Self {
                self.calling.go_backwards = go_backwards;
                self
            }

            /// What `forward` shows at a step that is not valid: zeros (PyTorch, Keras' `zero_output_for_mask`) where
            /// nothing is said, or the previous output and zeros before the first ([`Fill::Repeat`], Keras' default).
            ///
            /// It also says what `forward_last` returns for a sequence without a valid step: its initial hidden
            /// state, or with [`Fill::Repeat`] zeros, as Keras. States pass masked steps by unchanged either way.
            pub fn masked_steps(mut self, fill: Fill) -> Self {
                self.calling.masked_steps = fill;
                self
            }

            /// What the final state of a sequence without a valid step is, and so what `forward_last` returns for it:
            /// the initial state by default, or zeros as in ONNX.
            pub fn empty_sequences(mut self, empty: Empty) -> Self {
                self.calling.empty = empty;
                self
            }

            /// Whether NaN and infinities in valid steps of the input and in the initial state are errors that say
            /// where they are; without it they run through the equations.
            pub fn finite_only(mut self, finite_only: bool) -> Self {
                self.calling.finite_only = finite_only;
                self
            }

            $($(#[$option_doc])* pub fn $option(mut self, value: $type) -> Self {
                let set: fn(&mut RecurrentConfig, $type) = $set;
                set(&mut self.stack, value);
                self
            })*
        }

        $(#[$about])*
        #[derive(Debug)]
        pub struct $layer(OwnedStack);

        impl $layer {
            /// A layer whose weights, biases too, are initialised from U(±1/√H), or as `first_weights` says. Sizes of 0, a
            /// dropout outside 0 ≤ p < 1 and options that the cell does not have are errors.
            pub fn new<R: Rng + ?Sized>(config: $config, rng: &mut R) -> Result<Self> {
                OwnedStack::new(config.stack, config.calling, rng).map(Self)
            }

            /// The same layer on another path of the kernels. A path that this processor lacks, or that does not
            /// compute the cell, is an error.
            pub fn on_path(self, path: Path) -> Result<Self> {
                self.0.on_path(path).map(Self)
            }

            /// What its stack is made of.
            pub fn config(&self) -> &RecurrentConfig {
                self.0.stack.config()
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

            /// The output at every step, `[N, T, D·H]`, and the final state of each sequence at its own last valid
            /// step, the initial state where it has none (or what `empty_sequences` says). `x` is `[N, T, I]`, `[T, N, I]` where time-major, or
            /// `[T, I]`, and the output has the same axes; `masked_steps` says what it shows at steps that are not valid.
            /// The state before the first step is zeros where none is given. With a projection the output is P wide
            /// in each direction; a merge other than concat has one width for both.
            ///
            /// Arrays, lengths, masks and states of other shapes, and axes of no length, are errors.
            pub fn forward<D: Axes>(
                &self,
                x: ArrayView<f32, D>,
                valid: Valid,
                initial: Option<&$state<D>>,
            ) -> Result<(Array<f32, D>, $state<D>)> {
                self.0.forward(x, valid, initial)
            }

            /// The last layer's output at each sequence's own last valid step (of each direction), `[N, D·H]`, or
            /// `[D·H]` unbatched, and the final states (Keras' `return_sequences=False`).
            ///
            /// A sequence without a valid step returns its initial hidden state, or zeros where `masked_steps` is
            /// [`Fill::Repeat`] or `empty_sequences` is [`Empty::Zeros`]. Everything else is as in `forward`.
            pub fn forward_last<D: Axes>(
                &self,
                x: ArrayView<f32, D>,
                valid: Valid,
                initial: Option<&$state<D>>,
            ) -> Result<(Array<f32, D::Smaller>, $state<D>)> {
                self.0.forward_last(x, valid, initial)
            }

            /// As `forward`, keeping what `backward` needs; dropout and zoneout draw their masks from `noise`.
            pub fn forward_train<D: Axes>(
                &self,
                x: ArrayView<f32, D>,
                valid: Valid,
                initial: Option<&$state<D>>,
                noise: Noise,
            ) -> Result<(Array<f32, D>, $state<D>, ArrayCache<D, D>)> {
                self.0.forward_train(x, valid, initial, noise)
            }

            /// As `forward_last`, keeping what `backward` needs; dropout and zoneout draw their masks from `noise`.
            pub fn forward_last_train<D: Axes>(
                &self,
                x: ArrayView<f32, D>,
                valid: Valid,
                initial: Option<&$state<D>>,
                noise: Noise,
            ) -> Result<(Array<f32, D::Smaller>, $state<D>, ArrayCache<D, D::Smaller>)> {
                self.0.forward_last_train(x, valid, initial, noise)
            }

            /// Adds to the gradients of the weights; returns the gradient of the input and of the initial state,
            /// each shaped and ordered as what it is the gradient of. `d_output` is the gradient of the output and
            /// `d_state` that of the final state, zeros where there is none.
            ///
            /// What `d_output` says where the output is always zero counts for nothing; what it says at a repeated
            /// output is added to the gradient of the output that is repeated.
            pub fn backward<D: Axes, O: Dimension>(
                &mut self,
                cache: ArrayCache<D, O>,
                d_output: ArrayView<f32, O>,
                d_state: Option<&$state<D>>,
            ) -> Result<(Array<f32, D>, $state<D>)> {
                self.0.backward(cache, d_output, d_state)
            }

            /// The layer over one sequence that arrives step by step: it carries its own state, from zeros on, and a
            /// step allocates nothing. It keeps the weights as they are now. What `forward` returns over the whole
            /// sequence are the same bits; a step that is not valid is a step that it is not given.
            ///
            /// Two directions and `go_backwards` are errors: they begin at the last step, which has not come yet.
            pub fn stream(&self) -> Result<Stream<$state<Ix2>>> {
                self.0.stream()
            }

            /// As `backward`, and the gradient of the state after every step of every layer and direction, layer by
            /// layer, forward direction first. Not asked for, it costs nothing.
            pub fn backward_by_step<D: Axes, O: Dimension>(
                &mut self,
                cache: ArrayCache<D, O>,
                d_output: ArrayView<f32, O>,
                d_state: Option<&$state<D>>,
            ) -> Result<(Array<f32, D>, $state<D>, Vec<ArrayStateGradients<D>>)> {
                self.0.backward_by_step(cache, d_output, d_state)
            }

            /// What every layer and direction computes in a `forward`, layer by layer, forward
            /// direction first: gates, cell states and hidden states at every step, the very numbers that `forward`
            /// computes with. Nothing is dropped out. With `go_backwards` steps are in processing order, as in the
            /// output.
            pub fn trace<D: Axes>(
                &self,
                x: ArrayView<f32, D>,
                valid: Valid,
                initial: Option<&$state<D>>,
            ) -> Result<Vec<ArrayTrace<D>>> {
                self.0.trace(x, valid, initial)
            }

            /// As `trace`, of a training call: with the masks that it drew. The cache stays as it is. Parameters that
            /// changed since are an error.
            pub fn trace_of<D: Axes, O: Dimension>(&self, cache: &ArrayCache<D, O>) -> Result<Vec<ArrayTrace<D>>> {
                self.0.trace_of(cache)
            }

            /// The two directions of an output (or of any array whose last axis is `2·H`), forward first: Keras'
            /// `merge_mode=None`. Needs two directions merged by concat.
            pub fn apart<'a, A: Dimension>(
                &self,
                output: ArrayView<'a, f32, A>,
            ) -> Result<[ArrayView<'a, f32, A>; 2]> {
                self.0.apart(output)
            }

            /// What [`apart`](Self::apart) divides, put together: the gradients of two outputs become `d_output`.
            pub fn together<A: Dimension + RemoveAxis>(
                &self,
                directions: [ArrayView<f32, A>; 2],
            ) -> Result<Array<f32, A>> {
                self.0.together(directions)
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
    {
        /// P: h is W_hr (o ⊙ tanh(c')), P wide, wherever it appears (PyTorch's `proj_size`; Sak et al. 2014).
        projection: usize => |config, width| config.options.projection = Some(width);
    }
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
        /// Whether z says how much of the candidate is taken, h' = z ⊙ n + (1 − z) ⊙ h, as many texts write it, rather
        /// than how much of h is kept. Gate activations for which 1 − f(a) is not f(−a) are refused with it.
        inverted_update: bool => |config, inverted| config.inverted_update = inverted;
    }
}

impl Gru {
    /// Changes the layer to the other reading of its update gate and its weights with it: it returns the same bits.
    /// Errors, and what becomes of gradients and optimizers, as
    /// [`Recurrent::set_inverted_update`](crate::nn::Recurrent::set_inverted_update).
    pub fn set_inverted_update(&mut self, inverted: bool) -> Result<()> {
        self.0.stack.set_inverted_update(&mut self.0.parameters, inverted)
    }
}
