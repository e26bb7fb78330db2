//! What the lessons state, line by line: a module for each of their tables and a test for each of its lines, named after it.
//! Each test begins with the line. The lessons' exercises are in `tests/lessons.rs`.

mod data_preparation;
mod golden_numbers;
mod layers;
mod parameter_counts;
mod shapes;

use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

/// Numbers in −1 … 1 that do not repeat from step to step.
fn numbers(shape: (usize, usize, usize)) -> Array3<f32> {
    let mut k = 0;
    Array3::from_shape_simple_fn(shape, || {
        k += 1;
        ((k * 31) % 97) as f32 / 48.0 - 1.0
    })
}
