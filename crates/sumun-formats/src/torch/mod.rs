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

mod checkpoint;
mod legacy;
mod pickle;
mod value;
mod write;

use std::collections::HashMap;

use crate::bytes::Cursor;
use crate::bytes::Endian;
use crate::error::{Error, Result, quoted};
use crate::zip::{self, Archive};
use checkpoint::{FORMAT, most_bytes};
use pickle::Pickle;

pub use checkpoint::Checkpoint;
pub use value::{Kind, Value};
pub use write::write;

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
