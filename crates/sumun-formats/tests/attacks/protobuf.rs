//! Models of ONNX.

use sumun_formats::onnx;

use super::{assert_says, refused};

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn field(number: u64, message: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(message.len() as u64), message.to_vec()].concat()
}

fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

/// A model with that graph.
fn model(graph: &[u8]) -> Vec<u8> {
    [int(1, 8), field(7, graph)].concat()
}

fn weight(parts: &[Vec<u8>]) -> Vec<u8> {
    model(&field(5, &[field(8, b"w"), parts.concat()].concat()))
}

#[test]
fn weights_that_lie() {
    let dims = |sizes: &[u64]| sizes.iter().flat_map(|&size| int(1, size)).collect::<Vec<u8>>();
    let (float, four) = (int(2, 1), field(9, &[0; 4]));
    assert!(onnx::read(&weight(&[dims(&[1]), float.clone(), four.clone()])).is_ok());
    let cases = [
        ("2⁶³ elements", vec![dims(&[1 << 62, 2]), float.clone(), four.clone()]),
        ("a negative axis", vec![dims(&[u64::MAX]), float.clone(), four.clone()]),
        ("more elements than there are", vec![dims(&[1 << 40]), float.clone(), four.clone()]),
        ("no elements", vec![dims(&[1 << 40]), float.clone()]),
        ("a billion axes", vec![field(1, &[1; 1 << 16]), float.clone(), four.clone()]),
        ("a type that there is not", vec![dims(&[1]), int(2, 99), four.clone()]),
        ("texts", vec![dims(&[1]), int(2, 8), field(6, b"a")]),
        ("another file", vec![dims(&[1]), float.clone(), field(13, &field(2, b"/etc/passwd")), int(14, 1)]),
        ("half a number", vec![dims(&[1]), float.clone(), field(9, &[0; 3])]),
        ("half a number in a list", vec![dims(&[1]), float, field(4, &[0; 3])]),
        ("a number outside its type", vec![dims(&[1]), int(2, 3), field(5, &varint(300))]),
    ];
    for (name, parts) in cases {
        assert_says(&refused(name, || onnx::read(&weight(&parts))), "");
    }
    refused("sparse weights", || onnx::read(&model(&field(15, b""))));
}

#[test]
fn graphs_that_nest_or_are_cut() {
    let mut graph = Vec::new();
    for _ in 0..10_000 {
        graph = field(1, &field(5, &[field(1, b"g"), field(6, &graph), int(20, 5)].concat()));
        if graph.len() > 1 << 16 {
            break;
        }
    }
    refused("graphs in graphs", || onnx::read(&model(&graph)));
    for (name, bytes) in [
        ("nothing", vec![]),
        ("no graph", int(1, 8)),
        ("a length of 2⁶³", [varint(7 << 3 | 2), varint(1 << 63)].concat()),
        ("a varint without end", vec![0x80; 1 << 16]),
        ("a group", [varint(7 << 3 | 3), vec![0; 100]].concat()),
        ("all ones", vec![0xff; 1 << 16]),
        ("text", b"import os".to_vec()),
    ] {
        refused(name, || onnx::read(&bytes));
    }
}

/// What is quadratic in a file's size shows here: a megabyte would take minutes.
#[test]
fn many_of_everything() {
    let attributes: Vec<u8> = (0..60_000)
        .flat_map(|i| field(5, &[field(1, format!("{i}").as_bytes()), int(3, 1)].concat()))
        .collect();
    let twice = field(5, &[field(1, b"0"), int(3, 1)].concat());
    refused("attributes", || onnx::read(&model(&field(1, &[attributes, twice].concat()))));
    refused("nodes", || onnx::read(&model(&field(1, b"").repeat(100_000))));
}
