//! Models: layers in order, as data, at work, in words and as a file.
//!
//! A [`Model`] is built from Rust ([`Model::builder`]) or TOML ([`ModelConfig::from_toml`]); both are the same data, and
//! layers that do not fit each other are errors before anything is built.
//!
//! [`ModelFile`] holds everything a model is: its task, its configuration (layers, preprocessing) and its
//! weights. On disk it is a `.safetensors` file: the weights are F32 tensors, the rest is text in the metadata.
//! Nothing here knows a layer: whoever builds a model puts its configuration in and takes it out again.
//!
//! Not for checkpoints in the middle of training, which also need the optimizer's state.
//!
//! ```
//! use sumun::model::{ModelFile, NamedTensor};
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
mod checksum;
mod config;
mod file;
mod header;
mod layers;
mod network;
mod plan;
mod read;
mod saved;
mod summary;

pub use batch::Batch;
pub use config::{Input, ModelBuilder, ModelConfig};
pub use file::{FORMAT, ModelFile, NamedTensor};
pub use layers::{Biases, DenseLayer, DropoutLayer, EmbeddingLayer, LayerConfig, PoolLayer, RecurrentLayer};
pub use network::{Model, ModelCache, ModelState};
pub use saved::NETWORK;
pub use summary::{Summary, SummaryRow};
