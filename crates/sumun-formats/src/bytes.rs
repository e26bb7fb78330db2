//! Bytes that are read one after the other, each number and each part only where it is there.

use crate::error::{Error, Result};

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

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_an_error() {
        let mut cursor = Cursor::new(&[1, 2, 0, 7], "test");
        assert!(cursor.u64().is_err());
        assert!(cursor.take(u64::MAX).is_err());
        assert_eq!(cursor.take(3), Ok(&[1, 2, 0][..]));
        let error = cursor.take(2).unwrap_err().to_string();
        assert_eq!(error, "damaged test: cut off: 2 bytes from byte 3, but 1 are there");
        assert_eq!((cursor.take(1), cursor.rest()), (Ok(&[7][..]), &[][..]));
    }
}
