//! What a precision gives: forward passes and steps over its numbers, in turn with the same over floats, on one thread.
//!
//! `cargo run --release -p sumun-kernels --example beside_f32 int8|bf16 [PATH [NAME]]` prints the best times of both, and their best and
//! median ratios (above 1, the precision is faster); with a name, of the cases that have it in theirs alone.

use std::hint::black_box;
use std::time::Instant;

use sumun_kernels::{
    Cell, Dims, Pass, Path, Precision, Prepared, RowsMut, RowsRef, Scratch, StateMut, Steps, WeightKind,
    Weights,
};
use sumun_testing::Random;

const ROUNDS: usize = 15;

/// A pass, or many steps.
struct Case {
    name: &'static str,
    dims: Dims,
    sequences: usize,
    steps: usize,
    one_by_one: bool,
}

impl Case {
    fn seconds(&self, prepared: &Prepared, x: &[f32], scratch: &mut Scratch) -> f64 {
        let Self { dims, sequences: n, steps, .. } = *self;
        let mut states = [dims.output(), dims.cell_width()].map(|width| vec![0.0; n * width]);
        let [hidden, cell] = &mut states;
        let rows = Steps::uniform(steps, n).expect("a rectangle");
        let mut out = vec![0.0; rows.rows() * dims.output()];
        let started = Instant::now();
        if self.one_by_one {
            for x in x.chunks_exact(n * dims.input) {
                let state = StateMut { hidden, cell };
                prepared.step(x, state, scratch).expect("a step");
            }
        } else {
            let (x, out) = (RowsRef::dense(x, dims.input), RowsMut::dense(&mut out, dims.output()));
            let pass = Pass::new(dims, &rows, x, None, out, StateMut { hidden, cell }).expect("sizes fit");
            prepared.forward(pass, None, scratch).expect("a pass");
        }
        let seconds = started.elapsed().as_secs_f64();
        black_box(states);
        seconds
    }

    fn compare(&self, path: Path, precision: Precision) {
        let mut random = Random::new(1);
        let scale = 1.0 / (self.dims.hidden as f64).sqrt();
        let weights: [Vec<f32>; 8] =
            WeightKind::ALL.map(|part| random.normals(part.numbers(self.dims), scale));
        let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] = &weights;
        let weights =
            Weights { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias };
        let x: Vec<f32> = random.normals(self.sequences * self.steps * self.dims.input, 1.0);
        let precisions = [Precision::F32, precision];
        let prepared = precisions.map(|precision| {
            Prepared::for_inference(self.dims, &weights, path, precision).expect("weights fit")
        });
        let mut scratch = [Scratch::default(), Scratch::default()];
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for k in 0..2 {
                times[k].push(self.seconds(&prepared[k], &x, &mut scratch[k]));
            }
        }
        let [f32, other] = times.each_mut().map(|times| {
            times.sort_by(f64::total_cmp);
            [times[0], times[ROUNDS / 2]].map(|seconds| 1e6 * seconds)
        });
        println!(
            "{:<14} {:>10.1} {:>10.1} µs  {:.2} {:.2}",
            self.name,
            f32[0],
            other[0],
            f32[0] / other[0],
            f32[1] / other[1]
        );
    }
}

fn main() {
    let [precision, wanted, name] = [1, 2, 3].map(|k| std::env::args().nth(k));
    let precision = precision.as_deref().and_then(Precision::named).expect("int8 or bf16");
    let named = |name: &String| Path::ALL.into_iter().find(|path| path.name().eq_ignore_ascii_case(name));
    let path = wanted.as_ref().and_then(named).unwrap_or_else(|| Path::best_for(precision));
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("one pool");
    println!("{path}; best of {ROUNDS}: f32, {precision}, ratio of the best and of the medians");
    let case = |name, cell, [input, hidden]: [usize; 2], [sequences, steps]: [usize; 2], one_by_one| Case {
        name,
        dims: Dims::new(cell, input, hidden),
        sequences,
        steps,
        one_by_one,
    };
    for case in [
        case("lstm_b1", Cell::Lstm, [64, 128], [1, 100], false),
        case("lstm_b32", Cell::Lstm, [64, 128], [32, 100], false),
        case("gru_b32", Cell::Gru, [64, 128], [32, 100], false),
        case("rnn_b32", Cell::RnnTanh, [64, 128], [32, 100], false),
        case("lstm_big", Cell::Lstm, [512, 512], [64, 50], false),
        case("step_lstm_32", Cell::Lstm, [16, 32], [1, 1000], true),
        case("step_lstm_128", Cell::Lstm, [64, 128], [1, 1000], true),
        case("step_gru_128", Cell::Gru, [64, 128], [1, 1000], true),
        case("step_lstm_512", Cell::Lstm, [512, 512], [1, 300], true),
        case("step_lstm_1024", Cell::Lstm, [1024, 1024], [1, 100], true),
        case("step_16_at_once", Cell::Lstm, [64, 128], [16, 300], true),
    ] {
        if name.as_ref().is_none_or(|name| case.name.contains(name.as_str())) {
            case.compare(path, precision);
        }
    }
}
