//! Arrays in chunks, each through filters.

use std::io::Read as _;

use flate2::read::ZlibDecoder;

use super::elements::Shape;
use super::objects::Message;
use super::{FORMAT, NOWHERE, Reader, damaged, unsupported};
use crate::bytes::Cursor;
use crate::error::Result;

/// What a chunk went through when it was written.
enum Filter {
    Deflate,
    /// The bytes of so many wide elements, all first ones first.
    Shuffle {
        width: usize,
    },
}

/// Where the elements of a chunked array are to go.
struct Target<'s> {
    shape: &'s [usize],
    /// The length of each axis of a chunk.
    chunk: Vec<usize>,
    /// Bytes of an element.
    width: usize,
    /// Bytes of a chunk.
    chunk_bytes: usize,
    filters: Vec<Filter>,
    data: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// The bytes of a chunked array; `place` is behind the class of its layout.
    pub(super) fn chunked(
        &mut self,
        place: &mut Cursor<'a>,
        shape: &Shape,
        width: usize,
        filters: Option<&Message<'a>>,
    ) -> Result<Vec<u8>> {
        let rank = usize::from(place.u8()?);
        let tree = place.u64()?;
        let sizes = (0..rank).map(|_| Ok(place.u32()? as usize)).collect::<Result<Vec<_>>>()?;
        let Some((&element, chunk)) = sizes.split_last() else {
            return Err(damaged("chunks without axes"));
        };
        if element != width || chunk.len() != shape.axes.len() || chunk.contains(&0) {
            return Err(damaged(format!("chunks of {chunk:?} elements for an array of {:?}", shape.axes)));
        }
        let chunk_bytes = chunk.iter().try_fold(width, |bytes, &axis| bytes.checked_mul(axis));
        let chunk_bytes = chunk_bytes.ok_or_else(|| damaged(format!("chunks of {chunk:?} elements")))?;
        let bytes = self.charge(shape.bytes(width)? as u64)?;
        let mut target = Target {
            shape: &shape.axes,
            chunk: chunk.to_vec(),
            width,
            chunk_bytes,
            filters: filters.map(read_filters).transpose()?.unwrap_or_default(),
            data: vec![0; bytes],
        };
        // The same bytes once more as numbers.
        self.charge(bytes as u64)?;
        if tree != NOWHERE && bytes > 0 {
            self.chunk_node(tree, None, &mut target)?;
        }
        Ok(target.data)
    }

    /// A node of the B-tree of chunks, and all below it.
    fn chunk_node(&mut self, address: u64, level: Option<u8>, target: &mut Target<'_>) -> Result<()> {
        let (found, used, _) = self.node(address, 1, level)?;
        let axes = target.shape.len();
        let entry = 8 + 8 * (axes as u64 + 1) + 8;
        let mut place = Cursor::new(self.at(address + 24, u64::from(used) * entry)?, FORMAT);
        for _ in 0..used {
            let (length, mask) = (place.u32()?, place.u32()?);
            let start = (0..axes).map(|_| place.u64()).collect::<Result<Vec<_>>>()?;
            place.u64()?;
            let child = place.u64()?;
            if found > 0 {
                self.chunk_node(child, Some(found - 1), target)?;
                continue;
            }
            let packed = self.at(child, length.into())?;
            // Each filter, and the copy into the array.
            self.charge(target.chunk_bytes.saturating_mul(target.filters.len() + 1) as u64)?;
            let chunk = target.unpack(packed, mask)?;
            target.place(&start, &chunk)?;
        }
        Ok(())
    }
}

impl Target<'_> {
    /// A chunk's elements; the bits of `mask` say which filters it did not go through.
    fn unpack(&self, packed: &[u8], mask: u32) -> Result<Vec<u8>> {
        let mut bytes = packed.to_vec();
        for (index, filter) in self.filters.iter().enumerate().rev() {
            if mask.checked_shr(index as u32).unwrap_or(0) & 1 != 0 {
                continue;
            }
            bytes = match filter {
                Filter::Deflate => inflate(&bytes, self.chunk_bytes)?,
                Filter::Shuffle { width } => unshuffle(&bytes, *width),
            };
        }
        match bytes.len() == self.chunk_bytes {
            true => Ok(bytes),
            false => {
                Err(damaged(format!("a chunk unpacks to {} bytes, not {}", bytes.len(), self.chunk_bytes)))
            }
        }
    }

    /// Copies a chunk that begins at `start` to its place; what is outside the array is left out.
    fn place(&mut self, start: &[u64], chunk: &[u8]) -> Result<()> {
        let mut first = Vec::with_capacity(start.len());
        for ((&start, &axis), &size) in start.iter().zip(self.shape).zip(&self.chunk) {
            match usize::try_from(start).ok().filter(|&start| start < axis && start % size == 0) {
                Some(start) => first.push(start),
                None => return Err(damaged(format!("a chunk begins at {start} of an axis of {axis}"))),
            }
        }
        let (Some(&columns), Some(&chunk_columns)) = (self.shape.last(), self.chunk.last()) else {
            self.data.copy_from_slice(chunk);
            return Ok(());
        };
        let last = first.len() - 1;
        let run = chunk_columns.min(columns - first[last]) * self.width;
        for (line, from) in chunk.chunks(chunk_columns * self.width).enumerate() {
            // The place of the line in each axis but the last.
            let (mut rest, mut stride, mut at, mut inside) = (line, 1, 0, true);
            for axis in (0..last).rev() {
                let place = first[axis] + rest % self.chunk[axis];
                rest /= self.chunk[axis];
                inside &= place < self.shape[axis];
                at += place * stride;
                stride *= self.shape[axis];
            }
            if inside {
                let to = (at * columns + first[last]) * self.width;
                self.data[to..to + run].copy_from_slice(&from[..run]);
            }
        }
        Ok(())
    }
}

/// Deflated bytes; no more than `most` are made of them, and one to show that there are more.
fn inflate(bytes: &[u8], most: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let read = ZlibDecoder::new(bytes).take(most as u64 + 1).read_to_end(&mut out);
    match read {
        Ok(_) => Ok(out),
        Err(_) => Err(damaged("a chunk cannot be inflated")),
    }
}

fn unshuffle(bytes: &[u8], width: usize) -> Vec<u8> {
    let count = bytes.len() / width;
    let mut out = bytes.to_vec();
    for (byte, part) in bytes.chunks_exact(count.max(1)).take(width).enumerate() {
        for (element, &value) in part.iter().enumerate() {
            out[element * width + byte] = value;
        }
    }
    out
}

fn read_filters(message: &Message<'_>) -> Result<Vec<Filter>> {
    let mut place = message.place()?;
    let (version, count) = (place.u8()?, place.u8()?);
    match version {
        1 => {
            place.take(6)?;
        }
        2 => {}
        _ => return Err(unsupported(format!("filters of version {version}; 1 and 2 are read"))),
    }
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = place.u16()?;
        let name = if version == 1 || id >= 256 { place.u16()? } else { 0 };
        place.u16()?;
        let values = place.u16()?;
        let name = if version == 1 { u64::from(name).next_multiple_of(8) } else { name.into() };
        place.take(name)?;
        let values = (0..values).map(|_| place.u32()).collect::<Result<Vec<_>>>()?;
        if version == 1 && values.len() % 2 == 1 {
            place.u32()?;
        }
        filters.push(match (id, values.first()) {
            (1, _) => Filter::Deflate,
            (2, Some(&width)) if width > 0 => Filter::Shuffle { width: width as usize },
            _ => return Err(unsupported(format!("the filter {id}; deflate and shuffle are read"))),
        });
    }
    Ok(filters)
}
