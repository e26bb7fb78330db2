//! A step of one sequence, in registers from the products to h: for some panels of a cell, how many is compiled in. Nothing
//! goes through memory between a product and the cell equations but the gates of a narrow panel.
//!
//! Each number has the bits that tiles, rows and [`CellBody::forward`] give it: the same chain over K, and the same equations.

use std::mem::MaybeUninit;

use crate::bodies::cell::{CellBody, load_units, store_units};
use crate::simd::Simd;
use crate::words::CellSpec;

/// Some panels side by side of a step of one row.
#[derive(Debug)]
pub(crate) struct WholePanels {
    /// Units of all these panels that exist.
    pub(crate) units: usize,
    /// Floats from one gate of the last panel to the next.
    pub(crate) gate_stride: usize,
    /// Numbers of x, and of h.
    pub(crate) depths: [usize; 2],
    pub(crate) x: *const f32,
    /// h before the step, of all units.
    pub(crate) h: *const f32,
    /// The packed weights and biases of these panels, as the tiles have them.
    pub(crate) w: *const f32,
    pub(crate) u: *const f32,
    pub(crate) bias: *const f32,
    /// The state of these units before the step: the one beside h, or h where there is none.
    pub(crate) before: *const f32,
    /// The state beside h after it, where there is one.
    pub(crate) state: *mut f32,
    /// h after it.
    pub(crate) out: *mut f32,
}

/// The vectors of a full panel: those that x fills, the first ones, and those that h does.
#[derive(Debug, Clone, Copy)]
struct Filled {
    all: usize,
    input: usize,
    hidden: usize,
    /// The first one of h.
    first: usize,
}

impl Filled {
    const fn of(spec: &CellSpec) -> Self {
        let (mut input, mut hidden, mut first, mut at) = (0, 0, 0, 0);
        while at < spec.panel.len() {
            input += spec.panel[at].input.is_some() as usize;
            if spec.panel[at].hidden.is_some() {
                first = if hidden == 0 { at } else { first };
                hidden += 1;
            }
            at += 1;
        }
        let spread = spec.spread;
        Self { all: at * spread, input: input * spread, hidden: hidden * spread, first: first * spread }
    }
}

/// Whether the last panel may have fewer vectors than the others: where both products fill all of them.
pub(crate) const fn is_ever_narrow(spec: &CellSpec) -> bool {
    let filled = Filled::of(spec);
    filled.input == filled.all && filled.hidden == filled.all
}

/// P panels, of which the last has V vectors where it may be narrow.
#[inline(always)]
pub(crate) unsafe fn whole_panels<S: Simd, C: CellBody, const P: usize, const V: usize>(task: &WholePanels) {
    let filled = const { Filled::of(&C::SPEC) };
    let (spread, gates, has_state) = (C::SPEC.spread, C::SPEC.panel.len(), !C::SPEC.states.is_empty());
    // SAFETY: the caller promises the numbers of x and h, weights of these panels, and `units` of each state.
    unsafe {
        let zero = S::splat(0.0);
        let mut acc = [[zero; 4]; P];
        for p in 0..P {
            for n in 0..vectors::<P, V>(p, filled.all) {
                acc[p][n] = S::load(task.bias.add((p * filled.all + n) * S::LANES));
            }
        }
        let [inputs, hidden] = task.depths;
        acc = multiply::<S, P, V>(acc, task.x, inputs, task.w, filled.input, 0);
        acc = multiply::<S, P, V>(acc, task.h, hidden, task.u, filled.hidden, filled.first);
        if V < filled.all && spread == 1 {
            acc[P - 1] = apart::<S, V>(&acc[P - 1], task.gate_stride);
        }

        // First what h comes from, of all vectors of units, then h: each is a chain of operations that wait for one another.
        let mut opened = [[[zero; 2]; 4]; P];
        let mut before = [[zero; 4]; P];
        for p in 0..P {
            for s in 0..vectors::<P, V>(p, spread) {
                let at = (p * spread + s) * S::LANES;
                let units = S::LANES.min(task.units - at);
                let mut of_units = [zero; 4];
                for gate in 0..gates {
                    of_units[gate] = acc[p][gate * spread + s];
                }
                if has_state || C::SPEC.reads_hidden {
                    before[p][s] = load_units::<S>(task.before.add(at), units);
                }
                opened[p][s] = C::open::<S>(of_units, before[p][s]);
                if has_state {
                    store_units::<S>(task.state.add(at), opened[p][s][0], units);
                }
            }
        }
        // `out` may be where h or the state before was: all of it has been read.
        let mut after = [[zero; 4]; P];
        for p in 0..P {
            for s in 0..vectors::<P, V>(p, spread) {
                after[p][s] = C::close::<S>(opened[p][s], before[p][s]);
            }
        }
        for p in 0..P {
            for s in 0..vectors::<P, V>(p, spread) {
                let at = (p * spread + s) * S::LANES;
                store_units::<S>(task.out.add(at), after[p][s], S::LANES.min(task.units - at));
            }
        }
    }
}

/// How many of so many vectors panel p has: of the last, V at most.
#[inline(always)]
fn vectors<const P: usize, const V: usize>(p: usize, full: usize) -> usize {
    if p + 1 == P { full.min(V) } else { full }
}

/// `acc[p][first + n] += Σ_k a[k]·b[p][k][n]`, k in order, as the tiles do; full panels have so many vectors.
#[inline(always)]
unsafe fn multiply<S: Simd, const P: usize, const V: usize>(
    mut acc: [[S::V; 4]; P],
    a: *const f32,
    depth: usize,
    b: *const f32,
    full: usize,
    first: usize,
) -> [[S::V; 4]; P] {
    // SAFETY: the caller promises `depth` numbers, and as many rows of each panel.
    unsafe {
        let mut at = [b; P];
        for p in 0..P {
            at[p] = b.add(p * full * S::LANES * depth);
        }
        for k in 0..depth {
            let v = S::splat(*a.add(k));
            for p in 0..P {
                let count = vectors::<P, V>(p, full);
                for n in 0..count {
                    acc[p][first + n] = S::fma(v, S::load(at[p].add(n * S::LANES)), acc[p][first + n]);
                }
                at[p] = at[p].add(count * S::LANES);
            }
        }
    }
    acc
}

/// The four gates of a narrow panel, which are `stride` floats apart in its V vectors.
#[inline(always)]
unsafe fn apart<S: Simd, const V: usize>(acc: &[S::V; 4], stride: usize) -> [S::V; 4] {
    let mut buffer = MaybeUninit::<[S::V; V]>::uninit();
    let row = buffer.as_mut_ptr().cast::<f32>();
    let mut gates = *acc;
    // SAFETY: four gates of `stride` floats are V vectors at most.
    unsafe {
        for n in 0..V {
            S::store(row.add(n * S::LANES), acc[n]);
        }
        for n in 0..4 {
            gates[n] = S::load_first(row.add(n * stride), stride);
        }
    }
    gates
}
