//! Two models on the same random numbers.

use std::collections::HashMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sumun_formats::{Data, ElementType, Tensor, Tensors};

use super::apply;
use crate::layer::Signal;
use crate::model::{Input, Model};
use crate::nn::{CombineLayer, Conv1dLayer, UnflattenLayer};
use crate::{Error, Result};

/// Over this difference, two models are not the same: what rounding makes of other orders of sums stays below it.
pub const TOLERANCE: f64 = 1e-5;

/// The batches that are tried: sequences and steps. The steps are long enough for strides and dilations.
const BATCHES: [(usize, usize); 4] = [(1, 48), (3, 64), (2, 97), (5, 33)];

/// The largest difference between what two models return on random input, outputs and states, over several lengths and batch
/// sizes; relative where the value is above 1. Outputs are compared in their order, states where both models have them by the
/// same name: another program may have one layer where there are two. Numbers come from U(−1, 1), ids from all that there are,
/// both from `seed`. Errors: models with other inputs or outputs, and a model that cannot be run.
pub fn largest_difference(one: &Model, other: &Model, seed: u64) -> Result<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut largest = 0.0_f64;
    for (sequences, steps) in BATCHES {
        let inputs = random(one, sequences, steps, &mut rng)?;
        let [a, b] = [one, other].map(|model| apply(model, &inputs, &Tensors::new()));
        let outputs = [one, other].map(|model| model.output_names().count());
        largest = largest.max(difference(&a?, &b?, outputs)?);
    }
    Ok(largest)
}

/// Random arrays for all inputs of a model.
fn random(model: &Model, sequences: usize, steps: usize, rng: &mut ChaCha8Rng) -> Result<Tensors> {
    let mut tensors = Tensors::new();
    let known = known_lengths(model);
    for (name, input) in &model.config().inputs {
        let steps = known.get(name).copied().unwrap_or(steps);
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

/// The steps of inputs that are combined with a row laid out in so many steps, by their names.
fn known_lengths(model: &Model) -> HashMap<String, usize> {
    // Of every input and layer with steps: which inputs have as many, and how many that are, where it is known.
    let mut steps: HashMap<String, (Vec<String>, Option<usize>)> = HashMap::new();
    for (name, input) in &model.config().inputs {
        if !matches!(input, Input::Row { .. }) {
            steps.insert(name.clone(), (vec![name.clone()], None));
        }
    }
    let mut known = HashMap::new();
    for (layer, wired) in model.config().layers.iter().zip(model.wiring()) {
        if let Some(layer) = layer.get::<UnflattenLayer>() {
            steps.insert(wired.name, (Vec::new(), Some(layer.steps)));
            continue;
        }
        if !matches!(wired.output, Signal::Steps(_)) || layer.get::<Conv1dLayer>().is_some() {
            continue;
        }
        let read: Vec<_> = wired.reads.iter().filter_map(|(name, _)| steps.get(name)).collect();
        let inputs: Vec<String> = read.iter().flat_map(|(inputs, _)| inputs.clone()).collect();
        let count = read.iter().find_map(|(_, count)| *count);
        if let (Some(count), Some(_)) = (count, layer.get::<CombineLayer>()) {
            known.extend(inputs.iter().map(|input| (input.clone(), count)));
        }
        steps.insert(wired.name, (inputs, count));
    }
    known
}

/// The largest difference between the outputs, which come first in both, and between states of one name and shape: a stack that is
/// read back layer by layer has others.
fn difference(one: &Tensors, other: &Tensors, [outputs, found]: [usize; 2]) -> Result<f64> {
    if outputs != found {
        return Err(Error::Invalid(format!("one model has {outputs} outputs and the other {found}")));
    }
    let mut largest = 0.0_f64;
    for (place, (name, a)) in one.iter().enumerate() {
        let b = if place < outputs { other.iter().nth(place).map(|(_, b)| b) } else { other.get(name) };
        let Some(b) = b else { continue };
        // One row a sequence may be laid out in steps by what reads the output, as a graph's interface does.
        let count = |shape: &[usize]| (shape.first().copied(), shape.iter().product::<usize>());
        if count(a.shape()) != count(b.shape()) {
            if place >= outputs {
                continue;
            }
            let (expected, found) = (format!("{:?}", a.shape()), format!("{:?}", b.shape()));
            return Err(Error::Shape { what: format!("{name} of the other model"), expected, found });
        }
        for (a, b) in a.to_f32()?.into_iter().zip(b.to_f32()?) {
            let (a, b) = (f64::from(a), f64::from(b));
            largest = largest.max((a - b).abs() / a.abs().max(1.0));
        }
    }
    Ok(largest)
}
