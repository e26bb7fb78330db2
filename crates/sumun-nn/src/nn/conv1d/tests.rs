use std::sync::Arc;

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use super::*;
use crate::nn::gradient_check::check_gradients;
use crate::{Fill, Layout};

const NOISE: Noise = Noise { seed: 0, step: 0, layer: 0 };

fn conv(config: Conv1dConfig) -> (Conv1d, Parameters) {
    let mut parameters = Parameters::new();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    (Conv1d::new(config, &mut parameters, "conv", &mut rng).unwrap(), parameters)
}

/// Every padding with strides, dilations and groups, from 4 to 6 features.
fn every_config() -> Vec<Conv1dConfig> {
    let plain = Conv1dConfig::new(4, 6, 3);
    let mut all = Vec::new();
    for padding in [Padding::Valid, Padding::Same, Padding::Causal] {
        for (kernel, stride, dilation, groups) in
            [(3, 1, 1, 1), (4, 1, 1, 2), (3, 2, 1, 1), (2, 3, 2, 2), (3, 1, 2, 1), (1, 1, 1, 1), (2, 3, 1, 1)]
        {
            all.push(Conv1dConfig { padding, kernel, stride, dilation, groups, ..plain });
        }
    }
    all.push(Conv1dConfig { bias: false, ..plain });
    all
}

fn number(k: usize) -> f32 {
    ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993
}

fn rows(features: usize, layout: &Arc<Layout>) -> Rows {
    Rows::new((0..layout.rows() * features).map(number).collect(), features, layout.clone()).unwrap()
}

/// Against the sum as it is written, step by step.
#[test]
fn outputs_are_those_of_the_definition() {
    let lengths = [7, 1, 0, 4, 7];
    for config in every_config() {
        let (layer, parameters) = conv(config);
        let x = rows(4, &Layout::ragged(&lengths, 8).unwrap());
        let padded = x.unpack();
        let y = layer.forward(&parameters, x).unwrap();
        let time = config.output_length(8);
        assert_eq!((y.layout.time(), y.layout.sequences()), (time, 5), "{config:?}");
        let y = y.unpack();
        let weight = parameters.value(layer.weight());
        let (input, output) = (4 / config.groups, 6 / config.groups);
        for (n, &length) in lengths.iter().enumerate() {
            let reach = (config.kernel - 1) * config.dilation;
            let count = match config.padding {
                Padding::Valid if length <= reach => 0,
                Padding::Valid => (length - reach - 1) / config.stride + 1,
                Padding::Same | Padding::Causal => length.div_ceil(config.stride),
            };
            assert_eq!(config.output_length(length), count, "{config:?}");
            let before = match config.padding {
                Padding::Valid => 0,
                Padding::Causal => reach as isize,
                Padding::Same => {
                    ((count as isize - 1) * config.stride as isize + reach as isize + 1 - length as isize)
                        .max(0)
                        / 2
                }
            };
            for (t, o) in (0..time).flat_map(|t| (0..6).map(move |o| (t, o))) {
                let mut expected = layer.bias().map_or(0.0, |bias| f64::from(parameters.value(bias)[o]));
                for (k, i) in (0..config.kernel).flat_map(|k| (0..input).map(move |i| (k, i))) {
                    let step = (t * config.stride + k * config.dilation) as isize - before;
                    if (0..length as isize).contains(&step) {
                        let column = o / output * input + i;
                        expected += f64::from(weight[(o * input + i) * config.kernel + k])
                            * f64::from(padded[(n * 8 + step as usize) * 4 + column]);
                    }
                }
                let expected = if t < count { expected } else { 0.0 };
                let found = f64::from(y[(n * time + t) * 6 + o]);
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{config:?} [{n}, {t}, {o}]: {found} for {expected}"
                );
            }
        }
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    let mask = [true, false, true, true, false, false, false, false, false, true, true, false];
    for config in every_config() {
        for layout in
            [Layout::ragged(&[5, 0, 2, 5], 6).unwrap(), Layout::masked(&mask, 3, 4, Fill::Repeat).unwrap()]
        {
            for path in [Path::Reference, Path::best()] {
                let (layer, parameters) = conv(config);
                check_gradients(&layer.on_path(path), parameters, 4, layout.clone(), NOISE);
            }
        }
    }
}

/// Each sequence alone, masks that hide the same steps, and other numbers of threads.
#[test]
fn company_changes_no_bit() {
    let lengths = [9, 0, 30, 1, 9];
    let layout = Layout::ragged(&lengths, 33).unwrap();
    let masked: Vec<bool> = (0..5 * 40).map(|k| k % 40 >= 3 && k % 40 < 3 + lengths[k / 40]).collect();
    let masked = Layout::masked(&masked, 5, 40, Fill::Zero).unwrap();
    for config in every_config() {
        let (layer, parameters) = conv(config);
        let run = |x: Rows, d_out: Option<Rows>| {
            let mut parameters = parameters.clone();
            let (out, cache) = layer.forward_train(&parameters, x, NOISE).unwrap();
            let d_out = d_out.unwrap_or_else(|| rows(out.features, &out.layout));
            let d_x = layer
                .backward(&mut parameters, cache, d_out.clone(), InputGradient::Needed)
                .unwrap()
                .unwrap();
            (out, d_x.unpack(), parameters.gradients().to_vec(), d_out)
        };
        let x = rows(4, &layout);
        let all = run(x.clone(), None);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
        let threads = pool.install(|| run(x.clone(), None));
        assert!(threads.0.data == all.0.data && threads.1 == all.1 && threads.2 == all.2, "{config:?}");
        // The same rows behind another mask are the same rows.
        let hidden = run(Rows::new(x.data.to_vec(), 4, masked.clone()).unwrap(), None);
        assert!(hidden.0.data == all.0.data && hidden.2 == all.2, "{config:?}");
        let keeps = config.stride == 1 && (config.padding != Padding::Valid || config.kernel == 1);
        assert_eq!(hidden.0.layout.time() == 40, keeps, "{config:?}");
        let (padded, out, d_out) = (x.unpack(), all.0.unpack(), all.3.unpack());
        let time = all.0.layout.time();
        for (n, &length) in lengths.iter().enumerate() {
            let count = config.output_length(length);
            let pack = |values: &[f32], features: usize, count: usize| {
                Rows::pack(&values[..count * features], features, Layout::ragged(&[count], count).unwrap())
                    .unwrap()
            };
            let found =
                run(pack(&padded[n * 33 * 4..], 4, length), Some(pack(&d_out[n * time * 6..], 6, count)));
            assert_eq!(found.0.unpack(), out[n * time * 6..][..count * 6], "{config:?}: sequence {n}");
            assert_eq!(found.1, all.1[n * 33 * 4..][..length * 4], "{config:?}: d_x of {n}");
        }
    }
}

/// More windows than are gathered at once.
#[test]
fn long_sequences_are_computed_in_pieces() {
    let config = Conv1dConfig { padding: Padding::Same, ..Conv1dConfig::new(64, 3, 9) };
    let (layer, mut parameters) = conv(config);
    let steps = 1000;
    assert!(layer.pieces(steps).count() > 2);
    let layout = Layout::ragged(&[steps], steps).unwrap();
    let x = rows(64, &layout);
    let (y, cache) = layer.forward_train(&parameters, x.clone(), NOISE).unwrap();
    let d_x = layer.backward(&mut parameters, cache, y.clone(), InputGradient::Needed).unwrap().unwrap();
    // The same steps of a shorter sequence, away from its ends.
    let part = Rows::pack(&x.data[400 * 64..600 * 64], 64, Layout::ragged(&[200], 200).unwrap()).unwrap();
    let alone = layer.forward(&parameters, part).unwrap();
    assert_eq!(alone.data[8 * 3..192 * 3], y.data[408 * 3..592 * 3]);
    // The sums over all steps, as they are written.
    let bias = parameters.gradient(layer.bias().unwrap());
    let weight = parameters.gradient(layer.weight());
    for o in 0..3 {
        let sum: f64 = (0..steps).map(|t| f64::from(y.data[t * 3 + o])).sum();
        assert!((f64::from(bias[o]) - sum).abs() < 1e-3 * (1.0 + sum.abs()));
        for (i, k) in [(0, 0), (13, 4), (63, 8)] {
            let at = |t: usize| (t + k).checked_sub(4).filter(|&step| step < steps);
            let terms = (0..steps).filter_map(|t| Some((t, at(t)?)));
            let sum: f64 =
                terms.map(|(t, step)| f64::from(y.data[t * 3 + o]) * f64::from(x.data[step * 64 + i])).sum();
            let found = f64::from(weight[(o * 64 + i) * 9 + k]);
            assert!((found - sum).abs() < 1e-3 * (1.0 + sum.abs()), "{found} for {sum}");
        }
    }
    assert!(d_x.data.iter().all(|v| v.is_finite()) && d_x.data.iter().any(|&v| v != 0.0));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let plain = Conv1dConfig::new(4, 6, 3);
    let size = |name: &str| format!("a convolution whose {name} is 0; it must be at least 1");
    let too_large = |config: Conv1dConfig| {
        let Conv1dConfig { input, output, kernel, dilation, .. } = config;
        format!(
            "a convolution of {kernel} steps {dilation} apart from {input} to {output} features is too large; make it smaller"
        )
    };
    let huge = Conv1dConfig { kernel: usize::MAX, ..plain };
    let far = Conv1dConfig { dilation: usize::MAX, ..plain };
    let wide = Conv1dConfig { input: usize::MAX, ..plain };
    for (config, expected) in [
        (Conv1dConfig { input: 0, ..plain }, size("input")),
        (Conv1dConfig { output: 0, ..plain }, size("output")),
        (Conv1dConfig { kernel: 0, ..plain }, size("kernel")),
        (Conv1dConfig { stride: 0, ..plain }, size("stride")),
        (Conv1dConfig { dilation: 0, ..plain }, size("dilation")),
        (Conv1dConfig { groups: 0, ..plain }, size("groups")),
        (
            Conv1dConfig { groups: 4, ..plain },
            "a convolution from 4 to 6 features in 4 groups; groups must divide both".into(),
        ),
        (huge, too_large(huge)),
        (far, too_large(far)),
        (wide, too_large(wide)),
    ] {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let error = Conv1d::new(config, &mut Parameters::new(), "c", &mut rng).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    // A stride beyond every sequence leaves its first window.
    let (layer, parameters) = conv(Conv1dConfig { stride: usize::MAX, padding: Padding::Same, ..plain });
    let y = layer.forward(&parameters, rows(4, &Layout::ragged(&[5, 0], 5).unwrap())).unwrap();
    assert_eq!((y.layout.rows(), y.layout.time()), (1, 1));
    let (layer, mut parameters) = conv(plain);
    let error = layer.forward(&parameters, Rows::one_step(vec![0.0; 6], 3, 2).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "the input of a convolution: expected [2, 4], found [2, 3]");
    let (_, cache) =
        layer.forward_train(&parameters, rows(4, &Layout::ragged(&[5], 5).unwrap()), NOISE).unwrap();
    let d_out = rows(6, &Layout::ragged(&[5], 5).unwrap());
    let error = layer.backward(&mut parameters, cache, d_out, InputGradient::Skip).unwrap_err();
    assert_eq!(error.to_string(), "the gradient of a convolution's output: expected [3, 6], found [5, 6]");
}
