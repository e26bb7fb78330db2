//! What a model file holds, and the names in it.

use sumun_kernels::Precision;

/// The newest version of the file's layout, its metadata and its checksum. A reader refuses a newer one. A file says the oldest
/// that can say it: 1 where all tensors are F32, 2 with tensors of 8 bits.
pub const FORMAT: u32 = 2;

/// The oldest format with tensors of 8 bits.
pub(super) const WITH_INT8: u32 = 2;

/// This crate's version, for people who ask what wrote a file.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest header that safetensors readers accept, in bytes.
pub(super) const MAX_HEADER: u64 = 100_000_000;

/// The metadata keys.
pub(super) mod key {
    pub(in crate::model) const FORMAT: &str = "sumun.format";
    pub(in crate::model) const VERSION: &str = "sumun.version";
    pub(in crate::model) const TASK: &str = "sumun.task";
    pub(in crate::model) const CONFIG: &str = "sumun.config";
    pub(in crate::model) const CHECKSUM: &str = "sumun.checksum";
}

/// A trained model: what it does, how it is built and its weights.
///
/// The file is [safetensors](https://huggingface.co/docs/safetensors), so that other tools can open it: weights
/// are F32 tensors in the order given, or, with 8 bits, an I8 tensor `w` and its F32 scales `w.scale`, one for each index of the
/// first dimension; the metadata has `sumun.format` (an integer, 1 or, with such tensors, 2), `sumun.version` (of
/// the crate that wrote it), `sumun.task`, `sumun.config` (JSON) and `sumun.checksum` (SHA-256 over all of that
/// and every tensor). The same content makes the same bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// What the model is for, such as `forecast`.
    pub task: String,
    /// Everything but the weights: layers, preprocessing, choices. JSON has no NaN and no infinity: they become
    /// `null`.
    pub config: serde_json::Value,
    /// The weights; no name twice.
    pub tensors: Vec<NamedTensor>,
}

/// One weight array.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// The full name, such as `recurrent.weight_ih_l0`.
    pub name: String,
    /// The shape, row-major; empty for a single number.
    pub shape: Vec<usize>,
    /// The values, as many as the shape says.
    pub values: Vec<f32>,
    /// How many bits a value has in the file. With 8 bits, the values of each index of the first dimension are whole multiples of
    /// one scale, as [`round_rows`](sumun_kernels::precision::round_rows) makes them; a tensor without values has 32, and so
    /// has one of bf16, whose numbers are rounded where they are multiplied.
    pub precision: Precision,
}

impl NamedTensor {
    /// A tensor of that name, shape and values. [`ModelFile::to_bytes`] checks that they fit.
    pub fn new(name: impl Into<String>, shape: &[usize], values: Vec<f32>) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), values, precision: Precision::F32 }
    }

    /// With so many bits in the file.
    pub fn precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The name of the scales of a tensor of 8 bits.
    pub(super) fn scale_name(name: &str) -> String {
        format!("{name}.scale")
    }
}
