//! Changes inside HDF5 files, such as those of Keras: texts, messages of headers, tables of groups. Nothing moves, so that
//! addresses stay right, and checksums are right again.

use std::ops::Range;

use sumun_testing::Random;

use super::json;
use crate::lie;

const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// One in so many files keeps the checksums of before.
const UNREPAIRED: usize = 20;

/// How often JSON is changed anew where it became too long for its place.
const TRIES: usize = 8;

/// What begins with a name of its own, and has a checksum at its end.
const SIGNED: [&[u8]; 2] = [b"OHDR", b"OCHK"];

/// What else begins with a name: nodes and leaves of groups, heaps of names and of texts.
const TABLES: [&[u8]; 4] = [b"TREE", b"SNOD", b"HEAP", b"GCOL"];

/// Changes a few places; false where the bytes are no such file.
pub(super) fn change(bytes: &mut [u8], random: &mut Random) -> bool {
    if !bytes.starts_with(MAGIC) {
        return false;
    }
    let messages = messages(bytes);
    for _ in 0..lie::few(random) {
        match random.below(8) {
            0..=2 => text(bytes, random),
            3..=5 if !messages.is_empty() => {
                message(bytes, messages[random.below(messages.len())].clone(), random);
            }
            6 => table(bytes, random),
            _ => copied(bytes, random),
        }
    }
    if !lie::one_in(random, UNREPAIRED) {
        repair(bytes);
    }
    true
}

/// Changes a configuration in its place, filled up with blanks.
fn text(bytes: &mut [u8], random: &mut Random) {
    let starts: Vec<usize> = places(bytes, b"{\"").collect();
    let Some(&first) = starts.first() else { return };
    // The longest there is, or any within it.
    let start = if lie::one_in(random, 2) { first } else { starts[random.below(starts.len())] };
    let mut stream = serde_json::Deserializer::from_slice(&bytes[start..]).into_iter::<serde_json::Value>();
    let Some(Ok(_)) = stream.next() else { return };
    let end = start + stream.byte_offset();
    for _ in 0..TRIES {
        let mut new = bytes[start..end].to_vec();
        if json::change(&mut new, random) && new.len() <= end - start {
            new.resize(end - start, b' ');
            bytes[start..end].copy_from_slice(&new);
            return;
        }
    }
}

/// Changes a field of a message: a size, an axis, a kind, an address.
fn message(bytes: &mut [u8], place: Range<usize>, random: &mut Random) {
    if place.is_empty() {
        return;
    }
    let at = place.start + random.below(place.len());
    match random.below(4) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = lie::size(random) as u8,
        _ => number(bytes, place.start + (at - place.start) / 8 * 8, place.end, random),
    }
}

/// Puts a size that lies where it fits before `end`.
fn number(bytes: &mut [u8], at: usize, end: usize, random: &mut Random) {
    let little = (lie::size(random) as u64).to_le_bytes();
    let width = (1 << random.below(4)).min(end.saturating_sub(at));
    bytes[at..at + width].copy_from_slice(&little[..width]);
}

/// Changes a field of a node, a leaf or a heap.
fn table(bytes: &mut [u8], random: &mut Random) {
    let signature = TABLES[random.below(TABLES.len())];
    let found: Vec<usize> = places(bytes, signature).collect();
    if found.is_empty() {
        return;
    }
    let start = found[random.below(found.len())] + signature.len();
    let end = (start + 2 + random.below(120)).min(bytes.len());
    let at = start + random.below((end - start).max(1)) / 2 * 2;
    number(bytes, at.min(bytes.len()), end.max(at).min(bytes.len()), random);
}

/// Makes one number of eight bytes another of the file: an address leads elsewhere, or round and round.
fn copied(bytes: &mut [u8], random: &mut Random) {
    let words = bytes.len() / 8;
    // Of those that may be addresses: no more than the file is long, and not 0.
    let is_address = |word: usize| {
        let value = u64::from_le_bytes(bytes[word * 8..word * 8 + 8].try_into().expect("eight bytes"));
        (1..bytes.len() as u64).contains(&value)
    };
    let found: Vec<usize> = (0..words).filter(|&word| is_address(word)).collect();
    if found.is_empty() {
        return;
    }
    let [from, to] = [(); 2].map(|()| found[random.below(found.len())] * 8);
    bytes.copy_within(from..from + 8, to);
}

/// Where a signature stands, at any place.
fn places<'a>(bytes: &'a [u8], signature: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(signature.len()).enumerate().filter(move |(_, part)| *part == signature).map(|(at, _)| at)
}

/// The data of every message of a header, of both versions.
fn messages(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for start in (0..bytes.len().saturating_sub(16)).step_by(8) {
        // Version 1, a byte of nothing, how many messages; one reference to it.
        let (head, length) = (&bytes[start..start + 16], word(bytes, start + 8) as usize);
        if head[..2] == [1, 0] && head[4..8] == [1, 0, 0, 0] && length <= bytes.len() - start - 16 {
            let (mut at, end) = (start + 16, start + 16 + length);
            while at + 8 <= end {
                let size = usize::from(u16::from_le_bytes([bytes[at + 2], bytes[at + 3]]));
                found.push(at + 8..(at + 8 + size).min(end));
                at += 8 + size;
            }
        }
    }
    for block in signed(bytes) {
        let first = if bytes[block.start + 1] == b'H' { header(bytes, block.start) } else { 4 };
        let (mut at, end) = (block.start + first, block.end - 4);
        while at + 4 <= end {
            let size = usize::from(u16::from_le_bytes([bytes[at + 1], bytes[at + 2]]));
            found.push((at + 4).min(end)..(at + 4 + size).min(end));
            at += 4 + size;
        }
    }
    found
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Bytes of the beginning of a header of version 2.
fn header(bytes: &[u8], start: usize) -> usize {
    let flags = bytes.get(start + 5).copied().unwrap_or(0);
    let times = if flags & 0x20 != 0 { 16 } else { 0 };
    let phases = if flags & 0x10 != 0 { 4 } else { 0 };
    6 + times + phases + (1 << (flags & 3))
}

/// The blocks that have a checksum, with it; of continuations only those that end before the next block, as nothing in them
/// says how long they are.
fn signed(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for start in places(bytes, SIGNED[0]) {
        let before = header(bytes, start);
        let width = 1 << (bytes.get(start + 5).copied().unwrap_or(0) & 3);
        let Some(length) = bytes.get(start + before - width..start + before) else { continue };
        let length = length.iter().rev().fold(0_u64, |sum, &byte| (sum << 8) | u64::from(byte));
        let end = usize::try_from(length).ok().and_then(|length| (start + before + 4).checked_add(length));
        if let Some(end) = end.filter(|&end| end <= bytes.len()) {
            found.push(start..end);
        }
    }
    for start in places(bytes, SIGNED[1]) {
        // Where the sum is right now, the block ends.
        let most = (start + 4096).min(bytes.len());
        let end = (start + 8..=most).find(|&end| word(bytes, end - 4) == lookup3(&bytes[start..end - 4]));
        found.extend(end.map(|end| start..end));
    }
    found
}

/// Makes the checksums of headers and of the superblock right.
fn repair(bytes: &mut [u8]) {
    if matches!(bytes.get(8), Some(2 | 3)) && bytes.len() >= 48 {
        let sum = lookup3(&bytes[..44]);
        bytes[44..48].copy_from_slice(&sum.to_le_bytes());
    }
    for block in signed(bytes) {
        let sum = lookup3(&bytes[block.start..block.end - 4]);
        bytes[block.end - 4..block.end].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Bob Jenkins' lookup3 (`hashlittle`, public domain) with the initial value 0: the checksum of HDF5's newer structures. The
/// reader has its own, so that neither can be wrong unseen.
fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let [mut a, mut b, mut c] = [start; 3];
    let mut rest = bytes;
    loop {
        let mut padded = [0; 12];
        let taken = rest.len().min(12);
        padded[..taken].copy_from_slice(&rest[..taken]);
        if taken == 0 {
            return c;
        }
        a = a.wrapping_add(word(&padded, 0));
        b = b.wrapping_add(word(&padded, 4));
        c = c.wrapping_add(word(&padded, 8));
        rest = &rest[taken..];
        if rest.is_empty() {
            break;
        }
        for turns in [[4, 6, 8], [16, 19, 4]] {
            a = a.wrapping_sub(c) ^ c.rotate_left(turns[0]);
            c = c.wrapping_add(b);
            b = b.wrapping_sub(a) ^ a.rotate_left(turns[1]);
            a = a.wrapping_add(c);
            c = c.wrapping_sub(b) ^ b.rotate_left(turns[2]);
            b = b.wrapping_add(a);
        }
    }
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;

    #[test]
    fn the_checksum_is_the_authors() {
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn checksums_of_files_as_they_are_stay_as_they_are() {
        let seeds = corpus::seeds(crate::Target::named("hdf5").unwrap()).unwrap();
        let (mut blocks, mut found) = (0, 0);
        for whole in seeds.iter().filter(|seed| seed.starts_with(MAGIC)) {
            let mut repaired = whole.clone();
            repair(&mut repaired);
            assert!(repaired == *whole);
            blocks += signed(whole).len();
            found += messages(whole).len();
        }
        assert!(blocks > 20 && found > 200, "{blocks} blocks, {found} messages");
    }
}
