//! The options that fused bodies take, by themselves and together, against the reference path, and the bits that must not change.

mod problem;

use problem::{Problem, dims, fused, fused_paths, on_threads};
use sumun_kernels::{
    ActivationFunction, Adjoint, Cache, Cell, Dims, Error, Gradients, InputGradient, Masks, OptionSet,
    Options, Pass, Path, Prepared, Purpose, RecurrentDropout, RowsMut, RowsRef, Scratch, State, StateMut,
    Steps,
};
use sumun_testing::{Random, assert_close};

const FUNCTIONS: [ActivationFunction; 12] = [
    ActivationFunction::Sigmoid,
    ActivationFunction::Tanh,
    ActivationFunction::Relu,
    ActivationFunction::HARD_SIGMOID_KERAS,
    ActivationFunction::Softsign,
    ActivationFunction::Softplus,
    ActivationFunction::Elu { alpha: 1.3 },
    ActivationFunction::LeakyRelu { alpha: 0.1 },
    ActivationFunction::ThresholdedRelu { alpha: 0.2 },
    ActivationFunction::ScaledTanh { alpha: 1.2, beta: 0.7 },
    ActivationFunction::Affine { alpha: 0.4, beta: 0.1 },
    ActivationFunction::Linear,
];

/// Every option of a cell by itself, and each of its functions.
fn one_by_one(cell: Cell) -> Vec<Options> {
    let plain = Options::default();
    let mut all = vec![
        Options { clip: Some(0.5), ..plain },
        Options { recurrent_dropout: RecurrentDropout::Shared, ..plain },
        Options { recurrent_dropout: RecurrentDropout::PerGate, ..plain },
        Options { zoneout_hidden: 0.3, ..plain },
        Options { peepholes: true, ..plain },
        Options { coupled: true, ..plain },
        Options { zoneout_cell: 0.3, ..plain },
        Options { layer_norm: Some(1e-5), ..plain },
    ];
    for function in FUNCTIONS.map(Some) {
        all.extend([
            Options { candidate_activation: function, ..plain },
            Options { gate_activation: function, ..plain },
            Options { output_activation: function, ..plain },
        ]);
    }
    all.retain(|options| options.check(cell).is_ok());
    all
}

/// Any of them together.
fn together(cell: Cell, random: &mut Random, hidden: usize) -> Options {
    let has = |option| cell.spec().fused.contains(option);
    let mut chance = |one_in: usize| random.below(one_in) == 0;
    let [projection, peepholes, coupled, clip, layer_norm, zoneout_hidden, zoneout_cell] = [
        OptionSet::PROJECTION,
        OptionSet::PEEPHOLES,
        OptionSet::COUPLED,
        OptionSet::CLIP,
        OptionSet::LAYER_NORM,
        OptionSet::ZONEOUT_HIDDEN,
        OptionSet::ZONEOUT_CELL,
    ]
    .map(|option| chance(2) && has(option));
    let functions =
        [OptionSet::GATE_ACTIVATION, OptionSet::CANDIDATE_ACTIVATION, OptionSet::OUTPUT_ACTIVATION]
            .map(|option| chance(3) && has(option));
    let [gate, candidate, output] =
        functions.map(|chosen| chosen.then(|| FUNCTIONS[random.below(FUNCTIONS.len())]));
    let dropout =
        [RecurrentDropout::None, RecurrentDropout::Shared, RecurrentDropout::PerGate][random.below(3)];
    Options {
        projection: projection.then(|| 1 + random.below(hidden + hidden / 2)),
        peepholes,
        coupled,
        clip: clip.then_some(1.2),
        gate_activation: gate,
        candidate_activation: candidate,
        output_activation: output,
        recurrent_dropout: if has(OptionSet::RECURRENT_DROPOUT) { dropout } else { RecurrentDropout::None },
        zoneout_hidden: if zoneout_hidden { 0.3 } else { 0.0 },
        layer_norm: layer_norm.then_some(1e-3),
        zoneout_cell: if zoneout_cell { 0.2 } else { 0.0 },
    }
}

/// The cells whose bodies take options.
fn cells() -> impl Iterator<Item = Cell> {
    let takes = |cell: &Cell| cell.spec().fused.contains(OptionSet::CLIP);
    fused().into_iter().filter(|(_, projected)| !projected).map(|(cell, _)| cell).filter(takes)
}

/// Weights small enough for what has no bound not to grow.
fn calm(mut problem: Problem) -> Problem {
    for part in &mut problem.weights {
        part.iter_mut().for_each(|v| *v *= 0.3);
    }
    problem
}

/// With masks, and with none, where the expectation is taken.
fn agrees(problem: &Problem) {
    let without = Problem { masks: Default::default(), ..problem.clone() };
    for problem in [problem, &without] {
        let want = problem.run(Path::Reference);
        for path in fused_paths() {
            let found = problem.run(path);
            for ((name, found), (_, want)) in found.0.iter().zip(&want.0) {
                assert_close(&format!("{path}, {:?}: {name}", problem.dims), found, want, 4e-5, 2e-4);
            }
        }
    }
}

#[test]
fn each_option_agrees_with_the_reference() {
    let shapes: [(usize, usize, &[usize]); 6] = [
        (1, 1, &[1, 1]),
        (3, 5, &[1; 7]),
        (5, 7, &[4, 4, 2, 1]),
        (17, 36, &[9, 8, 8, 3]),
        (70, 24, &[31, 30]),
        (2, 42, &[2; 4]),
    ];
    for cell in cells() {
        for (case, (input, hidden, batch_sizes)) in shapes.into_iter().enumerate() {
            for options in one_by_one(cell) {
                let dims = dims((cell, false), input, hidden, 0).with(options);
                for path in fused_paths() {
                    assert_eq!(dims.beyond(path), None, "{options:?}");
                }
                let given = case % 2 == 0;
                agrees(&calm(Problem::new(dims, batch_sizes, given, !given, case as u64)));
            }
        }
    }
}

#[test]
fn options_together_agree_with_the_reference() {
    let mut random = Random::new(5);
    for case in 0..120 {
        for cell in cells() {
            let (input, hidden) = (1 + random.below(70), 1 + random.below(50));
            let dims = dims((cell, false), input, hidden, 0).with(together(cell, &mut random, hidden));
            let problem = Problem::new(dims, &[5, 5, 3, 1], case % 3 > 0, case % 2 == 0, case);
            agrees(&calm(problem));
        }
    }
}

/// Outputs, states and every gradient on any number of threads; outputs and input gradients of a sequence in a batch and alone;
/// and steps of a stream as those of a pass.
#[test]
fn threads_batches_and_steps_never_change_a_bit() {
    let mut random = Random::new(8);
    for case in 0..40 {
        for cell in cells() {
            let (input, hidden) = (1 + random.below(40), 20 + random.below(60));
            let options = together(cell, &mut random, hidden);
            let dims = dims((cell, false), input, hidden, 0).with(options);
            let lengths: [usize; 6] = [19, 19, 12, 7, 7, 2];
            let alive = |t: usize| lengths.iter().filter(|&&length| length > t).count();
            let batch_sizes: Vec<usize> = (0..lengths[0]).map(alive).collect();
            let problem = calm(Problem::new(dims, &batch_sizes, true, true, case));
            let rank = random.below(lengths.len());
            let alone = alone(&problem, rank, lengths[rank]);
            for path in fused_paths() {
                let all = on_threads(1, || problem.run(path));
                for threads in [2, 5] {
                    let found = on_threads(threads, || problem.run(path));
                    assert_eq!(found, all, "{path}, {dims:?} on {threads}");
                }
                let own = alone.run(path);
                for (part, width) in [(0, dims.output()), (3, input)] {
                    let of_rank = rows_of(&problem.steps, rank, lengths[rank], &all.0[part].1, width);
                    assert_eq!(of_rank, own.0[part].1, "{path}, {dims:?}: {}", own.0[part].0);
                }
                steps_of_a_stream(path, &Problem { masks: Default::default(), ..alone.clone() });
            }
        }
    }
}

fn rows_of(steps: &Steps, rank: usize, length: usize, rows: &[f32], width: usize) -> Vec<f32> {
    let row = |t: usize| (steps.offset(t) + rank) * width;
    (0..length).flat_map(|t| rows[row(t)..row(t) + width].to_vec()).collect()
}

/// The sequence of a rank as a problem of its own.
fn alone(problem: &Problem, rank: usize, length: usize) -> Problem {
    let (dims, n) = (problem.dims, problem.steps.sequences());
    let own = |rows: &[f32], width: usize| match rows.is_empty() {
        true => Vec::new(),
        false => rows_of(&problem.steps, rank, length, rows, width),
    };
    let of_rank = |array: &[f32]| -> Vec<f32> {
        let width = array.len() / n;
        array[rank * width..][..width].to_vec()
    };
    Problem {
        steps: Steps::uniform(length, 1).unwrap(),
        x: own(&problem.x, dims.input),
        initial: problem.initial.as_ref().map(|state| state.each_ref().map(|part| of_rank(part))),
        masks: [
            of_rank(&problem.masks[0]),
            own(&problem.masks[1], dims.output()),
            own(&problem.masks[2], dims.hidden),
        ],
        d_out: own(&problem.d_out, dims.output()),
        d_last: problem.d_last.each_ref().map(|part| of_rank(part)),
        ..problem.clone()
    }
}

fn steps_of_a_stream(path: Path, problem: &Problem) {
    let dims = problem.dims;
    let prepared = Prepared::new(dims, &problem.weights(), path, Purpose::Inference).unwrap();
    let mut scratch = Scratch::default();
    let [mut h, mut c] = problem.initial.clone().unwrap();
    let mut out = vec![0.0; problem.steps.rows() * dims.output()];
    let [mut last_h, mut last_c] = problem.zeros();
    let initial = Some(State { hidden: &h, cell: &c });
    let last = StateMut { hidden: &mut last_h, cell: &mut last_c };
    let (x, to) = (RowsRef::dense(&problem.x, dims.input), RowsMut::dense(&mut out, dims.output()));
    let pass = Pass::new(dims, &problem.steps, x, initial, to, last).unwrap();
    prepared.forward(pass, None, &mut scratch).unwrap();
    for (x, want) in problem.x.chunks_exact(dims.input).zip(out.chunks_exact(dims.output())) {
        prepared.step(x, StateMut { hidden: &mut h, cell: &mut c }, &mut scratch).unwrap();
        assert_eq!(h, want, "{path}, {dims:?}");
    }
    assert_eq!(c, last_c, "{path}, {dims:?}");
}

/// What a unit keeps is kept to the bit, and the infinity beside a unit that does not keep its value is no NaN.
#[test]
fn zoneout_of_no_unit_and_of_all() {
    let options = Options { zoneout_hidden: 0.5, zoneout_cell: 0.5, ..Options::default() };
    let dims = Dims::new(Cell::Lstm, 3, 11).with(options);
    let mut problem = Problem::new(dims, &[2, 2, 2], true, true, 4);
    problem.masks[1].fill(0.0);
    problem.masks[2].fill(0.0);
    let plain = Problem { dims: Dims::new(Cell::Lstm, 3, 11), masks: Default::default(), ..problem.clone() };
    for path in fused_paths() {
        assert_eq!(problem.run(path).0[0], plain.run(path).0[0], "{path}");
        let mut all = problem.clone();
        all.masks[1].fill(1.0);
        let out = &all.run(path).0[0].1;
        let initial = &all.initial.as_ref().unwrap()[0];
        assert!(out.chunks_exact(initial.len()).all(|rows| rows == &initial[..]), "{path}");
    }
}

/// Constants with which a slope does not follow from its value are left to the reference path, which says so.
#[test]
fn activations_whose_slope_is_not_in_their_value_are_refused() {
    for function in [
        ActivationFunction::Elu { alpha: -1.0 },
        ActivationFunction::LeakyRelu { alpha: -0.5 },
        ActivationFunction::ThresholdedRelu { alpha: -1.0 },
        ActivationFunction::ScaledTanh { alpha: 0.0, beta: 1.0 },
    ] {
        let options = Options { candidate_activation: Some(function), ..Options::default() };
        let dims = Dims::new(Cell::Gru, 2, 3).with(options);
        assert_eq!(dims.beyond(Path::Portable), Some("an activation with such a constant"));
        assert_eq!(dims.beyond(Path::Reference), None);
        let problem = Problem::new(dims, &[1], true, false, 1);
        let training = Purpose::Training(InputGradient::Needed);
        assert!(Prepared::new(dims, &problem.weights(), Path::Portable, training).is_err());
    }
}

/// What the gates saw of h is kept by a forward pass with masks, and by no other; and units that kept their value are no rate.
#[test]
fn a_backward_pass_has_the_masks_of_its_forward_pass() {
    let plain = Options::default();
    refuses_other_masks(Options { recurrent_dropout: RecurrentDropout::Shared, ..plain });
    refuses_other_masks(Options { zoneout_hidden: 0.2, ..plain });
}

fn refuses_other_masks(options: Options) {
    let dims = Dims::new(Cell::Gru, 2, 3).with(options);
    let problem = Problem::new(dims, &[2, 1], true, false, 1);
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        for forwards in [true, false] {
            let masks = |given: bool| if given { problem.masks() } else { Masks::default() };
            let training = Purpose::Training(InputGradient::Skip);
            let prepared = Prepared::new(dims, &problem.weights(), path, training).unwrap();
            let (mut cache, [mut h, mut c], [mut d_h, mut d_c]) =
                (Cache::default(), problem.zeros(), problem.zeros());
            let (x, mut out) = (RowsRef::dense(&problem.x, 2), vec![0.0; 9]);
            let last = StateMut { hidden: &mut h, cell: &mut c };
            let pass = Pass::new(dims, &problem.steps, x, None, RowsMut::dense(&mut out, 3), last).unwrap();
            let pass = pass.masks(masks(forwards)).unwrap();
            prepared.forward(pass, Some(&mut cache), &mut Scratch::default()).unwrap();
            let mut d = problem.weights.each_ref().map(|part| vec![0.0; part.len()]);
            let [input, hidden, bias_input, bias_hidden, ..] = &mut d;
            let into = Gradients { input, hidden, bias_input, bias_hidden, ..Gradients::default() };
            let d_initial = StateMut { hidden: &mut d_h, cell: &mut d_c };
            let out = RowsRef::dense(&out, 3);
            let adjoint = Adjoint::new(dims, &problem.steps, x, None, out, d_initial, into).unwrap();
            let adjoint = adjoint.masks(masks(!forwards)).unwrap();
            assert_eq!(prepared.backward(adjoint, &mut cache), Err(Error::Cache), "{path}");
        }
    }
}
