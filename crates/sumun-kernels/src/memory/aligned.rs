//! Float buffers that start on a cache line, so that whole-vector loads never straddle two, and large ones on huge
//! pages where the system gives them: gates and weights are read panel by panel, each far from the last, and would
//! otherwise miss the translation buffer each time (a training step of 512 units is some 5 % slower).

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::words::Error;

/// Floats of a cache line.
pub(crate) const LINE_FLOATS: usize = 16;

/// Bytes of a cache line.
const LINE: usize = LINE_FLOATS * size_of::<f32>();

/// Bytes of a huge page on the systems where they are used.
const HUGE: usize = 2 * 1024 * 1024;

/// A growable buffer of floats, aligned to 64 bytes. It keeps its memory when it shrinks.
#[derive(Debug)]
pub(crate) struct Aligned {
    start: NonNull<f32>,
    len: usize,
    /// Floats there is memory for, all of them initialised; 0 for no memory.
    capacity: usize,
}

// SAFETY: the buffer owns its floats, as a Vec does.
unsafe impl Send for Aligned {}
// SAFETY: likewise; a shared buffer is only read.
unsafe impl Sync for Aligned {}

impl Aligned {
    /// Makes the buffer `len` floats long; what they hold is whatever was in that memory before, or 0. Where there is no
    /// memory for them, the buffer stays as it is.
    pub(crate) fn resize(&mut self, len: usize) -> Result<(), Error> {
        if len > self.capacity {
            *self = Self::zeros(len)?;
        }
        self.len = len;
        Ok(())
    }

    #[cold]
    fn zeros(len: usize) -> Result<Self, Error> {
        let none = || Error::Memory { bytes: len.saturating_mul(size_of::<f32>()) };
        let layout = layout(len).ok_or_else(none)?;
        // SAFETY: the layout is not empty, as `len` is above a capacity.
        let start = NonNull::new(unsafe { alloc(layout) }).ok_or_else(none)?;
        if layout.align() == HUGE {
            // The rest is not worth a page of its own.
            ask_for_huge_pages(start, layout.size() / HUGE * HUGE);
        }
        // SAFETY: the memory has the size of the layout.
        unsafe { start.write_bytes(0, layout.size()) };
        Ok(Self { start: start.cast(), len, capacity: layout.size() / size_of::<f32>() })
    }
}

/// Whole lines; from one huge page on, beginning with a huge page. None for what cannot be addressed.
fn layout(len: usize) -> Option<Layout> {
    let bytes = len.checked_mul(size_of::<f32>())?.checked_next_multiple_of(LINE)?;
    let align = if bytes >= HUGE { HUGE } else { LINE };
    Layout::from_size_align(bytes, align).ok()
}

/// A hint that the system may ignore.
fn ask_for_huge_pages(start: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the range is memory of this process; the advice changes nothing of what it holds.
    unsafe {
        libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}

impl Default for Aligned {
    fn default() -> Self {
        Self { start: NonNull::dangling(), len: 0, capacity: 0 }
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        if copy.resize(self.len).is_err() {
            // As a Vec does: `clone` cannot return an error.
            handle_alloc_error(layout(self.len).expect("the buffer to copy has a layout"));
        }
        copy.copy_from_slice(self);
        copy
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        if self.capacity > 0 {
            let layout = layout(self.capacity).expect("memory that was allocated has a layout");
            // SAFETY: allocated with this layout, which a capacity gives again: it is in whole units.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) }
        }
    }
}

impl Deref for Aligned {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `len` is never above the initialised floats; a dangling start has none.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as for deref; the exclusive borrow of self makes this the only slice.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_grow_shrink_and_are_cloned() {
        let mut buffer = Aligned::default();
        assert!(buffer.is_empty() && buffer.clone().is_empty());
        for len in [1, 15, 16, 17, 1000, 3, HUGE / 4, HUGE / 4 + 1, 5, 3 * HUGE / 4] {
            buffer.resize(len).unwrap();
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr() as usize % LINE, 0);
            buffer[len - 1] = 7.0;
            let copy = buffer.clone();
            assert_eq!(copy[..], buffer[..]);
            assert_eq!(layout(copy.capacity), layout(len), "the layout is found again");
        }
        assert_eq!(buffer.as_ptr() as usize % HUGE, 0);
    }

    #[test]
    fn what_there_is_no_memory_for_is_an_error_and_changes_nothing() {
        let mut buffer = Aligned::default();
        buffer.resize(5).unwrap();
        buffer.fill(3.0);
        for len in [usize::MAX, usize::MAX / 4, usize::MAX / 8 + 1, isize::MAX as usize / 4] {
            assert_eq!(buffer.resize(len), Err(Error::Memory { bytes: len.saturating_mul(4) }));
            assert_eq!(buffer[..], [3.0; 5]);
        }
    }
}
