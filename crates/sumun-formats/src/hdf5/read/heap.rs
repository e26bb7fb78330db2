//! The global heap: texts of variable length.

use std::collections::HashMap;

use super::{FORMAT, Reader, damaged};
use crate::bytes::Cursor;
use crate::error::Result;

impl<'a> Reader<'a> {
    /// An object of a heap, by the heap's address and its number.
    pub(super) fn heap_object(&mut self, heap: u64, index: u32) -> Result<&'a [u8]> {
        if !self.heaps.contains_key(&heap) {
            let objects = self.heap(heap)?;
            self.heaps.insert(heap, objects);
        }
        let found = u16::try_from(index).ok().and_then(|index| self.heaps[&heap].get(&index).copied());
        found.ok_or_else(|| damaged(format!("the heap at {heap} has no object {index}")))
    }

    fn heap(&mut self, address: u64) -> Result<HashMap<u16, &'a [u8]>> {
        let mut place = self.signed(address, 16, b"GCOL")?;
        place.take(4)?;
        let length = place.u64()?;
        let mut place = Cursor::new(self.at(address, length)?, FORMAT);
        place.take(16)?;
        let mut objects = HashMap::new();
        while place.rest().len() >= 16 {
            let index = place.u16()?;
            place.take(6)?;
            let length = place.u64()?;
            // Number 0 is the free space, the last.
            if index == 0 {
                break;
            }
            let object = place.take(length)?;
            place.take((length.wrapping_neg() & 7).min(place.rest().len() as u64))?;
            objects.insert(index, object);
        }
        Ok(objects)
    }
}
