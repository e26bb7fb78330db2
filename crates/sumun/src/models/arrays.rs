//! Files of named arrays.

use std::collections::BTreeMap;
use std::path::Path;

use sumun_formats::{Tensors, npy, safetensors};

use super::opened::bytes;
use crate::{Error, Result, durable};

/// Reads arrays by the file's ending: `.npz` and `.safetensors`, which have names, and `.npy`, whose only array is called
/// `only`. Errors: another ending, and a damaged file.
pub fn read_arrays(path: &Path, only: &str) -> Result<Tensors> {
    let name = path.display();
    let damaged = |error: sumun_formats::Error| Error::Data(format!("{name}: {error}"));
    match ending(path).as_str() {
        "npz" => npy::read_archive(&bytes(path)?).map_err(damaged),
        "safetensors" => Ok(safetensors::read(&bytes(path)?).map_err(damaged)?.tensors),
        "npy" => {
            let mut arrays = Tensors::new();
            arrays.insert(only.to_owned(), npy::read(&bytes(path)?).map_err(damaged)?, "NumPy file")?;
            Ok(arrays)
        }
        _ => Err(unknown(path)),
    }
}

/// Writes arrays by the file's ending, as [`read_arrays`]; several or none to a `.npy` file are an error. A reader sees the old
/// file or the whole new one.
pub fn write_arrays(path: &Path, arrays: &Tensors) -> Result<()> {
    let refused = |error: sumun_formats::Error| Error::Data(format!("{}: {error}", path.display()));
    let bytes = match ending(path).as_str() {
        "npz" => npy::write_archive(arrays).map_err(refused)?,
        "safetensors" => safetensors::write(arrays, &BTreeMap::new()).map_err(refused)?,
        "npy" => match arrays.iter().collect::<Vec<_>>()[..] {
            [(_, array)] => npy::write(array),
            ref several => {
                let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
                let names = if names.is_empty() { "none".into() } else { names.join(", ") };
                let name = path.display();
                return Err(Error::Data(format!(
                    "{name}: a .npy file has one array, and there are {names}; give a .npz file"
                )));
            }
        },
        _ => return Err(unknown(path)),
    };
    save(path, &bytes)
}

/// Writes a file so that a reader sees the old one or the whole new one. Error: what the operating system refuses.
pub fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    durable::write(path, bytes).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

/// Whether files of that ending have one array and no name for it.
pub fn has_one_array(path: &Path) -> bool {
    ending(path) == "npy"
}

pub(super) fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn unknown(path: &Path) -> Error {
    Error::Data(format!(
        "{}: its ending names no format of arrays; give a .npz, .npy or .safetensors file",
        path.display()
    ))
}
