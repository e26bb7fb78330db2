//! The JSON header of a `.safetensors` file, written and read strictly.
//!
//! The `safetensors` crate keeps metadata in a hash map, so its bytes differ from run to run, and it reads a name
//! that occurs twice without an error. So this file writes and takes apart the JSON; the crate checks that shapes
//! and offsets fit, which it does with checked arithmetic.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use sumun_kernels::Precision;

use super::content::WITH_INT8;
use crate::error::quoted;

/// The one name that is no tensor's.
pub(super) const METADATA: &str = "__metadata__";

/// What a header says: texts by key, tensors in the order of the file.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tensors: Vec<(String, RawInfo)>,
}

/// A tensor as a header states it, before anything is checked.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct RawInfo {
    /// The element type; text, because a newer file may know others.
    pub(super) dtype: String,
    /// Row-major.
    pub(super) shape: Vec<usize>,
    /// First byte and end, counted from the end of the header.
    pub(super) data_offsets: (usize, usize),
}

/// A tensor of a [`Layout`].
pub(super) struct Placed {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// F32, or I8.
    pub(super) precision: Precision,
    /// Its place in the header.
    pub(super) order: usize,
}

/// The name of a precision's type.
pub(super) fn dtype(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 | Precision::Bf16 => "F32",
        Precision::Int8 => "I8",
    }
}

/// Tensors that follow one another.
pub(super) struct Layout {
    /// In the order of their bytes; every shape's size is known not to overflow.
    pub(super) tensors: Vec<Placed>,
    /// How many bytes they have in all.
    pub(super) data_length: u64,
}

impl Header {
    /// The header's JSON, padded with spaces so that the data begins at a multiple of 8 bytes.
    pub(super) fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.resize(bytes.len().next_multiple_of(8), b' ');
        Ok(bytes)
    }

    /// Where the tensors are, once all are of types that a file of this format has and one begins where another ends. Errors say
    /// which tensor is wrong.
    pub(super) fn into_layout(self, format: u32) -> Result<Layout, String> {
        let precisions =
            if format >= WITH_INT8 { &[Precision::F32, Precision::Int8][..] } else { &[Precision::F32] };
        let mut infos = Vec::with_capacity(self.tensors.len());
        for (order, (name, RawInfo { dtype: found, shape, data_offsets })) in
            self.tensors.into_iter().enumerate()
        {
            let Some(&precision) = precisions.iter().find(|&&precision| dtype(precision) == found) else {
                let known: Vec<&str> = precisions.iter().map(|&precision| dtype(precision)).collect();
                return Err(format!(
                    "tensor {} has type {}, not {}",
                    quoted(&name),
                    quoted(&found),
                    known.join(" or ")
                ));
            };
            let dtype = match precision {
                Precision::F32 | Precision::Bf16 => Dtype::F32,
                Precision::Int8 => Dtype::I8,
            };
            infos.push((name, TensorInfo { dtype, shape, data_offsets }, precision, order));
        }
        infos.sort_by_key(|(_, info, ..)| info.data_offsets);
        let all = infos.iter().map(|(name, info, ..)| (name.clone(), info.clone())).collect();
        let checked = Metadata::new(None, all).map_err(|error| match error {
            SafeTensorError::InvalidOffset(name) => format!("tensor {} leaves a hole", quoted(&name)),
            other => other.to_string(),
        })?;
        let tensors = infos
            .into_iter()
            .map(|(name, info, precision, order)| Placed { name, shape: info.shape, precision, order })
            .collect();
        Ok(Layout { tensors, data_length: checked.data_len() as u64 })
    }
}

impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.tensors.len() + 1))?;
        map.serialize_entry(METADATA, &self.metadata)?;
        for (name, info) in &self.tensors {
            map.serialize_entry(name, info)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;
        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a safetensors header")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut names = HashSet::new();
                let mut header = Header { metadata: BTreeMap::new(), tensors: Vec::new() };
                while let Some(name) = map.next_key::<String>()? {
                    if !names.insert(name.clone()) {
                        return Err(de::Error::custom(format!("two tensors are named {}", quoted(&name))));
                    }
                    if name == METADATA {
                        header.metadata = map.next_value::<Texts>()?.0;
                    } else {
                        header.tensors.push((name, map.next_value()?));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(HeaderVisitor)
    }
}

/// Texts by key, no key twice.
struct Texts(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;
        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("metadata that maps texts to texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((key, text)) = map.next_entry::<String, String>()? {
                    let shown = quoted(&key);
                    if texts.insert(key, text).is_some() {
                        return Err(de::Error::custom(format!("two metadata entries are named {shown}")));
                    }
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_map(TextsVisitor)
    }
}
