//! Every ONNX node that ONNX Runtime computed, called as a user calls the layers: all directions, options, initial states
//! and sequence lengths, those of 0 included.
//!
//! The tolerance is that of `golden/onnx/README.md` in the testing crate.

use ndarray::{Array, Array3, Axis, Dimension};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use sumun_kernels::Path;
use sumun_nn::Parameters;
use sumun_nn::nn::{
    ActivationFunction, CellOptions, Empty, Gru, GruConfig, HiddenState, Lstm, LstmConfig, LstmState, Peer,
    Rnn, RnnConfig, Valid,
};
use sumun_testing::{Golden, assert_close, golden_files};

/// Calls a layer on a case's tensors; its output `[T, N, D·H]` and final states.
macro_rules! run {
    ($golden:expr, $layer:ident, $config:expr, $state:ident { $($part:ident: $name:literal),+ }) => {{
        let golden: &Golden = $golden;
        let config = $config
            .options(options(golden))
            .bias(golden.get("B").is_some())
            .bidirectional(golden.word("direction") == Some("bidirectional"))
            .go_backwards(golden.word("direction") == Some("reverse"))
            .empty_sequences(Empty::Zeros)
            .time_major(true);
        let mut layer = $layer::new(config, &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
        set_weights(golden, layer.parameters_mut());
        layer.config().representable_in(Peer::Onnx).unwrap();
        let lengths = golden.get("sequence_lens").map(|lengths| {
            lengths.integers().iter().map(|&length| length as usize).collect::<Vec<_>>()
        });
        let valid = lengths.as_ref().map_or(Valid::All, |lengths| Valid::Lengths(lengths));
        let initial = golden.get("initial_h").map(|_| $state { $($part: cube(golden, concat!("initial_", $name))),+ });
        let x = cube(golden, "X");
        let (mut output, last) = layer.forward(x.view(), valid, initial.as_ref()).unwrap();
        if golden.word("direction") == Some("reverse") {
            // ONNX puts outputs back at their steps.
            output.invert_axis(Axis(0));
        }
        let states = vec![$((concat!("Y_", $name), last.$part)),+];
        (output, states, layer.path())
    }};
}

#[test]
fn every_node() {
    let (mut nodes, mut empty, mut fused) = (0, 0, 0);
    for golden in golden_files("onnx").iter().map(|file| Golden::load(file)) {
        let (input, hidden) = (golden.tensor("X").shape[2], golden.size("hidden_size"));
        let (output, states, path) = match golden.word("op") {
            Some("RNN") => run!(&golden, Rnn, RnnConfig::new(input, hidden), HiddenState { hidden: "h" }),
            Some("LSTM") => {
                run!(&golden, Lstm, LstmConfig::new(input, hidden), LstmState { hidden: "h", cell: "c" })
            }
            Some("GRU") => {
                let after = golden.case.get("linear_before_reset").is_some();
                let config = GruConfig::new(input, hidden).reset_before(!after);
                run!(&golden, Gru, config, HiddenState { hidden: "h" })
            }
            other => panic!("{}: no layer {other:?}", golden.name),
        };
        // Y is [T, D, N, H].
        let y = golden.tensor("Y");
        let [steps, directions, sequences, _] = y.shape[..] else { panic!("Y has four axes") };
        let y = Array::from_shape_vec((steps, directions, sequences, hidden), y.reals::<f64>()).unwrap();
        let y = y.permuted_axes([0, 2, 1, 3]);
        close(&golden, "Y", &output, &y);
        for (name, found) in states {
            let want = golden.tensor(name);
            let shape = (directions, sequences, hidden);
            close(&golden, name, &found, &Array::from_shape_vec(shape, want.reals::<f64>()).unwrap());
        }
        nodes += 1;
        empty += usize::from(golden.get("sequence_lens").is_some_and(|l| l.integers().contains(&0)));
        fused += usize::from(path == Path::best());
    }
    assert_eq!((nodes, fused), (31, 31));
    assert!(empty > 0, "a case has a sequence without steps");
}

fn close<A: Dimension, B: Dimension>(
    golden: &Golden,
    what: &str,
    found: &Array<f32, A>,
    want: &Array<f64, B>,
) {
    let (found, want): (Vec<f32>, Vec<f64>) =
        (found.iter().copied().collect(), want.iter().copied().collect());
    assert_close(&format!("{}: {what}", golden.name), &found, &want, 1e-5, 1e-4);
}

fn cube(golden: &Golden, name: &str) -> Array3<f32> {
    let tensor = golden.tensor(name);
    Array::from_shape_vec(tensor.shape.clone(), tensor.reals()).unwrap().into_dimensionality().unwrap()
}

/// The attributes as options.
fn options(golden: &Golden) -> CellOptions {
    let names = golden.case.get("activations").and_then(|names| names.as_array());
    let mut functions = names.into_iter().flatten().map(|name| match name.as_str() {
        Some("HardSigmoid") => ActivationFunction::HARD_SIGMOID_ONNX,
        Some("Softsign") => ActivationFunction::Softsign,
        Some("Relu") => ActivationFunction::Relu,
        other => panic!("{}: no function for {other:?}", golden.name),
    });
    let gated = golden.word("op") != Some("RNN");
    CellOptions {
        gate_activation: if gated { functions.next() } else { None },
        candidate_activation: functions.next(),
        output_activation: functions.next(),
        clip: golden.case.get("clip").map(|clip| clip.as_f64().expect("a number")),
        coupled: golden.case.get("input_forget").is_some(),
        peepholes: golden.get("P").is_some(),
        ..CellOptions::default()
    }
}

/// Blocks in ONNX' order put in PyTorch's.
fn set_weights(golden: &Golden, parameters: &mut Parameters) {
    let order: &[usize] = match golden.word("op") {
        Some("LSTM") => &[0, 2, 3, 1],
        Some("GRU") => &[1, 0, 2],
        _ => &[0],
    };
    let directions = golden.tensor("W").shape[0];
    for (direction, suffix) in ["", "_reverse"].into_iter().enumerate().take(directions) {
        let part = |name: &str| -> Vec<f32> {
            let values: Vec<f32> = golden.tensor(name).reals();
            values.chunks(values.len() / directions).nth(direction).unwrap().to_vec()
        };
        let mut set = |name: &str, values: &[f32], order: &[usize]| {
            let id = parameters.find(&format!("{name}_l0{suffix}")).unwrap();
            let blocks: Vec<&[f32]> = values.chunks(values.len() / order.len()).collect();
            let values: Vec<f32> = order.iter().flat_map(|&block| blocks[block].to_vec()).collect();
            parameters.value_mut(id).copy_from_slice(&values);
        };
        set("weight_ih", &part("W"), order);
        set("weight_hh", &part("R"), order);
        if golden.get("B").is_some() {
            let bias = part("B");
            let (input, hidden) = bias.split_at(bias.len() / 2);
            set("bias_ih", input, order);
            set("bias_hh", hidden, order);
        }
        if golden.get("P").is_some() {
            set("weight_peephole", &part("P"), &[0, 2, 1]);
        }
    }
}
