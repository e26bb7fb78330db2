//! Files of PyTorch as people save them: the weights and what PyTorch computes with them.

use std::path::{Path, PathBuf};

use sumun_formats::{Tensors, safetensors, torch};
use sumun_nn::interchange::{FileFormat, ForeignFile, apply, to_weights};
use sumun_testing::assert_close;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sumun-testing/golden/torch_files")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn expected(name: &str) -> Tensors {
    safetensors::read(&bytes(name)).unwrap().tensors
}

fn only(tensors: &Tensors, name: &str) -> Tensors {
    let mut one = Tensors::new();
    one.insert(name.into(), tensors.get(name).unwrap().clone(), "test").unwrap();
    one
}

#[test]
fn classifiers_compute_what_pytorch_computes() {
    for cell in ["rnn", "lstm", "gru"] {
        let expected = expected(&format!("{cell}.expected.safetensors"));
        let mut weights = None;
        for (suffix, format) in [
            ("_state_dict.pt", FileFormat::Torch),
            ("_checkpoint.pt", FileFormat::Torch),
            ("_legacy.pt", FileFormat::Torch),
            ("_state_dict.safetensors", FileFormat::Safetensors),
        ] {
            let file = ForeignFile::read(&bytes(&format!("{cell}{suffix}"))).unwrap();
            assert_eq!(file.format(), format);
            assert_eq!(file.notes().len(), usize::from(suffix == "_checkpoint.pt"), "{:?}", file.notes());
            let model = file.import(None).unwrap().model;
            assert_eq!(model.layer_names().collect::<Vec<_>>(), ["embedding", "rnn", "fc"]);
            let results = apply(&model, &only(&expected, "input"), &Tensors::new()).unwrap();
            let (got, want) = (results.get("output").unwrap(), expected.get("output").unwrap());
            assert_eq!(got.shape(), want.shape());
            let (got, want) = (got.to_f32().unwrap(), want.to_f32().unwrap());
            assert_close(&format!("{cell}{suffix}"), &got, &want, 1e-6, 1e-5);
            // Every way of saving holds the same model.
            let got = to_weights(&model).unwrap();
            let first = weights.get_or_insert_with(|| got.clone());
            assert!(got.iter().all(|(name, tensor)| first.get(name) == Some(tensor)), "{cell}{suffix}");
        }
    }
}

#[test]
fn a_model_that_is_written_reads_back_to_the_same_bits() {
    let file = ForeignFile::read(&bytes("gru_state_dict.pt")).unwrap();
    let model = file.import(None).unwrap().model;
    let weights = to_weights(&model).unwrap();
    let written = ForeignFile::read(&torch::write(&weights).unwrap()).unwrap();
    assert_eq!(to_weights(&written.import(None).unwrap().model).unwrap(), weights);
}

#[test]
fn bytes_of_no_format_are_refused() {
    for bytes in [&b""[..], b"PK", b"date,value\n1,2\n", &[0; 100], &[0xff; 100], b"\x89HDF\r\n\x1a\n"] {
        let error = ForeignFile::read(bytes).unwrap_err().to_string();
        assert!(!error.contains('\n') && !error.is_empty(), "{error}");
    }
}
