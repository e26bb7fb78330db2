//! Counter-based random numbers: a mask depends on what it is for, never on when or where it is computed.
//!
//! The generator is Philox-4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2,
//! 3", SC 2011). The key is made of the seed and the optimizer step, the counter of layer, sample, time and
//! unit, so that batches may be packed, split among threads or resumed without changing one bit. It is not
//! for initialising weights (see [`nn::init`](crate::nn::init)) and not for cryptography.

use sumun_kernels::{Path, philox};

/// Noise for one layer in one training step. The same `Noise` always gives the same numbers.
///
/// ```
/// use sumun_nn::noise::Noise;
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
        let counter = [(unit / 4) as u32, time as u32, sample as u32, self.layer];
        philox::unit_interval(philox::block(counter, self.key())[unit % 4])
    }

    /// The numbers of units `0 .. row.len()`, as [`uniform`](Self::uniform) gives them one by one, many at a time. The fastest
    /// path of this processor computes them; every path gives the same bits.
    pub fn fill_uniform(self, sample: usize, time: usize, row: &mut [f32]) {
        self.fill_from(Path::best(), 0, sample, time, row);
    }

    /// Replaces each value v of a row by `f(v, u)`, where u is the number of its unit. The processor has the path.
    pub(crate) fn map(
        self,
        path: Path,
        sample: usize,
        time: usize,
        row: &mut [f32],
        f: impl Fn(f32, f32) -> f32,
    ) {
        const PIECE: usize = 256;
        let mut uniform = [0.0; PIECE];
        for (index, values) in row.chunks_mut(PIECE).enumerate() {
            let uniform = &mut uniform[..values.len()];
            self.fill_from(path, index * PIECE, sample, time, uniform);
            values.iter_mut().zip(uniform).for_each(|(v, u)| *v = f(*v, *u));
        }
    }

    /// From a unit on that is a multiple of four.
    fn fill_from(self, path: Path, unit: usize, sample: usize, time: usize, row: &mut [f32]) {
        let counter = [(unit / 4) as u32, time as u32, sample as u32, self.layer];
        philox::fill_uniform(path, counter, self.key(), row)
            .expect("layers and parameters hold paths that the processor has");
    }

    /// The 64-bit key: for one seed, different steps have different keys, and the sequences of neighbouring
    /// seeds do not overlap (SplitMix64, Steele, Lea & Flood, OOPSLA 2014).
    fn key(self) -> [u32; 2] {
        let key = mix(mix(self.seed).wrapping_add(self.step.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        [key as u32, (key >> 32) as u32]
    }
}

/// The finaliser of SplitMix64, a bijection of 64-bit numbers.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_the_same_numbers_as_one_by_one() {
        let noise = Noise { seed: 3, step: 9, layer: 1 };
        for units in [0, 1, 4, 31, 32, 33, 100, 600] {
            let mut row = vec![0.0; units];
            noise.fill_uniform(5, 6, &mut row);
            let single: Vec<f32> = (0..units).map(|unit| noise.uniform(5, 6, unit)).collect();
            assert_eq!(row, single, "{units} units");
            let expected: Vec<f32> = single.iter().map(|u| 2.0 + u).collect();
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                let mut sums = vec![2.0; units];
                noise.map(path, 5, 6, &mut sums, |v, u| v + u);
                assert_eq!(sums, expected, "{units} units, {path}");
            }
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
