//! Lesson 3, exercise 1: the shapes of RNN(5, 16, 2) on (8, 20, 5), in one direction and in two.

use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::nn::{Rnn, RnnConfig, Valid};

pub(crate) struct Outcome {
    /// Shapes of output and h_n, in one direction and in two.
    pub(crate) shapes: [[Vec<usize>; 2]; 2],
}

pub(crate) fn run() -> Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let x = Array3::from_shape_fn((8, 20, 5), |(n, t, f)| ((n + 3 * t + 7 * f) as f32).sin());
    let mut shapes = [const { [Vec::new(), Vec::new()] }; 2];
    for (both, found) in [false, true].into_iter().zip(&mut shapes) {
        let rnn = Rnn::new(RnnConfig::new(5, 16).layers(2).bidirectional(both), &mut rng)?;
        let (output, last) = rnn.forward(x.view(), Valid::All, None)?;
        *found = [output.shape().to_vec(), last.hidden.shape().to_vec()];
        println!("bidirectional {both}: output {:?}, h_n {:?}", found[0], found[1]);
    }
    Ok(Outcome { shapes })
}
