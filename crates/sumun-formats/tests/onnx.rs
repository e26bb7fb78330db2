//! ONNX files: those of other programs, our own, and damaged ones.

use std::path::{Path, PathBuf};

use sumun_formats::onnx::{OnnxAttribute, OnnxAxis, OnnxGraph, OnnxModel, OnnxNode, OnnxValue, read, write};
use sumun_formats::{Data, ElementType, Tensor};

fn goldens() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sumun-testing/golden/onnx_models");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    files.sort();
    assert!(files.len() >= 30, "{} models", files.len());
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn models_of_another_writer_are_read_and_written_again() {
    for (path, bytes) in goldens() {
        let model = read(&bytes).unwrap();
        assert_eq!(model.opset(), 14, "{}", path.display());
        let [node] = model.graph.nodes.as_slice() else { panic!("{}", path.display()) };
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(stem.starts_with(&node.operator.to_lowercase()), "{stem}");
        assert_eq!(node.attribute("hidden_size"), Some(&OnnxAttribute::Int(6)));
        assert_eq!(node.outputs[..2], ["Y", "Y_h"]);
        assert!(model.graph.constants.iter().any(|(name, w)| name == "W" && w.shape()[2] == 4));
        assert_eq!(read(&write(&model)).unwrap(), model, "{}", path.display());
    }
}

/// A model that has every kind of attribute and axis.
fn every_kind() -> OnnxModel {
    let tensor = |element, shape: &[usize], data| Tensor::new(element, shape.to_vec(), data, "test").unwrap();
    let branch = OnnxGraph { name: "then".into(), ..OnnxGraph::default() };
    let attributes = vec![
        ("float", OnnxAttribute::Float(-0.5)),
        ("int", OnnxAttribute::Int(-3)),
        ("text", OnnxAttribute::Text("같은 길이".into())),
        ("tensor", OnnxAttribute::Tensor(tensor(ElementType::I64, &[2], Data::I64(vec![-1, i64::MAX])))),
        ("graph", OnnxAttribute::Graph(Box::new(branch))),
        ("floats", OnnxAttribute::Floats(vec![1.5, f32::MIN_POSITIVE])),
        ("ints", OnnxAttribute::Ints(vec![0, -1, 300])),
        ("texts", OnnxAttribute::Texts(vec![String::new(), "b".into()])),
        ("no_float", OnnxAttribute::Float(0.0)),
        ("no_ints", OnnxAttribute::Ints(Vec::new())),
    ];
    let node = OnnxNode {
        name: "node".into(),
        operator: "Op".into(),
        domain: "some.domain".into(),
        inputs: vec!["a".into(), String::new(), "c".into()],
        outputs: vec!["y".into()],
        attributes: attributes.into_iter().map(|(name, one)| (name.to_owned(), one)).collect(),
    };
    let axes = vec![OnnxAxis::Any("batch".into()), OnnxAxis::Any(String::new()), OnnxAxis::Length(3)];
    let value = |name: &str, shape| OnnxValue { name: name.into(), element: 1, shape };
    let constants = [
        ("f64", tensor(ElementType::F64, &[1], Data::F64(vec![0.1]))),
        ("i32", tensor(ElementType::I32, &[2, 1], Data::I32(vec![-7, 7]))),
        ("u8", tensor(ElementType::U8, &[2], Data::U8(vec![0, 255]))),
        ("i8", tensor(ElementType::I8, &[1], Data::I8(vec![-128]))),
        ("bool", tensor(ElementType::Bool, &[2], Data::Bool(vec![true, false]))),
        ("f16", tensor(ElementType::F16, &[3], Data::F32(vec![0.5, -65504.0, 2.0_f32.powi(-24)]))),
        ("bf16", tensor(ElementType::Bf16, &[2], Data::F32(vec![-1.5, 2.0_f32.powi(127)]))),
        ("i16", tensor(ElementType::I16, &[2], Data::I32(vec![-32768, 32767]))),
        ("u16", tensor(ElementType::U16, &[1], Data::I32(vec![65535]))),
        ("u32", tensor(ElementType::U32, &[1], Data::I64(vec![4_294_967_295]))),
        ("u64", tensor(ElementType::U64, &[1], Data::I64(vec![i64::MAX]))),
        ("scalar", tensor(ElementType::F32, &[], Data::F32(vec![2.5]))),
    ];
    OnnxModel {
        ir_version: 8,
        producer: "test".into(),
        producer_version: "1".into(),
        opsets: vec![(String::new(), 17), ("some.domain".into(), 1)],
        metadata: vec![("key".into(), "text".into())],
        graph: OnnxGraph {
            name: "main".into(),
            nodes: vec![node],
            constants: constants.into_iter().map(|(name, one)| (name.to_owned(), one)).collect(),
            inputs: vec![value("a", Some(axes)), value("c", None)],
            outputs: vec![value("y", Some(Vec::new()))],
            values: Vec::new(),
        },
    }
}

#[test]
fn what_is_written_reads_back() {
    let model = every_kind();
    assert_eq!(read(&write(&model)).unwrap(), model);
}

/// Numbers that are none of the type that a constant states are written as what they are.
#[test]
fn numbers_that_no_half_is_are_written_whole() {
    let mut model = every_kind();
    for (element, value) in [(ElementType::F16, 0.1), (ElementType::F16, 1e9), (ElementType::Bf16, 0.1)] {
        let tensor = Tensor::new(element, vec![1], Data::F32(vec![value]), "test").unwrap();
        model.graph.constants = vec![("a".into(), tensor)];
        let again = read(&write(&model)).unwrap();
        let (_, again) = &again.graph.constants[0];
        assert_eq!((again.element(), again.data()), (ElementType::F32, &Data::F32(vec![value])));
    }
}

#[test]
fn constants_in_typed_fields_are_read() {
    // TensorProto: dims = [2] unpacked, data_type, and the elements in the field of their type, packed.
    let constant = |code: u8, field: &[u8]| {
        let tensor = [&[0x08, 2, 0x10, code][..], field, &[0x42, 1, b'w']].concat();
        let graph = [&[0x2a, tensor.len() as u8][..], &tensor].concat();
        read(&[&[0x08, 8, 0x3a, graph.len() as u8][..], &graph].concat())
            .map(|model| model.graph.constants[0].1.data().clone())
    };
    assert_eq!(constant(1, &[0x22, 8, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]), Ok(Data::F32(vec![1.0, -2.0])));
    assert_eq!(constant(7, &[0x3a, 2, 1, 5]), Ok(Data::I64(vec![1, 5])));
    assert_eq!(constant(7, &[0x38, 1, 0x38, 5]), Ok(Data::I64(vec![1, 5])));
    assert_eq!(constant(10, &[0x2a, 5, 0x80, 0x78, 0x80, 0x80, 0x03]), Ok(Data::F32(vec![1.0, -2.0])));
    assert_eq!(constant(9, &[0x2a, 2, 1, 0]), Ok(Data::Bool(vec![true, false])));
    for (code, field) in [
        (1, &[0x22, 4, 0, 0, 0x80, 0x3f][..]),            // one element of two
        (1, &[0x22, 3, 0, 0, 0]),                         // no whole number of floats
        (3, &[0x2a, 3, 0xff, 0xff, 0x03]),                // 65535 as an i8
        (8, &[0x32, 1, b'a']),                            // texts
        (1, &[0x6a, 0, 0x22, 8, 0, 0, 0, 0, 0, 0, 0, 0]), // data in another file
    ] {
        assert!(constant(code, field).is_err(), "{code} {field:?}");
    }
}

#[test]
fn lengths_that_lie_are_errors() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for bytes in [
        &[][..],
        &[0x08],
        &[0x08, 8],
        &[0x3a, 5, 0],
        &[&[0x3a][..], &huge].concat(),
        &[0x08; 11],
        &[0x3b, 0],
        &[0x02, 0],
        &[&[0x3a, 14, 0x2a, 12, 0x08][..], &huge, &[0x10]].concat(),
        b"not an ONNX file at all, but a text",
    ] {
        let error = read(bytes).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
    }
}

/// Graphs in graphs, `depth` of them.
fn nested(depth: usize) -> OnnxGraph {
    let mut graph = OnnxGraph::default();
    for _ in 0..depth {
        let branch = ("then_branch".to_owned(), OnnxAttribute::Graph(Box::new(graph)));
        let node = OnnxNode { operator: "If".into(), attributes: vec![branch], ..OnnxNode::default() };
        graph = OnnxGraph { nodes: vec![node], ..OnnxGraph::default() };
    }
    graph
}

#[test]
fn depth_and_nodes_are_bounded() {
    let model = |graph| write(&OnnxModel { graph, ..OnnxModel::default() });
    assert!(read(&model(nested(7))).is_ok());
    assert!(read(&model(nested(8))).unwrap_err().to_string().contains("depth"));
    assert!(read(&model(nested(200))).is_err());
    let nodes = vec![OnnxNode::default(); sumun_formats::onnx::NODES + 1];
    assert!(
        read(&model(OnnxGraph { nodes, ..OnnxGraph::default() })).unwrap_err().to_string().contains("nodes")
    );
}

#[test]
fn damaged_files_are_errors_or_models_and_nothing_else() {
    for (_, bytes) in goldens().into_iter().step_by(5).chain([(PathBuf::new(), write(&every_kind()))]) {
        for end in 0..bytes.len() {
            let _ = read(&bytes[..end]);
        }
        let mut changed = bytes.clone();
        for at in 0..bytes.len() {
            for bits in [0x01, 0x80, 0xff] {
                changed[at] = bytes[at] ^ bits;
                let _ = read(&changed);
            }
            changed[at] = bytes[at];
        }
    }
}
