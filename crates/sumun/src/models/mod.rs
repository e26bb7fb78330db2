//! Models as files: opened whatever program wrote them, run on arrays, and written for others.
//!
//! A model is a run folder, a model file of this library, or a file of another program ([`interchange`]); [`open`] finds out
//! which. [`write()`] makes a file of it in a [`Target`]'s format, reads that back, and holds both models against each other.
//!
//! ```no_run
//! use std::path::Path;
//! use sumun::models::{Target, open, write};
//!
//! let opened = open(Path::new("classifier.pt"), None)?;
//! println!("{}", opened.model()?.summary());
//! let written = write(opened.model()?, Target::Safetensors, "classifier")?;
//! std::fs::write("classifier.safetensors", written.bytes)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrays;
mod behind;
mod folder;
mod opened;
mod quantized;
mod sound;
mod target;

pub use arrays::{has_one_array, read_arrays, save, write_arrays};
pub(crate) use behind::{behind_embeddings, with_weights_of};
pub use folder::{Folder, write_folder};
pub use opened::{Opened, Origin, bytes, open, open_with};
pub use quantized::{Compared, MOST_LOST, Quantized};
pub use sound::{SampleFormat, Sound, is_sound};
pub use sumun_nn::interchange;
pub use sumun_nn::interchange::ImportOptions;
pub use sumun_nn::interchange::onnx::OnnxOptions;
pub use target::{Target, Written, write, write_with};
