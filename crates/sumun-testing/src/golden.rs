//! Golden files: cases with their expected results, computed by another library.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

/// The folder that holds the golden files of all sources, one folder a source (`torch`, …).
pub fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// All `.safetensors` files of one source, in the order of their names.
///
/// # Panics
/// When the folder cannot be read.
pub fn golden_files(source: &str) -> Vec<PathBuf> {
    golden_files_of(source, "safetensors")
}

/// All files of one source with that extension, in the order of their names.
///
/// # Panics
/// When the folder cannot be read, and when there are none.
pub fn golden_files_of(source: &str, extension: &str) -> Vec<PathBuf> {
    let folder = golden_dir().join(source);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap_or_else(|e| panic!("{}: {e}", folder.display())).path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    assert!(!files.is_empty(), "{}: there is no .{extension} file", folder.display());
    files.sort();
    files
}

/// The values of a tensor, in the precision of the file.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Integers; narrower ones of a file are widened.
    I64(Vec<i64>),
}

/// A named tensor of a golden file, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Values,
}

/// One case: its settings and its named tensors.
#[derive(Debug, Clone)]
pub struct Golden {
    /// The file's name without its extension.
    pub name: String,
    /// The JSON object of the metadata entry `case`; null where the file has none.
    pub case: serde_json::Value,
    tensors: BTreeMap<String, Tensor>,
}

impl Golden {
    /// Reads the file at `path`.
    ///
    /// # Panics
    /// When the file cannot be read, is not a safetensors file, holds another type than `f32`, `f64`, `i64` or `u8`
    /// (a mask), or when its `case` is not JSON.
    pub fn load(path: &Path) -> Self {
        let at = path.display();
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{at}: {e}"));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap_or_else(|e| panic!("{at}: {e}"));
        let case = header.metadata().as_ref().and_then(|entries| entries.get("case"));
        let case = case.map_or(serde_json::Value::Null, |text| {
            serde_json::from_str(text).unwrap_or_else(|e| panic!("{at}: case: {e}"))
        });
        let file = SafeTensors::deserialize(&bytes).unwrap_or_else(|e| panic!("{at}: {e}"));
        let tensors = file.iter().map(|(name, view)| {
            let values = match view.dtype() {
                Dtype::F32 => Values::F32(numbers(view.data(), f32::from_le_bytes)),
                Dtype::F64 => Values::F64(numbers(view.data(), f64::from_le_bytes)),
                Dtype::I64 => Values::I64(numbers(view.data(), i64::from_le_bytes)),
                Dtype::U8 => Values::I64(view.data().iter().map(|&v| i64::from(v)).collect()),
                other => panic!("{at}: {name} holds {other:?}, which this loader does not read"),
            };
            (name.to_string(), Tensor { shape: view.shape().to_vec(), values })
        });
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Self { name, case, tensors: tensors.collect() }
    }

    /// The tensor called `name`, where the file has one.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// The tensor called `name`.
    ///
    /// # Panics
    /// When the file has no such tensor.
    pub fn tensor(&self, name: &str) -> &Tensor {
        self.get(name).unwrap_or_else(|| panic!("{}: no tensor {name} among {:?}", self.name, self.names()))
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> Vec<&str> {
        self.tensors.keys().map(String::as_str).collect()
    }

    /// An integer of the case, such as `hidden_size`.
    ///
    /// # Panics
    /// When the case has no such integer.
    pub fn size(&self, key: &str) -> usize {
        let value = &self.case[key];
        let size = value.as_u64().and_then(|v| usize::try_from(v).ok());
        size.unwrap_or_else(|| panic!("{}: case.{key} is {value}, expected a size", self.name))
    }

    /// A switch of the case, such as `bidirectional`.
    ///
    /// # Panics
    /// When the case has no such switch.
    pub fn flag(&self, key: &str) -> bool {
        let value = &self.case[key];
        value
            .as_bool()
            .unwrap_or_else(|| panic!("{}: case.{key} is {value}, expected true or false", self.name))
    }

    /// A word of the case, such as `kind`; `None` where the case has no such word.
    pub fn word(&self, key: &str) -> Option<&str> {
        self.case[key].as_str()
    }
}

impl Tensor {
    /// The values as floating-point numbers: `Vec<f64>` exactly, `Vec<f32>` rounded where the file holds `f64`.
    ///
    /// # Panics
    /// When the tensor holds integers: ids and lengths are not rounded by mistake.
    pub fn reals<F: FromReal>(&self) -> Vec<F> {
        match &self.values {
            Values::F32(values) => values.iter().map(|&v| F::from_real(f64::from(v))).collect(),
            Values::F64(values) => values.iter().map(|&v| F::from_real(v)).collect(),
            Values::I64(_) => panic!("a tensor {:?} of integers was read as real numbers", self.shape),
        }
    }

    /// The values as integers.
    ///
    /// # Panics
    /// When the tensor holds real numbers.
    pub fn integers(&self) -> &[i64] {
        match &self.values {
            Values::I64(values) => values,
            _ => panic!("a tensor {:?} of real numbers was read as integers", self.shape),
        }
    }
}

/// A precision that [`Tensor::reals`] gives: `f32` or `f64`.
pub trait FromReal {
    /// The nearest value to `value`.
    fn from_real(value: f64) -> Self;
}

impl FromReal for f32 {
    fn from_real(value: f64) -> Self {
        value as f32
    }
}

impl FromReal for f64 {
    fn from_real(value: f64) -> Self {
        value
    }
}

/// Little-endian bytes, the order of every safetensors file, as numbers.
fn numbers<V, const SIZE: usize>(bytes: &[u8], from: fn([u8; SIZE]) -> V) -> Vec<V> {
    let (chunks, rest) = bytes.as_chunks::<SIZE>();
    assert!(rest.is_empty(), "{} bytes do not divide by {SIZE}", bytes.len());
    chunks.iter().map(|&chunk| from(chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Golden, Values, golden_files};
    use crate::assert_close;

    #[test]
    fn every_torch_file_is_read_whole() {
        let (mut layers, mut curves) = (0, 0);
        for path in golden_files("torch") {
            let golden = Golden::load(&path);
            assert!(golden.case.is_object(), "{}: {}", golden.name, golden.case);
            for name in golden.names() {
                let tensor = golden.tensor(name);
                let count = match &tensor.values {
                    Values::F32(v) => v.len(),
                    Values::F64(v) => v.len(),
                    Values::I64(v) => v.len(),
                };
                assert_eq!(count, tensor.shape.iter().product::<usize>(), "{}: {name}", golden.name);
            }
            if golden.name.starts_with("train_") {
                curves += 1;
                let losses: Vec<f64> = golden.tensor("losses").reals();
                assert!(losses.len() == 10 && losses.iter().all(|l| l.is_finite() && *l > 0.0));
                assert!(golden.tensor("ids").integers().iter().all(|id| (0..20).contains(id)));
                let names = golden.names();
                let trained: Vec<&str> =
                    names.iter().filter_map(|name| name.strip_prefix("param.")).collect();
                assert!(trained.len() >= 7, "{}: {trained:?}", golden.name);
                for name in trained {
                    let (before, after) = (format!("param.{name}"), format!("final.{name}"));
                    assert_eq!(golden.tensor(&before).shape, golden.tensor(&after).shape, "{name}");
                }
            } else {
                layers += 1;
            }
        }
        assert_eq!((layers, curves), (36, 7));
    }

    #[test]
    fn values_and_settings_of_a_known_case() {
        let path = &golden_files("torch").into_iter().find(|p| p.ends_with("lstm_packed.safetensors"));
        let golden = Golden::load(path.as_ref().expect("the file is there"));
        assert_eq!((golden.size("input_size"), golden.size("hidden_size")), (5, 9));
        assert_eq!((golden.word("kind"), golden.word("nonlinearity")), (Some("LSTM"), None));
        assert!(golden.flag("packed") && !golden.flag("bidirectional"));
        assert_eq!(golden.tensor("lengths").integers(), [3, 8, 1, 8, 5]);
        let output = golden.tensor("output");
        assert_eq!(output.shape, [5, 8, 9]);
        let (single, double) = (output.reals::<f32>(), output.reals::<f64>());
        assert_close("output", &single, &double, 0.0, 0.0);
        // The third sequence has one step; the rest of it is padding, which PyTorch fills with zeros.
        let third = &double[2 * 8 * 9..3 * 8 * 9];
        assert!(third[..9].iter().all(|v| *v != 0.0) && third[9..].iter().all(|v| *v == 0.0));
    }

    #[test]
    fn masks_are_read_as_integers() {
        let files = golden_files("keras");
        let path = files.iter().find(|p| p.ends_with("gru_mask_holes.safetensors"));
        let golden = Golden::load(path.expect("the file is there"));
        let holes = [[1, 0, 1, 1, 0, 1], [0, 0, 1, 1, 1, 0], [0; 6]];
        assert_eq!(golden.tensor("mask").integers(), holes.as_flattened());
        assert_eq!((files.len(), golden_files("onnx").len()), (51, 31));
    }

    #[test]
    #[should_panic(expected = "lstm_plain: no tensor d_lengths among [\"c0\"")]
    fn a_missing_tensor_is_named() {
        Golden::load(&super::golden_dir().join("torch/lstm_plain.safetensors")).tensor("d_lengths");
    }
}
