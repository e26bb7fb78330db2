//! Vector exp, sigmoid and tanh with a stated error.
//!
//! `exp` reduces x = n·ln 2 + r with |r| ≤ ln 2 / 2 (Cody & Waite 1980) and takes Cephes' polynomial
//! (Moshier, `expf.c`) in r. Errors against f64, over all f32: exp ≤ 2 ulp on −87..88, sigmoid ≤ 2.5 ulp for
//! x ≥ −87 (below, it stays at its value there, under 2e-38), tanh ≤ 2.5 ulp. NaN stays NaN.

use crate::simd::{Activation, Simd};

/// ln 2 in two parts: the first has trailing zero bits, so n·LN2_HIGH is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// 1.5·2²³ + 127: added to |v| < 2²², it rounds v to the nearest whole number n, and leaves n + 127 in the lowest bits,
/// which is the exponent of 2ⁿ.
const ROUND: f32 = 12_583_039.0;

/// (2ⁿ, r) with x = n·ln 2 + r, for −126 ≤ n ≤ 127.
#[inline(always)]
unsafe fn reduce<S: Simd>(x: S::V) -> (S::V, S::V) {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let rounded = S::fma(x, S::splat(std::f32::consts::LOG2_E), S::splat(ROUND));
        let n = S::sub(rounded, S::splat(ROUND));
        let r = S::fnma(n, S::splat(LN2_HIGH), x);
        (S::exponent_from_low_bits(rounded), S::fnma(n, S::splat(LN2_LOW), r))
    }
}

/// eʳ − 1 for |r| ≤ ln 2 / 2: r + r²·p(r), with Cephes' p, its terms in pairs so that few wait for others.
#[inline(always)]
unsafe fn exp_minus_one_reduced<S: Simd>(r: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let square = S::mul(r, r);
        let high = S::fma(S::splat(1.987_569_1e-4), r, S::splat(1.398_199_9e-3));
        let middle = S::fma(S::splat(8.333_452e-3), r, S::splat(4.166_579_6e-2));
        let low = S::fma(S::splat(1.666_666_5e-1), r, S::splat(0.5));
        let p = S::fma(S::fma(high, square, middle), square, low);
        S::fma(p, square, r)
    }
}

/// eˣ, x taken into −87.3..88.
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let (scale, r) = reduce::<S>(S::max(S::splat(-87.3), S::min(S::splat(88.0), x)));
        S::fma(exp_minus_one_reduced::<S>(r), scale, scale)
    }
}

/// A quotient that is still to be divided; the divisor is between 1 and 2, or not a number.
#[derive(Clone, Copy)]
pub(crate) struct Fraction<V> {
    of: V,
    by: V,
}

/// σ(x) = 1 / (1 + e⁻ˣ), through e^−|x| so that nothing overflows and small values keep their digits.
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(x: S::V) -> Fraction<S::V> {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let one = S::splat(1.0);
        let (scale, r) = reduce::<S>(S::max(S::splat(-87.3), S::sub(S::splat(0.0), S::abs(x))));
        let e = S::fma(exp_minus_one_reduced::<S>(r), scale, scale);
        Fraction { of: S::if_negative(x, e, one), by: S::add(one, e) }
    }
}

/// tanh x = m / (2 − m) with m = 1 − e^−2|x|, which keeps its digits near 0. Beyond |x| = 10 it is ±1.
#[inline(always)]
pub(crate) unsafe fn tanh<S: Simd>(x: S::V) -> Fraction<S::V> {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        let (scale, r) = reduce::<S>(S::max(S::splat(-20.0), S::mul(S::splat(-2.0), S::abs(x))));
        let m = S::fnma(exp_minus_one_reduced::<S>(r), scale, S::sub(S::splat(1.0), scale));
        Fraction { of: S::with_sign(m, x), by: S::sub(S::splat(2.0), m) }
    }
}

impl<V: Copy> Fraction<V> {
    #[inline(always)]
    pub(crate) unsafe fn value<S: Simd<V = V>>(self) -> V {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe { S::div(self.of, self.by) }
    }

    /// Two quotients for one division, which takes as long as thirty multiplications: the inverse of the product of the
    /// divisors, times one of them, is the inverse of the other. The last bit may differ from a division's, and then
    /// depends on the other divisor, so these must always be the same two.
    #[inline(always)]
    pub(crate) unsafe fn pair<S: Simd<V = V>>(all: [Self; 2]) -> [V; 2] {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe {
            let [a, b] = all;
            if !S::FUSED {
                return [a.value::<S>(), b.value::<S>()];
            }
            let inverse = S::div(S::splat(1.0), S::mul(a.by, b.by));
            [a.times::<S>(S::mul(inverse, b.by)), b.times::<S>(S::mul(inverse, a.by))]
        }
    }

    /// Four quotients for one division, as [`pair`](Self::pair).
    #[inline(always)]
    pub(crate) unsafe fn four<S: Simd<V = V>>(all: [Self; 4]) -> [V; 4] {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe {
            let [a, b, c, d] = all;
            if !S::FUSED {
                return [a.value::<S>(), b.value::<S>(), c.value::<S>(), d.value::<S>()];
            }
            let (ab, cd) = (S::mul(a.by, b.by), S::mul(c.by, d.by));
            let inverse = S::div(S::splat(1.0), S::mul(ab, cd));
            let (of_ab, of_cd) = (S::mul(inverse, cd), S::mul(inverse, ab));
            [
                a.times::<S>(S::mul(of_ab, b.by)),
                b.times::<S>(S::mul(of_ab, a.by)),
                c.times::<S>(S::mul(of_cd, d.by)),
                d.times::<S>(S::mul(of_cd, c.by)),
            ]
        }
    }

    /// The quotient from about the inverse of its divisor: a step of Newton's takes away what the inverse is wrong by.
    /// It needs multiply-adds that round once.
    #[inline(always)]
    unsafe fn times<S: Simd<V = V>>(self, inverse: V) -> V {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe {
            let value = S::mul(self.of, inverse);
            S::fma(S::fnma(value, self.by, self.of), inverse, value)
        }
    }
}

#[inline(always)]
unsafe fn apply<S: Simd>(what: Activation, v: S::V) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe {
        match what {
            Activation::Sigmoid => sigmoid::<S>(v).value::<S>(),
            Activation::Tanh => tanh::<S>(v).value::<S>(),
            Activation::Exp => exp::<S>(v),
        }
    }
}

/// Replaces every value by its activation.
#[inline(always)]
pub(crate) unsafe fn activate<S: Simd>(what: Activation, values: &mut [f32]) {
    let mut chunks = values.chunks_exact_mut(S::LANES);
    // SAFETY: each chunk holds LANES floats, the remainder as many as it says.
    unsafe {
        for chunk in &mut chunks {
            S::store(chunk.as_mut_ptr(), apply::<S>(what, S::load(chunk.as_ptr())));
        }
        let rest = chunks.into_remainder();
        let v = apply::<S>(what, S::load_first(rest.as_ptr(), rest.len()));
        S::store_first(rest.as_mut_ptr(), v, rest.len());
    }
}

#[cfg(test)]
mod tests {
    use crate::cpu::cells::CellForward;
    use crate::simd::Path;

    /// How far `found` is from `want`, in units of the last place.
    fn ulps(found: f32, want: f64) -> f64 {
        let nearest = (want as f32).abs().max(f32::MIN_POSITIVE);
        (f64::from(found) - want).abs() / (f64::from(nearest.next_up()) - f64::from(nearest))
    }

    /// The gates of an LSTM share a division, whose quotients must be as good as those of the functions alone.
    #[test]
    fn gates_that_share_a_division_stay_within_the_bounds() {
        let sigmoid = |x: f32| 1.0 / (1.0 + (-f64::from(x)).exp());
        let tanh = |x: f32| f64::from(x).tanh();
        let four: [fn(f32) -> f64; 4] = [sigmoid, sigmoid, tanh, sigmoid];
        for path in Path::ALL.into_iter().filter(|p| p.is_available() && *p != Path::Reference) {
            let kernels = path.kernels().unwrap();
            let lanes = kernels.lanes;
            // Each gate walks through the floats at its own pace.
            let inputs = |gate: u32| {
                (0..=u32::MAX)
                    .step_by(10_007 + 2 * gate as usize)
                    .map(f32::from_bits)
                    .filter(|x| (-87.0..=f32::INFINITY).contains(x))
            };
            let mut all = [0, 1, 2, 3].map(inputs);
            let mut worst = 0.0f64;
            loop {
                let rows: Vec<Vec<f32>> = all.iter_mut().map(|x| x.take(lanes).collect()).collect();
                if rows.iter().any(|row| row.len() < lanes) {
                    break;
                }
                let mut gates = rows.concat();
                let (before, mut cell, mut out) = (vec![0.0; lanes], vec![0.0; lanes], vec![0.0; lanes]);
                let mut task = CellForward::new(lanes);
                task.rows = 1;
                task.gates[0] = gates.as_mut_ptr();
                task.before[0] = before.as_ptr();
                (task.cell[0], task.out[0]) = (cell.as_mut_ptr(), out.as_mut_ptr());
                // SAFETY: four vectors of gates and one of each state; the path is available.
                unsafe { (kernels.lstm_forward)(&task) };
                for (gate, (row, found)) in rows.iter().zip(gates.chunks(lanes)).enumerate() {
                    for (&x, &found) in row.iter().zip(found) {
                        worst = worst.max(ulps(found, four[gate](x)));
                    }
                }
            }
            assert!(worst > 0.4 && worst <= 2.5, "{path}: {worst} ulp");
        }
    }
}
