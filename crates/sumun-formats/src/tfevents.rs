//! Event files as TensorBoard reads them: figures by step, written record by record.
//!
//! A record is a length, its checksum, a message `Event` and its checksum (the framing of TFRecord files); a file is records one after
//! the other, so that a growing one is read while it is written. The messages are those of `event.proto` and `summary.proto` of
//! TensorFlow. Nothing here reads them.

use crate::protobuf::Message;

/// The first record of a file. `wall_time` is in seconds since 1970.
pub fn first(wall_time: f64) -> Vec<u8> {
    let mut event = Message::default();
    event.double(1, wall_time);
    event.text(3, "brain.Event:2");
    record(&event.into_bytes())
}

/// A record of the figures of a step, each under its name; a slash in a name makes a group.
pub fn figures<'a>(wall_time: f64, step: u64, figures: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<u8> {
    let mut summary = Message::default();
    for (name, figure) in figures {
        let mut value = Message::default();
        value.text(1, name);
        value.float(2, figure as f32);
        summary.message(1, value);
    }
    let mut event = Message::default();
    event.double(1, wall_time);
    event.int(2, step as i64);
    event.message(5, summary);
    record(&event.into_bytes())
}

/// A message with its length and both checksums.
fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let checksum = |bytes: &[u8]| masked(crc32c(bytes)).to_le_bytes();
    [&length[..], &checksum(&length), message, &checksum(message)].concat()
}

/// A checksum as the format keeps it: turned by 15 bits, and moved, as the checksum of bytes that hold their own checksum says little.
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), as RFC 3720 has it.
fn crc32c(bytes: &[u8]) -> u32 {
    let each = |checksum: u32, byte: &u8| TABLE[usize::from(checksum as u8 ^ byte)] ^ (checksum >> 8);
    !bytes.iter().fold(!0, each)
}

/// What each byte adds.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bits, mut at) = (byte as u32, 0);
        while at < 8 {
            bits = if bits & 1 == 1 { 0x82f6_3b78 ^ (bits >> 1) } else { bits >> 1 };
            at += 1;
        }
        table[byte] = bits;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 3720, B.4.
    #[test]
    fn checksums_are_those_of_the_standard() {
        let rising: Vec<u8> = (0..32).collect();
        for (bytes, expected) in [
            (&[0; 32][..], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&rising, 0x46dd_794e),
            (b"123456789", 0xe306_9283),
        ] {
            assert_eq!(crc32c(bytes), expected, "{bytes:?}");
        }
    }

    /// A figure of 0 is written: it is one of several kinds of values, of which a missing one is none.
    #[test]
    fn records_have_the_bytes_of_the_format() {
        let expected = [
            &[0x09][..],
            &1.5_f64.to_le_bytes(),
            &[0x10, 3, 0x2a, 10, 0x0a, 8, 0x0a, 1, b'a', 0x15, 0, 0, 0, 0],
        ]
        .concat();
        let found = figures(1.5, 3, [("a", 0.0)]);
        assert_eq!(found[..8], (expected.len() as u64).to_le_bytes());
        assert_eq!(found[12..found.len() - 4], expected);
        let text = first(0.0);
        assert!(text.ends_with(&masked(crc32c(&text[12..text.len() - 4])).to_le_bytes()));
        assert!(text.windows(13).any(|part| part == b"brain.Event:2"));
    }
}
