//! Bytes as choices.

use crate::lie;
use sumun_testing::Random;

/// Longer arrays are not made: a call with larger sizes gets arrays that do not fit.
const LONGEST: usize = 1 << 14;

/// What is left of the bytes; zeros when nothing is.
pub(super) struct Choice<'a> {
    bytes: &'a [u8],
}

impl<'a> Choice<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        match self.bytes {
            [first, rest @ ..] => {
                self.bytes = rest;
                *first
            }
            [] => 0,
        }
    }

    /// A number in 0 .. `bound`, at most 256.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound.max(1)
    }

    /// Whether something of one in `n` happens.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A size of at least 1, on both sides of the width of vectors and tiles; of one in `lies`, one that lies.
    pub(super) fn size(&mut self, lies: usize) -> usize {
        if self.one_in(lies) {
            return lie::size(&mut Random::new(u64::from(self.byte())));
        }
        self.of(&[1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33])
    }

    /// As [`size`](Self::size), for calls that fetch the memory that they are asked for: what a large machine would have is
    /// left out.
    pub(super) fn count(&mut self, lies: usize) -> usize {
        let size = self.size(lies);
        if (1 << 20..1 << 40).contains(&size) { usize::MAX / 16 } else { size }
    }

    /// The right length, or of one in 24 another. No array is made that is much longer than what calls need.
    pub(super) fn length(&mut self, right: usize) -> usize {
        let found = match self.one_in(24) {
            true => {
                self.of(&[right.wrapping_sub(1), right.wrapping_add(1), 0, right / 2, right.wrapping_mul(2)])
            }
            false => right,
        };
        if found > LONGEST { self.below(9) } else { found }
    }

    /// Numbers, of the right count mostly; a few are none.
    pub(super) fn values(&mut self, right: usize) -> Vec<f32> {
        let length = self.length(right);
        let mut random = Random::new(u64::from(self.byte()));
        // A vector of exactly this length: what is beside it belongs to nobody.
        let mut values: Vec<f32> = random.normals(length, 0.5);
        if self.one_in(10) && length > 0 {
            let place = random.below(length);
            values[place] = lie::float(&mut random);
        }
        values
    }

    /// Places in 0 .. `bound`, of the right count mostly; a few are beyond.
    pub(super) fn places(&mut self, right: usize, bound: usize) -> Vec<u32> {
        let length = self.length(right);
        let mut places: Vec<u32> = (0..length).map(|k| (k * 7 % bound.clamp(1, 1 << 20)) as u32).collect();
        if self.one_in(10) && length > 0 {
            let place = self.below(length);
            places[place] = self.of(&[bound as u32, u32::MAX, 1 << 31]);
        }
        places
    }
}
