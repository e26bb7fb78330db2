//! What holds for every way of calling a layer.

use ndarray::{Array, Array2, Array3, ArrayView, Axis, Ix2, Ix3};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sumun_kernels::Path;

use super::owned::OwnedStack;
use super::states::Parts;
use super::valid::{Calling, Empty};
use super::{Gru, GruConfig, HiddenState, Lstm, LstmConfig, LstmState, Rnn, RnnConfig, Valid};
use crate::Fill;
use crate::nn::{CellKind, CellOptions, Merge, RecurrentConfig};
use crate::noise::Noise;

const NOISE: Noise = Noise { seed: 0, step: 0, layer: 0 };

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

fn draw<R: Rng>(rng: &mut R, shape: (usize, usize, usize)) -> Array3<f32> {
    Array3::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0))
}

/// A random layer; the options of a cell beside its kind are none of the calls' business.
fn random<R: Rng>(rng: &mut R, cell: CellKind) -> (RecurrentConfig, Calling) {
    let bidirectional = rng.random();
    let merges = [Merge::Concat, Merge::Sum, Merge::Mul, Merge::Average];
    let projection = (cell == CellKind::Lstm && rng.random()).then_some(3);
    let config = RecurrentConfig {
        layers: rng.random_range(1..=2),
        bidirectional,
        merge: if bidirectional { merges[rng.random_range(0..4)] } else { Merge::Concat },
        options: CellOptions { projection, ..CellOptions::default() },
        ..RecurrentConfig::new(cell, 3, 5)
    };
    let repeats = !bidirectional && rng.random();
    let calling = Calling {
        time_major: false,
        go_backwards: !bidirectional && rng.random(),
        masked_steps: if repeats { Fill::Repeat } else { Fill::Zero },
        finite_only: rng.random(),
        ..Calling::default()
    };
    (config, calling)
}

/// Rows of `array` along its first axis, at these indices.
fn pick(array: ArrayView<f32, Ix2>, indices: &[usize]) -> Array2<f32> {
    array.select(Axis(0), indices)
}

/// A masked batch is each of its sequences without a batch and without the masked steps, bit for bit: outputs,
/// states and gradients. A time-major call returns the same.
fn masked_is_unbatched<S, T>(cell: CellKind, seed: u64)
where
    S: Parts<Ix3> + PartialEq + std::fmt::Debug,
    T: Parts<Ix2>,
{
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (config, calling) = random(&mut rng, cell);
    let what = format!("{config:?} {calling:?}, seed {seed}");
    let (n, t) = (rng.random_range(1..=5), rng.random_range(1..=7));
    let rate = [0.3, 0.8][rng.random_range(0..2)];
    let mask = Array2::from_shape_simple_fn((n, t), || rng.random_bool(rate));
    let (count, width) = (config.layers * config.directions(), config.state_features());
    let features = config.output_features();
    let cell_width = if cell == CellKind::Lstm { config.hidden } else { 0 };
    let mut state = || S::of(draw(&mut rng, (count, n, width)), draw(&mut rng, (count, n, cell_width)));
    let (initial, d_last) = (state(), state());
    let (x, d_output) = (draw(&mut rng, (n, t, 3)), draw(&mut rng, (n, t, features)));
    let alike =
        |calling| OwnedStack::new(config.clone(), calling, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    let mut layer = alike(calling);

    let valid = Valid::Mask(mask.view());
    let (output, last, cache) = layer.forward_train(x.view(), valid, Some(&initial), NOISE).unwrap();
    let (d_x, d_initial) = layer.backward(cache, d_output.view(), Some(&d_last)).unwrap();
    let (ends, end_state) = layer.forward_last(x.view(), valid, Some(&initial)).unwrap();
    assert_eq!(end_state, last, "{what}");

    let of = |state: &S, n: usize| -> T {
        let mut parts = state.parts().map(|(_, part)| part.index_axis(Axis(1), n).to_owned());
        let hidden = parts.next().unwrap();
        T::of(hidden, parts.next().unwrap_or_default())
    };
    let same = |found: &S, n: usize, expected: &T, name: &str| {
        for ((part, found), (_, expected)) in found.parts().zip(expected.parts()) {
            assert_eq!(found.index_axis(Axis(1), n), expected, "{name} {part} of sequence {n}: {what}");
        }
    };
    for n in 0..n {
        let steps: Vec<usize> = (0..t).filter(|&t| mask[[n, t]]).collect();
        // Outputs come in processing order, and so do their steps.
        let mut places: Vec<usize> =
            steps.iter().map(|&step| if calling.go_backwards { t - 1 - step } else { step }).collect();
        places.sort_unstable();
        let shows: Vec<Option<usize>> = (0..t)
            .map(|place| match calling.masked_steps {
                Fill::Zero => places.iter().position(|&p| p == place),
                Fill::Repeat => places.iter().rposition(|&p| p <= place),
            })
            .collect();
        let (mine, start) = (output.index_axis(Axis(0), n), of(&initial, n));
        if steps.is_empty() {
            same(&last, n, &start, "state");
            same(&d_initial, n, &of(&d_last, n), "gradient of the state");
            assert!(mine.iter().chain(d_x.index_axis(Axis(0), n).iter()).all(|&v| v == 0.0), "{what}");
            continue;
        }
        let own = pick(x.index_axis(Axis(0), n), &steps);
        let (by_itself, end, cache) =
            layer.forward_train(own.view(), Valid::All, Some(&start), NOISE).unwrap();
        same(&last, n, &end, "state");
        let mut d_by_itself = Array2::zeros((steps.len(), features));
        for (place, shown) in shows.into_iter().enumerate() {
            match shown {
                None => assert!(mine.row(place).iter().all(|&v| v == 0.0), "{what}"),
                Some(row) => {
                    assert_eq!(mine.row(place), by_itself.row(row), "step {place} of sequence {n}: {what}");
                    let mut d = d_by_itself.row_mut(row);
                    d += &d_output.index_axis(Axis(0), n).row(place);
                }
            }
        }
        let (d_own, d_start) = layer.backward(cache, d_by_itself.view(), Some(&of(&d_last, n))).unwrap();
        same(&d_initial, n, &d_start, "gradient of the state");
        assert_eq!(pick(d_x.index_axis(Axis(0), n), &steps), d_own, "gradient of sequence {n}: {what}");
        let masked: Vec<usize> = (0..t).filter(|&t| !mask[[n, t]]).collect();
        assert!(pick(d_x.index_axis(Axis(0), n), &masked).iter().all(|&v| v == 0.0), "{what}");
        let (end, _) = layer.forward_last(own.view(), Valid::All, Some(&start)).unwrap();
        assert_eq!(ends.row(n), end, "last output of sequence {n}: {what}");
    }

    let mut turned = alike(Calling { time_major: true, ..calling });
    let (x, d_output, mask) = (x.permuted_axes([1, 0, 2]), d_output.permuted_axes([1, 0, 2]), mask.t());
    let (again, state, cache) =
        turned.forward_train(x.view(), Valid::Mask(mask), Some(&initial), NOISE).unwrap();
    assert_eq!((again.permuted_axes([1, 0, 2]), state), (output, last), "{what}");
    let (again, d_start) = turned.backward(cache, d_output.view(), Some(&d_last)).unwrap();
    assert_eq!((again.permuted_axes([1, 0, 2]), d_start), (d_x, d_initial), "{what}");
}

#[test]
fn a_masked_batch_is_its_sequences_alone_and_unbatched() {
    for seed in 0..60 {
        for &cell in CellKind::ALL.iter().filter(|cell| !cell.has_cell_state()) {
            masked_is_unbatched::<HiddenState<Ix3>, HiddenState<Ix2>>(cell, seed);
        }
        masked_is_unbatched::<LstmState<Ix3>, LstmState<Ix2>>(CellKind::Lstm, seed);
    }
}

#[test]
fn lengths_are_the_mask_that_they_say() {
    let (x, lengths) = (draw(&mut rng(), (4, 5, 3)), [3, 0, 5, 1]);
    let mask = Array2::from_shape_fn((4, 5), |(n, t)| t < lengths[n]);
    for (backwards, fill) in [(false, Fill::Zero), (false, Fill::Repeat), (true, Fill::Zero)] {
        let config = GruConfig::new(3, 4).go_backwards(backwards).masked_steps(fill);
        let gru = Gru::new(config, &mut rng()).unwrap();
        let by_mask = gru.forward(x.view(), Valid::Mask(mask.view()), None).unwrap();
        assert_eq!(gru.forward(x.view(), Valid::Lengths(&lengths), None).unwrap(), by_mask);
        // What is not valid has no effect, not even NaN.
        let mut spoilt = x.clone();
        spoilt.index_axis_mut(Axis(0), 0).row_mut(4).fill(f32::NAN);
        assert_eq!(gru.forward(spoilt.view(), Valid::Lengths(&lengths), None).unwrap(), by_mask);
    }
    let gru = Gru::new(GruConfig::new(3, 4).go_backwards(true), &mut rng()).unwrap();
    let (output, _) = gru.forward(x.view(), Valid::All, None).unwrap();
    let plain = Gru::new(GruConfig::new(3, 4), &mut rng()).unwrap();
    let mut flipped = x.view();
    flipped.invert_axis(Axis(1));
    assert_eq!(output, plain.forward(flipped, Valid::All, None).unwrap().0);
}

/// The initial state of a sequence without steps is its last output, or has nothing to do with it, and so it is with
/// the gradient.
#[test]
fn last_outputs_of_sequences_without_steps() {
    let x = draw(&mut rng(), (2, 3, 3));
    let initial = HiddenState { hidden: draw(&mut rng(), (2, 2, 4)) };
    for (fill, shown) in [(Fill::Zero, 1.0), (Fill::Repeat, 0.0)] {
        let config = RnnConfig::new(3, 4).bidirectional(true).masked_steps(fill);
        let mut rnn = Rnn::new(config, &mut rng()).unwrap();
        let (last, _, cache) =
            rnn.forward_last_train(x.view(), Valid::Lengths(&[2, 0]), Some(&initial), NOISE).unwrap();
        let start = ndarray::concatenate![
            Axis(0),
            initial.hidden.index_axis(Axis(0), 0).row(1),
            initial.hidden.index_axis(Axis(0), 1).row(1)
        ];
        assert_eq!(last.row(1), start * shown);
        let d_last = Array2::ones((2, 8));
        let (_, d_initial) = rnn.backward::<Ix3, Ix2>(cache, d_last.view(), None).unwrap();
        assert!(d_initial.hidden.index_axis(Axis(1), 1).iter().all(|&v| v == shown));
        assert!(d_initial.hidden.index_axis(Axis(1), 0).iter().all(|&v| v != 0.0 && v != 1.0));
    }
}

/// ONNX Runtime returns zeros for a sequence of no steps, whatever its initial state; nothing else differs.
#[test]
fn sequences_without_steps_answer_zeros_in_onnx_dialect() {
    let x = draw(&mut rng(), (3, 4, 3));
    let state = || LstmState { hidden: draw(&mut rng(), (4, 3, 2)), cell: draw(&mut rng(), (4, 3, 5)) };
    let (initial, d_state) = (state(), state());
    let valid = Valid::Lengths(&[2, 0, 4]);
    let run = |empty: Empty| {
        let config = LstmConfig::new(3, 5).projection(2).layers(2).bidirectional(true).empty_sequences(empty);
        let mut lstm = Lstm::new(config, &mut rng()).unwrap();
        let (output, last, cache) = lstm.forward_train(x.view(), valid, Some(&initial), NOISE).unwrap();
        let (d_x, d_initial) = lstm.backward(cache, output.view(), Some(&d_state)).unwrap();
        let (ends, state) = lstm.forward_last(x.view(), valid, Some(&initial)).unwrap();
        assert_eq!(state, last);
        (output, last, ends, d_x, d_initial, lstm.parameters().gradients().to_vec())
    };
    let (native, onnx) = (run(Empty::Initial), run(Empty::Zeros));
    assert_eq!((&native.0, &native.3, &native.5), (&onnx.0, &onnx.3, &onnx.5));
    for (kept, zeros, passed) in [
        (&native.1.hidden, &onnx.1.hidden, &initial.hidden),
        (&native.1.cell, &onnx.1.cell, &initial.cell),
        (&native.4.hidden, &onnx.4.hidden, &d_state.hidden),
        (&native.4.cell, &onnx.4.cell, &d_state.cell),
    ] {
        assert_eq!(kept.index_axis(Axis(1), 1), passed.index_axis(Axis(1), 1));
        assert!(zeros.index_axis(Axis(1), 1).iter().all(|&v| v == 0.0));
        for n in [0, 2] {
            assert_eq!(kept.index_axis(Axis(1), n), zeros.index_axis(Axis(1), n));
        }
    }
    assert!(onnx.2.row(1).iter().all(|&v| v == 0.0) && native.2.row(1).iter().all(|&v| v != 0.0));
    assert_eq!(native.2.row(2), onnx.2.row(2));
}

/// Gradients through last outputs that two directions multiply, a projection and given states, against central
/// differences.
#[test]
fn gradients_of_last_outputs_agree_with_central_differences() {
    let options = CellOptions { projection: Some(2), ..CellOptions::default() };
    let config = RecurrentConfig {
        layers: 2,
        bidirectional: true,
        merge: Merge::Mul,
        options,
        ..RecurrentConfig::new(CellKind::Lstm, 3, 4)
    };
    let mut layer = OwnedStack::new(config, Calling::default(), &mut rng()).unwrap();
    let mut x = draw(&mut rng(), (3, 4, 3));
    let mut initial = LstmState { hidden: draw(&mut rng(), (4, 3, 2)), cell: draw(&mut rng(), (4, 3, 4)) };
    let d_state = LstmState { hidden: draw(&mut rng(), (4, 3, 2)), cell: draw(&mut rng(), (4, 3, 4)) };
    let (valid, d_last) =
        (Valid::Lengths(&[4, 0, 2]), Array2::from_shape_fn((3, 2), |(n, f)| 0.5 + (n * 2 + f) as f32));
    let (_, _, cache) = layer.forward_last_train(x.view(), valid, Some(&initial), NOISE).unwrap();
    let (d_x, d_initial) = layer.backward(cache, d_last.view(), Some(&d_state)).unwrap();
    let loss = |layer: &OwnedStack, x: &Array3<f32>, initial: &LstmState| -> f64 {
        let (last, state) = layer.forward_last(x.view(), valid, Some(initial)).unwrap();
        let dot = |a: &mut dyn Iterator<Item = (&f32, &f32)>| a.map(|(a, b)| f64::from(a * b)).sum::<f64>();
        dot(&mut last.iter().zip(&d_last))
            + dot(&mut state.hidden.iter().zip(&d_state.hidden))
            + dot(&mut state.cell.iter().zip(&d_state.cell))
    };
    let step = 1e-2;
    let agree = |what: &str, d: f32, difference: f64| {
        assert!((f64::from(d) - difference).abs() < 2e-3, "{what}: {d} against {difference}");
    };
    for at in [[0, 0, 0], [0, 3, 2], [2, 1, 1], [2, 2, 0], [1, 0, 0]] {
        let kept = x[at];
        x[at] = kept + step;
        let above = loss(&layer, &x, &initial);
        x[at] = kept - step;
        agree("x", d_x[at], (above - loss(&layer, &x, &initial)) / f64::from(2.0 * step));
        x[at] = kept;
    }
    for at in [[0, 0, 0], [1, 2, 1], [2, 1, 0], [3, 0, 1], [3, 1, 1]] {
        let kept = initial.hidden[at];
        initial.hidden[at] = kept + step;
        let above = loss(&layer, &x, &initial);
        initial.hidden[at] = kept - step;
        agree("h", d_initial.hidden[at], (above - loss(&layer, &x, &initial)) / f64::from(2.0 * step));
        initial.hidden[at] = kept;
    }
    for at in (0..layer.parameters.len()).step_by(7) {
        let kept = layer.parameters.values()[at];
        layer.parameters.values_mut()[at] = kept + step;
        let above = loss(&layer, &x, &initial);
        layer.parameters.values_mut()[at] = kept - step;
        let below = loss(&layer, &x, &initial);
        layer.parameters.values_mut()[at] = kept;
        agree("weight", layer.parameters.gradients()[at], (above - below) / f64::from(2.0 * step));
    }
}

#[test]
fn wrong_shapes_are_named() {
    let config = GruConfig::new(3, 4).reset_before(true);
    let gru = Gru::new(config.clone(), &mut rng()).unwrap();
    assert_eq!(gru.path(), Path::best());
    let turned = Gru::new(config.time_major(true), &mut rng()).unwrap();
    let numbers = |shape| draw(&mut rng(), shape);
    let of = |gru: &Gru, shape, valid, state: Option<&HiddenState>| {
        gru.forward(numbers(shape).view(), valid, state).unwrap_err().to_string()
    };
    let (x, all, mask) = ((2, 5, 3), Valid::All, Array2::from_elem((2, 6), true));
    let state = HiddenState { hidden: numbers((1, 3, 4)) };
    for (found, expected) in [
        (of(&gru, (2, 5, 4), all, None), "input: expected [N, T, 3], found [2, 5, 4]"),
        (of(&turned, (2, 5, 4), all, None), "input: expected [T, N, 3], found [2, 5, 4]"),
        (
            of(&gru, (0, 5, 3), all, None),
            "input: expected at least one sequence and one step, found [0, 5, 3]",
        ),
        (
            of(&gru, (2, 0, 3), all, None),
            "input: expected at least one sequence and one step, found [2, 0, 3]",
        ),
        (of(&gru, x, Valid::Lengths(&[5]), None), "lengths: expected one for each of 2 sequences, found 1"),
        (
            of(&gru, x, Valid::Lengths(&[5, 6]), None),
            "length 6 of sequence 1 is over the 5 steps of the array",
        ),
        (of(&gru, x, Valid::Mask(mask.view()), None), "mask: expected [2, 5], found [2, 6]"),
        (of(&turned, x, Valid::Mask(mask.view()), None), "mask: expected [2, 5], found [2, 6]"),
        (of(&gru, x, all, Some(&state)), "initial state: hidden: expected [1, 2, 4], found [1, 3, 4]"),
    ] {
        assert_eq!(found, expected);
    }

    let mut lstm = Lstm::new(LstmConfig::new(3, 4), &mut rng()).unwrap();
    let own = numbers((1, 5, 3)).index_axis_move(Axis(0), 0);
    let state = LstmState { hidden: Array::zeros((1, 4)), cell: Array::zeros((1, 5)) };
    let error = lstm.forward(own.view(), all, Some(&state)).unwrap_err().to_string();
    assert_eq!(error, "initial state: cell: expected [1, 4], found [1, 5]");
    let error = lstm.forward(own.select(Axis(1), &[0, 1]).view(), all, None).unwrap_err().to_string();
    assert_eq!(error, "input: expected [T, 3], found [5, 2]");
    let (_, _, cache) = lstm.forward_last_train(own.view(), all, None, NOISE).unwrap();
    let error = lstm.backward(cache, Array::zeros(5).view(), None).unwrap_err().to_string();
    assert_eq!(error, "output gradient: expected [4], found [5]");
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let error = Lstm::new(LstmConfig::new(3, 0), &mut rng()).unwrap_err().to_string();
    assert!(error.contains("each must be at least 1"), "{error}");
    let both = LstmConfig::new(3, 4).bidirectional(true);
    let error = Lstm::new(both.clone().go_backwards(true), &mut rng()).unwrap_err().to_string();
    assert!(error.starts_with("go_backwards turns one direction round"), "{error}");
    let x = draw(&mut rng(), (2, 5, 3));
    let repeating = Lstm::new(both.clone().masked_steps(Fill::Repeat), &mut rng()).unwrap();
    let error = repeating.forward(x.view(), Valid::All, None).unwrap_err().to_string();
    assert!(error.contains("set masked_steps to Fill::Zero"), "{error}");
    let error = repeating.apart(x.view()).unwrap_err().to_string();
    assert_eq!(error, "output: expected [2, 5, 8], found [2, 5, 3]");
    let summed = Lstm::new(both.merge(Merge::Sum), &mut rng()).unwrap();
    assert!(summed.apart(x.view()).unwrap_err().to_string().contains("merges by concat"));
}

#[test]
fn numbers_that_are_not_finite_are_refused_where_asked() {
    let mut x = draw(&mut rng(), (2, 5, 3));
    x[[1, 3, 2]] = f32::NAN;
    let mut state = HiddenState { hidden: draw(&mut rng(), (2, 2, 4)) };
    state.hidden[[1, 0, 3]] = f32::INFINITY;
    for backwards in [false, true] {
        let config = RnnConfig::new(3, 4).layers(2).go_backwards(backwards);
        let rnn = Rnn::new(config.clone(), &mut rng()).unwrap();
        assert!(rnn.forward(x.view(), Valid::All, None).unwrap().0[[1, 4, 0]].is_nan());
        let rnn = Rnn::new(config.finite_only(true), &mut rng()).unwrap();
        let error = rnn.forward(x.view(), Valid::All, None).unwrap_err().to_string();
        let expected = "input: NaN at sequence 1, step 3, feature 2; mask the step or fill the value in";
        assert_eq!(error, expected);
        assert!(rnn.forward(x.view(), Valid::Lengths(&[5, 3]), None).is_ok());
        let error = rnn.forward(x.view(), Valid::Lengths(&[5, 3]), Some(&state)).unwrap_err().to_string();
        let expected =
            "initial state: hidden is inf at index 1, sequence 0, unit 3; start from finite numbers";
        assert_eq!(error, expected);
    }
}
