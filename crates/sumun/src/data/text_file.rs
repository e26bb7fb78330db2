//! A whole text file in memory, whatever bytes it holds: what every reader of tables and records begins with.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::charset::{NoText, decode};
use super::columnar::{self, Columnar};
use super::read_options::ReadOptions;
use super::sheet::Sheet;
use super::unpack::Packing;
use super::workbook;
use crate::message::{key, text};
use crate::outside;
use crate::{Error, Result};

/// How many bytes are read before the rest, to see whether they are text.
const FIRST_BYTES: u64 = 1 << 20;

/// The most bytes of a file, unpacked: what is made of them takes several times as much memory.
const MOST_BYTES: u64 = 1 << 31;

/// A file as text, with its name as messages show it.
#[derive(Debug, Clone)]
pub(crate) struct TextFile {
    name: String,
    hash: String,
    text: String,
    /// Whether it is a table that is no text, and whether all its numbers are numbers there.
    sheet: Option<bool>,
    notes: Vec<String>,
    options: ReadOptions,
}

impl TextFile {
    /// Reads a file; `kind` is what messages ask for, such as `CSV`. What is packed with gzip or Zstandard is unpacked, and
    /// what is not written in UTF-8 is decoded. Errors: there is none, it is a folder, or something else than text.
    pub(crate) fn open(path: &Path, kind: &str) -> Result<Self> {
        Self::open_with(path, kind, &ReadOptions::default())
    }

    /// As [`open`](Self::open), with what is known about how the file is written.
    pub(crate) fn open_with(path: &Path, kind: &str, options: &ReadOptions) -> Result<Self> {
        let name = path.display().to_string();
        let file = outside::stream(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => {
                Error::Data(format!("{name}: there is no such file; check the path"))
            }
            _ => Error::Io { path: path.to_path_buf(), source },
        })?;
        match Self::from_reader_with(&name, file, kind, options) {
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::IsADirectory => {
                Err(Error::Data(format!("{name}: is a folder; give the {kind} file inside it")))
            }
            other => other,
        }
    }

    /// Reads everything from `reader`; errors as [`open`](Self::open).
    pub(crate) fn from_reader(name: &str, reader: impl Read, kind: &str) -> Result<Self> {
        Self::from_reader_with(name, reader, kind, &ReadOptions::default())
    }

    /// As [`from_reader`](Self::from_reader), with what is known about how the text is written.
    pub(crate) fn from_reader_with(
        name: &str,
        mut reader: impl Read,
        kind: &str,
        options: &ReadOptions,
    ) -> Result<Self> {
        let failed = |source| Error::Io { path: name.into(), source };
        let bad = |message: String| Error::Data(format!("{name}: {message}"));
        let mut bytes = Vec::new();
        (&mut reader).take(FIRST_BYTES).read_to_end(&mut bytes).map_err(failed)?;
        // Before the rest is read: it may have no end, as /dev/zero has none.
        if !bytes.is_empty() && bytes.iter().all(|&byte| byte == 0) {
            return Err(no_text(name, kind));
        }
        reader.take(MOST_BYTES - FIRST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        let hash = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut notes = Vec::new();
        if let Some(packing) = Packing::of(&bytes) {
            bytes = packing.unpack(&bytes, MOST_BYTES).map_err(|error| {
                bad(format!(
                    "begins like {} but cannot be unpacked ({error}); get the file again",
                    packing.name()
                ))
            })?;
            notes.push(format!("the file is packed with {}", packing.name()));
        }
        if bytes.len() as u64 > MOST_BYTES {
            return Err(bad(
                "holds more than 2 GiB, which is more than is read at once; give a part of it".into()
            ));
        }
        let table = if workbook::is_workbook(&bytes) {
            Some(
                workbook::read(std::mem::take(&mut bytes), options.sheet.as_deref(), MOST_BYTES)
                    .map_err(bad)?,
            )
        } else if let Some(kind) = Columnar::of(&bytes) {
            Some(columnar::read(kind, std::mem::take(&mut bytes), MOST_BYTES).map_err(bad)?)
        } else if bytes.starts_with(b"PK\x03\x04") {
            return Err(bad("the file is a ZIP archive; unpack it first".into()));
        } else {
            None
        };
        let (text, sheet) = match table {
            Some(Sheet { text, typed, note }) => {
                notes.push(note);
                (text, Some(typed))
            }
            None => {
                let decoded = decode(bytes, options.encoding()?)
                    .map_err(|(problem, bytes)| undecoded(name, kind, problem, &bytes))?;
                notes.extend(decoded.note);
                (decoded.text, None)
            }
        };
        Ok(Self { name: name.to_owned(), hash, text, sheet, notes, options: options.clone() })
    }

    /// What is known about how it is written.
    pub(crate) fn options(&self) -> &ReadOptions {
        &self.options
    }

    /// Whether it is a sheet of a workbook, as text with commas; and then whether all its numbers are numbers there.
    pub(crate) fn sheet(&self) -> Option<bool> {
        self.sheet
    }

    /// What was found in the file that people should know, a sentence each.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The file's name as messages show it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The text, without a byte order mark.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the bytes of the file, in hexadecimal.
    pub(crate) fn hash(&self) -> String {
        self.hash.clone()
    }
}

fn no_text(name: &str, kind: &str) -> Error {
    Error::Data(format!(
        "{name}: is no text (it holds bytes that no text has); save the file as {kind} in UTF-8"
    ))
}

/// The error for bytes that are no text.
fn undecoded(name: &str, kind: &str, problem: NoText, bytes: &[u8]) -> Error {
    let place = |at: usize| {
        let line = 1 + bytes[..at].iter().filter(|&&b| b == b'\n').count();
        format!("{name}: line {line} is not UTF-8 text (byte 0x{:02X} at offset {at})", bytes[at])
    };
    let named = || text("or name its ") + key("encoding") + ", such as windows-1252, euc-kr or gbk";
    match problem {
        NoText::Binary => no_text(name, kind),
        NoText::Damaged { at } => {
            Error::Data(format!("{}, though the rest is; correct it", place(at))).advise(named())
        }
        NoText::Unknown { at } => {
            Error::Data(format!("{}; save the file as UTF-8", place(at))).advise(named())
        }
        NoText::Misnamed => Error::Data(format!("{name}: is not written in the encoding that was named"))
            .advise(text("name another ") + key("encoding")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_bytes() {
        let file = TextFile::from_reader("f", b"\xef\xbb\xbfabc".as_slice(), "CSV").unwrap();
        assert_eq!(file.text(), "abc");
        // Of `printf '\xef\xbb\xbfabc' | sha256sum`.
        assert_eq!(file.hash(), "1c28dc3f1f804a1ad9c9b4b4cf5e2658d16ad4ed08e3020d04a8d2865018947c");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let cases: [(&[u8], &str); 5] = [
            (b"PK\x03\x04abc", "f: the file is a ZIP archive; unpack it first"),
            (b"\x1f\x8b\x08", "f: begins like gzip but cannot be unpacked"),
            (b"ab\0", "f: is no text (it holds bytes that no text has); save the file as CSV"),
            (&[0; 10], "f: is no text"),
            (
                b"a\n\xc4\xe0\xf2\xe0",
                "f: line 2 is not UTF-8 text (byte 0xC4 at offset 2); save the file as UTF-8; or name",
            ),
        ];
        for (bytes, expected) in cases {
            let message = TextFile::from_reader("f", bytes, "CSV").unwrap_err().to_string();
            assert!(message.starts_with(expected) && !message.contains('\n'), "{message}");
        }
        let options = ReadOptions { encoding: Some("windows-1251".into()), ..ReadOptions::default() };
        let file = TextFile::from_reader_with("f", b"\xc4\xe0\xf2\xe0".as_slice(), "CSV", &options).unwrap();
        assert_eq!(file.text(), "Дата");
    }
}
