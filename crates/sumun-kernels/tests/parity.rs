//! The fused paths against the reference path, and the bits that must never change.

use proptest::prelude::*;
use sumun_kernels::{
    Adjoint, Cache, Cell, Dims, Gradients, InputGradient, OptionSet, Options, Part, Pass, Path, Prepared,
    Purpose, RowMap, RowsMut, RowsRef, Scratch, State, StateMut, Steps, Weights, Write,
};
use sumun_testing::{Random, assert_close};

/// Every recurrence of the fused paths: the cell, and whether it has a projection.
fn fused() -> Vec<(Cell, bool)> {
    let projected = Cell::ALL.iter().filter(|cell| cell.spec().fused.contains(OptionSet::PROJECTION));
    let plain = Cell::ALL.iter().map(|&cell| (cell, false));
    plain.chain(projected.map(|&cell| (cell, true))).collect()
}

/// A projection, where there is one, is of a width drawn by the seed: narrower than H, equal or wider.
fn dims((cell, projected): (Cell, bool), input: usize, hidden: usize, seed: u64) -> Dims {
    let projection = projected.then_some(1 + seed as usize % (hidden + hidden.div_ceil(2)));
    Dims::new(cell, input, hidden).with(Options { projection, ..Options::default() })
}

fn fused_paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available() && *path != Path::Reference)
}

/// One problem: a recurrence, its weights and everything that goes in.
#[derive(Debug, Clone)]
struct Problem {
    dims: Dims,
    steps: Steps,
    weights: [Vec<f32>; 5],
    x: Vec<f32>,
    initial: Option<[Vec<f32>; 2]>,
    /// Empty for none.
    d_out: Vec<f32>,
    d_last: [Vec<f32>; 2],
}

/// Everything that comes out, named.
#[derive(Debug, Clone, PartialEq)]
struct Answer(Vec<(&'static str, Vec<f32>)>);

/// A draw as states: a normaliser, of a cell that has one, is above 0.
fn as_states(dims: Dims, mut values: Vec<f32>) -> Vec<f32> {
    let states = dims.cell.spec().states;
    for (k, value) in values.iter_mut().enumerate() {
        if states[k / dims.hidden % states.len()] == "n" {
            *value = value.abs() + 0.5;
        }
    }
    values
}

impl Problem {
    fn new(dims: Dims, batch_sizes: &[usize], bias: bool, initial: bool, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let steps = Steps::new(batch_sizes.to_vec()).unwrap();
        let (rows, n) = (steps.rows(), steps.sequences());
        let scale = 1.0 / (dims.hidden as f64).sqrt();
        let cells = n * dims.cell_width();
        let parts = [Part::WeightIh, Part::WeightHh, Part::BiasIh, Part::BiasHh, Part::WeightHr];
        let weights = parts.map(|part| if bias || !part.is_bias() { part.numbers(dims) } else { 0 });
        let mut state = || [random.normals(n * dims.output(), 0.5), random.normals(cells, 0.5)];
        let (d_last, [h, c]) = (state(), state());
        let start = [h, as_states(dims, c)];
        Self {
            dims,
            weights: weights.map(|len| random.normals(len, scale)),
            x: random.normals(rows * dims.input, 1.0),
            initial: initial.then_some(start),
            d_out: random.normals(rows * dims.output(), 1.0),
            d_last,
            steps,
        }
    }

    fn weights(&self) -> Weights<'_, f32> {
        let [input, hidden, bias_input, bias_hidden, projection] = &self.weights;
        Weights { input, hidden, bias_input, bias_hidden, projection, ..Weights::default() }
    }

    fn initial(&self) -> Option<State<'_, f32>> {
        self.initial.as_ref().map(|[hidden, cell]| State { hidden, cell })
    }

    fn zeros(&self) -> [Vec<f32>; 2] {
        self.d_last.each_ref().map(|part| vec![0.0; part.len()])
    }

    fn run(&self, path: Path) -> Answer {
        self.run_for(path, [Purpose::Training(InputGradient::Needed); 2])
    }

    /// With weights packed for these purposes, forwards and backwards.
    fn run_for(&self, path: Path, [forwards, backwards]: [Purpose; 2]) -> Answer {
        let (input, output) = (self.dims.input, self.dims.output());
        let mut prepared = Prepared::new(self.dims, &self.weights(), path, forwards).unwrap();
        assert_eq!(prepared.path(), path);
        let mut out = vec![f32::NAN; self.steps.rows() * output];
        let ([mut h, mut c], [mut d_h, mut d_c]) = (self.zeros(), self.zeros());
        let (mut cache, mut scratch) = (Cache::default(), Scratch::default());
        let last = StateMut { hidden: &mut h, cell: &mut c };
        let x = RowsRef::dense(&self.x, input);
        let to = RowsMut::dense(&mut out, output);
        let pass = Pass::new(self.dims, &self.steps, x, self.initial(), to, last).unwrap();
        prepared.forward(pass, Some(&mut cache), &mut scratch).unwrap();

        // Without a cache another branch runs; the answer has the same bits.
        let (mut again, [mut h2, mut c2]) = (vec![f32::NAN; out.len()], self.zeros());
        let last = StateMut { hidden: &mut h2, cell: &mut c2 };
        let to = RowsMut::dense(&mut again, output);
        let pass = Pass::new(self.dims, &self.steps, x, self.initial(), to, last).unwrap();
        prepared.forward(pass, None, &mut scratch).unwrap();
        assert_eq!((&again, &h2, &c2), (&out, &h, &c), "with and without a cache");

        if backwards != forwards {
            prepared.update(&self.weights(), backwards).unwrap();
        }
        let mut d_x = vec![f32::NAN; self.x.len()];
        let mut into = self.weights.each_ref().map(|part| vec![0.0; part.len()]);
        let [w, u, bi, bh, projection] = &mut into;
        let into_all = Gradients {
            input: w,
            hidden: u,
            bias_input: bi,
            bias_hidden: bh,
            projection,
            ..Gradients::default()
        };
        let d_out = (!self.d_out.is_empty()).then(|| RowsRef::dense(&self.d_out, output));
        let d_last = State { hidden: &self.d_last[0], cell: &self.d_last[1] };
        let (d_rows, d_initial) =
            (RowsMut::dense(&mut d_x, input), StateMut { hidden: &mut d_h, cell: &mut d_c });
        let out_rows = RowsRef::dense(&out, output);
        let adjoint =
            Adjoint::new(self.dims, &self.steps, x, self.initial(), out_rows, d_initial, into_all).unwrap();
        let adjoint = adjoint.d_out(d_out).unwrap().d_last(d_last).unwrap();
        prepared.backward(adjoint.d_x(d_rows, Write::Overwrite).unwrap(), &mut cache).unwrap();
        let [d_w, d_u, d_bi, d_bh, d_projection] = into;
        Answer(vec![
            ("out", out),
            ("h", h),
            ("c", c),
            ("d_x", d_x),
            ("d_h0", d_h),
            ("d_c0", d_c),
            ("d_weight_ih", d_w),
            ("d_weight_hh", d_u),
            ("d_bias_ih", d_bi),
            ("d_bias_hh", d_bh),
            ("d_weight_hr", d_projection),
        ])
    }
}

fn on_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

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

/// Numbers too small to matter become zeros on their way, or processors compute a hundred times as slowly.
#[test]
fn denormals_are_flushed() {
    for (cell, projected) in fused() {
        let dims = dims((cell, projected), 5, 19, 7);
        let mut problem = Problem::new(dims, &[3, 3, 1], false, false, 3);
        problem.weights[if projected { 4 } else { 0 }].iter_mut().for_each(|v| *v *= 1e-36);
        let smallest = |path| {
            let Answer(parts) = problem.run(path);
            parts[0].1.iter().map(|v| v.abs()).filter(|&v| v > 0.0).fold(1.0, f32::min)
        };
        assert!(smallest(Path::Reference) < 2.5e-29, "the case makes small numbers");
        for path in fused_paths() {
            assert!(smallest(path) >= 2.5e-29, "{path}, {dims:?}");
        }
    }
}

/// Where sequences are few and weights large, the units of each step are dealt to threads.
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
    // Units that see no other run through all steps by themselves.
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

    /// Outputs, states and input gradients of a sequence are the same bits in a batch, alone, in chunks with
    /// the state carried, and step by step.
    #[test]
    fn company_and_chunks_never_change_a_bit(
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
        let alone = Problem {
            steps: Steps::uniform(length, 1).unwrap(),
            x: own(&problem.x, input),
            initial: problem.initial.as_ref().map(state),
            d_out: own(&problem.d_out, output),
            d_last: state(&problem.d_last),
            ..problem.clone()
        };
        for path in fused_paths() {
            let (together, single) = (problem.run(path), alone.run(path));
            prop_assert_eq!(own(&together.0[0].1, output), single.0[0].1.clone(), "output");
            prop_assert_eq!(own(&together.0[3].1, input), single.0[3].1.clone(), "input gradient");
            for (part, width) in [(1, output), (2, dims.cell_width()), (4, output), (5, dims.cell_width())] {
                let found = of_rank(&together.0[part].1, width);
                prop_assert_eq!(&found, &single.0[part].1, "{}", single.0[part].0);
            }

            let prepared = Prepared::new(dims, &alone.weights(), path, Purpose::Inference).unwrap();
            let mut scratch = Scratch::default();
            let ([mut h, mut c], n) = (problem.initial.clone().unwrap(), lengths.len());
            let state = StateMut { hidden: &mut h, cell: &mut c };
            prepared.step(&problem.x[..n * input], state, &mut scratch).unwrap();
            prop_assert_eq!(&h[..], &together.0[0].1[..n * output], "one step of all");
            let [mut h, mut c] = alone.initial.clone().unwrap();
            let first = (cut * length as f64) as usize;
            let mut out = Vec::new();
            for x in [&alone.x[..first * input], &alone.x[first * input..]] {
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
            let [mut h, mut c] = alone.initial.clone().unwrap();
            for (t, x) in alone.x.chunks_exact(input).enumerate() {
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
    let peepholes = dims.with(Options { projection: Some(2), peepholes: true, ..Options::default() });
    assert!(!Path::Portable.computes(peepholes) && Path::Reference.computes(peepholes));
    let error = Prepared::new(peepholes, &weights, Path::Portable, Purpose::Inference).unwrap_err();
    assert_eq!(error.to_string(), "the portable path does not compute peepholes; use the reference path");
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
        let [input, hidden, bias_input, bias_hidden, projection] = &mut d;
        let into = Gradients { input, hidden, bias_input, bias_hidden, projection, ..Gradients::default() };
        let d_initial = StateMut { hidden: &mut d_h, cell: &mut d_c };
        let adjoint = Adjoint::new(dims, &steps, x, None, RowsRef::dense(&out, 3), d_initial, into).unwrap();
        let error = prepared.backward(adjoint, &mut cache).unwrap_err();
        assert_eq!(
            error.to_string(),
            "backward needs a cache filled by forward of the same recurrence and steps"
        );
    }
    assert!(RowMap::new(vec![0, 0]).is_err() && RowMap::new(vec![0, 2]).is_err());
}

/// Weights that are packed anew for the other way, in the memory of the first, give the bits of weights packed for both; and
/// they refuse the way that they are not packed for.
#[test]
fn weights_may_be_packed_for_one_way_at_a_time() {
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
