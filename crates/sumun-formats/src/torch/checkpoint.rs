//! What a file holds, once it has been read.

use std::borrow::Cow;
use std::collections::HashMap;

use super::pickle::{Id, Node, Nodes, View};
use crate::bytes::Endian;
use crate::error::{Error, Result, quoted};
use crate::strided::gather;
use crate::tensor::{Data, Tensor, elements};

pub(super) const FORMAT: &str = "PyTorch file";

/// What a file holds: values, and the memory of its tensors.
#[derive(Debug)]
pub struct Checkpoint<'a> {
    pub(super) nodes: Nodes,
    pub(super) root: Id,
    /// The bytes of each storage, by its key.
    pub(super) storages: HashMap<Box<str>, Cow<'a, [u8]>>,
    pub(super) endian: Endian,
    /// The most bytes that all tensors together may have, since views can share bytes.
    pub(super) most: u64,
}

/// The most bytes that tensors of a file may have: weights are shared, but not by many.
pub(super) fn most_bytes(bytes: &[u8]) -> u64 {
    (bytes.len() as u64).saturating_mul(16)
}

impl<'a> Checkpoint<'a> {
    /// Error: a storage that is not there as long as the pickle says.
    pub(super) fn checked(self) -> Result<Self> {
        for storage in self.nodes.storages() {
            let there = self.storages.get(&storage.key).map_or(0, |bytes| bytes.len() as u64);
            let wanted = storage.length.saturating_mul(storage.width() as u64);
            if there < wanted {
                let what = format!("the storage {} has {there} bytes, not {wanted}", quoted(&storage.key));
                return Err(Error::damaged(FORMAT, what));
            }
        }
        Ok(self)
    }

    /// The bytes that the elements of a tensor take.
    pub(super) fn size(&self, view: &View) -> Result<u64> {
        Ok((elements(&view.shape, FORMAT)? as u64).saturating_mul(view.element.bytes() as u64))
    }

    /// Error: more than all tensors of the file may have.
    pub(super) fn check_size(&self, size: u64) -> Result<()> {
        match size <= self.most {
            true => Ok(()),
            false => Err(Error::too_large(FORMAT, "the bytes of its tensors", size.into(), self.most.into())),
        }
    }

    /// The elements of a tensor.
    pub(super) fn tensor(&self, view: &View) -> Result<Tensor> {
        self.check_size(self.size(view)?)?;
        let Node::Storage(storage) = self.nodes.get(view.storage) else {
            return Err(Error::damaged(FORMAT, "a tensor has no storage"));
        };
        let bytes: &[u8] = self.storages.get(&storage.key).map_or(&[], |bytes| bytes);
        let width = view.element.bytes();
        let bytes = gather(bytes, width, view.offset, &view.shape, &view.strides, FORMAT)?;
        let data = Data::from_bytes(view.element, &bytes, self.endian, FORMAT)?;
        Tensor::new(view.element, view.shape.clone(), data, FORMAT)
    }
}
