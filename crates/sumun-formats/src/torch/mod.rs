//! Files of PyTorch (`.pt`, `.pth`, `.ckpt`, `.bin`): state_dicts, checkpoints that hold one, whole modules as far as their
//! tensors, and TorchScript.
//!
//! Such a file holds a pickle, which is a program. It is not run: see the allow-list of `pickle`. Read are the zip files that
//! PyTorch has written since 1.6, and the files before that.
//!
//! ```
//! use sumun_formats::{Tensor, Tensors, torch};
//!
//! let mut tensors = Tensors::new();
//! tensors.insert("fc.weight".into(), Tensor::f32(vec![1, 2], vec![1.0, 2.0])?, "example")?;
//! let bytes = torch::write(&tensors)?; // a state_dict: model.load_state_dict(torch.load(FILE))
//! assert_eq!(torch::read(&bytes)?.root().tensors()?, tensors);
//! # Ok::<(), sumun_formats::Error>(())
//! ```

mod legacy;
mod pickle;
mod value;
mod write;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::bytes::Cursor;
use crate::bytes::Endian;
use crate::error::{Error, Result, quoted};
use crate::strided::gather;
use crate::tensor::{Data, Tensor, elements};
use crate::zip::{self, Archive};
use pickle::{Id, Node, Nodes, Pickle, View};

pub use value::{Kind, Value};
pub use write::write;

const FORMAT: &str = "PyTorch file";

/// What a file holds: values, and the memory of its tensors.
#[derive(Debug)]
pub struct Checkpoint<'a> {
    nodes: Nodes,
    root: Id,
    /// The bytes of each storage, by its key.
    storages: HashMap<Box<str>, Cow<'a, [u8]>>,
    endian: Endian,
    /// The most bytes that all tensors together may have, since views can share bytes.
    most: u64,
}

/// Whether bytes may be a file of PyTorch's before 1.6, which has no other mark.
pub fn is_legacy(bytes: &[u8]) -> bool {
    legacy::starts(bytes)
}

/// Reads a file. Errors: a damaged file, and, by their names, functions that it would call and types of tensors that are not
/// read.
pub fn read(bytes: &[u8]) -> Result<Checkpoint<'_>> {
    if bytes.starts_with(&zip::MAGIC) {
        return read_zip(bytes);
    }
    if legacy::starts(bytes) {
        return legacy::read(bytes);
    }
    Err(Error::damaged(FORMAT, "it is neither a zip archive nor begins as files of PyTorch before 1.6 do"))
}

fn read_zip(bytes: &[u8]) -> Result<Checkpoint<'_>> {
    let archive = Archive::new(bytes)?;
    let root = root_of(&archive)?;
    let pickle = archive.read(&format!("{root}data.pkl"))?;
    let Pickle { nodes, root: top } = Pickle::read(&mut Cursor::new(&pickle, FORMAT))?;
    let endian = match archive.find(&format!("{root}byteorder"))?.as_deref() {
        None | Some(b"little") => Endian::Little,
        Some(b"big") => Endian::Big,
        Some(other) => {
            let what = format!("its byte order is {}", quoted(&String::from_utf8_lossy(other)));
            return Err(Error::damaged(FORMAT, what));
        }
    };
    let mut storages = HashMap::new();
    for storage in nodes.storages() {
        if !storages.contains_key(&storage.key) {
            storages.insert(storage.key.clone(), archive.read(&format!("{root}data/{}", storage.key))?);
        }
    }
    Checkpoint { nodes, root: top, storages, endian, most: most_bytes(bytes) }.checked()
}

/// The folder of the archive that holds everything, with its `/`.
fn root_of<'a>(archive: &'a Archive) -> Result<&'a str> {
    let roots = archive.names().filter_map(|name| {
        let root = name.strip_suffix("data.pkl")?;
        let is_folder = root.is_empty() || root.find('/') == Some(root.len() - 1);
        is_folder.then_some(root)
    });
    match roots.collect::<Vec<_>>()[..] {
        [root] => Ok(root),
        [] => Err(Error::damaged(
            FORMAT,
            "there is no data.pkl in the archive: this is another kind of zip file",
        )),
        _ => Err(Error::damaged(FORMAT, "there are several data.pkl in the archive")),
    }
}

/// The most bytes that tensors of a file may have: weights are shared, but not by many.
fn most_bytes(bytes: &[u8]) -> u64 {
    (bytes.len() as u64).saturating_mul(16)
}

impl<'a> Checkpoint<'a> {
    /// Error: a storage that is not there as long as the pickle says.
    fn checked(self) -> Result<Self> {
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

    /// What was given to `torch.save`.
    pub fn root(&self) -> Value<'_> {
        Value::new(self, self.root)
    }

    /// The bytes that the elements of a tensor take.
    fn size(&self, view: &View) -> Result<u64> {
        Ok((elements(&view.shape, FORMAT)? as u64).saturating_mul(view.element.bytes() as u64))
    }

    /// Error: more than all tensors of the file may have.
    fn check_size(&self, size: u64) -> Result<()> {
        match size <= self.most {
            true => Ok(()),
            false => Err(Error::too_large(FORMAT, "the bytes of its tensors", size.into(), self.most.into())),
        }
    }

    /// The elements of a tensor.
    fn tensor(&self, view: &View) -> Result<Tensor> {
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
