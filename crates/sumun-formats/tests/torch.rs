//! Files that PyTorch wrote, their tensors bit for bit.

use std::path::{Path, PathBuf};

use sumun_formats::torch::{self, Kind, Value};
use sumun_formats::{Tensors, safetensors};
use sumun_testing::golden_files_of;

fn expected(path: &Path) -> Tensors {
    safetensors::read(&std::fs::read(path).unwrap()).unwrap().tensors
}

/// Same names, shapes and bytes; NaN is none among them.
fn assert_same(found: &Tensors, wanted: &Tensors, file: &Path) {
    let file = file.display();
    let names = |tensors: &Tensors| {
        let mut names: Vec<String> = tensors.iter().map(|(name, _)| name.to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(found), names(wanted), "{file}");
    for (name, tensor) in wanted.iter() {
        assert_eq!(found.get(name), Some(tensor), "{file}: {name}");
    }
}

/// The file of expected tensors beside each file, and the key of the file's dict that they are under.
fn cases() -> Vec<(PathBuf, PathBuf, Option<&'static str>)> {
    let case = |path: PathBuf| {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let (beside, key) = match stem.split_once('_') {
            Some((_, "checkpoint")) if !stem.starts_with("kind") => {
                ("state_dict.safetensors", Some("model_state_dict"))
            }
            Some((_, "legacy" | "state_dict")) => ("state_dict.safetensors", None),
            _ => ("", None),
        };
        let beside = match beside {
            "" => path.with_extension("expected.safetensors"),
            name => path.with_file_name(format!("{}_{name}", stem.split_once('_').unwrap().0)),
        };
        (path, beside, key)
    };
    golden_files_of("torch_files", "pt").into_iter().map(case).collect()
}

#[test]
fn every_kind_of_file_is_read() {
    let cases = cases();
    assert_eq!(cases.len(), 20);
    for (path, beside, key) in cases {
        let bytes = std::fs::read(&path).unwrap();
        let checkpoint = torch::read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let root = checkpoint.root();
        let value = key.map_or(root, |key| root.get(key).unwrap());
        assert_same(&value.tensors().unwrap(), &expected(&beside), &path);
    }
}

#[test]
fn what_is_written_is_read_again() {
    for (path, beside, _) in cases() {
        let tensors = expected(&beside);
        let bytes = torch::write(&tensors).unwrap();
        let read = torch::read(&bytes).unwrap().root().tensors().unwrap();
        for (name, tensor) in tensors.iter() {
            // Half precision and the like are written in the wider type that they have in memory.
            let read = read.get(name).unwrap();
            assert_eq!(
                (read.shape(), read.data()),
                (tensor.shape(), tensor.data()),
                "{}: {name}",
                path.display()
            );
        }
        assert_eq!(read.len(), tensors.len());
    }
}

#[test]
fn what_is_beside_the_tensors_can_be_walked() {
    let file =
        golden_files_of("torch_files", "pt").into_iter().find(|path| path.ends_with("kind_checkpoint.pt"));
    let bytes = std::fs::read(file.unwrap()).unwrap();
    let checkpoint = torch::read(&bytes).unwrap();
    let kind = |key: &str| checkpoint.root().get(key).unwrap().kind();
    assert!(matches!(kind("epoch"), Kind::Int(3)));
    assert!(matches!(kind("best"), Kind::Float(0.5)));
    assert!(matches!(kind("done"), Kind::Bool(true)));
    assert!(matches!(kind("big"), Kind::Int(big) if big == 1 << 80));
    assert!(matches!(kind("negative"), Kind::Int(negative) if negative == -(1 << 40)));
    assert!(matches!(kind("none"), Kind::None));
    assert!(matches!(kind("dtype"), Kind::Global("torch.float16")));
    assert!(matches!(kind("device"), Kind::Object { class: "torch.device", .. }));
    assert!(matches!(kind("raw"), Kind::Bytes(b"\0\xff")));
    assert!(matches!(kind("mean"), Kind::Tensor([2, 3])));
    let numbers = |values: Vec<Value>| -> Vec<f64> {
        let number = |value: Value| match value.kind() {
            Kind::Float(number) => number,
            Kind::Int(number) => number as f64,
            other => panic!("{other:?}"),
        };
        values.into_iter().map(number).collect()
    };
    let Kind::List(loss) = checkpoint.root().get("history").unwrap().get("loss").unwrap().kind() else {
        panic!()
    };
    assert_eq!(numbers(loss), [0.5, 0.25, 0.125]);
    let Kind::Tuple(shape) = kind("shape") else { panic!() };
    assert_eq!(numbers(shape), [2.0, 3.0]);
    let Kind::List(words) = kind("words") else { panic!() };
    assert!(matches!(words[0].kind(), Kind::Text("가")));
    assert!(matches!(kind("classes"), Kind::Set(classes) if classes.len() == 2));
    assert!(checkpoint.root().get("nothing").is_none());
}

#[test]
fn a_module_says_its_class_and_attributes() {
    let file = golden_files_of("torch_files", "pt").into_iter().find(|path| path.ends_with("kind_module.pt"));
    let bytes = std::fs::read(file.unwrap()).unwrap();
    let checkpoint = torch::read(&bytes).unwrap();
    let root = checkpoint.root();
    assert!(matches!(root.kind(), Kind::Object { class: "__main__.Tagger", .. }));
    let rnn = root.get("_modules").unwrap().get("rnn").unwrap();
    assert!(matches!(rnn.kind(), Kind::Object { class: "torch.nn.modules.rnn.GRU", .. }));
    assert!(matches!(rnn.get("hidden_size").unwrap().kind(), Kind::Int(2)));
    assert!(matches!(rnn.get("batch_first").unwrap().kind(), Kind::Bool(true)));
}
