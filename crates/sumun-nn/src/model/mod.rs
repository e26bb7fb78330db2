//! Models: layers and what they read as data, the model itself, its summary, and its file.
//!
//! A [`Model`] is built from Rust ([`Model::builder`]) or TOML ([`ModelConfig::from_toml`]); both are the same data, and
//! layers that do not fit each other are errors before anything is built.
//!
//! One training step, on reviews of different lengths:
//!
//! ```
//! use ndarray::array;
//! use sumun_nn::Rows;
//! use sumun_nn::loss::{Loss, Targets};
//! use sumun_nn::model::{Batch, EmbeddingLayer, Input, Model, RecurrentLayer};
//! use sumun_nn::noise::Noise;
//! use sumun_nn::train::{Clip, Optimizer};
//!
//! let mut model = Model::builder(Input::ids(22))
//!     .embedding(EmbeddingLayer::new(32).padding_id(0).mask_zero(true))
//!     .dropout(0.3)
//!     .bidirectional(RecurrentLayer::gru(64))
//!     .dense(1)
//!     .build(7)?;
//! let mut optimizer = Optimizer::new("adam".parse()?, model.parameters())?;
//! let loss: Loss = "bce".parse()?; // on logits
//!
//! let reviews = array![[4, 9, 2, 0], [3, 7, 0, 0]];
//! let noise = Noise { seed: 7, step: optimizer.steps(), layer: 0 };
//! let (logits, cache) = model.forward_train(&Batch::ids(reviews.view()), noise)?;
//! let mut d = vec![0.0; logits.data.len()];
//! let value = loss.value_and_gradient(&logits.data, Targets::Values(&[1.0, 0.0]), Some(&mut d))?;
//! assert!(value + model.penalty() > 0.0); // the penalty of regularisers, 0 here
//!
//! model.parameters_mut().zero_gradients();
//! model.backward(cache, Rows::new(d, logits.features, logits.layout.clone())?)?;
//! let clipped = Clip::GlobalNorm { max: 1.0 }.apply(model.parameters_mut())?;
//! optimizer.step(model.parameters_mut(), 0.01, clipped.gradient_scale)?;
//! # Ok::<(), sumun_nn::Error>(())
//! ```
//!
//! Where a model returns a row at every step, targets `[N, T]` or `[N, T, F]` are packed with the output's own layout
//! ([`Ids::pack`](crate::Ids::pack), [`Rows::pack`](crate::Rows::pack)), so that padding never counts.
//!
//! [`ModelFile`] holds everything a model is: its task, its configuration (layers, preprocessing) and its
//! weights. On disk it is a `.safetensors` file: the weights are F32 tensors, the rest is text in the metadata.
//! Nothing here knows a layer: what builds a model writes its configuration and reads it again.
//!
//! Not for checkpoints in the middle of training, which also need the optimizer's state.
//!
//! ```
//! use sumun_nn::model::{ModelFile, NamedTensor};
//!
//! let model = ModelFile {
//!     task: "forecast".into(),
//!     config: serde_json::json!({ "window": 48, "horizon": 24 }),
//!     tensors: vec![NamedTensor::new("head.bias", &[2], vec![0.5, -1.0])],
//! };
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("model.safetensors");
//! model.save(&path)?;
//! assert_eq!(ModelFile::load(&path)?, model);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod builder;
#[cfg(feature = "files")]
mod checksum;
mod config;
#[cfg(feature = "files")]
mod content;
mod feed;
#[cfg(feature = "files")]
mod file;
mod graph;
#[cfg(feature = "files")]
mod header;
mod insides;
mod layer_config;
mod network;
mod plan;
#[cfg(feature = "interchange")]
mod planned;
mod print;
mod quantized;
#[cfg(feature = "files")]
mod read;
mod registry;
#[cfg(feature = "files")]
mod saved;
mod stream;
mod summary;
mod walk;
#[cfg(feature = "interchange")]
mod wiring;

pub use crate::nn::{
    AttentionLayer, Biases, DenseLayer, DropoutLayer, EmbeddingLayer, PoolLayer, RecurrentLayer,
};
pub use batch::Batch;
pub use builder::ModelBuilder;
pub use config::{Input, ModelConfig};
#[cfg(feature = "files")]
pub use content::{FORMAT, ModelFile, NamedTensor};
pub use feed::Feed;
pub use insides::ModelTrace;
pub use layer_config::LayerConfig;
pub use network::{BatchGradients, Model};
#[cfg(feature = "interchange")]
pub(crate) use plan::WeightShapes;
#[cfg(feature = "interchange")]
pub(crate) use planned::PlannedCall;
pub use registry::Registry;
#[cfg(feature = "files")]
pub use saved::NETWORK;
pub use stream::{Frame, ModelStream, StepOutput, StreamMemory, StreamWindow, Streams};
pub use summary::{Summary, SummaryRow};
pub use walk::{ModelCache, ModelState, Outputs};
#[cfg(feature = "interchange")]
pub(crate) use wiring::Wired;
