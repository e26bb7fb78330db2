//! Weights of 8 bits: products to the bit against whole numbers multiplied one by one, and recurrences against the reference
//! equations over such products.

#[allow(dead_code, reason = "each test uses its part")]
mod problem;

use problem::{Problem, dims, fused, on_threads};
use sumun_kernels::linear::Packed;
use sumun_kernels::precision::{round_rows, row_scale, whole};
use sumun_kernels::{
    Cache, Cell, Dims, Error, InputGradient, Options, Pass, Path, Precision, Prepared, Purpose, Recurrence,
    RowsMut, RowsRef, Scratch, State, StateMut, Steps, Weights, reference,
};
use sumun_testing::{Golden, Random, assert_close, golden_files};

fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.has_int8())
}

/// bias + x·Wᵀ for one row, over whole numbers.
fn product(weight: &[f32], bias: &[f32], x: &[f32]) -> Vec<f32> {
    let most = x.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    let inverse = if most < 1e-30 { 0.0 } else { 127.0 / most };
    let scale = if most < 1e-30 { 0.0 } else { most / 127.0 };
    let wholes: Vec<i64> = x.iter().map(|v| (v * inverse).round_ties_even() as i64).collect();
    let outputs = weight.chunks_exact(x.len()).enumerate();
    outputs
        .map(|(output, row)| {
            let of_row = row_scale(row);
            let sum: i64 = row.iter().zip(&wholes).map(|(&w, x)| i64::from(whole(w, of_row)) * x).sum();
            bias.get(output).copied().unwrap_or(0.0) + sum as f32 * (scale * of_row)
        })
        .collect()
}

#[test]
fn products_are_those_of_whole_numbers_to_the_bit() {
    let sizes =
        [(1, 3, 1), (7, 5, 17), (3, 4, 130), (300, 33, 40), (9, 1, 259), (13, 2100, 3), (5, 70, 1000)];
    for (rows, input, output) in sizes {
        let mut random = Random::new(input as u64);
        let mut weight: Vec<f32> = random.normals(output * input, 1.0);
        weight[..input].fill(0.0);
        let bias: Vec<f32> = random.normals(output, 1.0);
        let mut x: Vec<f32> = random.normals(rows * input, 10.0);
        if rows > 2 {
            x[..input].fill(1e-38);
            x[input..2 * input].iter_mut().for_each(|v| *v = if *v < 0.0 { -3.0 } else { 3.0 });
        }
        for bias in [&bias[..], &[]] {
            let expected: Vec<f32> = x.chunks_exact(input).flat_map(|x| product(&weight, bias, x)).collect();
            for path in paths() {
                let packed = Packed::for_inference(path, input, output, &weight, Precision::Int8).unwrap();
                for threads in [1, 3] {
                    let mut y = vec![f32::NAN; rows * output];
                    on_threads(threads, || {
                        let to = RowsMut::dense(&mut y, output);
                        packed.forward(rows, bias, RowsRef::dense(&x, input), to).unwrap();
                    });
                    let same = y.iter().zip(&expected).all(|(y, e)| y.to_bits() == e.to_bits());
                    assert!(same, "{path}, {rows} rows from {input} to {output}, {threads} threads");
                }
            }
        }
    }
}

#[test]
fn a_row_that_is_not_finite_gives_nothing_but_nan() {
    let weight: Vec<f32> = Random::new(3).normals(20 * 9, 1.0);
    for path in paths() {
        let packed = Packed::for_inference(path, 9, 20, &weight, Precision::Int8).unwrap();
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = vec![0.5; 3 * 9];
            x[9 + 4] = bad;
            let mut y = vec![0.0; 3 * 20];
            packed.forward(3, &[], RowsRef::dense(&x, 9), RowsMut::dense(&mut y, 20)).unwrap();
            assert!(y[20..40].iter().all(|v| v.is_nan()), "{path}, {bad}");
            assert!(y[..20].iter().chain(&y[40..]).all(|v| v.is_finite()), "{path}, {bad}");
        }
    }
}

/// One step of one sequence: the reference equations, given the products of x and h over 8-bit weights as biases.
fn judged_step(problem: &Problem, x: &[f32], state: &mut [Vec<f32>; 2]) {
    let Problem { dims, weights, .. } = problem;
    let [w, u, bias_input, bias_hidden, projection, peepholes, ..] = &weights;
    let (rows, width, hidden) = (dims.gate_rows(), dims.output(), dims.hidden);
    let mut from_x = product(w, bias_input, x);
    let mut u = u.clone();
    let mut from_h = if bias_hidden.is_empty() { vec![0.0; rows] } else { bias_hidden.clone() };
    let matrix = dims.cell.spec().recurrence == Recurrence::Matrix;
    for (block, u) in u.chunks_exact_mut(hidden * width).enumerate().filter(|_| matrix) {
        let second = dims.cell.spec().panel.iter().any(|vector| vector.second == Some(block));
        if !second {
            let from = &mut from_h[block * hidden..][..hidden];
            from.copy_from_slice(&product(u, from, &state[0]));
            u.fill(0.0);
        }
    }
    let second_bias = dims.cell.spec().second_bias;
    if !second_bias {
        from_x.iter_mut().zip(&from_h).for_each(|(x, h)| *x += h);
    }
    let given = Dims { input: 1, ..*dims };
    let weights = Weights {
        input: &vec![0.0; rows],
        hidden: &u,
        bias_input: &from_x,
        bias_hidden: &from_h[..if second_bias { rows } else { 0 }],
        projection,
        peepholes,
        ..Weights::default()
    };
    let before = state.clone();
    let mut out = vec![0.0; width];
    let [h, c] = state;
    let steps = Steps::uniform(1, 1).unwrap();
    let initial = State { hidden: &before[0], cell: &before[1] };
    let last = StateMut { hidden: h, cell: c };
    let (x, to) = (RowsRef::dense(&[0.0], 1), RowsMut::dense(&mut out, width));
    let pass = Pass::new(given, &steps, x, Some(initial), to, last).unwrap();
    reference::forward(&weights, pass, None).unwrap();
}

/// A problem of N sequences of one step, on a path and by the judge.
fn against_the_judge(dims: Dims, sequences: usize, seed: u64) {
    let problem = Problem::new(dims, &[sequences], true, true, seed);
    let width = dims.output();
    let initial = problem.initial.as_ref().unwrap();
    let (mut h, mut c) = (Vec::new(), Vec::new());
    for n in 0..sequences {
        let part = |values: &[f32], width: usize| values[n * width..][..width].to_vec();
        let mut state = [part(&initial[0], width), part(&initial[1], dims.cell_width())];
        judged_step(&problem, &problem.x[n * dims.input..][..dims.input], &mut state);
        h.extend_from_slice(&state[0]);
        c.extend_from_slice(&state[1]);
    }
    for path in paths() {
        let prepared = prepared(&problem, path);
        let mut state = initial.clone();
        let [hidden, cell] = &mut state;
        prepared.step(&problem.x, StateMut { hidden, cell }, &mut Scratch::default()).unwrap();
        assert_close(&format!("{path}, {dims:?}: h"), &state[0], &h, 2e-5, 1e-4);
        assert_close(&format!("{path}, {dims:?}: c"), &state[1], &c, 2e-5, 1e-4);
    }
}

fn prepared(problem: &Problem, path: Path) -> Prepared {
    Prepared::for_inference(problem.dims, &problem.weights(), path, Precision::Int8).unwrap()
}

#[test]
fn every_cell_is_its_equations_over_such_products() {
    for cell in fused() {
        for (case, (input, hidden, n)) in
            [(1, 1, 1), (3, 5, 4), (1, 32, 33), (17, 16, 9), (33, 65, 13), (70, 24, 1), (8, 130, 3)]
                .into_iter()
                .enumerate()
        {
            against_the_judge(dims(cell, input, hidden, 11 * case as u64), n, case as u64);
        }
    }
}

#[test]
fn options_of_the_equations_hold_over_such_products() {
    let plain = Options::default();
    let all = [
        Options { peepholes: true, ..plain },
        Options { clip: Some(0.3), coupled: true, ..plain },
        Options { zoneout_hidden: 0.2, zoneout_cell: 0.4, peepholes: true, projection: Some(7), ..plain },
    ];
    for options in all {
        against_the_judge(Dims::new(Cell::Lstm, 6, 21).with(options), 5, 3);
    }
    for cell in [Cell::RnnTanh, Cell::Gru] {
        let options = Options { zoneout_hidden: 0.2, clip: Some(0.5), ..plain };
        against_the_judge(Dims::new(cell, 6, 21).with(options), 5, 4);
    }
}

/// Whole sequences, at once and step by step, with a cache and without, on any number of threads: the same bits.
#[test]
fn sequences_at_once_are_their_steps_one_by_one() {
    for cell in fused() {
        for (input, hidden, batch_sizes) in
            [(5, 19, &[9, 9, 4, 1][..]), (40, 70, &[3; 12]), (2, 8, &[1; 20]), (64, 96, &[40; 30])]
        {
            let dims = dims(cell, input, hidden, 7);
            let problem = Problem::new(dims, batch_sizes, true, true, 5);
            let (width, n) = (dims.output(), problem.steps.sequences());
            for path in paths() {
                let prepared = prepared(&problem, path);
                let run = |cache: Option<&mut Cache>, threads: usize| {
                    let mut out = vec![f32::NAN; problem.steps.rows() * width];
                    let [mut h, mut c] = problem.zeros();
                    let last = StateMut { hidden: &mut h, cell: &mut c };
                    let (x, to) = (RowsRef::dense(&problem.x, input), RowsMut::dense(&mut out, width));
                    let pass = Pass::new(dims, &problem.steps, x, problem.initial(), to, last).unwrap();
                    on_threads(threads, || prepared.forward(pass, cache, &mut Scratch::default())).unwrap();
                    (out, h, c)
                };
                let (out, h, c) = run(None, 1);
                assert_eq!(run(None, 3), (out.clone(), h.clone(), c.clone()), "{path}, {dims:?}: threads");
                let cached = run(Some(&mut Cache::default()), 2);
                assert_eq!(cached, (out.clone(), h.clone(), c.clone()), "{path}, {dims:?}: with a cache");
                let [mut hidden, mut cell] = problem.initial.clone().unwrap();
                let mut scratch = Scratch::default();
                let mut row = 0;
                for &alive in problem.steps.batch_sizes() {
                    let x = &problem.x[row * input..][..alive * input];
                    let state = StateMut {
                        hidden: &mut hidden[..alive * width],
                        cell: &mut cell[..alive * dims.cell_width()],
                    };
                    prepared.step(x, state, &mut scratch).unwrap();
                    assert_eq!(
                        &hidden[..alive * width],
                        &out[row * width..][..alive * width],
                        "{path}, {dims:?}"
                    );
                    row += alive;
                }
                assert_eq!((hidden.len(), cell), (n * width, c), "{path}, {dims:?}");
            }
        }
    }
}

/// Every weight is at most half a step of its row away, and so is every number that it is multiplied with.
#[test]
fn sums_are_within_the_bound_of_rounding() {
    let (input, output) = (200, 50);
    let mut random = Random::new(9);
    let (weight, x): (Vec<f32>, Vec<f32>) = (random.normals(output * input, 0.3), random.normals(input, 2.0));
    let most = |values: &[f32]| values.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    let found = product(&weight, &[], &x);
    for (found, row) in found.iter().zip(weight.chunks_exact(input)) {
        let exact: f64 = row.iter().zip(&x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
        let (of_row, of_x) = (f64::from(most(row)) / 253.9, f64::from(most(&x)) / 253.9);
        let bound: f64 = row
            .iter()
            .zip(&x)
            .map(|(w, x)| of_row * f64::from(x.abs()) + of_x * f64::from(w.abs()) + of_row * of_x)
            .sum();
        assert!((f64::from(*found) - exact).abs() <= bound, "{found} for {exact}, bound {bound}");
    }
}

/// With weights that are whole multiples of their scales the products over floats are of the same weights.
#[test]
fn products_of_layer_normalisation_stay_those_of_floats() {
    let options = Options { layer_norm: Some(1e-5), ..Options::default() };
    let dims = Dims::new(Cell::Lstm, 6, 21).with(options);
    let mut problem = Problem::new(dims, &[4, 4, 2], true, true, 3);
    round_rows(&mut problem.weights[0], 6);
    round_rows(&mut problem.weights[1], 21);
    for path in paths() {
        let run = |precision| {
            let prepared = Prepared::for_inference(dims, &problem.weights(), path, precision).unwrap();
            let mut state = problem.initial.clone().unwrap();
            let [hidden, cell] = &mut state;
            prepared.step(&problem.x[..4 * 6], StateMut { hidden, cell }, &mut Scratch::default()).unwrap();
            state
        };
        assert_eq!(run(Precision::Int8), run(Precision::F32));
    }
}

#[test]
fn what_8_bits_are_not_for_is_refused() {
    let problem = Problem::new(Dims::new(Cell::Gru, 3, 5), &[2, 1], true, false, 1);
    let new = |path| Prepared::for_inference(problem.dims, &problem.weights(), path, Precision::Int8);
    assert_eq!(new(Path::Reference).unwrap_err(), Error::Int8Path { path: "reference" });
    let mut prepared = new(Path::Portable).unwrap();
    assert_eq!((prepared.precision(), prepared.purpose()), (Precision::Int8, Purpose::Inference));
    let wanted = Purpose::Training(InputGradient::Skip);
    let refused = Error::Purpose { prepared: Purpose::Inference, wanted };
    assert_eq!(prepared.update(&problem.weights(), wanted), Err(refused));
    prepared.update(&problem.weights(), Purpose::Inference).unwrap();

    let weight = vec![0.0; 100_001];
    let packed = |input, output| {
        Packed::for_inference(Path::Portable, input, output, &weight, Precision::Int8).map(|_| ())
    };
    let too_deep =
        Error::TooLarge { what: "the inputs of a product of 8-bit weights", found: 100_001, most: 100_000 };
    assert_eq!(packed(100_001, 1), Err(too_deep));
    assert_eq!(packed(1, 100_001), Ok(()));
    let mut packed = Packed::for_inference(Path::Portable, 2, 2, &weight[..4], Precision::Int8).unwrap();
    assert!(!packed.has_backward());
    let wanted = Purpose::Backward(InputGradient::Needed);
    let refused = Error::Purpose { prepared: Purpose::Inference, wanted };
    assert_eq!(packed.update(&weight[..4], InputGradient::Needed), Err(refused));
}

/// Integer products and float64 gates in NumPy (`golden/int8`).
#[test]
fn recurrences_are_those_of_numpy() {
    let files = golden_files("int8");
    assert_eq!(files.len(), 3);
    for golden in files.iter().map(|path| Golden::load(path)) {
        let cell = golden.word("cell").and_then(Cell::named).expect("a cell");
        let dims = Dims::new(cell, golden.size("input_size"), golden.size("hidden_size"));
        let steps = Steps::uniform(golden.size("steps"), golden.size("batch")).unwrap();
        let of = |name: &str| golden.get(name).map_or(Vec::new(), |tensor| tensor.reals::<f32>());
        let [input, hidden, bias_input, bias_hidden] =
            ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map(of);
        let weights = Weights {
            input: &input,
            hidden: &hidden,
            bias_input: &bias_input,
            bias_hidden: &bias_hidden,
            ..Weights::default()
        };
        let (x, h0, c0) = (of("x"), of("h0"), of("c0"));
        let initial = Some(State { hidden: &h0, cell: &c0 });
        for path in paths() {
            let prepared = Prepared::for_inference(dims, &weights, path, Precision::Int8).unwrap();
            let mut out = vec![0.0; steps.rows() * dims.output()];
            let (mut h, mut c) = (h0.clone(), c0.clone());
            let last = StateMut { hidden: &mut h, cell: &mut c };
            let (x, to) = (RowsRef::dense(&x, dims.input), RowsMut::dense(&mut out, dims.output()));
            let pass = Pass::new(dims, &steps, x, initial, to, last).unwrap();
            prepared.forward(pass, None, &mut Scratch::default()).unwrap();
            for (name, found) in [("out", &out), ("h_n", &h), ("c_n", &c)] {
                let want = golden.get(name).map_or(Vec::new(), |tensor| tensor.reals::<f64>());
                assert_close(&format!("{path}, {}: {name}", golden.name), found, &want, 2e-6, 1e-5);
            }
        }
    }
}
