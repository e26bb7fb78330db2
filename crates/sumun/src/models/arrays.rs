//! Files of named arrays.

use std::collections::BTreeMap;
use std::path::Path;

use sumun_formats::{Tensors, safetensors};

use super::opened::bytes;
use crate::{Error, Result, durable};

/// Reads arrays by the file's ending: `.safetensors`. Errors: another ending, and a damaged file.
pub fn read_arrays(path: &Path) -> Result<Tensors> {
    let name = path.display();
    let damaged = |error: sumun_formats::Error| Error::Data(format!("{name}: {error}"));
    match ending(path).as_str() {
        "safetensors" => Ok(safetensors::read(&bytes(path)?).map_err(damaged)?.tensors),
        _ => Err(unknown(path)),
    }
}

/// Writes arrays by the file's ending, as [`read_arrays`]; a reader sees the old file or the whole new one.
pub fn write_arrays(path: &Path, arrays: &Tensors) -> Result<()> {
    let refused = |error: sumun_formats::Error| Error::Data(format!("{}: {error}", path.display()));
    let bytes = match ending(path).as_str() {
        "safetensors" => safetensors::write(arrays, &BTreeMap::new()).map_err(refused)?,
        _ => return Err(unknown(path)),
    };
    save(path, &bytes)
}

/// Writes a file so that a reader sees the old one or the whole new one. Error: what the operating system refuses.
pub fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    durable::write(path, bytes).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn unknown(path: &Path) -> Error {
    Error::Data(format!("{}: its ending names no format of arrays; give a .safetensors file", path.display()))
}
