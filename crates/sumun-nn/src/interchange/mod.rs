//! Models of other programs as models of this library, and back.
//!
//! [`sumun_formats`] turns a file into named tensors and what else it says; here these become a [`Model`], and a model
//! becomes what other programs read. A file of weights alone says little of the network that they belong to:
//! [`of_weights`] works out the layers from names and shapes, and its notes say what these cannot tell.
//!
//! ```
//! use sumun_formats::{Tensor, Tensors};
//! use sumun_nn::interchange;
//!
//! // What `torch.nn.GRU(3, 4).state_dict()` has.
//! let mut weights = Tensors::new();
//! for (name, shape) in [("weight_ih_l0", vec![12, 3]), ("weight_hh_l0", vec![12, 4])] {
//!     let count = shape.iter().product();
//!     weights.insert(name.into(), Tensor::f32(shape, vec![0.5; count])?, "example")?;
//! }
//! let imported = interchange::of_weights(&weights)?;
//! assert_eq!(imported.model.layer_names().collect::<Vec<_>>(), ["gru"]);
//!
//! let mut x = Tensors::new();
//! x.insert("input".into(), Tensor::f32(vec![2, 5, 3], vec![0.1; 30])?, "example")?;
//! let y = interchange::apply(&imported.model, &x, &Tensors::new())?;
//! assert_eq!(y.get("output").unwrap().shape(), [2, 5, 4]); // [N, T, H]
//! assert_eq!(y.get("h_n").unwrap().shape(), [1, 2, 4]); // [L·D, N, H]
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod audio;
mod chain;
mod file;
mod keras;
mod layouts;
mod modules;
pub mod onnx;
mod pairs;
mod source;
mod stream;
mod verify;
mod weights;

pub use apply::{LENGTHS, OUTPUT, apply};
pub use audio::{of_audio, to_rtneural};
pub use file::{FileFormat, ForeignFile, ImportOptions};
pub use keras::{of_keras, of_keras_with, to_keras, to_keras_h5};
pub use source::{to_c, to_numpy};
pub use stream::{state_from_arrays, state_to_arrays};
pub use verify::{TOLERANCE, largest_difference};
pub use weights::{of_weights, of_weights_with, to_weights};

use sumun_formats::Tensors;

use crate::Result;
use crate::model::{Model, ModelConfig, NamedTensor};

/// A model that came from another program's file.
#[derive(Debug)]
pub struct Import {
    /// The model, with the file's weights.
    pub model: Model,
    /// What was assumed, left out or rounded, a sentence each.
    pub notes: Vec<String>,
    /// The states that the file begins with where none are given, `[L·D, 1, H]` by the names that [`apply`](fn@apply) has;
    /// mostly none.
    pub initial: Tensors,
    /// Steps a second that the model was trained for, where the file says so.
    pub sample_rate: Option<f64>,
    /// How the arrays of an ONNX graph are those of the model; None of other files.
    pub interface: Option<onnx::Interface>,
}

impl Import {
    /// A model of which there is nothing to say.
    pub fn new(model: Model) -> Self {
        Self { model, notes: Vec::new(), initial: Tensors::new(), sample_rate: None, interface: None }
    }

    /// A model of layers with their weights.
    fn of(config: ModelConfig, weights: &[NamedTensor], notes: Vec<String>) -> Result<Self> {
        Ok(Self { notes, ..Self::new(Model::from_tensors(config, weights)?) })
    }

    /// Runs the model as [`apply`](fn@apply), from the states of its file where `initial` has none; of an ONNX graph by the
    /// graph's own names and in its layouts.
    pub fn apply(&self, inputs: &Tensors, initial: &Tensors) -> Result<Tensors> {
        if let Some(interface) = &self.interface {
            return interface.apply(&self.model, inputs, initial);
        }
        if !initial.is_empty() || self.initial.is_empty() {
            return apply(&self.model, inputs, initial);
        }
        apply(&self.model, inputs, &apply::repeated(&self.model, inputs, &self.initial)?)
    }
}

impl From<sumun_formats::Error> for crate::Error {
    fn from(error: sumun_formats::Error) -> Self {
        Self::Model(error.to_string())
    }
}
