//! The training loop that the exercises share.

use ndarray::{Array2, Array3, Axis};
use sumun::loss::{Loss, Targets};
use sumun::model::{Batch, Model};
use sumun::noise::Noise;
use sumun::train::{Batches, Clip, Optimizer};
use sumun::{Ids, Result, Rows};

/// What a model reads: ids `[N, T]` or numbers `[N, T, F]`.
pub(crate) enum Inputs {
    Ids(Array2<u32>),
    Numbers(Array3<f32>),
}

/// What it should answer: a number for each sequence, or a class for each sequence (`[N, 1]`) or step (`[N, T]`).
pub(crate) enum Predictions {
    Values(Vec<f32>),
    Classes(Array2<u32>),
}

/// Points of a picture: values at x = `start`, `start` + 1, …
pub(crate) fn at_steps(start: usize, values: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    values.iter().enumerate().map(move |(i, &y)| ((start + i) as f64, y))
}

/// How it is trained: in batches that are dealt anew every epoch.
pub(crate) struct Recipe {
    pub(crate) loss: &'static str,
    pub(crate) optimizer: &'static str,
    pub(crate) rate: f64,
    pub(crate) epochs: usize,
    pub(crate) batch: usize,
    pub(crate) clip: Clip,
    /// The loss is printed after so many epochs.
    pub(crate) print_every: usize,
}

impl Inputs {
    pub(crate) fn batch(&self) -> Batch<'_> {
        match self {
            Self::Ids(ids) => Batch::ids(ids.view()),
            Self::Numbers(x) => Batch::numbers(x.view()),
        }
    }

    pub(crate) fn select(&self, which: &[usize]) -> Self {
        match self {
            Self::Ids(ids) => Self::Ids(ids.select(Axis(0), which)),
            Self::Numbers(x) => Self::Numbers(x.select(Axis(0), which)),
        }
    }
}

/// What happened in one step of training.
pub(crate) struct Step {
    pub(crate) loss: f64,
    /// The norm of all gradients, before and after clipping.
    pub(crate) norm: f64,
    pub(crate) clipped_norm: f64,
}

/// One step of training on the examples `which`.
pub(crate) fn step(
    model: &mut Model,
    optimizer: &mut Optimizer,
    recipe: &Recipe,
    (inputs, answers): (&Inputs, &Predictions),
    which: &[usize],
) -> Result<Step> {
    let loss: Loss = recipe.loss.parse()?;
    let inputs = inputs.select(which);
    let noise = Noise { seed: 7, step: optimizer.steps(), layer: 0 };
    let (out, cache) = model.forward_train(inputs.batch(), noise)?;
    let mut gradient = vec![0.0; out.data.len()];
    let value = match answers {
        Predictions::Values(values) => {
            let values: Vec<f32> = which.iter().map(|&n| values[n]).collect();
            let targets = Rows::pack(&values, 1, out.layout.clone())?;
            loss.value_and_gradient(&out.data, Targets::Values(&targets.data), Some(&mut gradient))?
        }
        Predictions::Classes(classes) => {
            let classes: Vec<u32> = classes.select(Axis(0), which).iter().copied().collect();
            let targets = Ids::pack(&classes, out.layout.clone())?;
            loss.value_and_gradient(&out.data, Targets::Classes(&targets.data), Some(&mut gradient))?
        }
    };
    model.parameters_mut().zero_gradients();
    model.backward(cache, Rows::new(gradient, out.features, out.layout.clone())?)?;
    let clipped = recipe.clip.apply(model.parameters_mut())?;
    optimizer.step(model.parameters_mut(), recipe.rate, clipped.gradient_scale)?;
    let clipped_norm = clipped.norm * f64::from(clipped.gradient_scale);
    Ok(Step { loss: value, norm: clipped.norm, clipped_norm })
}

/// Trains a model; returns the mean loss of every epoch.
pub(crate) fn train(
    model: &mut Model,
    recipe: &Recipe,
    inputs: &Inputs,
    answers: &Predictions,
) -> Result<Vec<f64>> {
    let count = inputs.batch().sequences();
    let batches = Batches::new(count, recipe.batch, 42)?;
    let mut optimizer = Optimizer::new(recipe.optimizer.parse()?, model.parameters())?;
    let mut losses = Vec::new();
    for epoch in 0..recipe.epochs {
        let mut sum = 0.0;
        for which in batches.order(epoch).chunks(batches.size()) {
            sum += step(model, &mut optimizer, recipe, (inputs, answers), which)?.loss * which.len() as f64;
        }
        losses.push(sum / count as f64);
        if (epoch + 1) % recipe.print_every == 0 {
            println!("epoch {:>3}: loss {:.6}", epoch + 1, losses[epoch]);
        }
    }
    Ok(losses)
}

/// A model's answers in the caller's order, `[N, F]` or `[N, T, F]` row by row.
pub(crate) fn predict(model: &Model, inputs: &Inputs) -> Result<Vec<f32>> {
    Ok(model.forward(inputs.batch())?.unpack())
}

/// The class of the largest logit in every row of `classes` logits.
pub(crate) fn most_likely(logits: &[f32], classes: usize) -> Vec<u32> {
    let largest = |row: &[f32]| (0..classes).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0) as u32;
    logits.chunks(classes).map(largest).collect()
}

/// The mean of the squared differences.
pub(crate) fn mean_squared_error(predicted: &[f32], actual: &[f32]) -> f64 {
    let squares = predicted.iter().zip(actual).map(|(p, a)| f64::from(p - a).powi(2));
    squares.sum::<f64>() / actual.len() as f64
}

/// The share of answers that are right.
pub(crate) fn accuracy<'a>(predicted: &[u32], actual: impl IntoIterator<Item = &'a u32>) -> f64 {
    let right = predicted.iter().zip(actual).filter(|(p, a)| p == a).count();
    right as f64 / predicted.len() as f64
}
