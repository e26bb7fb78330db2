//! Sizes that can be: products without overflow, ranges within their whole, and memory that may not be there.

use std::ops::Range;

use crate::words::error::Error;

/// The most rows of a pass: the number of a row is an `u32` wherever rows are in another order.
pub const MOST_ROWS: usize = u32::MAX as usize;

/// The most floats of a panel, on any instruction set: what sizes are rounded up to, at most, when weights are packed.
pub(crate) const WIDEST_PANEL: usize = 64;

/// The most numbers of one array: what is longer cannot be addressed in either precision.
pub(crate) const MOST_NUMBERS: usize = isize::MAX as usize / size_of::<f64>();

/// The product of some sizes: how many numbers an array of these has.
pub(crate) fn numbers<const K: usize>(what: &'static str, sizes: [usize; K]) -> Result<usize, Error> {
    match sizes.iter().try_fold(1, |product: usize, &size| product.checked_mul(size)) {
        Some(product) if product <= MOST_NUMBERS => Ok(product),
        _ => too_many(what, &sizes),
    }
}

#[cold]
fn too_many(what: &'static str, sizes: &[usize]) -> Result<usize, Error> {
    if sizes.contains(&0) {
        return Ok(0);
    }
    let found = sizes.iter().fold(1, |product: u128, &size| product.saturating_mul(size as u128));
    Err(Error::TooLarge { what, found, most: MOST_NUMBERS })
}

/// An empty vector with memory for so many values.
pub(crate) fn array<T>(len: usize) -> Result<Vec<T>, Error> {
    let mut values = Vec::new();
    reserve(&mut values, len)?;
    Ok(values)
}

/// A vector of so many zeros.
pub(crate) fn zeros<T: Copy + Default>(len: usize) -> Result<Vec<T>, Error> {
    let mut values = Vec::new();
    resize(&mut values, len)?;
    Ok(values)
}

/// Makes a vector `len` values long: those that are there, and then zeros.
pub(crate) fn resize<T: Copy + Default>(values: &mut Vec<T>, len: usize) -> Result<(), Error> {
    reserve(values, len.saturating_sub(values.len()))?;
    values.resize(len, T::default());
    Ok(())
}

/// Fetches memory for so many values more.
pub(crate) fn reserve<T>(values: &mut Vec<T>, more: usize) -> Result<(), Error> {
    let bytes = more.saturating_mul(size_of::<T>());
    values.try_reserve_exact(more).map_err(|_| Error::Memory { bytes })
}

/// Checks that a range does not end before it begins and lies within another one.
pub(crate) fn range(what: &'static str, part: &Range<usize>, whole: Range<usize>) -> Result<(), Error> {
    let &Range { start, end } = part;
    match whole.start <= start && start <= end && end <= whole.end {
        true => Ok(()),
        false => Err(Error::Range { what, start, end, least: whole.start, most: whole.end }),
    }
}
