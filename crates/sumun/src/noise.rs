//! Counter-based random numbers: a mask depends on what it is for, never on when or where it is drawn.
//!
//! The generator is Philox-4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2,
//! 3", SC 2011). The key is made of the seed and the optimizer step, the counter of layer, sample, time and
//! unit, so that batches may be packed, split among threads or resumed without changing one bit. It is not
//! for initialising weights (see [`nn::init`](crate::nn::init)) and not for cryptography.

/// Noise for one layer in one training step. The same `Noise` always gives the same numbers.
///
/// ```
/// use sumun::noise::Noise;
/// let noise = Noise { seed: 7, step: 120, layer: 0 }.for_layer(2);
/// let mut row = [0.0; 10];
/// noise.fill_uniform(3, 5, &mut row);
/// assert_eq!(row[9], noise.uniform(3, 5, 9));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noise {
    /// The seed of the training run.
    pub seed: u64,
    /// The optimizer step, counted from 0.
    pub step: u64,
    /// Which layer or purpose.
    pub layer: u32,
}

impl Noise {
    /// The noise of another layer in the same training step.
    pub fn for_layer(self, layer: u32) -> Self {
        Self { layer, ..self }
    }

    /// The noise of a part of this layer: what is between two layers of a stack, for example.
    pub fn within(self, part: u32) -> Self {
        self.for_layer(self.layer.wrapping_mul(256).wrapping_add(part + 1))
    }

    /// A number in [0, 1) for unit `unit` of the caller's sequence `sample` at step `time`: a multiple of 2⁻²⁴.
    /// Only the low 32 bits of the three indices count.
    pub fn uniform(self, sample: usize, time: usize, unit: usize) -> f32 {
        unit_interval(self.block(self.key(), sample, time, unit / 4)[unit % 4])
    }

    /// The numbers of units `0 .. row.len()`, as [`uniform`](Self::uniform) gives them one by one, four at a time.
    pub fn fill_uniform(self, sample: usize, time: usize, row: &mut [f32]) {
        let key = self.key();
        for (index, numbers) in row.chunks_mut(4).enumerate() {
            let words = self.block(key, sample, time, index);
            numbers.iter_mut().zip(words).for_each(|(number, word)| *number = unit_interval(word));
        }
    }

    fn block(self, key: [u32; 2], sample: usize, time: usize, index: usize) -> [u32; 4] {
        philox([index as u32, time as u32, sample as u32, self.layer], key)
    }

    /// The 64-bit key: for one seed, different steps have different keys, and the sequences of neighbouring
    /// seeds do not overlap (SplitMix64, Steele, Lea & Flood, OOPSLA 2014).
    fn key(self) -> [u32; 2] {
        let key = mix(mix(self.seed).wrapping_add(self.step.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        [key as u32, (key >> 32) as u32]
    }
}

/// The upper 24 bits as a number in [0, 1): all that an `f32` holds without rounding up to 1.
fn unit_interval(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// The finaliser of SplitMix64, a bijection of 64-bit numbers.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Ten Philox rounds. Multipliers and key increments are the paper's. Working on several blocks in lanes was measured
/// to be no faster on baseline x86-64.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let [c0, c1, c2, c3] = counter;
        let product0 = u64::from(c0) * 0xD251_1F53;
        let product1 = u64::from(c2) * 0xCD9E_8D57;
        counter = [
            (product1 >> 32) as u32 ^ c1 ^ key[0],
            product1 as u32,
            (product0 >> 32) as u32 ^ c3 ^ key[1],
            product0 as u32,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
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
            assert_eq!(philox(counter, key), expected);
        }
    }

    #[test]
    fn a_row_is_the_same_numbers_as_one_by_one() {
        let noise = Noise { seed: 3, step: 9, layer: 1 };
        for units in [0, 1, 4, 31, 32, 33, 100] {
            let mut row = vec![0.0; units];
            noise.fill_uniform(5, 6, &mut row);
            let single: Vec<f32> = (0..units).map(|unit| noise.uniform(5, 6, unit)).collect();
            assert_eq!(row, single, "{units} units");
        }
    }

    #[test]
    fn every_index_changes_the_numbers_and_they_fill_the_unit_interval() {
        let noise = Noise { seed: 1, step: 2, layer: 3 };
        let row = |noise: Noise, sample, time| {
            let mut row = vec![0.0; 4000];
            noise.fill_uniform(sample, time, &mut row);
            row
        };
        let first = row(noise, 4, 5);
        let others = [
            row(Noise { seed: 2, ..noise }, 4, 5),
            row(Noise { step: 3, ..noise }, 4, 5),
            row(noise.for_layer(4), 4, 5),
            row(noise, 5, 5),
            row(noise, 4, 6),
            row(noise, 5, 4),
        ];
        for other in &others {
            let equal = first.iter().zip(other).filter(|(a, b)| a == b).count();
            assert!(equal < 3, "{equal} of 4000 numbers are shared");
            let mean = other.iter().sum::<f32>() / 4000.0;
            assert!((mean - 0.5).abs() < 0.03, "mean {mean}");
            assert!(other.iter().all(|u| (0.0..1.0).contains(u)));
        }
    }
}
