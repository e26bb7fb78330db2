//! The header of an object: its messages.

use super::super::checksum::lookup3;
use super::{FORMAT, NOWHERE, Reader, damaged, kind, unsupported};
use crate::bytes::Cursor;
use crate::error::Result;

/// The most blocks of one header; a header goes on elsewhere once or twice.
const MOST_BLOCKS: usize = 1024;

/// What one message of a header is, and its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) data: &'a [u8],
    /// Whether the data are elsewhere, and only where is here.
    is_shared: bool,
}

impl<'a> Message<'a> {
    /// A place at the beginning of the data. Error: they are elsewhere.
    pub(super) fn place(&self) -> Result<Cursor<'a>> {
        match self.is_shared {
            true => Err(unsupported("a type or a shape that several arrays share")),
            false => Ok(Cursor::new(self.data, FORMAT)),
        }
    }
}

/// How the messages of a header are written.
#[derive(Clone, Copy)]
enum Form {
    /// Version 1.
    Older,
    /// Version 2, with or without the order in which they were made.
    Newer { has_order: bool },
}

impl<'a> Reader<'a> {
    /// All messages of the header at an address, but those of continuation.
    pub(super) fn header(&mut self, address: u64) -> Result<Vec<Message<'a>>> {
        let mut messages = Vec::new();
        let (form, first) = match self.at(address, 4)? {
            b"OHDR" => self.newer(address)?,
            _ => self.older(address)?,
        };
        let mut blocks = vec![first];
        let mut next = 0;
        while let Some(&block) = blocks.get(next) {
            next += 1;
            let mut place = Cursor::new(block, FORMAT);
            while let Some(message) = message(&mut place, form)? {
                if message.kind != kind::CONTINUATION {
                    messages.push(message);
                    continue;
                }
                if blocks.len() == MOST_BLOCKS {
                    return Err(damaged(format!("the header at {address} has no end")));
                }
                let mut at = message.place()?;
                let (offset, length) = (at.u64()?, at.u64()?);
                blocks.push(self.continuation(offset, length, form)?);
            }
        }
        Ok(messages)
    }

    fn older(&mut self, address: u64) -> Result<(Form, &'a [u8])> {
        let mut place = Cursor::new(self.at(address, 16)?, FORMAT);
        let version = place.u8()?;
        if version != 1 {
            return Err(damaged(format!("there is no object at {address}")));
        }
        place.take(7)?;
        let length = place.u32()?;
        let start = address.checked_add(16).ok_or_else(|| damaged("a header without an end"))?;
        Ok((Form::Older, self.at(start, length.into())?))
    }

    fn newer(&mut self, address: u64) -> Result<(Form, &'a [u8])> {
        // As long as the longest beginning, or what is there.
        let rest = (self.bytes.len() as u64).saturating_sub(address);
        let mut place = Cursor::new(self.at(address, rest.min(34))?, FORMAT);
        place.take(4)?;
        let version = place.u8()?;
        if version != 2 {
            return Err(unsupported(format!("an object's header is of version {version}; 1 and 2 are read")));
        }
        let flags = place.u8()?;
        let mut before = 6;
        if flags & 0x20 != 0 {
            place.take(16)?;
            before += 16;
        }
        if flags & 0x10 != 0 {
            place.take(4)?;
            before += 4;
        }
        let width = 1 << (flags & 3);
        let length = place.take(width)?.iter().rev().fold(0, |sum: u64, &byte| (sum << 8) | u64::from(byte));
        let whole = length.checked_add(before + width).and_then(|length| length.checked_add(4));
        let whole = self.at(address, whole.ok_or_else(|| damaged("a header without an end"))?)?;
        let messages = &checked(whole)?[(before + width) as usize..];
        Ok((Form::Newer { has_order: flags & 4 != 0 }, messages))
    }

    fn continuation(&mut self, address: u64, length: u64, form: Form) -> Result<&'a [u8]> {
        if address == NOWHERE {
            return Err(damaged("a header goes on nowhere"));
        }
        match form {
            Form::Older => self.at(address, length),
            Form::Newer { .. } => {
                self.signed(address, length, b"OCHK")?;
                checked(self.at(address, length)?)?.get(4..).ok_or_else(|| damaged("a header is cut off"))
            }
        }
    }
}

/// A block without its checksum, which is the last four bytes.
fn checked(block: &[u8]) -> Result<&[u8]> {
    match block.split_last_chunk() {
        Some((body, sum)) if lookup3(body) == u32::from_le_bytes(*sum) => Ok(body),
        Some(_) => Err(damaged("the checksum of an object's header is wrong")),
        None => Err(damaged("an object's header is cut off")),
    }
}

/// The next message; None behind the last.
fn message<'a>(place: &mut Cursor<'a>, form: Form) -> Result<Option<Message<'a>>> {
    let least = match form {
        Form::Older => 8,
        Form::Newer { has_order: false } => 4,
        Form::Newer { has_order: true } => 6,
    };
    // What is shorter than a message is a gap.
    if place.rest().len() < least {
        return Ok(None);
    }
    let (kind, length, flags) = match form {
        Form::Older => {
            let found = (place.u16()?, place.u16()?, place.u8()?);
            place.take(3)?;
            found
        }
        Form::Newer { has_order } => {
            let found = (place.u8()?.into(), place.u16()?, place.u8()?);
            if has_order {
                place.u16()?;
            }
            found
        }
    };
    Ok(Some(Message { kind, data: place.take(length.into())?, is_shared: flags & 2 != 0 }))
}
