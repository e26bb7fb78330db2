//! Counter-based random numbers: Philox-4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2,
//! 3", SC 2011). A number depends on its key and its counter only, so any part of them can be computed anywhere.
//!
//! Multipliers and key increments are the paper's. Every path computes the same bits: all operations are on integers but the
//! last product, which is exact.

use crate::bodies::philox::fill_by_block;
use crate::words::{Error, Path};

pub use crate::bodies::philox::{block, unit_interval};

/// Fills `row` with numbers in [0, 1), multiples of 2⁻²⁴: four from the block at the counter, four from the one whose first
/// word is one more, and so on. A path that the processor lacks is an error.
pub fn fill_uniform(path: Path, counter: [u32; 4], key: [u32; 2], row: &mut [f32]) -> Result<(), Error> {
    if path == Path::Reference {
        fill_by_block(counter, key, row);
        return Ok(());
    }
    let kernels = path.kernels()?;
    // SAFETY: the processor has the path's instruction set.
    unsafe { (kernels.fill_uniform)(counter, key, row) };
    Ok(())
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
    fn every_path_computes_the_same_bits() {
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
