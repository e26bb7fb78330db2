//! Archives, read as files of PyTorch.

use sumun_formats::torch;

use super::archive::{Entry, archive};
use super::{assert_says, refused};

/// An empty list, pickled.
const PICKLE: &[u8] = b"\x80\x02].";

fn check(name: &str, bytes: &[u8], says: &str) {
    assert_says(&refused(name, || torch::read(bytes)), says);
}

#[test]
fn the_builder_makes_good_archives() {
    assert!(torch::read(&archive(&[Entry::stored("a/data.pkl", PICKLE)])).is_ok());
}

#[test]
fn entries_that_lie() {
    let good = Entry::stored("a/data.pkl", PICKLE);
    let other = Entry::stored("a/b", &[0; 100]);
    let changed = |change: &dyn Fn(&mut Entry)| {
        let mut entry = good.clone();
        change(&mut entry);
        archive(&[other.clone(), entry])
    };
    check("twice", &archive(&[good.clone(), good.clone()]), "two entries are named 'a/data.pkl'");
    check("the same bytes", &changed(&|entry| entry.place = Some(0)), "is not where the directory says");
    check("no place", &changed(&|entry| entry.place = Some(u32::MAX)), "cut off");
    check("encrypted", &changed(&|entry| entry.flags = 1), "encrypted");
    check("method", &changed(&|entry| entry.method = 14), "packed by method 14");
    check("sizes", &changed(&|entry| entry.size = 1), "has 4 bytes, not 1");
    check("long", &changed(&|entry| (entry.size, entry.packed_size) = (1 << 31, 1 << 31)), "cut off");
    check("checksum", &changed(&|entry| entry.checksum = 1), "the checksum of 'a/data.pkl' does not match");
    check("other", &archive(std::slice::from_ref(&other)), "there is no data.pkl");
    check("two roots", &archive(&[good.clone(), Entry::stored("b/data.pkl", PICKLE)]), "several data.pkl");
    check("deeper", &archive(&[Entry::stored("a/b/data.pkl", PICKLE)]), "there is no data.pkl");
}

/// Entries that lie within one another, so that few bytes unpack to many: a zip bomb without nesting.
#[test]
fn entries_that_overlap() {
    let inner = archive(&[Entry::stored("a/data/0", &[0; 1000])]);
    let inner = &inner[..30 + 8 + 1000];
    let outer = Entry::stored("a/data.pkl", inner);
    let mut within = Entry::stored("a/data/0", &[0; 1000]);
    within.place = Some(30 + 10);
    check("overlap", &archive(&[outer, within]), "two entries overlap at byte 40");
}

#[test]
fn what_unpacks_to_too_much() {
    // Deflate makes a thousand bytes of one at most; the directory says more, and so would the bytes.
    let mut bomb = Entry::stored("a/data.pkl", &[0; 2000]);
    (bomb.method, bomb.size) = (8, 1 << 30);
    check("a bomb", &archive(std::slice::from_ref(&bomb)), "the size of what is in it");
    (bomb.packed, bomb.size) = (deflated_zeros(), 10);
    bomb.packed_size = bomb.packed.len() as u32;
    check("more than said", &archive(std::slice::from_ref(&bomb)), "does not unpack to 10 bytes");
    bomb.size = 10 << 20;
    check("less than said", &archive(&[bomb]), "does not unpack to 10485760 bytes");
}

/// A megabyte of zeros.
fn deflated_zeros() -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&[0; 1 << 20]).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn ends_that_lie() {
    let good = archive(&[Entry::stored("a/data.pkl", PICKLE)]);
    let end = good.len() - 22;
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[end + at..end + at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    check("entries", &with(8, &[0xff; 4]), "");
    check("place", &with(16, &[0xff; 4]), "");
    check("another disk", &with(4, &[1, 0]), "one of several parts");
    check("a comment", &with(20, &[1, 0]), "no directory at its end");
    // A locator of ZIP64 that points nowhere, and one at a record with 2⁶³ entries.
    for (place, says) in [(1_u64 << 63, "cut off"), (0, "no record of ZIP64"), (end as u64, "")] {
        let mut bytes = good[..end].to_vec();
        bytes.extend(b"PK\x06\x06");
        bytes.extend([0; 20]);
        for word in [1_u64 << 63, 1 << 63, 1 << 63, 0] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend(place.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(&good[end..]);
        check("ZIP64", &bytes, says);
    }
}
