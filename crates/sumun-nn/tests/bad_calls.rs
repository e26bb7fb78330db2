//! What callers get wrong, for every layer and every way of calling: one line that says what was expected and found,
//! never a panic, and the same line whichever call it is.

use ndarray::{Array, Array2, Array3, Axis, Dimension, Ix3, IxDyn};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun_nn::Rows;
use sumun_nn::model::{Batch, Input, Model, ModelState, RecurrentLayer};
use sumun_nn::nn::{
    Gru, GruConfig, HiddenState, Lstm, LstmConfig, LstmState, RecurrentState, Rnn, RnnConfig, Valid,
};
use sumun_nn::noise::Noise;

const NOISE: Noise = Noise { seed: 0, step: 0, layer: 0 };

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

fn numbers<D: Dimension>(shape: &[usize]) -> Array<f32, D> {
    let mut k = 0;
    let values = Array::from_shape_simple_fn(IxDyn(shape), || {
        k += 1;
        ((k * 37) % 101) as f32 / 51.0 - 1.0
    });
    values.into_dimensionality().unwrap()
}

/// A call that is wrong in one way: the input's shape, what is valid, the shapes of the initial state's parts, and what
/// is to be said. Layers are of 3 features and 4 units, stacked twice.
struct Case<'a> {
    x: Array3<f32>,
    valid: Valid<'a>,
    state: Option<[usize; 3]>,
    message: &'a str,
}

fn check(what: &str, found: Result<(), sumun_nn::Error>, message: &str) {
    let found = found.expect_err(&format!("{what}: {message}")).to_string();
    assert_eq!(found, message, "{what}");
    assert!(!found.contains('\n') && found.len() < 160, "{found}");
}

/// Every call of a layer refuses the case with the same words.
macro_rules! every_call {
    ($case:expr, $layer:ident, $config:ident, $state:ident { $($part:ident),+ }) => {{
        let case: &Case = $case;
        let config = $config::new(3, 4).layers(2).finite_only(true);
        let layer = $layer::new(config.clone(), &mut rng()).unwrap();
        let initial = case.state.map(|shape| $state { $($part: numbers::<Ix3>(&shape)),+ });
        let (x, valid, initial) = (case.x.view(), case.valid, initial.as_ref());
        let name = stringify!($layer);
        let said = |call: &str, found: Result<(), sumun_nn::Error>| check(&format!("{name}::{call}"), found, case.message);
        said("forward", layer.forward(x, valid, initial).map(|_| ()));
        said("forward_last", layer.forward_last(x, valid, initial).map(|_| ()));
        said("forward_train", layer.forward_train(x, valid, initial, NOISE).map(|_| ()));
        said("forward_last_train", layer.forward_last_train(x, valid, initial, NOISE).map(|_| ()));
        said("trace", layer.trace(x, valid, initial).map(|_| ()));
    }};
}

#[test]
fn every_call_of_every_layer_refuses_what_does_not_fit() {
    let good = || numbers::<Ix3>(&[2, 5, 3]);
    let with = |value: f32| {
        let mut x = good();
        x[[1, 4, 2]] = value;
        x
    };
    let mask = |n, t| Array2::from_elem((n, t), true);
    let (wide, tall, turned) = (mask(2, 6), mask(3, 5), mask(5, 2));
    let all = Valid::All;
    let of = |x, valid, state, message| Case { x, valid, state, message };
    let shaped = |shape: [usize; 3], message| of(numbers(&shape), all, None, message);
    let cases = [
        shaped([2, 5, 4], "input: expected [N, T, 3], found [2, 5, 4]"),
        shaped([2, 3, 5], "input: expected [N, T, 3], found [2, 3, 5]"),
        shaped([2, 5, 0], "input: expected [N, T, 3], found [2, 5, 0]"),
        shaped([0, 5, 3], "input: expected at least one sequence and one step, found [0, 5, 3]"),
        shaped([2, 0, 3], "input: expected at least one sequence and one step, found [2, 0, 3]"),
        of(good(), Valid::Lengths(&[5]), None, "lengths: expected one for each of 2 sequences, found 1"),
        of(
            good(),
            Valid::Lengths(&[5, 5, 5]),
            None,
            "lengths: expected one for each of 2 sequences, found 3",
        ),
        of(good(), Valid::Lengths(&[]), None, "lengths: expected one for each of 2 sequences, found 0"),
        of(good(), Valid::Lengths(&[5, 6]), None, "length 6 of sequence 1 is over the 5 steps of the array"),
        of(
            good(),
            Valid::Lengths(&[usize::MAX, 1]),
            None,
            "length 18446744073709551615 of sequence 0 is over the 5 steps of the array",
        ),
        of(good(), Valid::Mask(wide.view()), None, "mask: expected [2, 5], found [2, 6]"),
        of(good(), Valid::Mask(tall.view()), None, "mask: expected [2, 5], found [3, 5]"),
        of(good(), Valid::Mask(turned.view()), None, "mask: expected [2, 5], found [5, 2]"),
        of(good(), all, Some([2, 3, 4]), "initial state: hidden: expected [2, 2, 4], found [2, 3, 4]"),
        of(good(), all, Some([1, 2, 4]), "initial state: hidden: expected [2, 2, 4], found [1, 2, 4]"),
        of(good(), all, Some([2, 2, 5]), "initial state: hidden: expected [2, 2, 4], found [2, 2, 5]"),
        of(good(), all, Some([0, 0, 0]), "initial state: hidden: expected [2, 2, 4], found [0, 0, 0]"),
        of(
            with(f32::NAN),
            all,
            None,
            "input: NaN at sequence 1, step 4, feature 2; mask the step or fill the value in",
        ),
        of(
            with(f32::NEG_INFINITY),
            Valid::Lengths(&[0, 5]),
            None,
            "input: -inf at sequence 1, step 4, feature 2; mask the step or fill the value in",
        ),
    ];
    for case in &cases {
        every_call!(case, Rnn, RnnConfig, HiddenState { hidden });
        every_call!(case, Gru, GruConfig, HiddenState { hidden });
        every_call!(case, Lstm, LstmConfig, LstmState { hidden, cell });
    }
}

/// States by their parts, NaN in them, and gradients.
#[test]
fn states_and_gradients_that_do_not_fit_are_refused() {
    let x = numbers::<Ix3>(&[2, 5, 3]);
    let config = LstmConfig::new(3, 4).projection(2).finite_only(true);
    let mut lstm = Lstm::new(config, &mut rng()).unwrap();
    let state =
        |h: usize, c: usize| LstmState { hidden: numbers::<Ix3>(&[1, 2, h]), cell: numbers(&[1, 2, c]) };
    let mut nan = state(2, 4);
    nan.cell[[0, 1, 3]] = f32::NAN;
    for (initial, message) in [
        (state(4, 4), "initial state: hidden: expected [1, 2, 2], found [1, 2, 4]"),
        (state(2, 2), "initial state: cell: expected [1, 2, 4], found [1, 2, 2]"),
        (nan, "initial state: cell is NaN at index 0, sequence 1, unit 3; start from finite numbers"),
    ] {
        check("forward", lstm.forward(x.view(), Valid::All, Some(&initial)).map(|_| ()), message);
    }
    for (d_output, d_state, message) in [
        ([2, 5, 4], None, "output gradient: expected [2, 5, 2], found [2, 5, 4]"),
        ([5, 2, 2], None, "output gradient: expected [2, 5, 2], found [5, 2, 2]"),
        ([2, 5, 2], Some((4, 4)), "final state's gradient: hidden: expected [1, 2, 2], found [1, 2, 4]"),
        ([2, 5, 2], Some((2, 2)), "final state's gradient: cell: expected [1, 2, 4], found [1, 2, 2]"),
    ] {
        let (_, _, cache) = lstm.forward_train(x.view(), Valid::All, None, NOISE).unwrap();
        let d_state = d_state.map(|(h, c)| state(h, c));
        let found = lstm.backward(cache, numbers::<Ix3>(&d_output).view(), d_state.as_ref());
        check("backward", found.map(|_| ()), message);
    }
    let (_, _, cache) = lstm.forward_last_train(x.view(), Valid::All, None, NOISE).unwrap();
    let found = lstm.backward(cache, numbers::<ndarray::Ix2>(&[2, 4]).view(), None);
    check("backward", found.map(|_| ()), "output gradient: expected [2, 2], found [2, 4]");

    // An unbatched call says its own shapes.
    let own = x.index_axis(Axis(0), 0);
    let wrong = LstmState { hidden: numbers(&[1, 3]), cell: numbers(&[1, 4]) };
    for (found, message) in [
        (
            lstm.forward(own, Valid::Lengths(&[5, 5]), None),
            "lengths: expected one for each of 1 sequences, found 2",
        ),
        (lstm.forward(own, Valid::All, Some(&wrong)), "initial state: hidden: expected [1, 2], found [1, 3]"),
        (lstm.forward(own.t(), Valid::All, None), "input: expected [T, 3], found [3, 5]"),
    ] {
        check("unbatched", found.map(|_| ()), message);
    }
}

#[test]
fn every_call_of_a_model_refuses_what_does_not_fit() {
    let layer = RecurrentLayer::lstm(4).return_sequences(true);
    let mut model = Model::builder(Input::numbers(3)).layer(layer).dense(2).build(1).unwrap();
    let (good, narrow) = (numbers::<Ix3>(&[2, 5, 3]), numbers::<Ix3>(&[2, 5, 2]));
    let (no_sequence, no_step) = (numbers::<Ix3>(&[0, 5, 3]), numbers::<Ix3>(&[2, 0, 3]));
    let mut nan = good.clone();
    nan[[0, 2, 1]] = f32::NAN;
    let ids = Array2::<u32>::zeros((2, 5));
    let state = |name: &str, hidden: usize, cell: usize| -> ModelState {
        let part = |size| vec![0.0; size];
        [(name.to_owned(), RecurrentState { hidden: part(hidden), cell: part(cell) })].into()
    };
    for (batch, initial, message) in [
        (
            Batch::numbers(narrow.view()),
            None,
            "the model's input: expected numbers [N, T, 3], found numbers [N, T, 2]",
        ),
        (Batch::ids(ids.view()), None, "the model's input: expected numbers [N, T, 3], found ids [N, T]"),
        (
            Batch::numbers(no_sequence.view()),
            None,
            "the model's input: expected at least one sequence of one step, found [0, 5]",
        ),
        (
            Batch::numbers(no_step.view()),
            None,
            "the model's input: expected at least one sequence of one step, found [2, 0]",
        ),
        (
            Batch::numbers(good.view()).lengths(&[6, 1]).unwrap(),
            None,
            "length 6 of sequence 0 is over the 5 steps of the array",
        ),
        (
            Batch::numbers(nan.view()).finite_only(true),
            None,
            "the model's input: NaN at sequence 0, step 2, feature 1; mask the step or fill the value in",
        ),
        (
            Batch::numbers(good.view()),
            Some(state("lstm", 4, 8)),
            "lstm: the initial states: expected [1, 2, 4], found 4 hidden and 8 cell values",
        ),
        (
            Batch::numbers(good.view()),
            Some(state("lstm", 8, 0)),
            "lstm: the initial states: expected [1, 2, 4], found 8 hidden and 0 cell values",
        ),
        (
            Batch::numbers(good.view()),
            Some(state("dense", 8, 8)),
            "dense is no recurrent layer and has no state",
        ),
        (
            Batch::numbers(good.view()),
            Some(state("gru", 8, 8)),
            "the model has no layer \"gru\"; it has lstm, dense",
        ),
    ] {
        let initial = initial.as_ref();
        check("forward", model.forward_with_state(&batch, initial).map(|_| ()), message);
        check("forward_train", model.forward_train_with_state(&batch, initial, NOISE).map(|_| ()), message);
    }
    for (refused, message) in [
        (Batch::numbers(good.view()).lengths(&[1]), "lengths: expected one for each of 2 sequences, found 1"),
        (
            Batch::numbers(good.view()).mask(Array2::from_elem((5, 2), true).view()),
            "mask: expected [2, 5], found [5, 2]",
        ),
        (
            Batch::numbers_time_major(good.view()).mask(Array2::from_elem((5, 2), true).view()),
            "mask: expected [2, 5], found [5, 2]",
        ),
    ] {
        check("batch", refused.map(|_| ()), message);
    }
    let batch = Batch::numbers(good.view()).lengths(&[5, 3]).unwrap();
    for (width, rows, message) in [
        (3, 8, "the gradient of a dense layer's output: expected [8, 2], found [8, 3]"),
        (2, 4, "the gradient of a dense layer's output: expected [8, 2], found [4, 2]"),
    ] {
        let (_, cache) = model.forward_train(&batch, NOISE).unwrap();
        let d = Rows::one_step(vec![0.0; rows * width], width, rows).unwrap();
        check("backward", model.backward(cache, d), message);
    }
}

/// Layers of no size are refused when they are built.
#[test]
fn sizes_of_zero_are_refused() {
    for (input, hidden, layers) in [(0, 4, 1), (3, 0, 1), (3, 4, 0)] {
        let message = format!(
            "a recurrent stack of {layers} layers from {input} features to {hidden} units; each must be at least 1"
        );
        check(
            "Rnn",
            Rnn::new(RnnConfig::new(input, hidden).layers(layers), &mut rng()).map(|_| ()),
            &message,
        );
        check(
            "Gru",
            Gru::new(GruConfig::new(input, hidden).layers(layers), &mut rng()).map(|_| ()),
            &message,
        );
        check(
            "Lstm",
            Lstm::new(LstmConfig::new(input, hidden).layers(layers), &mut rng()).map(|_| ()),
            &message,
        );
    }
    let narrow = Lstm::new(LstmConfig::new(3, 4).projection(0), &mut rng());
    check("Lstm", narrow.map(|_| ()), "LSTM: projection must be at least 1 wide");
    for (model, message) in [
        (
            Model::builder(Input::numbers(0)).lstm(3),
            "the input: features is 0; it must be at least 1 and at most 4294967295",
        ),
        (
            Model::builder(Input::ids(0)).embedding(3),
            "the input: vocabulary is 0; it must be at least 1 and at most 4294967295",
        ),
        (
            Model::builder(Input::numbers(3)).lstm(0),
            "lstm: units is 0; it must be at least 1 and at most 4294967295",
        ),
        (
            Model::builder(Input::numbers(3)).dense(0),
            "dense: units is 0; it must be at least 1 and at most 4294967295",
        ),
    ] {
        check("Model", model.build(1).map(|_| ()), message);
    }
}
