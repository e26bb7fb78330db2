//! Arrays of NumPy: one in a `.npy` file, several by name in a `.npz` file.
//!
//! ```
//! use sumun_formats::{Tensor, npy};
//!
//! let tensor = Tensor::f32(vec![1, 2], vec![1.0, 2.0])?;
//! assert_eq!(npy::read(&npy::write(&tensor))?, tensor);
//! # Ok::<(), sumun_formats::Error>(())
//! ```

mod header;

use std::borrow::Cow;

use crate::bytes::Cursor;
use crate::error::{Error, Result};
use crate::strided::{self, gather};
use crate::tensor::{Data, ElementType, MOST_AXES, Tensor, Tensors, elements};
use crate::zip::{self, Archive};
use header::{FORMAT, Header};

/// The first bytes of a `.npy` file.
pub const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// Elements begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// Reads a `.npy` file. Errors: a damaged file, and elements that are no plain numbers, such as Python objects, texts and
/// complex numbers.
pub fn read(bytes: &[u8]) -> Result<Tensor> {
    let mut cursor = Cursor::new(bytes, FORMAT);
    if cursor.array()? != MAGIC {
        return Err(Error::damaged(FORMAT, "it does not begin as one"));
    }
    let [major, minor] = cursor.array()?;
    let length = match major {
        1 => cursor.u16()?.into(),
        2 | 3 => cursor.u32()?,
        _ => return Err(Error::unsupported(FORMAT, format!("version {major}.{minor} is not read"))),
    };
    let Header { element, endian, is_fortran, shape } = Header::parse(cursor.take(length.into())?)?;
    let count = elements(&shape, FORMAT)?;
    let size = count.saturating_mul(element.bytes());
    let rest = cursor.rest();
    if rest.len() != size {
        let what =
            format!("{} of shape {shape:?} have {size} bytes, but {} are there", element.name(), rest.len());
        return Err(Error::damaged(FORMAT, what));
    }
    let ordered = match is_fortran {
        true => gather(rest, element.bytes(), 0, &shape, &strided::fortran(&shape), FORMAT)?,
        false => Cow::Borrowed(rest),
    };
    Tensor::new(element, shape, Data::from_bytes(element, &ordered, endian, FORMAT)?, FORMAT)
}

/// Writes a `.npy` file; elements have the type that they have in memory.
pub fn write(tensor: &Tensor) -> Vec<u8> {
    let descr = match tensor.data().element() {
        ElementType::F64 => "<f8",
        ElementType::I64 => "<i8",
        ElementType::I32 => "<i4",
        ElementType::I8 => "|i1",
        ElementType::U8 => "|u1",
        ElementType::Bool => "|b1",
        _ => "<f4",
    };
    let axes: String = tensor.shape().iter().map(|axis| format!("{axis}, ")).collect();
    // A tuple of one element needs its comma, and one of several is written without the last.
    let axes = if tensor.shape().len() == 1 { axes.trim_end() } else { axes.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}");
    let start = MAGIC.len() + 2 + 2;
    let end = (start + header.len() + 1).next_multiple_of(ALIGNMENT);
    header.extend(std::iter::repeat_n(' ', end - 1 - start - header.len()));
    header.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    // Sixteen axes of twenty digits fit into two bytes.
    const { assert!(MOST_AXES * 22 + 200 < u16::MAX as usize) }
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    tensor.data().extend_le_bytes(&mut bytes);
    bytes
}

/// Reads a `.npz` file: its arrays by their names, in their order. Errors: a damaged archive, an entry that is no array, and
/// those of [`read`] with the array's name.
pub fn read_archive(bytes: &[u8]) -> Result<Tensors> {
    let archive = Archive::new(bytes)?;
    let mut tensors = Tensors::new();
    let names: Vec<&str> = archive.names().collect();
    for entry in names {
        let name = entry.strip_suffix(".npy").unwrap_or(entry);
        let tensor = archive
            .read(entry)
            .and_then(|contents| read(&contents))
            .map_err(|error| error.of_tensor(name))?;
        tensors.insert(name.to_owned(), tensor, FORMAT)?;
    }
    Ok(tensors)
}

/// Writes a `.npz` file, without compression. Error: more than 4 GB.
pub fn write_archive(tensors: &Tensors) -> Result<Vec<u8>> {
    let mut writer = zip::Writer::new(ALIGNMENT);
    for (name, tensor) in tensors.iter() {
        writer.add(&format!("{name}.npy"), &write(tensor))?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors() -> Tensors {
        let mut tensors = Tensors::new();
        for (name, shape, data) in [
            ("doubles", vec![2], Data::F64(vec![0.1, -0.0])),
            ("순서", vec![1, 3], Data::F32(vec![1e-40, f32::MAX, f32::INFINITY])),
            ("one", vec![], Data::I64(vec![i64::MIN])),
            ("none", vec![0, 4], Data::I32(vec![])),
            ("small", vec![2], Data::I8(vec![-128, 127])),
            ("bytes", vec![1; MOST_AXES], Data::U8(vec![255])),
            ("flags", vec![3], Data::Bool(vec![true, false, true])),
        ] {
            let tensor = Tensor::new(data.element(), shape, data, "test").unwrap();
            tensors.insert(name.into(), tensor, "test").unwrap();
        }
        tensors
    }

    #[test]
    fn what_is_written_comes_back() {
        for (_, tensor) in tensors().iter() {
            let bytes = write(tensor);
            assert_eq!(read(&bytes).as_ref(), Ok(tensor));
            let start = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
            assert_eq!(start % ALIGNMENT, 0);
        }
        assert_eq!(read_archive(&write_archive(&tensors()).unwrap()), Ok(tensors()));
    }

    #[test]
    fn no_changed_or_lost_byte_is_a_panic() {
        let bytes = write(tensors().get("순서").unwrap());
        for place in 0..bytes.len() {
            assert!(read(&bytes[..place]).is_err());
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] ^= change;
                let _ = read(&changed);
            }
        }
    }

    #[test]
    fn files_that_lie() {
        let file = |version: u8, header: &str| {
            let length = header.len() as u32;
            let length = length.to_le_bytes();
            [
                &MAGIC[..],
                &[version, 0],
                &length[..if version == 1 { 2 } else { 4 }],
                header.as_bytes(),
                &[0; 8],
            ]
            .concat()
        };
        let header = |shape: &str| format!("{{'descr': '<f4', 'fortran_order': True, 'shape': ({shape})}}\n");
        for version in [1, 2, 3] {
            assert!(read(&file(version, &header("1, 2"))).is_ok());
        }
        for (bytes, says) in [
            (file(4, ""), "version 4.0 is not read"),
            (file(1, &header("3,")), "f32 of shape [3] have 12 bytes, but 8 are there"),
            (file(1, &header("1,")), "have 4 bytes, but 8 are there"),
            (file(1, &header("9223372036854775807, 9")), "the number of elements"),
            (file(1, &header("4611686018427387905,")), "bytes, but 8 are there"),
            (file(1, &header("0, 9223372036854775807")), "have 0 bytes, but 8"),
            ([&MAGIC[..], &[2, 0, 255, 255, 255, 255]].concat(), "cut off"),
            (b"\x93NUMPX\x01\0".to_vec(), "does not begin as one"),
        ] {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains(says), "{error:?} lacks {says:?}");
        }
    }
}
