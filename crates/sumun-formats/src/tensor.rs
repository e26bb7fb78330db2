//! Arrays of numbers with a shape, and lists of them with names.

use std::collections::HashMap;

use crate::bytes::Endian;
use crate::error::{Error, Result, quoted};

/// The most axes of a tensor that is read.
pub const MOST_AXES: usize = 16;

/// What the elements of a tensor are in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementType {
    /// IEEE double precision.
    F64,
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
    /// Signed, 64 bits.
    I64,
    /// Signed, 32 bits.
    I32,
    /// Signed, 16 bits.
    I16,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 64 bits.
    U64,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 8 bits.
    U8,
    /// True or false, a byte each.
    Bool,
}

impl ElementType {
    /// How many bytes an element has in a file.
    pub fn bytes(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// By NumPy's name for it, without the byte order. None: elements that are not read.
    pub(crate) fn of_numpy(dtype: &str) -> Option<Self> {
        Some(match dtype {
            "f8" => Self::F64,
            "f4" => Self::F32,
            "f2" => Self::F16,
            "i8" => Self::I64,
            "i4" => Self::I32,
            "i2" => Self::I16,
            "i1" => Self::I8,
            "u8" => Self::U64,
            "u4" => Self::U32,
            "u2" => Self::U16,
            "u1" => Self::U8,
            "b1" => Self::Bool,
            _ => return None,
        })
    }

    /// Its short name, as messages and listings write it: `f32`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::I64 => "i64",
            Self::I32 => "i32",
            Self::I16 => "i16",
            Self::I8 => "i8",
            Self::U64 => "u64",
            Self::U32 => "u32",
            Self::U16 => "u16",
            Self::U8 => "u8",
            Self::Bool => "bool",
        }
    }
}

/// The elements of a tensor, row-major, in the narrowest type here that holds every value of the file's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Of f64.
    F64(Vec<f64>),
    /// Of f32, f16 and bf16.
    F32(Vec<f32>),
    /// Of i64, u32 and u64; a u64 over `i64::MAX` is refused.
    I64(Vec<i64>),
    /// Of i32, i16 and u16.
    I32(Vec<i32>),
    /// Of i8.
    I8(Vec<i8>),
    /// Of u8.
    U8(Vec<u8>),
    /// Of bool.
    Bool(Vec<bool>),
}

impl Data {
    /// Reads little-endian elements. Error: bytes that are no whole number of elements, a bool that is neither 0 nor 1, or a
    /// u64 that does not fit.
    pub fn from_le_bytes(element: ElementType, bytes: &[u8], format: &'static str) -> Result<Self> {
        if !bytes.len().is_multiple_of(element.bytes()) {
            let what = format!("{} bytes are no whole number of {}", bytes.len(), element.name());
            return Err(Error::damaged(format, what));
        }
        Ok(match element {
            ElementType::F64 => Self::F64(each(bytes, f64::from_le_bytes)),
            ElementType::F32 => Self::F32(each(bytes, f32::from_le_bytes)),
            ElementType::F16 => Self::F32(each(bytes, |b| half(u16::from_le_bytes(b)))),
            ElementType::Bf16 => {
                Self::F32(each(bytes, |b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)))
            }
            ElementType::I64 => Self::I64(each(bytes, i64::from_le_bytes)),
            ElementType::U32 => Self::I64(each(bytes, |b| u32::from_le_bytes(b).into())),
            ElementType::U64 => {
                let values: Vec<u64> = each(bytes, u64::from_le_bytes);
                let fits = |&value| i64::try_from(value).map_err(|_| over_i64(value, format));
                Self::I64(values.iter().map(fits).collect::<Result<_>>()?)
            }
            ElementType::I32 => Self::I32(each(bytes, i32::from_le_bytes)),
            ElementType::I16 => Self::I32(each(bytes, |b| i16::from_le_bytes(b).into())),
            ElementType::U16 => Self::I32(each(bytes, |b| u16::from_le_bytes(b).into())),
            ElementType::I8 => Self::I8(each(bytes, i8::from_le_bytes)),
            ElementType::U8 => Self::U8(bytes.to_vec()),
            ElementType::Bool => match bytes.iter().find(|&&byte| byte > 1) {
                Some(byte) => {
                    return Err(Error::damaged(format, format!("a bool is {byte}, neither 0 nor 1")));
                }
                None => Self::Bool(bytes.iter().map(|&byte| byte == 1).collect()),
            },
        })
    }

    /// Reads big-endian elements. Errors as [`from_le_bytes`](Self::from_le_bytes).
    pub fn from_be_bytes(element: ElementType, bytes: &[u8], format: &'static str) -> Result<Self> {
        let mut turned = bytes.to_vec();
        turned.chunks_mut(element.bytes()).for_each(<[u8]>::reverse);
        Self::from_le_bytes(element, &turned, format)
    }

    pub(crate) fn from_bytes(
        element: ElementType,
        bytes: &[u8],
        endian: Endian,
        format: &'static str,
    ) -> Result<Self> {
        match endian {
            Endian::Little => Self::from_le_bytes(element, bytes, format),
            Endian::Big => Self::from_be_bytes(element, bytes, format),
        }
    }

    /// Appends the elements as little-endian bytes of [`element`](Self::element).
    pub fn extend_le_bytes(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::F64(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::F32(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::I64(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::I32(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::I8(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::U8(values) => bytes.extend(values),
            Self::Bool(values) => bytes.extend(values.iter().map(|&value| u8::from(value))),
        }
    }

    /// The type that the elements have in memory, in which they are written.
    pub fn element(&self) -> ElementType {
        match self {
            Self::F64(_) => ElementType::F64,
            Self::F32(_) => ElementType::F32,
            Self::I64(_) => ElementType::I64,
            Self::I32(_) => ElementType::I32,
            Self::I8(_) => ElementType::I8,
            Self::U8(_) => ElementType::U8,
            Self::Bool(_) => ElementType::Bool,
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F64(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I8(values) => values.len(),
            Self::U8(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|chunk| read(*chunk)).collect()
}

fn over_i64(value: u64, format: &'static str) -> Error {
    Error::too_large(format, "an integer", value.into(), i64::MAX as u128)
}

/// What [`half`] reads as this number; None of a number that is none of half precision.
fn half_of(value: f32) -> Option<u16> {
    let bits = value.to_bits();
    let (sign, exponent) = ((bits >> 16) as u16 & 0x8000, (bits >> 23) & 255);
    let fraction = (bits >> 13) as u16 & 1023;
    let magnitude = match exponent {
        255 => 0x7c00 | fraction,
        113..=142 => ((exponent - 112) as u16) << 10 | fraction,
        _ => {
            let small = value.abs() * 16_777_216.0;
            if small >= 1024.0 || small.fract() != 0.0 {
                return None;
            }
            small as u16
        }
    };
    (half(sign | magnitude).to_bits() == bits).then_some(sign | magnitude)
}

/// A half precision number, exactly.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) =
        (u32::from(bits >> 15) << 31, u32::from(bits >> 10) & 31, u32::from(bits) & 1023);
    match (exponent, fraction) {
        (0, _) => f32::from_bits(sign | (fraction as f32 / 16_777_216.0).to_bits()),
        (31, _) => f32::from_bits(sign | 0x7f80_0000 | (fraction << 13)),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}

/// An array of numbers, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    element: ElementType,
    shape: Vec<usize>,
    data: Data,
}

impl Tensor {
    /// A tensor of `shape`. Error: more than [`MOST_AXES`] axes, or a shape that does not have as many elements as there are.
    pub fn new(element: ElementType, shape: Vec<usize>, data: Data, format: &'static str) -> Result<Self> {
        let elements = elements(&shape, format)?;
        if elements != data.len() {
            let what = format!("a tensor of shape {shape:?} has {elements} elements, not {}", data.len());
            return Err(Error::damaged(format, what));
        }
        Ok(Self { element, shape, data })
    }

    /// A tensor of single precision. Error: as [`new`](Self::new).
    pub fn f32(shape: Vec<usize>, values: Vec<f32>) -> Result<Self> {
        Self::new(ElementType::F32, shape, Data::F32(values), "tensor")
    }

    /// What its elements are in the file.
    pub fn element(&self) -> ElementType {
        self.element
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its elements.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Its elements as single precision: rounded from f64, exact from all other floats. Error: integers, which are no weights.
    pub fn to_f32(&self) -> Result<Vec<f32>> {
        match &self.data {
            Data::F32(values) => Ok(values.clone()),
            Data::F64(values) => Ok(values.iter().map(|&value| value as f32).collect()),
            _ => Err(Error::unsupported("tensor", format!("it has {}, not floats", self.element.name()))),
        }
    }

    /// Its elements as little-endian bytes of the type that its file has, [`element`](Self::element); None where one of them
    /// is no number of that type.
    pub fn file_bytes(&self) -> Option<Vec<u8>> {
        fn narrow<T, const N: usize>(values: &[i64], bytes: impl Fn(T) -> [u8; N]) -> Option<Vec<u8>>
        where
            T: TryFrom<i64>,
        {
            let all: Option<Vec<[u8; N]>> =
                values.iter().map(|&value| T::try_from(value).ok().map(&bytes)).collect();
            Some(all?.concat())
        }
        let halves = |code: fn(f32) -> Option<u16>| match &self.data {
            Data::F32(values) => {
                let all: Option<Vec<[u8; 2]>> =
                    values.iter().map(|&value| code(value).map(u16::to_le_bytes)).collect();
                Some(all?.concat())
            }
            _ => None,
        };
        match self.element {
            ElementType::F16 => halves(half_of),
            ElementType::Bf16 => halves(|value| {
                let bits = value.to_bits();
                (bits & 0xffff == 0).then_some((bits >> 16) as u16)
            }),
            ElementType::I16 => narrow(&self.to_i64().ok()?, i16::to_le_bytes),
            ElementType::U16 => narrow(&self.to_i64().ok()?, u16::to_le_bytes),
            ElementType::U32 => narrow(&self.to_i64().ok()?, u32::to_le_bytes),
            ElementType::U64 => narrow(&self.to_i64().ok()?, u64::to_le_bytes),
            element if element == self.data.element() => {
                let mut bytes = Vec::new();
                self.data.extend_le_bytes(&mut bytes);
                Some(bytes)
            }
            _ => None,
        }
    }

    /// Its elements as integers. Error: floats.
    pub fn to_i64(&self) -> Result<Vec<i64>> {
        match &self.data {
            Data::I64(values) => Ok(values.clone()),
            Data::I32(values) => Ok(values.iter().map(|&value| value.into()).collect()),
            Data::I8(values) => Ok(values.iter().map(|&value| value.into()).collect()),
            Data::U8(values) => Ok(values.iter().map(|&value| value.into()).collect()),
            Data::Bool(values) => Ok(values.iter().map(|&value| value.into()).collect()),
            _ => Err(Error::unsupported("tensor", format!("it has {}, not integers", self.element.name()))),
        }
    }
}

/// How many elements a shape has. Error: too many axes, or more elements than can be counted.
pub fn elements(shape: &[usize], format: &'static str) -> Result<usize> {
    if shape.len() > MOST_AXES {
        return Err(Error::too_large(format, "the number of axes", shape.len() as u128, MOST_AXES as u128));
    }
    // An axis of length 0 makes all others harmless only if their product can be counted as well.
    let product = shape.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis.max(1)));
    match product {
        Some(product) if !shape.contains(&0) => Ok(product),
        Some(_) => Ok(0),
        None => Err(Error::too_large(format, "the number of elements", u128::MAX, usize::MAX as u128)),
    }
}

/// Tensors by name, in the order of their file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tensors {
    list: Vec<(String, Tensor)>,
    positions: HashMap<String, usize>,
}

impl Tensors {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. Error: there is one of that name.
    pub fn insert(&mut self, name: String, tensor: Tensor, format: &'static str) -> Result<()> {
        if self.positions.contains_key(&name) {
            return Err(Error::damaged(format, format!("two tensors are named {}", quoted(&name))));
        }
        self.positions.insert(name.clone(), self.list.len());
        self.list.push((name, tensor));
        Ok(())
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.positions.get(name).map(|&position| &self.list[position].1)
    }

    /// All, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> {
        self.list.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// All, in order, handed over.
    #[expect(clippy::should_implement_trait, reason = "a type of its own for the iterator would say no more")]
    pub fn into_iter(self) -> impl ExactSizeIterator<Item = (String, Tensor)> {
        self.list.into_iter()
    }

    /// Those whose names `of` holds for, and the others, both in their order.
    pub fn partition(self, of: impl Fn(&str) -> bool) -> (Self, Self) {
        let (mut these, mut others) = (Self::new(), Self::new());
        for (name, tensor) in self.list {
            let part = if of(&name) { &mut these } else { &mut others };
            part.positions.insert(name.clone(), part.list.len());
            part.list.push((name, tensor));
        }
        (these, others)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_exactly() {
        let read =
            |bits: u16| match Data::from_le_bytes(ElementType::F16, &bits.to_le_bytes(), "test").unwrap() {
                Data::F32(values) => values[0],
                other => panic!("{other:?}"),
            };
        assert_eq!(read(0x3c00), 1.0);
        assert_eq!(read(0xc000), -2.0);
        assert_eq!(read(0x7bff), 65504.0);
        assert_eq!(read(0x0001), 2.0_f32.powi(-24));
        assert_eq!(read(0x03ff), 1023.0 * 2.0_f32.powi(-24));
        assert_eq!(read(0x8000).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(read(0xfc00), f32::NEG_INFINITY);
        assert!(read(0x7e00).is_nan());
        for bits in 0..=u16::MAX {
            assert_eq!(half_of(half(bits)), Some(bits), "{bits:#06x}");
        }
        for value in [0.1, 65520.0, 2.0_f32.powi(-25), 1.0 + f32::EPSILON] {
            assert_eq!(half_of(value), None, "{value}");
        }
    }

    #[test]
    fn shapes_that_lie_are_errors() {
        assert_eq!(elements(&[], "test"), Ok(1));
        assert_eq!(elements(&[3, 0, 2], "test"), Ok(0));
        assert!(elements(&[usize::MAX, 2], "test").is_err());
        assert!(elements(&[usize::MAX, 2, 0], "test").is_err());
        assert!(elements(&[1; MOST_AXES + 1], "test").is_err());
        assert!(Tensor::f32(vec![2, 3], vec![0.0; 5]).is_err());
    }

    #[test]
    fn a_name_is_a_tensors_once() {
        let mut tensors = Tensors::new();
        let one = Tensor::f32(vec![1], vec![1.0]).unwrap();
        tensors.insert("a".into(), one.clone(), "test").unwrap();
        assert_eq!(tensors.get("a"), Some(&one));
        assert!(tensors.insert("a".into(), one, "test").is_err());
    }

    #[test]
    fn elements_are_read_in_both_orders() {
        let data = Data::F64(vec![0.1, -2.5]);
        let mut bytes = Vec::new();
        data.extend_le_bytes(&mut bytes);
        assert_eq!(Data::from_le_bytes(data.element(), &bytes, "test"), Ok(data.clone()));
        bytes.chunks_mut(8).for_each(<[u8]>::reverse);
        assert_eq!(Data::from_be_bytes(data.element(), &bytes, "test"), Ok(data));
    }

    #[test]
    fn integers_that_do_not_fit_are_errors() {
        assert!(Data::from_le_bytes(ElementType::U64, &u64::MAX.to_le_bytes(), "test").is_err());
        assert!(Data::from_le_bytes(ElementType::Bool, &[2], "test").is_err());
        assert!(Data::from_le_bytes(ElementType::F32, &[0; 5], "test").is_err());
        assert!(Data::from_be_bytes(ElementType::F32, &[0; 5], "test").is_err());
    }
}
