//! A model file of another program, whatever its format.

use std::collections::BTreeMap;

use sumun_formats::audio::{self, Document};
use sumun_formats::keras::{self, Keras, Weights};
use sumun_formats::onnx::{self as onnx_format, OnnxModel};
use sumun_formats::torch::{Kind, Value};
use sumun_formats::{Tensor, Tensors, npy, safetensors, torch, zip};

use super::{Import, of_audio, of_keras, of_keras_with, of_weights, of_weights_with};
use crate::error::quoted;
use crate::model::ModelConfig;
use crate::{Error, Result};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFormat {
    /// safetensors: named weights.
    Safetensors,
    /// PyTorch's `torch.save`.
    Torch,
    /// NumPy's `savez`: named arrays.
    Npz,
    /// A model or the weights of Keras.
    Keras,
    /// A small model of the audio world, in JSON.
    Audio,
    /// A graph of ONNX.
    Onnx,
}

impl FileFormat {
    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Torch => "PyTorch (torch.save)",
            Self::Npz => "NumPy (savez)",
            Self::Keras => "Keras",
            Self::Audio => "RTNeural, GuitarML or Neural Amp Modeler (JSON)",
            Self::Onnx => "ONNX",
        }
    }
}

/// What is told about a file beside its bytes.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ImportOptions {
    /// The layers of a file that has weights alone.
    pub architecture: Option<ModelConfig>,
    /// The numbers that inputs of an ONNX graph have whenever the model runs, by name: of a graph that does different things
    /// for different ones, such as a sample rate. They need not be given then.
    pub known: BTreeMap<String, f64>,
}

/// A file of another program as it was read: nothing in it was executed, and no other file was opened for it.
#[derive(Debug)]
pub struct ForeignFile {
    format: FileFormat,
    content: Content,
    notes: Vec<String>,
}

#[derive(Debug)]
enum Content {
    /// Named weights and nothing else.
    Weights(Tensors),
    Keras(Keras),
    Audio(Document),
    Onnx(OnnxModel),
}

/// Where training scripts keep the weights in a checkpoint, by the key of the dict.
const WEIGHTS: [&str; 8] =
    ["state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "module"];

/// What PyTorch's `DataParallel` puts before every name.
const PARALLEL: &str = "module.";

impl ForeignFile {
    /// Reads a file by what it begins with. Errors: bytes of no format that is read here, and damaged ones.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let weights = |format, tensors| Ok(Self::of(format, Content::Weights(tensors)));
        match bytes {
            [] => Err(Error::Model("is empty".into())),
            _ if keras::is_keras(bytes) => Ok(Self::of(FileFormat::Keras, Content::Keras(keras::read(bytes)?))),
            [b'P', b'K', 3, 4, ..] => match zip::names(bytes)?.iter().all(|name| name.ends_with(".npy")) {
                true => weights(FileFormat::Npz, npy::read_archive(bytes)?),
                false => Self::of_torch(&torch::read(bytes)?),
            },
            _ if torch::is_legacy(bytes) => Self::of_torch(&torch::read(bytes)?),
            // The length of the header, which is JSON.
            [_, _, _, _, _, 0, 0, 0, b'{', ..] => {
                weights(FileFormat::Safetensors, safetensors::read(bytes)?.tensors)
            }
            _ if bytes.trim_ascii_start().first() == Some(&b'{') => {
                Ok(Self::of(FileFormat::Audio, Content::Audio(audio::read(bytes)?)))
            }
            // The version of the file format, the first field of every graph there is.
            [0x08, ..] => Ok(Self::of(FileFormat::Onnx, Content::Onnx(onnx_format::read(bytes)?))),
            _ => Err(Error::Model(
                "is in no format that is read here; give a file of PyTorch, Keras, ONNX, safetensors, NumPy (.npz), RTNeural or Neural \
                 Amp Modeler"
                    .into(),
            )),
        }
    }

    fn of(format: FileFormat, content: Content) -> Self {
        Self { format, content, notes: Vec::new() }
    }

    fn of_torch(checkpoint: &torch::Checkpoint<'_>) -> Result<Self> {
        let root = checkpoint.root();
        let mut notes = Vec::new();
        let mut tensors = Tensors::new();
        for key in WEIGHTS {
            let Some(value) = root.get(key) else { continue };
            let inner = value.tensors()?;
            if !inner.is_empty() && value.tensor().is_none() {
                notes.push(format!("the weights are those under {} of a checkpoint", quoted(key)));
                tensors = inner;
                break;
            }
        }
        if let (true, Some(class)) = (tensors.is_empty(), module_class(root)) {
            let class = quoted(class);
            notes.push(format!(
                "the file holds a whole module, {class}; its code was not run, only its weights were read"
            ));
        }
        if tensors.is_empty() {
            tensors = root.tensors()?;
        }
        if !tensors.is_empty() && tensors.iter().all(|(name, _)| name.starts_with(PARALLEL)) {
            let mut plain = Tensors::new();
            for (name, tensor) in tensors.iter() {
                plain.insert(name[PARALLEL.len()..].to_owned(), tensor.clone(), "PyTorch file")?;
            }
            notes.push(format!(
                "{} before every name, which is DataParallel's, was left out",
                quoted(PARALLEL)
            ));
            tensors = plain;
        }
        Ok(Self { format: FileFormat::Torch, content: Content::Weights(tensors), notes })
    }

    /// How it is written.
    pub fn format(&self) -> FileFormat {
        self.format
    }

    /// Its arrays by name, as far as they have names of their own.
    pub fn arrays(&self) -> Vec<(&str, &Tensor)> {
        match &self.content {
            Content::Weights(tensors) | Content::Audio(Document::StateDict(tensors)) => {
                tensors.iter().collect()
            }
            Content::Audio(Document::GuitarMl(model)) => model.tensors.iter().collect(),
            Content::Audio(_) => Vec::new(),
            Content::Onnx(model) => {
                model.graph.constants.iter().map(|(name, one)| (name.as_str(), one)).collect()
            }
            Content::Keras(file) => match &file.weights {
                Weights::Layers(layers) => layers
                    .iter()
                    .flat_map(|layer| &layer.weights)
                    .map(|(name, one)| (name.as_str(), one))
                    .collect(),
                Weights::Paths(tensors, _) => tensors.iter().collect(),
            },
        }
    }

    /// What was noticed in reading it, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The model that it holds: of the given architecture, or of what the file says of its layers. Errors:
    /// as [`of_weights`], [`of_keras`] and [`of_audio`], and an architecture for a file that has its own.
    pub fn import(&self, architecture: Option<ModelConfig>) -> Result<Import> {
        self.import_with(ImportOptions { architecture, ..ImportOptions::default() })
    }

    /// As [`import`](Self::import), with all that is told about the file. Further errors: as [`onnx::read_with`], and numbers of
    /// inputs for a file that is no graph.
    ///
    /// [`onnx::read_with`]: super::onnx::read_with
    pub fn import_with(&self, options: ImportOptions) -> Result<Import> {
        let ImportOptions { architecture, known } = options;
        if !known.is_empty() && self.format != FileFormat::Onnx {
            return Err(Error::Model(format!(
                "is a file of {}; only inputs of an ONNX graph can be told beforehand",
                self.format.title()
            )));
        }
        let import = match (&self.content, architecture) {
            (Content::Weights(tensors), Some(architecture)) => of_weights_with(tensors, architecture)?,
            (Content::Weights(tensors), None) => of_weights(tensors)?,
            (Content::Keras(file), None) => of_keras(file)?,
            (Content::Keras(file), Some(architecture)) if file.architecture.is_none() => {
                of_keras_with(file, architecture)?
            }
            (Content::Audio(document), None) => of_audio(document)?,
            (Content::Onnx(graph), None) => super::onnx::read_with(graph, &known)?,
            (_, Some(_)) => {
                return Err(Error::Model("has its layers in it; leave out the architecture".into()));
            }
        };
        Ok(Import { notes: [self.notes.clone(), import.notes].concat(), ..import })
    }
}

/// The class of an object that was saved as it is.
fn module_class<'c>(root: Value<'c>) -> Option<&'c str> {
    match root.kind() {
        Kind::Object { class, .. } => Some(class),
        _ => None,
    }
}
