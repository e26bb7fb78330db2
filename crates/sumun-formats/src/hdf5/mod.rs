//! HDF5 files as a tree of groups and arrays: as much of the format as weights and their settings need.
//!
//! Read are superblocks 0 to 3, object headers of both versions, groups with symbol tables and with compact links, arrays
//! of numbers that are compact, contiguous or chunked (B-trees of version 1; deflate and shuffle), and attributes that are
//! numbers or texts, of fixed and of variable length. Written is the newer form: superblock 2, compact links, contiguous
//! arrays, texts in a global heap.
//!
//! The format is that of "HDF5 File Format Specification Version 3.0" (The HDF Group). Names of structures are its own.

mod checksum;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use crate::error::{Error, Result, quoted};
use crate::tensor::Tensor;

pub(crate) use read::read;
pub(crate) use write::write;

/// What messages call such a file.
const FORMAT: &str = "HDF5 file";

/// The first bytes of every file.
pub(crate) const MAGIC: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// An address that leads nowhere.
const NOWHERE: u64 = u64::MAX;

/// The kinds of messages in an object's header.
mod kind {
    pub(super) const DATASPACE: u16 = 0x01;
    pub(super) const LINK_INFO: u16 = 0x02;
    pub(super) const DATATYPE: u16 = 0x03;
    pub(super) const FILL_VALUE: u16 = 0x05;
    pub(super) const LINK: u16 = 0x06;
    pub(super) const LAYOUT: u16 = 0x08;
    pub(super) const GROUP_INFO: u16 = 0x0a;
    pub(super) const FILTERS: u16 = 0x0b;
    pub(super) const ATTRIBUTE: u16 = 0x0c;
    pub(super) const CONTINUATION: u16 = 0x10;
    pub(super) const SYMBOL_TABLE: u16 = 0x11;
    pub(super) const ATTRIBUTE_INFO: u16 = 0x15;
}

/// A group: what is said of it, and its members by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Group {
    pub(crate) attributes: BTreeMap<String, Attribute>,
    pub(crate) members: BTreeMap<String, Member>,
}

/// What a group has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Member {
    /// Another group.
    Group(Group),
    /// An array of numbers.
    Array(Tensor),
    /// Something that is not read here, and why.
    Other(Error),
}

/// What is said of a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Attribute {
    /// A text.
    Text(String),
    /// Texts in one axis.
    Texts(Vec<String>),
    /// Numbers.
    Numbers(Tensor),
    /// Something that is not read here.
    Other,
}

impl Group {
    /// The group of that name, if there is one.
    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        match self.members.get(name) {
            Some(Member::Group(group)) => Some(group),
            _ => None,
        }
    }

    /// The array at a path of names with slashes between them. Error: there is none, or one that is not read.
    pub(crate) fn array(&self, path: &str) -> Result<&Tensor> {
        let mut group = self;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            match group.members.get(name) {
                Some(Member::Group(next)) if names.peek().is_some() => group = next,
                Some(Member::Array(tensor)) if names.peek().is_none() => return Ok(tensor),
                Some(Member::Other(error)) => return Err(error.clone()),
                _ => break,
            }
        }
        Err(Error::damaged(FORMAT, format!("there is no array {}", quoted(path))))
    }

    /// The text that is said of it under that name; None where there is none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.attributes.get(name) {
            Some(Attribute::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The group at a path, made where it is missing. Error: there is an array on the way.
    pub(crate) fn make(&mut self, path: &str) -> Result<&mut Group> {
        path.split('/').try_fold(self, |group, name| {
            match group.members.entry(name.into()).or_insert_with(|| Member::Group(Group::default())) {
                Member::Group(group) => Ok(group),
                _ => Err(Error::damaged(FORMAT, format!("{} is no group", quoted(path)))),
            }
        })
    }
}
