//! Models of Keras: what their layers are called and set to, and their weights.
//!
//! Read are `.keras` archives (Keras 3, and TensorFlow's Keras from 2.12 on), `.h5` files of Keras 2 and 3 and of
//! TensorFlow's Keras, whole models and weights alone; written are `.keras` and `.h5` as Keras 3 reads them.
//!
//! Nothing here knows a layer: its class is a name and its settings are [`Value`]s. Sequential models come as graphs, each
//! layer on the one before.
//!
//! ```
//! use sumun_formats::keras::{self, Architecture, Call, Keras, Layer, LayerWeights, Settings, Source, Value, Weights};
//!
//! let input = Layer {
//!     class: "InputLayer".into(),
//!     name: "x".into(),
//!     settings: Settings::from([("batch_shape", Value::from(vec![Value::Null, 3.into()]))]),
//!     calls: vec![Call::default()],
//!     model: None,
//!     shapes: Vec::new(),
//! };
//! let source = Source { layer: "x".into(), call: 0, output: 0 };
//! let relu = Layer {
//!     class: "ReLU".into(),
//!     name: "y".into(),
//!     settings: Settings::default(),
//!     calls: vec![Call::of([source.clone()])],
//!     model: None,
//!     shapes: Vec::new(),
//! };
//! let outputs = vec![Source { layer: "y".into(), ..source.clone() }];
//! let architecture =
//!     Architecture { name: "model".into(), layers: vec![input, relu], inputs: vec![source], outputs };
//! let bytes = keras::write_h5(&architecture, &[LayerWeights::default(), LayerWeights::default()])?;
//! let read = keras::read(&bytes)?;
//! let again = read.architecture.expect("the file has its layers");
//! assert_eq!((again.layers.len(), again.outputs), (2, architecture.outputs));
//! # Ok::<(), sumun_formats::Error>(())
//! ```

mod architecture;
mod read;
#[cfg(test)]
mod tests;
mod value;
mod weights;
mod write;

use architecture::FORMAT;
pub use architecture::{Architecture, Call, Layer, Source};
pub use read::{is_keras, read};
pub use value::{Settings, Value};
pub use weights::{LayerWeights, Part, SavedLayer, Taken, Weights, places};
pub use write::{write, write_h5};

/// The most bytes of a configuration.
const MOST_CONFIGURATION: usize = 64 << 20;

/// What a file of Keras holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Keras {
    /// The version that wrote it, `3.15.1`; empty where the file does not say.
    pub version: String,
    /// The layers; None of weights alone.
    pub architecture: Option<Architecture>,
    /// The weights.
    pub weights: Weights,
}
