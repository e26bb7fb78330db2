//! Lesson 2, exercise 9: an LSTM forecasts a noisy sine.
//!
//! 500 points on 0 … 20π with noise of .1, windows of 20, the first 384 for training and the last 96 for the test.
//! LSTM(1 → 32) and a linear layer, MSE, Adam at .01, 30 epochs in batches of 32.
//!
//! The lesson fits its scaler on all 500 points before it splits them, so that the test part has a say in how the
//! training part is scaled. Here the scaler sees the training part alone. With this noise both extremes lie in the training
//! part, and the two scalers agree, which is luck. Of a sine whose swing doubles they do not: `leak` shows it in numbers.

use ndarray::{Array1, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::data::{Role, ScaleKind, Scaler, sliding_windows};
use sumun::model::{Input, Model};
use sumun::nn::Initializer;
use sumun::report::Picture;
use sumun::train::Clip;

use super::training::{Inputs, Predictions, Recipe, at_steps, mean_squared_error, predict, train};

const WINDOW: usize = 20;
const TRAIN: usize = 384;

pub(crate) struct Outcome {
    pub(crate) shapes: [Vec<usize>; 2],
    pub(crate) parameters: usize,
    /// Mean squared errors of the test part, in scaled units: of the model, and of saying the last value again.
    pub(crate) test_mse: f64,
    pub(crate) repeated_mse: f64,
    /// What the noise alone costs whoever knows the sine, in scaled units.
    pub(crate) noise_mse: f64,
    pub(crate) scaler: Scaler,
    /// The scaler that the lesson fits.
    pub(crate) leaky_scaler: Scaler,
    /// What the leak does to a sine whose swing grows.
    pub(crate) leak: Leak,
    pub(crate) picture: Picture,
}

/// A sine whose swing doubles, scaled to 0 … 1 by the training part alone, and by all of it as in the lesson.
pub(crate) struct Leak {
    /// The largest scaled value of the test part.
    pub(crate) largest: [f64; 2],
    /// The test MSE in scaled units of saying the last value again, which is the same forecast both times.
    pub(crate) repeated_mse: [f64; 2],
}

fn leak(x: &Array1<f64>, noise: &[f32]) -> Result<Leak> {
    let end = x[x.len() - 1];
    let swing = |x: f64, e: f32| (1.0 + x / end) * x.sin() + f64::from(e);
    let series: Vec<f64> = x.iter().zip(noise).map(|(&x, &e)| swing(x, e)).collect();
    let mut found = Leak { largest: [0.0; 2], repeated_mse: [0.0; 2] };
    for (k, seen) in [&series[..WINDOW + TRAIN], &series].into_iter().enumerate() {
        let scaled = Scaler::fit(ScaleKind::Minmax, "sine", seen, Role::Target)?.transform_all(&series);
        let test = &scaled[WINDOW + TRAIN..];
        let before = &scaled[WINDOW + TRAIN - 1..scaled.len() - 1];
        found.largest[k] = test.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        found.repeated_mse[k] =
            test.iter().zip(before).map(|(now, then)| (now - then).powi(2)).sum::<f64>() / test.len() as f64;
    }
    let [honest, leaky] = found.repeated_mse;
    println!(
        "a swing that doubles: scaled by the training part the test part reaches {:.2}, by everything {:.2}, as if its \
         largest value had been known; the same forecasts then have an MSE of {leaky:.6} instead of {honest:.6}, {:.0} % less",
        found.largest[0],
        found.largest[1],
        100.0 * (1.0 - leaky / honest)
    );
    Ok(found)
}

pub(crate) fn run() -> Result<Outcome> {
    let noise = Initializer::Normal { std: 0.1 }.values(&[500], &mut ChaCha8Rng::seed_from_u64(42))?;
    let x = Array1::linspace(0.0, 20.0 * std::f64::consts::PI, 500);
    let series: Vec<f64> = x.iter().zip(&noise).map(|(x, &e)| x.sin() + f64::from(e)).collect();

    // The last target of the training part is value number WINDOW + TRAIN.
    let scaler = Scaler::fit(ScaleKind::Minmax, "sine", &series[..WINDOW + TRAIN], Role::Target)?;
    let leaky_scaler = Scaler::fit(ScaleKind::Minmax, "sine", &series, Role::Target)?;
    println!(
        "scaled by {scaler:?}, fitted on the training part; the lesson's, on everything: {leaky_scaler:?}"
    );

    let (windows, next) = sliding_windows(&scaler.transform_all(&series), WINDOW)?;
    let windows = windows.mapv(|v| v as f32).insert_axis(Axis(2));
    let next: Vec<f32> = next.iter().map(|&v| v as f32).collect();
    let (train_x, test_x) = windows.view().split_at(Axis(0), TRAIN);
    let shapes = [train_x.shape().to_vec(), test_x.shape().to_vec()];
    println!("training {:?}, test {:?}", shapes[0], shapes[1]);

    let mut model = Model::builder(Input::numbers(1)).lstm(32).dense(1).build(42)?;
    println!("{model}");
    let recipe = Recipe {
        loss: "mse",
        optimizer: "adam",
        rate: 0.01,
        epochs: 30,
        batch: 32,
        clip: Clip::None,
        print_every: 5,
    };
    train(
        &mut model,
        &recipe,
        &Inputs::Numbers(train_x.to_owned()),
        &Predictions::Values(next[..TRAIN].to_vec()),
    )?;

    let predicted = predict(&model, &Inputs::Numbers(windows.clone()))?;
    let test_mse = mean_squared_error(&predicted[TRAIN..], &next[TRAIN..]);
    let repeated: Vec<f32> = test_x.index_axis(Axis(1), WINDOW - 1).iter().copied().collect();
    let repeated_mse = mean_squared_error(&repeated, &next[TRAIN..]);
    let noise_mse = (0.1 / scaler.scale).powi(2);
    println!(
        "test MSE {test_mse:.6}; the last value again {repeated_mse:.6}; the noise alone {noise_mse:.6}"
    );

    let leak = leak(&x, &noise)?;

    let predicted: Vec<f64> = predicted.iter().map(|&v| f64::from(v)).collect();
    let picture = Picture::new("A noisy sine and its forecasts", "step", "value")
        .whole()
        .line("actual", at_steps(0, &series))
        .dashed("predicted", at_steps(WINDOW, &scaler.inverse_all(&predicted)))
        .mark((TRAIN + WINDOW) as f64, "the test begins");
    let parameters = model.parameters().len();
    Ok(Outcome { shapes, parameters, test_mse, repeated_mse, noise_mse, scaler, leaky_scaler, leak, picture })
}
