use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun_kernels::Path;
use sumun_testing::assert_close;

use super::*;
use crate::nn::gradient_check::check_gradients;
use crate::nn::{
    CellKind, Initializer, InputGradient, Layer, Merge, Output, Recurrent, RecurrentConfig, RecurrentState,
};
use crate::noise::Noise;
use crate::parameters::Entry;
use crate::{Error, Fill, Layout, Rows};
use std::sync::Arc;

const NOISE: Noise = Noise { seed: 3, step: 5, layer: 2 };
const UNITS: usize = 5;

/// The LSTM as a user's own cell: blocks i, f, g, o; saves them and tanh(c').
#[derive(Debug)]
struct OwnLstm;

fn sigmoid(v: f32) -> f32 {
    1.0 / (1.0 + (-v).exp())
}

impl CustomCell for OwnLstm {
    fn hidden(&self) -> usize {
        UNITS
    }

    fn cell(&self) -> usize {
        UNITS
    }

    fn saved(&self, _input: usize) -> usize {
        5 * UNITS
    }

    fn weights(&self, input: usize) -> Vec<CellWeight> {
        let first = Initializer::pytorch(UNITS);
        vec![
            CellWeight::new("weight_ih", &[4 * UNITS, input], first),
            CellWeight::new("weight_hh", &[4 * UNITS, UNITS], first),
            CellWeight::new("bias_ih", &[4 * UNITS], first),
            CellWeight::new("bias_hh", &[4 * UNITS], first),
        ]
    }

    fn step(&self, weights: &[&[f32]], at: Step<'_>, after: StepAfter<'_>) -> Result<()> {
        let n = at.sequences;
        let [mut from_x, mut from_h] = [vec![0.0; n * 4 * UNITS], vec![0.0; n * 4 * UNITS]];
        at.affine(weights[0], weights[2], at.x, &mut from_x)?;
        at.affine(weights[1], weights[3], at.hidden, &mut from_h)?;
        for row in 0..n {
            for k in 0..UNITS {
                let pre = |gate: usize| {
                    let index = (row * 4 + gate) * UNITS + k;
                    from_x[index] + from_h[index]
                };
                let [i, f, g, o] = [sigmoid(pre(0)), sigmoid(pre(1)), pre(2).tanh(), sigmoid(pre(3))];
                let unit = row * UNITS + k;
                let c = f * at.cell[unit] + i * g;
                after.cell[unit] = c;
                after.hidden[unit] = o * c.tanh();
                for (part, value) in [i, f, g, o, c.tanh()].into_iter().enumerate() {
                    after.saved[(row * 5 + part) * UNITS + k] = value;
                }
            }
        }
        Ok(())
    }

    fn step_backward(
        &self,
        weights: &[&[f32]],
        at: Step<'_>,
        saved: &[f32],
        d_hidden: &[f32],
        d_cell: &[f32],
        into: StepGradients<'_>,
    ) -> Result<()> {
        let n = at.sequences;
        let mut d = vec![0.0; n * 4 * UNITS];
        for row in 0..n {
            for k in 0..UNITS {
                let [i, f, g, o, tanh] = [0, 1, 2, 3, 4].map(|part| saved[(row * 5 + part) * UNITS + k]);
                let unit = row * UNITS + k;
                let d_c = d_cell[unit] + d_hidden[unit] * o * (1.0 - tanh * tanh);
                let gates = [
                    d_c * g * i * (1.0 - i),
                    d_c * at.cell[unit] * f * (1.0 - f),
                    d_c * i * (1.0 - g * g),
                    d_hidden[unit] * tanh * o * (1.0 - o),
                ];
                for (gate, value) in gates.into_iter().enumerate() {
                    d[(row * 4 + gate) * UNITS + k] = value;
                }
                into.cell[unit] += d_c * f;
            }
        }
        let [d_ih, d_hh, d_bias_ih, d_bias_hh] = into.weights else { unreachable!("four weights") };
        at.affine_backward(weights[0], at.x, &d, into.x, d_ih, d_bias_ih)?;
        at.affine_backward(weights[1], at.hidden, &d, into.hidden, d_hh, d_bias_hh)
    }
}

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(11)
}

/// Numbers between −1 and 1 that repeat nowhere.
fn numbers(count: usize, from: usize) -> Vec<f32> {
    (from..from + count).map(|k| ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993).collect()
}

fn layouts() -> Vec<Arc<Layout>> {
    // Left padding, a hole, a sequence that is hidden, a full one, one step.
    let mask = [[0, 0, 1, 1], [1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0]];
    let mask: Vec<bool> = mask.concat().iter().map(|&v| v == 1).collect();
    vec![
        Layout::full(3, 4).unwrap(),
        Layout::ragged(&[4, 0, 2, 4], 5).unwrap(),
        Layout::masked(&mask, 5, 4, Fill::Repeat).unwrap(),
        Layout::ragged(&[0, 0], 3).unwrap(),
    ]
}

fn configs() -> Vec<CustomConfig> {
    let one = CustomConfig::new(3);
    let both = CustomConfig { bidirectional: true, ..one };
    let tall = CustomConfig { layers: 3, dropout: 0.25, ..one };
    vec![
        one,
        CustomConfig { output: Output::Last, ..one },
        both,
        CustomConfig { merge: Merge::Mul, output: Output::Last, ..both },
        tall,
        CustomConfig { merge: Merge::Sum, ..CustomConfig { bidirectional: true, ..tall } },
        CustomConfig { merge: Merge::Average, output: Output::Last, bidirectional: true, ..tall },
        CustomConfig { bidirectional: true, ..tall },
        CustomConfig { input_dropout: 0.3, ..both },
        CustomConfig { input_dropout: 0.2, output: Output::Last, ..tall },
    ]
}

/// The library's own stack of the same options.
fn recurrent(config: &CustomConfig) -> RecurrentConfig {
    let CustomConfig { input, layers, bidirectional, merge, dropout, input_dropout, output } = *config;
    let base = RecurrentConfig::new(CellKind::Lstm, input, UNITS);
    RecurrentConfig { layers, bidirectional, merge, dropout, input_dropout, output, ..base }
}

#[test]
fn an_own_lstm_is_the_librarys_outputs_states_and_gradients() {
    for config in configs() {
        for layout in layouts() {
            for stateful in [false, true] {
                let what = format!("{config:?}, {layout:?}, initial state {stateful}");
                let (mut parameters, mut expected) = (Parameters::new(), Parameters::new());
                let own = Custom::new(OwnLstm, config, &mut parameters, "own", &mut rng()).unwrap();
                let stack = Recurrent::new(recurrent(&config), &mut expected, "own", &mut rng()).unwrap();
                let places = |parameters: &Parameters| -> Vec<_> {
                    let place =
                        |entry: &Entry| (entry.name.clone(), entry.shape.clone(), entry.range.clone());
                    parameters.entries().iter().map(place).collect()
                };
                assert_eq!(places(&parameters), places(&expected));
                assert_eq!(parameters.values(), expected.values());

                let x = Rows::new(numbers(layout.rows() * 3, 0), 3, layout.clone()).unwrap();
                let count = config.layers * config.directions() * layout.sequences() * UNITS;
                let state =
                    |from| RecurrentState { hidden: numbers(count, from), cell: numbers(count, from + 7) };
                let (initial, d_last) = (stateful.then(|| state(50)), stateful.then(|| state(90)));
                let close = |name: &str, a: &[f32], b: &[f32]| {
                    assert_close(&format!("{name}: {what}"), a, b, 1e-4, 1e-4)
                };

                let (y, last) = own.forward_with_state(&parameters, x.clone(), initial.as_ref()).unwrap();
                let (z, end) = stack.forward_with_state(&expected, x.clone(), initial.as_ref()).unwrap();
                assert_eq!(y.features, z.features, "{what}");
                close("output", &y.data, &z.data);
                close("h", &last.hidden, &end.hidden);
                close("c", &last.cell, &end.cell);

                let (y, last, cache) =
                    own.forward_train_with_state(&parameters, x.clone(), initial.as_ref(), NOISE).unwrap();
                let (z, end, other) =
                    stack.forward_train_with_state(&expected, x.clone(), initial.as_ref(), NOISE).unwrap();
                close("output in training", &y.data, &z.data);
                close("h in training", &last.hidden, &end.hidden);
                let d_out = Rows::new(numbers(y.data.len(), 20), y.features, y.layout.clone()).unwrap();
                let needed = InputGradient::Needed;
                let (d_x, d_initial, by_step) = own
                    .backward_by_step(&mut parameters, cache, d_out.clone(), d_last.as_ref(), needed)
                    .unwrap();
                let (d_x_expected, d_start, expected_by_step) =
                    stack.backward_by_step(&mut expected, other, d_out, d_last.as_ref(), needed).unwrap();
                assert_eq!(by_step.len(), config.layers * config.directions(), "{what}");
                for (a, b) in by_step.iter().zip(&expected_by_step) {
                    assert_eq!((a.layer, a.direction), (b.layer, b.direction), "{what}");
                    close("gradient of h by step", &a.hidden.data, &b.hidden.data);
                    let [a, b] = [a, b].map(|of| of.cell.as_ref().unwrap());
                    close("gradient of c by step", &a.data, &b.data);
                }
                close("gradient of the input", &d_x.unwrap().data, &d_x_expected.unwrap().data);
                close("gradient of h", &d_initial.hidden, &d_start.hidden);
                close("gradient of c", &d_initial.cell, &d_start.cell);
                close("gradients of the weights", parameters.gradients(), expected.gradients());
            }
        }
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    check_step(&OwnLstm, 3, &mut rng()).unwrap();
    for config in configs() {
        for layout in layouts() {
            let mut parameters = Parameters::new();
            let own = Custom::new(OwnLstm, config, &mut parameters, "own", &mut rng()).unwrap();
            check_gradients(&own, parameters, 3, layout, NOISE);
        }
    }
}

/// Each sequence alone gives the bits that it has in a masked batch, and in pieces with its state carried over.
#[test]
fn masked_is_alone_and_chunked_is_whole_bit_for_bit() {
    let mut parameters = Parameters::new();
    let config = CustomConfig { layers: 2, ..CustomConfig::new(3) };
    let own = Custom::new(OwnLstm, config, &mut parameters, "own", &mut rng()).unwrap();
    let lengths = [3, 5, 0, 4];
    let layout = Layout::ragged(&lengths, 5).unwrap();
    let x = numbers(4 * 5 * 3, 0);
    let batch = own.forward(&parameters, Rows::pack(&x, 3, layout).unwrap()).unwrap().unpack();
    for (n, &length) in lengths.iter().enumerate() {
        let mut state = None;
        for t in 0..length {
            let row = x[(n * 5 + t) * 3..][..3].to_vec();
            let row = Rows::new(row, 3, Layout::full(1, 1).unwrap()).unwrap();
            let (y, after) = own.forward_with_state(&parameters, row, state.as_ref()).unwrap();
            assert_eq!(*y.data, batch[(n * 5 + t) * UNITS..][..UNITS], "sequence {n}, step {t}");
            state = Some(after);
        }
    }
}

/// A wrong backward is found, and named.
#[derive(Debug)]
struct Wrong;

impl CustomCell for Wrong {
    fn hidden(&self) -> usize {
        2
    }

    fn weights(&self, _input: usize) -> Vec<CellWeight> {
        vec![CellWeight::new("scale", &[2], Initializer::Constant { value: 0.5 })]
    }

    fn step(&self, weights: &[&[f32]], at: Step<'_>, after: StepAfter<'_>) -> Result<()> {
        for k in 0..after.hidden.len() {
            after.hidden[k] = weights[0][k % 2] * at.x[k] + at.hidden[k];
        }
        Ok(())
    }

    fn step_backward(
        &self,
        weights: &[&[f32]],
        _at: Step<'_>,
        _saved: &[f32],
        d_hidden: &[f32],
        _d_cell: &[f32],
        into: StepGradients<'_>,
    ) -> Result<()> {
        for (k, d) in d_hidden.iter().enumerate() {
            into.x[k] += weights[0][k % 2] * d;
            into.hidden[k] += d;
        }
        Ok(())
    }
}

#[test]
fn a_wrong_backward_is_found() {
    let error = check_step(&Wrong, 2, &mut rng()).unwrap_err().to_string();
    assert!(
        error.starts_with("step_backward of Wrong: the gradient of scale is 0.000000 at index 0"),
        "{error}"
    );
}

/// A cell whose two weights have the same name, and which may have no units.
#[derive(Debug)]
struct Twice(usize);

impl CustomCell for Twice {
    fn hidden(&self) -> usize {
        self.0
    }

    fn weights(&self, _input: usize) -> Vec<CellWeight> {
        vec![CellWeight::new("weight", &[1], Initializer::Zeros); 2]
    }

    fn step(&self, _: &[&[f32]], _: Step<'_>, _: StepAfter<'_>) -> Result<()> {
        Err(Error::Invalid("no step".into()))
    }

    fn step_backward(
        &self,
        _: &[&[f32]],
        _: Step<'_>,
        _: &[f32],
        _: &[f32],
        _: &[f32],
        _: StepGradients<'_>,
    ) -> Result<()> {
        Err(Error::Invalid("no step".into()))
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    fn refused<C: CustomCell>(cell: C, config: CustomConfig) -> String {
        Custom::new(cell, config, &mut Parameters::new(), "own", &mut rng()).unwrap_err().to_string()
    }
    let plain = CustomConfig::new(3);
    assert_eq!(
        refused(Twice(0), plain),
        "a stack of 1 layers of Twice(0) from 3 features to 0 units; each must be at least 1"
    );
    assert_eq!(refused(Twice(1), plain), "two parameters are named own.weight_l0");
    assert!(refused(OwnLstm, CustomConfig::new(0)).contains("each must be at least 1"));
    assert!(refused(OwnLstm, CustomConfig { layers: 0, ..plain }).contains("each must be at least 1"));
    assert!(refused(OwnLstm, CustomConfig { dropout: 1.0, ..plain }).contains("below 1"));
    assert!(refused(OwnLstm, CustomConfig { merge: Merge::Sum, ..plain }).contains("bidirectional"));

    let mut parameters = Parameters::new();
    let own = Custom::new(OwnLstm, plain, &mut parameters, "own", &mut rng()).unwrap();
    let layout = Layout::full(2, 3).unwrap();
    let rows = |features| Rows::new(vec![0.5; 6 * features], features, layout.clone()).unwrap();
    let error = own.forward(&parameters, rows(4)).unwrap_err().to_string();
    assert_eq!(error, "the input of a custom layer: expected [6, 3], found [6, 4]");
    let state = RecurrentState { hidden: vec![0.0; 10], cell: vec![0.0; 5] };
    let error = own.forward_with_state(&parameters, rows(3), Some(&state)).unwrap_err().to_string();
    assert_eq!(
        error,
        "the initial states: expected hidden [1, 2, 5] and cell [1, 2, 5], found 10 hidden and 5 cell values"
    );
    let cached = |parameters: &Parameters| own.forward_train(parameters, rows(3), NOISE).unwrap().1;
    let cache = cached(&parameters);
    let error = own.backward(&mut parameters, cache, rows(4), InputGradient::Skip).unwrap_err().to_string();
    assert_eq!(error, "the output gradient of a custom layer: expected [6, 5], found [6, 4]");
    let cache = cached(&parameters);
    parameters.values_mut()[0] += 1.0;
    let error = own.backward(&mut parameters, cache, rows(5), InputGradient::Skip).unwrap_err().to_string();
    assert!(error.contains("run forward_train again"), "{error}");
    let at = Step { sequences: 2, path: Path::best(), x: &[1.0; 4], hidden: &[], cell: &[] };
    assert!(at.affine(&[1.0; 6], &[], at.x, &mut [0.0; 3]).is_err());
}
