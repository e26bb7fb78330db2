//! The adding problem (Hochreiter & Schmidhuber 1997): of many numbers two are marked, one in each half, and the answer is
//! their sum. Whoever remembers nothing answers 0 and is off by 1/6 in the mean of squares.

use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::nn::Initializer;

/// Numbers in −½ … ½ and marks, `[N, T, 2]`, and the sum of the two that are marked.
pub(crate) fn sums(samples: usize, steps: usize) -> Result<(Array3<f32>, Vec<f32>)> {
    let width = steps + 2;
    let drawn =
        Initializer::Uniform { bound: 0.5 }.values(&[samples, width], &mut ChaCha8Rng::seed_from_u64(42))?;
    let (mut x, mut sums) = (Array3::zeros((samples, steps, 2)), Vec::new());
    for (mut x, drawn) in x.outer_iter_mut().zip(drawn.chunks(width)) {
        let (numbers, places) = drawn.split_at(steps);
        x.column_mut(0).iter_mut().zip(numbers).for_each(|(x, number)| *x = *number);
        let half = steps / 2;
        let place = |drawn: f32| (((drawn + 0.5) * half as f32) as usize).min(half - 1);
        let marked = [place(places[0]), half + place(places[1])];
        marked.iter().for_each(|&t| x[[t, 1]] = 1.0);
        sums.push(marked.iter().map(|&t| numbers[t]).sum());
    }
    Ok((x, sums))
}
