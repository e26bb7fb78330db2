//! A trained model as one file that other tools can open.
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

mod checksum;
mod file;
mod header;
mod read;

pub use file::{FORMAT, ModelFile, NamedTensor};
