//! Times of minGRU and minLSTM over long sequences: what a step's recurrence takes beside its products, and what a second
//! thread gains. `docs/kernels.md` has the figures and what they decide.
//!
//! ```text
//! cargo run --release -p sumun-kernels --example scan_over_time
//! ```

use std::time::Instant;

use sumun_kernels::linear::Packed;
use sumun_kernels::{
    Adjoint, Cache, Cell, Dims, Error, Gradients, InputGradient, Pass, Path, Prepared, Purpose, RowsMut,
    RowsRef, Scratch, StateMut, Steps, Weights, Write,
};
use sumun_testing::Random;

/// T: steps of each sequence.
const STEPS: usize = 10_000;
/// I: features of the input.
const INPUT: usize = 32;
/// The fastest of all runs in so many seconds is taken: on a busy machine, few runs have both cores to themselves.
const SECONDS: f64 = 1.0;

fn main() -> Result<(), Error> {
    println!("T = {STEPS}, I = {INPUT}, {}: milliseconds of the fastest run in {SECONDS} s", Path::best());
    println!("   cell  N    H | forward: product  1 thread  2 threads | backward: 1 thread  2 threads");
    for cell in [Cell::MinGru, Cell::MinLstm] {
        for sequences in [1, 2, 4] {
            for hidden in [32, 64, 128, 256] {
                let case = Case::new(cell, sequences, hidden)?;
                let product = on(1, || case.product())?;
                let [one, two] = [on(1, || case.passes())?, on(2, || case.passes())?];
                println!(
                    "{:>7} {sequences:>2} {hidden:>4} | {product:>16.2} {:>9.2} {:>10.2} | {:>18.2} {:>10.2}",
                    cell.name(),
                    one[0],
                    two[0],
                    one[1],
                    two[1]
                );
            }
        }
    }
    Ok(())
}

/// Runs in a pool of so many threads.
fn on<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("the system gives threads").install(run)
}

/// Milliseconds of the fastest of all runs in [`SECONDS`], for each of the times in seconds that `run` returns.
fn fastest<const K: usize>(mut run: impl FnMut() -> Result<[f64; K], Error>) -> Result<[f64; K], Error> {
    let (start, mut best) = (Instant::now(), [f64::INFINITY; K]);
    while start.elapsed().as_secs_f64() < SECONDS {
        for (best, seconds) in best.iter_mut().zip(run()?) {
            *best = best.min(1e3 * seconds);
        }
    }
    Ok(best)
}

struct Case {
    dims: Dims,
    steps: Steps,
    weight: Vec<f32>,
    bias: Vec<f32>,
    x: Vec<f32>,
}

impl Case {
    fn new(cell: Cell, sequences: usize, hidden: usize) -> Result<Self, Error> {
        let (dims, steps) = (Dims::new(cell, INPUT, hidden), Steps::uniform(STEPS, sequences)?);
        let mut random = Random::new(1);
        Ok(Self {
            weight: random.normals(dims.gate_rows() * INPUT, 0.2),
            bias: random.normals(dims.gate_rows(), 0.2),
            x: random.normals(steps.rows() * INPUT, 1.0),
            dims,
            steps,
        })
    }

    /// The product of all rows of the input with the weights of all gates.
    fn product(&self) -> Result<f64, Error> {
        let (rows, gates) = (self.steps.rows(), self.dims.gate_rows());
        let packed = Packed::new(Path::best(), INPUT, gates, &self.weight, InputGradient::Skip)?;
        let mut y = vec![0.0; rows * gates];
        let [product] = fastest(|| {
            let (start, to) = (Instant::now(), RowsMut::dense(&mut y, gates));
            packed.forward(rows, &self.bias, RowsRef::dense(&self.x, INPUT), to)?;
            Ok([start.elapsed().as_secs_f64()])
        })?;
        Ok(product)
    }

    /// A forward pass that keeps what backward needs, and a backward pass with all gradients.
    fn passes(&self) -> Result<[f64; 2], Error> {
        let Self { dims, steps, .. } = self;
        let (n, hidden) = (steps.sequences(), dims.hidden);
        let weights = Weights { input: &self.weight, bias_input: &self.bias, ..Weights::default() };
        let purpose = Purpose::Training(InputGradient::Needed);
        let prepared = Prepared::new(*dims, &weights, Path::best(), purpose)?;
        let x = RowsRef::dense(&self.x, INPUT);
        let (mut out, mut d_x) = (vec![0.0; steps.rows() * hidden], vec![0.0; self.x.len()]);
        let d_out = vec![0.5; out.len()];
        let (mut h, mut d_h) = (vec![0.0; n * hidden], vec![0.0; n * hidden]);
        let (mut d_w, mut d_b) = (vec![0.0; self.weight.len()], vec![0.0; self.bias.len()]);
        let (mut cache, mut scratch) = (Cache::default(), Scratch::default());
        fastest(|| {
            let start = Instant::now();
            let last = StateMut { hidden: &mut h, cell: &mut [] };
            let pass = Pass::new(*dims, steps, x, None, RowsMut::dense(&mut out, hidden), last)?;
            prepared.forward(pass, Some(&mut cache), &mut scratch)?;
            let forward = start.elapsed().as_secs_f64();

            let start = Instant::now();
            let into = Gradients { input: &mut d_w, bias_input: &mut d_b, ..Gradients::default() };
            let d_initial = StateMut { hidden: &mut d_h, cell: &mut [] };
            let adjoint = Adjoint::new(*dims, steps, x, None, RowsRef::dense(&out, hidden), d_initial, into)?
                .d_out(RowsRef::dense(&d_out, hidden))?
                .d_x(RowsMut::dense(&mut d_x, INPUT), Write::Overwrite)?;
            prepared.backward(adjoint, &mut cache)?;
            Ok([forward, start.elapsed().as_secs_f64()])
        })
    }
}
