//! Writes zip archives by hand, right or wrong.

/// An entry, and what the archive says about it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) packed: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) checksum: u32,
    /// What the directory says that it unpacks to.
    pub(crate) size: u32,
    /// What the directory says that it has packed.
    pub(crate) packed_size: u32,
    /// Where the directory says that it is; where it is, if None.
    pub(crate) place: Option<u32>,
}

impl Entry {
    /// A stored entry without a checksum.
    pub(crate) fn stored(name: &str, contents: &[u8]) -> Self {
        let size = contents.len() as u32;
        let (packed, name) = (contents.to_vec(), name.to_owned());
        Self { name, packed, method: 0, flags: 0, checksum: 0, size, packed_size: size, place: None }
    }
}

/// The archive of these entries.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let place = entry.place.unwrap_or(bytes.len() as u32);
        let common = |into: &mut Vec<u8>| {
            for word in [20, entry.flags, entry.method, 0, 33] {
                into.extend(word.to_le_bytes());
            }
            for word in [entry.checksum, entry.packed_size, entry.size] {
                into.extend(word.to_le_bytes());
            }
            into.extend((entry.name.len() as u16).to_le_bytes());
            into.extend([0; 2]);
        };
        bytes.extend(b"PK\x03\x04");
        common(&mut bytes);
        bytes.extend(entry.name.as_bytes());
        bytes.extend(&entry.packed);
        directory.extend(b"PK\x01\x02\x14\0");
        common(&mut directory);
        directory.extend([0; 10]);
        directory.extend(place.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let (count, start) = (entries.len() as u16, bytes.len() as u32);
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}
