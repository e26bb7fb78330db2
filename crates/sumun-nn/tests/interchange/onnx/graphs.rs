//! Graphs as exporters write them.

use std::collections::BTreeMap;

use sumun_formats::onnx::OnnxAttribute;
use sumun_formats::{Data, ElementType, Tensor, Tensors};
use sumun_nn::interchange::Import;
use sumun_nn::interchange::apply;
use sumun_nn::interchange::onnx::{read, read_with};
use sumun_nn::model::{Input, Model, RecurrentLayer};

use super::{Graph, error, int, int_list, scalar, text};
use crate::{integers, tensor, tensors};

fn values(tensors: &Tensors, name: &str) -> Vec<f32> {
    match tensors.get(name).unwrap_or_else(|| panic!("no {name}")).data() {
        Data::F32(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

fn run(import: &Import, inputs: &[(&str, Tensor)]) -> Tensors {
    import.apply(&tensors(inputs), &Tensors::new()).unwrap()
}

fn close(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    got.iter().zip(want).for_each(|(got, want)| assert!((got - want).abs() < 1e-6, "{got}, not {want}"));
}

/// What PyTorch's exporter makes of an embedding, a bidirectional LSTM of two layers with `batch_first`, the last step, a
/// linear layer and a softmax.
fn classifier() -> Graph {
    let (hidden, direction) = (("hidden_size", int(3)), ("direction", text("bidirectional")));
    let mut graph = Graph::new()
        .producer("pytorch")
        .input("x", 7, &[-1, -2])
        .weight("e.weight", &[20, 4])
        .constant("minus", scalar(-1))
        .constant("zero", scalar(0))
        .ints("i0", &[0])
        .ints("i2", &[2])
        .ints("i3", &[3])
        .ints("i4", &[4])
        .ints("shape", &[0, 0, -1])
        .node("Gather", &["e.weight", "x"], &["/e/Gather"])
        .node("Shape", &["/e/Gather"], &["shape_of"])
        .node("Gather", &["shape_of", "zero"], &["n"])
        .node("Unsqueeze", &["n", "i0"], &["n1"])
        .node_with("Concat", &["i4", "n1", "i3"], &["shape0"], &[("axis", int(0))])
        .node_with(
            "ConstantOfShape",
            &["shape0"],
            &["zeros"],
            &[("value", OnnxAttribute::Tensor(tensor_of(0.0)))],
        )
        .node_with("Transpose", &["/e/Gather"], &["time_first"], &[("perm", int_list(&[1, 0, 2]))]);
    for (layer, from, width, ends) in [(0, "time_first", 4, ["i0", "i2"]), (1, "merged0", 6, ["i2", "i4"])] {
        let of = |name: &str| format!("{name}{layer}");
        let [w, r, b, h0, y, turned, merged] = ["W", "R", "B", "h0_", "y", "turned", "merged"].map(of);
        graph = graph
            .weight(&w, &[2, 12, width])
            .weight(&r, &[2, 12, 3])
            .weight(&b, &[2, 24])
            .node("Slice", &["zeros", ends[0], ends[1], "i0"], &[&h0])
            .node_with("LSTM", &[from, &w, &r, &b, "", &h0, &h0], &[&y], &[hidden.clone(), direction.clone()])
            .node_with("Transpose", &[&y], &[&turned], &[("perm", int_list(&[0, 2, 1, 3]))])
            .node("Reshape", &[&turned, "shape"], &[&merged]);
    }
    graph
        .weight("f.weight", &[5, 6])
        .weight("f.bias", &[5])
        .node_with("Transpose", &["merged1"], &["batch_first"], &[("perm", int_list(&[1, 0, 2]))])
        .node_with("Gather", &["batch_first", "minus"], &["last"], &[("axis", int(1))])
        .node_with("Gemm", &["last", "f.weight", "f.bias"], &["/f/Gemm"], &[("transB", int(1))])
        .node_with("Softmax", &["/f/Gemm"], &["probabilities"], &[("axis", int(-1))])
        .output("probabilities")
        .output("batch_first")
}

fn tensor_of(value: f32) -> Tensor {
    Tensor::f32(vec![1], vec![value]).unwrap()
}

#[test]
fn a_graph_of_pytorch_is_a_list_of_layers() {
    let import = read(&classifier().model()).unwrap();
    let layers: Vec<&str> = import.model.config().layers.iter().map(|layer| layer.kind()).collect();
    assert_eq!(layers, ["embedding", "lstm", "lstm", "pool", "dense", "softmax"]);
    assert_eq!(import.notes, Vec::<String>::new());
    let ids = integers(&[2, 4], &[3, 1, 19, 0, 7, 7, 2, 5]);
    let outputs = run(&import, &[("x", ids.clone())]);
    assert_eq!(outputs.get("probabilities").unwrap().shape(), [2, 5]);
    assert_eq!(outputs.get("batch_first").unwrap().shape(), [2, 4, 6]);
    for row in values(&outputs, "probabilities").chunks(5) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
    // The same layers by hand, with the blocks of the weights in PyTorch's order, return the same bits.
    let file = import.model.config().clone();
    let mut model = file.build(3).unwrap();
    let from = import.model.parameters().values().to_vec();
    model.parameters_mut().values_mut().copy_from_slice(&from);
    let direct = apply(&model, &tensors(&[("x", ids)]), &Tensors::new()).unwrap();
    let name = model.output_names().next().unwrap().to_owned();
    assert_eq!(values(&direct, &name), values(&outputs, "probabilities"));
}

/// The blocks i, o, f, c of ONNX are i, f, c, o here.
#[test]
fn blocks_are_put_in_order() {
    let import = read(&classifier().model()).unwrap();
    let weights = import.model.parameters();
    let id = weights.find("lstm.weight_hh_l0_reverse").expect("the first layer is named lstm");
    let raw = tensor(&[2, 12, 3], "R0".bytes().map(usize::from).sum()).to_f32().unwrap();
    let block = |b: usize| &raw[36 + b * 9..36 + (b + 1) * 9];
    assert_eq!(weights.value(id), [block(0), block(2), block(3), block(1)].concat());
}

fn stack_of_grus() -> Graph {
    let attributes =
        [("hidden_size", int(3)), ("linear_before_reset", int(1)), ("direction", text("bidirectional"))];
    Graph::new()
        .input("x", 1, &[-1, -2, 4])
        .input("h0", 1, &[4, -1, 3])
        .ints("i0", &[0])
        .ints("i2", &[2])
        .ints("i4", &[4])
        .ints("shape", &[0, 0, -1])
        .constant("m2", scalar(-2))
        .constant("m1", scalar(-1))
        .weight("W", &[2, 9, 4])
        .weight("R", &[2, 9, 3])
        .weight("W1", &[2, 9, 6])
        .weight("R1", &[2, 9, 3])
        .weight("f", &[6, 2])
        .weight("bias", &[2])
        .node_with("Transpose", &["x"], &["xt"], &[("perm", int_list(&[1, 0, 2]))])
        .node("Slice", &["h0", "i0", "i2", "i0"], &["ha"])
        .node("Slice", &["h0", "i2", "i4", "i0"], &["hb"])
        .node_with("GRU", &["xt", "W", "R", "", "", "ha"], &["y", "yh"], &attributes)
        .node_with("Transpose", &["y"], &["yt"], &[("perm", int_list(&[0, 2, 1, 3]))])
        .node("Reshape", &["yt", "shape"], &["y1"])
        .node_with("GRU", &["y1", "W1", "R1", "", "", "hb"], &["", "zh"], &attributes)
        .node_with("Concat", &["yh", "zh"], &["hn"], &[("axis", int(0))])
        .node_with("Gather", &["hn", "m2"], &["f1"], &[("axis", int(0))])
        .node_with("Gather", &["hn", "m1"], &["f2"], &[("axis", int(0))])
        .node_with("Concat", &["f1", "f2"], &["both"], &[("axis", int(-1))])
        .node("MatMul", &["both", "f"], &["product"])
        .node("Add", &["product", "bias"], &["out"])
        .output("out")
        .output("hn")
}

#[test]
fn states_go_in_and_out_by_the_graphs_names() {
    let import = read(&stack_of_grus().model()).unwrap();
    let kinds: Vec<&str> = import.model.config().layers.iter().map(|layer| layer.kind()).collect();
    assert_eq!(kinds, ["gru", "gru", "dense"]);
    let (x, h0) = (tensor(&[2, 6, 4], 3), tensor(&[4, 2, 3], 9));
    let outputs = run(&import, &[("x", x.clone()), ("h0", h0.clone())]);
    assert_eq!(outputs.get("hn").unwrap().shape(), [4, 2, 3]);
    // The head reads the last two of the four final states side by side.
    let hn = values(&outputs, "hn");
    let head = |n: usize| [&hn[(2 * 2 + n) * 3..][..3], &hn[(3 * 2 + n) * 3..][..3]].concat();
    let (f, bias) =
        (tensor(&[6, 2], 102).to_f32().unwrap(), tensor(&[2], "bias".bytes().map(usize::from).sum()));
    let expected: Vec<f32> = (0..2)
        .flat_map(|n| {
            let (row, f, bias) = (head(n), f.clone(), bias.to_f32().unwrap());
            (0..2).map(move |o| (0..6).map(|i| row[i] * f[i * 2 + o]).sum::<f32>() + bias[o])
        })
        .collect();
    close(&values(&outputs, "out"), &expected);
    // States that are left out are zeros; given as initial they are the same.
    let zeros = Tensor::f32(vec![4, 2, 3], vec![0.0; 24]).unwrap();
    assert_eq!(
        values(&run(&import, &[("x", x.clone())]), "hn"),
        values(&run(&import, &[("x", x.clone()), ("h0", zeros)]), "hn")
    );
    let initial = import.apply(&tensors(&[("x", x)]), &tensors(&[("h0", h0)])).unwrap();
    assert_eq!(values(&initial, "hn"), hn);
}

/// A policy's states begin anew where its input `starts` is 1, as in sb3-contrib: h times 1 − starts.
#[test]
fn states_begin_anew_where_an_input_says_so() {
    let graph = |anew: bool| {
        let state = |graph: Graph, name: &str| graph.input(name, 1, &[1, -1, 3]);
        let weights = Graph::new()
            .weight("W", &[1, 12, 4])
            .weight("R", &[1, 12, 3])
            .weight("B", &[1, 24])
            .ints("i1", &[1]);
        let mut graph = state(state(weights.input("x", 1, &[-1, 4]), "h"), "c").ints("i0", &[0]);
        let states = match anew {
            false => ["h", "c"],
            true => {
                graph = graph
                    .input("starts", 1, &[-1])
                    .constant("one", Tensor::f32(Vec::new(), vec![1.0]).unwrap())
                    .ints("shape", &[1, -1, 1])
                    .node("Sub", &["one", "starts"], &["rest"])
                    .node("Reshape", &["rest", "shape"], &["keep"])
                    .node("Mul", &["keep", "h"], &["h0"])
                    .node("Mul", &["c", "keep"], &["c0"]);
                ["h0", "c0"]
            }
        };
        graph
            .node("Unsqueeze", &["x", "i0"], &["xt"])
            .node_with(
                "LSTM",
                &["xt", "W", "R", "B", "", states[0], states[1]],
                &["y", "hn", "cn"],
                &[("hidden_size", int(3))],
            )
            // What a loop over one step puts together.
            .node("Squeeze", &["y", "i1"], &["step"])
            .node_with("Concat", &["step"], &["out"], &[("axis", int(0))])
            .output("out")
            .output("hn")
            .output("cn")
    };
    let (plain, import) = (read(&graph(false).model()).unwrap(), read(&graph(true).model()).unwrap());
    assert_eq!(import.interface.as_ref().unwrap().starts(), ["starts"]);
    let (x, h, c) = (tensor(&[2, 4], 1), tensor(&[1, 2, 3], 2), tensor(&[1, 2, 3], 3));
    // The first sequence goes on, the second begins anew.
    let zeroed = |state: &Tensor| {
        let mut values = state.to_f32().unwrap();
        values[3..].fill(0.0);
        Tensor::f32(vec![1, 2, 3], values).unwrap()
    };
    let want = run(&plain, &[("x", x.clone()), ("h", zeroed(&h)), ("c", zeroed(&c))]);
    let starts = Tensor::f32(vec![2], vec![0.0, 1.0]).unwrap();
    let given = [("x", x.clone()), ("h", h.clone()), ("c", c.clone())];
    let got = run(&import, &[&given[..], &[("starts", starts)]].concat());
    for name in ["hn", "cn", "out"] {
        assert_eq!(values(&got, name), values(&want, name), "{name}");
        let going_on = values(&run(&plain, &given), name);
        assert_eq!(values(&run(&import, &given), name), going_on, "{name}");
        assert_ne!(values(&want, name), going_on, "{name}");
    }
    let three = tensors(&[&given[..], &[("starts", tensor(&[3], 1))]].concat());
    let error = import.apply(&three, &Tensors::new()).unwrap_err().to_string();
    assert!(error.contains("'starts'") && error.contains("a number for each sequence"), "{error}");
}

/// A mean as PyTorch programs write it: a mask of steps below the lengths, a product with it, a sum, and the lengths from 1.
#[test]
fn a_mean_of_the_steps_that_are_there_is_a_pool() {
    let graph = |least: i64| {
        Graph::new()
            .input("x", 1, &[-1, -2, 4])
            .input("n", 7, &[-1])
            .weight("W", &[4, 3])
            .ints("i0", &[0])
            .ints("i1", &[1])
            .ints("i2", &[2])
            .constant("zero", crate::onnx::scalar(0))
            .constant("one", crate::onnx::scalar(1))
            .constant("least", Tensor::f32(Vec::new(), vec![least as f32]).unwrap())
            .node_with("Shape", &["x"], &["t"], &[("start", int(1)), ("end", int(2))])
            .node("Squeeze", &["t", "i0"], &["time"])
            .node("Range", &["zero", "time", "one"], &["steps"])
            .node("Unsqueeze", &["steps", "i0"], &["row"])
            .node("Unsqueeze", &["n", "i1"], &["column"])
            .node("GreaterOrEqual", &["row", "column"], &["past"])
            .node("Not", &["past"], &["there"])
            .node("Unsqueeze", &["there", "i2"], &["mask"])
            .node_with("Cast", &["mask"], &["numbers"], &[("to", int(1))])
            .node("MatMul", &["x", "W"], &["h"])
            .node("Mul", &["numbers", "h"], &["masked"])
            .node_with("ReduceSum", &["masked", "i1"], &["sum"], &[("keepdims", int(0))])
            .node_with("Cast", &["column"], &["count"], &[("to", int(1))])
            .node("Clip", &["count", "least"], &["divisor"])
            .node("Div", &["sum", "divisor"], &["mean"])
            .output("mean")
    };
    let import = read(&graph(1).model()).unwrap();
    let kinds: Vec<_> = import.model.config().layers.iter().map(|layer| layer.kind()).collect();
    assert_eq!(kinds, ["dense", "pool"]);
    assert!(import.notes.is_empty(), "{:?}", import.notes);
    let (x, n) = (tensor(&[2, 5, 4], 1), crate::integers(&[2], &[5, 2]));
    let mean = values(&run(&import, &[("x", x.clone()), ("n", n)]), "mean");
    let short = x.to_f32().unwrap()[20..28].to_vec();
    let alone = [("x", Tensor::f32(vec![1, 2, 4], short).unwrap()), ("n", crate::integers(&[1], &[2]))];
    assert_eq!(values(&run(&import, &alone), "mean"), mean[3..]);
    let error = crate::onnx::error(graph(2));
    assert!(error.contains("of the lengths of sequences that no layer here does"), "{error}");
}

/// A sequence step by step through a graph for one step, whose x has no axis of steps, is the whole sequence.
#[test]
fn a_graph_of_one_step_carries_its_state() {
    let weights = |graph: Graph| {
        graph.weight("W", &[1, 12, 4]).weight("R", &[1, 12, 3]).weight("B", &[1, 24]).ints("i0", &[0])
    };
    let lstm = [("hidden_size", int(3))];
    let step = weights(Graph::new().input("x", 1, &[1, 4]).input("state", 1, &[2, 1, 3]))
        .node_with("Split", &["state"], &["h", "c"], &[("axis", int(0))])
        .node("Unsqueeze", &["x", "i0"], &["xt"])
        .node_with("LSTM", &["xt", "W", "R", "B", "", "h", "c"], &["y", "hn", "cn"], &lstm)
        .node("Squeeze", &["y"], &["out"])
        .node_with("Concat", &["hn", "cn"], &["stateN"], &[("axis", int(0))])
        .output("out")
        .output("stateN");
    let whole = weights(Graph::new().input("x", 1, &[-1, 1, 4]))
        .node_with("LSTM", &["x", "W", "R", "B"], &["y"], &lstm)
        .output("y");
    let (step, whole) = (read(&step.model()).unwrap(), read(&whole.model()).unwrap());
    let x = tensor(&[5, 1, 4], 2);
    let y = values(&run(&whole, &[("x", x.clone())]), "y");
    let mut state = Tensor::f32(vec![2, 1, 3], vec![0.0; 6]).unwrap();
    for (t, row) in x.to_f32().unwrap().chunks(4).enumerate() {
        let row = Tensor::f32(vec![1, 4], row.to_vec()).unwrap();
        let outputs = run(&step, &[("x", row), ("state", state)]);
        assert_eq!(outputs.get("out").unwrap().shape(), [3]);
        assert_eq!(values(&outputs, "out"), y[t * 3..(t + 1) * 3], "step {t}");
        state = outputs.get("stateN").unwrap().clone();
    }
}

#[test]
fn convolutions_norms_and_pools_are_layers() {
    let perm = |axes: &[i64]| [("perm", int_list(axes))];
    let graph = Graph::new()
        .input("x", 1, &[-1, -2, 4])
        .weight("c", &[6, 4, 3])
        .weight("cb", &[6])
        .weight("g", &[6])
        .weight("b", &[6])
        .weight("m", &[6])
        .constant("v", Tensor::f32(vec![6], vec![0.5, 1.0, 1.5, 2.0, 2.5, 3.0]).unwrap())
        .weight("W", &[1, 5, 6])
        .weight("R", &[1, 5, 5])
        .weight("ln", &[5])
        .constant("two", tensor_of(2.0))
        .weight("scale", &[5])
        .node_with("Transpose", &["x"], &["xt"], &perm(&[0, 2, 1]))
        .node_with(
            "Conv",
            &["xt", "c", "cb"],
            &["conv"],
            &[("pads", int_list(&[1, 1])), ("kernel_shape", int_list(&[3]))],
        )
        .node("BatchNormalization", &["conv", "g", "b", "m", "v"], &["norm"])
        .node_with("LeakyRelu", &["norm"], &["act"], &[("alpha", OnnxAttribute::Float(0.25))])
        .node_with("Transpose", &["act"], &["seq"], &perm(&[2, 0, 1]))
        .node_with(
            "RNN",
            &["seq", "W", "R"],
            &["y"],
            &[("hidden_size", int(5)), ("direction", text("reverse"))],
        )
        .node_with("Squeeze", &["y"], &["rows"], &[("axes", int_list(&[1]))])
        .node("LayerNormalization", &["rows", "ln"], &["ln_out"])
        .node("Mul", &["ln_out", "two"], &["doubled"])
        .node("Mul", &["doubled", "scale"], &["scaled"])
        .node("Add", &["scaled", "rows"], &["sum"])
        .node_with("ReduceMean", &["sum"], &["mean"], &[("axes", int_list(&[0])), ("keepdims", int(0))])
        .output("mean")
        .output("rows");
    let import = read(&graph.model()).unwrap();
    let kinds: Vec<&str> = import.model.config().layers.iter().map(|layer| layer.kind()).collect();
    assert_eq!(
        kinds,
        [
            "conv1d",
            "batch_norm",
            "activation",
            "reverse",
            "rnn",
            "reverse",
            "layer_norm",
            "activation",
            "batch_norm",
            "add",
            "pool"
        ]
    );
    let outputs = run(&import, &[("x", tensor(&[2, 7, 4], 1))]);
    assert_eq!(outputs.get("mean").unwrap().shape(), [2, 5]);
    assert_eq!(outputs.get("rows").unwrap().shape(), [7, 2, 5]);
    // The mean by hand, from the rows.
    let rows = values(&outputs, "rows");
    let (ln, scale) =
        (tensor(&[5], 108 + 110).to_f32().unwrap(), tensor(&[5], "scale".bytes().map(usize::from).sum()));
    let scale = scale.to_f32().unwrap();
    let mut expected = vec![0.0_f32; 10];
    for t in 0..7 {
        for n in 0..2 {
            let row = &rows[(t * 2 + n) * 5..][..5];
            let mean = row.iter().sum::<f32>() / 5.0;
            let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 5.0;
            for k in 0..5 {
                let normal = (row[k] - mean) / (variance + 1e-5).sqrt() * ln[k];
                expected[n * 5 + k] += (normal * 2.0 * scale[k] + row[k]) / 7.0;
            }
        }
    }
    let got = values(&outputs, "mean");
    got.iter().zip(&expected).for_each(|(got, want)| assert!((got - want).abs() < 1e-5, "{got}, not {want}"));
}

#[test]
fn what_a_known_condition_chooses_is_taken() {
    let truths = |truths: &[bool]| {
        Tensor::new(ElementType::Bool, vec![truths.len()], Data::Bool(truths.to_vec()), "test").unwrap()
    };
    let number = |value: f32| Tensor::f32(Vec::new(), vec![value]).unwrap();
    let x = tensor(&[2, 3, 4], 1);
    let rows = x.to_f32().unwrap();
    // By the place of a feature: x where there is a 1, else 7, twice x, or a number for each.
    for (inputs, expected) in [
        (["some", "x", "seven"], [(0, 1.0, 0.0), (1, 0.0, 7.0), (2, 0.0, 7.0), (3, 1.0, 0.0)]),
        (["some", "seven", "x"], [(0, 0.0, 7.0), (1, 1.0, 0.0), (2, 1.0, 0.0), (3, 0.0, 7.0)]),
        (["some", "twice", "x"], [(0, 2.0, 0.0), (1, 1.0, 0.0), (2, 1.0, 0.0), (3, 2.0, 0.0)]),
        (["some", "x", "each"], [(0, 1.0, 0.0), (1, 0.0, 20.0), (2, 0.0, 30.0), (3, 1.0, 0.0)]),
        (["none", "twice", "x"], [(0, 1.0, 0.0), (1, 1.0, 0.0), (2, 1.0, 0.0), (3, 1.0, 0.0)]),
        (["none", "x", "each"], [(0, 0.0, 10.0), (1, 0.0, 20.0), (2, 0.0, 30.0), (3, 0.0, 40.0)]),
        (["some", "x", "far"], [(0, 1.0, 0.0), (1, 0.0, 5.0), (2, 0.0, 5.0), (3, 1.0, 0.0)]),
    ] {
        let graph = Graph::new()
            .input("x", 1, &[-1, -2, 4])
            .constant("some", truths(&[true, false, false, true]))
            .constant("none", truths(&[false]))
            .constant("seven", number(7.0))
            .constant("two", number(2.0))
            .constant("each", Tensor::f32(vec![4], vec![10.0, 20.0, 30.0, 40.0]).unwrap())
            .constant("far", Tensor::f32(vec![4], vec![f32::INFINITY, 5.0, 5.0, f32::INFINITY]).unwrap())
            .node("Mul", &["x", "two"], &["twice"])
            .node("Where", &inputs, &["y"])
            .output("y");
        let outputs = run(&read(&graph.model()).unwrap(), &[("x", x.clone())]);
        let found = values(&outputs, "y");
        for (at, (found, x)) in found.iter().zip(&rows).enumerate() {
            let (_, factor, summand) = expected[at % 4];
            assert_eq!(*found, x * factor + summand, "{inputs:?} at {at}");
        }
    }
    let error = error(
        Graph::new()
            .input("x", 1, &[-1, -2, 4])
            .constant("some", truths(&[true, false, false, true]))
            .constant("three", Tensor::f32(vec![2, 1], vec![1.0, 2.0]).unwrap())
            .node("Where", &["some", "x", "three"], &["y"])
            .output("y"),
    );
    assert!(error.contains("its constants have shapes of different kinds"), "{error}");
    // Of no number, there is nothing to take.
    for (condition, of) in [(&[false][..], "empty"), (&[], "one")] {
        let graph = Graph::new()
            .input("x", 1, &[-1, -2, 4])
            .constant("one", Tensor::f32(vec![1], vec![0.0]).unwrap())
            .constant("empty", Tensor::f32(vec![0], Vec::new()).unwrap())
            .constant("condition", truths(condition))
            .node("Where", &["condition", "x", of], &["y"])
            .output("y");
        read(&graph.model()).unwrap_err();
    }
}

/// tf2onnx flattens steps in front of a dense layer, and lays them out again.
#[test]
fn steps_on_one_axis_are_steps() {
    let graph = Graph::new()
        .input("x", 1, &[-1, -2, 4])
        .ints("flat", &[-1, 4])
        .ints("two", &[2])
        .weight("w", &[4, 2])
        .node("Reshape", &["x", "flat"], &["rows"])
        .node("MatMul", &["rows", "w"], &["product"])
        .node("Shape", &["x"], &["shape"])
        .node_with("Slice", &["shape"], &["nt"], &[("starts", int_list(&[0])), ("ends", int_list(&[2]))])
        .node_with("Concat", &["nt", "two"], &["back"], &[("axis", int(0))])
        .node("Reshape", &["product", "back"], &["y"])
        .output("y")
        .output("product");
    let outputs = run(&read(&graph.model()).unwrap(), &[("x", tensor(&[2, 3, 4], 1))]);
    assert_eq!(outputs.get("y").unwrap().shape(), [2, 3, 2]);
    assert_eq!(outputs.get("product").unwrap().shape(), [6, 2]);
    assert_eq!(values(&outputs, "y"), values(&outputs, "product"));
}

#[test]
fn a_decoder_begins_with_the_state_of_an_encoder() {
    let graph = Graph::new()
        .input("source", 1, &[-1, -2, 2])
        .input("target", 1, &[-3, -2, 2])
        .weight("W", &[1, 12, 2])
        .weight("R", &[1, 12, 3])
        .weight("V", &[1, 12, 2])
        .weight("S", &[1, 12, 3])
        .node_with("LSTM", &["source", "W", "R"], &["", "h", "c"], &[("hidden_size", int(3))])
        .node_with("LSTM", &["target", "V", "S", "", "", "h", "c"], &["y"], &[("hidden_size", int(3))])
        .output("y");
    let import = read(&graph.model()).unwrap();
    let [.., decoder] = import.model.config().layers.as_slice() else { panic!("no layers") };
    let decoder: &RecurrentLayer = decoder.get().unwrap();
    assert_eq!(decoder.initial.as_deref(), import.model.layer_names().next());
    let outputs = run(&import, &[("source", tensor(&[4, 2, 2], 1)), ("target", tensor(&[3, 2, 2], 2))]);
    assert_eq!(outputs.get("y").unwrap().shape(), [3, 1, 2, 3]);
}

#[test]
fn weights_of_few_bits_are_numbers_again() {
    let bytes = |shape: &[usize]| {
        let count: usize = shape.iter().product();
        let values = (0..count).map(|k| ((k * 7) % 11) as i8 - 5).collect();
        Tensor::new(sumun_formats::ElementType::I8, shape.to_vec(), Data::I8(values), "test").unwrap()
    };
    let zero = |count: usize| {
        Tensor::new(sumun_formats::ElementType::I8, vec![count], Data::I8(vec![1; count]), "test").unwrap()
    };
    let graph = Graph::new()
        .input("x", 1, &[-1, -2, 4])
        .constant("W8", bytes(&[1, 12, 4]))
        .constant("Wscale", tensor_of(0.125))
        .constant("Wzero", zero(1))
        .weight("R", &[1, 12, 3])
        .node("DequantizeLinear", &["W8", "Wscale", "Wzero"], &["W"])
        .node_with("LSTM", &["x", "W", "R"], &["y"], &[("hidden_size", int(3))])
        .output("y");
    let import = read(&graph.model()).unwrap();
    assert_eq!(import.notes, ["weights of few bits were turned into the numbers that they stand for"]);
    let id = import.model.parameters().find("lstm.weight_ih_l0").unwrap();
    assert_eq!(import.model.parameters().value(id)[..2], [-0.75, 0.125]);
}

#[test]
fn a_gru_that_pytorch_cannot_have_is_pointed_out() {
    let gru = |producer: &str, after: i64| {
        let graph = Graph::new()
            .producer(producer)
            .input("x", 1, &[-1, -2, 4])
            .weight("W", &[1, 9, 4])
            .weight("R", &[1, 9, 3])
            .node_with(
                "GRU",
                &["x", "W", "R"],
                &["y"],
                &[("hidden_size", int(3)), ("linear_before_reset", int(after))],
            )
            .output("y");
        read(&graph.model()).unwrap().notes
    };
    let [note] = &gru("pytorch", 0)[..] else { panic!("no note") };
    assert!(note.contains("linear_before_reset is 0, but the file says that PyTorch wrote it"), "{note}");
    assert_eq!(gru("pytorch", 1).len(), 0);
    assert_eq!(gru("tf2onnx", 0).len(), 0);
}

#[test]
fn a_branch_is_taken_where_its_condition_is_known() {
    let branch = |from: &str| {
        Graph::new()
            .node("Identity", &[from], &[&format!("{from}_taken")])
            .output(&format!("{from}_taken"))
            .graph()
    };
    let graph = Graph::new()
        .input("x", 1, &[-1, -2, 4])
        .weight("w", &[4, 2])
        .constant("a", scalar(16000))
        .constant("b", scalar(16000))
        .node("MatMul", &["x", "w"], &["first"])
        .node("Relu", &["first"], &["second"])
        .node("Equal", &["a", "b"], &["same"])
        .node_with(
            "If",
            &["same"],
            &["y"],
            &[
                ("then_branch", OnnxAttribute::Graph(Box::new(branch("second")))),
                ("else_branch", OnnxAttribute::Graph(Box::new(branch("first")))),
            ],
        )
        .output("y");
    let outputs = run(&read(&graph.model()).unwrap(), &[("x", tensor(&[1, 2, 4], 1))]);
    assert!(values(&outputs, "y").iter().all(|&value| value >= 0.0));
}

/// A graph of two sample rates, as exporters write a model for both.
fn two_rates() -> Graph {
    let branch = |name: &str| {
        let output = format!("{name}_y");
        Graph::new().node("MatMul", &["x", name], &[&output]).output(&output).graph()
    };
    Graph::new()
        .input("x", 1, &[-1, -2, 4])
        .input("sr", 7, &[])
        .weight("fast", &[4, 2])
        .weight("late", &[4, 2])
        .constant("rate", scalar(16000))
        .node("Equal", &["sr", "rate"], &["is_fast"])
        .node_with(
            "If",
            &["is_fast"],
            &["y"],
            &[
                ("then_branch", OnnxAttribute::Graph(Box::new(branch("fast")))),
                ("else_branch", OnnxAttribute::Graph(Box::new(branch("late")))),
            ],
        )
        .output("y")
}

#[test]
fn a_number_that_a_graph_branches_on_is_told_beforehand() {
    let graph = two_rates().model();
    assert_eq!(
        read(&graph).unwrap_err().to_string(),
        "the node 'is_fast' (Equal): it depends on the input 'sr', whose value is not known; give it with set_input = sr=16000"
    );
    let known = |name: &str, number: f64| BTreeMap::from([(name.to_owned(), number)]);
    let error = |known| read_with(&graph, &known).unwrap_err().to_string();
    assert_eq!(error(known("rate", 1.0)), "the graph has no input 'rate'; it has 'x', 'sr'");
    assert_eq!(
        error(known("x", 1.0)),
        "the input 'x' is an array; the value of an input can be told where it is one number"
    );
    assert_eq!(error(known("sr", 0.5)), "the input 'sr' has a type without the number 0.5");
    let x = tensor(&[1, 2, 4], 1);
    let [fast, late] = [16000.0, 8000.0].map(|rate| {
        let import = read_with(&graph, &known("sr", rate)).unwrap();
        assert_eq!(
            import.notes,
            [format!(
                "the graph does different things for different 'sr': read was what it does for 'sr' = {rate}"
            )]
        );
        let alone = values(&run(&import, &[("x", x.clone())]), "y");
        let given = [("x", x.clone()), ("sr", scalar(rate as i64))];
        assert_eq!(values(&run(&import, &given), "y"), alone);
        let error = import.apply(&tensors(&[("x", x.clone()), ("sr", scalar(1))]), &Tensors::new());
        assert_eq!(
            error.unwrap_err().to_string(),
            format!("the input 'sr' is 1, but the graph was read for {rate}; read it with set_input = sr=1")
        );
        alone
    });
    assert_ne!(fast, late);
}

/// What exporters make of `squeeze`: the axis is left out where its length is 1.
#[test]
fn an_axis_that_may_be_left_out_is() {
    let squeezed = Graph::new().ints("two", &[2]).node("Squeeze", &["m", "two"], &["s"]).output("s").graph();
    let kept = Graph::new().node("Identity", &["m"], &["i"]).output("i").graph();
    let graph = Graph::new()
        .input("x", 1, &[-1, 3, -2])
        .weight("w", &[4, 3, 5])
        .ints("last", &[-1])
        .ints("one", &[1])
        .node("Conv", &["x", "w"], &["m"])
        .node("Shape", &["m"], &["shape"])
        .node("Gather", &["shape", "last"], &["length"])
        .node("Equal", &["length", "one"], &["is_one"])
        .node_with(
            "If",
            &["is_one"],
            &["y"],
            &[
                ("then_branch", OnnxAttribute::Graph(Box::new(squeezed))),
                ("else_branch", OnnxAttribute::Graph(Box::new(kept))),
            ],
        )
        .output("y");
    let import = read(&graph.model()).unwrap();
    assert_eq!(
        import.notes,
        ["the graph asks whether there is one step left, and was read for arrays of which it leaves one"]
    );
    assert_eq!(run(&import, &[("x", tensor(&[2, 3, 5], 1))]).get("y").unwrap().shape(), [2, 4]);
    let error = import.apply(&tensors(&[("x", tensor(&[2, 3, 6], 1))]), &Tensors::new()).unwrap_err();
    assert_eq!(error.to_string(), "the graph is for 1 time step: its output 'y' has no axis for 2 of them");
}

#[test]
fn arrays_that_do_not_fit_are_errors() {
    let import = read(&stack_of_grus().model()).unwrap();
    let x = tensor(&[2, 6, 4], 3);
    for (inputs, expected) in [
        (vec![], "the graph reads an array 'x', which is not there"),
        (vec![("x", tensor(&[2, 4], 1))], "the array 'x': expected [N, T, F], found [2, 4]"),
        (vec![("x", tensor(&[2, 6, 5], 1))], "the array 'x': expected [N, T, 4]"),
        (
            vec![("x", x.clone()), ("h0", tensor(&[4, 3, 3], 1))],
            "the state 'h0': expected [D, 2, 3], found [4, 3, 3]",
        ),
        (
            vec![("x", x.clone()), ("h0", tensor(&[2, 2, 3], 1))],
            "the state 'h0': expected [D, 2, 3], found [2, 2, 3]",
        ),
        (vec![("x", x), ("y", tensor(&[1], 1))], "the graph reads no array 'y'; it reads 'x', 'h0'"),
    ] {
        let error = import.apply(&tensors(&inputs), &Tensors::new()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

/// A model to check names with.
#[test]
fn names_of_modules_are_names_of_layers() {
    let graph = Graph::new()
        .input("x:0", 1, &[-1, -2, 4])
        .weight("w", &[4, 2])
        .node("MatMul", &["x:0", "w"], &["/head/MatMul"])
        .node("Relu", &["/head/MatMul"], &["y"])
        .output("y");
    let import = read(&graph.model()).unwrap();
    assert_eq!(import.model.layer_names().collect::<Vec<_>>(), ["head", "activation"]);
    assert_eq!(import.model.input_names().collect::<Vec<_>>(), ["x.0"]);
    let model: &Model = &import.model;
    assert_eq!(model.config().inputs["x.0"], Input::numbers(4));
}
