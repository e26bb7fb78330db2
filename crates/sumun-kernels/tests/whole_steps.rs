//! Steps of one sequence of few units, which are taken as a whole, beside the same steps taken otherwise.

#[allow(dead_code, reason = "each test uses its part")]
mod problem;

use problem::{Problem, dims, fused, fused_paths};
use sumun_kernels::{Prepared, Purpose, Scratch, StateMut};

const STEPS: usize = 6;

/// Bits, of which those of what is no number do not count.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| if v.is_nan() { f32::NAN } else { *v }.to_bits()).collect()
}

/// Both orders of panels, every remainder of every vector, inputs of any width, and numbers at the ends of their range.
#[test]
fn a_whole_step_has_the_bits_of_a_step_of_many() {
    let inputs = [1, 2, 3, 7, 16, 33, 65, 150];
    for cell in fused() {
        for hidden in (1..=70).chain([80, 97, 130]) {
            for (which, bias) in [(hidden, true), (hidden + 3, false)] {
                let dims = dims(cell, inputs[which % inputs.len()], hidden, hidden as u64);
                let mut problem = Problem::new(dims, &[1; STEPS], bias, true, hidden as u64);
                let ends = [-0.0, 1e-42, 3e38, f32::INFINITY, f32::NAN];
                for (at, end) in ends.into_iter().enumerate() {
                    problem.x[(STEPS - 2) * dims.input + at % dims.input] = end;
                }
                for path in fused_paths() {
                    compare(
                        &problem,
                        &Prepared::new(dims, &problem.weights(), path, Purpose::Inference).unwrap(),
                    );
                }
            }
        }
    }
}

/// A pass over one sequence without a cache takes whole steps where its input is narrow; with a cache it does not, and
/// [`Problem::run`] compares the two.
#[test]
fn a_pass_in_whole_steps_has_the_bits_of_a_pass_that_keeps_its_gates() {
    for cell in fused() {
        for hidden in (1..=66).chain([97, 130]) {
            for input in [1, 8, 9, 32, 33] {
                let dims = dims(cell, input, hidden, hidden as u64);
                let problem = Problem::new(dims, &[1; STEPS], true, hidden % 2 == 0, input as u64);
                fused_paths().for_each(|path| drop(problem.run(path)));
            }
        }
    }
}

fn compare(problem: &Problem, prepared: &Prepared) {
    let dims = problem.dims;
    let [mut h, mut c] = problem.initial.clone().unwrap();
    let twice = |values: &[f32]| [values, values].concat();
    let (mut h_of_two, mut c_of_two) = (twice(&h), twice(&c));
    let [mut scratch, mut scratch_of_two] = [(); 2].map(|()| Scratch::default());
    for (t, x) in problem.x.chunks_exact(dims.input).enumerate() {
        prepared.step(x, StateMut { hidden: &mut h, cell: &mut c }, &mut scratch).unwrap();
        let state = StateMut { hidden: &mut h_of_two, cell: &mut c_of_two };
        prepared.step(&twice(x), state, &mut scratch_of_two).unwrap();
        let what = format!("{}, {dims:?}, step {t}", prepared.path());
        assert_eq!(bits(&twice(&h)), bits(&h_of_two), "{what}: h");
        assert_eq!(bits(&twice(&c)), bits(&c_of_two), "{what}: the state beside h");
    }
}

/// A call of other lengths is refused with the state as it was, as a step of many is.
#[test]
fn other_lengths_are_refused() {
    for cell in fused() {
        let dims = dims(cell, 2, 5, 1);
        let problem = Problem::new(dims, &[1], true, true, 1);
        let [h, c] = problem.initial.clone().unwrap();
        for path in fused_paths() {
            let prepared = Prepared::new(dims, &problem.weights(), path, Purpose::Inference).unwrap();
            let refused = |x: &[f32], h: &mut [f32], c: &mut [f32]| {
                let before = (h.to_vec(), c.to_vec());
                let state = StateMut { hidden: &mut *h, cell: &mut *c };
                let error = prepared.step(x, state, &mut Scratch::default()).unwrap_err().to_string();
                assert_eq!((h.to_vec(), c.to_vec()), before);
                error
            };
            let short = refused(&[0.5], &mut h.clone(), &mut c.clone());
            assert_eq!(short, "x: expected 2 values, found 1", "{path}, {dims:?}");
            let long = refused(&[0.5; 2], &mut h.clone(), &mut [0.0; 77]);
            assert!(long.starts_with("state.cell: expected "), "{path}, {dims:?}: {long}");
        }
    }
}
