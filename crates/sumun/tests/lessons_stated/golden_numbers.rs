//! The golden number that the lessons print.

use ndarray::{Array3, ArrayView3, Ix3, array};
use sumun::nn::{FirstWeights, Initializer, Lstm, LstmConfig, Valid};
use sumun_testing::assert_close;

use super::rng;

/// Kernel and recurrent kernel all 0.1, bias 0 and yet forget bias 1: Keras' unit_forget_bias wins.
#[test]
fn bidirectional_lstm_3_all_tenths() {
    let x: Array3<f32> = array![[
        [0.1, 4.2, 1.5, 1.1, 2.8],
        [1.0, 3.1, 2.5, 0.7, 1.1],
        [0.3, 2.1, 1.5, 2.1, 0.1],
        [2.2, 1.4, 0.5, 0.9, 1.1],
    ]];
    let constant = Initializer::Constant { value: 0.1 };
    let lstm = |unit_forget_bias| {
        let first = FirstWeights {
            input: constant,
            hidden: constant,
            bias: Initializer::Zeros,
            unit_forget_bias,
            forget_bias: 0.0,
        };
        let config = LstmConfig::new(5, 3).bidirectional(true).first_weights(first);
        Lstm::new(config, &mut rng()).unwrap()
    };
    let three = |values: &[f64]| -> Vec<f64> { values.iter().flat_map(|&v| [v; 3]).collect() };
    let close = |what: &str, found: ArrayView3<f32>, want: &[f64]| {
        let found: Vec<f32> = found.iter().copied().collect();
        assert_close(what, &found, &three(want), 1e-6, 0.0);
    };

    let with = lstm(true);
    let (last, _) = with.forward_last(x.view(), Valid::All, None).unwrap();
    assert_eq!(last.dim(), (1, 6));
    assert_close("last", &last.into_raw_vec_and_offset().0, &three(&[0.6303138, 0.7038734]), 1e-6, 0.0);
    let (sequence, state) = with.forward::<Ix3>(x.view(), Valid::All, None).unwrap();
    assert_eq!(sequence.dim(), (1, 4, 6));
    let [forward, backward] = with.apart(sequence.view()).unwrap();
    close("forward", forward, &[0.35906473, 0.55111325, 0.59115744, 0.6303138]);
    close("backward", backward, &[0.7038734, 0.58863586, 0.3951699, 0.21942244]);
    close("h", state.hidden.view(), &[0.6303138, 0.7038734]);
    close("c", state.cell.view(), &[1.5707086, 1.6402447]);

    let (last, _) = lstm(false).forward_last(x.view(), Valid::All, None).unwrap();
    assert_close("without", &last.into_raw_vec_and_offset().0, &three(&[0.56505494, 0.66263157]), 1e-6, 0.0);
}
