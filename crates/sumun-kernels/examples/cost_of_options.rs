//! What the options of a recurrence cost: a training step with each, in turn with one without.
//!
//! `cargo run --release -p sumun-kernels --example cost_of_options [PATH [NAME]]` prints best and median times of a step over those
//! of the plain cell, on one thread; with a name, of the options that have it in theirs alone.

use std::time::Instant;

use sumun_kernels::{
    ActivationFunction, Adjoint, Cache, Cell, Dims, Gradients, InputGradient, Masks, Options, Pass, Path,
    Prepared, Purpose, RecurrentDropout, RowsMut, RowsRef, Scratch, StateMut, Steps, WeightKind, Weights,
    Write,
};
use sumun_testing::Random;

const ROUNDS: usize = 15;
const SEQUENCES: usize = 32;
const STEPS: usize = 50;
const PLAIN: &str = "plain";

/// A training step with everything it needs.
struct Case {
    name: &'static str,
    dims: Dims,
    steps: Steps,
    x: Vec<f32>,
    weights: [Vec<f32>; 8],
    masks: [Vec<f32>; 3],
    cache: Cache,
    scratch: Scratch,
    out: Vec<f32>,
    into: [Vec<f32>; 8],
    seconds: Vec<f64>,
}

impl Case {
    fn new(name: &'static str, dims: Dims) -> Self {
        let mut random = Random::new(1);
        let steps = Steps::uniform(STEPS, SEQUENCES).expect("a rectangle");
        let (rows, options) = (steps.rows(), dims.options);
        let scale = 1.0 / (dims.hidden as f64).sqrt();
        let weights = WeightKind::ALL.map(|part| random.normals(part.numbers(dims), scale));
        let per_sequence = match options.recurrent_dropout {
            RecurrentDropout::None => 0,
            RecurrentDropout::Shared => dims.output(),
            RecurrentDropout::PerGate => dims.cell.gates() * dims.output(),
        };
        let mut mask = |size: usize, kept: f32| -> Vec<f32> {
            (0..size).map(|_| if random.uniform() < 0.8 { kept } else { 0.0 }).collect()
        };
        let if_on = |rate: f64, size: usize| if rate > 0.0 { rows * size } else { 0 };
        let masks = [
            mask(SEQUENCES * per_sequence, 1.25),
            mask(if_on(options.zoneout_hidden, dims.output()), 1.0),
            mask(if_on(options.zoneout_cell, dims.hidden), 1.0),
        ];
        let into = weights.each_ref().map(|part| vec![0.0; part.len()]);
        let (x, out) = (random.normals(rows * dims.input, 1.0), vec![0.0; rows * dims.output()]);
        let (cache, scratch) = (Cache::default(), Scratch::default());
        Self { name, dims, steps, x, weights, masks, cache, scratch, out, into, seconds: Vec::new() }
    }

    fn run(&mut self, path: Path) {
        let Self { dims, steps, x, weights, masks, cache, scratch, out, into, .. } = self;
        let dims = *dims;
        let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] = &*weights;
        let weights =
            Weights { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias };
        let [recurrent, zoneout_hidden, zoneout_cell] = &*masks;
        let masks = Masks { recurrent, zoneout_hidden, zoneout_cell };
        let n = steps.sequences();
        let mut states = [dims.output(), dims.cell_width()].map(|width| vec![0.0; n * width]);
        let started = Instant::now();
        let purpose = Purpose::Training(InputGradient::Needed);
        let prepared = Prepared::new(dims, &weights, path, purpose).expect("the path computes it");
        let [h, c] = &mut states;
        let last = StateMut { hidden: h, cell: c };
        let from = RowsRef::dense(x, dims.input);
        let pass = Pass::new(dims, steps, from, None, RowsMut::dense(out, dims.output()), last)
            .and_then(|pass| pass.masks(masks))
            .expect("sizes fit");
        prepared.forward(pass, Some(cache), scratch).expect("a pass");
        let d_out = vec![0.01; out.len()];
        let mut d_x = vec![0.0; x.len()];
        let [h, c] = &mut states;
        let d_initial = StateMut { hidden: h, cell: c };
        let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] = into;
        let into =
            Gradients { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias };
        let rows = RowsRef::dense(out, dims.output());
        let adjoint = Adjoint::new(dims, steps, from, None, rows, d_initial, into)
            .and_then(|adjoint| adjoint.masks(masks))
            .and_then(|adjoint| adjoint.d_out(RowsRef::dense(&d_out, dims.output())))
            .and_then(|adjoint| adjoint.d_x(RowsMut::dense(&mut d_x, dims.input), Write::Overwrite))
            .expect("sizes fit");
        prepared.backward(adjoint, cache).expect("a pass back");
        self.seconds.push(started.elapsed().as_secs_f64());
    }

    /// The best time and the median.
    fn times(&self) -> [f64; 2] {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        [seconds[0], seconds[seconds.len() / 2]]
    }
}

fn cases(cell: Cell, input: usize, hidden: usize) -> Vec<Case> {
    let plain = Options::default();
    let all = [
        (PLAIN, plain),
        ("recurrent dropout, one mask", Options { recurrent_dropout: RecurrentDropout::Shared, ..plain }),
        (
            "recurrent dropout, a mask a gate",
            Options { recurrent_dropout: RecurrentDropout::PerGate, ..plain },
        ),
        ("zoneout of h", Options { zoneout_hidden: 0.1, ..plain }),
        ("zoneout of h and c", Options { zoneout_hidden: 0.1, zoneout_cell: 0.1, ..plain }),
        ("clip", Options { clip: Some(3.0), ..plain }),
        ("peepholes", Options { peepholes: true, ..plain }),
        ("coupled", Options { coupled: true, ..plain }),
        (
            "hard sigmoid gates",
            Options { gate_activation: Some(ActivationFunction::HARD_SIGMOID_KERAS), ..plain },
        ),
        ("softsign", Options { candidate_activation: Some(ActivationFunction::Softsign), ..plain }),
        ("layer normalisation", Options { layer_norm: Some(1e-5), ..plain }),
    ];
    let has = |(_, options): &(&str, Options)| options.check(cell).is_ok();
    let case = |(name, options)| Case::new(name, Dims::new(cell, input, hidden).with(options));
    all.into_iter().filter(has).map(case).collect()
}

fn main() {
    let (asked, name) = (std::env::args().nth(1), std::env::args().nth(2));
    let path = match asked.as_deref() {
        None => Path::best(),
        Some(name) => Path::ALL.into_iter().find(|path| path.name() == name).expect("a path of this name"),
    };
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("the first pool");
    println!(
        "{path}, {SEQUENCES} sequences of {STEPS} steps, one thread; over the plain cell, best / median"
    );
    for (cell, input, hidden) in
        [(Cell::Lstm, 64, 32), (Cell::Lstm, 64, 128), (Cell::Gru, 64, 128), (Cell::RnnTanh, 64, 128)]
    {
        let mut cases = cases(cell, input, hidden);
        let named =
            |case: &Case| case.name == PLAIN || name.as_ref().is_none_or(|name| case.name.contains(&**name));
        cases.retain(|case| path.computes(case.dims) && named(case));
        for _ in 0..ROUNDS {
            cases.iter_mut().for_each(|case| case.run(path));
        }
        let plain = cases[0].times();
        println!("{} {input} → {hidden}: {:.2} ms plain", cell.name(), plain[0] * 1e3);
        for case in &cases[1..] {
            let [best, median] = case.times();
            println!("  {:<34} {:>5.2} / {:.2}", case.name, best / plain[0], median / plain[1]);
        }
    }
}
