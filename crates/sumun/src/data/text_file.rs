//! A whole text file in memory, whatever bytes it holds: what every reader of tables and records begins with.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// How many bytes are read before the rest, to see whether they are text.
const FIRST_BYTES: u64 = 1 << 20;

/// The most bytes of a file: what is made of them takes several times as much memory.
const MOST_BYTES: u64 = 1 << 31;

/// A file's bytes and its name as messages show it.
#[derive(Debug, Clone)]
pub(crate) struct TextFile {
    name: String,
    bytes: Vec<u8>,
}

impl TextFile {
    /// Reads a file; `kind` is what messages ask for, such as `CSV`. Errors: there is none, it is a folder, or
    /// something else than text in UTF-8 from the start.
    pub(crate) fn open(path: &Path, kind: &str) -> Result<Self> {
        let name = path.display().to_string();
        let file = std::fs::File::open(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => {
                Error::Data(format!("{name}: there is no such file; check the path"))
            }
            _ => Error::Io { path: path.to_path_buf(), source },
        })?;
        match Self::from_reader(&name, file, kind) {
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::IsADirectory => {
                Err(Error::Data(format!("{name}: is a folder; give the {kind} file inside it")))
            }
            other => other,
        }
    }

    /// Reads everything from `reader`; errors as [`open`](Self::open).
    pub(crate) fn from_reader(name: &str, mut reader: impl Read, kind: &str) -> Result<Self> {
        let bad = |message: String| Err(Error::Data(format!("{name}: {message}")));
        let failed = |source| Error::Io { path: name.into(), source };
        let mut bytes = Vec::new();
        (&mut reader).take(FIRST_BYTES).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.starts_with(&[0x1F, 0x8B]) || bytes.starts_with(b"PK\x03\x04") {
            return bad("the file is compressed; unpack it first".into());
        }
        // Before the rest is read: it may have no end, as /dev/zero has none.
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0) {
            return bad(format!(
                "is UTF-16 or no text at all (it holds bytes that UTF-8 text does not); save the file as {kind} in \
                 UTF-8"
            ));
        }
        reader.take(MOST_BYTES - FIRST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MOST_BYTES {
            return bad("holds more than 2 GiB, which is more than is read at once; give a part of it".into());
        }
        Ok(Self { name: name.to_owned(), bytes })
    }

    /// The file's name as messages show it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The text, without a byte order mark. Error: bytes that are not UTF-8, with their line.
    pub(crate) fn text(&self) -> Result<&str> {
        let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes);
        std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            let line = 1 + bytes[..at].iter().filter(|&&b| b == b'\n').count();
            let offset = self.bytes.len() - bytes.len() + at;
            Error::Data(format!(
                "{}: line {line} is not UTF-8 text (byte 0x{:02X} at offset {offset}); save the file as UTF-8",
                self.name, bytes[at]
            ))
        })
    }

    /// SHA-256 of the bytes, in hexadecimal.
    pub(crate) fn hash(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_bytes() {
        let file = TextFile::from_reader("f", b"\xef\xbb\xbfabc".as_slice(), "CSV").unwrap();
        assert_eq!(file.text().unwrap(), "abc");
        // Of `printf '\xef\xbb\xbfabc' | sha256sum`.
        assert_eq!(file.hash(), "1c28dc3f1f804a1ad9c9b4b4cf5e2658d16ad4ed08e3020d04a8d2865018947c");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let zip = b"PK\x03\x04abc".as_slice();
        for (bytes, expected) in [
            (zip, "f: the file is compressed; unpack it first"),
            (b"\x1f\x8b\x08", "f: the file is compressed; unpack it first"),
            (
                b"ab\0",
                "f: is UTF-16 or no text at all (it holds bytes that UTF-8 text does not); save the file as",
            ),
        ] {
            let message = TextFile::from_reader("f", bytes, "CSV").unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
