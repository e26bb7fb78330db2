//! Recurrent nodes that ONNX Runtime computed: every operator, direction and option, states, and lengths, 0 among them.

use std::path::Path;

use sumun_formats::{Data, Tensors, onnx, safetensors};
use sumun_nn::interchange::onnx::read;

/// As the README of the golden files says.
fn close(what: &str, got: f32, want: f32) {
    assert!((got - want).abs() <= 1e-6 + 1e-5 * want.abs(), "{what}: {got}, not {want}");
}

#[test]
fn every_node_computes_what_onnx_runtime_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sumun-testing/golden/onnx_models");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "onnx") {
            continue;
        }
        let model = onnx::read(&std::fs::read(&path).unwrap()).unwrap();
        let import = read(&model).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
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
        let outputs =
            import.apply(&inputs, &initial).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let names: Vec<&str> = outputs.iter().map(|(name, _)| name).collect();
        let wanted: Vec<&str> = model.graph.outputs.iter().map(|value| value.name.as_str()).collect();
        assert_eq!(names, wanted);
        for (name, got) in outputs.iter() {
            let want = expected.get(name).unwrap();
            let what = format!("{}: {name}", path.file_stem().unwrap().display());
            assert_eq!(got.shape(), want.shape(), "{what}");
            let (Data::F32(got), Data::F32(want)) = (got.data(), want.data()) else { panic!("{what}") };
            got.iter().zip(want).for_each(|(&got, &want)| close(&what, got, want));
        }
        seen += 1;
    }
    assert_eq!(seen, 31);
}
