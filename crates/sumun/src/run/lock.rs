//! The lock of a folder that is being trained in.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use crate::outside::{self, Links};
use crate::{Error, Result};

/// Held while a training writes the folder, so that no second one does.
pub(crate) const LOCK_FILE: &str = ".lock";

/// Locks a folder as long as what is returned is open. Error: another process holds the lock.
pub(crate) fn lock(path: &Path) -> Result<File> {
    lock_named(path, path)
}

/// As [`lock`], of a folder that messages call by another name.
pub(super) fn lock_named(path: &Path, name: &Path) -> Result<File> {
    let refused = |source| Error::Io { path: name.join(LOCK_FILE), source };
    let file = path.join(LOCK_FILE);
    let opened =
        outside::open_with(&file, Links::Refuse, File::options().read(true).append(true).create(true))?
            .ok_or_else(|| refused(ErrorKind::NotFound.into()))?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(TryLockError::WouldBlock) => {
            Err(Error::Model(format!("{}: another process is training it; wait for it", name.display())))
        }
        Err(TryLockError::Error(source)) => Err(refused(source)),
    }
}
