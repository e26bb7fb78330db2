//! The update rules of optimizers, vector by vector: products and sums are rounded one by one, as the plain loops do.

use std::ops::Range;

use crate::memory::aligned::LINE_FLOATS;
use crate::simd::Simd;
use crate::words::update::{Adam, Momentum, Rule, Sgd, SquareRoot, Sweep};

/// Floats that are passed over together where nothing is to be done: enough to be worth the look, few enough that a row
/// of an embedding has some.
const RUN: usize = 64;

/// Pointers to the same place in all buffers.
#[derive(Clone, Copy)]
struct At {
    values: *mut f32,
    gradients: *const f32,
    first: *mut f32,
    second: *mut f32,
}

/// How many ranges ahead numbers are prefetched: no processor predicts where the next row of an embedding is.
const AHEAD: usize = 4;

/// Updates some ranges of a sweep, whose lengths fit the rule.
#[inline(always)]
pub(crate) unsafe fn update<S: Simd>(rule: &Rule, ranges: &[Range<usize>], sweep: Sweep<'_>) {
    let all = At {
        values: sweep.values.as_mut_ptr(),
        gradients: sweep.gradients.as_ptr(),
        first: sweep.first.as_mut_ptr(),
        second: sweep.second.as_mut_ptr(),
    };
    for (i, range) in ranges.iter().enumerate() {
        // SAFETY: the caller promises buffers that hold the ranges, for all states that the rule has.
        unsafe {
            if let Some(next) = ranges.get(i + AHEAD) {
                ask_for::<S>(offset(all, next.start), next.len().min(RUN));
            }
            update_all::<S>(rule, offset(all, range.start), range.len());
        }
    }
}

/// Prefetches the numbers of a run.
#[inline(always)]
unsafe fn ask_for<S: Simd>(at: At, len: usize) {
    for line in (0..len).step_by(LINE_FLOATS) {
        let at = offset(at, line);
        // SAFETY: asking does not read.
        unsafe {
            S::prefetch(at.values);
            S::prefetch(at.gradients);
            S::prefetch(at.first);
            S::prefetch(at.second);
        }
    }
}

#[inline(always)]
unsafe fn update_all<S: Simd>(rule: &Rule, at: At, len: usize) {
    // SAFETY: the caller promises buffers of `len` floats for all states that the rule has.
    unsafe {
        match *rule {
            Rule::Sgd(rule) => match rule.how {
                Momentum::None => each::<S, _>(&Plain(rule), at, len),
                Momentum::Heavy => each::<S, _>(&WithMomentum::<false>(rule), at, len),
                Momentum::Nesterov => each::<S, _>(&WithMomentum::<true>(rule), at, len),
            },
            Rule::Adam(rule) if rule.rests() => {
                let body = WithMoments::<false>(rule);
                let mut done = 0;
                while done < len {
                    let (from, run) = (offset(at, done), RUN.min(len - done));
                    if run < RUN || !zero_run::<S>(from) {
                        each::<S, _>(&body, from, run);
                    }
                    done += run;
                }
            }
            Rule::Adam(rule) if rule.penalty == 0.0 => each::<S, _>(&WithMoments::<false>(rule), at, len),
            Rule::Adam(rule) => each::<S, _>(&WithMoments::<true>(rule), at, len),
            Rule::SquareRoot(rule) => each::<S, _>(&rule, at, len),
        }
    }
}

/// What a rule does to one vector. A trait, as closures are not compiled for the instruction set.
trait Body {
    /// Updates the first `n` floats, at most a vector's.
    unsafe fn vector<S: Simd>(&self, at: At, n: usize);
}

struct Plain(Sgd);
struct WithMomentum<const NESTEROV: bool>(Sgd);
struct WithMoments<const PENALTY: bool>(Adam);

/// The place so many floats further on; a state that the rule lacks is never read.
#[inline(always)]
fn offset(at: At, by: usize) -> At {
    At {
        values: at.values.wrapping_add(by),
        gradients: at.gradients.wrapping_add(by),
        first: at.first.wrapping_add(by),
        second: at.second.wrapping_add(by),
    }
}

/// Updates whole vectors, and what is left.
#[inline(always)]
unsafe fn each<S: Simd, B: Body>(body: &B, at: At, len: usize) {
    let mut done = 0;
    // SAFETY: the caller promises `len` floats.
    unsafe {
        while done + S::LANES <= len {
            body.vector::<S>(offset(at, done), S::LANES);
            done += S::LANES;
        }
        if done < len {
            body.vector::<S>(offset(at, done), len - done);
        }
    }
}

#[inline(always)]
unsafe fn load<S: Simd>(p: *const f32, n: usize) -> S::V {
    // SAFETY: the caller promises `n` floats.
    unsafe { if n == S::LANES { S::load(p) } else { S::load_first(p, n) } }
}

#[inline(always)]
unsafe fn store<S: Simd>(p: *mut f32, v: S::V, n: usize) {
    // SAFETY: the caller promises `n` floats.
    unsafe { if n == S::LANES { S::store(p, v) } else { S::store_first(p, v, n) } }
}

/// Whether gradients and both states are 0, without a sign, over a whole run.
#[inline(always)]
unsafe fn zero_run<S: Simd>(at: At) -> bool {
    // SAFETY: the caller promises a whole run in all three.
    unsafe {
        for k in (0..RUN).step_by(S::LANES) {
            let gradient = S::load(at.gradients.add(k));
            let states = S::or(S::load(at.first.add(k)), S::load(at.second.add(k)));
            if !S::is_all_zero_bits(S::or(gradient, states)) {
                return false;
            }
        }
        true
    }
}

/// scale·gradient + penalty·p.
#[inline(always)]
unsafe fn gradient<S: Simd>(d: S::V, p: S::V, scale: f32, penalty: f32) -> S::V {
    // SAFETY: arithmetic only; the caller promises the instruction set.
    unsafe { S::add(S::mul(d, S::splat(scale)), S::mul(S::splat(penalty), p)) }
}

impl Body for Plain {
    #[inline(always)]
    unsafe fn vector<S: Simd>(&self, at: At, n: usize) {
        let rule = &self.0;
        // SAFETY: the caller promises `n` floats.
        unsafe {
            let p = load::<S>(at.values, n);
            let g = gradient::<S>(load::<S>(at.gradients, n), p, rule.scale, rule.penalty);
            store::<S>(at.values, S::sub(p, S::mul(S::splat(rule.lr), g)), n);
        }
    }
}

impl<const NESTEROV: bool> Body for WithMomentum<NESTEROV> {
    #[inline(always)]
    unsafe fn vector<S: Simd>(&self, at: At, n: usize) {
        let rule = &self.0;
        // SAFETY: the caller promises `n` floats.
        unsafe {
            let (p, mu) = (load::<S>(at.values, n), S::splat(rule.momentum));
            let g = gradient::<S>(load::<S>(at.gradients, n), p, rule.scale, rule.penalty);
            let b = S::flush(S::add(S::mul(mu, load::<S>(at.first, n)), g));
            let step = if NESTEROV { S::add(g, S::mul(mu, b)) } else { b };
            store::<S>(at.first, b, n);
            store::<S>(at.values, S::sub(p, S::mul(S::splat(rule.lr), step)), n);
        }
    }
}

impl<const PENALTY: bool> Body for WithMoments<PENALTY> {
    #[inline(always)]
    unsafe fn vector<S: Simd>(&self, at: At, n: usize) {
        let rule = &self.0;
        // SAFETY: the caller promises `n` floats.
        unsafe {
            let (p, d) = (load::<S>(at.values, n), load::<S>(at.gradients, n));
            let g = match PENALTY {
                true => gradient::<S>(d, p, rule.scale, rule.penalty),
                false => S::mul(d, S::splat(rule.scale)),
            };
            let m = load::<S>(at.first, n);
            let m = S::flush(S::add(m, S::mul(S::splat(rule.first_share), S::sub(g, m))));
            let kept = S::mul(S::splat(rule.second_keep), load::<S>(at.second, n));
            let v = S::add(kept, S::mul(S::splat(rule.second_share), S::mul(g, g)));
            let root = S::add(S::mul(S::sqrt(v), S::splat(rule.root_scale)), S::splat(rule.epsilon));
            let step = S::div(S::mul(S::splat(rule.step_size), m), root);
            store::<S>(at.first, m, n);
            store::<S>(at.second, v, n);
            store::<S>(at.values, S::sub(S::mul(p, S::splat(rule.keep)), step), n);
        }
    }
}

impl Body for SquareRoot {
    #[inline(always)]
    unsafe fn vector<S: Simd>(&self, at: At, n: usize) {
        let rule = self;
        // SAFETY: the caller promises `n` floats.
        unsafe {
            let p = load::<S>(at.values, n);
            let g = gradient::<S>(load::<S>(at.gradients, n), p, rule.scale, rule.penalty);
            let kept = S::mul(S::splat(rule.old), load::<S>(at.first, n));
            let v = S::add(kept, S::mul(S::splat(rule.new), S::mul(g, g)));
            let root = S::add(S::sqrt(v), S::splat(rule.epsilon));
            store::<S>(at.first, v, n);
            store::<S>(at.values, S::sub(p, S::div(S::mul(S::splat(rule.lr), g), root)), n);
        }
    }
}
