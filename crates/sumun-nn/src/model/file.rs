//! A model and everything it needs in one `.safetensors` file.

use std::collections::HashSet;
use std::io::{BufReader, ErrorKind};
use std::path::Path;

use sumun_kernels::Precision;
use sumun_kernels::precision::{row_scale, whole};

use super::checksum::{Checksum, TensorChecksum};
use super::content::{MAX_HEADER, ModelFile, NamedTensor, VERSION, WITH_INT8, key};
use super::header::{Header, METADATA, RawInfo, dtype};
use super::read::read;
use crate::durable;
use crate::error::quoted;
use crate::json;
use crate::outside::{self, Links};
use crate::{Error, Result};

impl ModelFile {
    /// Writes the file so that `path` never holds half a model: temporary file beside it, fsync, rename, fsync of
    /// the folder. An existing file is replaced. Errors: those of [`ModelFile::to_bytes`], a missing folder, and
    /// what the operating system refuses.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes()?;
        durable::write(path, &bytes).map_err(|source| match source.kind() {
            ErrorKind::NotFound => Error::Model(format!(
                "{}: there is no folder {}; make it first",
                path.display(),
                durable::folder_of(path).display()
            )),
            _ => Error::Io { path: path.to_path_buf(), source },
        })
    }

    /// Reads a file that [`ModelFile::save`] wrote, and believes nothing in it before it is checked. Errors, each
    /// one line with the file's name and what to do: no such file, not a safetensors file, cut off, any byte
    /// changed, written by another program or a newer Sumun, tensors of other types than F32 and I8 with scales.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_from(path.as_ref(), Links::Follow)
    }

    /// As [`ModelFile::load`], where `path` may be the file of a run folder, in which a link is an error.
    pub fn load_from(path: &Path, links: Links) -> Result<Self> {
        let name = path.display().to_string();
        let Some(file) = outside::open(path, links)? else {
            return Err(Error::Model(format!("{name}: there is no such file; check the path")));
        };
        let length = file.metadata().map_err(|source| Error::Io { path: path.to_path_buf(), source })?.len();
        read(&name, BufReader::new(file), length)
    }

    /// Reads a model from memory; `name` is what messages call the file. Errors as [`ModelFile::load`].
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        read(name, bytes, bytes.len() as u64)
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&NamedTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// The whole file as bytes. Errors: values that do not fill their shape, a name twice or reserved, and a
    /// configuration nested too deep to be read again or too long for a safetensors header.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let config = self.config.to_string();
        if json::read(config.as_bytes()).ok().as_ref() != Some(&self.config) {
            return Err(Error::Invalid(
                "the model's configuration cannot be read back from JSON; nest it less deeply".into(),
            ));
        }
        let format =
            if self.tensors.iter().any(|tensor| tensor.precision == Precision::Int8) { WITH_INT8 } else { 1 };
        let format = format.to_string();
        let mut checksum = Checksum::new([&format, VERSION, &self.task, &config]);
        let mut written = Vec::with_capacity(self.tensors.len());
        for tensor in &self.tensors {
            written.extend(parts(tensor)?);
        }
        let mut names = HashSet::new();
        // What has four bytes a value first, so that all of it lies on multiples of four.
        let mut order: Vec<usize> = (0..written.len()).collect();
        order.sort_by_key(|&at| written[at].precision == Precision::Int8);
        let mut data = Vec::with_capacity(written.iter().map(|part| part.bytes.len()).sum());
        let mut offsets = vec![(0, 0); written.len()];
        for at in order {
            let Part { name, shape, bytes, .. } = &written[at];
            if name == METADATA || !names.insert(name) {
                return Err(Error::Invalid(format!(
                    "two tensors of a model are named {}; rename one",
                    quoted(name)
                )));
            }
            offsets[at] = (data.len(), data.len() + bytes.len());
            data.extend_from_slice(bytes);
            let mut tensor = TensorChecksum::new(name, shape);
            tensor.update(bytes);
            checksum.add(name, tensor);
        }
        let tensors = written
            .into_iter()
            .zip(offsets)
            .map(|(part, data_offsets)| {
                let dtype = dtype(part.precision).into();
                (part.name, RawInfo { dtype, shape: part.shape, data_offsets })
            })
            .collect();
        let metadata = [
            (key::FORMAT, format),
            (key::VERSION, VERSION.into()),
            (key::TASK, self.task.clone()),
            (key::CONFIG, config),
            (key::CHECKSUM, checksum.finish()),
        ];
        let metadata = metadata.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
        let header = Header { metadata, tensors }
            .to_bytes()
            .map_err(|error| Error::Invalid(format!("the model cannot be written as JSON: {error}")))?;
        if header.len() as u64 > MAX_HEADER {
            return Err(Error::Invalid(format!(
                "the model's configuration and names take {} bytes, but a safetensors header holds {MAX_HEADER}",
                header.len()
            )));
        }
        let mut bytes = Vec::with_capacity(8 + header.len() + data.len());
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        bytes.extend(data);
        Ok(bytes)
    }
}

/// A tensor of the file.
struct Part {
    name: String,
    shape: Vec<usize>,
    precision: Precision,
    bytes: Vec<u8>,
}

/// What the file has of a tensor: itself, or with 8 bits whole numbers and scales.
fn parts(tensor: &NamedTensor) -> Result<Vec<Part>> {
    let NamedTensor { name, shape, values, precision } = tensor;
    if shape.iter().try_fold(1_usize, |size, &dim| size.checked_mul(dim)) != Some(values.len()) {
        return Err(Error::Shape {
            what: quoted(name),
            expected: format!("{shape:?}"),
            found: format!("{} values", values.len()),
        });
    }
    let floats = |name: String, shape: &[usize], values: &[f32]| Part {
        name,
        shape: shape.to_vec(),
        precision: Precision::F32,
        bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    // What has no values has no scales.
    if *precision != Precision::Int8 || values.is_empty() {
        return Ok(vec![floats(name.clone(), shape, values)]);
    }
    let rows = shape.first().copied().unwrap_or(1);
    let width = values.len().checked_div(rows).unwrap_or(0);
    let (mut scales, mut bytes) = (Vec::with_capacity(rows), Vec::with_capacity(values.len()));
    for row in values.chunks_exact(width.max(1)) {
        let scale = row_scale(row);
        for &value in row {
            let q = whole(value, scale);
            if f32::from(q) * scale != value {
                return Err(Error::Invalid(format!(
                    "the tensor {} holds {value}, which is no whole multiple of its row's scale; round it, or write it with 32 bits",
                    quoted(name)
                )));
            }
            bytes.push(q.to_le_bytes()[0]);
        }
        scales.push(scale);
    }
    let whole = Part { name: name.clone(), shape: shape.clone(), precision: Precision::Int8, bytes };
    Ok(vec![whole, floats(NamedTensor::scale_name(name), &[rows], &scales)])
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

    use super::*;

    fn model() -> ModelFile {
        ModelFile {
            task: "forecast".into(),
            config: serde_json::json!({ "scaler": { "mean": 0.1, "deviation": 1e-300 }, "열": ["수문", null] }),
            tensors: vec![
                NamedTensor::new(
                    "recurrent.weight_ih_l0",
                    &[2, 3],
                    vec![1.0, -0.0, 1e-40, f32::MAX, 0.1, -2.5],
                ),
                NamedTensor::new("empty", &[0, 4], vec![]),
                NamedTensor::new("무게\n\"", &[1], vec![f32::NEG_INFINITY]),
                NamedTensor::new("a single number", &[], vec![7.0]),
            ],
        }
    }

    #[test]
    fn saved_and_loaded_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let no_weights = ModelFile { tensors: vec![], ..model() };
        for model in [model(), no_weights] {
            model.save(&path).unwrap();
            assert_eq!(ModelFile::load(&path).unwrap(), model);
            assert_eq!(std::fs::read(&path).unwrap(), model.to_bytes().unwrap());
            assert_eq!(model.to_bytes().unwrap(), model.clone().to_bytes().unwrap());
        }
        assert_eq!(model().tensor("a single number").unwrap().values, [7.0]);
        assert_eq!(model().tensor("absent"), None);
    }

    #[test]
    fn another_tool_reads_it_and_what_it_writes_loads() {
        let model = model();
        let bytes = model.to_bytes().unwrap();
        let theirs = SafeTensors::deserialize(&bytes).unwrap();
        let metadata: HashMap<String, String> =
            SafeTensors::read_metadata(&bytes).unwrap().1.metadata().clone().unwrap();
        let mut keys: Vec<_> = metadata.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, [key::CHECKSUM, key::CONFIG, key::FORMAT, key::TASK, key::VERSION]);
        let mut views = Vec::new();
        for NamedTensor { name, shape, values, .. } in &model.tensors {
            let view = theirs.tensor(name).unwrap();
            assert_eq!((view.dtype(), view.shape()), (Dtype::F32, &shape[..]));
            assert!(view.data().iter().copied().eq(values.iter().flat_map(|value| value.to_le_bytes())));
            views.push((name, TensorView::new(Dtype::F32, shape.clone(), view.data()).unwrap()));
        }
        let rewritten = serialize(views, Some(metadata)).unwrap();
        let mut expected = model.clone();
        expected.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        let mut loaded = ModelFile::from_bytes("rewritten", &rewritten).unwrap();
        loaded.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(loaded, expected);
    }

    #[test]
    fn what_cannot_be_read_again_is_not_written() {
        let tensor = |name: &str, shape: &[usize]| NamedTensor::new(name, shape, vec![1.0, 2.0]);
        let mut deep = serde_json::Value::Null;
        for _ in 0..200 {
            deep = serde_json::Value::Array(vec![deep]);
        }
        let cases: [(Vec<NamedTensor>, serde_json::Value, &str); 5] = [
            (vec![tensor("w", &[3])], 0.into(), "'w': expected [3], found 2 values"),
            (vec![tensor("w", &[usize::MAX, 2, 2])], 0.into(), "found 2 values"),
            (vec![tensor("w", &[2]), tensor("w", &[2])], 0.into(), "two tensors of a model are named 'w'"),
            (vec![tensor("__metadata__", &[2])], 0.into(), "are named '__metadata__'"),
            (vec![], deep, "nest it less deeply"),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (tensors, config, message) in cases {
            let model = ModelFile { task: "t".into(), config, tensors };
            let error = model.save(folder.path().join("m")).unwrap_err().to_string();
            assert!(error.contains(message) && !error.contains('\n'), "{error}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let error = model().save(folder.path().join("absent/m")).unwrap_err().to_string();
        assert!(error.ends_with("make it first"), "{error}");
    }

    proptest! {
        /// A scaler of 0.1 + 0.2 that comes back as 0.3 would forecast other numbers than the one trained.
        #[test]
        fn every_number_of_the_configuration_keeps_its_bits(bits: u64, single: u32) {
            let (number, single) = (f64::from_bits(bits), f32::from_bits(single));
            prop_assume!(number.is_finite() && single.is_finite());
            let config = serde_json::json!([number, single, bits]);
            let bytes = ModelFile { task: String::new(), config, tensors: vec![] }.to_bytes().unwrap();
            let loaded = ModelFile::from_bytes("m", &bytes).unwrap().config;
            prop_assert_eq!(loaded[0].as_f64().unwrap().to_bits(), number.to_bits());
            prop_assert_eq!((loaded[1].as_f64().unwrap() as f32).to_bits(), single.to_bits());
            prop_assert_eq!(loaded[2].as_u64(), Some(bits));
        }
    }
}
