//! What callers get wrong, for every layer and every way of calling: one line that says what was expected and found,
//! never a panic, and the same line whichever call it is.

use ndarray::{Array, Array2, Array3, Axis, Dimension, Ix3, IxDyn};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun_nn::loss::CrossEntropy;
use sumun_nn::model::{Batch, Input, Model, ModelState, RecurrentLayer};
use sumun_nn::nn::{
    Attention, AttentionConfig, BatchNorm, BatchNormConfig, CellKind, Conv1d, Conv1dConfig, Dense,
    DenseConfig, Dropout, Embedding, EmbeddingConfig, Gru, GruConfig, HiddenState, Initializer,
    InputGradient, Layer, LayerNorm, LayerNormConfig, Lstm, LstmConfig, LstmState, Padding, Recurrent,
    RecurrentConfig, RecurrentState, Rnn, RnnConfig, Valid,
};
use sumun_nn::noise::Noise;
use sumun_nn::train::Batches;
use sumun_nn::{Fill, Ids, Layout, Parameters, Rows};

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
            "lstm: the initial states: expected hidden [1, 2, 4] and cell [1, 2, 4], found 4 hidden and 8 cell values",
        ),
        (
            Batch::numbers(good.view()),
            Some(state("lstm", 8, 0)),
            "lstm: the initial states: expected hidden [1, 2, 4] and cell [1, 2, 4], found 8 hidden and 0 cell values",
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

/// Sizes whose products wrap, or that there is no memory for, where layers, layouts and parameters are made.
#[test]
fn sizes_beyond_memory_are_refused() {
    let mut failed = Vec::new();
    let mut refuse = |what: String, found: Result<(), sumun_nn::Error>, part: &str| {
        let message = found.err().map(|error| error.to_string()).unwrap_or_default();
        if !message.contains(part) || message.contains('\n') {
            failed.push(format!("{what}: {message:?} does not say {part:?}"));
        }
    };
    for huge in [usize::MAX, usize::MAX / 2 + 1, 1 << 62, 1 << 40] {
        let parameters = Parameters::new;
        for (input, output) in [(huge, 1), (1, huge), (huge, huge), (1 << 32, huge), (huge, 4)] {
            let config = DenseConfig::new(input, output);
            let found = Dense::new(config, &mut parameters(), "d", &mut rng()).map(drop);
            refuse(format!("dense {input} {output}"), found, "there can be");
            let config = EmbeddingConfig { vocabulary: input, features: output, padding_id: None };
            let found = Embedding::new(config, &mut parameters(), "e", &mut rng()).map(drop);
            let part = if input > 1 << 32 { "ids must fit 32 bits" } else { "there can be" };
            refuse(format!("embedding {input} {output}"), found, part);
            let config = AttentionConfig { input, units: output };
            let found = Attention::new(config, &mut parameters(), "a", &mut rng()).map(drop);
            refuse(format!("attention {input} {output}"), found, "there can be");
            for cell in [CellKind::RnnTanh, CellKind::Lstm, CellKind::Gru] {
                let config =
                    RecurrentConfig { bidirectional: true, ..RecurrentConfig::new(cell, input, output) };
                let found = Recurrent::new(config, &mut parameters(), "", &mut rng()).map(drop);
                refuse(format!("{cell:?} {input} {output}"), found, "there can be");
            }
        }
        let config = RecurrentConfig { layers: huge, ..RecurrentConfig::new(CellKind::Gru, 1, 1) };
        let found = Recurrent::new(config, &mut parameters(), "", &mut rng()).map(drop);
        refuse(format!("{huge} layers"), found, "above the 65536 there can be");
        for (sequences, time) in [(huge, 1), (1, huge), (huge, huge), (huge, 0), (0, huge), (2, huge)] {
            let what = format!("a layout of {sequences} and {time}");
            refuse(what.clone(), Layout::full(sequences, time).map(drop), "cells there can be");
            refuse(what, Layout::masked(&[], sequences, time, Fill::Zero).map(drop), "cells there can be");
        }
        refuse(format!("{huge} steps"), Layout::ragged(&[1], huge).map(drop), "cells there can be");
        refuse(format!("a length of {huge}"), Layout::ragged(&[huge], huge).map(drop), "cells there can be");
        refuse(
            format!("{huge} parameters"),
            Parameters::with_capacity(huge).map(drop),
            "numbers there can be",
        );
        for shape in [&[huge][..], &[huge, huge], &[2, huge], &[1 << 32, 1 << 32]] {
            let found = parameters().add("p", shape, Vec::new()).map(drop);
            refuse(format!("a parameter of {shape:?}"), found, "there can be");
            let found = Initializer::Zeros.values(shape, &mut rng()).map(drop);
            refuse(format!("values of {shape:?}"), found, "there can be");
        }
        let one = Layout::full(2, 3).unwrap();
        refuse(
            format!("rows of {huge}"),
            Rows::new(vec![0.0; 6], huge, one.clone()).map(drop),
            "packed rows",
        );
        refuse(format!("an array of {huge}"), Rows::pack(&[0.0; 6], huge, one).map(drop), "input");
        // Rows of sequences without steps are none, and yet their array would have these features.
        let none = Layout::ragged(&[0, 0], 3).unwrap();
        refuse(format!("no rows of {huge}"), Rows::new(Vec::new(), huge, none).map(drop), "no memory");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// A layer with the parameters of another, with a gradient of other rows, and with the cache of another layer.
#[test]
fn what_belongs_to_others_is_refused() {
    let layout = Layout::ragged(&[3, 1], 3).unwrap();
    let other = Layout::ragged(&[2, 2], 3).unwrap();
    let foreign = [Parameters::new(), {
        let mut few = Parameters::new();
        few.add("one", &[1], vec![0.5]).unwrap();
        few
    }];
    let needed = InputGradient::Needed;
    /// Every call of a layer with foreign parameters, and a gradient of other rows.
    fn refuse<L: Layer>(layer: &L, own: &mut Parameters, foreign: &[Parameters], rows: [&Rows; 3]) {
        let [x, d, d_other] = rows;
        let said = |found: Result<(), sumun_nn::Error>| {
            let message = found.expect_err("foreign parameters are refused").to_string();
            assert!(message.contains("use the parameters that the layer was added to"), "{message}");
        };
        for parameters in foreign {
            said(layer.forward(parameters, x.clone()).map(drop));
            said(layer.forward_train(parameters, x.clone(), NOISE).map(drop));
        }
        let (_, cache) = layer.forward_train(own, x.clone(), NOISE).unwrap();
        let found = layer.backward(own, cache, d_other.clone(), InputGradient::Needed);
        assert!(found.is_err(), "a gradient of other rows");
        let (_, cache) = layer.forward_train(own, x.clone(), NOISE).unwrap();
        layer.backward(own, cache, d.clone(), InputGradient::Needed).unwrap();
        assert!(own.gradients().iter().any(|d| *d != 0.0));
    }
    let rows = |width: usize, layout: &std::sync::Arc<Layout>| {
        Rows::new((0..layout.rows() * width).map(|k| k as f32 * 0.1 - 0.3).collect(), width, layout.clone())
            .unwrap()
    };
    let (x, d4, d4_other) = (rows(3, &layout), rows(4, &layout), rows(4, &other));
    let mut parameters = Parameters::new();
    let dense = Dense::new(DenseConfig::new(3, 4), &mut parameters, "d", &mut rng()).unwrap();
    refuse(&dense, &mut parameters, &foreign, [&x, &d4, &d4_other]);
    let found = dense.cross_entropy(&mut foreign[0].clone(), &x, &CrossEntropy::default(), &[0; 4], needed);
    assert!(found.is_err());
    let config = RecurrentConfig::new(CellKind::Lstm, 3, 4);
    let mut parameters = Parameters::new();
    let lstm = Recurrent::new(config.clone(), &mut parameters, "", &mut rng()).unwrap();
    refuse(&lstm, &mut parameters, &foreign, [&x, &d4, &d4_other]);
    assert!(lstm.stream::<RecurrentState>(&foreign[1]).is_err());
    // Another stack among the same parameters, of other layers and directions: its caches are not this one's.
    let both = RecurrentConfig { layers: 2, bidirectional: true, ..config };
    let stack = Recurrent::new(both, &mut parameters, "stack", &mut rng()).unwrap();
    let (_, cache) = stack.forward_train(&parameters, x.clone(), NOISE).unwrap();
    assert!(lstm.backward(&mut parameters, cache, d4.clone(), needed).is_err());
    let (_, cache) = lstm.forward_train(&parameters, x.clone(), NOISE).unwrap();
    assert!(stack.backward(&mut parameters, cache, rows(8, &layout), needed).is_err());
    let mut parameters = Parameters::new();
    let attention =
        Attention::new(AttentionConfig { input: 3, units: 5 }, &mut parameters, "a", &mut rng()).unwrap();
    let d = Rows::one_step(vec![0.5; 6], 3, 2).unwrap();
    let d_other = Rows::one_step(vec![0.5; 9], 3, 3).unwrap();
    refuse(&attention, &mut parameters, &foreign, [&x, &d, &d_other]);
    let wide =
        Attention::new(AttentionConfig { input: 3, units: 7 }, &mut parameters, "w", &mut rng()).unwrap();
    let (_, cache) = wide.forward_train(&parameters, x.clone(), NOISE).unwrap();
    assert!(attention.backward(&mut parameters, cache, d, needed).is_err());

    let mut parameters = Parameters::new();
    let config = LayerNormConfig::new(4);
    let norm = LayerNorm::new(config, &mut parameters, "n").unwrap();
    refuse(&norm, &mut parameters, &foreign, [&rows(4, &layout), &d4, &d4_other]);
    let mut parameters = Parameters::new();
    let norm = BatchNorm::new(BatchNormConfig::new(4), &mut parameters, "n").unwrap();
    refuse(&norm, &mut parameters, &foreign, [&rows(4, &layout), &d4, &d4_other]);
    let mut parameters = Parameters::new();
    let same = Conv1dConfig { padding: Padding::Same, ..Conv1dConfig::new(3, 4, 2) };
    let conv = Conv1d::new(same, &mut parameters, "c", &mut rng()).unwrap();
    refuse(&conv, &mut parameters, &foreign, [&x, &d4, &d4_other]);

    let config = EmbeddingConfig { vocabulary: 9, features: 4, padding_id: None };
    let mut parameters = Parameters::new();
    let table = Embedding::new(config, &mut parameters, "e", &mut rng()).unwrap();
    let ids = Ids::new(vec![1, 8, 3, 0], layout.clone()).unwrap();
    for parameters in &foreign {
        assert!(table.forward(parameters, &ids).is_err());
    }
    for (d, fits) in [(&d4, true), (&d4_other, false), (&x, false)] {
        let (_, cache) = table.forward_train(&parameters, ids.clone()).unwrap();
        assert_eq!(table.backward(&mut parameters, cache, d.clone()).is_ok(), fits);
    }
    let dropout = Dropout::new(0.5).unwrap();
    for (d, fits) in [(&d4, true), (&d4_other, false), (&x, false)] {
        let (_, cache) = dropout.forward_train(&parameters, d4.clone(), NOISE).unwrap();
        assert_eq!(dropout.backward(&mut parameters, cache, d.clone(), needed).is_ok(), fits);
    }
}

/// What is asked of sizes before they are checked overflowed, or ended the process for want of memory.
#[test]
fn questions_about_sizes_that_cannot_be_have_answers() {
    for huge in [usize::MAX, usize::MAX / 2 + 1, 1 << 40, 0] {
        for padding in [Padding::Valid, Padding::Same, Padding::Causal] {
            let config =
                Conv1dConfig { stride: huge, dilation: huge, padding, ..Conv1dConfig::new(3, 4, huge) };
            assert!(config.check().is_err());
            assert!(config.output_length(5) <= 5, "{config:?}");
        }
        assert_eq!(Batches::new(5, huge.max(1), 7).unwrap().order(huge).len(), 5);
    }
    // As many as there can be, of arrays that are small or empty.
    let most = u32::MAX as usize;
    for made in [
        Layout::full(most, 0),
        Layout::full(0, most),
        Layout::masked(&[], most, 0, Fill::Zero),
        Layout::ragged(&[most], most),
    ] {
        // On a machine with that much memory they are made.
        if let Err(error) = made {
            let message = error.to_string();
            assert!(message.contains("memory"), "{message}");
        }
    }
}
