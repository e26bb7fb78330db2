//! Elements that lie in steps over bytes, put into row-major order.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::tensor::elements;

/// The steps of an array whose first axis is the innermost, as Fortran lays it out. The shape's size was checked.
pub(crate) fn fortran(shape: &[usize]) -> Vec<u64> {
    let mut step = 1;
    shape
        .iter()
        .map(|&size| {
            let this = step;
            step *= size.max(1) as u64;
            this
        })
        .collect()
}

/// The elements of `width` bytes at `offset` and in steps of `strides` (both in elements) over `bytes`, one a step of each axis
/// of `shape`. Nothing is copied where they lie in order. Error: elements that are not there.
pub(crate) fn gather<'a>(
    bytes: &'a [u8],
    width: usize,
    offset: u64,
    shape: &[usize],
    strides: &[u64],
    format: &'static str,
) -> Result<Cow<'a, [u8]>> {
    let count = elements(shape, format)?;
    if count == 0 {
        return Ok(Cow::Borrowed(&[]));
    }
    let reach = shape.iter().zip(strides).try_fold(u128::from(offset), |reach, (&size, &stride)| {
        reach.checked_add((size as u128 - 1).checked_mul(stride.into())?)
    });
    let there = bytes.len() / width;
    let reach = reach.filter(|&last| last < there as u128).ok_or_else(|| {
        let what = format!(
            "a tensor of shape {shape:?}, strides {strides:?} and offset {offset} lies in {there} elements"
        );
        Error::damaged(format, what)
    })?;
    // The largest place is among the elements, and so is every other: none of these numbers overflows.
    let start = offset as usize;
    if reach as usize - start == count - 1 && is_row_major(shape, strides) {
        return Ok(Cow::Borrowed(&bytes[start * width..(start + count) * width]));
    }
    let mut gathered = Vec::with_capacity(count * width);
    let (&inner, outer) = shape.split_last().expect("a shape without axes is row-major");
    let step = strides[outer.len()] as usize;
    let mut index = vec![0; outer.len()];
    let mut place = start;
    loop {
        for i in 0..inner {
            let at = (place + i * step) * width;
            gathered.extend_from_slice(&bytes[at..at + width]);
        }
        // The next index of the outer axes, the last fastest.
        let mut axis = outer.len();
        loop {
            let Some(next) = axis.checked_sub(1) else { return Ok(Cow::Owned(gathered)) };
            axis = next;
            let stride = strides[axis] as usize;
            index[axis] += 1;
            if index[axis] < outer[axis] {
                place += stride;
                break;
            }
            place -= (outer[axis] - 1) * stride;
            index[axis] = 0;
        }
    }
}

/// Whether elements follow one another; the stride of an axis of length 1 says nothing.
fn is_row_major(shape: &[usize], strides: &[u64]) -> bool {
    let mut step = 1;
    shape.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == step;
        step *= size as u64;
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64, shape: &[usize], strides: &[u64]) -> Result<Vec<u8>> {
        let bytes: Vec<u8> = (0..24).collect();
        gather(&bytes, 1, offset, shape, strides, "test").map(Cow::into_owned)
    }

    #[test]
    fn steps_are_followed() {
        assert_eq!(at(2, &[2, 3], &[3, 1]).unwrap(), [2, 3, 4, 5, 6, 7]);
        assert_eq!(at(0, &[3, 2], &[1, 3]).unwrap(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(at(1, &[2, 1, 2, 2], &[12, 99, 1, 4]).unwrap(), [1, 5, 2, 6, 13, 17, 14, 18]);
        assert_eq!(at(5, &[3], &[0]).unwrap(), [5, 5, 5]);
        assert_eq!(at(23, &[], &[]).unwrap(), [23]);
        assert_eq!(at(99, &[2, 0], &[u64::MAX, 7]), Ok(vec![]));
        assert_eq!(at(0, &[2, 3, 4], &fortran(&[2, 3, 4])).unwrap()[..5], [0, 6, 12, 18, 2]);
        let wide = gather(&[1, 0, 2, 0, 3, 0, 4, 0], 2, 0, &[2, 2], &[1, 2], "test").unwrap();
        assert_eq!(wide[..], [1, 0, 3, 0, 2, 0, 4, 0]);
    }

    #[test]
    fn steps_that_lead_outside_are_errors() {
        for (offset, shape, strides) in [
            (0, &[25][..], &[1][..]),
            (24, &[], &[]),
            (1, &[2, 12], &[12, 1]),
            (u64::MAX, &[1], &[1]),
            (0, &[3], &[u64::MAX]),
            (1, &[2, 2], &[u64::MAX, u64::MAX]),
            (0, &[usize::MAX], &[u64::MAX]),
        ] {
            assert!(at(offset, shape, strides).is_err(), "{offset} {shape:?} {strides:?}");
        }
    }
}
