//! Files in the [safetensors](https://github.com/huggingface/safetensors) format, of any program.
//!
//! A length of eight bytes, a header in JSON, and the elements of all tensors one after the other. The files that Sumun saves
//! its own models in are read and checked by `sumun-nn`; this is for all others.
//!
//! ```
//! use std::collections::BTreeMap;
//! use sumun_formats::{Tensor, Tensors, safetensors};
//!
//! let mut tensors = Tensors::new();
//! tensors.insert("weight".into(), Tensor::f32(vec![2], vec![1.0, 2.0])?, "example")?;
//! let bytes = safetensors::write(&tensors, &BTreeMap::new())?;
//! assert_eq!(safetensors::read(&bytes)?.tensors, tensors);
//! # Ok::<(), sumun_formats::Error>(())
//! ```

mod header;
mod index;

use std::collections::BTreeMap;

use crate::bytes::Cursor;
use crate::error::{Error, Result, quoted};
use crate::tensor::{Data, ElementType, Tensor, Tensors, elements};
use header::{Header, METADATA, RawInfo};

pub use index::read_index;

const FORMAT: &str = "safetensors file";

/// The longest header that is read, as in the safetensors library.
pub const MOST_HEADER: u64 = 100_000_000;

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    /// Texts by key: what the file says about itself.
    pub metadata: BTreeMap<String, String>,
    /// Its tensors, in the order of the header.
    pub tensors: Tensors,
}

/// Reads a file. Errors: bytes that are not one, tensors that overlap or leave a hole, and element types that
/// [`ElementType`] does not have, by the tensor's name.
pub fn read(bytes: &[u8]) -> Result<Contents> {
    let mut cursor = Cursor::new(bytes, FORMAT);
    let length = cursor.u64()?;
    if length > MOST_HEADER {
        return Err(Error::too_large(FORMAT, "the length of the header", length.into(), MOST_HEADER.into()));
    }
    let header: Header = crate::json::parse(cursor.take(length)?, FORMAT)?;
    let data = cursor.rest();
    check_layout(&header.tensors, data.len() as u64)?;
    let mut tensors = Tensors::new();
    for (name, info) in header.tensors {
        let tensor = read_tensor(&info, data).map_err(|error| error.of_tensor(&name))?;
        tensors.insert(name, tensor, FORMAT)?;
    }
    Ok(Contents { metadata: header.metadata, tensors })
}

/// Each byte of the data belongs to one tensor.
fn check_layout(tensors: &[(String, RawInfo)], length: u64) -> Result<()> {
    let mut places: Vec<_> = tensors.iter().map(|(name, info)| (info.data_offsets, name)).collect();
    places.sort();
    let mut end = 0;
    for ((start, stop), name) in places {
        if start != end || stop < start {
            let what = format!("tensor {} is at bytes {start} to {stop}, not from {end} on", quoted(name));
            return Err(Error::damaged(FORMAT, what));
        }
        end = stop;
    }
    match end == length {
        true => Ok(()),
        false => Err(Error::damaged(FORMAT, format!("its tensors have {end} bytes, but {length} are there"))),
    }
}

/// Reads a tensor whose place [`check_layout`] has found within the data.
fn read_tensor(info: &RawInfo, data: &[u8]) -> Result<Tensor> {
    let Some(element) = element_of(&info.dtype) else {
        let what = format!("elements of type {} are not read", quoted(&info.dtype));
        return Err(Error::unsupported(FORMAT, what));
    };
    let count = elements(&info.shape, FORMAT)?;
    let (start, end) = info.data_offsets;
    if count.checked_mul(element.bytes()).map(|bytes| bytes as u64) != Some(end - start) {
        let what = format!("{} of shape {:?} do not have {} bytes", element.name(), info.shape, end - start);
        return Err(Error::damaged(FORMAT, what));
    }
    let data = Data::from_le_bytes(element, &data[start as usize..end as usize], FORMAT)?;
    Tensor::new(element, info.shape.clone(), data, FORMAT)
}

/// Writes tensors in the type that their elements have in memory ([`Data::element`]). The same tensors give the same bytes.
/// Error: a tensor of the name that the format keeps for its metadata.
pub fn write(tensors: &Tensors, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    // The elements begin at a multiple of eight bytes; those of wider types come first, so that all are aligned.
    let mut order: Vec<_> = tensors.iter().collect();
    order.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.data().element().bytes()));
    let mut header = Header { metadata: metadata.clone(), tensors: Vec::with_capacity(order.len()) };
    let mut data = Vec::new();
    for (name, tensor) in order {
        if name == METADATA {
            return Err(Error::unsupported(FORMAT, format!("no tensor can be named {METADATA}; rename it")));
        }
        let start = data.len() as u64;
        tensor.data().extend_le_bytes(&mut data);
        let info = RawInfo {
            dtype: dtype_of(tensor.data().element()).into(),
            shape: tensor.shape().to_vec(),
            data_offsets: (start, data.len() as u64),
        };
        header.tensors.push((name.into(), info));
    }
    let header = header.to_bytes();
    if header.len() as u64 > MOST_HEADER {
        return Err(Error::too_large(
            FORMAT,
            "the length of the header",
            header.len() as u128,
            MOST_HEADER.into(),
        ));
    }
    let mut bytes = Vec::with_capacity(8 + header.len() + data.len());
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    bytes.append(&mut data);
    Ok(bytes)
}

/// The element types by the names that the format has for them.
const DTYPES: [(&str, ElementType); 13] = [
    ("F64", ElementType::F64),
    ("F32", ElementType::F32),
    ("F16", ElementType::F16),
    ("BF16", ElementType::Bf16),
    ("I64", ElementType::I64),
    ("I32", ElementType::I32),
    ("I16", ElementType::I16),
    ("I8", ElementType::I8),
    ("U64", ElementType::U64),
    ("U32", ElementType::U32),
    ("U16", ElementType::U16),
    ("U8", ElementType::U8),
    ("BOOL", ElementType::Bool),
];

fn element_of(dtype: &str) -> Option<ElementType> {
    DTYPES.iter().find(|(name, _)| *name == dtype).map(|(_, element)| *element)
}

fn dtype_of(element: ElementType) -> &'static str {
    DTYPES.iter().find(|(_, of)| *of == element).expect("the table has every element type").0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with that header, its length put before it.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    fn one(dtype: &str, shape: &str, data: &[u8]) -> Result<Contents> {
        let end = data.len();
        let entry = format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
        read(&file(&entry, data))
    }

    #[test]
    fn every_element_type_is_read() {
        let cases: [(&str, &[u8], Data); 13] = [
            ("F64", &1.5_f64.to_le_bytes(), Data::F64(vec![1.5])),
            ("F32", &1.5_f32.to_le_bytes(), Data::F32(vec![1.5])),
            ("F16", &[0, 0x3e], Data::F32(vec![1.5])),
            ("BF16", &[0xc0, 0x3f], Data::F32(vec![1.5])),
            ("I64", &(-7_i64).to_le_bytes(), Data::I64(vec![-7])),
            ("I32", &(-7_i32).to_le_bytes(), Data::I32(vec![-7])),
            ("I16", &(-7_i16).to_le_bytes(), Data::I32(vec![-7])),
            ("I8", &[0xf9], Data::I8(vec![-7])),
            ("U64", &7_u64.to_le_bytes(), Data::I64(vec![7])),
            ("U32", &u32::MAX.to_le_bytes(), Data::I64(vec![u32::MAX.into()])),
            ("U16", &u16::MAX.to_le_bytes(), Data::I32(vec![u16::MAX.into()])),
            ("U8", &[255], Data::U8(vec![255])),
            ("BOOL", &[1], Data::Bool(vec![true])),
        ];
        for (dtype, bytes, data) in cases {
            let read = one(dtype, "[1]", bytes).unwrap();
            let tensor = read.tensors.get("w").unwrap();
            assert_eq!((tensor.data(), dtype_of(tensor.element())), (&data, dtype));
        }
        let error = one("F8_E4M3", "[1]", &[0]).unwrap_err().to_string();
        assert_eq!(error, "safetensors file: tensor 'w': elements of type 'F8_E4M3' are not read");
    }

    #[test]
    fn what_is_written_comes_back() {
        let mut tensors = Tensors::new();
        let mut add = |name: &str, shape: &[usize], data: Data| {
            let tensor = Tensor::new(data.element(), shape.to_vec(), data, "test").unwrap();
            tensors.insert(name.into(), tensor, "test").unwrap();
        };
        add("doubles", &[2], Data::F64(vec![0.1, -0.0]));
        add("a \"quoted\"\n수문", &[1, 3], Data::F32(vec![f32::NAN.copysign(1.0), 1e-40, f32::INFINITY]));
        add("one", &[], Data::I64(vec![i64::MIN]));
        add("none", &[0, 4], Data::I32(vec![]));
        add("small", &[2], Data::I8(vec![-128, 127]));
        add("bytes", &[1], Data::U8(vec![255]));
        add("flags", &[3], Data::Bool(vec![true, false, true]));
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        let bytes = write(&tensors, &metadata).unwrap();
        assert_eq!(bytes, write(&tensors, &metadata).unwrap());
        let read = read(&bytes).unwrap();
        assert_eq!(read.metadata, metadata);
        assert_eq!(read.tensors.len(), tensors.len());
        for (name, tensor) in tensors.iter() {
            let back = read.tensors.get(name).unwrap();
            // By bytes, for the sake of NaN.
            let bytes = |tensor: &Tensor| {
                let mut bytes = Vec::new();
                tensor.data().extend_le_bytes(&mut bytes);
                bytes
            };
            assert_eq!((back.shape(), bytes(back)), (tensor.shape(), bytes(tensor)), "{name}");
        }
    }

    #[test]
    fn headers_that_lie_are_errors() {
        let entry = |shape: &str, offsets: &str| {
            format!(r#""w":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}"#)
        };
        let v = r#""v":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}"#;
        let cases = [
            (format!("{{{}}}", entry("[1]", "[0,4]")), 8, "its tensors have 4 bytes, but 8 are there"),
            (format!("{{{},{v}}}", entry("[1]", "[0,4]")), 8, ""),
            (format!("{{{},{v}}}", entry("[2]", "[0,8]")), 8, "tensor 'v' is at bytes 4 to 8, not from 8 on"),
            (format!("{{{}}}", entry("[1]", "[4,8]")), 8, "tensor 'w' is at bytes 4 to 8, not from 0 on"),
            (format!("{{{},{v}}}", entry("[]", "[8,4]")), 8, "tensor 'v' is at bytes 4 to 8, not from 0 on"),
            (format!("{{{}}}", entry("[]", "[0,-4]")), 8, "invalid value"),
            (format!("{{{}}}", entry("[]", "[8,4]")), 8, "tensor 'w' is at bytes 8 to 4, not from 0 on"),
            (format!("{{{}}}", entry("[2]", "[0,4]")), 4, "tensor 'w': f32 of shape [2] do not have 4 bytes"),
            (format!("{{{}}}", entry("[9223372036854775807,9]", "[0,4]")), 4, "the number of elements"),
            (format!("{{{}}}", entry("[4611686018427387905]", "[0,4]")), 4, "do not have 4 bytes"),
            (
                format!("{{{}}}", entry("[1]", "[0,18446744073709551615]")),
                4,
                "have 18446744073709551615 bytes",
            ),
            (format!("{{{}}}", entry("[-1]", "[0,4]")), 4, "invalid value"),
            (format!("{{{0},{0}}}", entry("[1]", "[0,4]")), 4, "two entries are named 'w'"),
            (r#"{"__metadata__":{"a":"b","a":"c"}}"#.into(), 0, "two entries are named 'a'"),
            ("[".repeat(100_000), 0, "damaged"),
            (r#"{"w":"#.repeat(100_000), 0, "damaged"),
        ];
        for (header, length, message) in cases {
            match (read(&file(&header, &vec![0; length])), message) {
                (Ok(_), "") => {}
                (Ok(_), _) => panic!("{header} is read"),
                (Err(error), _) => {
                    let error = error.to_string();
                    assert!(!message.is_empty() && error.contains(message), "{error:?} lacks {message:?}");
                }
            }
        }
        for length in [0, 1, MOST_HEADER, MOST_HEADER + 1, 1 << 63, u64::MAX] {
            let error = read(&[&length.to_le_bytes()[..], b"{}"].concat()).unwrap_err().to_string();
            assert!(!error.contains('\n'), "{error}");
        }
        assert!(read(b"").is_err() && read(b"{}").is_err());
    }
}
