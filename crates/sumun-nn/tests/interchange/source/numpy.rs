//! NumPy source, looked at: which functions and weights it has.

use sumun_nn::interchange::to_numpy;
use sumun_nn::model::{DenseLayer, EmbeddingLayer, Input, LayerConfig, Model, RecurrentLayer};
use sumun_nn::nn::{
    Activation, BatchNormLayer, CellKind, Conv1dLayer, LayerNormLayer, Padding, SoftmaxLayer,
};

use super::{model, numbers, steps};

/// Every layer there is a source for, on numbers.
fn taught() -> Model {
    let cells =
        [CellKind::RnnTanh, CellKind::RnnRelu, CellKind::Lstm, CellKind::Gru, CellKind::GruResetBefore];
    let mut layers: Vec<LayerConfig> = vec![
        Conv1dLayer::new(6, 3).groups(2_usize).padding(Padding::Causal).into(),
        Conv1dLayer::new(6, 2).dilation(2_usize).bias(false).into(),
        BatchNormLayer::new().into(),
    ];
    layers.extend(cells.map(|cell| steps(RecurrentLayer::new(cell, 5).layers(2_usize))));
    layers.push(steps(RecurrentLayer::gru(4).inverted_update(true).name("a\"name\"\\of*/ours")));
    layers.push(LayerNormLayer::new().into());
    layers.push(DenseLayer::new(3).activation(Activation::Sigmoid).into());
    layers.push(SoftmaxLayer::new().into());
    numbers(4, layers)
}

#[test]
fn numpy_source_has_each_function_once_and_twenty_lines_at_most() {
    let source = to_numpy(&taught(), "taught").unwrap();
    let mut names = Vec::new();
    for function in source.split("\n\n\n").filter(|part| part.starts_with("def ")) {
        let name = function["def ".len()..].split('(').next().unwrap();
        assert!(name == "forward" || function.trim_end().lines().count() <= 20, "{function}");
        assert!(!names.contains(&name), "{name}");
        names.push(name);
    }
    names.sort_unstable();
    let all = [
        "convolution",
        "forward",
        "gru",
        "gru_reset_before",
        "layer_norm",
        "lstm",
        "relu",
        "rnn",
        "sigmoid",
        "softmax",
        "weights",
        "zeros",
    ];
    assert_eq!(names, all);
    // But for the long name.
    assert!(source.lines().all(|line| line.chars().count() <= 120 || line.contains("ours")), "{source}");
    // Names come from outside, and end no text.
    assert!(source.contains(r#"weights("a\"name\"\\of*/ours", 0, biases=2)"#), "{source}");
    assert!(source.contains("z_takes=True)") && source.contains("taught.npz"));
}

#[test]
fn numpy_source_reads_the_weights_that_there_are() {
    let model = taught();
    let source = to_numpy(&model, "taught").unwrap();
    let text = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let (mut single, mut of_stacks) = (0, 0);
    for entry in model.parameters().entries() {
        let (layer, leaf) = entry.name.rsplit_once('.').unwrap();
        let wanted = match leaf.rsplit_once("_l") {
            Some((part, number)) => {
                of_stacks += usize::from(part == "weight_ih");
                format!("*weights({}, {number}, biases=2)", text(layer))
            }
            None => {
                single += 1;
                format!("W[{}]", text(&entry.name))
            }
        };
        assert_eq!(source.matches(&wanted).count(), 1, "{wanted} in {source}");
    }
    assert_eq!(source.matches("W[\"").count(), single);
    assert_eq!(source.matches("*weights(").count(), of_stacks);
}

#[test]
fn numpy_source_leaves_out_what_it_does_not_call() {
    let layers =
        vec![EmbeddingLayer::new(4).padding_id(2_u32).mask_zero(true).into(), RecurrentLayer::lstm(3).into()];
    let source = to_numpy(&model(Input::ids(6), layers), "tiny").unwrap();
    for (part, is_there) in [
        ("def sigmoid", true),
        ("def lstm", true),
        ("x = x[x != 2]", true),
        ("x = x[-1]", true),
        ("def gru", false),
        ("def softmax", false),
        ("def convolution", false),
    ] {
        assert_eq!(source.contains(part), is_there, "{part}: {source}");
    }
}
