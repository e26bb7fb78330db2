//! The JSON header of a safetensors file.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::json::{Entries, Names};

/// The one name that is no tensor's.
pub(super) const METADATA: &str = "__metadata__";

/// What a header says: texts by key, tensors in their order.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tensors: Vec<(String, RawInfo)>,
}

/// A tensor as a header states it, before anything is checked.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct RawInfo {
    /// The element type, by its name in the format.
    pub(super) dtype: String,
    /// Row-major.
    pub(super) shape: Vec<usize>,
    /// First byte and end, counted from the end of the header.
    pub(super) data_offsets: (u64, u64),
}

impl Header {
    /// The header's JSON, padded with spaces so that the data begins at a multiple of 8 bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("texts and integers can be written as JSON");
        bytes.resize(bytes.len().next_multiple_of(8), b' ');
        bytes
    }
}

impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.metadata.is_empty() {
            map.serialize_entry(METADATA, &self.metadata)?;
        }
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
                f.write_str("a header of tensors by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut names = Names::default();
                let mut header = Header { metadata: BTreeMap::new(), tensors: Vec::new() };
                while let Some(name) = map.next_key::<String>()? {
                    names.add(&name)?;
                    if name == METADATA {
                        header.metadata = map.next_value::<Entries<String>>()?.0.into_iter().collect();
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
