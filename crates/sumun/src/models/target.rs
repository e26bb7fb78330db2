//! A model written for another program, and proven before it is kept.

use std::collections::BTreeMap;

use sumun_formats::audio::rtneural;
use sumun_formats::{npy, onnx as onnx_format, safetensors, torch};
use sumun_nn::Precision;
use sumun_nn::interchange::onnx::{self, OnnxOptions};
use sumun_nn::interchange::{
    ForeignFile, TOLERANCE, largest_difference, to_c, to_keras, to_keras_h5, to_numpy, to_rtneural,
    to_weights,
};

use crate::model::Model;
use crate::{Error, Result};

/// For whom a model is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// PyTorch: a state_dict for `torch.load`.
    Torch,
    /// Weights by name, which many programs read.
    Safetensors,
    /// Keras: a `.keras` archive.
    Keras,
    /// Keras: an `.h5` file.
    H5,
    /// RTNeural's JSON, for plug-ins and small devices.
    RtNeural,
    /// An ONNX graph of any number of sequences and steps.
    Onnx,
    /// A header of C99 that computes a stream step by step.
    C,
    /// A Python module that computes with NumPy alone, with its weights in an `.npz` file beside it.
    NumPy,
}

/// A file in the making.
#[derive(Debug)]
pub struct Written {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// The weights that the file reads, where they are in another one, named as it is with the ending `.npz`.
    pub weights: Option<Vec<u8>>,
    /// The largest difference on random input between the model and what was read back from the bytes; relative above 1. None
    /// of source code, which is not read back.
    pub difference: Option<f64>,
}

/// The seed of the random input on which models are held against each other.
const SEED: u64 = 20_26;

impl Target {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Torch,
        Self::Safetensors,
        Self::Keras,
        Self::H5,
        Self::RtNeural,
        Self::Onnx,
        Self::C,
        Self::NumPy,
    ];

    /// Its short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Safetensors => "safetensors",
            Self::Keras => "keras",
            Self::H5 => "h5",
            Self::RtNeural => "rtneural",
            Self::Onnx => "onnx",
            Self::C => "c",
            Self::NumPy => "numpy",
        }
    }
}

/// Other programs would multiply the weights with numbers that are not rounded, and so compute something else.
pub(super) fn refuse_8_bits(model: &Model) -> Result<()> {
    match model.precision() {
        Precision::F32 | Precision::Bf16 => Ok(()),
        Precision::Int8 => Err(Error::Invalid(
            "the model has weights of 8 bits, which are written for no other program; export the model that it was made from"
                .into(),
        )),
    }
}

/// Writes a model with nothing beside its inputs and outputs, as [`write_with`].
pub fn write(model: &Model, target: Target, name: &str) -> Result<Written> {
    write_with(model, target, name, OnnxOptions::default())
}

/// Writes a model; source code calls it `name`, and an ONNX graph has what `options` ask for. What other programs load is read back and run beside the model on random
/// input. Errors: a model that the format cannot hold, a name that is none, and a difference over [`TOLERANCE`].
pub fn write_with(model: &Model, target: Target, name: &str, options: OnnxOptions) -> Result<Written> {
    refuse_8_bits(model)?;
    // Other programs multiply what they read, and are compared with a model that does too.
    let of_floats;
    let model = match model.precision() {
        Precision::Bf16 => {
            of_floats = Model::from_file(&model.to_file()?)?.with_precision(Precision::F32)?;
            &of_floats
        }
        _ => model,
    };
    let bytes = match target {
        Target::Torch => torch::write(&to_weights(model)?)?,
        Target::Safetensors => {
            safetensors::write(&to_weights(model)?, &BTreeMap::from([("format".into(), "pt".into())]))?
        }
        Target::Keras => to_keras(model)?,
        Target::H5 => to_keras_h5(model)?,
        Target::RtNeural => rtneural::write(&to_rtneural(model)?)?,
        Target::Onnx => onnx_format::write(&onnx::write(model, options)?),
        Target::C => return Ok(source(to_c(model, name)?, None)),
        Target::NumPy => {
            let weights = npy::write_archive(&to_weights(model)?)?;
            return Ok(source(to_numpy(model, name)?, Some(weights)));
        }
    };
    // Weights alone do not say what the layers are, so the model's own are given.
    let layers = matches!(target, Target::Torch | Target::Safetensors).then(|| model.config().clone());
    let again = ForeignFile::read(&bytes)?.import(layers)?;
    let difference = largest_difference(model, &again.model, SEED)?;
    match difference <= TOLERANCE {
        true => Ok(Written { bytes, weights: None, difference: Some(difference) }),
        false => Err(Error::Model(format!(
            "what was written for {} differs by {difference:.1e} from the model, more than {TOLERANCE:.0e}; it is not kept",
            target.name()
        ))),
    }
}

fn source(text: String, weights: Option<Vec<u8>>) -> Written {
    Written { bytes: text.into_bytes(), weights, difference: None }
}
