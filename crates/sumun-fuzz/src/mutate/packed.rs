//! Changes inside files packed with gzip or Zstandard.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sumun_testing::Random;

use super::bytes::Change;

/// How much is unpacked.
const MOST: u64 = 1 << 20;

/// Unpacks, changes what is inside and packs it again; false where nothing is packed.
pub(super) fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random, inner: Change) -> bool {
    let mut inside = Vec::new();
    match bytes.as_slice() {
        [0x1f, 0x8b, ..] => {
            if MultiGzDecoder::new(bytes.as_slice()).take(MOST).read_to_end(&mut inside).is_err() {
                return false;
            }
            inner(&mut inside, seeds, random);
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(&inside).expect("a vector takes all");
            *bytes = packer.finish().expect("a vector takes all");
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let Ok(unpacker) = StreamingDecoder::new(bytes.as_slice()) else { return false };
            if unpacker.take(MOST).read_to_end(&mut inside).is_err() {
                return false;
            }
            inner(&mut inside, seeds, random);
            *bytes = compress_to_vec(inside.as_slice(), CompressionLevel::Fastest);
        }
        _ => return false,
    }
    true
}
