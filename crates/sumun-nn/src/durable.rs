//! Files that are whole or not there, whenever the power fails: temporary name, fsync, rename, fsync of the
//! folder (the recipe of Pillai et al., "All file systems are not created equal", OSDI 2014).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use faults::{Operation, ask, ask_for, ask_to_wait};

#[doc(hidden)]
pub mod faults;

/// How the name of a file in progress begins and ends.
const PREFIX: &str = ".sumun-";
const SUFFIX: &str = ".partial";

/// Removes what writers that were killed left in a folder in which no other process writes now.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            continue;
        }
        if name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Writes `bytes` to `path` so that a reader sees the old file or the whole new one, never a part.
/// The folder must exist.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create(path, bytes).map(|_| ())
}

/// As [`write()`], and the new file, open, to be added to. What another name or a link at `path` led to stays as it is.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<File> {
    write_whole(path, bytes).map_err(without_path)
}

/// An error without the temporary name that tempfile adds to it, which means nothing to the reader.
pub fn without_path(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((said, _)) => io::Error::new(error.kind(), said),
        None => error,
    }
}

/// As [`write()`], where nothing may be at `path` yet: an error of the kind `AlreadyExists` if there is.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let write = || {
        let file = staged(path, bytes)?;
        ask(Operation::Rename(file.path(), path))?;
        file.persist_noclobber(path).map_err(|e| e.error)?;
        sync_folder(folder_of(path))
    };
    write().map_err(without_path)
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let file = staged(path, bytes)?;
    ask(Operation::Rename(file.path(), path))?;
    let file = file.persist(path).map_err(|e| e.error)?;
    sync_folder(folder_of(path))?;
    Ok(file)
}

/// The bytes on the disk, under a temporary name beside `path`.
fn staged(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    let builder = builder.permissions(mode(0o666));
    let mut file = builder.tempfile_in(folder_of(path))?;
    ask(Operation::Create(file.path()))?;
    let name = file.path().to_path_buf();
    append(file.as_file_mut(), &name, bytes)?;
    if ask_to_wait(Operation::Sync(&name))? {
        file.as_file().sync_all()?;
    }
    Ok(file)
}

/// Adds bytes to the end of a file that is open under the name `path`.
pub fn append(file: &mut File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let most = ask_for(Operation::Append(path, bytes), bytes.len())?;
    file.write_all(&bytes[..most])?;
    if most < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

/// Writes a file in a folder that nobody else knows yet; one of that name is replaced.
pub fn write_unseen(path: &Path, bytes: &[u8]) -> io::Result<()> {
    ask(Operation::Create(path))?;
    append(&mut File::create(path)?, path, bytes)
}

/// Makes a folder where there is none. Error: what is there is no folder, or a link to one.
pub fn make_folder(path: &Path) -> io::Result<()> {
    ask(Operation::Create(path))?;
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match std::fs::symlink_metadata(path)? {
                found if found.is_dir() => Ok(()),
                _ => Err(error),
            }
        }
        made => made.and_then(|()| sync_folder(folder_of(path))),
    }
}

/// Gives a file or folder another name.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    ask(Operation::Rename(from, to))?;
    std::fs::rename(from, to)
}

/// Removes a file.
pub fn remove(path: &Path) -> io::Result<()> {
    ask(Operation::Remove(path))?;
    std::fs::remove_file(path)
}

/// The folder of a path; the current one for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes what was written to a file survive a power failure.
pub fn sync_file(path: &Path) -> io::Result<()> {
    if !ask_to_wait(Operation::Sync(path))? {
        return Ok(());
    }
    // Windows flushes only a handle that may write.
    OpenOptions::new().write(true).open(path)?.sync_all()
}

/// Makes new, renamed and removed names in a folder survive a power failure, where the system can promise it.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if ask_to_wait(Operation::SyncFolder(path))? && cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

/// What a new file or folder may be asked for; the user's umask takes away from it. Temporary files are private
/// by default, but a model is for everyone who may read its folder.
#[cfg(unix)]
pub fn mode(bits: u32) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).unwrap();
        names.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn replaces_a_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for text in ["first", "second"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(names(folder.path()), ["a"]);
        }
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("taken")).unwrap();
        std::fs::write(folder.path().join("taken/file"), "").unwrap();
        assert!(write(&folder.path().join("taken"), b"x").is_err());
        assert_eq!(names(folder.path()), ["taken"]);
        let said = write(&folder.path().join("absent/a"), b"x").unwrap_err().to_string();
        assert!(!said.contains(SUFFIX) && said.contains("os error"), "{said}");
    }

    #[test]
    fn a_folder_is_made_once_and_never_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        make_folder(&path).unwrap();
        write(&path.join("b"), b"x").unwrap();
        make_folder(&path).unwrap();
        assert_eq!(names(&path), ["b"]);
        assert!(make_folder(&path.join("b")).is_err() && make_folder(&path.join("c/d")).is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
            assert!(make_folder(&folder.path().join("link")).is_err());
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_get_the_usual_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let [ours, usual] = ["ours", "usual"].map(|name| folder.path().join(name));
        write(&ours, b"x").unwrap();
        std::fs::write(&usual, b"x").unwrap();
        let bits = |path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(bits(ours), bits(usual));
    }
}
