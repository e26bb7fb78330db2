//! Two models on the same random numbers.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sumun_formats::{Data, ElementType, Tensor, Tensors};

use super::apply;
use crate::model::{Input, Model};
use crate::{Error, Result};

/// Over this difference, two models are not the same: what rounding makes of other orders of sums stays below it.
pub const TOLERANCE: f64 = 1e-5;

/// The batches that are tried: sequences and steps. The steps are long enough for strides and dilations.
const BATCHES: [(usize, usize); 4] = [(1, 48), (3, 64), (2, 97), (5, 33)];

/// The largest difference between what two models return on random input, outputs and states, over several lengths and batch
/// sizes; relative where the value is above 1. Numbers come from U(−1, 1), ids from all that there are, both from `seed`.
/// Errors: models with other inputs, outputs or states, and a model that cannot be run.
pub fn largest_difference(one: &Model, other: &Model, seed: u64) -> Result<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut largest = 0.0_f64;
    for (sequences, steps) in BATCHES {
        let inputs = random(one, sequences, steps, &mut rng)?;
        let [a, b] = [one, other].map(|model| apply(model, &inputs, &Tensors::new()));
        largest = largest.max(difference(&a?, &b?)?);
    }
    Ok(largest)
}

/// Random arrays for all inputs of a model.
fn random(model: &Model, sequences: usize, steps: usize, rng: &mut ChaCha8Rng) -> Result<Tensors> {
    let mut tensors = Tensors::new();
    for (name, input) in &model.config().inputs {
        let mut numbers = |shape: Vec<usize>| {
            let count = shape.iter().product();
            Tensor::f32(shape, (0..count).map(|_| rng.random_range(-1.0..1.0)).collect())
        };
        let tensor = match *input {
            Input::Numbers { features } => numbers(vec![sequences, steps, features])?,
            Input::Row { features } => numbers(vec![sequences, features])?,
            Input::Ids { vocabulary } => {
                let ids = (0..sequences * steps).map(|_| rng.random_range(0..vocabulary as i64)).collect();
                Tensor::new(ElementType::I64, vec![sequences, steps], Data::I64(ids), "random input")?
            }
        };
        tensors.insert(name.clone(), tensor, "random input")?;
    }
    Ok(tensors)
}

/// The largest difference between arrays of the same names and shapes.
fn difference(one: &Tensors, other: &Tensors) -> Result<f64> {
    let mut largest = 0.0_f64;
    for (name, a) in one.iter() {
        let b = other.get(name).filter(|b| b.shape() == a.shape()).ok_or_else(|| {
            let found = other.get(name).map_or("none".into(), |b| format!("{:?}", b.shape()));
            Error::Shape {
                what: format!("{name} of the other model"),
                expected: format!("{:?}", a.shape()),
                found,
            }
        })?;
        for (a, b) in a.to_f32()?.into_iter().zip(b.to_f32()?) {
            let (a, b) = (f64::from(a), f64::from(b));
            largest = largest.max((a - b).abs() / a.abs().max(1.0));
        }
    }
    match one.len() == other.len() {
        true => Ok(largest),
        false => Err(Error::Invalid(format!(
            "one model returns {} arrays and the other {}",
            one.len(),
            other.len()
        ))),
    }
}
