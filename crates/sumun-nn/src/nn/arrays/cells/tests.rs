use ndarray::{Array2, Array3, Axis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sumun_kernels::RecurrentDropout;
use sumun_testing::assert_close;

use super::*;
use crate::nn::{CellOptions, FirstWeights};
use crate::nn::{Gru, Lstm, Merge, Rnn, Valid};

const NOISE: Noise = Noise { seed: 3, step: 5, layer: 2 };
const N: usize = 3;
const T: usize = 4;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

/// A loop over the cell's steps is the layer over the sequence: states are the same bits, in training with the same
/// masks, and gradients differ by the order of their sums.
macro_rules! loop_is_layer {
    ($cell:ident, $layer:ident, $config:expr, $state:ident { $($part:ident),+ }) => {{
        let config = $config;
        let what = format!("{config:?}");
        let mut layer = $layer::new(config.clone(), &mut rng()).unwrap();
        let mut cell = $cell::new(config, &mut rng()).unwrap();
        assert_eq!(cell.parameters().values(), layer.parameters().values(), "{what}");
        assert_eq!(cell.path(), layer.path(), "{what}");
        for (cell, layer) in cell.parameters().entries().iter().zip(layer.parameters().entries()) {
            assert_eq!(format!("{}_l0", cell.name), layer.name);
        }
        let mut rng = rng();
        let mut draw = |a, b, c| Array3::from_shape_simple_fn((a, b, c), || rng.random_range(-1.0f32..1.0));
        let x = draw(N, T, cell.config().input);
        let (_, zeros) = layer.forward(x.view(), Valid::All, None).unwrap();
        let like = |array: &Array3<f32>, draw: &mut dyn FnMut(usize, usize, usize) -> Array3<f32>| {
            let (a, b, c) = array.dim();
            draw(a, b, c)
        };
        let initial = $state { $($part: like(&zeros.$part, &mut draw)),+ };
        let d_last = $state { $($part: like(&zeros.$part, &mut draw)),+ };
        let of = |state: &$state| $state { $($part: state.$part.index_axis(Axis(0), 0).to_owned()),+ };

        let (output, last) = layer.forward(x.view(), Valid::All, Some(&initial)).unwrap();
        let mut state = of(&initial);
        for t in 0..T {
            let single = $state { $($part: state.$part.row(1).to_owned()),+ };
            let single = cell.step(x.index_axis(Axis(0), 1).row(t), Some(&single)).unwrap();
            state = cell.step(x.index_axis(Axis(1), t), Some(&state)).unwrap();
            assert_eq!(state.hidden, output.index_axis(Axis(1), t), "{what}");
            $(assert_eq!(single.$part, state.$part.row(1), "{what}");)+
        }
        assert_eq!(state, of(&last), "{what}");

        let (output, last, cache) = layer.forward_train(x.view(), Valid::All, Some(&initial), NOISE).unwrap();
        let d_output = like(&output, &mut draw);
        let (d_x, d_initial) = layer.backward(cache, d_output.view(), Some(&d_last)).unwrap();
        let (mut state, mut caches) = (of(&initial), Vec::new());
        for t in 0..T {
            let (after, cache) = cell.step_train(x.index_axis(Axis(1), t), Some(&state), t, NOISE).unwrap();
            assert_eq!(after.hidden, output.index_axis(Axis(1), t), "{what}");
            caches.push(cache);
            state = after;
        }
        assert_eq!(state, of(&last), "{what}");
        let close = |name: &str, a: &[f32], b: &[f32]| assert_close(&format!("{name}: {what}"), a, b, 1e-5, 1e-5);
        let mut d_state = of(&d_last);
        for (t, cache) in caches.into_iter().enumerate().rev() {
            d_state.hidden += &d_output.index_axis(Axis(1), t);
            let (d_here, before) = cell.backward::<Ix2>(cache, &d_state).unwrap();
            let expected = d_x.index_axis(Axis(1), t).as_standard_layout().into_owned();
            close("input", d_here.as_slice().unwrap(), expected.as_slice().unwrap());
            d_state = before;
        }
        $(close("state", d_state.$part.as_slice().unwrap(), of(&d_initial).$part.as_slice().unwrap());)+
        close("weights", cell.parameters().gradients(), layer.parameters().gradients());
    }};
}

#[test]
fn a_loop_over_the_cell_is_the_layer() {
    let plain = CellOptions::default();
    for config in [
        RnnConfig::new(3, 5),
        RnnConfig::new(3, 5).relu(true).bias(false),
        RnnConfig::new(3, 5).options(CellOptions { layer_norm: Some(1e-2), ..plain }),
    ] {
        loop_is_layer!(RnnCell, Rnn, config, HiddenState { hidden });
    }
    for config in [
        LstmConfig::new(3, 5),
        LstmConfig::new(3, 5).projection(2).first_weights(FirstWeights::keras()),
        LstmConfig::new(3, 5).recurrent_dropout(0.4).input_dropout(0.3),
        LstmConfig::new(3, 5).options(CellOptions { zoneout_hidden: 0.3, zoneout_cell: 0.2, ..plain }),
        LstmConfig::new(3, 5).options(CellOptions { peepholes: true, clip: Some(2.0), ..plain }),
        LstmConfig::new(3, 5).options(CellOptions { coupled: true, layer_norm: Some(1e-2), ..plain }),
    ] {
        loop_is_layer!(LstmCell, Lstm, config, LstmState { hidden, cell });
    }
    let per_gate = CellOptions { recurrent_dropout: RecurrentDropout::PerGate, ..plain };
    for config in [
        GruConfig::new(3, 5),
        GruConfig::new(3, 5).reset_before(true),
        GruConfig::new(3, 5).options(per_gate).recurrent_dropout(0.4),
    ] {
        loop_is_layer!(GruCell, Gru, config, HiddenState { hidden });
    }
}

#[test]
fn what_a_cell_cannot_have_is_refused() {
    let of = |config: LstmConfig| LstmCell::new(config, &mut rng()).map(|_| ()).unwrap_err().to_string();
    let config = || LstmConfig::new(3, 5);
    assert_eq!(
        of(config().layers(2)),
        "LstmCell is one layer, step by step, and was asked for 2 layers; step a cell for each of them"
    );
    for (config, says) in [
        (config().bidirectional(true), "two directions"),
        (config().dropout(0.5), "dropout, which acts between layers"),
        (config().go_backwards(true), "go_backwards; hand it the steps from the last to the first"),
        (config().time_major(true), "time_major"),
        (config().masked_steps(Fill::Repeat), "masked_steps"),
        (config().merge(Merge::Sum), "needs a bidirectional stack"),
        (config().layers(0), "each must be at least 1"),
        (LstmConfig::new(0, 5), "each must be at least 1"),
        (config().input_dropout(1.0), "below 1"),
    ] {
        let found = of(config);
        assert!(found.contains(says) && !found.contains('\n'), "{found}");
    }
}

#[test]
fn shapes_and_numbers_that_do_not_fit_are_refused() {
    let mut cell = LstmCell::new(LstmConfig::new(3, 5).finite_only(true), &mut rng()).unwrap();
    let (x, nan) = (Array2::zeros((2, 3)), Array2::from_elem((2, 3), f32::NAN));
    let state =
        |n, hidden, cell| LstmState { hidden: Array2::zeros((n, hidden)), cell: Array2::zeros((n, cell)) };
    let refused = |x: &Array2<f32>, state: Option<&LstmState<Ix2>>| {
        cell.step(x.view(), state).map(|_| ()).unwrap_err().to_string()
    };
    let wide = Array2::zeros((2, 4));
    assert_eq!(refused(&wide, None), "input: expected [N, 3] with at least one sequence, found [2, 4]");
    assert!(refused(&Array2::zeros((0, 3)), None).contains("found [0, 3]"));
    assert_eq!(refused(&x, Some(&state(1, 5, 5))), "state: hidden: expected [2, 5], found [1, 5]");
    assert_eq!(refused(&x, Some(&state(2, 5, 4))), "state: cell: expected [2, 5], found [2, 4]");
    assert!(refused(&nan, None).starts_with("input: NaN at sequence 0, feature 0"));
    let mut spoilt = state(2, 5, 5);
    spoilt.cell[[1, 2]] = f32::INFINITY;
    assert!(refused(&x, Some(&spoilt)).contains("cell is inf at sequence 1, unit 2"));
    let single = cell.step(ndarray::arr1(&[0.0f32; 2]).view(), None);
    assert_eq!(single.unwrap_err().to_string(), "input: expected [3], found [2]");
    let (_, cache) = cell.step_train(x.view(), None, 0, NOISE).unwrap();
    let error = cell.backward::<Ix2>(cache, &state(3, 5, 5)).unwrap_err().to_string();
    assert_eq!(error, "final state's gradient: hidden: expected [2, 5], found [3, 5]");
    let (_, cache) = cell.step_train(x.view(), None, 0, NOISE).unwrap();
    cell.parameters_mut().values_mut()[0] += 1.0;
    assert!(cell.backward::<Ix2>(cache, &state(2, 5, 5)).unwrap_err().to_string().contains("changed"));
}
