//! A file, of which parts are read at addresses.

use std::collections::{HashMap, HashSet};

use super::super::FORMAT;
use crate::bytes::Cursor;
use crate::error::{Error, Result};

/// What may be read and unpacked of a file of `length` bytes before it is taken for an attack: each structure is small
/// beside what it describes, and weights hardly become smaller by deflate.
fn most_work(length: usize) -> usize {
    length.saturating_mul(16).saturating_add(1 << 20)
}

pub(super) fn damaged(what: impl Into<String>) -> Error {
    Error::damaged(FORMAT, what)
}

pub(super) fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(FORMAT, what)
}

/// A file, and what has been read of it.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    /// Bytes that may still be read or unpacked. Every structure is charged for, however often it is come by, so the work
    /// is linear in the file's size whatever leads to what.
    pub(super) left: usize,
    /// The headers of the objects that have been read: none has two names.
    pub(super) seen: HashSet<u64>,
    /// The objects of each global heap that has been read.
    pub(super) heaps: HashMap<u64, HashMap<u16, &'a [u8]>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, left: most_work(bytes.len()), seen: HashSet::new(), heaps: HashMap::new() }
    }

    /// Charges for so many bytes. Error: there have been too many.
    pub(super) fn charge(&mut self, count: u64) -> Result<usize> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        match self.left.checked_sub(count) {
            Some(left) => {
                self.left = left;
                Ok(count)
            }
            None => {
                let most = most_work(self.bytes.len());
                Err(Error::too_large(FORMAT, "what it unpacks to", u128::MAX, most as u128))
            }
        }
    }

    /// `length` bytes at an address, charged for. Error: they are not there.
    pub(super) fn at(&mut self, address: u64, length: u64) -> Result<&'a [u8]> {
        let cut = || damaged(format!("{length} bytes at {address} are outside its {}", self.bytes.len()));
        let start = usize::try_from(address).map_err(|_| cut())?;
        let rest = self.bytes.get(start..).ok_or_else(cut)?;
        let part = usize::try_from(length).ok().and_then(|length| rest.get(..length)).ok_or_else(cut)?;
        self.charge(length)?;
        Ok(part)
    }

    /// A place at an address, `length` bytes long, which begins with a signature.
    pub(super) fn signed(&mut self, address: u64, length: u64, signature: &[u8; 4]) -> Result<Cursor<'a>> {
        let mut place = Cursor::new(self.at(address, length)?, FORMAT);
        match place.array::<4>()? == *signature {
            true => Ok(place),
            false => Err(damaged(format!("there is no {} at {address}", String::from_utf8_lossy(signature)))),
        }
    }
}
