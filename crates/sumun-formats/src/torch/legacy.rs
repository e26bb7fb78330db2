//! Files of PyTorch before 1.6: four pickles (a magic number, a version, the machine, the values), a fifth with the keys of all
//! storages, and the storages.

use std::collections::{HashMap, HashSet};

use super::checkpoint::{Checkpoint, FORMAT, most_bytes};
use super::pickle::{Node, Nodes, Pickle};
use crate::bytes::Cursor;
use crate::bytes::Endian;
use crate::error::{Error, Result, quoted};

/// The number that files begin with, pickled.
const MAGIC: &[u8] = &[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];

/// The version of the format that is read.
const VERSION: i128 = 1001;

/// Whether bytes begin as such files do, pickled by protocol 2 or a later one.
pub(super) fn starts(bytes: &[u8]) -> bool {
    // Later protocols may tell the length of the pickle first.
    let bytes = match bytes {
        [0x80, 4..=5, 0x95, rest @ ..] => rest.get(8..).unwrap_or_default(),
        [0x80, _, rest @ ..] => rest,
        _ => return false,
    };
    bytes.starts_with(&MAGIC[2..])
}

/// Reads a file that [`starts`] as one.
pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint<'_>> {
    let mut cursor = Cursor::new(bytes, FORMAT);
    Pickle::read(&mut cursor)?;
    let version = Pickle::read(&mut cursor)?;
    if !matches!(version.nodes.get(version.root), Node::Int(VERSION)) {
        return Err(Error::unsupported(FORMAT, format!("its version is not {VERSION}")));
    }
    let machine = Pickle::read(&mut cursor)?;
    let endian = endian(&machine);
    let Pickle { nodes, root } = Pickle::read(&mut cursor)?;
    let keys = Pickle::read(&mut cursor)?;
    let widths = widths(&nodes)?;
    let mut storages = HashMap::new();
    for &key in keys.nodes.items(keys.root).unwrap_or_default() {
        let key = keys.nodes.text(key).unwrap_or_default();
        let Some(&width) = widths.get(key) else {
            return Err(Error::damaged(FORMAT, format!("no value has the storage {}", quoted(key))));
        };
        let length: [u8; 8] = cursor.array()?;
        let length = match endian {
            Endian::Little => u64::from_le_bytes(length),
            Endian::Big => u64::from_be_bytes(length),
        };
        let length = length.saturating_mul(width as u64);
        if storages.insert(key.into(), cursor.take(length)?.into()).is_some() {
            return Err(Error::damaged(FORMAT, format!("the storage {} is there twice", quoted(key))));
        }
    }
    Checkpoint { nodes, root, storages, endian, most: most_bytes(bytes) }.checked()
}

/// The byte order of the machine that wrote the file.
fn endian(machine: &Pickle) -> Endian {
    let Node::Dict(entries) = machine.nodes.get(machine.root) else { return Endian::Little };
    let is_little = entries.iter().find(|(key, _)| machine.nodes.text(*key) == Some("little_endian"));
    match is_little.map(|(_, value)| machine.nodes.get(*value)) {
        Some(Node::Bool(false)) => Endian::Big,
        _ => Endian::Little,
    }
}

/// How many bytes an element of each storage has.
fn widths(nodes: &Nodes) -> Result<HashMap<&str, usize>> {
    let mut widths = HashMap::new();
    let mut of_two_types = HashSet::new();
    for storage in nodes.storages() {
        let width = storage.width();
        if widths.insert(&*storage.key, width).is_some_and(|before| before != width) {
            of_two_types.insert(&*storage.key);
        }
    }
    match of_two_types.into_iter().min() {
        None => Ok(widths),
        Some(key) => Err(Error::damaged(FORMAT, format!("the storage {} is of two types", quoted(key)))),
    }
}
