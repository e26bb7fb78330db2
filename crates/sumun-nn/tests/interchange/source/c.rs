//! C source, compiled and run.

use std::io::Write;
use std::process::Stdio;

use ndarray::{ArrayView2, ArrayView3};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sumun_kernels::Path;
use sumun_nn::Rows;
use sumun_nn::interchange::{to_c, to_numpy};
use sumun_nn::model::{
    Batch, Biases, DenseLayer, EmbeddingLayer, Input, LayerConfig, Model, PoolLayer, RecurrentLayer,
};
use sumun_nn::nn::{
    Activation, ActivationFunction, ActivationLayer, BatchNormLayer, CellKind, Conv1dLayer, DropoutLayer,
    LayerNormLayer, Padding, Pool, SoftmaxLayer,
};

use super::{compile, model, numbers, steps};

/// Steps of the sequence that both run on.
const STEPS: usize = 40;

/// Reads rows until there are no more and writes what each step returns. Buffers have the exact sizes, with a pattern behind
/// them and behind the state that must stay.
const MAIN: &str = r#"
#include "net.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    struct { net_state state; unsigned char after[64]; } held;
    float *output = malloc((NET_OUTPUT + 8) * sizeof(float));
    size_t steps = 0, without = 0, k;
#ifdef NET_VOCABULARY
    uint32_t input[1];
#else
    float *input = malloc(NET_INPUT * sizeof(float));
#endif
    memset(held.after, 0x5a, sizeof held.after);
    memset(output, 0x5a, (NET_OUTPUT + 8) * sizeof(float));
    net_init(&held.state);
#ifdef NET_VOCABULARY
    if (net_step(&held.state, NET_VOCABULARY, output) != -1)
        return 3;
    while (fread(input, sizeof input, 1, stdin) == 1) {
        const int got = net_step(&held.state, input[0], output);
#else
    while (fread(input, sizeof(float), NET_INPUT, stdin) == NET_INPUT) {
        const int got = net_step(&held.state, input, output);
#endif
        steps++;
        if (got == 1)
            fwrite(output, sizeof(float), NET_OUTPUT, stdout);
        else if (got == 0)
            without++;
        else
            return 4;
    }
    for (k = 0; k < sizeof held.after; k++)
        if (held.after[k] != 0x5a)
            return 5;
    for (k = 0; k < 8 * sizeof(float); k++)
        if (((unsigned char *)(output + NET_OUTPUT))[k] != 0x5a)
            return 6;
    free(output);
#ifndef NET_VOCABULARY
    free(input);
#endif
    fprintf(stderr, "%lu %lu %lu", (unsigned long)steps, (unsigned long)without, (unsigned long)NET_DELAY);
    return 0;
}
"#;

/// The bytes that C reads, and what the model returns: of all steps, or of those up to each.
fn expected(model: &Model) -> (Vec<u8>, Vec<f32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    match model.config().input().unwrap() {
        Input::Ids { vocabulary } => {
            let x: Vec<u32> = (0..STEPS).map(|_| rng.random_range(0..vocabulary as u32)).collect();
            let outputs = by_step(|steps| {
                let part = ArrayView2::from_shape((1, steps), &x[..steps]).unwrap();
                model.forward(Batch::ids(part)).unwrap()
            });
            (x.iter().flat_map(|v| v.to_ne_bytes()).collect(), outputs)
        }
        Input::Numbers { features } | Input::Row { features } => {
            let x: Vec<f32> = (0..STEPS * features).map(|_| rng.random_range(-2.0..2.0)).collect();
            let outputs = by_step(|steps| {
                let shape = (1, steps, features);
                let part = ArrayView3::from_shape(shape, &x[..steps * features]).unwrap();
                model.forward(Batch::numbers(part)).unwrap()
            });
            (x.iter().flat_map(|v| v.to_ne_bytes()).collect(), outputs)
        }
    }
}

fn by_step(of: impl Fn(usize) -> Rows) -> Vec<f32> {
    let all = of(STEPS);
    match all.layout.rows() {
        1 => (1..=STEPS).flat_map(|steps| of(steps).into_data()).collect(),
        _ => all.into_data(),
    }
}

/// What C prints when it runs on the bytes: the outputs, and how many steps there were, how many without output, and how many of
/// these it announced. None where there is no compiler.
fn run_c(source: &str, input: &[u8]) -> Option<(Vec<f32>, String)> {
    let (_folder, mut run) = compile(source, MAIN)?;
    let mut child = run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Some thousand bytes, which a pipe takes without being read.
    child.stdin.take().unwrap().write_all(input).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{:?}", done.status);
    let (values, rest) = done.stdout.as_chunks::<4>();
    assert!(rest.is_empty());
    let values = values.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect();
    Some((values, String::from_utf8(done.stderr).unwrap()))
}

/// The largest difference between C and the portable path, relative above 1; with no bound, the same bits.
fn check(what: &str, model: Model, bound: Option<f32>) {
    let model = model.on_path(Path::Portable).unwrap();
    let (input, expected) = expected(&model);
    let Some((found, counts)) = run_c(&to_c(&model, "net").unwrap(), &input) else { return };
    assert_eq!(found.len(), expected.len(), "{what}: {counts}");
    let counts: Vec<usize> = counts.split(' ').map(|count| count.parse().unwrap()).collect();
    assert_eq!(counts[0], STEPS, "{what}");
    if matches!(model.config().input(), Some(Input::Numbers { .. })) {
        assert_eq!(counts[1], counts[2], "{what}: steps without output, and those announced");
    }
    assert!(expected.iter().any(|v| *v != expected[0]), "{what}: every output is alike");
    for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
        match bound {
            None => assert_eq!(
                found.to_bits(),
                expected.to_bits(),
                "{what}, number {step}: {found} for {expected}"
            ),
            Some(bound) => assert!(
                (found - expected).abs() <= bound * expected.abs(),
                "{what}, number {step}: {found} for {expected}"
            ),
        }
    }
}

#[test]
fn cells_in_c_have_the_bits_of_the_portable_path() {
    for cell in
        [CellKind::RnnTanh, CellKind::RnnRelu, CellKind::Lstm, CellKind::Gru, CellKind::GruResetBefore]
    {
        for (layers, biases, units) in [(1_usize, Biases::Two, 7), (2, Biases::One, 5), (1, Biases::None, 18)]
        {
            let layer = RecurrentLayer::new(cell, units).layers(layers).biases(biases);
            check(&format!("{cell}, {layers} layers"), numbers(3, vec![steps(layer)]), None);
        }
        let last = RecurrentLayer::new(cell, 6).layers(2_usize);
        let scaled = ActivationLayer::new(ActivationFunction::ScaledTanh { alpha: 1.7, beta: 0.6 });
        check(&format!("the last step of {cell}"), numbers(1, vec![last.into(), scaled.into()]), None);
    }
    for cell in [CellKind::Gru, CellKind::GruResetBefore] {
        let layer = RecurrentLayer::new(cell, 5).inverted_update(true);
        check(&format!("{cell} with the other z"), numbers(2, vec![steps(layer)]), None);
    }
    let mut relu = RecurrentLayer::rnn(5);
    relu.options.candidate_activation = Some(ActivationFunction::Relu);
    check("an RNN with a rectifier by option", numbers(2, vec![steps(relu)]), None);
}

#[test]
fn convolutions_in_c_wait_for_their_first_window() {
    for (padding, kernel, dilation, groups) in [
        (Padding::Causal, 3, 1_usize, 1_usize),
        (Padding::Causal, 4, 3, 2),
        (Padding::Valid, 1, 1, 1),
        (Padding::Valid, 3, 2, 1),
        (Padding::Valid, 2, 1, 2),
    ] {
        let of =
            |bias| Conv1dLayer::new(6, kernel).padding(padding).dilation(dilation).groups(groups).bias(bias);
        let what = format!("{padding:?}, {kernel} steps {dilation} apart, {groups} groups");
        let layers = vec![of(true).into(), of(false).into(), steps(RecurrentLayer::gru(3))];
        check(&what, numbers(4, layers), None);
    }
}

#[test]
fn a_chain_of_everything_has_the_same_bits() {
    let mut layers: Vec<LayerConfig> = vec![
        LayerNormLayer::new().into(),
        Conv1dLayer::new(9, 3).padding(Padding::Causal).into(),
        BatchNormLayer::new().into(),
        DenseLayer::new(12).activation(Activation::Relu).into(),
        // A name that ends no comment.
        steps(RecurrentLayer::lstm(11).layers(2_usize).name("*/memory\"x\"")),
        LayerNormLayer::keras().bias(false).into(),
        DropoutLayer::new(0.5).into(),
        steps(RecurrentLayer::gru(10)),
        BatchNormLayer::new().affine(false).into(),
    ];
    for function in [
        ActivationFunction::Sigmoid,
        ActivationFunction::Tanh,
        ActivationFunction::Relu,
        ActivationFunction::HARD_SIGMOID_KERAS,
        ActivationFunction::Softsign,
        ActivationFunction::LeakyRelu { alpha: 0.1 },
        ActivationFunction::ThresholdedRelu { alpha: 0.3 },
        ActivationFunction::Affine { alpha: -0.3, beta: 0.2 },
        ActivationFunction::Linear,
    ] {
        layers.push(DenseLayer::new(8).bias(false).into());
        layers.push(ActivationLayer::new(function).into());
    }
    layers.push(SoftmaxLayer::new().into());
    check("everything", numbers(17, layers), None);
    // A softmax of more than one block, and of nothing but the input.
    let wide =
        vec![DenseLayer::new(203).into(), SoftmaxLayer::new().into(), PoolLayer::new(Pool::Last).into()];
    check("a wide softmax", numbers(2, wide), None);
    check("a layer without weights", numbers(3, vec![SoftmaxLayer::new().into()]), None);
}

#[test]
fn ids_are_embedded_and_masked_ones_are_no_steps() {
    for masked in [false, true] {
        let embedding = EmbeddingLayer::new(4).padding_id(2_u32).mask_zero(masked);
        let layers = vec![embedding.into(), steps(RecurrentLayer::gru(5)), DenseLayer::new(3).into()];
        check(&format!("ids, masked: {masked}"), model(Input::ids(6), layers), None);
    }
}

#[test]
fn functions_of_the_system_are_met_within_the_stated_bound() {
    let ulp = f32::EPSILON;
    for activation in [Activation::Tanh, Activation::Sigmoid] {
        check(
            &format!("{activation:?}"),
            numbers(3, vec![DenseLayer::new(40).activation(activation).into()]),
            Some(4.0 * ulp),
        );
    }
    for function in [ActivationFunction::Softplus, ActivationFunction::Elu { alpha: 1.3 }] {
        let layers = vec![DenseLayer::new(40).into(), ActivationLayer::new(function).into()];
        check(&format!("{function:?}"), numbers(3, layers), Some(1e-6));
    }
}

#[test]
fn a_header_has_only_the_functions_that_it_calls() {
    let source = to_c(&numbers(2, vec![DenseLayer::new(3).into()]), "my_net2").unwrap();
    assert!(
        source.contains("my_net2_multiply(") && source.contains("#define MY_NET2_OUTPUT 3\n"),
        "{source}"
    );
    for other in ["tanh", "lstm", "sqrt", "softmax", "@", "$"] {
        assert!(!source.contains(other), "{other}: {source}");
    }
}

#[test]
fn what_no_stream_can_compute_is_refused_by_name() {
    let of = |layers| numbers(2, layers);
    let clipped = {
        let mut layer = RecurrentLayer::lstm(3).name("held");
        layer.options.clip = Some(1.0);
        layer
    };
    let mut not_finite = of(vec![DenseLayer::new(1).into()]);
    not_finite.parameters_mut().values_mut()[0] = f32::INFINITY;
    for (model, expected) in [
        (of(vec![steps(RecurrentLayer::gru(3).bidirectional(true))]), "the layer 'gru' (Bidirectional GRU)"),
        (of(vec![steps(RecurrentLayer::gru(3).go_backwards(true))]), "from its end"),
        (
            of(vec![steps(clipped)]),
            "the layer 'held' (LSTM) has no source code: its cell has the option clip",
        ),
        (of(vec![steps(RecurrentLayer::new(CellKind::IndRnn, 3))]), "only for RNN, LSTM and GRU"),
        (of(vec![Conv1dLayer::new(3, 2).stride(2_usize).into()]), "a stride of 2"),
        (of(vec![Conv1dLayer::new(3, 2).padding(Padding::Same).into()]), "reads later steps"),
        (of(vec![PoolLayer::new(Pool::Mean).into()]), "the layer 'pool'"),
        (of(vec![DenseLayer::new(2100).into(), DenseLayer::new(2100).into()]), "at most 4194304"),
        (not_finite, "holds inf"),
    ] {
        let error = to_c(&model, "net").unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    }
    let model = of(vec![DenseLayer::new(1).into()]);
    for name in ["", "2net", "a-b", "net;", "é", &"n".repeat(41)] {
        assert!(to_c(&model, name).is_err() && to_numpy(&model, name).is_err(), "{name}");
    }
}
