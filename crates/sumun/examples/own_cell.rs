//! A cell that the library does not have, written by its user and trained as any layer: the minimal gated unit forecasts
//! the temperature of the Pacific.
//!
//! ```text
//! cargo run --release -p sumun --example own_cell
//! ```
//!
//! The minimal gated unit has one gate (Zhou, Wu, Zhang & Zhou, "Minimal gated unit for recurrent neural networks",
//! International Journal of Automation and Computing 13(3), 2016, eq. 5):
//!
//! ```text
//! f  = σ(W_f x + U_f h + b_f)
//! h̃  = tanh(W_h x + U_h (f ⊙ h) + b_h)
//! h' = (1 − f) ⊙ h + f ⊙ h̃
//! ```
//!
//! and so, with d for the gradient of h', and those of the arguments of σ and tanh
//!
//! ```text
//! d_h̃ = d ⊙ f ⊙ (1 − h̃²)
//! e   = U_hᵀ d_h̃                                  (the gradient of f ⊙ h)
//! d_f = (d ⊙ (h̃ − h) + e ⊙ h) ⊙ f ⊙ (1 − f)
//! d_h = d ⊙ (1 − f) + e ⊙ f + U_fᵀ d_f
//! ```

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::loss::{Loss, Targets};
use sumun::nn::{
    Activation, CellWeight, Custom, CustomCell, CustomConfig, Dense, DenseConfig, Initializer, InputGradient,
    Layer, Output, Step, StepAfter, StepGradients, check_step,
};
use sumun::noise::Noise;
use sumun::train::{Batches, Clip, Optimizer};
use sumun::{Error, Layout, Parameters, Result, Rows};

/// A minimal gated unit of so many units.
#[derive(Debug)]
struct MinimalGatedUnit {
    units: usize,
}

impl CustomCell for MinimalGatedUnit {
    fn hidden(&self) -> usize {
        self.units
    }

    /// f and h̃. The numbers that a step saves are its own to arrange: first f of all rows, then h̃.
    fn saved(&self, _input: usize) -> usize {
        2 * self.units
    }

    fn weights(&self, input: usize) -> Vec<CellWeight> {
        let (units, first) = (self.units, Initializer::pytorch(self.units));
        vec![
            CellWeight::new("weight_if", &[units, input], first),
            CellWeight::new("weight_hf", &[units, units], first),
            CellWeight::new("bias_f", &[units], first),
            CellWeight::new("weight_ih", &[units, input], first),
            CellWeight::new("weight_hh", &[units, units], first),
            CellWeight::new("bias_h", &[units], first),
        ]
    }

    fn step(&self, weights: &[&[f32]], at: Step<'_>, after: StepAfter<'_>) -> Result<()> {
        let [w_f, u_f, b_f, w_h, u_h, b_h] = weights else { return Err(six_weights()) };
        let size = at.sequences * self.units;
        let (f, new) = after.saved.split_at_mut(size);
        let mut from_h = vec![0.0; size];
        at.affine(w_f, b_f, at.x, f)?;
        at.affine(u_f, &[], at.hidden, &mut from_h)?;
        f.iter_mut().zip(&from_h).for_each(|(f, h)| *f += h);
        Activation::Sigmoid.forward(f);

        let kept: Vec<f32> = f.iter().zip(at.hidden).map(|(f, h)| f * h).collect();
        at.affine(w_h, b_h, at.x, new)?;
        at.affine(u_h, &[], &kept, &mut from_h)?;
        new.iter_mut().zip(&from_h).for_each(|(new, h)| *new += h);
        Activation::Tanh.forward(new);

        for k in 0..size {
            after.hidden[k] = (1.0 - f[k]) * at.hidden[k] + f[k] * new[k];
        }
        Ok(())
    }

    fn step_backward(
        &self,
        weights: &[&[f32]],
        at: Step<'_>,
        saved: &[f32],
        d: &[f32],
        _d_cell: &[f32],
        into: StepGradients<'_>,
    ) -> Result<()> {
        let [w_f, u_f, _, w_h, u_h, _] = weights else { return Err(six_weights()) };
        let [d_w_f, d_u_f, d_b_f, d_w_h, d_u_h, d_b_h] = into.weights else { return Err(six_weights()) };
        let size = at.sequences * self.units;
        let (f, new) = saved.split_at(size);
        let kept: Vec<f32> = f.iter().zip(at.hidden).map(|(f, h)| f * h).collect();

        let d_new: Vec<f32> = (0..size).map(|k| d[k] * f[k] * (1.0 - new[k] * new[k])).collect();
        let mut d_kept = vec![0.0; size];
        at.affine_backward(w_h, at.x, &d_new, into.x, d_w_h, d_b_h)?;
        at.affine_backward(u_h, &kept, &d_new, &mut d_kept, d_u_h, &mut [])?;

        let mut d_f = vec![0.0; size];
        for k in 0..size {
            d_f[k] = (d[k] * (new[k] - at.hidden[k]) + d_kept[k] * at.hidden[k]) * f[k] * (1.0 - f[k]);
            into.hidden[k] += d[k] * (1.0 - f[k]) + d_kept[k] * f[k];
        }
        at.affine_backward(w_f, at.x, &d_f, into.x, d_w_f, d_b_f)?;
        at.affine_backward(u_f, at.hidden, &d_f, into.hidden, d_u_f, &mut [])
    }
}

fn six_weights() -> Error {
    Error::Invalid("a minimal gated unit has six weights".into())
}

/// Months that a forecast sees.
const WINDOW: usize = 24;
/// The last months of the series, ten years: never trained on.
const TEST: usize = 120;

/// What the example found; errors are root mean squares in °C.
pub(crate) struct Outcome {
    /// Numbers that were trained.
    pub(crate) parameters: usize,
    /// Of the trained unit, on the months it never saw.
    pub(crate) error: f64,
    /// Of "as last month".
    pub(crate) as_last_month: f64,
    /// Of "as a year ago".
    pub(crate) as_last_year: f64,
}

/// Monthly sea surface temperatures in the eastern tropical Pacific, °C.
fn temperatures() -> Result<Vec<f32>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/elnino.csv");
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let number = |line: &str| line.split(',').nth(1).and_then(|value| value.trim().parse().ok());
    let values = text.lines().skip(1).map(|line| {
        number(line).ok_or_else(|| Error::Data(format!("{path}: no number in the second column of {line:?}")))
    });
    values.collect()
}

/// Trains on all but the last ten years to forecast the next month from the 24 before it.
pub(crate) fn run() -> Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let series = temperatures()?;
    let months = series.len();
    let known = &series[..months - TEST];
    let mean = known.iter().sum::<f32>() / known.len() as f32;
    let deviation = (known.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / known.len() as f32).sqrt();
    let scaled: Vec<f32> = series.iter().map(|v| (v - mean) / deviation).collect();
    // Windows [N, 24, 1] that end before these months.
    let windows = |targets: &[usize]| {
        let values: Vec<f32> = targets.iter().flat_map(|&t| &scaled[t - WINDOW..t]).copied().collect();
        Rows::pack(&values, 1, Layout::full(targets.len(), WINDOW)?)
    };

    // Two layers of the unit, and a linear map from the last hidden state.
    let mut parameters = Parameters::new();
    let unit = MinimalGatedUnit { units: 16 };
    check_step(&unit, 1, &mut rng)?;
    let config = CustomConfig { layers: 2, output: Output::Last, ..CustomConfig::new(1) };
    let unit = Custom::new(unit, config, &mut parameters, "unit", &mut rng)?;
    let head = Dense::new(DenseConfig::new(unit.output_features(), 1), &mut parameters, "head", &mut rng)?;

    let train: Vec<usize> = (WINDOW..months - TEST).collect();
    let batches = Batches::new(train.len(), 32, 7)?;
    let loss: Loss = "mse".parse()?;
    let mut optimizer = Optimizer::new("adam".parse()?, &parameters)?;
    for epoch in 0..60 {
        let mut sum = 0.0;
        for which in batches.order(epoch).chunks(batches.size()) {
            let targets: Vec<usize> = which.iter().map(|&k| train[k]).collect();
            let next: Vec<f32> = targets.iter().map(|&t| scaled[t]).collect();
            let noise = Noise { seed: 7, step: optimizer.steps(), layer: 0 };
            let (state, of_unit) = unit.forward_train(&parameters, windows(&targets)?, noise)?;
            let (forecast, of_head) = head.forward_train(&parameters, state, noise.for_layer(1))?;
            let mut d = vec![0.0; next.len()];
            sum += next.len() as f64
                * loss.value_and_gradient(&forecast.data, Targets::Values(&next), Some(&mut d))?;
            parameters.zero_gradients();
            let d = Rows::new(d, 1, forecast.layout.clone())?;
            if let Some(d) = head.backward(&mut parameters, of_head, d, InputGradient::Needed)? {
                unit.backward(&mut parameters, of_unit, d, InputGradient::Skip)?;
            }
            let clipped = Clip::GlobalNorm { max: 1.0 }.apply(&mut parameters)?;
            optimizer.step(&mut parameters, 0.005, clipped.gradient_scale)?;
        }
        if (epoch + 1) % 10 == 0 {
            println!("epoch {:>3}: loss {:.4}", epoch + 1, sum / train.len() as f64);
        }
    }

    let test: Vec<usize> = (months - TEST..months).collect();
    let forecast = head.forward(&parameters, unit.forward(&parameters, windows(&test)?)?)?;
    let rms = |forecast: &dyn Fn(usize) -> f32| {
        let square = |&t: &usize| f64::from(forecast(t) - series[t]).powi(2);
        (test.iter().map(square).sum::<f64>() / TEST as f64).sqrt()
    };
    Ok(Outcome {
        parameters: parameters.len(),
        error: rms(&|t| forecast.data[t - test[0]] * deviation + mean),
        as_last_month: rms(&|t| series[t - 1]),
        as_last_year: rms(&|t| series[t - 12]),
    })
}

#[allow(dead_code, reason = "the test that shares this file calls run alone")]
fn main() -> Result<()> {
    let found = run()?;
    println!("{} parameters; the ten years that it never saw:", found.parameters);
    println!("minimal gated unit {:.3} °C", found.error);
    println!("as last month      {:.3} °C", found.as_last_month);
    println!("as a year ago      {:.3} °C", found.as_last_year);
    Ok(())
}
