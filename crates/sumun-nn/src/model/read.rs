//! Reads a model file as if someone had made it to do harm: nothing is believed before it is checked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read};

use sumun_kernels::Precision;

use super::checksum::{Checksum, TensorChecksum};
use super::content::{FORMAT, MAX_HEADER, ModelFile, NamedTensor, VERSION, key};
use super::header::{Header, Placed};
use crate::error::quoted;
use crate::json;
use crate::{Error, Result};

/// How many bytes of values are read at once; a multiple of 4.
const CHUNK: usize = 1 << 16;

/// What to do about a file whose bytes are not those that were written.
const DAMAGED: &str = "the file is damaged: copy it again or train again";

/// What to do about a file of another kind.
const FOREIGN: &str = "is not a safetensors file; give a run folder or the model.safetensors in it";

/// Reads a model of `length` bytes. Nothing is allocated that the file does not have the bytes for, a byte of 8-bit weights being a
/// float in memory.
pub(super) fn read(name: &str, mut source: impl Read, length: u64) -> Result<ModelFile> {
    let fail = |text: String| Error::Model(format!("{name}: {text}"));
    let lost = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => fail(format!("grew shorter while it was read; {DAMAGED}")),
        _ => Error::Io { path: name.into(), source: error },
    };
    if length == 0 {
        return Err(fail(format!("is empty; {DAMAGED}")));
    }
    if length < 10 {
        return Err(fail(FOREIGN.into()));
    }
    let mut prefix = [0; 8];
    source.read_exact(&mut prefix).map_err(lost)?;
    let header_length = u64::from_le_bytes(prefix);
    if !(2..=MAX_HEADER).contains(&header_length) {
        return Err(fail(FOREIGN.into()));
    }
    let Some(data_length) = (length - 8).checked_sub(header_length) else {
        let there = length - 8;
        let what = format!("is cut off: its header has {header_length} bytes, but only {there} are there");
        return Err(fail(format!("{what}; {DAMAGED}")));
    };
    let mut header = vec![0; header_length as usize];
    source.read_exact(&mut header).map_err(lost)?;
    if header[0] != b'{' {
        return Err(fail(FOREIGN.into()));
    }
    let header: Header = serde_json::from_slice(&header)
        .map_err(|error| fail(format!("the header is wrong ({}); {DAMAGED}", shortened(&error))))?;
    let Meta { format, version, task, config, checksum: expected } =
        Meta::check(&header.metadata).map_err(fail)?;
    let layout = header.into_layout(format).map_err(|error| fail(format!("{error}; {DAMAGED}")))?;
    let needed = layout.data_length;
    if needed != data_length {
        let what = if needed > data_length { "is cut off" } else { "goes on after its end" };
        return Err(fail(format!("{what}: its tensors have {needed} bytes, not {data_length}; {DAMAGED}")));
    }
    let mut checksum = Checksum::new([&format.to_string(), &version, &task, &config]);
    let mut found = Vec::with_capacity(layout.tensors.len());
    for Placed { name, shape, precision, order } in layout.tensors {
        let mut tensor = TensorChecksum::new(&name, &shape);
        let count = shape.iter().product();
        let values = match precision {
            Precision::F32 | Precision::Bf16 => {
                read_values(&mut source, count, &mut tensor, |bytes: &[u8; 4]| f32::from_le_bytes(*bytes))
            }
            Precision::Int8 => read_values(&mut source, count, &mut tensor, |&[byte]: &[u8; 1]| {
                f32::from(i8::from_le_bytes([byte]))
            }),
        };
        checksum.add(&name, tensor);
        found.push((order, NamedTensor { name, shape, values: values.map_err(lost)?, precision }));
    }
    if checksum.finish() != expected {
        return Err(fail(format!("the checksum does not match; {DAMAGED}")));
    }
    let config = json::read(config.as_bytes())
        .map_err(|error| fail(format!("{} is not JSON ({}); {DAMAGED}", key::CONFIG, shortened(&error))))?;
    found.sort_by_key(|(order, _)| *order);
    let tensors = scaled(found.into_iter().map(|(_, tensor)| tensor).collect()).map_err(fail)?;
    Ok(ModelFile { task, config, tensors })
}

/// Multiplies tensors of 8 bits with their scales, which are then no tensors by themselves.
fn scaled(tensors: Vec<NamedTensor>) -> Result<Vec<NamedTensor>, String> {
    let int8 = |tensor: &&NamedTensor| tensor.precision == Precision::Int8;
    let names: HashSet<String> =
        tensors.iter().filter(int8).map(|t| NamedTensor::scale_name(&t.name)).collect();
    let (scales, mut tensors): (Vec<_>, Vec<_>) =
        tensors.into_iter().partition(|tensor| names.contains(&tensor.name));
    let scales: HashMap<&str, &NamedTensor> =
        scales.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    for tensor in tensors.iter_mut().filter(|tensor| tensor.precision == Precision::Int8) {
        let rows = tensor.shape.first().copied().unwrap_or(1);
        let scale = NamedTensor::scale_name(&tensor.name);
        let shown = quoted(&tensor.name);
        let Some(scales) =
            scales.get(scale.as_str()).filter(|s| s.precision == Precision::F32 && s.shape == [rows])
        else {
            return Err(format!("tensor {shown} has no {rows} scales {}; {DAMAGED}", quoted(&scale)));
        };
        if let Some(scale) = scales.values.iter().find(|scale| !scale.is_finite() || **scale < 0.0) {
            return Err(format!("tensor {shown} has the scale {scale}; {DAMAGED}"));
        }
        let width = tensor.values.len().checked_div(rows).unwrap_or(0);
        for (row, scale) in tensor.values.chunks_exact_mut(width.max(1)).zip(&scales.values) {
            row.iter_mut().for_each(|value| *value *= scale);
        }
    }
    Ok(tensors)
}

/// Reads `count` little-endian numbers of N bytes, a part at a time, so that their bytes are never all in memory.
fn read_values<const N: usize>(
    source: &mut impl Read,
    count: usize,
    checksum: &mut TensorChecksum,
    number: impl Fn(&[u8; N]) -> f32,
) -> io::Result<Vec<f32>> {
    let mut values: Vec<f32> = Vec::new();
    values.try_reserve_exact(count)?;
    let mut chunk = vec![0; CHUNK.min(N * count)];
    while values.len() < count {
        let part = &mut chunk[..CHUNK.min(N * (count - values.len()))];
        source.read_exact(part)?;
        checksum.update(part);
        values.extend(part.as_chunks().0.iter().map(&number));
    }
    Ok(values)
}

/// The metadata of a file in our format.
struct Meta {
    format: u32,
    version: String,
    task: String,
    config: String,
    checksum: String,
}

impl Meta {
    /// Sees to it that the file is one of ours and that this version can read it.
    fn check(metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let text = |key: &str| {
            metadata.get(key).cloned().ok_or_else(|| format!("the metadata has no {key}; {DAMAGED}"))
        };
        let Some(format) = metadata.get(key::FORMAT) else {
            let found =
                format!("is a safetensors file of another program (no {} in its metadata)", key::FORMAT);
            return Err(format!("{found}; give one that sumun wrote"));
        };
        let format = match format.parse::<u32>() {
            Ok(known @ 1..=FORMAT) => known,
            Ok(newer) if newer > FORMAT => {
                let found = format!("was written by a newer Sumun (format {newer})");
                return Err(format!(
                    "{found}; this one, {VERSION}, reads formats up to {FORMAT}: update sumun"
                ));
            }
            _ => return Err(format!("{} is {}, not 1 to {FORMAT}; {DAMAGED}", key::FORMAT, quoted(format))),
        };
        Ok(Self {
            format,
            version: text(key::VERSION)?,
            task: text(key::TASK)?,
            config: text(key::CONFIG)?,
            checksum: text(key::CHECKSUM)?,
        })
    }
}

/// A JSON error that may quote the file, on one line and not as long as the file.
fn shortened(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.chars().count() <= 120 && !text.contains(char::is_control) {
        return text;
    }
    format!("line {} column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How the header states the first tensor of [`model`].
    const W: &str = r#""w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}"#;

    fn model() -> ModelFile {
        let tensors = vec![
            NamedTensor::new("w", &[2, 2], vec![1.0, -2.0, 0.5, 3.0]),
            NamedTensor::new("b", &[1], vec![0.25]),
        ];
        ModelFile { task: "forecast".into(), config: serde_json::json!({ "window": 24 }), tensors }
    }

    /// Reads bytes that may be anything: what comes back is a model or one line that names the file.
    fn load(bytes: &[u8]) -> Result<ModelFile, String> {
        ModelFile::from_bytes("m.st", bytes).map_err(|error| {
            let text = error.to_string();
            assert!(text.starts_with("m.st: ") && !text.contains(char::is_control), "{text}");
            assert!(text.chars().count() < 400, "{text}");
            text
        })
    }

    /// The good file with a part of its header replaced, its length put right.
    fn edited(from: &str, to: &str) -> Vec<u8> {
        let bytes = model().to_bytes().unwrap();
        let end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header = std::str::from_utf8(&bytes[8..end]).unwrap();
        assert_eq!(header.matches(from).count(), 1, "{header}");
        with_header(&header.replace(from, to), &bytes[end..])
    }

    fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn no_changed_byte_goes_unseen() {
        let model = model();
        let bytes = model.to_bytes().unwrap();
        let end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let text = bytes[..end].trim_ascii_end().len();
        for place in 0..bytes.len() {
            for change in 1..=255 {
                let mut damaged = bytes.clone();
                damaged[place] ^= change;
                if let Ok(loaded) = load(&damaged) {
                    assert!((text..end).contains(&place), "byte {place} changed by {change:#x}");
                    assert_eq!(loaded, model);
                }
            }
        }
    }

    #[test]
    fn no_lost_or_added_end_goes_unseen() {
        let mut bytes = model().to_bytes().unwrap();
        for length in 0..bytes.len() {
            load(&bytes[..length]).unwrap_err();
        }
        load(&bytes).unwrap();
        bytes.push(0);
        assert!(load(&bytes).unwrap_err().contains("goes on after its end"));
    }

    #[test]
    fn each_bad_file_is_told_apart() {
        let none = with_header(r#"{"__metadata__":{"format":"pt"}}"#, &[]);
        let cut = &model().to_bytes().unwrap()[..200];
        let long = format!(r#""shape":["{}"#, "x".repeat(5000));
        let csv = b"date,demand\n2024-01-01,5\n";
        let cases: &[(&[u8], &str)] = &[
            (b"", "is empty"),
            (b"short", "is not a safetensors file"),
            (csv, "is not a safetensors file; give a run folder or the model.safetensors in it"),
            (&[0xff; 64], "is not a safetensors file"),
            (&with_header("[1,2,3]", &[]), "is not a safetensors file"),
            (cut, "is cut off: its header has"),
            (&none, "is a safetensors file of another program"),
            (&edited(r#""sumun.format":"1""#, r#""sumun.format":"3""#), "(format 3); this one, "),
            (
                &edited(r#""sumun.format":"1""#, r#""sumun.format":"3""#),
                "reads formats up to 2: update sumun",
            ),
            (
                &edited(r#""sumun.format":"1""#, r#""sumun.format":"one""#),
                "sumun.format is 'one', not 1 to 2",
            ),
            (&edited(r#""sumun.task":"forecast","#, ""), "the metadata has no sumun.task"),
            (&edited("sumun.checksum", "sumun.sum"), "the metadata has no sumun.checksum"),
            (&edited("sumun.config", "sumun.conf"), "the metadata has no sumun.config"),
            (&edited(r#"\"window\":24"#, r#"\"window\":25"#), "the checksum does not match"),
            (&edited(W, &W.replace("F32", "F64")), "tensor 'w' has type 'F64', not F32"),
            (&edited(W, &W.replace("F32", "I8\\n")), "tensor 'w' has type 'I8\\n', not F32"),
            (&edited(W, &W.replace("2,2", "4,2")), "invalid shape"),
            (&edited(W, &W.replace("2,2", "9223372036854775807,9")), "overflow"),
            (&edited(W, &W.replace("0,16", "0,20")), "invalid shape"),
            (&edited(W, &W.replace("0,16", "4,20")), "tensor 'w' leaves a hole"),
            (&edited(W, &W.replace("0,16", "-1,16")), "the header is wrong (invalid value"),
            (&edited(W, &W.replace(r#""shape":["#, &long)), "the header is wrong ("),
            (&edited(W, &format!("{W},{W}")), "two tensors are named 'w'"),
            (
                &edited(r#""sumun.task""#, r#""sumun.format":"1","sumun.task""#),
                "two metadata entries are named",
            ),
            (&edited(r#","b":{"#, r#","c":{},"b":{"#), "missing field `dtype`"),
        ];
        for (bytes, message) in cases {
            let error = load(bytes).unwrap_err();
            assert!(error.contains(message), "{error:?} lacks {message:?}");
        }
    }

    /// Eight tensors that end at 2⁶⁴ − 32: adding the header's length to that would overflow.
    #[test]
    fn offsets_near_the_largest_number_are_refused() {
        let size = (1_u64 << 61) - 4;
        let tensor = |i: u64| {
            let (start, end) = (i * size, (i + 1) * size);
            format!(r#""t{i}":{{"dtype":"F32","shape":[{}],"data_offsets":[{start},{end}]}}"#, size / 4)
        };
        let tensors: Vec<String> = (0..8).map(tensor).collect();
        let b = r#""b":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}"#;
        let error = load(&edited(&format!("{W},{b}"), &tensors.join(","))).unwrap_err();
        assert!(error.contains("is cut off: its tensors have 18446744073709551584 bytes, not 20"), "{error}");
    }

    #[test]
    fn a_lying_length_is_refused() {
        for (length, message) in [
            (MAX_HEADER, "is cut off: its header has 100000000 bytes, but only 2 are there"),
            (MAX_HEADER + 1, FOREIGN),
            (u64::MAX, FOREIGN),
            (u64::MAX - 7, FOREIGN),
            (1, FOREIGN),
            (0, FOREIGN),
        ] {
            let error = load(&[&length.to_le_bytes()[..], b"{}"].concat()).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_path_that_is_no_model_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &std::path::Path| ModelFile::load(path).unwrap_err().to_string();
        assert!(error(&folder.path().join("m")).ends_with("m: there is no such file; check the path"));
        assert!(error(folder.path()).ends_with("is a folder, not a file; give a file"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(load(&bytes).is_err());
        }

        #[test]
        fn any_header_is_refused_without_a_panic(
            header in r#"\{("(__metadata__|w|sumun\.format)":(\{|\[|"1"|[0-9]{1,20}|\}|,|"dtype":"F32"|"shape":|"data_offsets":){0,12}){0,3}\}"#,
        ) {
            prop_assert!(load(&with_header(&header, &[0; 16])).is_err());
        }

        /// Several bytes changed, put in or taken out at once: an error or, where only padding changed, the model.
        #[test]
        fn any_mutation_is_an_error_or_the_same_model(
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..6),
        ) {
            let model = model();
            let mut bytes = model.to_bytes().unwrap();
            for (place, kind, byte) in edits {
                let place = place.index(bytes.len());
                match kind {
                    0 => bytes[place] = byte,
                    1 => bytes.insert(place, byte),
                    _ => drop(bytes.remove(place)),
                }
            }
            if let Ok(loaded) = load(&bytes) {
                prop_assert_eq!(loaded, model);
            }
        }
    }
}
