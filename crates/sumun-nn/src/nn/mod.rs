//! Layers: each has `forward` (keeps nothing), `forward_train` (returns what backward needs) and `backward`.

pub mod activation;
pub mod arrays;
pub mod attention;
pub mod batch_norm;
mod by_sequence;
pub mod combine;
pub mod conv1d;
pub mod crf;
pub mod cross_attention;
pub mod custom;
pub mod dense;
pub mod distribute;
pub mod dropout;
pub mod elementwise;
pub mod embedding;
#[cfg(test)]
pub(crate) mod gradient_check;
pub mod init;
pub mod layer_norm;
pub mod masking;
pub mod pad;
pub mod pool;
pub mod recurrent;
pub mod reverse;
pub mod slice;
pub mod softmax;
pub mod stack;
pub mod unflatten;

pub use crate::layer::Layer;
pub use crate::state::RecurrentState;
pub use activation::{Activate, ActivationLayer};
pub use arrays::{
    ArrayCache, ArrayStateGradients, ArrayTrace, Axes, CellAxes, CellCache, Empty, Gru, GruCell, GruConfig,
    HiddenState, Lstm, LstmCell, LstmConfig, LstmState, Rnn, RnnCell, RnnConfig, Valid,
};
pub use attention::{Attention, AttentionConfig, AttentionLayer};
pub use batch_norm::{BatchNorm, BatchNormConfig, BatchNormLayer};
pub use combine::{Combine, CombineInput, CombineLayer};
pub use conv1d::{Conv1d, Conv1dConfig, Conv1dLayer, Padding};
pub use crf::{Crf, CrfConfig, CrfGradients, CrfLayer, TagRules, UNKNOWN_TAG};
pub use cross_attention::{
    CrossAttention, CrossAttentionCache, CrossAttentionConfig, CrossAttentionLayer, Score,
};
pub use custom::{
    CellLayer, CellWeight, Custom, CustomCache, CustomCell, CustomCells, CustomConfig, CustomTape, NamedCell,
    Step, StepAfter, StepGradients, check_step,
};
pub use dense::{Activation, Dense, DenseConfig, DenseLayer};
pub use distribute::{Collect, CollectLayer, Distribute, DistributeLayer};
pub use dropout::{Dropout, DropoutLayer};
pub use elementwise::{Elementwise, ElementwiseLayer};
pub use embedding::{Embedding, EmbeddingConfig, EmbeddingLayer};
pub use init::Initializer;
pub use layer_norm::{LayerNorm, LayerNormConfig, LayerNormLayer};
pub use masking::{Masking, MaskingCache, MaskingLayer};
pub use pad::{Crop, CropLayer, Pad, PadLayer, PadMode};
pub use pool::{Pool, PoolCache, PoolLayer};
#[cfg(feature = "interchange")]
pub(crate) use recurrent::keras_name;
pub use recurrent::{
    Biases, CellKind, Checkpoints, FirstWeights, LayerTrace, Peer, Recurrent, RecurrentCache, RecurrentCells,
    RecurrentConfig, RecurrentLayer, Stream, StreamState,
};
pub use reverse::{Reverse, ReverseLayer};
pub use slice::{Slice, SliceLayer};
pub use softmax::{Softmax, SoftmaxLayer};
pub use stack::{Merge, Output, Stack, StackCache, StateGradients};
pub use sumun_kernels::InputGradient;
pub use sumun_kernels::{ActivationFunction, Options as CellOptions, RecurrentDropout};
pub use unflatten::{Unflatten, UnflattenLayer};
