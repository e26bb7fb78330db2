//! Views of rows in somebody's array: strided, and in any order.

use std::borrow::Cow;
use std::ops::Range;

use crate::words::error::Error;
use crate::words::sizes::{MOST_NUMBERS, array, numbers, range};

/// An order of rows: a permutation of an array's rows or a part of one, so that no two rows are ever the same memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowMap {
    to: Vec<u32>,
    /// Rows of the array.
    of: usize,
}

impl RowMap {
    /// The order in which row `i` is the array's row `to[i]`; every row of the array exactly once.
    pub fn new(to: Vec<u32>) -> Result<Self, Error> {
        let mut seen = vec![false; to.len()];
        for (row, &target) in to.iter().enumerate() {
            match seen.get_mut(target as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(Error::RowMap { row, target: target as usize, rows: to.len() }),
            }
        }
        Ok(Self { of: to.len(), to })
    }

    /// Some of the rows, in the same order: a part of a pass over the array.
    ///
    /// # Errors
    /// [`Error::Range`] for a range that ends before it begins or beyond the rows of this map.
    pub fn part(&self, rows: Range<usize>) -> Result<Self, Error> {
        range("a part of an order of rows", &rows, 0..self.to.len())?;
        Ok(Self { to: self.to[rows].to_vec(), of: self.of })
    }

    /// Where each row is.
    pub fn as_slice(&self) -> &[u32] {
        &self.to
    }
}

/// Rows to read: row `i` is the first numbers of `values[at(i)·stride..]`, with `at` the map or the identity.
#[derive(Debug, Clone, Copy)]
pub struct RowsRef<'a, F = f32> {
    /// The array, from the first number of row 0 on.
    pub values: &'a [F],
    /// Numbers between the beginnings of two rows of the array.
    pub stride: usize,
    /// The order of the rows, if it is not the array's.
    pub map: Option<&'a RowMap>,
}

/// Rows to write; as [`RowsRef`].
#[derive(Debug)]
pub struct RowsMut<'a, F = f32> {
    /// The array, from the first number of row 0 on.
    pub values: &'a mut [F],
    /// Numbers between the beginnings of two rows of the array.
    pub stride: usize,
    /// The order of the rows, if it is not the array's.
    pub map: Option<&'a RowMap>,
}

impl<'a, F: Copy> RowsRef<'a, F> {
    /// Contiguous rows of `width` numbers.
    pub fn dense(values: &'a [F], width: usize) -> Self {
        Self { values, stride: width, map: None }
    }

    /// The first `width` numbers of a row.
    pub(crate) fn row(&self, row: usize, width: usize) -> &'a [F] {
        &self.values[place(self.map, row) * self.stride..][..width]
    }

    /// A copy of the first `count` rows of `width` numbers, in their order and without gaps.
    pub(crate) fn gather(&self, count: usize, width: usize) -> Result<Vec<F>, Error> {
        let mut dense = array(numbers("rows in their order", [count, width])?)?;
        (0..count).for_each(|row| dense.extend_from_slice(self.row(row, width)));
        Ok(dense)
    }

    /// The first `count` rows of `width` numbers, in their order and without gaps: borrowed where they are so already.
    pub(crate) fn in_order(&self, count: usize, width: usize) -> Result<Cow<'a, [F]>, Error> {
        match lie_in_order(self.map, self.stride, count, width) {
            true => Ok(Cow::Borrowed(&self.values[..count * width])),
            false => Ok(Cow::Owned(self.gather(count, width)?)),
        }
    }

    /// Checks that `rows` rows of `width` numbers are there.
    pub(crate) fn check(&self, what: &'static str, rows: usize, width: usize) -> Result<(), Error> {
        check(what, self.values.len(), self.stride, self.map, rows, width)
    }
}

impl<'a, F: Copy> RowsMut<'a, F> {
    /// Contiguous rows of `width` numbers.
    pub fn dense(values: &'a mut [F], width: usize) -> Self {
        Self { values, stride: width, map: None }
    }

    /// The first `width` numbers of a row.
    pub(crate) fn row_mut(&mut self, row: usize, width: usize) -> &mut [F] {
        &mut self.values[place(self.map, row) * self.stride..][..width]
    }

    /// The first `count` rows of `width` numbers, where they are in their order and without gaps.
    pub(crate) fn in_order(&mut self, count: usize, width: usize) -> Option<&mut [F]> {
        lie_in_order(self.map, self.stride, count, width).then(|| &mut self.values[..count * width])
    }

    /// Checks that `rows` rows of `width` numbers are there.
    pub(crate) fn check(&self, what: &'static str, rows: usize, width: usize) -> Result<(), Error> {
        check(what, self.values.len(), self.stride, self.map, rows, width)
    }
}

/// Whether `count` rows of `width` numbers follow one another without gaps.
fn lie_in_order(map: Option<&RowMap>, stride: usize, count: usize, width: usize) -> bool {
    map.is_none() && (stride == width || count <= 1)
}

/// What every call with rows rests on: after this, row `i < rows` is within the array for each of its `width` numbers.
fn check(
    what: &'static str,
    found: usize,
    stride: usize,
    map: Option<&RowMap>,
    rows: usize,
    width: usize,
) -> Result<(), Error> {
    if stride < width {
        return Err(Error::Length { what, expected: width, found: stride });
    }
    if let Some(map) = map.filter(|m| m.to.len() != rows) {
        return Err(Error::Length { what, expected: rows, found: map.to.len() });
    }
    let of = map.map_or(rows, |map| map.of);
    let expected = match rows {
        0 => 0,
        // The last row ends without a gap.
        _ => {
            let before = numbers(what, [of - 1, stride])?;
            before.checked_add(width).ok_or(Error::TooLarge {
                what,
                found: before as u128 + width as u128,
                most: MOST_NUMBERS,
            })?
        }
    };
    if found < expected { Err(Error::Length { what, expected, found }) } else { Ok(()) }
}

/// Which row of the array a row is.
pub(crate) fn place(map: Option<&RowMap>, row: usize) -> usize {
    map.map_or(row, |map| map.as_slice()[row] as usize)
}

/// Rows in somebody's array: row `i` starts at `base + at(first + i)·stride`, with `at` a map or the identity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowsAt<P> {
    pub(crate) base: P,
    pub(crate) stride: usize,
    /// Null for the identity.
    pub(crate) map: *const u32,
    first: usize,
}

impl<P> RowsAt<P> {
    /// All rows; a null map is the identity.
    pub(crate) fn mapped(base: P, stride: usize, map: *const u32) -> Self {
        Self { base, stride, map, first: 0 }
    }

    /// All rows, one after another.
    pub(crate) fn dense(base: P, stride: usize) -> Self {
        Self::mapped(base, stride, std::ptr::null())
    }

    /// The rows from the `first` on.
    #[inline(always)]
    pub(crate) fn from(self, first: usize) -> Self {
        Self { first: self.first + first, ..self }
    }

    #[inline(always)]
    unsafe fn offset(&self, row: usize) -> usize {
        let row = self.first + row;
        let row = if self.map.is_null() {
            row
        } else {
            // SAFETY: the caller promises a row that the map holds.
            unsafe { *self.map.add(row) as usize }
        };
        row * self.stride
    }
}

impl RowsAt<*const f32> {
    #[inline(always)]
    pub(crate) unsafe fn row(&self, row: usize) -> *const f32 {
        // SAFETY: the caller promises a row that the array holds.
        unsafe { self.base.add(self.offset(row)) }
    }
}

impl RowsAt<*mut f32> {
    #[inline(always)]
    pub(crate) unsafe fn row(&self, row: usize) -> *mut f32 {
        // SAFETY: the caller promises a row that the array holds.
        unsafe { self.base.add(self.offset(row)) }
    }

    /// The same rows from a column on.
    #[inline(always)]
    pub(crate) fn columns_from(self, column: usize) -> Self {
        Self { base: self.base.wrapping_add(column), ..self }
    }

    /// The same rows, to be read.
    #[inline(always)]
    pub(crate) fn read(self) -> RowsAt<*const f32> {
        RowsAt { base: self.base.cast_const(), stride: self.stride, map: self.map, first: self.first }
    }
}

/// Where the rows are.
pub(crate) fn at(rows: RowsRef<'_>) -> RowsAt<*const f32> {
    RowsAt::mapped(rows.values.as_ptr(), rows.stride, pointer(rows.map))
}

/// Where the rows are.
pub(crate) fn at_mut(rows: RowsMut<'_>) -> RowsAt<*mut f32> {
    RowsAt::mapped(rows.values.as_mut_ptr(), rows.stride, pointer(rows.map))
}

/// Null for none.
fn pointer(map: Option<&RowMap>) -> *const u32 {
    map.map_or(std::ptr::null(), |map| map.as_slice().as_ptr())
}
