//! The files that mutations begin with, and those that broke something once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Target;

/// Longer seeds are left out: they make runs slow and reach nothing more.
const LONGEST: u64 = 1 << 16;

/// This crate's folder, absolute, so that targets may change the folder they work in.
fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The corpus of a target, in the order of its files' names. Error: there is none.
pub fn seeds(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    for place in target.corpus {
        for path in files(&home().join(place))? {
            let ends = path.extension().map(|end| end.to_string_lossy().into_owned()).unwrap_or_default();
            if fs::metadata(&path)?.len() <= LONGEST
                && (target.ends.is_empty() || target.ends.contains(&ends.as_str()))
            {
                all.push(fs::read(path)?);
            }
        }
    }
    if all.is_empty() { Err(io::Error::other(format!("{} has no corpus", target.name))) } else { Ok(all) }
}

/// What broke a target once, with the files' names; the folder of one that nothing broke is not there.
pub fn regressions(target: &Target) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = home().join("regressions").join(target.name);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    files(&folder)?.into_iter().map(|path| Ok((path.clone(), fs::read(path)?))).collect()
}

/// A file, or the files directly in a folder.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found: Vec<PathBuf> =
        fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    found.retain(|path| path.is_file() && path.file_name() != Some("README.md".as_ref()));
    found.sort();
    Ok(found)
}
