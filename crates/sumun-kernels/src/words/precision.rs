//! How many bits the numbers of products have, and the rules by which they are rounded.
//!
//! **8 bits** ([`Precision::Int8`]). A row w of a matrix of weights becomes whole numbers q and a scale s with w ≈ s·q (symmetric quantisation, a scale for each
//! output; Jacob et al. 2018 without zero points): s = max|w| / 127, rounded up to 17 bits, and q = w / s to the nearest whole
//! number, ties to even. With 17 bits in the scale and 7 in a whole number, s·q is an exact `f32`. So rounded weights are as good
//! as the whole numbers that they stand for: the same rule finds the same q and s in them, and what is saved, loaded
//! and rounded again stays as it is.
//!
//! **bf16** ([`Precision::Bf16`]). Weights and rows are rounded to bfloat16, the upper half of an `f32`: to the nearest, ties to even,
//! and to 0 below 2⁻⁵⁶ in size ([`bf16`]). A product takes K in blocks of 32 numbers, zeros after the last. Of each block t₀ is the chain
//! of multiply-adds over its even numbers and t₁ that over its odd ones, both in `f32` from 0; the sum of the product, from 0, gets
//! t₀ + t₁ block by block, and what the product starts from (a bias, or gates so far) is added at the end. That is what AMX does
//! (Intel's manual, TDPBF16PS), so every path has the same bits: a product of two such numbers is an exact `f32`, and all of them are
//! multiples of 2⁻¹²⁶, so that no sum is a denormal number, which AMX would take for 0. The gradient of a weight is a sum over rows: it
//! gets the product of each piece of 256 rows, counted from the last row, the last piece first.

use std::fmt;

/// How many bits the weights of products have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// Whole numbers of 8 bits with a scale for each output, for inference. The rows that they are multiplied with are
    /// rounded to 8 bits as well, each by its own largest value, and products are summed as integers, without an error.
    Int8,
    /// bfloat16 with sums in `f32`, for training and inference. Parameters, states, gates and gradients stay `f32`; what is
    /// rounded is the operands of products.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

    /// The precision of this [name](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|precision| precision.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The largest whole number of 8 bits that has a negative.
pub(crate) const MOST: f32 = 127.0;

/// 2⁻¹⁰⁰. Rows whose largest value is below are taken for zeros, so that no scale is denormal.
pub(crate) const LEAST_SIZE: f32 = f32::from_bits(27 << 23);

/// The most numbers that a product may be over: sums of so many products of 8-bit numbers fit 32 bits.
pub(crate) const MOST_DEPTH: usize = 100_000;

/// The scale of a row of weights; 0 of a row of zeros, NaN of one that is not finite.
pub fn row_scale(row: &[f32]) -> f32 {
    let mut most = 0.0_f32;
    for value in row {
        if !value.is_finite() {
            return f32::NAN;
        }
        most = most.max(value.abs());
    }
    if most < LEAST_SIZE {
        return 0.0;
    }
    // 24 bits of a float, the first of which is not stored; the last 7 become 0.
    f32::from_bits(((most / MOST).to_bits() + 0x7f) & !0x7f)
}

/// The whole number that stands for a weight of a row of this scale.
pub fn whole(value: f32, scale: f32) -> i8 {
    // The quotient by a scale that is no number becomes 0.
    if scale == 0.0 { 0 } else { (value / scale).round_ties_even() as i8 }
}

/// Rounds the rows of a matrix, `width` numbers each, to what 8 bits can say, in place. Rows that are not finite are left
/// as they are.
///
/// ```
/// use sumun_kernels::precision::round_rows;
/// let mut weights = [1.0, -0.4, 0.003, 0.25, 0.1, 0.0];
/// round_rows(&mut weights, 3);
/// let once = weights;
/// round_rows(&mut weights, 3);
/// assert_eq!(weights, once);
/// assert!((weights[1] + 0.4).abs() <= 0.5 / 126.9);
/// ```
pub fn round_rows(values: &mut [f32], width: usize) {
    for row in values.chunks_mut(width.max(1)) {
        let scale = row_scale(row);
        if !scale.is_nan() {
            row.iter_mut().for_each(|value| *value = f32::from(whole(*value, scale)) * scale);
        }
    }
}

/// 2⁻⁵⁶. What is smaller becomes 0 in bf16.
pub(crate) const LEAST_BF16: f32 = f32::from_bits(71 << 23);

/// The numbers of K of which a product of bf16 has two sums of their own.
pub(crate) const BF16_BLOCK: usize = 32;

/// The upper half of the nearest bfloat16, ties to even; 0 of what is below 2⁻⁵⁶ in size.
#[inline(always)]
pub(crate) fn upper_half(value: f32) -> u16 {
    let bits = value.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    // A NaN stays one, whatever its payload.
    let half = if value.is_nan() { bits | 1 << 22 } else { nearest };
    if value.abs() < LEAST_BF16 { 0 } else { (half >> 16) as u16 }
}

/// The nearest bfloat16, ties to even, as an `f32`; 0 of what is below 2⁻⁵⁶ in size.
///
/// ```
/// use sumun_kernels::precision::bf16;
/// assert_eq!(bf16(1.0 + 1.0 / 256.0), 1.0);
/// assert_eq!(bf16(1.0 + 3.0 / 256.0), 1.0 + 4.0 / 256.0);
/// assert_eq!(bf16(-1e-17), 0.0);
/// ```
pub fn bf16(value: f32) -> f32 {
    f32::from_bits(u32::from(upper_half(value)) << 16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rounded_rows_stand_for_their_whole_numbers(row in prop::collection::vec(any::<f32>(), 1..20)) {
            prop_assume!(row.iter().all(|value| value.is_finite()));
            let scale = row_scale(&row);
            let wholes: Vec<i8> = row.iter().map(|&value| whole(value, scale)).collect();
            let most = row.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            prop_assert_eq!(wholes.iter().map(|q| q.unsigned_abs()).max() == Some(127), most >= LEAST_SIZE);
            let mut rounded = row.clone();
            round_rows(&mut rounded, row.len());
            prop_assert_eq!(row_scale(&rounded), scale);
            for ((&value, &found), &q) in row.iter().zip(&rounded).zip(&wholes) {
                prop_assert_eq!(f64::from(found), f64::from(q) * f64::from(scale));
                prop_assert_eq!(whole(found, scale), q);
                // Half a step, but for the rounding of the quotient itself.
                prop_assert!((f64::from(value) - f64::from(found)).abs() <= 0.50001 * f64::from(scale).max(1e-29));
            }
        }
    }

    #[test]
    fn every_exponent_is_rounded_to_the_nearest_bf16() {
        for exponent in 0..255_u32 {
            for low in (0..1 << 16).step_by(257).chain([0x7fff, 0x8000, 0x8001, 0xffff]) {
                for upper in [0, 1, 0x55, 0x7e, 0x7f] {
                    let value = f32::from_bits(exponent << 23 | upper << 16 | low);
                    let (below, above) = (value.to_bits() & !0xffff, (value.to_bits() & !0xffff) + (1 << 16));
                    let [below, above] = [below, above].map(|bits| f64::from(f32::from_bits(bits)));
                    let above = if above.is_infinite() { 2.0_f64.powi(128) } else { above };
                    let (up, down) = (above - f64::from(value), f64::from(value) - below);
                    let up = up < down || up == down && upper % 2 == 1;
                    let wanted = match if up { above } else { below } {
                        _ if value < 2.0_f32.powi(-56) => 0.0,
                        wanted => wanted as f32,
                    };
                    assert_eq!((bf16(value), bf16(-value)), (wanted, -wanted), "{value:e}");
                }
            }
        }
        assert!([f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001)].into_iter().all(|v| bf16(v).is_nan()));
        assert_eq!(bf16(f32::NEG_INFINITY), f32::NEG_INFINITY);
    }

    #[test]
    fn rows_without_a_size_and_rows_that_are_not_finite() {
        let mut rows = [0.0, -0.0, f32::NAN, 1.0, f32::INFINITY, 2.0, 1e-40, 1e-39, -3.0, 1.5];
        round_rows(&mut rows, 2);
        assert_eq!(rows[..2], [0.0, 0.0]);
        assert!(rows[2].is_nan() && rows[3..6] == [1.0, f32::INFINITY, 2.0]);
        assert_eq!(rows[6..8], [0.0, 0.0]);
        assert_eq!((row_scale(&rows[2..4]).is_nan(), row_scale(&rows[..2])), (true, 0.0));
        assert_eq!(whole(rows[8], row_scale(&rows[8..])), -127);
    }
}
