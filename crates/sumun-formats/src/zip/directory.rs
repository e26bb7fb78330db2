//! The central directory of a zip archive.

use std::ops::Range;

use crate::bytes::Cursor;
use crate::error::{Error, Result, quoted};

pub(super) const FORMAT: &str = "zip archive";

/// The first bytes of every archive that has an entry.
pub(crate) const MAGIC: [u8; 4] = *b"PK\x03\x04";

/// How an entry is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Store,
    Deflate,
}

/// An entry of the directory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) method: Method,
    /// CRC-32 of the contents.
    pub(super) checksum: u32,
    /// How many bytes it unpacks to.
    pub(super) size: u64,
    /// Where its packed bytes are in the archive.
    pub(super) data: Range<usize>,
}

/// Reads all entries. Errors: a damaged archive, entries that overlap, and what is not read here.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Entry>> {
    let end = End::find(bytes)?;
    let mut cursor = Cursor::new(&bytes[..end.at], FORMAT);
    cursor.take(end.directory)?;
    let mut headers = Vec::new();
    for _ in 0..end.entries {
        headers.push(Header::read(&mut cursor)?);
    }
    let directory = end.directory as usize;
    let mut spans = Vec::with_capacity(headers.len());
    let mut entries = Vec::with_capacity(headers.len());
    for header in headers {
        let entry = header.locate(&bytes[..directory])?;
        spans.push((header.local as usize, entry.data.end));
        entries.push(entry);
    }
    spans.sort_unstable();
    if let Some(pair) = spans.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        return Err(Error::damaged(FORMAT, format!("two entries overlap at byte {}", pair[1].0)));
    }
    Ok(entries)
}

/// What the record at the end of an archive says.
struct End {
    /// Where this record, or the one of ZIP64, begins: the directory lies before it.
    at: usize,
    /// Where the directory begins.
    directory: u64,
    /// How many entries it has.
    entries: u64,
}

impl End {
    const LENGTH: usize = 22;

    /// The last such record whose comment ends with the archive.
    fn find(bytes: &[u8]) -> Result<Self> {
        let last = bytes.len().checked_sub(Self::LENGTH);
        let last = last.ok_or_else(|| Error::damaged(FORMAT, "it is too short"))?;
        let ends_here = |&at: &usize| {
            let comment = u16::from_le_bytes([bytes[at + 20], bytes[at + 21]]);
            bytes[at..].starts_with(b"PK\x05\x06") && at + Self::LENGTH + usize::from(comment) == bytes.len()
        };
        let first = last.saturating_sub(usize::from(u16::MAX));
        let Some(at) = (first..=last).rev().find(ends_here) else {
            return Err(Error::damaged(FORMAT, "there is no directory at its end; it may be cut off"));
        };
        let mut cursor = Cursor::new(&bytes[at + 4..], FORMAT);
        let (disk, directory_disk) = (cursor.u16()?, cursor.u16()?);
        let (here, entries) = (cursor.u16()?, cursor.u16()?);
        let (_length, directory) = (cursor.u32()?, cursor.u32()?);
        if let Some(end) = Self::find_zip64(bytes, at)? {
            return Ok(end);
        }
        if disk != 0 || directory_disk != 0 || here != entries {
            return Err(Error::unsupported(FORMAT, "it is one of several parts; put them together first"));
        }
        Ok(Self { at, directory: directory.into(), entries: entries.into() })
    }

    /// The record of ZIP64 that a locator just before `end` points at, if there is one.
    fn find_zip64(bytes: &[u8], end: usize) -> Result<Option<Self>> {
        const LOCATOR: usize = 20;
        let Some(locator) = end.checked_sub(LOCATOR) else { return Ok(None) };
        if !bytes[locator..].starts_with(b"PK\x06\x07") {
            return Ok(None);
        }
        let mut cursor = Cursor::new(&bytes[locator + 8..end], FORMAT);
        let record = cursor.u64()?;
        let mut cursor = Cursor::new(&bytes[..locator], FORMAT);
        cursor.take(record)?;
        if cursor.array()? != *b"PK\x06\x06" {
            return Err(Error::damaged(FORMAT, "there is no record of ZIP64 where its locator says"));
        }
        cursor.take(8 + 2 + 2)?;
        let (disk, directory_disk) = (cursor.u32()?, cursor.u32()?);
        let (here, entries) = (cursor.u64()?, cursor.u64()?);
        let (_length, directory) = (cursor.u64()?, cursor.u64()?);
        if disk != 0 || directory_disk != 0 || here != entries {
            return Err(Error::unsupported(FORMAT, "it is one of several parts; put them together first"));
        }
        Ok(Some(Self { at: record as usize, directory, entries }))
    }
}

/// An entry as the directory states it.
struct Header {
    name: String,
    method: Method,
    checksum: u32,
    packed: u64,
    size: u64,
    /// Where its local header begins.
    local: u64,
}

impl Header {
    fn read(cursor: &mut Cursor) -> Result<Self> {
        if cursor.array()? != *b"PK\x01\x02" {
            return Err(Error::damaged(
                FORMAT,
                "its directory is not where, or not as long as, its end says",
            ));
        }
        cursor.take(2 + 2)?;
        let (flags, method) = (cursor.u16()?, cursor.u16()?);
        cursor.take(2 + 2)?;
        let (checksum, packed, size) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
        let (name, extra, comment) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
        cursor.take(2 + 2 + 4)?;
        let local = cursor.u32()?;
        let name = cursor.take(name.into())?;
        let Ok(name) = String::from_utf8(name.to_vec()) else {
            let what = format!("the name {} is not UTF-8", quoted(&String::from_utf8_lossy(name)));
            return Err(Error::unsupported(FORMAT, what));
        };
        let extra = cursor.take(extra.into())?;
        cursor.take(comment.into())?;
        let [size, packed, local] = wide([size, packed, local], extra)?;
        if flags & 1 != 0 {
            return Err(Error::unsupported(FORMAT, format!("the entry {} is encrypted", quoted(&name))));
        }
        let method = match method {
            0 if packed != size => {
                let what = format!("the entry {} has {packed} bytes, not {size}", quoted(&name));
                return Err(Error::damaged(FORMAT, what));
            }
            0 => Method::Store,
            8 => Method::Deflate,
            other => {
                let name = quoted(&name);
                let what = format!(
                    "the entry {name} is packed by method {other}; only stored and deflated are read"
                );
                return Err(Error::unsupported(FORMAT, what));
            }
        };
        Ok(Self { name, method, checksum, packed, size, local })
    }

    /// Finds the packed bytes, which lie behind a local header, in the part of the archive before its directory.
    fn locate(&self, bytes: &[u8]) -> Result<Entry> {
        let mut cursor = Cursor::new(bytes, FORMAT);
        cursor.take(self.local)?;
        let magic: [u8; 4] = cursor.array()?;
        cursor.take(22)?;
        let (name, extra) = (cursor.u16()?, cursor.u16()?);
        if magic != MAGIC || cursor.take(name.into())? != self.name.as_bytes() {
            let what = format!("the entry {} is not where the directory says", quoted(&self.name));
            return Err(Error::damaged(FORMAT, what));
        }
        cursor.take(extra.into())?;
        let start = cursor.at();
        cursor.take(self.packed)?;
        let (name, method, checksum) = (self.name.clone(), self.method, self.checksum);
        Ok(Entry { name, method, checksum, size: self.size, data: start..cursor.at() })
    }
}

/// Sizes and offset in 64 bits: those that do not fit into 32 are in an extra field, in this order.
fn wide(narrow: [u32; 3], extra: &[u8]) -> Result<[u64; 3]> {
    const ZIP64: u16 = 1;
    let mut wide = narrow.map(u64::from);
    if !narrow.contains(&u32::MAX) {
        return Ok(wide);
    }
    let mut fields = Cursor::new(extra, FORMAT);
    while !fields.is_at_end() {
        let (kind, length) = (fields.u16()?, fields.u16()?);
        let field = fields.take(length.into())?;
        if kind == ZIP64 {
            let mut field = Cursor::new(field, FORMAT);
            for value in wide.iter_mut().filter(|value| **value == u64::from(u32::MAX)) {
                *value = field.u64()?;
            }
            return Ok(wide);
        }
    }
    Ok(wide)
}
