//! The one place that opens files from outside: configurations, run folders, models. They may be anything, so what is
//! opened is a regular file, which is asked of the open handle and not of the name, and no more is read than a file of its
//! kind has.
//!
//! A pipe, a device or a folder under such a name is an error and never waited for. In a run folder a link is one as well
//! ([`Links::Refuse`]): what it leads to belongs to somebody else.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::{Error, Result};

/// What to do about a symbolic link at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Open what it leads to: a path that a person gave.
    Follow,
    /// Refuse it: a file of a run folder.
    Refuse,
}

/// Opens a regular file to be read; `None` where there is none. Errors: a link that is refused, anything but a regular
/// file, and what the operating system refuses.
pub fn open(path: &Path, links: Links) -> Result<Option<File>> {
    open_with(path, links, OpenOptions::new().read(true))
}

/// As [`open`], in the way of `options`, which must neither truncate nor create anything but an empty file.
pub fn open_with(path: &Path, links: Links, options: &mut OpenOptions) -> Result<Option<File>> {
    let refused = |source| Error::Io { path: path.to_path_buf(), source };
    if links == Links::Refuse && std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        return Err(linked(path));
    }
    let file = match careful(options, links).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // What cannot be opened in this way, such as a socket, may be no file at all.
        Err(source) => {
            return Err(match std::fs::metadata(path).map(|found| kind(&found)) {
                Ok(Some(kind)) => no_file(path, kind),
                _ => refused(source),
            });
        }
    };
    match kind(&file.metadata().map_err(refused)?) {
        None => Ok(Some(file)),
        Some(kind) => Err(no_file(path, kind)),
    }
}

/// Reads a regular file of at most `most` bytes; `None` where there is none. Errors as [`open`], and a larger file, of which
/// nothing is read.
pub fn read(path: &Path, links: Links, most: u64) -> Result<Option<Vec<u8>>> {
    let Some(file) = open(path, links)? else { return Ok(None) };
    let refused = |source| Error::Io { path: path.to_path_buf(), source };
    let length = file.metadata().map_err(refused)?.len();
    let mut bytes = Vec::new();
    if length <= most {
        // It may grow meanwhile.
        file.take(most + 1).read_to_end(&mut bytes).map_err(refused)?;
    }
    match length.max(bytes.len() as u64) {
        length if length > most => Err(Error::Data(format!(
            "{}: has {length} bytes, and a file of its kind at most {most}; give another",
            path.display()
        ))),
        _ => Ok(Some(bytes)),
    }
}

/// As [`read`], of a text in UTF-8. Error, too: bytes that are none.
pub fn read_text(path: &Path, links: Links, most: u64) -> Result<Option<String>> {
    let Some(bytes) = read(path, links, most)? else { return Ok(None) };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::Data(format!("{}: is no text in UTF-8 (byte {at} is wrong); give another", path.display()))
    })
}

/// As [`read`], of a file that must be there.
pub fn read_given(path: &Path, links: Links, most: u64) -> Result<Vec<u8>> {
    read(path, links, most)?.ok_or_else(|| missing(path))
}

/// As [`read_text`], of a file that must be there.
pub fn read_given_text(path: &Path, links: Links, most: u64) -> Result<String> {
    read_text(path, links, most)?.ok_or_else(|| missing(path))
}

fn missing(path: &Path) -> Error {
    Error::Io { path: path.to_path_buf(), source: ErrorKind::NotFound.into() }
}

/// Opens data to be read once from front to back. It may come through a pipe, as a shell makes one of `<(command)`: waiting
/// for it is what was asked for. Its reader bounds how much is read. Errors: what the operating system refuses.
pub fn stream(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

/// Does not wait for the other end of a pipe, and does not follow a link that appears after it was looked for.
#[cfg(unix)]
fn careful(options: &mut OpenOptions, links: Links) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let no_link = if links == Links::Refuse { libc::O_NOFOLLOW } else { 0 };
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | no_link)
}

#[cfg(not(unix))]
fn careful(options: &mut OpenOptions, _links: Links) -> &mut OpenOptions {
    options
}

/// What something is that is no regular file.
fn kind(found: &std::fs::Metadata) -> Option<&'static str> {
    match found.file_type() {
        kind if kind.is_file() => None,
        kind if kind.is_dir() => Some("a folder"),
        kind => Some(special(kind)),
    }
}

#[cfg(unix)]
fn special(kind: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match () {
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

#[cfg(not(unix))]
fn special(_kind: std::fs::FileType) -> &'static str {
    "a device"
}

fn no_file(path: &Path, kind: &str) -> Error {
    Error::Data(format!("{}: is {kind}, not a file; give a file", path.display()))
}

fn linked(path: &Path) -> Error {
    Error::Data(format!(
        "{}: is a link, which a run folder has none of; put a file in its place",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read_and_no_more_than_they_may_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert_eq!(read(&path, Links::Refuse, 4).unwrap(), None);
        std::fs::write(&path, "four").unwrap();
        assert_eq!(read(&path, Links::Refuse, 4).unwrap().unwrap(), b"four");
        let error = read(&path, Links::Follow, 3).unwrap_err().to_string();
        assert!(error.ends_with("a: has 4 bytes, and a file of its kind at most 3; give another"), "{error}");
        std::fs::write(&path, b"a\xff").unwrap();
        let error = read_text(&path, Links::Follow, 9).unwrap_err().to_string();
        assert!(error.ends_with("is no text in UTF-8 (byte 1 is wrong); give another"), "{error}");
        let error = read(folder.path(), Links::Follow, 9).unwrap_err().to_string();
        assert!(error.ends_with("is a folder, not a file; give a file"), "{error}");
        // Sparse: nothing of it is read.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(read(&path, Links::Follow, 1 << 20).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_sockets_and_devices_are_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("absent"), at("dangling")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("zero")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        std::os::unix::fs::symlink(at("pipe"), at("to a pipe")).unwrap();
        assert_eq!(read(&at("link"), Links::Follow, 9).unwrap().unwrap(), b"x");
        assert_eq!(read(&at("dangling"), Links::Follow, 9).unwrap(), None);
        for (name, links, expected) in [
            ("link", Links::Refuse, "is a link"),
            ("dangling", Links::Refuse, "is a link"),
            ("zero", Links::Refuse, "is a link"),
            ("zero", Links::Follow, "is a device, not a file"),
            ("socket", Links::Follow, "is a socket, not a file"),
            ("pipe", Links::Refuse, "is a pipe, not a file"),
            ("to a pipe", Links::Follow, "is a pipe, not a file"),
        ] {
            let error = read(&at(name), links, 9).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
            let mut to_write = OpenOptions::new();
            let error =
                open_with(&at(name), links, to_write.read(true).append(true).create(true)).unwrap_err();
            assert!(error.to_string().contains(expected) || name == "zero", "{name}: {error}");
        }
        assert!(!at("absent").exists(), "nothing is made behind a link");
    }
}
