//! Streams: the bits of the layer, and not one allocation a step.

use ndarray::{Array1, Array2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun_nn::nn::{
    CellKind, CellOptions, Gru, GruCell, GruConfig, HiddenState, Lstm, LstmCell, LstmConfig, LstmState,
    Recurrent, RecurrentConfig, RecurrentState, Rnn, RnnCell, RnnConfig, Stream, StreamState, Valid,
};
use sumun_nn::{Layout, Parameters, Rows};

const T: usize = 12;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(5)
}

/// A sequence that repeats nowhere, `[T, F]`.
fn sequence(features: usize) -> Array2<f32> {
    Array2::from_shape_fn((T, features), |(t, f)| (((t * features + f) * 37 + 11) % 101) as f32 / 51.0 - 0.99)
}

/// Steps through `x`, from the state that the stream is in: nothing may be allocated from the first step on.
fn run<S: StreamState>(stream: &mut Stream<S>, x: &Array2<f32>) -> Vec<f32> {
    let mut output = Vec::with_capacity(x.nrows() * 512);
    let allocations = allocation_counter::measure(|| {
        for x in x.rows() {
            output.extend_from_slice(stream.step(x.as_slice().unwrap()).unwrap());
        }
        stream.reset();
    });
    assert_eq!(allocations.count_total, 0);
    output
}

/// The same sequence in blocks, one of no steps among them: the same bits, nothing allocated.
fn blocks<S: StreamState>(stream: &mut Stream<S>, x: &Array2<f32>, steps: &[f32]) {
    let (x, width, output) = (x.as_slice().unwrap(), x.ncols(), steps.len() / T);
    let mut out = vec![0.0; steps.len()];
    let allocations = allocation_counter::measure(|| {
        for (from, to) in [(0, 1), (1, 1), (1, 8), (8, T)] {
            stream.block(&x[from * width..to * width], &mut out[from * output..to * output]).unwrap();
        }
        stream.reset();
    });
    assert_eq!(allocations.count_total, 0);
    assert_eq!(out, steps);
}

/// The counter counts, or none of these tests means anything.
#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1u8]))).count_total, 1);
}

macro_rules! layers {
    ($layer:ident, $state:ident { $($part:ident),+ }, $config:expr) => {{
        let what = format!("{:?}", $config);
        let layer = $layer::new($config, &mut rng()).unwrap();
        let x = sequence(layer.config().input);
        let (whole, last) = layer.forward(x.view(), Valid::All, None).unwrap();
        let mut stream = layer.stream().unwrap();
        let output = run(&mut stream, &x);
        assert_eq!(output, whole.as_slice().unwrap(), "{what}");

        blocks(&mut stream, &x, &output);

        // Cut in two, the state carried over by hand, into the layer and back.
        let (first, second) = x.view().split_at(Axis(0), 5);
        let (head, between) = layer.forward(first, Valid::All, None).unwrap();
        stream.set_state(&between).unwrap();
        assert_eq!(stream.state(), between);
        assert_eq!(allocation_counter::measure(|| stream.set_state(&between).unwrap()).count_total, 0);
        for (t, x) in second.rows().into_iter().enumerate() {
            let found = stream.step(x.as_slice().unwrap()).unwrap();
            assert_eq!(found, whole.row(head.nrows() + t).as_slice().unwrap(), "{what}");
        }
        assert_eq!(stream.state(), last, "{what}");
        assert_eq!(stream.hidden(), last.hidden.as_slice().unwrap());
        let wrong = $state { $($part: last.$part.t().as_standard_layout().into_owned()),+ };
        assert!(stream.set_state(&wrong).unwrap_err().to_string().contains("hidden: expected"), "{what}");
        assert_eq!(stream.state(), last, "{what}");
    }};
}

#[test]
fn a_stream_is_the_layer_over_the_sequence_and_allocates_nothing() {
    let plain = CellOptions::default();
    for config in [RnnConfig::new(3, 5), RnnConfig::new(1, 33).layers(3).relu(true).bias(false)] {
        layers!(Rnn, HiddenState { hidden }, config);
    }
    for config in [
        LstmConfig::new(3, 5),
        LstmConfig::new(4, 40).layers(3).dropout(0.5).finite_only(true),
        // Large enough to be worth several threads, were it a batch.
        LstmConfig::new(8, 512),
        LstmConfig::new(3, 7).layers(2).projection(4),
        LstmConfig::new(3, 7).layers(2).options(CellOptions { peepholes: true, clip: Some(2.0), ..plain }),
        LstmConfig::new(3, 7).layers(2).options(CellOptions { layer_norm: Some(1e-3), ..plain }),
        LstmConfig::new(3, 7).options(CellOptions { zoneout_hidden: 0.1, zoneout_cell: 0.2, ..plain }),
    ] {
        layers!(Lstm, LstmState { hidden, cell }, config);
    }
    for config in [
        GruConfig::new(3, 5).layers(2),
        GruConfig::new(3, 5).layers(2).reset_before(true).recurrent_dropout(0.3),
        GruConfig::new(9, 64).time_major(true),
        GruConfig::new(3, 5).layers(2).options(CellOptions { layer_norm: Some(1e-3), ..plain }),
    ] {
        layers!(Gru, HiddenState { hidden }, config);
    }
}

#[test]
fn a_stream_of_a_cell_is_the_cell() {
    let x = sequence(3);
    macro_rules! cells {
        ($cell:ident, $config:ident) => {{
            let cell = $cell::new($config::new(3, 6), &mut rng()).unwrap();
            let mut stream = cell.stream().unwrap();
            let output = run(&mut stream, &x);
            let mut state = None;
            for (t, x) in x.rows().into_iter().enumerate() {
                let after = cell.step(x, state.as_ref()).unwrap();
                assert_eq!(output[t * 6..][..6], *after.hidden.as_slice().unwrap());
                state = Some(after);
            }
            let state = state.unwrap();
            stream.set_state(&state).unwrap();
            assert_eq!(stream.state(), state);
        }};
    }
    cells!(RnnCell, RnnConfig);
    cells!(LstmCell, LstmConfig);
    cells!(GruCell, GruConfig);
}

#[test]
fn a_stack_of_packed_rows_streams_with_the_weights_it_had() {
    let mut parameters = Parameters::new();
    let config = RecurrentConfig { layers: 2, ..RecurrentConfig::new(CellKind::Lstm, 3, 5) };
    let stack = Recurrent::new(config, &mut parameters, "rnn", &mut rng()).unwrap();
    let x = sequence(3);
    let rows = Rows::new(x.iter().copied().collect(), 3, Layout::full(1, T).unwrap()).unwrap();
    let (whole, last) = stack.forward_with_state(&parameters, rows, None).unwrap();
    let mut stream = stack.stream::<RecurrentState>(&parameters).unwrap();
    parameters.values_mut().fill(0.0);
    let mut output = Vec::new();
    x.rows().into_iter().for_each(|x| output.extend_from_slice(stream.step(x.as_slice().unwrap()).unwrap()));
    assert_eq!(output, *whole.data);
    assert_eq!(stream.state(), last);
    let short = RecurrentState { hidden: vec![0.0; 10], cell: vec![0.0; 5] };
    let error = stream.set_state(&short).unwrap_err().to_string();
    assert_eq!(error, "a stream's state: expected 10 hidden and 10 cell values, found 10 and 5");
    fn moves<T: Send + 'static>(_: T) {}
    moves(stream);
}

#[test]
fn what_a_stream_cannot_do_is_refused() {
    let error = |config| Gru::new(config, &mut rng()).unwrap().stream().map(|_| ()).unwrap_err().to_string();
    let both = error(GruConfig::new(3, 5).bidirectional(true));
    assert!(both.contains("its second direction begins at the last step"), "{both}");
    let backwards = error(GruConfig::new(3, 5).go_backwards(true));
    assert!(backwards.contains("it begins at the last step"), "{backwards}");

    let mut stream = Gru::new(GruConfig::new(2, 5).finite_only(true), &mut rng()).unwrap().stream().unwrap();
    stream.step(&[0.1, 0.2]).unwrap();
    let before = stream.state();
    let error = stream.step(&[0.1]).unwrap_err().to_string();
    assert_eq!(error, "the input of a stream's step: expected [2], found [1]");
    let error = stream.step(&[0.1, f32::NAN]).unwrap_err().to_string();
    assert_eq!(error, "input: NaN at feature 1; leave the step out or fill the value in");
    let mut out = [7.0; 10];
    let error = stream.block(&[0.1; 3], &mut out).unwrap_err().to_string();
    assert_eq!(error, "the input of a stream's block: expected [T, 2], found 3 values");
    let error = stream.block(&[0.1; 4], &mut out[..9]).unwrap_err().to_string();
    assert_eq!(error, "the output of a stream's block: expected [2, 5], found 9 values");
    let error = stream.block(&[0.1, 0.2, f32::INFINITY, 0.3], &mut out).unwrap_err().to_string();
    assert_eq!(error, "input: inf at step 1, feature 0; leave the step out or fill the value in");
    assert!(stream.state() == before && out == [7.0; 10]);
    let mut spoilt = before.clone();
    spoilt.hidden[[0, 1]] = f32::INFINITY;
    let error = stream.set_state(&spoilt).unwrap_err().to_string();
    assert_eq!(error, "a stream's state has inf; go on from finite numbers");
    assert_eq!(stream.state(), before);
    let cell = GruCell::new(GruConfig::new(2, 5), &mut rng()).unwrap();
    let mut stream = cell.stream().unwrap();
    assert!(stream.set_state(&HiddenState { hidden: Array1::zeros(4) }).is_err());
}
