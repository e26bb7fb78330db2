//! Bytes made of a corpus: changed where it matters, and whole again where a change would only be seen as damage.

mod archive;
mod bytes;
mod hdf5;
mod json;
mod model_file;
mod packed;
mod text;

use sumun_testing::Random;

use crate::lie;

/// The most bytes that a mutation makes: readers must be linear, and a run takes as long as its input.
const LONGEST: usize = 1 << 17;

/// Rarely, an input is this long, so that work that grows with the square of it is seen.
const LONG: usize = 1 << 21;

/// One in so many runs leaves the form of a file alone, and changes its bytes.
const RAW: usize = 8;

/// One in so many inputs grows to [`LONG`].
const GROWN: usize = 2000;

/// An input that is a function of the seeds, `seed` and `number` alone.
pub fn mutate(seeds: &[Vec<u8>], seed: u64, number: u64) -> Vec<u8> {
    let mut random = generator(seed, number);
    let mut bytes = seeds[random.below(seeds.len())].clone();
    // The corpus itself has to be read.
    if number as usize >= seeds.len() {
        change(&mut bytes, seeds, &mut random);
        bytes.truncate(LONGEST);
        if lie::one_in(&mut random, GROWN) {
            bytes::grow(&mut bytes, LONG, &mut random);
        }
    } else {
        bytes.clone_from(&seeds[number as usize]);
    }
    bytes
}

/// A generator for one run: neighbours have nothing to do with each other.
pub(crate) fn generator(seed: u64, number: u64) -> Random {
    let mixed = Random::new(seed).next_u64() ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    Random::new(Random::new(mixed).next_u64())
}

/// Changes bytes as their form suggests.
fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    if lie::one_in(random, RAW) || !structured(bytes, seeds, random) {
        bytes::change(bytes, seeds, random);
    }
}

/// Changes what the bytes are, if they are something known. What is inside of something else is changed in the same way.
fn structured(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) -> bool {
    if packed::change(bytes, seeds, random, change)
        || archive::change(bytes, random, change)
        || hdf5::change(bytes, random)
        || model_file::change(bytes, seeds, random)
    {
        return true;
    }
    let is_json = matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
    if is_json && !lie::one_in(random, 3) && json::change(bytes, random) {
        return true;
    }
    text::change(bytes, seeds, random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_a_function_of_seed_and_number() {
        let seeds = vec![b"a,b\n1,2\n".to_vec(), br#"{"a":[1,2]}"#.to_vec()];
        assert_eq!(mutate(&seeds, 7, 0), seeds[0]);
        let inputs: Vec<_> = (2..100).map(|number| mutate(&seeds, 7, number)).collect();
        assert_eq!(inputs, (2..100).map(|number| mutate(&seeds, 7, number)).collect::<Vec<_>>());
        assert_ne!(inputs, (2..100).map(|number| mutate(&seeds, 8, number)).collect::<Vec<_>>());
        let different: std::collections::HashSet<_> = inputs.iter().collect();
        assert!(different.len() > 80, "{}", different.len());
    }
}
