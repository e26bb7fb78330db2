//! The activation functions that a recurrence may be given in place of its cell's own, with the clip in front of them.
//!
//! A pass keeps what a function returns and not what it was applied to, so its slope is worked out from its value. That can be done
//! for all but a few constants ([`ActivationFunction::has_slope_of_value`]), with the accuracy that the value has: the slope of a
//! softsign of 1000 has three digits.

use crate::bodies::activation::{exp_minus_one, log_sigmoid, sigmoid, tanh};
use crate::simd::{MOST_LANES, Simd};
use crate::words::ActivationFunction;

/// A body that replaces one vector of numbers in memory.
pub(crate) type FunctionFn = unsafe fn(&Function, *mut f32);

/// y = φ(max(−clip, min(clip, a))).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function {
    function: ActivationFunction,
    /// Infinite for none.
    clip: f32,
    /// The values at both ends of the clip, the lesser first; there, and beyond, the slope is 0.
    ends: [f32; 2],
    /// The functions that few recurrences have, and their slopes: compiled once, not in every body.
    others: [FunctionFn; 2],
}

impl Function {
    /// Of an instruction set that this processor has: `others` are its [`other_value`] and [`other_slope`].
    pub(crate) fn new(function: ActivationFunction, clip: Option<f64>, others: [FunctionFn; 2]) -> Self {
        let ends = [f32::NEG_INFINITY, f32::INFINITY];
        let mut made = Self { function, clip: f32::INFINITY, ends, others };
        if let Some(clip) = clip {
            made.clip = clip as f32;
            let mut values = [0.0; MOST_LANES];
            values[..2].copy_from_slice(&[-made.clip, made.clip]);
            // SAFETY: there are as many floats as a vector has; the caller promises the instruction set.
            unsafe { others[0](&made, values.as_mut_ptr()) };
            made.ends = [values[0].min(values[1]), values[0].max(values[1])];
        }
        made
    }

    /// y of pre-activations. NaN stays NaN.
    #[inline(always)]
    pub(crate) unsafe fn value<S: Simd>(&self, a: S::V) -> S::V {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe {
            let a = S::max(S::splat(-self.clip), S::min(S::splat(self.clip), a));
            match self.function {
                ActivationFunction::Sigmoid => sigmoid::<S>(a),
                ActivationFunction::Tanh => tanh::<S>(a),
                _ => self.other::<S>(self.others[0], a),
            }
        }
    }

    /// dy/da where the value is y.
    #[inline(always)]
    pub(crate) unsafe fn slope<S: Simd>(&self, y: S::V) -> S::V {
        // SAFETY: arithmetic only; the caller promises the instruction set.
        unsafe {
            let one = S::splat(1.0);
            let slope = match self.function {
                ActivationFunction::Sigmoid => S::mul(y, S::sub(one, y)),
                ActivationFunction::Tanh => S::fnma(y, y, one),
                _ => self.other::<S>(self.others[1], y),
            };
            if self.clip == f32::INFINITY {
                return slope;
            }
            let [least, most] = self.ends.map(|end| S::splat(end));
            let zero = S::splat(0.0);
            S::if_negative(S::sub(least, y), S::if_negative(S::sub(y, most), slope, zero), zero)
        }
    }

    #[inline(always)]
    unsafe fn other<S: Simd>(&self, body: FunctionFn, v: S::V) -> S::V {
        let mut memory = [0.0; MOST_LANES];
        // SAFETY: there are as many floats as a vector has; the caller promises the instruction set.
        unsafe {
            S::store(memory.as_mut_ptr(), v);
            body(self, memory.as_mut_ptr());
            S::load(memory.as_ptr())
        }
    }
}

/// Replaces a vector of numbers, which are within the clip, by the values of a function.
#[inline(always)]
pub(crate) unsafe fn other_value<S: Simd>(function: &Function, at: *mut f32) {
    use ActivationFunction::*;
    // SAFETY: the caller promises a vector of floats and the instruction set.
    unsafe {
        let (zero, one) = (S::splat(0.0), S::splat(1.0));
        let constant = |v: f64| S::splat(v as f32);
        let x = S::load(at);
        let y = match function.function {
            Sigmoid => sigmoid::<S>(x),
            Tanh => tanh::<S>(x),
            Relu => S::relu(x),
            HardSigmoid { alpha, beta } => {
                S::max(zero, S::min(one, S::fma(constant(alpha), x, constant(beta))))
            }
            Softsign => S::div(x, S::sub(one, S::negative(x))),
            // ln(1 + eˣ) = −ln σ(−x).
            Softplus => S::sub(zero, log_sigmoid::<S>(S::sub(zero, x))),
            Elu { alpha } => S::if_negative(x, S::mul(constant(alpha), exp_minus_one::<S>(x)), x),
            LeakyRelu { alpha } => S::if_negative(x, S::mul(constant(alpha), x), x),
            // Below the number that comes after α, so that α itself is 0 too and NaN stays NaN.
            ThresholdedRelu { alpha } => {
                S::if_negative(S::sub(x, S::splat((alpha as f32).next_up())), zero, x)
            }
            ScaledTanh { alpha, beta } => S::mul(constant(alpha), tanh::<S>(S::mul(constant(beta), x))),
            Affine { alpha, beta } => S::fma(constant(alpha), x, constant(beta)),
            Linear => x,
        };
        S::store(at, y);
    }
}

/// Replaces a vector of values of a function by its slopes there.
#[inline(always)]
pub(crate) unsafe fn other_slope<S: Simd>(function: &Function, at: *mut f32) {
    use ActivationFunction::*;
    // SAFETY: the caller promises a vector of floats and the instruction set.
    unsafe {
        let (zero, one) = (S::splat(0.0), S::splat(1.0));
        let constant = |v: f64| S::splat(v as f32);
        let y = S::load(at);
        let below_zero = S::sub(zero, y);
        let slope = match function.function {
            Sigmoid => S::mul(y, S::sub(one, y)),
            Tanh => S::fnma(y, y, one),
            // A value above 0 is that of a number above 0, or above α.
            Relu | ThresholdedRelu { .. } => S::if_negative(below_zero, one, zero),
            HardSigmoid { alpha, .. } => {
                S::if_negative(below_zero, S::if_negative(S::sub(y, one), constant(alpha), zero), zero)
            }
            // 1 / (1 + |x|)², of which 1 / (1 + |x|) is 1 − |y|.
            Softsign => {
                let scale = S::add(one, S::negative(y));
                S::mul(scale, scale)
            }
            // σ(x) = 1 − e⁻ʸ.
            Softplus => S::sub(zero, exp_minus_one::<S>(below_zero)),
            // α eˣ = y + α.
            Elu { alpha } => S::if_negative(below_zero, one, S::add(y, constant(alpha))),
            LeakyRelu { alpha } => S::if_negative(below_zero, one, constant(alpha)),
            ScaledTanh { alpha, beta } => {
                let tanh = S::div(y, constant(alpha));
                S::mul(constant(alpha * beta), S::fnma(tanh, tanh, one))
            }
            Affine { alpha, .. } => constant(alpha),
            Linear => one,
        };
        S::store(at, slope);
    }
}
