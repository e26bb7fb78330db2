//! Zip archives, in which PyTorch, Keras and NumPy keep their files: stored and deflated entries, ZIP64.
//!
//! What an archive holds is what its central directory says. Sizes come from there, never from local headers, which need not
//! have them (flag bit 3). No two entries may share bytes, and what all of them unpack to is bounded before one is unpacked.

mod directory;
mod write;

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::error::{Error, Result, quoted};
use directory::{Entry, FORMAT, Method};

pub(crate) use directory::MAGIC;
pub(crate) use write::Writer;

/// The names of what a zip archive holds, in the order of its directory: what kind of file it is. Errors: as an archive is read.
pub fn names(bytes: &[u8]) -> Result<Vec<String>> {
    Ok(Archive::new(bytes)?.names().map(str::to_owned).collect())
}

/// The most bytes that the deflated entries of an archive of `length` bytes may unpack to. Deflate can make a thousand bytes
/// of one; weights hardly ever become an eighth.
fn most_unpacked(length: usize) -> u64 {
    (length as u64).saturating_mul(64).saturating_add(16 << 20)
}

/// An archive whose entries were found to be where the directory says.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry>,
    positions: HashMap<String, usize>,
}

impl<'a> Archive<'a> {
    /// Reads the directory. Errors: a damaged archive, entries that overlap, a name twice, and more to unpack than the bound.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self> {
        let entries = directory::read(bytes)?;
        let mut positions = HashMap::with_capacity(entries.len());
        for (position, entry) in entries.iter().enumerate() {
            if positions.insert(entry.name.clone(), position).is_some() {
                let what = format!("two entries are named {}", quoted(&entry.name));
                return Err(Error::damaged(FORMAT, what));
            }
        }
        let deflated = entries.iter().filter(|entry| entry.method == Method::Deflate);
        let unpacked: u128 = deflated.map(|entry| u128::from(entry.size)).sum();
        let most = most_unpacked(bytes.len()).into();
        if unpacked > most {
            return Err(Error::too_large(FORMAT, "the size of what is in it", unpacked, most));
        }
        Ok(Self { bytes, entries, positions })
    }

    /// The names of all entries, in the order of the directory.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// The contents of an entry. Error: there is none of that name, or it is damaged.
    pub(crate) fn read(&self, name: &str) -> Result<Cow<'a, [u8]>> {
        match self.find(name)? {
            Some(contents) => Ok(contents),
            None => Err(Error::damaged(FORMAT, format!("there is no entry {}", quoted(name)))),
        }
    }

    /// The contents of an entry, if there is one of that name. Error: it is damaged.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Cow<'a, [u8]>>> {
        let Some(&position) = self.positions.get(name) else { return Ok(None) };
        let entry = &self.entries[position];
        let packed = &self.bytes[entry.data.clone()];
        let contents = match entry.method {
            Method::Store => Cow::Borrowed(packed),
            Method::Deflate => Cow::Owned(inflate(packed, entry)?),
        };
        let mut checksum = Crc::new();
        checksum.update(&contents);
        // PyTorch writes 0 where it was told not to compute checksums.
        if entry.checksum != 0 && entry.checksum != checksum.sum() {
            return Err(Error::damaged(FORMAT, format!("the checksum of {} does not match", quoted(name))));
        }
        Ok(Some(contents))
    }
}

/// Unpacks an entry, whose size is known to be within the bound.
fn inflate(packed: &[u8], entry: &Entry) -> Result<Vec<u8>> {
    // Grown as it comes: the size that is stated need not be true.
    let mut contents = Vec::with_capacity(entry.size.min(1 << 16) as usize);
    let result = DeflateDecoder::new(packed).take(entry.size + 1).read_to_end(&mut contents);
    if result.is_err() || contents.len() as u64 != entry.size {
        let name = quoted(&entry.name);
        let what = format!("the deflated entry {name} does not unpack to {} bytes", entry.size);
        return Err(Error::damaged(FORMAT, what));
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_back() {
        let long: Vec<u8> = (0..100_000_u32).flat_map(|i| i.wrapping_mul(i).to_le_bytes()).collect();
        let mut writer = Writer::new(64);
        writer.add("a/data.pkl", b"abc").unwrap();
        writer.add("a/none", b"").unwrap();
        writer.add("a/긴", &long).unwrap();
        let bytes = writer.finish().unwrap();
        let archive = Archive::new(&bytes).unwrap();
        assert_eq!(archive.names().collect::<Vec<_>>(), ["a/data.pkl", "a/none", "a/긴"]);
        assert_eq!(&archive.read("a/data.pkl").unwrap()[..], b"abc");
        assert_eq!(&archive.read("a/none").unwrap()[..], b"");
        assert_eq!(&archive.read("a/긴").unwrap()[..], long);
        assert!(archive.read("b").is_err() && archive.find("b") == Ok(None));
        // Elements are found at a multiple of the alignment.
        let place = |name| archive.entries[archive.positions[name]].data.start;
        assert_eq!((place("a/data.pkl") % 64, place("a/긴") % 64), (0, 0));
    }

    /// Written by Python's `zipfile` to a stream: sizes stand behind the entries (flag bit 3), a comment at the end.
    const DEFLATED: &[u8] = include_bytes!("deflated.zip");

    #[test]
    fn deflated_entries_are_read() {
        let archive = Archive::new(DEFLATED).unwrap();
        assert_eq!(&archive.read("zeros").unwrap()[..], &[0; 4000]);
        assert_eq!(&archive.read("text").unwrap()[..], b"stored");
    }

    #[test]
    fn no_changed_byte_makes_other_contents() {
        let contents = |bytes: &[u8]| -> Result<Vec<Vec<u8>>> {
            let archive = Archive::new(bytes)?;
            ["zeros", "text"].iter().map(|name| archive.read(name).map(Cow::into_owned)).collect()
        };
        let good = contents(DEFLATED).unwrap();
        for place in 0..DEFLATED.len() {
            for change in [1, 0x80, 0xff] {
                let mut bytes = DEFLATED.to_vec();
                bytes[place] ^= change;
                if let Ok(read) = contents(&bytes) {
                    assert_eq!(read, good, "byte {place}");
                }
            }
            if place < DEFLATED.len() - 8 {
                assert!(contents(&DEFLATED[..place]).is_err(), "{place}");
            }
        }
    }
}
