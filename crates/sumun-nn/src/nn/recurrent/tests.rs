use super::*;
use crate::Layout;
use crate::nn::gradient_check::check_gradients;
use crate::nn::{InputGradient, Layer, Merge, Output, RecurrentState};
use crate::noise::Noise;
use crate::{Parameters, Rows};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun_kernels::Path;

const NOISE: Noise = Noise { seed: 3, step: 5, layer: 2 };

fn stack(config: &RecurrentConfig) -> (Recurrent, Parameters) {
    let mut parameters = Parameters::new();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let stack = Recurrent::new(config.clone(), &mut parameters, "rnn", &mut rng).unwrap();
    (stack, parameters)
}

fn configs() -> Vec<RecurrentConfig> {
    let mut configs = Vec::new();
    for &cell in CellKind::ALL {
        for (layers, bidirectional) in [(1, false), (1, true), (2, false), (2, true)] {
            for output in [Output::Sequence, Output::Last] {
                let dropout = if layers == 2 { 0.25 } else { 0.0 };
                let bias = layers == 1 || bidirectional;
                let config = RecurrentConfig::new(cell, 3, 5);
                configs.push(RecurrentConfig { layers, bidirectional, output, dropout, bias, ..config });
            }
        }
    }
    configs
}

/// Every option of a cell and of a stack, alone and together.
fn exotic() -> Vec<RecurrentConfig> {
    use sumun_kernels::{ActivationFunction, Options, RecurrentDropout};
    let (lstm, gru) = (CellKind::Lstm, CellKind::Gru);
    let base = |cell| RecurrentConfig {
        bidirectional: true,
        layers: 2,
        dropout: 0.25,
        ..RecurrentConfig::new(cell, 3, 5)
    };
    let with = |cell, options| RecurrentConfig { options, ..base(cell) };
    let plain = Options::default();
    let softsign = Some(ActivationFunction::Softsign);
    vec![
        RecurrentConfig { merge: Merge::Sum, ..base(lstm) },
        RecurrentConfig { merge: Merge::Mul, ..base(gru) },
        RecurrentConfig { merge: Merge::Average, ..base(CellKind::RnnTanh) },
        RecurrentConfig { merge: Merge::Mul, output: Output::Last, ..base(lstm) },
        RecurrentConfig { input_dropout: 0.4, ..base(gru) },
        RecurrentConfig { recurrent_dropout: 0.4, ..base(lstm) },
        RecurrentConfig {
            recurrent_dropout: 0.4,
            ..with(gru, Options { recurrent_dropout: RecurrentDropout::PerGate, ..plain })
        },
        with(lstm, Options { projection: Some(2), ..plain }),
        RecurrentConfig {
            merge: Merge::Average,
            output: Output::Last,
            input_dropout: 0.2,
            ..with(lstm, Options { projection: Some(4), peepholes: true, ..plain })
        },
        with(lstm, Options { zoneout_hidden: 0.3, zoneout_cell: 0.2, ..plain }),
        with(CellKind::GruResetBefore, Options { zoneout_hidden: 0.3, ..plain }),
        with(lstm, Options { coupled: true, clip: Some(3.0), output_activation: softsign, ..plain }),
        // A large ε, or the curvature of the norm over five units spoils difference quotients in f32.
        with(gru, Options { layer_norm: Some(0.5), candidate_activation: softsign, ..plain }),
        RecurrentConfig { inverted_update: true, ..base(gru) },
        RecurrentConfig { inverted_update: true, ..base(CellKind::GruResetBefore) },
        RecurrentConfig {
            inverted_update: true,
            recurrent_dropout: 0.4,
            ..with(gru, Options { layer_norm: Some(0.5), zoneout_hidden: 0.3, ..plain })
        },
    ]
}

#[test]
fn gradients_agree_with_central_differences() {
    // The kink of relu spoils difference quotients in f32; its gradients are checked in f64 by the kernels.
    let relu = sumun_kernels::ActivationFunction::Relu;
    let plain = configs().into_iter().filter(|c| c.cell.spec().candidate != relu);
    for config in plain.chain(exotic()) {
        let (stack, parameters) = stack(&config);
        let layout = Layout::ragged(&[4, 0, 2, 4], 5).unwrap();
        check_gradients(&stack, parameters, 3, layout, NOISE);
        let mask: Vec<bool> =
            [3, 5, 0, 6, 1].iter().flat_map(|m| [m & 1 != 0, m & 2 != 0, m & 4 != 0]).collect();
        let (stack, parameters) = self::stack(&config);
        let layout = Layout::masked(&mask, 5, 3, crate::Fill::Repeat).unwrap();
        check_gradients(&stack, parameters, 3, layout, NOISE);
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    use sumun_kernels::{Options, RecurrentDropout};
    let of = |config: RecurrentConfig| {
        Recurrent::new(config, &mut Parameters::new(), "", &mut ChaCha8Rng::seed_from_u64(1))
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let gru = RecurrentConfig::new(CellKind::Gru, 3, 5);
    let options = Options { projection: Some(2), ..Options::default() };
    let error = of(RecurrentConfig { options, ..gru.clone() });
    assert_eq!(error, "GRU (reset after): projection is not an option of this cell; leave it out");
    let error = of(RecurrentConfig { merge: Merge::Sum, ..gru.clone() });
    assert_eq!(error, "a merge other than concat needs a bidirectional stack");
    let options = Options { recurrent_dropout: RecurrentDropout::PerGate, ..Options::default() };
    assert!(of(RecurrentConfig { options, ..gru.clone() }).contains("set its rate"));
    assert!(of(RecurrentConfig { input_dropout: 1.0, ..gru }).contains("below 1"));
}

#[test]
fn a_stack_is_its_layers_and_two_directions_are_two_passes() {
    let both =
        RecurrentConfig { layers: 2, bidirectional: true, ..RecurrentConfig::new(CellKind::Gru, 3, 5) };
    let (whole, all) = stack(&both);
    let layout = Layout::ragged(&[4, 0, 2, 4], 5).unwrap();
    let x: Vec<f32> = (0..layout.rows() * 3).map(|k| ((k * 29) % 83) as f32 / 41.0 - 1.0).collect();
    let mut rows = Rows::new(x, 3, layout.clone()).unwrap();
    let expected = whole.forward(&all, rows.clone()).unwrap();
    for layer in 0..2 {
        let mut sides = Vec::new();
        for reverse in ["", "_reverse"] {
            let config = RecurrentConfig::new(CellKind::Gru, rows.features, 5);
            let (one, mut parameters) = stack(&config);
            for name in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] {
                let from = all.find(&format!("rnn.{name}_l{layer}{reverse}")).unwrap();
                let to = parameters.find(&format!("rnn.{name}_l0")).unwrap();
                parameters.value_mut(to).copy_from_slice(all.value(from));
            }
            let turn = |rows: &Rows| {
                let mut turned = vec![0.0; rows.data.len()];
                for (row, &from) in layout.reversed().as_slice().iter().enumerate() {
                    let (to, from) = (row * rows.features, from as usize * rows.features);
                    turned[to..to + rows.features].copy_from_slice(&rows.data[from..from + rows.features]);
                }
                Rows::new(turned, rows.features, layout.clone()).unwrap()
            };
            sides.push(match reverse {
                "" => one.forward(&parameters, rows.clone()).unwrap(),
                _ => turn(&one.forward(&parameters, turn(&rows)).unwrap()),
            });
        }
        let pairs = sides[0].data.chunks(5).zip(sides[1].data.chunks(5));
        let data: Vec<f32> = pairs.flat_map(|(a, b)| [a, b].concat()).collect();
        rows = Rows::new(data, 10, layout.clone()).unwrap();
    }
    assert_eq!(rows.data, expected.data);
}

#[test]
fn forget_biases_are_one_whatever_was_asked_for_the_biases() {
    let first =
        FirstWeights { bias: crate::nn::Initializer::Constant { value: 0.5 }, ..FirstWeights::keras() };
    let config = RecurrentConfig { first_weights: Some(first), ..RecurrentConfig::new(CellKind::Lstm, 3, 2) };
    let (_, parameters) = stack(&config);
    let bias = |name| parameters.value(parameters.find(name).unwrap()).to_vec();
    assert_eq!(bias("rnn.bias_ih_l0"), [0.5, 0.5, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5]);
    assert_eq!(bias("rnn.bias_hh_l0"), [0.5, 0.5, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5]);
}

/// What is added to forget biases that are drawn changes nothing else, in every layer and direction of the stack.
#[test]
fn forget_biases_may_be_drawn_around_another_number() {
    for cell in [CellKind::Lstm, CellKind::SLstm, CellKind::Gru, CellKind::RnnTanh] {
        let drawn = FirstWeights::pytorch(2);
        let config = RecurrentConfig {
            layers: 2,
            bidirectional: true,
            first_weights: Some(drawn),
            ..RecurrentConfig::new(cell, 3, 2)
        };
        let (_, plain) = stack(&config);
        let first_weights = Some(FirstWeights { forget_bias: 1.0, ..drawn });
        let (_, raised) = stack(&RecurrentConfig { first_weights, ..config });
        for entry in plain.entries() {
            let mut expected = plain.values()[entry.range.clone()].to_vec();
            if let (Some(gate), true) = (cell.spec().forget_gate, entry.name.starts_with("rnn.bias_ih")) {
                expected[gate * 2..][..2].iter_mut().for_each(|bias| *bias += 1.0);
            }
            assert_eq!(raised.values()[entry.range.clone()], expected, "{}: {}", cell.name(), entry.name);
        }
    }
}

#[test]
fn padding_and_company_never_change_a_bit() {
    for config in configs().into_iter().filter(|c| c.dropout == 0.0) {
        let (stack, parameters) = stack(&config);
        let lengths = [3, 0, 7, 1, 7, 2, 5];
        let (n, t) = (lengths.len(), 9);
        let x: Vec<f32> = (0..n * t * 3).map(|k| ((k * 29) % 83) as f32 / 41.0 - 1.0).collect();
        let together =
            Rows::pack(&x, 3, Layout::ragged(&lengths, t).unwrap()).map(|x| stack.forward(&parameters, x));
        let together = together.unwrap().unwrap().unpack();
        let width = together.len() / n;
        for (i, &length) in lengths.iter().enumerate() {
            let own = &x[i * t * 3..(i * t + length) * 3];
            let alone = Rows::pack(own, 3, Layout::full(1, length).unwrap()).unwrap();
            let alone = stack.forward(&parameters, alone).unwrap().unpack();
            let mine = &together[i * width..(i + 1) * width];
            assert_eq!(&mine[..alone.len()], alone, "{config:?}, sequence {i}");
            assert!(mine[alone.len()..].iter().all(|&v| v == 0.0));
        }
    }
}

#[test]
fn a_sequence_in_chunks_with_its_state_carried_has_the_same_bits() {
    for config in configs().into_iter().filter(|c| !c.bidirectional && c.output == Output::Sequence) {
        let (stack, parameters) = stack(&config);
        let x: Vec<f32> = (0..10 * 3).map(|k| ((k * 17) % 31) as f32 / 15.0 - 1.0).collect();
        let part = |from: usize, to: usize| {
            Rows::pack(&x[from * 3..to * 3], 3, Layout::full(1, to - from).unwrap()).unwrap()
        };
        let (whole, end) = stack.forward_with_state(&parameters, part(0, 10), None).unwrap();
        let (first, middle) = stack.forward_with_state(&parameters, part(0, 4), None).unwrap();
        let (second, last) = stack.forward_with_state(&parameters, part(4, 10), Some(&middle)).unwrap();
        assert_eq!([first.unpack(), second.unpack()].concat(), whole.unpack(), "{config:?}");
        assert_eq!(last, end, "{config:?}");
    }
}

#[test]
fn a_sequence_of_no_steps_answers_its_state_and_passes_the_gradient_on() {
    let config = RecurrentConfig { output: Output::Last, ..RecurrentConfig::new(CellKind::Gru, 3, 2) };
    let (stack, mut parameters) = stack(&config);
    let layout = Layout::ragged(&[2, 0], 2).unwrap();
    let x = Rows::pack(&[0.5; 12], 3, layout).unwrap();
    let state = RecurrentState { hidden: vec![0.1, 0.2, 0.3, 0.4], cell: Vec::new() };
    let (out, _, cache) = stack.forward_train_with_state(&parameters, x, Some(&state), NOISE).unwrap();
    assert_eq!(out.data[2..], [0.3, 0.4]);
    let d = Rows::one_step(vec![1.0, 2.0, 3.0, 4.0], 2, 2).unwrap();
    let wanted = InputGradient::Skip;
    let (_, d_initial) = stack.backward_with_state(&mut parameters, cache, d, None, wanted).unwrap();
    assert_eq!(d_initial.hidden[2..], [3.0, 4.0]);
}

#[test]
fn changed_parameters_are_never_met_with_stale_weights() {
    let (stack, mut parameters) = stack(&RecurrentConfig::new(CellKind::Lstm, 3, 5));
    let x = || Rows::pack(&[0.5; 12], 3, Layout::full(2, 2).unwrap()).unwrap();
    let before = stack.forward(&parameters, x()).unwrap();
    let (out, cache) = stack.forward_train(&parameters, x(), NOISE).unwrap();
    assert_eq!(before.data, out.data);
    parameters.values_mut().iter_mut().for_each(|v| *v *= 2.0);
    assert_ne!(before.data, stack.forward(&parameters, x()).unwrap().data);
    let error = stack.backward(&mut parameters, cache, out, InputGradient::Skip).unwrap_err();
    assert!(error.to_string().contains("run forward_train again"), "{error}");
}

#[test]
fn the_path_is_the_fastest_that_computes_the_cell() {
    for config in configs() {
        let (stack, _) = stack(&config);
        assert_eq!(stack.path(), Path::best(), "{:?}", config.cell);
        assert_eq!(stack.on_path(Path::Portable).unwrap().path(), Path::Portable, "{:?}", config.cell);
    }
    // An RNN's own functions are plain whichever way they are asked for.
    for (cell, function, same) in [
        (CellKind::RnnTanh, sumun_kernels::ActivationFunction::Relu, CellKind::RnnRelu),
        (CellKind::RnnRelu, sumun_kernels::ActivationFunction::Tanh, CellKind::RnnTanh),
    ] {
        let options = sumun_kernels::Options { candidate_activation: Some(function), ..Default::default() };
        let (by_option, parameters) = stack(&RecurrentConfig { options, ..RecurrentConfig::new(cell, 3, 5) });
        assert_eq!(by_option.path(), Path::best());
        let (by_cell, _) = stack(&RecurrentConfig::new(same, 3, 5));
        let x = || Rows::pack(&[0.5, -0.7, 0.9, -0.1, 0.2, 0.8], 3, Layout::full(1, 2).unwrap()).unwrap();
        let found = by_option.forward(&parameters, x()).unwrap();
        assert_eq!(found.data, by_cell.forward(&parameters, x()).unwrap().data);
    }
}
