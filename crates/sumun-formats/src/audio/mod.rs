//! Small models of the audio world, in JSON: RTNeural's (which AIDA-X reads as well), GuitarML's, Neural Amp Modeler's of the
//! architecture LSTM, and PyTorch's weights by name.
//!
//! ```
//! use sumun_formats::Tensor;
//! use sumun_formats::audio::{self, Document, rtneural};
//!
//! let dense = rtneural::Layer {
//!     kind: rtneural::Kind::Dense,
//!     activation: "tanh".into(),
//!     units: 1,
//!     weights: vec![Tensor::f32(vec![2, 1], vec![0.5, -0.5])?],
//! };
//! let model = rtneural::Model { inputs: 2, layers: vec![dense], ..rtneural::Model::default() };
//! assert_eq!(audio::read(&rtneural::write(&model)?)?, Document::RtNeural(model));
//! # Ok::<(), sumun_formats::Error>(())
//! ```

mod forms;
pub mod guitarml;
pub mod nam;
mod nested;
pub mod rtneural;

use serde::de::IgnoredAny;

use crate::error::{Error, Result};
use crate::json::{self, Entries};
use crate::tensor::Tensors;
use nested::{Nested, tensors};

const FORMAT: &str = "JSON model file";

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Document {
    /// Layers with Keras' weights.
    RtNeural(rtneural::Model),
    /// A recurrent network with PyTorch's weights.
    GuitarMl(guitarml::Model),
    /// An LSTM of Neural Amp Modeler.
    Nam(nam::Model),
    /// PyTorch's weights by their names, and nothing else.
    StateDict(Tensors),
}

/// Reads a file, by the keys that it has. Errors: JSON that is none of these, weights of other shapes than their layers have,
/// and by name what is not read.
pub fn read(bytes: &[u8]) -> Result<Document> {
    let keys: Entries<IgnoredAny> = json::parse(bytes, FORMAT)?;
    let has = |key: &str| keys.0.iter().any(|(name, _)| name == key);
    if has("layers") {
        return rtneural::read(bytes).map(Document::RtNeural);
    }
    if has("state_dict") {
        return guitarml::read(bytes).map(Document::GuitarMl);
    }
    if has("architecture") {
        return nam::read(bytes).map(Document::Nam);
    }
    if keys.0.is_empty() {
        return Err(Error::damaged(FORMAT, "it is empty"));
    }
    let entries: Entries<Nested> = json::parse(bytes, FORMAT).map_err(|_| {
        let what = "it has no layers (RTNeural), state_dict (GuitarML) or architecture (Neural Amp Modeler), and is no \
                    object of arrays of numbers either";
        Error::damaged(FORMAT, what)
    })?;
    tensors(entries, FORMAT).map(Document::StateDict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_by_name_are_read() {
        let Document::StateDict(tensors) = read(br#"{"weight":[[1,2.5],[-3,4e-3]],"bias":[0]}"#).unwrap()
        else {
            panic!()
        };
        assert_eq!(tensors.get("weight").unwrap().shape(), [2, 2]);
        assert_eq!(tensors.get("weight").unwrap().to_f32().unwrap(), [1.0, 2.5, -3.0, 4e-3]);
        assert_eq!(tensors.get("bias").unwrap().shape(), [1]);
    }

    #[test]
    fn other_json_is_refused() {
        for (text, says) in [
            ("", "EOF"),
            ("[1]", "invalid type"),
            ("{}", "it is empty"),
            (r#"{"a":"b"}"#, "it has no layers"),
            (r#"{"a":[[1],[2,3]]}"#, "it has no layers"),
            (r#"{"a":[1],"a":[1]}"#, "two entries are named 'a'"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{error:?} lacks {says:?}");
        }
    }
}
