//! Graphs that are wrong, or that no model here computes: one line each, with the node's name.

use std::time::{Duration, Instant};

use sumun_formats::Tensor;
use sumun_formats::onnx::OnnxAttribute;

use super::{Graph, error, int, int_list, scalar};
use crate::integers;

fn rows() -> Graph {
    Graph::new()
        .input("x", 1, &[-1, -2, 4])
        .weight("w", &[4, 3])
        .weight("W", &[1, 12, 4])
        .weight("R", &[1, 12, 3])
}

#[test]
fn what_no_layer_here_does_is_named() {
    let lstm = |graph: Graph, x: &str| graph.node_with("LSTM", &[x, "W", "R"], &["y"], &[]).output("y");
    for (graph, expected) in [
        (
            rows().node("Sort", &["x"], &["y"]).output("y"),
            "the node 'y' (Sort): no layer here does what this operator does",
        ),
        (rows().node("MatMul", &["x", "nothing"], &["y"]).output("y"), "it reads 'nothing', which no input"),
        (
            rows().node("MatMul", &["b", "w"], &["a"]).node("Relu", &["a"], &["b"]).output("b"),
            "it reads 'b', which no input",
        ),
        (
            rows().node("Relu", &["x"], &["y"]).node("Relu", &["x"], &["y"]).output("y"),
            "it gives 'y', which is there already",
        ),
        (rows().output("y"), "the output 'y' is given by no node"),
        (rows().output("x"), "the output 'x' is an input as it came"),
        (rows().output("w"), "the output 'w' is a constant or a length"),
        (rows().node("MatMul", &["x", "x"], &["y"]).output("y"), "its input 'x' is no constant"),
        (rows().node("MatMul", &["x", "W"], &["y"]).output("y"), "a dense layer has two axes"),
        (
            rows().weight("v", &[5, 2]).node("MatMul", &["x", "v"], &["y"]).output("y"),
            "an axis of length 4 where 5 is needed",
        ),
        (lstm(rows().input("z", 1, &[-1, 4]), "z"), "it reads 2 axes"),
        (lstm(rows().input("z", 1, &[-1, -2, 5]), "z"), "an axis of length 5 where 4 is needed"),
        (lstm(rows(), "w"), "its input 0 is a constant"),
        (rows().node_with("LSTM", &["x", "W", "w"], &["y"], &[]).output("y"), "which do not fit it"),
        (rows().node_with("GRU", &["x", "W", "R"], &["y"], &[]).output("y"), "which do not fit it"),
        (
            rows().node_with("LSTM", &["x", "W", "R"], &["y"], &[("hidden_size", int(7))]).output("y"),
            "which its settings contradict",
        ),
        (
            rows()
                .node_with("LSTM", &["x", "W", "R"], &["y"], &[("hidden_size", int_list(&[3]))])
                .output("y"),
            "its setting hidden_size is not a whole number",
        ),
        (
            rows()
                .node_with(
                    "LSTM",
                    &["x", "W", "R"],
                    &["y"],
                    &[("activations", OnnxAttribute::Texts(vec!["Swish".into()]))],
                )
                .output("y"),
            "its activation 'Swish' is none that cells here have",
        ),
        (
            rows().node_with("Transpose", &["x"], &["y"], &[("perm", int_list(&[0, 0, 1]))]).output("y"),
            "is no order of 3 axes",
        ),
        (rows().ints("s", &[-1, 7]).node("Reshape", &["x", "s"], &["y"]).output("y"), "(Reshape): its shape"),
        (
            rows().ints("s", &[-1, -1]).node("Reshape", &["x", "s"], &["y"]).output("y"),
            "two lengths of its shape are left open",
        ),
        (
            rows().ints("s", &[i64::MAX, i64::MAX]).node("Reshape", &["x", "s"], &["y"]).output("y"),
            "(Reshape):",
        ),
        (
            rows().ints("s", &[0, 4, -1]).node("Reshape", &["x", "s"], &["y"]).output("y"),
            "(Reshape): its shape mixes",
        ),
        (
            rows().node_with("Softmax", &["x"], &["y"], &[("axis", int(9))]).output("y"),
            "there is no axis 9 of an array of 3 axes",
        ),
        (
            rows().node_with("Squeeze", &["x"], &["y"], &[("axes", int_list(&[2]))]).output("y"),
            "an axis of length 4 is left out",
        ),
        (
            rows()
                .ints("s", &[1])
                .ints("e", &[3])
                .ints("a", &[1])
                .node("Slice", &["x", "s", "e", "a"], &["y"])
                .output("y"),
            "it takes others than one, or every so many but some at the ends",
        ),
        (
            rows().input("c", 9, &[]).node_with("If", &["c"], &["y"], &[]).output("y"),
            "the input 'c' has neither numbers nor whole numbers",
        ),
        (
            rows().input("c", 7, &[]).node_with("If", &["c"], &["y"], &[]).output("y"),
            "it depends on the input 'c', whose value is not known; give it with set_input = c=NUMBER",
        ),
        (
            rows().input("x", 1, &[-1]).node("Relu", &["x"], &["y"]).output("y"),
            "the input 'x' is there twice",
        ),
        (rows().weight("w", &[1]).node("Relu", &["x"], &["y"]).output("y"), "two constants are named 'w'"),
        (Graph::new().input("x", 1, &[-1, -2, -3, -4, -5]).output("x"), "has 5 axes"),
        (
            Graph::new().input("x", 1, &[-1, -2, -3]).node("Relu", &["x"], &["y"]).output("y"),
            "how many features it has is not known",
        ),
    ] {
        let found = error(graph);
        assert!(found.contains(expected), "{found}\nnot: {expected}");
        assert!(!found.contains('\n'), "{found}");
    }
}

#[test]
fn shares_of_steps_that_are_no_attention_are_refused() {
    let rows = || rows().weight("v", &[4, 1]).weight("u", &[4, 4]).ints("one", &[1]);
    let shares = |x: &str| {
        rows().node("MatMul", &[x, "v"], &["s"]).node_with("Softmax", &["s"], &["p"], &[("axis", int(1))])
    };
    let weigh = |graph: Graph, steps: &str| {
        let graph = graph.node("Mul", &["p", steps], &["m"]);
        graph.node_with("ReduceSum", &["m", "one"], &["y"], &[("keepdims", int(0))]).output("y")
    };
    for (graph, expected) in [
        (weigh(shares("x").node("MatMul", &["x", "u"], &["z"]), "z"), "it weighs other steps than those"),
        (shares("x").output("p"), "the output 'p' is shares of steps"),
        (weigh(shares("x"), "x").output("p"), "the output 'p' is shares of steps"),
        (
            weigh(shares("x").node("Relu", &["p"], &["z"]).output("z"), "x"),
            "no layer here does but as attention",
        ),
        (shares("x").node("Mul", &["p", "x"], &["y"]).output("y"), "the output 'y' is shares of steps"),
        (shares("x").node("Mul", &["p", "p"], &["y"]).output("y"), "no layer here does but as attention"),
        (weigh(shares("x").node("Relu", &["s"], &["z"]).output("z"), "x"), "another node reads the scores"),
        (
            weigh(rows().node_with("Softmax", &["x"], &["p"], &[("axis", int(1))]), "x"),
            "how many features its input has is not known",
        ),
        (
            weigh(
                rows().node("MatMul", &["x", "v"], &["r"]).node("Relu", &["r"], &["s"]).node_with(
                    "Softmax",
                    &["s"],
                    &["p"],
                    &[("axis", int(1))],
                ),
                "x",
            ),
            "no layer here does but as attention",
        ),
    ] {
        let found = error(graph);
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn sequences_of_arrays_that_are_not_known_are_refused() {
    let split = |sizes: &[i64], to: &str, index: i64| {
        rows()
            .ints("sizes", sizes)
            .constant("i", scalar(index))
            .node_with("SplitToSequence", &["x", "sizes"], &["s"], &[("axis", int(-1))])
            .node(to, &["s", "i"], &["y"])
            .output("y")
    };
    let places = |graph: Graph, index: i64| {
        let cut = [("axis", int(1)), ("keepdims", int(0))];
        let graph = graph.constant("i", scalar(index)).node_with("SplitToSequence", &["x"], &["s"], &cut);
        graph.node("SequenceAt", &["s", "i"], &["y"]).output("y")
    };
    for (graph, expected) in [
        (split(&[1, 3], "SequenceAt", 2), "there is no axis 2 of an array of 2 axes"),
        (split(&[1, 3], "SequenceAt", i64::MIN), "there is no axis"),
        (split(&[], "SequenceAt", 0), "there is no axis 0 of an array of 0 axes"),
        (split(&[0, 4], "SequenceAt", 1), "it splits at places that are not known"),
        (split(&[-1, i64::MAX], "SequenceAt", 0), "it splits at places that are not known"),
        (split(&[i64::MAX, i64::MAX], "SequenceAt", 1), "it takes features that do not follow one another"),
        (split(&[1, 3], "Relu", 0), "it reads 's', which no input"),
        (split(&[1, 3], "ConcatFromSequence", 0), "it has no axis"),
        (places(rows(), i64::MIN), "takes others than one, or every so many"),
        (places(rows(), i64::MAX), "takes others than one, or every so many"),
        (
            rows().constant("i", scalar(0)).node("SequenceAt", &["x", "i"], &["y"]).output("y"),
            "it reads 'x', which is no sequence that is known",
        ),
        (
            places(
                rows().node("SplitToSequence", &["x"], &["s"]).node("Relu", &["s"], &["z"]).output("z"),
                0,
            ),
            "it reads 's', which no input",
        ),
        (
            rows()
                .node("SequenceConstruct", &["x", "x"], &["s"])
                .node_with("ConcatFromSequence", &["s"], &["y"], &[("axis", int(1)), ("new_axis", int(1))])
                .output("y"),
            "an axis that they do not have",
        ),
    ] {
        let found = error(graph);
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn lengths_that_only_some_nodes_know_are_refused() {
    let graph = |second: &[&str]| {
        rows()
            .input("lengths", 6, &[-2])
            .weight("V", &[1, 12, 3])
            .node_with("LSTM", &["x", "W", "R", "", "lengths"], &["a"], &[])
            .node_with("Squeeze", &["a"], &["b"], &[("axes", int_list(&[1]))])
            .node_with("LSTM", second, &["y"], &[])
            .output("y")
    };
    sumun_nn::interchange::onnx::read(&graph(&["b", "V", "R", "", "lengths"]).model()).unwrap();
    let headed = graph(&["b", "V", "R", "", "lengths"]).node("Relu", &["y"], &["z"]).output("z");
    let notes = sumun_nn::interchange::onnx::read(&headed.model()).unwrap().notes;
    assert_eq!(
        notes,
        ["past the end of a sequence 'z' is 0 here, where the graph goes on computing with zeros"]
    );
    let found = error(graph(&["b", "V", "R"]));
    assert!(found.contains("has lengths of sequences, the node 'y' (LSTM) reads on past them"), "{found}");
}

/// Nodes that copy a constant over and over make no more numbers than a few times those of the file.
#[test]
fn work_is_a_multiple_of_the_file() {
    let start = Instant::now();
    let mut graph = Graph::new()
        .input("x", 1, &[-1, -2, 4])
        .constant("c0", Tensor::f32(vec![1 << 20], vec![0.5; 1 << 20]).unwrap());
    for k in 0..2000 {
        let (from, to) = (format!("c{k}"), format!("c{}", k + 1));
        graph = graph.node("Transpose", &[&from], &[&to]);
    }
    let graph = graph.node("Add", &["x", "c2000"], &["y"]).output("y");
    assert!(error(graph).contains("makes more numbers of its constants than a model has"));
    let range = rows().constant("a", scalar(0)).constant("b", scalar(i64::MAX)).constant("c", scalar(1));
    let graph =
        range.node("Range", &["a", "b", "c"], &["r"]).node("Reshape", &["x", "r"], &["y"]).output("y");
    assert!(error(graph).contains("a range of more than"));
    let huge = rows().constant("s", integers(&[3], &[i64::MAX, i64::MAX, 2])).node(
        "ConstantOfShape",
        &["s"],
        &["z"],
    );
    let graph = huge.node("Add", &["x", "z"], &["y"]).output("y");
    assert!(error(graph).contains("(Add): "));
    assert!(start.elapsed() < Duration::from_secs(20));
}

/// A body of a loop that reads what it gives, a loop of another body than a cell, and pads that no memory holds.
#[test]
fn loops_and_pads_that_are_none_are_refused() {
    let scan = |body: Graph| {
        rows().input("h", 1, &[-2, 3]).node_with(
            "Scan",
            &["h", "x"],
            &["hn", "y"],
            &[("body", OnnxAttribute::Graph(Box::new(body.graph()))), ("num_scan_inputs", int(1))],
        )
    };
    let body = || Graph::new().input("hp", 1, &[-2, 3]).input("xt", 1, &[-2, 4]);
    let reading = |nodes: Graph| scan(nodes.output("a").output("b")).output("y");
    let deep = (0..100_000).fold(body(), |graph, k| {
        graph.node("Add", &[&format!("s{k}"), &format!("s{k}")], &[&format!("s{}", k + 1)])
    });
    for (graph, expected) in [
        (
            reading(body().node("Identity", &["b"], &["a"]).node("Identity", &["a"], &["b"])),
            "its body is none of the cells that layers here have",
        ),
        (
            reading(body().node("Tanh", &["a"], &["a"]).node("Identity", &["a"], &["b"])),
            "its body is none of the cells that layers here have",
        ),
        (
            reading(deep.node("Tanh", &["s100000"], &["a"]).node("Identity", &["a"], &["b"])),
            "its body is none of the cells that layers here have",
        ),
        (scan(body().output("a")).output("y"), "its body is none of the cells that layers here have"),
        (
            rows().input("h", 1, &[-2, 3]).node("Scan", &["h", "x"], &["y"]).output("y"),
            "(Scan): it has no body",
        ),
        (rows().node("Loop", &["", "", "x"], &["y"]).output("y"), "(Loop): it has no body"),
        (
            rows()
                .ints("p", &[0, i64::MAX, 0, 0, i64::MAX, 0])
                .node("Pad", &["x", "p"], &["z"])
                .node("MatMul", &["z", "w"], &["y"])
                .output("y"),
            "after a sequence; at most",
        ),
        (rows().ints("p", &[0, 1, 0, 0, 1]).node("Pad", &["x", "p"], &["y"]).output("y"), "5 pads of 3 axes"),
        (rows().ints("p", &[0, 0, 1, 0, 0, 0]).node("Pad", &["x", "p"], &["y"]).output("y"), "how many"),
        (
            rows().ints("p", &[0, 1, 1, 0, 0, 0]).node("Pad", &["x", "p"], &["y"]).output("y"),
            "it pads several axes",
        ),
        (
            rows()
                .ints("p", &[0, 1, 0, 0, 0, 0])
                .node_with("Pad", &["x", "p"], &["y"], &[("mode", super::text("wrap"))])
                .output("y"),
            "its mode is 'wrap'",
        ),
    ] {
        let start = Instant::now();
        let found = error(graph);
        assert!(found.contains(expected), "{found}\nnot: {expected}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}
