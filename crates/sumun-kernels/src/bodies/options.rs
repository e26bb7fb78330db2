//! What the bodies of a cell take beside a panel's gates and states where the recurrence has options.

use crate::bodies::cell::{load_units, store_units};
use crate::bodies::function::Function;
use crate::bodies::tile::MOST_ROWS;
use crate::simd::Simd;

/// What is the same for all rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellOptions {
    pub(crate) gate: Function,
    pub(crate) candidate: Function,
    /// Of the state in front of the output, never clipped.
    pub(crate) output: Function,
    /// f = 1 − i.
    pub(crate) coupled: bool,
    /// Whether i, f and o read the state.
    pub(crate) peepholes: bool,
    /// Whether the state is normalised in front of the output, between two phases.
    pub(crate) normed: bool,
    /// The rates of zoneout; 0 for none. With a projection h is mixed after it, not in bodies.
    pub(crate) zoneout_hidden: f32,
    pub(crate) zoneout_cell: f32,
}

/// Of some rows of one panel, forwards.
#[derive(Debug)]
pub(crate) struct ForwardOptions<'a> {
    pub(crate) cell: &'a CellOptions,
    /// p of i, f and o: a vector of units each.
    pub(crate) peepholes: [*const f32; MOST_ROWS],
    /// h before the step.
    pub(crate) hidden_before: [*const f32; MOST_ROWS],
    /// What of it the second product's operand is made of: h through the masks of recurrent dropout, or h.
    pub(crate) seen: [*const f32; MOST_ROWS],
    /// In the second phase: the normalised state.
    pub(crate) normed: [*const f32; MOST_ROWS],
    /// 1 for the units of h that keep their value, 0 for the others; null for the rate.
    pub(crate) keep_hidden: [*const f32; MOST_ROWS],
    /// As `keep_hidden`, for the state beside h.
    pub(crate) keep_cell: [*const f32; MOST_ROWS],
}

/// Of one row of one panel, backwards.
#[derive(Debug)]
pub(crate) struct BackwardOptions<'a> {
    pub(crate) cell: &'a CellOptions,
    pub(crate) peepholes: *const f32,
    /// Where d a ⊙ c of i, f and o goes, whose sums over the rows are the gradient of p; `state_stride` apart.
    pub(crate) peeped: *mut f32,
    pub(crate) seen: *const f32,
    /// The normalised state.
    pub(crate) normed: *const f32,
    /// The masks of what is seen; null for none.
    pub(crate) seen_mask: *const f32,
    pub(crate) keep_hidden: *const f32,
    pub(crate) keep_cell: *const f32,
}

/// The rate or the masks d of some units.
#[inline(always)]
unsafe fn kept<S: Simd>(rate: f32, mask: *const f32, units: usize) -> S::V {
    // SAFETY: the caller promises `units` masks, or null.
    unsafe { if mask.is_null() { S::splat(rate) } else { load_units::<S>(mask, units) } }
}

/// d ⊙ before + (1 − d) ⊙ new, and `new` itself where d is 0, so that 0 · ∞ cannot arise (Krueger et al. 2017). Without zoneout,
/// at a rate of 0, `new`.
#[inline(always)]
pub(crate) unsafe fn mix<S: Simd>(
    rate: f32,
    mask: *const f32,
    units: usize,
    before: *const f32,
    new: S::V,
) -> S::V {
    if rate == 0.0 {
        return new;
    }
    // SAFETY: the caller promises `units` floats before, and as many masks or null.
    unsafe {
        let d = kept::<S>(rate, mask, units);
        let before = load_units::<S>(before, units);
        let mixed = S::flush(S::fma(d, before, S::mul(S::sub(S::splat(1.0), d), new)));
        S::if_negative(S::sub(S::splat(0.0), d), mixed, new)
    }
}

/// The gradients of `before` and of `new` from that of [`mix`].
#[inline(always)]
pub(crate) unsafe fn split<S: Simd>(rate: f32, mask: *const f32, units: usize, d_mixed: S::V) -> [S::V; 2] {
    // SAFETY: the caller promises `units` masks or null.
    unsafe {
        let zero = S::splat(0.0);
        if rate == 0.0 {
            return [zero, d_mixed];
        }
        let d = kept::<S>(rate, mask, units);
        let before = S::if_negative(S::sub(zero, d), S::mul(d, d_mixed), zero);
        [before, S::mul(S::sub(S::splat(1.0), d), d_mixed)]
    }
}

/// Zoneout of a whole row, after a product.
#[derive(Debug)]
pub(crate) struct ZoneoutRow {
    pub(crate) rate: f32,
    pub(crate) mask: *const f32,
    pub(crate) len: usize,
    /// Forwards h before the step; backwards where its gradient goes.
    pub(crate) before: *mut f32,
    /// Forwards the new h, which is replaced by the mixed one; backwards the gradient of that, replaced by that of the new one.
    pub(crate) new: *mut f32,
}

/// [`mix`] of a row.
#[inline(always)]
pub(crate) unsafe fn mix_row<S: Simd>(row: &ZoneoutRow) {
    for at in (0..row.len).step_by(S::LANES) {
        let units = (row.len - at).min(S::LANES);
        let mask = if row.mask.is_null() { row.mask } else { row.mask.wrapping_add(at) };
        // SAFETY: the caller promises `len` floats of each, and as many masks or null.
        unsafe {
            let new = load_units::<S>(row.new.add(at), units);
            let mixed = mix::<S>(row.rate, mask, units, row.before.add(at), new);
            store_units::<S>(row.new.add(at), mixed, units);
        }
    }
}

/// [`split`] of a row.
#[inline(always)]
pub(crate) unsafe fn split_row<S: Simd>(row: &ZoneoutRow) {
    for at in (0..row.len).step_by(S::LANES) {
        let units = (row.len - at).min(S::LANES);
        let mask = if row.mask.is_null() { row.mask } else { row.mask.wrapping_add(at) };
        // SAFETY: the caller promises `len` floats of each, and as many masks or null.
        unsafe {
            let d = load_units::<S>(row.new.add(at), units);
            let [before, new] = split::<S>(row.rate, mask, units, d);
            store_units::<S>(row.before.add(at), S::flush(before), units);
            store_units::<S>(row.new.add(at), S::flush(new), units);
        }
    }
}

/// `to` = mask ⊙ v, or with `ADD` that is added to it; without denormals. All are `len` long.
#[inline(always)]
pub(crate) unsafe fn masked<S: Simd, const ADD: bool>(
    mask: *const f32,
    v: *const f32,
    to: *mut f32,
    len: usize,
) {
    for at in (0..len).step_by(S::LANES) {
        let units = (len - at).min(S::LANES);
        // SAFETY: the caller promises `len` floats at each.
        unsafe {
            let (mask, v) = (load_units::<S>(mask.add(at), units), load_units::<S>(v.add(at), units));
            let masked = match ADD {
                true => S::fma(mask, v, load_units::<S>(to.add(at), units)),
                false => S::mul(mask, v),
            };
            store_units::<S>(to.add(at), S::flush(masked), units);
        }
    }
}
