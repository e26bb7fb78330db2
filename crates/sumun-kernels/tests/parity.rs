//! The fused paths against the reference path, and the bits that must never change.

mod problem;

use problem::{Problem, Results, dims, fused, fused_paths, on_threads};
use proptest::prelude::*;
use sumun_kernels::{
    ActivationFunction, Adjoint, Cache, Cell, Dims, Gradients, InputGradient, Options, Pass, Path, Prepared,
    Purpose, RowMap, RowsMut, RowsRef, Scratch, State, StateMut, Steps,
};
use sumun_testing::assert_close;

#[test]
fn every_fused_path_agrees_with_the_reference() {
    let shapes: [(usize, usize, &[usize]); 11] = [
        (1, 1, &[1]),
        (3, 5, &[1; 7]),
        (1, 32, &[33, 33, 33]),
        (5, 7, &[4, 4, 2, 1]),
        (17, 16, &[9, 8, 8, 3]),
        (16, 17, &[2; 5]),
        (33, 65, &[13, 13, 13, 6, 1, 1]),
        (70, 24, &[31, 30]),
        (20, 28, &[7, 7, 5]),
        (2, 42, &[1; 4]),
        (8, 130, &[3, 3, 2]),
    ];
    for cell in fused() {
        for (case, (input, hidden, batch_sizes)) in shapes.into_iter().enumerate() {
            let dims = dims(cell, input, hidden, 11 * case as u64);
            for (bias, initial) in [(true, true), (false, false), (true, false), (false, true)] {
                let problem = Problem::new(dims, batch_sizes, bias, initial, case as u64);
                let want = problem.run(Path::Reference);
                for path in fused_paths() {
                    let found = problem.run(path);
                    for ((name, found), (_, want)) in found.0.iter().zip(&want.0) {
                        let what = format!("{path}, {dims:?}: {name}");
                        assert_close(&what, found, want, 2e-5, 1e-4);
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_left_out_counts_as_zeros() {
    for cell in fused() {
        let dims = dims(cell, 5, 19, 7);
        let without = Problem { d_out: Vec::new(), ..Problem::new(dims, &[9, 9, 4, 1], true, false, 3) };
        let zeros = Problem {
            initial: Some(without.zeros()),
            d_out: vec![0.0; without.steps.rows() * dims.output()],
            ..without.clone()
        };
        for path in fused_paths() {
            assert_eq!(without.run(path), zeros.run(path), "{path}, {dims:?}");
        }
    }
}

/// Numbers too small to matter become zeros between operations, or processors compute a hundred times as slowly.
#[test]
fn denormals_are_flushed() {
    for (cell, projected) in fused() {
        let dims = dims((cell, projected), 5, 19, 7);
        let mut problem = Problem::new(dims, &[3, 3, 1], false, false, 3);
        problem.weights[if projected { 4 } else { 0 }].iter_mut().for_each(|v| *v *= 1e-36);
        let smallest = |path| {
            let Results(parts) = problem.run(path);
            parts[0].1.iter().map(|v| v.abs()).filter(|&v| v > 0.0).fold(1.0, f32::min)
        };
        assert!(smallest(Path::Reference) < 2.5e-29, "the case makes small numbers");
        for path in fused_paths() {
            assert!(smallest(path) >= 2.5e-29, "{path}, {dims:?}");
        }
    }
}

/// Where sequences are few and weights large, the units of each step are divided among threads.
#[test]
fn threads_that_share_a_step_never_change_a_bit() {
    let tanh = Cell::RnnTanh;
    let cases: [(Cell, usize, usize, &[usize]); 4] = [
        (Cell::Lstm, 20, 260, &[3, 3, 2, 1, 1]),
        (Cell::Lstm, 70, 530, &[1; 3]),
        // More rows than are projected at once.
        (Cell::Gru, 9, 300, &[4; 30]),
        (tanh, 70, 520, &[4, 4, 2]),
    ];
    // Units that read no other's state take all steps by themselves.
    let apart = Cell::ALL.iter().filter(|cell| cell.spec().units_are_apart());
    let apart = apart.map(|&cell| (cell, 70, 300, &[3; 40][..]));
    for (cell, input, hidden, batch_sizes) in cases.into_iter().chain(apart) {
        let problem = Problem::new(Dims::new(cell, input, hidden), batch_sizes, true, true, 5);
        for path in fused_paths() {
            let one = on_threads(1, || problem.run(path));
            for threads in [2, 5] {
                let found = on_threads(threads, || problem.run(path));
                assert_eq!(found, one, "{path}, {cell:?} {hidden} on {threads}");
            }
        }
    }
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..24usize, 1..40)
}

fn batch_sizes(lengths: &mut [usize]) -> Vec<usize> {
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    (0..lengths[0]).map(|t| lengths.iter().filter(|&&l| l > t).count()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Outputs, states and every gradient have the same bits on any number of threads.
    #[test]
    fn threads_never_change_a_bit(
        cell in prop::sample::select(fused()),
        input in 1..80usize,
        hidden in 20..100usize,
        mut lengths in lengths(),
        seed: u64,
    ) {
        let dims = dims(cell, input, hidden, seed);
        let problem = Problem::new(dims, &batch_sizes(&mut lengths), true, seed % 2 == 0, seed);
        for path in fused_paths() {
            let one = on_threads(1, || problem.run(path));
            for threads in [2, 3, 7] {
                prop_assert_eq!(&on_threads(threads, || problem.run(path)), &one, "{} threads", threads);
            }
        }
    }

    /// Outputs, states and input gradients of a sequence are the same bits in a batch, in a batch of one, in chunks with
    /// the state carried, and step by step.
    #[test]
    fn other_sequences_and_chunks_never_change_a_bit(
        cell in prop::sample::select(fused()),
        input in 1..40usize,
        hidden in 1..70usize,
        mut lengths in lengths(),
        cut in 0.0..1.0f64,
        seed: u64,
    ) {
        let dims = dims(cell, input, hidden, seed);
        let problem = Problem::new(dims, &batch_sizes(&mut lengths), true, true, seed);
        let rank = seed as usize % lengths.len();
        let length = lengths[rank];
        // The rows of one sequence of a packed array.
        let own = |array: &[f32], width: usize| -> Vec<f32> {
            let row = |t: usize| (problem.steps.offset(t) + rank) * width;
            (0..length).flat_map(|t| array[row(t)..row(t) + width].to_vec()).collect()
        };
        let output = dims.output();
        let of_rank = |array: &[f32], width: usize| -> Vec<f32> {
            array.get(rank * width..(rank + 1) * width).unwrap_or(&[]).to_vec()
        };
        let state = |[h, c]: &[Vec<f32>; 2]| [of_rank(h, output), of_rank(c, dims.cell_width())];
        let unbatched = Problem {
            steps: Steps::uniform(length, 1).unwrap(),
            x: own(&problem.x, input),
            initial: problem.initial.as_ref().map(state),
            d_out: own(&problem.d_out, output),
            d_last: state(&problem.d_last),
            ..problem.clone()
        };
        for path in fused_paths() {
            let (together, single) = (problem.run(path), unbatched.run(path));
            prop_assert_eq!(own(&together.0[0].1, output), single.0[0].1.clone(), "output");
            prop_assert_eq!(own(&together.0[3].1, input), single.0[3].1.clone(), "input gradient");
            for (part, width) in [(1, output), (2, dims.cell_width()), (4, output), (5, dims.cell_width())] {
                let found = of_rank(&together.0[part].1, width);
                prop_assert_eq!(&found, &single.0[part].1, "{}", single.0[part].0);
            }

            let prepared = Prepared::new(dims, &unbatched.weights(), path, Purpose::Inference).unwrap();
            let mut scratch = Scratch::default();
            let ([mut h, mut c], n) = (problem.initial.clone().unwrap(), lengths.len());
            let state = StateMut { hidden: &mut h, cell: &mut c };
            prepared.step(&problem.x[..n * input], state, &mut scratch).unwrap();
            prop_assert_eq!(&h[..], &together.0[0].1[..n * output], "one step of all");
            let [mut h, mut c] = unbatched.initial.clone().unwrap();
            let first = (cut * length as f64) as usize;
            let mut out = Vec::new();
            for x in [&unbatched.x[..first * input], &unbatched.x[first * input..]] {
                let steps = Steps::uniform(x.len() / input, 1).unwrap();
                if steps.is_empty() {
                    continue;
                }
                let mut rows = vec![0.0; steps.rows() * output];
                let before = (h.clone(), c.clone());
                let initial = Some(State { hidden: &before.0, cell: &before.1 });
                let last = StateMut { hidden: &mut h, cell: &mut c };
                let to = RowsMut::dense(&mut rows, output);
                let pass = Pass::new(dims, &steps, RowsRef::dense(x, input), initial, to, last).unwrap();
                prepared.forward(pass, None, &mut scratch).unwrap();
                out.extend(rows);
            }
            prop_assert_eq!(&out, &single.0[0].1, "in chunks");
            let [mut h, mut c] = unbatched.initial.clone().unwrap();
            for (t, x) in unbatched.x.chunks_exact(input).enumerate() {
                let state = StateMut { hidden: &mut h, cell: &mut c };
                prepared.step(x, state, &mut scratch).unwrap();
                prop_assert_eq!(&h[..], &out[t * output..(t + 1) * output], "step {}", t);
            }
            prop_assert_eq!(&c, &single.0[2].1, "c step by step");
        }
    }

    /// Rows in another order and between other numbers are the same rows.
    #[test]
    fn maps_and_strides_are_no_copies_but_the_same_rows(
        cell in prop::sample::select(fused()),
        (input, hidden) in (1..20usize, 1..40usize),
        mut lengths in lengths(),
        seed: u64,
    ) {
        let dims = dims(cell, input, hidden, seed);
        let problem = Problem::new(dims, &batch_sizes(&mut lengths), true, false, seed);
        let (rows, output) = (problem.steps.rows(), dims.output());
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.sort_by_key(|&r| u64::from(r).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed));
        let map = RowMap::new(order.clone()).unwrap();
        let spread = |dense: &[f32], width: usize, stride: usize| {
            let mut wide = vec![7.0; rows * stride];
            for (row, values) in dense.chunks_exact(width).enumerate() {
                let at = order[row] as usize * stride;
                wide[at..at + width].copy_from_slice(values);
            }
            wide
        };
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let want = problem.run(path);
            let prepared =
                Prepared::new(dims, &problem.weights(), path, Purpose::Inference).unwrap();
            let x = spread(&problem.x, input, input + 3);
            let mut out = vec![7.0; rows * (output + 5)];
            let [mut h, mut c] = problem.zeros();
            let from = RowsRef { values: &x, stride: input + 3, map: Some(&map) };
            let to = RowsMut { values: &mut out, stride: output + 5, map: Some(&map) };
            let last = StateMut { hidden: &mut h, cell: &mut c };
            let pass = Pass::new(dims, &problem.steps, from, None, to, last).unwrap();
            prepared.forward(pass, None, &mut Scratch::default()).unwrap();
            prop_assert_eq!(out, spread(&want.0[0].1, output, output + 5));
        }
    }
}

#[test]
fn misuse_is_an_error() {
    let dims = Dims::new(Cell::Lstm, 2, 3);
    let problem = Problem::new(dims, &[2, 1], true, false, 1);
    let weights = problem.weights();
    let function = Some(ActivationFunction::Elu { alpha: -1.0 });
    let beyond = dims.with(Options { candidate_activation: function, ..Options::default() });
    assert!(!Path::Portable.computes(beyond) && Path::Reference.computes(beyond));
    let error = Prepared::new(beyond, &weights, Path::Portable, Purpose::Inference).unwrap_err();
    let message =
        "the portable path does not compute an activation with such a constant; use the reference path";
    assert_eq!(error.to_string(), message);
    let none = Dims { hidden: 0, ..dims };
    let error = Prepared::new(none, &weights, Path::Portable, Purpose::Inference).unwrap_err();
    assert_eq!(error.to_string(), "the hidden size must be at least 1");

    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        let [mut h, mut c] = problem.zeros();
        let (mut out, x) = (vec![0.0; 8], RowsRef::dense(&problem.x, 2));
        let (to, last) = (RowsMut::dense(&mut out, 3), StateMut { hidden: &mut h, cell: &mut c });
        let error = Pass::new(dims, &problem.steps, x, None, to, last).unwrap_err();
        assert_eq!(error.to_string(), "out: expected 9 values, found 8");
        // A call for another recurrence, and a cache of other steps with as many rows.
        out.push(0.0);
        let training = Purpose::Training(InputGradient::Skip);
        let prepared = Prepared::new(dims, &weights, path, training).unwrap();
        let other = Dims::new(Cell::Lstm, 1, 3);
        let (mut cache, mut scratch) = (Cache::default(), Scratch::default());
        let (to, last) = (RowsMut::dense(&mut out, 3), StateMut { hidden: &mut h, cell: &mut c });
        let pass = Pass::new(other, &problem.steps, RowsRef::dense(&problem.x, 1), None, to, last).unwrap();
        let error = prepared.forward(pass, Some(&mut cache), &mut scratch).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the call is for LSTM from 1 to 3 units, the weights are of LSTM from 2 to 3 units; both need the same cell, sizes and options"
        );
        let (to, last) = (RowsMut::dense(&mut out, 3), StateMut { hidden: &mut h, cell: &mut c });
        let pass = Pass::new(dims, &problem.steps, x, None, to, last).unwrap();
        prepared.forward(pass, Some(&mut cache), &mut scratch).unwrap();
        let steps = Steps::new(vec![1; 3]).unwrap();
        let (mut d_h, mut d_c) = ([0.0; 3], [0.0; 3]);
        let mut d = problem.weights.each_ref().map(|part| vec![0.0; part.len()]);
        let [input, hidden, bias_input, bias_hidden, projection, ..] = &mut d;
        let into = Gradients { input, hidden, bias_input, bias_hidden, projection, ..Gradients::default() };
        let d_initial = StateMut { hidden: &mut d_h, cell: &mut d_c };
        let adjoint = Adjoint::new(dims, &steps, x, None, RowsRef::dense(&out, 3), d_initial, into).unwrap();
        let error = prepared.backward(adjoint, &mut cache).unwrap_err();
        assert_eq!(
            error.to_string(),
            "backward needs a cache filled by forward of the same recurrence, steps and masks"
        );
    }
    assert!(RowMap::new(vec![0, 0]).is_err() && RowMap::new(vec![0, 2]).is_err());
}

/// Weights that are packed anew for the other direction, in the memory of the first, give the bits of weights packed for both;
/// and they refuse the direction that they are not packed for.
#[test]
fn weights_may_be_packed_for_one_direction_at_a_time() {
    let (needed, skipped) = (InputGradient::Needed, InputGradient::Skip);
    for cell in fused() {
        let dims = dims(cell, 21, 37, 4);
        let problem = Problem::new(dims, &[5, 5, 2], true, true, 8);
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let both = problem.run(path);
            let one_way = problem.run_for(path, [Purpose::Inference, Purpose::Backward(needed)]);
            assert_eq!(one_way, both, "{path}, {dims:?}");
        }
    }
    let problem = Problem::new(Dims::new(Cell::Lstm, 2, 3), &[1], true, false, 8);
    let back = Purpose::Backward(skipped);
    let prepared = Prepared::new(problem.dims, &problem.weights(), Path::Portable, back).unwrap();
    let [mut h, mut c] = problem.zeros();
    let state = StateMut { hidden: &mut h, cell: &mut c };
    let error = prepared.step(&problem.x, state, &mut Scratch::default()).unwrap_err().to_string();
    let of = "backward passes without the gradient of the input";
    assert_eq!(error, format!("this needs weights prepared for forward passes; they are prepared for {of}"));
    let both = Purpose::Training(needed);
    assert!(both.serves(Purpose::Inference) && both.serves(Purpose::Backward(needed)));
    assert!(Purpose::Backward(needed).serves(Purpose::Backward(skipped)));
    assert!(!Purpose::Backward(skipped).serves(Purpose::Backward(needed)));
    assert!(!Purpose::Backward(needed).serves(Purpose::Inference));
    assert!(!Purpose::Inference.serves(Purpose::Backward(skipped)));
}
