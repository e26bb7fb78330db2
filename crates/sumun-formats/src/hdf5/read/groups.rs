//! The members of a group: links in its header, or a symbol table with its B-tree and its heap of names.

use super::objects::Message;
use super::{FORMAT, Group, NOWHERE, Reader, damaged, kind, unsupported};
use crate::bytes::Cursor;
use crate::error::{Result, quoted};

/// The most levels of a B-tree; with the format's smallest nodes these are more members than fit a file.
const MOST_LEVELS: u8 = 16;

/// Bytes of an entry of a symbol table.
const ENTRY: u64 = 40;

impl<'a> Reader<'a> {
    /// Reads the members that the messages of a group's header lead to.
    pub(super) fn members(
        &mut self,
        messages: &[Message<'a>],
        group: &mut Group,
        depth: usize,
    ) -> Result<()> {
        let mut links = Vec::new();
        for message in messages {
            match message.kind {
                kind::LINK => links.push(link(message)?),
                kind::LINK_INFO if leads_to_heap(message)? => {
                    return Err(unsupported(
                        "links in a heap of their own; save the file with fewer members a group",
                    ));
                }
                kind::SYMBOL_TABLE => self.symbol_table(message, &mut links)?,
                _ => {}
            }
        }
        for (name, address) in links {
            if name.is_empty() || name.contains('/') {
                return Err(damaged(format!("a member is named {}", quoted(&name))));
            }
            let member = self.object(address, depth + 1)?;
            if group.members.insert(name.clone(), member).is_some() {
                return Err(damaged(format!("two members are named {}", quoted(&name))));
            }
        }
        Ok(())
    }

    fn symbol_table(&mut self, message: &Message<'a>, links: &mut Vec<(String, u64)>) -> Result<()> {
        let mut place = message.place()?;
        let (tree, heap) = (place.u64()?, place.u64()?);
        let mut place = self.signed(heap, 32, b"HEAP")?;
        place.take(4)?;
        let length = place.u64()?;
        place.take(8)?;
        let names = place.u64()?;
        let names = self.at(names, length)?;
        self.group_node(tree, None, names, links)
    }

    /// A node of a group's B-tree, and all below it. `level` is what it must be.
    fn group_node(
        &mut self,
        address: u64,
        level: Option<u8>,
        names: &[u8],
        links: &mut Vec<(String, u64)>,
    ) -> Result<()> {
        let (found, used, _) = self.node(address, 0, level)?;
        // A key of 8 bytes before each child and behind the last.
        let children = self.at(address + 24, u64::from(used) * 16)?;
        for child in children.as_chunks::<16>().0 {
            let child = u64::from_le_bytes(*child.last_chunk().expect("16 bytes end in 8"));
            match found {
                0 => self.symbols(child, names, links)?,
                _ => self.group_node(child, Some(found - 1), names, links)?,
            }
        }
        Ok(())
    }

    /// The level of a B-tree's node and how many children it has, with the place behind that.
    pub(super) fn node(&mut self, address: u64, of: u8, level: Option<u8>) -> Result<(u8, u16, Cursor<'a>)> {
        let mut place = self.signed(address, 24, b"TREE")?;
        let (kind, found, used) = (place.u8()?, place.u8()?, place.u16()?);
        if kind != of || found > MOST_LEVELS || level.is_some_and(|level| level != found) {
            return Err(damaged(format!("the node at {address} is none of its B-tree")));
        }
        Ok((found, used, place))
    }

    /// A leaf of symbols.
    fn symbols(&mut self, address: u64, names: &[u8], links: &mut Vec<(String, u64)>) -> Result<()> {
        let mut place = self.signed(address, 8, b"SNOD")?;
        place.take(2)?;
        let count = place.u16()?;
        let mut place = Cursor::new(self.at(address + 8, u64::from(count) * ENTRY)?, FORMAT);
        for _ in 0..count {
            let (name, object, cached) = (place.u64()?, place.u64()?, place.u32()?);
            place.take(20)?;
            if cached == 2 {
                return Err(unsupported("a link by name"));
            }
            let name = usize::try_from(name).ok().and_then(|name| names.get(name..));
            let name = name.ok_or_else(|| damaged("a member's name is outside its heap"))?;
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            // A name is as long as it says, however often it is used.
            self.charge(end as u64)?;
            links.push((text(&name[..end])?, object));
        }
        Ok(())
    }
}

/// A link of a header.
fn link(message: &Message<'_>) -> Result<(String, u64)> {
    let mut place = message.place()?;
    let version = place.u8()?;
    if version != 1 {
        return Err(unsupported(format!("a link of version {version}; 1 is read")));
    }
    let flags = place.u8()?;
    let kind = if flags & 8 != 0 { place.u8()? } else { 0 };
    if flags & 4 != 0 {
        place.u64()?;
    }
    if flags & 16 != 0 {
        place.u8()?;
    }
    let length = match flags & 3 {
        0 => place.u8()?.into(),
        1 => place.u16()?.into(),
        2 => place.u32()?.into(),
        _ => place.u64()?,
    };
    let name = text(place.take(length)?)?;
    match kind {
        0 => Ok((name, place.u64()?)),
        _ => Err(unsupported(format!("the link {} leads by name, or to another file", quoted(&name)))),
    }
}

/// Whether a link info message leads to a heap of links.
fn leads_to_heap(message: &Message<'_>) -> Result<bool> {
    let mut place = message.place()?;
    place.u8()?;
    if place.u8()? & 1 != 0 {
        place.u64()?;
    }
    Ok(place.u64()? != NOWHERE)
}

/// A name as text.
pub(super) fn text(bytes: &[u8]) -> Result<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(damaged("a name or text is not UTF-8")),
    }
}
