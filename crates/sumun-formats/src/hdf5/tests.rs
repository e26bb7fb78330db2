//! Files of h5py, those written here, and damaged ones.

use std::path::PathBuf;

use super::*;
use crate::tensor::{Data, ElementType};

/// All `.h5` files that Keras saved through h5py.
fn saved() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = sumun_testing::golden_dir().join("keras_models");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "h5"));
    paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn files_of_h5py_are_read() {
    let (_, bytes) = saved().into_iter().find(|(path, _)| path.ends_with("model_simple_rnn.h5")).unwrap();
    let root = read(&bytes).unwrap();
    assert!(root.text("model_config").unwrap().starts_with(r#"{"class_name": "Sequential""#));
    let weights = root.group("model_weights").unwrap();
    assert_eq!(weights.text("keras_version"), Some("3.15.1"));
    let names = ["embedding", "simple_rnn_16", "dense"].map(String::from);
    assert_eq!(weights.attributes["layer_names"], Attribute::Texts(names.into()));
    // An empty list is one of no doubles.
    let none = Tensor::new(ElementType::F64, vec![0], Data::F64(Vec::new()), "test").unwrap();
    let top = weights.group("top_level_model_weights").unwrap();
    assert_eq!(top.attributes["weight_names"], Attribute::Numbers(none));
    let table = weights.array("embedding/sequential/embedding/embeddings").unwrap();
    assert_eq!((table.shape(), table.element()), (&[50, 8][..], ElementType::F32));
    assert!(weights.array("embedding/sequential/none").is_err());
}

#[test]
fn what_is_written_is_read_back() {
    for (path, bytes) in saved() {
        let tree = read(&bytes).unwrap();
        let written = write(&tree).unwrap();
        assert_eq!(read(&written).unwrap(), tree, "{}", path.display());
        assert_eq!(write(&read(&written).unwrap()).unwrap(), written, "{}", path.display());
    }
}

/// A damaged file is an error, or one whose numbers are others; never a panic, and no long search.
#[test]
fn damaged_files_are_errors_or_others() {
    let mut errors = 0;
    for (nth, (_, bytes)) in saved().into_iter().enumerate() {
        let written = write(&read(&bytes).unwrap()).unwrap();
        for bytes in [bytes, written] {
            for length in (0..bytes.len()).step_by(997) {
                assert!(read(&bytes[..length]).is_err(), "{length} bytes");
            }
            let mut damaged = bytes.clone();
            for at in (nth..bytes.len()).step_by(61) {
                for value in [0, 0xff, bytes[at] ^ (1 << (at % 8))] {
                    damaged[at] = value;
                    errors += usize::from(read(&damaged).is_err());
                }
                damaged[at] = bytes[at];
            }
        }
    }
    assert!(errors > 100, "{errors}");
}

fn golden(name: &str) -> Group {
    read(&std::fs::read(sumun_testing::golden_dir().join("hdf5").join(name)).unwrap()).unwrap()
}

/// What `make_hdf5.py` writes: 0, 1, 2 …, halves of these where they are floats.
fn counted(tensor: &Tensor) -> bool {
    let is = |k: usize, value: f64, step: f64| value == k as f64 * step;
    match tensor.data() {
        Data::F32(values) => values.iter().enumerate().all(|(k, &value)| is(k, value.into(), 0.5)),
        Data::F64(values) => values.iter().enumerate().all(|(k, &value)| is(k, value, 0.5)),
        _ => tensor.to_i64().unwrap().iter().enumerate().all(|(k, &value)| is(k, value as f64, 1.0)),
    }
}

#[test]
fn files_of_every_version_are_read() {
    for name in ["older.h5", "newer.h5"] {
        let root = golden(name);
        assert_eq!(root.text("text"), Some("한국어 text"), "{name}");
        let texts = |texts: &[&str]| Attribute::Texts(texts.iter().map(|&text| text.to_owned()).collect());
        assert_eq!(root.attributes["texts"], texts(&["a", "", "longer than the others"]), "{name}");
        assert_eq!(root.attributes["fixed"], texts(&["ab", "c"]), "{name}");
        for (of, element) in [
            ("f8", ElementType::F64),
            ("f4", ElementType::F32),
            ("f2", ElementType::F16),
            ("i8", ElementType::I64),
            ("i4", ElementType::I32),
            ("u1", ElementType::U8),
        ] {
            let tensor = root.array(&format!("types/{of}")).unwrap();
            assert_eq!((tensor.element(), tensor.shape()), (element, &[2, 3][..]), "{name}: {of}");
            assert!(counted(tensor), "{name}: {tensor:?}");
        }
        let scalar = root.array("scalar").unwrap();
        assert_eq!((scalar.shape(), scalar.to_f32().unwrap()), (&[][..], vec![2.5]), "{name}");
        assert_eq!(root.array("unwritten").unwrap().to_f32().unwrap(), [0.0; 4], "{name}");
    }
    let many = golden("older.h5");
    assert_eq!(many.group("many").unwrap().members.len(), 100);
    // What is not read stands in the way of nothing else.
    let error = golden("newer.h5").array("many/0").unwrap_err().to_string();
    assert!(error.contains("links in a heap of their own"), "{error}");
}

#[test]
fn chunks_are_put_together() {
    let root = golden("chunks.h5");
    for (name, shape) in [("plain", &[5, 7][..]), ("packed", &[5, 7, 3]), ("line", &[1000])] {
        let tensor = root.array(name).unwrap();
        assert_eq!(tensor.shape(), shape, "{name}");
        assert!(counted(tensor), "{name}: {tensor:?}");
    }
    // Chunks that were never written are zeros.
    let part = root.array("part").unwrap().to_f32().unwrap();
    let one = |k: usize| if k / 4 < 2 && k % 4 < 2 { 1.0 } else { 0.0 };
    assert_eq!(part, (0..24).map(one).collect::<Vec<f32>>());
}
