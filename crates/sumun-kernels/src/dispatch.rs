//! The one table of compiled bodies a path. Below it are the bodies, generic over the vector; above it is who calls them
//! through [`Kernels`], and knows no instruction set.

use std::ops::{Deref, Range};

use crate::bodies::cell::{CellBackward, CellForward};
use crate::bodies::function::FunctionFn;
use crate::bodies::norm::{NormBackward, NormRow};
use crate::bodies::options::{BackwardOptions, ForwardOptions, ZoneoutRow};
use crate::bodies::outer::{Block, Outer, Piece, RowSum};
use crate::bodies::rounded::RoundedTile;
use crate::bodies::row::RowTile;
use crate::bodies::softmax::SoftmaxRow;
use crate::bodies::tile::{StepTile, Tile};
use crate::bodies::transpose::Transpose;
use crate::bodies::whole::WholePanels;
use crate::words::machine::Blocks;
use crate::words::precision::BF16_BLOCK;
use crate::words::update::{Rule, Sweep};
use crate::words::{Cell, Error, Machine, Path, Precision, VectorFunction};

/// A function over one tile of fixed size.
pub(crate) type TileFn = unsafe fn(&Tile);
/// A function over one tile of fixed size with its input.
pub(crate) type StepTileFn = unsafe fn(&StepTile);
/// A function over one or two panels of a single row.
pub(crate) type RowTileFn = unsafe fn(&RowTile);
/// A function over one block of an outer product, of fixed size.
pub(crate) type BlockFn = unsafe fn(&Outer, &Block);
/// A function over one tile of rounded numbers, of fixed size.
pub(crate) type RoundedTileFn = unsafe fn(&RoundedTile);
/// A function over one, two or three panels of a whole step of one row.
pub(crate) type WholePanelsFn = unsafe fn(&WholePanels);

/// The bodies of one cell: see [`CellBody`](crate::bodies::cell::CellBody).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellKernels {
    pub(crate) forward: unsafe fn(&CellForward),
    pub(crate) second_forward: unsafe fn(&CellForward),
    pub(crate) backward: unsafe fn(&CellBackward),
    pub(crate) second_backward: unsafe fn(&CellBackward),
    /// The same four with options.
    pub(crate) forward_with: unsafe fn(&CellForward, &ForwardOptions),
    pub(crate) second_forward_with: unsafe fn(&CellForward, &ForwardOptions),
    pub(crate) backward_with: unsafe fn(&CellBackward, &BackwardOptions),
    pub(crate) second_backward_with: unsafe fn(&CellBackward, &BackwardOptions),
    /// `[panels − 1][vectors of the last one − 1]`, where the cell has such bodies.
    pub(crate) whole_panels: Option<&'static [[WholePanelsFn; 4]]>,
}

/// The entry points of one instruction set: one instance each of the generic bodies.
///
/// Every function is unsafe to call: the processor must have the instruction set, and the task's pointers
/// must be valid for the rows, strides and sizes it states.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernels {
    /// Floats in one vector.
    pub(crate) lanes: usize,
    /// `tiles[vectors − 1][rows − 1]`, as many rows as keep the accumulators in registers.
    pub(crate) tiles: [&'static [TileFn]; 4],
    /// `step_tiles[vectors − 1][rows − 1]`: both products go to all vectors.
    pub(crate) step_tiles: [&'static [StepTileFn]; 4],
    /// `shifted_step_tiles[rows − 1]`: four vectors, of which the first three are the input's, the last three the state's.
    pub(crate) shifted_step_tiles: &'static [StepTileFn],
    /// `row_tiles[panels − 1][vectors − 1]`, both products to all vectors.
    pub(crate) row_tiles: [[RowTileFn; 4]; 2],
    /// `shifted_row_tiles[panels − 1]`, as `shifted_step_tiles`.
    pub(crate) shifted_row_tiles: [RowTileFn; 2],
    /// `outer_blocks[vectors − 1][outputs − 1]`.
    pub(crate) outer_blocks: [&'static [BlockFn]; 4],
    /// `gather(task, piece, to)`: copies a piece of an outer product's B, row by row in whole vectors.
    pub(crate) gather: unsafe fn(&Outer, &Piece, *mut f32),
    pub(crate) transpose: unsafe fn(&Transpose),
    /// The bodies of each cell, in the order of [`Cell::ALL`].
    pub(crate) cells: &'static [CellKernels],
    /// `add(a, b, to, len)`: to = a + b without denormals; a null b is none.
    pub(crate) add: unsafe fn(*const f32, *const f32, *mut f32, usize),
    /// `masked(mask, v, to, len)`: to = mask ⊙ v; the second adds that to what is there.
    pub(crate) masked: unsafe fn(*const f32, *const f32, *mut f32, usize),
    pub(crate) add_masked: unsafe fn(*const f32, *const f32, *mut f32, usize),
    /// Zoneout of a row, forwards and backwards.
    pub(crate) mix_row: unsafe fn(&ZoneoutRow),
    pub(crate) split_row: unsafe fn(&ZoneoutRow),
    /// Layer normalisation of a row: forwards, the last part of it again, and backwards.
    pub(crate) normalise: unsafe fn(&NormRow) -> f32,
    pub(crate) scale_again: unsafe fn(&NormRow),
    pub(crate) normalise_back: unsafe fn(&NormBackward),
    /// The values and the slopes of functions that bodies do not have in themselves.
    pub(crate) functions: [FunctionFn; 2],
    pub(crate) activate: unsafe fn(VectorFunction, &mut [f32]),
    pub(crate) softmax: unsafe fn(&mut SoftmaxRow),
    /// Sums of rows, the last row first.
    pub(crate) add_rows: unsafe fn(&RowSum),
    /// One step of an optimizer.
    pub(crate) update: unsafe fn(&Rule, &[Range<usize>], Sweep<'_>),
    /// `fill_uniform(counter, key, row)`: random numbers in [0, 1).
    pub(crate) fill_uniform: unsafe fn([u32; 4], [u32; 2], &mut [f32]),
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

    /// The bodies of a cell.
    pub(crate) fn cell(&self, cell: Cell) -> &'static CellKernels {
        &self.cells[cell.index()]
    }

    /// Computes a tile with `rows` rows.
    ///
    /// # Safety
    /// `rows` is at most the instruction set's for this width, and every pointer is valid for what it stands for.
    #[inline(always)]
    pub(crate) unsafe fn run_tile(&self, tile: &Tile, rows: usize) {
        let vectors = tile.columns.div_ceil(self.lanes);
        // SAFETY: the caller's promises.
        unsafe { self.tiles[vectors - 1][rows - 1](tile) }
    }
}

/// The entry points of one instruction set for products of rounded numbers. To be called as those of [`Kernels`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoundedKernels {
    /// What numbers are rounded to.
    pub(crate) precision: Precision,
    /// Numbers of K in a word of 32 bits of packed weights, and to a multiple of how many, a power of two, K is filled up with zeros.
    pub(crate) word: usize,
    pub(crate) block: usize,
    /// Bytes of a number of a row.
    pub(crate) row_bytes: usize,
    /// Rows that a tile reads at a time, of which some may be beyond the last; a power of two.
    pub(crate) row_block: usize,
    /// `tiles[vectors − 1][rows − 1]`.
    tiles: [&'static [RoundedTileFn]; 4],
    /// `put(from, len, to)`: a row, rounded, zeros after it up to a whole block; returns its scale.
    pub(crate) put: unsafe fn(*const f32, usize, *mut u8) -> f32,
    /// `pack(from, len, to)`: a row as it is in packed weights of bf16, before it is turned into a column.
    pub(crate) pack: unsafe fn(*const f32, usize, *mut u8) -> f32,
    /// `pair(even, odd, len, to)`: two rows of so many numbers of bf16 as words, zeros after them up to whole vectors; null for a row of
    /// zeros.
    pub(crate) pair: unsafe fn(*const f32, *const f32, usize, *mut f32),
    /// To be called by a thread before its first tile and after its last.
    pub(crate) begin: unsafe fn(),
    pub(crate) end: unsafe fn(),
}

impl RoundedKernels {
    /// The most rows of a tile of so many vectors.
    #[inline(always)]
    pub(crate) fn tile_rows(&self, vectors: usize) -> usize {
        self.tiles[vectors - 1].len()
    }

    /// Computes a tile.
    ///
    /// # Safety
    /// Its rows are at most the instruction set's for this width, and every pointer is valid for what it stands for.
    #[inline(always)]
    pub(crate) unsafe fn run_tile(&self, tile: &RoundedTile, vectors: usize) {
        // SAFETY: the caller's promises.
        unsafe { self.tiles[vectors - 1][tile.rows - 1](tile) }
    }
}

/// Nothing is to be made ready.
unsafe fn nothing() {}

/// The bodies of a path with the sizes of blocks for a machine's caches: what drivers are given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuned {
    kernels: Kernels,
    pub(crate) blocks: Blocks,
}

impl Deref for Tuned {
    type Target = Kernels;

    #[inline(always)]
    fn deref(&self) -> &Kernels {
        &self.kernels
    }
}

impl Machine {
    /// The table of its path, if this processor can run it, with its blocks. The reference path has none.
    pub(crate) fn kernels(&self) -> Result<Tuned, Error> {
        Ok(Tuned { kernels: self.path.kernels()?, blocks: Blocks::of(self) })
    }
}

impl Path {
    /// The path's table, if this processor can run it. The reference path has none.
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

impl Machine {
    /// Whether products of bf16 use AMX: where [`amx`](Self::amx) allows it, the path is AVX-512, and the processor and the system
    /// have it.
    pub fn uses_amx(&self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.amx
            && self.path == Path::Avx512
            && self.path.is_available()
            && crate::bodies::amx::is_available();
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// The path's table for products of rounded numbers, if it has them on this processor; None for floats as they are.
    pub(crate) fn rounded_kernels(&self, precision: Precision) -> Result<Option<RoundedKernels>, Error> {
        let path = self.path;
        if !path.has(precision) {
            return Err(Error::PrecisionPath { path: path.name(), precision });
        }
        Ok(match (precision, path) {
            (Precision::F32, _) | (_, Path::Reference) => None,
            (Precision::Int8, Path::Portable) => Some(portable::INT8),
            (Precision::Bf16, Path::Portable) => Some(portable::BF16),
            #[cfg(target_arch = "x86_64")]
            (Precision::Int8, Path::Avx2) => Some(avx2::INT8),
            #[cfg(target_arch = "x86_64")]
            (Precision::Int8, Path::Avx512) => Some(avx512::INT8),
            #[cfg(target_arch = "x86_64")]
            (Precision::Bf16, Path::Avx2) => Some(avx2::BF16),
            #[cfg(target_arch = "x86_64")]
            (Precision::Bf16, Path::Avx512) if self.uses_amx() => Some(avx512::AMX),
            #[cfg(target_arch = "x86_64")]
            (Precision::Bf16, Path::Avx512) => Some(avx512::BF16),
            #[cfg(not(target_arch = "x86_64"))]
            (_, Path::Avx2 | Path::Avx512) => None,
        })
    }
}

/// The bodies of every cell, as they are compiled where this is used.
macro_rules! cell_table {
    ($($(#[$doc:meta])* $name:ident)*) => { &[$(cell::<$crate::cells::$name>()),*] };
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
    (@cell $name:ident, $task:ident, $simd:ty, $($feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn $name<C: $crate::bodies::cell::CellBody>(task: &$crate::bodies::cell::$task) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { C::$name::<$simd>(task) }
        }
    };
    (@with $name:ident, $task:ident, $options:ident, $simd:ty, $($feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn $name<C: $crate::bodies::cell::CellBody>(
            task: &$crate::bodies::cell::$task,
            with: &$crate::bodies::options::$options,
        ) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { C::$name::<$simd>(task, with) }
        }
    };
    ($simd:ty, [$($one:literal)*], [$($two:literal)*], [$($three:literal)*], [$($four:literal)*]
        $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn tile<const M: usize, const N: usize>(task: &$crate::bodies::tile::Tile) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::bodies::tile::tile::<$simd, M, N>(task) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn step_tile<const M: usize, const N: usize, const W: usize, const O: usize>(
            task: &$crate::bodies::tile::StepTile,
        ) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::bodies::tile::step_tile::<$simd, M, N, W, O>(task) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn row_tile<const P: usize, const N: usize, const W: usize, const O: usize>(
            task: &$crate::bodies::row::RowTile,
        ) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::bodies::row::row_tile::<$simd, P, N, W, O>(task) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn block<const M: usize, const N: usize>(
            task: &$crate::bodies::outer::Outer,
            block: &$crate::bodies::outer::Block,
        ) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::bodies::outer::block::<$simd, M, N>(task, block) }
        }
        kernels!(@function gather, $crate::bodies::outer::gather::<$simd>, $simd,
            (task: &$crate::bodies::outer::Outer, piece: &$crate::bodies::outer::Piece, to: *mut f32), $($feature)?);
        kernels!(@function transpose, $crate::bodies::transpose::transpose::<$simd>, $simd,
            (task: &$crate::bodies::transpose::Transpose), $($feature)?);
        kernels!(@cell forward, CellForward, $simd, $($feature)?);
        kernels!(@cell second_forward, CellForward, $simd, $($feature)?);
        kernels!(@cell backward, CellBackward, $simd, $($feature)?);
        kernels!(@cell second_backward, CellBackward, $simd, $($feature)?);
        kernels!(@with forward_with, CellForward, ForwardOptions, $simd, $($feature)?);
        kernels!(@with second_forward_with, CellForward, ForwardOptions, $simd, $($feature)?);
        kernels!(@with backward_with, CellBackward, BackwardOptions, $simd, $($feature)?);
        kernels!(@with second_backward_with, CellBackward, BackwardOptions, $simd, $($feature)?);

        $(#[target_feature(enable = $feature)])?
        unsafe fn whole_panels<C: $crate::bodies::cell::CellBody, const P: usize, const V: usize>(
            task: &$crate::bodies::whole::WholePanels,
        ) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::bodies::whole::whole_panels::<$simd, C, P, V>(task) }
        }

        const fn panels<C: $crate::bodies::cell::CellBody, const P: usize>() -> [super::WholePanelsFn; 4] {
            match $crate::bodies::whole::is_ever_narrow(&C::SPEC) {
                true => [whole_panels::<C, P, 1>, whole_panels::<C, P, 2>, whole_panels::<C, P, 3>, whole_panels::<C, P, 4>],
                false => [whole_panels::<C, P, 4>; 4],
            }
        }

        const fn cell<C: $crate::bodies::cell::CellBody>() -> super::CellKernels {
            super::CellKernels {
                forward: forward::<C>,
                second_forward: second_forward::<C>,
                backward: backward::<C>,
                second_backward: second_backward::<C>,
                forward_with: forward_with::<C>,
                second_forward_with: second_forward_with::<C>,
                backward_with: backward_with::<C>,
                second_backward_with: second_backward_with::<C>,
                // Three panels of more than one vector of units are not taken at once: no sizes would need it.
                whole_panels: match (C::WHOLE, C::SPEC.spread) {
                    (false, _) => None,
                    (true, 1) => Some(const { &[panels::<C, 1>(), panels::<C, 2>(), panels::<C, 3>()] }),
                    (true, _) => Some(const { &[panels::<C, 1>(), panels::<C, 2>()] }),
                },
            }
        }
        kernels!(@function add, $crate::bodies::cell::add::<$simd>, $simd,
            (a: *const f32, b: *const f32, to: *mut f32, len: usize), $($feature)?);
        kernels!(@function masked, $crate::bodies::options::masked::<$simd, false>, $simd,
            (mask: *const f32, v: *const f32, to: *mut f32, len: usize), $($feature)?);
        kernels!(@function add_masked, $crate::bodies::options::masked::<$simd, true>, $simd,
            (mask: *const f32, v: *const f32, to: *mut f32, len: usize), $($feature)?);
        kernels!(@function mix_row, $crate::bodies::options::mix_row::<$simd>, $simd,
            (row: &$crate::bodies::options::ZoneoutRow), $($feature)?);
        kernels!(@function split_row, $crate::bodies::options::split_row::<$simd>, $simd,
            (row: &$crate::bodies::options::ZoneoutRow), $($feature)?);
        $(#[target_feature(enable = $feature)])?
        unsafe fn normalise(row: &$crate::bodies::norm::NormRow) -> f32 {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::bodies::norm::normalise::<$simd>(row) }
        }
        kernels!(@function scale_again, $crate::bodies::norm::scale_again::<$simd>, $simd,
            (row: &$crate::bodies::norm::NormRow), $($feature)?);
        kernels!(@function normalise_back, $crate::bodies::norm::normalise_back::<$simd>, $simd,
            (row: &$crate::bodies::norm::NormBackward), $($feature)?);
        kernels!(@function other_value, $crate::bodies::function::other_value::<$simd>, $simd,
            (function: &$crate::bodies::function::Function, at: *mut f32), $($feature)?);
        kernels!(@function other_slope, $crate::bodies::function::other_slope::<$simd>, $simd,
            (function: &$crate::bodies::function::Function, at: *mut f32), $($feature)?);
        kernels!(@function activate, $crate::bodies::activation::activate::<$simd>, $simd,
            (what: $crate::words::VectorFunction, values: &mut [f32]), $($feature)?);
        kernels!(@function softmax, $crate::bodies::softmax::softmax::<$simd>, $simd,
            (row: &mut $crate::bodies::softmax::SoftmaxRow), $($feature)?);
        kernels!(@function add_rows, $crate::bodies::outer::add_rows::<$simd>, $simd,
            (task: &$crate::bodies::outer::RowSum), $($feature)?);
        kernels!(@function update, $crate::bodies::update::update::<$simd>, $simd,
            (rule: &$crate::words::update::Rule, ranges: &[std::ops::Range<usize>], sweep: $crate::words::update::Sweep<'_>),
            $($feature)?);
        $(#[target_feature(enable = $feature)])?
        unsafe fn fill_uniform(counter: [u32; 4], key: [u32; 2], row: &mut [f32]) {
            $crate::bodies::philox::fill_together(counter, key, row)
        }
        const CHAINS: usize = $crate::bodies::peak::chains(<$simd as $crate::simd::Simd>::LANES);
        kernels!(@function multiply_adds, $crate::bodies::peak::multiply_adds::<$simd, CHAINS>, $simd,
            (rounds: usize, sum: &mut f32), $($feature)?);

        pub(super) const KERNELS: super::Kernels = super::Kernels {
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
            shifted_step_tiles: &[$(step_tile::<$four, 4, 3, 1>),*],
            row_tiles: [
                [row_tile::<1, 1, 1, 0>, row_tile::<1, 2, 2, 0>, row_tile::<1, 3, 3, 0>, row_tile::<1, 4, 4, 0>],
                [row_tile::<2, 1, 1, 0>, row_tile::<2, 2, 2, 0>, row_tile::<2, 3, 3, 0>, row_tile::<2, 4, 4, 0>],
            ],
            shifted_row_tiles: [row_tile::<1, 4, 3, 1>, row_tile::<2, 4, 3, 1>],
            outer_blocks: [
                &[$(block::<$one, 1>),*],
                &[$(block::<$two, 2>),*],
                &[$(block::<$three, 3>),*],
                &[$(block::<$four, 4>),*],
            ],
            gather,
            transpose,
            cells: $crate::cells::for_each_cell!(cell_table),
            add,
            masked,
            add_masked,
            mix_row,
            split_row,
            normalise,
            scale_again,
            normalise_back,
            functions: [other_value, other_slope],
            activate,
            softmax,
            add_rows,
            update,
            fill_uniform,
            chains: CHAINS,
            multiply_adds,
        };
    };
}

/// Makes the tables of one instruction set for products of bytes and of bf16: for each the tile heights for one to four vectors,
/// and the target features, if any.
macro_rules! rounded_kernels {
    (@functions $simd:ty, $int8:ident $tile:ident, $($feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn $tile<const M: usize, const N: usize>(task: &$crate::bodies::rounded::RoundedTile) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::bodies::$int8::$tile::<$simd, M, N>(task) }
        }
    };
    (@put $name:ident, $module:ident, $simd:ty, $($feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn $name(from: *const f32, len: usize, to: *mut u8) -> f32 {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::bodies::$module::$name::<$simd>(from, len, to) }
        }
    };
    ($simd:ty,
        bytes: [$($i1:literal)*], [$($i2:literal)*], [$($i3:literal)*], [$($i4:literal)*] $(, $of_bytes:literal)?;
        bf16: [$($b1:literal)*], [$($b2:literal)*], [$($b3:literal)*], [$($b4:literal)*] $(, $of_bf16:literal)?) => {
        rounded_kernels!(@functions $simd, int8 int8_tile, $($of_bytes)?);
        rounded_kernels!(@put to_bytes, int8, $simd, $($of_bytes)?);
        rounded_kernels!(@functions $simd, bf16 bf16_tile, $($of_bf16)?);
        rounded_kernels!(@put to_floats, bf16, $simd, $($of_bf16)?);
        rounded_kernels!(@put to_halves, bf16, $simd, $($of_bf16)?);
        $(#[target_feature(enable = $of_bf16)])?
        unsafe fn pair(even: *const f32, odd: *const f32, len: usize, to: *mut f32) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { $crate::bodies::bf16::pair::<$simd>(even, odd, len, to) }
        }

        pub(super) const INT8: super::RoundedKernels = super::RoundedKernels {
            precision: super::Precision::Int8,
            word: $crate::simd::int8::WORD,
            block: $crate::simd::int8::WORD,
            row_bytes: 1,
            row_block: 1,
            tiles: [
                &[$(int8_tile::<$i1, 1>),*],
                &[$(int8_tile::<$i2, 2>),*],
                &[$(int8_tile::<$i3, 3>),*],
                &[$(int8_tile::<$i4, 4>),*],
            ],
            put: to_bytes,
            pack: to_bytes,
            pair,
            begin: super::nothing,
            end: super::nothing,
        };
        pub(super) const BF16: super::RoundedKernels = super::RoundedKernels {
            precision: super::Precision::Bf16,
            word: $crate::simd::bf16::PAIR,
            block: super::BF16_BLOCK,
            row_bytes: size_of::<f32>(),
            row_block: 1,
            tiles: [
                &[$(bf16_tile::<$b1, 1>),*],
                &[$(bf16_tile::<$b2, 2>),*],
                &[$(bf16_tile::<$b3, 3>),*],
                &[$(bf16_tile::<$b4, 4>),*],
            ],
            put: to_floats,
            pack: to_halves,
            pair,
            begin: super::nothing,
            end: super::nothing,
        };
    };
}

mod portable {
    use crate::simd::portable::Portable;

    kernels!(Portable, [1 2 3 4 5 6], [1 2 3 4 5 6], [1 2 3 4], [1 2 3]);
    rounded_kernels!(Portable, bytes: [1 2], [1 2], [1 2], [1 2]; bf16: [1 2 3], [1 2 3], [1 2], [1]);
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use crate::simd::avx2::Avx2;

    kernels!(Avx2, [1 2 3 4 5 6], [1 2 3 4 5 6], [1 2 3 4], [1 2 3], "avx2,fma");
    rounded_kernels!(
        Avx2,
        bytes: [1 2 3 4], [1 2 3 4], [1 2], [1 2], "avx2,fma";
        bf16: [1 2 3 4], [1 2 3], [1 2], [1], "avx2,fma"
    );
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use crate::simd::avx512::Avx512;

    kernels!(
        Avx512,
        [1 2 3 4 5 6 7 8],
        [1 2 3 4 5 6 7 8],
        [1 2 3 4 5 6 7 8],
        [1 2 3 4 5 6],
        "avx512f,avx2,fma"
    );
    rounded_kernels!(
        Avx512,
        bytes: [1 2 3 4 5 6 7 8], [1 2 3 4 5 6 7 8], [1 2 3 4 5 6], [1 2 3 4 5], "avx512f,avx512vnni,avx2,fma";
        bf16: [1 2 3 4 5 6 7 8], [1 2 3 4 5 6], [1 2 3 4], [1 2 3], "avx512f,avx2,fma"
    );

    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn amx_tile<const N: usize>(task: &crate::bodies::rounded::RoundedTile) {
        // SAFETY: the caller's promises are the callee's.
        unsafe { crate::bodies::amx::amx_tile::<N>(task) }
    }

    pub(super) const AMX: super::RoundedKernels = super::RoundedKernels {
        row_bytes: size_of::<u16>(),
        row_block: crate::bodies::amx::TILE_ROWS,
        tiles: [
            &[amx_tile::<1> as super::RoundedTileFn; crate::bodies::rounded::MOST_ROUNDED_ROWS],
            &[amx_tile::<2> as super::RoundedTileFn; crate::bodies::rounded::MOST_ROUNDED_ROWS],
            &[amx_tile::<3> as super::RoundedTileFn; crate::bodies::rounded::MOST_ROUNDED_ROWS],
            &[amx_tile::<4> as super::RoundedTileFn; crate::bodies::rounded::MOST_ROUNDED_ROWS],
        ],
        put: to_halves,
        begin: crate::bodies::amx::begin,
        end: crate::bodies::amx::end,
        ..BF16
    };
}
