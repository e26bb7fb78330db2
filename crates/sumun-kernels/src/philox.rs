//! Counter-based random numbers: Philox-4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2,
//! 3", SC 2011). A number depends on its key and its counter alone, so any part of them can be drawn anywhere.
//!
//! Multipliers and key increments are the paper's. Every path draws the same bits: all is done on whole numbers, but for
//! the last product, which is exact.

use crate::simd::Path;
use crate::types::Error;

const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const INCREMENTS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Blocks that are drawn together: two AVX-512 vectors of 64-bit products. Of 8, 16 and 32, the fastest by measurement; on
/// baseline x86-64, whose products take half a vector each, one at a time is as fast.
const TOGETHER: usize = 16;

/// The block of four random words at a counter.
pub fn block(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..ROUNDS {
        let [c0, c1, c2, c3] = counter;
        let [product0, product1] = [u64::from(c0) * MULTIPLIERS[0], u64::from(c2) * MULTIPLIERS[1]];
        counter = [
            (product1 >> 32) as u32 ^ c1 ^ key[0],
            product1 as u32,
            (product0 >> 32) as u32 ^ c3 ^ key[1],
            product0 as u32,
        ];
        key = next(key);
    }
    counter
}

/// Fills `row` with numbers in [0, 1), multiples of 2⁻²⁴: four from the block at the counter, four from the one whose first
/// word is one more, and so on. A path that the processor lacks is an error.
pub fn fill_uniform(path: Path, counter: [u32; 4], key: [u32; 2], row: &mut [f32]) -> Result<(), Error> {
    if !path.is_available() {
        return Err(Error::PathUnavailable { path: path.name() });
    }
    match path {
        // SAFETY: the processor has the path's instruction set.
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => unsafe { fill_avx512(counter, key, row) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => unsafe { fill_avx2(counter, key, row) },
        _ => fill_by_block(counter, key, row),
    }
    Ok(())
}

/// The upper 24 bits as a number in [0, 1): all that an `f32` holds without rounding up to 1.
pub fn unit_interval(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / 16_777_216.0)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn fill_avx512(counter: [u32; 4], key: [u32; 2], row: &mut [f32]) {
    fill_together(counter, key, row);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn fill_avx2(counter: [u32; 4], key: [u32; 2], row: &mut [f32]) {
    fill_together(counter, key, row);
}

fn next(key: [u32; 2]) -> [u32; 2] {
    [key[0].wrapping_add(INCREMENTS[0]), key[1].wrapping_add(INCREMENTS[1])]
}

fn fill_by_block([mut first, c1, c2, c3]: [u32; 4], key: [u32; 2], row: &mut [f32]) {
    for numbers in row.chunks_mut(4) {
        let words = block([first, c1, c2, c3], key);
        numbers.iter_mut().zip(words).for_each(|(number, word)| *number = unit_interval(word));
        first = first.wrapping_add(1);
    }
}

/// Inlined into functions with instruction sets, whose vectors the compiler fills with the blocks.
#[inline(always)]
fn fill_together(mut counter: [u32; 4], key: [u32; 2], row: &mut [f32]) {
    let (whole, rest) = row.as_chunks_mut::<{ 4 * TOGETHER }>();
    for numbers in whole {
        draw_together(counter, key, numbers);
        counter[0] = counter[0].wrapping_add(TOGETHER as u32);
    }
    // All together take about as long as three by themselves.
    if rest.len() > 12 {
        let mut numbers = [0.0; 4 * TOGETHER];
        draw_together(counter, key, &mut numbers);
        rest.copy_from_slice(&numbers[..rest.len()]);
    } else {
        fill_by_block(counter, key, rest);
    }
}

#[inline(always)]
fn draw_together(counter: [u32; 4], key: [u32; 2], numbers: &mut [f32; 4 * TOGETHER]) {
    let words = blocks(counter, key);
    for (k, numbers) in numbers.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        for w in 0..4 {
            numbers[w] = unit_interval(words[w][k] as u32);
        }
    }
}

/// Blocks from a counter on, word by word. A word lies in 64 bits, as products do.
#[inline(always)]
fn blocks([first, c1, c2, c3]: [u32; 4], mut key: [u32; 2]) -> [[u64; TOGETHER]; 4] {
    const LOW: u64 = u32::MAX as u64;
    let mut c0: [u64; TOGETHER] = std::array::from_fn(|k| u64::from(first.wrapping_add(k as u32)));
    let [mut c1, mut c2, mut c3] = [c1, c2, c3].map(|word| [u64::from(word); TOGETHER]);
    for _ in 0..ROUNDS {
        for k in 0..TOGETHER {
            let [product0, product1] = [c0[k] * MULTIPLIERS[0], c2[k] * MULTIPLIERS[1]];
            c0[k] = (product1 >> 32) ^ c1[k] ^ u64::from(key[0]);
            c1[k] = product1 & LOW;
            c2[k] = (product0 >> 32) ^ c3[k] ^ u64::from(key[1]);
            c3[k] = product0 & LOW;
        }
        key = next(key);
    }
    [c0, c1, c2, c3]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that Random123, the authors' library, ships for philox4x32 with 10 rounds.
    #[test]
    fn known_answers_of_random123() {
        let cases: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
            ([0; 4], [0; 2], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]),
            (
                [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
                [0xa4093822, 0x299f31d0],
                [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(block(counter, key), expected);
        }
    }

    #[test]
    fn every_path_draws_the_same_bits() {
        for len in [0, 1, 4, 12, 13, 63, 64, 65, 100, 128, 259] {
            for (counter, key) in
                [([0; 4], [0; 2]), ([u32::MAX - 9, 3, u32::MAX, 0x9000_0001], [u32::MAX, 7])]
            {
                let expected = |k: usize| {
                    let [first, c1, c2, c3] = counter;
                    let words = block([first.wrapping_add(k as u32 / 4), c1, c2, c3], key);
                    unit_interval(words[k % 4])
                };
                let expected: Vec<f32> = (0..len).map(expected).collect();
                for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                    let mut row = vec![f32::NAN; len];
                    fill_uniform(path, counter, key, &mut row).unwrap();
                    assert_eq!(row, expected, "{path}, {len} numbers");
                }
            }
        }
    }
}
