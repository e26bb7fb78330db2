//! A model written for another program, and proven before it is kept.

use std::collections::BTreeMap;

use sumun_formats::{safetensors, torch};
use sumun_nn::interchange::{ForeignFile, TOLERANCE, largest_difference, to_weights};

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
}

/// A file in the making.
#[derive(Debug)]
pub struct Written {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// The largest difference on random input between the model and what was read back from the bytes; relative above 1.
    pub difference: f64,
}

/// The seed of the random input on which models are held against each other.
const SEED: u64 = 20_26;

impl Target {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Torch, Self::Safetensors];

    /// Its short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Safetensors => "safetensors",
        }
    }
}

/// Writes a model. What was written is read back and run beside the model on random input. Errors: a model that the format
/// cannot hold, and a difference over [`TOLERANCE`].
pub fn write(model: &Model, target: Target) -> Result<Written> {
    let weights = to_weights(model)?;
    let bytes = match target {
        Target::Torch => torch::write(&weights)?,
        Target::Safetensors => {
            safetensors::write(&weights, &BTreeMap::from([("format".into(), "pt".into())]))?
        }
    };
    // Weights alone do not say what the layers are, so the model's own are given.
    let again = ForeignFile::read(&bytes)?.import(Some(model.config().clone()))?;
    let difference = largest_difference(model, &again.model, SEED)?;
    match difference <= TOLERANCE {
        true => Ok(Written { bytes, difference }),
        false => Err(Error::Model(format!(
            "what was written for {} differs by {difference:.1e} from the model, more than {TOLERANCE:.0e}; it is not kept",
            target.name()
        ))),
    }
}
