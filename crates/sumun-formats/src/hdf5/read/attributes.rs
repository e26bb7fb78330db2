//! Attributes: names, settings and short lists that are said of a group.

use super::super::Attribute;
use super::elements::{Shape, Type};
use super::groups::text;
use super::objects::Message;
use super::{FORMAT, Reader, damaged, unsupported};
use crate::bytes::Cursor;
use crate::error::{Error, Result};

/// Bytes of a text of variable length in an array: its length, its heap and its number there.
const REFERENCE: usize = 16;

impl<'a> Reader<'a> {
    /// An attribute's name and value. What is neither numbers nor texts is [`Attribute::Other`].
    pub(super) fn attribute(&mut self, message: &Message<'a>) -> Result<(String, Attribute)> {
        let mut place = message.place()?;
        let version = place.u8()?;
        if !(1..=3).contains(&version) {
            return Err(unsupported(format!("an attribute of version {version}; 1 to 3 are read")));
        }
        let shared = place.u8()? & 3 != 0 && version > 1;
        let sizes = [place.u16()?, place.u16()?, place.u16()?];
        if version == 3 {
            place.u8()?;
        }
        let mut part = |size: u16| -> Result<&'a [u8]> {
            let found = place.take(size.into())?;
            if version == 1 {
                place.take((size.wrapping_neg() & 7).into())?;
            }
            Ok(found)
        };
        let [name, of, shape] = [part(sizes[0])?, part(sizes[1])?, part(sizes[2])?];
        let name = text(name.split(|&byte| byte == 0).next().unwrap_or_default())?;
        if shared {
            return Ok((name, Attribute::Other));
        }
        let value = self.value(of, shape, place.rest());
        match value {
            Ok(value) => Ok((name, value)),
            Err(Error::Unsupported { .. }) => Ok((name, Attribute::Other)),
            Err(error) => Err(error),
        }
    }

    fn value(&mut self, of: &[u8], shape: &[u8], data: &'a [u8]) -> Result<Attribute> {
        let shape = Shape::read(&mut Cursor::new(shape, FORMAT))?;
        let texts = match Type::read(&mut Cursor::new(of, FORMAT))? {
            Type::Numbers(numbers) => {
                let bytes = shape.bytes(numbers.element.bytes())?;
                let data = data.get(..bytes).ok_or_else(|| damaged("an attribute is cut off"))?;
                self.charge(bytes as u64)?;
                return numbers.tensor(&shape, data).map(Attribute::Numbers);
            }
            Type::Text { length } => self.fixed(&shape, length, data)?,
            Type::VariableText => self.variable(&shape, data)?,
        };
        Ok(match <[String; 1]>::try_from(texts) {
            Ok([text]) if shape.axes.is_empty() => Attribute::Text(text),
            Ok(one) => Attribute::Texts(one.into()),
            Err(texts) => Attribute::Texts(texts),
        })
    }

    /// Texts of one length, filled up with zeros or spaces.
    fn fixed(&mut self, shape: &Shape, length: usize, data: &[u8]) -> Result<Vec<String>> {
        let bytes = shape.bytes(length)?;
        let data = data.get(..bytes).ok_or_else(|| damaged("an attribute is cut off"))?;
        if length == 0 {
            return Err(damaged("a text of no bytes"));
        }
        self.charge((bytes / length * size_of::<String>()) as u64)?;
        self.charge(bytes as u64)?;
        let trimmed = |one: &[u8]| text(one.split(|&byte| byte == 0).next().unwrap_or_default());
        data.chunks(length).map(trimmed).collect()
    }

    /// Texts in a global heap.
    fn variable(&mut self, shape: &Shape, data: &[u8]) -> Result<Vec<String>> {
        let bytes = shape.bytes(REFERENCE)?;
        let data = data.get(..bytes).ok_or_else(|| damaged("an attribute is cut off"))?;
        let mut texts = Vec::with_capacity(bytes / REFERENCE);
        for reference in data.chunks(REFERENCE) {
            let mut place = Cursor::new(reference, FORMAT);
            let (length, heap, index) = (place.u32()?, place.u64()?, place.u32()?);
            if length == 0 {
                texts.push(String::new());
                continue;
            }
            let object = self.heap_object(heap, index)?;
            let length = self.charge(length.into())?;
            let found = object.get(..length).ok_or_else(|| damaged("a text is cut off"))?;
            texts.push(text(found.split(|&byte| byte == 0).next().unwrap_or_default())?);
        }
        Ok(texts)
    }
}
