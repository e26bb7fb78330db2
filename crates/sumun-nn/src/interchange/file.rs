//! A model file of another program, whatever its format.

use sumun_formats::torch::{Kind, Value};
use sumun_formats::{Tensors, npy, safetensors, torch, zip};

use super::{Import, of_weights, of_weights_with};
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
}

impl FileFormat {
    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Torch => "PyTorch (torch.save)",
            Self::Npz => "NumPy (savez)",
        }
    }
}

/// A file of another program as it was read: nothing in it was executed, and no other file was opened for it.
#[derive(Debug)]
pub struct ForeignFile {
    format: FileFormat,
    tensors: Tensors,
    notes: Vec<String>,
}

/// Where training scripts keep the weights in a checkpoint, by the key of the dict.
const WEIGHTS: [&str; 8] =
    ["state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "module"];

/// What PyTorch's `DataParallel` puts before every name.
const PARALLEL: &str = "module.";

impl ForeignFile {
    /// Reads a file by what it begins with. Errors: bytes of no format that is read here, and damaged ones.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        match bytes {
            [b'P', b'K', 3, 4, ..] => {
                let names = zip::names(bytes)?;
                match names.iter().all(|name| name.ends_with(".npy")) {
                    true => Ok(Self { format: FileFormat::Npz, tensors: npy::read_archive(bytes)?, notes: Vec::new() }),
                    false => Self::of_torch(&torch::read(bytes)?),
                }
            }
            _ if torch::is_legacy(bytes) => Self::of_torch(&torch::read(bytes)?),
            // The length of the header, which is JSON.
            [_, _, _, _, _, 0, 0, 0, b'{', ..] => {
                let contents = safetensors::read(bytes)?;
                Ok(Self { format: FileFormat::Safetensors, tensors: contents.tensors, notes: Vec::new() })
            }
            [] => Err(Error::Model("is empty".into())),
            _ => Err(Error::Model(
                "is in no format that is read here; give a file of PyTorch (.pt, .pth), a .safetensors or a .npz file".into(),
            )),
        }
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
        Ok(Self { format: FileFormat::Torch, tensors, notes })
    }

    /// How it is written.
    pub fn format(&self) -> FileFormat {
        self.format
    }

    /// Its arrays by name.
    pub fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    /// What was noticed in reading it, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The model that it holds: of the given architecture, or of what the file says of its layers. Errors as
    /// [`of_weights`] and [`of_weights_with`].
    pub fn import(&self, architecture: Option<ModelConfig>) -> Result<Import> {
        let import = match architecture {
            Some(architecture) => of_weights_with(&self.tensors, architecture)?,
            None => of_weights(&self.tensors)?,
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
