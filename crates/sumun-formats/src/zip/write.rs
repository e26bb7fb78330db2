//! Writes a zip archive of stored entries.

use flate2::Crc;

use super::{FORMAT, MAGIC};
use crate::error::{Error, Result};

/// An archive that grows. The same entries make the same bytes: no entry has a date.
pub(crate) struct Writer {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
    /// The contents of each entry begin at a multiple of this.
    alignment: usize,
}

/// 1 January 1980, the first day that the format has.
const DATE: u16 = 1 << 5 | 1;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
const VERSION: u16 = 20;

impl Writer {
    pub(crate) fn new(alignment: usize) -> Self {
        Self { bytes: Vec::new(), directory: Vec::new(), entries: 0, alignment }
    }

    /// Adds an entry. Error: the archive would be over 4 GB or have over 65,535 entries, which needs ZIP64.
    pub(crate) fn add(&mut self, name: &str, contents: &[u8]) -> Result<()> {
        let mut checksum = Crc::new();
        checksum.update(contents);
        let (local, size) = (self.narrow(self.bytes.len())?, self.narrow(contents.len())?);
        let length = u16::try_from(name.len()).map_err(|_| {
            Error::too_large(FORMAT, "the length of a name", name.len() as u128, u16::MAX.into())
        })?;
        if self.entries == u16::MAX {
            return Err(Error::too_large(FORMAT, "the number of entries", 1 << 16, u16::MAX.into()));
        }
        let start = self.bytes.len() + 30 + name.len();
        // An extra field of no meaning fills the place up; it has four bytes at least.
        let padding = match start.next_multiple_of(self.alignment) - start {
            0 => 0,
            padding if padding < 4 => padding + self.alignment.next_multiple_of(4),
            padding => padding,
        };
        let common = |into: &mut Vec<u8>, extra: usize| {
            for word in [VERSION, FLAGS, 0, 0, DATE] {
                into.extend(word.to_le_bytes());
            }
            for word in [checksum.sum(), size, size] {
                into.extend(word.to_le_bytes());
            }
            into.extend(length.to_le_bytes());
            into.extend((extra as u16).to_le_bytes());
        };
        self.bytes.extend(MAGIC);
        common(&mut self.bytes, padding);
        self.bytes.extend(name.as_bytes());
        if padding > 0 {
            self.bytes.extend(*b"FB");
            self.bytes.extend((padding as u16 - 4).to_le_bytes());
            self.bytes.resize(self.bytes.len() + padding - 4, 0);
        }
        self.bytes.extend(contents);
        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(VERSION.to_le_bytes());
        common(&mut self.directory, 0);
        self.directory.extend([0; 2 + 2 + 2 + 4]);
        self.directory.extend(local.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.entries += 1;
        Ok(())
    }

    /// Writes the directory behind the entries.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        let (start, length) = (self.narrow(self.bytes.len())?, self.narrow(self.directory.len())?);
        self.bytes.append(&mut self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(start.to_le_bytes());
        self.bytes.extend([0; 2]);
        Ok(self.bytes)
    }

    fn narrow(&self, size: usize) -> Result<u32> {
        // The largest number says that ZIP64 has it.
        let fits = u32::try_from(size).ok().filter(|&size| size < u32::MAX);
        fits.ok_or_else(|| {
            Error::too_large(FORMAT, "what is to be written", size as u128, (u32::MAX - 1).into())
        })
    }
}
