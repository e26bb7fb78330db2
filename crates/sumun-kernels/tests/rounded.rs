//! Products of 8-bit weights and of bf16: to the bit against numbers multiplied one by one, and recurrences against the reference
//! equations over such products.

#[allow(dead_code, reason = "each test uses its part")]
mod problem;

use problem::{Problem, Results, dims, fused, on_threads};
use sumun_kernels::linear::{LinearDims, Packed, backward_weight, backward_weight_with};
use sumun_kernels::precision::{bf16, round_rows, row_scale, whole};
use sumun_kernels::{
    Cache, Cell, Dims, Error, InputGradient, Machine, Options, Pass, Path, Precision, Prepared, Purpose,
    Recurrence, RecurrentDropout, RowsMut, RowsRef, Scratch, State, StateMut, Steps, Weights, reference,
};
use sumun_testing::{Golden, Random, assert_close, golden_files};

const ROUNDED: [Precision; 2] = [Precision::Int8, Precision::Bf16];

/// This machine on every path that has a precision, with AMX and without.
fn machines(precision: Precision) -> impl Iterator<Item = Machine> {
    let paths = Path::ALL.into_iter().filter(move |path| path.has(precision));
    paths.map(Machine::from).flat_map(|machine| {
        let without = Machine { amx: false, ..machine };
        if machine.uses_amx() { vec![machine, without] } else { vec![without] }
    })
}

/// bias + x·Wᵀ for one row, over rounded numbers.
fn product(precision: Precision, weight: &[f32], bias: &[f32], x: &[f32]) -> Vec<f32> {
    if precision == Precision::Bf16 {
        let rows = weight.chunks_exact(x.len()).enumerate();
        return rows.map(|(k, row)| bias.get(k).copied().unwrap_or(0.0) + of_bf16(row, x)).collect();
    }
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

/// w·x as AMX sums it.
fn of_bf16(w: &[f32], x: &[f32]) -> f32 {
    w.chunks(32).zip(x.chunks(32)).fold(0.0, |sum, (w, x)| {
        let mut parts = [0.0_f32; 2];
        for (k, (&w, &x)) in w.iter().zip(x).enumerate() {
            parts[k % 2] = bf16(w).mul_add(bf16(x), parts[k % 2]);
        }
        sum + (parts[0] + parts[1])
    })
}

#[test]
fn products_are_those_of_rounded_numbers_to_the_bit() {
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
        for (bias, precision) in [&bias[..], &[]].into_iter().flat_map(|b| ROUNDED.map(|p| (b, p))) {
            let expected: Vec<f32> =
                x.chunks_exact(input).flat_map(|x| product(precision, &weight, bias, x)).collect();
            for machine in machines(precision) {
                let packed = Packed::for_inference(machine, input, output, &weight, precision).unwrap();
                for threads in [1, 3] {
                    let mut y = vec![f32::NAN; rows * output];
                    on_threads(threads, || {
                        let to = RowsMut::dense(&mut y, output);
                        packed.forward(rows, bias, RowsRef::dense(&x, input), to).unwrap();
                    });
                    let same = y.iter().zip(&expected).all(|(y, e)| y.to_bits() == e.to_bits());
                    assert!(
                        same,
                        "{machine:?}, {precision}, {rows} × {input} to {output}, {threads} threads"
                    );
                }
            }
        }
    }
}

#[test]
fn gradients_of_inputs_are_products_of_bf16_to_the_bit() {
    for (rows, input, output) in [(1, 3, 1), (7, 5, 17), (33, 70, 130), (300, 33, 40), (13, 3, 2100)] {
        let mut random = Random::new(output as u64);
        let weight: Vec<f32> = random.normals(output * input, 1.0);
        let d_y: Vec<f32> = random.normals(rows * output, 1e-3);
        let turned: Vec<f32> =
            (0..input).flat_map(|i| (0..output).map(move |o| o * input + i)).map(|at| weight[at]).collect();
        let expected: Vec<f32> =
            d_y.chunks_exact(output).flat_map(|d| product(Precision::Bf16, &turned, &[], d)).collect();
        for machine in machines(Precision::Bf16) {
            let wanted = InputGradient::Needed;
            let packed =
                Packed::with_precision(machine, input, output, &weight, wanted, Precision::Bf16).unwrap();
            for threads in [1, 3] {
                let mut d_x = vec![f32::NAN; rows * input];
                on_threads(threads, || {
                    let (from, to) = (RowsRef::dense(&d_y, output), RowsMut::dense(&mut d_x, input));
                    packed.backward_input(rows, from, to).unwrap();
                });
                let same = d_x.iter().zip(&expected).all(|(d, e)| d.to_bits() == e.to_bits());
                assert!(same, "{machine:?}, {rows} × {output} to {input}, {threads} threads");
            }
        }
    }
}

/// dYᵀ·X in pieces of 256 rows, the last first, each a product over its rows, added to what is there.
#[test]
fn gradients_of_weights_are_products_of_pieces_of_rows_to_the_bit() {
    for (rows, input, output) in
        [(1, 1, 1), (7, 5, 17), (33, 70, 130), (300, 33, 40), (600, 3, 70), (513, 90, 2)]
    {
        let mut random = Random::new(rows as u64);
        let (x, d_y): (Vec<f32>, Vec<f32>) =
            (random.normals(rows * input, 1.0), random.normals(rows * output, 1e-2));
        let start: Vec<f32> = random.normals(output * input, 1.0);
        let column = |values: &[f32], width: usize, k: usize, piece: std::ops::Range<usize>| -> Vec<f32> {
            piece.map(|row| values[row * width + k]).collect()
        };
        let mut expected = start.clone();
        let mut end = rows;
        while end > 0 {
            let piece = end.saturating_sub(256)..end;
            end = piece.start;
            for (at, sum) in expected.iter_mut().enumerate() {
                let of_y = column(&d_y, output, at / input, piece.clone());
                *sum += of_bf16(&of_y, &column(&x, input, at % input, piece.clone()));
            }
        }
        let dims = LinearDims { rows, input, output };
        for machine in machines(Precision::Bf16) {
            for threads in [1, 3] {
                let (mut d_w, mut d_b) = (start.clone(), vec![0.0; output]);
                on_threads(threads, || {
                    let (x, d_y) = (RowsRef::dense(&x, input), RowsRef::dense(&d_y, output));
                    backward_weight_with(machine, dims, x, d_y, &mut d_w, &mut d_b, Precision::Bf16).unwrap();
                });
                let same = d_w.iter().zip(&expected).all(|(d, e)| d.to_bits() == e.to_bits());
                assert!(same, "{machine:?}, {dims:?}, {threads} threads");
                let mut sums = vec![0.0; output];
                let (x, d_y) = (RowsRef::dense(&x, input), RowsRef::dense(&d_y, output));
                backward_weight(machine, dims, x, d_y, &mut start.clone(), &mut sums).unwrap();
                assert!(d_b == sums, "{machine:?}, {dims:?}: the sums of columns are those of floats");
            }
        }
    }
}

/// Numbers of which some sums would be denormal, if numbers as small were not taken for 0.
#[test]
fn no_sum_of_bf16_is_denormal() {
    let mut random = Random::new(4);
    let mut small = |n: usize| -> Vec<f32> {
        random
            .normals::<f32>(n, 1.0)
            .into_iter()
            .enumerate()
            .map(|(k, v)| v * 2.0_f32.powi(-40 - (k % 90) as i32))
            .collect()
    };
    let (weight, x) = (small(65 * 20), small(65 * 9));
    let expected: Vec<f32> =
        x.chunks_exact(65).flat_map(|x| product(Precision::Bf16, &weight, &[], x)).collect();
    assert!(expected.iter().all(|v| *v == 0.0 || v.is_normal()));
    for machine in machines(Precision::Bf16) {
        let packed = Packed::for_inference(machine, 65, 20, &weight, Precision::Bf16).unwrap();
        let mut y = vec![f32::NAN; expected.len()];
        packed.forward(9, &[], RowsRef::dense(&x, 65), RowsMut::dense(&mut y, 20)).unwrap();
        assert_eq!(y, expected, "{machine:?}");
    }
}

#[test]
fn a_row_that_is_not_finite_gives_nothing_finite() {
    let weight: Vec<f32> = Random::new(3).normals(20 * 9, 1.0);
    for (precision, path) in ROUNDED.into_iter().flat_map(|p| machines(p).map(move |m| (p, m))) {
        let packed = Packed::for_inference(path, 9, 20, &weight, precision).unwrap();
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = vec![0.5; 3 * 9];
            x[9 + 4] = bad;
            let mut y = vec![0.0; 3 * 20];
            packed.forward(3, &[], RowsRef::dense(&x, 9), RowsMut::dense(&mut y, 20)).unwrap();
            let of_bad = |v: &f32| if precision == Precision::Int8 { v.is_nan() } else { !v.is_finite() };
            assert!(y[20..40].iter().all(of_bad), "{path:?}, {precision}, {bad}");
            assert!(y[..20].iter().chain(&y[40..]).all(|v| v.is_finite()), "{path:?}, {precision}, {bad}");
        }
    }
}

/// One step of one sequence: the reference equations, given the products of x and h over rounded numbers as biases.
fn judged_step(problem: &Problem, x: &[f32], state: &mut [Vec<f32>; 2]) {
    let Problem { dims, precision, weights, .. } = problem;
    let [w, u, bias_input, bias_hidden, projection, peepholes, ..] = &weights;
    let (rows, width, hidden) = (dims.gate_rows(), dims.output(), dims.hidden);
    let mut from_x = product(*precision, w, bias_input, x);
    let mut u = u.clone();
    let mut from_h = if bias_hidden.is_empty() { vec![0.0; rows] } else { bias_hidden.clone() };
    let matrix = dims.cell.spec().recurrence == Recurrence::Matrix;
    for (block, u) in u.chunks_exact_mut(hidden * width).enumerate().filter(|_| matrix) {
        let second = dims.cell.spec().panel.iter().any(|vector| vector.second == Some(block));
        if !second {
            let from = &mut from_h[block * hidden..][..hidden];
            from.copy_from_slice(&product(*precision, u, from, &state[0]));
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

/// A problem of N sequences of one step, on every machine and by the judge, with every precision.
fn against_the_judge(dims: Dims, sequences: usize, seed: u64) {
    for precision in ROUNDED {
        judge(&Problem { precision, ..Problem::new(dims, &[sequences], true, true, seed) }, sequences);
    }
}

fn judge(problem: &Problem, sequences: usize) {
    let dims = problem.dims;
    let width = dims.output();
    let initial = problem.initial.as_ref().unwrap();
    let (mut h, mut c) = (Vec::new(), Vec::new());
    for n in 0..sequences {
        let part = |values: &[f32], width: usize| values[n * width..][..width].to_vec();
        let mut state = [part(&initial[0], width), part(&initial[1], dims.cell_width())];
        judged_step(problem, &problem.x[n * dims.input..][..dims.input], &mut state);
        h.extend_from_slice(&state[0]);
        c.extend_from_slice(&state[1]);
    }
    for machine in machines(problem.precision) {
        let prepared = prepared(problem, machine);
        let mut state = initial.clone();
        let [hidden, cell] = &mut state;
        prepared.step(&problem.x, StateMut { hidden, cell }, &mut Scratch::default()).unwrap();
        assert_close(&format!("{machine:?}, {dims:?}: h"), &state[0], &h, 2e-5, 1e-4);
        assert_close(&format!("{machine:?}, {dims:?}: c"), &state[1], &c, 2e-5, 1e-4);
    }
}

fn prepared(problem: &Problem, machine: impl Into<Machine>) -> Prepared {
    Prepared::for_inference(problem.dims, &problem.weights(), machine, problem.precision).unwrap()
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
    for (cell, precision) in fused().into_iter().flat_map(|cell| ROUNDED.map(|precision| (cell, precision))) {
        for (input, hidden, batch_sizes) in
            [(5, 19, &[9, 9, 4, 1][..]), (40, 70, &[3; 12]), (2, 8, &[1; 20]), (64, 96, &[40; 30])]
        {
            let dims = dims(cell, input, hidden, 7);
            let problem = Problem { precision, ..Problem::new(dims, batch_sizes, true, true, 5) };
            let (width, n) = (dims.output(), problem.steps.sequences());
            for path in machines(precision) {
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
                assert_eq!(run(None, 3), (out.clone(), h.clone(), c.clone()), "{path:?}, {dims:?}: threads");
                let cached = run(Some(&mut Cache::default()), 2);
                assert_eq!(cached, (out.clone(), h.clone(), c.clone()), "{path:?}, {dims:?}: with a cache");
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
                        "{path:?}, {dims:?}"
                    );
                    row += alive;
                }
                assert_eq!((hidden.len(), cell), (n * width, c), "{path:?}, {dims:?}");
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
    let found = product(Precision::Int8, &weight, &[], &x);
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
    for path in machines(Precision::Int8) {
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
    assert_eq!(
        new(Path::Reference).unwrap_err(),
        Error::PrecisionPath { path: "reference", precision: Precision::Int8 }
    );
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

/// Passes and gradients over bf16: near those over floats; the same bits on any number of threads, with AMX and without, and with
/// AVX2 as with AVX-512; and finite.
#[test]
fn gradients_over_bf16_are_near_those_over_floats() {
    let dropout = |recurrent_dropout| Options { recurrent_dropout, ..Options::default() };
    let masks = [RecurrentDropout::None, RecurrentDropout::Shared, RecurrentDropout::PerGate];
    let mut cases: Vec<(Dims, &[usize])> = Vec::new();
    for cell in fused() {
        for (input, hidden, batch_sizes) in
            [(5, 19, &[9, 9, 4, 1][..]), (40, 70, &[3; 6]), (33, 48, &[40, 40, 40, 17, 16, 2])]
        {
            cases.push((dims(cell, input, hidden, 7), batch_sizes));
        }
    }
    for cell in [Cell::RnnTanh, Cell::Lstm, Cell::Gru, Cell::GruResetBefore] {
        for mask in masks {
            cases.push((Dims::new(cell, 9, 37).with(dropout(mask)), &[20, 20, 18, 3]));
        }
    }
    let peepholes = Options { peepholes: true, zoneout_hidden: 0.3, clip: Some(2.0), ..Options::default() };
    cases.push((Dims::new(Cell::Lstm, 12, 50).with(peepholes), &[17, 17, 5]));
    for (dims, batch_sizes) in cases {
        let plain = Problem::new(dims, batch_sizes, true, true, 5);
        let problem = Problem { precision: Precision::Bf16, ..plain.clone() };
        let mut wide: Option<Results> = None;
        for machine in machines(Precision::Bf16) {
            let near = on_threads(1, || plain.run(machine));
            let found = on_threads(1, || problem.run(machine));
            assert_eq!(on_threads(3, || problem.run(machine)), found, "{machine:?}, {dims:?}: threads");
            for ((name, found), (_, near)) in found.0.iter().zip(&near.0) {
                let size = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
                let away = size(&mut found.iter().zip(near).map(|(f, n)| f64::from(*f) - f64::from(*n)));
                let whole = size(&mut near.iter().map(|n| f64::from(*n)));
                let most = match dims.cell {
                    // A slope of relu is all or nothing.
                    cell if cell == Cell::RnnRelu || cell == Cell::IndRnn => 0.3,
                    // Gates are exponentials.
                    cell if cell == Cell::SLstm => 0.1,
                    _ => 0.02,
                };
                assert!(away <= most * whole, "{machine:?}, {dims:?}, {name}: {away} of {whole}");
            }
            if machine.path >= Path::Avx2 {
                assert_eq!(wide.get_or_insert_with(|| found.clone()), &found, "{machine:?}, {dims:?}");
            }
        }
    }
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
        for path in machines(Precision::Int8) {
            let prepared = Prepared::for_inference(dims, &weights, path, Precision::Int8).unwrap();
            let mut out = vec![0.0; steps.rows() * dims.output()];
            let (mut h, mut c) = (h0.clone(), c0.clone());
            let last = StateMut { hidden: &mut h, cell: &mut c };
            let (x, to) = (RowsRef::dense(&x, dims.input), RowsMut::dense(&mut out, dims.output()));
            let pass = Pass::new(dims, &steps, x, initial, to, last).unwrap();
            prepared.forward(pass, None, &mut Scratch::default()).unwrap();
            for (name, found) in [("out", &out), ("h_n", &h), ("c_n", &c)] {
                let want = golden.get(name).map_or(Vec::new(), |tensor| tensor.reals::<f64>());
                assert_close(&format!("{path:?}, {}: {name}", golden.name), found, &want, 2e-6, 1e-5);
            }
        }
    }
}
