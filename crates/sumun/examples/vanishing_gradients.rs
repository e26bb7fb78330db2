//! How gradients vanish on their way back through 100 steps of an RNN, a GRU and an LSTM, and how an LSTM whose forget
//! gates start open keeps them: printed, and drawn into `vanishing_gradients.svg` or the file that is named.
//!
//! ```text
//! cargo run --release -p sumun --example vanishing_gradients -- picture.svg
//! ```

use ndarray::{Array2, Array3};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::nn::{FirstWeights, Gru, GruConfig, Lstm, LstmConfig, Rnn, RnnConfig, Valid};
use sumun::noise::Noise;
use sumun::report::gradient_norms_picture;

const STEPS: usize = 100;

/// ‖dL/dh‖ 0, 1, 2 … steps before the end, for a loss that looks at the last step alone.
macro_rules! norms {
    ($layer:ident, $config:expr) => {{
        let mut layer = $layer::new($config, &mut ChaCha8Rng::seed_from_u64(0))?;
        let x = Array3::from_shape_fn((8, STEPS, 4), |(n, t, f)| ((n * 31 + t * 7 + f) as f32).sin());
        let noise = Noise { seed: 0, step: 0, layer: 0 };
        let (_, _, cache) = layer.forward_last_train(x.view(), Valid::All, None, noise)?;
        let d_last = Array2::from_elem((8, 32), 1.0);
        let (_, _, mut by_step) = layer.backward_by_step(cache, d_last.view(), None)?;
        by_step.remove(0).norms
    }};
}

fn main() -> Result<()> {
    let lines: [(&str, Vec<f64>); 4] = [
        ("RNN", norms!(Rnn, RnnConfig::new(4, 32))),
        ("GRU", norms!(Gru, GruConfig::new(4, 32))),
        ("LSTM", norms!(Lstm, LstmConfig::new(4, 32))),
        (
            "LSTM, Keras' first weights",
            norms!(Lstm, LstmConfig::new(4, 32).first_weights(FirstWeights::keras())),
        ),
    ];
    for (name, norms) in &lines {
        let at = [0, 10, 50, STEPS - 1].map(|distance| format!("{:.1e} at {distance}", norms[distance]));
        println!("{name}: {}", at.join(", "));
    }
    let file = std::env::args().nth(1).unwrap_or_else(|| "vanishing_gradients.svg".into());
    let picture = gradient_norms_picture(&lines.each_ref().map(|(name, norms)| (*name, &norms[..])));
    std::fs::write(&file, picture)
        .map_err(|error| sumun::Error::Invalid(format!("{file} cannot be written: {error}")))?;
    println!("drawn into {file}");
    Ok(())
}
