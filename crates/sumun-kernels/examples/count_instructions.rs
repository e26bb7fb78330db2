//! What `benches/instructions.py` counts the instructions of: one case of fixed numbers, done so many times.
//!
//! ```sh
//! cargo build --release --workspace --example count_instructions
//! target/release/examples/count_instructions                                              # names the cases
//! valgrind --tool=callgrind target/release/examples/count_instructions lstm_64_64 3       # one, three times
//! ```
//!
//! The first repetition grows the buffers, so the cost of one is the difference between two runs over that between
//! their repetitions: start-up and set-up drop out.

use std::process::ExitCode;

use sumun_kernels::{
    Adjoint, Cache, Cell, Dims, Error, Gradients, InputGradient, Machine, Pass, Path, Prepared, Purpose,
    RowsMut, RowsRef, Scratch, StateMut, Steps, Weights, Write,
};
use sumun_testing::Random;

/// One of each kind of work that the kernels do by different code.
const CASES: [Case; 6] = [
    // So narrow an input that the step takes it in itself, as a forecaster of one series has it.
    Case {
        name: "lstm_1_32",
        cell: Cell::Lstm,
        input: 1,
        hidden: 32,
        work: Work::Train(InputGradient::Skip, &[32; 20]),
    },
    Case {
        name: "lstm_64_64",
        cell: Cell::Lstm,
        input: 64,
        hidden: 64,
        work: Work::Train(InputGradient::Needed, &[16; 20]),
    },
    Case {
        name: "gru_64_128_ragged",
        cell: Cell::Gru,
        input: 64,
        hidden: 128,
        work: Work::Train(InputGradient::Needed, &RAGGED),
    },
    // Steps that are taken as a whole: two panels at once, and two pairs.
    Case { name: "step_lstm_1_16", cell: Cell::Lstm, input: 1, hidden: 16, work: Work::Stream(200) },
    Case { name: "step_gru_1_32", cell: Cell::Gru, input: 1, hidden: 32, work: Work::Stream(200) },
    Case { name: "step_lstm_64", cell: Cell::Lstm, input: 64, hidden: 64, work: Work::Stream(200) },
];

/// Batch sizes that leave remainders of every tile: 16 sequences, the shortest of one step and the longest of 20.
const RAGGED: [usize; 20] = [16, 15, 15, 13, 12, 12, 11, 9, 9, 8, 7, 7, 6, 5, 4, 3, 3, 2, 1, 1];

struct Case {
    name: &'static str,
    cell: Cell,
    input: usize,
    hidden: usize,
    work: Work,
}

enum Work {
    /// New weights packed, forward with a cache, backward, over steps of so many rows.
    Train(InputGradient, &'static [usize]),
    /// So many steps of a stream of one sequence.
    Stream(usize),
}

/// Weights, by rows of W, U and both biases.
type Parameters = [Vec<f32>; 4];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match output(&arguments) {
        Ok(lines) => {
            println!("{lines}");
            ExitCode::SUCCESS
        }
        Err(line) => {
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}

fn output(arguments: &[String]) -> Result<String, String> {
    let chosen = match arguments {
        [] => return Ok(CASES.map(|case| case.name).join("\n")),
        [name, repetitions] => CASES.iter().find(|case| case.name == name).zip(repetitions.parse().ok()),
        _ => None,
    };
    let (case, repetitions) =
        chosen.ok_or("give the name of a case and how often to run it, or nothing to list the cases")?;
    let path = Path::best();
    // The same blocks, and so the same counts, whatever the caches of the machine are.
    let machine = Machine::with_usual_caches(path);
    if path != Path::Avx2 {
        return Err(format!("the fastest path here is {}, not AVX2: run this under valgrind", path.name()));
    }
    // With several threads, counts would depend on who finds work first.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    pool.map_err(|error| format!("no pool of one thread: {error}"))?;
    let sum = case.run(machine, repetitions).map_err(|error| format!("{}: {error}", case.name))?;
    match sum.is_finite() {
        true => Ok(format!("{} {} times {repetitions}: the outputs sum to {sum}", path.name(), case.name)),
        false => Err(format!("{}: the outputs sum to {sum}, which is no number", case.name)),
    }
}

impl Case {
    /// Does the work so many times and returns the sum of the last outputs.
    fn run(&self, machine: Machine, repetitions: usize) -> Result<f32, Error> {
        let dims = Dims::new(self.cell, self.input, self.hidden);
        let mut random = Random::new(1);
        let rows = dims.gate_rows();
        let parameters: Parameters =
            [rows * self.input, rows * self.hidden, rows, rows].map(|len| random.normals(len, 0.1));
        match self.work {
            Work::Train(input_gradient, batch_sizes) => {
                let steps = Steps::new(batch_sizes.to_vec())?;
                train(dims, machine, input_gradient, &steps, &parameters, &mut random, repetitions)
            }
            Work::Stream(steps) => stream(dims, machine, steps, &parameters, &mut random, repetitions),
        }
    }
}

fn train(
    dims: Dims,
    machine: Machine,
    input_gradient: InputGradient,
    steps: &Steps,
    parameters: &Parameters,
    random: &mut Random,
    repetitions: usize,
) -> Result<f32, Error> {
    let (input, hidden) = (dims.input, dims.hidden);
    let (rows, n, cell_width) = (steps.rows(), steps.sequences(), dims.cell_width());
    let x = random.normals(rows * input, 1.0);
    let d_out = random.normals(rows * hidden, 1.0);
    let x = RowsRef::dense(&x, input);
    let (mut out, mut d_x) = (vec![0.0; rows * hidden], vec![0.0; rows * input]);
    let [mut h, mut d_h] = [(); 2].map(|()| vec![0.0; n * hidden]);
    let [mut c, mut d_c] = [(); 2].map(|()| vec![0.0; n * cell_width]);
    let mut gradients: Parameters = parameters.each_ref().map(|part| vec![0.0; part.len()]);
    let (mut cache, mut scratch) = (Cache::default(), Scratch::default());
    let purpose = Purpose::Training(input_gradient);
    let mut prepared = Prepared::new(dims, &weights(parameters), machine, purpose)?;

    for _ in 0..repetitions {
        prepared.update(&weights(parameters), purpose)?;
        let last = StateMut { hidden: &mut h, cell: &mut c };
        let to = RowsMut::dense(&mut out, hidden);
        let pass = Pass::new(dims, steps, x, None, to, last)?;
        prepared.forward(pass, Some(&mut cache), &mut scratch)?;
        let [w, u, bias_input, bias_hidden] = &mut gradients;
        let into = Gradients { input: w, hidden: u, bias_input, bias_hidden, ..Gradients::default() };
        let d_initial = StateMut { hidden: &mut d_h, cell: &mut d_c };
        let d_rows = (input_gradient == InputGradient::Needed).then(|| RowsMut::dense(&mut d_x, input));
        let adjoint = Adjoint::new(dims, steps, x, None, RowsRef::dense(&out, hidden), d_initial, into)?
            .d_out(RowsRef::dense(&d_out, hidden))?
            .d_x(d_rows, Write::Overwrite)?;
        prepared.backward(adjoint, &mut cache)?;
    }
    let gradients = gradients.iter().flatten();
    Ok(out.iter().chain(&d_x).chain(&h).chain(&c).chain(&d_h).chain(&d_c).chain(gradients).sum())
}

fn stream(
    dims: Dims,
    machine: Machine,
    steps: usize,
    parameters: &Parameters,
    random: &mut Random,
    repetitions: usize,
) -> Result<f32, Error> {
    let x: Vec<f32> = random.normals(dims.input, 1.0);
    let (mut h, mut c) = (vec![0.0; dims.hidden], vec![0.0; dims.cell_width()]);
    let mut scratch = Scratch::default();
    let prepared = Prepared::new(dims, &weights(parameters), machine, Purpose::Inference)?;
    for _ in 0..repetitions * steps {
        prepared.step(&x, StateMut { hidden: &mut h, cell: &mut c }, &mut scratch)?;
    }
    Ok(h.iter().chain(&c).sum())
}

fn weights(parameters: &Parameters) -> Weights<'_, f32> {
    let [input, hidden, bias_input, bias_hidden] = parameters;
    Weights { input, hidden, bias_input, bias_hidden, ..Weights::default() }
}
