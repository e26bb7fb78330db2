//! Protocol buffers as they are read: fields of a message, one after the other.
//!
//! The encoding is that of <https://protobuf.dev/programming-guides/encoding/>. Groups, which nothing here has, are errors.

use super::FORMAT;
use crate::error::{Error, Result};

/// A value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    /// An integer of variable length.
    Varint(u64),
    /// Eight bytes.
    Fixed64([u8; 8]),
    /// Bytes: a text, a message, or packed numbers.
    Bytes(&'a [u8]),
    /// Four bytes.
    Fixed32([u8; 4]),
}

/// The fields of a message in their order.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for (index, &byte) in self.0.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.0 = &self.0[index + 1..];
                return Ok(value);
            }
        }
        Err(Error::damaged(FORMAT, "an integer does not end"))
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let part = usize::try_from(count).ok().and_then(|count| self.0.split_at_checked(count));
        let Some((part, rest)) = part else {
            let what = format!("cut off: a field of {count} bytes where {} are left", self.0.len());
            return Err(Error::damaged(FORMAT, what));
        };
        self.0 = rest;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let part = self.take(N as u64)?;
        Ok(std::array::from_fn(|index| part[index]))
    }

    fn field(&mut self) -> Result<(u64, Value<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.array()?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(self.array()?),
            other => return Err(Error::damaged(FORMAT, format!("a field of wire type {other}"))),
        };
        match key >> 3 {
            0 => Err(Error::damaged(FORMAT, "a field with the number 0")),
            number => Ok((number, value)),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Value<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => Err(Error::damaged(FORMAT, format!("{other:?} where bytes should be"))),
        }
    }

    pub(super) fn text(self) -> Result<String> {
        let text = std::str::from_utf8(self.bytes()?);
        text.map(str::to_owned).map_err(|_| Error::damaged(FORMAT, "a text that is not UTF-8"))
    }

    pub(super) fn int(self) -> Result<i64> {
        match self {
            // Two's complement, as the format has negative integers.
            Self::Varint(value) => Ok(value as i64),
            other => Err(Error::damaged(FORMAT, format!("{other:?} where an integer should be"))),
        }
    }

    pub(super) fn float(self) -> Result<f32> {
        match self {
            Self::Fixed32(bytes) => Ok(f32::from_le_bytes(bytes)),
            other => Err(Error::damaged(FORMAT, format!("{other:?} where a float should be"))),
        }
    }

    /// Appends the integers of a repeated field, packed or one by one.
    pub(super) fn ints(self, to: &mut Vec<i64>) -> Result<()> {
        match self {
            Self::Bytes(bytes) => {
                let mut fields = Fields(bytes);
                while !fields.0.is_empty() {
                    to.push(fields.varint()? as i64);
                }
                Ok(())
            }
            one => {
                to.push(one.int()?);
                Ok(())
            }
        }
    }

    /// Appends the numbers of a repeated field of `N` bytes each, packed or one by one.
    pub(super) fn fixed<const N: usize, T>(self, to: &mut Vec<T>, read: impl Fn([u8; N]) -> T) -> Result<()> {
        let bytes = match &self {
            Self::Bytes(bytes) => *bytes,
            Self::Fixed32(bytes) => bytes.as_slice(),
            Self::Fixed64(bytes) => bytes.as_slice(),
            Self::Varint(_) => &[],
        };
        match bytes.as_chunks::<N>() {
            (chunks, []) if !chunks.is_empty() || matches!(self, Self::Bytes(_)) => {
                to.extend(chunks.iter().map(|chunk| read(*chunk)));
                Ok(())
            }
            _ => Err(Error::damaged(FORMAT, format!("{} bytes of numbers of {N} bytes", bytes.len()))),
        }
    }
}
