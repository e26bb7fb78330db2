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
