//! Writes a tree as a file.

use super::checksum::lookup3;
use super::{Attribute, FORMAT, Group, MAGIC, Member, NOWHERE, kind};
use crate::error::{Error, Result, quoted};
use crate::tensor::{ElementType, Tensor};

/// The least that a global heap takes up.
const HEAP: usize = 4096;

/// The most bytes of one message of a header.
const MOST_MESSAGE: usize = 65_528;

/// The most texts of one heap, which are numbered from 1 in 16 bits.
const MOST_TEXTS: usize = 65_535;

/// The bytes of a file. Errors: an attribute that is too long, something that was not read.
pub(crate) fn write(root: &Group) -> Result<Vec<u8>> {
    let mut writer = Writer { bytes: vec![0; SUPERBLOCK], texts: Vec::new() };
    writer.collect(root)?;
    let heap = writer.heap();
    let mut next_text = 1;
    let root = writer.group(root, heap, &mut next_text)?;
    writer.superblock(root);
    Ok(writer.bytes)
}

/// Bytes of the superblock, padded to a multiple of 8.
const SUPERBLOCK: usize = 48;

struct Writer {
    bytes: Vec<u8>,
    /// All texts, in the order in which [`Writer::group`] comes by them.
    texts: Vec<String>,
}

impl Writer {
    fn superblock(&mut self, root: u64) {
        let mut block = Vec::from(MAGIC);
        // Version 2, bytes of an address and of a length, no flags.
        block.extend([2, 8, 8, 0]);
        for address in [0, NOWHERE, self.bytes.len() as u64, root] {
            block.extend(address.to_le_bytes());
        }
        block.extend(lookup3(&block).to_le_bytes());
        self.bytes[..block.len()].copy_from_slice(&block);
    }

    /// Notes the texts of a group and of all below it.
    fn collect(&mut self, group: &Group) -> Result<()> {
        for attribute in group.attributes.values() {
            match attribute {
                Attribute::Text(text) => self.texts.push(text.clone()),
                Attribute::Texts(texts) => self.texts.extend(texts.iter().cloned()),
                Attribute::Numbers(_) | Attribute::Other => {}
            }
        }
        for member in group.members.values() {
            if let Member::Group(group) = member {
                self.collect(group)?;
            }
        }
        match self.texts.len() {
            ..=MOST_TEXTS => Ok(()),
            count => Err(Error::too_large(FORMAT, "the number of texts", count as u128, MOST_TEXTS as u128)),
        }
    }

    /// Appends a block and returns its address.
    fn append(&mut self, block: &[u8]) -> u64 {
        let address = self.bytes.len();
        self.bytes.extend(block);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        address as u64
    }

    /// Writes the global heap of all texts.
    fn heap(&mut self) -> u64 {
        let mut objects = Vec::new();
        for (index, text) in self.texts.iter().enumerate() {
            objects.extend((index as u16 + 1).to_le_bytes());
            objects.extend([1, 0, 0, 0, 0, 0]);
            objects.extend((text.len() as u64).to_le_bytes());
            objects.extend(text.as_bytes());
            objects.resize(objects.len().next_multiple_of(8), 0);
        }
        let used = 16 + objects.len();
        let length = (used + 16).max(HEAP);
        let mut heap = Vec::from(*b"GCOL\x01\0\0\0");
        heap.extend((length as u64).to_le_bytes());
        heap.extend(objects);
        // The free space, which counts its own header.
        heap.extend([0; 8]);
        heap.extend(((length - used) as u64).to_le_bytes());
        heap.resize(length, 0);
        self.append(&heap)
    }

    /// Writes a group with all below it, and returns the address of its header.
    fn group(&mut self, group: &Group, heap: u64, next_text: &mut u32) -> Result<u64> {
        let mut messages = Vec::new();
        for (name, attribute) in &group.attributes {
            let message = attribute_message(name, attribute, heap, next_text)
                .ok_or_else(|| Error::unsupported(FORMAT, format!("the attribute {}", quoted(name))))?;
            push(&mut messages, kind::ATTRIBUTE, &message)?;
        }
        // Links are here, and in no heap.
        let mut info = vec![0, 0];
        info.extend([NOWHERE.to_le_bytes(), NOWHERE.to_le_bytes()].concat());
        push(&mut messages, kind::LINK_INFO, &info)?;
        push(&mut messages, kind::GROUP_INFO, &[0, 0])?;
        for (name, member) in &group.members {
            let address = match member {
                Member::Group(group) => self.group(group, heap, next_text)?,
                Member::Array(tensor) => self.array(tensor)?,
                Member::Other(error) => return Err(error.clone()),
            };
            let mut link = vec![1, 0b1_0001, 1];
            link.extend((name.len() as u16).to_le_bytes());
            link.extend(name.as_bytes());
            link.extend(address.to_le_bytes());
            push(&mut messages, kind::LINK, &link)?;
        }
        Ok(self.header(&messages))
    }

    fn array(&mut self, tensor: &Tensor) -> Result<u64> {
        let mut data = Vec::new();
        tensor.data().extend_le_bytes(&mut data);
        let address = if data.is_empty() { NOWHERE } else { self.append(&data) };
        let mut messages = Vec::new();
        push(&mut messages, kind::DATASPACE, &shape(tensor.shape()))?;
        push(&mut messages, kind::DATATYPE, &numbers(tensor.data().element()))?;
        // Allocated late, filled by default.
        push(&mut messages, kind::FILL_VALUE, &[3, 0x0a])?;
        let mut layout = vec![3, 1];
        layout.extend(address.to_le_bytes());
        layout.extend((data.len() as u64).to_le_bytes());
        push(&mut messages, kind::LAYOUT, &layout)?;
        Ok(self.header(&messages))
    }

    fn header(&mut self, messages: &[u8]) -> u64 {
        let mut header = Vec::from(*b"OHDR\x02\x02");
        header.extend((messages.len() as u32).to_le_bytes());
        header.extend(messages);
        header.extend(lookup3(&header).to_le_bytes());
        self.append(&header)
    }
}

/// Appends a message.
fn push(messages: &mut Vec<u8>, kind: u16, data: &[u8]) -> Result<()> {
    if data.len() > MOST_MESSAGE {
        return Err(Error::too_large(FORMAT, "a name or list", data.len() as u128, MOST_MESSAGE as u128));
    }
    messages.push(kind as u8);
    messages.extend((data.len() as u16).to_le_bytes());
    messages.push(0);
    messages.extend(data);
    Ok(())
}

fn attribute_message(name: &str, attribute: &Attribute, heap: u64, next_text: &mut u32) -> Option<Vec<u8>> {
    let (of, axes, data) = match attribute {
        Attribute::Text(text) => (text_type(), Vec::new(), reference(text, heap, next_text)),
        Attribute::Texts(texts) => {
            let data = texts.iter().flat_map(|text| reference(text, heap, next_text)).collect();
            (text_type(), vec![texts.len()], data)
        }
        Attribute::Numbers(tensor) => {
            let mut data = Vec::new();
            tensor.data().extend_le_bytes(&mut data);
            (numbers(tensor.data().element()), tensor.shape().to_vec(), data)
        }
        Attribute::Other => return None,
    };
    let shape = shape(&axes);
    let mut message = vec![3, 0];
    for size in [name.len() + 1, of.len(), shape.len()] {
        message.extend(u16::try_from(size).ok()?.to_le_bytes());
    }
    // Its name is UTF-8.
    message.push(1);
    message.extend(name.as_bytes());
    message.push(0);
    message.extend([of, shape, data].concat());
    Some(message)
}

/// A text in the heap, as an element is.
fn reference(text: &str, heap: u64, next_text: &mut u32) -> Vec<u8> {
    let mut element = Vec::from((text.len() as u32).to_le_bytes());
    element.extend(heap.to_le_bytes());
    element.extend(next_text.to_le_bytes());
    *next_text += 1;
    element
}

fn shape(axes: &[usize]) -> Vec<u8> {
    let mut message = vec![2, axes.len() as u8, 0, u8::from(!axes.is_empty())];
    message.extend(axes.iter().flat_map(|&axis| (axis as u64).to_le_bytes()));
    message
}

/// The type of texts of variable length: UTF-8, ended by a zero, of bytes.
fn text_type() -> Vec<u8> {
    let mut message = vec![0x19, 0x01, 0x01, 0x00];
    message.extend(16_u32.to_le_bytes());
    message.extend([0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]);
    message
}

/// The type of numbers, little-endian.
fn numbers(element: ElementType) -> Vec<u8> {
    let bytes = element.bytes() as u8;
    // Sign bit, and location and size of exponent and mantissa, and the exponent's bias.
    let float = |exponent: u8, bias: u32| {
        let mantissa = 8 * bytes - exponent - 1;
        let mut message = vec![0x11, 0x20, 8 * bytes - 1, 0, bytes, 0, 0, 0, 0, 0, 8 * bytes, 0];
        message.extend([mantissa, exponent, 0, mantissa]);
        message.extend(bias.to_le_bytes());
        message
    };
    let integer = |signed: u8| vec![0x10, signed, 0, 0, bytes, 0, 0, 0, 0, 0, 8 * bytes, 0];
    match element {
        ElementType::F64 => float(11, 1023),
        ElementType::F32 | ElementType::Bf16 => float(8, 127),
        ElementType::F16 => float(5, 15),
        ElementType::I64 | ElementType::I32 | ElementType::I16 | ElementType::I8 => integer(8),
        ElementType::U64 | ElementType::U32 | ElementType::U16 | ElementType::U8 | ElementType::Bool => {
            integer(0)
        }
    }
}
