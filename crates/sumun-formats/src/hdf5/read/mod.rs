//! Reads a file into a tree.

mod attributes;
mod chunks;
mod elements;
mod groups;
mod heap;
mod objects;
mod reader;

use super::{FORMAT, Group, MAGIC, Member, NOWHERE, kind};
use crate::bytes::Cursor;
use crate::error::{Error, Result};
use objects::Message;
use reader::{Reader, damaged, unsupported};

/// Groups within groups; the weights of nested layers need about ten.
const MOST_NESTED: usize = 32;

/// Reads a whole file. Errors: not one, cut off, damaged, or of a form that is not read here.
pub(crate) fn read(bytes: &[u8]) -> Result<Group> {
    let mut reader = Reader::new(bytes);
    let root = reader.superblock()?;
    match reader.object(root, 0)? {
        Member::Group(group) => Ok(group),
        Member::Other(error) => Err(error),
        Member::Array(_) => Err(damaged("its root is no group")),
    }
}

impl<'a> Reader<'a> {
    /// The address of the root's header.
    fn superblock(&mut self) -> Result<u64> {
        let mut place = Cursor::new(self.bytes, FORMAT);
        if place.array::<8>().ok() != Some(MAGIC) {
            return Err(damaged("it does not begin as one"));
        }
        let version = place.u8()?;
        let sizes = match version {
            0 | 1 => {
                place.take(4)?;
                let sizes = [place.u8()?, place.u8()?];
                // Reserved, the sizes of leaves and nodes, flags.
                place.take(if version == 0 { 9 } else { 13 })?;
                sizes
            }
            2 | 3 => {
                let sizes = [place.u8()?, place.u8()?];
                place.take(1)?;
                sizes
            }
            _ => return Err(unsupported(format!("its superblock is of version {version}; 0 to 3 are read"))),
        };
        if sizes != [8, 8] {
            return Err(unsupported(format!(
                "its addresses and lengths have {} and {} bytes; 8 and 8 are read",
                sizes[0], sizes[1]
            )));
        }
        if place.u64()? != 0 {
            return Err(unsupported("its addresses do not count from its beginning"));
        }
        // The address of free space or of an extension.
        place.u64()?;
        let end = place.u64()?;
        if end > self.bytes.len() as u64 {
            return Err(damaged(format!("cut off: it has {} bytes of {end}", self.bytes.len())));
        }
        if version < 2 {
            // The driver, and the name of the root.
            place.take(16)?;
        }
        place.u64()
    }

    /// The object whose header is at an address.
    fn object(&mut self, address: u64, depth: usize) -> Result<Member> {
        if depth > MOST_NESTED {
            return Err(Error::too_large(
                FORMAT,
                "the nesting of groups",
                depth as u128,
                MOST_NESTED as u128,
            ));
        }
        if !self.seen.insert(address) {
            return Err(unsupported(format!("the object at {address} has two names")));
        }
        let messages = self.header(address)?;
        let has = |kind: u16| messages.iter().any(|message| message.kind == kind);
        if has(kind::LAYOUT) || has(kind::DATATYPE) {
            return match self.array(&messages) {
                Ok(tensor) => Ok(Member::Array(tensor)),
                Err(error @ Error::Unsupported { .. }) => Ok(Member::Other(error)),
                Err(error) => Err(error),
            };
        }
        match self.group(&messages, depth) {
            Ok(group) => Ok(Member::Group(group)),
            Err(error @ Error::Unsupported { .. }) => Ok(Member::Other(error)),
            Err(error) => Err(error),
        }
    }

    /// The group whose header has these messages.
    fn group(&mut self, messages: &[Message<'a>], depth: usize) -> Result<Group> {
        let mut group = Group::default();
        for message in messages.iter().filter(|message| message.kind == kind::ATTRIBUTE) {
            let (name, attribute) = self.attribute(message)?;
            group.attributes.insert(name, attribute);
        }
        if messages.iter().any(|message| message.kind == kind::ATTRIBUTE_INFO && has_dense(message)) {
            return Err(unsupported("attributes in a heap of their own"));
        }
        self.members(messages, &mut group, depth)?;
        Ok(group)
    }
}

/// Whether an attribute info message leads to a heap.
fn has_dense(message: &Message<'_>) -> bool {
    let mut place = Cursor::new(message.data, FORMAT);
    let heap = |place: &mut Cursor<'_>| -> Result<u64> {
        place.u8()?;
        if place.u8()? & 1 != 0 {
            place.u16()?;
        }
        place.u64()
    };
    heap(&mut place).is_ok_and(|heap| heap != NOWHERE)
}
