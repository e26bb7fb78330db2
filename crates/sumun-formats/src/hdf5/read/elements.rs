//! Types, shapes and arrays.

use super::objects::Message;
use super::{FORMAT, NOWHERE, Reader, damaged, kind, unsupported};
use crate::bytes::Cursor;
use crate::error::Result;
use crate::tensor::{Data, ElementType, Tensor, elements};

/// The length of each axis.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) axes: Vec<usize>,
}

impl Shape {
    pub(super) fn read(place: &mut Cursor<'_>) -> Result<Self> {
        let (version, rank, flags) = (place.u8()?, place.u8()?, place.u8()?);
        let is_empty = match version {
            1 => {
                place.take(5)?;
                false
            }
            // Of the kinds scalar, simple and null, the last has no element.
            2 => place.u8()? == 2,
            _ => return Err(unsupported(format!("a shape of version {version}; 1 and 2 are read"))),
        };
        let _most = flags & 1;
        if is_empty {
            return Ok(Self { axes: vec![0] });
        }
        let axis = |_| -> Result<usize> {
            let axis = place.u64()?;
            usize::try_from(axis).map_err(|_| damaged(format!("an axis of {axis}")))
        };
        let axes = (0..rank).map(axis).collect::<Result<Vec<_>>>()?;
        elements(&axes, FORMAT)?;
        Ok(Self { axes })
    }

    /// Bytes of an array of elements of `width` bytes.
    pub(super) fn bytes(&self, width: usize) -> Result<usize> {
        let bytes = elements(&self.axes, FORMAT)?.checked_mul(width);
        bytes.ok_or_else(|| damaged(format!("an array of {:?} elements", self.axes)))
    }
}

/// What the elements of an array or an attribute are.
#[derive(Debug)]
pub(super) enum Type {
    Numbers(Numbers),
    /// So many bytes each.
    Text {
        length: usize,
    },
    /// In a global heap.
    VariableText,
}

/// Numbers, and the order of their bytes.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) element: ElementType,
    is_big_endian: bool,
}

impl Type {
    pub(super) fn read(place: &mut Cursor<'_>) -> Result<Self> {
        let class = place.u8()?;
        let [low, ..] = place.array::<3>()?;
        let length = place.u32()?;
        match class & 0x0f {
            0 => numbers(integer(length, low & 8 != 0)?, low),
            1 => {
                let offset = place.u16()?;
                let precision = place.u16()?;
                place.u8()?;
                let exponent = place.u8()?;
                if offset != 0 || u32::from(precision) != length.saturating_mul(8) || low & 0x40 != 0 {
                    return Err(unsupported("floats that do not fill their bytes"));
                }
                numbers(float(length, exponent)?, low)
            }
            3 => Ok(Self::Text { length: length as usize }),
            // True and false are an enumeration of two bytes.
            8 => match Self::read(place)? {
                Self::Numbers(numbers) if length as usize == numbers.element.bytes() => {
                    Ok(Self::Numbers(numbers))
                }
                _ => Err(damaged("an enumeration of what is no integer")),
            },
            9 if low & 0x0f == 1 && length == 16 => Ok(Self::VariableText),
            other => {
                Err(unsupported(format!("elements of the HDF5 class {other}; numbers and texts are read")))
            }
        }
    }
}

fn numbers(element: ElementType, low: u8) -> Result<Type> {
    Ok(Type::Numbers(Numbers { element, is_big_endian: low & 1 != 0 }))
}

fn integer(length: u32, is_signed: bool) -> Result<ElementType> {
    use ElementType::*;
    Ok(match (length, is_signed) {
        (1, true) => I8,
        (2, true) => I16,
        (4, true) => I32,
        (8, true) => I64,
        (1, false) => U8,
        (2, false) => U16,
        (4, false) => U32,
        (8, false) => U64,
        _ => return Err(unsupported(format!("integers of {length} bytes"))),
    })
}

fn float(length: u32, exponent: u8) -> Result<ElementType> {
    Ok(match (length, exponent) {
        (2, 5) => ElementType::F16,
        (2, 8) => ElementType::Bf16,
        (4, 8) => ElementType::F32,
        (8, 11) => ElementType::F64,
        _ => return Err(unsupported(format!("floats of {length} bytes with {exponent} bits of exponent"))),
    })
}

impl Numbers {
    /// The array whose bytes these are, charged for before.
    pub(super) fn tensor(&self, shape: &Shape, bytes: &[u8]) -> Result<Tensor> {
        let data = match self.is_big_endian {
            true => Data::from_be_bytes(self.element, bytes, FORMAT)?,
            false => Data::from_le_bytes(self.element, bytes, FORMAT)?,
        };
        Tensor::new(self.element, shape.axes.clone(), data, FORMAT)
    }
}

impl<'a> Reader<'a> {
    /// The array whose header has these messages.
    pub(super) fn array(&mut self, messages: &[Message<'a>]) -> Result<Tensor> {
        let find = |kind: u16| messages.iter().find(|message| message.kind == kind);
        let part = |kind: u16, name: &str| {
            find(kind).ok_or_else(|| damaged(format!("an array has no {name}")))?.place()
        };
        let shape = Shape::read(&mut part(kind::DATASPACE, "shape")?)?;
        let Type::Numbers(numbers) = Type::read(&mut part(kind::DATATYPE, "type")?)? else {
            return Err(unsupported("an array of texts"));
        };
        let width = numbers.element.bytes();
        let bytes = shape.bytes(width)?;
        let filters = find(kind::FILTERS);
        let mut place = part(kind::LAYOUT, "layout")?;
        let (version, class) = (place.u8()?, place.u8()?);
        match (version, class) {
            (3 | 4, 0) if filters.is_none() => {
                let length = place.u16()?;
                let data = place.take(length.into())?;
                let data = data.get(..bytes).ok_or_else(|| damaged("an array is cut off"))?;
                self.charge(bytes as u64)?;
                numbers.tensor(&shape, data)
            }
            (3 | 4, 1) if filters.is_none() => {
                let (address, length) = (place.u64()?, place.u64()?);
                if address == NOWHERE || bytes == 0 {
                    // Nothing was ever written: zeros, as HDF5 fills.
                    let bytes = self.charge(bytes as u64)?;
                    return numbers.tensor(&shape, &vec![0; bytes]);
                }
                if length < bytes as u64 {
                    return Err(damaged(format!("an array of {bytes} bytes has {length}")));
                }
                // Once as it is in the file, once as it is in memory.
                self.charge(bytes as u64)?;
                let data = self.at(address, bytes as u64)?;
                numbers.tensor(&shape, data)
            }
            (3, 2) => {
                let data = self.chunked(&mut place, &shape, width, filters)?;
                numbers.tensor(&shape, &data)
            }
            _ => Err(unsupported(format!("an array's layout {class} of version {version}"))),
        }
    }
}
