//! Layers: each has `forward` (keeps nothing), `forward_train` (returns what backward needs) and `backward`.

pub mod arrays;
pub mod attention;
pub mod custom;
pub mod dense;
pub mod dropout;
pub mod embedding;
#[cfg(test)]
pub(crate) mod gradient_check;
pub mod init;
pub mod pool;
pub mod recurrent;
mod state_shape;

use crate::noise::Noise;
use crate::{Parameters, Result, Rows};

pub use arrays::{
    ArrayCache, ArrayStateGradients, ArrayTrace, Axes, CellAxes, CellCache, Empty, Gru, GruCell, GruConfig,
    HiddenState, Lstm, LstmCell, LstmConfig, LstmState, Rnn, RnnCell, RnnConfig, Valid,
};
pub use attention::{Attention, AttentionConfig};
pub use custom::{
    CellWeight, Custom, CustomCache, CustomCell, CustomConfig, Step, StepAfter, StepGradients, affine,
    affine_backward, check_step,
};
pub use dense::{Activation, Dense, DenseConfig};
pub use dropout::Dropout;
pub use embedding::{Embedding, EmbeddingConfig};
pub use init::Initializer;
pub use pool::{Pool, PoolCache};
pub use recurrent::{
    CellKind, Checkpoints, FirstWeights, LayerTrace, Merge, Output, Peer, Recurrent, RecurrentCache,
    RecurrentConfig, RecurrentState, StateGradients, Stream, StreamState,
};
pub use sumun_kernels::InputGradient;
pub use sumun_kernels::{ActivationFunction, Options as CellOptions, RecurrentDropout};

/// A layer over packed rows. Its numbers live in the model's [`Parameters`]; the layer knows their ids.
///
/// Gradients are derived by hand: `forward_train` returns a cache and `backward` consumes it.
pub trait Layer: std::fmt::Debug + Send + Sync {
    /// What `forward_train` keeps for `backward`.
    type Cache;

    /// The layer's answer; keeps nothing. `x` is `[R, F]`.
    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows>;

    /// The layer's answer in training, and what `backward` needs. Random masks come from `noise` alone.
    fn forward_train(&self, parameters: &Parameters, x: Rows, noise: Noise) -> Result<(Rows, Self::Cache)>;

    /// Adds to the parameters' gradients and returns the gradient of the input where it is wanted.
    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: Self::Cache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>>;
}
