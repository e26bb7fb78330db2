//! Bytes that are read one after the other, each number and each part only where it is there.

use crate::error::{Error, Result};

/// The order of an element's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

/// A place in the bytes of a file.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    format: &'static str,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8], format: &'static str) -> Self {
        Self { bytes, at: 0, format }
    }

    /// The number of bytes before this place.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The bytes from here to the end.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The next `count` bytes. Error: there are fewer.
    pub(crate) fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let rest = self.rest();
        match usize::try_from(count).ok().and_then(|count| rest.get(..count)) {
            Some(part) => {
                self.at += part.len();
                Ok(part)
            }
            None => {
                let what =
                    format!("cut off: {count} bytes from byte {}, but {} are there", self.at, rest.len());
                Err(Error::damaged(self.format, what))
            }
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let part = self.take(N as u64)?;
        Ok(part.try_into().expect("take returns as many bytes as were asked for"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// The bytes before the next line feed, which is passed over. Error: there is none in the next `most` bytes.
    pub(crate) fn line(&mut self, most: usize) -> Result<&'a [u8]> {
        let rest = self.rest();
        match rest.iter().take(most).position(|&byte| byte == b'\n') {
            Some(length) => {
                self.at += length + 1;
                Ok(&rest[..length])
            }
            None => {
                let what = format!("a line at byte {} does not end within {most} bytes", self.at);
                Err(Error::damaged(self.format, what))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_an_error() {
        let mut cursor = Cursor::new(&[1, 2, 0, 7], "test");
        assert_eq!(cursor.u8(), Ok(1));
        assert!(cursor.u64().is_err());
        assert!(cursor.take(u64::MAX).is_err());
        assert_eq!(cursor.u16(), Ok(2));
        let error = cursor.take(2).unwrap_err().to_string();
        assert_eq!(error, "damaged test: cut off: 2 bytes from byte 3, but 1 are there");
        assert_eq!((cursor.take(1), cursor.is_at_end()), (Ok(&[7][..]), true));
    }

    #[test]
    fn a_line_ends_within_a_bound() {
        let mut cursor = Cursor::new(b"ab\ncd", "test");
        assert!(cursor.line(2).is_err());
        assert_eq!(cursor.line(3), Ok(&b"ab"[..]));
        assert!(cursor.line(9).is_err());
    }
}
