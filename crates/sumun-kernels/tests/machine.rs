//! Blocks are sized by the caches of a machine; no bit depends on them.

mod problem;

use problem::{Problem, Results, dims, fused, fused_paths, on_threads};
use sumun_kernels::linear::{LinearDims, Packed, backward_weight};
use sumun_kernels::{Cell, Dims, InputGradient, Machine, Path, RowsMut, RowsRef};
use sumun_testing::Random;

/// The path with caches from far too small to far too large, those that are usual, and those that there are.
fn machines(path: Path) -> Vec<Machine> {
    let usual = Machine::with_usual_caches(path);
    let with = |l1: usize, l2: usize| Machine { l1: l1 << 10, l2: l2 << 10, ..usual };
    vec![usual, with(16, 64), with(32, 256), with(64, 32 << 10), with(0, 0), path.into()]
}

fn paths() -> impl Iterator<Item = Path> {
    fused_paths().chain([Path::Reference])
}

/// Runs on every machine of every path, on one thread and on three.
fn check<T: PartialEq + Send>(what: &str, run: impl Fn(Machine) -> T + Sync) {
    for path in paths() {
        let expected = on_threads(1, || run(machines(path)[0]));
        for machine in machines(path) {
            for threads in [1, 3] {
                let found = on_threads(threads, || run(machine));
                assert!(found == expected, "{what} on {threads} threads: {machine:?}");
            }
        }
    }
}

fn bits(Results(parts): Results) -> Vec<(&'static str, Vec<u32>)> {
    parts.into_iter().map(|(name, values)| (name, values.iter().map(|v| v.to_bits()).collect())).collect()
}

/// Every cell, over several chunks of steps where L2 is small, and over groups of output rows in the weight gradients.
#[test]
fn recurrences_have_the_same_bits_on_every_machine() {
    for cell in fused() {
        let dims = dims(cell, 37, 45, 7);
        let problem = Problem::new(dims, &[[9; 30].as_slice(), &[4; 10]].concat(), true, true, 3);
        check(&format!("{dims:?}"), |machine| bits(problem.run(machine)));
    }
}

/// Weights that fill a small L2: whether a step's units or the sequences are divided among threads depends on it.
#[test]
fn recurrences_with_large_weights_have_the_same_bits_on_every_machine() {
    for (cell, sequences) in [(Cell::Lstm, 8), (Cell::Gru, 15)] {
        let problem = Problem::new(Dims::new(cell, 70, 160), &[sequences; 12], true, true, 5);
        check(&format!("{cell:?}"), |machine| bits(problem.run(machine)));
    }
}

/// Products whose depth is taken in pieces where L2 is small, and their gradients.
#[test]
fn products_have_the_same_bits_on_every_machine() {
    for (rows, input, output) in [(30, 2100, 70), (150, 90, 300), (5, 70, 2500)] {
        let mut random = Random::new(9);
        let mut numbers = |count| -> Vec<f32> { random.normals(count, 1.0) };
        let (w, bias, x) = (numbers(output * input), numbers(output), numbers(rows * input));
        let (d_y, sums) = (numbers(rows * output), numbers(output * input));
        check(&format!("{rows} rows of {input} to {output}"), |machine| {
            let packed = Packed::new(machine, input, output, &w, InputGradient::Needed).unwrap();
            let (mut y, mut d_x) = (vec![0.0; rows * output], vec![0.0; rows * input]);
            let (x, d_y) = (RowsRef::dense(&x, input), RowsRef::dense(&d_y, output));
            packed.forward(rows, &bias, x, RowsMut::dense(&mut y, output)).unwrap();
            packed.backward_input(rows, d_y, RowsMut::dense(&mut d_x, input)).unwrap();
            let (mut d_w, mut d_b) = (sums.clone(), bias.clone());
            let dims = LinearDims { rows, input, output };
            backward_weight(machine, dims, x, d_y, &mut d_w, &mut d_b).unwrap();
            [y, d_x, d_w, d_b].map(|values| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>())
        });
    }
}
