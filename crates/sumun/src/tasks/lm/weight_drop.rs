//! Recurrent weights that are left out in training (Wan et al., *Regularization of Neural Networks using DropConnect*, 2013; Merity,
//! Keskar & Socher, *Regularizing and Optimizing LSTM Language Models*, 2018).
//!
//! It is the weights that are masked, not what is computed with them: one mask holds for all steps and sequences of a chunk, so that
//! every cell runs as fast as without. The model that is validated and kept has all weights.

use crate::message::key;
use crate::noise::Noise;
use crate::parameters::Id;
use crate::{Error, Parameters, Result};

/// The name of the weights between steps, in front of their layer and direction.
const RECURRENT: &str = "weight_hh";

/// Weights that are dropped in training.
#[derive(Debug)]
pub(super) struct WeightDrop {
    share: f32,
    weights: Vec<Id>,
}

/// The weights as they were, and what their gradients are multiplied by.
#[derive(Debug)]
pub(super) struct Dropped {
    values: Vec<Vec<f32>>,
    factors: Vec<Vec<f32>>,
}

impl WeightDrop {
    /// Drops a share of all recurrent weights; None where it is 0. Error: there are no such weights.
    pub(super) fn new(share: f64, parameters: &Parameters) -> Result<Option<Self>> {
        if share == 0.0 {
            return Ok(None);
        }
        let names = parameters.entries().iter().map(|entry| entry.name.as_str());
        let recurrent =
            names.filter(|name| name.rsplit('.').next().is_some_and(|last| last.starts_with(RECURRENT)));
        let weights: Vec<Id> = recurrent.filter_map(|name| parameters.find(name)).collect();
        if weights.is_empty() {
            let problem = " drops weights between steps, but the network has none; leave it out";
            return Err(Error::Settings(key("weight_drop").to(share) + problem));
        }
        Ok(Some(Self { share: share as f32, weights }))
    }

    /// Leaves weights out, and makes up for it by those that are left.
    pub(super) fn drop(&self, parameters: &mut Parameters, noise: Noise) -> Dropped {
        let (mut values, mut factors) = (Vec::new(), Vec::new());
        for (place, &id) in self.weights.iter().enumerate() {
            let weights = parameters.value_mut(id);
            values.push(weights.to_vec());
            let mut mask = vec![0.0; weights.len()];
            // No layer of a model has this number.
            noise.for_layer(u32::MAX).fill_uniform(place, 0, &mut mask);
            for (factor, weight) in mask.iter_mut().zip(weights) {
                *factor = if *factor < self.share { 0.0 } else { 1.0 / (1.0 - self.share) };
                *weight *= *factor;
            }
            factors.push(mask);
        }
        Dropped { values, factors }
    }

    /// Puts the weights back, and makes the gradients theirs.
    pub(super) fn put_back(&self, parameters: &mut Parameters, dropped: &Dropped) {
        for ((&id, values), factors) in self.weights.iter().zip(&dropped.values).zip(&dropped.factors) {
            parameters.value_mut(id).copy_from_slice(values);
            let gradient = parameters.gradient_mut(id);
            gradient.iter_mut().zip(factors).for_each(|(gradient, factor)| *gradient *= factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a loss that is the sum of what the weights are in training, the gradient is the mask's factor.
    #[test]
    fn what_is_dropped_has_no_gradient_and_the_weights_come_back() {
        let mut parameters = Parameters::new();
        let values: Vec<f32> = (0..4000).map(|n| n as f32 + 1.0).collect();
        let hidden = parameters.add("lstm.weight_hh_l0", &[4000], values.clone()).unwrap();
        let input = parameters.add("lstm.weight_ih_l0", &[3], vec![1.0; 3]).unwrap();
        let drop = WeightDrop::new(0.3, &parameters).unwrap().unwrap();
        let noise = Noise { seed: 1, step: 2, layer: 0 };
        let dropped = drop.drop(&mut parameters, noise);
        let left = parameters.value(hidden).to_vec();
        let share = left.iter().filter(|value| **value == 0.0).count() as f64 / 4000.0;
        assert!((share - 0.3).abs() < 0.03, "{share}");
        assert_eq!(parameters.value(input), [1.0; 3]);
        parameters.gradient_mut(hidden).fill(1.0);
        parameters.gradient_mut(input).fill(1.0);
        drop.put_back(&mut parameters, &dropped);
        assert_eq!(parameters.value(hidden), values);
        let expected: Vec<f32> =
            left.iter().map(|value| if *value == 0.0 { 0.0 } else { 1.0 / 0.7 }).collect();
        let found = parameters.gradient(hidden);
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(parameters.gradient(input), [1.0; 3]);
        // The same step has the same mask, another one another.
        let again = drop.drop(&mut parameters, noise);
        assert_eq!(parameters.value(hidden), left);
        drop.put_back(&mut parameters, &again);
        let other = drop.drop(&mut parameters, Noise { step: 3, ..noise });
        assert_ne!(other.factors, again.factors);
        assert!(WeightDrop::new(0.0, &parameters).unwrap().is_none());
        let message = WeightDrop::new(0.5, &Parameters::new()).unwrap_err().to_string();
        assert_eq!(
            message,
            "weight_drop = 0.5 drops weights between steps, but the network has none; leave it out"
        );
    }
}
