//! Changes of bytes that are taken for nothing else.

use sumun_testing::Random;

use crate::lie;

/// Changes bytes, with other inputs and random numbers: how what is packed in a file is changed is handed down by who asks.
pub(super) type Change = fn(&mut Vec<u8>, &[Vec<u8>], &mut Random);

/// Changes a few places.
pub(super) fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    for _ in 0..lie::few(random) {
        once(bytes, seeds, random);
    }
}

fn once(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let place = random.below(bytes.len() + 1);
    match random.below(8) {
        0 => insert(bytes, place, &random.next_u64().to_le_bytes()[..1 + random.below(8)]),
        1 => bytes.truncate(place),
        2 => drop(bytes.drain(place..(place + 1 + random.below(16)).min(bytes.len()))),
        // Sizes and offsets of binary files.
        3 | 4 => {
            let lie = lie::size(random) as u64;
            let (little, big) = (lie.to_le_bytes(), lie.to_be_bytes());
            let width = 1 << random.below(4);
            let new = if lie::one_in(random, 2) { &little[..width] } else { &big[8 - width..] };
            let end = (place + width).min(bytes.len());
            bytes.splice(place..end, new.iter().copied());
        }
        5 => {
            let other = part(&seeds[random.below(seeds.len())], random).to_vec();
            insert(bytes, place, &other);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

/// Some neighbouring bytes.
pub(super) fn part<'a>(bytes: &'a [u8], random: &mut Random) -> &'a [u8] {
    let start = random.below(bytes.len() + 1);
    let end = (start + random.below(64)).min(bytes.len());
    &bytes[start..end]
}

/// Puts bytes in at a place.
pub(super) fn insert(bytes: &mut Vec<u8>, place: usize, new: &[u8]) {
    bytes.splice(place..place, new.iter().copied());
}

/// Repeats a part of the bytes until they are `length` long.
pub(super) fn grow(bytes: &mut Vec<u8>, length: usize, random: &mut Random) {
    if bytes.is_empty() || bytes.len() >= length {
        return;
    }
    let start = random.below(bytes.len());
    let end = start + 1 + random.below((bytes.len() - start).min(200));
    let part = bytes[start..end].to_vec();
    let tail = bytes.split_off(end);
    while bytes.len() + tail.len() < length {
        bytes.extend(&part);
    }
    bytes.extend(tail);
}
