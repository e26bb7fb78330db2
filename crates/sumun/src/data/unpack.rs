//! Compressed bytes, unpacked: gzip and Zstandard, by what they begin with.

use std::io::{Error, Read, Result};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

/// What bytes are compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// By the first bytes; None where they are not compressed in one of these ways.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// As messages name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
        }
    }

    /// Unpacks at most `most` bytes and one more, which says that there are more. Error: damaged bytes.
    pub(super) fn unpack(self, mut bytes: &[u8], most: u64) -> Result<Vec<u8>> {
        let mut unpacked = Vec::new();
        match self {
            Self::Gzip => {
                MultiGzDecoder::new(bytes).take(most + 1).read_to_end(&mut unpacked)?;
            }
            Self::Zstd => {
                // A file may have several frames.
                while !bytes.is_empty() && unpacked.len() as u64 <= most {
                    let left = most + 1 - unpacked.len() as u64;
                    let frame = StreamingDecoder::new(&mut bytes).map_err(|e| Error::other(e.to_string()))?;
                    frame.take(left).read_to_end(&mut unpacked)?;
                }
            }
        }
        Ok(unpacked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Of `printf 'a,b\n1,2\n' | zstd`.
    const ZSTD: &[u8] = &[
        0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x41, 0x00, 0x00, b'a', b',', b'b', b'\n', b'1', b',', b'2',
        b'\n', 0x35, 0xe7, 0xca, 0xce,
    ];

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_packed_comes_back_up_to_a_bound() {
        let text = b"a,b\n1,2\n".repeat(100);
        let packed = gzip(&text);
        assert_eq!(Packing::of(&packed), Some(Packing::Gzip));
        assert_eq!(Packing::Gzip.unpack(&packed, 1 << 20).unwrap(), text);
        assert_eq!(Packing::Gzip.unpack(&packed, 10).unwrap().len(), 11);
        assert!(Packing::Gzip.unpack(&packed[..packed.len() / 2], 1 << 20).is_err());
        let twice = [gzip(b"a,b\n"), gzip(b"1,2\n")].concat();
        assert_eq!(Packing::Gzip.unpack(&twice, 1 << 20).unwrap(), b"a,b\n1,2\n");
        assert_eq!(Packing::of(ZSTD), Some(Packing::Zstd));
        assert!(Packing::Zstd.unpack(&ZSTD[..10], 100).is_err());
        assert_eq!(Packing::of(b"a,b\n"), None);
    }
}
