//! Changes of texts: words, numbers, lines, marks, nesting, line ends, encodings.

use std::ops::Range;

use sumun_testing::Random;

use super::bytes::{insert, part};
use crate::lie;

/// Opens something that a reader may expect to be closed.
const OPENING: [&str; 6] = ["[", "{\"a\":", "(", "\"", "<a>", "'"];

/// Changes a few places of a text; false where the bytes are none.
pub(super) fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) -> bool {
    let controls =
        bytes.iter().take(1000).filter(|&&byte| byte < 32 && !b"\t\n\r\x0c".contains(&byte)).count();
    if controls > 0 || bytes.is_empty() {
        return false;
    }
    for _ in 0..lie::few(random) {
        once(bytes, seeds, random);
    }
    if lie::one_in(random, 30) {
        recode(bytes, random);
    }
    true
}

fn once(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let place = random.below(bytes.len() + 1);
    match random.below(16) {
        0..=2 => replace(bytes, number_at(bytes, place), lie::number(random)),
        3 => replace(bytes, word_at(bytes, place), lie::number(random)),
        4 | 5 => replace(bytes, word_at(bytes, place), lie::text(random)),
        6 => insert(bytes, place, lie::text(random).as_bytes()),
        7 => {
            let word = word_at(bytes, place);
            drop(bytes.drain(word));
        }
        8 => {
            let line = bytes[line_at(bytes, place)].to_vec();
            let times = 1 + random.below(if line.len() < 200 { 40 } else { 3 });
            insert(bytes, line_at(bytes, place).end, &line.repeat(times));
        }
        9 => drop(bytes.drain(line_at(bytes, place))),
        10 => {
            let moved: Vec<u8> = bytes.drain(line_at(bytes, place)).collect();
            let to = random.below(bytes.len() + 1);
            let to = line_at(bytes, to).start;
            insert(bytes, to, &moved);
        }
        11 => {
            let other = seeds[random.below(seeds.len())].as_slice();
            let from = random.below(other.len() + 1);
            let word = other[word_at(other, from)].to_vec();
            let old = word_at(bytes, place);
            bytes.splice(old, word);
        }
        12 => {
            let other = part(&seeds[random.below(seeds.len())], random).to_vec();
            insert(bytes, place, &other);
        }
        13 => {
            let times = if lie::one_in(random, 20) { 20_000 } else { 1 + random.below(300) };
            insert(bytes, place, lie::one_of(random, &OPENING).repeat(times).as_bytes());
        }
        14 => bytes.truncate(place),
        _ => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

fn replace(bytes: &mut Vec<u8>, range: Range<usize>, new: &str) {
    bytes.splice(range, new.bytes());
}

/// The letters and digits around or after a place.
fn word_at(bytes: &[u8], place: usize) -> Range<usize> {
    run_at(bytes, place, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 128)
}

/// The number around or after a place.
fn number_at(bytes: &[u8], place: usize) -> Range<usize> {
    run_at(bytes, place, |byte| byte.is_ascii_digit() || byte == b'.')
}

/// The bytes of a kind around a place, or the next ones; empty at the end where there are none.
fn run_at(bytes: &[u8], place: usize, of_kind: impl Fn(u8) -> bool) -> Range<usize> {
    let first = bytes[place..].iter().position(|&byte| of_kind(byte)).map_or(bytes.len(), |k| place + k);
    let start = bytes[..first].iter().rposition(|&byte| !of_kind(byte)).map_or(0, |k| k + 1);
    let end = bytes[first..].iter().position(|&byte| !of_kind(byte)).map_or(bytes.len(), |k| first + k);
    start..end
}

/// The line around a place, with its end.
fn line_at(bytes: &[u8], place: usize) -> Range<usize> {
    let start = bytes[..place].iter().rposition(|&byte| byte == b'\n').map_or(0, |k| k + 1);
    let end = bytes[place..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |k| place + k + 1);
    start..end
}

/// The same text with other line ends, or in another encoding.
fn recode(bytes: &mut Vec<u8>, random: &mut Random) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let wide = |text: &str, bytes_of: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes_of).collect()
    };
    *bytes = match random.below(5) {
        0 => text.replace('\n', "\r\n").into_bytes(),
        1 => text.replace('\n', "\r").into_bytes(),
        2 => wide(&text, u16::to_le_bytes),
        3 => wide(&text, u16::to_be_bytes),
        _ => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
    };
}
