//! The shape of a cell's bodies: gates to state, and the gradients back, one vector of units at a time.
//!
//! A body computes some rows of one panel; a row is given by pointers to its gates and states. Loads and stores of states
//! touch only units that exist; the gates of the others stay zero where that matters.

use crate::bodies::options::{BackwardOptions, ForwardOptions};
use crate::bodies::tile::MOST_ROWS;
use crate::simd::Simd;
use crate::words::CellSpec;

/// A cell with its bodies, compiled once for each instruction set. Cells without a second product never have the second two
/// called.
pub(crate) trait CellBody {
    /// All that others need to know of the cell.
    const SPEC: CellSpec;

    /// Pre-activations of some rows of a panel to activated gates and states; of a cell with a second product, to what that
    /// is over.
    ///
    /// # Safety
    /// The processor must have the instruction set, and every pointer must be valid for what it stands for.
    unsafe fn forward<S: Simd>(task: &CellForward);

    /// What is left when the second product is there.
    ///
    /// # Safety
    /// As for `forward`.
    #[inline(always)]
    unsafe fn second_forward<S: Simd>(_: &CellForward) {
        unreachable!("{} has no second product", Self::SPEC.name)
    }

    /// Whether [`open`](Self::open) and [`close`](Self::close) are there, and so [whole steps](crate::bodies::whole) in
    /// registers.
    const WHOLE: bool = false;

    /// `forward` of one vector of units, as far as its h waits for nothing but itself: from the vectors of its panel and the
    /// state before (the one beside h, or h where there is none) to what `close` reads. The first is the state beside h after
    /// the step, where there is one.
    ///
    /// # Safety
    /// The processor must have the instruction set.
    #[inline(always)]
    unsafe fn open<S: Simd>(_panel: [S::V; 4], _before: S::V) -> [S::V; 2] {
        unreachable!("{} has no whole steps", Self::SPEC.name)
    }

    /// The rest of it: h.
    ///
    /// # Safety
    /// As for `open`.
    #[inline(always)]
    unsafe fn close<S: Simd>(_opened: [S::V; 2], _before: S::V) -> S::V {
        unreachable!("{} has no whole steps", Self::SPEC.name)
    }

    /// `forward` with options that its equations take. Cells without such options never have these four called.
    ///
    /// # Safety
    /// As for `forward`.
    #[inline(always)]
    unsafe fn forward_with<S: Simd>(_: &CellForward, _: &ForwardOptions) {
        unreachable!("{} has no options in its bodies", Self::SPEC.name)
    }

    /// `second_forward` with options.
    ///
    /// # Safety
    /// As for `forward`.
    #[inline(always)]
    unsafe fn second_forward_with<S: Simd>(_: &CellForward, _: &ForwardOptions) {
        unreachable!("{} has no second product with options", Self::SPEC.name)
    }

    /// `backward` with options.
    ///
    /// # Safety
    /// As for `forward`.
    #[inline(always)]
    unsafe fn backward_with<S: Simd>(_: &CellBackward, _: &BackwardOptions) {
        unreachable!("{} has no options in its bodies", Self::SPEC.name)
    }

    /// `second_backward` with options.
    ///
    /// # Safety
    /// As for `forward`.
    #[inline(always)]
    unsafe fn second_backward_with<S: Simd>(_: &CellBackward, _: &BackwardOptions) {
        unreachable!("{} has no second product with options", Self::SPEC.name)
    }

    /// Activated gates of a row of a panel to the gradients of their pre-activations; of a cell with a second product, those
    /// that are not beyond it.
    ///
    /// # Safety
    /// As for `forward`.
    unsafe fn backward<S: Simd>(row: &CellBackward);

    /// The rest, from the gradient of what the second product is over.
    ///
    /// # Safety
    /// As for `forward`.
    #[inline(always)]
    unsafe fn second_backward<S: Simd>(_: &CellBackward) {
        unreachable!("{} has no second product", Self::SPEC.name)
    }
}

/// Some rows of one panel, forwards.
#[derive(Debug)]
pub(crate) struct CellForward {
    pub(crate) rows: usize,
    /// Units of the panel that exist.
    pub(crate) units: usize,
    /// Floats from one gate to the next, where they may be without gaps: a vector at most.
    pub(crate) gate_stride: usize,
    /// Floats from one of the states beside h to the next.
    pub(crate) state_stride: usize,
    /// Pre-activations, the vectors of the panel; activated in place.
    pub(crate) gates: [*mut f32; MOST_ROWS],
    /// The state before: those beside h, or h where there are none.
    pub(crate) before: [*const f32; MOST_ROWS],
    /// The states beside h, written.
    pub(crate) states: [*mut f32; MOST_ROWS],
    /// The factors of h, where the cell has such weights: a vector of units for each gate.
    pub(crate) scales: [*const f32; MOST_ROWS],
    /// h, written. In the first phase of two: what the second product is over, o ⊙ tanh(c') or r ⊙ h.
    pub(crate) out: [*mut f32; MOST_ROWS],
    /// The rank and the panel of each row, where options have arrays of their own.
    pub(crate) places: [[u32; 2]; MOST_ROWS],
}

impl CellForward {
    /// No rows yet, of a panel with so many units, its gates and its states so far apart.
    pub(crate) fn new(units: usize, gate_stride: usize, state_stride: usize) -> Self {
        let (none, none_mut) = ([std::ptr::null(); MOST_ROWS], [std::ptr::null_mut(); MOST_ROWS]);
        Self {
            rows: 0,
            units,
            gate_stride,
            state_stride,
            gates: none_mut,
            before: none,
            states: none_mut,
            out: none_mut,
            scales: none,
            places: [[0; 2]; MOST_ROWS],
        }
    }
}

/// One row of one panel, backwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellBackward {
    /// Units of the panel that exist.
    pub(crate) units: usize,
    /// Floats from one gate to the next, where they may be without gaps: a vector at most.
    pub(crate) gate_stride: usize,
    /// Floats from one of the states beside h to the next.
    pub(crate) state_stride: usize,
    /// The factors of h, where the cell has such weights.
    pub(crate) scales: *const f32,
    /// In: activated gates. Out: gradients of the pre-activations.
    pub(crate) gates: *mut f32,
    /// The state before: those beside h, or h where there are none.
    pub(crate) before: *const f32,
    /// The state after: those beside h, or h where there are none.
    pub(crate) after: *const f32,
    /// The gradient that comes from the output; null for none.
    pub(crate) d_out: *const f32,
    /// The gradient of h that comes from the step after. A cell that reads h leaves what passes by its products there. With a
    /// projection, the gradient of o ⊙ tanh(c').
    pub(crate) d_hidden: *mut f32,
    /// The gradient of what the second product is over.
    pub(crate) d_inner: *const f32,
    /// The gradients of the states beside h, likewise; the cell replaces them.
    pub(crate) d_cell: *mut f32,
    /// The gates of the row a step earlier, to be prefetched.
    pub(crate) earlier: *const f32,
}

/// `to` = a + b, without denormals; null for no b. All are `len` long; `to` may be one of the others.
#[inline(always)]
pub(crate) unsafe fn add<S: Simd>(a: *const f32, b: *const f32, to: *mut f32, len: usize) {
    for at in (0..len).step_by(S::LANES) {
        let count = (len - at).min(S::LANES);
        // SAFETY: the caller promises `len` floats at each, or null for b.
        unsafe {
            let b = if b.is_null() { b } else { b.add(at) };
            store_units::<S>(to.add(at), d_state::<S>(b, a.add(at), count), count);
        }
    }
}

/// The gradient of h: what comes from the output and what comes from the step after.
#[inline(always)]
pub(crate) unsafe fn d_state<S: Simd>(d_out: *const f32, d_hidden: *const f32, units: usize) -> S::V {
    // SAFETY: the caller promises `units` floats at both, or null for no output gradient.
    unsafe {
        let d = load_units::<S>(d_hidden, units);
        S::flush(if d_out.is_null() { d } else { S::add(d, load_units::<S>(d_out, units)) })
    }
}

/// The first `units` floats, zeros above.
#[inline(always)]
pub(crate) unsafe fn load_units<S: Simd>(p: *const f32, units: usize) -> S::V {
    // SAFETY: the caller promises `units` floats at p.
    unsafe { if units == S::LANES { S::load(p) } else { S::load_first(p, units) } }
}

/// Stores the first `units` floats.
#[inline(always)]
pub(crate) unsafe fn store_units<S: Simd>(p: *mut f32, v: S::V, units: usize) {
    // SAFETY: the caller promises `units` floats at p.
    unsafe { if units == S::LANES { S::store(p, v) } else { S::store_first(p, v, units) } }
}
