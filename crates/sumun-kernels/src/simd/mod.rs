//! Instruction sets: one thin file each, behind one trait, chosen at run time.

use std::ops::Range;

use crate::cpu::cells::{CellBackward, CellForward};
use crate::cpu::outer::{Block, Outer, Piece, RowSum};
use crate::cpu::row::RowTile;
use crate::cpu::softmax::SoftmaxRow;
use crate::cpu::tile::{StepTile, Tile};
use crate::cpu::transpose::Transpose;
use crate::types::{Error, Nonlinearity};
use crate::update::{Rule, Sweep};

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod portable;

/// Which code computes a recurrence. Asked for, reported and asserted; never silently changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// The equations as they are written.
    Reference,
    /// The fused kernels in plain Rust, for any processor.
    Portable,
    /// The fused kernels with AVX2 and FMA.
    Avx2,
    /// The fused kernels with AVX-512.
    Avx512,
}

impl Path {
    /// Every path, slowest first.
    pub const ALL: [Path; 4] = [Path::Reference, Path::Portable, Path::Avx2, Path::Avx512];

    /// The fastest path of this processor.
    pub fn best() -> Path {
        *Self::ALL.iter().rfind(|p| p.is_available()).expect("the reference path is always there")
    }

    /// Whether this processor can run the path.
    pub fn is_available(self) -> bool {
        match self {
            Path::Reference | Path::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            Path::Avx2 | Path::Avx512 => false,
        }
    }

    /// The path's name.
    pub fn name(self) -> &'static str {
        match self {
            Path::Reference => "reference",
            Path::Portable => "portable",
            Path::Avx2 => "AVX2",
            Path::Avx512 => "AVX-512",
        }
    }

    pub(crate) fn kernels(self) -> Result<Kernels, Error> {
        if !self.is_available() {
            return Err(Error::PathUnavailable { path: self.name() });
        }
        match self {
            Path::Reference => Err(Error::PathUnavailable { path: self.name() }),
            Path::Portable => Ok(portable::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => Ok(avx2::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => Ok(avx512::KERNELS),
            #[cfg(not(target_arch = "x86_64"))]
            Path::Avx2 | Path::Avx512 => Err(Error::PathUnavailable { path: self.name() }),
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A function over one tile of fixed size.
pub(crate) type TileFn = unsafe fn(&Tile);
/// A function over one tile of fixed size with its input.
pub(crate) type StepTileFn = unsafe fn(&StepTile);
/// A function over one or two panels of a single row.
pub(crate) type RowTileFn = unsafe fn(&RowTile);
/// A function over one block of an outer product, of fixed size.
pub(crate) type BlockFn = unsafe fn(&Outer, &Block);

/// The entry points of one instruction set: one instance each of the generic bodies in `cpu`.
///
/// Every function is unsafe to call: the processor must have the instruction set, and the task's pointers
/// must be valid for the rows, strides and sizes it states.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernels {
    pub(crate) path: Path,
    /// Floats in one vector.
    pub(crate) lanes: usize,
    /// `tiles[vectors − 1][rows − 1]`, as many rows as keep the accumulators in registers.
    pub(crate) tiles: [&'static [TileFn]; 4],
    /// `step_tiles[vectors − 1][rows − 1]`: both products go to all vectors.
    pub(crate) step_tiles: [&'static [StepTileFn]; 4],
    /// `gru_step_tiles[rows − 1]`: four vectors, of which the first three are the input's, the last three the state's.
    pub(crate) gru_step_tiles: &'static [StepTileFn],
    /// `row_tiles[panels − 1][vectors − 1]`, both products to all vectors.
    pub(crate) row_tiles: [[RowTileFn; 4]; 2],
    /// `gru_row_tiles[panels − 1]`, as `gru_step_tiles`.
    pub(crate) gru_row_tiles: [RowTileFn; 2],
    /// `outer_blocks[vectors − 1][outputs − 1]`.
    pub(crate) outer_blocks: [&'static [BlockFn]; 4],
    /// `gather(task, piece, to)`: copies a piece of an outer product's B, row by row in whole vectors.
    pub(crate) gather: unsafe fn(&Outer, &Piece, *mut f32),
    pub(crate) transpose: unsafe fn(&Transpose),
    pub(crate) lstm_forward: unsafe fn(&CellForward),
    pub(crate) gru_forward: unsafe fn(&CellForward),
    pub(crate) rnn_forward: unsafe fn(&CellForward, Nonlinearity),
    pub(crate) gru_reset_forward: unsafe fn(&CellForward),
    pub(crate) gru_candidate_forward: unsafe fn(&CellForward),
    pub(crate) lstm_backward: unsafe fn(&CellBackward),
    pub(crate) gru_backward: unsafe fn(&CellBackward),
    pub(crate) rnn_backward: unsafe fn(&CellBackward, Nonlinearity),
    pub(crate) gru_candidate_backward: unsafe fn(&CellBackward),
    pub(crate) gru_reset_backward: unsafe fn(&CellBackward),
    /// `add(a, b, to, len)`: to = a + b without denormals; a null b is none.
    pub(crate) add: unsafe fn(*const f32, *const f32, *mut f32, usize),
    pub(crate) activate: unsafe fn(Activation, &mut [f32]),
    pub(crate) softmax: unsafe fn(&mut SoftmaxRow),
    /// Sums of rows, the last row first.
    pub(crate) add_rows: unsafe fn(&RowSum),
    /// One step of an optimizer.
    pub(crate) update: unsafe fn(&Rule, &[Range<usize>], Sweep<'_>),
    /// Chains of [`multiply_adds`](Self::multiply_adds), each as wide as a vector.
    pub(crate) chains: usize,
    /// `multiply_adds(rounds, sum)`: one multiply-add of every chain in every round, for the probe of the peak.
    pub(crate) multiply_adds: unsafe fn(usize, &mut f32),
}

impl Kernels {
    /// The most rows of a tile of so many columns.
    #[inline(always)]
    pub(crate) fn tile_rows(&self, columns: usize) -> usize {
        self.tiles[columns.div_ceil(self.lanes) - 1].len()
    }
}

/// An elementwise function of the vector library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// eˣ, for −87 ≤ x ≤ 88.
    Exp,
}

/// The most floats of a vector, on any instruction set.
pub(crate) const MOST_LANES: usize = 16;

/// 2⁻⁹⁵, 2.5e-29. What is nearer to 0 is taken for 0, so that denormal numbers never slow a loop down. Numbers from here on
/// are those with one of the upper three bits of the exponent.
pub(crate) const LEAST: f32 = f32::from_bits(32 << 23);

/// 0 where |v| < [`LEAST`].
#[inline(always)]
pub(crate) fn flush(v: f32) -> f32 {
    if v.abs() < LEAST { 0.0 } else { v }
}

/// A vector of floats and what can be done with it.
///
/// # Safety
/// Implementations promise that their methods need no more than the instruction set they are named after;
/// callers promise that the processor has it, and that pointers are valid for the floats they load or store.
pub(crate) unsafe trait Simd: Copy + 'static {
    type V: Copy;
    /// Floats in a vector.
    const LANES: usize;

    unsafe fn splat(v: f32) -> Self::V;
    unsafe fn load(p: *const f32) -> Self::V;
    /// The first `n` floats at `p`, zeros above.
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V;
    /// Asks for the cache line of `p`, which need not be valid.
    unsafe fn prefetch(p: *const f32);
    /// Asks for it no nearer than the second-level cache.
    unsafe fn prefetch_far(p: *const f32);
    unsafe fn store(p: *mut f32, v: Self::V);
    /// Stores the first `n` floats only.
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sqrt(v: Self::V) -> Self::V;
    /// The bits that are set in either.
    unsafe fn or(a: Self::V, b: Self::V) -> Self::V;
    /// Whether every float is 0 without a sign.
    unsafe fn is_all_zero_bits(v: Self::V) -> bool;
    /// a·b + c.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// c − a·b.
    unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The lesser; `b` where either is not a number.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The greater; `b` where either is not a number.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// −|v|.
    unsafe fn negative(v: Self::V) -> Self::V;
    /// `magnitude` (not negative) with the sign of `sign`.
    unsafe fn with_sign(magnitude: Self::V, sign: Self::V) -> Self::V;
    /// The float whose exponent's bits are the lowest bits of v, and all other bits 0.
    unsafe fn exponent_from_low_bits(v: Self::V) -> Self::V;
    /// `yes` where v < 0, `no` elsewhere.
    unsafe fn if_negative(v: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// a and b with the numbers exchanged that lie in a's odd runs of HALF numbers and in b's even ones, the first run
    /// being even.
    unsafe fn exchange<const HALF: usize>(a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// `v` where v > 0, 0 elsewhere (and for NaN, NaN).
    unsafe fn relu(v: Self::V) -> Self::V;
    /// 0 where |v| < [`LEAST`], as [`flush()`].
    unsafe fn flush(v: Self::V) -> Self::V;
}

/// Makes the table of one instruction set from the generic bodies: the tile heights for one to four vectors,
/// and the target features, if any.
macro_rules! kernels {
    (@function $name:ident, $from:path, $simd:ty, ($($arg:ident: $type:ty),*), $($feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn $name($($arg: $type),*) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $from($($arg),*) }
        }
    };
    ($path:expr, $simd:ty, [$($one:literal)*], [$($two:literal)*], [$($three:literal)*], [$($four:literal)*]
        $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn tile<const M: usize, const N: usize>(task: &$crate::cpu::tile::Tile) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::cpu::tile::tile::<$simd, M, N>(task) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn step_tile<const M: usize, const N: usize, const W: usize, const O: usize>(
            task: &$crate::cpu::tile::StepTile,
        ) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::cpu::tile::step_tile::<$simd, M, N, W, O>(task) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn row_tile<const P: usize, const N: usize, const W: usize, const O: usize>(
            task: &$crate::cpu::row::RowTile,
        ) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::cpu::row::row_tile::<$simd, P, N, W, O>(task) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn block<const M: usize, const N: usize>(
            task: &$crate::cpu::outer::Outer,
            block: &$crate::cpu::outer::Block,
        ) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::cpu::outer::block::<$simd, M, N>(task, block) }
        }
        $crate::simd::kernels!(@function gather, $crate::cpu::outer::gather::<$simd>, $simd,
            (task: &$crate::cpu::outer::Outer, piece: &$crate::cpu::outer::Piece, to: *mut f32), $($feature)?);
        $crate::simd::kernels!(@function transpose, $crate::cpu::transpose::transpose::<$simd>, $simd,
            (task: &$crate::cpu::transpose::Transpose), $($feature)?);
        $crate::simd::kernels!(@function lstm_forward, $crate::cpu::cells::lstm_forward::<$simd>, $simd,
            (task: &$crate::cpu::cells::CellForward), $($feature)?);
        $crate::simd::kernels!(@function gru_forward, $crate::cpu::cells::gru_forward::<$simd>, $simd,
            (task: &$crate::cpu::cells::CellForward), $($feature)?);
        $crate::simd::kernels!(@function rnn_forward, $crate::cpu::cells::rnn_forward::<$simd>, $simd,
            (task: &$crate::cpu::cells::CellForward, nonlinearity: $crate::types::Nonlinearity), $($feature)?);
        $crate::simd::kernels!(@function gru_reset_forward, $crate::cpu::cells::gru_reset_forward::<$simd>, $simd,
            (task: &$crate::cpu::cells::CellForward), $($feature)?);
        $crate::simd::kernels!(@function gru_candidate_forward, $crate::cpu::cells::gru_candidate_forward::<$simd>,
            $simd, (task: &$crate::cpu::cells::CellForward), $($feature)?);
        $crate::simd::kernels!(@function lstm_backward, $crate::cpu::cells::lstm_backward::<$simd>, $simd,
            (row: &$crate::cpu::cells::CellBackward), $($feature)?);
        $crate::simd::kernels!(@function gru_backward, $crate::cpu::cells::gru_backward::<$simd>, $simd,
            (row: &$crate::cpu::cells::CellBackward), $($feature)?);
        $crate::simd::kernels!(@function rnn_backward, $crate::cpu::cells::rnn_backward::<$simd>, $simd,
            (row: &$crate::cpu::cells::CellBackward, nonlinearity: $crate::types::Nonlinearity), $($feature)?);
        $crate::simd::kernels!(@function gru_candidate_backward, $crate::cpu::cells::gru_candidate_backward::<$simd>,
            $simd, (row: &$crate::cpu::cells::CellBackward), $($feature)?);
        $crate::simd::kernels!(@function gru_reset_backward, $crate::cpu::cells::gru_reset_backward::<$simd>, $simd,
            (row: &$crate::cpu::cells::CellBackward), $($feature)?);
        $crate::simd::kernels!(@function add, $crate::cpu::cells::add::<$simd>, $simd,
            (a: *const f32, b: *const f32, to: *mut f32, len: usize), $($feature)?);
        $crate::simd::kernels!(@function activate, $crate::cpu::activation::activate::<$simd>, $simd,
            (what: $crate::simd::Activation, values: &mut [f32]), $($feature)?);
        $crate::simd::kernels!(@function softmax, $crate::cpu::softmax::softmax::<$simd>, $simd,
            (row: &mut $crate::cpu::softmax::SoftmaxRow), $($feature)?);
        $crate::simd::kernels!(@function add_rows, $crate::cpu::outer::add_rows::<$simd>, $simd,
            (task: &$crate::cpu::outer::RowSum), $($feature)?);
        $crate::simd::kernels!(@function update, $crate::cpu::update::update::<$simd>, $simd,
            (rule: &$crate::update::Rule, ranges: &[std::ops::Range<usize>], sweep: $crate::update::Sweep<'_>),
            $($feature)?);
        const CHAINS: usize = $crate::cpu::peak::chains(<$simd as $crate::simd::Simd>::LANES);
        $crate::simd::kernels!(@function multiply_adds, $crate::cpu::peak::multiply_adds::<$simd, CHAINS>, $simd,
            (rounds: usize, sum: &mut f32), $($feature)?);

        pub(crate) const KERNELS: $crate::simd::Kernels = $crate::simd::Kernels {
            path: $path,
            lanes: <$simd as $crate::simd::Simd>::LANES,
            tiles: [
                &[$(tile::<$one, 1>),*],
                &[$(tile::<$two, 2>),*],
                &[$(tile::<$three, 3>),*],
                &[$(tile::<$four, 4>),*],
            ],
            step_tiles: [
                &[$(step_tile::<$one, 1, 1, 0>),*],
                &[$(step_tile::<$two, 2, 2, 0>),*],
                &[$(step_tile::<$three, 3, 3, 0>),*],
                &[$(step_tile::<$four, 4, 4, 0>),*],
            ],
            gru_step_tiles: &[$(step_tile::<$four, 4, 3, 1>),*],
            row_tiles: [
                [row_tile::<1, 1, 1, 0>, row_tile::<1, 2, 2, 0>, row_tile::<1, 3, 3, 0>, row_tile::<1, 4, 4, 0>],
                [row_tile::<2, 1, 1, 0>, row_tile::<2, 2, 2, 0>, row_tile::<2, 3, 3, 0>, row_tile::<2, 4, 4, 0>],
            ],
            gru_row_tiles: [row_tile::<1, 4, 3, 1>, row_tile::<2, 4, 3, 1>],
            outer_blocks: [
                &[$(block::<$one, 1>),*],
                &[$(block::<$two, 2>),*],
                &[$(block::<$three, 3>),*],
                &[$(block::<$four, 4>),*],
            ],
            gather,
            transpose,
            lstm_forward,
            gru_forward,
            rnn_forward,
            gru_reset_forward,
            gru_candidate_forward,
            lstm_backward,
            gru_backward,
            rnn_backward,
            gru_candidate_backward,
            gru_reset_backward,
            add,
            activate,
            softmax,
            add_rows,
            update,
            chains: CHAINS,
            multiply_adds,
        };
    };
}
pub(crate) use kernels;
