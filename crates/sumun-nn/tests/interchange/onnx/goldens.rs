//! Graphs that ONNX Runtime computed: recurrent nodes with every operator, direction and option, states, and lengths, 0 among
//! them; and what surrounds such nodes, cells of single nodes and loops among it.

use std::collections::BTreeMap;
use std::path::Path;

use sumun_formats::{Data, Tensors, onnx, safetensors};
use sumun_nn::interchange::Import;
use sumun_nn::interchange::onnx::{read, read_with};

/// As the README of the golden files says.
fn close(what: &str, got: f32, want: f32) {
    assert!((got - want).abs() <= 1e-6 + 1e-5 * want.abs(), "{what}: {got}, not {want}");
}

/// Holds every graph of a folder against its expected outputs; returns how many there are.
fn check(folder: &str, import: impl Fn(&str, &onnx::OnnxModel) -> sumun_nn::Result<Import>) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sumun-testing/golden").join(folder);
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "onnx") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let model = onnx::read(&std::fs::read(&path).unwrap()).unwrap();
        let import = import(name, &model).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected =
            safetensors::read(&std::fs::read(path.with_extension("expected.safetensors")).unwrap())
                .unwrap()
                .tensors;
        let (mut inputs, mut initial) = (Tensors::new(), Tensors::new());
        for value in &model.graph.inputs {
            let tensor = expected.get(&value.name).unwrap().clone();
            let to = if value.name.starts_with("initial") { &mut initial } else { &mut inputs };
            to.insert(value.name.clone(), tensor, "test").unwrap();
        }
        let outputs = import.apply(&inputs, &initial).unwrap_or_else(|error| panic!("{name}: {error}"));
        let names: Vec<&str> = outputs.iter().map(|(name, _)| name).collect();
        let wanted: Vec<&str> = model.graph.outputs.iter().map(|value| value.name.as_str()).collect();
        assert_eq!(names, wanted, "{name}");
        for (output, got) in outputs.iter() {
            let want = expected.get(output).unwrap();
            let what = format!("{name}: {output}");
            assert_eq!(got.shape(), want.shape(), "{what}");
            let (Data::F32(got), Data::F32(want)) = (got.data(), want.data()) else { panic!("{what}") };
            got.iter().zip(want).for_each(|(&got, &want)| close(&what, got, want));
        }
        seen += 1;
    }
    seen
}

#[test]
fn every_node_computes_what_onnx_runtime_does() {
    assert_eq!(check("onnx_models", |_, model| read(model)), 31);
}

#[test]
fn every_graph_computes_what_onnx_runtime_does() {
    let seen = check("onnx_graphs", |name, model| {
        let known = match name {
            "two_rates" => BTreeMap::from([("sr".to_owned(), 8000.0)]),
            _ => BTreeMap::new(),
        };
        read_with(model, &known)
    });
    assert_eq!(seen, 24);
}
