//! Products of rows and weights that are rounded to fewer bits: what a tile of one computes.

use std::mem::MaybeUninit;

use crate::simd::Simd;

/// The most rows of a tile of such a product, on any instruction set.
pub(crate) const MOST_ROUNDED_ROWS: usize = 32;

/// What one tile computes: `c[m] = start[m] + a[m]·B` for its rows m, the first `columns` of its columns. Sums of bytes are
/// multiplied by `scales[m]` and the scale of the column.
#[derive(Debug)]
pub(crate) struct RoundedTile {
    /// The first row, and the bytes from one row to the next.
    pub(crate) a: *const u8,
    pub(crate) stride: usize,
    /// The scale of each row.
    pub(crate) scales: *const f32,
    pub(crate) rows: usize,
    /// Words of 32 bits of a column.
    pub(crate) words: usize,
    /// The packed panel, `[words][columns of whole vectors]` words.
    pub(crate) b: *const u8,
    /// Of bytes, for each column: what is added to a sum of bytes that were [raised](crate::simd::int8::RAISE), and its scale.
    pub(crate) raised: *const i32,
    pub(crate) column_scales: *const f32,
    places: [MaybeUninit<Place>; MOST_ROUNDED_ROWS],
    pub(crate) columns: usize,
}

/// What a row of a tile starts from, null for zeros, and where its sums go.
pub(crate) type Place = (*const f32, *mut f32);

impl RoundedTile {
    /// Says where the m-th row goes.
    #[inline(always)]
    pub(crate) fn put(&mut self, m: usize, place: Place) {
        self.places[m].write(place);
    }

    /// Where the m-th row goes.
    ///
    /// # Safety
    /// It must have been said.
    #[inline(always)]
    pub(crate) unsafe fn place(&self, m: usize) -> Place {
        // SAFETY: the caller's promise.
        unsafe { self.places[m].assume_init() }
    }
}

impl Default for RoundedTile {
    /// A tile of nothing.
    #[inline(always)]
    fn default() -> Self {
        let none = std::ptr::null();
        Self {
            a: std::ptr::null(),
            stride: 0,
            scales: none,
            rows: 0,
            words: 0,
            b: std::ptr::null(),
            raised: std::ptr::null(),
            column_scales: none,
            // A step of one row has no time to fill them.
            places: [const { MaybeUninit::uninit() }; MOST_ROUNDED_ROWS],
            columns: 0,
        }
    }
}

/// A vector of the numbers of a row from the k-th on, zeros after the last.
#[inline(always)]
pub(crate) unsafe fn numbers_from<S: Simd>(row: *const f32, k: usize, len: usize) -> S::V {
    // SAFETY: the caller promises `len` floats.
    unsafe {
        match len.saturating_sub(k) {
            0 => S::splat(0.0),
            left if left >= S::LANES => S::load(row.add(k)),
            left => S::load_first(row.add(k), left),
        }
    }
}
